"""A full disk, wherever it shows while a site is prepared."""

from __future__ import annotations

from pathlib import Path

from suite.errors import StoreError

__all__ = ["raise_if_full"]


def raise_if_full(shown: str, error: BaseException | None, scratch: Path | None = None) -> None:
    """Tells a full disk in words; anything else is left as it is.

    Args:
        shown: The place, as it may be printed.
        error: What happened, if anything.
        scratch: Where files are prepared; an error elsewhere is not this place's. None where it surely is.

    Raises:
        StoreError: Where the disk, a quota or a limit on the size of files was reached.
    """
    from suite.store.database import FULL

    if not isinstance(error, OSError) or error.errno not in FULL:
        return
    if scratch is None or error.filename is None or Path(str(error.filename)).is_relative_to(scratch):
        room = f" on the disk of {scratch}" if scratch else ""
        raise StoreError(
            f"{shown}: the disk is full; make room{room} and publish again. The site that was there still stands."
        ) from error
