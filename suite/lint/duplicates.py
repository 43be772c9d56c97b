"""Check ``duplicates``: examples that are in two splits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Copies, Dataset
from suite.lint.hashes import BITS, MOST_BITS_APART, equal_pairs, near_pairs
from suite.lint.shingles import SMALLEST_LIKENESS, WORDS
from suite.lint.study import SplitMarks, Study
from suite.lint.subjects import LooksAt
from suite.store.records.check import Finding, Severity

__all__ = ["Duplicates"]

NAMED = 3
"""Pairs that a finding names."""
MUCH = 0.01
"""Share of the smaller split from which copies move a score by more than a rounding."""

Pairs = NDArray[np.int64]


@dataclass(frozen=True)
class _Role:
    """What it means that two splits share examples."""

    why: str
    mend: str
    many: Severity
    few: Severity


_MEND = (
    'Remove the copies from one of the two splits, or let the suite do it: "splits": {"duplicates": "drop"} in the '
    'spec; "group" is enough where the suite makes the splits.'
)
LEAK = _Role(
    why="The model is tested on what it was trained on: the score says how well it remembers, and is too high.",
    mend=_MEND,
    many="error",
    few="warning",
)
SELECTION = _Role(
    why="Settings are chosen on examples that the other split holds too: the choice, or the score, is too hopeful.",
    mend=_MEND,
    many="warning",
    few="note",
)
REVERSED = _Role(
    why="Nothing is trained on them here; a model trained on the further set could not be tested on the home set.",
    mend="Nothing, as long as the further set is for testing only.",
    many="note",
    few="note",
)


class Duplicates:
    """Copies of an example in two splits: the same pixels or text, an image resized or compressed again, a text with a
    few other words.
    """

    summary: ClassVar[str] = "examples, or near copies of them, that are in two splits"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("data",)

    @classmethod
    def findings(cls, subject: Study) -> Iterator[Finding]:
        """One finding per pair of splits and kind of copy; before a run of the files alone, without decoding any."""
        for label, dataset in subject.all_sets():
            yield from _kept_apart(label, dataset)
        if not subject.reads:
            for home in subject.homes:
                for copies in home.dataset.copies:
                    yield _of_content(home.label, home.dataset, copies)
            return
        for home in subject.homes:
            for first, second in combinations(("train", "validation", "test"), 2):
                role = LEAK if (first, second) == ("train", "test") else SELECTION
                yield from _compare(
                    subject, (home.label, home.dataset, first), (home.label, home.dataset, second), role
                )
            for label, further in home.further.items():
                if further is home.dataset:
                    continue
                for split in ("train", "validation"):
                    role = LEAK if split == "train" else SELECTION
                    yield from _compare(subject, (home.label, home.dataset, split), (label, further, "test"), role)
                yield from _compare(subject, (label, further, "train"), (home.label, home.dataset, "test"), REVERSED)


def _kept_apart(label: str, dataset: Dataset) -> Iterator[Finding]:
    """What ``splits.duplicates`` of the spec did."""
    parts = [f"{count:,} {name} examples were left out" for name, count in dataset.dropped_copies.items()]
    if dataset.grouped_copies:
        parts.append(f"{dataset.grouped_copies:,} examples that have copies were kept on one side of every split")
    if parts:
        yield Finding(
            check="duplicates",
            severity="note",
            what=f"Copies by content: {' and '.join(parts)}, as the spec asks.",
            where=label,
            why="What is tested is in no other split, as far as content tells.",
            mend="Nothing; images that were resized or saved again are not known by their content: suite lint SPEC "
            "looks for them.",
        )


def _of_content(label: str, dataset: Dataset, copies: Copies) -> Finding:
    role = LEAK if (copies.first, copies.second) == ("train", "test") else SELECTION
    size = len(dataset.splits[copies.second])
    named = ", ".join(f"{mine} = {theirs}" for mine, theirs in copies.pairs)
    more = f" and {copies.count - len(copies.pairs):,} more" if copies.count > len(copies.pairs) else ""
    other = f" {copies.relabelled:,} of them under another class." if copies.relabelled else ""
    return Finding(
        check="duplicates",
        severity=role.many if copies.count >= MUCH * size else role.few,
        what=f"{copies.count:,} of {size:,} {copies.second} examples of {label} are also in the {copies.first} split, "
        f"exactly: {named}{more}.{other}",
        where=f"{label}, {copies.first} and {copies.second}",
        why=role.why,
        mend=role.mend,
    )


def _compare(
    study: Study, one: tuple[str, Dataset, str], other: tuple[str, Dataset, str], role: _Role
) -> Iterator[Finding]:
    """Copies of the second split's examples in the first."""
    source, target = study.marks(*one), study.marks(*other)
    exact = equal_pairs(target.marks, source.marks)
    if len(exact):
        yield _finding(source, target, exact, role, near=False)
    near = near_pairs(target.marks, source.marks)
    near = near[~np.isin(near[:, 0], exact[:, 0])]
    if len(near):
        yield _finding(source, target, near, role, near=True)


def _finding(source: SplitMarks, target: SplitMarks, pairs: Pairs, role: _Role, *, near: bool) -> Finding:
    share = len(pairs) / max(1, len(target.split))
    severity = role.many if share >= MUCH else role.few
    if near and severity == "error":
        severity = "warning"  # two hashes that are alike are a strong hint, not a proof
    elif near and severity == "warning" and share < MUCH:
        severity = "note"
    images = f"perceptual hashes within {MOST_BITS_APART} of {BITS} bits"
    texts = f"at least {SMALLEST_LIKENESS:.0%} of their runs of {WORDS} words"
    kind = f"nearly ({texts if target.marks.signatures.any() else images})" if near else "exactly"
    there = f"the {source.split.name} split" + (f" of {source.label}" if source.label != target.label else "")
    return Finding(
        check="duplicates",
        severity=severity,
        what=f"{len(pairs):,} of {len(target.split):,} {target.split.name} examples of {target.label} are also in "
        f"{there}, {kind}: {_named(source, target, pairs)}.{_contradictions(source, target, pairs)}",
        where=f"{source.place} and {target.place}"
        if source.label != target.label
        else f"{source.label}, {source.split.name} and {target.split.name}",
        why=role.why,
        mend=("Look at these pairs first. " if near else "") + role.mend,
    )


def _named(source: SplitMarks, target: SplitMarks, pairs: Pairs) -> str:
    first = [f"{target.split.ids[mine]} = {source.split.ids[theirs]}" for mine, theirs in pairs[:NAMED].tolist()]
    rest = len(pairs) - len(first)
    return ", ".join(first) + (f" and {rest:,} more" if rest else "")


def _contradictions(source: SplitMarks, target: SplitMarks, pairs: Pairs) -> str:
    """How many copies have another class; class names, since two data sets may number them differently."""
    different = sum(
        target.class_names[target.split.targets[mine]] != source.class_names[source.split.targets[theirs]]
        for mine, theirs in pairs.tolist()
    )
    return f" {different:,} of them under another class." if different else ""
