"""What a run would do: trials done and missing, downloads, and the time that is left. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import Requirement, install_line
from suite.registry import DATASETS, EXPORTERS, MODELS
from suite.runner.environment import trials_at_once
from suite.runner.estimate import Estimate, wall_seconds
from suite.runner.funnel import funnel_of
from suite.runner.run import verify_datasets
from suite.runner.schedule import cut, missing_trials, spending_of
from suite.spec.label_budget import ALL, Budget
from suite.spec.plan import Plan, canonical_json, make_plan
from suite.spec.spec import DatasetSpec, ModelSpec, Spec, load_spec
from suite.spec.trial import Trial
from suite.spec.trial_selection import select
from suite.store.quick_read import glance
from suite.store.records.reading import Reading
from suite.store.state import Entry
from suite.store.store import open_store

if TYPE_CHECKING:
    from suite.runner.estimate import Estimate
    from suite.store.address import StoreChoice

__all__ = [
    "CellOutlook",
    "FilesOutlook",
    "OnNodes",
    "Outlook",
    "Past",
    "TrialOutlook",
    "left_to_do",
    "look_ahead",
    "past_of",
    "requirements_of",
    "seconds_left",
]

MISSING = "missing"
CUT = "cut"
"""A search trial that the budget leaves no time for, or one that the funnel leaves out."""


@dataclass(frozen=True)
class Past:
    """What is known of a trial that ended."""

    status: str
    reason: str | None
    seconds: float | None
    """Wall seconds in its worker."""


@dataclass(frozen=True)
class TrialOutlook:
    """One trial of the plan and how it stands."""

    id: str
    phase: str
    seed: int
    state: str
    """``missing``, ``cut``, or the status of its result: ``done``, ``failed``, ..."""
    reason: str | None
    """Why it did not end well; None otherwise."""


@dataclass(frozen=True)
class CellOutlook:
    """One cell and its trials."""

    labels: tuple[str, str, str]
    """Model, data set, strategy."""
    trials: tuple[TrialOutlook, ...]
    train_examples: Budget = ALL
    """How many labelled examples they learn from."""


@dataclass(frozen=True)
class OnNodes:
    """What a run on a cluster would take."""

    nodes: int
    trials_each: int
    """At once on one node, which is taken to be like this machine."""
    seconds: float | None
    """Until the last trial ends; None where nothing comparable is stored."""


@dataclass(frozen=True)
class FilesOutlook:
    """Files that a run writes of kept models once its trials are done."""

    format: str
    precisions: tuple[str, ...]
    which: str
    """``all``, ``best`` or ``recommended``; see ``suite.spec.exports.ExportSpec``."""
    install: str | None
    """The line that installs what the format lacks; None where nothing is missing."""


@dataclass(frozen=True)
class Outlook:
    """What a run would do."""

    name: str
    out: Path
    """Where results are, or will be."""
    cells: tuple[CellOutlook, ...]
    skips: tuple[tuple[tuple[str, str, str], str], ...]
    """Labels of cells that cannot be run, each with its reason."""
    downloads: tuple[Requirement, ...]
    """What is not on this machine."""
    to_run: int
    """Trials that a run would do: those without result, and those that failed."""
    seconds_left: float | None
    """For these, one after another; None where nothing comparable is stored."""
    on_nodes: OnNodes | None = None
    """For these on a cluster, where that was asked for."""
    files: tuple[FilesOutlook, ...] = ()
    """What the spec asks for under ``exports``."""
    readings: Mapping[str, Reading] = field(default_factory=dict)
    """Label of each data set that was read to what was found and left out; empty where nothing is to run."""

    @cached_property
    def counts(self) -> Counter[str]:
        """How many trials are in each state."""
        return Counter(trial.state for cell in self.cells for trial in cell.trials)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        total = self.counts.total()
        if not total:
            return f"{self.name}: no trial can be run; skipped: {_plural(len(self.skips), 'cell')}."
        parts = [f"{number} {state}" for state, number in sorted(self.counts.items())]
        parts += [f"{_plural(len(self.skips), 'cell')} skipped"] if self.skips else []
        if not self.to_run:
            time = "nothing to do"
        elif self.seconds_left is None:
            time = "no estimate of the time before a first trial is done"
        else:
            time = f"about {duration(self.seconds_left)} left{self._on_nodes}"
        where = f"{_plural(total, 'trial')} in {_plural(len(self.cells), 'cell')}"
        return f"{self.name}: {where}: {', '.join(parts)}; {time}."

    @property
    def _on_nodes(self) -> str:
        if self.on_nodes is None or self.on_nodes.seconds is None:
            return ""
        nodes, each = _plural(self.on_nodes.nodes, "node"), _plural(self.on_nodes.trials_each, "trial")
        return (
            f" one after another, about {duration(self.on_nodes.seconds)} on {nodes} like this machine with {each} at "
            "once each"
        )

    def as_json(self) -> dict[str, Any]:
        """The outlook for a program."""
        return {
            "name": self.name,
            "out": str(self.out),
            "counts": dict(sorted(self.counts.items())),
            "to_run": self.to_run,
            "seconds_left": self.seconds_left,
            "on_nodes": None if self.on_nodes is None else asdict(self.on_nodes),
            "cells": [
                _named(cell.labels)
                | {"train_examples": cell.train_examples, "trials": [asdict(trial) for trial in cell.trials]}
                for cell in self.cells
            ],
            "skips": [_named(labels) | {"reason": reason} for labels, reason in self.skips],
            "downloads": [{**asdict(need), "path": str(need.path)} for need in self.downloads],
            "files": [asdict(one) for one in self.files],
            "readings": {label: reading.model_dump(mode="json") for label, reading in self.readings.items()},
        }


def look_ahead(
    path: Path,
    *,
    only: tuple[str, ...] = (),
    overrides: tuple[str, ...] = (),
    plugins: tuple[Path, ...] = (),
    out: Path | None = None,
    store: StoreChoice | None = None,
    nodes: int | None = None,
) -> Outlook:
    """What ``suite run`` with the same arguments would do.

    Args:
        path: The spec.
        only: As for ``suite run``.
        overrides: As for ``suite run``.
        plugins: As for ``suite run``.
        out: As for ``suite run``.
        store: As for ``suite run``.
        nodes: How many machines like this one the time is estimated for, besides that of one trial after another.

    Raises:
        SuiteError: Where the spec is not valid, a data set is not there or has no examples for the headline, ``only``
            matches nothing, or the store cannot be read.
    """
    from suite.runner.data_checks import look_at_data

    spec = load_spec(path, overrides=overrides, plugins=plugins)
    plan = select(make_plan(spec), only)
    folder = out or Path("reports") / spec.name
    if store is not None:
        store.attach(folder)
    past = past_of(folder)
    missing, left_out = left_to_do(plan, folder, glance(folder).entries)
    verify_datasets(missing)
    looked = look_at_data(plan, missing, patient=False) if missing else None
    cells: dict[str, list[TrialOutlook]] = {cell.id: [] for cell in plan.cells}
    for trial in plan.trials:
        cells[trial.cell.id].append(_outlook_of(trial, past.get(trial.id), cut=left_out.get(trial.id)))
    return Outlook(
        name=spec.name,
        out=folder,
        cells=tuple(CellOutlook(cell.labels, tuple(cells[cell.id]), cell.train_examples) for cell in plan.cells),
        skips=tuple(dict.fromkeys((skip.cell.labels, skip.reason) for skip in plan.skips)),
        downloads=tuple(need for need in requirements_of(spec, plan) if not need.present),
        to_run=len(missing),
        seconds_left=seconds_left(plan, missing, past),
        on_nodes=None if nodes is None else _on_nodes(plan, missing, past, nodes),
        files=_files(spec),
        readings={} if looked is None else looked.readings,
    )


def _files(spec: Spec) -> tuple[FilesOutlook, ...]:
    asked = [(one, EXPORTERS.get(one.format)) for one in spec.exports]
    return tuple(
        FilesOutlook(one.format, one.precision, one.which, install_line(exporter.modules, exporter.extra))
        for one, exporter in asked
    )


def left_to_do(plan: Plan, folder: Path, entries: Mapping[str, Entry]) -> tuple[tuple[Trial, ...], dict[str, str]]:
    """The trials that a run would do, and the reasons of those that it leaves out, by id.

    Args:
        plan: What is asked for.
        folder: Of the run, whose results the funnel judges.
        entries: What is stored there.

    Raises:
        StoreError: Where the results cannot be read.
    """
    missing = missing_trials(plan, entries)
    left_out: dict[str, str] = {}
    with funnel_of(plan, folder, again={trial.id for trial in missing}) as funnel:
        if funnel is not None:
            left_out = {t.id: reason for t in plan.trials if (reason := funnel.left_out(t)) is not None}
    missing = tuple(trial for trial in missing if trial.id not in left_out)
    spending = spending_of(plan, entries)
    for trial in plan.trials:
        if trial.id not in entries and trial.id not in left_out and cut(trial, spending):
            left_out[trial.id] = "the search budget is used up"
    return missing, left_out


def requirements_of(spec: Spec, plan: Plan | None = None) -> tuple[Requirement, ...]:
    """Everything that the models and data sets of a spec need from elsewhere, each once.

    Args:
        spec: A validated spec.
        plan: Where it is given, only what its trials need.
    """
    models: Iterable[ModelSpec] = spec.models
    datasets: Iterable[DatasetSpec] = (*spec.datasets, *spec.evaluate_on, *spec.out_of_class)
    if plan is not None:
        models = [cell.model for cell in plan.cells]
        datasets = [further for cell in plan.cells for further in (cell.dataset, *cell.evaluate_on, *cell.out_of_class)]
    found: dict[tuple[str, Path], Requirement] = {}
    asked: set[str] = set()
    for registry, choices in ((MODELS, models), (DATASETS, datasets)):
        for choice in choices:
            question = canonical_json([registry.kind, choice.source, choice.own()])
            if question in asked:
                continue
            asked.add(question)
            source = registry.get(choice.source)
            needs = source.requirements(choice.options(source)) if hasattr(source, "requirements") else ()
            found |= {(need.url, need.path): need for need in needs}
    return tuple(found.values())


def seconds_left(plan: Plan, missing: Iterable[Trial], past: Mapping[str, Past]) -> float | None:
    """Seconds that ``missing`` will take, one after another; None where nothing comparable is done."""
    return _estimate(plan, past).seconds(missing)


def _estimate(plan: Plan, past: Mapping[str, Past]) -> Estimate:
    ended = {name: one.seconds for name, one in past.items() if one.status == "done" and one.seconds is not None}
    return Estimate.of(plan.trials, ended)


def _on_nodes(plan: Plan, missing: Iterable[Trial], past: Mapping[str, Past], nodes: int) -> OnNodes:
    """Raises ``SuiteError`` where a machine like this one has no room for a trial."""
    each = trials_at_once(plan.spec.resources, plan.spec.jobs)
    return OnNodes(nodes, each, wall_seconds(missing, _estimate(plan, past), slots=nodes * each))


def duration(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _outlook_of(trial: Trial, past: Past | None, *, cut: str | None) -> TrialOutlook:
    if cut is not None and past is None:
        return TrialOutlook(trial.id, trial.phase, trial.seed, CUT, cut)
    state = past.status if past else MISSING
    return TrialOutlook(trial.id, trial.phase, trial.seed, state, past.reason if past and state != "done" else None)


def past_of(folder: Path) -> dict[str, Past]:
    """What the store in ``folder`` knows, by trial id; empty where there is none.

    Raises:
        StoreError: Where it cannot be read.
    """
    if not glance(folder).entries:
        return {}
    with open_store(folder, create=False) as store:
        entries = store.entries()
        unfinished = [entry.id for entry in entries.values() if entry.status != "done"]
        reasons = {result.id: result.reason for result in store.query(ids=unfinished)} if unfinished else {}
    return {entry.id: Past(entry.status, reasons.get(entry.id), entry.seconds) for entry in entries.values()}


def _plural(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def _named(labels: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("model", "dataset", "strategy"), labels, strict=True))
