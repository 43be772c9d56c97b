"""``python -m benchmarks.interval_coverage``: how often does the interval of each metric hold what is true?

Simulated models with a known truth go through the suite's own functions.  About a quarter of an hour on two cores;
``benchmarks.statistics`` puts the tables into its page.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from suite.compare.statistics.intervals import luck_spreads, overall_interval
from suite.metrics import Metric
from suite.metrics.confusion import confusion_matrix
from suite.metrics.intervals import Luck, luck_of
from suite.metrics.resampling import interval, resampled_scores
from suite.registry import METRICS
from suite.store.records.generations import Generations
from suite.store.records.outputs import Outputs
from suite.store.records.result import Predictions

__all__ = [
    "METRICS_COVERED",
    "SHARES",
    "SIZES",
    "Coverage",
    "covered",
    "main",
    "one_setting",
    "rendered",
    "settings",
    "tables",
    "truth",
]

PAGE = Path(__file__).with_suffix(".md")
METRICS_COVERED = (
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "log_loss",
    "roc_auc",
    "expected_calibration_error",
    "bleu",
    "bits_per_byte",
)
SHARES = (0.5, 0.8, 0.95, 0.98, 0.99)
"""What a table calls p."""
SIZES = (20, 50, 100, 300, 2_000)
TRIALS = 400
PEER_TRIALS = 100
PEERS_UP_TO = 300
"""Examples; with more, all methods agree."""
LEAST, MOST = 0.93, 0.98
GIVEN = 0.5
"""Where fewer of the test sets than this get an interval, the table calls the size too small."""
CELLS = 4
"""Models of one data set, which learn from each other how far seeds differ."""
SHARED = 0.7
"""The share of a fit's luck with examples that all seeds have in common."""
SEED_SHIFT = 0.08
"""Standard deviation of what a seed moves, in units of the noise: 2 points at p = 0.5, 0.8 at 0.95."""
TEXT_SPREAD = 0.5
"""Standard deviation between texts, in logits."""
MIX = (0.5, 0.3, 0.2)
"""Of the three classes."""
EASE = (1.1, 1.0, 0.9)
OVERCONFIDENT = 1.3
CONCENTRATION = 4.0
"""Of the beta distribution of a token's probability."""
TRUTH_EXAMPLES = 400_000
SETS_FOR_TRUTH = 4_000
Array = NDArray[np.float64]
SEVERAL = 3
PROCESSES = 2
ENTERS = {
    "accuracy": "p is the accuracy itself.",
    "balanced_accuracy": "p is the accuracy; classes of 50, 30 and 20 %, the large one easier.",
    "f1_macro": "p is the accuracy; classes of 50, 30 and 20 %.",
    "log_loss": "p is the accuracy; probabilities are surer than they should be (logits times 1.3).",
    "roc_auc": "p is the accuracy; one class against the rest, the mean of three.",
    "expected_calibration_error": "p is the accuracy; probabilities are surer than they should be (logits times 1.3).",
    "bleu": "p is the share of words that match the reference; texts of 20 words.",
    "bits_per_byte": "p is the mean probability of a token; texts of 30 tokens.",
}
INTRODUCTION = f"""\
How often the 95 % interval of a metric holds what is true, over {TRIALS:,} simulated models per setting: two more or
less in a hundred are noise (two standard errors are 2.2 points). With one seed the interval is over examples and the
model is given; with {SEVERAL} seeds, which differ as a whole (2 points at p = 0.5, 0.8 at 0.95), it is over examples
and seeds. Wanted are {LEAST:.0%} to {MOST:.0%}. "Too small" is what the report says in place of an interval, with the
share of test sets where it does; coverage is of the others. The percentile bootstrap, which the suite had before, and
SciPy's BCa are asked with one seed, {PEER_TRIALS} times per setting; they never say that a test set is too small.

A share of n answers has n + 1 values, so that its coverage comes in steps: with 20 examples and p = 0.95 an interval
can hold the truth in 92.5 or in 98.4 of 100 test sets, with 50 and p = 0.98 in 92.2 or 98.2, with 20 and p = 0.98 in
94.0 or 99.3, and no method can do what lies between. The suite takes the step above. 20 examples at p = 0.99 are too
few for any method: 82 of 100 such test sets have no error at all, and the interval of a share is then 0.81 to 1.

The calibration error of few examples is too high on average, whatever the model; its interval is of what test sets of
this size show."""
PERCENTILE, BCA = "percentile bootstrap", "BCa (SciPy)"


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of one metric held the truth."""

    metric: str
    share: float
    examples: int
    seeds: int
    held: float
    """Of the test sets that got an interval; NaN where none did."""
    given: float
    """The share of test sets that got one."""
    trials: int
    peers: dict[str, float] = field(default_factory=dict)
    """The same of other methods, over all test sets."""

    @property
    def met(self) -> bool | None:
        """Whether it lies within bounds, as far as the noise of the simulation tells; None where sets are too small."""
        if self.given < GIVEN:
            return None
        count = self.given * self.trials
        low, high = (2 * math.sqrt(border * (1 - border) / count) for border in (LEAST, MOST))
        return LEAST - low <= self.held <= MOST + high


def covered(
    metric: str, share: float, examples: int, seeds: int, *, trials: int = TRIALS, peers: bool = False
) -> Coverage:
    """Simulates ``trials`` models with so many test examples and seeds, a few at a time on one data set.

    Args:
        metric: Its name.
        share: What the tables call p.
        examples: Of the test set.
        seeds: One: the interval over examples of one fitted model. More: over examples and seeds.
        trials: Models.
        peers: Whether the other methods are asked as well.
    """
    found, true = METRICS.get(metric), truth(metric, share, examples, seeds)
    generator = np.random.default_rng([METRICS_COVERED.index(metric), int(100 * share), examples, seeds])
    held = given = 0
    others = {PERCENTILE: 0, BCA: 0}
    asked = 0
    for _ in range(trials // CELLS):
        cells = [simulated(metric, share, examples, seeds, generator) for _ in range(CELLS)]
        lucks = [known for one in cells if isinstance(known := luck_of(found, one, scores=_scores(found, one)), Luck)]
        given += len(lucks)
        for luck, spread in zip(lucks, luck_spreads(lucks) if lucks else (), strict=True):
            low, high = overall_interval(luck, spread)
            held += low <= true <= high
        if peers and asked < PEER_TRIALS:
            asked += CELLS
            for one in cells:
                others[PERCENTILE] += _holds(interval(resampled_scores(found, one)), true)
                others[BCA] += _holds(_bca(found, one[0]), true)
    return Coverage(
        metric, share, examples, seeds, held / given if given else math.nan, given / trials, trials,
        {name: count / asked for name, count in others.items() if asked and (name == PERCENTILE or found.per_example)},
    )  # fmt: skip


@lru_cache(maxsize=256)
def truth(metric: str, share: float, examples: int, seeds: int) -> float:
    """What the interval ought to hold: the score of very many examples, and of very many seeds where there are several.

    The calibration error of few examples is too high on average, whatever the model.  Its interval is of what test sets
    of this size show, so that is its truth: the mean over very many of them.
    """
    found = METRICS.get(metric)
    generator = np.random.default_rng([11, METRICS_COVERED.index(metric), int(100 * share), seeds])
    if metric == "expected_calibration_error":
        sets = max(200, min(SETS_FOR_TRUTH, 4_000_000 // examples))
        return (
            math.fsum(found(simulated(metric, share, examples, 1, generator, moved=seeds > 1)[0]) for _ in range(sets))
            / sets
        )
    # Seeds come in sizes of their own: enough of them, each on enough examples.
    parts = 1 if seeds == 1 else 100
    each = [
        simulated(metric, share, max(TRUTH_EXAMPLES // parts, 4_000), 1, generator, moved=seeds > 1)
        for _ in range(parts)
    ]
    return math.fsum(found(one[0]) for one in each) / parts


def simulated(
    metric: str, share: float, examples: int, seeds: int, generator: np.random.Generator, *, moved: bool | None = None
) -> list[Outputs]:
    """The seeds of one model on one test set.

    Args:
        metric: Tells what has to be simulated: classes, texts or likelihoods.
        share: The accuracy of the classifier; the share of words that match; the mean probability of a token.
        examples: Of the test set.
        seeds: How many fits.
        generator: Where the dice come from.
        moved: Whether seeds differ as a whole; only where there are several when None.
    """
    shifts = SEED_SHIFT * generator.normal(size=seeds) if (seeds > 1 if moved is None else moved) else np.zeros(seeds)
    if metric == "bleu":
        return _texts(share, examples, shifts, generator)
    if metric == "bits_per_byte":
        return _likelihoods(share, examples, shifts, generator)
    return _classes(share, examples, shifts, generator)


def _classes(share: float, examples: int, shifts: Array, generator: np.random.Generator) -> list[Outputs]:
    """Three classes of 50, 30 and 20 %: one normal score for each, that of the true class is higher."""
    sizes = np.rint(np.array(MIX) * examples).astype(np.int64)
    targets = np.repeat(np.arange(3), sizes)
    count = len(targets)
    higher = _separation(share)
    truth_of = np.eye(3)[targets] * np.array(EASE)
    common = math.sqrt(SHARED) * generator.normal(size=(count, 3))
    ids = np.arange(count).astype(str)
    made: list[Outputs] = []
    for shift in shifts:
        noise = common + math.sqrt(1 - SHARED) * generator.normal(size=(count, 3))
        logits = OVERCONFIDENT * higher * (truth_of * (higher + shift) + noise)
        made.append(Predictions(ids, targets, special.softmax(logits, axis=1), ("one", "two", "three")))
    return made


@lru_cache(maxsize=16)
def _separation(share: float) -> float:
    """How much higher the true class must be for this accuracy."""
    noise = np.random.default_rng(12).normal(size=(400_000, 3))
    # Right where the lead over the better of the other two is more than it lacks.
    lead = np.sort(np.maximum(noise[:, 1], noise[:, 2]) - noise[:, 0])

    def accuracy(higher: float) -> float:
        return sum(
            part * float(np.searchsorted(lead, higher * ease)) / len(lead) for part, ease in zip(MIX, EASE, strict=True)
        )

    low, high = 0.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if accuracy(middle) < share else (low, middle)
    return (low + high) / 2


def _texts(share: float, examples: int, shifts: Array, generator: np.random.Generator) -> list[Outputs]:
    """Texts of 8 words and more, each of which matches the reference or not; as sums of n-grams, without words."""
    lengths = 8 + generator.poisson(12, examples)
    references = np.maximum(1, lengths + generator.integers(-1, 2, examples))
    places = np.arange(lengths.max())
    common = special.logit(share) + TEXT_SPREAD * math.sqrt(SHARED) * generator.normal(size=examples)
    made: list[Outputs] = []
    for shift in shifts:
        logits = common + TEXT_SPREAD * math.sqrt(1 - SHARED) * generator.normal(size=examples) + shift
        right = generator.random((examples, len(places))) < special.expit(logits)[:, None]
        right &= places < lengths[:, None]
        runs, columns = right.copy(), []
        for order in range(4):
            if order:
                runs = runs[:, :-1] & right[:, order:]
            columns.append(runs.sum(axis=1))
        totals = [lengths - order for order in range(4)]
        one = _empty(examples)
        one.statistics["bleu"] = np.stack([lengths, references, *columns, *totals], axis=1).astype(np.float64)
        made.append(one)
    return made


def _likelihoods(share: float, examples: int, shifts: Array, generator: np.random.Generator) -> list[Outputs]:
    """Texts of 10 tokens and more of 4 bytes on average; a token's probability is from a beta distribution."""
    tokens = 10 + generator.poisson(20, examples)
    size = tokens + generator.poisson(3 * tokens)
    starts = np.concatenate([[0], np.cumsum(tokens)[:-1]])
    common = special.logit(share) + TEXT_SPREAD * math.sqrt(SHARED) * generator.normal(size=examples)
    made: list[Outputs] = []
    for shift in shifts:
        logits = common + TEXT_SPREAD * math.sqrt(1 - SHARED) * generator.normal(size=examples) + shift
        mean = np.repeat(special.expit(logits), tokens)
        found = generator.beta(CONCENTRATION * mean, CONCENTRATION * (1 - mean))
        nats = np.add.reduceat(-np.log(np.maximum(found, 1e-12)), starts)
        made.append(_empty(examples, nats=nats, tokens=tokens, size=size))
    return made


def _empty(
    examples: int,
    *,
    nats: Array | None = None,
    tokens: NDArray[np.int64] | None = None,
    size: NDArray[np.int64] | None = None,
) -> Generations:
    ones, blank = np.ones(examples, dtype=np.int64), ("",) * examples
    return Generations(
        example_ids=np.arange(examples).astype(str), sources=blank, references=blank, texts=blank,
        nats=np.zeros(examples) if nats is None else nats, tokens=ones if tokens is None else tokens,
        reference_bytes=ones if size is None else size,
    )  # fmt: skip


def _scores(metric: Metric, predictions: list[Outputs]) -> Array:
    """The score of each fit, from what the metric declares: scikit-learn takes up to twenty times as long."""
    if metric.per_example is not None or metric.influences is not None:
        values = metric.per_example or metric.influences
        return np.array([values(one).mean() for one in predictions if values is not None])
    if metric.from_counts is not None:
        counts = [confusion_matrix(one) for one in predictions if isinstance(one, Predictions)]
        return metric.from_counts(np.array(counts, dtype=np.float64))
    return np.array([metric(one) for one in predictions])


def _holds(ends: tuple[float, float] | None, true: float) -> bool:
    return ends is not None and ends[0] <= true <= ends[1]


def _bca(metric: Metric, predictions: Outputs) -> tuple[float, float] | None:
    if metric.per_example is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are all alike it makes no interval
        ends = stats.bootstrap(
            (metric.per_example(predictions),), np.mean, n_resamples=999, method="BCa", rng=np.random.default_rng(13)
        ).confidence_interval
    return None if math.isnan(ends.low) else (float(ends.low), float(ends.high))


def tables(*, trials: int = TRIALS) -> str:
    """The tables of all metrics as Markdown, with what they show; about a quarter of an hour on two free cores."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return rendered(pool.starmap(one_setting, [(*one, trials) for one in settings()], chunksize=1))


def settings() -> list[tuple[str, float, int, int]]:
    """Metric, p, examples and seeds of every cell of the tables."""
    return [
        (metric, share, examples, seeds)
        for metric in METRICS_COVERED
        for examples in SIZES
        for seeds in (1, SEVERAL)
        for share in SHARES
    ]


def rendered(found: Sequence[Coverage]) -> str:
    """What ``tables`` gives, of what was found already."""
    by_metric = {metric: [one for one in found if one.metric == metric] for metric in METRICS_COVERED}
    return "\n\n".join([INTRODUCTION, *(_table(metric, rows) for metric, rows in by_metric.items()), _verdict(found)])


def one_setting(metric: str, share: float, examples: int, seeds: int, trials: int) -> Coverage:
    """``covered``, with the other methods where they are quick."""
    found = METRICS.get(metric)
    quick = found.per_example is not None or found.from_counts is not None or found.sums is not None
    peers = seeds == 1 and examples <= PEERS_UP_TO and quick
    return covered(metric, share, examples, seeds, trials=trials, peers=peers)


def _table(metric: str, found: Sequence[Coverage]) -> str:
    columns = [f"p = {share:g}" for share in SHARES]
    lines = [
        f"**{METRICS.get(metric).label}**, {ENTERS[metric]}",
        "",
        f"| examples | interval | {' | '.join(columns)} |",
    ]
    lines.append("|---:|---|" + "---:|" * len(SHARES))
    for examples in SIZES:
        for seeds in (1, SEVERAL):
            row = [one for one in found if (one.examples, one.seeds) == (examples, seeds)]
            name = "1 seed" if seeds == 1 else f"{seeds} seeds"
            lines.append(f"| {examples:,} | {name} | {' | '.join(map(_cell, row))} |")
            for peer in dict.fromkeys(peer for one in row for peer in one.peers):
                shares = " | ".join(f"{one.peers[peer]:.1%}" for one in row)
                lines.append(f"| | *{peer}* | {shares} |")
    return "\n".join(lines)


def _cell(one: Coverage) -> str:
    """The coverage, and how many test sets are said to be too small."""
    if one.given < GIVEN:
        return f"too small ({1 - one.given:.0%})"
    without = f" ({1 - one.given:.0%} too small)" if one.given < 0.995 else ""
    return f"{one.held:.1%}{without}{'' if one.met else ' !'}"


def _verdict(found: Sequence[Coverage]) -> str:
    judged = [one for one in found if one.met is not None]
    below = [one for one in judged if not one.met and one.held < LEAST]
    above = [one for one in judged if not one.met and one.held > MOST]
    peers = [one.peers[PERCENTILE] for one in found if PERCENTILE in one.peers]
    within = len(judged) - len(below) - len(above)
    return (
        f"Of {len(found)} settings {len(found) - len(judged)} are too small for an interval in most test sets. Of the "
        f"other {len(judged)}, {within} cover {LEAST:.0%} to {MOST:.0%} within the noise of the simulation, "
        f"{len(above)} more and {len(below)} less (marked !). The least is "
        f"{min(one.held for one in judged):.1%}; of the percentile bootstrap it is {min(peers):.1%}."
    )


def main() -> None:
    """Prints the tables and writes them to ``benchmarks/interval_coverage.md``."""
    started = time.perf_counter()
    text = f"# How often intervals hold the truth\n\n{tables()}\n\n{time.perf_counter() - started:.0f} s.\n"
    sys.stdout.write(text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
