"""Ranking models before training: the first two stages of the funnel, and nothing after them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.compare.planned import summarise_plan
from suite.errors import SuiteError
from suite.report.outcome import mistakes_of
from suite.runner.funnel import Funnel
from suite.runner.run import run_plan
from suite.spec.funnel.settings import FunnelSpec
from suite.spec.plan import make_plan
from suite.spec.shipped import find_spec
from suite.spec.spec import load_spec
from suite.store.address import attach
from suite.store.store import open_store

if TYPE_CHECKING:
    from suite.compare.funnel import FunnelSummary
    from suite.runner.workers import ClusterChoice
    from suite.spec.plan import Plan
    from suite.store.address import StoreChoice

__all__ = ["ModelRanking", "rank"]


@dataclass(frozen=True)
class ModelRanking:
    """What the first two stages of the funnel say."""

    out: Path
    """Where the results are."""
    new: int
    """Models that were looked at now; 0 where everything was known."""
    seconds: float
    summaries: tuple[FunnelSummary, ...]
    """One per data set, its models best first."""

    def as_json(self) -> dict[str, Any]:
        """The ranking for a program."""
        return {
            "out": str(self.out),
            "new": self.new,
            "seconds": self.seconds,
            "datasets": [one.model_dump(mode="json") for one in self.summaries],
        }


def rank(
    spec: str | Path,
    *,
    overrides: str | tuple[str, ...] = (),
    jobs: int | None = None,
    timeout_seconds: float | None = None,
    out: str | Path | None = None,
    store: str | StoreChoice | None = None,
    cluster: str | ClusterChoice | None = None,
    plugins: tuple[str | Path, ...] = (),
    quiet: bool = False,
) -> ModelRanking:
    """Judges the models of a spec by their cost and their frozen features; nothing is trained.

    Args:
        spec: A JSON file; ``specs/<name>.json`` also finds the specs that ship with the suite. Without a ``funnel``
            of its own the funnel's defaults hold.
        overrides: A ``key.path=value`` change, or several.
        jobs: Models at once; the spec's when left out, else one, or one per GPU.
        timeout_seconds: Longest time that one model may take.
        out: Folder of the results; ``reports/<name>`` for a spec with a funnel, which goes on from there, else
            ``reports/<name>-rank``.
        store: Address of a team's database for the results, as in ``suite.run``.
        cluster: Where models are looked at, as in ``suite.run``. This machine's own workers when left out.
        plugins: Python files that register further variants.
        quiet: No progress on stderr.

    Raises:
        SuiteError: For anything that the user can mend, and where no model can be judged.

    Example:
        >>> suite.rank("specs/vision.json").summaries[0].models[0].model  # doctest: +SKIP
    """
    from suite.cache import cache_root

    overrides = (overrides,) if isinstance(overrides, str) else tuple(overrides)
    path = find_spec(Path(spec))
    loaded = load_spec(path, overrides=overrides, plugins=tuple(Path(plugin) for plugin in plugins))
    name = loaded.name if loaded.funnel is not None else f"{loaded.name}-rank"
    folder = Path(out) if out is not None else Path("reports") / name
    attach(folder, store, quiet=quiet)
    plan = make_plan(loaded.model_copy(update={"funnel": loaded.funnel or FunnelSpec()}))
    ended = run_plan(
        plan,
        out=folder,
        cache_root=cache_root(),
        only=("phase=rank",),
        jobs=jobs,
        timeout_seconds=timeout_seconds,
        cluster=cluster,
        progress="quiet" if quiet else "auto",
        base=path.resolve().parent,
    )
    mistakes = mistakes_of(ended.counts, ended.failed)
    if mistakes:
        raise SuiteError("\n".join(mistakes))
    return ModelRanking(folder, len(ended.new), ended.seconds, _summaries(plan, folder))


def _summaries(plan: Plan, folder: Path) -> tuple[FunnelSummary, ...]:
    from suite.compare.funnel import summarise_funnel

    with open_store(folder, create=False) as store:
        planned = summarise_plan(plan, funnel=Funnel(plan, store).state)
        ranks = {trial.trial_id for trial in planned.ranked}
        results = {result.id: result for result in store.query(ids=ranks)}
        return summarise_funnel(planned, results, (), higher_is_better=True)
