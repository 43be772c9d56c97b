"""Smaller files of the same model: smaller indeed, near the full one, and skipped where a library cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from export_runs import FORMATS, card_of, folders_of, in_cache, resizing_inside, run_images, suite_command

from suite.store.records.resizing import STRETCH
from suite.store.store import open_store

SMALLER = [(name, precision) for name in ("litert", "onnx", "openvino") for precision in ("fp16", "int8")]


EXPORTS = [
    {"format": "keras", "precision": ["fp32", "int8_dynamic"]},
    *(
        {"format": name, "precision": ["fp32", "fp16", "int8_dynamic", "int8"]}
        for name in ("litert", "onnx", "openvino")
    ),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A finished run of one convolutional network, whose spec asks for its files."""
    return run_images(tmp_path_factory.mktemp("precisions"), ("resnet_tiny",), exports=EXPORTS)


@pytest.fixture(scope="module")
def cards(root: Path):
    """The rows of the store: by format and precision."""
    with open_store(root / "out", create=False) as store:
        return {(card.format, card.precision): card for card in store.exports()}


@pytest.mark.parametrize(("name", "precision"), SMALLER)
def test_a_smaller_file_is_smaller_and_says_nearly_the_same(name, precision, cards):
    """Half the bytes at most in half precision; the difference to the Keras model has an interval."""
    card, full = cards[name, precision], cards[name, "fp32"]
    assert card.status == "done"
    assert card.bytes < (0.65 if precision == "fp16" else 0.55) * full.bytes
    assert card.parity.agreement >= (0.99 if precision == "fp16" else 0.9)
    assert card.parity.max_difference > full.parity.max_difference
    assert card.difference.low <= card.difference.value <= card.difference.high
    assert card.inputs == full.inputs


def test_every_precision_says_how_images_are_resized(root):
    """Inside the file: what makes it smaller keeps it."""
    found = folders_of(root)
    done = {place: folder for place, folder in found.items() if card_of(folder).status == "done"}
    assert len(done) > len(SMALLER)
    assert {resizing_inside(folder, card_of(folder)) for folder in done.values()} == {STRETCH}


def test_ranges_are_measured_on_training_examples_and_the_card_says_on_how_many(cards):
    """Of the static precision alone."""
    counted = {precision: cards["onnx", precision].calibration_examples for precision in ("fp32", "fp16", "int8")}
    assert counted == {"fp32": None, "fp16": None, "int8": 38}


def test_what_a_library_cannot_do_is_skipped_with_its_reason(cards, root):
    """A network of convolutions has no products of matrices."""
    reasons = {place: card.reason for place, card in cards.items() if card.status == "skipped"}
    assert set(reasons) == {("keras", "int8_dynamic"), ("onnx", "int8_dynamic")}
    assert all("besides its head" in reason for reason in reasons.values())
    assert ("resnet_tiny", "onnx", "int8_dynamic") not in folders_of(root)


def test_labels_stay_in_the_metadata_of_smaller_files(cards, root):
    """Quantisers drop what they do not know; it is put back."""
    import onnx
    import openvino

    folders = folders_of(root)
    for precision in ("fp32", "fp16", "int8"):
        loaded = onnx.load(folders["resnet_tiny", "onnx", precision] / "model.onnx")
        assert "labels" in {one.key for one in loaded.metadata_props}, precision
        path = folders["resnet_tiny", "openvino", precision] / "openvino" / "model.xml"
        names = openvino.Core().read_model(str(path)).get_rt_info(["model_info", "label_names"]).value
        assert len(json.loads(names)) == 3, precision


@pytest.mark.parametrize("name", ["litert", "onnx", "openvino"])
def test_the_example_runs_the_smaller_file(name, cards, root):
    """It takes and gives float32 all the same."""
    import subprocess
    import sys

    folder = folders_of(root)["resnet_tiny", name, "int8"]
    label = card_of(folder).labels[0]
    image = next((root / "images" / label).glob("*.png"))
    command = [sys.executable, "-X", "utf8", "-W", "ignore", str(folder / "example.py"), str(image)]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[0].endswith(label)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--precision", "int4"), "unknown precision 'int4'"),
        (("--precision", "int-8"), "Did you mean 'int8'"),
        (("--format", "saved_model", "--precision", "int8,fp16"), "TensorFlow has no smaller form"),
    ],
)
def test_an_impossible_precision_is_refused_before_anything_is_written(words, said, root):
    """With exit code 2."""
    outcome = suite_command("export", root / "out", "--out", root / "nowhere", *words)
    assert outcome.exit_code == 2
    assert said in outcome.output
    assert not (root / "nowhere").exists()


def test_every_format_says_which_precisions_it_refuses():
    """fp32 is refused by none."""
    from suite.registry import EXPORTERS
    from suite.store.records.export_card import PRECISIONS

    for name in FORMATS:
        refuses = EXPORTERS.get(name).refuses
        assert set(refuses) <= set(PRECISIONS) - {"fp32"}
        assert all(reason for reason in refuses.values())


def test_a_run_that_has_its_files_makes_none(cards, root):
    """Nothing done twice: the rows keep their numbers."""
    with open_store(root / "out", create=False) as store:
        before = store.export_numbers()
    outcome = in_cache(root, "run", root / "spec.json", "--out", root / "out")
    assert (outcome.exit_code, outcome.stdout.split(" (")[0]) == (0, "small: nothing to do")
    with open_store(root / "out", create=False) as store:
        assert store.export_numbers() == before


def test_the_report_tells_of_every_file(cards, root):
    """Which to ship, a row for each file, what compression cost, and what was skipped and why."""
    page = (root / "out" / "report.html").read_text(encoding="utf-8")
    twin = (root / "out" / "report.md").read_text(encoding="utf-8")
    for text in (page, twin):
        assert "Exported files" in text
        assert "To deploy resnet_tiny, with a linear probe, take " in text
        assert "What each step of compression cost" in text
        assert "besides its head" in text
    rows = [line for line in twin.splitlines() if line.startswith("| resnet_tiny | linear_probe | litert |")]
    assert len(rows) == 4 + 3


def test_only_the_file_that_is_gone_is_made_again_and_by_one_of_two_runs(cards, root):
    """Two commands at once: the second waits, and finds it done."""
    import os
    import shutil
    import subprocess
    import sys

    shutil.rmtree(folders_of(root)["resnet_tiny", "litert", "fp16"])
    with open_store(root / "out", create=False) as store:
        before = set(store.export_numbers())
    command = [sys.executable, "-m", "suite", "run", str(root / "spec.json"), "--out", str(root / "out"), "--json"]
    environment = {**os.environ, "SUITE_CACHE_DIR": str(root / "cache")}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(2)]
    made = [json.loads(one.communicate()[0])["exported"] for one in running]
    assert [one.returncode for one in running] == [0, 0]
    assert [(card["format"], card["precision"]) for cards in made for card in cards] == [("litert", "fp16")]
    with open_store(root / "out", create=False) as store:
        assert len(set(store.export_numbers()) - before) == 1
    assert ("resnet_tiny", "litert", "fp16") in folders_of(root)
