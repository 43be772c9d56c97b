"""The cells of one data set with ranks and verdicts, and what follows from them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suite.compare.advice import advise
from suite.compare.answer import Unmet
from suite.compare.best import held_against_best
from suite.compare.beyond import RobustnessFacts
from suite.compare.cell import BestComparison, CellSummary, ElsewhereScore, HeadlineScore, MetricInfo, SeedScore
from suite.compare.comparison import DatasetFacts, Difference, ParetoFront, Recommendation
from suite.compare.evidence import THREADS, LoadPredictions, SetEvidence, gather, mean_score
from suite.compare.examples import disagreements_of, side_by_side
from suite.compare.exports import with_file_latencies
from suite.compare.facts import dataset_facts
from suite.compare.hierarchy import overall_interval, spread_of
from suite.compare.kept_evidence import keep_evidence
from suite.compare.ledger import ledger_of
from suite.compare.look_beyond import look_beyond
from suite.compare.pairs import differences
from suite.compare.pareto import pareto_fronts
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.compare.resplit import testable
from suite.compare.robust import FindFile
from suite.compare.shown import Disagreements, SideBySide
from suite.compare.summaries import (
    confusion_of,
    curves_of,
    metric_spreads,
    profile_of,
    reliability_of,
    spread,
    timings_of,
    writing_of,
)
from suite.exported import ExportCard
from suite.metrics import Metric
from suite.metrics.kept import metrics_to_read
from suite.metrics.resampling import interval
from suite.results import Result

__all__ = ["Ranking", "info_of", "metric_infos", "rank_cells"]


@dataclass(frozen=True)
class Ranking:
    """Everything about one data set."""

    cells: tuple[CellSummary, ...]
    pairs: tuple[Difference, ...]
    fronts: tuple[ParetoFront, ...]
    facts: DatasetFacts
    recommendation: Recommendation | Unmet | None
    robustness: RobustnessFacts | None
    disagreements: Disagreements | None
    written: SideBySide | None


def rank_cells(
    dataset: str,
    plan: PlanSummary,
    known: Sequence[Result],
    metric: Metric,
    load: LoadPredictions,
    *,
    find: FindFile,
    exports: Sequence[ExportCard] = (),
) -> Ranking:
    """The cells of one data set with ranks and verdicts, and what follows from them."""
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
    overall = [
        _with_overall(summary, found, spread.get(cell_id), metric, resample=plan.resample)
        for cell_id, (summary, found) in made.items()
    ]
    summaries, robustness = look_beyond(dataset, overall, by_cell, evidence, metric=metric, find=find)
    sign = 1.0 if metric.higher_is_better else -1.0
    summaries = with_file_latencies(summaries, exports, results=known, metric=info_of(metric))
    scored = sorted((cell for cell in summaries if cell.headline), key=lambda cell: _order(cell, sign))
    best, contest = held_against_best(scored, higher_is_better=metric.higher_is_better)
    ranked = _with_ranks(scored, best)
    pairs = differences(
        dataset, ranked, evidence, spread, contest, higher_is_better=metric.higher_is_better, resample=plan.resample
    )
    unranked = [cell for cell in summaries if cell.headline is None]
    facts = dataset_facts(dataset, ranked, evidence, pairs, metric)
    infos = metric_infos(metric, ranked, known)
    return Ranking(
        cells=(*ranked, *unranked),
        pairs=pairs,
        fronts=pareto_fronts(dataset, ranked, higher_is_better=metric.higher_is_better),
        facts=facts,
        recommendation=advise(
            dataset, ranked, pairs, metrics=infos, constraints=plan.constraints, examples=facts.examples
        ),
        robustness=robustness,
        disagreements=disagreements_of(dataset, ranked, evidence, by_cell, find),
        written=side_by_side(dataset, ranked, evidence),
    )


def _summarise(
    trials: Sequence[PlannedTrial], results: Sequence[Result], metric: Metric, load: LoadPredictions, *, resample: bool
) -> tuple[CellSummary, SetEvidence]:
    first = trials[0]
    done = [result for result in results if result.status == "done"]
    finals = sorted((result for result in done if result.phase == "final"), key=lambda result: result.seed)
    searches = [result for result in done if result.phase == "search"]
    shorts = [result for result in done if result.phase == "short"]
    home = gather(metric, finals, "test", load, resample=resample)
    confusion, classes = confusion_of(home.classified)
    reliability, calibration_error = reliability_of(home.classified)
    sample = finals[0] if finals else (results[0] if results else None)
    summary = CellSummary(
        cell_id=first.cell_id,
        model=first.model,
        dataset=first.dataset,
        strategy=first.strategy,
        strategy_name=first.strategy_name,
        family=sample.family if sample else None,
        input_size=sample.input_size if sample else None,
        resizing=sample.resizing if sample else None,
        sequence_length=sample.sequence_length if sample else None,
        tokens=next((result.tokens for result in finals if result.tokens is not None), None),
        sparsity=next((result.sparsity for result in finals if result.sparsity is not None), None),
        teaching=tuple(result.teaching for result in finals if result.teaching is not None),
        writing=writing_of(finals),
        rank=None,
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
        ledger=ledger_of(searches, finals, metric.name, higher_is_better=metric.higher_is_better, shorts=shorts),
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
    cell: CellSummary, home: SetEvidence, spread: NDArray[np.float64] | None, metric: Metric, *, resample: bool
) -> CellSummary:
    """The cell with the interval over examples and seeds and with its evidence, which need the spread of all cells."""
    if cell.headline is None:
        return cell
    ends, reason = overall_interval(home, spread, metric.bounds)
    low, high = ends or (None, None)
    update = {"overall_low": low, "overall_high": high, "overall_reason": reason}
    kept = keep_evidence(home, spread) if testable(home, resample=resample) else None
    return cell.model_copy(update={"headline": cell.headline.model_copy(update=update), "evidence": kept})


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
        # The same examples in another form are resampled together; different ones independently.
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


def _with_ranks(scored: Sequence[CellSummary], best: Mapping[str, BestComparison | None]) -> tuple[CellSummary, ...]:
    ranked: list[CellSummary] = []
    for index, cell in enumerate(scored):
        rank: int | None = index + 1
        before = ranked[-1] if ranked else None
        if before is not None and before.headline and cell.headline and before.headline.value == cell.headline.value:
            rank = before.rank
        ranked.append(cell.model_copy(update={"rank": rank, "best": best[cell.cell_id]}))
    return tuple(ranked)


def info_of(metric: Metric) -> MetricInfo:
    """A metric as a comparison describes it."""
    return MetricInfo(
        name=metric.name, label=metric.label, higher_is_better=metric.higher_is_better, summary=metric.summary
    )


def metric_infos(headline: Metric, cells: Sequence[CellSummary], results: Sequence[Result]) -> tuple[MetricInfo, ...]:
    """The headline, then every metric that some cell has and that is registered, or kept with the results."""
    names = dict.fromkeys([headline.name, *(name for cell in cells for name in cell.metrics)])
    return tuple(map(info_of, metrics_to_read(tuple(names), results)))
