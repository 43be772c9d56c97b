"""What a run shows on stderr while it works: a bar with the time left, or one line per finished trial."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Protocol

from suite.registry import STRATEGIES
from suite.runner.estimate import Estimate
from suite.runner.workers import Standing
from suite.spec.trial import Trial
from suite.store.records.result import Result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

__all__ = ["LinesProgress", "Progress", "ProgressMode", "QuietProgress", "duration", "make_progress"]

ProgressMode = Literal["auto", "lines", "quiet"]
ELSEWHERE = "done by another run"
SHOWN_TRIALS = 8
"""Of those that run, beside a bar."""
RECKONED_CELLS = 200
"""Cells and phases for whose sake the time left is reckoned after one trial less."""


class Progress(Protocol):
    """What the runner tells whoever shows its progress."""

    def start(self, trials: tuple[Trial, ...], *, workers: int, estimate: Estimate) -> None:
        """The trials that will be run, and what is known of how long they take."""

    def begin(self, trial: Trial) -> None:
        """A trial was given to a worker."""

    def finish(self, trial: Trial, result: Result | None, *, instead: str = ELSEWHERE) -> None:
        """A trial ended; without a result where another run has done it, or for what ``instead`` says."""

    def leave_out(self, trial: Trial, who: str, reason: str) -> None:
        """A trial is not run after all: the funnel dropped ``who``, a model or one adapted in one way."""

    def wait(self, trials: Iterable[Trial]) -> None:
        """Nothing is left but trials that another run has claimed."""

    def again(self, trial: Trial, reason: str) -> None:
        """A trial was lost with its worker, for ``reason``, and will be begun again."""

    def stand(self, standing: Standing) -> None:
        """Workers came or went."""

    def stop(self) -> None:
        """The run is over, or was interrupted."""


def make_progress(mode: ProgressMode = "auto") -> Progress:
    """``auto`` is a bar on a terminal and lines elsewhere; ``quiet`` shows nothing."""
    if mode == "quiet":
        return QuietProgress()
    if mode == "auto" and sys.stderr.isatty():
        return BarProgress()
    return LinesProgress()


class QuietProgress:
    """Shows nothing."""

    def start(self, trials: tuple[Trial, ...], *, workers: int, estimate: Estimate) -> None:
        """Nothing."""

    def begin(self, trial: Trial) -> None:
        """Nothing."""

    def finish(self, trial: Trial, result: Result | None, *, instead: str = ELSEWHERE) -> None:
        """Nothing."""

    def leave_out(self, trial: Trial, who: str, reason: str) -> None:
        """Nothing."""

    def wait(self, trials: Iterable[Trial]) -> None:
        """Nothing."""

    def again(self, trial: Trial, reason: str) -> None:
        """Nothing."""

    def stand(self, standing: Standing) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


class _Counting:
    """What is open, and how long that will take."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._groups: dict[tuple[str, str], list[Trial]] = {}
        self._total = 0
        self._workers = 1
        self._estimate = Estimate()
        self._waiting = False
        self._said: set[tuple[str, str]] = set()
        self._begun: dict[str, Trial] = {}
        self._standing: Standing | None = None
        self._ended = 0
        self._started = time.monotonic()
        self._left: tuple[int, float | None] = (0, None)
        """With how many open trials the time left was last reckoned, and what it was."""

    def _is_new(self, who: str, reason: str) -> bool:
        """Whether that was not said yet: of a dropped model many trials are left out, one after another."""
        new = (who, reason) not in self._said
        self._said.add((who, reason))
        return new

    def start(self, trials: tuple[Trial, ...], *, workers: int, estimate: Estimate) -> None:
        """Remembers what is to be done."""
        self._open = {trial.id for trial in trials}
        for trial in trials:
            self._groups.setdefault((trial.cell.id, trial.phase), []).append(trial)
        self._total = len(trials)
        self._workers = workers
        self._estimate = estimate
        self._started = time.monotonic()

    def begin(self, trial: Trial) -> None:
        """Remembers what runs."""
        self._begun[trial.id] = trial

    def again(self, trial: Trial, reason: str) -> None:
        """It runs no more, and is as open as before."""
        self._begun.pop(trial.id, None)

    def stand(self, standing: Standing) -> None:
        """So many workers share what is left."""
        self._standing = standing
        self._workers = standing.slots

    @property
    def _cluster(self) -> str:
        """``2 nodes, 4 running, 3.1 trials/s``; empty where there is no cluster."""
        if self._standing is None or self._standing.nodes is None:
            return ""
        nodes = _plural(self._standing.nodes, "node")
        rate = self._ended / max(1e-3, time.monotonic() - self._started)
        shown = f"{rate:.1f} trials/s" if rate >= 1 else f"{rate * 60:.1f} trials/min"
        return f"{nodes}, {len(self._begun)} running, {shown}"

    def _count(self, trial: Trial) -> int:
        if self._begun.pop(trial.id, None) is not None:
            self._ended += 1
        if trial.id in self._open:
            self._open.remove(trial.id)
            self._groups[trial.cell.id, trial.phase].pop()
        return self._total - len(self._open)

    @property
    def _seconds_left(self) -> float | None:
        """Of thousands of cells it is not reckoned after every trial: that would take longer than the trial."""
        now, (then, left) = len(self._open), self._left
        if not now:
            return 0.0
        if left is None or then - now >= max(1, len(self._groups) // RECKONED_CELLS):
            left = self._reckoned()
            self._left = (now, left)
        return left / max(1, min(self._workers, now)) if left is not None else None

    def _reckoned(self) -> float | None:
        """Seconds for all open trials, one after another."""
        seconds = 0.0
        for group in self._groups.values():
            # Trials of one cell and phase are expected to last equally long: only their number counts.
            one = self._estimate.seconds(group[:1])
            if one is None:
                return None
            seconds += one * len(group)
        return seconds


class LinesProgress(_Counting):
    """One line per finished trial, for logs."""

    def finish(self, trial: Trial, result: Result | None, *, instead: str = ELSEWHERE) -> None:
        """``[12/96] vgg_tiny, linear_probe, seed 1: done, 0.620, 3 s; about 2 min left``."""
        count = self._count(trial)
        left = self._seconds_left
        rest = f"; about {duration(left)} left" if left else ""
        rest += f"; {self._cluster}" if self._cluster else ""
        line = f"[{count}/{self._total}] {describe(trial)}: {outcome(result, instead)}{rest}"
        print(line, file=sys.stderr, flush=True)

    def leave_out(self, trial: Trial, who: str, reason: str) -> None:
        """``vit_tiny on digits: goes no further: ...``, once."""
        count = self._count(trial)
        if self._is_new(who, reason):
            print(f"[{count}/{self._total}] {who}: goes no further: {reason}", file=sys.stderr, flush=True)

    def wait(self, trials: Iterable[Trial]) -> None:
        """Says once that another run is waited for."""
        if not self._waiting:
            self._waiting = True
            print(waiting_sentence(trials), file=sys.stderr, flush=True)

    def again(self, trial: Trial, reason: str) -> None:
        """``vgg_tiny, linear_probe, seed 1: begun again: its machine was lost``."""
        super().again(trial, reason)
        print(f"{describe(trial)}: begun again: {reason}", file=sys.stderr, flush=True)

    def stand(self, standing: Standing) -> None:
        """What happened to the nodes of a cluster, and how many there are."""
        before = self._standing
        super().stand(standing)
        for sentence in news(before, standing):
            print(sentence, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Nothing: every line stands for itself."""


class BarProgress(_Counting):
    """A bar with the time left; failures stay above it as lines."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self._console = console
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def start(self, trials: tuple[Trial, ...], *, workers: int, estimate: Estimate) -> None:
        """Draws the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        super().start(trials, workers=workers, estimate=estimate)
        self._bar = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.description}", markup=False),
            console=self._console or Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=len(trials), left="")
        self._bar.start()
        self._show()

    def begin(self, trial: Trial) -> None:
        """Shows what runs."""
        super().begin(trial)
        self._show()

    def finish(self, trial: Trial, result: Result | None, *, instead: str = ELSEWHERE) -> None:
        """Moves the bar on; what did not end well stays on the screen."""
        count = self._count(trial)
        if self._bar is None or self._task is None:
            return
        if result is not None and result.status != "done":
            self._bar.console.print(f"{describe(trial)}: {outcome(result)}", markup=False, highlight=False)
        self._bar.update(self._task, completed=count)
        self._show()

    def leave_out(self, trial: Trial, who: str, reason: str) -> None:
        """Moves the bar on; who was dropped stays on the screen, once."""
        count = self._count(trial)
        if self._bar is None or self._task is None:
            return
        if self._is_new(who, reason):
            self._bar.console.print(f"{who}: goes no further: {reason}", markup=False, highlight=False)
        self._bar.update(self._task, completed=count)
        self._show()

    def wait(self, trials: Iterable[Trial]) -> None:
        """Says that another run is waited for."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=waiting_sentence(trials))

    def again(self, trial: Trial, reason: str) -> None:
        """Why a trial is begun again stays on the screen."""
        super().again(trial, reason)
        self._say(f"{describe(trial)}: begun again: {reason}")
        self._show()

    def stand(self, standing: Standing) -> None:
        """What happened to the nodes of a cluster stays on the screen."""
        before = self._standing
        super().stand(standing)
        for sentence in news(before, standing):
            self._say(sentence)
        self._show()

    def _say(self, sentence: str) -> None:
        if self._bar is not None:
            self._bar.console.print(sentence, markup=False, highlight=False)

    def stop(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _show(self) -> None:
        if self._bar is None or self._task is None:
            return
        left = self._seconds_left
        running = " | ".join(describe(trial) for trial in [*self._begun.values()][:SHOWN_TRIALS])
        more = len(self._begun) - SHOWN_TRIALS
        running += f" | and {more} more" if more > 0 else ""
        shown = f"{self._cluster}: {running}" if self._cluster else running
        self._bar.update(self._task, description=shown, left=f"about {duration(left)} left" if left else "")


def news(before: Standing | None, now: Standing) -> tuple[str, ...]:
    """What is new of a cluster, in sentences; nothing where there is none."""
    if now.nodes is None:
        return ()
    said = now.changes[len(before.changes) if before else 0 :]
    if before is None or (before.nodes, before.slots) != (now.nodes, now.slots):
        said += (f"cluster: {_plural(now.nodes, 'node')}, {_plural(now.slots, 'trial')} at once",)
    return said


def _plural(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def describe(trial: Trial) -> str:
    """A trial in a few words: ``vgg_tiny, linear_probe, seed 1``."""
    model, dataset, _ = trial.cell.labels
    strategy = ", ".join(trial.cell.words[1:])
    if trial.phase == "search":
        settings = ", ".join(f"{name} {value}" for name, value in (trial.candidate or {}).items())
        number = "" if trial.number is None else f"{trial.number + 1} "
        return f"{model} on {dataset}, {strategy}, search {number}{settings}".rstrip()
    if trial.phase == "rank":
        return f"{model} on {dataset}, features"
    if trial.epochs is not None:
        if not getattr(STRATEGIES.get(trial.cell.strategy.strategy), "by_epochs", True):
            return f"{model} on {dataset}, {strategy}, on validation"
        epochs = "first epoch" if trial.epochs == 1 else f"first {trial.epochs} epochs"
        return f"{model} on {dataset}, {strategy}, {epochs}"
    return f"{model} on {dataset}, {strategy}, seed {trial.seed}"


def outcome(result: Result | None, instead: str = ELSEWHERE) -> str:
    """How a trial ended, with its validation accuracy where it has one; never the test score of a single seed."""
    if result is None:
        return instead
    if result.status != "done":
        return f"{result.status}: {result.reason}"
    metrics = result.scores.get("validation", {})
    score = next(
        (f", validation {name} {score.value:.3f}" for name, score in metrics.items() if score.value is not None), ""
    )
    seconds = f", {duration(result.timings.total_seconds)}" if result.timings else ""
    if result.computed_by is not None:
        seconds = ", the same as its other seeds"
    given_up = f", given up after epoch {result.pruned_after}" if result.pruned_after is not None else ""
    return f"done{score}{given_up}{seconds}"


def waiting_sentence(trials: Iterable[Trial]) -> str:
    """Why nothing seems to happen."""
    count = len(tuple(trials))
    return f"waiting for another run, which has {_plural(count, 'trial')} of this plan in work"


def duration(seconds: float) -> str:
    """``0.4 s``, ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
