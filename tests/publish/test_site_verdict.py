"""A site says of each cell what the comparison says: over many comparisons, in each of its places."""

from __future__ import annotations

import numpy as np
import pytest
from lint_results import make_result, predictions, run_of
from site_verdicts import site_places

from suite.compare.comparison import Comparison
from suite.publish.differing import differ
from suite.publish.recording import record_of


def drawn(number: int) -> Comparison:
    """Some models with some seeds on some test examples, a few without predictions; each number another."""
    dice = np.random.default_rng(number)
    examples, seeds = int(dice.choice([40, 150, 600])), int(dice.integers(1, 4))
    results, kept = [], {}
    for model in range(int(dice.integers(2, 8))):
        level, scatter = dice.uniform(0.6, 0.97), dice.choice([0.0, 0.01, 0.08])
        for seed in range(1, seeds + 1):
            right = dice.random(examples) < np.clip(level + scatter * dice.standard_normal(), 0, 1)
            one = make_result(f"net {model}", strategy="fine_tune", seed=seed, score=float(right.mean()))
            results.append(one)
            if number % 5 or model != 1:
                kept[one.id] = predictions(list(right))
    return run_of(results, kept).comparison


@pytest.mark.parametrize("number", range(25))
def test_every_place_of_a_site_says_the_one_verdict(number: int):
    """Record, leaderboard as page, Markdown, JSON and sentence, and the pages of the models."""
    comparison = drawn(number)
    scored = [cell for cell in comparison.cells if cell.headline]
    expected = {cell.cell_id: cell.best.verdict if cell.best else "not tested" for cell in scored}
    for place, said in site_places(comparison).items():
        if place == "answer of the leaderboard":
            first = {name for name, words in expected.items() if words == "may_be_best"}
            assert set(said) == (first if said else set()), place
        else:
            assert said == expected, place


@pytest.mark.parametrize("number", range(6))
def test_a_diff_says_that_an_earlier_answer_may_still_be_the_best(number: int):
    """By the verdict of the run after, and by nothing else."""
    before, after = (record_of(drawn(one), {}) for one in (number, number + 100))
    (winner,) = differ(before[0], after[0], before[1], after[1]).winners
    again = [cell for cell in after[0].cells if winner.before and cell.model == winner.before.model]
    assert winner.still == any(cell.best is not None and cell.best.verdict == "may_be_best" for cell in again)
