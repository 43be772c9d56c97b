"""The files of a trial on their way from the node that made them to the driver."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from suite.errors import StoreError, SuiteError
from suite.store.credentials import without_credentials
from suite.store.remote_files import DRIVERS, open_place

__all__ = ["Parcel", "Place", "pack", "unpack"]


@dataclass(frozen=True)
class Parcel:
    """What a trial wrote."""

    files: tuple[tuple[str, bytes], ...] = ()
    """Path in the trial's folder, with ``/``, and content."""
    left: tuple[str, ...] = ()
    """Paths of what lies in the place that the driver and the nodes share."""


def pack(folder: Path, *, only: str | None = None) -> Parcel:
    """The files of a folder, or the one that is named; links are left out."""
    return Parcel(tuple((name, path.read_bytes()) for name, path in _files(folder) if only in {None, name}))


def unpack(parcel: Parcel, folder: Path) -> None:
    """Writes the files of a parcel into a folder, which is made.

    Raises:
        ValueError: For a path that would lead out of it.
        OSError: Where they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in parcel.files:
        path = _inside(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Place:
    """A folder that driver and nodes share, or one that fsspec can reach from all of them, for files on their way."""

    def __init__(self, address: str) -> None:
        self.shown = without_credentials(address)
        self._address = address if "://" in address else Path(address).expanduser().resolve().as_uri()

    def check(self) -> None:
        """Writes a file there, reads it and removes it.

        Raises:
            SuiteError: Where that does not work.
        """
        name = f"suite-{uuid.uuid4().hex}"
        try:
            files, root = open_place(self._address, example="bucket/folder")
            self._make(files, root)
            files.pipe_file(f"{root}/{name}", b"suite")
            files.cat_file(f"{root}/{name}")
            files.rm_file(f"{root}/{name}")
        except SuiteError:
            raise
        except Exception as error:  # each driver raises errors of its own
            told = without_credentials(f"{type(error).__name__}: {error}")
            raise StoreError(
                f"--artifacts {self.shown}: cannot be written and read ({told}); check the address and the rights."
            ) from error

    def put(self, folder: Path, key: str) -> Parcel:
        """Brings the files of a folder there, under ``key``."""
        files, root = open_place(self._address, example="bucket/folder")
        left = []
        for name, path in _files(folder):
            target = f"{root}/{key}/{name}"
            self._make(files, target.rpartition("/")[0])
            files.put_file(str(path), target)
            left.append(name)
        return Parcel(left=tuple(left))

    def fetch(self, parcel: Parcel, key: str, folder: Path) -> None:
        """Takes what lies under ``key`` into a folder, and removes it there.

        Raises:
            ValueError: For a path that would lead out of the folder.
            OSError: Where it is not there, or cannot be written.
        """
        files, root = open_place(self._address, example="bucket/folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name in parcel.left:
            path = _inside(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(f"{root}/{key}/{name}", str(path))
        if parcel.left:
            # What cannot be removed is in nobody's way.
            with contextlib.suppress(Exception):
                files.rm(f"{root}/{key}", recursive=True)

    def _make(self, files: Any, folder: str) -> None:
        """An object store has no folders, and its drivers would make a bucket."""
        if self._address.partition("://")[0] not in DRIVERS:
            files.makedirs(folder, exist_ok=True)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def _inside(folder: Path, name: str) -> Path:
    """Where a file of that name goes; a node may be broken, and writes nothing outside."""
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or "\\" in name:
        raise ValueError(f"'{name}' is no path in the folder of a trial")
    return folder.joinpath(*parts)
