"""Named files inside a folder or a zip archive, read without extraction."""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from suite.errors import BadExampleError, DataError

__all__ = ["HIDDEN", "MADE_BY_SYSTEMS", "NO_FILE", "FileTree", "FolderTree", "ZipTree", "open_tree"]

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_LARGEST_FILE_BYTES = 512 * 2**20
"""More than any image within Pillow's limit on pixels; a member that unfolds further is a trap."""


class FileTree(Protocol):
    """Files by their path relative to the tree, with ``/`` between the parts."""

    place: str
    """What the tree is called in complaints."""
    names: tuple[str, ...]
    """Every file that is not hidden, sorted."""
    folders: tuple[str, ...]
    """Every folder that is not hidden, sorted, also those without files."""
    passed: Mapping[str, tuple[str, ...]]
    """Files and whole folders that are in neither, sorted, by the reason."""

    def children(self, folder: str) -> Sequence[str]:
        """The folders right in a folder, sorted; ``""`` is the tree itself."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises ``BadExampleError`` when it cannot be read."""
        ...


class _Folders:
    """What the folders of a tree have in them."""

    folders: tuple[str, ...]

    def children(self, folder: str) -> Sequence[str]:
        """The folders right in a folder, sorted; ``""`` is the tree itself."""
        return self._inside.get(folder, ())

    @cached_property
    def _inside(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for folder in self.folders:
            found.setdefault(folder.rpartition("/")[0], []).append(folder)
        return found


def open_tree(path: Path) -> FileTree:
    """The files of a folder or of a zip archive. Raises ``DataError`` when it is neither or unreadable."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: no such file or folder; expected a folder or a zip of class folders.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None
    if stat.S_ISDIR(mode):
        return FolderTree(path)
    if stat.S_ISREG(mode):
        return ZipTree(path)
    raise DataError(f"{path}: expected a folder or a zip of class folders, got something that is neither.")


class FolderTree(_Folders):
    """The files of a folder. Links to folders are followed, each folder once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)
        files: list[str] = []
        folders: list[str] = []
        passed: dict[str, list[str]] = {}
        for name, is_folder, reason in self._walk("", frozenset({os.path.realpath(root)})):
            (passed.setdefault(reason, []) if reason else folders if is_folder else files).append(name)
        self.names = tuple(sorted(files))
        self.folders = tuple(sorted(folders))
        self.passed: Mapping[str, tuple[str, ...]] = {
            reason: tuple(sorted(names)) for reason, names in sorted(passed.items())
        }

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises ``BadExampleError`` when it cannot be read."""
        path = f"{self.root}/{name}"
        try:
            # Without pathlib, a file object and a buffer: a folder of small images is read five times as fast.
            handle = os.open(path, _READ)
            try:
                size = os.fstat(handle).st_size
                if size > _LARGEST_FILE_BYTES:
                    raise BadExampleError(_too_large(path))
                content = os.read(handle, size + 1)
                while len(content) < size and (more := os.read(handle, size - len(content))):
                    content += more
                return content
            finally:
                os.close(handle)
        except OSError as error:
            raise BadExampleError(f"{path}: cannot be read: {error.strerror or error}.") from None

    def _walk(self, folder: str, above: frozenset[str]) -> Iterator[tuple[str, bool, str]]:
        """Names with whether each is a folder and why it is passed over, empty where it is not; ``above`` are the real
        paths on the way, against link loops.
        """
        here = self.root / folder
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(
                f"{here}: the folder cannot be read: {error.strerror or error}. Change its permissions or remove it."
            ) from None
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            try:
                is_folder = entry.is_dir()
            except OSError as error:  # a link into a folder that is somebody else's, or to itself
                if error.errno != errno.ELOOP:
                    raise DataError(f"{entry.path}: cannot be read: {error.strerror or error}. Remove it.") from None
                is_folder = False  # whoever reads it says what it is
            reason = _reason_to_pass(entry.name) or ("" if is_folder or _is_regular(entry) else NO_FILE)
            if reason:
                yield (f"{name}/" if is_folder else name), is_folder, reason
                continue
            if not is_folder:
                yield name, False, ""
                continue
            real = os.path.realpath(entry.path)
            if real not in above:
                yield name, True, ""
                yield from self._walk(name, above | {real})


class ZipTree(_Folders):
    """The files of a zip archive, read in place by any number of threads and processes.

    Raises:
        DataError: When the file is no zip archive, is encrypted, or has a member that would lie outside of it
            (absolute, with ``..``, a link), or two of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)
        self._lock = threading.Lock()
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        self._members: dict[str, zipfile.ZipInfo] = {}
        folders: set[str] = set()
        passed: dict[str, dict[str, None]] = {}
        for info in self._archive().infolist():
            name = self._checked_name(info)
            parts = name.split("/")
            first = next((place for place, part in enumerate(parts) if _reason_to_pass(part)), None)
            if first is not None:
                is_folder = first < len(parts) - 1 or info.filename.endswith(("/", "\\"))
                left = "/".join(parts[: first + 1]) + ("/" if is_folder else "")
                passed.setdefault(_reason_to_pass(parts[first]), {})[left] = None
                continue
            folders.update(_folders_above(name))
            if info.filename.endswith(("/", "\\")):
                folders.add(name)
            elif name in self._members:
                raise DataError(f"{path}: '{name}' is in the archive twice; expected every file once.")
            else:
                self._members[name] = info
        self.names = tuple(sorted(self._members))
        self.folders = tuple(sorted(folders))
        self.passed: Mapping[str, tuple[str, ...]] = {
            reason: tuple(sorted(names)) for reason, names in sorted(passed.items())
        }

    def read(self, name: str) -> bytes:
        """The bytes of a member, checked against its checksum. Raises ``BadExampleError`` when it is damaged."""
        info = self._members[name]
        if info.file_size > _LARGEST_FILE_BYTES:
            raise BadExampleError(_too_large(f"{self.path}: {name}"))
        archive = self._archive()
        try:
            if info.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} and hasattr(os, "pread"):
                return _read_member(archive, info)
            return archive.read(info)
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001 - damaged archives raise almost anything
            raise BadExampleError(f"{self.path}: {name}: the archive is damaged there: {error}.") from None

    def _archive(self) -> zipfile.ZipFile:
        """The open archive of this process: a handle that a fork shares would share its position too."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = (os.getpid(), self._open())
            return self._opened[1]

    def _open(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error.strerror or error}.") from None
        except Exception as error:  # noqa: BLE001 - damaged archives raise almost anything
            raise DataError(
                f"{self.path}: expected a folder or a zip of class folders, got a file that is no zip archive: {error}."
            ) from None

    def _checked_name(self, info: zipfile.ZipInfo) -> str:
        name = info.filename.replace("\\", "/")
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if not parts or name.startswith("/") or ".." in parts or parts[0][1:2] == ":":
            raise DataError(
                f"{self.path}: member '{info.filename}' would lie outside of the archive's folder; refused."
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{self.path}: member '{info.filename}' is a link; refused. Put the file itself there.")
        if info.flag_bits & 1:
            raise DataError(f"{self.path}: member '{info.filename}' is encrypted; expected a zip without a password.")
        return "/".join(parts)

    def __getstate__(self) -> dict[str, object]:
        """Without lock and handle, neither of which another process could use."""
        return {key: value for key, value in self.__dict__.items() if key not in {"_lock", "_opened"}}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._opened = None


def _folders_above(name: str) -> Iterator[str]:
    end = name.rfind("/")
    while end > 0:
        yield name[:end]
        end = name.rfind("/", 0, end)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """What ``archive.read(info)`` gives, at a third of its time and without its lock between threads."""
    if archive.fp is None:
        raise ValueError("the archive is closed")
    handle = archive.fp.fileno()
    header = os.pread(handle, _LOCAL_HEADER.size, info.header_offset)
    signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile("the header of the member is not where the directory says")
    start = info.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    content = os.pread(handle, info.compress_size, start)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, info.file_size + 1)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile("the content does not match its length and checksum")
    return content


_LOCAL_HEADER = struct.Struct("<4s22xHH")


HIDDEN, MADE_BY_SYSTEMS, NO_FILE = "hidden", "made by a file manager", "neither a file nor a folder"
"""Why something in a folder is passed over."""
_OF_SYSTEMS = {
    "__macosx", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler",
    "system volume information", "lost+found", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r",
    "picasa.ini", "__pycache__",
}  # fmt: skip
"""What macOS, Windows and network storage leave in folders, in small letters: thumbnails, waste, settings."""


def _reason_to_pass(name: str) -> str:
    """Why a file or folder of this name is never looked into; empty where it is."""
    if name.lower() in _OF_SYSTEMS:
        return MADE_BY_SYSTEMS
    return HIDDEN if name.startswith(".") else ""


def _is_regular(entry: os.DirEntry[str]) -> bool:
    """Whether it can be opened without waiting for somebody; a broken link can, and says what it is."""
    try:  # of what is no link the folder itself says whether it is a file
        return entry.is_file() or stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return True


def _too_large(place: str) -> str:
    return f"{place}: the file is larger than {_LARGEST_FILE_BYTES // 2**20} MiB; expected an image."
