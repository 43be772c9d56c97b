"""``tensorboard``: event files of learning curves, hyperparameters and scores, one folder per trial.

Written record by record with TensorBoard's own writer, which needs no TensorFlow; nothing of this machine is in them.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import StoreError, SuiteError
from suite.publish.destinations.destination import Sent, Shipment, curves, epoch_seconds
from suite.store.atomic_write import write_by_rename
from suite.store.records.example_files import file_safe
from suite.store.records.result import Record, Result

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

__all__ = ["MARKER", "TensorBoard", "trial_folder"]

MARKER = ".suite-tensorboard.json"
"""Lies in a folder that the suite wrote, and says which files are its own."""
EVENTS = "events.out.tfevents.0.suite"
"""TensorBoard reads what has ``tfevents`` in its name."""
TAGS: Mapping[str, str] = {
    "train_loss": "loss/train",
    "validation_loss": "loss/validation",
    "train_accuracy": "score/train",
    "validation_score": "score/validation",
    "learning_rate": "learning_rate",
}
"""What stands before the slash are the headings under which TensorBoard draws curves."""
LONGEST = 80
"""Letters of a folder's name."""


class _Marker(Record):
    """What the suite wrote into the folder."""

    files: tuple[str, ...]
    """From the folder."""


class TensorBoard:
    """A folder for ``tensorboard --logdir``."""

    summary: ClassVar[str] = "a folder of event files: learning curves, hyperparameters and scores"
    extra: ClassVar[str] = "tensorboard"
    modules: ClassVar[tuple[str, ...]] = ("tensorboard",)
    example: ClassVar[str] = "./curves"
    overwrites: ClassVar[bool] = True

    @classmethod
    def check(cls, target: str, *, overwrite: bool) -> None:
        """Refuses a folder that holds something else, unless asked to write beside that."""
        folder = Path(target)
        if folder.exists() and not folder.is_dir():
            raise SuiteError(f"--to tensorboard:{target}: is a file; expected a folder, or a place for one.")
        if not overwrite and folder.is_dir() and not (folder / MARKER).is_file() and any(folder.iterdir()):
            raise SuiteError(
                f"--to tensorboard:{target}: holds files that are not the suite's; choose another folder, or add "
                "--overwrite to write beside them. They are kept."
            )
        _own_files(folder)

    @classmethod
    def shown(cls, target: str) -> str:
        """As it is."""
        return target

    @classmethod
    def send(cls, shipment: Shipment, target: str, *, overwrite: bool) -> Sent:
        """Replaces what the suite wrote into the folder before; other files stay."""
        folder = Path(target)
        drawn = [result for result in shipment.results if result.history or result.scores]
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as room:
                made = {trial_folder(result) / EVENTS: result for result in drawn}
                for place, result in made.items():
                    _write_events(Path(room) / place, result)
                _put_into_place(Path(room), folder, tuple(place.as_posix() for place in made))
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"{folder}: cannot be written ({reason}); choose another folder.") from error
        left_out = len(shipment.results) - len(drawn)
        return Sent(len(drawn), 0, left_out, f"Look at them with: tensorboard --logdir {target}")


def trial_folder(result: Result) -> Path:
    """``MODEL/DATASET/STRATEGY/seed-1-ID``, which TensorBoard shows as the name of the run."""
    *above, label = (file_safe(part)[:LONGEST] for part in (result.model, result.dataset, result.strategy))
    phase = "" if result.phase == "final" else f"{file_safe(result.phase)}-"
    return Path(*above, label, f"{phase}seed-{result.seed}-{file_safe(result.id)[:12]}")


def _own_files(folder: Path) -> tuple[str, ...]:
    """What the suite wrote there: event files below the folder, whatever a marker says.

    Raises:
        SuiteError: Where the marker cannot be read.
    """
    path = folder / MARKER
    if not path.is_file():
        return ()
    try:
        files = _Marker.model_validate_json(path.read_text(encoding="utf-8")).files
    except (ValueError, OSError) as error:
        raise SuiteError(f"{path}: cannot be read; remove it, and add --overwrite to write beside the rest.") from error
    inside = (name for name in files if Path(name).name == EVENTS and ".." not in Path(name).parts)
    return tuple(name for name in inside if not Path(name).is_absolute())


def _put_into_place(room: Path, folder: Path, files: tuple[str, ...]) -> None:
    """Old files of the suite's go, new ones come; killed in between, the marker still knows both."""
    folder.mkdir(exist_ok=True)
    old = _own_files(folder)
    _mark(folder, tuple(dict.fromkeys((*old, *files))))
    for name in files:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        (room / name).replace(place)
    for name in sorted(set(old) - set(files)):
        (folder / name).unlink(missing_ok=True)
        for parent in list(Path(name).parents)[:-1]:
            with contextlib.suppress(OSError):  # it holds something else
                (folder / parent).rmdir()
    _mark(folder, files)


def _mark(folder: Path, files: tuple[str, ...]) -> None:
    write_by_rename(folder / MARKER, _Marker(files=files).model_dump_json(indent=2) + "\n")


def _write_events(path: Path, result: Result) -> None:
    from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
    from tensorboard.summary.writer.record_writer import RecordWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    started = epoch_seconds(result.started_at) or 0.0
    writer = RecordWriter(path.open("wb"))
    try:
        source = SourceMetadata(writer="suite")
        writer.write(Event(wall_time=started, file_version="brain.Event:2", source_metadata=source).SerializeToString())
        for seconds, step, summary in _summaries(result):
            writer.write(Event(wall_time=seconds, step=step, summary=summary).SerializeToString())
    finally:
        writer.close()


def _summaries(result: Result) -> Iterator[tuple[float, int, Summary]]:
    """Seconds since 1970, epoch, and what is told: settings, curves, scores, how it ended."""
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    started = epoch_seconds(result.started_at) or 0.0
    finished = epoch_seconds(result.finished_at) or started
    yield started, 0, hparams_pb(_settings(result), trial_id=result.id, start_time_secs=started)
    for point in curves(result):
        yield point.seconds, point.epoch, _scalar(TAGS[point.curve], point.value)
    for evaluation_set, scores in result.scores.items():
        for metric, score in scores.items():
            if score.value is not None:
                yield finished, result.best_epoch or 0, _scalar(f"{evaluation_set}/{metric}", score.value)
    yield finished, 0, _ended(finished, done=result.status == "done")


def _settings(result: Result) -> dict[str, bool | float | int | str]:
    """Hyperparameters, and what else tells trials apart; what is no number or text is written as JSON."""
    names = ("model", "dataset", "strategy", "seed", "phase", "batch_size")
    known: dict[str, Any] = {name: getattr(result, name) for name in names} | result.hyperparameters
    return {
        name: value if isinstance(value, bool | float | int | str) else json.dumps(value, ensure_ascii=False)
        for name, value in known.items()
        if value is not None
    }


def _scalar(tag: str, value: float) -> Summary:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def _ended(seconds: float, *, done: bool) -> Summary:
    """What the page of hyperparameters calls the end of a session."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    status = Status.STATUS_SUCCESS if done else Status.STATUS_FAILURE
    told = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=seconds))
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(told),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])
