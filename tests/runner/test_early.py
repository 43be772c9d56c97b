"""What ``plan`` and ``run`` look at in the data before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from images import class_folders

from suite.cli.main import cli
from suite.errors import DataError, SpecError
from suite.lint.subjects import read_kept
from suite.metrics import metrics_answering
from suite.metrics.computable import computable_on, missing_on
from suite.registry import METRICS
from suite.report.checkup import keep_checks
from suite.runner.data_checks import look_at_data
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_spec

SPLITS = ("train", "validation", "test")
ROWS = {"good": 12, "bad": 12, "so so": 12}


def table(path: Path, counts: dict[str, int]) -> Path:
    """A CSV of texts with so many of each class."""
    rows = [f"text {path.stem} {name} {index},{name}" for name, count in counts.items() for index in range(count)]
    path.write_text("\n".join(["text,label", *rows, ""]))
    return path


def spec_of(root: Path, *, headline: str | None, more: tuple[dict, ...] = (), **counts: dict[str, int]) -> Path:
    """A spec on three tables, each of the classes in ``ROWS`` unless said otherwise."""
    files = {
        split: str(table(root / f"{split}.csv", counts.get(split, ROWS))) for split in ("train", "validation", "test")
    }
    document = {
        "name": "texts", "task": "text_classification", "models": [{"source": "zoo", "name": "bert_tiny"}],
        "datasets": [{"source": "table", **files, "text_column": "text", "label_column": "label"}, *more],
        "strategies": [{"strategy": "linear_probe"}],
    }  # fmt: skip
    if headline:
        document["headline"] = headline
    path = root / "spec.json"
    path.write_text(json.dumps(document))
    return path


def plan_of(path: Path) -> Plan:
    """Its plan."""
    return make_plan(parse_spec(path.read_text()))


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(
    ("split", "headline"), [("test", "f1_macro"), ("validation", "balanced_accuracy"), ("test", "roc_auc")]
)
def test_a_headline_that_cannot_be_computed_is_refused_before_training(
    command: str, split: str, headline: str, tmp_path: Path
) -> None:
    """One sentence with the class and what works, exit code 2, and no result."""
    path = spec_of(tmp_path, headline=headline, **{split: {"good": 12, "bad": 12}})
    ended = CliRunner().invoke(cli, [command, str(path), "--out", str(tmp_path / "out")])
    assert ended.exit_code == 2
    assert f"'{headline}' cannot be computed on the {split} split" in ended.output
    assert "so so" in ended.output
    assert "accuracy" in ended.output.split("can be, as")[1]
    assert not (tmp_path / "out").exists()


def test_every_data_set_is_looked_at(tmp_path: Path) -> None:
    """Both that lack a class are named, in one complaint."""
    (tmp_path / "b").mkdir()
    (tmp_path / "a").mkdir()
    other = json.loads(spec_of(tmp_path / "b", headline=None, test={"good": 9, "so so": 9}).read_text())["datasets"][0]
    path = spec_of(tmp_path / "a", headline="f1_macro", more=({**other, "name": "other"},), test={"bad": 9, "good": 9})
    plan = plan_of(path)
    with pytest.raises(DataError, match=r"(?s)train: the headline.*none of 'so so'.*\n.*other: .*none of 'bad'"):
        look_at_data(plan, plan.trials)


def test_what_works_is_taken(tmp_path: Path) -> None:
    """Accuracy needs no example of every class."""
    plan = plan_of(spec_of(tmp_path, headline="accuracy", test={"good": 12, "bad": 12}))
    found = look_at_data(plan, plan.trials)
    assert found is not None
    assert [one.severity for one in found.findings if "no example in test" in one.what] == ["error"]


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_no_metric_is_refused_where_every_class_is_there(classes: int) -> None:
    """Only what needs more classes is missing."""
    names = [f"class {index}" for index in range(classes)]
    able = computable_on([1] * classes, names)
    assert set(metrics_answering("class")) - set(able) == ({"top5_accuracy"} if classes < 6 else set())


def test_a_metric_of_a_plugin_is_tried_too() -> None:
    """What refuses is the metric itself, on answers that are made up."""
    from suite.metrics import MissingScore, metric

    @metric("needs_balance", higher_is_better=True)
    def needs_balance(predictions: object) -> float:
        if len(set(np.bincount(predictions.targets))) > 1:
            raise MissingScore("the classes differ in size.")
        return 1.0

    try:
        assert missing_on("needs_balance", [2, 1], ["a", "b"]) == "the classes differ in size."
        assert missing_on("needs_balance", [1, 1], ["a", "b"]) is None
    finally:
        del METRICS._entries["needs_balance"]


def test_a_run_looks_at_copies_and_classes_and_keeps_what_it_found(tmp_path: Path) -> None:
    """Exact copies are counted without decoding; what a full check found of the same data is not overwritten."""
    root = tmp_path / "photos"
    for split in ("train", "val", "test"):
        class_folders(root / split, {"cat": 6, "dog": 6})
    document = {
        "name": "photos", "task": "image_classification", "models": [{"source": "zoo", "name": "resnet_tiny"}],
        "datasets": [{"source": "folder", "path": str(root)}], "strategies": [{"strategy": "knn"}],
    }  # fmt: skip
    plan = make_plan(parse_spec(json.dumps(document)))
    found = look_at_data(plan, plan.trials)
    assert found is not None
    leak = next(one for one in found.findings if one.where == "photos, train and test")
    assert leak.severity == "error"
    assert leak.what.startswith("12 of 12 test examples of photos are also in the train split, exactly: ")
    assert "picture_size" not in found.ran
    keep_checks(tmp_path, found)
    assert read_kept(tmp_path) == found
    full = found.model_copy(update={"decoded": True})
    (tmp_path / "checks.json").write_text(full.model_dump_json())
    keep_checks(tmp_path, found)
    assert read_kept(tmp_path) == full


def test_a_plan_leaves_what_takes_long_to_make_to_the_run() -> None:
    """The documentation of the installed libraries is cut into paragraphs once per machine, by whoever needs it."""
    plan = plan_of(Path("specs/text.json"))
    assert look_at_data(plan, plan.trials, patient=False) is None


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("headline", ["bleu", "rouge_l", "exact_match", "distinct_2"])
def test_a_headline_on_what_is_never_generated_is_refused(tmp_path: Path, command: str, headline: str):
    """Plain language modelling has likelihoods and no texts; what can be computed is named."""
    rows = "".join(json.dumps({"line": f"line {number} of a play"}) + "\n" for number in range(30))
    (tmp_path / "plays.jsonl").write_text(rows)
    document = {
        "name": "plays", "task": "text_generation", "models": [{"source": "zoo", "name": "gpt2_tiny"}],
        "datasets": [{"source": "table", "path": str(tmp_path / "plays.jsonl"), "target_column": "line"}],
        "strategies": [{"strategy": "fine_tune"}], "headline": headline,
    }  # fmt: skip
    (tmp_path / "spec.json").write_text(json.dumps(document))
    ended = CliRunner().invoke(cli, [command, str(tmp_path / "spec.json"), "--out", str(tmp_path / "out")])
    assert ended.exit_code == 2
    assert f"the headline '{headline}' cannot be computed on the validation split" in ended.stderr
    assert '"headline": bits_per_byte, perplexity' in ended.stderr
    assert not (tmp_path / "out" / "store").exists()


@pytest.mark.parametrize(
    ("task", "headline", "named"),
    [("text_generation", "accuracy", "bits_per_byte"), ("text_classification", "bleu", "accuracy")],
)
def test_a_headline_of_another_task_is_refused(task: str, headline: str, named: str):
    """It reads what models of the task do not answer."""
    document = {
        "name": "a", "task": task, "headline": headline, "models": [{"source": "zoo", "name": "gpt2_tiny"}],
        "datasets": [{"source": "zoo", "name": "plays"}], "strategies": [{"strategy": "fine_tune"}],
    }  # fmt: skip
    with pytest.raises(SpecError, match=f"'{headline}' does not apply to .*{task}.*{named}"):
        parse_spec(json.dumps(document))
