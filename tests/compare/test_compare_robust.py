"""What is made of corrupted test sets: losses, intervals, corruption errors by hand, and who cannot be told apart."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from beyond_sample import with_beyond
from report_sample import make_comparison

from suite.compare.robustness.corruptions import Losses, losses_of, robustness_facts, robustness_of, with_errors
from suite.compare.robustness.records import CorruptionScore, Estimate, RobustnessSummary
from suite.compare.robustness.summary import robustness_sentence
from suite.compare.statistics.evidence import SetEvidence, gather
from suite.metrics import metrics_named
from suite.registry import CORRUPTIONS
from suite.store.records.example_files import CorruptedLabels
from suite.store.records.result import CorruptedScores, Predictions, Result, Score

CONDITIONS = (("noise", 1), ("noise", 3), ("blur", 1), ("blur", 3))
N = 200


def trial(seed: int, rates: dict[tuple[str, int], float], folder: Path) -> tuple[Result, Predictions]:
    """One final trial that is right on 90 % of clean examples and on ``rates`` of corrupted ones."""
    targets = np.arange(N) % 2
    clean = np.where(np.random.default_rng(seed).permutation(N) < 0.9 * N, targets, 1 - targets)
    labels = [
        np.where(np.random.default_rng([seed, row]).permutation(N) < rate * N, targets, 1 - targets)
        for row, rate in enumerate(rates.values())
    ]
    CorruptedLabels(tuple(rates), np.stack(labels).astype(np.int32)).save(folder / f"{seed}.npz")
    ids = np.array([str(index) for index in range(N)])
    made = Predictions(ids, targets, np.eye(2, dtype=np.float32)[clean], ("a", "b"))
    accuracy = {"accuracy": Score(value=0.9)}
    corrupted = tuple(
        CorruptedScores(corruption=name, severity=severity, scores={"accuracy": Score(value=rate)})
        for (name, severity), rate in rates.items()
    )
    result = Result(
        id=str(seed), cell_id="c", status="done", trial={}, phase="final", seed=seed, model="m", dataset="d",
        strategy="s", scores={"test": accuracy}, corrupted=corrupted,
    )  # fmt: skip
    return result, made


def cell_of(folder: Path, *rates: dict[tuple[str, int], float]) -> tuple[list[Result], SetEvidence, Losses | str]:
    """Trials of seeds 0, 1, ... with these rates, their evidence and losses."""
    made = [trial(seed, rate, folder) for seed, rate in enumerate(rates)]
    finals = [result for result, _ in made]
    predictions = {result.id: one for result, one in made}
    metric = metrics_named(["accuracy"])[0]
    home = gather(metric, finals, "test", lambda result, _name: predictions[result.id])
    return finals, home, losses_of(finals, home, lambda result, _name: folder / f"{result.id}.npz")


RATES = dict(zip(CONDITIONS, (0.8, 0.6, 0.9, 0.7), strict=True))
WORSE = dict(zip(CONDITIONS, (0.7, 0.5, 0.85, 0.75), strict=True))


def test_what_is_lost_is_the_clean_accuracy_minus_the_mean_over_severities(tmp_path):
    """Over seeds too, with an interval around it from the kept labels."""
    finals, _, losses = cell_of(tmp_path, RATES, WORSE)
    found = robustness_of(finals, losses)
    noise, blur = found.corruptions
    assert noise.accuracy.value == pytest.approx((0.8 + 0.6 + 0.7 + 0.5) / 4)
    assert blur.lost.value == pytest.approx(0.9 - (0.9 + 0.7 + 0.85 + 0.75) / 4)
    assert found.accuracy.value == pytest.approx((noise.accuracy.value + blur.accuracy.value) / 2)
    for one in (found.lost, noise.lost, blur.lost, *(one.accuracy for one in found.conditions)):
        assert one.low <= one.value <= one.high
    assert noise.lost.high - noise.lost.low < 0.2


def test_labels_of_other_conditions_or_lengths_are_not_used(tmp_path):
    """Then there is no interval, with the reason."""
    finals, home, _ = cell_of(tmp_path, RATES)
    CorruptedLabels(CONDITIONS, np.zeros((4, 7), np.int32)).save(tmp_path / "0.npz")
    reason = losses_of(finals, home, lambda _result, _name: tmp_path / "0.npz")
    assert "not kept" in reason
    assert robustness_of(finals, reason).lost.reason == reason
    (tmp_path / "0.npz").write_bytes(b"no archive")
    assert "cannot be read" in losses_of(finals, home, lambda _result, _name: tmp_path / "0.npz")


def summary(clean: float, noise: float, blur: float) -> RobustnessSummary:
    """A cell with these accuracies."""
    lost = Estimate(value=clean - (noise + blur) / 2)
    scores = tuple(
        CorruptionScore(corruption=name, accuracy=Estimate(value=value), lost=Estimate(value=clean - value))
        for name, value in (("noise", noise), ("blur", blur))
    )
    mean = Estimate(value=(noise + blur) / 2)
    return RobustnessSummary(seeds=1, clean=clean, accuracy=mean, lost=lost, corruptions=scores, conditions=())


def cells_with(*summaries: RobustnessSummary):
    """Cells of the sample with these summaries."""
    cells = make_comparison(models=("one", "two", "three")[: len(summaries)], strategies=("linear_probe",)).cells
    return [cell.model_copy(update={"robustness": found}) for cell, found in zip(cells, summaries, strict=True)]


def test_corruption_errors_are_those_of_the_paper():
    """Errors, and errors that were added, as multiples of the reference's; then their means."""
    cells = cells_with(summary(0.9, 0.7, 0.8), summary(0.8, 0.5, 0.75))
    own = with_errors(cells, cells[0].cell_id)[1].robustness
    assert [one.corruption_error for one in own.corruptions] == pytest.approx([0.5 / 0.3, 0.25 / 0.2])
    assert [one.relative_error for one in own.corruptions] == pytest.approx([0.3 / 0.2, 0.05 / 0.1])
    assert own.mean_corruption_error == pytest.approx((0.5 / 0.3 + 0.25 / 0.2) / 2)
    assert own.relative_mean_error == pytest.approx(1.0)


def test_a_reference_that_loses_nothing_gives_no_ratio():
    """Not infinite and not 0: the mean is over the others, and says which one is not in it."""
    cells = cells_with(summary(0.9, 0.7, 0.9), summary(0.8, 0.5, 0.75))
    own = with_errors(cells, cells[0].cell_id)[1].robustness
    assert own.corruptions[1].relative_error is None
    assert (own.relative_mean_error, own.relative_over) == (pytest.approx(0.3 / 0.2), 1)
    assert own.mean_corruption_error is not None
    assert "under blur" in own.reason


def test_leaders_and_those_that_cannot_be_told_apart():
    """A copy is tied, a much worse one is not; the reference is the first of the plan."""
    dice = np.random.default_rng(0)
    clean = np.ones((1, N), dtype=bool)
    good = dice.random((1, 4, N)) < 0.9
    bad = dice.random((1, 4, N)) < 0.5
    cells = cells_with(summary(1, 0.9, 0.9), summary(1, 0.9, 0.9), summary(1, 0.5, 0.5))
    conditions = make_conditions()
    cells = [
        cell.model_copy(update={"robustness": cell.robustness.model_copy(update={"conditions": conditions})})
        for cell in cells
    ]
    ids = [cell.cell_id for cell in cells]
    losses = {one: Losses(clean, made, "key") for one, made in zip(ids, (good, good, bad), strict=True)}
    facts = robustness_facts("d", cells, ids[::-1], losses)
    assert facts.reference == ids[2]
    for leader in facts.leaders:
        assert {leader.most_right, *leader.as_right} == set(ids[:2])
        assert {leader.least_lost, *leader.as_little} == set(ids[:2])
    assert [leader.corruption for leader in facts.leaders] == ["", "noise", "blur"]


def make_conditions():
    """Scores under ``CONDITIONS``; their values do not matter here."""
    from suite.compare.robustness.records import ConditionScore

    nothing = Estimate(value=0.5)
    return tuple(
        ConditionScore(corruption=name, severity=severity, accuracy=nothing, lost=nothing)
        for name, severity in CONDITIONS
    )


def test_the_sentence_names_what_hurts_most_and_who_loses_least_there():
    """And whether that one is right more often there, since a poor model has little to lose."""
    chosen, poor = cells_with(summary(0.9, 0.5, 0.8), summary(0.3, 0.25, 0.2))
    found = robustness_sentence(chosen, (chosen, poor), lambda cell: cell.model)
    assert found.text == (
        "Corrupted examples cost it 25.0 points of accuracy, most under noise (40.0); two loses least there "
        "(5.0, from 30.0\u202f%), but is right less often even so."
    )
    assert robustness_sentence(poor, (poor,), lambda cell: cell.model).numbers["lost"] == pytest.approx(0.075)
    unhurt = cells_with(summary(0.9, 0.9, 0.95))[0]
    assert robustness_sentence(unhurt, (unhurt,), lambda cell: cell.model) is None


def test_the_recommendation_has_at_most_five_reasons():
    """However much there is to say."""
    from suite.compare.advice.advice import advise_again

    comparison = with_beyond(make_comparison())
    for answer in advise_again(comparison, None):
        assert len(answer.reasons) <= 5
        assert "robustness" in {reason.kind for reason in answer.reasons}


def test_the_committed_table_is_of_these_strengths():
    """Severity 3 costs the reference 15 points, give or take 4, and the table is not older than the strengths."""
    text = (Path(__file__).resolve().parents[2] / "benchmarks" / "corruptions.md").read_text(encoding="utf-8")
    rows = {
        row[0]: row
        for row in re.findall(r"^\| (\w+) \| .*? \| ((?:[\d.]+, )+[\d.]+) \| (.*) \|$", text, flags=re.MULTILINE)
    }
    images = {name for name in CORRUPTIONS.names() if getattr(CORRUPTIONS.get(name), "kind", "") == "image"}
    assert set(rows) == {name for name in images if CORRUPTIONS.get(name).__module__.startswith("suite.")}
    for name, strengths, points in rows.values():
        assert strengths == ", ".join(f"{one:g}" for one in CORRUPTIONS.get(name).strengths)
        lost = [float(re.sub(r"\*\*|\(.*", "", one)) for one in points.split(" | ")]
        assert lost == sorted(lost)
        assert 11 <= lost[2] <= 19
