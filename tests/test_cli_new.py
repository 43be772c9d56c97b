"""``suite new``: a first spec for somebody's own pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from click.testing import CliRunner
from pictures import class_folders

from suite.cli.main import cli
from suite.devices import Machine, look_at_machine
from suite.errors import SuiteError
from suite.models.applications import ApplicationsSource
from suite.models.zoo import ZooSource
from suite.plan import make_plan
from suite.spec import parse_spec
from suite.starter import first_spec

SMALL = Machine("Linux", "a processor", 2, 8_000_000_000, ())
LARGE = Machine("Linux", "a processor", 64, 512_000_000_000, ("NVIDIA H100, 81559 MiB",))


def strategies(spec: dict[str, Any]) -> list[tuple[str, Any]]:
    """Strategy and how much it unfreezes."""
    return [(item["strategy"], item.get("unfreeze")) for item in spec["strategies"]]


def large_pictures(root: Path, counts: dict[str, int]) -> Path:
    """Class folders of plain pictures, 300 pixels wide."""
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


def test_few_pictures_get_no_strategy_that_measures_luck(tmp_path: Path) -> None:
    """With 40 pictures only the probe is left; with 800 everything may be fine-tuned."""
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


def test_large_pictures_get_models_that_see_them(tmp_path: Path, keras_home: Path) -> None:
    """Above 96 px ImageNet models come in, but only those that are here unless downloads are allowed."""
    folder = large_pictures(tmp_path / "photos", {"cat": 60, "dog": 60})
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


def test_damaged_pictures_are_left_out_openly(tmp_path: Path) -> None:
    """A file that cannot be decoded makes the spec skip such files, and say so."""
    folder = class_folders(tmp_path, {"cat": 20, "dog": 20})
    (folder / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    entry = first_spec(folder, minutes=30).spec["datasets"][0]
    assert entry["on_bad_example"] == "skip"
    assert "cannot be decoded: 1 file;" in entry["why"]


def test_unequal_classes_are_ranked_by_balanced_accuracy(tmp_path: Path) -> None:
    """Naming the largest class must not win."""
    folder = class_folders(tmp_path, {"cat": 60, "dog": 15})
    assert first_spec(folder, minutes=30).spec["headline"] == "balanced_accuracy"


def test_this_machine_is_described() -> None:
    """Cores, memory and GPUs are found without TensorFlow."""
    machine = look_at_machine()
    assert machine.cores >= 1
    assert machine.memory_bytes > 2**28
    assert machine.words.startswith(f"{machine.cores} CPU core")
    assert LARGE.words == "64 CPU cores, 1 GPU (NVIDIA H100, 81559 MiB)"
