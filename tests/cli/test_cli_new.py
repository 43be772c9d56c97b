"""``suite new``: a first spec for somebody's own images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from click.testing import CliRunner
from images import class_folders

from suite.cli.main import cli
from suite.devices import Machine, look_at_machine
from suite.errors import SuiteError
from suite.lint.examine import examine
from suite.models.applications import ApplicationsSource
from suite.models.zoo.images import ZooSource
from suite.runner.starter import first_spec
from suite.runner.starter.budget import Share, cost_of
from suite.runner.starter.candidates import models_for, strategies_for
from suite.runner.starter.examples import look_at_folder
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec

SMALL = Machine("Linux", "a processor", 2, 8_000_000_000, ())
LARGE = Machine("Linux", "a processor", 64, 512_000_000_000, ("NVIDIA H100, 81559 MiB",))


def strategies(spec: dict[str, Any]) -> list[tuple[str, Any]]:
    """Strategy and how much it unfreezes."""
    return [(item["strategy"], item.get("unfreeze")) for item in spec["strategies"]]


def large_images(root: Path, counts: dict[str, int]) -> Path:
    """Class folders of plain images, 300 pixels wide."""
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True)
        for index in range(count):
            PIL.Image.new("RGB", (300, 200), (index % 256, 0, 90)).save(root / folder / f"{index}.jpg")
    return root


def test_what_it_writes_is_valid_and_can_be_planned(tmp_path: Path) -> None:
    """The spec loads, plans, and explains each choice."""
    folder = class_folders(tmp_path / "my photos", {"cat": 30, "dog": 30})
    ended = CliRunner().invoke(cli, ["new", str(folder), "--minutes", "20"], catch_exceptions=False)
    spec = json.loads(ended.stdout)
    assert make_plan(parse_spec(ended.stdout)).trials
    assert spec["name"] == "my-photos"
    explained = [spec, spec["training"], *spec["models"], *spec["datasets"], *spec["strategies"]]
    assert all(part["why"] for part in explained)
    assert "5 models, 1 strategy, about 1 minute. Next: suite plan" in ended.stderr
    sizes = {model["name"]: ZooSource.input_size(ZooSource.Options(name=model["name"])) for model in spec["models"]}
    assert all(f"sees {sizes[model['name']][0]} px" in model["why"] for model in spec["models"])


def test_few_images_get_no_strategy_that_measures_luck(tmp_path: Path) -> None:
    """With 40 images only the probe is left; with 800 everything may be fine-tuned."""
    few = class_folders(tmp_path / "few", {"cat": 20, "dog": 20})
    many = class_folders(tmp_path / "many", {"cat": 400, "dog": 400})
    assert strategies(first_spec(few, minutes=60).spec) == [("linear_probe", None)]
    assert ("fine_tune", "all") in strategies(first_spec(many, minutes=60).spec)


def test_a_small_budget_buys_less(tmp_path: Path) -> None:
    """Fewer minutes give a spec that is expected to take no longer; too few are refused."""
    folder = class_folders(tmp_path, {"cat": 300, "dog": 300})
    long, short = (first_spec(folder, minutes=minutes, machine=SMALL) for minutes in (120, 2))
    assert short.estimated_minutes <= 2 < long.estimated_minutes <= 120
    assert len(short.spec["models"]) * len(short.spec["strategies"]) < len(long.spec["models"]) * len(
        long.spec["strategies"]
    )
    with pytest.raises(SuiteError, match="give it more"):
        first_spec(folder, minutes=0.01, machine=SMALL)


def test_large_images_get_models_that_see_them(tmp_path: Path, keras_home: Path) -> None:
    """Above 96 px ImageNet models come in, but only those that are here unless downloads are allowed."""
    folder = large_images(tmp_path / "photos", {"cat": 60, "dog": 60})
    asked = first_spec(folder, minutes=60, downloads=True, machine=LARGE).spec
    assert "ResNet50" in [model["name"] for model in asked["models"]]
    need = ApplicationsSource.requirements(ApplicationsSource.Options(name="MobileNetV2"))[0]
    need.path.parent.mkdir(parents=True)
    need.path.write_bytes(b"weights")
    here = first_spec(folder, minutes=60, machine=LARGE).spec
    assert [model["name"] for model in here["models"] if model["source"] == "applications"] == ["MobileNetV2"]
    assert "ResNet50, ConvNeXtTiny are not on this machine" in here["why"]


def test_the_folder_s_own_splits_are_kept(tmp_path: Path) -> None:
    """A test folder stays the test split; otherwise the split is made from a seed that the spec names."""
    own = class_folders(tmp_path / "own", {f"{split}/{name}": 12 for split in ("train", "test") for name in "ab"})
    made = class_folders(tmp_path / "made", {"a": 12, "b": 12})
    assert "splits" not in first_spec(own, minutes=30).spec["datasets"][0]
    assert first_spec(made, minutes=30).spec["datasets"][0]["splits"]["seed"] == 0


def test_damaged_images_are_left_out_openly(tmp_path: Path) -> None:
    """A file that cannot be decoded makes the spec skip such files, and say so."""
    folder = class_folders(tmp_path, {"cat": 20, "dog": 20})
    (folder / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    entry = first_spec(folder, minutes=30).spec["datasets"][0]
    assert entry["on_bad_example"] == "skip"
    assert "41 files, 40 read; left out: 1 that cannot be decoded" in entry["why"]


def test_unequal_classes_are_ranked_by_balanced_accuracy(tmp_path: Path) -> None:
    """Naming the largest class must not win, beyond one to three."""
    far = class_folders(tmp_path / "far", {"cat": 60, "dog": 15})
    near = class_folders(tmp_path / "near", {"cat": 40, "dog": 15})
    spec = first_spec(far, minutes=30).spec
    assert spec["headline"] == "balanced_accuracy"
    assert "4 times the smallest, so balanced accuracy ranks" in spec["why"]
    assert "headline" not in first_spec(near, minutes=30).spec


def planned_minutes(spec: dict[str, Any]) -> float:
    """What the trials of the spec, as the plan has them, are expected to take."""
    plan = make_plan(parse_spec(json.dumps(spec)))
    found = look_at_folder(Path(spec["datasets"][0]["path"]))
    models, _ = models_for(found, downloads=False)
    chosen = [next(one for one in models if one.name == entry["name"]) for entry in spec["models"]]
    strategies = strategies_for(found)[: len(spec["strategies"])]
    share = Share(tuple(chosen), tuple(strategies), funnel="funnel" in spec)
    return cost_of(plan, share, train=found.train, machine=SMALL).seconds / 60


@pytest.mark.parametrize("count", [150, 2_000])
@pytest.mark.parametrize("minutes", [5, 20, 60])
def test_the_minutes_are_filled_with_learning(count: int, minutes: int, tmp_path: Path) -> None:
    """The plan takes between half of them and a tenth more, and most of it is search and final fits."""
    folder = class_folders(tmp_path, {"cat": count // 2, "dog": count // 2})
    starter = first_spec(folder, minutes=minutes, machine=SMALL)
    assert 0.5 * minutes <= planned_minutes(starter.spec) <= 1.1 * minutes
    assert planned_minutes(starter.spec) == pytest.approx(starter.estimated_minutes)
    for part in ("for a search of", "seeds of the best setting", "for probes and starting"):
        assert part in starter.spec["why"]


def test_every_model_gets_the_same_search_in_the_usual_range(tmp_path: Path) -> None:
    """One search per strategy, its range named with its source; lint has nothing to say of the rates."""
    spec = first_spec(class_folders(tmp_path, {"cat": 300, "dog": 300}), minutes=60, machine=SMALL).spec
    searched = [one for one in spec["strategies"] if one["strategy"] != "linear_probe"]
    assert len(searched) == 2
    for one in searched:
        rates = one["search"]["space"]["learning_rate"]
        assert rates["low"] < rates["high"] <= 0.01
        assert "20" in one["search"]["why"]
    plan = make_plan(parse_spec(json.dumps(spec)))
    assert len({len(plan.searches(cell)) for cell in plan.cells if cell.search}) == 1
    assert not [one for one in examine("plan", plan).findings if one.check == "rates"]


def test_more_minutes_buy_rates_before_steps_before_seeds(tmp_path: Path) -> None:
    """In the order of worth, on one folder."""
    folder = class_folders(tmp_path, {"cat": 300, "dog": 300})
    specs = [first_spec(folder, minutes=minutes, machine=SMALL).spec for minutes in (12, 20, 40)]

    def tried(spec: dict[str, Any]) -> int:
        plan = make_plan(parse_spec(json.dumps(spec)))
        return max(len(plan.searches(cell)) for cell in plan.cells)

    assert tried(specs[0]) < tried(specs[2])
    assert len(specs[0]["seeds"]) == 3
    assert specs[0]["training"]["epochs"] <= specs[1]["training"]["epochs"] < specs[2]["training"]["epochs"]


def test_copies_are_kept_apart_from_the_start(tmp_path: Path) -> None:
    """Where the splits that would be made share images, the spec groups them and says how many."""
    folder = class_folders(tmp_path, {"cat": 40, "dog": 40})
    for index in range(40):
        (folder / "dog" / f"{index:03d}.png").write_bytes((folder / "dog" / f"{index // 2:03d}.png").read_bytes())
    entry = first_spec(folder, minutes=20).spec["datasets"][0]
    assert entry["splits"]["duplicates"] == "group"
    assert "copies by content" in entry["why"]


def table(path: Path, header: str = "id,review,stars", *, rows: int = 60) -> Path:
    """A CSV of reviews; what is on a line is made of its number."""
    lines = [f"{n},the {n * 37 % 101} words of review {n} are these,{n % 3 + 1}" for n in range(rows)]
    path.write_text("\n".join([header, *lines, ""]))
    return path


def test_a_table_of_texts_gets_a_spec_too(tmp_path: Path) -> None:
    """Its columns are found by their names and values."""
    ended = CliRunner().invoke(cli, ["new", str(table(tmp_path / "reviews.csv"))], catch_exceptions=False)
    spec = json.loads(ended.stdout)
    assert make_plan(parse_spec(ended.stdout)).trials
    assert (spec["task"], spec["name"]) == ("text_classification", "reviews")
    entry = spec["datasets"][0]
    assert (entry["text_column"], entry["label_column"]) == ("review", "stars")
    assert {model["name"] for model in spec["models"]} >= {"bert_tiny", "gpt2_tiny"}


@pytest.mark.parametrize("kind", ["jsonl", "tsv"])
def test_columns_of_other_tables_are_found(kind: str, tmp_path: Path) -> None:
    """JSON Lines and TSV, with names that say nothing."""
    path = tmp_path / f"data.{kind}"
    rows = [{"a": f"some {n * 7} words of text {n} here", "b": "yes" if n % 2 else "no"} for n in range(60)]
    lines = [json.dumps(row) for row in rows]
    if kind == "tsv":
        lines = ["a\tb", *("\t".join(row.values()) for row in rows)]
    path.write_text("\n".join([*lines, ""]))
    entry = first_spec(path, minutes=10).spec["datasets"][0]
    assert (entry["text_column"], entry["label_column"]) == ("a", "b")


def test_columns_that_cannot_be_found_are_asked_for_by_name(tmp_path: Path) -> None:
    """The question lists the columns; the answer is taken; what is no column is refused with the nearest."""
    path = tmp_path / "t.csv"
    lines = [f"first words of number {n},other words of number {n},{n % 2},{n % 3}" for n in range(60)]
    path.write_text("\n".join(["p,q,u,v", *lines, ""]))
    asked = CliRunner().invoke(cli, ["new", str(path)])
    assert asked.exit_code == 2
    assert "which column holds the text and class? Say --text NAME and --label NAME" in asked.output
    assert "u (2 values of 1 characters)" in asked.output
    entry = first_spec(path, minutes=10, text="p", label="v").spec["datasets"][0]
    assert (entry["text_column"], entry["label_column"]) == ("p", "v")
    with pytest.raises(SuiteError, match="unknown column 'w'"):
        first_spec(path, minutes=10, text="p", label="w")


def test_columns_are_named_of_tables_only(tmp_path: Path) -> None:
    """Of a folder there are none."""
    with pytest.raises(SuiteError, match="name columns of a table"):
        first_spec(class_folders(tmp_path, {"a": 9, "b": 9}), minutes=10, text="x")


def test_this_machine_is_described() -> None:
    """Cores, memory and GPUs are found without TensorFlow."""
    machine = look_at_machine()
    assert machine.cores >= 1
    assert machine.memory_bytes > 2**28
    assert machine.words.startswith(f"{machine.cores} CPU core")
    assert LARGE.words == "64 CPU cores, 1 GPU (NVIDIA H100, 81559 MiB)"
