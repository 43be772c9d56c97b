"""What is kept of a cell for other runs, and what a site keeps of a whole run."""

from __future__ import annotations

import json

import numpy as np
import pytest
from exports_sample import with_exports
from results_run import store_sample
from sample_run import load_from, make_sample_results

from suite.api import load_comparison, rebuild_report
from suite.compare.compare import compare
from suite.compare.comparison import Comparison
from suite.compare.statistics.evidence import gather
from suite.compare.statistics.saved_evidence import KEPT, EvidenceRecord, keep_evidence, resamples_of
from suite.metrics import metrics_named
from suite.publish.record import RunRecord
from suite.publish.recording import newest, record_of, record_of_folder


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory):
    """Plan, results and the function that loads predictions."""
    folder = tmp_path_factory.mktemp("sample")
    plan, results = make_sample_results(folder)
    return plan, results, load_from(folder)


@pytest.fixture(scope="module")
def comparison(sample) -> Comparison:
    """The comparison of the whole sample."""
    plan, results, load = sample
    return compare(results, plan_summary=plan, load_predictions=load)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory):
    """The folder of a run, and its trials."""
    folder = tmp_path_factory.mktemp("stored")
    return folder, store_sample(folder)


def gathered(sample, cell_id: str, metric: str = "accuracy"):
    """A cell's predictions on the home test set."""
    _, results, load = sample
    finals = [one for one in results if one.cell_id == cell_id and one.status == "done"]
    return gather(metrics_named([metric])[0], finals, "test", load)


def test_the_kept_resamples_are_those_of_the_comparison(sample, comparison: Comparison):
    """The first thousand, to a 65-thousandth of their range."""
    cell = comparison.ranking("digits")[0]
    evidence = gathered(sample, cell.cell_id)
    kept = resamples_of(cell.evidence)
    assert len(kept) == KEPT
    assert np.abs(kept - evidence.resampled[:KEPT]).max() <= cell.evidence.step / 2 * 1.0001
    assert cell.evidence.step < np.ptp(kept) / 30_000


def test_evidence_knows_its_examples_and_seeds(comparison: Comparison):
    """All cells of the sample were scored on one test set, right or wrong, with three seeds."""
    kept = [cell.evidence for cell in comparison.ranking("digits")]
    assert len({one.examples for one in kept}) == 1
    assert {(one.size, one.steps, one.stretch) for one in kept} >= {(360, 3, 1.0)}
    assert all(one.seed_factor == pytest.approx(1 / one.seeds) for one in kept)
    assert all(len(one.spread) == 6 for one in kept)


def test_other_answers_are_other_examples(sample, comparison: Comparison):
    """A test set whose answers were mended is not the one before."""
    plan, results, load = sample

    def mended(result, name):
        found = load(result, name)
        if found is None or name != "test":
            return found
        targets = found.targets.copy()
        targets[0] = (targets[0] + 1) % 10
        return type(found)(found.example_ids, targets, found.probabilities, found.class_names)

    other = compare(results, plan_summary=plan, load_predictions=mended)
    before = {cell.cell_id: cell.evidence for cell in comparison.ranking("digits")}
    assert all(before[cell.cell_id].examples != cell.evidence.examples for cell in other.ranking("digits"))


def test_one_seed_knows_nothing_of_seeds(sample):
    """Its spread is empty, not zero."""
    plan, results, load = sample
    first = [one for one in results if one.seed == 1]
    alone = compare(first, plan_summary=plan, load_predictions=load)
    assert all(cell.evidence.spread == () for cell in alone.ranking("digits"))


def test_without_predictions_there_is_no_evidence(sample):
    """Missing, not empty."""
    plan, results, _ = sample
    bare = compare(results, plan_summary=plan, load_predictions=lambda _result, _name: None)
    assert all(cell.evidence is None for cell in bare.cells)


def test_too_few_resamples_with_a_score_are_no_evidence(sample, comparison: Comparison):
    """Up to 1 in 40 may be missing; they count as the mean."""
    evidence = gathered(sample, comparison.ranking("digits")[0].cell_id)
    spread = np.zeros(6)
    for missing, there in ((20, True), (30, False)):
        resampled = evidence.resampled.copy()
        resampled[:missing] = np.nan
        changed = type(evidence)(**{**evidence.__dict__, "resampled": resampled})
        kept = keep_evidence(changed, spread)
        assert (kept is not None) == there
        assert kept is None or np.isfinite(resamples_of(kept)).all()


def test_equal_resamples_need_no_step(sample, comparison: Comparison):
    """A model that is always right has evidence too."""
    evidence = gathered(sample, comparison.ranking("digits")[0].cell_id)
    always = type(evidence)(**{**evidence.__dict__, "resampled": np.ones(2000)})
    kept = keep_evidence(always, np.zeros(6))
    assert kept.step == 0
    assert set(resamples_of(kept)) == {1.0}


def test_damaged_evidence_is_a_value_error(comparison: Comparison):
    """What reads it can say in which file it lies."""
    kept = comparison.ranking("digits")[0].evidence
    with pytest.raises(ValueError, match="resamples"):
        resamples_of(kept.model_copy(update={"resamples": "§"}))


def test_a_comparison_kept_without_evidence_is_made_again(stored):
    """Its key names the format; the report has none of the evidence."""
    folder, _ = stored
    rebuild_report(folder)
    assert "resamples" not in (folder / "report.html").read_text(encoding="utf-8")
    place = folder / "comparison.json"
    kept = json.loads(place.read_text(encoding="utf-8"))
    for cell in kept["comparison"]["cells"]:
        cell["evidence"] = None
    place.write_text(json.dumps({**kept, "key": "of an older suite"}), encoding="utf-8")
    assert any(cell.evidence for cell in load_comparison(folder).comparison.cells)


def test_the_record_says_what_the_comparison_says(sample, comparison: Comparison):
    """Cells, scores, costs, data, weights and counts; it survives being written."""
    record, evidence = record_of(comparison, {"name": "sample"}, key="k", results_ended="2026-01-01T00:00:00+00:00")
    assert RunRecord.model_validate_json(record.model_dump_json()) == record
    assert [cell.cell_id for cell in record.cells] == [cell.cell_id for cell in comparison.cells]
    best, shown = record.ranking("digits")[0], comparison.ranking("digits")[0]
    assert best.score.value == shown.headline.value
    assert best.score.seeds == {seed.seed: seed.value for seed in shown.headline.seeds}
    assert best.costs.latency_ms == shown.profile.latency_ms_p50.mean
    assert best.costs.training_seconds == shown.timings.training_seconds.mean
    assert best.metrics["accuracy"] == pytest.approx(best.score.value)
    assert [cell.cell_id for cell in record.cells if cell.taken] == [comparison.recommendation.cell_id]
    assert record.answer == record.datasets[0].take == comparison.recommendation.take
    assert record.versions["suite"] == comparison.environments[0].environment.suite
    assert set(evidence) == {cell.cell_id for cell in comparison.cells if cell.headline}
    assert all(isinstance(one, EvidenceRecord) for one in evidence.values())
    assert record.trials_missing == 1


def test_the_hard_classes_are_the_five_of_lowest_f1(comparison: Comparison):
    """The mean over cells, lowest first; of sets that nothing was trained on there are none."""
    record, _ = record_of(comparison, {})
    home = next(one for one in record.datasets if one.name == "digits")
    means = {}
    for cell in comparison.ranking("digits"):
        for one in cell.classes:
            means.setdefault(one.name, []).append(one.f1)
    expected = sorted((np.mean(values), name) for name, values in means.items())[:5]
    assert [name for name, _ in home.hard_classes] == [name for _, name in expected]
    assert [value for _, value in home.hard_classes] == pytest.approx([value for value, _ in expected])
    assert all(one.hard_classes == () and not one.home for one in record.datasets if one.name != "digits")


def test_a_folder_gives_its_record_and_when_it_ended(stored):
    """The time of the newest trial, and the spec as it was run."""
    folder, results = stored
    record, evidence = record_of_folder(folder)
    assert record.ended_at == newest(one.finished_at for one in results) != ""
    assert record.spec == {"name": "sample"}
    assert evidence


def test_the_record_lists_exported_files(comparison: Comparison):
    """With what was measured of them and the score beside Keras's; places in the site come later."""
    record, _ = record_of(with_exports(comparison), {})
    cards = [card for files in with_exports(comparison).exports for card in files.cards]
    assert [(file.format, file.precision, file.status) for file in record.files] == [
        (card.format, card.precision, card.status) for card in cards
    ]
    done = [(file, card) for file, card in zip(record.files, cards, strict=True) if card.measured and card.scores]
    assert done
    for file, card in done:
        assert file.latency_ms == card.measured.latency_ms_p50
        assert file.score == card.scores["accuracy"].value
        assert (file.card, file.download) == (None, None)


def test_the_newest_time_is_found_across_time_zones():
    """What cannot be read is left out."""
    assert newest(["2026-01-01T12:00:00+02:00", "2026-01-01T11:00:00+00:00", "", "soon"]) == "2026-01-01T11:00:00+00:00"
    assert newest([]) == ""
