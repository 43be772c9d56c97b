"""Names of modules from before the rooms: plugins that were written for them go on working.

``from suite.results import Predictions`` in somebody's plugin finds what is now in ``suite.store.records``.  Only names
that the guide for plugins gave are here.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

__all__ = ["MOVED", "Finder", "install"]

MOVED = {
    "suite.charts": "suite.report.charts",
    "suite.collector": "suite.report.garbage_collector",
    "suite.corruptions": "suite.data.corruptions",
    "suite.destinations": "suite.publish.destinations",
    "suite.exporters": "suite.export.formats",
    "suite.exporting": "suite.export",
    "suite.finding": "suite.store.records.check",
    "suite.generations": "suite.store.records.generations",
    "suite.objectives": "suite.strategies.pretraining",
    "suite.options": "suite.spec.options",
    "suite.plan": "suite.spec.plan",
    "suite.predictions": "suite.store.records.predictions",
    "suite.requirement": "suite.errors",
    "suite.results": "suite.store.records.result",
    "suite.transferability": "suite.metrics.transferability",
}
"""Old module or package, and where it is."""


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers an import of an old name with the module that has it now."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A module of the old name, None where it is none of ours."""
        return importlib.machinery.ModuleSpec(fullname, self) if _new_name(fullname) is not None else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """An empty one, for a moment."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Puts the module of today in the place of the empty one: there is one of it, whatever it is called."""
        sys.modules[module.__name__] = importlib.import_module(str(_new_name(module.__name__)))


def _new_name(name: str) -> str | None:
    old = next((old for old in MOVED if name == old or name.startswith(f"{old}.")), None)
    return MOVED[old] + name.removeprefix(old) if old is not None else None


def install() -> None:
    """Makes old names importable in this process, once."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())  # before the one that would load a second copy from the folder
