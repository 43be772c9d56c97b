"""What the pool of a cluster remembers of its workers, and of what it has asked Ray."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from suite.errors import SuiteError
from suite.runner.cluster.actor import ActorSettings, Enclosed, TrialActor, rescue_log
from suite.runner.cluster.artefacts import Parcel, Place, unpack
from suite.runner.cluster.connect import Cluster
from suite.runner.cluster.nodes import Node, difference, first_line, living_nodes, on_node, version_question
from suite.runner.environment import worker_variables
from suite.runner.pool import USUAL_RENEWAL, Age
from suite.runner.request import TrialEnd, TrialRequest
from suite.runner.worker import LOG, log_tail
from suite.runner.workers import Finished, Standing
from suite.spec.trial_resources import Share
from suite.store.database import FULL
from suite.store.records.result import Environment

__all__ = ["Awaited", "ClusterPool", "Slot", "Waiting"]


@dataclass
class Slot:
    """A worker, or the place of one that is being started."""

    number: int
    node: Node
    share: Share
    actor: Any = None
    room: str | None = None
    """The folder of the worker on its node, once it is ready."""
    environment: Environment | None = None
    """Where its trials run, as it says itself; that of the worker before it until it is ready."""
    request: TrialRequest | None = None
    key: str = ""
    """Names the try of the trial that runs."""
    deadline: float | None = None
    age: Age = field(default_factory=Age)
    """What the worker has done."""
    failures: int = 0
    """Starts in a row that came to nothing."""


@dataclass
class Awaited:
    """What a reference of Ray will tell."""

    slot: Slot | None = None
    node: Node | None = None
    """A node that joined, and was asked for its versions."""
    is_trial: bool = False
    finished: Finished | None = None
    """A trial whose worker is dead, and whose log is looked for."""
    until: float = 0.0
    """How long it is looked for."""


@dataclass
class Waiting:
    """How long there has been no worker at all."""

    since: float | None = None
    reason: str = ""


# Workers on the nodes of a cluster: one Ray actor per slot, each with a warm model as a local worker has.

LOOK_SECONDS = 2.0
"""How often the nodes of the cluster are counted."""
RESCUE_SECONDS = 20.0
"""How long the log of a worker that ended is waited for."""
LEAVE_SECONDS = 3.0
"""How long idle workers have to remove what they wrote."""
WITHOUT_NODES_SECONDS = 600.0
"""How long a run waits for a node where none is left."""
STARTS = 3
"""How often a worker is started that does not get ready."""


class ClusterPool:
    """The workers of a cluster; ``submit`` chooses which one takes a trial."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        executor: str,
        most: int,
        timeout_seconds: float | None = None,
        plugins: Iterable[str] = (),
    ) -> None:
        """Starts the workers.

        Args:
            cluster: Connected, its nodes looked at.
            executor: ``module:function`` that runs a ``TrialRequest``.
            most: Trials that there are: more workers have nothing to do.
            timeout_seconds: Longest time of one trial.
            plugins: Python files that register further variants; nodes without them get copies.
        """
        self._cluster = cluster
        self._ray = cluster.ray
        self._most = most
        self._timeout_seconds = timeout_seconds
        self._place = None if cluster.place is None else Place(cluster.place)
        sent = tuple((path, Path(path).read_bytes()) for path in plugins)
        self._settings = ActorSettings(executor, str(Path.cwd()), sent, cluster.place)
        self._actor_class = self._ray.remote(TrialActor)
        self._nodes = dict(cluster.nodes)
        self._unfit: set[str] = set()
        """Nodes that get no trials: other versions, or workers that cannot start."""
        self._slots: dict[int, Slot] = {}
        self._count = 0
        self._awaited: dict[Any, Awaited] = {}
        self._ended: list[Finished] = []
        self._changes: list[str] = []
        self._looked = time.monotonic()
        self._without = Waiting()
        self._open(self._nodes.values())

    @property
    def idle(self) -> tuple[int, ...]:
        """The slots whose worker is ready and runs nothing."""
        return tuple(number for number, slot in self._slots.items() if slot.room is not None and slot.request is None)

    @property
    def running(self) -> tuple[TrialRequest, ...]:
        """The trials that are running now, and those that ended and were not asked for yet."""
        running = [slot.request for slot in self._slots.values() if slot.request is not None]
        searched = [awaited.finished.request for awaited in self._awaited.values() if awaited.finished is not None]
        return (*running, *searched, *(finished.request for finished in self._ended))

    @property
    def standing(self) -> Standing:
        """Nodes with workers, their slots, and what happened to nodes."""
        nodes = {slot.node.id for slot in self._slots.values()}
        return Standing(len(self._slots), len(nodes), tuple(self._changes))

    def threads(self, slot: int) -> int:
        """The cores of a slot."""
        return self._slots[slot].share.threads

    def submit(self, slot: int, request: TrialRequest) -> None:
        """Starts a trial in an idle slot."""
        chosen = self._slots[slot]
        if chosen.request is not None:
            raise ValueError(f"slot {slot} runs trial {chosen.request.trial.id} already")
        chosen.request = request
        chosen.key = f"{request.trial.id}-{uuid.uuid4().hex[:12]}"
        answers = None if request.teacher is None else request.teacher.answers.read_bytes()
        reference = chosen.actor.run.remote(request, Enclosed(chosen.key, answers))
        self._awaited[reference] = Awaited(chosen, is_trial=True)
        if self._timeout_seconds is not None:
            chosen.deadline = time.monotonic() + self._timeout_seconds

    def wait(self, timeout_seconds: float) -> list[Finished]:
        """The trials that ended, waiting at most ``timeout_seconds`` for one to end, or a worker to get ready.

        Raises:
            SuiteError: Where no node has been there for ten minutes, workers cannot start, or the head is lost.
        """
        try:
            self._look_at_nodes()
            self._end_late()
            for reference in self._told(timeout_seconds):
                awaited = self._awaited.pop(reference, None)
                if awaited is not None:
                    self._hear(reference, awaited)
            self._refuse_waiting_forever()
        except self._ray.exceptions.RayError as error:
            raise SuiteError(
                f"--cluster: the head of the cluster does not answer any more ({first_line(error)}). Every finished "
                "trial is kept; mend the cluster and run the same command again."
            ) from error
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Ends every worker; a trial that is running is lost."""
        ready = [slot for slot in self._slots.values() if slot.room is not None and slot.request is None]
        with contextlib.suppress(Exception):
            leaving = [slot.actor.leave.remote() for slot in ready]
            self._ray.wait(leaving, num_returns=len(leaving), timeout=LEAVE_SECONDS)
        for slot in self._slots.values():
            self._kill(slot)
        self._slots.clear()
        self._awaited.clear()

    # Nodes and their workers

    def _open(self, nodes: Iterable[Node]) -> None:
        """Starts the workers of nodes, one on each before the second on any."""
        rooms = [(nth, node) for node in nodes for nth in range(self._cluster.share(node).count)]
        rooms.sort(key=lambda room: room[0])
        for _, node in rooms[: max(0, self._most - len(self._slots))]:
            slot = self._slots[self._count] = Slot(self._count, node, self._cluster.share(node))
            self._count += 1
            self._start(slot)

    def _start(self, slot: Slot) -> None:
        share, slot.age = slot.share, Age()
        slot.actor = self._actor_class.options(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            memory=share.memory_bytes or None,
            max_restarts=0,
            scheduling_strategy=on_node(slot.node),
            # Before the process starts: NumPy reads the number of threads when it is imported.
            runtime_env={"env_vars": worker_variables(share.threads, None if share.gpus else "-1")},
        ).remote(self._settings)
        self._awaited[slot.actor.ready.remote()] = Awaited(slot)

    def _look_at_nodes(self, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        found = living_nodes(self._ray)
        for node in [node for node in self._nodes.values() if node.id not in found]:
            self._forget(node)
        for node in found.values():
            asked = any(awaited.node == node for awaited in self._awaited.values())
            if node.id not in self._nodes and not asked:
                self._awaited[version_question(self._ray, node)] = Awaited(node=node)
        # Where there were fewer trials than room, a node without workers has room for those of one that is gone.
        used = {slot.node.id for slot in self._slots.values()} | self._unfit
        self._open(node for node in self._nodes.values() if node.id not in used)

    def _forget(self, node: Node) -> None:
        """A node is gone, with its workers and what they ran."""
        del self._nodes[node.id]
        slots = [slot for slot in self._slots.values() if slot.node.id == node.id]
        if self._cluster.share(node).count:
            self._changes.append(f"{node.shown} was lost")
        self._unfit.discard(node.id)
        for slot in slots:
            self._lose(slot, f"its machine {node.shown} was lost", again=False)

    def _greet(self, node: Node, reference: Any) -> None:
        """Takes a node that joined, if it has the right versions."""
        self._nodes[node.id] = node
        try:
            told = difference(node, self._ray.get(reference))
        except self._ray.exceptions.RayError:
            del self._nodes[node.id]  # gone already, or asked again
            return
        if told is not None:
            self._unfit.add(node.id)
            self._changes.append(f"{told}: it gets no trials")
        elif self._cluster.share(node).count:
            self._changes.append(f"{node.shown} joined")
            self._open([node])

    # What references tell

    def _told(self, timeout_seconds: float) -> list[Any]:
        """The references that are there, waiting for the first one."""
        deadlines = [slot.deadline - time.monotonic() for slot in self._slots.values() if slot.deadline is not None]
        seconds = max(0.0, min([timeout_seconds, *deadlines])) if not self._ended else 0.0
        if not self._awaited:
            time.sleep(seconds)
            return []
        references = list(self._awaited)
        told, rest = self._ray.wait(references, num_returns=1, timeout=seconds)
        if told and rest:
            told += self._ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        return list(told)

    def _hear(self, reference: Any, awaited: Awaited) -> None:
        slot = awaited.slot
        if awaited.finished is not None:
            self._take_log(awaited.finished, reference)
        elif awaited.node is not None:
            self._greet(awaited.node, reference)
        elif slot is None:
            return
        elif awaited.is_trial:
            self._end(slot, reference)
        else:
            try:
                told = self._ray.get(reference)
                slot.room, slot.environment, slot.failures = told.room, told.environment, 0
            except self._ray.exceptions.RayError as error:
                self._start_again(slot, first_line(error))

    def _start_again(self, slot: Slot, reason: str) -> None:
        """A worker did not get ready: tried again some times, then its slot is given up."""
        slot.failures += 1
        self._kill(slot)
        is_there = slot.node.id in living_nodes(self._ray)
        if slot.failures < STARTS and is_there:
            self._start(slot)
            return
        self._slots.pop(slot.number, None)
        if is_there:
            told = f"a worker on {slot.node.shown} could not start ({reason})"
            self._without.reason = f"; {told}"
            self._unfit.add(slot.node.id)
            self._changes.append(told)

    def _end(self, slot: Slot, reference: Any) -> None:
        """Takes what a trial sent, or that it was lost."""
        request = slot.request
        if request is None:
            return
        try:
            end, parcel, left_behind = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            told = f"its worker on {slot.node.shown} could not run it ({first_line(error.cause or error)})"
            self._lose(slot, told)
            return
        except self._ray.exceptions.RayError as error:
            self._lose(slot, self._cause(slot, error))
            return
        slot.request = slot.deadline = None
        if end.error_number in FULL:
            end = replace(end, reason=f"{end.reason}, on {slot.node.shown}")
        self._ended.append(self._taken(slot, request, end, parcel, left_behind))
        if end.unexpected or (end.result is not None and slot.age.is_due(USUAL_RENEWAL, end.memory_bytes or 0)):
            self._kill(slot)
            self._start(slot)

    def _taken(
        self, slot: Slot, request: TrialRequest, end: TrialEnd, parcel: Parcel, left_behind: str | None
    ) -> Finished:
        try:
            unpack(parcel, request.folder)
            if self._place is not None and parcel.left:
                self._place.fetch(parcel, slot.key, request.folder)
        except Exception as error:  # noqa: BLE001 - each driver of a place raises errors of its own
            number = error.errno if isinstance(error, OSError) else None
            left_behind = f"its files did not arrive ({type(error).__name__}: {error})"
            end = TrialEnd("failed", reason=left_behind, error_number=number)
        is_full = end.error_number in FULL
        return Finished(slot.number, request, end, None if is_full else left_behind, slot.environment)

    def _cause(self, slot: Slot, error: BaseException) -> str:
        errors = self._ray.exceptions
        if slot.node.id not in living_nodes(self._ray) or "node died" in str(error).lower():
            return f"its machine {slot.node.shown} was lost"
        if isinstance(error, errors.OutOfMemoryError) or "memory monitor" in str(error):
            return f"its worker on {slot.node.shown} was ended, since the memory there ran out"
        if isinstance(error, errors.ActorDiedError | errors.ActorUnavailableError | errors.WorkerCrashedError):
            return f"its worker on {slot.node.shown} ended: a crash, a kill, or memory that ran out"
        return f"what it sent from {slot.node.shown} was lost ({first_line(error)})"

    # Workers that end

    def _lose(self, slot: Slot, reason: str, *, again: bool = True) -> None:
        """A worker is gone, and its trial with it; another takes its slot where the node is still there."""
        self._finish(slot, TrialEnd("failed", reason=reason), lost=reason, rescue=again)
        self._kill(slot)
        if again and slot.node.id in self._nodes:
            self._start(slot)
        else:
            self._slots.pop(slot.number, None)

    def _end_late(self) -> None:
        """Ends the workers whose trial takes too long, and the search for logs that nobody sends."""
        now = time.monotonic()
        for reference, awaited in list(self._awaited.items()):
            if awaited.finished is not None and awaited.until <= now:
                del self._awaited[reference]
                self._ended.append(awaited.finished)
        for slot in [one for one in self._slots.values() if one.deadline is not None and one.deadline <= now]:
            reason = f"took longer than {self._timeout_seconds:g} seconds"
            self._finish(slot, TrialEnd("timeout", reason=reason), rescue=True)
            self._kill(slot)
            self._start(slot)

    def _finish(self, slot: Slot, end: TrialEnd, *, lost: str | None = None, rescue: bool) -> None:
        """The end of a trial whose worker is dead, with its log where that can still be had."""
        request, slot.request, slot.deadline = slot.request, None, None
        if request is None:
            return
        finished = Finished(slot.number, request, end, lost, slot.environment)
        if not rescue or slot.room is None:
            self._ended.append(finished)
            return
        look = self._ray.remote(rescue_log).options(num_cpus=0, max_retries=0, scheduling_strategy=on_node(slot.node))
        reference = look.remote(slot.room, request.trial.id)
        self._awaited[reference] = Awaited(finished=finished, until=time.monotonic() + RESCUE_SECONDS)

    def _take_log(self, finished: Finished, reference: Any) -> None:
        """The log of a trial whose worker is dead, where it was found."""
        with contextlib.suppress(self._ray.exceptions.RayError, OSError):
            unpack(Parcel(((LOG, self._ray.get(reference)),)), finished.request.folder)
        end = replace(finished.end, error=log_tail(finished.request.folder / LOG))
        self._ended.append(replace(finished, end=end))

    def _kill(self, slot: Slot) -> None:
        """Ends a worker, and forgets what it was asked."""
        slot.room = None
        self._awaited = {ref: awaited for ref, awaited in self._awaited.items() if awaited.slot is not slot}
        if slot.actor is not None:
            with contextlib.suppress(Exception):
                self._ray.kill(slot.actor, no_restart=True)
            slot.actor = None

    def _refuse_waiting_forever(self) -> None:
        if self._slots:
            self._without = Waiting()
            return
        self._without.since = self._without.since or time.monotonic()
        self._look_at_nodes(now=True)
        useless = self._without.reason and not self._slots
        if useless or time.monotonic() - self._without.since > WITHOUT_NODES_SECONDS:
            raise SuiteError(
                f"--cluster: no worker is left{self._without.reason}. Every finished trial is kept; mend the cluster "
                "and run the same command again."
            )
