"""Results as tables: what is written is what is stored, in every format."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from test_cli_run import prepared

from suite.api import load_comparison, load_results
from suite.report.tabular import _escaped, write_table

READ = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet, "xlsx": pd.read_excel}
ENDINGS = {"csv": "csv", "json": "json", "parquet": "parquet", "xlsx": "xlsx"}


def suite(*words: object) -> Result:
    """The command line."""
    from suite.cli.main import cli

    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The folder of a finished run."""
    return prepared(tmp_path_factory.mktemp("run"), "fit", "fit:a_b").parent / "out"


@pytest.mark.parametrize("kind", sorted(READ))
@pytest.mark.parametrize("table", ["leaderboard", "trials", "scores"])
def test_a_table_is_read_back_as_it_was(table, kind, finished, tmp_path):
    """Rows, columns and scores, by pandas's own readers."""
    file = tmp_path / "deep" / f"table.{ENDINGS[kind]}"
    outcome = suite("results", finished, "--table", table, "--out", file)
    assert outcome.exit_code == 0, outcome.output
    assert outcome.output.strip() == str(file)
    found = READ[kind](file)
    if table == "leaderboard":
        cells = load_comparison(finished).comparison.cells
        assert found["model"].tolist() == [cell.model for cell in cells]
        assert found["accuracy"].dropna().tolist() == pytest.approx([c.headline.value for c in cells if c.headline])
    elif table == "trials":
        expected = load_results(finished)
        assert list(found) == list(expected)
        assert found["test.accuracy"].tolist() == pytest.approx(expected["test.accuracy"].tolist(), nan_ok=True)
    else:
        expected = load_results(finished)
        only = found[(found["set"] == "test") & (found["metric"] == "accuracy")].set_index("id")["value"]
        assert only.to_dict() == pytest.approx(expected.set_index("id")["test.accuracy"].dropna().to_dict())


def test_latex_is_a_table_of_booktabs(finished):
    """Rules of booktabs, names escaped, numbers to the right; pdflatex takes it where there is one."""
    outcome = suite("results", finished, "--format", "latex")
    assert outcome.exit_code == 0, outcome.output
    assert all(rule in outcome.output for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert r"fit:a\_b" in outcome.output
    assert "a_b" not in outcome.output
    program = shutil.which("pdflatex")
    if program:
        page = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + outcome.output + r"\end{document}"
        subprocess.run([program, "-halt-on-error"], input=page.encode(), check=True, capture_output=True)


def test_names_with_special_letters_stay_in_their_cells():
    """Bars and line breaks in Markdown, everything that LaTeX treats as a command in LaTeX."""
    frame = pd.DataFrame({"a|b": ["x | y\nz"], "n": [0.123456]})
    markdown = write_table(frame, "markdown", None, caption="")
    assert markdown is not None
    assert r"x \| y z" in markdown
    assert "0.1235" in markdown
    latex = write_table(pd.DataFrame({"m": ["50% & #1 ~ \\x"]}), "latex", None, caption="100 % _ {x}")
    assert latex is not None
    assert r"50\% \& \#1" in latex
    assert r"100 \% \_ \{x\}" in latex
    assert _escaped("a^b") == r"a\textasciicircum{}b"


def test_csv_goes_to_stdout_without_a_word(finished):
    """So that another program can read it."""
    outcome = suite("results", finished)
    assert outcome.stdout.splitlines()[0].startswith("rank,model,dataset,strategy,accuracy")
    rows = json.loads(suite("results", finished, "--format", "json").stdout)
    assert len(rows) == len(outcome.stdout.splitlines()) - 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "table.doc"), "its ending names no format"),
        (("--format", "parquet"), "--out FILE"),
        (("--out", "/proc/none/table.csv"), "cannot be"),
    ],
)
def test_what_cannot_be_written_is_refused(words, said, finished):
    """In a sentence, with exit code 2."""
    outcome = suite("results", finished, *words)
    assert outcome.exit_code == 2, outcome.output
    assert said in outcome.output


def test_a_folder_without_a_run_is_refused(tmp_path):
    """Naming what was expected."""
    outcome = suite("results", tmp_path)
    assert outcome.exit_code == 2
    assert "holds no run" in outcome.output or "has no results" in outcome.output
