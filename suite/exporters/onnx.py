"""``onnx``: the exchange format, run by ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from suite.exporters.exporter import Answer

__all__ = ["OnnxExporter"]

ONE = "suite_one"
"""Name of a constant that is added where Erfc is replaced."""


class OnnxExporter:
    """One ``.onnx`` file for any number of pictures at once."""

    summary: ClassVar[str] = "the exchange format, for ONNX Runtime on servers, desktops and browsers"
    extra: ClassVar[str | None] = "onnx"
    modules: ClassVar[tuple[str, ...]] = ("onnx", "tf2onnx", "onnxruntime")
    runtime: ClassVar[str] = "onnxruntime"
    file: ClassVar[str] = "model.onnx"
    example: ClassVar[str] = """\
import pathlib, sys

import numpy as np
import onnxruntime
from PIL import Image

here = pathlib.Path(__file__).parent
session = onnxruntime.InferenceSession(str(here / "model.onnx"), providers=["CPUExecutionProvider"])
labels = (here / "labels.txt").read_text("utf-8").split("\\n")
[entry] = session.get_inputs()
_, height, width, _ = entry.shape
picture = Image.open(sys.argv[1]).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
pixels = np.asarray(picture, "float32")[None]  # raw RGB, 0 to 255
[probabilities] = session.run(None, {entry.name: pixels})
probabilities = probabilities[0]
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:.3f}  {labels[index]}")
"""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str]) -> None:
        """Writes the file, its labels into its metadata, and has it checked by ``onnx.checker``."""
        import onnx

        _hold_constants(model)
        model.export(str(path), format="onnx", verbose=False)
        loaded = onnx.load(path)
        _replace_erfc(loaded.graph)
        onnx.helper.set_model_props(loaded, {"labels": json.dumps(list(labels), ensure_ascii=False)})
        onnx.checker.check_model(loaded, full_check=True)
        onnx.save(loaded, path)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """A session on the processor."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (entry,) = session.get_inputs()
        return lambda pictures: session.run(None, {entry.name: pictures})[0]


def _hold_constants(model: Any) -> None:
    """Makes NumPy arrays of tensors that layers hold, such as the positions of a ViT.

    A traced function captures a tensor, and the converter makes a further input of it; an array becomes a constant.
    """
    import tensorflow as tf

    for layer in model._flatten_layers():  # noqa: SLF001 - Keras has no public walk over nested layers
        for name, value in list(vars(layer).items()):
            if isinstance(value, tf.Tensor):
                object.__setattr__(layer, name, value.numpy())


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
