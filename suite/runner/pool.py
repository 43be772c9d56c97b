"""Worker processes that may die: one pebble pool of one process per slot, so that a trial's place can be chosen.

A trial that raises, crashes, is killed or takes too long ends with a status; its worker is replaced and the
others go on.  The parent never imports TensorFlow.
"""

from __future__ import annotations

import queue
import signal
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pebble

from suite.runner.process import ENDED_QUIETLY, WorkerContext, WorkerSettings, prepare_worker
from suite.runner.request import TrialEnd, TrialRequest
from suite.runner.worker import LOG, log_tail, run_request
from suite.runner.workers import EXECUTOR, Finished, Standing

__all__ = ["USUAL_RENEWAL", "Age", "Renewal", "WorkerPool"]


@dataclass(frozen=True)
class Renewal:
    """When a worker is replaced by a fresh one: TensorFlow gives some memory of every fit back to nobody.

    A worker grows much in its first trials, as it imports, builds and compiles, and where a larger model comes; so one
    is only replaced when it has done many, which also bounds what starting others costs.
    """

    after_trials: int = 100
    """A worker does at least so many."""
    grown_bytes: int = 256 * 2**20
    """And has this much more memory than"""
    settled_trials: int = 10
    """after so many."""


USUAL_RENEWAL = Renewal()


@dataclass
class Age:
    """What a worker process has done."""

    trials: int = 0
    settled_bytes: int = 0

    def is_due(self, renewal: Renewal, memory_bytes: int) -> bool:
        """Counts one more trial, after which it had this much memory."""
        self.trials += 1
        if self.trials <= renewal.settled_trials:
            self.settled_bytes = memory_bytes
        return self.trials >= renewal.after_trials and memory_bytes - self.settled_bytes > renewal.grown_bytes


class WorkerPool:
    """As many workers as there are settings, each kept warm; ``submit`` chooses which one takes a trial."""

    def __init__(
        self,
        settings: tuple[WorkerSettings, ...],
        *,
        executor: str = EXECUTOR,
        timeout_seconds: float | None = None,
        renewal: Renewal = USUAL_RENEWAL,
    ) -> None:
        self._settings = settings
        self._executor = executor
        self._timeout_seconds = timeout_seconds
        self._renewal = renewal
        self._pools: list[Any] = [None] * len(settings)
        self._ages: dict[int, Age] = {}
        self._running: dict[int, TrialRequest] = {}
        self._retried: set[str] = set()
        self._done: queue.Queue[tuple[int, Any]] = queue.Queue()

    @property
    def idle(self) -> tuple[int, ...]:
        """The slots that run nothing."""
        return tuple(slot for slot in range(len(self._settings)) if slot not in self._running)

    @property
    def running(self) -> tuple[TrialRequest, ...]:
        """The trials that are running now."""
        return tuple(self._running.values())

    @property
    def standing(self) -> Standing:
        """As many workers as there were in the beginning: one that died is replaced."""
        return Standing(len(self._settings))

    def threads(self, slot: int) -> int:
        """How many threads a trial of this slot computes with."""
        return self._settings[slot].threads

    def submit(self, slot: int, request: TrialRequest) -> None:
        """Starts a trial in an idle slot; its process is started if there is none."""
        if slot in self._running:
            raise ValueError(f"slot {slot} runs trial {self._running[slot].trial.id} already")
        settings = self._settings[slot]
        pool = self._pools[slot]
        if pool is not None and not pool.active:
            # A worker that died between two trials takes its pool along.
            self._end_worker(slot)
            pool = None
        if pool is None:
            module = self._executor.partition(":")[0]
            pool = self._pools[slot] = pebble.ProcessPool(
                max_workers=1, context=WorkerContext(), initializer=prepare_worker, initargs=(settings, module)
            )
        self._running[slot] = request
        arguments = (self._executor, request, settings.log)
        future = pool.schedule(run_request, args=arguments, timeout=self._timeout_seconds)
        future.add_done_callback(lambda ended: self._done.put((slot, ended)))

    def wait(self, timeout_seconds: float) -> list[Finished]:
        """The trials that ended, waiting for the first one at most ``timeout_seconds``."""
        finished: list[Finished] = []
        while True:
            try:
                slot, future = self._done.get(block=not finished, timeout=timeout_seconds)
            except queue.Empty:
                return finished
            request = self._running.pop(slot)
            if isinstance(future.exception(), BrokenProcessPool) and request.trial.id not in self._retried:
                # The worker died while it was idle, for instance when memory ran out elsewhere: no fault of this trial.
                self._retried.add(request.trial.id)
                self.submit(slot, request)
                continue
            end = self._end_of(future, request, self._settings[slot].log)
            self._renew(slot, end)
            finished.append(Finished(slot, request, end))

    def _renew(self, slot: int, end: TrialEnd) -> None:
        """Ends a worker that grew too much or in which a library failed; the next trial of its slot starts another."""
        if end.unexpected:
            self._end_worker(slot)
        elif end.result is None:
            self._ages.pop(slot, None)  # most of them took their worker along, and the others are few
        elif self._ages.setdefault(slot, Age()).is_due(self._renewal, end.memory_bytes or 0):
            self._end_worker(slot)

    def _end_worker(self, slot: int) -> None:
        pool, self._pools[slot] = self._pools[slot], None
        self._ages.pop(slot, None)
        pool.stop()
        pool.join()

    def close(self) -> None:
        """Ends every worker; a trial that is running is lost."""
        for pool in self._pools:
            if pool is not None:
                pool.stop()
        for pool in self._pools:
            if pool is not None:
                pool.join()
        self._pools = [None] * len(self._settings)
        self._running.clear()

    def _end_of(self, future: Any, request: TrialRequest, worker_log: Path) -> TrialEnd:
        try:
            end: TrialEnd = future.result()
        except FutureTimeoutError:
            reason = f"took longer than {self._timeout_seconds:g} seconds"
            return TrialEnd("timeout", reason=reason, error=log_tail(request.folder / LOG))
        except pebble.ProcessExpired as error:
            return TrialEnd("failed", reason=_cause_of_death(error.exitcode), error=log_tail(request.folder / LOG))
        except CancelledError:
            return TrialEnd("failed", reason="was cancelled")
        except Exception as error:  # noqa: BLE001 - a broken pool ends this trial, the next one gets a new pool
            reason = f"its worker process could not start ({type(error).__name__}: {error})"
            number = error.errno if isinstance(error, OSError) else None
            return TrialEnd("failed", reason=reason, error=log_tail(worker_log), error_number=number)
        return end


def _cause_of_death(code: int | None) -> str:
    """Why a worker process ended, from its exit code."""
    if code is None:
        return "the worker process ended and left no exit code"
    if code == ENDED_QUIETLY:
        return "the worker process ended in the middle of the trial (exit code 0)"
    if code > 0:
        return f"the worker process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = "; often the system does this when memory runs out" if name == "SIGKILL" else ""
    return f"the worker process was ended by {name}{hint}"
