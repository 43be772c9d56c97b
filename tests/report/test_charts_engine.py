"""What draws: the same images here and in the processes beside this one, and images without them too."""

from __future__ import annotations

import io
import json
import os
import queue
from collections.abc import Iterator

import pytest

from suite.report.charts import engine
from suite.report.charts.engine import NOTHING, draw, processes, start

BARS = {"data": {"values": [{"a": "x", "b": 2}, {"a": "y", "b": 3}]}, "mark": "bar"}
BARS |= {"encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}}}


@pytest.fixture
def none(monkeypatch) -> Iterator[None]:
    """No process was started; those that this test starts end with it."""
    monkeypatch.setattr(engine, "_started", [])
    monkeypatch.setattr(engine, "_free", queue.SimpleQueue())
    yield
    engine._end_all()


@pytest.fixture
def beside(none) -> engine._Beside:
    """One process, in a machine with two processors."""
    process = engine._Beside()
    engine._started.append(process)
    engine._free.put(process)
    return process


def test_another_process_draws_the_same(beside):
    """To the letter, one image after another."""
    here = [engine._make(("svg", chart)) for chart in (NOTHING, BARS)]
    assert [draw(NOTHING), draw(BARS)] == here
    assert engine._free.qsize() == 1


def test_where_all_are_busy_it_is_drawn_here(beside):
    """An image never waits for a process."""
    engine._free.get()
    assert draw(BARS).startswith("<svg")


def test_what_cannot_be_drawn_beside_is_said_here(beside):
    """The process goes on, and the error is the one of a single process."""
    assert beside.answer(("svg", {"mark": "no such mark"})) is None
    with pytest.raises(ValueError, match="SVG conversion failed"):
        draw({"mark": "no such mark"})
    assert engine._free.qsize() == 1
    assert draw(BARS).startswith("<svg")


def test_a_process_that_is_gone_costs_time_and_no_image(beside):
    """It may have been killed for its memory; it is not asked again."""
    beside.end()
    assert draw(BARS).startswith("<svg")
    assert engine._free.empty()


def test_the_process_ends_with_its_input(beside):
    """So it never outlives the one that started it."""
    beside._process.stdin.close()
    assert beside._process.wait(timeout=60) == 0


def test_there_are_no_more_processes_than_processors(none, monkeypatch):
    """With one processor they would only be in its way."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    start(2)
    assert processes() == 0
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    start(1)
    start(3)
    assert processes() == 2


def test_a_python_that_cannot_be_started_draws_here(none, monkeypatch):
    """As where Python is part of another program."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(engine.sys, "executable", "/no/such/python")
    start(1)
    assert processes() == 0
    assert draw(BARS).startswith("<svg")


def test_lines_come_in_and_go_out():
    """One answer for each, null where there is none."""
    told = io.BytesIO()
    engine._serve(io.BytesIO(json.dumps(["svg", BARS]).encode() + b'\n["svg", {}]\nno json\n'), told)
    first, *others = told.getvalue().decode().splitlines()
    assert json.loads(first) == draw(BARS)
    assert [json.loads(line) for line in others] == [None, None]
