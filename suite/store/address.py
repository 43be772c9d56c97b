"""Where the results of a run are: in a file of its folder, or in a database that a team shares.

A folder with a file ``store/results.sqlite`` keeps its results in it.  One without may be linked to a run in a
PostgreSQL database: by ``--store`` for this process, and from the first writing on by ``store/database.json``, which
holds no password.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pydantic

from suite.errors import StoreError
from suite.store.records.result import Record

__all__ = [
    "DATABASE",
    "EXPECTED",
    "LINK",
    "QUOTED",
    "SUITE_STORE",
    "Address",
    "StoreChoice",
    "address_of",
    "attach",
    "chosen",
    "files_of",
    "keep_link",
    "take_over",
    "without_password",
]

DATABASE = "results.sqlite"
LINK = "database.json"
"""Beside where ``DATABASE`` would be."""
SUITE_STORE = "SUITE_STORE"
"""The environment variable with the address of the team's database; a link takes its password from there."""
EXPECTED = "postgresql+psycopg://USER@HOST/DATABASE"
QUOTED = "with /, @, :, ? and # of a password written as %2F, %40, %3A, %3F and %23."
PORT = 5432
SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}
SECRET = {"password", "sslpassword"}
"""What a query string may hold that nobody may see."""
LONGEST_NAME = 128


@dataclass(frozen=True)
class Address:
    """A run in a database that several machines use."""

    url: str = field(repr=False)
    """With its password, where it has one."""
    run: str
    artefacts: Path | None = None
    """A folder that several machines share, for predictions, models and logs; None for the run's own folder."""

    @property
    def shown(self) -> str:
        """For messages: without the password."""
        return f"{without_password(self.url)}, run {self.run}"

    def files(self, out: Path) -> Path:
        """Where artefacts are kept, and what is being written."""
        return out / "store" if self.artefacts is None else self.artefacts / self.run


class _Link(Record):
    """What ``store/database.json`` says."""

    database: str
    run: str
    artifacts: str | None = None


@dataclass(frozen=True)
class StoreChoice:
    """What ``--store``, ``--run`` and ``--artifacts`` say."""

    url: str = field(repr=False)
    run: str | None = None
    """The name of the run in the database; that of the folder where it is None."""
    artefacts: Path | None = None
    is_default: bool = False
    """It comes from the environment: a folder that has its results elsewhere keeps them there."""

    def attach(self, folder: Path) -> None:
        """Makes the database the place of a folder's results, for this process; the first writing keeps it.

        Raises:
            StoreError: For an address that is none, or where the folder has its results elsewhere already.
        """
        url = _normal(self.url)
        if (folder / "store" / DATABASE).is_file():
            if self.is_default:
                return
            raise StoreError(
                f"{folder}: has results of its own in store/{DATABASE}, which --store would leave aside. Choose "
                f"another folder, or bring them to the database: suite merge {folder} --into DIR --store URL."
            )
        run = _run_name(self.run if self.run is not None else folder.resolve().name)
        address = Address(url, run, None if self.artefacts is None else self.artefacts.resolve())
        linked = _linked(folder)
        if linked is not None:
            is_same = _same_database(linked.url, url)
            if self.run is None and is_same:
                address = replace(address, run=linked.run)
            if self.artefacts is None:
                address = replace(address, artefacts=linked.artefacts)
            if not is_same or (address.run, address.artefacts) != (linked.run, linked.artefacts):
                if self.is_default:
                    return
                raise StoreError(
                    f"{folder}: its results are in {linked.shown}{_with_files(linked)}, and --store says "
                    f"{address.shown}{_with_files(address)}. Choose another folder, or remove {folder}/store/{LINK}."
                )
        _given[folder.resolve()] = address

    def attach_where_missing(self, folders: Iterable[Path]) -> None:
        """Makes the database the place of folders that have no results and no link, each under its folder's name.

        Raises:
            StoreError: For an address that is none.
        """
        for folder in folders:
            replace(self, run=None, artefacts=None, is_default=True).attach(folder)


_given: dict[Path, Address] = {}
"""What was chosen for this process, by folder."""


def chosen() -> dict[Path, Address]:
    """What was chosen for this process, by folder; for ``take_over`` in a process that it starts."""
    return dict(_given)


def take_over(addresses: Mapping[Path, Address]) -> None:
    """Makes what was chosen for another process hold for this one."""
    _given.update(addresses)


def address_of(out: Path) -> Address | None:
    """Where the results of a run are, when that is not a file in its folder.

    Raises:
        StoreError: Where the link to the database cannot be read.
    """
    if (out / "store" / DATABASE).is_file():
        return None
    return _given.get(out.resolve()) or _linked(out)


def files_of(out: Path) -> Path:
    """The folder with a run's artefacts and with what is being written; it may be missing."""
    address = address_of(out)
    return out / "store" if address is None else address.files(out)


def keep_link(out: Path) -> None:
    """Writes down where a folder's results are, so that the folder alone is enough from now on.

    Raises:
        OSError: Where it cannot be written.
    """
    address = address_of(out)
    if address is None or _linked(out) is not None:
        return
    place = out / "store" / LINK
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{LINK}.{os.getpid()}")
    beside.write_text(_as_link(address).model_dump_json(indent=2) + "\n", encoding="utf-8")
    beside.replace(place)


def without_password(url: str) -> str:
    """A database's address as it may be shown and kept."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")
    user = place[0].partition(":")[0]
    query = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() not in SECRET]
    netloc = f"{user}@{place[2]}" if user else place[2]
    # urlunsplit would leave out the empty host of an address that goes through a socket.
    rest = urlunsplit(("", "", parts.path, urlencode(query, safe="/"), ""))
    return f"{parts.scheme}://{netloc}{rest}"


def _normal(url: str) -> str:
    """The address with its driver; nothing of a wrong one is repeated, since it may hold a password."""
    wrong = StoreError(f"--store: no address of a PostgreSQL database; expected {EXPECTED}.")
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in SCHEMES:
        if parts.scheme.isidentifier() or "+" in parts.scheme:
            said = f"--store: databases of {parts.scheme!r} are not supported; expected {EXPECTED}."
            raise StoreError(f"{said} Without --store results are in SQLite, in the folder of the run.")
        raise wrong
    if not parts.path.strip("/") or "://" not in url:
        raise StoreError(f"--store: names no database; expected {EXPECTED}, {QUOTED}")
    if "@" in parts.path:  # a password with a slash, of which a part would be taken for the port
        raise StoreError(f"--store: has an @ behind the host; expected {EXPECTED}, {QUOTED}")
    return f"postgresql+psycopg://{url.strip().partition('://')[2]}"


def _run_name(name: str) -> str:
    if (
        not name.strip()
        or name in {".", ".."}
        or len(name) > LONGEST_NAME
        or not name.isprintable()
        or set(name) & set("/\\")
    ):
        raise StoreError(
            f"--run {name!r}: expected a name of 1 to {LONGEST_NAME} characters without slashes, such as vision."
        )
    return name


def _linked(out: Path) -> Address | None:
    place = out / "store" / LINK
    try:
        text = place.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{place}: cannot be read ({error}); mend its rights, or remove it and give --store."
        ) from None
    try:
        link = _Link.model_validate_json(text)
        url = _normal(link.database)
    except (pydantic.ValidationError, StoreError):
        raise StoreError(
            f"{place}: is no link to a database; remove it and give --store {EXPECTED} once more."
        ) from None
    return Address(_with_password(url), _run_name(link.run), None if link.artifacts is None else Path(link.artifacts))


def _with_password(url: str) -> str:
    """The address as the environment has it, with its user, where that is the same database."""
    given = os.environ.get(SUITE_STORE)
    if given:
        try:
            return _normal(given) if _same_database(_normal(given), url) else url
        except StoreError:
            return url
    return url


def _same_database(one: str, other: str) -> bool:
    """Whoever uses it: a folder that several people share is linked once."""
    return _database(one) == _database(other)


def _database(url: str) -> tuple[object, ...]:
    parts = urlsplit(without_password(url))
    return parts.hostname, parts.port or PORT, parts.path, sorted(parse_qsl(parts.query))


def _as_link(address: Address) -> _Link:
    artefacts = None if address.artefacts is None else str(address.artefacts)
    return _Link(database=without_password(address.url), run=address.run, artifacts=artefacts)


def _with_files(address: Address) -> str:
    return "" if address.artefacts is None else f" with files in {address.artefacts}"


def attach(folder: Path, store: str | StoreChoice | None, *, quiet: bool) -> None:
    """Makes a team's database the place of the results of a folder, for this process, where there is one.

    Raises:
        StoreError: For an address that is none, or where the folder has its results elsewhere already.
    """
    if store is None:
        return
    import sys

    choice = StoreChoice(store) if isinstance(store, str) else store
    choice.attach(folder)
    if choice.is_default and address_of(folder) is None and not quiet:
        said = f"{folder}: has results of its own, which stay there; {SUITE_STORE} is for folders that have none"
        print(f"{said} or a link to it ({LINK}). See docs/store.md.", file=sys.stderr)
