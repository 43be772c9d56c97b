"""What was found where a data set lies, and what was not read of it: nothing is gained or lost in silence."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CANNOT_BE_DECODED", "FULL", "NAMED", "LeftOut", "Levels", "Reading"]

Levels = tuple[float, float]
"""Of pixels with more than 8 bits: the values that become 0 and 255."""
FULL: Levels = (0.0, 65_535.0)
"""All that 16 bits can say."""

CANNOT_BE_DECODED = "that cannot be decoded"
"""The reason of what ``on_bad_example: skip`` leaves out."""

NAMED = 20
"""Names that are kept of what was left out for one reason."""


class LeftOut(BaseModel):
    """What was not read, for one reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    """To go on a number with: ``6 of another ending (.tif)``."""
    count: int
    names: tuple[str, ...] = ()
    """The first ``NAMED``."""
    expected: bool = False
    """Whether nobody would have wanted it: hidden files and what file managers make."""


class Reading(BaseModel):
    """How a data set was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["file", "row", "example"]
    """What was counted."""
    seen: int
    """How many there are."""
    read: int
    """How many became examples."""
    left_out: tuple[LeftOut, ...] = ()
    recognised: tuple[str, ...] = ()
    """How it is written, where the spec does not say: ``fields between semicolons``, ``UTF-16``."""
    split_places: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Split to the folders, files or values of a column that were taken for it; splits that were made are not in it."""
    formats: dict[str, int] = Field(default_factory=dict)
    """Of images: JPEG, PNG, ... to how many."""
    modes: dict[str, int] = Field(default_factory=dict)
    """Of images: what a pixel is, in words, to how many: ``colour``, ``grey``, ``16 bits`` ..."""
    levels: Levels | None = None
    """Of images with more than 8 bits a pixel, what became 0 and 255: measured on the training split."""
    sizes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None = None
    """Height and width in pixels of the image with the fewest pixels, the middle one and the one with the most."""
    class_counts: dict[str, int] = Field(default_factory=dict)
    """Examples of all splits by class."""
    groups: int | None = None
    """What examples have in common beside their class, how many there are; None where the spec names none."""
    copies: int = 0
    """Examples that are, byte for byte, in an earlier split too."""

    @property
    def imbalance(self) -> float | None:
        """The largest class over the smallest; None without classes, or where one is empty."""
        counts = self.class_counts.values()
        return max(counts) / min(counts) if counts and min(counts) else None

    @property
    def passed_over(self) -> int:
        """How many were left out that somebody may have wanted."""
        return sum(one.count for one in self.left_out if not one.expected)

    @property
    def words(self) -> str:
        """The reading in one line: ``24 files, 22 read; left out: 2 in no class folder; 2 classes of 8 to 14``."""
        form = ", ".join(self.recognised)
        parts = (self.counted, self.left, form, self.classes, self.grouped, self.splits, self.images, self.again)
        return "; ".join(filter(None, parts))

    @property
    def counted(self) -> str:
        """``24 files, 22 read``."""
        return f"{_plural(self.seen, self.unit)}, {self.read:,} read"

    @property
    def left(self) -> str:
        """``left out: 6 of another ending (.txt), 2 in no class folder``; empty where nothing was."""
        said = ", ".join(f"{one.count:,} {one.reason}" for one in self.left_out)
        return f"left out: {said}" if said else ""

    @property
    def classes(self) -> str:
        """``2 classes of 8 to 14 examples, 1 : 1.8``; empty without classes."""
        if not self.class_counts:
            return ""
        least, most = min(self.class_counts.values()), max(self.class_counts.values())
        sizes = f"{most:,} examples each" if least == most else f"{least:,} to {most:,} examples"
        ratio = f", 1 : {self.imbalance:.3g}" if self.imbalance and self.imbalance > 1 else ""
        return f"{len(self.class_counts):,} classes of {sizes}{ratio}"

    @property
    def grouped(self) -> str:
        """``31 groups``; empty where nothing is known of them."""
        return "" if self.groups is None else _plural(self.groups, "group")

    @property
    def splits(self) -> str:
        """``train is 'training_set', test is 'test_set'``; empty where all splits were made."""
        quoted = {split: " and ".join(f"'{place}'" for place in places) for split, places in self.split_places.items()}
        return ", ".join(f"{split} is {places}" for split, places in quoted.items())

    @property
    def images(self) -> str:
        """``32 x 32 to 64 x 48 px, PNG and JPEG, colour and grey``; empty for texts."""
        if self.sizes is None:
            return ""
        least, middle, most = (f"{height} x {width}" for height, width in self.sizes)
        sizes = f"{most} px" if least == most else f"{least} to {most} px, the middle one {middle}"
        deep = () if self.levels is None else ("{:g} to {:g} as 0 to 255".format(*self.levels),)
        return ", ".join((sizes, *(_each(counts) for counts in (self.formats, self.modes) if counts), *deep))

    @property
    def again(self) -> str:
        """``4 in an earlier split too``; empty without copies."""
        return f"{self.copies:,} in an earlier split too" if self.copies else ""


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _each(counts: dict[str, int]) -> str:
    """``12 PNG and 4 JPEG``; without the number where there is one kind."""
    return " and ".join(counts if len(counts) == 1 else [f"{count:,} {name}" for name, count in counts.items()])
