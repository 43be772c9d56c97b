"""What a folder is that is to be previewed: a run, or a site."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from suite.errors import SuiteError, did_you_mean
from suite.publish.serving.live import LiveReader
from suite.publish.serving.page import Shown, live_page, live_parts
from suite.publish.serving.rebuild import Rebuilder
from suite.publish.serving.state import LiveState
from suite.publish.serving.watch import FilesVersion, Watcher
from suite.report.outcome import REPORT
from suite.store.address import DATABASE, StoreChoice
from suite.store.database import mendable
from suite.store.store import open_store

__all__ = ["MARKER", "Place", "Preview", "find_place"]

MARKER = "suite-site.json"
"""The file that says that a folder is a site of the suite."""


@dataclass(frozen=True)
class Place:
    """A folder that can be served."""

    folder: Path
    kind: Literal["run", "site"]


def find_place(folder: Path, store: StoreChoice | None = None) -> Place:
    """Says what a folder is; an empty one is that of a run which has not begun.

    Args:
        folder: Of a run or a site.
        store: A team's database. The folder of a run that is in it is made where it is missing, for its report.

    Raises:
        SuiteError: Where it is neither a run nor a site; ``StoreError`` where the database has no such run.
    """
    if store is not None and not (folder / MARKER).is_file():
        store.attach(folder)
        if not folder.exists():
            _look_for(folder)
    if not folder.is_dir():
        raise SuiteError(f"{folder}: {_nothing_there(folder)}")
    if (folder / MARKER).is_file():
        return Place(folder, "site")
    if _is_run(folder) or not any(folder.iterdir()):
        return Place(folder, "run")
    inner = [path.name for path in sorted(folder.iterdir()) if _is_run(path) or (path / MARKER).is_file()]
    if inner:
        raise SuiteError(
            f"{folder}: is neither a run nor a site, but holds some: {', '.join(inner)}. "
            f"Serve one of them: suite serve {folder / inner[0]}."
        )
    raise SuiteError(
        f"{folder}: is neither a run nor a site; expected {Path('store') / DATABASE} or {REPORT}, which 'suite run' "
        f"writes, or {MARKER} of a site that the suite wrote."
    )


def _look_for(folder: Path) -> None:
    with open_store(folder, create=False), mendable(folder):
        folder.mkdir(parents=True)


def _is_run(folder: Path) -> bool:
    return (folder / "store").is_dir() or (folder / REPORT).is_file()


def _nothing_there(folder: Path) -> str:
    if folder.exists():
        return "is a file; expected the folder of a run, such as reports/vision, or of a site."
    beside = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
    if beside:
        return f"{did_you_mean(folder.name, beside, what='folder')} A run makes its folder when it starts."
    return "there is no such folder; a run makes its folder when it starts: suite run SPEC."


# What is behind the server: one folder, what is known of it, and who is told of it.


class Preview:
    """A folder that is shown. Call ``close`` in the end."""

    def __init__(self, place: Place, *, rebuild: bool = True) -> None:
        """``rebuild`` lets the report of a run be made again where results are new."""
        self.place = place
        self._files = FilesVersion(place.folder, leave_out=("store",) if self.is_run else ())
        self._reader = LiveReader(place.folder)
        self._rebuilder = Rebuilder(place.folder) if rebuild and self.is_run else None
        looks = {"files": self._look_at_files}
        if self.is_run:
            looks["live"] = lambda: live_parts(self.state())
        self.watcher = Watcher(looks)

    @property
    def folder(self) -> Path:
        """What is served."""
        return self.place.folder

    @property
    def is_run(self) -> bool:
        """Whether its first page is the live one."""
        return self.place.kind == "run"

    def state(self) -> LiveState:
        """How the run stands now."""
        state = self._reader.read()
        if self._rebuilder is None:
            return state
        self._rebuilder.consider()
        if state.report == "behind" and self._rebuilder.problem is None:
            state = replace(state, report="being made" if self._rebuilder.is_busy else "due")
        return replace(state, report_problem=self._rebuilder.problem)

    def page(self) -> Shown:
        """The live page."""
        return live_page(self.state())

    def state_text(self) -> str:
        """The state as JSON."""
        return json.dumps(self.state().as_json(), ensure_ascii=False, default=str)

    def close(self) -> None:
        """Lets every listener go and ends what is under way."""
        self.watcher.close()
        if self._rebuilder is not None:
            self._rebuilder.close()

    def _look_at_files(self) -> str:
        if self._rebuilder is not None:
            self._rebuilder.consider()
        return self._files.look()
