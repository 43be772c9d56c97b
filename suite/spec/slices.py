"""Slices: parts of the test set that a score is told apart for, such as a hospital, a camera or short texts."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator

from suite.spec.options import Options

__all__ = ["PROPERTIES", "SliceChoice", "SliceSpec", "as_slice"]

PROPERTIES = ("image_size", "brightness", "text_length", "group")
"""What examples are sliced by without a column: the shorter side in pixels, the mean of all pixels, words, groups."""


class SliceSpec(Options):
    """One property that the test examples are told apart by."""

    by: Annotated[str, Field(min_length=1, max_length=200)]
    """A column of the data set's table, or ``image_size``, ``brightness``, ``text_length`` or ``group``."""
    edges: Annotated[tuple[float, ...], Field(min_length=1, max_length=20)] | None = None
    """Of numbers: where one slice ends and the next begins, ascending. Left out, many different numbers are cut into
    four slices of as many training examples each."""

    @field_validator("edges")
    @classmethod
    def _ascend(cls, edges: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if edges is not None and any(low >= high for low, high in pairwise(edges)):
            raise ValueError("expected numbers that ascend")
        return edges


SliceChoice = Annotated[str, Field(min_length=1, max_length=200)] | SliceSpec


def as_slice(choice: SliceChoice) -> SliceSpec:
    """A choice in its long form."""
    return SliceSpec(by=choice) if isinstance(choice, str) else choice
