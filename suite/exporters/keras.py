"""``keras``: Keras's own file, which trains on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.exporters.exporter import Answer

__all__ = ["KerasExporter"]


class KerasExporter:
    """The ``.keras`` archive."""

    summary: ClassVar[str] = "Keras's own archive; loads in Keras 3 on every backend and trains on"
    extra: ClassVar[str | None] = None
    modules: ClassVar[tuple[str, ...]] = ()
    runtime: ClassVar[str] = "keras"
    file: ClassVar[str] = "model.keras"
    example: ClassVar[str] = """\
import pathlib, sys

import keras
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
model = keras.saving.load_model(here / "model.keras")
labels = (here / "labels.txt").read_text("utf-8").split("\\n")
_, height, width, _ = model.input_shape
picture = Image.open(sys.argv[1]).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
pixels = np.asarray(picture, "float32")[None]  # raw RGB, 0 to 255
probabilities = np.asarray(model(pixels, training=False))[0]
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:.3f}  {labels[index]}")
"""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str]) -> None:
        """Writes the archive."""
        model.save(path)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Loads it into Keras on TensorFlow, called through one compiled function."""
        import keras
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        model = keras.saving.load_model(path, compile=False)
        call = tf.function(lambda pictures: model(pictures, training=False), autograph=False, reduce_retracing=True)
        return lambda pictures: call(tf.constant(pictures)).numpy()
