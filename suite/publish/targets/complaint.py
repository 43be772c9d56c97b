"""What a driver of a bucket says, in one sentence that helps."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from suite.store.credentials import without_credentials

__all__ = ["complaint"]

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
