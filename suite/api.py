"""What the command line and Python users call: run a spec, rebuild its report, load what was found.

Everything large is imported when it is needed: on a finished run no TensorFlow, pandas, Altair, SciPy or
SQLAlchemy is, which is why it answers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from suite.compare.advice.records import Unmet
from suite.errors import SuiteError, UnknownNameError, did_you_mean
from suite.report.checkup import keep_checks
from suite.report.frames import results_frame
from suite.report.outcome import Outcome
from suite.report.stored_run import current_comparison, load_comparison, rebuild_report
from suite.runner.rank import rank
from suite.runner.run import run_plan, verify_datasets
from suite.runner.schedule import missing_trials
from suite.spec.constraints import Constraints
from suite.spec.placement import DeviceSettings, refuse_distribution
from suite.spec.plan import make_plan
from suite.spec.shipped import find_spec
from suite.spec.spec import load_spec, validate
from suite.spec.trial_selection import select
from suite.store.address import attach
from suite.store.quick_read import glance
from suite.store.store import open_store

if TYPE_CHECKING:
    import pandas as pd

    from suite.compare.advice.records import Unmet
    from suite.compare.comparison import Recommendation
    from suite.runner.workers import ClusterChoice
    from suite.spec.constraints import Constraints
    from suite.spec.placement import DeviceSettings, DistributionName
    from suite.spec.plan import Plan
    from suite.spec.spec import Spec
    from suite.store.address import StoreChoice
    from suite.store.records.export_card import ExportCard

__all__ = [
    "Outcome",
    "load_comparison",
    "load_results",
    "rank",
    "rebuild_report",
    "recommend",
    "recommendations",
    "run",
]


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
    from suite.cache import cache_root

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
    path = find_spec(spec)
    return path, make_plan(load_spec(path, overrides=overrides, plugins=tuple(Path(plugin) for plugin in plugins)))


def _look_at_data(plan: Plan, folder: Path, only: tuple[str, ...], redo: Literal["none", "failed", "all"]) -> None:
    """Before a worker starts: the headline, and what labels and contents tell, kept for report and terminal.

    Raises ``DataError`` where a data set is not there, or the headline cannot be computed on it.
    """
    chosen = select(plan, only) if only else plan
    missing = missing_trials(chosen, glance(folder).entries, redo=redo)
    if not missing:
        return  # a finished run answers at once: it imports nothing that looks at data
    from suite.runner.data_checks import look_at_data

    verify_datasets(missing)
    found = look_at_data(plan, missing)
    if found is not None:
        keep_checks(folder, found)


def _devices(spec: Spec, distribution: DistributionName | None, gpu_memory_mb: int | None) -> DeviceSettings:
    """What was asked for in this call, else in the spec. Raises ``SuiteError`` for what neither may ask for."""
    if distribution is not None:
        refuse_distribution(distribution)
    return DeviceSettings(
        distribution or spec.distribution, gpu_memory_mb or spec.gpu_memory_mb, spec.training.deterministic
    )


def _refuse_missing_runtimes(plan: Plan) -> None:
    """Before anything runs."""
    if plan.spec.feature_engine not in {"auto", "keras"}:
        from suite.training.feature_engines import refuse_missing_engine

        refuse_missing_engine(plan.spec.feature_engine)
    if plan.spec.exports:
        from suite.export.export import refuse_missing_runtimes

        refuse_missing_runtimes(plan.spec.exports)


def _export(
    plan: Plan, folder: Path, only: tuple[str, ...], *, again: bool, on_export: Callable[[ExportCard], None]
) -> tuple[ExportCard, ...]:
    """The files that the spec asks for and that are missing, of the selected trials."""
    if not plan.spec.exports:
        return ()
    from suite.export.export import export_missing

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


def load_results(folder: str | Path) -> pd.DataFrame:
    """The results of a run, one row per trial; see ``suite.report.frames.results_frame`` for the columns.

    Raises:
        StoreError: Where the folder holds no run.
    """
    with open_store(Path(folder), create=False) as store:
        return results_frame(store.query())


def recommend(
    folder: str | Path,
    *,
    dataset: str | None = None,
    max_latency_ms: float | None = None,
    max_size_mb: float | None = None,
    max_parameters: float | None = None,
    max_macs: float | None = None,
    max_training_seconds: float | None = None,
    max_memory_mb: float | None = None,
    min_slice_accuracy: float | None = None,
    licences: Sequence[str] | None = None,
    minimum: dict[str, float] | None = None,
    maximum: dict[str, float] | None = None,
) -> Recommendation:
    """What to take within limits, why, and what would change the answer; from stored results only.

    Args:
        folder: Of a run.
        dataset: Its label; the first data set when left out.
        max_latency_ms: Median for one example. This and the other limits replace those of the spec.
        max_size_mb: Weights as stored; 1 MB is 10^6 bytes.
        max_parameters: Of the whole adapted model.
        max_macs: Multiply-accumulate operations for one example.
        max_training_seconds: Of one training from nothing.
        max_memory_mb: Peak resident memory of the worker.
        min_slice_accuracy: On every slice of the test set with at least 10 examples, as a fraction.
        licences: Of pretrained weights that will do: ``["Apache-2.0", "MIT"]``.
        minimum: Metric to the least that it may be: ``{"accuracy": 0.9, "digits:accuracy": 0.8}``.
        maximum: Metric to the most that it may be.

    Raises:
        SuiteError: Where nothing keeps the limits, with the nearest that something keeps; for an unknown metric.

    Example:
        >>> suite.recommend("reports/vision", max_latency_ms=20, minimum={"accuracy": 0.9}).take  # doctest: +SKIP
    """
    costs = {
        "max_latency_ms": max_latency_ms,
        "max_size_mb": max_size_mb,
        "max_parameters": max_parameters,
        "max_macs": max_macs,
        "max_training_seconds": max_training_seconds,
        "max_memory_mb": max_memory_mb,
        "min_slice_accuracy": min_slice_accuracy,
    }
    allowed = None if licences is None else list(licences)
    document = {**costs, "licences": allowed, "minimum": minimum or {}, "maximum": maximum or {}}
    given = validate(Constraints, document, place="recommend", at="")
    answer = recommendations(folder, given, dataset=dataset)[0]
    if isinstance(answer, Unmet):
        raise SuiteError(f"{answer.dataset}: {answer.text}")
    return answer


def recommendations(
    folder: str | Path,
    given: Constraints,
    *,
    dataset: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Recommendation | Unmet, ...]:
    """The answers for every data set of a run, or for one, under the limits of its spec replaced by those given.

    Args:
        folder: Of a run.
        given: Limits.
        dataset: Its label; all data sets when left out.
        tell: Told what of the run is damaged, a sentence each.

    Raises:
        SuiteError: Where nothing was scored, or for a limit on something that the run does not have.
    """
    from suite.compare.advice.advice import advise_again

    comparison = load_comparison(folder, tell=tell).comparison
    if dataset is not None and dataset not in comparison.datasets:
        raise UnknownNameError(f"{folder}: {did_you_mean(dataset, comparison.datasets, what='data set')}")
    limits = (comparison.constraints or Constraints()).replaced_by(given)
    answers = advise_again(comparison, limits if limits.given else None)
    chosen = tuple(answer for answer in answers if dataset in {None, answer.dataset})
    if not chosen:
        raise SuiteError(f"{folder}: no trial has finished with a score, so there is nothing to recommend.")
    return chosen
