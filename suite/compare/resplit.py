"""The paired test where every seed has splits of its own: the corrected resampled t-test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from suite.compare.evidence import SetEvidence

__all__ = ["NoSplitTest", "common_seeds", "detectable_factor", "resampled_t_test"]

Array = NDArray[np.float64]
POWER = 0.8
SIDE = 0.975


class NoSplitTest(Exception):  # noqa: N818 - it is an answer, not an error
    """Two cells cannot be tested split by split; the message says why, in one sentence."""


@dataclass(frozen=True)
class _Tested:
    """Shape ``(pairs,)`` each."""

    difference: Array
    low: Array
    high: Array
    error: Array
    p_value: Array


def resampled_t_test(differences: Array, *, factor: float) -> _Tested:
    """Whether paired scores on several splits differ: Nadeau and Bengio (2003), section 3, statistic 3.

    Splits of the same data overlap, so that the plain t-test calls too much different; the variance is multiplied by
    ``1 / splits + n_test / n_train`` in place of ``1 / splits``.

    Args:
        differences: Score of one model minus that of the other on each split, shape ``(pairs, splits)``.
        factor: ``SetEvidence.seed_factor``.

    Returns:
        Mean difference, 95 % interval, standard error and two-sided p-value; p is 1 where the models never differ and 0
        where they differ by the same amount on every split.
    """
    freedom = differences.shape[1] - 1
    mean = differences.mean(axis=1)
    error = np.sqrt(factor * differences.var(axis=1, ddof=1))
    statistic = np.divide(np.abs(mean), error, out=np.where(mean == 0, 0.0, np.inf), where=error > 0)
    reach = special.stdtrit(freedom, SIDE) * error
    p_value = 2 * special.stdtr(freedom, -statistic)
    return _Tested(mean, mean - reach, mean + reach, error, np.asarray(p_value))


@lru_cache(maxsize=64)
def detectable_factor(freedom: int | None = None) -> float:
    """Standard errors that a true difference must have to show at 5 % with 80 % power.

    Args:
        freedom: Of the t-distribution; the normal one when None: 1.960 + 0.842 = 2.80.
    """
    if freedom is None:
        return float(special.ndtri(SIDE) + special.ndtri(POWER))
    return float(special.stdtrit(freedom, SIDE) + special.stdtrit(freedom, POWER))


def common_seeds(first: SetEvidence, second: SetEvidence) -> tuple[SetEvidence, SetEvidence]:
    """The two cells with the seeds that both have, on the same examples.

    Raises:
        NoSplitTest: Where there are fewer than two, or where the sizes of the splits were not recorded.
    """
    if not first.test_to_train or not second.test_to_train:
        raise NoSplitTest("the sizes of the splits were not recorded, and the test needs them.")
    if (first.seeds, first.keys) == (second.seeds, second.keys) and first.steps >= 2:
        return first, second
    both = set(zip(first.seeds, first.keys, strict=True)) & set(zip(second.seeds, second.keys, strict=True))
    if len(both) < 2:
        many = "1 seed of the two has" if both else "no seeds of the two have"
        raise NoSplitTest(f"{many} the same test examples; a test needs 2.")
    return _only(first, both), _only(second, both)


def _only(evidence: SetEvidence, wanted: set[tuple[int, str]]) -> SetEvidence:
    places = [place for place, pair in enumerate(zip(evidence.seeds, evidence.keys, strict=True)) if pair in wanted]
    by_seed = evidence.by_seed[places]
    return replace(
        evidence,
        predictions=tuple(evidence.predictions[place] for place in places),
        seeds=tuple(evidence.seeds[place] for place in places),
        keys=tuple(evidence.keys[place] for place in places),
        scores=evidence.scores[places],
        by_seed=by_seed,
        resampled=by_seed.mean(axis=0),
    )
