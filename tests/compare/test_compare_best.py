"""May this cell be the best: verdicts and their simultaneous intervals, on small cases that can be reasoned out."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.simulated import evidence_of, right_answers
from suite.compare.cell import BestComparison
from suite.compare.statistics.best import Contender, contest_of, verdicts
from suite.compare.statistics.intervals import spread_of
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.compare.statistics.seed_variance import WEIGHTS
from suite.compare.statistics.simultaneous import luck_of


def contenders_of(answers: np.ndarray) -> list[Contender]:
    """Best first, of answers of shape ``(models, seeds, examples)``."""
    evidence = evidence_of(answers)
    spread = spread_of(evidence)
    found = [
        Contender(name, float(one.scores.mean()), keep_evidence(one, spread[name])) for name, one in evidence.items()
    ]
    return sorted(found, key=lambda one: -one.score)


def answers_of(*accuracies: float, seeds: int = 1, examples: int = 1_000, points: float = 0.0) -> np.ndarray:
    """Right answers of models of these true accuracies."""
    return right_answers(
        np.random.default_rng(3), seeds=seeds, examples=examples, accuracies=accuracies,
        seed_points=[points] * len(accuracies),
    )  # fmt: skip


def judged(answers: np.ndarray) -> dict[str, BestComparison]:
    """Verdicts by the number of the model."""
    contenders = contenders_of(answers)
    found = verdicts(contenders, higher_is_better=True)
    return {one.name: verdict for one, verdict in zip(contenders, found, strict=True) if verdict is not None}


def test_clear_differences_are_worse_and_small_ones_are_not():
    """20 points show on 1,000 examples, half a point does not; the interval says the same as the word."""
    found = judged(answers_of(0.9, 0.895, 0.7))
    assert [found[name].verdict for name in "012"] == ["may_be_best", "may_be_best", "worse"]
    assert all((one.low > 0) == (one.verdict == "worse") for one in found.values())
    assert found["2"].low < 0.2 < found["2"].high


def test_the_best_is_held_against_itself():
    """Nothing behind, and no width."""
    found = judged(answers_of(0.9, 0.7))
    assert (found["0"].behind, found["0"].low, found["0"].high, found["0"].against) == (0, 0, 0, "0")


def test_two_cells_with_one_seed_are_one_paired_test():
    """The interval is 1.96 standard errors of the paired difference, and a little for whole numbers."""
    answers = answers_of(0.9, 0.88, examples=2_000)
    error = float((answers[0, 0] - answers[1, 0]).std() / 2_000**0.5)
    found = judged(answers)["1"]
    assert (found.high - found.behind) == pytest.approx(stats.norm.ppf(0.975) * error + 1 / 2_000, rel=0.08)


def test_many_equal_cells_have_the_critical_value_of_tukey():
    """Independent scores of known variance: the range of five, as Tukey's table has it."""
    generator = np.random.default_rng(0)
    answers = (generator.random((5, 1, 40_000)) < 0.5).astype(float)
    luck = luck_of([one.evidence for one in contenders_of(answers) if one.evidence is not None])
    expected = stats.studentized_range.ppf(0.95, 5, 10**6) / 2**0.5
    assert luck.family(np.ones(5, dtype=bool)).critical == pytest.approx(expected, rel=0.03)


def test_a_known_best_is_held_against_the_others_alone():
    """With one candidate left the critical value is Dunnett's for two sides: fewer pairs, a smaller value."""
    generator = np.random.default_rng(0)
    answers = (generator.random((5, 1, 40_000)) < np.array([0.6, 0.5, 0.5, 0.5, 0.5])[:, None, None]).astype(float)
    contest = contest_of(contenders_of(answers), higher_is_better=True)
    assert contest is not None
    assert contest.with_best.critical == pytest.approx(2.44, rel=0.03)
    assert contest.with_best.critical < contest.all_pairs.critical


def test_scattered_seeds_below_a_worse_cell_are_unsettled():
    """It scores lower than a cell that is worse, so that its scatter is no merit."""
    steady = answers_of(0.9, 0.8, seeds=3, examples=600)
    scattered = np.stack([answers_of(accuracy, examples=600)[0, 0] for accuracy in (0.95, 0.8, 0.3)])[None]
    found = judged(np.concatenate([steady, scattered]))
    assert [found[name].verdict for name in "012"] == ["may_be_best", "worse", "unsettled"]
    assert found["2"].low <= 0


def test_identical_predictions_tie_whatever_their_number():
    """A difference of exactly 0 without any spread is no difference; its interval is the point 0."""
    one = answers_of(0.9, 0.5)
    found = judged(np.concatenate([one[:1], one]))
    assert {found["0"].verdict, found["1"].verdict} == {"may_be_best"}
    assert max(abs(found["0"].high), abs(found["1"].high)) <= 1 / 1_000
    assert found["2"].verdict == "worse"


def test_no_spread_is_no_certainty_on_few_examples():
    """All right against all wrong: on three examples that may be chance, on sixty it is not."""
    few, many = (np.stack([np.ones((1, n)), np.zeros((1, n))]) for n in (3, 60))
    assert judged(few)["1"].verdict == "may_be_best"
    assert judged(many)["1"].verdict == "worse"


def test_lower_may_be_better():
    """Losses: the least is the best, and what is behind is never negative."""
    found = verdicts(contenders_of(answers_of(0.9, 0.7))[::-1], higher_is_better=False)
    assert [one.verdict for one in found if one is not None] == ["may_be_best", "worse"]
    assert found[1] is not None
    assert found[1].behind > 0


def test_without_evidence_there_is_no_verdict():
    """Neither on the cell that lost its predictions, nor on any where it is the best that did."""
    first, *others = contenders_of(answers_of(0.9, 0.8, 0.7))
    last = verdicts([first, others[0], replace(others[1], evidence=None)], higher_is_better=True)
    assert [one is None for one in last] == [False, False, True]
    assert verdicts([replace(first, evidence=None), *others], higher_is_better=True) == (None, None, None)
    assert verdicts([], higher_is_better=True) == ()


def test_one_cell_may_be_the_best():
    """There is nothing that it could be worse than."""
    assert judged(answers_of(0.9))["0"].verdict == "may_be_best"


def test_other_examples_are_independent():
    """A cell that was scored on other examples is held against the best with both variances."""
    answers = answers_of(0.9, 0.85, examples=500)
    first, second = contenders_of(answers)
    assert second.evidence is not None
    apart = replace(second, evidence=second.evidence.model_copy(update={"examples": "others"}))
    paired, alone = (verdicts([first, one], higher_is_better=True)[1] for one in (second, apart))
    assert paired is not None
    assert alone is not None
    expected = stats.norm.ppf(0.975) * np.sqrt(answers.var(axis=2).sum() / 500)
    assert alone.high - alone.behind == pytest.approx(expected, rel=0.06)
    assert alone.high > paired.high


def test_more_cells_make_wider_intervals():
    """Looking at many differences has its price, and it is the same for a cell wherever it stands in the list."""
    answers = answers_of(*[0.9] * 12, examples=400)
    few, many = judged(answers[:3]), judged(answers)
    reaches = [max(one.high - one.behind for one in found.values()) for found in (few, many)]
    assert reaches[0] < reaches[1]


def test_the_same_evidence_gives_the_same_verdicts():
    """The dice are fixed."""
    contenders = contenders_of(answers_of(0.9, 0.88, 0.86, seeds=3, points=1.0))
    assert verdicts(contenders, higher_is_better=True) == verdicts(contenders, higher_is_better=True)


def test_two_hundred_cells_take_seconds():
    """19,900 pairs, each drawn a thousand times and more."""
    contenders = contenders_of(answers_of(*np.linspace(0.3, 0.95, 200), seeds=2, examples=300, points=1.0))
    start = time.perf_counter()
    found = verdicts(contenders, higher_is_better=True)
    assert time.perf_counter() - start < 20
    assert {one.verdict for one in found if one is not None} >= {"may_be_best", "worse"}


def test_cells_that_answer_alike_all_may_be_the_best():
    """Three copies of one model: no luck tells them apart, and nothing is divided by it."""
    answers = np.repeat(answers_of(0.9), 3, axis=0)
    found = verdicts(contenders_of(answers), higher_is_better=True)
    assert [one.verdict for one in found if one is not None] == ["may_be_best"] * 3


def level_of(share: float, *, seeds: int, models: int = 5) -> float:
    """What is asked of the draws where seeds are this share of the variance of differences."""
    records = [one.evidence for one in contenders_of(answers_of(*[0.9] * models)) if one.evidence is not None]
    examples = luck_of(records).examples[np.triu_indices(models, 1)].mean()
    spread = (share / (1 - share) * examples / 2,) * len(WEIGHTS)
    return luck_of(
        [one.model_copy(update={"seeds": seeds, "seed_factor": 1.0, "spread": spread}) for one in records]
    ).level


def test_few_seeds_are_asked_for_more_where_they_may_hide_something():
    """A cell that scatters may hide behind seeds that agree by chance; not behind many, nor behind steady ones."""
    assert level_of(0.5, seeds=3) == level_of(0.5, seeds=2) == pytest.approx(0.032)
    assert level_of(0.5, seeds=3) < level_of(0.5, seeds=5) < 0.05
    assert level_of(0.5, seeds=10) == level_of(0.5, seeds=1) == 0.05
    assert level_of(0.1, seeds=3) == level_of(0.95, seeds=3) == 0.05
    assert level_of(0.1, seeds=3, models=2) == level_of(0.95, seeds=3, models=2) == pytest.approx(0.032)
