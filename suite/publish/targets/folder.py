"""A folder on this machine: files are prepared inside it, and renamed into place one by one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from suite.errors import StoreError
from suite.publish.targets.lock import Lock
from suite.publish.targets.target import (
    MARKER,
    ROOM,
    UNFINISHED,
    checked,
    checked_write,
    crossing,
    order_of,
    parents,
    raise_if_full,
    read_unfinished,
    unfinished,
)

__all__ = ["Folder"]

PATIENCE_SECONDS = 5.0
"""How long a second publish waits for the first."""
RENAMES_TRIED = 20
"""Windows refuses to replace a file that somebody reads at that moment."""
OF_NOBODY = frozenset({ROOM, ".DS_Store", "desktop.ini", "Thumbs.db"})
"""What makes a folder no place of somebody else's; file managers leave some of it."""


class Folder:
    """A folder that holds a site, and perhaps other files, which are left alone."""

    def __init__(self, folder: Path, *, force: bool = False, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.shown = str(folder)
        self.unsure: frozenset[str] = frozenset()
        self._root = folder.absolute()
        self.scratch = self._root / ROOM / "scratch"
        self._force = force
        self._patience_seconds = patience_seconds
        self._lock = Lock(self._root / ROOM)
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        try:
            with self._told():
                self._check_ours()
                self._make(self._root)
                self._root = self._root.resolve()
                self._lock.acquire(shown=self.shown, patience_seconds=self._patience_seconds)
                shutil.rmtree(self.scratch, ignore_errors=True)  # a process that was killed left it
                self.scratch.mkdir()
            self.unsure = read_unfinished(self._content(UNFINISHED))
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        raise_if_full(self.shown, error, self.scratch)

    def read(self, path: str) -> bytes | None:
        """The file as it stands in the folder."""
        return self._content(checked(path))

    def write(self, changed: Mapping[str, Path], removed: Collection[str]) -> str:
        """Renames prepared files into place, then removes what is gone."""
        gone = checked_write(changed, removed)
        first = crossing(changed, gone)
        self._check_places(changed, gone, first)
        with self._told():
            self._note(changed, gone)
            self._make_folders(changed, first)
            for path in order_of(changed):
                _rename(changed[path], self._root / path)
            self._remove(gone - first)
            (self._root / UNFINISHED).unlink()
        self._made = []
        return ""

    # Taking the place

    def _check_ours(self) -> None:
        if not self._root.exists():
            return
        if not self._root.is_dir():
            raise StoreError(f"{self.shown}: is a file; expected a folder, or a place for one.")
        room = self._root / ROOM
        if room.is_symlink() or room.is_file():
            raise StoreError(f"{room}: is no folder, and the suite prepares its files there; remove it.")
        found = {entry.name for entry in self._root.iterdir()} - OF_NOBODY
        # In this order: another process, which may be at it right now, sets the one before it removes the other.
        ours = any((self._root / name).exists() for name in (UNFINISHED, MARKER))
        if found and not self._force and not ours:
            raise StoreError(
                f"{self.shown}: holds files that are not of a site of the suite, for instance '{min(found)}'; choose "
                "another folder, or add --force to write beside them. Only a file of the same name is replaced."
            )

    def _make(self, folder: Path) -> None:
        """Makes a folder and those around it, and remembers which are new."""
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
            self._made.append(one)

    def _leave(self) -> None:
        """Gives back what was taken; folders that were made for nothing go."""
        if self._lock.held:  # else it is the scratch folder of another process
            shutil.rmtree(self.scratch, ignore_errors=True)
        self._lock.release()
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # something is in it
                folder.rmdir()
        self._made = []

    # Writing

    def _check_places(self, changed: Collection[str], gone: Collection[str], first: Collection[str]) -> None:
        """Refuses what would leave the folder and what stands in the way, before anything is touched."""
        for parent in sorted({parent for path in (*gone, *changed) for parent in parents(path)}):
            self._check_folder(parent, first)
        for path in changed:
            place = self._root / path
            if place.is_dir() and not place.is_symlink():
                below = [file for file in place.rglob("*") if file.is_symlink() or not file.is_dir()]
                if not below or any(file.relative_to(self._root).as_posix() not in first for file in below):
                    raise StoreError(f"{place}: is a folder, and a file of the site belongs there; move it away.")

    def _check_folder(self, parent: str, first: Collection[str]) -> None:
        folder = self._root / parent
        if folder.is_symlink() and not folder.resolve().is_relative_to(self._root):
            raise StoreError(f"{folder}: is a link that leads out of {self.shown}; remove it.")
        if (folder.is_symlink() or folder.exists()) and not folder.is_dir() and parent not in first:
            raise StoreError(f"{folder}: is a file in the way, a folder of the site belongs there; move it away.")

    def _note(self, changed: Iterable[str], gone: Iterable[str]) -> None:
        """Says which files are no longer what the marker says, until all is done."""
        prepared = self.scratch / f".{UNFINISHED}"
        prepared.write_bytes(unfinished(changed, gone, self.unsure))
        _rename(prepared, self._root / UNFINISHED)

    def _make_folders(self, changed: Iterable[str], first: Collection[str]) -> None:
        """Makes every folder and looks at its rights; where one cannot be, nothing has been changed yet."""
        before = len(self._made)
        try:
            self._remove(first)
            folders = {(self._root / path).parent for path in changed}
            for folder in sorted(folders):
                self._make(folder)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        except OSError:
            for folder in reversed(self._made[before:]):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            if not first and not self.unsure:
                (self._root / UNFINISHED).unlink(missing_ok=True)
            raise

    def _remove(self, paths: Iterable[str]) -> None:
        """Removes files, and the folders that become empty."""
        for path in sorted(paths):
            place = self._root / path
            if place.is_dir() and not place.is_symlink():
                continue  # not what the site had there
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                place.unlink()
            for parent in reversed(list(parents(path))):
                with contextlib.suppress(OSError):  # something else is in it
                    (self._root / parent).rmdir()

    # Reading

    def _content(self, path: str) -> bytes | None:
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"{self._root / path}: cannot be read ({error.strerror}); change its rights.") from error

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = error.filename2 or error.filename or self.shown
            raise_if_full(self.shown, error)
            if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
                reason = "cannot be written; change its rights, or choose another folder"
            elif error.errno in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOTEMPTY}:
                reason = "cannot be a folder of the site, since a file is in the way; remove that file"
            else:
                reason = f"cannot be written ({error.strerror or error}); mend this, and publish again"
            raise StoreError(f"{place}: {reason}. The site that was there still stands.") from error


def _rename(prepared: Path, place: Path) -> None:
    for _ in range(RENAMES_TRIED):
        try:
            prepared.replace(place)
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(0.1)
        else:
            return
    prepared.replace(place)
