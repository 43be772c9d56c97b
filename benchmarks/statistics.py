"""``python -m benchmarks.statistics``: do the verdicts err as seldom as they say, and what do they find?

Simulated test sets with a known truth go through the suite's own functions; the tables are printed and written to
``benchmarks/statistics.md``, with those of ``benchmarks.interval_coverage``.  About an hour on one core; with
``--keep-intervals`` the page keeps the tables of intervals that it has.

An example has a difficulty that all models share, one that each model adds, and luck of each fit; a seed may be better
or worse as a whole.  An answer is right where the sum is positive (a probit model), so that errors are correlated
between models and between seeds as they are in reality.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import interval_coverage
from benchmarks.peers import as_given, each_pair, moderated_t, resampled_t
from benchmarks.simulated import Compared, Finding, compared, evidence_of, right_answers, split_evidence
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.paired_tests import holm

__all__ = [
    "COVER",
    "ERROR",
    "GIVEN",
    "HOLM",
    "differences_found",
    "familywise_error",
    "intervals_hold",
    "kept_intervals",
    "main",
    "near_limit",
    "page",
    "split_error",
    "split_found",
]

PAGE = Path(__file__).with_suffix(".md")
NULLS = 500
MOST_NULLS = 4_000
"""A setting whose errors are too near the limit to be told from it runs on, ``NULLS`` comparisons at a time."""
TRUE = 250
"""Simulated comparisons in which some model is better."""
SELDOM = 4_000
"""The same where few of them are found."""
ERROR, COVER = 0.05, 0.95
SIZES = (200, 500, 2_000)
HOLM, PAIRS, GIVEN, SMYTH, CORRECTED = "Holm, all pairs", "matrix", "models as given", "Smyth", "resampled t"
"""The peers, as the columns of the page are called; ``PAIRS`` is the suite's own matrix of all pairs."""
ODD_ONE = (3.0, 0.5, 0.5, 0.5, 0.5)
"""One model whose seeds differ six times as much as those of the others."""
LADDER = (0.92, 0.92, 0.92, 0.90, 0.90, 0.90, 0.88, 0.88, 0.88, 0.85, 0.85, 0.85, *[0.8] * 8)
"""Twenty models, three of them equally good."""
HALF = (*[0.92] * 10, *[0.86] * 10)
Array = NDArray[np.float64]
Points = float | tuple[float, ...]
"""How far seeds differ, in points: of all models, or of each."""
Row = Callable[[], Finding]


def familywise_error(
    models: int,
    examples: int,
    *,
    seeds: int = 3,
    seed_points: Points = 0.0,
    accuracy: float = 0.9,
    is_mean: bool = True,
    trials: int = NULLS,
    most: int | None = None,
) -> Finding:
    """How often any of equally good models is called worse than the best, and how often other rules err.

    Args:
        models: Equally good ones.
        examples: Of the test set.
        seeds: Of each model.
        seed_points: How far they differ.
        accuracy: Of all models.
        is_mean: False hides that accuracy is a mean over examples.
        trials: Simulated comparisons.
        most: Where given, as many more at a time, up to this number, while the share is within two standard errors of
            the limit; then no noise is allowed for.
    """
    generator = np.random.default_rng([4, models, examples, seeds, *(int(10 * one) for one in _each(seed_points, 1))])
    names = (PAIRS, HOLM, GIVEN, SMYTH) if seeds > 1 else (PAIRS, HOLM, GIVEN)
    wrong = dict.fromkeys(("", *names), 0)
    done = 0
    while not done or (done < (most or trials) and near_limit(wrong[""] / done, done)):
        for _ in range(trials):
            answers = _answers(generator, [accuracy] * models, seed_points, seeds, examples)
            evidence = evidence_of(answers, is_mean=is_mean)
            said = compared(evidence)
            wrong[""] += bool(said.worse)
            wrong[PAIRS] += any(pair.different for pair in said.pairs)
            for name in names[1:]:
                wrong[name] += bool(_by_holm(name, answers, evidence))
        done += trials
    shares = {name: count / done for name, count in wrong.items()}
    setting = f"{models} equal models, {examples:,} examples, {_seeds(seeds, seed_points)}"
    setting += "" if is_mean else ", a metric that is no mean"
    setting += "" if accuracy == 0.9 else f", accuracy {accuracy:g}"
    share = shares.pop("")
    return Finding("some model called worse", setting, share, done, None, ERROR, shares, is_strict=most is not None)


def near_limit(share: float, trials: int) -> bool:
    """Whether a share of errors is within two standard errors of the limit, so that more comparisons would tell."""
    return abs(share - ERROR) <= 2 * math.sqrt(ERROR * (1 - ERROR) / trials)


def differences_found(
    accuracies: Sequence[float], examples: int, *, seeds: int, seed_points: float, said: str, trials: int = TRUE
) -> Finding:
    """The share of truly worse models that are called worse; of other rules, that are told apart from the best."""
    generator = np.random.default_rng([6, len(accuracies), examples, seeds, int(10 * seed_points)])
    truth = np.array(accuracies)
    worse = {str(place) for place in np.flatnonzero(truth < truth.max())}
    names = (HOLM, GIVEN, SMYTH) if seeds > 1 else (HOLM, GIVEN)
    found = dict.fromkeys(("", *names), 0)
    for _ in range(trials):
        answers = _answers(generator, accuracies, seed_points, seeds, examples)
        evidence = evidence_of(answers)
        found[""] += len(compared(evidence).worse & worse)
        for name in names:
            found[name] += len(_behind_best(_by_holm(name, answers, evidence), answers) & worse)
    shares = {name: count / trials / len(worse) for name, count in found.items()}
    setting = f"{said}, {examples:,} examples, {_seeds(seeds, seed_points)}"
    return Finding("worse models called worse", setting, shares.pop(""), trials, None, None, shares)


def intervals_hold(
    accuracies: Sequence[float], examples: int, *, seeds: int, seed_points: float, said: str, trials: int = TRUE
) -> Finding:
    """How often all intervals of a leaderboard hold the truth together, and how often those of all pairs do."""
    generator = np.random.default_rng([7, len(accuracies), examples, seeds, int(10 * seed_points)])
    held = dict.fromkeys(("", PAIRS), 0)
    for _ in range(trials):
        found = compared(evidence_of(_answers(generator, accuracies, seed_points, seeds, examples)))
        held[""] += _hold(found, accuracies)
        held[PAIRS] += _pairs_hold(found, accuracies)
    shares = {name: count / trials for name, count in held.items()}
    setting = f"{said}, {examples:,} examples, {_seeds(seeds, seed_points)}"
    return Finding("all intervals hold", setting, shares.pop(""), trials, COVER, None, shares)


def split_error(models: int, seeds: int, *, pool: int = 1_000, trials: int = NULLS) -> Finding:
    """Equal models called worse where every seed draws a fifth of a pool as its test examples."""
    shares = _on_splits([0.9] * models, seeds, pool, trials, lambda worse: float(bool(worse)))
    setting = f"{models} equal models, {seeds} seeds with splits of their own, {pool // 5} of {pool:,} tested"
    return Finding("some model called worse", setting, shares.pop(""), trials, None, ERROR, shares, is_strict=True)


def split_found(seeds: int, *, better: float = 6.0, models: int = 5, pool: int = 1_000, trials: int = TRUE) -> Finding:
    """Worse models called worse, where every seed has splits of its own."""
    accuracies = [0.89 + better / 100, *[0.89] * (models - 1)]
    shares = _on_splits(accuracies, seeds, pool, trials, lambda worse: len(worse - {"0"}) / (models - 1))
    setting = f"one of {models} is {better:g} points better, {seeds} seeds with splits of their own, {pool // 5} of "
    setting += f"{pool:,} tested"
    return Finding("worse models called worse", setting, shares.pop(""), trials, None, None, shares)


def _on_splits(
    accuracies: Sequence[float], seeds: int, pool: int, trials: int, count: Callable[[set[str]], float]
) -> dict[str, float]:
    """The mean of ``count`` over trials, of the suite's verdicts and of the pairs of two other rules."""
    generator = np.random.default_rng([5, len(accuracies), seeds, int(1_000 * accuracies[0])])
    sums = {"": 0.0, HOLM: 0.0, CORRECTED: 0.0}
    for _ in range(trials):
        answers = _answers(generator, accuracies, 1.0, seeds, pool)
        evidence = split_evidence(generator, answers, pool // 5)
        sums[""] += count(compared(evidence, resample=True).worse)
        scores = np.stack([one.scores for one in evidence.values()])
        for name, p_values in (
            (HOLM, each_pair(list(evidence.values()))),
            (CORRECTED, resampled_t(scores, evidence["0"].seed_factor)),
        ):
            apart = _apart(p_values, len(accuracies))
            null = len(set(accuracies)) == 1
            # Of equal models any pair is an error; else those of the best count.
            sums[name] += count({str(place) for pair in apart for place in pair} if null else _rest(apart, scores))
    return {name: total / trials for name, total in sums.items()}


def errors() -> Iterator[Row]:
    """The rows of the first table: every setting that the page has had, and near the top."""
    error = partial(partial, familywise_error, most=MOST_NULLS)
    for points in (0.0, 1.0, 2.0):
        yield from (error(5, examples, seed_points=points) for examples in SIZES)
        yield error(20, 500, seed_points=points)
    yield error(20, 2_000, seed_points=2.0)
    for seeds in (2, 5, 10):
        yield from (error(5, 500, seeds=seeds, seed_points=points) for points in (0.0, 1.0, 2.0))
        yield error(5, 2_000, seeds=seeds, seed_points=2.0)
        yield error(20, 500, seeds=seeds, seed_points=2.0)
    yield from (error(2, 2_000, seed_points=points) for points in (1.0, 2.0))
    yield from (error(5, 500, seed_points=points, is_mean=False) for points in (0.0, 2.0))
    yield from (error(5, many, seed_points=ODD_ONE) for many in SIZES)
    yield error(5, 2_000, seeds=5, seed_points=ODD_ONE)
    yield error(20, 500, seed_points=(*ODD_ONE, *[0.5] * 15))
    yield error(5, 2_000, seeds=2, seed_points=ODD_ONE)
    yield from (error(many, 2_000, seed_points=ODD_ONE[:many]) for many in (2, 3))
    yield from (partial(split_error, 5, seeds) for seeds in (2, 3, 5, 10))
    yield from (partial(split_error, 20, seeds) for seeds in (3, 5))
    yield from (error(models, 500, seeds=1) for models in (2, 5, 20))
    yield from (error(10, examples, seeds=1, accuracy=top) for examples, top in ((50, 0.9), (100, 0.98), (300, 0.99)))


def coverages() -> Iterator[Row]:
    """The rows of the second table."""
    hold = partial(partial, intervals_hold)
    for seeds, points in ((1, 0.0), (3, 0.0), (3, 1.0)):
        yield hold([0.9] * 5, 500, seeds=seeds, seed_points=points, said="5 equal models")
        yield hold([0.9] * 20, 500, seeds=seeds, seed_points=points, said="20 equal models")
        yield hold((0.92, *[0.89] * 4), 2_000, seeds=seeds, seed_points=points, said="one of 5 is 3 points better")
        yield hold((0.92, *[0.8] * 19), 500, seeds=seeds, seed_points=points, said="one of 20 is 12 points better")
        yield hold(HALF, 500, seeds=seeds, seed_points=points, said="10 of 20 are 6 points better")
        yield hold(LADDER, 500, seeds=seeds, seed_points=points, said="20 models, 0 to 12 points behind")


def powers() -> Iterator[Row]:
    """The rows of the third table."""
    found = partial(partial, differences_found)
    one = (0.92, *[0.89] * 4)
    said = "one of 5 is 3 points better"
    for points in (0.0, 1.0, 2.0):
        # Where hardly anything is found, it takes more comparisons to see which rule finds more.
        trials = SELDOM if points == 2.0 else TRUE
        yield from (
            found(one, examples, seeds=3, seed_points=points, said=said, trials=trials) for examples in SIZES[1:]
        )
    yield from (found(one, 2_000, seeds=seeds, seed_points=1.0, said=said) for seeds in (2, 5, 10))
    yield from (partial(split_found, seeds) for seeds in (3, 5, 10))
    for seeds, points in ((1, 0.0), (3, 0.0), (3, 1.0)):
        yield found(HALF, 500, seeds=seeds, seed_points=points, said="10 of 20 are 6 points better")
        yield found(LADDER, 500, seeds=seeds, seed_points=points, said="20 models, 0 to 12 points behind")


def page(tables: Sequence[tuple[str, Sequence[Finding]]], seconds: float, *, intervals: str = "") -> str:
    """Tables with a sentence above each, as Markdown; ``intervals`` are tables that stand before them."""
    lines = ["# Do the statistics hold?", "", OPENING, *(["", intervals.strip()] if intervals else [])]
    for text, found in tables:
        peers = [name for name in (PAIRS, HOLM, GIVEN, SMYTH, CORRECTED) if any(name in one.others for one in found)]
        lines += [
            "",
            text,
            "",
            f"| what | setting | verdicts |{''.join(f' {name} |' for name in peers)} wanted | of | met |",
        ]
        lines.append(f"|---|---|---:|{'---:|' * len(peers)}---:|---:|---|")
        lines += [_row(one, peers) for one in found]
    return "\n".join([*lines, "", NOTES, "", f"{seconds:.0f} s.", ""])


def _row(one: Finding, peers: Sequence[str]) -> str:
    said = {True: "yes", False: "**no**", None: "-"}[one.met]
    ends = (f"at most {one.most:.0%}" if one.most else "", f"at least {one.least:.0%}" if one.least else "")
    others = "".join(f" {one.others[name]:.1%} |" if name in one.others else " - |" for name in peers)
    wanted = " ".join(filter(None, ends)) or "-"
    return f"| {one.what} | {one.setting} | {one.share:.1%} |{others} {wanted} | {one.trials:,} | {said} |"


def _answers(
    generator: np.random.Generator, accuracies: Sequence[float], seed_points: Points, seeds: int, examples: int
) -> Array:
    return right_answers(
        generator,
        seeds=seeds,
        examples=examples,
        accuracies=accuracies,
        seed_points=_each(seed_points, len(accuracies)),
    )


def _each(seed_points: Points, models: int) -> tuple[float, ...]:
    return seed_points if isinstance(seed_points, tuple) else (seed_points,) * models


def _by_holm(name: str, answers: Array, evidence: dict[str, SetEvidence]) -> set[tuple[int, int]]:
    """The pairs that another test tells apart, corrected for all pairs."""
    tests: dict[str, Callable[[], Array]] = {
        HOLM: lambda: each_pair(list(evidence.values())),
        GIVEN: lambda: as_given(answers),
        SMYTH: lambda: moderated_t(answers),
    }
    return _apart(tests[name](), len(answers))


def _apart(p_values: Array, models: int) -> set[tuple[int, int]]:
    places = np.stack(np.triu_indices(models, 1), axis=1)
    return {(one, other) for one, other in places[holm(p_values) < ERROR].tolist()}


def _behind_best(apart: set[tuple[int, int]], answers: Array) -> set[str]:
    return _rest(apart, answers.mean(axis=2))


def _rest(apart: set[tuple[int, int]], scores: Array) -> set[str]:
    """The models that are told apart from the one of the best score."""
    best = int(scores.mean(axis=1).argmax())
    return {str(place) for pair in apart if best in pair for place in pair if place != best}


def _hold(found: Compared, accuracies: Sequence[float]) -> bool:
    """Whether every interval of what a model is behind the best-scoring one holds it."""
    return all(
        one.low is not None
        and one.high is not None
        and one.low - TINY <= accuracies[int(one.against)] - accuracies[int(name)] <= one.high + TINY
        for name, one in found.verdicts.items()
    )


def _pairs_hold(found: Compared, accuracies: Sequence[float]) -> bool:
    return all(
        pair.low is not None
        and pair.high is not None
        and pair.low - TINY <= accuracies[int(pair.better)] - accuracies[int(pair.worse)] <= pair.high + TINY
        for pair in found.pairs
    )


def _seeds(seeds: int, seed_points: Points) -> str:
    if isinstance(seed_points, tuple):
        return (
            f"{seeds} seeds that differ by {seed_points[0]:g} points in one model, by {seed_points[1]:g} in the others"
        )
    if seeds == 1:
        return "1 seed"
    return f"{seeds} seeds that differ by {seed_points:g} points" if seed_points else f"{seeds} seeds alike"


TINY = 1e-12
OPENING = """\
Written by `python -m benchmarks.statistics`: simulated test sets with a known truth through the suite's own
functions. Where a target stands, two standard errors of the simulation are allowed for: 2.8 points of 250 trials at
95 %. None are allowed for in the first table: a setting that is within two standard errors of 5 % runs on, 500
comparisons at a time, until it no longer is or has had 4,000, and "of" says how many they were."""
HOLD = (
    "The intervals of a leaderboard, of what each model is behind the best-scoring one, hold the truth all together in "
    "at least 95 % of the comparisons; so do those of the matrix of all pairs."
)
TABLES = (
    ("Of equally good models some is called worse in at most 5 % of the comparisons, all models together.", errors),
    (HOLD, coverages),
    ("What that finds: the share of truly worse models that are called worse.", powers),
)
NOTES = """\
"Verdicts" are the suite's: every model against the best-scoring one, by the largest difference that luck makes
(`suite/compare/statistics/best.py`). "Matrix" is its table of all pairs. "Holm, all pairs" is the rule of earlier
versions: each pair by itself, an exact test where there is one, and the correction of Holm (1979) for all pairs;
"models as given" the sign-flip test alone, which takes the fitted models as they are: the means of three seeds of
equally good models do
differ, and a large test set shows it. "Smyth" is the moderated t-test of Smyth (2004) with degrees of freedom by
Satterthwaite; "resampled t" the test of Nadeau and Bengio (2003), with Holm's correction like the others: scores that
happen to differ by the same amount on every split make it certain.

One model whose seeds differ six times as much as those of the others is not always recognised by two or three seeds.
That is the hardest setting of the first table, the more so the more test examples: what examples leave open gets small,
what seeds leave open does not. So where few seeds may hide such a model the draws are asked less than 5 %
(`suite/compare/statistics/simultaneous.py`)."""


def _run(row: Row) -> Finding:
    return row()


def kept_intervals(text: str) -> str:
    """The tables of intervals of a page that was written before: what stands between its opening and its first table.

    Raises:
        ValueError: Where it has none.
    """
    first, last = text.index(interval_coverage.INTRODUCTION.splitlines()[0]), text.index(TABLES[0][0])
    return text[first:last].strip()


def main(arguments: Sequence[str] = ()) -> int:
    """Prints the tables and writes the page; 0 where every target is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("processes", nargs="?", type=int, default=1, help="that work on the rows")
    parser.add_argument("--keep-intervals", action="store_true", help="keep the page's tables of intervals")
    asked = parser.parse_args(arguments)
    # Read first: a page that has none is told before an hour is spent.
    intervals = kept_intervals(PAGE.read_text(encoding="utf-8")) if asked.keep_intervals else ""
    start = time.monotonic()
    tables = []
    with ProcessPoolExecutor(max_workers=asked.processes) as pool:
        running = [(text, [pool.submit(_run, row) for row in rows()]) for text, rows in TABLES]
        for text, rows in running:
            found = []
            for row in rows:
                found.append(row.result())
                print(_row(found[-1], tuple(found[-1].others)), flush=True)
            tables.append((text, found))
    intervals = intervals or interval_coverage.tables()
    PAGE.write_text(page(tables, time.monotonic() - start, intervals=intervals), encoding="utf-8")
    return int(any(one.met is False for _, found in tables for one in found))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
