"""What to take with how many labels, as a person would say it; every sentence follows from ranks and verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from suite.compare.advice.recommendation import Choice
from suite.compare.advice.what_would_change import listed
from suite.compare.advice.wording import adapted, quality
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import LabelPoint
from suite.spec.label_budget import words_of

__all__ = ["Answer", "called_short", "label_answers", "label_sentences", "point_words"]

MOST_NAMED = 2
"""Tied cells that a sentence names; of more it names the first and says how many there are."""
FEW_STEPS = 100
"""Optimizer steps below which a fit may simply have ended too early."""


@dataclass(frozen=True)
class Answer:
    """What the cells of one label budget say."""

    point: LabelPoint
    best: CellSummary | None
    """The highest score; None where there is none."""
    choice: Choice | None
    """What is taken; None where no cell has a score or keeps the limits."""


def label_answers(answers: Sequence[Answer], *, limited: bool) -> tuple[str, ...]:
    """What to take from how many labels on.

    Neighbouring budgets with the same answer are one sentence; of the others that may be the best, it names those
    that may be at every one of these budgets.

    Args:
        answers: From the fewest labels to the most.
        limited: Whether there are limits on what may be taken.
    """
    there = [(one, one.choice) for one in answers if one.choice is not None]
    runs = [list(run) for _, run in groupby(there, key=lambda pair: _key(pair[1].chosen))]
    said = [_run(run, first=index == 0, last=index == len(runs) - 1) for index, run in enumerate(runs)]
    if limited:
        said = [f"Within the limits, {one[0].lower()}{one[1:]}" for one in said]
    return tuple(said)


def label_sentences(answers: Sequence[Answer], metric: MetricInfo) -> tuple[str, ...]:
    """What more labels bring, and what has no score and why.

    Args:
        answers: From the fewest labels to the most.
        metric: The headline.
    """
    return (*_gain(answers, metric), *_steps(answers), *_left_out(answers))


def point_words(point: LabelPoint) -> str:
    """``5 labels per class``, ``25 % of the labels (20 per class)``, ``all labels (80 per class)``."""
    return words_of(point.budget, point.per_class)


def called_short(cell: CellSummary) -> str:
    """A cell in the middle of a sentence: ``vit_tiny with a linear probe``."""
    return f"{cell.model} {adapted(cell)}"


def _key(cell: CellSummary) -> tuple[str, str]:
    """Cells of two budgets are the same answer where model and strategy are."""
    return cell.model, cell.strategy


def _run(run: Sequence[tuple[Answer, Choice]], *, first: bool, last: bool) -> str:
    low, span = point_words(run[0][0].point), _span(run[0][0].point, run[-1][0].point)
    take = f"take {called_short(run[0][1].chosen)}{_tied([choice for _, choice in run])}."
    if len(run) == 1:
        return f"With {low}, {take}"
    if first and last:
        return f"The number of labels does not change the answer: from {span}, {take}"
    return f"From {low} on, {take}" if last else f"From {span}, {take}"


def _span(low: LabelPoint, high: LabelPoint) -> str:
    """``2 to 5 labels per class``, ``2 labels per class to all labels (80 per class)``."""
    both = isinstance(low.budget, int) and isinstance(high.budget, int)
    return f"{low.budget if both else point_words(low)} to {point_words(high)}"


def _tied(choices: Sequence[Choice]) -> str:
    """Who else may be the best at every budget of a run."""
    own = _key(choices[0].chosen)
    common = set.intersection(*({_key(cell) for cell in choice.tied} for choice in choices)) - {own}
    cells = [cell for cell in choices[-1].tied if _key(cell) in common]
    if not cells:
        return ""
    rest = len(cells) - MOST_NAMED
    names = [called_short(cell) for cell in (cells if rest <= 0 else cells[:1])]
    names += [f"{len(cells) - 1} more"] if rest > 0 else []
    return f"; {listed(names)} may be the best too"


def _gain(answers: Sequence[Answer], metric: MetricInfo) -> Iterator[str]:
    """The best score with the fewest and the most labels."""
    scored = [(one.point, one.best.headline) for one in answers if one.best is not None and one.best.headline]
    if len(scored) < 2:
        return
    (few, low), (many, high) = scored[0], scored[-1]
    more = (high.value - low.value) * (1 if metric.higher_is_better else -1)
    said = f"The best {metric.label} is {quality(low.value, metric)} with {point_words(few)}"
    said += f" and {quality(high.value, metric)} with {point_words(many)}"
    yield f"{said}." if more > 0 else f"{said}: no gain shows."


def _steps(answers: Sequence[Answer]) -> Iterator[str]:
    """The same epochs are fewer steps where there are fewer examples."""
    points = [one.point for one in answers if one.point.steps]
    if len(points) < 2:
        return
    (few, low), (many, high) = ((point, sorted(map(round, point.steps.values()))) for point in (points[0], points[-1]))
    more = "; more epochs may change the answer where labels are few" if low[0] < FEW_STEPS else ""
    yield (
        f"Fits with epochs took {_ends(low)} steps with {point_words(few)} and {_ends(high)} with {point_words(many)}, "
        f"since the number of epochs is the same{more}."
    )


def _ends(values: Sequence[int]) -> str:
    """``4``, or ``4 to 8``; of sorted values."""
    return " to ".join(dict.fromkeys(f"{value:,}" for value in (values[0], values[-1])))


def _left_out(answers: Sequence[Answer]) -> Iterator[str]:
    for one in answers:
        if one.point.reason is not None:
            yield f"{point_words(one.point)[0].upper()}{point_words(one.point)[1:]}: {one.point.reason}."
