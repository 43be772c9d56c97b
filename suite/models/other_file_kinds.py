"""Files that people give in place of a ``.keras`` file, known by their content: what each is, and what to do."""

from __future__ import annotations

from pathlib import Path

__all__ = ["other_kind"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
"""HDF5 File Format Specification, III.A."""
_CONFIG = b"model_config"
"""The attribute in which a whole model keeps its architecture; weights alone have none."""
_HEAD_BYTES = 4 * 2**20
_ENDINGS = {
    ".pt": "weights of PyTorch", ".pth": "weights of PyTorch", ".safetensors": "weights alone",
    ".onnx": "a model for ONNX Runtime, which cannot be trained",
    ".tflite": "a model for LiteRT, which cannot be trained",
    ".pb": "a frozen TensorFlow graph, which cannot be trained",
}  # fmt: skip


def other_kind(path: Path) -> str | None:
    """What a file or folder is that is no ``.keras`` file, and how one comes of it; None where that is not known."""
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            return None
        return (
            "a SavedModel, of which layers are no longer known; save the Keras model that it was made of with "
            "model.save('model.keras')."
        )
    if not path.is_file():
        return None
    head = _head(path)
    if head.startswith(_HDF5):
        if _CONFIG in head:
            old, new = path.with_suffix(".h5").name, path.with_suffix(".keras").name
            rename = "" if path.suffix in {".h5", ".hdf5"} else f"Rename it to '{old}', by which Keras knows that. "
            source = path.name if not rename else old
            return (
                f"a whole model in the older HDF5 form of Keras. {rename}Convert it once: "
                f"python -c \"import keras; keras.saving.load_model('{source}', compile=False).save('{new}')\""
            )
        return (
            "HDF5 with weights alone, without the model that they belong to: build it as it was trained, "
            f"model.load_weights('{path.name}'), then model.save('model.keras')."
        )
    if kind := _ENDINGS.get(path.suffix.lower()):
        return f"{kind}; build the same model in Keras, load its weights there, then model.save('model.keras')."
    return None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""  # whoever opens it says why it cannot be
