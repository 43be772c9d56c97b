"""KerasHub presets found without TensorFlow: the built-in names, and the folders they are cached in."""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
import os
import re
import socket
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import ModelError
from suite.models.text_families import MODEL_TYPES, TEXT_FAMILIES
from suite.store.records.resizing import Fit, Interpolation, Resizing

__all__ = [
    "Preset",
    "builtin_presets",
    "find_preset",
    "is_reachable",
    "native_size",
    "planned_class",
    "preset_resizing",
    "resizing_of",
    "static_size",
]

VISION_FOLDERS = (
    "cspnet",
    "deit",
    "densenet",
    "dinov2",
    "dinov3",
    "efficientnet",
    "hgnetv2",
    "mit",
    "mobilenet",
    "mobilenetv5",
    "resnet",
    "swin_transformer",
    "vgg",
    "vit",
    "xception",
)
TEXT_FOLDERS = tuple(family.folder for family in TEXT_FAMILIES.values())
WEIGHTS_FILES = ("model.weights.h5", "model.weights.json", "model.safetensors", "model.safetensors.index.json")
PROBE_SECONDS = 5.0
TIMM_CROP_SHARE = 0.875
"""timm's ``DEFAULT_CROP_PCT``."""


@dataclass(frozen=True)
class Preset:
    """Where a preset comes from and where it lies."""

    name: str
    """As the user wrote it."""
    url: str
    """Page it can be fetched from by hand; empty for a folder."""
    host: str
    """Server it is fetched from; empty for a folder."""
    folder: Path
    """The folder itself, or the place in the cache; files put there by hand are used."""
    description: str = ""
    """KerasHub's own words; empty where it has none."""

    @property
    def is_present(self) -> bool:
        """Whether its configuration and its weights are there."""
        return (self.folder / "config.json").is_file() and self.weights is not None

    @property
    def weights(self) -> Path | None:
        """The weights file, or the list of its parts; None where there is none."""
        return next((self.folder / name for name in WEIGHTS_FILES if (self.folder / name).is_file()), None)


@functools.cache
def builtin_presets() -> dict[str, dict[str, Any]]:
    """KerasHub's built-in presets by name: handle, metadata, and ``folder``, the one of ``keras_hub/src/models``.

    They are read from its source, without importing it.
    """
    spec = importlib.util.find_spec("keras_hub")
    if spec is None or not spec.submodule_search_locations:
        return {}
    models = Path(spec.submodule_search_locations[0]) / "src" / "models"
    found: dict[str, dict[str, Any]] = {}
    for folder in (*VISION_FOLDERS, *TEXT_FOLDERS):
        for path in sorted((models / folder).glob("*_presets.py")):
            found.update({name: {**entry, "folder": folder} for name, entry in _dictionaries(path).items()})
    return found


def find_preset(name: str) -> Preset:
    """Where a preset lies or would lie: a folder, ``kaggle://``, ``hf://``, or a built-in name."""
    if name.startswith("hf://"):
        repository = name.removeprefix("hf://").strip("/")
        return Preset(name, f"https://huggingface.co/{repository}", "huggingface.co", _hugging_face_folder(repository))
    metadata = builtin_presets().get(name)
    handle = metadata["kaggle_handle"] if metadata else name
    if handle.startswith("kaggle://"):
        path = handle.removeprefix("kaggle://").strip("/")
        words = str(metadata["metadata"].get("description", "")) if metadata else ""
        return Preset(name, f"https://www.kaggle.com/models/{path}", "www.kaggle.com", _kaggle_folder(path), words)
    return Preset(name, "", "", Path(name).expanduser())


def planned_class(preset: Preset) -> str | None:
    """A preset's class in ``keras_hub.models``, from its configuration or KerasHub's own list; None if neither tells.

    ``""`` is a class of the vision side. Needs no TensorFlow.

    Raises:
        ModelError: Where ``config.json`` is there and is not JSON.
    """
    if (preset.folder / "config.json").is_file():
        config = _config(preset)
        if "model_type" in config:
            return MODEL_TYPES.get(str(config["model_type"]), "")
        if "config" in config:
            return str(config.get("class_name", ""))
        return ""  # timm
    handle = preset.name.removeprefix("kaggle://").strip("/")
    for name, entry in builtin_presets().items():
        own = entry["kaggle_handle"].removeprefix("kaggle://")
        if preset.name == name or handle in (own, own.rpartition("/")[0]):
            return next((kind for kind, family in TEXT_FAMILIES.items() if family.folder == entry["folder"]), "")
    return None


def native_size(preset: Preset) -> tuple[int, int] | None:
    """Height and width in a preset's own configuration; None where it is not there, or takes any size.

    Raises:
        ModelError: Where ``config.json`` is there and is not JSON.
    """
    if not (preset.folder / "config.json").is_file():
        return None
    config = _config(preset)
    own = config.get("config")
    if isinstance(own, dict):  # KerasHub
        return static_size(own.get("image_shape")) or static_size(own.get("input_shape"))
    return _square(config.get("image_size")) if "model_type" in config else None  # Transformers, else timm


def preset_resizing(preset: Preset) -> Resizing | None:
    """How images were resized for a preset's weights, by timm's ``pretrained_cfg`` or ``image_converter.json``.

    timm's ``crop_mode`` is ``center`` (crop ``crop_pct`` of the shorter side), ``squash`` (sides scaled each by itself,
    then cropped) or ``border`` (letterboxed on the mean colour); see ``timm/data/transforms_factory.py``.

    Returns:
        None where the files do not say, or are not here.

    Raises:
        ModelError: Where a file is there and is not JSON, or says what cannot be.
    """
    readers = {"config.json": ("pretrained_cfg", _timm_resizing), "image_converter.json": ("config", resizing_of)}
    for name, (key, read) in readers.items():
        if not (preset.folder / name).is_file():
            continue
        own = _json(preset, name).get(key)
        try:
            if isinstance(own, dict):
                return read(own)
        except (TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"preset '{preset.name}': {preset.folder / name} is damaged: {key}: {reason}") from None
    return None


def resizing_of(converter: Mapping[str, Any]) -> Resizing:
    """What the configuration of a KerasHub image converter does; it crops unless it says otherwise."""
    if converter.get("pad_to_aspect_ratio"):
        fit: Fit = "letterbox"
    else:
        fit = "shorter_side" if converter.get("crop_to_aspect_ratio", True) else "stretch"
    return Resizing(fit=fit, interpolation=_interpolation(converter.get("interpolation")))


def _timm_resizing(timm: Mapping[str, Any]) -> Resizing:
    modes: dict[Any, Fit] = {"squash": "stretch", "border": "letterbox"}
    fit = modes.get(timm.get("crop_mode"), "shorter_side")
    share, mean = timm.get("crop_pct"), timm.get("mean")
    levels = [round(255 * level) for level in mean] if isinstance(mean, list) and fit == "letterbox" else []
    return Resizing(
        fit=fit,
        crop_share=float(share) if isinstance(share, int | float) and 0 < share <= 1 else TIMM_CROP_SHARE,
        interpolation=_interpolation(timm.get("interpolation")),
        fill=(levels[0], levels[1], levels[2]) if len(levels) == 3 else (0, 0, 0),
    )


def _interpolation(name: Any) -> Interpolation:
    """The name that Pillow has for it; bilinear where it has none, or timm drew one by chance in training."""
    names: dict[Any, Interpolation] = {
        "nearest": "nearest",
        "bicubic": "bicubic",
        "lanczos": "lanczos",
        "lanczos3": "lanczos",
        "lanczos5": "lanczos",
    }
    return names.get(name, "bilinear")


def static_size(shape: Any) -> tuple[int, int] | None:
    """Height and width of ``(height, width, channels)``; None where they are not fixed numbers."""
    if isinstance(shape, list | tuple) and len(shape) == 3 and all(isinstance(side, int) for side in shape):
        return int(shape[0]), int(shape[1])
    return None


def is_reachable(host: str) -> bool:
    """Whether a server answers within seconds; the clients themselves would try for much longer.

    Behind a proxy it cannot be told, and the client is left to find out.
    """
    if urllib.request.getproxies().get("https"):
        return True
    try:
        with socket.create_connection((host, 443), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def _config(preset: Preset) -> dict[str, Any]:
    return _json(preset, "config.json")


def _json(preset: Preset, name: str) -> dict[str, Any]:
    path = preset.folder / name
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"preset '{preset.name}': {path} is damaged: {error}.") from None
    if not isinstance(config, dict):
        raise ModelError(f"preset '{preset.name}': {path} is damaged: expected an object.")
    return config


def _kaggle_folder(path: str) -> Path:
    """``<cache>/models/<owner>/<model>/keras/<variation>/<version>``, the newest where none is named."""
    cache = Path(os.environ.get("KAGGLEHUB_CACHE") or "~/.cache/kagglehub").expanduser()
    folder = cache.joinpath("models", *path.split("/"))
    if re.fullmatch(r"[^/]+/[^/]+/[^/]+/[^/]+/\d+", path):
        return folder
    versions = sorted((item for item in folder.glob("*") if item.name.isdigit()), key=lambda item: int(item.name))
    return versions[-1] if versions else folder / "1"


def _hugging_face_folder(repository: str) -> Path:
    """The cached snapshot of the main branch, or the place where one put there by hand is found."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    folder = hub / f"models--{repository.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        revision = "main"
    return folder / "snapshots" / revision


def _dictionaries(path: Path) -> dict[str, dict[str, Any]]:
    """The presets in a file of literal dictionaries, which may be merged from others of the same file."""
    known: dict[str, dict[str, Any]] = {}
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                known[target.id] = _literal(statement.value, known)
    return {
        name: entry
        for presets in known.values()
        for name, entry in presets.items()
        if isinstance(entry, dict) and str(entry.get("kaggle_handle", "")).startswith("kaggle://")
    }


def _literal(node: ast.Dict, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:  # **other
            found.update(known.get(value.id, {}) if isinstance(value, ast.Name) else {})
        else:
            found[ast.literal_eval(key)] = ast.literal_eval(value)
    return found


def _square(size: Any) -> tuple[int, int] | None:
    """A side, or height and width, as Transformers writes them."""
    if isinstance(size, int):
        return size, size
    return (int(size[0]), int(size[1])) if isinstance(size, list) and len(size) == 2 else None
