"""Everything that is known of cells beyond their test set, added to their summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from suite.compare.across_datasets.crossing import crossed
from suite.compare.cell import CellSummary
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

__all__ = ["look_beyond", "no_file"]


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
