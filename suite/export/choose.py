"""Which models become files, and of which formats and precisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from suite.compare.advice.readiness import dataset_answers
from suite.errors import MissingExtraError, StoreError, SuiteError, UnknownNameError, did_you_mean, install_line
from suite.registry import EXPORTERS, TASKS
from suite.report.stored_run import load_comparison
from suite.spec.exports import ExportSpec, Which
from suite.store.records.export_card import PRECISIONS, Precision
from suite.store.records.result import Result
from suite.store.store import Store

if TYPE_CHECKING:
    from suite.compare.comparison import Comparison

__all__ = [
    "Asked",
    "NoAnswerYetError",
    "NothingKeptError",
    "asked_of",
    "available_formats",
    "chosen_results",
    "exportable",
    "of_spec",
]


class NoAnswerYetError(SuiteError):
    """Nothing is recommended while cells are still to come."""


class NothingKeptError(SuiteError):
    """There is no model to export."""


@dataclass(frozen=True)
class Asked:
    """One format with the precisions that are wanted of it."""

    format: str
    precisions: tuple[Precision, ...]


def available_formats() -> dict[str, str | None]:
    """Every format, and the line that installs what it lacks; None where nothing is missing."""
    exporters = {name: EXPORTERS.get(name) for name in EXPORTERS.names()}
    return {name: install_line(exporter.modules, exporter.extra) for name, exporter in exporters.items()}


def asked_of(formats: Sequence[str], precisions: Sequence[str]) -> tuple[Asked, ...]:
    """Every precision of every format; all installed formats where none is named.

    Raises:
        SuiteError: For a name that is unknown, a format that is not installed, and where no format can have any of
            the precisions.
    """
    lacking = available_formats()
    for name in formats:
        EXPORTERS.get(name)
        if lacking[name]:
            raise MissingExtraError(f"format '{name}' needs packages that are not installed: {lacking[name]}")
    for name in precisions:
        if name not in PRECISIONS:
            raise UnknownNameError(did_you_mean(name, PRECISIONS, what="precision"))
    chosen = tuple(dict.fromkeys(formats)) or tuple(name for name, line in lacking.items() if line is None)
    wanted: tuple[Precision, ...] = tuple(one for one in get_args(Precision) if one in precisions) or ("fp32",)
    pairs = [(name, one, EXPORTERS.get(name).refuses.get(one)) for name in chosen for one in wanted]
    if all(reason is not None for _, _, reason in pairs):
        said = "; ".join(f"{name} in {one}: {reason}" for name, one, reason in pairs)
        raise SuiteError(f"nothing that was asked for can be exported. {said}.")
    return tuple(Asked(name, wanted) for name in chosen)


def of_spec(exports: Sequence[ExportSpec], which: Which) -> list[Asked]:
    """What a spec asks for of the models of one choice."""
    return [Asked(one.format, one.precision) for one in exports if one.which == which]


def exportable(folder: Path) -> Comparison:
    """The comparison of a run whose models can be exported. Raises ``SuiteError`` for another."""
    comparison = load_comparison(folder).comparison
    if not TASKS.get(comparison.task).exports:
        able = [name.replace("_", " ") for name in TASKS.names() if TASKS.get(name).exports]
        raise SuiteError(
            f"{folder}: is about {comparison.task.replace('_', ' ')}; expected a run of {' or '.join(able)}, the tasks "
            "whose models can be exported."
        )
    return comparison


def chosen_results(comparison: Comparison, store: Store, which: Which, trials: Sequence[str]) -> list[Result]:
    """The results whose models are to be exported.

    Raises:
        SuiteError: For a trial that is unknown or failed, and a model that was not kept.
    """
    if trials:
        named = {result.id: result for result in (_trial(store, name) for name in trials)}
        return list(named.values())
    cells = {
        "recommended": _recommended(comparison, store) if which == "recommended" else [],
        "best": list({cell.dataset: cell.cell_id for cell in reversed(comparison.cells) if cell.rank}.values()),
        "all": [cell.cell_id for cell in comparison.cells],
    }[which]
    kept = [_kept_of(store, cell_id) for cell_id in cells]
    found = [result for result in kept if result is not None]
    if not found:
        raise NothingKeptError(
            f'{store.out}: no model was kept; set "keep_models": "best" in the spec and run it again.'
        )
    return found


def _recommended(comparison: Comparison, store: Store) -> list[str]:
    """The cells to take, of the data sets that have an answer. Raises ``NoAnswerYetError`` where none has one."""
    answers = {one.dataset: one for one in dataset_answers(comparison)}
    settled = [one.cell_id for one in comparison.recommendations if answers[one.dataset].settled]
    if comparison.recommendations and not settled:
        said = next(iter(answers.values()))
        raise NoAnswerYetError(
            f"{store.out}: {said.take} {said.leading}".rstrip()
            + " Run the rest first, or say --best for what leads, or --trial ID."
        )
    return settled


def _kept_of(store: Store, cell_id: str) -> Result | None:
    kept = [one for one in store.query(cell_id=cell_id, status="done", phase="final") if "model" in one.artefacts]
    return kept[0] if kept else None


def _trial(store: Store, name: str) -> Result:
    """The trial of that id, or the only one whose id begins so."""
    ids = [one for one in store.entries() if one.startswith(name)]
    if len(ids) != 1:
        said = "no trial has that id" if not ids else f"{len(ids)} trials have ids that begin so"
        raise SuiteError(f"--trial {name}: {said}; 'suite results --table trials' lists them.")
    result = store.load(ids[0])
    if result is None:
        raise StoreError(f"{store.shown}: trial {ids[0]} cannot be read.")
    if result.status != "done":
        raise SuiteError(f"--trial {name}: {result.status}: {result.reason}; there is no model to export.")
    if "model" not in result.artefacts:
        kept = _kept_of(store, result.cell_id)
        other = f" Of its cell the model of {kept.id} was kept." if kept else ""
        raise SuiteError(f"--trial {name}: its model was not kept.{other}")
    return result
