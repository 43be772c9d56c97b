"""How an image of any size and shape becomes the one that a model takes: stretched, cropped or letterboxed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["STRETCH", "Fit", "Interpolation", "Resizing"]

Fit = Literal["stretch", "shorter_side", "letterbox"]
"""``stretch`` ignores proportions; ``shorter_side`` keeps them and crops; ``letterbox`` keeps them and pads."""
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Level = Annotated[int, Field(ge=0, le=255)]
Colour = Annotated[
    tuple[Level, Level, Level], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
]
"""Red, green and blue; JSON has lists where Python has tuples."""
WORDS: dict[Fit, str] = {"stretch": "stretched", "shorter_side": "cropped", "letterbox": "letterboxed"}


class Resizing(BaseModel):
    """The geometry of an evaluation: which part of an image a model sees, and how it is resampled."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    fit: Fit = "stretch"
    """``stretch``: the sides are scaled each by itself. ``shorter_side``: proportions are kept, the shorter side fills
    the input, and the middle is taken. ``letterbox``: proportions are kept, the whole image is inside, and the rest is
    filled."""
    crop_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Share of each side that stays, around the middle: 0.875 is a crop of 224 from 256 pixels."""
    interpolation: Interpolation = "bilinear"
    """Always antialiased where an image shrinks, but for ``nearest``."""
    fill: Colour = (0, 0, 0)
    """Red, green and blue of what a letterboxed image does not cover, 0 to 255."""
    why: str | None = Field(default=None, exclude=True)
    """A remark for the reader of a spec; it changes nothing."""

    @model_validator(mode="after")
    def _check_fill(self) -> Self:
        if self.fit != "letterbox" and self.fill != (0, 0, 0):
            raise ValueError(f'fill belongs to "fit": "letterbox"; \'{self.fit}\' leaves nothing to fill.')
        return self

    def window(self, image: tuple[int, int], target: tuple[int, int]) -> tuple[float, float]:
        """Height and width, in pixels of the image, of what fills the target; larger than the image where it is padded.

        The window lies in the middle of the image.

        Args:
            image: Height and width in pixels.
            target: Height and width of the model's input.
        """
        height, width = image
        if self.fit == "stretch":
            return height * self.crop_share, width * self.crop_share
        ratio = target[0] / target[1]
        choose = min if self.fit == "shorter_side" else max
        window = choose(height, width * ratio) * self.crop_share
        return window, window / ratio

    @property
    def identity(self) -> dict[str, Any]:
        """What it adds to the name of what was computed from images: nothing for ``STRETCH``, which all once were."""
        own = self.model_dump(mode="json")
        return {} if own == STRETCH.model_dump(mode="json") else {"resizing": own}

    @property
    def words(self) -> str:
        """For tables and cards: ``cropped, middle 87.5 %, bicubic``."""
        parts = [WORDS[self.fit]]
        if self.crop_share < 1:
            parts.append(f"middle {100 * self.crop_share:.3g} %")
        if self.fill != (0, 0, 0):
            parts.append("on " + " / ".join(map(str, self.fill)))
        return ", ".join([*parts, self.interpolation])


STRETCH = Resizing()
"""The whole image, bilinear, its proportions lost: for weights that came without a recipe, and the zoo's own."""
