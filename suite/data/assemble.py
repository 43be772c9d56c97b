"""From what a source found to a ``Dataset``: bad examples, missing splits, name and fingerprint."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suite.data.dataset import Answers, Content, Dataset, SkippedExample, Split
from suite.data.fingerprint import content_digest, fingerprint_of
from suite.data.splits import complete_splits, missing_splits, name_with_seed, subset
from suite.errors import BadExampleError, DataError
from suite.spec import SplitsSpec

__all__ = ["OnBadExample", "Part", "assemble"]

_AT_ONCE = 64
"""Examples that one thread looks at before it reports; handing over each one alone costs more than reading it."""

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
    answers: Answers = "class",
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
        answers: What is to be said of it. Where it is a text there are no classes, and targets are zeros.
        made_from_seed: Whether the source itself made all three ``parts`` from the seed in ``splits``, since they
            follow a rule of its own. The data set then has the seed in its name and other splits for another seed.

    Raises:
        BadExampleError: For the first example that cannot be read, unless they are skipped.
        DataError: When it is empty, has fewer than two classes, or a class has too few examples.
    """
    _require_examples(parts, place)
    if answers == "class":
        _require_two_classes(class_names, place)
    digests: dict[str, bytes] = {}
    skipped: list[SkippedExample] = []
    given: dict[str, Split] = {}
    for split_name, part in parts.items():
        given[split_name], left_out = _examine(part, digests, decode=on_bad_example == "skip")
        skipped.extend(left_out)
    groups = class_names if answers == "class" else ["text"]
    complete = complete_splits(given, spec=splits, class_names=groups, place=_with_skipped(place, skipped))
    return Dataset(
        name=name_with_seed(name, {} if made_from_seed else given, splits),
        class_names=tuple(class_names),
        splits=complete,
        fingerprint=fingerprint_of(class_names, complete, digests.__getitem__),
        licence=licence,
        origin=origin,
        skipped=tuple(skipped),
        made_splits=missing_splits({} if made_from_seed else given),
        content=content,
        answers=answers,
    )


def _require_examples(parts: Mapping[str, Part], place: str) -> None:
    if not any(len(part.split) for part in parts.values()):
        raise DataError(f"{place}: the data set is empty; expected at least two classes with examples.")


def _require_two_classes(class_names: Sequence[str], place: str) -> None:
    if len(class_names) < 2:
        only = f"only '{class_names[0]}'" if class_names else "none"
        raise DataError(f"{place}: expected at least two classes, got {only}.")


def _examine(part: Part, digests: dict[str, bytes], *, decode: bool) -> tuple[Split, list[SkippedExample]]:
    """Hashes every example into ``digests``; with ``decode`` also leaves out what cannot be decoded."""

    def look(index: int) -> bytes | BadExampleError:
        try:
            digest = content_digest(part.content(index))
            if decode:
                part.split.read(index)
        except BadExampleError as error:
            if not decode:
                raise
            return error
        return digest

    kept: list[int] = []
    skipped: list[SkippedExample] = []
    with ThreadPoolExecutor(max_workers=min(32, os.cpu_count() or 1)) as pool:
        starts = range(0, len(part.split), _AT_ONCE)
        runs = pool.map(
            lambda start: [look(index) for index in range(len(part.split))[start : start + _AT_ONCE]], starts
        )
        for index, found in enumerate(itertools.chain.from_iterable(runs)):
            identifier = part.split.ids[index]
            if isinstance(found, BadExampleError):
                skipped.append(SkippedExample(identifier, str(found)))
            else:
                digests[identifier] = found
                kept.append(index)
    if not skipped:
        return part.split, []
    return subset(part.split, np.array(kept, dtype=np.int64), name=part.split.name), skipped


def _with_skipped(place: str, skipped: Sequence[SkippedExample]) -> str:
    many = "example" if len(skipped) == 1 else "examples"
    return f"{place} ({len(skipped)} {many} skipped)" if skipped else place
