"""From what a source found to a ``Dataset``: bad examples, missing splits, name and fingerprint."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from suite.data.bad_examples import every_bad_example
from suite.data.copies import copies_between, groups_of, refuse_given_copies, without_copies
from suite.data.dataset import Content, Dataset, SkippedExample, Split
from suite.data.fingerprint import DIGEST_BYTES, content_digest, fingerprint_of
from suite.data.groups import group_names, numbered, refuse_shared_groups
from suite.data.image_facts import ImageFacts
from suite.data.label_spelling import LabelRule, merged_words, same_labels
from suite.data.splits import complete_splits, missing_splits, name_with_seed, subset
from suite.errors import BadExampleError, DataError
from suite.spec.spec import SplitsSpec
from suite.store.records.reading import CANNOT_BE_DECODED, NAMED, LeftOut, Reading

__all__ = ["OnBadExample", "Part", "assemble"]

_AT_ONCE = 64
"""Examples that one thread looks at before it reports; handing over each one alone costs more than reading it."""
_MOST_TASKS = 4096
"""That threads are given: each is an object that waits for its turn."""

_SLOW_SECONDS = 150e-6
"""For one example, from which on threads are worth their trouble: a slow disk, large files, decoding."""

OnBadExample = Literal["error", "skip"]


@dataclass(frozen=True)
class Part:
    """One split as a source has it, and the bytes that its examples are made of."""

    split: Split
    content: Callable[[int], bytes]
    """What is hashed of example ``i``. Raises ``BadExampleError`` when it cannot be read."""
    facts: Callable[[bytes], ImageFacts | None] | None = None
    """What the head of an image file says; None where the content is no file of an image."""


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
    reading: Reading | None = None,
    unit: Literal["row", "example"] = "example",
    recognised: tuple[str, ...] = (),
    labels: LabelRule = "as_given",
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
        reading: What the source left out before it had examples; None counts the examples that it gave.
        unit: What these are.
        recognised: How the source is written, where the spec does not say, in words.
        labels: What to do with class names that are the same but for their spelling, where the source did not look.

    Raises:
        BadExampleError: For all examples that cannot be read, as soon as the head of one says so, unless they are
            skipped.
        DataError: When it is empty, has fewer than two classes, or a class has too few examples.
    """
    _require_examples(parts, place)
    if answers == "class":
        class_names, parts, merged = _with_same_labels(class_names, parts, labels, place)
        recognised = (*recognised, *merged)
        _require_two_classes(class_names, place)
    skipped: list[SkippedExample] = []
    facts: list[ImageFacts] = []
    given: dict[str, Split] = {}
    for split_name, part in parts.items():
        try:
            given[split_name], left_out, seen = _examine(part, decode=on_bad_example == "skip")
        except BadExampleError as error:
            raise every_bad_example([each.split for each in parts.values()], error) from None
        skipped.extend(left_out)
        facts.extend(seen)
    groups = class_names if answers == "class" else [answers]
    dropped: dict[str, int] = {}
    if splits.duplicates == "group":
        refuse_given_copies(given, place)
    elif splits.duplicates == "drop":
        stay, dropped = without_copies(given)
        given = {each: subset(split, stay[each], name=each) for each, split in given.items()}
        _require_some_left(given, dropped, place)
    given = _with_groups(given, splits, place)
    found = reading or Reading(
        unit=unit, seen=sum(map(len, given.values())) + len(skipped), read=0, recognised=recognised
    )
    complete = complete_splits(given, spec=splits, class_names=groups, place=_with_skipped(place, skipped))
    copies = copies_between(complete, class_names)
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
        copies=copies,
        reading=_read(found, complete, class_names, facts, skipped).model_copy(
            update={"copies": sum(one.count for one in copies)}
        ),
        dropped_copies=dropped,
        grouped_copies=_grouped(given, splits),
    )


def _with_groups(given: dict[str, Split], splits: SplitsSpec, place: str) -> dict[str, Split]:
    """The splits with the group of each example, where the spec says what it is."""
    if splits.group is None:
        return given
    names = {name: group_names(split, splits.group, place) for name, split in given.items()}
    groups = numbered(names)
    refuse_shared_groups(groups, names, place)
    return {name: replace(split, groups=groups[name]) for name, split in given.items()}


def _with_same_labels(
    class_names: Sequence[str], parts: Mapping[str, Part], rule: LabelRule, place: str
) -> tuple[Sequence[str], Mapping[str, Part], tuple[str, ...]]:
    """Classes and splits, those together that are the same by the rule; and which these are, in words."""
    if rule == "as_given":
        return class_names, parts, ()
    counts = sum(np.bincount(part.split.targets, minlength=len(class_names)) for part in parts.values())
    same = same_labels(dict(zip(class_names, np.asarray(counts).tolist(), strict=True)), rule, place=place)
    names = list(dict.fromkeys(same[name] for name in class_names))
    if len(names) == len(class_names):
        return class_names, parts, ()
    order = np.array([names.index(same[name]) for name in class_names], dtype=np.int64)
    merged = {
        name: replace(part, split=replace(part.split, targets=order[part.split.targets]))
        for name, part in parts.items()
    }
    return names, merged, merged_words(same)


def _read(
    reading: Reading,
    splits: Mapping[str, Split],
    class_names: Sequence[str],
    facts: Sequence[ImageFacts],
    skipped: Sequence[SkippedExample],
) -> Reading:
    """The reading of a source with what the examples themselves tell."""
    counts = np.zeros(len(class_names), dtype=np.int64)
    for split in splits.values():
        counts += np.bincount(split.targets, minlength=len(class_names))[: len(class_names)] if class_names else 0
    left_out = reading.left_out
    if skipped:
        names = tuple(one.id for one in skipped[:NAMED])
        left_out = (LeftOut(reason=CANNOT_BE_DECODED, count=len(skipped), names=names), *left_out)
    by_pixels = sorted(((one.height, one.width) for one in facts), key=lambda size: (size[0] * size[1], size))
    return reading.model_copy(
        update={
            "read": sum(map(len, splits.values())),
            "left_out": left_out,
            "formats": dict(Counter(one.format for one in facts).most_common()),
            "modes": dict(Counter(one.mode for one in facts).most_common()),
            "sizes": (by_pixels[0], by_pixels[len(by_pixels) // 2], by_pixels[-1]) if by_pixels else None,
            "groups": _counted_groups(splits),
            "class_counts": dict(zip(class_names, counts.tolist(), strict=True)),
        }
    )


def _counted_groups(splits: Mapping[str, Split]) -> int | None:
    found = [split.groups for split in splits.values() if split.groups is not None]
    return len(np.unique(np.concatenate(found))) if found else None


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


def _examine(part: Part, *, decode: bool) -> tuple[Split, list[SkippedExample], list[ImageFacts]]:
    """The split with every example's digest, and what the heads of its files say; with ``decode`` without what cannot
    be decoded.
    """
    count = len(part.split)
    digests = np.empty((count, DIGEST_BYTES), dtype=np.uint8)
    at_once = max(_AT_ONCE, count // _MOST_TASKS)

    facts: list[ImageFacts | None] = [None] * count

    def look(start: int) -> list[tuple[int, BadExampleError]]:
        bad = []
        for index in range(start, min(start + at_once, count)):
            try:
                content = part.content(index)
                digests[index] = np.frombuffer(content_digest(content), np.uint8)
                facts[index] = part.facts(content) if part.facts else None
                if decode:
                    part.split.read(index)
                elif part.facts and facts[index] is None:
                    part.split.read(index)  # to say what is wrong with it
            except BadExampleError as error:
                bad.append((index, error))
        return bad

    began = time.perf_counter()
    bad = look(0)
    # Threads wait for each other's turn; small files that are in memory are read sooner by one.
    is_slow = time.perf_counter() - began > _SLOW_SECONDS * min(at_once, count)
    with ThreadPoolExecutor(max_workers=min(32, os.cpu_count() or 1)) as pool:
        rest = range(at_once, count, at_once)
        bad += itertools.chain.from_iterable(pool.map(look, rest) if is_slow else map(look, rest))
    if bad and not decode:
        raise bad[0][1]
    split = replace(part.split, digests=digests)
    there = [one for one in facts if one is not None]
    if not bad:
        return split, [], there
    gone = {index for index, _ in bad}
    left = [one for index, one in enumerate(facts) if one is not None and index not in gone]
    kept = np.delete(np.arange(count), sorted(gone))
    skipped = [SkippedExample(part.split.ids[index], str(error)) for index, error in bad]
    return subset(split, kept, name=split.name), skipped, left


def _with_skipped(place: str, skipped: Sequence[SkippedExample]) -> str:
    many = "example" if len(skipped) == 1 else "examples"
    return f"{place} ({len(skipped)} {many} skipped)" if skipped else place
