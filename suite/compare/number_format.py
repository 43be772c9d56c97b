"""Numbers as words: three digits, a unit after a thin space, a dash where something is missing."""

from __future__ import annotations

import math

__all__ = [
    "MISSING",
    "THIN",
    "count",
    "duration",
    "licence_words",
    "megabytes",
    "number",
    "percent",
    "plural",
    "score",
    "short",
    "thin",
    "thing",
]

THIN = "\u202f"
"""A thin space that no line breaks at."""
MISSING = "–"
WHOLE = 10
"""Fractions and bits have decimals; a perplexity of hundreds needs none."""
MINUTE, HOUR = 60, 3600
MOST_OF_LICENCE = 20
"""Letters of a licence in a table: ``Apache-2.0`` and its like are whole."""


def score(value: float | None, *, low: float | None = None, high: float | None = None) -> str:
    """A score with three decimals; with two where the interval is wider than 0.1; four digits from 10 on."""
    if value is None or not math.isfinite(value):
        return MISSING
    if abs(value) >= WHOLE:
        return number(value, digits=4)
    wide = low is not None and high is not None and high - low > 0.1
    return f"{value:.2f}" if wide else f"{value:.3f}"


def percent(value: float) -> str:
    """A fraction as prose says it: ``96.4 %`` with a thin space."""
    return f"{100 * value:.1f}{THIN}%"


def number(value: float | None, *, digits: int = 3) -> str:
    """A quantity with so many significant digits and no exponent: ``0.412``, ``31.2``, ``1,240``."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 4)}f}"


def count(value: int | None) -> str:
    """A whole number with separators."""
    return MISSING if value is None else f"{value:,}"


def megabytes(size_bytes: int | None) -> str:
    """Bytes as ``1.62 MB`` (10^6), below that as ``43.9 kB``."""
    if size_bytes is None:
        return MISSING
    return f"{number(size_bytes / 1e6)}{THIN}MB" if size_bytes >= 1e6 else f"{number(size_bytes / 1e3)}{THIN}kB"


def short(value: float | None) -> str:
    """A large count with its thousand's letter: ``640``, ``412 k``, ``3.21 M``, ``1.82 G``."""
    if value is None:
        return MISSING
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{number(value / size)}{THIN}{letter}"
    return number(value)


def licence_words(licence: str | None) -> str:
    """A licence as a table says it: ``Llama 3.2`` of ``Llama 3.2 Community License``; ``not stated`` of None."""
    if not licence:
        return "not stated"
    for ending in (" Community License", " Terms of Use", " License"):
        licence = licence.removesuffix(ending)
    return licence if len(licence) <= MOST_OF_LICENCE else f"{licence[: MOST_OF_LICENCE - 1].rstrip()}…"


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``26 ms``, ``2.4 s``, ``41 s``, ``4 min 12 s``, ``3 h 5 min``."""
    if seconds < 0.9995:
        return f"{number(1000 * seconds, digits=2)}{THIN}ms"
    if seconds < 10:
        return f"{seconds:.1f}{THIN}s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole}{THIN}s"
    if whole < HOUR:
        return f"{whole // MINUTE}{THIN}min {whole % MINUTE}{THIN}s"
    return f"{whole // HOUR}{THIN}h {whole % HOUR // MINUTE}{THIN}min"


def plural(amount: int, one: str, many: str | None = None) -> str:
    """``1 model``, ``5 models``, ``1,000 trials``."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def thin(text: str) -> str:
    """The text with its percent signs held to their numbers."""
    return text.replace(" %", f"{THIN}%")


def thing(task: str) -> str:
    """What one example of a task is: ``text`` or ``image``."""
    return "text" if task.startswith("text") else "image"
