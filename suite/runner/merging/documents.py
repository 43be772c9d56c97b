"""Plans and specs of several runs as one: what a store keeps beside its results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeVar

from suite.compare.advice.what_would_change import listed
from suite.compare.planned import PlannedSkip, PlannedTrial, PlanSummary
from suite.runner.merging.refusals import refuse_alike, refuse_funnels, refuse_other_kinds
from suite.runner.merging.sources import Source
from suite.store.records.check import DataChecks, worst_first
from suite.store.records.result import Phase
from suite.store.records.slices import DatasetSlices

__all__ = ["Joined", "distinct", "join_checks", "join_documents", "join_plans"]

MERGED = "merged"
"""Key of a stored ``spec`` that stands for several: no run takes it for its own."""
HARMLESS = frozenset({"name", "title", "seeds"})
"""Keys in which specs may differ and be one spec again: its trials are those of both, and no others."""
REMARK = "These results were joined from runs of"
_ORDER: Mapping[Phase, int] = {"rank": 0, "short": 1, "search": 2, "final": 3}
T = TypeVar("T")


@dataclass(frozen=True)
class Joined:
    """The documents of the joined run."""

    plan: PlanSummary
    spec: str
    notes: tuple[str, ...]
    """What the user should know of how they were joined, one sentence each."""
    slices: tuple[DatasetSlices, ...] = ()
    """Of each data set those that came first."""


def join_documents(sources: Sequence[Source]) -> Joined:
    """The plan with the trials of all, and the spec, which is a real one where specs differ in ``HARMLESS`` at most.

    Raises:
        StoreError: For runs that cannot be joined; see ``suite.runner.merging.refusals``.
    """
    refuse_other_kinds(sources)
    specs = _distinct_specs(sources)
    keys = distinct(key for spec in specs for key in spec)
    different = [key for key in keys if any(spec.get(key) != specs[0].get(key) for spec in specs)]
    if set(different) - HARMLESS:
        refuse_funnels(sources, different)
    plan = join_plans([source.plan for source in sources])
    refuse_alike(plan, sources)
    names = distinct(str(spec.get("name")) for spec in specs)
    if different:
        remarks = [remark for remark in plan.remarks if not remark.startswith(REMARK)]
        keys = [key for key in different if key != "name"]
        but = f", whose specs differ in {listed(keys)}" if keys else ""
        plan = plan.model_copy(update={"remarks": (*remarks, f"{REMARK} {listed(names)}{but}.")})
    slices: list[DatasetSlices] = distinct((one for source in sources for one in source.slices), by="dataset")
    return Joined(plan, _spec_text(sources, specs, different), tuple(_notes(sources, names)), tuple(slices))


def join_plans(plans: Sequence[PlanSummary]) -> PlanSummary:
    """The first plan with the trials and skips of all: cells in the order in which they come, each trial once."""
    trials = distinct((trial for plan in plans for trial in plan.trials), by="trial_id")
    named: dict[str, PlannedTrial] = {}
    cells: dict[str, list[PlannedTrial]] = {}
    for trial in trials:
        first = named.setdefault(trial.cell_id, trial)
        labels = {name: getattr(first, name) for name in ("model", "dataset", "strategy")}
        cells.setdefault(trial.cell_id, []).append(trial.model_copy(update=labels))
    ordered = [trial for own in cells.values() for trial in sorted(own, key=lambda trial: _ORDER[trial.phase])]
    skips: list[PlannedSkip] = distinct((skip for plan in plans for skip in plan.skips), by="cell_id")
    given = {
        name: next((value for plan in plans if (value := getattr(plan, name)) is not None), None)
        for name in ("title", "constraints", "funnel", "funnel_by")
    }
    return plans[0].model_copy(
        update={
            **given,
            "command": "\n".join(distinct(line for plan in plans for line in plan.command.splitlines())),
            "trials": tuple(ordered),
            "ranked": tuple(distinct((trial for plan in plans for trial in plan.ranked), by="trial_id")),
            "skips": tuple(skip for skip in skips if skip.cell_id not in cells),
            "plugins": tuple(distinct((one for plan in plans for one in plan.plugins), by="name")),
            "remarks": tuple(distinct(remark for plan in plans for remark in plan.remarks)),
        }
    )


def join_checks(sources: Sequence[Source]) -> tuple[DataChecks | None, tuple[str, ...]]:
    """What ``suite lint`` found of the data of all, and a sentence for each that saw other data than the first."""
    joined: DataChecks | None = None
    notes: list[str] = []
    for source in sources:
        found = source.checks
        if found is None or joined is None:
            joined = joined or found
            continue
        changed = [
            label for label, fingerprint in found.fingerprints.items()
            if joined.fingerprints.get(label, fingerprint) != fingerprint
        ]  # fmt: skip
        if changed:
            notes.append(
                f"{source.shown}: its checks of the data were left out, since they saw another content of "
                f"{', '.join(changed)}."
            )
            continue
        joined = joined.model_copy(
            update={
                "checked_at": max(joined.checked_at, found.checked_at),
                "fingerprints": {**joined.fingerprints, **found.fingerprints},
                "findings": worst_first((*joined.findings, *found.findings)),
                "ran": tuple(sorted({*joined.ran, *found.ran})),
                "left_out": {**found.left_out, **joined.left_out},
            }
        )
    return joined, tuple(notes)


def distinct(items: Iterable[T], *, by: str | None = None) -> list[T]:
    """Each once, in the order in which they come; ``by`` names the attribute that tells them apart."""
    found: dict[Any, T] = {}
    for item in items:
        found.setdefault(getattr(item, by) if by else item, item)
    return list(found.values())


def _distinct_specs(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """The specs of all runs, each once and without its plugins: where these lie makes no other spec."""
    single = (dict(one) for source in sources for one in source.spec.get(MERGED, (source.spec,)))
    found: list[dict[str, Any]] = []
    for spec in single:
        spec.pop("plugins", None)
        if spec not in found:
            found.append(spec)
    return found


def _spec_text(sources: Sequence[Source], specs: Sequence[Mapping[str, Any]], different: Sequence[str]) -> str:
    """The document ``spec``, byte by byte as a run wrote it where one of them is the same."""
    paths = [path for source in sources for path in source.spec.get("plugins", ())]
    plugins = list({PurePath(path).name: path for path in reversed(paths)}.values())[::-1]
    joined = {**specs[0], "plugins": plugins} if plugins else {**sources[0].spec, **specs[0]}
    if "seeds" in different:
        joined["seeds"] = distinct(seed for spec in specs for seed in spec.get("seeds", ()))
    if set(different) - HARMLESS:
        joined = {"name": specs[0].get("name"), "task": specs[0].get("task"), "plugins": plugins, MERGED: list(specs)}
    known = next((source.spec_text for source in sources if source.spec == joined), None)
    return known or json.dumps(joined, ensure_ascii=False, separators=(",", ":"))


def _notes(sources: Sequence[Source], names: Sequence[str]) -> Iterator[str]:
    if len(names) > 1:
        yield f"The specs are called {listed(names)}; the joined run is called {sources[0].plan.spec_name}."
    limits = [source for source in sources if source.plan.constraints is not None]
    if any(source.plan.constraints != limits[0].plan.constraints for source in limits):
        yield f"The constraints differ; the report takes those of {limits[0].shown}."
