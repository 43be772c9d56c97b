"""From what a source found to a ``Dataset``: bad examples, missing splits, name and fingerprint."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from suite.data.copies import copies_between, groups_of, refuse_given_copies, without_copies
from suite.data.dataset import Content, Dataset, SkippedExample, Split
from suite.data.fingerprint import DIGEST_BYTES, content_digest, fingerprint_of
from suite.data.splits import complete_splits, missing_splits, name_with_seed, subset
from suite.errors import BadExampleError, DataError
from suite.spec.spec import SplitsSpec

__all__ = ["OnBadExample", "Part", "assemble"]

_AT_ONCE = 64
"""Examples that one thread looks at before it reports; handing over each one alone costs more than reading it."""
_MOST_TASKS = 4096
"""That threads are given: each is an object that waits for its turn."""

OnBadExample = Literal["error", "skip"]


@dataclass(frozen=True)
class Part:
    """One split as a source has it, and the bytes that its examples are made of."""

    split: Split
    content: Callable[[int], bytes]
    """What is hashed of example ``i``. Raises ``BadExampleError`` when it cannot be read."""


def assemble(
    name: str,
    parts: Mapping[str, Part],
    *,
    class_names: Sequence[str],
    splits: SplitsSpec,
    on_bad_example: OnBadExample,
    place: str,
    origin: str,
    licence: str | None,
    content: Content = "image",
    answers: str = "class",
    made_from_seed: bool = False,
) -> Dataset:
    """A data set with all three splits, its fingerprint computed from every example's content.

    Args:
        name: Without the seed.
        parts: By split name; ``train`` at least.
        class_names: In the order of the targets.
        splits: How missing splits are made.
        on_bad_example: ``"skip"`` decodes every example once and leaves out those that cannot be.
        place: What the data set is called in complaints.
        origin: Where the data came from.
        licence: None where the source does not say.
        content: What an example is.
        answers: What is to be said of it, ``Dataset.answers``. Where it is no class, targets are zeros.
        made_from_seed: Whether the source itself made all three ``parts`` from the seed in ``splits``, since they
            follow a rule of its own. The data set then has the seed in its name and other splits for another seed.

    Raises:
        BadExampleError: For the first example that cannot be read, unless they are skipped.
        DataError: When it is empty, has fewer than two classes, or a class has too few examples.
    """
    _require_examples(parts, place)
    if answers == "class":
        _require_two_classes(class_names, place)
    skipped: list[SkippedExample] = []
    given: dict[str, Split] = {}
    for split_name, part in parts.items():
        given[split_name], left_out = _examine(part, decode=on_bad_example == "skip")
        skipped.extend(left_out)
    groups = class_names if answers == "class" else [answers]
    dropped: dict[str, int] = {}
    if splits.duplicates == "group":
        refuse_given_copies(given, place)
    elif splits.duplicates == "drop":
        stay, dropped = without_copies(given)
        given = {each: subset(split, stay[each], name=each) for each, split in given.items()}
        _require_some_left(given, dropped, place)
    complete = complete_splits(given, spec=splits, class_names=groups, place=_with_skipped(place, skipped))
    return Dataset(
        name=name_with_seed(name, {} if made_from_seed else given, splits),
        class_names=tuple(class_names),
        splits={each: replace(split, digests=None) for each, split in complete.items()},
        fingerprint=fingerprint_of(class_names, complete),
        licence=licence,
        origin=origin,
        skipped=tuple(skipped),
        made_splits=missing_splits({} if made_from_seed else given),
        content=content,
        answers=answers,
        copies=copies_between(complete, class_names),
        dropped_copies=dropped,
        grouped_copies=_grouped(given, splits),
    )


def _require_some_left(given: Mapping[str, Split], dropped: Mapping[str, int], place: str) -> None:
    for name in dropped:
        if not len(given[name]):
            raise DataError(
                f"{place}: every example of its {name} split is in a later split too, so splits.duplicates 'drop' "
                "would leave none. Give it other examples, or take the split out of the data where one can be made."
            )


def _grouped(given: Mapping[str, Split], splits: SplitsSpec) -> int:
    """Of the examples that are divided, how many have a copy that they were kept together with."""
    if splits.duplicates == "keep" or not missing_splits(given):
        return 0
    sizes = np.bincount(groups_of(given["train"]))
    return int(sizes[sizes > 1].sum())


def _require_examples(parts: Mapping[str, Part], place: str) -> None:
    if not any(len(part.split) for part in parts.values()):
        raise DataError(f"{place}: the data set is empty; expected at least two classes with examples.")


def _require_two_classes(class_names: Sequence[str], place: str) -> None:
    if len(class_names) < 2:
        only = f"only '{class_names[0]}'" if class_names else "none"
        raise DataError(f"{place}: expected at least two classes, got {only}.")


def _examine(part: Part, *, decode: bool) -> tuple[Split, list[SkippedExample]]:
    """The split with every example's digest; with ``decode`` without what cannot be decoded."""
    count = len(part.split)
    digests = np.empty((count, DIGEST_BYTES), dtype=np.uint8)
    at_once = max(_AT_ONCE, count // _MOST_TASKS)

    def look(start: int) -> list[tuple[int, BadExampleError]]:
        bad = []
        for index in range(start, min(start + at_once, count)):
            try:
                digests[index] = np.frombuffer(content_digest(part.content(index)), np.uint8)
                if decode:
                    part.split.read(index)
            except BadExampleError as error:
                if not decode:
                    raise
                bad.append((index, error))
        return bad

    with ThreadPoolExecutor(max_workers=min(32, os.cpu_count() or 1)) as pool:
        found = itertools.chain.from_iterable(pool.map(look, range(0, count, at_once)))
        bad = [(index, SkippedExample(part.split.ids[index], str(error))) for index, error in found]
    split = replace(part.split, digests=digests)
    if not bad:
        return split, []
    kept = np.delete(np.arange(count), [index for index, _ in bad])
    return subset(split, kept, name=split.name), [example for _, example in bad]


def _with_skipped(place: str, skipped: Sequence[SkippedExample]) -> str:
    many = "example" if len(skipped) == 1 else "examples"
    return f"{place} ({len(skipped)} {many} skipped)" if skipped else place
