"""Runs that look beyond the test set: real backbones, real workers, and what the comparison makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from images import class_folders

import suite
from suite.errors import DataError
from suite.metrics.temperature import fit_temperature
from suite.report.page import make_page
from suite.store.records.example_files import CORRUPTED, CorruptedLabels, OutOfClass, out_of_class_name
from suite.store.records.result import Predictions, Result
from suite.store.store import open_store

CORRUPTIONS = ["noise", "contrast"]
SEVERITIES = [1, 5]
SHARED_WITH_DIGITS = {"3": 12, "rose": 20, "tulip": 20}


def spec_in(folder: Path, **changes: object) -> Path:
    """A small spec, and a folder of noise in three classes, one of which is a digit."""
    images = class_folders(folder / "flowers", SHARED_WITH_DIGITS)
    path = folder / "small.json"
    document = {
        "name": "small",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": "resnet_tiny"}, {"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits_photo"}, {"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}],
        "seeds": [1],
        "robustness": {"corruptions": CORRUPTIONS, "severity": SEVERITIES},
        "out_of_class": [{"source": "folder", "path": str(images), "label": "flowers"}],
        "cross_data": True,
        **changes,
    }
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """The spec, run once."""
    folder = tmp_path_factory.mktemp("beyond")
    return suite.run(spec_in(folder), out=folder / "small", quiet=True)


@pytest.fixture(scope="module")
def stored(outcome):
    """An open store with its results."""
    with open_store(outcome.out, create=False) as store:
        yield store, store.query()


def predictions(store, result: Result, name: str) -> Predictions:
    """What a trial said of one evaluation set."""
    path = store.artefact(result, f"predictions/{name}")
    assert path is not None
    return Predictions.load(path)


def test_every_final_trial_is_scored_on_every_damaged_set(outcome, stored):
    """With an interval; the kept labels give the same accuracy."""
    store, results = stored
    assert outcome.counts == {"done": 4}
    for result in results:
        kept = CorruptedLabels.load(store.artefact(result, CORRUPTED))
        targets = predictions(store, result, "test").targets
        assert kept.conditions == tuple((name, severity) for name in CORRUPTIONS for severity in SEVERITIES)
        for row, one in zip(kept.labels, result.corrupted, strict=True):
            score = one.scores["accuracy"]
            assert score.value == pytest.approx(np.mean(row == targets))
            assert score.low <= score.value <= score.high


def test_damaged_and_foreign_sets_are_no_evaluation_sets(outcome, stored):
    """Generalisation and ranking know validation, test and ``evaluate_on`` only."""
    assert outcome.comparison.evaluation_sets == ()
    assert all(set(result.scores) == {"validation", "test"} for result in stored[1])


def test_the_temperature_is_that_of_the_kept_validation_predictions(stored):
    """Which are those of the probe before its refit, so validation was not seen."""
    store, results = stored
    for result in results:
        assert result.calibration.temperature == pytest.approx(
            fit_temperature(predictions(store, result, "validation")), rel=1e-4
        )
        assert set(result.calibration.after) == {"expected_calibration_error", "log_loss", "brier"}


def test_examples_of_shared_classes_are_left_out_of_the_unknown_ones(stored):
    """The folder's class '3' is a digit; the others are kept, without targets."""
    store, results = stored
    for result in results:
        (record,) = result.out_of_class
        kept = OutOfClass.load(store.artefact(result, out_of_class_name("flowers")))
        assert (record.shared, record.left_out > 0) == (("3",), True)
        assert len(kept.probabilities) == record.examples
        assert all("3/" not in str(one) for one in kept.example_ids)


def test_data_sets_of_the_same_classes_are_crossed(stored):
    """All ten digits are shared, so the score at home is that of the test set."""
    for result in stored[1]:
        (cross,) = result.cross
        assert cross.dataset != result.dataset
        assert len(cross.classes) == 10
        assert cross.at_home["accuracy"].value == pytest.approx(result.scores["test"]["accuracy"].value)
        assert 0 <= cross.scores["accuracy"].low <= cross.scores["accuracy"].high <= 1


def test_the_frame_of_results_has_columns_for_all_of_it(outcome):
    """Corrupted sets, other data sets and the temperature beside the scores."""
    frame = suite.load_results(outcome.out)
    assert {"noise.5.accuracy", "contrast.1.accuracy.low", "cross.digits.accuracy", "temperature"} <= set(frame.columns)
    assert frame["noise.5.accuracy"].notna().all()


def test_the_comparison_says_what_is_lost_and_who_loses_least(outcome):
    """Means are means of the stored scores, the reference has an error of 1, leaders are cells."""
    comparison = outcome.comparison
    facts = comparison.robustness[0]
    cells = comparison.ranking("digits_photo")
    for cell in cells:
        found = cell.robustness
        mean = np.mean([one.accuracy.value for one in found.conditions])
        assert found.accuracy.value == pytest.approx(mean)
        assert found.lost.value == pytest.approx(found.clean - mean)
        assert found.lost.low < found.lost.value < found.lost.high
    assert comparison.cell(facts.reference).robustness.mean_corruption_error == pytest.approx(1)
    least = min(cells, key=lambda cell: cell.robustness.lost.value)
    assert facts.leaders[0].least_lost == least.cell_id


def test_the_report_has_a_section_for_each(outcome):
    """With charts, sentences and the recommendation's word on corruption."""
    page = make_page(outcome.comparison)
    sections = {section.id: section for section in page.before}
    assert all(sections[name].charts for name in ("robustness", "cross-data", "confidence"))
    assert any(text.startswith("Corrupted examples cost it") for text in page.answers[0].reasons)
    assert any("Shown flowers" in group.read for group in sections["confidence"].charts)


def test_a_report_without_the_kept_labels_has_no_intervals_and_says_why(outcome, tmp_path):
    """Scores stay; what is gone is missing with its reason."""
    copy = shutil.copytree(outcome.out, tmp_path / "small")
    for path in copy.glob("store/trials/*/predictions/*-*.npz"):
        path.unlink()
    suite.rebuild_report(copy)
    cell = suite.load_comparison(copy).comparison.cells[0]
    assert cell.robustness.lost.value is not None
    assert (cell.robustness.lost.low, cell.aware[0].auroc.value) == (None, None)
    assert "not kept" in cell.robustness.lost.reason


def test_a_set_in_which_nothing_is_foreign_ends_the_run_before_a_fit(tmp_path):
    """Digits hold no class that ``digits_photo`` has not."""
    digits = {"source": "sklearn", "name": "digits"}
    changes = {"datasets": [{"source": "sklearn", "name": "digits_photo"}], "cross_data": False}
    path = spec_in(tmp_path, out_of_class=[digits], **changes)
    with pytest.raises(DataError, match="nothing in it is out of class"):
        suite.run(path, out=tmp_path / "small", quiet=True)
    with open_store(tmp_path / "small", create=False) as store:
        assert store.query() == []
