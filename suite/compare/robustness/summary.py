"""What corrupted examples say against the chosen cell, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from suite.compare.across_datasets.crossing import crossed
from suite.compare.advice.wording import THIN, in_points
from suite.compare.cell import CellSummary
from suite.compare.comparison import Sentence
from suite.compare.robustness.calibration import aware_of, calibration_of, selective_of
from suite.compare.robustness.corruptions import (
    FindFile,
    Losses,
    losses_of,
    robustness_facts,
    robustness_of,
    with_errors,
)
from suite.compare.robustness.records import RobustnessFacts
from suite.compare.statistics.evidence import SetEvidence
from suite.metrics import Metric
from suite.store.records.result import Result

__all__ = ["look_beyond", "no_file", "robustness_sentence"]


def robustness_sentence(
    chosen: CellSummary, ranked: Sequence[CellSummary], as_subject: Callable[[CellSummary], str]
) -> Sentence | None:
    """What corruption costs the chosen cell, and which loses least where it loses most; None where it loses nothing.

    Args:
        chosen: The recommended cell.
        ranked: The cells to choose from.
        as_subject: Another cell before a verb.
    """
    found = chosen.robustness
    if found is None or found.lost.value is None or found.lost.value <= 0:
        return None
    worst = max(found.corruptions, key=lambda one: one.lost.value or 0.0)
    ends = "" if found.lost.low is None else f" ({in_points(found.lost.low)} to {in_points(found.lost.high)})"
    text = f"Corrupted examples cost it {in_points(found.lost.value)} points of accuracy{ends}"
    text += f", most under {worst.corruption} ({in_points(worst.lost.value)})"
    numbers = {"lost": found.lost.value, "most": worst.lost.value or 0.0}
    losses = {cell.cell_id: lost for cell in ranked if (lost := _lost_under(cell, worst.corruption)) is not None}
    least = min((cell for cell in ranked if cell.cell_id in losses), key=lambda cell: losses[cell.cell_id])
    if least is not chosen and least.robustness is not None:
        start, own = least.robustness.clean, losses[least.cell_id]
        worse = start - own < found.clean - losses[chosen.cell_id]
        text += f"; {as_subject(least)} loses least there ({in_points(own)}, from {100 * start:.1f}{THIN}%)"
        text += ", but is right less often even so" if worse else ", and is right more often"
        numbers |= {"least": own, "least_from": start}
    elif len(losses) > 1:
        text += "; nothing else loses less there"
    cells = tuple(dict.fromkeys((chosen.cell_id, least.cell_id)))
    return Sentence(kind="robustness", text=f"{text}.", numbers=numbers, cell_ids=cells)


def _lost_under(cell: CellSummary, corruption: str) -> float | None:
    """Accuracy lost under one corruption; None where the cell was not tested under it."""
    scores = cell.robustness.corruptions if cell.robustness else ()
    return next((one.lost.value for one in scores if one.corruption == corruption), None)


# Everything that is known of cells beyond their test set, added to their summaries.


def no_file(_result: Result, _name: str) -> Path | None:
    """Where nothing but predictions was kept."""
    return None


def look_beyond(
    dataset: str,
    cells: Sequence[CellSummary],
    results: Mapping[str, Sequence[Result]],
    evidence: Mapping[str, SetEvidence],
    *,
    metric: Metric,
    find: FindFile,
) -> tuple[list[CellSummary], RobustnessFacts | None]:
    """The cells of one data set, in the order of the plan, with what was found beyond their test set.

    Args:
        dataset: Its label.
        cells: As they are without it.
        results: All results by cell id.
        evidence: The predictions on the home test set, by cell id.
        metric: The headline.
        find: Gives the file of an artefact.
    """
    losses: dict[str, Losses | str] = {}
    made: list[CellSummary] = []
    for cell in cells:
        finals = [one for one in results.get(cell.cell_id, ()) if one.status == "done" and one.phase == "final"]
        finals.sort(key=lambda result: result.seed)
        home = evidence[cell.cell_id]
        if any(result.corrupted for result in finals):
            losses[cell.cell_id] = losses_of(finals, home, find)
        made.append(
            cell.model_copy(
                update={
                    "robustness": robustness_of(finals, losses.get(cell.cell_id)),
                    "calibration": calibration_of(finals),
                    "selective": selective_of(home),
                    "aware": aware_of(finals, home, find),
                    "cross": crossed(finals, metric),
                }
            )
        )
    facts = robustness_facts(dataset, made, [cell.cell_id for cell in cells], losses)
    return (with_errors(made, facts.reference) if facts else made), facts
