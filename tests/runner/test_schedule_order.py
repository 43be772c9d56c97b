"""The quick schedule gives out the same trials in the same order as the plain one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from plain_schedule import PlainSchedule

from suite.runner.schedule import Schedule

SLOTS = 4


@dataclass(frozen=True)
class OfSearch:
    """Whether the trials of a search learn from those before them."""

    in_turn: bool


@dataclass(frozen=True)
class OfCell:
    """What a schedule asks of a cell."""

    id: str
    content: dict[str, Any]
    search: OfSearch | None
    teachers: tuple[str, ...] = ()
    is_deterministic: bool = False


@dataclass(frozen=True)
class OfTrial:
    """What a schedule asks of a trial."""

    id: str
    cell: OfCell = field(compare=False)
    phase: str


@st.composite
def plans(draw: st.DrawFn) -> list[OfTrial]:
    """Trials of up to eight cells of up to three models, some searched, some in turn, some taught by others."""
    trials: list[OfTrial] = []
    number = draw(st.integers(1, 8))
    for index in range(number):
        taught = draw(st.lists(st.integers(0, number), max_size=1)) if index % 3 == 2 else []
        teachers = tuple(f"cell {one}" for one in taught if one != index and one % 3 != 2)
        search = draw(st.sampled_from([None, OfSearch(in_turn=False), OfSearch(in_turn=True)]))
        cell = OfCell(f"cell {index}", {"model": draw(st.sampled_from("abc"))}, search, teachers)
        for phase, most in (("rank", 1), ("short", 1), ("search", 3 if search else 0), ("final", 3)):
            count = draw(st.integers(1 if phase == "final" else 0, most))
            trials += [OfTrial(f"{index} {phase} {each}", cell, phase) for each in range(count)]
    return trials


@settings(max_examples=300, deadline=None)
@given(plan=plans(), warm_models=st.integers(1, 2), with_funnel=st.booleans(), data=st.data())
def test_both_schedules_give_out_the_same(
    plan: list[OfTrial], warm_models: int, with_funnel: bool, data: st.DataObject
) -> None:
    """Whatever workers ask, settle, put back and lose, and whatever a funnel holds back meanwhile."""
    held: set[str] = set()
    funnel: dict[str, Any] = {"waits": lambda trial: trial.id in held} if with_funnel else {}
    quick: Any = Schedule(plan, warm_models=warm_models, is_left_out=lambda one: one.id in held, **funnel)
    plain: Any = PlainSchedule(plan, warm_models=warm_models, is_left_out=lambda one: one.id in held, **funnel)
    running: list[OfTrial] = []
    for _ in range(data.draw(st.integers(1, 60))):
        action = data.draw(st.sampled_from(("take", "take", "take", "settle", "settle", "hold", "other")))
        if action == "take":
            slot = data.draw(st.integers(0, SLOTS - 1))
            taken = quick.take(slot)
            assert taken is plain.take(slot)
            running += [taken] if taken is not None else []
        elif action == "hold":
            held ^= {data.draw(st.sampled_from(plan)).id}
        elif action == "other" and data.draw(st.booleans()):
            slot = data.draw(st.integers(-1, SLOTS - 1))
            for one in (quick, plain):
                one.retry_waiting() if slot < 0 else one.forget(slot)
        elif running:
            trial = running.pop(data.draw(st.integers(0, len(running) - 1)))
            what = "settle" if action == "settle" else data.draw(st.sampled_from(("put_back", "again")))
            for one in (quick, plain):
                getattr(one, what)(trial)
        assert quick.is_empty == plain.is_empty
        assert quick.waiting == plain.waiting


def test_a_trial_whose_worker_was_lost_is_taken_again() -> None:
    """By any worker, before the others of its cell."""
    cell = OfCell("cell", {"model": "a"}, None)
    plan: Any = [OfTrial(f"final {each}", cell, "final") for each in range(3)]
    schedule = Schedule(plan)
    assert [schedule.take(0), schedule.take(1)] == plan[:2]
    schedule.again(plan[0])
    assert not schedule.is_empty
    assert [schedule.take(2), schedule.take(0)] == [plan[0], plan[2]]
    assert schedule.is_empty


def test_cells_of_a_lost_worker_are_anybodys() -> None:
    """Another worker takes them before it helps a living one."""
    cells = [OfCell(name, {"model": name}, None) for name in "ab"]
    plan: Any = [OfTrial(f"{cell.id} {each}", cell, "final") for cell in cells for each in range(3)]
    schedule = Schedule(plan)
    assert [schedule.take(slot).cell.id for slot in (0, 1)] == ["a", "b"]
    schedule.forget(1)
    assert [schedule.take(2).cell.id for _ in range(3)] == ["b", "b", "a"]
