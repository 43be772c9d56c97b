"""``tensorboard:DIR``: learning curves as event files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from suite.destinations.destination import Sent
from suite.errors import StoreError, SuiteError
from suite.kept import file_safe
from suite.results import Result

__all__ = ["TensorBoard"]

MARKER = "suite-results.json"
"""Says that a folder was written by this destination, and so may be replaced."""
Point = tuple[str, int, float, float]
"""Tag, step, value, seconds since 1970."""


class TensorBoard:
    """One run of TensorBoard per trial."""

    summary: ClassVar[str] = "learning curves as TensorBoard's event files, one run per trial"
    target: ClassVar[str] = "DIR"
    extra: ClassVar[str] = "tensorboard"
    modules: ClassVar[tuple[str, ...]] = ("tensorboard",)

    @classmethod
    def send(cls, folder: Path, target: str) -> Sent:
        """Writes the folder anew, ``MODEL/DATASET/STRATEGY/PHASE-seed-SEED-ID`` inside it.

        Each trial has its scalars: losses, validation score and learning rate of every epoch, and its scores on the
        test set at the last; and its settings for the page on hyperparameters.

        Raises:
            SuiteError: Where the folder has something else in it.
            StoreError: Where it cannot be written.
        """
        from suite.store import open_store

        with open_store(folder, create=False) as store:
            results = [result for result in store.query() if result.status == "done"]
        place = Path(target)
        if place.exists() and not _is_ours(place):
            raise SuiteError(f"{place}: holds something that is not from 'suite results'; choose another folder.")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as temporary:
                made = Path(temporary) / "made"
                made.mkdir()
                for result in results:
                    _write(result, made / _name(result))
                (made / MARKER).write_text(json.dumps({"run": folder.name, "trials": len(results)}), encoding="utf-8")
                if place.exists():
                    place.rename(Path(temporary) / "old")
                made.rename(place)
        except OSError as error:
            raise StoreError(
                f"{place}: cannot be written ({error.strerror or error}); choose another folder."
            ) from error
        return Sent(len(results), 0, str(place))


def _is_ours(place: Path) -> bool:
    return (place / MARKER).is_file() or (place.is_dir() and not any(place.iterdir()))


def _name(result: Result) -> str:
    last = f"{result.phase}-seed-{result.seed}-{result.id[:8]}"
    return "/".join((*map(file_safe, (result.model, result.dataset, result.strategy)), last))


def _write(result: Result, folder: Path) -> None:
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    started = _seconds(result.started_at)
    settings = hparams_pb(_settings(result), trial_id=result.id, start_time_secs=started)
    writer.add_event(event_pb2.Event(wall_time=started, step=0, summary=settings))
    for tag, step, value, seconds in _points(result, started):
        one = summary_pb2.Summary.Value(tag=tag, simple_value=value)
        one.metadata.plugin_data.plugin_name = "scalars"
        summary = summary_pb2.Summary(value=[one])
        writer.add_event(event_pb2.Event(wall_time=seconds, step=step, summary=summary))
    writer.close()


def _points(result: Result, started: float) -> Iterator[Point]:
    seconds = started
    for epoch in result.history:
        seconds += epoch.seconds
        yield "loss/train", epoch.epoch, epoch.train_loss, seconds
        yield "loss/validation", epoch.epoch, epoch.validation_loss, seconds
        yield "score/train", epoch.epoch, epoch.train_accuracy, seconds
        yield "score/validation", epoch.epoch, epoch.validation_score, seconds
        yield "learning_rate", epoch.epoch, epoch.learning_rate, seconds
    last = result.history[-1].epoch if result.history else 0
    for place, scores in result.scores.items():
        for name, score in scores.items():
            if score.value is not None:
                yield f"{place}/{name}", last, score.value, seconds


def _settings(result: Result) -> dict[str, Any]:
    """What TensorBoard takes: numbers, words and truth values."""
    own = {
        name: value if isinstance(value, bool | int | float | str) else json.dumps(value)
        for name, value in result.hyperparameters.items()
    }
    who = {"model": result.model, "dataset": result.dataset, "strategy": result.strategy, "seed": result.seed}
    return {**own, **who}


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0
