"""``suite lint``: what it prints, how it ends, what it keeps, and what the report says of it."""

from __future__ import annotations

import ast
import itertools
import json
from pathlib import Path

import pytest
from images import class_folders, encoded, noise_image
from report_sample import make_comparison
from test_architecture import LIVE, PACKAGE, module_file, own_imports, room_of
from test_cli_run import call, prepared
from test_report_hostile import HOSTILE

from suite.errors import SuiteError
from suite.lint.examine import examine
from suite.lint.subjects import read_kept
from suite.registry import CHECKS
from suite.report.writing import write_report
from suite.store.records.check import Checks, DataChecks, Finding


def spec_of(folder: Path, data: Path, **more: object) -> Path:
    """A spec of one model and a folder of images."""
    document = {
        "name": "mine",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": "vit_tiny"}],
        "datasets": [{"source": "folder", "path": str(data)}],
        "strategies": [{"strategy": "linear_probe"}],
        **more,
    }
    path = folder / "mine.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A spec whose data has nothing to be said of: images of the input's size, and enough of each class."""
    numbers = itertools.count()
    for split, count in (("train", 12), ("val", 5), ("test", 10)):
        for name in ("cat", "dog"):
            for number in range(count):
                path = tmp_path / "data" / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encoded(noise_image(next(numbers), size=(32, 32))))
    return spec_of(tmp_path, tmp_path / "data")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of small classifiers."""
    return prepared(tmp_path_factory.mktemp("finished"), "fit", "fit:again").parent / "out"


def finding(**more: str) -> Finding:
    """A finding of invented content."""
    return Finding(
        **{"check": "duplicates", "severity": "error", "what": "w", "where": "x", "why": "y", "mend": "z", **more}
    )


def kept_in(folder: Path, *found: Finding) -> None:
    """Writes what an earlier check of the data found."""
    record = DataChecks(spec_name="d", checked_at="2026-01-01", fingerprints={}, findings=found, ran=("duplicates",))
    (folder / "checks.json").write_text(record.model_dump_json())


def test_a_clean_bill_is_said_in_a_sentence(clean: Path, tmp_path: Path) -> None:
    """One line with the answer, and where the findings are kept; exit code 0 also with --strict."""
    ended = call("lint", clean, "--out", tmp_path / "out", "--strict")
    assert ended.exit_code == 0
    assert ended.stdout.startswith("mine: nothing found; 11 checks looked at plan and data.\n")
    assert "reading data" in ended.stderr
    assert read_kept(tmp_path / "out").findings == ()


def test_a_finding_says_what_where_why_and_what_to_do(clean: Path, tmp_path: Path) -> None:
    """A copied image: exit code 1, the answer first, then four parts."""
    train, test = (tmp_path / "data" / split / "cat" / "0.png" for split in ("train", "test"))
    test.write_bytes(train.read_bytes())
    ended = call("lint", clean, "--out", tmp_path / "out")
    assert ended.exit_code == 1
    answer, _, title, what, why, mend = ended.stdout.splitlines()[:6]
    assert answer == "mine: 1 error in plan and data."
    assert title == "error  data, train and test  [duplicates]"
    assert "test/cat/0.png = train/cat/0.png" in what
    assert why.startswith("  why  ")
    assert mend.startswith("  do   ")


def test_notes_count_with_strict_only(tmp_path: Path) -> None:
    """Images of 6 x 5 pixels are blown up: good to know, and an error for who wants it so."""
    data = class_folders(tmp_path / "data", {"cat": 60, "dog": 60})
    spec = spec_of(tmp_path, data)
    assert call("lint", spec, "--out", tmp_path / "out").exit_code == 0
    assert call("lint", spec, "--out", tmp_path / "out", "--strict").exit_code == 1


def test_a_program_gets_json_alone_on_stdout(clean: Path, tmp_path: Path) -> None:
    """Findings, what ran and what was left out."""
    told = json.loads(call("lint", clean, "--out", tmp_path / "out", "--json").stdout)
    assert told["findings"] == []
    assert told["ran"] == [
        "duplicates", "frames", "label_budgets", "picture_size", "pixels", "rates", "reading", "resolution",
        "seen_before", "splits", "unbalanced",
    ]  # fmt: skip
    assert Path(told["kept"]).name == "checks.json"


def test_a_run_is_checked_by_its_results(finished: Path) -> None:
    """What was not checked is said, with the command that does it."""
    (finished / "checks.json").unlink(missing_ok=True)
    ended = call("lint", finished)
    assert ended.stdout.startswith("digits: ")
    assert "The data was not checked: suite lint SPEC" in ended.stdout
    assert {"chance", "training", "test_size"} <= set(json.loads(call("lint", finished, "--json").stdout)["ran"])


def test_kept_findings_are_told_with_the_run_and_in_its_report(finished: Path) -> None:
    """The report is renewed when the data was checked since."""
    kept_in(finished, finding(what="Three examples are in both splits."))
    assert call("lint", finished).exit_code == 1
    call("report", finished)
    for name in ("report.html", "report.md"):
        assert "Three examples are in both splits." in (finished / name).read_text(encoding="utf-8")
    (finished / "checks.json").unlink()


def test_a_damaged_file_of_kept_findings_is_as_none(finished: Path) -> None:
    """Half a file, another version, something else."""
    for text in ("{", "[]", '{"format_version": 99}', '{"format_version": 1}', "null"):
        (finished / "checks.json").write_text(text)
        assert read_kept(finished) is None
    (finished / "checks.json").unlink()


def test_a_place_that_cannot_be_written_is_a_remark(clean: Path, tmp_path: Path) -> None:
    """The findings are printed all the same."""
    (tmp_path / "file").write_text("mine")
    ended = call("lint", clean, "--out", tmp_path / "file")
    assert ended.exit_code == 0
    assert "not kept for the report" in ended.stdout
    assert (tmp_path / "file").read_text() == "mine"


def test_unusable_input_ends_with_2_and_one_sentence(tmp_path: Path) -> None:
    """Nothing there, an empty folder, no JSON, data that is none, an image that is damaged."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_text("no spec")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.png").write_bytes(encoded(noise_image()))
    no_classes = spec_of(tmp_path, tmp_path / "flat").rename(tmp_path / "flat.json")
    damaged = class_folders(tmp_path / "damaged", {"cat": 10, "dog": 10})
    (damaged / "cat" / "000.png").write_bytes(b"no image")
    for target, word in (
        (tmp_path / "nowhere", "no such file or folder"),
        (tmp_path / "empty", "holds no run"),
        (tmp_path / "text.json", "not valid JSON"),
        (no_classes, "one folder per class"),
        (spec_of(tmp_path, damaged), "000.png"),
    ):
        ended = call("lint", target, *(("--out", tmp_path / "out") if target.is_file() else ()))
        assert (ended.exit_code, word in ended.stderr) == (2, True), ended.stderr
        assert ended.stderr.splitlines()[-1].startswith("Error: ")


def test_options_of_a_spec_are_refused_with_a_run(finished: Path, tmp_path: Path) -> None:
    """Nothing is read and ignored."""
    ended = call("lint", finished, "--out", tmp_path)
    assert ended.exit_code == 2
    assert "belong to a spec" in ended.stderr


def test_a_spec_whose_data_is_not_here_is_checked_without_it(tmp_path: Path, keras_home: Path) -> None:
    """The plan alone; the sentence and the list of what ran do not promise more."""
    spec = spec_of(tmp_path, tmp_path, datasets=[{"source": "keras", "name": "mnist"}])
    told = json.loads(call("lint", spec, "--out", tmp_path / "out", "--json").stdout)
    assert told["sentence"] == "mine: nothing found; 3 checks looked at the plan."
    assert told["ran"] == ["rates", "resolution", "seen_before"]
    assert "nothing is downloaded" in told["left_out"]["mnist"]


def test_a_run_without_a_finished_trial_ends_with_2(tmp_path: Path) -> None:
    """There is nothing to check yet."""
    out = prepared(tmp_path, "raise:diverged").parent / "out"
    ended = call("lint", out)
    assert ended.exit_code == 2
    assert "no trial has finished" in ended.stderr


def test_checks_are_listed_and_a_plugin_s_is_run(tmp_path: Path, finished: Path) -> None:
    """One file adds a check; it says something of every run."""
    assert "duplicates" in call("list", "checks").stdout
    (tmp_path / "loud.py").write_text(
        "from suite.store.records.check import Finding\nfrom suite.registry import CHECKS\n\n\n"
        "@CHECKS.register('loud')\nclass Loud:\n    summary = 'always says something'\n    looks_at = ('results',)\n\n"
        "    @classmethod\n    def findings(cls, run):\n        yield Finding(check='loud', severity='note', "
        "what='Loud.', where='all', why='Tests.', mend='Nothing.')\n"
    )
    try:
        assert "Loud." in call("lint", finished, "--plugin", tmp_path / "loud.py").stdout
    finally:
        CHECKS._entries.pop("loud", None)


def test_what_is_no_check_is_refused_by_name() -> None:
    """A registered object without the two attributes."""
    CHECKS.register("broken")(object())
    try:
        with pytest.raises(SuiteError, match="broken"):
            examine("plan", None)
    finally:
        CHECKS._entries.pop("broken")


def test_the_report_says_a_clean_bill_and_that_nothing_was_checked(tmp_path: Path) -> None:
    """Each in words, in the page and in its twin."""
    comparison = make_comparison()
    bare = write_report(comparison, tmp_path / "bare")
    checks = Checks(findings=(), ran=("chance",), left_out={"chance: digits": "it has no classes."})
    clean = write_report(comparison.model_copy(update={"checks": checks}), tmp_path / "clean")
    for name in ("html", "markdown"):
        assert "Nothing was checked." in getattr(bare, name).read_text(encoding="utf-8")
        text = getattr(clean, name).read_text(encoding="utf-8")
        assert "1 check of the results found nothing." in text
        assert "No check of the data was run" in text
        assert "it has no classes." in text


def test_hostile_findings_stay_text(tmp_path: Path) -> None:
    """Names of files come from users: no element, no link, no column more."""
    found = tuple(finding(what=name, where=name, check=name) for name in HOSTILE)
    data = DataChecks(spec_name="d", checked_at="2026", fingerprints={HOSTILE[0]: "f"}, findings=found)
    checks = Checks(findings=found, ran=(), left_out=dict.fromkeys(HOSTILE, HOSTILE[0]), data=data)
    written = write_report(make_comparison().model_copy(update={"checks": checks}), tmp_path)
    html, markdown = (path.read_text(encoding="utf-8") for path in (written.html, written.markdown))
    assert html.count("<script") == 3
    assert "<img src=x" not in html
    section = markdown.split("## Checks")[1].split("## Data")[0]
    assert "<script" not in section
    rows = [line for line in section.splitlines() if line.startswith("| error")]
    assert len(rows) == len(HOSTILE)
    assert {row.count("|") for row in rows} == {7}


def test_checks_of_results_never_reach_the_data() -> None:
    """Reports run them: neither at the top nor inside a function is a unit imported that holds data or models."""
    todo = [path for name in CHECKS.names() if "results" in CHECKS.get(name).looks_at
            if (path := module_file(CHECKS.get(name).__module__)) is not None]  # fmt: skip
    todo.append(PACKAGE / "lint" / "examine.py")
    seen = set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        assert not {room_of(other) for other in own_imports(path)} & LIVE, path
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        todo += [found for name in names if (found := module_file(name)) is not None and room_of(found) == "lint"]
    assert PACKAGE / "lint" / "resolution.py" in seen
