"""Labels that differ in nothing that a person would see or mean: one class, written in two ways."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from suite.errors import DataError

__all__ = ["LabelRule", "is_missing_label", "merged_words", "same_labels"]

LabelRule = Literal["refuse", "normalise", "as_given"]
"""What to do with labels that look alike: ``refuse`` the data set, take them as one class, or as two."""
SHOWN = 5
"""Groups of labels that a complaint names."""
_MISSING = {"", "nan", "<na>", "null", "n/a", "#n/a", "nat"}
"""What programs write where there is no label, in small letters; ``none`` and ``na`` may be classes."""
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")


def is_missing_label(label: str) -> bool:
    """Whether a label says that there is none: nothing but space, ``NaN``, ``null``, ``<NA>``, ``n/a``."""
    return _visible(label).casefold() in _MISSING


def same_labels(counts: Mapping[str, int], rule: LabelRule, *, place: str) -> dict[str, str]:
    """Each label to the class that it is of.

    Two labels are the same where they differ only in case, white space, Unicode form (NFKC), characters that nobody
    sees, or as numbers: ``Cat`` and ``cat ``, ``1`` and ``01`` and ``1.0``.

    Args:
        counts: Label to its number of examples.
        rule: What to do with those that are the same.
        place: What the data set is called in complaints.

    Returns:
        Every label to itself; with ``normalise`` those that are the same to the most frequent spelling of them,
        without white space and unseen characters around and in it.

    Raises:
        DataError: Where two are the same and the rule is ``refuse``.
    """
    if rule == "as_given":
        return {label: label for label in counts}
    groups: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        groups.setdefault(_key(label), []).append(label)
    twice = [labels for labels in groups.values() if len(labels) > 1]
    if twice and rule == "refuse":
        said = "; ".join(" and ".join(_said(label, counts[label]) for label in labels) for labels in twice[:SHOWN])
        more = f"; and {len(twice) - SHOWN} more such" if len(twice) > SHOWN else ""
        raise DataError(
            f"{place}: labels that differ only in case, white space, unseen characters or as numbers: {said}{more}. "
            '"labels": "normalise" takes them as one class each, "labels": "as_given" keeps them apart.'
        )
    named = {label: _visible(labels[0]) or labels[0] for labels in groups.values() for label in labels}
    return {label: named[label] if len(groups[_key(label)]) > 1 else label for label in counts}


def merged_words(same: Mapping[str, str]) -> tuple[str, ...]:
    """What ``same_labels`` took together, for the reading report: ``'Cat' and 'cat ' taken as 'cat'``."""
    groups: dict[str, list[str]] = {}
    for label, name in same.items():
        groups.setdefault(name, []).append(label)
    return tuple(
        f"{' and '.join(f'{label!r}' for label in sorted(labels))} taken as '{name}'"
        for name, labels in sorted(groups.items())
        if len(labels) > 1
    )


def _visible(text: str) -> str:
    """Composed, with single spaces, without what nobody sees (general categories Cf, Cc; soft hyphens, joiners)."""
    composed = unicodedata.normalize("NFC", text)
    seen = "".join(
        " " if one.isspace() else one
        for one in composed
        if one.isspace() or unicodedata.category(one) not in {"Cf", "Cc"}
    )
    return " ".join(seen.split())


def _key(label: str) -> str:
    plain = _visible(unicodedata.normalize("NFKC", label)).casefold()
    if _NUMBER.fullmatch(plain):
        return f"number {Decimal(plain).normalize() + 0:f}"
    return plain


def _said(label: str, count: int) -> str:
    shown = repr(label) if label.isprintable() and label.isascii() else ascii(label)
    return f"{shown} ({count:,})"
