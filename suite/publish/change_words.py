"""A change of a score in words: how large it is, and what does not prove it. ``difference.js`` says the same."""

from __future__ import annotations

from suite.compare.advice.wording import points
from suite.compare.cell import MetricInfo
from suite.compare.number_format import plural

__all__ = ["is_large", "moved_words", "proof_words", "unproven_words"]

LARGE = 0.01
"""A change of one point of a share, or of one hundredth of another score, is told though it is not proven."""
HALF, PART = 0.5, 0.1
"""Of the variance: what has more than the half is named alone, what has less than the part is not named."""


def moved_words(gap: float | None, metric: MetricInfo | None) -> str:
    """``fell by 12.8 points``, ``is better by 0.120`` where lower is better; empty where nothing is known.

    Args:
        gap: After less before, turned so that positive means better.
        metric: That both were scored by.
    """
    if gap is None or metric is None:
        return ""
    if gap == 0:
        return "did not change"
    up, down = ("rose", "fell") if metric.higher_is_better else ("is better", "is worse")
    return f"{up if gap > 0 else down} by {points(abs(gap), metric)}"


def proof_words(seeds: int, examples: int, seed_share: float) -> str:
    """What a change rests on: ``2 seeds``, ``360 test examples``, or both, by where its variance comes from."""
    named = [plural(seeds, "seed")] if seed_share > PART else []
    if examples and (seed_share < HALF or not named):
        named.append(plural(examples, "test example"))
    return " and ".join(named) or "the test set"


def is_large(gap: float, before: float, metric: MetricInfo) -> bool:
    """Whether a change would matter if it were one."""
    return abs(gap) >= LARGE * (1.0 if metric.is_share else abs(before))


def unproven_words(proof: str) -> str:
    """``2 seeds do not prove it``."""
    one = proof == "the test set" or (proof.startswith("1 ") and " and " not in proof)
    return f"{proof} {'does' if one else 'do'} not prove it"
