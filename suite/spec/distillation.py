"""Students and teachers in a plan: who learns from whom, and the same student without a teacher beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from suite.errors import SpecError, did_you_mean
from suite.registry import STRATEGIES, TASKS
from suite.spec.other_datasets import canonical_json

if TYPE_CHECKING:
    from suite.spec.spec import Spec, StrategySpec
    from suite.spec.trial import Cell

__all__ = ["BASELINE", "DISTILL", "with_teachers", "without_teacher"]

DISTILL, BASELINE = "distill", "fine_tune"
OWN = {"teacher", "teacher_strategy", "temperature", "alpha"}
"""What a student has beyond the options of the same model without a teacher."""


def with_teachers(cells: Sequence[Cell], spec: Spec) -> Iterator[Cell]:
    """The cells of a spec, students with the ids of their teachers' cells, and each student without a teacher too.

    A teacher's cell says that it teaches, so that its trials keep what they say of the training examples.

    Raises:
        SpecError: For a teacher that the spec does not have, for students that are searched, and beside a funnel.
    """
    students = [cell for cell in cells if cell.strategy.strategy == DISTILL]
    if not students:
        yield from cells
        return
    _refuse_unequal_budgets(students, spec)
    taught = {student.id: _teachers(student, cells, spec) for student in students}
    teaching = {one.id for found in taught.values() for one in found}
    marked = {cell.id: replace(cell, teaches=True) if cell.id in teaching else cell for cell in cells}
    known = {cell.id for cell in cells}
    taken = dict.fromkeys((cell.labels[2] for cell in cells), "")
    for cell in cells:
        if cell.id not in taught:
            yield marked[cell.id]
            continue
        yield replace(marked[cell.id], teachers=tuple(sorted(marked[one.id].id for one in taught[cell.id])))
        alone = replace(cell, strategy=_alone(cell.strategy))
        if taught[cell.id] and alone.id not in known:
            known.add(alone.id)
            yield replace(alone, strategy=_named(alone.strategy, cell.labels[2], taken))


def _refuse_unequal_budgets(students: Sequence[Cell], spec: Spec) -> None:
    if spec.funnel is not None:
        raise SpecError(f"{spec.name}: funnel: it may drop a teacher before its students learn; leave one of them out.")
    if any(student.search is not None for student in students):
        raise SpecError(
            f"{spec.name}: strategies: search: 'distill' takes one setting, so that the student and the same model "
            "without a teacher have the same budget; leave 'search' out of it."
        )


def _teachers(student: Cell, cells: Sequence[Cell], spec: Spec) -> list[Cell]:
    """The cells of the named model on the student's data; none for the named model itself, and without classes."""
    own = student.strategy.own()
    named, by = str(own["teacher"]), own.get("teacher_strategy")
    models = {cell.labels[0] for cell in cells}
    if named not in models:
        raise SpecError(f"{spec.name}: strategies: teacher: {did_you_mean(named, models, what='model')}")
    if student.labels[0] == named or not TASKS.get(student.task).classifies:
        return []
    of_model = [
        cell
        for cell in cells
        if cell.labels[:2] == (named, student.labels[1])
        and cell.train_examples == student.train_examples
        and cell.strategy.strategy != DISTILL
    ]
    strategies = {cell.labels[2] for cell in of_model}
    if by is not None and by not in strategies:
        complaint = did_you_mean(str(by), strategies, what="strategy")
        raise SpecError(f"{spec.name}: strategies: teacher_strategy: {complaint}")
    found = [cell for cell in of_model if by is None or cell.labels[2] == by]
    if not found:
        raise SpecError(
            f"{spec.name}: strategies: teacher '{named}' is adapted by 'distill' alone; add another strategy."
        )
    return found


def without_teacher(own: dict[str, Any]) -> dict[str, Any]:
    """The options of a student as those of the same model without a teacher."""
    return {name: value for name, value in own.items() if name not in OWN}


def _alone(strategy: StrategySpec) -> StrategySpec:
    """The strategy by which the same model learns without a teacher."""
    own = without_teacher(strategy.own())
    return type(strategy).model_construct(strategy=BASELINE, label=None, search=None, **own)


def _named(alone: StrategySpec, student: str, taken: dict[str, str]) -> StrategySpec:
    """A strategy with a label that no other has: students with other options have others without a teacher.

    Args:
        alone: What nobody gave a label.
        student: Label of the strategy that it stands beside.
        taken: Each label with the strategy that has it, as JSON; the label that is found is added.
    """
    variant = STRATEGIES.get(BASELINE)
    usual = variant.label(alone.options(variant))
    own = canonical_json(alone.identity)
    for label in (usual, f"{usual}, without teacher"):
        if taken.setdefault(label, own) == own:
            return alone.model_copy(update={"label": None if label == usual else label})
    return alone.model_copy(update={"label": f"{usual}, without teacher ({student})"})
