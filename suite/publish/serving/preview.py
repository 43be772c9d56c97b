"""What is behind the server: one folder, what is known of it, and who is told of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from suite.publish.serving.live import LiveReader
from suite.publish.serving.page import Shown, live_page, live_parts
from suite.publish.serving.place import Place
from suite.publish.serving.rebuild import Rebuilder
from suite.publish.serving.state import LiveState
from suite.publish.serving.watch import FilesVersion, Watcher

__all__ = ["Preview"]


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
