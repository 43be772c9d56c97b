"""One file from the network, or a sentence that says how to place it by hand."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from suite.errors import DownloadError, Requirement

__all__ = ["fetch", "file_sha256", "require_reachable"]

_PATIENCE_SECONDS = 10.0


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits. Raises ``OSError``."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(requirement: Requirement) -> Path:
    """The required file: the one that is there when its hash is right, else downloaded, checked and renamed.

    A file whose hash is wrong is left where it is.

    Raises:
        DownloadError: When it cannot be fetched, or when its hash is not the published one.
    """
    if requirement.path.exists():
        _check(requirement, requirement.path, mend="Remove it to fetch it again, or put the right file there.")
        return requirement.path
    temporary = requirement.path.with_name(f"{requirement.path.name}.{uuid.uuid4().hex}.writing")
    try:
        requirement.path.parent.mkdir(parents=True, exist_ok=True)
        _download(requirement.url, temporary)
        _check(requirement, temporary, mend="The server gave another file than the one that was published.")
        temporary.replace(requirement.path)
    except (OSError, ValueError) as error:
        raise DownloadError(_by_hand(requirement, error)) from None
    finally:
        temporary.unlink(missing_ok=True)
    return requirement.path


def require_reachable(url: str) -> None:
    """Returns when a server answers for ``url``, whatever it answers. Raises ``OSError`` within seconds when not."""
    if not url.startswith(("https://", "http://")):
        return
    question = urllib.request.Request(url, method="HEAD")  # noqa: S310 - checked above
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(question, timeout=_PATIENCE_SECONDS):  # noqa: S310
        pass


def _download(url: str, target: Path) -> None:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"'{url}' is no address on the web")
    with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as answer, target.open("xb") as file:  # noqa: S310 - checked above
        shutil.copyfileobj(answer, file)


def _check(requirement: Requirement, path: Path, *, mend: str) -> None:
    if requirement.sha is None:
        return
    found = file_sha256(path)
    if found != requirement.sha:
        raise DownloadError(
            f"{requirement.path}: expected {requirement.what} with SHA-256 {requirement.sha}, got {found}. {mend}"
        )


def _by_hand(requirement: Requirement, error: Exception) -> str:
    reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
    return (
        f"{requirement.what} is needed and cannot be fetched ({reason}). "
        f"Download {requirement.url} on a machine with a network and put it at {requirement.path}."
    )
