"""Results to a comparison: rank, pair, tie, and say what to take. Pure and deterministic; no TensorFlow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from suite.compare.across_datasets.summary import across_datasets
from suite.compare.advice.distillation import taught
from suite.compare.advice.readiness import across_so_far, labels_so_far, so_far
from suite.compare.advice.records import Unmet
from suite.compare.cell import CellSummary
from suite.compare.comparison import Comparison, DatasetFacts, Recommendation
from suite.compare.environment_changes import changes_between
from suite.compare.exports import exported_files
from suite.compare.facts import environments_of, facts_of, failures_of
from suite.compare.funnel import left_out_by_funnel, summarise_funnel, without_dropped
from suite.compare.label_budgets.labels import ByLabels, with_labels
from suite.compare.ledger import budget_remarks, cut_by_budget
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.compare.ranking import Ranking, info_of, metric_infos, rank_cells
from suite.compare.robustness.corruptions import FindFile
from suite.compare.robustness.summary import no_file
from suite.compare.shared_costs import disturbed_remarks, with_shared_costs
from suite.compare.statistics.evidence import LoadPredictions
from suite.metrics import Metric
from suite.metrics.plugin_metrics import metric_to_read
from suite.store.records.export_card import ExportCard
from suite.store.records.resizing import STRETCH, Resizing
from suite.store.records.result import Result
from suite.store.records.slices import DatasetSlices

__all__ = ["compare"]

DEFAULT_HEADLINE = "accuracy"
MOST_NAMED = 4
"""Models that a remark names."""
PUBLISHED = (
    "These numbers were published elsewhere and have no predictions with them. So there are no intervals and no two "
    "models can be paired: whether a small difference is more than chance cannot be said."
)


def compare(
    results: Sequence[Result],
    *,
    plan_summary: PlanSummary,
    load_predictions: LoadPredictions,
    find_file: FindFile = no_file,
    exports: Sequence[ExportCard] = (),
    slices: Sequence[DatasetSlices] = (),
) -> Comparison:
    """Arranges results for reading; also in the middle of a run, with whatever is there.

    Args:
        results: Any results; those whose trial is not in the plan are left out.
        plan_summary: What was asked for.
        load_predictions: A result and an evaluation set's name (``test``, or a label of ``evaluate_on``) to
            its predictions; None where they were not kept.
        find_file: A result and the name of an artefact to its file; None where there is none.
        exports: Cards of exported files; those of other trials are left out.
        slices: Which slice each test example of a data set is in.

    Returns:
        The comparison. The same results give the same comparison, whatever their order.

    Raises:
        StoreError: Where the headline metric is neither registered nor kept with the results.
    """
    metric = metric_to_read(plan_summary.headline or DEFAULT_HEADLINE, results)
    by_id = {result.id: result for result in results}
    known = with_shared_costs([by_id[trial.trial_id] for trial in plan_summary.trials if trial.trial_id in by_id])
    datasets = tuple(dict.fromkeys(trial.dataset for trial in plan_summary.trials))
    by_labels = ByLabels(plan_summary, known)
    rank = partial(
        rank_cells,
        known=known,
        metric=metric,
        load=load_predictions,
        find=find_file,
        exports=exports,
        slices={one.dataset: one for one in slices},
    )
    ranked = without_dropped(by_labels.leading, by_id)
    # Cells and pairs are shared out among threads already; a BLAS that starts its own for each only waits for them.
    with threadpool_limits(limits=1, user_api="blas"):
        rankings = {dataset: rank(dataset, ranked) for dataset in datasets}
        cells = tuple(cell for ranking in rankings.values() for cell in ranking.cells)
        labels = by_labels.curves(rank, rankings, metric_infos(metric, cells, known))
    cut, left_out, missing = _without_result(plan_summary, by_id)
    pairs = tuple(pair for ranking in rankings.values() for pair in ranking.pairs)
    failures = by_labels.told(failures_of(known))
    facts = facts_of(plan_summary, known, tuple(r.facts for r in rankings.values()), cut=len(cut) + len(left_out))
    labels = labels_so_far(labels, cells=cells, missing=missing, facts=facts)
    missed = [one.recommendation for one in rankings.values() if isinstance(one.recommendation, Unmet)]
    found: tuple[Recommendation | Unmet, ...] = (
        *with_labels([ranking.recommendation for ranking in rankings.values()], labels),
        *missed,
    )
    answers = so_far(found, cells=cells, missing=missing, facts=facts, metric=info_of(metric))
    recommendations = tuple(one for one in answers if isinstance(one, Recommendation))
    across = across_datasets(cells, datasets, info_of(metric), by_labels.lacking(failures, missing))
    grouped = tuple(_grouped(one) for one in facts.tests if one.groups is not None and one.examples is not None)
    return Comparison(
        **_asked(plan_summary),
        **_metrics(metric, cells, known),
        datasets=datasets,
        evaluation_sets=_evaluation_sets(cells),
        cells=cells,
        pairs=pairs,
        taught=taught(known, cells, pairs, info_of(metric)),
        pareto=tuple(front for ranking in rankings.values() for front in ranking.fronts),
        failures=failures,
        missing=missing,
        cut=cut,
        data=by_labels.data,
        weights=tuple({(w.name, w.sha256): w for r in known if (w := r.weights) is not None}.values()),
        environments=environments_of(known),
        facts=facts,
        recommendations=recommendations,
        unmet=tuple(one for one in answers if isinstance(one, Unmet)),
        across=across_so_far(across, answers, missing),
        labels=labels,
        exports=exported_files(exports, cells, results=known, taken=recommendations, metric=info_of(metric)),
        funnel=summarise_funnel(plan_summary, by_id, cells, higher_is_better=metric.higher_is_better),
        **_looked_into(rankings.values()),
        remarks=(*by_labels.remarks, *grouped, *_remarks(plan_summary, known, cells, missing, cut)),
    )


def _asked(plan: PlanSummary) -> dict[str, Any]:
    """What a comparison repeats of its plan."""
    names = (
        "spec_name",
        "title",
        "task",
        "answers",
        "beside",
        "command",
        "skips",
        "constraints",
        "published",
        "resample",
    )
    return {name: getattr(plan, name) for name in names}


def _looked_into(rankings: Collection[Ranking]) -> dict[str, Any]:
    """What single rankings have to show beyond their order."""
    return {
        "disagreements": tuple(one.disagreements for one in rankings if one.disagreements is not None),
        "generations": tuple(one.written for one in rankings if one.written is not None),
        "robustness": tuple(one.robustness for one in rankings if one.robustness is not None),
    }


def _metrics(metric: Metric, cells: Sequence[CellSummary], results: Sequence[Result]) -> dict[str, Any]:
    return {"headline": info_of(metric), "metrics": metric_infos(metric, cells, results)}


def _without_result(
    plan: PlanSummary, by_id: Mapping[str, Result]
) -> tuple[tuple[PlannedTrial, ...], tuple[PlannedTrial, ...], tuple[PlannedTrial, ...]]:
    """Trials that the search budget cut, that the funnel left out, and that are really missing."""
    without = [trial for trial in plan.trials if trial.trial_id not in by_id]
    cut, left_out = cut_by_budget(plan, by_id), left_out_by_funnel(plan, by_id)
    return (
        tuple(trial for trial in without if trial.trial_id in cut),
        tuple(trial for trial in without if trial.trial_id in left_out - cut),
        tuple(trial for trial in without if trial.trial_id not in cut | left_out),
    )


def _grouped(facts: DatasetFacts) -> str:
    return (
        f"The {facts.examples:,} test examples of {facts.dataset} belong to {facts.groups:,} groups: intervals and "
        "tests count groups, since examples of one group are right and wrong together."
    )


def _evaluation_sets(cells: Sequence[CellSummary]) -> tuple[str, ...]:
    """Labels of the further test sets, in the order in which they come."""
    return tuple(dict.fromkeys(score.name for cell in cells for score in cell.elsewhere if score.name != "validation"))


def _remarks(
    plan: PlanSummary,
    known: Sequence[Result],
    cells: Sequence[CellSummary],
    missing: Sequence[PlannedTrial],
    cut: Sequence[PlannedTrial],
) -> tuple[str, ...]:
    """What limits the comparison as a whole."""
    remarks = list(plan.remarks)
    if missing:
        remarks.append(f"{len(missing)} of {len(plan.trials)} trials have not run yet; ranks may change.")
    if not any(cell.headline for cell in cells):
        remarks.append("No trial has finished with a score, so nothing can be compared.")
    ranked = [cell for cell in cells if cell.headline]
    if len(ranked) == 1:
        remarks.append("Only one cell has a score, so nothing can be compared with it.")
    if plan.published and ranked:
        return (*remarks, PUBLISHED)
    if ranked and len({trial.seed for trial in plan.trials if trial.phase == "final"}) == 1:
        remarks.append("With one seed, nothing is known of how much another seed would change.")
    if plan.resample:
        remarks.append(
            "Every seed draws its own training, validation and test examples. Pairs are compared seed by seed, on the "
            "same examples, and the test counts that the splits overlap."
        )
    short = [cell for cell in ranked if cell.finished < cell.planned]
    if short and not missing:
        why = ": the funnel left their other seeds out" if plan.funnel else ""
        remarks.append(f"{len(short)} of {len(ranked)} cells stand on fewer seeds than planned{why}.")
    no_predictions = [cell for cell in ranked if cell.headline and cell.headline.low is None]
    if no_predictions:
        remarks.append(f"{len(no_predictions)} of {len(ranked)} cells have no interval: {_reason(no_predictions[0])}")
    remarks += [*_own_tokens(plan, ranked), *_own_crops(ranked), *changes_between(known)]
    remarks += disturbed_remarks(cells)
    devices = {result.environment.device for result in known if result.environment is not None}
    if len(devices) > 1:
        remarks.append(f"Times come from {len(devices)} different devices and cannot be compared across them.")
    return (*remarks, *budget_remarks(plan, {trial.trial_id for trial in cut}))


def _own_tokens(plan: PlanSummary, ranked: Sequence[CellSummary]) -> Iterator[str]:
    """A warning where models are ranked by a number whose unit is not the same for all of them."""
    vocabularies = {cell.tokens.vocabulary for cell in ranked if cell.tokens is not None}
    if plan.headline == "perplexity" and len(vocabularies) > 1:
        yield (
            "Perplexity is per token of each model's own tokeniser, and the tokenisers differ: a model with longer "
            "tokens looks worse than it is. Bits per byte have one unit for all of them."
        )


def _own_crops(ranked: Sequence[CellSummary]) -> Iterator[str]:
    """What each model saw of an image, where that is not the same for all of them."""
    models: dict[Resizing, list[str]] = {}
    for cell in ranked:
        if cell.input_size is not None:
            models.setdefault(cell.resizing or STRETCH, []).append(cell.model)
    if len({(one.fit, one.crop_share) for one in models}) < 2:
        return
    ways = [f"{resizing.words}: {_some(dict.fromkeys(names))}" for resizing, names in models.items()]
    yield (
        "Models saw different crops of the same images, each as its weights were evaluated, unless the spec says "
        f"otherwise of a model ({'; '.join(ways)}). With 'resizing' in the spec all of them see the same."
    )


def _some(names: Collection[str]) -> str:
    """The first of many names, and how many more."""
    more = len(names) - MOST_NAMED
    return ", ".join(list(names)[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _reason(cell: CellSummary) -> str:
    return (cell.headline.reason if cell.headline else None) or "no reason was recorded."
