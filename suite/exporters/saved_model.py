"""``saved_model``: what TensorFlow Serving takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.exporters.exporter import Answer

__all__ = ["SavedModelExporter"]


class SavedModelExporter:
    """A SavedModel folder with a serving signature."""

    summary: ClassVar[str] = "TensorFlow's folder with a serving signature, for TensorFlow Serving and TF.js"
    extra: ClassVar[str | None] = None
    modules: ClassVar[tuple[str, ...]] = ()
    runtime: ClassVar[str] = "tensorflow"
    file: ClassVar[str] = "saved_model"
    example: ClassVar[str] = """\
import pathlib, sys

import numpy as np
import tensorflow as tf
from PIL import Image

here = pathlib.Path(__file__).parent
loaded = tf.saved_model.load(str(here / "saved_model"))
serve = loaded.signatures["serving_default"]
labels = (here / "labels.txt").read_text("utf-8").split("\\n")
[(name, spec)] = serve.structured_input_signature[1].items()
_, height, width, _ = spec.shape
picture = Image.open(sys.argv[1]).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
pixels = tf.constant(np.asarray(picture, "float32")[None])  # raw RGB, 0 to 255
[probabilities] = serve(**{name: pixels}).values()
probabilities = probabilities.numpy()[0]
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:.3f}  {labels[index]}")
"""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str]) -> None:
        """Writes the folder."""
        model.export(str(path), format="tf_saved_model", verbose=False)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Loads its serving signature."""
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        loaded = tf.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
        ((name, _),) = serve.structured_input_signature[1].items()

        def answer(pictures: Any, _keep: Any = loaded) -> Any:
            (probabilities,) = serve(**{name: tf.constant(pictures)}).values()
            return probabilities.numpy()

        return answer
