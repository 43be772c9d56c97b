"""Check ``chance``: scores that guessing would reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from suite.compare.advice.wording import always as always_gives
from suite.compare.advice.wording import quality
from suite.compare.comparison import CellSummary, MetricInfo
from suite.compare.number_format import percent
from suite.lint.subjects import LeftOut, LooksAt, Run, place_of
from suite.metrics import metrics_named
from suite.registry import METRICS
from suite.store.records.check import Finding

__all__ = ["Chance", "guessing", "share"]

UNLIKELY = 0.001
"""Probability, of guessing, of so low an accuracy: below it the score is called lower than chance."""
SHARE = 0.5
"""Where the number of test examples is not known, a score below this share of chance is called lower than chance."""


class Chance:
    """Cells that are worse than guessing, or than always naming the most frequent class."""

    summary: ClassVar[str] = "scores that guessing, or always naming one class, would beat"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("results",)

    @classmethod
    def findings(cls, subject: Run) -> Iterator[Finding | LeftOut]:
        """Per cell that is scored in a metric with a known value for guessing."""
        metric = subject.comparison.headline
        always = {facts.dataset: facts.always for facts in subject.comparison.facts.tests}
        unknown: dict[str, str] = {}
        for cell in subject.ranked:
            name = subject.comparison.headline.name
            name = name if guessing(name) is not None else "accuracy"
            value = _value(cell, name, subject)
            classes = _classes(cell, subject)
            if value is None:
                unknown[cell.dataset] = "no metric is there whose value for guessing is known."
            elif classes is None:
                unknown[cell.dataset] = "the number of classes is not recorded, so chance is not known."
            elif (by_chance := guessing(name)) is not None and _below(value, by_chance(classes), cell, name, subject):
                yield _finding(cell, value, by_chance(classes), classes)
            elif _worse_than_one_class(cell, always.get(cell.dataset), metric, subject):
                yield _naming_one_class(cell, always[cell.dataset] or 0.0, metric)
        for dataset, reason in unknown.items():
            yield LeftOut(dataset, reason)


def guessing(name: str) -> Callable[[int], float] | None:
    """A metric's value for guessing among so many classes; None where it has none that is known beforehand."""
    return metrics_named([name])[0].guessing if name in METRICS else None


def _value(cell: CellSummary, name: str, run: Run) -> float | None:
    if cell.headline is not None and run.comparison.headline.name == name:
        return cell.headline.value
    spread = cell.metrics.get(name)
    return spread.mean if spread else None


def _classes(cell: CellSummary, run: Run) -> int | None:
    if cell.confusion is not None:
        return len(cell.confusion.class_names)
    home = run.home(cell)
    return (home.classes or len(home.class_names) or None) if home else None


def _below(value: float, chance: float, cell: CellSummary, name: str, run: Run) -> bool:
    """Whether a score is lower than chance by more than the size of the test set explains."""
    if value >= chance:
        return False
    headline, home = cell.headline, run.home(cell)
    if headline is not None and headline.interval is not None and run.comparison.headline.name == name:
        return headline.interval[1] < chance
    examples = home.sizes.get("test") if home else None
    if not examples or name == "roc_auc":
        return value < SHARE * chance
    from scipy import stats

    return float(stats.binom.cdf(round(value * examples), examples, chance)) < UNLIKELY


def _worse_than_one_class(cell: CellSummary, always: float | None, metric: MetricInfo, run: Run) -> bool:
    """Whether the headline is worse than the same answer to every example, by more than the test set explains."""
    score = cell.headline
    if score is None or always is None:
        return False
    if guessing(metric.name) is not None:
        return _below(score.value, always, cell, metric.name, run)
    if metric.higher_is_better:
        return (score.high if score.high is not None else score.value) < always
    return (score.low if score.low is not None else score.value) > always


def _finding(cell: CellSummary, value: float, chance: float, classes: int) -> Finding:
    return Finding(
        check="chance",
        severity="error",
        what=f"The score is {share(value)}; guessing among {classes} classes gives {share(chance)}.",
        where=place_of(cell),
        why="A model that is worse than guessing has diverged, was scored against other labels, or is upside down: "
        "the number says nothing of the model.",
        mend="Look at its loss and log, compare the class names of training and test, and leave the cell out of every "
        "mean until it is explained.",
    )


def _naming_one_class(cell: CellSummary, always: float, metric: MetricInfo) -> Finding:
    score = cell.headline.value if cell.headline else 0.0
    return Finding(
        check="chance",
        severity="warning",
        what=f"The {metric.label} is {quality(score, metric)}; {always_gives(always, metric)}.",
        where=place_of(cell),
        why="By this metric the model is of no use, although it may have learned something.",
        mend="Train longer or with another learning rate; on unequal classes rank by balanced_accuracy.",
    )


def share(value: float) -> str:
    """A fraction in percent; a very small one with two digits that are not 0."""
    return percent(value) if value >= 0.01 or value == 0 else f"{100 * value:.2g}\u202f%"
