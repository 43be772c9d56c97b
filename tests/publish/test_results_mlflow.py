"""Results in MLflow: a real server on this machine, with SQLite, asked by MLflow's own client."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_runs import suite_command as suite
from results_run import store_sample

from suite.errors import SuiteError
from suite.publish.destinations.destination import CURVES
from suite.publish.destinations.mlflow import metrics_of, parameters_of
from suite.publish.destinations.mlflow_server import Server
from suite.store.records.result import Result, Score
from suite.store.store import open_store

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "NO_PROXY": "127.0.0.1"}


def free_port() -> int:
    """One that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(address: str) -> bool:
    """Whether the server says that it is well."""
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as said:
            return said.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """The address of an MLflow server, which ends with the module."""
    folder = tmp_path_factory.mktemp("mlflow")
    address = f"http://127.0.0.1:{free_port()}"
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2],
        "--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'runs.db'}",
        "--artifacts-destination", str(folder / "files"),
    ]  # fmt: skip
    with (folder / "log.txt").open("w") as log, pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET.items():
            patch.setenv(name, value)
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True)
        try:
            started = time.monotonic()
            while not answers(address):
                assert process.poll() is None, (folder / "log.txt").read_text()
                assert time.monotonic() - started < 120, (folder / "log.txt").read_text()
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # its workers too; what it holds is thrown away
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, list[Result]]:
    """The folder of a stored run, and its trials."""
    folder = tmp_path_factory.mktemp("run") / "out"
    return folder, store_sample(folder)


def renamed(folder: Path, copy: Path, spec: str) -> Path:
    """A copy of a run under another name."""
    shutil.copytree(folder, copy)
    with open_store(copy) as store:
        store.save_document("spec", json.dumps({"name": spec}))
    return copy


@pytest.fixture(scope="module")
def client(server):
    """MLflow's own."""
    from mlflow import MlflowClient

    return MlflowClient(server)


@pytest.fixture(scope="module")
def sent(server, run, client):
    """Trial id to the run that the command made of it; ``report`` to the one that holds the report."""
    outcome = suite("results", run[0], "--to", f"mlflow:{server}")
    assert outcome.exit_code == 0, outcome.output
    assert f"{len(run[1])} trials written" in outcome.output
    return runs_of(client, "sample")


def runs_of(client, experiment: str):
    """Trial id to run."""
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id], max_results=1000)
    keys = [one.data.tags.get("suite.trial", "report") for one in found]
    assert len(keys) == len(set(keys))
    return dict(zip(keys, found, strict=True))


def names_of(client, run, folder: str | None = None) -> set[str]:
    """Files of a run."""
    return {one.path for one in client.list_artifacts(run.info.run_id, folder)}


def test_a_trial_is_a_run_with_its_settings_scores_and_costs(run, sent):
    """In the experiment named after the spec; numbers are those that are stored."""
    assert sent.keys() == {"report", *(one.id for one in run[1])}
    for result in run[1]:
        data = sent[result.id].data
        assert data.params == parameters_of(result)
        assert {name: data.params[name] for name in ("model", "dataset", "strategy", "seed")} == {
            "model": result.model, "dataset": result.dataset, "strategy": result.strategy, "seed": str(result.seed),
        }  # fmt: skip
        for name, value in result.hyperparameters.items():
            assert data.params[f"hyperparameters.{name}"] == str(value)
        kept = {name: value for name, value in data.metrics.items() if name not in CURVES}
        assert kept == pytest.approx(metrics_of(result))
        for evaluation_set, scores in result.scores.items():
            for metric, score in scores.items():
                assert data.metrics[f"{evaluation_set}.{metric}"] == pytest.approx(score.value)
        if result.profile:
            assert data.metrics["parameters"] == result.profile.parameters
        assert sent[result.id].info.run_name == (
            f"{result.model}, {result.strategy}, {result.dataset}, seed {result.seed}"
        )


def test_curves_have_their_epochs_as_steps(run, sent, client):
    """Every value, in order."""
    result = next(one for one in run[1] if len(one.history) > 2)
    for curve in CURVES:
        found = client.get_metric_history(sent[result.id].info.run_id, curve)
        expected = [(one.epoch, pytest.approx(getattr(one, curve))) for one in result.history]
        assert [(one.step, one.value) for one in sorted(found, key=lambda one: one.step)] == expected


def test_a_trial_that_failed_is_a_failed_run_with_its_reason(run, sent):
    """And has no scores."""
    failed = [one for one in run[1] if one.status != "done"]
    assert {one.status for one in failed} == {"failed", "diverged"}
    for result in failed:
        one = sent[result.id]
        assert (one.info.status, one.data.tags["suite.status"]) == ("FAILED", result.status)
        assert result.reason in one.data.tags["mlflow.note.content"]
        assert not any(name.startswith("test.") for name in one.data.metrics)
    assert {sent[one.id].info.status for one in run[1] if one.status == "done"} == {"FINISHED"}


def test_files_lie_with_the_run(run, sent, client, tmp_path):
    """Predictions byte by byte, the result, cards of exported files; the report once, above all trials."""
    folder, results = run
    with open_store(folder, create=False) as store:
        (card,) = store.exports()
    result = next(one for one in results if one.id == card.trial_id)
    one = sent[result.id]
    assert names_of(client, one) == {"result.json", "predictions", "exports"}
    assert names_of(client, one, "exports/onnx-int8") == {
        "exports/onnx-int8/card.json", "exports/onnx-int8/README.md",
    }  # fmt: skip
    file = result.artefacts["predictions/test"]
    local = Path(client.download_artifacts(one.info.run_id, file, str(tmp_path)))
    assert local.read_bytes() == (folder / "store" / "trials" / result.id / file).read_bytes()
    read = Path(client.download_artifacts(one.info.run_id, "result.json", str(tmp_path)))
    assert Result.model_validate_json(read.read_text(encoding="utf-8")) == result
    assert names_of(client, sent["report"]) == {"report.html", "charts"}
    assert one.data.tags["mlflow.parentRunId"] == sent["report"].info.run_id


def test_the_same_again_changes_nothing(run, sent, server, client):
    """No run twice, and none written anew."""
    outcome = suite("results", run[0], "--to", f"mlflow:{server}")
    assert f"0 trials written, {len(run[1])} unchanged" in outcome.output
    again = runs_of(client, "sample")
    assert {key: one.info.run_id for key, one in again.items()} == {key: one.info.run_id for key, one in sent.items()}


def test_what_is_new_goes_where_it_belongs(run, server, client, tmp_path):
    """A trial that was run again replaces its run; a card joins its run; what was broken off is written anew."""
    folder, results = renamed(run[0], tmp_path / "out", "changing"), run[1]
    assert suite("results", folder, "--to", f"mlflow:{server}").exit_code == 0
    before = runs_of(client, "changing")
    again, carded, broken = [one for one in results if one.status == "done" and one.history][:3]
    client.delete_tag(before[broken.id].info.run_id, "suite.written")
    with open_store(folder) as store:
        (card,) = store.exports()
        store.save_export(card.model_copy(update={"trial_id": carded.id, "format": "litert"}))
        scores = {"test": {"accuracy": Score(value=0.125)}}
        store.save(store.load(again.id).model_copy(update={"scores": scores}))
    outcome = suite("results", folder, "--to", f"mlflow:{server}")
    assert "3 trials written" in outcome.output
    after = runs_of(client, "changing")
    changed = {key for key in before if before[key].info.run_id != after[key].info.run_id}
    assert changed == {again.id, broken.id}
    assert after[again.id].data.metrics["test.accuracy"] == 0.125
    assert "exports/litert-int8" in names_of(client, after[carded.id], "exports")


def test_names_that_mlflow_refuses_are_changed(run):
    """Two that become one are numbered; none is lost."""
    scores = {name: {"accuracy": Score(value=0.5)} for name in ("a'b", 'a"b', "..", "日本 語", "x/../y")}
    found = metrics_of(run[1][0].model_copy(update={"scores": scores, "corrupted": (), "cross": ()}))
    named = sorted(name for name in found if name.endswith(("accuracy", "accuracy_2")))
    assert named == ["a_b.accuracy", "a_b.accuracy_2", "accuracy", "x_.._y.accuracy", "日本 語.accuracy"]


def test_an_experiment_that_was_deleted_is_named(run, server, client, tmp_path):
    """With the command that brings it back."""
    folder = renamed(run[0], tmp_path / "out", "deleted")
    client.delete_experiment(client.create_experiment("deleted"))
    outcome = suite("results", folder, "--to", f"mlflow:{server}")
    assert outcome.exit_code == 2
    assert "mlflow experiments restore" in outcome.output


@pytest.mark.parametrize("slow", [False, True])
def test_a_server_that_does_not_answer_is_told_soon(slow, run, monkeypatch):
    """One sentence without the password, whether nothing listens or nobody speaks."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if slow:
            deaf.listen()
        started = time.monotonic()
        outcome = suite("results", run[0], "--to", f"mlflow:http://me:hunter2@127.0.0.1:{deaf.getsockname()[1]}/x")
    assert time.monotonic() - started < 20
    assert outcome.exit_code == 2
    assert ("does not answer in time" if slow else "cannot be reached") in outcome.output
    assert len(outcome.output.strip().splitlines()) == 1
    assert "hunter2" not in outcome.output
    assert "MLFLOW_TRACKING_PASSWORD" not in os.environ


def test_user_and_password_reach_the_server_and_nobody_else(run):
    """As basic authentication; a server that refuses them is told in a sentence without them."""
    seen: list[bytes] = []

    def refuse(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            seen.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\nhunter2")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=refuse, args=(listening,), daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        outcome = suite("results", run[0], "--to", f"mlflow:http://me:hunter2@127.0.0.1:{port}")
        thread.join(timeout=20)
    assert b"Authorization: Basic bWU6aHVudGVyMg==" in seen[0]
    assert outcome.exit_code == 2
    assert "refuses this user and password" in outcome.output
    assert "hunter2" not in outcome.output


@pytest.mark.parametrize(
    "target", ["127.0.0.1:5000", "ftp://me:hunter2@host", "http://", "http://me:hunter2@host:port", "me:hunter2@host",
               "http://host/?token=hunter2", "http://me:hunt@hunter2@:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(target, run):
    """Before anything is read, with an example and without the password."""
    outcome = suite("results", run[0], "--to", f"mlflow:{target}")
    assert outcome.exit_code == 2
    assert "expected for instance mlflow:http://127.0.0.1:5000" in outcome.output
    assert "hunter2" not in outcome.output


def test_an_address_is_read_apart():
    """Escapes in the password, a path, an address of six."""
    found = Server.of("https://me:p%40ss@[::1]:8/base/")
    assert (found.address, found.user, found.password) == ("https://[::1]:8/base", "me", "p@ss")
    assert Server.of("http://host") == Server("http://host", None, None)
    with pytest.raises(SuiteError):
        Server.of("")


def test_a_missing_package_is_one_line(run, monkeypatch):
    """The one that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    outcome = suite("results", run[0], "--to", "mlflow:http://127.0.0.1:9")
    assert outcome.exit_code == 2
    assert outcome.output.strip().endswith('pip install "keras-suite[mlflow]"')


def test_the_extras_that_are_named_exist():
    """In ``pyproject.toml``, for every destination."""
    import tomllib

    from suite.registry import DESTINATIONS

    root = Path(__file__).resolve().parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {DESTINATIONS.get(name).extra for name in DESTINATIONS} <= extras.keys()
    assert json.dumps(extras["mlflow"]).count("mlflow-skinny") == 1
