"""From an address to the place it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from suite.errors import SuiteError, UnknownNameError, did_you_mean
from suite.publish.generators.address import GENERATORS
from suite.publish.targets.bucket import Bucket
from suite.publish.targets.folder import Folder
from suite.publish.targets.git import BRANCH, Branch
from suite.publish.targets.target import Target
from suite.store.credentials import without_credentials

__all__ = ["OPENERS", "open_target"]

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
"""Two letters at least: a single one is a drive of Windows."""
ACCOUNT_AND_HOST = re.compile(r"[\w.-]+@[\w.-]+:")
"""``git@host:path``, the way in which git writes addresses of ssh."""
UNWRITABLE = frozenset(
    {"http", "https", "data", "reference", "zip", "tar", "libarchive", "cached", "blockcache", "filecache"}
    | {"simplecache", "dask", "generic", "git", "github", "gist", "dir", "pyscript", "adl", "jlab", "jupyter", "dvc"}
    | {"async_wrapper", "asyncwrapper", "asynclocal", "file", "local", "ssh"}
)
"""What fsspec knows, and what is no place for a site or is opened in another way here."""


def open_target(address: str, *, force: bool = False) -> Target:
    """The place that an address names; it is not touched before it is entered.

    Args:
        address: A folder, ``git:REMOTE#BRANCH`` (``gh-pages`` where no branch is named), ``s3://bucket/folder`` and
            the like, or another address that fsspec can write to.
        force: Also where it holds files that are not of a site of the suite; they are left alone.

    Raises:
        UnknownNameError: For an address of a kind that is not known.
        SuiteError: Where it can never be one.
    """
    found = SCHEME.fullmatch(address)
    if found is None:
        if ACCOUNT_AND_HOST.match(address):
            raise SuiteError(f"--to {address}: names no way to write there; did you mean git:{address}#{BRANCH}?")
        if not address.strip():
            raise SuiteError("--to: says not where; expected for instance a folder, or git:REMOTE#gh-pages.")
        return Folder(Path(address).expanduser(), force=force)
    scheme, rest = found[1].lower(), found[2]
    opener = OPENERS.get(scheme)
    if opener is not None:
        return opener(rest, force)
    if rest.startswith("//") and scheme in _known_to_fsspec():
        return Bucket(f"{scheme}:{rest}", force=force)
    raise _unknown(scheme, rest)


def _open_branch(rest: str, force: bool) -> Target:
    remote, hash_sign, branch = rest.rpartition("#")
    return Branch(remote, branch, force=force) if hash_sign else Branch(rest, force=force)


def _open_file(rest: str, force: bool) -> Target:
    """``file:///home/me/site``, and ``file:///C:/site``."""
    parts = urlsplit(f"file:{rest}")
    if parts.netloc not in {"", "localhost"} or not parts.path:
        raise SuiteError(f"--to file:{rest}: is no address of a folder; expected for instance file:///home/me/site.")
    path = unquote(parts.path)
    return Folder(Path(path[1:] if re.match(r"/[A-Za-z]:", path) else path), force=force)


OPENERS: dict[str, Callable[[str, bool], Target]] = {
    "git": _open_branch,
    "file": _open_file,
    "local": _open_file,
}
"""What stands before the first colon, to who opens the rest; with ``force`` as in ``open_target``."""
ALIKE: Mapping[str, str] = {"aws": "s3", "azure": "az", "google": "gs", "gcloud": "gs", "github": "git", "ssh": "sftp"}
"""What one might write, to what is meant."""


def _known_to_fsspec() -> set[str]:
    from fsspec.registry import known_implementations, registry

    return {str(name) for name in (*known_implementations, *registry)} - UNWRITABLE


def _unknown(scheme: str, rest: str) -> SuiteError:
    shown = without_credentials(f"{scheme}:{rest}")
    if scheme in {"http", "https", "ssh"} or rest.endswith(".git"):
        return SuiteError(f"--to {shown}: is an address to read from; for a repository write git:ADDRESS#{BRANCH}.")
    if scheme in _known_to_fsspec():
        path = rest.lstrip("/")
        return SuiteError(f"--to {shown}: has no '//'; did you mean {without_credentials(f'{scheme}://{path}')}?")
    near = ALIKE.get(scheme, scheme)
    question = did_you_mean(near, {*OPENERS, *GENERATORS, "s3", "gs", "az", "sftp"} - {"local"}, what="kind of place")
    if near != scheme:
        question = f"unknown kind of place '{scheme}'. Did you mean '{near}'?"
    return UnknownNameError(f"--to {shown}: {question} A folder of that name is written ./{shown}.")
