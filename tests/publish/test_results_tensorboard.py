"""Results as TensorBoard's event files, read back by TensorBoard's own reader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from export_runs import contents
from export_runs import suite_command as suite
from lint_results import epochs, make_result
from results_run import store_sample

from suite.publish.destinations.tensorboard import EVENTS, MARKER, trial_folder
from suite.store.records.result import Result


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, list[Result]]:
    """The folder of a stored run, and its trials."""
    folder = tmp_path_factory.mktemp("run") / "out"
    return folder, store_sample(folder)


def read(folder: Path):
    """TensorBoard's reader of one run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


@pytest.fixture(scope="module")
def written(run, tmp_path_factory) -> Path:
    """The folder that the command wrote."""
    folder = tmp_path_factory.mktemp("tensorboard") / "deep" / "curves"
    outcome = suite("results", run[0], "--to", f"tensorboard:{folder}")
    assert outcome.exit_code == 0, outcome.output
    assert f"tensorboard --logdir {folder}" in outcome.output
    return folder


def test_every_value_of_every_curve_is_read_back(run, written):
    """Epoch by epoch, at the seconds in which the epoch ended."""
    curves = [one for one in run[1] if one.history]
    assert len(curves) > 5
    for result in curves:
        events = read(written / trial_folder(result))
        for tag, name in {
            "loss/train": "train_loss",
            "loss/validation": "validation_loss",
            "score/validation": "validation_score",
            "learning_rate": "learning_rate",
        }.items():
            found = events.Scalars(tag)
            assert [one.step for one in found] == [record.epoch for record in result.history]
            expected = [getattr(record, name) for record in result.history]
            assert [one.value for one in found] == pytest.approx(expected, rel=1e-6)
        times = [one.wall_time for one in events.Scalars("loss/train")]
        assert times[-1] - times[0] == pytest.approx(sum(one.seconds for one in result.history[1:]), abs=1e-3)


def test_scores_stand_at_the_epoch_that_was_kept(run, written):
    """Of every evaluation set; also of fits that have no epochs."""
    for result in (one for one in run[1] if one.scores):
        events = read(written / trial_folder(result))
        for evaluation_set, scores in result.scores.items():
            for metric, score in scores.items():
                (found,) = events.Scalars(f"{evaluation_set}/{metric}")
                assert (found.step, found.value) == (result.best_epoch or 0, pytest.approx(score.value, rel=1e-6))


def test_hyperparameters_are_those_of_the_trial(run, written):
    """As the page of hyperparameters reads them, with how the trial ended."""
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.metadata import parse_session_end_info_plugin_data as parse_end
    from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data as parse_start

    result = next(one for one in run[1] if one.status == "done" and one.hyperparameters)
    events = read(written / trial_folder(result))
    start = parse_start(events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
    assert start.group_name == result.id
    assert start.hparams["model"].string_value == result.model
    assert start.hparams["seed"].number_value == result.seed
    for name, value in result.hyperparameters.items():
        assert start.hparams[name].number_value == pytest.approx(value)
    end = parse_end(events.SummaryMetadata("_hparams_/session_end_info").plugin_data.content)
    assert end.status == Status.STATUS_SUCCESS


def test_trials_without_a_curve_or_score_are_counted(run, written, tmp_path):
    """They failed before anything was learnt."""
    empty = [one for one in run[1] if not one.history and not one.scores]
    assert empty
    outcome = suite("results", run[0], "--to", f"tensorboard:{tmp_path / 'new'}")
    assert f"{len(run[1]) - len(empty)} trials written, {len(empty)} left out" in outcome.output
    assert len(list(written.rglob(EVENTS))) == len(run[1]) - len(empty)


def test_the_same_again_writes_the_same_bytes(run, written):
    """Nothing of the machine or the hour is in them."""
    before = contents(written)
    assert suite("results", run[0], "--to", f"tensorboard:{written}").exit_code == 0
    assert contents(written) == before


def test_a_folder_of_someone_else_is_left_alone(run, tmp_path):
    """Refused before anything is written; with --overwrite its files stay beside the new ones."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "events.out.tfevents.1.theirs").write_text("theirs")
    outcome = suite("results", run[0], "--to", f"tensorboard:{folder}")
    assert outcome.exit_code == 2
    assert "--overwrite" in outcome.output
    assert len(list(folder.iterdir())) == 1
    assert suite("results", run[0], "--to", f"tensorboard:{folder}", "--overwrite").exit_code == 0
    assert (folder / "events.out.tfevents.1.theirs").read_text() == "theirs"
    assert (folder / MARKER).is_file()


def test_trials_that_are_gone_go_and_foreign_files_stay(run, tmp_path):
    """The marker says which files are the suite's; nothing outside is touched, whatever it says."""
    folder = tmp_path / "curves"
    assert suite("results", run[0], "--to", f"tensorboard:{folder}").exit_code == 0
    old = folder / "gone" / "deep" / EVENTS
    foreign = (folder / "gone" / "notes.txt", tmp_path / EVENTS, folder / "kept.txt")
    for path in (old, *foreign):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("here")
    named = json.loads((folder / MARKER).read_text())["files"]
    named += [f"gone/deep/{EVENTS}", f"../{EVENTS}", "kept.txt", str(tmp_path / EVENTS)]
    (folder / MARKER).write_text(json.dumps({"files": named}))
    assert suite("results", run[0], "--to", f"tensorboard:{folder}").exit_code == 0
    assert not old.parent.exists()
    assert all(path.read_text() == "here" for path in foreign)


@pytest.mark.parametrize("label", ["../../up", "a/b", "日本 語", "x" * 300, ".", "con: <|>\n"])
def test_folders_are_named_safely(label):
    """Whatever the labels are, the folder lies four deep and nowhere else."""
    place = trial_folder(make_result(label, label, label, history=epochs(1.0)))
    assert len(place.parts) == 4
    assert all(part.strip("./\\") and len(part) < 120 for part in place.parts)


def test_it_needs_no_tensorflow(run, tmp_path):
    """Nor is it imported."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom suite.publish.destinations import choose, send\n"
        f"(one,) = choose(['tensorboard:{tmp_path / 'new'}'])\nsend(Path({str(run[0])!r}), one)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "tensorbord:./x"), "Did you mean 'tensorboard'?"),
        (("--to", "tensorboard:"), "says not where; expected for instance tensorboard:./curves"),
        (("--to", "tensorboard"), "says not where"),
        (("--to", "tensorboard:./x", "--format", "csv"), "Give one or the other"),
        (("--overwrite",), "leave it out"),
        (("--to", "tensorboard:/proc/none/x"), "cannot be written"),
        (("--to", f"tensorboard:{__file__}"), "is a file"),
    ],
)
def test_what_cannot_be_is_refused(words, said, run):
    """In a sentence, with exit code 2."""
    outcome = suite("results", run[0], *words)
    assert outcome.exit_code == 2, outcome.output
    assert said in " ".join(outcome.output.split())


def test_a_marker_that_cannot_be_read_is_named(run, tmp_path):
    """It may have been written by something else."""
    (tmp_path / MARKER).write_text("[]")
    outcome = suite("results", run[0], "--to", f"tensorboard:{tmp_path}")
    assert outcome.exit_code == 2
    assert MARKER in outcome.output


def test_a_missing_package_is_one_line(run, monkeypatch):
    """The one that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    outcome = suite("results", run[0], "--to", "tensorboard:./x")
    assert outcome.exit_code == 2
    assert outcome.output.strip().endswith('pip install "keras-suite[tensorboard]"')
