"""Height and width of images, as options spell them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from suite.errors import ModelError

__all__ = ["LARGEST_INPUT", "InputSize", "check_input_size"]

LARGEST_INPUT = 2048
"""Pixels per side; a larger image would not fit a training step into any usual memory."""


def _as_pair(value: Any) -> Any:
    """One number means a square; JSON has lists where Python has tuples."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


Pixels = Annotated[int, Field(ge=1, le=LARGEST_INPUT)]
InputSize = Annotated[tuple[Pixels, Pixels], BeforeValidator(_as_pair)]
"""Height and width in pixels; one number for a square."""


def check_input_size(size: tuple[int, int], *, smallest: int, what: str) -> None:
    """Raises ``ModelError`` where a side is shorter than the architecture can take, or absurdly long."""
    if min(size) < smallest:
        raise ModelError(
            f"{what} takes images from {smallest} x {smallest} pixels, got input_size {size[0]} x {size[1]}; "
            "give a larger input_size, images are resized to it."
        )
    if max(size) > LARGEST_INPUT:
        raise ModelError(
            f"input_size {size[0]} x {size[1]} of {what} is too large; expected at most {LARGEST_INPUT} pixels a side."
        )
