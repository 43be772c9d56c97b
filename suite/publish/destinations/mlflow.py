"""``mlflow``: a run of an MLflow server per trial, and one that holds the report.

A run carries the id of its trial as a tag, and last of all a hash of what was written, so that the same again changes
nothing, what was broken off is written anew, and a trial that was run again replaces its run.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from suite.errors import SuiteError
from suite.publish.destinations.destination import Sent, Shipment, curves, epoch_seconds
from suite.publish.destinations.mlflow_server import EXAMPLE, Server, shown
from suite.report.frames import result_row
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

__all__ = ["MLflow", "metrics_of", "parameters_of"]

TRIAL, WRITTEN, FILES, REPORT = "suite.trial", "suite.written", "suite.files", "suite.report"
"""Tags: whose run it is; hashes of the result and of the files that are there; the run that holds the report."""
LONGEST_KEY = 250
MOST_METRICS, MOST_PARAMETERS = 900, 90
"""In one request; MLflow takes 1,000 of all, and 100 parameters."""
PAGE = 500
REPORT_FILES = ("report.html", "report.md")
SETTINGS = frozenset({"model", "dataset", "strategy", "phase", "seed", "train_examples", "batch_size", "family"})

T = TypeVar("T")


class MLflow:
    """A server that keeps runs, with a page to compare them."""

    summary: ClassVar[str] = "an MLflow server: settings, scores, costs, curves and files of every trial"
    extra: ClassVar[str] = "mlflow"
    modules: ClassVar[tuple[str, ...]] = ("mlflow",)
    example: ClassVar[str] = EXAMPLE
    overwrites: ClassVar[bool] = False

    @classmethod
    def check(cls, target: str, *, overwrite: bool) -> None:
        """Refuses what is no address of a server."""
        Server.of(target)

    @classmethod
    def shown(cls, target: str) -> str:
        """The address without user and password."""
        return shown(target)

    @classmethod
    def send(cls, shipment: Shipment, target: str, *, overwrite: bool) -> Sent:
        """One run per trial, below one that holds the report, in the experiment named after the spec."""
        server = Server.of(target)
        with server.connected():
            from mlflow.exceptions import MlflowException

            try:
                return _Sending(server, shipment).send()
            except (MlflowException, OSError, ImportError) as error:
                raise SuiteError(server.complaint(error)) from error


class _Sending:
    """One shipment on its way."""

    def __init__(self, server: Server, shipment: Shipment) -> None:
        from mlflow import MlflowClient

        self.server, self.shipment = server, shipment
        self.client: MlflowClient = MlflowClient(tracking_uri=server.address)
        self.experiment = ""

    def send(self) -> Sent:
        """Everything that is not there yet."""
        self.experiment = self._experiment()
        known = {TRIAL: dict[str, Any](), REPORT: dict[str, Any]()}
        for run in self._runs():
            for tag, runs in known.items():
                if tag in run.data.tags:
                    runs.setdefault(run.data.tags[tag], run)
        parent = self._report(known[REPORT].get(self.shipment.name))
        cards: dict[str, list[ExportCard]] = {}
        for card in self.shipment.cards:
            cards.setdefault(card.trial_id, []).append(card)
        written = 0
        for result in self.shipment.results:
            written += self._trial(result, cards.get(result.id, []), known[TRIAL].get(result.id), parent)
        count = len(self.shipment.results)
        return Sent(written, count - written, 0, f"Look at them in the experiment '{self.shipment.name}' there.")

    def _experiment(self) -> str:
        name = self.shipment.name
        with self.server.first_question():
            found = self.client.get_experiment_by_name(name)
        if found is None:
            return str(self.client.create_experiment(name))
        if found.lifecycle_stage != "active":
            raise SuiteError(
                f"--to mlflow: the experiment '{name}' was deleted on {self.server.address}; restore it with "
                f"'mlflow experiments restore --experiment-id {found.experiment_id}', or delete it for good."
            )
        return str(found.experiment_id)

    def _runs(self) -> Iterator[Run]:
        token = None
        while True:
            page = self.client.search_runs([self.experiment], max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _report(self, known: Run | None) -> str:
        """The run that holds the report."""
        tags = {REPORT: self.shipment.name, "mlflow.note.content": "The report of the runs below."}
        run = known or self.client.create_run(self.experiment, tags=tags, run_name=f"{self.shipment.name}: report")
        files = {name: self.shipment.folder / name for name in REPORT_FILES}
        charts = sorted((self.shipment.folder / "charts").glob("*.svg"))
        files |= {f"charts/{chart.name}": chart for chart in charts}
        self._upload(run, {name: path for name, path in files.items() if path.is_file()})
        self.client.set_terminated(run.info.run_id, "FINISHED")
        return str(run.info.run_id)

    def _trial(self, result: Result, cards: list[ExportCard], known: Run | None, parent: str) -> bool:
        """Writes what is not there yet; returns whether anything was."""
        written = hashlib.sha256(result.model_dump_json().encode()).hexdigest()
        run = known
        if run is not None and run.data.tags.get(WRITTEN) != written:
            self.client.delete_run(run.info.run_id)  # MLflow keeps what was deleted until it is collected
            run = None
        fresh = run is None
        if run is None:
            run = self._create(result, parent)
        changed = self._upload(run, self._files(result, cards))
        if fresh:
            self.client.set_tag(run.info.run_id, WRITTEN, written)
            end = _milliseconds(result.finished_at)
            self.client.set_terminated(run.info.run_id, "FINISHED" if result.status == "done" else "FAILED", end)
        return fresh or changed

    def _create(self, result: Result, parent: str) -> Run:
        from mlflow.entities import Param

        tags = {
            TRIAL: result.id,
            "suite.cell": result.cell_id,
            "suite.spec.spec": self.shipment.name,
            "suite.status": result.status,
            "suite.phase": result.phase,
            "suite.version": result.environment.suite if result.environment else "unknown",
            "mlflow.parentRunId": parent,
        }
        told = " ".join(filter(None, (result.reason, *result.notes)))
        run: Run = self.client.create_run(
            self.experiment,
            start_time=_milliseconds(result.started_at),
            tags={**tags, **({"mlflow.note.content": told} if told else {})},
            run_name=f"{result.model}, {result.strategy}, {result.dataset}, seed {result.seed}",
        )
        parameters = [Param(name, value) for name, value in parameters_of(result).items()]
        for part in _parts(parameters, MOST_PARAMETERS):
            self.client.log_batch(run.info.run_id, params=part)
        for part in _parts(list(_metrics(result)), MOST_METRICS):
            self.client.log_batch(run.info.run_id, metrics=part)
        return run

    def _files(self, result: Result, cards: list[ExportCard]) -> dict[str, Path | str]:
        """Name there to a file here, or to its text: predictions, the result itself, cards of exported files."""
        files: dict[str, Path | str] = {"result.json": result.model_dump_json(indent=2)}
        for name, file in result.artefacts.items():
            path = self.shipment.find_file(result, name) if name.startswith("predictions/") or name == "log" else None
            if path is not None:
                files[Path(file).as_posix()] = path
        for card in cards:
            place = f"exports/{card.format}-{card.precision}"
            files[f"{place}/card.json"] = card.model_dump_json(indent=2)
            beside = self.shipment.folder / card.folder / "README.md" if card.folder else None
            if beside is not None and beside.is_file():
                files[f"{place}/README.md"] = beside
        return files

    def _upload(self, run: Run, files: Mapping[str, Path | str]) -> bool:
        """Uploads files unless these very ones are there; returns whether it did."""
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            data = content.encode() if isinstance(content, str) else content.read_bytes()
            digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        if run.data.tags.get(FILES) == digest.hexdigest():
            return False
        for name, content in files.items():
            if isinstance(content, str):
                self.client.log_text(run.info.run_id, content, name)
            else:
                above = Path(name).parent.as_posix()
                self.client.log_artifact(run.info.run_id, str(content), None if above == "." else above)
        self.client.set_tag(run.info.run_id, FILES, digest.hexdigest())
        return True


def parameters_of(result: Result) -> dict[str, str]:
    """What was chosen before the fit or in its search, by names that MLflow takes."""
    row = {name: value for name, value in result_row(result).items() if _is_setting(name)}
    further = {
        "input_size": "x".join(map(str, result.input_size)) if result.input_size else None,
        "sequence_length": result.sequence_length,
        "weights": result.weights.name if result.weights else None,
        "device": result.profile.device if result.profile else None,
    }
    return _named({name: str(value) for name, value in (row | further).items() if value is not None})


def metrics_of(result: Result) -> dict[str, float]:
    """Scores with their intervals, costs and times, by names that MLflow takes; what is missing is left out."""
    numbers = {
        name: float(value)
        for name, value in result_row(result).items()
        if not _is_setting(name) and isinstance(value, int | float)
    }
    return _named({name: value for name, value in numbers.items() if math.isfinite(value)})


def _is_setting(name: str) -> bool:
    return name in SETTINGS or name.startswith("hyperparameters.")


def _metrics(result: Result) -> Iterator[Any]:
    """As MLflow's own records: curves by epoch, the others once."""
    from mlflow.entities import Metric

    for point in curves(result):
        yield Metric(point.curve, point.value, round(1000 * point.seconds), point.epoch)
    end = _milliseconds(result.finished_at) or 0
    for name, value in metrics_of(result).items():
        yield Metric(name, value, end, 0)


def _named(values: Mapping[str, T]) -> dict[str, T]:
    """With names that MLflow takes; two that become one are numbered."""
    named: dict[str, T] = {}
    for name, value in values.items():
        safe = re.sub(r"[^\w.\- :]", "_", name).lstrip(".")[:LONGEST_KEY]
        number = 2
        while safe in named:
            safe = f"{safe[: LONGEST_KEY - 4]}_{number}"
            number += 1
        named[safe] = value
    return named


def _milliseconds(stamp: str) -> int | None:
    seconds = epoch_seconds(stamp)
    return None if seconds is None else round(1000 * seconds)


def _parts(items: list[T], most: int) -> Iterator[list[T]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]
