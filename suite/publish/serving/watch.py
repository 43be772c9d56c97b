"""Looks at what is served as long as somebody listens, and tells them what is new."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

__all__ = ["FilesVersion", "Pace", "Watcher"]

LEAST_SECONDS = 1.0
SETTLED_SECONDS = 4.0
SHARE = 0.02
"""Of one core at most, since a run goes on beside it."""


class Pace:
    """How often something may be done, by what it costs."""

    def __init__(self, *, least_seconds: float, share: float) -> None:
        self._least_seconds = least_seconds
        self._share = share
        self._next = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it may be done now."""
        return time.monotonic() >= self._next

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """Around the doing of it."""
        started = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            self._next = ended + max(self._least_seconds, (ended - started) / self._share)


class FilesVersion:
    """Tells whether the files of a folder have changed: a word that is another when they have.

    While files are being written the word stays; it changes when two looks in turn found the same.
    """

    def __init__(self, folder: Path, *, leave_out: tuple[str, ...] = ()) -> None:
        """``leave_out`` names folders directly inside."""
        self._folder = folder
        self._leave_out = leave_out
        self._looked = -math.inf
        self._last = self._told = ""

    def look(self) -> str:
        """The word."""
        seen, now = self._scan(), time.monotonic()
        # What changed while nobody looked has long been written.
        if seen == self._last or now - self._looked > SETTLED_SECONDS:
            self._told = seen
        self._last, self._looked = seen, now
        return self._told

    def _scan(self) -> str:
        digest = hashlib.sha256()
        for place, folders, names in os.walk(self._folder):
            hidden = self._leave_out if Path(place) == self._folder else ()
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in hidden)
            for name in sorted(name for name in names if not name.startswith(".")):
                path = Path(place, name)
                with contextlib.suppress(OSError):  # it is just being replaced, and is looked at again
                    known = path.stat()
                    digest.update(f"{path}\0{known.st_mtime_ns}\0{known.st_size}\0".encode(errors="replace"))
        return digest.hexdigest()[:16]


class Watcher:
    """Calls what looks, by name, in one thread, while there are listeners; keeps what each said last."""

    def __init__(self, looks: Mapping[str, Callable[[], str]]) -> None:
        self._looks = looks
        self._said: dict[str, str] = {}
        self._listeners: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._looking = threading.Lock()
        self._closed = False
        self._complained: set[str] = set()
        self._paces = {name: Pace(least_seconds=LEAST_SECONDS, share=SHARE) for name in looks}
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._thread.start()

    def now(self, name: str) -> str:
        """What is known, looked at again where that is due."""
        if self._paces[name].is_due or name not in self._said:
            self._look(name)
        return self._said[name]

    @contextlib.contextmanager
    def listening(self, name: str) -> Iterator[None]:
        """Keeps the watcher looking."""
        with self._changed:
            self._listeners[name] += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._listeners[name] -= 1

    def next(self, name: str, known: str | None, *, timeout_seconds: float) -> str | None:
        """What was said last, as soon as it is not what is ``known``; ``known`` itself when the time is up."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._said.get(name, known) != known, timeout=timeout_seconds
            )
            return self._said.get(name, known)

    @property
    def is_closed(self) -> bool:
        """Whether listeners should go."""
        return self._closed

    def close(self) -> None:
        """Ends the thread and lets every listener go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _watch(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._listeners.total() > 0)
                wanted = [name for name, count in self._listeners.items() if count]
            for name in wanted:
                if self._paces[name].is_due:
                    self._try_to_look(name)
            time.sleep(LEAST_SECONDS / 4)

    def _try_to_look(self, name: str) -> None:
        try:
            self._look(name)
        except Exception:  # noqa: BLE001 - a defect is told once, and the next look may do better
            told = traceback.format_exc()
            if told not in self._complained:
                self._complained.add(told)
                traceback.print_exc()

    def _look(self, name: str) -> None:
        with self._looking, self._paces[name].measured():
            said = self._looks[name]()
            with self._changed:
                self._said[name] = said
                self._changed.notify_all()
