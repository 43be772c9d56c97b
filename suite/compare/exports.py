"""Exported files arranged for reading: whose they are, which no other beats, and which to ship."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from suite.compare.cell import CellSummary, FileLatency, MetricInfo
from suite.compare.comparison import Recommendation
from suite.compare.export_records import ExportedFiles
from suite.compare.shared_costs import block_range, usual_reference
from suite.compare.statistics.pareto import front
from suite.metrics.latency import long_tail
from suite.store.records.export_card import PRECISIONS, ExportCard, Measured
from suite.store.records.result import Result

__all__ = ["exported_files", "with_file_latencies"]


def with_file_latencies(
    cells: Sequence[CellSummary],
    cards: Sequence[ExportCard],
    *,
    results: Sequence[Result],
    metric: MetricInfo,
) -> list[CellSummary]:
    """The cells with how fast their exported files answer: those as trained that are not measurably worse.

    Args:
        cells: Of one data set.
        cards: Of any files; those of trials that are not among the results are left out.
        results: Of the plan.
        metric: The headline.
    """
    sign = 1.0 if metric.higher_is_better else -1.0
    known = {result.id: result for result in results}
    newest = _newest([card for card in cards if card.trial_id in known], known)
    measured = [(card, one) for card in newest if card.status == "done" and (one := card.measured) is not None]
    references: dict[str, list[float]] = {}
    for _, one in measured:
        references.setdefault(one.device, []).extend(one.reference_ms_blocks)
    usual = {device: usual_reference(found) for device, found in references.items() if found}
    files: dict[str, list[FileLatency]] = {}
    for card, one in measured:
        if card.precision == "fp32" and (card.difference is None or _not_worse(card, sign)):
            files.setdefault(card.cell_id, []).append(_file_latency(card.format, one, usual.get(one.device)))
    return [cell.model_copy(update={"files": tuple(files.get(cell.cell_id, ()))}) for cell in cells]


def _file_latency(name: str, measured: Measured, usual: float | None) -> FileLatency:
    blocks = measured.latency_ms_blocks or (measured.latency_ms_p50,)
    middle, low, high = block_range(blocks, measured.reference_ms_blocks, usual)
    return FileLatency(
        format=name,
        device=measured.device,
        threads=measured.threads,
        latency_ms=middle,
        low=low,
        high=high,
        disturbed=measured.disturbed or long_tail(measured.latency_ms_p50, measured.latency_ms_p95),
    )


def exported_files(
    cards: Sequence[ExportCard],
    cells: Sequence[CellSummary],
    *,
    results: Sequence[Result],
    taken: Sequence[Recommendation],
    metric: MetricInfo,
) -> tuple[ExportedFiles, ...]:
    """One for each data set whose models were exported.

    Args:
        cards: Of any files; those of trials that are not among the results are left out.
        cells: By data set, then by rank.
        results: Of the plan.
        taken: The recommendation of each data set.
        metric: The headline.
    """
    known = {result.id: result for result in results}
    places = {cell.cell_id: place for place, cell in enumerate(cells)}
    of_plan = [card for card in cards if card.trial_id in known and card.cell_id in places]
    chosen = _newest(of_plan, known)
    order = sorted(chosen, key=lambda c: (places[c.cell_id], c.format, PRECISIONS.index(c.precision)))
    recommended = {one.dataset: one.cell_id for one in taken}
    datasets = dict.fromkeys(cell.dataset for cell in cells)
    return tuple(
        _of_dataset(dataset, found, recommended.get(dataset), metric)
        for dataset in datasets
        if (found := [card for card in order if card.dataset == dataset])
    )


def _newest(cards: Sequence[ExportCard], known: Mapping[str, Result]) -> list[ExportCard]:
    """One card for each cell, format and precision: of the model that is kept now, else the one saved last."""
    found: dict[tuple[str, str, str], ExportCard] = {}
    for card in sorted(cards, key=lambda card: "model" in known[card.trial_id].artefacts):
        found[card.cell_id, card.format, card.precision] = card
    return list(found.values())


def _of_dataset(dataset: str, cards: list[ExportCard], taken: str | None, metric: MetricInfo) -> ExportedFiles:
    sign = 1.0 if metric.higher_is_better else -1.0
    done = [card for card in cards if card.status == "done" and card.measured and _score(card, metric) is not None]
    qualities = {card.id: sign * (_score(card, metric) or 0.0) for card in done}
    latencies = {card.id: card.measured.latency_ms_p50 for card in done if card.measured}
    sizes = {card.id: float(card.bytes) for card in done}
    with_files = {card.cell_id for card in done}
    cell_id = taken if taken in with_files else next((card.cell_id for card in done), None)
    equal = [card.id for card in done if card.cell_id == cell_id and _not_worse(card, sign)]
    return ExportedFiles(
        dataset=dataset,
        cards=tuple(card.model_copy(update={"labels": ()}) for card in cards),
        latency_front=front([(name, latencies[name], qualities[name]) for name in qualities]),
        size_front=front([(name, sizes[name], qualities[name]) for name in qualities]),
        cell_id=cell_id,
        fastest=min(equal, key=lambda name: (latencies[name], name), default=None),
        smallest=min(equal, key=lambda name: (sizes[name], name), default=None),
        baselines=_baselines(done),
    )


def _baselines(done: Sequence[ExportCard]) -> dict[str, str]:
    full = {(card.trial_id, card.format): card.id for card in done if card.precision == "fp32"}
    pairs = ((card, full.get((card.trial_id, card.format))) for card in done if card.precision != "fp32")
    return {card.id: other for card, other in pairs if other is not None}


def _score(card: ExportCard, metric: MetricInfo) -> float | None:
    score = card.scores.get(metric.name)
    return None if score is None else score.value


def _not_worse(card: ExportCard, sign: float) -> bool:
    """Whether the paired interval reaches the Keras model's score, or there is none and the score does."""
    difference = card.difference
    if difference is None:
        return False
    ends = [end for end in (difference.low, difference.high) if end is not None] or [difference.value]
    return max(sign * end for end in ends) >= 0.0
