"""A run as it is stored: its comparison and its report, made again only where results are new.

Everything large is imported when it is needed: on a finished run no TensorFlow, pandas, Altair, SciPy or
SQLAlchemy is, which is why it answers at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from suite.compare.planned import read_plan
from suite.compare.plugins import missing_plugins
from suite.errors import StoreError
from suite.lint.examine import check_run
from suite.lint.subjects import CHECKS_FILE, read_kept
from suite.report.garbage_collector import collector_paused
from suite.report.outcome import REPORT
from suite.store.address import address_of, keep_link
from suite.store.atomic_write import write_by_rename
from suite.store.quick_read import glance
from suite.store.records.outputs import load_outputs
from suite.store.records.result import Result
from suite.store.records.slices import SLICES, read_slices
from suite.store.state import Glance, spec_of
from suite.store.store import open_store
from suite.version import __version__

if TYPE_CHECKING:
    from suite.compare.comparison import Comparison
    from suite.report.notebook import ComparisonView
    from suite.store.records.outputs import Outputs

__all__ = [
    "StoredRun",
    "checked_comparison",
    "current_comparison",
    "is_report_current",
    "kept_text",
    "load_comparison",
    "look_at_run",
    "rebuild_report",
]

COMPARISON = "comparison.json"
"""The comparison as data, beside the report."""
COMPARISON_FORMAT = 4
"""Raised with what a comparison keeps, so that one made before is made again."""
DIGEST = ', "digest": '
"""Before the SHA-256 of all that comes before it: a byte that is another makes the comparison again."""
MANY_TRIALS = 300
"""With fewer a second process that draws is hardly ready before the images of the first are."""


def rebuild_report(folder: str | Path, *, tell: Callable[[str], None] = lambda _: None) -> tuple[Path, ...]:
    """Writes the report of a run from its results, also in the middle of it. Returns the written files.

    Args:
        folder: Of a run. Nothing that it names is imported; a plugin takes part where it is loaded already.
        tell: Told what is left out: what is damaged, and plugins of the run that are not loaded.

    Raises:
        StoreError: Where the folder holds no run, or cannot be written.
    """
    folder = Path(folder)
    state = _state(folder)
    _prepare_images(state)
    comparison = _compare(folder, state)
    for line in _to_tell(comparison):
        tell(line)
    return _write(folder, state, comparison)


def load_comparison(folder: str | Path, *, tell: Callable[[str], None] = lambda _: None) -> ComparisonView:
    """The comparison of a run; in a notebook it shows its leaderboard and charts.

    Args:
        folder: Of a run. Nothing that it names is imported.
        tell: Told what of it is damaged, a sentence each.

    Raises:
        StoreError: Where the folder holds no run.
    """
    from suite.report.notebook import ComparisonView

    folder = Path(folder)
    state = _state(folder)
    comparison = _kept_comparison(folder, state) or _compare(folder, state)
    for line in comparison.damage:
        tell(line)
    return ComparisonView(comparison)


def checked_comparison(folder: Path) -> tuple[Comparison, str]:
    """The comparison of a run with the checks of its results made now, and the stored spec as text.

    Raises:
        StoreError: Where the folder holds no run.
    """
    state = _state(folder)
    return _compare(folder, state), state.documents.get("spec", "{}")


@dataclass(frozen=True)
class StoredRun:
    """A run as it is stored now, for those who only read it."""

    folder: Path
    state: Glance

    @property
    def key(self) -> str:
        """Changes with anything that its report would say."""
        return _key(self.folder, self.state)

    def kept(self) -> Comparison | None:
        """The comparison beside the report, where both were made from what is stored now."""
        comparison = _kept_comparison(self.folder, self.state)
        return comparison if (self.folder / REPORT).is_file() else None

    def compare(self) -> Comparison:
        """The comparison made anew; nothing is written."""
        return _compare(self.folder, self.state)


def look_at_run(folder: Path) -> StoredRun:
    """What is stored of a run, without reading any result.

    Raises:
        StoreError: Where the folder holds no run; ``StoreVersionError`` where a newer suite wrote it.
    """
    return StoredRun(folder, _state(folder))


def _state(folder: Path) -> Glance:
    """What the store holds. Raises ``StoreError`` where there is none."""
    state = glance(folder)
    if "plan" not in state.documents:
        if address_of(folder) is not None:
            _refuse_unknown(folder)
        raise StoreError(f"{folder}: holds no run; expected a folder that 'suite run' wrote, such as reports/vision.")
    return state


def _refuse_unknown(folder: Path) -> None:
    """Raises ``StoreError`` with the nearest name in a team's database, where it has no run of this name."""
    open_store(folder, create=False).close()


def current_comparison(folder: Path) -> Comparison:
    """The comparison of all that is stored; made, and the report written, only where results are new.

    Raises:
        StoreError: Where the folder holds no run.
    """
    state = _state(folder)
    kept = _kept_comparison(folder, state)
    if kept is not None and (folder / REPORT).is_file():
        return kept
    _prepare_images(state)
    comparison = _compare(folder, state)
    _write(folder, state, comparison)
    return comparison


def is_report_current(folder: Path, state: Glance) -> bool:
    """Whether the report of a run is there and was made from exactly what is stored; only the head of a file is read.

    Args:
        folder: Of the run.
        state: What its store holds.
    """
    head = f'{{"key": {json.dumps(_key(folder, state))}, '
    try:
        with (folder / COMPARISON).open(encoding="utf-8") as file:
            return file.read(len(head)) == head and (folder / REPORT).is_file()
    except (OSError, ValueError):
        return False


def _prepare_images(state: Glance) -> None:
    """Starts what draws, so that it is ready when the comparison is made."""
    from suite.report.charts.render import prepare

    prepare(many=len(state.entries) > MANY_TRIALS)


@collector_paused()
def _compare(folder: Path, state: Glance) -> Comparison:
    """The comparison of everything in the store that belongs to the plan, checked."""
    from suite.compare.advice.next_steps import with_findings
    from suite.compare.compare import compare
    from suite.lint.subjects import Run

    with open_store(folder, create=False) as store:

        def find_file(result: Result, name: str) -> Path | None:
            path = store.artefact(result, name)
            return path if path is not None and path.is_file() else None

        def load(result: Result, name: str) -> Outputs | None:
            predictions = f"predictions/{name}"
            if predictions in result.artefacts and store.is_elsewhere(result.id):
                raise StoreError("the predictions are on the machine that made them.")
            path = find_file(result, predictions)
            return load_outputs(path) if path is not None else None

        plan = read_plan(state.documents["plan"], folder)
        results = store.query()
        exports = store.exports()
        comparison = compare(
            results,
            plan_summary=plan,
            load_predictions=load,
            find_file=find_file,
            exports=exports,
            slices=read_slices(state.documents.get(SLICES)),
        )
        checks = check_run(Run(comparison, results, load), data=read_kept(folder))
        lost = missing_plugins(plan.plugins, spec_of(state.documents))
        remarks = (*store.damage, *lost, *comparison.remarks)
        comparison = comparison.model_copy(
            update={
                "checks": checks,
                "damage": store.damage,
                "damaged_trials": store.damaged_trials,
                "missing_plugins": lost,
                "remarks": remarks,
            }
        )
        found = with_findings(comparison.recommendations, comparison)
        return comparison.model_copy(update={"recommendations": found})


def _to_tell(comparison: Comparison) -> tuple[str, ...]:
    """What of a run is not in its report, and how to get it in."""
    return (*comparison.damage, *comparison.missing_plugins)


def _key(folder: Path, state: Glance) -> str:
    """Tells whether a kept comparison was made from what is stored now."""
    stored = sorted((entry.id, entry.sequence) for entry in state.entries.values())
    described = [COMPARISON_FORMAT, __version__, state.documents, stored, state.exports, _checks_text(folder)]
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _checks_text(folder: Path) -> str:
    """What ``suite lint`` kept, as it stands; empty where it kept nothing."""
    try:
        return (folder / CHECKS_FILE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


@collector_paused()
def _kept_comparison(folder: Path, state: Glance) -> Comparison | None:
    """The comparison beside the report, where it was made from exactly what is stored."""
    from suite.compare.comparison import Comparison

    try:
        text = (folder / COMPARISON).read_text(encoding="utf-8")
        content, _, digest = text.rpartition(DIGEST)
        if digest.strip() != f'"{_digest(content)}"}}':
            return None
        kept = json.loads(text)
        if kept["key"] != _key(folder, state):
            return None
        comparison = Comparison.model_validate(kept["comparison"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None  # missing, half written by a killed process, damaged, or of another version: it is made again
    return None if _can_be_more(comparison, folder, state) else comparison


def _can_be_more(comparison: Comparison, folder: Path, state: Glance) -> bool:
    """Whether a plugin is loaded now that was missing when it was made."""
    if not comparison.missing_plugins:
        return False

    plan = read_plan(state.documents["plan"], folder)
    return missing_plugins(plan.plugins, spec_of(state.documents)) != comparison.missing_plugins


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@collector_paused()
def _write(folder: Path, state: Glance, comparison: Comparison) -> tuple[Path, ...]:
    """Report first, then the data: a kept comparison means that its report was written."""
    from suite.report.writing import write_report

    made: list[str] = []
    written = write_report(comparison, folder, meanwhile=lambda: made.append(_as_text(folder, state, comparison)))
    path = folder / COMPARISON
    write_by_rename(path, made[0])
    with contextlib.suppress(OSError):  # the report is there; the next command needs --store again
        keep_link(folder)
    return (written.html, written.markdown, path)


def _as_text(folder: Path, state: Glance, comparison: Comparison) -> str:
    # Pydantic writes the pairs of a thousand trials, 25 MB, five times as fast as the json module.
    return kept_text(_key(folder, state), comparison.model_dump_json())


def kept_text(key: str, comparison: str) -> str:
    """What lies beside a report: the comparison, the key of what it was made from, and a digest of both.

    Args:
        key: Of ``StoredRun``.
        comparison: As JSON.
    """
    content = f'{{"key": {json.dumps(key)}, "comparison": {comparison}'
    return f'{content}{DIGEST}"{_digest(content)}"}}'
