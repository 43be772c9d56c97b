"""``keras``: Keras's own file, which trains on."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.export.formats.examples import ExampleArrays
from suite.export.formats.exporter import Answer, ExportSkipped
from suite.store.records.export_card import Precision

__all__ = ["KerasExporter"]

RESIZING = "resizing.json"


class KerasExporter:
    """The ``.keras`` archive."""

    summary: ClassVar[str] = "Keras's own archive; loads in Keras 3 on every backend and trains on"
    extra: ClassVar[str | None] = None
    modules: ClassVar[tuple[str, ...]] = ()
    runtime: ClassVar[str] = "keras"
    library: ClassVar[str] = "keras"
    quantisers: ClassVar[tuple[str, ...]] = ()
    file: ClassVar[str] = "model.keras"
    refuses: ClassVar[Mapping[Precision, str]] = {
        "fp16": "Keras keeps weights in single precision, also where it computes in half",
        "int8": "Keras finds the ranges of activations as they come; it has no calibration",
    }
    imports: ClassVar[str] = "import keras"
    loading: ClassVar[str] = 'model = keras.saving.load_model(here / "model.keras", compile=False)'
    answering: ClassVar[str] = "probabilities = np.asarray(model(inputs, training=False))[0]"

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str], resizing: str | None = None) -> None:
        """Writes the archive; how images are resized as a member of it, which Keras leaves alone."""
        model.save(path)
        if resizing is not None:
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr(RESIZING, resizing + "\n")

    @classmethod
    def compress(cls, full: Path, path: Path, *, precision: Precision, calibration: ExampleArrays | None) -> None:
        """Quantises dense layers and embeddings. Raises ``ExportSkipped`` where there are none, or none that load."""
        import keras

        model = keras.saving.load_model(full, compile=False)
        model.quantize("int8", filters=lambda layer: layer.name != "head")
        done = [layer for layer in model._flatten_layers() if getattr(layer, "quantization_mode", None)]  # noqa: SLF001 - Keras has no public walk over nested layers
        if not done:
            raise ExportSkipped("Keras quantises dense layers and embeddings; this model has none besides its head")
        model.save(path)
        with zipfile.ZipFile(full) as before, zipfile.ZipFile(path, "a") as archive:
            if RESIZING in before.namelist():
                archive.writestr(RESIZING, before.read(RESIZING))
        try:
            keras.saving.load_model(path, compile=False)
        except ValueError as error:
            reason = " ".join(str(error).split())[:160]
            raise ExportSkipped(f"Keras does not load what it quantised and saved: {reason}") from error

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Loads it into Keras on TensorFlow, called through one compiled function."""
        import keras
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        model = keras.saving.load_model(path, compile=False)
        call = tf.function(lambda inputs: model(inputs, training=False), autograph=False, reduce_retracing=True)
        single = not isinstance(model.input, dict)

        def answer(inputs: Any) -> Any:
            tensors = {name: tf.constant(array) for name, array in inputs.items()}
            return call(next(iter(tensors.values())) if single else tensors).numpy()

        return answer
