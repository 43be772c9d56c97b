"""``openvino``: Intel's format, run by OpenVINO."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.exporters.exporter import Answer

__all__ = ["OpenVinoExporter"]


class OpenVinoExporter:
    """A folder with ``model.xml`` and its weights in ``model.bin``."""

    summary: ClassVar[str] = "OpenVINO's pair of files, for Intel processors, GPUs and NPUs"
    extra: ClassVar[str | None] = "openvino"
    modules: ClassVar[tuple[str, ...]] = ("openvino",)
    runtime: ClassVar[str] = "openvino"
    file: ClassVar[str] = "openvino"
    example: ClassVar[str] = """\
import pathlib, sys

import numpy as np
import openvino
from PIL import Image

here = pathlib.Path(__file__).parent
model = openvino.Core().compile_model(str(here / "openvino" / "model.xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
labels = (here / "labels.txt").read_text("utf-8").split("\\n")
_, height, width, _ = model.input(0).partial_shape
size = (width.get_length(), height.get_length())
picture = Image.open(sys.argv[1]).convert("RGB").resize(size, Image.Resampling.BILINEAR)
pixels = np.asarray(picture, "float32")[None]  # raw RGB, 0 to 255
probabilities = model(pixels)[0][0]
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:.3f}  {labels[index]}")
"""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str]) -> None:
        """Writes both files, the class names where OpenVINO's own tools look for them."""
        import openvino

        path.mkdir()
        first = path / "exported.xml"
        model.export(str(first), format="openvino", verbose=False)
        read = openvino.Core().read_model(str(first))
        # OpenVINO's Model API splits its labels at spaces; the names as they are lie beside them.
        read.set_rt_info(" ".join("_".join(label.split()) for label in labels), ["model_info", "labels"])
        read.set_rt_info(json.dumps(list(labels), ensure_ascii=False), ["model_info", "label_names"])
        openvino.save_model(read, str(path / "model.xml"), compress_to_fp16=False)
        del read  # its weights are mapped from the file that goes now
        for suffix in (".xml", ".bin"):
            first.with_suffix(suffix).unlink()

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Compiles it for the processor, in single precision: on some it would take bfloat16 by default."""
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        compiled = openvino.Core().compile_model(str(path / "model.xml"), "CPU", settings)
        return lambda pictures: compiled(pictures)[0]
