"""A comparison as the record that a site keeps of it: what can be ranked, and what can be held against another run."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic

from suite.compare.advice.constraints import NO_LICENCE, licence_of
from suite.compare.advice.readiness import dataset_answers
from suite.errors import StoreError, StoreVersionError
from suite.publish.private import without_private
from suite.publish.record import (
    RECORD_VERSION,
    CellRecord,
    Costs,
    DatasetRecord,
    EvidenceRecord,
    FileRecord,
    RunRecord,
    Scored,
    WeightsUsed,
    read_record,
)
from suite.report.stored_run import load_comparison
from suite.store.address import address_of
from suite.store.quick_read import glance
from suite.store.records.result import Record
from suite.store.state import spec_of
from suite.store.store import open_store

if TYPE_CHECKING:
    from suite.compare.comparison import CellSummary, Comparison
    from suite.store.records.export_card import ExportCard
    from suite.store.records.result import DataRecord

__all__ = ["Recorded", "evidence_beside", "newest", "read_run", "record_of", "record_of_folder"]

HARD_CLASSES = 5
MOST_CLASS_NAMES = 1_000


def record_of_folder(
    folder: Path, *, tell: Callable[[str], None] = lambda _: None
) -> tuple[RunRecord, dict[str, EvidenceRecord]]:
    """The record of a run as it is stored now, and cell id to its evidence.

    Raises:
        StoreError: Where the folder holds no run, or a newer suite wrote it.
    """
    comparison = load_comparison(folder, tell=tell).comparison
    spec = spec_of(glance(folder).documents)
    with open_store(folder, create=False) as store:
        return record_of(comparison, spec, results_ended=newest(store.ends()))


def record_of(
    comparison: Comparison, spec: Mapping[str, Any], *, key: str = "", results_ended: str = ""
) -> tuple[RunRecord, dict[str, EvidenceRecord]]:
    """The record of a comparison, and cell id to its evidence; cells without predictions have none.

    Where it lies in a site, what of it lies there and whether its numbers were made up is not known here:
    ``address``, ``point``, ``gaps``, ``made_up`` and the places of files are empty.

    Args:
        comparison: Of a run.
        spec: As it was run. What is private is left out.
        key: Hash of what was stored.
        results_ended: When the last trial ended, ISO 8601; see ``newest``.
    """
    facts = comparison.facts
    record = RunRecord(
        name=comparison.spec_name,
        task=comparison.task,
        title=comparison.title or f"Which model for {comparison.spec_name}?",
        address="",
        point="",
        key=key,
        ended_at=results_ended,
        **_answer(comparison),
        findings=comparison.checks.beside_answer if comparison.checks is not None else (),
        headline=comparison.headline,
        metrics=comparison.metrics,
        datasets=_datasets(comparison),
        cells=tuple(_cell(cell, comparison) for cell in comparison.cells),
        files=tuple(_file(card, comparison) for files in comparison.exports for card in files.cards),
        weights=tuple(
            WeightsUsed(**one.model_dump(exclude={"location"}), location=without_private(one.location))
            for one in comparison.weights
        ),
        versions=_versions(comparison),
        devices=facts.devices,
        trials_planned=facts.trials_planned,
        trials_finished=facts.trials_finished,
        trials_failed=facts.trials_failed,
        trials_missing=facts.trials_missing,
        cells_skipped=facts.cells_skipped,
        published=comparison.published,
        spec=without_private(dict(spec)),
    )
    return record, {cell.cell_id: cell.evidence for cell in comparison.cells if cell.evidence is not None}


def newest(times: Iterable[str]) -> str:
    """The latest of times in ISO 8601, in UTC; empty where none can be read."""
    read = []
    for time in times:
        try:
            found = dt.datetime.fromisoformat(time)
        except ValueError:
            continue
        read.append(found.replace(tzinfo=found.tzinfo or dt.UTC).astimezone(dt.UTC))
    return max(read).isoformat(timespec="seconds") if read else ""


def _answer(comparison: Comparison) -> dict[str, Any]:
    """What to take over all data sets where that can be said, else on the first; and what leads where nothing can."""
    if comparison.across is not None and comparison.across.answer:
        return {"answer": comparison.across.answer}
    first = next(iter(dataset_answers(comparison)), None)
    return {"answer": first.take, "leading": first.leading} if first is not None else {"answer": ""}


def _datasets(comparison: Comparison) -> tuple[DatasetRecord, ...]:
    """Those of the plan first, then those that models were only tested on."""
    used: dict[str, list[DataRecord]] = {name: [] for name in comparison.datasets}
    for one in comparison.data:
        used.setdefault(one.name, []).append(one)
    takes = {one.dataset: one.take for one in dataset_answers(comparison)}
    return tuple(
        _dataset(name, records, comparison, takes.get(name))
        for name, records in used.items()
        if records or name in comparison.datasets
    )


def _dataset(name: str, records: list[DataRecord], comparison: Comparison, take: str | None) -> DatasetRecord:
    first = records[0] if records else None
    home = name in comparison.datasets
    classes = first.classes or len(first.class_names) or None if first else None
    return DatasetRecord(
        name=name,
        fingerprint=_fingerprint(records),
        licence=first.licence if first else None,
        origin=without_private(first.origin) if first else "",
        sizes=first.sizes if first else {},
        classes=classes,
        class_names=first.class_names[:MOST_CLASS_NAMES] if first else (),
        home=home,
        hard_classes=_hard_classes(comparison, name) if home else (),
        take=take,
    )


def _fingerprint(records: list[DataRecord]) -> str:
    """One text, also where every seed drew splits of its own."""
    found = sorted({record.fingerprint for record in records})
    return "".join(found) if len(found) < 2 else hashlib.sha256("+".join(found).encode()).hexdigest()


def _hard_classes(comparison: Comparison, dataset: str) -> tuple[tuple[str, float], ...]:
    found: dict[str, list[float]] = {}
    for cell in comparison.cells:
        for one in cell.classes if cell.dataset == dataset else ():
            if one.f1 is not None:
                found.setdefault(one.name, []).append(one.f1)
    means = [(name, math.fsum(values) / len(values)) for name, values in found.items()]
    return tuple(sorted(means, key=lambda entry: (entry[1], entry[0]))[:HARD_CLASSES])


def _cell(cell: CellSummary, comparison: Comparison) -> CellRecord:
    return CellRecord(
        cell_id=cell.cell_id,
        model=cell.model,
        dataset=cell.dataset,
        strategy=cell.strategy,
        family=cell.family,
        rank=cell.rank,
        best=cell.best,
        taken=cell.cell_id in comparison.taken,
        score=_scored(cell),
        metrics={name: spread.mean for name, spread in cell.metrics.items()},
        elsewhere={score.name: score.headline.mean for score in cell.elsewhere},
        costs=_costs(cell),
        finished=cell.finished,
        planned=cell.planned,
        weights=cell.weights.sha256 if cell.weights else None,
        licence=None if licence_of(cell) == NO_LICENCE else licence_of(cell),
        hyperparameters=cell.ledger.chosen,
    )


def _scored(cell: CellSummary) -> Scored | None:
    one = cell.headline
    if one is None:
        return None
    return Scored(
        value=one.value,
        low=one.interval[0] if one.interval else None,
        high=one.interval[1] if one.interval else None,
        seeds={seed.seed: seed.value for seed in one.seeds},
    )


def _costs(cell: CellSummary) -> Costs:
    profile, timings = cell.profile, cell.timings
    seconds = timings.training_seconds.mean if timings else None
    if profile is None:
        return Costs(training_seconds=seconds)
    return Costs(
        parameters=profile.parameters,
        trainable_parameters=profile.trainable_parameters,
        macs=profile.macs,
        size_bytes=profile.size_bytes,
        latency_ms=profile.latency_ms_p50.mean,
        throughput_per_second=profile.throughput_per_second.mean,
        peak_memory_bytes=profile.peak_memory_bytes.mean,
        training_seconds=seconds,
        device=profile.device,
    )


def _file(card: ExportCard, comparison: Comparison) -> FileRecord:
    measured, headline = card.measured, comparison.headline.name
    own, keras = card.scores.get(headline), card.keras_scores.get(headline)
    return FileRecord(
        cell_id=card.cell_id,
        model=card.model,
        dataset=card.dataset,
        strategy=card.strategy,
        seed=card.seed,
        format=card.format,
        precision=card.precision,
        status=card.status,
        reason=card.reason,
        bytes=card.bytes,
        sha256=card.sha256,
        latency_ms=measured.latency_ms_p50 if measured else None,
        throughput_per_second=measured.throughput_per_second if measured else None,
        score=own.value if own else None,
        keras_score=keras.value if keras else None,
        agreement=card.parity.agreement if card.parity else None,
        runtime=measured.runtime if measured else "",
        device=measured.device if measured else "",
    )


def _versions(comparison: Comparison) -> dict[str, str]:
    """Package to version, the one of most trials first where there are several."""
    found: dict[str, dict[str, None]] = {}
    for use in comparison.environments:
        here = use.environment
        for name, version in {"suite": here.suite, "python": here.python, **here.packages}.items():
            found.setdefault(name, {})[version] = None
    return {name: ", ".join(versions) for name, versions in sorted(found.items())}


# A run to compare, from its folder or from the record that a published site keeps of it.

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Recorded:
    """A run and what is kept of its scores."""

    record: RunRecord
    evidence: dict[str, EvidenceRecord]
    shown: str
    """What the reader called it."""


def read_run(place: Path, *, tell: Callable[[str], None] = lambda _: None) -> Recorded:
    """The run of a folder as it is stored now, or of a record file of a site with the evidence beside it.

    Args:
        place: The folder or the file.
        tell: Told what of a run is damaged, a sentence each.

    Raises:
        StoreError: Where there is neither, or it cannot be read; ``StoreVersionError`` where a newer suite wrote it.
    """
    if place.is_file():
        return _from_file(place)
    if not place.is_dir() and address_of(place) is None:
        raise StoreError(
            f"{place}: is not there; expected the folder of a run, such as reports/vision, or the record of one in a "
            "published site, such as data/runs/vision/NAME.json."
        )
    record, evidence = record_of_folder(place, tell=tell)
    return Recorded(record, evidence, str(place))


def evidence_beside(record: Path) -> Path:
    """Where a site keeps the evidence of ``data/runs/ADDRESS/POINT.json``: JSON of cell id to evidence."""
    address = record.absolute().parent
    return address.parent.parent / "evidence" / address.name / record.name


def _from_file(place: Path) -> Recorded:
    document = _document(place)
    version = document.get("record_version")
    if isinstance(version, int) and version > RECORD_VERSION:
        raise StoreVersionError(
            f"{place}: record version {version}, written by a newer suite; this one reads up to version "
            f"{RECORD_VERSION}. Update the suite."
        )
    record = _validated(read_record, document, place)
    beside = evidence_beside(place)
    kept = _document(beside) if beside.is_file() else {}
    evidence = {name: _validated(EvidenceRecord.model_validate, one, beside) for name, one in kept.items()}
    return Recorded(record, evidence, str(place))


def _validated(read: Callable[[Any], R], document: Any, place: Path) -> R:
    try:
        return read(document)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its content"
        raise StoreError(f"{place}: is not what a site keeps of a run: {where}: {first['msg']}.") from error


def _document(place: Path) -> dict[str, Any]:
    """JSON of an object whose numbers are numbers."""
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        json.dumps(found, allow_nan=False)
    except OSError as error:
        raise StoreError(f"{place}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{place}: is no JSON that can be read ({error}); publish the site again.") from error
    if not isinstance(found, dict):
        raise StoreError(f"{place}: expected the record of a run, a JSON object; got {type(found).__name__}.")
    return found
