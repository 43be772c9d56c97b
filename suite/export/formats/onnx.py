"""``onnx``: the exchange format, run by ONNX Runtime."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from suite.data.batches import IMAGES
from suite.export.formats.examples import RANGES_OF, ExampleArrays, required
from suite.export.formats.exporter import Answer, ExportSkipped
from suite.export.formats.inference import for_inference
from suite.store.records.export_card import Precision

__all__ = ["OnnxExporter"]

PRODUCTS = ("MatMul", "Gemm")
ONE = "suite_one"
"""Name of a constant that is added where Erfc is replaced."""


class OnnxExporter:
    """One ``.onnx`` file for any number of images at once."""

    summary: ClassVar[str] = "the exchange format, for ONNX Runtime on servers, desktops and browsers"
    extra: ClassVar[str | None] = "onnx"
    modules: ClassVar[tuple[str, ...]] = ("onnx", "tf2onnx", "onnxruntime")
    runtime: ClassVar[str] = "onnxruntime"
    library: ClassVar[str] = "onnx"
    quantisers: ClassVar[tuple[str, ...]] = ()
    file: ClassVar[str] = "model.onnx"
    refuses: ClassVar[Mapping[Precision, str]] = {}
    imports: ClassVar[str] = "import onnxruntime"
    loading: ClassVar[str] = (
        'session = onnxruntime.InferenceSession(str(here / "model.onnx"), providers=["CPUExecutionProvider"])'
    )
    answering: ClassVar[str] = "probabilities = session.run(None, inputs)[0][0]"

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str], resizing: str | None = None) -> None:
        """Writes the file, labels and resizing into its metadata, and has it checked by ``onnx.checker``."""
        import onnx

        with _constants_held(model):
            for_inference(model).export(str(path), format="onnx", verbose=False)
        loaded = onnx.load(path)
        _replace_erfc(loaded.graph)
        properties = {"labels": json.dumps(list(labels), ensure_ascii=False)}
        onnx.helper.set_model_props(loaded, properties | ({} if resizing is None else {"resizing": resizing}))
        onnx.checker.check_model(loaded, full_check=True)
        onnx.save(loaded, path)

    @classmethod
    def compress(cls, full: Path, path: Path, *, precision: Precision, calibration: ExampleArrays | None) -> None:
        """Half precision, or 8 bits by ONNX Runtime's own quantiser: QDQ nodes, weights per channel.

        Raises:
            ExportSkipped: Dynamically, where nothing but the head is a product of matrices. ONNX Runtime would do
                convolutions too, by operators that are several times slower than those in single precision.
        """
        import onnx

        if precision == "fp16":
            from onnxruntime.transformers.float16 import convert_float_to_float16

            onnx.save(convert_float_to_float16(onnx.load(full), keep_io_types=True), path)
            return
        if precision == "int8_dynamic":
            _quantise_dynamically(full, path)
        else:
            _quantise(full, path, required(calibration))
        _copy_metadata(full, path)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """A session on the processor."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_inputs()]
        return lambda inputs: session.run(None, _named(inputs, names))[0]


def _named(inputs: Any, names: list[str]) -> Any:
    return {names[0]: inputs[IMAGES]} if IMAGES in inputs else inputs


def _products(graph: Any) -> list[str]:
    """Names of the products with a matrix of weights; the last is the head's."""
    known = {tensor.name for tensor in graph.initializer}
    return [node.name for node in graph.node if node.op_type in PRODUCTS and known & set(node.input)]


def _from_the_head_on(graph: Any) -> list[str]:
    """Names of the head and of what follows: logits and probabilities in 8 bits would leave a few hundred answers."""
    names = [node.name for node in graph.node]
    heads = _products(graph)[-1:]
    return names[names.index(heads[0]) :] if heads else []


def _quantise_dynamically(full: Path, path: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    *products, head = _products(onnx.load(full).graph)
    if not products:
        raise ExportSkipped(
            "ONNX Runtime gains by dynamic ranges in products of matrices only; this model has none besides its head"
        )
    quantize_dynamic(
        full,
        path,
        op_types_to_quantize=list(PRODUCTS),
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[head],
    )


def _quantise(full: Path, path: Path, calibration: ExampleArrays) -> None:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.examples = (_named(batch, names) for _, batch in calibration.batches(RANGES_OF))

        def get_next(self) -> Any:
            return next(self.examples, None)

    ready = path.with_name("ready.onnx")
    quant_pre_process(full, ready, skip_symbolic_shape=True)
    graph = onnx.load(ready).graph  # fusing a product with its sum gives it another name
    names = [entry.name for entry in graph.input]
    quantize_static(
        ready,
        path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,  # twice as fast as signed ones on x86, and as exact
        nodes_to_exclude=_from_the_head_on(graph),
    )
    ready.unlink()


def _copy_metadata(full: Path, path: Path) -> None:
    import onnx

    written = onnx.load(path)
    onnx.helper.set_model_props(written, {one.key: one.value for one in onnx.load(full).metadata_props})
    onnx.save(written, path)


@contextlib.contextmanager
def _constants_held(model: Any) -> Iterator[None]:
    """Makes NumPy arrays of tensors that layers hold, such as the positions of a ViT, until the model is written.

    A traced function captures a tensor, and the converter makes a further input of it; an array becomes a constant.
    """
    import tensorflow as tf

    held = []
    for layer in model._flatten_layers():  # noqa: SLF001 - Keras has no public walk over nested layers
        held += [(layer, name, value) for name, value in vars(layer).items() if isinstance(value, tf.Tensor)]
    try:
        for layer, name, value in held:
            object.__setattr__(layer, name, value.numpy())
        yield
    finally:
        for layer, name, value in held:
            object.__setattr__(layer, name, value)


def _replace_erfc(graph: Any) -> None:
    """Writes TensorFlow's Erfc, which ONNX lacks and the exact GELU is made of, as 1 - Erf.

    Close to 1 - Erf = 0 digits are lost, at most 6e-8 in absolute terms, which the GELU multiplies by its input.
    """
    import onnx
    from onnx import numpy_helper

    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        erf = f"{node.output[0]}_erf"
        nodes.append(onnx.helper.make_node("Erf", list(node.input), [erf], name=f"{node.name}_erf"))
        nodes.append(onnx.helper.make_node("Sub", [ONE, erf], list(node.output), name=node.name))
    if len(nodes) == len(graph.node):
        return
    graph.initializer.append(numpy_helper.from_array(np.array(1.0, np.float32), ONE))
    del graph.node[:]
    graph.node.extend(nodes)
