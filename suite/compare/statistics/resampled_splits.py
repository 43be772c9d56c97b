"""Where every seed has splits of its own: which seeds of two cells can be paired."""

from __future__ import annotations

from dataclasses import replace

from suite.compare.statistics.evidence import SetEvidence

__all__ = ["NoSplitTest", "common_seeds", "testable"]


class NoSplitTest(Exception):  # noqa: N818 - it is an answer, not an error
    """Two cells cannot be tested split by split; the message says why, in one sentence."""


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


def testable(evidence: SetEvidence, *, resample: bool) -> bool:
    """Whether a cell can be held against others: with splits of its own for each seed it needs two, and their sizes."""
    return not resample or (evidence.steps >= 2 and evidence.test_to_train > 0)


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
