"""Results on their way into the store: those of a moment together, since a disk takes as long for one as for many."""

from __future__ import annotations

import math
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from suite.runner.environment import environment
from suite.runner.request import TrialRequest
from suite.runner.worker import LOG
from suite.runner.workers import Finished
from suite.spec.trial import Trial
from suite.store.reader import strict_json
from suite.store.records.result import Result
from suite.store.records.validation import first_complaint
from suite.store.store import Unsaved

__all__ = ["GROUP_SECONDS", "Unkept", "completed", "unsuccessful", "why_not_kept"]

GROUP_SECONDS = 0.05
"""So long after the last time, results are stored again; what comes later is stored at once.

Of trials that take longer a killed run loses those alone that were running. Of shorter ones it may lose what ended in
this time, which was not told as done, and comes again.
"""


class Unkept:
    """What ended and is not stored yet."""

    def __init__(self) -> None:
        self._kept: list[tuple[Trial, Unsaved]] = []
        self._stored_at = -math.inf

    def __len__(self) -> int:
        """How many results."""
        return len(self._kept)

    def add(self, trial: Trial, unsaved: Unsaved) -> None:
        """Takes a result."""
        self._kept.append((trial, unsaved))

    def is_due(self, *, hurry: bool) -> bool:
        """Whether to store now: the last time is long enough ago, or there is nothing else to do."""
        return bool(self._kept) and (hurry or self.seconds_left(GROUP_SECONDS) <= 0)

    def seconds_left(self, most: float) -> float:
        """How long results may still wait; ``most`` where there are none, and never more than that."""
        if not self._kept:
            return most
        return min(most, max(0.0, self._stored_at + GROUP_SECONDS - time.monotonic()))

    def take(self) -> list[tuple[Trial, Unsaved]]:
        """All of them, in the order in which they came; none is left."""
        kept, self._kept = self._kept, []
        self._stored_at = time.monotonic()
        return kept


def completed(request: TrialRequest, result: Result, commit: tuple[str | None, bool | None]) -> Result:
    """The result with its log and the commit of the spec's repository, and whether that has changes."""
    artefacts = dict(result.artefacts)
    log = request.folder / LOG
    # A worker removes a log that says nothing; one that ended in the middle of a trial could not.
    if log.is_file() and log.stat().st_size == 0:
        log.unlink()
    elif log.is_file():
        artefacts["log"] = LOG
    found = result.environment
    if found is not None and found.commit is None:
        found = found.model_copy(update={"commit": commit[0], "dirty": commit[1]})
    return result.model_copy(update={"artefacts": artefacts, "environment": found})


def why_not_kept(result: Result) -> str | None:
    """Why a result could not be read back, were it stored as it came; None where it can.

    A strategy of a plugin may have left NaN, half a character or an object of its own in it.
    """
    try:
        document = result.model_dump_json()
        Result.model_validate_json(document)
        strict_json(document)
    except (ValueError, TypeError, RecursionError) as error:
        return f"its result is none that can be kept: {first_complaint(error)}"
    settings = {
        "hyperparameters": result.hyperparameters,
        **{f"candidates.{at}": one.hyperparameters for at, one in enumerate(result.candidates)},
    }
    for place, setting in settings.items():
        for name, value in setting.items():
            # JSON has no such numbers, and would keep them as nothing.
            if isinstance(value, float) and not math.isfinite(value):
                return f"its result is none that can be kept: {place}.{name} is {value}"
    return None


def _text(words: str) -> str:
    """A text that can be stored: halves of characters are spelled out."""
    return words.encode("utf-8", "backslashreplace").decode()


def unsuccessful(finished: Finished, *, started_at: str) -> Result:
    """The result of a trial that did not end well; of its files only the log is kept."""
    trial, end = finished.request.trial, finished.end
    model, dataset, strategy = finished.request.labels
    if finished.request.folder.is_dir():
        _keep_only(finished.request.folder, LOG)
    return Result(
        id=trial.id,
        cell_id=trial.cell.id,
        status=end.status,
        reason=_text(end.reason or "no reason is known"),
        trial=trial.as_json(),
        phase=trial.phase,
        seed=trial.seed,
        model=model,
        dataset=dataset,
        strategy=strategy,
        hyperparameters=dict(trial.candidate or {}),
        environment=finished.environment or environment(threads=finished.request.threads),
        error=None if end.error is None else _text(end.error),
        started_at=started_at,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _keep_only(folder: Path, name: str) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != name:
            path.unlink(missing_ok=True)
