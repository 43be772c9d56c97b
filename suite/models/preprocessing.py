"""What weights expect of images, as Keras operations that are saved and exported with a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Preprocessing", "PreprocessingMode", "preprocessing_for"]

PreprocessingMode = Literal["none", "tf", "torch", "caffe"]

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Preprocessing:
    """Raw RGB, 0 to 255, float32 ``(batch, height, width, 3)``, to what weights expect; same shape."""

    scale: float | tuple[float, ...] = 1.0
    """Factor, one or one per channel."""
    offset: float | tuple[float, ...] = 0.0
    """Added after scaling, one or one per channel."""
    flip_channels: bool = False
    """Whether RGB becomes BGR first."""

    def __call__(self, images: Any) -> Any:
        """The preprocessed images, as a tensor or a symbolic one of a functional model."""
        import keras

        if self.flip_channels:
            images = keras.ops.flip(images, axis=-1)
        if self.scale == 1.0 and self.offset == 0.0:
            return images
        scale, offset = (list(value) if isinstance(value, tuple) else value for value in (self.scale, self.offset))
        return keras.layers.Rescaling(scale, offset=offset, name="preprocess")(images)

    def __str__(self) -> str:
        """In words, for ``suite show model``."""
        if self == Preprocessing():
            return "none: raw 0 to 255"
        steps = ["RGB to BGR"] if self.flip_channels else []
        if self.scale != 1.0:
            steps.append(f"times {_number_text(self.scale)}")
        if self.offset != 0.0:
            steps.append(f"plus {_number_text(self.offset)}")
        return ", ".join(steps)


def _number_text(value: float | tuple[float, ...]) -> str:
    numbers = value if isinstance(value, tuple) else (value,)
    return " / ".join(f"{number:.5g}" for number in numbers)


def preprocessing_for(mode: PreprocessingMode) -> Preprocessing:
    """The preprocessing that goes by one of the names that ``keras.applications`` uses, or ``none``."""
    modes = {
        "none": Preprocessing(),
        "tf": Preprocessing(scale=1 / 127.5, offset=-1.0),
        "torch": Preprocessing(
            scale=tuple(1 / (255 * deviation) for deviation in DEVIATION),
            offset=tuple(-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)),
        ),
        "caffe": Preprocessing(offset=tuple(-mean for mean in CAFFE_MEAN_BGR), flip_channels=True),
    }
    return modes[mode]
