"""What teachers brought their students: each student against the same model without a teacher."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suite.compare.advice.wording import called, points, range_of
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import Difference
from suite.spec.distillation import BASELINE, DISTILL, without_teacher
from suite.store.records.result import Result

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
    scored = {cell.cell_id: cell for cell in cells if cell.headline is not None}
    students = [cell for cell in scored.values() if cell.teaching]
    if not students:
        return ()
    # Published results say nothing of how their models were fitted.
    contents = {one.cell_id: one.trial for one in results if one.phase == "final" and "strategy" in one.trial}
    alone = {_key(one): cell_id for cell_id, one in contents.items() if one["strategy"]["strategy"] == BASELINE}
    between = {frozenset((pair.better, pair.worse)): pair for pair in pairs}

    def sentences() -> Iterator[str]:
        for cell in students:
            other = scored.get(alone.get(_key(contents[cell.cell_id]), ""))
            pair = between.get(frozenset((cell.cell_id, other.cell_id))) if other is not None else None
            yield _sentence(_subject(cell, cells, students), cell, other, pair, metric)

    return tuple(sentences())


def _subject(student: CellSummary, cells: Sequence[CellSummary], students: Sequence[CellSummary]) -> str:
    """Who taught whom; with the strategy and the data set where there are others that this could be."""
    teacher = student.teaching[0].model
    alike = [(one.teaching[0].model, one.model, one.dataset) for one in students]
    several = alike.count((teacher, student.model, student.dataset)) > 1
    strategy = f" ({student.strategy})" if several else ""
    dataset = f" on {student.dataset}" if len({cell.dataset for cell in cells}) > 1 else ""
    return f"What {teacher} taught {student.model}{strategy}{dataset}"


def _key(content: Mapping[str, Any]) -> str:
    """Everything but the teacher."""
    kept = {name: value for name, value in content.items() if name not in {"teachers", "teaches", "seed", "strategy"}}
    own = without_teacher(content["strategy"])
    own["strategy"] = BASELINE if own["strategy"] == DISTILL else own["strategy"]
    return json.dumps([kept, own], sort_keys=True)


def _sentence(
    subject: str, student: CellSummary, alone: CellSummary | None, pair: Difference | None, metric: MetricInfo
) -> str:
    if alone is None:
        return f"{subject} cannot be told: the same model without a teacher has no score."
    if pair is None or pair.difference is None:
        return f"{subject} cannot be told: {(pair.reason if pair else None) or 'the two cannot be paired'}."
    sign = 1.0 if pair.better == student.cell_id else -1.0
    low, high = pair.low, pair.high
    if sign < 0 and low is not None and high is not None:
        low, high = -high, -low
    brought = f"{points(sign * pair.difference, metric)}{range_of(low, high, metric)}"
    verdict = "" if pair.different else " The difference is within chance."
    return f"{subject} is worth {brought} against {called(alone)}, under the same budget.{verdict}"
