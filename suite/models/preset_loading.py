"""KerasHub presets as Keras objects: from the cache or a folder where they lie there, else fetched."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from suite.errors import DownloadError, MissingExtraError, ModelError, SuiteError, WeightsError
from suite.models.cache import SILENCE_SECONDS, patience
from suite.models.preprocessing import Preprocessing
from suite.models.presets import Preset, find_preset, is_reachable, resizing_of
from suite.store.records.resizing import STRETCH, Resizing

__all__ = [
    "SHAPE_ARGUMENTS",
    "backbone_class",
    "call_preset",
    "converter_preprocessing",
    "converter_resizing",
    "image_converter",
    "load_preset",
    "shape_argument",
]

SHAPE_ARGUMENTS = ("image_shape", "input_shape")


def load_preset(name: str, *, load_weights: bool = True, size: tuple[int, int] | None = None) -> Any:
    """A preset as a KerasHub backbone, whatever it reads: images, text, both.

    Args:
        name: As in ``HubOptions.preset``.
        load_weights: Whether weights are loaded, or left random.
        size: Height and width in pixels where they shall be others than the preset's own.

    Returns:
        A ``keras_hub.models.Backbone``.

    Raises:
        DownloadError, MissingExtraError, ModelError, WeightsError: As the message says.
    """
    import keras
    import keras_hub

    preset = find_preset(name)
    others: dict[str, Any] = {} if size is None else {shape_argument(backbone_class(preset)): (*size, 3)}
    precision = keras.config.dtype_policy().name
    if precision != "float32":  # a preset says in which precision it was saved
        others["dtype"] = precision
    return call_preset(
        preset, lambda handle: keras_hub.models.Backbone.from_preset(handle, load_weights=load_weights, **others)
    )


def backbone_class(preset: Preset) -> Any:
    """The class of ``keras_hub.models`` that a preset's configuration asks for. Raises like ``load_preset``."""
    # The class decides what the preset is good for before its weights are read; no public function tells it.
    import keras_hub  # noqa: F401 - registers the classes
    from keras_hub.src.utils.preset_utils import get_preset_loader

    return call_preset(preset, lambda handle: get_preset_loader(handle).check_backbone_class())


def image_converter(preset: Preset) -> Any:
    """The preset's image converter, or None where it has none. Raises like ``load_preset``."""
    import keras_hub

    def load(handle: str) -> Any:
        try:
            return keras_hub.layers.ImageConverter.from_preset(handle)
        except (FileNotFoundError, ValueError):  # the file, or the class that would read it, does not exist
            return None

    return call_preset(preset, load)


def converter_preprocessing(converter: Any, name: str) -> Callable[[Any], Any]:
    """What a converter does to the values of images; their size is the pipeline's affair.

    Raises:
        ModelError: Where there is no converter, so that nobody knows what the weights expect.
    """
    import keras_hub

    if converter is None:
        raise ModelError(
            f"preset '{name}' does not say how its images are preprocessed; "
            'give "preprocessing": "none", "tf", "torch" or "caffe".'
        )
    if type(converter).call is not keras_hub.layers.ImageConverter.call:
        converter.image_size = None
        return converter  # type: ignore[no-any-return]  # a Keras layer
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return Preprocessing(scale=_numbers(scale), offset=_numbers(offset))


def converter_resizing(converter: Any) -> Resizing:
    """How a converter resizes images; stretched where there is none."""
    return STRETCH if converter is None else resizing_of(converter.get_config())


def shape_argument(kind: Any) -> str:
    """What a backbone class calls the shape of its images."""
    parameters = inspect.signature(kind.__init__).parameters
    return next((name for name in SHAPE_ARGUMENTS if name in parameters), SHAPE_ARGUMENTS[0])


def call_preset(preset: Preset, function: Callable[[str], Any], *, needs_weights: bool = True) -> Any:
    """Calls a KerasHub function with the handle of a preset, and says in our words what went wrong.

    Raises:
        DownloadError, MissingExtraError, ModelError, WeightsError: As the message says.
    """
    if preset.is_present or (not needs_weights and preset.folder.is_dir()):
        handle = str(preset.folder)  # no server is asked whether there is something newer
    else:
        _refuse_offline(preset)
        handle = preset.name
    try:
        with patience(SILENCE_SECONDS):
            return function(handle)
    except SuiteError:
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"preset '{preset.name}' needs another package: pip install {error.name or error}"
        ) from error
    except Exception as error:  # the clients raise errors of their own, requests' and plain ones
        reason = " ".join(str(error).split())[:400] or type(error).__name__
        if preset.host and not preset.is_present:
            raise DownloadError(f"{_needed(preset)} ({reason}). {_by_hand(preset)}") from error
        raise WeightsError(f"preset '{preset.name}' in {preset.folder} cannot be loaded: {reason}") from error


def _refuse_offline(preset: Preset) -> None:
    """The clients try for up to half a minute, and twice; a closed door is told at once."""
    if not preset.host:
        raise ModelError(
            f"preset '{preset.name}': folder {preset.folder} lacks config.json or weights "
            "(model.weights.h5 or model.safetensors)."
        )
    if preset.host == "huggingface.co" and os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise DownloadError(f"{_needed(preset)} (HF_HUB_OFFLINE is set). {_by_hand(preset)}")
    if not is_reachable(preset.host):
        raise DownloadError(f"{_needed(preset)} (no connection to {preset.host}). {_by_hand(preset)}")


def _needed(preset: Preset) -> str:
    return f"KerasHub preset '{preset.name}' cannot be fetched from {preset.url}"


def _by_hand(preset: Preset) -> str:
    return (
        f"Fetch its files elsewhere and put them at {preset.folder}, or give another folder that holds them as "
        "'preset'; then run the same command again."
    )


def _numbers(value: Any) -> Any:
    """One number, or a tuple of one per channel."""
    return float(value) if isinstance(value, int | float) else tuple(float(number) for number in value)
