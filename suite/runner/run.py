"""Running a plan: what is missing of it, and nothing else.

What a finished run needs to say that there is nothing to do is here; what really runs trials, with SQLAlchemy,
pebble and the rest, is in ``suite.runner.session`` and imported when there is something to run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from suite.errors import SuiteError
from suite.registry import DATASETS
from suite.runner.funnel import funnel_of
from suite.runner.progress import Progress, ProgressMode, make_progress
from suite.runner.schedule import Redo, missing_trials, without
from suite.runner.settings import SessionSettings
from suite.runner.workers import EXECUTOR, ClusterChoice
from suite.spec.placement import DeviceSettings
from suite.spec.plan import Plan, canonical_json
from suite.spec.spec import Spec
from suite.spec.trial import Trial
from suite.spec.trial_selection import select
from suite.store.quick_read import glance
from suite.store.records.result import Result
from suite.store.state import Entry
from suite.store.store import open_store

__all__ = ["Redo", "RunOutcome", "run_plan", "verify_datasets"]

UNSUCCESSFUL = {"failed", "diverged", "timeout"}


@dataclass(frozen=True)
class RunOutcome:
    """How the trials that were asked for stand after a run."""

    out: Path
    counts: Mapping[str, int]
    """Status to number of trials, of all that were asked for."""
    new: tuple[str, ...]
    """Ids of the trials that this run did; empty where there was nothing to do."""
    seconds: float
    """Wall time of this run."""
    failed: tuple[Result, ...]
    """What failed, diverged or took too long, in the order of the plan; where there is any, the command exits 1."""

    @property
    def nothing_to_do(self) -> bool:
        """Whether every trial was stored already."""
        return not self.new


def run_plan(
    plan: Plan,
    *,
    out: Path,
    cache_root: Path,
    only: tuple[str, ...] = (),
    redo: Redo = "failed",
    jobs: int | None = None,
    timeout_seconds: float | None = None,
    progress: Progress | ProgressMode = "auto",
    base: Path | None = None,
    command: str | None = None,
    executor: str = EXECUTOR,
    devices: DeviceSettings | None = None,
    cluster: str | ClusterChoice | None = None,
    again: frozenset[str] = frozenset(),
) -> RunOutcome:
    """Runs what is missing of a plan and stores every result as it comes.

    Args:
        plan: The plan of a validated spec.
        out: Folder of the run; the store is made in it.
        cache_root: Where decoded images and features are kept.
        only: ``key=value`` selections; see ``suite.spec.trial_selection``. The store still describes
            the whole plan.
        redo: ``failed`` (the default) runs what is missing, what failed and what took too long; a divergence or a
            skip would come again and is kept. ``none`` leaves every stored trial alone, ``all`` runs each again.
        jobs: Worker processes; the spec's where it is left out, else one per GPU, or one on a CPU.
        timeout_seconds: Longest time of one trial; the spec's where it is left out.
        progress: How to show progress on stderr, or who shows it.
        base: Folder whose git commit is recorded; the working directory where it is left out.
        command: The command that makes these results again, for the report.
        executor: ``module:function`` that runs a ``TrialRequest`` in a worker.
        devices: How the devices of a worker are used; as the spec says where it is left out.
        again: Trials that are run again, whatever ``redo`` says of what is stored of them: what is, is damaged.
        cluster: Whose machines run the trials, an address or a choice; this one where it is left out.

    Raises:
        SuiteError: For a selection that matches nothing, or a store that cannot be used.
        KeyboardInterrupt: On Ctrl-C or SIGTERM, after the workers were ended; what finished is stored.
    """
    started = time.monotonic()
    if jobs is not None and jobs < 1:
        raise SuiteError(f"--jobs {jobs}: expected at least 1 worker.")
    if timeout_seconds is not None and timeout_seconds <= 0:
        raise SuiteError(f"--timeout {timeout_seconds:g}: expected seconds above 0.")
    chosen = select(plan, only) if only else plan
    stored = glance(out)
    missing = _without_left_out(missing_trials(chosen, without(stored.entries, again), redo=redo), chosen, out)
    new: tuple[str, ...] = ()
    if missing or stored.documents.get("spec") != plan.spec.model_dump_json():
        from suite.runner.session import Session

        verify_datasets(missing)
        settings = SessionSettings(
            out=out,
            cache_root=cache_root,
            redo=redo,
            jobs=jobs or plan.spec.jobs,
            timeout_seconds=timeout_seconds or plan.spec.training.timeout_seconds,
            base=base or Path.cwd(),
            command=command,
            executor=executor,
            devices=devices or _devices(plan.spec),
            # What is left is to describe the plan: that needs no machine.
            cluster=_chosen(cluster) if missing else None,
            again=again,
        )
        shown = make_progress(progress) if isinstance(progress, str) else progress
        new = Session(plan, chosen, settings, shown).run()
        stored = glance(out)
    return _outcome(out, chosen.trials, stored.entries, new, time.monotonic() - started)


def _devices(spec: Spec) -> DeviceSettings:
    return DeviceSettings(spec.distribution, spec.gpu_memory_mb, spec.training.deterministic)


def _chosen(cluster: str | ClusterChoice | None) -> ClusterChoice | None:
    return ClusterChoice(cluster) if isinstance(cluster, str) else cluster


def _without_left_out(missing: tuple[Trial, ...], chosen: Plan, out: Path) -> tuple[Trial, ...]:
    """``missing`` without what the funnel of the spec has left out by now."""
    if chosen.spec.funnel is None or not missing:
        return missing

    with funnel_of(chosen, out, again={trial.id for trial in missing}) as funnel:
        return tuple(trial for trial in missing if funnel is None or funnel.left_out(trial) is None)


def verify_datasets(trials: tuple[Trial, ...]) -> None:
    """What can be seen of the data sets without loading them; a missing folder is told before a worker starts.

    Raises:
        DataError: For the first data set that cannot be there.
    """
    choices = {
        canonical_json([choice.source, choice.own()]): choice
        for cell in {trial.cell.id: trial.cell for trial in trials}.values()
        for choice in (cell.dataset, *cell.evaluate_on, *cell.out_of_class)
    }
    for choice in choices.values():
        source = DATASETS.get(choice.source)
        if hasattr(source, "verify"):
            source.verify(choice.options(source))


def _outcome(
    out: Path, trials: tuple[Trial, ...], entries: Mapping[str, Entry], new: tuple[str, ...], seconds: float
) -> RunOutcome:
    known = [entries[trial.id] for trial in trials if trial.id in entries]
    unsuccessful = [entry.id for entry in known if entry.status in UNSUCCESSFUL]
    failed: list[Result] = []
    if unsuccessful:
        with open_store(out, create=False) as store:
            found = {result.id: result for result in store.query(ids=unsuccessful)}
        failed = [found[trial_id] for trial_id in unsuccessful if trial_id in found]
    counts: Counter[str] = Counter(entry.status for entry in known)
    return RunOutcome(out=out, counts=dict(counts), new=new, seconds=seconds, failed=tuple(failed))
