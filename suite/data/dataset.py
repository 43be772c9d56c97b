"""What every data source gives: named splits of examples that keep their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from suite.data.targets import Targets
from suite.errors import SealedSplitError
from suite.store.records.example_facts import NOTHING_KNOWN, ExampleFacts
from suite.store.records.reading import Reading

__all__ = ["Content", "Copies", "Dataset", "Image", "SkippedExample", "Split", "SplitName", "Text"]

SplitName = Literal["train", "validation", "test"]
Image = NDArray[np.uint8]
"""One image, RGB: shape ``(height, width, 3)``, uint8, 0 to 255."""
Text = tuple[str, ...]
"""One or two texts to classify; of a data set whose answers are texts, what to go on from (may be empty) and the
reference."""
Content = Literal["image", "text"]
"""What an example is."""


@dataclass(frozen=True)
class SkippedExample:
    """One example that could not be decoded and was left out (``on_bad_example: skip``)."""

    id: str
    reason: str


@dataclass(frozen=True)
class Copies:
    """Examples of one split whose content, byte for byte, is in an earlier split too."""

    first: str
    """``train`` or ``validation``."""
    second: str
    """``validation`` or ``test``: the split that the examples are counted in."""
    count: int
    pairs: tuple[tuple[str, str], ...]
    """The first few: the id in ``second`` and that of a copy in ``first``."""
    relabelled: int
    """How many have another class there."""


@dataclass(frozen=True)
class Split:
    """Examples of one split, in a fixed order, readable one by one."""

    name: str
    ids: Sequence[str]
    """One stable id per example, unique in the data set: a tuple, or where there may be millions ``NumberedIds``."""
    targets: NDArray[np.int64]
    """Class index per example, shape ``(len(ids),)``; zeros where there are no classes."""
    read: Callable[[int], Any] = field(repr=False)
    """Gives example ``i``, an ``Image`` or a ``Text``. Raises ``BadExampleError`` naming the file if it cannot be."""

    digests: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    """SHA-256 of each example's content, shape ``(n, 32)``, while a data set is put together; None afterwards."""

    annotations: Targets | None = field(default=None, repr=False, compare=False)
    """What is to be said of each example, where it is neither a class nor a text that ``read`` gives."""

    metadata: Mapping[str, NDArray[np.str_]] = field(default_factory=dict, repr=False, compare=False)
    """What else the source says of each example, by its name: shape ``(n,)``, empty where it says nothing."""

    groups: NDArray[np.int64] | None = field(default=None, repr=False, compare=False)
    """What each example has in common with others beside its class, as a number, shape ``(n,)``; None where nothing is
    known of that."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def facts(self) -> ExampleFacts:
        """What results keep of each example besides what is true of it."""
        return NOTHING_KNOWN if self.groups is None else ExampleFacts(self.groups)


@dataclass(frozen=True)
class Dataset:
    """A data set with its splits, its words and where it came from."""

    name: str
    """Name for people and file names; the seed of made splits is part of it."""
    class_names: tuple[str, ...]
    """Empty where there are no classes."""
    splits: Mapping[str, Split]
    fingerprint: str
    """SHA-256 (hex) over ids, targets and content; equal exactly when the data is."""
    licence: str | None = None
    """Licence, or None where the source does not say."""
    origin: str = ""
    """Where the data came from: a path, a URL, or a description of its construction."""
    skipped: tuple[SkippedExample, ...] = ()
    made_splits: tuple[str, ...] = ()
    """The splits that the source did not have and that were made from a seed."""
    content: Content = "image"
    answers: str = "class"
    """What is to be said of it: the kind of outputs that models give, ``class``, ``text`` or a plugin's."""
    copies: tuple[Copies, ...] = ()
    """What two splits have in common, for each pair that has."""
    dropped_copies: Mapping[str, int] = field(default_factory=dict)
    """Split to how many of its examples were left out, since a later split has them (``duplicates: drop``)."""
    grouped_copies: int = 0
    """Examples that have a copy and were kept on one side of the splits that were made (``group`` and ``drop``)."""
    reading: Reading | None = None
    """What was found and what was not read; None where the source does not say."""

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def has_classes(self) -> bool:
        """Whether what is to be said is a class."""
        return self.answers == "class"

    def sealed(self) -> Dataset:
        """The same data set with a test split that raises ``SealedSplitError`` when it is looked up."""
        return replace(self, splits=_SealedSplits(self.splits))


class _SealedSplits(dict[str, Split]):
    """Splits without the test split: strategies and searches never see it."""

    def __init__(self, splits: Mapping[str, Split]) -> None:
        super().__init__({name: split for name, split in splits.items() if name != "test"})

    def __missing__(self, name: str) -> Split:
        if name == "test":
            raise SealedSplitError(
                "the test split is sealed: strategies and searches see 'train' and 'validation' only."
            )
        raise KeyError(name)
