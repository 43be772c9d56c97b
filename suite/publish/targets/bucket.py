"""A bucket, or any other place that fsspec can write to.

An object store replaces a file in one step. Nothing there can be locked: two publishes at once are found out by the
marker, which must be the same before anything is written as it was when the place was taken.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from suite.errors import StoreError, SuiteError
from suite.publish.media_types import content_type
from suite.publish.targets.complaint import complaint
from suite.publish.targets.headers import cache_control
from suite.publish.targets.paths import checked, checked_write, crossing, parents
from suite.publish.targets.target import MARKER, stages_of
from suite.publish.targets.trouble import raise_if_full
from suite.publish.targets.unfinished import UNFINISHED, read_unfinished, unfinished
from suite.store.credentials import without_credentials
from suite.store.remote_files import DRIVERS, open_place

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["DRIVERS", "Bucket"]

AT_ONCE = 8
"""Files on their way at the same time, where the driver can do that."""


class Bucket:
    """A bucket, or a folder in one, that holds a site, and perhaps other files, which are left alone."""

    def __init__(self, address: str, *, force: bool = False) -> None:
        self._scheme, _, self._place = address.partition("://")
        self.shown = without_credentials(address)
        self.unsure: frozenset[str] = frozenset()
        self._address, self._force = address, force
        self._room: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._room = tempfile.TemporaryDirectory(prefix="suite-bucket-", ignore_cleanup_errors=True)
            self.scratch = Path(self._room.name)
            with self._told():
                self._files, self._root = self._open()
            left = self._content(UNFINISHED)  # first: another process sets the marker before it removes this
            self._marker = self._content(MARKER)
            self.unsure = read_unfinished(left)
            if self._marker is None and left is None:
                self._check_ours()
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
        """The file as it stands in the bucket."""
        return self._content(checked(path))

    def write(self, changed: Mapping[str, Path], removed: Collection[str]) -> str:
        """Uploads what changed, the marker last, then removes what is gone."""
        gone = checked_write(changed, removed)
        first = set() if self._is_store else crossing(changed, gone)
        if self._content(MARKER) != self._marker:
            raise StoreError(f"{self.shown}: somebody else published there meanwhile; run the same command again.")
        with self._told():
            self._upload(UNFINISHED, unfinished(changed, gone, self.unsure))
            self._each(self._remove, first)
            for stage in stages_of(changed):
                self._each(lambda path: self._upload(path, changed[path]), stage)
            self._each(self._remove, gone - first)
            self._remove(UNFINISHED)
        return ""

    # Taking the place

    @property
    def _is_store(self) -> bool:
        """Whether it is an object store, which has no folders."""
        return self._scheme in DRIVERS

    def _open(self) -> tuple[AbstractFileSystem, str]:
        """The driver, and the place as it calls it.

        Raises:
            MissingExtraError: Where the driver is not installed.
        """
        return open_place(self._address, example="bucket/site")

    def _check_ours(self) -> None:
        with self._told():
            try:
                found = self._files.ls(self._root, detail=False)
            except FileNotFoundError:
                found = []
                if self._is_store:  # a folder without files is no folder there, but the bucket must be
                    self._files.ls(self._root.partition("/")[0], detail=False)
        names = {
            str(path).rstrip("/").rpartition("/")[2] for path in found if str(path).strip("/") != self._root.strip("/")
        }
        if names and not self._force:
            raise StoreError(
                f"{self.shown}: holds files that are not of a site of the suite, for instance '{min(names)}'; choose "
                "another place, or add --force to write beside them. Only a file of the same name is replaced."
            )

    def _leave(self) -> None:
        if self._room is not None:
            self._room.cleanup()
            self._room = None

    # Reading and writing

    def _content(self, path: str) -> bytes | None:
        with self._told():
            try:
                return bytes(self._files.cat_file(self._at(path)))
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                return None

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _upload(self, path: str, content: bytes | Path) -> None:
        if isinstance(content, bytes):
            prepared = self.scratch / f".{path}"
            prepared.write_bytes(content)
        else:
            prepared = content
        place = self._at(path)
        if not self._is_store:
            self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(prepared), place, **self._headers(path))

    def _headers(self, path: str) -> dict[str, Any]:
        """Type and cache header, as the driver takes them; other drivers have none."""
        kind, cache = content_type(path), cache_control(path)
        match DRIVERS.get(self._scheme, ("", ""))[0]:
            case "s3fs":
                return {"ContentType": kind, "CacheControl": cache}
            case "gcsfs":
                return {"content_type": kind, "fixed_key_metadata": {"cache_control": cache}}
            case "adlfs":
                from azure.storage.blob import ContentSettings

                return {"content_settings": ContentSettings(content_type=kind, cache_control=cache)}
        return {}

    def _remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._at(path))
        if not self._is_store:
            for parent in reversed(list(parents(path))):
                with contextlib.suppress(OSError):  # something else is in it
                    self._files.rmdir(self._at(parent))

    def _each(self, do: Callable[[str], None], paths: Iterable[str]) -> None:
        """Does it for every path, several at once where the driver can; the first error ends it."""
        if not self._is_store:
            for path in sorted(paths):
                do(path)
            return
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            for _ in pool.map(do, sorted(paths)):
                pass
        finally:
            pool.shutdown(cancel_futures=True)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SuiteError:
            raise
        except Exception as error:  # each driver raises errors of its own
            raise StoreError(f"{self.shown}: {complaint(self._scheme, error)}") from error
