"""Multiply-accumulates of a model, counted on its traced graph: convolutions and every product of matrices.

TensorFlow's own counter leaves out what attention multiplies, tokens with tokens.  As in published figures, batch norm
counts once for each element, and sums, other norms and activations do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from suite.training.predictor import model_input

__all__ = ["count_macs"]

Shape = tuple[int, ...]


def count_macs(model: Any, single: Any) -> int | None:
    """Multiply-accumulate operations for one example.

    Args:
        model: Any Keras model.
        single: One example, a tensor or named tensors; only shapes and types matter.

    Returns:
        Their number; None where the graph holds none, or one whose size shows only when it runs.
    """
    function = tf.function(lambda inputs: model(model_input(model, inputs), training=False))
    signature = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), single)
    counts = list(_products(function.get_concrete_function(signature).graph, 1))
    return None if None in counts else sum(count or 0 for count in counts) or None


def _products(graph: Any, times: int) -> Iterator[int | None]:
    """The multiply-accumulates of each product of a graph and of the functions that it calls."""
    for operation in _used(graph):
        if operation.type in COUNTERS or _is_batch_norm(operation):
            count = _count(operation)
            yield None if count is None else times * count
        for name in _called(operation):
            called = graph._get_function(name)  # noqa: SLF001 - no public way
            # What a graph calls and does not hold cannot be counted, so the whole is not known.
            yield from (None,) if called is None else _products(called.graph, times * _repeats(operation))


def _used(graph: Any) -> Iterator[Any]:
    """The operations that the outputs of a graph depend on; Keras traces some that nobody asks for."""
    todo, seen = [tensor.op for tensor in graph.outputs], set()
    while todo:
        operation = todo.pop()
        if id(operation) not in seen:
            seen.add(id(operation))
            todo += [*(tensor.op for tensor in operation.inputs), *operation.control_inputs]
            yield operation


def _called(operation: Any) -> Iterator[str]:
    """Names of the functions that an operation calls; of two branches the first."""
    attribute = {
        "PartitionedCall": "f",
        "StatefulPartitionedCall": "f",
        "While": "body",
        "StatelessWhile": "body",
        "If": "then_branch",
        "StatelessIf": "then_branch",
    }.get(operation.type)
    if attribute is not None:
        yield operation.get_attr(attribute).name


def _repeats(operation: Any) -> int:
    """How often a loop goes round, which Keras's layers over sequences say; 1 for everything else."""
    if operation.type not in {"While", "StatelessWhile"}:
        return 1
    # Keras and TensorFlow pass a counter first and the most iterations second.
    most = _static(operation.inputs[1]) if len(operation.inputs) > 1 else None
    return int(most) if most is not None and np.ndim(most) == 0 and most > 0 else 1


def _static(tensor: Any) -> Any:
    """The value of a tensor that is known before it runs, or of the one number that it is the largest of."""
    value = tf.get_static_value(tensor)
    if value is None and tensor.op.type in {"Max", "Identity", "Cast"}:
        return _static(tensor.op.inputs[0])
    return value


def _count(operation: Any) -> int | None:
    tensors = (*operation.inputs, *operation.outputs)
    if any(not tensor.shape.is_fully_defined() for tensor in tensors):
        return None
    inputs = [tuple(tensor.shape.as_list()) for tensor in operation.inputs]
    output = tuple(operation.outputs[0].shape.as_list())
    if operation.type not in COUNTERS:
        return int(math.prod(output))
    counted: int = COUNTERS[operation.type](operation, inputs, output)
    return counted


def _is_batch_norm(operation: Any) -> bool:
    """Whether it scales the elements of a batch norm, which TensorFlow does in one operation or in its parts."""
    kind, name = str(operation.type), str(operation.name)
    return kind.startswith("FusedBatchNorm") or (kind == "Mul" and name.endswith("batchnorm/mul_1"))


def _convolution(_: Any, inputs: list[Shape], output: Shape) -> int:
    """Each output is a sum over the kernel and the input channels of its group."""
    return math.prod(output) * math.prod(inputs[1][:-1])


def _depthwise(_: Any, inputs: list[Shape], output: Shape) -> int:
    """Each output is a sum over the kernel alone."""
    return math.prod(output) * math.prod(inputs[1][:-2])


def _transposed(_: Any, inputs: list[Shape], __: Shape) -> int:
    """Each input goes through the kernel to every output channel."""
    return math.prod(inputs[2]) * math.prod(inputs[1][:-1])


def _matmul(operation: Any, inputs: list[Shape], output: Shape) -> int:
    return math.prod(output) * inputs[0][-2 if operation.get_attr("transpose_a") else -1]


def _batch_matmul(operation: Any, inputs: list[Shape], output: Shape) -> int:
    return math.prod(output) * inputs[0][-2 if operation.get_attr("adj_x") else -1]


def _einsum(operation: Any, inputs: list[Shape], output: Shape) -> int:
    """Each output is a sum over the labels that it lacks; a single factor is not multiplied with anything."""
    if len(inputs) < 2:
        return 0
    given, _, kept = operation.get_attr("equation").decode().partition("->")
    sizes: dict[str, int] = {}
    for labels, shape in zip(given.split(","), inputs, strict=True):
        left, _, right = labels.partition("...")
        sizes.update(zip(left, shape, strict=False))
        sizes.update(zip(reversed(right), reversed(shape), strict=False))
    return math.prod(output) * math.prod(size for label, size in sizes.items() if label not in kept)


COUNTERS: dict[str, Callable[[Any, list[Shape], Shape], int]] = {
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "Conv2DBackpropInput": _transposed,
    "Conv3DBackpropInputV2": _transposed,
    "MatMul": _matmul,
    "BatchMatMul": _batch_matmul,
    "BatchMatMulV2": _batch_matmul,
    "BatchMatMulV3": _batch_matmul,
    "Einsum": _einsum,
}
"""What multiplies and adds up, and how it is counted from the shapes of its inputs and of its output."""
