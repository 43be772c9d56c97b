"""Broken specs, plans and ``--set``: a quarter of a minute each; ``python -m benchmarks.fuzz`` goes on for longer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.fuzz import foreign_errors
from benchmarks.fuzz_new import TARGETS as NEW
from benchmarks.fuzz_specs import FEW_LABELS, RICH
from benchmarks.fuzz_specs import TARGETS as SPECS
from suite.cli.main import cli
from suite.errors import SpecError
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec

SECONDS = 6.0


@pytest.mark.parametrize("target", sorted({**NEW, **SPECS}))
def test_nothing_but_the_suites_own_error_comes_out(target: str) -> None:
    """Thousands of mutated inputs are taken or refused in a sentence."""
    number, found = foreign_errors(target, seed=1, seconds=SECONDS)
    assert number > 100
    assert not found, "\n".join(found)


@pytest.mark.parametrize("document", [RICH, FEW_LABELS])
def test_the_mutants_parents_are_valid(document: dict[str, Any]) -> None:
    """What is broken from the start would never reach the later checks."""
    assert make_plan(parse_spec(json.dumps(document))).trials


def test_a_target_that_raises_something_else_is_found() -> None:
    """The harness itself: a foreign error is counted, with what makes it again."""

    def broken(_: object) -> None:
        raise KeyError("x")

    number, found = foreign_errors("broken", seed=3, count=2, target=broken)
    assert number == 2
    assert found[0] == "broken 3 0: KeyError: 'x'"


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "~nobody-of-that-name/x"])
@pytest.mark.parametrize(
    ("at", "option"),
    [
        ("datasets", {"source": "folder"}),
        ("models", {"source": "file"}),
        ("models", {"source": "hub", "preset": "vit"}),
    ],
)
def test_a_path_that_the_system_refuses_is_told_with_its_place(at: str, option: dict[str, str], path: str) -> None:
    """It is no ``OSError`` of whoever looks first whether the file is there."""
    key = "preset" if "preset" in option else "path"
    changed = RICH | {at: [{**option, key: path}]}
    with pytest.raises(SpecError, match=rf"{at}\[0\]\.{key}: expected a path"):
        parse_spec(json.dumps(changed))


def test_a_wrong_type_in_a_strategy_is_told_beside_a_funnel() -> None:
    """The funnel reads the epochs of strategies, whose types are checked before it does."""
    strategies = [{"strategy": "fine_tune", "epochs": {"a": 1}}, {"strategy": "fine_tune", "epochs": 3}]
    with pytest.raises(SpecError, match=r"strategies\[0\]\.epochs: expected a valid integer"):
        parse_spec(json.dumps(RICH | {"strategies": strategies}))


@pytest.mark.parametrize("command", ["plan", "lint", "recommend", "report"])
def test_a_typed_path_that_is_too_long_is_a_sentence(command: str, tmp_path: Path) -> None:
    """No traceback for a slip of the keyboard."""
    ended = CliRunner().invoke(cli, [command, str(tmp_path / ("x" * 300))])
    assert ended.exit_code == 2
    assert "File name too long" in ended.output
