"""``mlflow:URI``: one MLflow run per trial, in an experiment named after the spec."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from suite.destinations.destination import Sent
from suite.errors import SuiteError
from suite.exported import ExportCard
from suite.results import Result
from suite.store import Store

__all__ = ["MLflow"]

TRIAL, STATE = "suite.trial_id", "suite.state"
"""Tags that tell which trial a run is, and which save of it."""
COMPARISON = "comparison"
LONGEST = 6000
"""Letters of a parameter that MLflow takes."""
AT_ONCE = 90
"""Metrics, parameters or tags in one call; it takes 100 parameters."""
QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class MLflow:
    """A tracking server, or a database that MLflow opens itself."""

    summary: ClassVar[str] = "an MLflow server: parameters, scores, curves and files, one run per trial"
    target: ClassVar[str] = "URI"
    extra: ClassVar[str] = "mlflow"
    modules: ClassVar[tuple[str, ...]] = ("mlflow",)

    @classmethod
    def send(cls, folder: Path, target: str) -> Sent:
        """One run per trial, and one for the comparison with its report.

        A trial that is there as it is now is left alone; one that was run again since replaces its run.

        Raises:
            SuiteError: Where the server cannot be reached, or refuses; without the password of the URI.
        """
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        import mlflow
        from mlflow.exceptions import MlflowException

        from suite.api import load_comparison
        from suite.store import open_store

        where = without_password(target)
        try:
            name = load_comparison(folder).comparison.spec_name
            sender = _Sender.of(mlflow.MlflowClient(tracking_uri=target), name, folder)
            with open_store(folder, create=False) as store:
                cards = store.exports()
                results = store.query()
                sent = sum(
                    sender.trial(result, store, [card for card in cards if card.trial_id == result.id])
                    for result in results
                )
            sender.comparison(name)
        except (MlflowException, OSError) as error:
            said = " ".join(str(error).replace(target, where).split())[:300]
            raise SuiteError(f"mlflow: {where}: cannot be used ({_hidden(said, target)}).") from error
        return Sent(sent, len(results) - sent, where)


def without_password(uri: str) -> str:
    """The URI as it may be shown."""
    parts = urlsplit(uri)
    if parts.username is None and parts.password is None:
        return uri
    host = parts.hostname or ""
    return urlunsplit(parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host))


def _hidden(text: str, uri: str) -> str:
    password = urlsplit(uri).password
    return text.replace(password, "***") if password else text


@dataclass(frozen=True)
class _Sender:
    """An experiment on a server, with what is there already."""

    client: Any
    experiment: str
    known: dict[str, Any]
    """Trial id to its run."""
    folder: Path
    """Of the suite's run."""

    @classmethod
    def of(cls, client: Any, name: str, folder: Path) -> _Sender:
        """The experiment of that name, made where there is none."""
        found = client.get_experiment_by_name(name)
        experiment = str(found.experiment_id if found is not None else client.create_experiment(name))
        known: dict[str, Any] = {}
        token = None
        while True:
            page = client.search_runs([experiment], max_results=1000, page_token=token)
            known |= {run.data.tags[TRIAL]: run for run in page if TRIAL in run.data.tags}
            token = page.token
            if not token:
                return cls(client, experiment, known, folder)

    def trial(self, result: Result, store: Store, cards: list[ExportCard]) -> bool:
        """Whether it was sent; False where it is there as it is now."""
        saved = [result.status, result.finished_at, sorted(f"{card.id} {card.sha256}" for card in cards)]
        state = json.dumps(saved)
        if self._is_there(result.id, state):
            return False
        name = f"{result.model}, {result.dataset}, {result.strategy}, seed {result.seed}"
        run = self.client.create_run(self.experiment, run_name=name, tags=_tags(result)).info.run_id
        self._in_parts(run, "params", list(_parameters(result)))
        self._in_parts(run, "metrics", list(_metrics(result)))
        for name, file in result.artefacts.items():
            self._file(run, store.trial_folder(result.id) / file, str(Path(name).parent) if "/" in name else None)
        for card in cards:
            for file in ("card.json", "README.md") if card.folder is not None else ():
                self._file(run, self.folder / str(card.folder) / file, f"exports/{card.format}-{card.precision}")
        self._finish(run, result.id, state, "FINISHED" if result.status == "done" else "FAILED")
        return True

    def comparison(self, name: str) -> None:
        """The report, in a run of its own that is replaced."""
        files = [self.folder / file for file in ("report.html", "report.md", "comparison.json")]
        state = json.dumps([path.stat().st_mtime for path in files if path.is_file()])
        if self._is_there(COMPARISON, state):
            return
        run = self.client.create_run(self.experiment, run_name=f"{name}: the comparison").info.run_id
        for path in files:
            self._file(run, path, None)
        self._finish(run, COMPARISON, state, "FINISHED")

    def _is_there(self, key: str, state: str) -> bool:
        return key in self.known and self.known[key].data.tags.get(STATE) == state

    def _finish(self, run: str, key: str, state: str, status: str) -> None:
        """Marks a run last, so that one that was interrupted before is sent again; what it replaces goes then."""
        self.client.set_tag(run, TRIAL, key)
        self.client.set_tag(run, STATE, state)
        self.client.set_terminated(run, status)
        if key in self.known:
            self.client.delete_run(self.known[key].info.run_id)

    def _file(self, run: str, path: Path, place: str | None) -> None:
        if path.is_file():
            self.client.log_artifact(run, str(path), place)

    def _in_parts(self, run: str, kind: str, items: list[Any]) -> None:
        for start in range(0, len(items), AT_ONCE):
            self.client.log_batch(run, **{kind: items[start : start + AT_ONCE]})


def _tags(result: Result) -> dict[str, str]:
    tags = {"suite.cell_id": result.cell_id, "suite.phase": result.phase, "suite.status": result.status}
    return {**tags, "suite.reason": (result.reason or "")[:5000]}


def _parameters(result: Result) -> Iterator[Any]:
    from mlflow.entities import Param

    who = {"model": result.model, "dataset": result.dataset, "strategy": result.strategy, "seed": result.seed}
    further = {"batch_size": result.batch_size, "input_size": result.input_size, "family": result.family}
    own = {f"hyperparameter.{name}": value for name, value in result.hyperparameters.items()}
    for name, value in {**who, **further, **own}.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            yield Param(_name(name), text[:LONGEST])


def _metrics(result: Result) -> Iterator[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)

    def metric(name: str, value: float | None, step: int = 0) -> Iterator[Any]:
        if value is not None:
            yield Metric(_name(name), float(value), now, step)

    for place, scores in result.scores.items():
        for name, score in scores.items():
            yield from metric(f"{place}/{name}", score.value)
            yield from metric(f"{place}/{name}/low", score.low)
            yield from metric(f"{place}/{name}/high", score.high)
    for epoch in result.history:
        for name in ("train_loss", "train_accuracy", "validation_loss", "validation_score", "learning_rate", "seconds"):
            yield from metric(f"epoch/{name}", getattr(epoch, name), epoch.epoch)
    for record, kind in ((result.profile, "cost"), (result.timings, "time")):
        for name, value in (record.model_dump() if record else {}).items():
            if isinstance(value, int | float):
                yield from metric(f"{kind}/{name}", value)


def _name(text: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^A-Za-z0-9_./ -]+", "_", text)[:240]
