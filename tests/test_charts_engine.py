"""What draws: the same pictures here and in the process beside this one, and pictures without it too."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from suite.charts import engine
from suite.charts.engine import NOTHING, draw

BARS = {"data": {"values": [{"a": "x", "b": 2}, {"a": "y", "b": 3}]}, "mark": "bar"}
BARS |= {"encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}}}


@pytest.fixture
def beside(monkeypatch) -> Iterator[engine._Beside]:
    """A process of this test's own."""
    process = engine._Beside()
    monkeypatch.setattr(engine._Beside, "started", process)
    yield process
    process.end()


def test_another_process_draws_the_same(beside):
    """To the letter, one picture after another."""
    assert beside.draw(NOTHING) == draw(NOTHING)
    assert beside.draw(BARS) == draw(BARS)
    assert draw(BARS).startswith("<svg")


def test_while_one_picture_is_drawn_here_the_next_is_drawn_beside(beside):
    """And where both are at work, the next one waits for the engine here."""
    with engine._here:
        assert draw(BARS).startswith("<svg")
        with beside._turn:
            assert beside.draw(BARS) is None


def test_what_cannot_be_drawn_beside_is_said_here(beside):
    """The process goes on, and the error is the one of a single process."""
    assert beside.draw({"mark": "no such mark"}) is None
    with pytest.raises(ValueError, match="SVG conversion failed"):
        draw({"mark": "no such mark"})
    assert beside.draw(BARS) == draw(BARS)


def test_a_process_that_is_gone_costs_time_and_no_picture(beside):
    """It may have been killed for its memory."""
    beside.end()
    assert beside.draw(BARS) is None
    assert draw(BARS).startswith("<svg")


def test_the_process_ends_with_its_input(beside):
    """So it never outlives the one that started it."""
    beside._process.stdin.close()
    assert beside._process.wait(timeout=60) == 0


def test_lines_come_in_and_go_out():
    """One answer for each, null where there is none."""
    told = io.BytesIO()
    engine._serve(io.BytesIO(json.dumps(BARS).encode() + b"\n{}\nno json\n"), told)
    first, *others = told.getvalue().decode().splitlines()
    assert json.loads(first) == draw(BARS)
    assert [json.loads(line) for line in others] == [None, None]
