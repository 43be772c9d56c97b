"""Weighted Kendall tau with its interval, and the published table that it is held against."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import weightedtau

from suite.metrics.transferability.agreement import weighted_tau

TIES_IN_PRINT = {("Caltech101", "LogME"), ("CIFAR100", "LogME"), ("DTD", "LogME")}
"""Two models have the same printed score: the published tau knew a further digit."""
UNSOUND = {("DTD", "NCE")} | {(name, score) for name in ("Aircraft", "OxfordIIITPets") for score in ("HScore", "LEEP")}
UNSOUND |= {(name, score) for name in ("Aircraft", "OxfordIIITPets") for score in ("LogME", "NCE")}
"""DTD repeats its LogME column as NCE.  In the other two neither Kendall's nor Pearson's correlation of any column
follows from the printed numbers: their accuracies are of another run than their correlations."""


def published() -> dict[tuple[str, str], tuple[list[float], list[float], float, float]]:
    """Data set and score to its column, the accuracies, and the published tau and Pearson correlation."""
    text = (SHARED / "reference" / "tll" / "model_selection.README.md").read_text(encoding="utf-8")
    found = {}
    for block in text.split("#### Model Ranking Benchmark on ")[1:]:
        table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines() if line[:1] == "|"]
        pearson, tau = table[-2:]
        models = table[2:-2]
        for place, score in enumerate(table[0][2:], 2):
            column = [float(row[place]) for row in models]
            accuracies = [float(row[1]) for row in models]
            found[block.split()[0], score] = (column, accuracies, float(tau[place]), float(pearson[place]))
    return found


def naive_tau(scores: list[float], outcomes: list[float]) -> float:
    """Vigna's definition for lists without ties: pairs weigh 1/(r+1) + 1/(s+1), mean over both rankings."""
    found = []
    for ranking in (scores, outcomes):
        rank = {index: place for place, index in enumerate(sorted(range(len(ranking)), key=lambda i: -ranking[i]))}
        total = agreed = 0.0
        for i in range(len(scores)):
            for j in range(i):
                weight = 1 / (rank[i] + 1) + 1 / (rank[j] + 1)
                total += weight
                agreed += weight * np.sign((scores[i] - scores[j]) * (outcomes[i] - outcomes[j]))
        found.append(agreed / total)
    return sum(found) / 2


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(8)))
def test_tau_is_that_of_explicit_pairs(order: list[int]):
    """Every pair of models once, weighed by their places."""
    scores = [float(place) for place in order]
    assert weighted_tau(scores, list(range(8))).tau == pytest.approx(naive_tau(scores, list(range(8))), abs=1e-12)


def test_the_same_order_is_1_and_the_reversed_minus_1():
    """Both ends, without an interval: a point would look like certainty."""
    same = weighted_tau([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0])
    assert (same.tau, same.low, same.high) == (pytest.approx(1), None, None)
    assert "hides how sure it is" in (same.reason or "")
    assert weighted_tau([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]).tau == pytest.approx(-1)


def test_the_interval_holds_the_tau_and_narrows_with_models():
    """More models of the same kind leave less room; the order in which they come does not matter."""
    widths = []
    for models in (8, 100):
        generator = np.random.default_rng(2)
        outcomes = generator.normal(size=models)
        scores = outcomes + 0.5 * generator.normal(size=models)
        found = weighted_tau(scores.tolist(), outcomes.tolist())
        assert found.low <= found.tau <= found.high
        assert weighted_tau(scores[::-1].tolist(), outcomes[::-1].tolist()) == found
        widths.append(found.high - found.low)
    assert widths[1] < 0.6 * widths[0]


def test_models_without_a_number_are_counted_out():
    """Tau says how many of how many models it covers."""
    found = weighted_tau([1.0, None, 3.0, 4.0, 2.0, math.nan], [1.0, 2.0, 3.0, None, 2.5, 1.0])
    assert (found.models, found.of) == (3, 6)
    assert found.tau is not None


def test_two_models_are_no_order():
    """Fewer than three give a reason, never 0."""
    found = weighted_tau([1.0, 2.0, None], [3.0, 4.0, 5.0])
    assert (found.tau, found.low) == (None, None)
    assert found.reason == "an order needs 3 models with both numbers; there are 2 of 3."
    assert weighted_tau([], []).reason == "an order needs 3 models with both numbers; there are 0 of 0."


def test_equal_scores_are_no_order():
    """A score that says the same of every model has no tau."""
    found = weighted_tau([0.5, 0.5, 0.5], [1.0, 2.0, 3.0])
    assert (found.tau, found.reason) == (None, "all scores are the same, and give no order.")
    assert "all outcomes" in (weighted_tau([1.0, 2.0, 3.0], [0.5, 0.5, 0.5]).reason or "")


def test_three_models_have_a_tau_without_an_interval():
    """One in nine resamples of three models holds a single one of them."""
    found = weighted_tau([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    assert found.tau is not None
    assert (found.low, found.high) == (None, None)
    assert "too few for an interval" in (found.reason or "")


@pytest.mark.shared
@pytest.mark.parametrize("key", sorted(set(published()) - UNSOUND - TIES_IN_PRINT) if SHARED.is_dir() else [])
def test_tau_of_published_scores_is_the_published_tau(key: tuple[str, str]):
    """To the three digits that are printed, where the table is sound."""
    scores, accuracies, tau, _ = published()[key]
    found = weighted_tau(scores, accuracies)
    assert found.tau == pytest.approx(tau, abs=5.1e-4)
    assert (found.models, found.of) == (10, 10)
    assert found.low <= tau <= found.high


@pytest.mark.shared
@pytest.mark.parametrize("key", sorted(TIES_IN_PRINT))
def test_a_tie_in_print_explains_the_difference(key: tuple[str, str]):
    """Telling the two models with the same printed score apart, one way or the other, gives the published tau."""
    scores, accuracies, tau, _ = published()[key]
    (tied,) = [score for score in set(scores) if scores.count(score) == 2]
    first, second = (index for index, score in enumerate(scores) if score == tied)
    found = [
        weighted_tau([score - 1e-4 * (index == lower) for index, score in enumerate(scores)], accuracies).tau
        for lower in (first, second)
    ]
    assert min(found, key=lambda value: abs(value - tau)) == pytest.approx(tau, abs=5.1e-4)
    assert abs(weighted_tau(scores, accuracies).tau - tau) > 5.1e-4


@pytest.mark.shared
def test_the_unsound_columns_are_named_and_no_others():
    """Where the table contradicts itself both correlations do; elsewhere Pearson's agrees to the rounding."""
    for key, (scores, accuracies, tau, pearson) in published().items():
        off = abs(weightedtau(scores, accuracies).statistic - tau) > 0.03
        assert off == (key in UNSOUND), key
        assert (abs(np.corrcoef(scores, accuracies)[0, 1] - pearson) > 0.01) == (key in UNSOUND), key
    table = published()
    assert table["DTD", "NCE"][0] == table["DTD", "LogME"][0]
