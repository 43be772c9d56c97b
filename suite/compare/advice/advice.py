"""The recommendation under limits: what to take, why not the others, what would change it, what to try next.

Everything is made from the cells and pairs of a comparison, so that a stored one can be asked again with other
limits, and so that results without training, such as exported files or published numbers, can be asked too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from suite.compare.advice.constraints import Limit, beyond, keeps, limits_of
from suite.compare.advice.next_steps import next_steps, with_findings
from suite.compare.advice.readiness import labels_so_far, so_far
from suite.compare.advice.recommendation import Choice, Pairs, choose, is_worse, recommend
from suite.compare.advice.records import LimitUse, Loser, Unmet
from suite.compare.advice.verdict_words import scatter_of
from suite.compare.advice.what_would_change import changes, gap, listed, unmet
from suite.compare.advice.wording import between, points
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import Comparison, Difference, Recommendation
from suite.compare.costs import dearer
from suite.compare.label_budgets.labels import label_advice
from suite.registry import METRICS
from suite.spec.constraints import Constraints, check_names

__all__ = ["advise", "advise_again"]


def advise(
    dataset: str,
    ranked: Sequence[CellSummary],
    pairs: Iterable[Difference],
    *,
    metrics: Sequence[MetricInfo],
    constraints: Constraints | None = None,
    examples: int | None = None,
) -> Recommendation | Unmet | None:
    """The answer for one data set.

    Args:
        dataset: Its label.
        ranked: Its cells with a score, best first.
        pairs: Their differences.
        metrics: Those of the comparison, the headline first.
        constraints: What the recommended cell may cost and must reach.
        examples: Test examples, for how many more it would take to tell the first two apart.

    Returns:
        The recommendation; ``Unmet`` where no cell keeps the limits, None where no cell has a score.
    """
    if not ranked:
        return None
    limits = limits_of(constraints, metrics)
    by_pair = {(pair.better, pair.worse): pair for pair in pairs}
    within = [cell for cell in ranked if keeps(cell, limits)]
    choice = choose(within, by_pair)
    found = recommend(dataset, within, by_pair, metrics[0], everything=ranked)
    if choice is None or found is None:
        return unmet(dataset, ranked, by_pair, limits)
    return found.model_copy(
        update={
            "take": _take(found.take, limits),
            "limits": tuple(_use(limit, ranked) for limit in limits),
            "others": _losers(ranked, by_pair, metrics[0], limits, choice),
            "changes": changes(ranked, by_pair, metrics[0], limits, choice.chosen),
            "next_steps": next_steps(ranked, by_pair, metrics[0], choice, within=within, examples=examples),
        }
    )


def advise_again(comparison: Comparison, constraints: Constraints | None) -> tuple[Recommendation | Unmet, ...]:
    """The answers of a comparison, one per data set with a ranked cell, under other limits than it was made with.

    Raises:
        UnknownNameError: For a limit on a metric or evaluation set that the comparison does not have.
    """
    if constraints is not None:
        known = dict.fromkeys([*(metric.name for metric in comparison.metrics), *METRICS.names()])
        check_names(
            constraints,
            metrics=known,
            evaluation_sets=("validation", *comparison.evaluation_sets),
            sliced=any(cell.slices for cell in comparison.cells),
        )
    examples = {test.dataset: test.examples for test in comparison.facts.tests}
    answers = [
        advise(
            dataset,
            comparison.ranking(dataset),
            (pair for pair in comparison.pairs if pair.dataset == dataset),
            metrics=comparison.metrics,
            constraints=constraints,
            examples=examples.get(dataset),
        )
        for dataset in comparison.datasets
    ]
    again = label_advice(comparison, constraints)
    told = (one.model_copy(update={"answers": again[one.dataset]}) for one in comparison.labels)
    labels = labels_so_far(told, cells=comparison.cells, missing=comparison.missing, facts=comparison.facts)
    said = {one.dataset: one.answers for one in labels}
    answers_so_far = so_far(
        (_with_labels(answer, said) for answer in answers if answer is not None),
        cells=comparison.cells,
        missing=comparison.missing,
        facts=comparison.facts,
        metric=comparison.headline,
    )
    return with_findings(answers_so_far, comparison)


def _with_labels(answer: Recommendation | Unmet, said: Mapping[str, tuple[str, ...]]) -> Recommendation | Unmet:
    """The answer with what the label budgets of its data set say."""
    if isinstance(answer, Unmet):
        return answer
    return answer.model_copy(update={"labels": said.get(answer.dataset, ())})


def _take(take: str, limits: Sequence[Limit]) -> str:
    if not limits:
        return take
    return f"With {listed([limit.text for limit in limits])}, take {take.removeprefix('Take ')}"


def _use(limit: Limit, ranked: Sequence[CellSummary]) -> LimitUse:
    excludes = sum(not limit.keeps(cell) for cell in ranked)
    return LimitUse(key=limit.key, value=limit.value, text=limit.text, excludes=excludes)


def _losers(
    ranked: Sequence[CellSummary], pairs: Pairs, metric: MetricInfo, limits: Sequence[Limit], choice: Choice
) -> tuple[Loser, ...]:
    tied = {cell.cell_id for cell in choice.tied}
    found = []
    for cell in ranked:
        if cell is choice.chosen:
            continue
        worse, low, high = gap(pairs, metric, choice.chosen, cell)
        over = beyond(cell, limits)
        if over:
            text = "; ".join(excess.text for excess in over)
        elif cell.cell_id in tied:
            text = f"may be the best as well, {dearer(choice.lost[cell.cell_id])}"
        else:
            text = _worse(pairs, metric, choice, cell, limited=bool(limits))
        found.append(
            Loser(
                cell_id=cell.cell_id, worse_by=worse, low=low, high=high, tied=cell.cell_id in tied, beyond=over,
                text=f"{text}.",
            )
        )  # fmt: skip
    return tuple(found)


def _worse(pairs: Pairs, metric: MetricInfo, choice: Choice, cell: CellSummary, *, limited: bool) -> str:
    """How far a cell is behind the best of those within the limits, and whether that is settled."""
    best = choice.tied[0]
    behind, low, high = gap(pairs, metric, best, cell)
    if behind is None:
        return "not compared"
    within = " within the limits" if limited else ""
    said = f"{points(behind, metric)} worse" + ("" if best is choice.chosen else f" than the best{within}")
    worse = is_worse(pairs, best, cell)
    if worse is None:
        return f"{said}, not tested" if pairs else said
    ends, scatter = between(low, high, metric), scatter_of(cell)
    said = f"{said} ({ends})" if ends else said
    return said if worse else f"{said}, unsettled{f': {scatter}' if scatter else ''}"
