"""The cells of one data set with ranks and verdicts, and what follows from them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from suite.compare.advice.advice import advise
from suite.compare.advice.records import Unmet
from suite.compare.cell import (
    BestComparison,
    CellSummary,
    ElsewhereScore,
    HeadlineScore,
    MetricInfo,
    SeedScore,
    Spread,
)
from suite.compare.comparison import DatasetFacts, Difference, ParetoFront, Recommendation
from suite.compare.example_records import Disagreements, SideBySide
from suite.compare.examples import disagreements_of, side_by_side
from suite.compare.exports import with_file_latencies
from suite.compare.facts import dataset_facts
from suite.compare.ledger import ledger_of
from suite.compare.panels import panels_of
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.compare.robustness.corruptions import FindFile
from suite.compare.robustness.records import RobustnessFacts
from suite.compare.robustness.summary import look_beyond
from suite.compare.slices import with_slices
from suite.compare.statistics.best import held_against_best
from suite.compare.statistics.evidence import THREADS, LoadPredictions, SetEvidence, gather, mean_score
from suite.compare.statistics.intervals import spread_of
from suite.compare.statistics.pairwise import differences
from suite.compare.statistics.pareto import pareto_fronts
from suite.compare.statistics.resampled_splits import testable
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.compare.statistics.score_intervals import Lucks, lucks_of, with_intervals
from suite.compare.summaries import (
    curves_of,
    metric_spreads,
    profile_of,
    spread,
    timings_of,
    writing_of,
)
from suite.metrics import Metric
from suite.metrics.intervals import Luck, difference_of
from suite.metrics.plugin_metrics import metrics_to_read
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result
from suite.store.records.slices import DatasetSlices

__all__ = ["Ranking", "info_of", "metric_infos", "rank_cells"]

NOT_SCORED = "it was not scored."


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
    slices: Mapping[str, DatasetSlices] = MappingProxyType({}),
) -> Ranking:
    """The cells of one data set with ranks and verdicts, and what follows from them."""
    planned: dict[str, list[PlannedTrial]] = {}
    for trial in plan.trials:
        if trial.dataset == dataset:
            planned.setdefault(trial.cell_id, []).append(trial)
    by_cell: dict[str, list[Result]] = {}
    for result in known:
        by_cell.setdefault(result.cell_id, []).append(result)

    def summarise(cell_id: str) -> tuple[CellSummary, SetEvidence, Lucks]:
        return _summarise(
            planned[cell_id], by_cell.get(cell_id, []), metric, load, panels=plan.panels, resample=plan.resample
        )

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        made = dict(zip(planned, pool.map(summarise, planned), strict=True))
    evidence = {cell_id: found for cell_id, (_, found, _) in made.items()}
    spreads = spread_of(evidence)
    kept = [
        _with_evidence(summary, found, spreads.get(cell_id), resample=plan.resample)
        for cell_id, (summary, found, _) in made.items()
    ]
    sure = with_intervals(kept, {cell_id: lucks for cell_id, (_, _, lucks) in made.items()}, metric.name)
    sure = with_slices(sure, evidence, metric, slices.get(dataset))
    summaries, robustness = look_beyond(dataset, sure, by_cell, evidence, metric=metric, find=find)
    sign = 1.0 if metric.higher_is_better else -1.0
    summaries = with_file_latencies(summaries, exports, results=known, metric=info_of(metric))
    scored = sorted((cell for cell in summaries if cell.headline), key=lambda cell: _order(cell, sign))
    best, contest = held_against_best(scored, higher_is_better=metric.higher_is_better)
    ranked = _with_ranks(scored, best)
    pairs = differences(
        dataset, ranked, evidence, spreads, contest, higher_is_better=metric.higher_is_better, resample=plan.resample
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
    trials: Sequence[PlannedTrial],
    results: Sequence[Result],
    metric: Metric,
    load: LoadPredictions,
    *,
    panels: Sequence[str],
    resample: bool,
) -> tuple[CellSummary, SetEvidence, Lucks]:
    first = trials[0]
    done = [result for result in results if result.status == "done"]
    finals = sorted((result for result in done if result.phase == "final"), key=lambda result: result.seed)
    searches = [result for result in done if result.phase == "search"]
    shorts = [result for result in done if result.phase == "short"]
    home = gather(metric, finals, "test", load, resample=resample)
    metrics = metric_spreads(finals, "test")
    lucks = lucks_of(home, "test", [name for name, found in metrics.items() if found.mean is not None], finals)
    elsewhere, others = _elsewhere(finals, home, lucks, metric, load, resample=resample)
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
        metrics=metrics,
        elsewhere=elsewhere,
        profile=profile_of(finals),
        timings=timings_of(finals),
        curves=curves_of(finals),
        panels=panels_of(panels, home.predictions),
        ledger=ledger_of(searches, finals, metric.name, higher_is_better=metric.higher_is_better, shorts=shorts),
        weights=sample.weights if sample else None,
        batch_size=sample.batch_size if sample else None,
        notes=tuple(dict.fromkeys(note for result in results for note in result.notes)),
    )
    return summary, home, {**lucks, **others}


def _headline(finals: Sequence[Result], home: SetEvidence, metric: Metric) -> HeadlineScore | None:
    value = mean_score(finals, "test", metric.name)
    if value is None:
        return None
    seeds = []
    for result in finals:
        score = result.scores.get("test", {}).get(metric.name)
        seeds.append(SeedScore(seed=result.seed, value=score.value if score is not None else None))
    there = [seed.value for seed in seeds if seed.value is not None]
    return HeadlineScore(
        value=value,
        low=None,
        high=None,
        seeds=tuple(seeds),
        lowest_seed=min(there),
        highest_seed=max(there),
        reason=home.reason,
        seed_deviation=statistics.stdev(there) if len(there) > 1 else None,
    )


def _with_evidence(
    cell: CellSummary, home: SetEvidence, seeds: NDArray[np.float64] | None, *, resample: bool
) -> CellSummary:
    """The cell with what is kept to hold it against one of another run, which needs the spread of all cells."""
    if cell.headline is None or not testable(home, resample=resample):
        return cell
    return cell.model_copy(update={"evidence": keep_evidence(home, seeds)})


def _elsewhere(
    finals: Sequence[Result], home: SetEvidence, lucks: Lucks, metric: Metric, load: LoadPredictions, *, resample: bool
) -> tuple[tuple[ElsewhereScore, ...], Lucks]:
    """Validation and the sets of ``evaluate_on``, each with how much worse it is than the home test set."""
    names = dict.fromkeys(name for result in finals for name in result.scores if name != "test")
    found: Lucks = {}
    scores = []
    for name in sorted(names, key=lambda name: name != "validation"):
        there = None if name == "validation" else gather(metric, finals, name, load, resample=resample)
        if there is not None:
            found |= lucks_of(there, name, [metric.name], finals)
        known = (lucks.get(("test", metric.name), NOT_SCORED), found.get((name, metric.name), NOT_SCORED))
        scores.append(_elsewhere_on(name, finals, home, there, known=known, metric=metric))
    return tuple(scores), found


def _elsewhere_on(
    name: str,
    finals: Sequence[Result],
    home: SetEvidence,
    there: SetEvidence | None,
    *,
    known: tuple[Luck | str, Luck | str],
    metric: Metric,
) -> ElsewhereScore:
    """One set; without evidence it is validation. Its own interval comes with those of the other cells."""
    metrics = metric_spreads(finals, name)
    own = metrics.get(metric.name, spread([None] * len(finals), reason=NOT_SCORED))
    headline = Spread(**own.model_dump(include=set(Spread.model_fields)))
    at_home = mean_score(finals, "test", metric.name)
    sign = 1.0 if metric.higher_is_better else -1.0
    drop = None if at_home is None or headline.mean is None else sign * (at_home - headline.mean)
    if there is None:
        sizes = [result.data[0].sizes.get("validation") for result in finals if result.data]
        return ElsewhereScore(
            name=name, examples=sizes[0] if sizes else None, headline=headline, low=None, high=None, drop=drop,
            drop_low=None, drop_high=None, metrics=metrics,
            reason="validation chose the settings, so an interval around it would say too much.",
        )  # fmt: skip
    # The same examples in another form share their luck; different ones do not.
    paired = home.examples_key == there.examples_key
    first, second = known if metric.higher_is_better else known[::-1]
    low, high = difference_of(first, second, paired=paired) or (None, None)
    return ElsewhereScore(
        name=name, examples=there.examples, headline=headline, low=None, high=None, drop=drop,
        drop_low=low, drop_high=high, metrics=metrics, reason=there.reason,
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
        name=metric.name,
        label=metric.label,
        higher_is_better=metric.higher_is_better,
        summary=metric.summary,
        unit=metric.unit,
    )


def metric_infos(headline: Metric, cells: Sequence[CellSummary], results: Sequence[Result]) -> tuple[MetricInfo, ...]:
    """The headline, then every metric that some cell has and that is registered, or kept with the results."""
    names = dict.fromkeys([headline.name, *(name for cell in cells for name in cell.metrics)])
    return tuple(map(info_of, metrics_to_read(tuple(names), results)))
