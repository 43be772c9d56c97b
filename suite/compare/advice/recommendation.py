"""The answer: which cell to take, and at most five reasons, every one generated from results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from suite.compare.advice.wording import adapted, between, called, change, points, quality, range_of, seconds
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import Difference, Recommendation, Sentence
from suite.compare.costs import Lost, cheapest, costs_of, is_worth_saying, why_cheaper
from suite.compare.robustness.summary import robustness_sentence

__all__ = ["Choice", "Pairs", "choose", "is_worse", "oriented", "recommend"]

Pairs = Mapping[tuple[str, str], Difference]
"""Differences by the ids of the better and the worse cell."""
ChosenBy = Literal["score", "latency", "parameters", "training_time", "simplicity", "rank"]
NEAR = 0.5
"""Of the difference that would show, the most that a cell may score less and still be taken for its cost."""
MUCH_CHEAPER = 0.5
MOST_REASONS = 5


@dataclass(frozen=True)
class Choice:
    """What is taken of some ranked cells."""

    chosen: CellSummary
    by: ChosenBy
    tied: tuple[CellSummary, ...]
    """Those of them that may be the best, by rank: the best itself first."""
    lost: Mapping[str, Lost]
    """Why each other of the tied was not taken, by cell id."""


@dataclass(frozen=True)
class _Scene:
    """What the sentences are made from: the ranked cells of one data set and their differences."""

    ranked: Sequence[CellSummary]
    """Those within the limits."""
    everything: Sequence[CellSummary]
    pairs: Pairs
    metric: MetricInfo
    chosen: CellSummary
    tied: tuple[CellSummary, ...]
    lost: Mapping[str, Lost]

    def loss(self, other: CellSummary) -> tuple[float | None, float | None, float | None]:
        """How much worse ``other`` scores than the chosen cell, with its interval."""
        return oriented(self.pairs, self.chosen, other)

    @property
    def top(self) -> str:
        """What the first score is: ``highest``, or ``best`` where lower is better."""
        return "highest" if self.metric.higher_is_better else "best"

    @property
    def limited(self) -> bool:
        """Whether the limits leave any cell out."""
        return len(self.ranked) < len(self.everything)


def recommend(
    dataset: str,
    ranked: Sequence[CellSummary],
    pairs: Pairs,
    metric: MetricInfo,
    *,
    everything: Sequence[CellSummary] | None = None,
) -> Recommendation | None:
    """The recommendation for one data set; None where no cell has a score.

    Of the cells that may be the best (``statistics.best``) and score about as high, the cheapest is taken; see
    ``compare.costs``.

    Args:
        dataset: Label of the data set.
        ranked: The cells to choose from, best first: those within the limits where there are limits.
        pairs: Differences of the data set's cells.
        metric: The headline.
        everything: All ranked cells of the data set, where ``ranked`` is a part of them.
    """
    choice = choose(ranked, pairs)
    if choice is None:
        return None
    chosen, tied = choice.chosen, choice.tied
    scene = _Scene(ranked, everything or ranked, pairs, metric, chosen, tied, choice.lost)
    makers: tuple[Callable[[_Scene], Sentence | None], ...] = (
        _quality,
        _ties,
        _cheaper,
        _weakness,
        _damage,
        _pretraining,
    )
    return Recommendation(
        dataset=dataset,
        cell_id=chosen.cell_id,
        take=f"Take {called(chosen)}.",
        reasons=tuple(sentence for make in makers if (sentence := make(scene)) is not None)[:MOST_REASONS],
        tied=tuple(cell.cell_id for cell in tied),
        chosen_by=choice.by,
    )


def choose(ranked: Sequence[CellSummary], pairs: Pairs) -> Choice | None:
    """The cheapest of those of ``ranked`` that may be the best of them and score about as high; None where it is empty.

    What scores below a cell that is worse is unsettled and not among them, however little is known of it: a model
    whose seeds scatter is not a better choice for that. A cell without a test is no tie either. Nor is a cell taken for
    its cost whose score is nearer to a proven difference than to none: that it may be the best is then no reason to
    give up so much (in the spirit of the one-standard-error rule, Breiman et al. 1984, Classification and Regression
    Trees, section 3.4.3).
    """
    if not ranked:
        return None
    best = ranked[0]
    tied = [best]
    for cell in ranked[1:]:
        worse = is_worse(pairs, best, cell)
        if worse:
            break
        if worse is not None:
            tied.append(cell)
    near = [cell for cell in tied if cell is best or _is_near(pairs, best, cell)]
    lost = {cell.cell_id: Lost("score") for cell in tied if cell not in near}
    if len(near) == 1:
        return Choice(best, "score", tuple(tied), lost)
    found = cheapest(near)
    return Choice(found.cell, found.by, tuple(tied), {**found.lost, **lost})


def _is_near(pairs: Pairs, best: CellSummary, cell: CellSummary) -> bool:
    """Whether a cell's score is nearer to the best than to where it would be called worse."""
    behind, low, _ = oriented(pairs, best, cell)
    if cell.best is not None and cell.best.against == best.cell_id:
        behind, low = cell.best.behind, cell.best.low
    if behind is None or low is None:
        return True
    return behind <= NEAR * (behind - low)


def is_worse(pairs: Pairs, best: CellSummary, cell: CellSummary) -> bool | None:
    """Whether a cell is worse than the best of those that may be chosen; None where nothing could be tested.

    It is the verdict on the cell. Where limits leave out the best-scoring cell, it is the pair's: the intervals of all
    pairs hold together, whichever of them are looked at.
    """
    if cell.best is not None and cell.best.against == best.cell_id:
        return cell.best.verdict == "worse"
    pair = pairs.get((best.cell_id, cell.cell_id))
    return None if pair is None or pair.p_adjusted is None else pair.different


def _quality(scene: _Scene) -> Sentence | None:
    headline = scene.chosen.headline
    if headline is None:
        return None
    said = quality(headline.value, scene.metric)
    low, high = headline.interval or (None, None)
    ends = range_of(low, high, scene.metric)
    opening = f"Right on {said} of unseen examples" if scene.metric.name == "accuracy" else (
        f"{scene.metric.label[0].upper()}{scene.metric.label[1:]} {said} on unseen examples"
    )  # fmt: skip
    numbers = {"value": headline.value, **_ends(low, high)}
    return Sentence(kind="quality", text=f"{opening}{ends}.", numbers=numbers, cell_ids=(scene.chosen.cell_id,))


def _ties(scene: _Scene) -> Sentence | None:
    if len(scene.tied) == 1:
        return _next_best(scene)
    best, chosen = scene.ranked[0], scene.chosen
    other = best if chosen is not best else scene.tied[1]
    loss, low, high = scene.loss(other)
    if loss is None or low is None or high is None:
        return None
    more = len(scene.tied) - 2
    others = f" and {more} more" if more else ""
    if chosen is best:
        gap = f"difference {points(loss, scene.metric)}, {between(low, high, scene.metric)}"
        text = f"May be the best, as may {_named(other, chosen)} ({gap}){others}"
    else:
        gap = f"difference {points(-loss, scene.metric)}, {between(-high, -low, scene.metric)}"
        within = " within the limits" if scene.limited else ""
        text = f"May be the best, as may the {scene.top} score{within}, {_named(other, chosen)} ({gap}){others}"
    why, ratio = why_cheaper(chosen, other, scene.lost[other.cell_id])
    numbers = {"difference": loss, "low": low, "high": high, "tied": float(len(scene.tied)), **ratio}
    cells = (chosen.cell_id, other.cell_id)
    return Sentence(kind="ties", text=f"{text}; chosen because {why}.", numbers=numbers, cell_ids=cells)


def _next_best(scene: _Scene) -> Sentence | None:
    """Nothing is tied: how far the next one is behind."""
    if len(scene.ranked) < 2:
        return None
    other = scene.ranked[1]
    loss, low, high = scene.loss(other)
    pair = scene.pairs.get((scene.chosen.cell_id, other.cell_id))
    if pair is None and None not in (scene.chosen.headline, other.headline):
        return _untested(scene, other)
    if loss is None or low is None or high is None or pair is None or not pair.different:
        return None
    within = " within the limits" if scene.limited else ""
    level = "high" if scene.metric.higher_is_better else "low"
    gap = f"{points(loss, scene.metric)} behind ({between(low, high, scene.metric)})"
    return Sentence(
        kind="ties",
        text=f"Nothing else{within} comes as {level}: next is {_named(other, scene.chosen)}, {gap}.",
        numbers={"difference": loss, "low": low, "high": high},
        cell_ids=(scene.chosen.cell_id, other.cell_id),
    )


def _untested(scene: _Scene, other: CellSummary) -> Sentence | None:
    """Without predictions nothing is paired: how far the next one is behind, and no word of chance."""
    if scene.chosen.headline is None or other.headline is None:
        return None
    sign = 1.0 if scene.metric.higher_is_better else -1.0
    loss = sign * (scene.chosen.headline.value - other.headline.value)
    named = _named(other, scene.chosen)
    text = f"Next is {named}, {points(loss, scene.metric)} behind" if loss > 0 else f"{named} scores the same"
    return Sentence(
        kind="ties",
        text=f"{text}.",
        numbers={"difference": loss},
        cell_ids=(scene.chosen.cell_id, other.cell_id),
    )


def _cheaper(scene: _Scene) -> Sentence | None:
    """The best cell that trains, or else answers, in at most half the time, and beyond doubt in less."""
    axes: tuple[Literal["training_time", "latency"], ...] = ("training_time", "latency")
    for axis in axes:
        for other in scene.ranked:
            loss, low, high = scene.loss(other)
            if other is scene.chosen or loss is None:
                continue
            costs = costs_of((scene.chosen, other), axis)
            own, cost = costs.of.get(scene.chosen.cell_id), costs.of.get(other.cell_id)
            if own is None or cost is None or not is_worth_saying(axis, cost, own, share=MUCH_CHEAPER):
                continue
            what = "training time" if axis == "training_time" else "answering time"
            times = _costs(axis, cost.value, own.value)
            ends = between(low, high, scene.metric)
            said = change(loss, scene.metric)
            text = f"If {what} matters most: {_as_subject(other, scene.chosen)} takes {times} and {said}"
            if ends and loss >= 0:
                text += f" ({ends})"
            numbers = {"cost": cost.value, "own_cost": own.value, "loss": loss, **_ends(low, high)}
            cells = (scene.chosen.cell_id, other.cell_id)
            return Sentence(kind="cheaper", text=f"{text}.", numbers=numbers, cell_ids=cells)
    return None


def _weakness(scene: _Scene) -> Sentence | None:
    """Where it fails: the further test set with the largest certain drop, and the weakest class."""
    chosen, metric = scene.chosen, scene.metric
    drops = [
        (score.drop, score)
        for score in chosen.elsewhere
        if score.name != "validation" and score.drop is not None and score.drop > 0 and (score.drop_low or 0) > 0
    ]
    parts: list[str] = []
    numbers: dict[str, float] = {}
    if drops:
        drop, score = max(drops, key=lambda entry: entry[0])
        if score.headline.mean is not None:
            ends = between(score.drop_low, score.drop_high, metric)
            falls = "falls" if metric.higher_is_better else "gets worse"
            said = quality(score.headline.mean, metric)
            parts.append(f"on {score.name} it {falls} by {points(drop, metric)} ({ends}) to {said}")
            numbers.update({"drop": drop, "there": score.headline.mean, **_ends(score.drop_low, score.drop_high)})
    weakest = min(
        ((one.recall, one) for one in chosen.classes if one.recall is not None),
        key=lambda entry: entry[0],
        default=None,
    )
    if weakest is not None and weakest[0] < 1:
        recall, one = weakest
        parts.append(f"its weakest class is '{one.name}', found in {100 * recall:.0f}\u202f% of {one.support} examples")
        numbers.update({"recall": recall, "support": float(one.support)})
    if not parts:
        return None
    text = "; ".join(parts)
    return Sentence(kind="weakness", text=f"{text[0].upper()}{text[1:]}.", numbers=numbers, cell_ids=(chosen.cell_id,))


def _damage(scene: _Scene) -> Sentence | None:
    return robustness_sentence(scene.chosen, scene.ranked, lambda other: _as_subject(other, scene.chosen))


def _pretraining(scene: _Scene) -> Sentence | None:
    """The same model against itself from random weights."""
    same = [cell for cell in scene.everything if cell.model == scene.chosen.model]
    scratch = next((cell for cell in same if cell.strategy_name == "from_scratch"), None)
    adapted_cell = next((cell for cell in same if cell.strategy_name != "from_scratch"), None)
    if scene.chosen.strategy_name != "from_scratch":
        adapted_cell = scene.chosen
    if scratch is None or adapted_cell is None:
        return None
    gain, low, high = oriented(scene.pairs, adapted_cell, scratch)
    if gain is None or low is None or high is None:
        return None
    pair = _pair(scene.pairs, adapted_cell, scratch)
    ends = between(low, high, scene.metric)
    if pair is None or not pair.different:
        text = f"Whether pretraining helped {scene.chosen.model} does not show: {points(gain, scene.metric)} ({ends})."
    elif gain > 0:
        brought = "brought" if scene.metric.higher_is_better else f"lowered {scene.metric.label} by"
        text = f"Pretraining {brought} {points(gain, scene.metric)} ({ends}) over the same model from scratch."
    else:
        ends = between(-high, -low, scene.metric)
        text = f"Pretraining cost {points(-gain, scene.metric)} ({ends}): from scratch is better."
    numbers = {"gain": gain, "low": low, "high": high}
    cells = (adapted_cell.cell_id, scratch.cell_id)
    return Sentence(kind="pretraining", text=text, numbers=numbers, cell_ids=cells)


def _as_subject(other: CellSummary, chosen: CellSummary) -> str:
    """The other cell before a verb: ``vgg_tiny with a linear probe``."""
    named = _named(other, chosen)
    return named if other.model == chosen.model else named.replace(f"{other.model}, ", f"{other.model} ", 1)


def _named(other: CellSummary, chosen: CellSummary) -> str:
    """The other cell, its model left out where it is the same."""
    if other.model == chosen.model:
        return f"the same model {adapted(other)}"
    return called(other)


def _costs(axis: str, cost: float, own: float) -> str:
    if axis == "latency":
        return f"{cost:.2g}\u202fms instead of {own:.2g}\u202fms per example"
    return f"{seconds(cost)} instead of {seconds(own)}"


def _pair(pairs: Pairs, first: CellSummary, second: CellSummary) -> Difference | None:
    return pairs.get((first.cell_id, second.cell_id)) or pairs.get((second.cell_id, first.cell_id))


def oriented(pairs: Pairs, first: CellSummary, second: CellSummary) -> tuple[float | None, float | None, float | None]:
    """How much better the first scores than the second, with its interval."""
    pair = _pair(pairs, first, second)
    if pair is None or pair.difference is None:
        return None, None, None
    if pair.better == first.cell_id:
        return pair.difference, pair.low, pair.high
    return -pair.difference, None if pair.high is None else -pair.high, None if pair.low is None else -pair.low


def _ends(low: float | None, high: float | None) -> dict[str, float]:
    return {} if low is None or high is None else {"low": low, "high": high}
