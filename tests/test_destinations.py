"""Results in other programs: read back by TensorBoard's own reader, and by a real MLflow server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from export_runs import run_pictures, suite_command

from suite.store import open_store

STRATEGIES = [{"strategy": "linear_probe"}, {"strategy": "fine_tune", "unfreeze": "head"}]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A finished run of two trials, one of them with epochs, and a file."""
    return run_pictures(
        tmp_path_factory.mktemp("sent"),
        ("resnet_tiny",),
        strategies=STRATEGIES,
        training={"epochs": 2, "batch_size": 8},
        exports=[{"format": "keras", "which": "best"}],
    )


def results(root: Path):
    """The stored results by strategy."""
    with open_store(root / "out", create=False) as store:
        return {one.strategy: one for one in store.query()}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """The address of a real MLflow server on loopback, with SQLite."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    places = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words, *places], stdout=log, stderr=log, env=environment, cwd=folder
        )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                break
        except OSError:
            assert running.poll() is None, (folder / "log").read_text()[-2000:]
            time.sleep(0.5)
    yield address
    running.terminate()
    running.wait(timeout=30)


def test_learning_curves_are_read_back_by_tensorboard(root, tmp_path):
    """Every epoch of every curve, the test scores, and the settings."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    outcome = suite_command("results", root / "out", "--to", f"tensorboard:{tmp_path / 'curves'}")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.strip().endswith("2 trials sent")
    trial = results(root)["fine_tune: head only"]
    (folder,) = (path.parent for path in tmp_path.rglob("*tfevents*") if trial.id[:8] in path.parent.name)
    assert folder.relative_to(tmp_path / "curves").parts[:2] == ("resnet_tiny", "pictures")
    events = EventAccumulator(str(folder)).Reload()
    for tag, field in (("loss/train", "train_loss"), ("score/validation", "validation_score")):
        read = [(event.step, event.value) for event in events.Scalars(tag)]
        assert read == [(one.epoch, pytest.approx(getattr(one, field), rel=1e-6)) for one in trial.history]
    (event,) = events.Scalars("test/accuracy")
    assert event.value == pytest.approx(trial.scores["test"]["accuracy"].value)
    settings = events.summary_metadata["_hparams_/session_start_info"].plugin_data
    assert settings.plugin_name == "hparams"


def test_tensorboard_folders_are_replaced_only_where_they_are_ours(root, tmp_path):
    """A second time is fine; a folder with something else in it is left alone."""
    target = tmp_path / "curves"
    for _ in range(2):
        assert suite_command("results", root / "out", "--to", f"tensorboard:{target}").exit_code == 0
    assert len(list(target.rglob("*tfevents*"))) == 2
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.tex").write_text("x")
    outcome = suite_command("results", root / "out", "--to", f"tensorboard:{other}")
    assert outcome.exit_code == 2
    assert "choose another folder" in outcome.output
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]


def test_a_real_mlflow_server_has_every_trial(root, server):
    """Parameters, scores with intervals, curves with their steps, and files."""
    import mlflow

    outcome = suite_command("results", root / "out", "--to", f"mlflow:{server}")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.strip() == f"{server}: 2 trials sent"
    client = mlflow.MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("small")
    runs = {run.data.tags["suite.trial_id"]: run for run in client.search_runs([experiment.experiment_id])}
    trial = results(root)["fine_tune: head only"]
    run = runs[trial.id]
    assert run.data.params["model"] == "resnet_tiny"
    assert run.data.metrics["test/accuracy"] == trial.scores["test"]["accuracy"].value
    assert run.data.metrics["test/accuracy/low"] == trial.scores["test"]["accuracy"].low
    curve = client.get_metric_history(run.info.run_id, "epoch/train_loss")
    assert [(one.step, one.value) for one in curve] == [(one.epoch, one.train_loss) for one in trial.history]
    assert {one.path for one in client.list_artifacts(run.info.run_id)} >= {"predictions"}
    best = next(run for run in runs.values() if client.list_artifacts(run.info.run_id, "exports"))
    assert [one.path for one in client.list_artifacts(best.info.run_id, "exports")] == ["exports/keras-fp32"]
    report = runs["comparison"].info.run_id
    assert "report.html" in {one.path for one in client.list_artifacts(report)}


def test_what_is_there_is_not_sent_again(root, server, tmp_path):
    """A trial that was run again replaces its run, and no run is there twice."""
    import shutil

    import mlflow

    copy = tmp_path / "out"
    shutil.copytree(root / "out", copy)
    assert suite_command("results", copy, "--to", f"mlflow:{server}").exit_code == 0
    again = suite_command("results", copy, "--to", f"mlflow:{server}")
    assert again.stdout.strip() == f"{server}: 0 trials sent, 2 were there"
    with open_store(copy) as store:
        one, *_ = store.query()
        store.save(one.model_copy(update={"finished_at": "2030-01-01T00:00:00+00:00", "artefacts": {}}))
    outcome = suite_command("results", copy, "--to", f"mlflow:{server}")
    assert outcome.stdout.strip() == f"{server}: 1 trial sent, 1 were there"
    client = mlflow.MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("small")
    trials = [run.data.tags["suite.trial_id"] for run in client.search_runs([experiment.experiment_id])]
    assert len(trials) == len(set(trials)) == 3


def test_a_server_that_does_not_answer_is_one_sentence_without_its_password(root):
    """Within seconds."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    started = time.monotonic()
    outcome = suite_command("results", root / "out", "--to", f"mlflow:http://me:s3cret@127.0.0.1:{port}")
    assert outcome.exit_code == 2
    assert time.monotonic() - started < 60
    assert f"http://127.0.0.1:{port}: cannot be used" in outcome.output
    assert "s3cret" not in outcome.output
    assert "Traceback" not in outcome.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "mlfow:http://x"), "Did you mean 'mlflow'"),
        (("--to", "tensorboard:"), "expected tensorboard:DIR"),
        (("--to", "mlflow"), "expected mlflow:URI"),
        (("--to", "tensorboard:x", "--format", "csv"), "give one of them"),
    ],
)
def test_a_place_that_is_none_is_refused(words, said, root):
    """With exit code 2."""
    outcome = suite_command("results", root / "out", *words)
    assert outcome.exit_code == 2
    assert said in outcome.output


def test_a_client_that_is_not_installed_is_one_line_with_the_command(root, monkeypatch):
    """Before anything is sent."""
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "mlflow" else found(name))
    outcome = suite_command("results", root / "out", "--to", "mlflow:http://127.0.0.1:1")
    assert outcome.exit_code == 2
    assert outcome.output.strip().endswith('pip install "suite[mlflow]"')
