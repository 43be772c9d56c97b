"""``litert``: for phones and boards, run by LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.exporters.exporter import Answer

__all__ = ["LiteRtExporter"]


class LiteRtExporter:
    """One ``.tflite`` file."""

    summary: ClassVar[str] = "one small file for phones, boards and browsers (once TensorFlow Lite)"
    extra: ClassVar[str | None] = "litert"
    modules: ClassVar[tuple[str, ...]] = ("ai_edge_litert",)
    runtime: ClassVar[str] = "ai-edge-litert"
    file: ClassVar[str] = "model.tflite"
    example: ClassVar[str] = """\
import pathlib, sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

here = pathlib.Path(__file__).parent
interpreter = Interpreter(str(here / "model.tflite"))
interpreter.allocate_tensors()
labels = (here / "labels.txt").read_text("utf-8").split("\\n")
[entry], [out] = interpreter.get_input_details(), interpreter.get_output_details()
_, height, width, _ = entry["shape"]
picture = Image.open(sys.argv[1]).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
interpreter.set_tensor(entry["index"], np.asarray(picture, "float32")[None])  # raw RGB, 0 to 255
interpreter.invoke()
probabilities = interpreter.get_tensor(out["index"])[0]
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:.3f}  {labels[index]}")
"""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str]) -> None:
        """Writes the file."""
        model.export(str(path), format="litert", verbose=False)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """An interpreter that takes another number of pictures when they come."""
        import numpy as np
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path), num_threads=threads)
        ((entry,), (out,)) = interpreter.get_input_details(), interpreter.get_output_details()
        shape: list[tuple[int, ...]] = [()]

        def answer(pictures: Any) -> Any:
            if pictures.shape != shape[0]:
                interpreter.resize_tensor_input(entry["index"], pictures.shape)
                interpreter.allocate_tensors()
                shape[0] = pictures.shape
            interpreter.set_tensor(entry["index"], pictures)
            interpreter.invoke()
            return np.array(interpreter.get_tensor(out["index"]))

        return answer
