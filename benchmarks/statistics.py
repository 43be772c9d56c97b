"""``python -m benchmarks.statistics``: do the intervals cover, and do the tests err as seldom as they say?

Simulated test sets with a known truth go through the suite's own functions; the table is printed and written to
``benchmarks/statistics.md``.  About three minutes on one core.

An example has a difficulty that all models share, one that each model adds, and luck of each fit; a seed may be better
or worse as a whole.  An answer is right where the sum is positive (a probit model), so that errors are correlated
between models and between seeds as they are in reality.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from suite.compare.evidence import SetEvidence
from suite.compare.hierarchy import overall_interval
from suite.compare.paired import holm, sign_flip_p_values
from suite.compare.resplit import resampled_t_test
from suite.metrics.resampling import interval, intervals, resampled_means, resampled_scores
from suite.registry import METRICS
from suite.results import Predictions

__all__ = [
    "Finding",
    "balanced_coverage",
    "example_coverage",
    "familywise_error",
    "hierarchical_coverage",
    "main",
    "split_error",
]

PAGE = Path(__file__).with_suffix(".md")
TRIALS = 2_000
NULLS = 1_000
LEAST, MOST = 0.93, 0.97
ERROR = 0.05
AT_ONCE = 200
SAME_CLASSES = 50
"""Test sets in a row that have the same mix of classes, so that their resamples are drawn once."""
SHARED, OWN, LUCK = 0.5, 0.2, 0.3
"""Variances of the difficulty that all models share, of the one that a model adds, and of a fit's luck."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """One row of the table: how often something happened over simulated test sets."""

    what: str
    setting: str
    share: float
    trials: int
    least: float | None
    most: float | None

    @property
    def met(self) -> bool | None:
        """Whether the share is where it was promised, within the noise of the simulation; None without a promise.

        The noise is two standard errors: a share that lies exactly on the border is seen beyond it every other time.
        """
        if self.least is None and self.most is None:
            return None
        return self._beyond(self.least, -1) and self._beyond(self.most, 1)

    def _beyond(self, border: float | None, side: int) -> bool:
        if border is None:
            return True
        noise = 2 * float(np.sqrt(border * (1 - border) / self.trials))
        return side * (self.share - border) <= noise


def right_answers(
    generator: np.random.Generator, *, models: int, seeds: int, examples: int, accuracy: float, seed_points: float
) -> Array:
    """Which answers are right, as 0 and 1; shape ``(models, seeds, examples)``.

    Args:
        generator: Where the dice come from.
        models: All with the same true accuracy.
        seeds: Of each model.
        examples: The same for all models and seeds.
        accuracy: True, over all examples and seeds.
        seed_points: Standard deviation of a seed's own accuracy, in points.
    """
    slope = stats.norm.pdf(stats.norm.ppf(accuracy))
    deviation = seed_points / 100 / slope
    level = stats.norm.ppf(accuracy) * np.sqrt(1 + deviation**2)
    latent = level + deviation * generator.normal(size=(models, seeds, 1))
    latent = latent + np.sqrt(SHARED) * generator.normal(size=examples)
    latent = latent + np.sqrt(OWN) * generator.normal(size=(models, 1, examples))
    latent += np.sqrt(LUCK) * generator.normal(size=(models, seeds, examples))
    return np.asarray(latent > 0, dtype=np.float64)


def example_coverage(accuracy: float, examples: int, *, trials: int = TRIALS) -> Finding:
    """How often the interval over examples holds the true accuracy of one fitted model."""
    generator = np.random.default_rng([1, examples, int(100 * accuracy)])
    answers = (generator.random((examples, trials)) < accuracy).astype(np.float64)
    ends = intervals(resampled_means(answers).T)
    share = float(((ends[:, 0] <= accuracy) & (accuracy <= ends[:, 1])).mean())
    setting = f"accuracy {accuracy}, {examples:,} examples"
    return Finding("accuracy, interval over examples", setting, share, trials, LEAST, MOST)


def balanced_coverage(recalls: tuple[float, ...], examples: int, *, trials: int = TRIALS) -> Finding:
    """The same of balanced accuracy: classes of 60, 30 and 10 %, drawn anew with every 50th test set."""
    generator = np.random.default_rng([2, examples])
    metric = METRICS.get("balanced_accuracy")
    names = tuple(f"class-{index}" for index in range(len(recalls)))
    ids = np.arange(examples).astype(str)
    truth, held = float(np.mean(recalls)), 0
    targets = np.zeros(examples, dtype=np.int64)
    for trial in range(trials):
        if trial % SAME_CLASSES == 0:
            targets = generator.choice(3, size=examples, p=[0.6, 0.3, 0.1])
        wrong = generator.random(examples) >= np.array(recalls)[targets]
        labels = (targets + wrong * generator.integers(1, 3, examples)) % 3
        made = Predictions(ids, targets, np.eye(3, dtype=np.float32)[labels], names)
        low, high = interval(resampled_scores(metric, [made])) or (np.nan, np.nan)
        held += low <= truth <= high
    setting = f"recalls {', '.join(map(str, recalls))}; {examples:,} examples of classes of 60, 30, 10 %"
    return Finding("balanced accuracy, interval over examples", setting, held / trials, trials, LEAST, MOST)


def hierarchical_coverage(
    accuracy: float, examples: int, seeds: int, *, seed_points: float, trials: int = TRIALS
) -> Finding:
    """How often the interval over examples and seeds holds the accuracy over all examples and all seeds."""
    generator = np.random.default_rng([3, examples, seeds, int(100 * accuracy), int(10 * seed_points)])
    held = 0
    for evidence in _cells(generator, accuracy, examples, seeds=seeds, seed_points=seed_points, trials=trials):
        ends, _ = overall_interval(evidence, (0.0, 1.0))
        held += ends is not None and ends[0] <= accuracy <= ends[1]
    setting = f"accuracy {accuracy}, {examples:,} examples, {seeds} seeds that differ by {seed_points:g} points"
    return Finding("accuracy, interval over examples and seeds", setting, held / trials, trials, LEAST, MOST)


def _cells(
    generator: np.random.Generator, accuracy: float, examples: int, *, seeds: int, seed_points: float, trials: int
) -> Iterator[SetEvidence]:
    for start in range(0, trials, AT_ONCE):
        many = min(AT_ONCE, trials - start)
        parts = [
            right_answers(
                generator, models=1, seeds=seeds, examples=examples, accuracy=accuracy, seed_points=seed_points
            )[0]
            for _ in range(many)
        ]
        resampled = resampled_means(np.concatenate(parts).T).T
        for index, answers in enumerate(parts):
            yield _evidence(answers, resampled[index * seeds : (index + 1) * seeds])


def _evidence(answers: Array, by_seed: Array) -> SetEvidence:
    """What the comparison would gather of these answers, shape ``(seeds, examples)``."""
    return SetEvidence(
        predictions=(),
        seeds=tuple(range(len(answers))),
        keys=("same",) * len(answers),
        scores=answers.mean(axis=1),
        values=answers.mean(axis=0),
        by_seed=by_seed,
        resampled=by_seed.mean(axis=0),
        reason=None,
    )


def familywise_error(
    models: int, examples: int, *, seed_points: float = 0.0, trials: int = NULLS, promised: bool = True
) -> Finding:
    """How often any two of equally good models are told apart, all pairs corrected together."""
    generator = np.random.default_rng([4, models, examples, int(10 * seed_points)])
    first, second = np.triu_indices(models, 1)
    wrong = 0
    for _ in range(trials):
        answers = right_answers(
            generator, models=models, seeds=3, examples=examples, accuracy=0.9, seed_points=seed_points
        )
        values = answers.mean(axis=1)
        adjusted = holm(sign_flip_p_values(values[first] - values[second], steps=3))
        wrong += bool((adjusted < ERROR).any())
    differ = f" that differ by {seed_points:g} points" if seed_points else " alike"
    setting = f"{models} equal models, {examples:,} examples, 3 seeds{differ}"
    return Finding(
        "some pair told apart (sign flips, Holm)", setting, wrong / trials, trials, None, ERROR if promised else None
    )


def split_error(models: int, seeds: int, *, pool: int = 1_000, trials: int = NULLS) -> Finding:
    """The same where every seed draws a fifth of a pool as its test examples: the corrected resampled t-test."""
    generator = np.random.default_rng([5, models, seeds])
    first, second = np.triu_indices(models, 1)
    tested = pool // 5
    factor = 1 / seeds + tested / (pool - tested)
    wrong = 0
    for _ in range(trials):
        answers = right_answers(generator, models=models, seeds=seeds, examples=pool, accuracy=0.9, seed_points=1.0)
        drawn = np.argsort(generator.random((seeds, pool)), axis=1)[:, :tested]
        scores = np.stack([answers[:, seed, drawn[seed]].mean(axis=1) for seed in range(seeds)], axis=1)
        p_values = resampled_t_test(scores[first] - scores[second], factor=factor).p_value
        wrong += bool((holm(p_values) < ERROR).any())
    setting = f"{models} equal models, {seeds} seeds with splits of their own, {tested} of {pool:,} tested"
    return Finding("some pair told apart (resampled t-test, Holm)", setting, wrong / trials, trials, None, ERROR)


def findings() -> Iterator[Finding]:
    """Everything, in the order of the table."""
    sizes = (200, 500, 2_000)
    for accuracy in (0.6, 0.9):
        yield from (example_coverage(accuracy, examples) for examples in sizes)
    yield from (balanced_coverage((0.95, 0.85, 0.7), examples) for examples in sizes)
    for seeds in (3, 5, 10):
        for accuracy in (0.6, 0.9):
            yield from (hierarchical_coverage(accuracy, examples, seeds, seed_points=1.0) for examples in sizes)
    yield from (hierarchical_coverage(0.9, 500, 3, seed_points=points) for points in (0.0, 2.0))
    yield from (familywise_error(5, examples) for examples in sizes)
    yield familywise_error(20, 500)
    yield from (split_error(5, seeds) for seeds in (3, 5, 10))
    yield split_error(20, 5)
    yield from (familywise_error(5, examples, seed_points=1.0, promised=False) for examples in (500, 2_000))


def page(found: Iterable[Finding], seconds: float) -> str:
    """The table as Markdown."""
    said = {True: "yes", False: "**no**", None: "not promised"}
    lines = [
        "# Do the statistics hold?",
        "",
        "Written by `python -m benchmarks.statistics`: simulated test sets with a known truth through the suite's own",
        "functions. 95 % intervals should hold the truth in 93 to 97 % of the test sets; models that are equally good",
        "should be told apart in at most 5 % of the comparisons, all pairs of a comparison together. Two standard",
        "errors of the simulation are allowed for: 0.8 points of a coverage, 1.4 points of an error.",
        "",
        "| what | setting | seen | wanted | of | met |",
        "|---|---|---:|---:|---:|---|",
    ]
    for one in found:
        wanted = (
            "-" if one.met is None else f"{one.least:.0%} to {one.most:.0%}" if one.least else f"at most {ERROR:.0%}"
        )
        lines.append(f"| {one.what} | {one.setting} | {one.share:.1%} | {wanted} | {one.trials:,} | {said[one.met]} |")
    return "\n".join([*lines, "", *NOTES, "", f"{seconds:.0f} s.", ""])


NOTES = (
    "The last rows are not promised. The tests take the fitted models as they are: with seeds that differ, the means",
    "of three seeds of equally good models do differ, and a large test set shows it. That is why the report gives,",
    "beside the test, the chance to stay ahead with other seeds, says how many pairs that are told apart might change",
    "places, and draws the interval over examples and seeds.",
)


def main() -> int:
    """Simulates, prints and writes. Returns 1 where a target was missed."""
    started = time.perf_counter()
    found = []
    for one in findings():
        found.append(one)
        print(f"{time.perf_counter() - started:5.0f} s  {one.share:.3f}  {one.what}: {one.setting}", file=sys.stderr)
    text = page(found, time.perf_counter() - started)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    return 0 if all(one.met is not False for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
