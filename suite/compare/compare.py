"""Results to a comparison: rank, pair, tie, and say what to take. Pure and deterministic; no TensorFlow."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from suite.compare.across_datasets import across_datasets, why_missing
from suite.compare.advice import advise
from suite.compare.answer import Unmet
from suite.compare.budget import budget_remarks, cut_by_budget
from suite.compare.cell import CellSummary, ElsewhereScore, HeadlineScore, MetricInfo, SeedScore
from suite.compare.comparison import Comparison, DatasetFacts, Difference, ParetoFront, Recommendation
from suite.compare.evidence import THREADS, LoadPredictions, SetEvidence, gather, mean_score
from suite.compare.facts import dataset_facts, environments_of, facts_of, failures_of
from suite.compare.hierarchy import overall_interval, spread_of
from suite.compare.ledger import ledger_of
from suite.compare.pairs import differences
from suite.compare.pareto import pareto_fronts
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.compare.same_graph import with_shared_costs
from suite.compare.sameness import changes_between
from suite.compare.summaries import (
    confusion_of,
    curves_of,
    metric_spreads,
    profile_of,
    reliability_of,
    spread,
    timings_of,
)
from suite.compare.ties import tie_letters
from suite.metrics import Metric, metrics_named
from suite.metrics.resampling import interval
from suite.results import Result

__all__ = ["compare"]

DEFAULT_HEADLINE = "accuracy"
PUBLISHED = (
    "These numbers were published elsewhere and have no predictions with them. So there are no intervals and no two "
    "models can be paired: whether a small difference is more than chance cannot be said."
)


@dataclass(frozen=True)
class _Ranking:
    """Everything about one data set."""

    cells: tuple[CellSummary, ...]
    pairs: tuple[Difference, ...]
    fronts: tuple[ParetoFront, ...]
    facts: DatasetFacts
    recommendation: Recommendation | Unmet | None


def compare(results: Sequence[Result], *, plan_summary: PlanSummary, load_predictions: LoadPredictions) -> Comparison:
    """Arranges results for reading; also in the middle of a run, with whatever is there.

    Args:
        results: Any results; those whose trial is not in the plan are left out.
        plan_summary: What was asked for.
        load_predictions: A result and an evaluation set's name (``test``, or a label of ``evaluate_on``) to
            its predictions; None where they were not kept.

    Returns:
        The comparison. The same results give the same comparison, whatever their order.

    Raises:
        UnknownNameError: Where the headline metric is not registered.
    """
    metric = metrics_named([plan_summary.headline or DEFAULT_HEADLINE])[0]
    by_id = {result.id: result for result in results}
    known = with_shared_costs([by_id[trial.trial_id] for trial in plan_summary.trials if trial.trial_id in by_id])
    datasets = tuple(dict.fromkeys(trial.dataset for trial in plan_summary.trials))
    # Cells and pairs are shared out among threads already; a BLAS that starts its own for each only waits for them.
    with threadpool_limits(limits=1, user_api="blas"):
        rankings = [_rank(dataset, plan_summary, known, metric, load_predictions) for dataset in datasets]
    cells = tuple(cell for ranking in rankings for cell in ranking.cells)
    without = [trial for trial in plan_summary.trials if trial.trial_id not in by_id]
    is_cut = cut_by_budget(plan_summary, by_id)
    missing = tuple(trial for trial in without if trial.trial_id not in is_cut)
    failures = failures_of(known)
    return Comparison(
        spec_name=plan_summary.spec_name,
        title=plan_summary.title,
        task=plan_summary.task,
        command=plan_summary.command,
        headline=_info(metric),
        metrics=_metric_infos(metric, cells),
        datasets=datasets,
        evaluation_sets=tuple(
            dict.fromkeys(score.name for cell in cells for score in cell.elsewhere if score.name != "validation")
        ),
        cells=cells,
        pairs=tuple(pair for ranking in rankings for pair in ranking.pairs),
        pareto=tuple(front for ranking in rankings for front in ranking.fronts),
        failures=failures,
        skips=plan_summary.skips,
        missing=missing,
        cut=tuple(trial for trial in without if trial.trial_id in is_cut),
        data=tuple({(r.name, r.fingerprint, str(r.sizes)): r for result in known for r in result.data}.values()),
        weights=tuple({(w.name, w.sha256): w for r in known if (w := r.weights) is not None}.values()),
        environments=environments_of(known),
        facts=facts_of(plan_summary, known, tuple(ranking.facts for ranking in rankings), cut=len(is_cut)),
        recommendations=tuple(r.recommendation for r in rankings if isinstance(r.recommendation, Recommendation)),
        unmet=tuple(r.recommendation for r in rankings if isinstance(r.recommendation, Unmet)),
        constraints=plan_summary.constraints,
        published=plan_summary.published,
        across=across_datasets(cells, datasets, _info(metric), why_missing(failures, plan_summary.skips, missing)),
        resample=plan_summary.resample,
        remarks=(
            *_remarks(plan_summary, known, cells, missing),
            *budget_remarks(plan_summary, is_cut),
        ),
    )


def _rank(dataset: str, plan: PlanSummary, known: Sequence[Result], metric: Metric, load: LoadPredictions) -> _Ranking:
    """The cells of one data set with ranks and letters, and what follows from them."""
    planned: dict[str, list[PlannedTrial]] = {}
    for trial in plan.trials:
        if trial.dataset == dataset:
            planned.setdefault(trial.cell_id, []).append(trial)
    by_cell: dict[str, list[Result]] = {}
    for result in known:
        by_cell.setdefault(result.cell_id, []).append(result)

    def summarise(cell_id: str) -> tuple[CellSummary, SetEvidence]:
        return _summarise(planned[cell_id], by_cell.get(cell_id, []), metric, load, resample=plan.resample)

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        made = dict(zip(planned, pool.map(summarise, planned), strict=True))
    evidence = {cell_id: found for cell_id, (_, found) in made.items()}
    spread = spread_of(evidence)
    summaries = [
        _with_overall(summary, found, spread.get(cell_id), metric) for cell_id, (summary, found) in made.items()
    ]
    sign = 1.0 if metric.higher_is_better else -1.0
    scored = sorted((cell for cell in summaries if cell.headline), key=lambda cell: _order(cell, sign))
    pairs = differences(
        dataset, scored, evidence, spread, higher_is_better=metric.higher_is_better, resample=plan.resample
    )
    ranked = _with_ranks(scored, pairs)
    unranked = [cell for cell in summaries if cell.headline is None]
    facts = dataset_facts(dataset, ranked, evidence, pairs)
    infos = _metric_infos(metric, ranked)
    return _Ranking(
        cells=(*ranked, *unranked),
        pairs=pairs,
        fronts=pareto_fronts(dataset, ranked, higher_is_better=metric.higher_is_better),
        facts=facts,
        recommendation=advise(
            dataset, ranked, pairs, metrics=infos, constraints=plan.constraints, examples=facts.examples
        ),
    )


def _summarise(
    trials: Sequence[PlannedTrial], results: Sequence[Result], metric: Metric, load: LoadPredictions, *, resample: bool
) -> tuple[CellSummary, SetEvidence]:
    first = trials[0]
    done = [result for result in results if result.status == "done"]
    finals = sorted((result for result in done if result.phase == "final"), key=lambda result: result.seed)
    searches = [result for result in done if result.phase == "search"]
    home = gather(metric, finals, "test", load, resample=resample)
    confusion, classes = confusion_of(home.predictions)
    reliability, calibration_error = reliability_of(home.predictions)
    sample = finals[0] if finals else (results[0] if results else None)
    summary = CellSummary(
        cell_id=first.cell_id,
        model=first.model,
        dataset=first.dataset,
        strategy=first.strategy,
        strategy_name=first.strategy_name,
        family=sample.family if sample else None,
        input_size=sample.input_size if sample else None,
        rank=None,
        ties="",
        headline=_headline(finals, home, metric),
        finished=len(finals),
        planned=sum(trial.phase == "final" for trial in trials),
        metrics=metric_spreads(finals, "test"),
        elsewhere=_elsewhere(finals, home, metric, load, resample=resample),
        profile=profile_of(finals),
        timings=timings_of(finals),
        curves=curves_of(finals),
        confusion=confusion,
        classes=classes,
        reliability=reliability,
        calibration_error=calibration_error,
        ledger=ledger_of(searches, finals, metric.name, higher_is_better=metric.higher_is_better),
        weights=sample.weights if sample else None,
        batch_size=sample.batch_size if sample else None,
        notes=tuple(dict.fromkeys(note for result in results for note in result.notes)),
    )
    return summary, home


def _headline(finals: Sequence[Result], home: SetEvidence, metric: Metric) -> HeadlineScore | None:
    value = mean_score(finals, "test", metric.name)
    if value is None:
        return None
    seeds = []
    for result in finals:
        score = result.scores.get("test", {}).get(metric.name)
        seeds.append(SeedScore(seed=result.seed, value=score.value if score is not None else None))
    there = [seed.value for seed in seeds if seed.value is not None]
    ends = home.interval
    reason = home.reason or (None if ends else "too few resamples have a score.")
    return HeadlineScore(
        value=value,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        seeds=tuple(seeds),
        lowest_seed=min(there),
        highest_seed=max(there),
        reason=reason,
        seed_deviation=statistics.stdev(there) if len(there) > 1 else None,
    )


def _with_overall(
    cell: CellSummary, home: SetEvidence, spread: NDArray[np.float64] | None, metric: Metric
) -> CellSummary:
    """The cell with the interval over examples and seeds, which needs the spread of all cells."""
    if cell.headline is None:
        return cell
    ends, reason = overall_interval(home, spread, metric.bounds)
    low, high = ends or (None, None)
    update = {"overall_low": low, "overall_high": high, "overall_reason": reason}
    return cell.model_copy(update={"headline": cell.headline.model_copy(update=update)})


def _elsewhere(
    finals: Sequence[Result], home: SetEvidence, metric: Metric, load: LoadPredictions, *, resample: bool
) -> tuple[ElsewhereScore, ...]:
    """Validation and the sets of ``evaluate_on``, each with how much worse it is than the home test set."""
    names = dict.fromkeys(name for result in finals for name in result.scores if name != "test")
    ordered = [name for name in names if name == "validation"] + [name for name in names if name != "validation"]
    return tuple(_elsewhere_on(name, finals, home, metric, load, resample=resample) for name in ordered)


def _elsewhere_on(
    name: str,
    finals: Sequence[Result],
    home: SetEvidence,
    metric: Metric,
    load: LoadPredictions,
    *,
    resample: bool,
) -> ElsewhereScore:
    sign = 1.0 if metric.higher_is_better else -1.0
    metrics = metric_spreads(finals, name)
    headline = metrics.get(metric.name, spread([None] * len(finals), reason="it was not scored."))
    at_home = mean_score(finals, "test", metric.name)
    drop = None if at_home is None or headline.mean is None else sign * (at_home - headline.mean)
    if name == "validation":
        sizes = [result.data[0].sizes.get("validation") for result in finals if result.data]
        return ElsewhereScore(
            name=name, examples=sizes[0] if sizes else None, headline=headline, low=None, high=None, drop=drop,
            drop_low=None, drop_high=None, metrics=metrics,
            reason="validation chose the settings, so an interval around it would say too much.",
        )  # fmt: skip
    there = gather(metric, finals, name, load, resample=resample)
    ends, drop_ends = there.interval, None
    if home.resampled is not None and there.resampled is not None:
        # The same pictures in another form are resampled together; different ones independently.
        paired = home.examples_key == there.examples_key
        other = there.resampled if paired else there.resampled[::-1]
        drop_ends = interval(sign * (home.resampled - other)) if len(other) == len(home.resampled) else None
    return ElsewhereScore(
        name=name, examples=there.examples, headline=headline, low=ends[0] if ends else None,
        high=ends[1] if ends else None, drop=drop, drop_low=drop_ends[0] if drop_ends else None,
        drop_high=drop_ends[1] if drop_ends else None, metrics=metrics, reason=there.reason,
    )  # fmt: skip


def _order(cell: CellSummary, sign: float) -> tuple[float, float, str, str]:
    """Best score first; of equal scores the smaller model."""
    value = cell.headline.value if cell.headline else -math.inf
    parameters = cell.profile.parameters if cell.profile else math.inf
    return -sign * value, parameters, cell.model, cell.strategy


def _with_ranks(scored: Sequence[CellSummary], pairs: Sequence[Difference]) -> tuple[CellSummary, ...]:
    position = {cell.cell_id: index for index, cell in enumerate(scored)}
    different = [(position[pair.better], position[pair.worse]) for pair in pairs if pair.different]
    tested = any(pair.p_holm is not None for pair in pairs)
    # Without a single test "cannot be told apart" would be said of everything, and mean nothing.
    letters = tie_letters(len(scored), different) if tested else [""] * len(scored)
    ranked: list[CellSummary] = []
    for index, cell in enumerate(scored):
        rank: int | None = index + 1
        before = ranked[-1] if ranked else None
        if before is not None and before.headline and cell.headline and before.headline.value == cell.headline.value:
            rank = before.rank
        ranked.append(cell.model_copy(update={"rank": rank, "ties": letters[index]}))
    return tuple(ranked)


def _info(metric: Metric) -> MetricInfo:
    return MetricInfo(
        name=metric.name, label=metric.label, higher_is_better=metric.higher_is_better, summary=metric.summary
    )


def _metric_infos(headline: Metric, cells: Sequence[CellSummary]) -> tuple[MetricInfo, ...]:
    """The headline, then every metric that some cell has and that is still registered."""
    from suite.registry import METRICS

    names = dict.fromkeys([headline.name, *(name for cell in cells for name in cell.metrics)])
    return tuple(_info(found) for found in metrics_named([name for name in names if name in METRICS]))


def _remarks(
    plan: PlanSummary, known: Sequence[Result], cells: Sequence[CellSummary], missing: Sequence[PlannedTrial]
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
        remarks.append(f"{len(short)} of {len(ranked)} cells stand on fewer seeds than planned.")
    no_predictions = [cell for cell in ranked if cell.headline and cell.headline.low is None]
    if no_predictions:
        remarks.append(f"{len(no_predictions)} of {len(ranked)} cells have no interval: {_reason(no_predictions[0])}")
    remarks += changes_between(known)
    devices = {result.environment.device for result in known if result.environment is not None}
    if len(devices) > 1:
        remarks.append(f"Times come from {len(devices)} different devices and cannot be compared across them.")
    return tuple(remarks)


def _reason(cell: CellSummary) -> str:
    return (cell.headline.reason if cell.headline else None) or "no reason was recorded."
