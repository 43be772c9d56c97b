"""Everything that a site holds, arranged: histories of runs, leaderboards over runs, models, data sets."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from suite.compare.cell import MetricInfo
from suite.publish.names import folder_name
from suite.publish.record import CellRecord, DatasetRecord, RunRecord
from suite.report.charts.theme import model_colours, strategy_shapes

__all__ = ["BoardKey", "Collection", "Entry", "History", "collect", "dataset_address", "model_address"]


@dataclass(frozen=True)
class History:
    """Runs of one name and task, oldest first."""

    address: str
    points: tuple[RunRecord, ...]

    @property
    def latest(self) -> RunRecord:
        """The newest."""
        return self.points[-1]

    def before(self, point: RunRecord) -> RunRecord | None:
        """The one before; None for the first."""
        place = self.points.index(point)
        return self.points[place - 1] if place else None


@dataclass(frozen=True)
class BoardKey:
    """What must be the same for scores to stand in one leaderboard."""

    task: str
    dataset: str
    fingerprint: str
    metric: str

    @property
    def address(self) -> str:
        """Its folder in the site."""
        return folder_name(f"{self.task.replace('_', '-')}-{self.dataset}-{self.metric}-{self.fingerprint[:8]}")


@dataclass(frozen=True)
class Entry:
    """A cell of the newest point of some history, with where it stands."""

    run: RunRecord
    cell: CellRecord
    dataset: DatasetRecord
    of: int
    """How many cells are ranked with it in its run."""


@dataclass(frozen=True)
class Collection:
    """All points of all histories."""

    histories: tuple[History, ...]
    """The history whose newest point is newest comes first."""

    @property
    def made_up(self) -> bool:
        """Whether numbers of some point were made up."""
        return any(run.made_up for history in self.histories for run in history.points)

    @functools.cached_property
    def latest(self) -> tuple[RunRecord, ...]:
        """The newest point of each history."""
        return tuple(history.latest for history in self.histories)

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every cell of the newest points."""
        found = []
        for run in self.latest:
            datasets = {one.name: one for one in run.home_datasets}
            ranked = {name: len(run.ranking(name)) for name in datasets}
            found += [
                Entry(run, cell, datasets[cell.dataset], ranked[cell.dataset])
                for cell in run.cells
                if cell.dataset in datasets
            ]
        return tuple(found)

    @functools.cached_property
    def boards(self) -> dict[BoardKey, tuple[Entry, ...]]:
        """Ranked cells on the same data by the same metric, best first."""
        grouped: dict[BoardKey, list[Entry]] = {}
        for entry in self.entries:
            if entry.cell.score is not None:
                key = BoardKey(entry.run.task, entry.dataset.name, entry.dataset.fingerprint, entry.run.headline.name)
                grouped.setdefault(key, []).append(entry)
        return {key: tuple(sorted(found, key=_best_first)) for key, found in sorted(grouped.items(), key=_by_name)}

    @functools.cached_property
    def models(self) -> dict[str, tuple[Entry, ...]]:
        """Model label to its cells."""
        grouped: dict[str, list[Entry]] = {}
        for entry in self.entries:
            grouped.setdefault(entry.cell.model, []).append(entry)
        return {name: tuple(grouped[name]) for name in sorted(grouped, key=str.casefold)}

    @functools.cached_property
    def datasets(self) -> dict[tuple[str, str], tuple[RunRecord, ...]]:
        """Name and fingerprint of a data set that models were trained on to the newest runs with it."""
        grouped: dict[tuple[str, str], list[RunRecord]] = {}
        for run in self.latest:
            for one in run.home_datasets:
                grouped.setdefault((one.name, one.fingerprint), []).append(run)
        return {key: tuple(grouped[key]) for key in sorted(grouped)}

    @functools.cached_property
    def colours(self) -> dict[str, str]:
        """Model label to its colour on every page; within ``colours_in_force`` those of the site."""
        return model_colours(self.models)

    @functools.cached_property
    def shapes(self) -> dict[str, str]:
        """Strategy label to the name of its symbol."""
        return strategy_shapes(sorted({entry.cell.strategy for entry in self.entries}))

    def metric(self, key: BoardKey) -> MetricInfo:
        """The metric of a leaderboard."""
        return self.boards[key][0].run.headline


def collect(points: Iterable[RunRecord]) -> Collection:
    """Arranges points. A point that was the middle of a run gives way to the next one of its history."""
    grouped: dict[str, dict[str, RunRecord]] = {}
    for point in points:
        grouped.setdefault(point.address, {})[point.point] = point
    histories = []
    for address, found in grouped.items():
        ordered = sorted(found.values(), key=lambda one: (one.ended_at, -one.trials_missing, one.point))
        kept = [one for one in ordered[:-1] if not one.trials_missing] + ordered[-1:]
        histories.append(History(address, tuple(kept)))
    histories.sort(key=lambda one: (one.latest.ended_at, one.address), reverse=True)
    return Collection(tuple(histories))


def model_address(model: str) -> str:
    """Where a model's page lies."""
    return f"models/{folder_name(model)}"


def dataset_address(name: str, fingerprint: str) -> str:
    """Where a data set's page lies: the same name with other content is another data set."""
    return f"datasets/{folder_name(name)}-{folder_name(fingerprint)[:8]}"


def _best_first(entry: Entry) -> tuple[float, str, str]:
    score = entry.cell.score
    value = score.value if score is not None else 0.0
    return (-value if entry.run.headline.higher_is_better else value), entry.cell.model, entry.run.id


def _by_name(pair: tuple[BoardKey, object]) -> tuple[str, str, str, str]:
    key = pair[0]
    return key.task, key.dataset.casefold(), key.metric, key.fingerprint
