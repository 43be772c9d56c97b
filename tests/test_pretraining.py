"""``suite pretrain``: from a spec and a folder of pictures to a preset with its card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_digits

from suite.errors import SpecError, SuiteError
from suite.models.zoo import Card, zoo_folder
from suite.pretraining import load_pretrain_spec, pretrain
from suite.registry import OBJECTIVES

SPECS = Path(__file__).parents[1] / "specs" / "pretrain"

SMALL = {
    "name": "small",
    "architecture": {
        "builder": "keras_hub",
        "constructor": "VGGBackbone",
        "config": {"stackwise_num_repeats": [1, 1], "stackwise_num_filters": [8, 16]},
        "input_size": [16, 16],
        "pooling": "average",
        "family": "vgg",
    },
    "dataset": {"source": "keras", "name": "mnist"},
    "data_licence": "CC BY 4.0",
    "objective": "supervised",
    "options": {"epochs": 12, "batch_size": 32, "learning_rate": 0.01, "augmentation": ["shift"]},
}


@pytest.fixture
def pictures(tmp_path):
    """Digits as PNG files in class folders, with train and test."""
    digits = load_digits()
    for index in range(600):
        split = "test" if index % 5 == 0 else "train"
        folder = tmp_path / "digits" / split / str(digits.target[index])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((digits.images[index] * 15).astype("uint8")).save(folder / f"{index}.png")
    return tmp_path / "digits"


def _spec(tmp_path, **changes) -> Path:
    path = tmp_path / "small.json"
    path.write_text(json.dumps({**SMALL, **changes}))
    return path


def test_a_preset_has_weights_config_and_a_card_that_is_true(tmp_path, pictures):
    """The card's score is far above chance and its hash is that of the weights beside it."""
    from suite.models.hashing import file_sha256

    lines: list[str] = []
    folder = pretrain(_spec(tmp_path), data=pictures, out=tmp_path / "zoo", threads=2, report=lines.append)
    card = Card.model_validate_json((folder / "card.json").read_text())
    assert card.upstream_score > 0.3
    assert card.upstream_examples == 120
    assert card.weights_sha256 == file_sha256(folder / "model.weights.h5")
    assert sum("epoch" in line for line in lines) == 12
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "config.json", "model.weights.h5"]


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.json")), ids=lambda path: path.stem)
def test_every_shipped_pretraining_spec_is_valid_and_made_the_shipped_preset(path):
    """The recipe on a preset's card is the spec that is shipped."""
    spec = load_pretrain_spec(path)
    card = json.loads((zoo_folder() / spec.name / "card.json").read_text())
    assert card["recipe"] == spec.model_dump(mode="json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "supervisd"}, "Did you mean 'supervised'"),
        ({"options": {"epochs": 0}}, "options.epochs: expected"),
        ({"options": {"epochs": 1, "augmentation": ["flop"]}}, "Did you mean 'flip'"),
        ({"nam": "x"}, "Did you mean 'name'"),
        ({"name": "../x"}, "name"),
    ],
)
def test_a_wrong_pretraining_spec_is_refused_with_its_place(tmp_path, changes, message):
    """The same grammar of complaints as in a comparison."""
    with pytest.raises(SpecError, match=message):
        load_pretrain_spec(_spec(tmp_path, **changes))


def test_a_batch_larger_than_the_data_is_refused(tmp_path, pictures):
    """Said before training, with both numbers."""
    options = {**SMALL["options"], "batch_size": 1000}  # type: ignore[dict-item]
    with pytest.raises(SuiteError, match=r"1000 is larger than the 480"):
        pretrain(_spec(tmp_path, options=options), data=pictures, out=tmp_path / "zoo", threads=2)


def test_each_objective_is_listed_with_a_summary():
    """One file, one objective."""
    assert {name: bool(OBJECTIVES.get(name).summary) for name in OBJECTIVES.names()} == {"supervised": True}
