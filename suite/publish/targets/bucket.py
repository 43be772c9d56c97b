"""A bucket, or any other place that fsspec can write to.

An object store replaces a file in one step. Nothing there can be locked: two publishes at once are found out by the
marker, which must be the same before anything is written as it was when the place was taken.
"""

from __future__ import annotations

import contextlib
import errno
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from suite.errors import StoreError, SuiteError
from suite.publish.media_types import content_type
from suite.publish.targets.target import (
    MARKER,
    UNFINISHED,
    checked,
    checked_write,
    crossing,
    parents,
    raise_if_full,
    read_unfinished,
    stages_of,
    unfinished,
)
from suite.store.credentials import without_credentials
from suite.store.remote_files import DRIVERS, open_place

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["DRIVERS", "Bucket", "cache_control", "complaint"]

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


# What a bucket tells a browser about a file: how long it may be kept.

HASHED = re.compile(r"(?:^|/)assets/(?:.+/)?[^/]+\.[0-9a-f]{8,64}(?:\.[A-Za-z0-9]+)+$")
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
"""Kept, and asked for each time whether it is still right."""


def cache_control(path: str) -> str:
    """For ever where the name of an asset carries a hash of its content, else not without asking again."""
    return FOR_EVER if HASHED.search(path) else ASK_AGAIN


# What a driver of a bucket says, in one sentence that helps.

CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "s3a": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS",
    "gcs": "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
    "abfs": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
}
LONGEST = 200
"""Letters of what a driver says."""


def complaint(scheme: str, error: BaseException) -> str:
    """Why a place cannot be used, and how to mend it; without credentials."""
    chain = list(_chain(error))
    names = " ".join(type(one).__name__ for one in chain).lower()
    said = without_credentials(" ".join(str(error).split()))[:LONGEST].rstrip(".") or type(error).__name__
    mending = CREDENTIALS.get(scheme, "see the documentation of fsspec for this place")
    if any(word in names for word in ("nocredentials", "partialcredentials", "defaultcredentials")):
        return f"no credentials were found; {mending}."
    if isinstance(error, ValueError) and ("account" in said or "credential" in said):
        return f"no credentials were found ({said}); {mending}."
    if any(word in names for word in ("invalidregion", "paramvalidation", "invalidbucket")):
        return f"is no name of a bucket ({said}); check the address."
    if isinstance(error, PermissionError) or any(word in names for word in ("authentication", "forbidden")):
        return f"you have no right to it ({said}); check the rights of your credentials, or {mending}."
    if isinstance(error, FileNotFoundError) or "resourcenotfound" in names:
        return "there is no such bucket; check the address, or make it first."
    if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return "there is no room left; make room and publish again. The site that was there still stands."
    if any(word in names for word in ("connection", "connect", "timeout", "dns")):
        return f"cannot be reached ({said}); is the network there, and the address right?"
    return f"cannot be used ({said}); mend this and publish again. The site that was there still stands."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
