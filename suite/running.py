"""A spec from beginning to end: its trials, its files, its report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from suite.errors import SuiteError
from suite.outcome import Outcome

if TYPE_CHECKING:
    from suite.address import StoreChoice
    from suite.exported import ExportCard
    from suite.placement import DeviceSettings, DistributionName
    from suite.plan import Plan
    from suite.runner.workers import ClusterChoice
    from suite.spec import Spec

__all__ = ["attach", "run"]


def run(
    spec: str | Path,
    *,
    only: str | tuple[str, ...] = (),
    overrides: str | tuple[str, ...] = (),
    redo: Literal["none", "failed", "all"] = "failed",
    jobs: int | None = None,
    distribution: DistributionName | None = None,
    gpu_memory_mb: int | None = None,
    timeout_seconds: float | None = None,
    out: str | Path | None = None,
    store: str | StoreChoice | None = None,
    cluster: str | ClusterChoice | None = None,
    plugins: tuple[str | Path, ...] = (),
    quiet: bool = False,
    on_export: Callable[[ExportCard], None] = lambda _: None,
) -> Outcome:
    """Runs what is missing of a spec and writes its report.

    Args:
        spec: A JSON file; ``specs/<name>.json`` also finds the specs that ship with the suite.
        only: A ``key=value`` selection such as ``model=vit_tiny``, or several; the report covers everything stored.
        overrides: A ``key.path=value`` change such as ``training.epochs=3``, or several.
        redo: Which trials with a result are run again.
        jobs: Trials at once on one machine; the spec's when left out, else one, or one per GPU.
        distribution: Over what one fit is shared out: ``auto``, ``none`` or ``mirrored``; the spec's when left out.
        gpu_memory_mb: The most that a worker takes of each of its GPUs; the spec's when left out.
        timeout_seconds: Longest time of one trial.
        out: Folder of results and report; ``reports/<name>`` when left out.
        store: Address of a team's database for the results, ``postgresql+psycopg://USER@HOST/DATABASE``; a
            ``StoreChoice`` also names the run and a shared folder for files. The folder's own file when left out.
        cluster: Where trials run: ``auto``, ``HOST:PORT`` or ``local``, a cluster of Ray; a ``ClusterChoice`` also
            names a place for files on their way. This machine's own workers when left out.
        plugins: Python files that register further variants.
        quiet: No progress on stderr.
        on_export: Told of each exported file once it is there.

    Raises:
        SuiteError: For anything that the user can mend; nothing that was stored is lost.

    Example:
        >>> outcome = suite.run("specs/vision.json", only=("model=vit_tiny",))  # doctest: +SKIP
        >>> outcome.comparison.recommendation.take  # doctest: +SKIP
    """
    from suite.api import current_comparison
    from suite.cache import cache_root
    from suite.runner.run import run_plan

    only, overrides = ((one,) if isinstance(one, str) else tuple(one) for one in (only, overrides))
    path, plan = _planned(Path(spec), overrides, plugins)
    folder = Path(out) if out is not None else Path("reports") / plan.spec.name
    attach(folder, store, quiet=quiet)
    _refuse_missing_runtimes(plan)
    _look_at_data(plan, folder, only, redo)
    run_it = partial(
        run_plan,
        plan,
        out=folder,
        cache_root=cache_root(),
        only=only,
        jobs=jobs,
        devices=_devices(plan.spec, distribution, gpu_memory_mb),
        cluster=cluster,
        timeout_seconds=timeout_seconds,
        progress="quiet" if quiet else "auto",
        base=path.resolve().parent,
        command=_command(Path(spec), overrides, plugins),
    )
    ended = run_it(redo=redo)
    new, seconds = ended.new, ended.seconds
    comparison = current_comparison(folder)
    damaged = frozenset(comparison.damaged_trials) - set(new)
    if damaged and redo != "none":
        # That a stored result is damaged is seen when it is read: until then it counts as done.
        ended = run_it(redo="none", again=damaged)
        new, seconds = (*new, *ended.new), seconds + ended.seconds
        comparison = current_comparison(folder)
    exported = _export(plan, folder, only, again=redo != "none", on_export=on_export)
    return Outcome(
        name=plan.spec.name,
        out=folder,
        counts=dict(ended.counts),
        new=new,
        failed=ended.failed,
        seconds=seconds,
        exported=exported,
        comparison=current_comparison(folder) if exported else comparison,
    )


def _planned(spec: Path, overrides: tuple[str, ...], plugins: tuple[str | Path, ...]) -> tuple[Path, Plan]:
    from suite.plan import make_plan
    from suite.shipped import find_spec
    from suite.spec import load_spec

    path = find_spec(spec)
    return path, make_plan(load_spec(path, overrides=overrides, plugins=tuple(Path(plugin) for plugin in plugins)))


def _look_at_data(plan: Plan, folder: Path, only: tuple[str, ...], redo: Literal["none", "failed", "all"]) -> None:
    """Before a worker starts: the headline, and what labels and contents tell, kept for report and terminal.

    Raises ``DataError`` where a data set is not there, or the headline cannot be computed on it.
    """
    from suite.runner.schedule import missing_trials
    from suite.selection import select
    from suite.store import glance

    chosen = select(plan, only) if only else plan
    missing = missing_trials(chosen, glance(folder).entries, redo=redo)
    if not missing:
        return  # a finished run answers at once: it imports nothing that looks at data
    from suite.checkup import keep_checks
    from suite.runner.early import look_at_data
    from suite.runner.run import verify_datasets

    verify_datasets(missing)
    found = look_at_data(plan, missing)
    if found is not None:
        keep_checks(folder, found)


def _devices(spec: Spec, distribution: DistributionName | None, gpu_memory_mb: int | None) -> DeviceSettings:
    """What was asked for in this call, else in the spec. Raises ``SuiteError`` for what neither may ask for."""
    from suite.placement import DeviceSettings, refuse_distribution

    if distribution is not None:
        refuse_distribution(distribution)
    return DeviceSettings(
        distribution or spec.distribution, gpu_memory_mb or spec.gpu_memory_mb, spec.training.deterministic
    )


def attach(folder: Path, store: str | StoreChoice | None, *, quiet: bool) -> None:
    """Makes a team's database the place of the results of a folder, for this process, where there is one.

    Raises:
        StoreError: For an address that is none, or where the folder has its results elsewhere already.
    """
    if store is None:
        return
    import sys

    from suite.address import LINK, SUITE_STORE, StoreChoice, address_of

    choice = StoreChoice(store) if isinstance(store, str) else store
    choice.attach(folder)
    if choice.is_default and address_of(folder) is None and not quiet:
        said = f"{folder}: has results of its own, which stay there; {SUITE_STORE} is for folders that have none"
        print(f"{said} or a link to it ({LINK}). See docs/store.md.", file=sys.stderr)


def _refuse_missing_runtimes(plan: Plan) -> None:
    """Before anything runs."""
    if plan.spec.feature_engine not in {"auto", "keras"}:
        from suite.engines import refuse_missing_engine

        refuse_missing_engine(plan.spec.feature_engine)
    if plan.spec.exports:
        from suite.exporting import refuse_missing_runtimes

        refuse_missing_runtimes(plan.spec.exports)


def _export(
    plan: Plan, folder: Path, only: tuple[str, ...], *, again: bool, on_export: Callable[[ExportCard], None]
) -> tuple[ExportCard, ...]:
    """The files that the spec asks for and that are missing, of the selected trials."""
    if not plan.spec.exports:
        return ()
    from suite.api import current_comparison
    from suite.exporting import export_missing
    from suite.selection import select

    chosen = select(plan, only) if only else plan
    trial_ids = {trial.id for trial in chosen.trials}
    try:
        return export_missing(folder, plan.spec.exports, trial_ids=trial_ids, again=again, on_card=on_export)
    except SuiteError:
        current_comparison(folder)  # the trials are done: their report is written, whatever became of the files
        raise


def _command(spec: Path, overrides: tuple[str, ...], plugins: tuple[str | Path, ...]) -> str:
    """What makes these results again, as it would be typed."""
    import shlex

    words = ["suite", "run", str(spec)]
    words += ["--set", *overrides] if overrides else []
    words += [word for plugin in plugins for word in ("--plugin", str(plugin))]
    return shlex.join(words)
