"""``saved_model``: what TensorFlow Serving takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.data.batches import IMAGES
from suite.export.formats.examples import ExampleArrays
from suite.export.formats.exporter import Answer
from suite.export.formats.inference import for_inference
from suite.store.records.export_card import Precision

__all__ = ["SavedModelExporter"]

EXTRA = "assets.extra"
NO_SMALLER = "TensorFlow has no smaller form of a SavedModel; LiteRT is made of one"


class SavedModelExporter:
    """A SavedModel folder with a serving signature."""

    summary: ClassVar[str] = "TensorFlow's folder with a serving signature, for TensorFlow Serving and TF.js"
    extra: ClassVar[str | None] = None
    modules: ClassVar[tuple[str, ...]] = ()
    runtime: ClassVar[str] = "tensorflow"
    library: ClassVar[str] = "tensorflow"
    quantisers: ClassVar[tuple[str, ...]] = ()
    file: ClassVar[str] = "saved_model"
    refuses: ClassVar[Mapping[Precision, str]] = dict.fromkeys(("fp16", "int8_dynamic", "int8"), NO_SMALLER)
    imports: ClassVar[str] = "import tensorflow as tf"
    loading: ClassVar[str] = """\
loaded = tf.saved_model.load(str(here / "saved_model"))
serve = loaded.signatures["serving_default"]"""
    answering: ClassVar[str] = """\
[answer] = serve(**{name: tf.constant(value) for name, value in inputs.items()}).values()
probabilities = answer.numpy()[0]"""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str], resizing: str | None = None) -> None:
        """Writes the folder; how images are resized into ``assets.extra``, which TensorFlow Serving leaves alone."""
        for_inference(model).export(str(path), format="tf_saved_model", verbose=False)
        if resizing is not None:
            (path / EXTRA).mkdir()
            (path / EXTRA / "resizing.json").write_text(resizing + "\n", encoding="utf-8")

    @classmethod
    def compress(cls, full: Path, path: Path, *, precision: Precision, calibration: ExampleArrays | None) -> None:
        """Never called: every precision but fp32 is refused."""
        raise NotImplementedError(precision)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Loads its serving signature."""
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        loaded = tf.saved_model.load(str(path))
        serve = loaded.signatures["serving_default"]
        own = list(serve.structured_input_signature[1])

        def answer(inputs: Any, _keep: Any = loaded) -> Any:
            named = {own[0]: inputs[IMAGES]} if IMAGES in inputs else inputs
            (probabilities,) = serve(**{name: tf.constant(array) for name, array in named.items()}).values()
            return probabilities.numpy()

        return answer
