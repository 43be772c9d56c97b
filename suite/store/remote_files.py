"""Where files may be: buckets that fsspec reads and writes, by their address, and names that stay in their folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from suite.errors import MissingExtraError, StoreError, install_line
from suite.store.credentials import without_credentials

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["DRIVERS", "is_inside", "open_place"]

DRIVERS: Mapping[str, tuple[str, str]] = {
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gs"),
    "gcs": ("gcsfs", "gs"),
    "az": ("adlfs", "azure"),
    "abfs": ("adlfs", "azure"),
}
"""Object stores: what stands before ``://`` to the module that is needed and the extra that brings it."""


def open_place(address: str, *, example: str) -> tuple[AbstractFileSystem, str]:
    """The driver of an address such as ``s3://bucket/folder``, and the place as the driver calls it.

    Args:
        address: With its scheme.
        example: Of what may stand after the scheme, for the message.

    Raises:
        StoreError: Where it names no bucket.
        MissingExtraError: Where the driver is not installed.
    """
    import fsspec
    from fsspec.registry import known_implementations

    scheme, _, place = address.partition("://")
    if not place.strip("/") and scheme in DRIVERS:
        shown = without_credentials(address)
        raise StoreError(f"{shown}: names no bucket; expected for instance {scheme}://{example}.")
    module, extra = DRIVERS.get(scheme, (None, None))
    line = install_line([module], extra) if module else None
    if line is not None:
        raise MissingExtraError(f"{scheme}:// needs a package that is not installed: {line}")
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        told = known_implementations.get(scheme, {}).get("err") or str(error)
        raise MissingExtraError(f"{scheme}:// needs a package that is not installed: {told}") from error
    # What another process writes must be seen: nothing is kept of an earlier look.
    files, root = fsspec.url_to_fs(address, skip_instance_cache=True, use_listings_cache=False)
    return files, str(root).rstrip("/")


def is_inside(path: str) -> bool:
    """Whether a stored path stays below the folder that it starts from."""
    parts = PurePosixPath(path.replace("\\", "/"))
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts and ":" not in parts.parts[0]
