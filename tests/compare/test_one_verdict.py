"""Every place that says which cells may be the best says the same, over many generated comparisons."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from report_sample import make_comparison
from site_verdicts import SITE_PLACES

from benchmarks.simulated import evidence_of, right_answers
from suite.cli.leaderboard import print_leaderboard
from suite.compare.advice.advice import advise
from suite.compare.advice.verdict_words import verdict_of
from suite.compare.comparison import CellSummary, Comparison, SeedScore
from suite.compare.statistics.best import held_against_best
from suite.compare.statistics.intervals import spread_of
from suite.compare.statistics.pairwise import differences
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.metrics.resampling import interval
from suite.report.frames import leaderboard_frame
from suite.report.page import make_page
from suite.report.sections.advice import losers_table
from suite.report.sections.pairs import pairs_matrix
from suite.report.writing import render_html, render_markdown

MODELS = ("one", "two", "three", "four", "five", "six")
STRATEGIES = ("knn", "linear_probe")


def generated(number: int) -> Comparison:
    """A comparison of some models of random quality, whose seeds scatter, some of them much."""
    dice = np.random.default_rng([11, number])
    base = make_comparison(models=MODELS[: int(dice.integers(1, 7))], strategies=STRATEGIES)
    seeds, examples = int(dice.integers(1, 4)), int(dice.integers(40, 500))
    answers = right_answers(
        dice, seeds=seeds, examples=examples, accuracies=dice.uniform(0.7, 0.95, len(base.cells)),
        seed_points=dice.choice([0.0, 1.0, 12.0], len(base.cells)),
    )  # fmt: skip
    evidence = dict(zip((cell.cell_id for cell in base.cells), evidence_of(answers).values(), strict=True))
    spread = spread_of(evidence)
    cells = [scored(cell, evidence[cell.cell_id], spread[cell.cell_id]) for cell in base.cells]
    ordered = sorted(cells, key=lambda cell: -cell.headline.value)
    best, contest = held_against_best(ordered, higher_is_better=True)
    ranked = tuple(
        cell.model_copy(update={"rank": rank, "best": best[cell.cell_id]}) for rank, cell in enumerate(ordered, start=1)
    )
    dataset = base.datasets[0]
    pairs = differences(dataset, ranked, evidence, spread, contest, higher_is_better=True)
    answer = advise(dataset, ranked, pairs, metrics=base.metrics, examples=examples)
    return base.model_copy(update={"cells": ranked, "pairs": pairs, "recommendations": (answer,), "pareto": ()})


def scored(cell: CellSummary, evidence, spread) -> CellSummary:
    """The cell with the score and the evidence of these answers."""
    scores = evidence.scores.tolist()
    low, high = interval(evidence.resampled)
    headline = cell.headline.model_copy(
        update={
            "value": float(np.mean(scores)), "low": low, "high": high, "lowest_seed": min(scores),
            "highest_seed": max(scores),
            "seeds": tuple(SeedScore(seed=seed, value=value) for seed, value in enumerate(scores)),
        }
    )  # fmt: skip
    return cell.model_copy(update={"headline": headline, "evidence": keep_evidence(evidence, spread)})


def kind(text: str) -> str:
    """The verdict that these words begin with."""
    return {"may": "may_be_best", "unsettled": "unsettled", "worse": "worse"}[re.split(r"[ :]", text)[0]]


def in_page(comparison: Comparison) -> dict[str, str]:
    """The leaderboard of the report."""
    page = render_html(make_page(comparison), comparison, {})
    found = re.findall(r'<tr data-cell="([^"]+)".*?<td class="standing"[^>]*>([^<]*)<', page, re.DOTALL)
    return {cell: kind(html.unescape(text)) for cell, text in found}


def in_markdown(comparison: Comparison) -> dict[str, str]:
    """The leaderboard of the Markdown twin."""
    text = render_markdown(make_page(comparison))
    rows = re.findall(r"^\| \d+ \| ([^|]+) \| ([^|]+) \| ([^|]+) \| [01]\.\d+ \|", text, re.MULTILINE)
    ids = {(cell.model, cell.strategy): cell.cell_id for cell in comparison.cells}
    return {ids[model, strategy]: kind(verdict) for model, strategy, verdict in rows}


def in_terminal(comparison: Comparison, printed: str) -> dict[str, str]:
    """The leaderboard of ``suite run``."""
    found = {}
    for cell in comparison.cells:
        (line,) = re.findall(rf"^ *\d+ +{cell.model} +{cell.strategy} .*$", printed, re.MULTILINE)
        (said,) = re.findall(r"may be the best|unsettled: \w+ [\d.]+ to [\d.]+|worse", line)
        found[cell.cell_id] = kind(said)
    return found


def in_tables(comparison: Comparison) -> dict[str, str]:
    """``suite results`` and the API; the rows are in the order of the cells."""
    frame = leaderboard_frame(comparison)
    return dict(zip((cell.cell_id for cell in comparison.cells), frame["verdict"].tolist(), strict=True))


def in_answer(comparison: Comparison) -> dict[str, str]:
    """The recommendation: the tied, and the reasons why the others were not chosen."""
    answer = comparison.recommendation
    names = {(cell.model, cell.strategy): cell.cell_id for cell in comparison.cells}
    reasons = {names[row[1].text, row[2].text]: row[3].text for row in losers_table(comparison, comparison.cells).rows}
    found = dict.fromkeys(answer.tied, "may_be_best")
    for cell, text in reasons.items():
        said = "may_be_best" if "may be the best" in text else "unsettled" if "unsettled" in text else "worse"
        assert found.setdefault(cell, said) == said
    return found


def in_pairs(comparison: Comparison) -> dict[str, str]:
    """The pairs of the best and the first row of the matrix; of what is not worse they know no more."""
    best = comparison.cells[0]
    own = [pair for pair in comparison.pairs if pair.better == best.cell_id]
    marks = [box.text for row in pairs_matrix(comparison, comparison.cells).rows[:1] for box in row[3:]]
    assert marks in ([], ["+" if pair.different else "·" for pair in own])
    said = {cell.cell_id: cell.best.verdict for cell in comparison.cells if cell.best.verdict != "worse"}
    apart = {pair.worse: "worse" for pair in own if pair.different}
    assert not apart.keys() & said.keys()
    return said | apart


PLACES: tuple[Callable[[Comparison], Mapping[str, str]], ...] = (
    in_tables,
    in_answer,
    in_pairs,
    *SITE_PLACES,
)
"""Every place that prints a verdict: a comparison to cell ids with verdicts. Whoever adds a place adds it here."""
PAGES: tuple[Callable[[Comparison], Mapping[str, str]], ...] = (in_page, in_markdown)
"""The same of places that take a second to make."""


def verdicts_of(comparison: Comparison) -> dict[str, str]:
    """What was decided."""
    return {cell.cell_id: cell.best.verdict for cell in comparison.cells}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_says_the_same(place: Callable[[Comparison], Mapping[str, str]]):
    """Over forty comparisons, of which some have cells of all three kinds."""
    kinds = set()
    for number in range(40):
        comparison = generated(number)
        assert place(comparison) == verdicts_of(comparison)
        kinds |= set(verdicts_of(comparison).values())
    assert kinds == {"may_be_best", "unsettled", "worse"}


@pytest.mark.parametrize("place", PAGES)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_page_says_the_same(place: Callable[[Comparison], Mapping[str, str]], number: int):
    """The page and its twin."""
    comparison = generated(number)
    assert place(comparison) == verdicts_of(comparison)


def test_the_terminal_says_the_same(capsys: pytest.CaptureFixture[str]):
    """What ``suite run`` prints at its end."""
    for number in range(10):
        comparison = generated(number)
        print_leaderboard(comparison)
        assert in_terminal(comparison, capsys.readouterr().out) == verdicts_of(comparison)


def test_no_sentence_calls_chance_what_its_interval_leaves_out():
    """'May be chance' never stands beside an interval that leaves out 0, nor a claim beside one that holds it."""
    for number in range(40):
        comparison = generated(number)
        for pair in comparison.pairs:
            assert pair.different == (pair.low > 0) == (pair.p_adjusted < 0.05)
        answer = comparison.recommendation
        texts = [one.text for one in (*answer.reasons, *answer.others, *answer.next_steps)]
        for low, text in re.findall(r"\(([−\d.]+) to [−\d.]+\)(, which may be chance)?", " ".join(texts)):
            assert not text or low.startswith("−") or float(low) == 0


def test_a_verdict_in_words_is_short():
    """No letters: the words of the three kinds, and the seeds of what is unsettled."""
    said = {verdict_of(cell) for number in range(20) for cell in generated(number).cells}
    assert all(re.fullmatch(r"may be the best|worse|unsettled: (seeds|interval) [\d.]+ to [\d.]+", one) for one in said)
