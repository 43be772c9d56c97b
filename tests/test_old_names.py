"""Plugins that were written before the rooms."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from suite.old_names import MOVED, install

OLD_PLUGIN = '''
from suite.charts.rows import board
from suite.compare.comparison import Comparison
from suite.corruptions.corruption import corrupt
from suite.finding import Finding
from suite.metrics.metric import metric
from suite.plan import Cell
from suite.registry import METRICS
from suite.requirement import Requirement
from suite.results import Predictions
from suite.spec import Options, SplitsSpec
from suite.transferability import Examples, estimator


@METRICS.register("old_error_rate")
@metric("error rate", higher_is_better=False)
def error_rate(predictions: Predictions) -> float:
    """Share of wrong answers."""
    return 1.0
'''


def test_a_plugin_file_of_old_names_is_loaded(tmp_path: Path):
    """What the guide once told people to import is found, and is what has another name today."""
    path = tmp_path / "old.py"
    path.write_text(OLD_PLUGIN)
    program = (
        "import sys; from pathlib import Path; from suite.registry import METRICS, load_plugin_file\n"
        f"load_plugin_file(Path({str(path)!r}))\n"
        "from suite.spec.trial import Cell\n"
        "(plugin,) = [module for name, module in sys.modules.items() if name.startswith('suite_plugin')]\n"
        "assert plugin.Cell is Cell and 'old_error_rate' in METRICS\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_name_is_the_module_of_today(old: str):
    """There is one module, whatever it is called, and its own name stays."""
    install()
    module = importlib.import_module(old)
    assert module is importlib.import_module(MOVED[old])
    assert module.__name__ == MOVED[old]


def test_a_name_that_never_was_is_no_module():
    """Other names are missing as they always were."""
    install()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("suite.charts.never")
