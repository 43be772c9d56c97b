"""What teachers brought their students: each student against the same model without a teacher."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import Difference
from suite.compare.wording import called, points, range_of
from suite.results import Result
from suite.teaching import BASELINE, DISTILL, without_teacher

__all__ = ["taught"]


def taught(
    results: Sequence[Result], cells: Sequence[CellSummary], pairs: Sequence[Difference], metric: MetricInfo
) -> tuple[str, ...]:
    """One sentence for each student: its difference to the same model, fine-tuned alike without a teacher.

    Args:
        results: Of the plan.
        cells: Ranked.
        pairs: Of ranked cells, with their paired tests.
        metric: The headline.
    """
    teachers = {result.cell_id: result.teaching.model for result in results if result.teaching is not None}
    if not teachers:
        return ()
    # Published results say nothing of how their models were fitted.
    contents = {one.cell_id: one.trial for one in results if one.phase == "final" and "strategy" in one.trial}
    alone = {_key(one): cell_id for cell_id, one in contents.items() if one["strategy"]["strategy"] == BASELINE}
    by_id = {cell.cell_id: cell for cell in cells if cell.headline is not None}
    between = {frozenset((pair.better, pair.worse)): pair for pair in pairs}

    def sentences() -> Iterator[str]:
        for cell_id, teacher in teachers.items():
            other = alone.get(_key(contents[cell_id]))
            if cell_id in by_id and other in by_id:
                pair = between.get(frozenset((cell_id, other)))
                yield _sentence(by_id[cell_id], by_id[other], pair, teacher, metric)

    return tuple(sentences())


def _key(content: Mapping[str, Any]) -> str:
    """Everything but the teacher."""
    kept = {name: value for name, value in content.items() if name not in {"teachers", "teaches", "seed", "strategy"}}
    own = without_teacher(content["strategy"])
    own["strategy"] = BASELINE if own["strategy"] == DISTILL else own["strategy"]
    return json.dumps([kept, own], sort_keys=True)


def _sentence(
    student: CellSummary, alone: CellSummary, pair: Difference | None, teacher: str, metric: MetricInfo
) -> str:
    subject = f"What {teacher} taught {student.model}"
    if pair is None or pair.difference is None:
        return f"{subject} cannot be told: {(pair.reason if pair else None) or 'the two cannot be paired'}."
    sign = 1.0 if pair.better == student.cell_id else -1.0
    low, high = pair.low, pair.high
    if sign < 0 and low is not None and high is not None:
        low, high = -high, -low
    brought = f"{points(sign * pair.difference, metric)}{range_of(low, high, metric)}"
    verdict = "" if pair.different else " The difference is within chance."
    return f"{subject} is worth {brought} against {called(alone)}, under the same budget.{verdict}"
