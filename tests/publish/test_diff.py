"""What changed between two runs: records, statistics, the command, Markdown and the browser."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from results_run import store_sample
from sample_run import load_from, make_sample_results

from suite.compare.compare import compare
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import spread_of
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.errors import StoreError, StoreVersionError
from suite.metrics import metrics_named, score_all
from suite.metrics.resampling import resampled_means
from suite.publish.change_tests import Side, judge
from suite.publish.difference_tables import difference_markdown
from suite.publish.differing import differ, trend
from suite.publish.recording import evidence_beside, read_run, record_of
from suite.registry import METRICS
from suite.store.records.example_facts import NOTHING_KNOWN, ExampleFacts
from suite.store.records.result import Predictions
from suite.store.store import open_store

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "templates" / "site" / "difference.js"
BAD = 'a|b`<img src=x onerror="alert(1)">\n| --- |'


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory):
    """Plan, results and the function that loads predictions."""
    folder = tmp_path_factory.mktemp("sample")
    plan, results = make_sample_results(folder)
    return plan, results, load_from(folder)


@pytest.fixture(scope="module")
def compared(sample):
    """The comparison of the whole sample, by headline."""
    plan, results, load = sample
    return {
        name: compare(results, plan_summary=plan.model_copy(update={"headline": name}), load_predictions=load)
        for name in ("accuracy", "f1_macro")
    }


@pytest.fixture(scope="module")
def kept(compared):
    """Record and evidence of the sample."""
    return record_of(compared["accuracy"], {"name": "sample", "training": {"epochs": 4}})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory):
    """Two runs; in the second one classifier is worse, and the suite and a package are newer."""
    before, after = (tmp_path_factory.mktemp(name) for name in ("before", "after"))
    store_sample(before)
    shutil.copytree(before, after, dirs_exist_ok=True)
    with open_store(after) as store:
        for result in store.query(model="logistic", status="done"):
            environment = result.environment.model_copy(update={"packages": {"tensorflow": "2.99"}})
            room = after / "store" / "tmp" / result.id
            shutil.copytree(store.trial_folder(result.id), room)
            scores = {**result.scores, "test": spoil(room / "predictions" / "test.npz", result)}
            store.save(result.model_copy(update={"environment": environment, "scores": scores}), room)
        store.save_document("spec", json.dumps({"name": "sample", "models": [{"source": "zoo", "name": BAD}]}))
    return before, after


def spoil(file: Path, result):
    """Every sixth prediction names the next class; returns the scores."""
    found = Predictions.load(file)
    probabilities = found.probabilities.copy()
    probabilities[::6] = np.roll(probabilities[::6], 1, axis=1)
    changed = Predictions(found.example_ids, found.targets, probabilities, found.class_names)
    changed.save(file)
    return score_all(changed, metrics_named(list(result.scores["test"])))


def suite_diff(*words: object):
    """The command."""
    from export_runs import suite_command

    return suite_command("diff", *words)


def moved(kept, by: float, *, seeds: bool = True):
    """The run again, every score and resample changed by so much."""
    record, evidence = kept
    cells = []
    for cell in record.cells:
        if cell.score is None:
            cells.append(cell)
            continue
        own = {seed: value + by for seed, value in cell.score.seeds.items()} if seeds else cell.score.seeds
        score = cell.score.model_copy(update={"value": cell.score.value + by, "seeds": own})
        cells.append(cell.model_copy(update={"score": score}))
    found = {name: one.model_copy(update={"centre": one.centre + by}) for name, one in evidence.items()}
    return record.model_copy(update={"cells": tuple(cells)}), found


def elsewhere(evidence):
    """The same scores as of other test examples."""
    return {name: one.model_copy(update={"examples": "other"}) for name, one in evidence.items()}


# Statistics


@pytest.mark.parametrize("headline", ["accuracy", "f1_macro"])
def test_p_values_are_those_of_a_comparison(compared, headline):
    """Two cells of one run, held against each other as if they were of two: from the same evidence the same numbers."""
    comparison = compared[headline]
    sides = {cell.cell_id: Side(cell.headline.value, cell.evidence) for cell in comparison.ranking("digits")}
    exact = headline == "accuracy"
    for pair in comparison.pairs:
        (one,) = judge([(sides[pair.worse], sides[pair.better])], higher_is_better=True)
        assert one.paired
        assert one.difference == pytest.approx(pair.difference)
        # Counts of right answers are corrected for their steps in two ways.
        assert one.p_value == pytest.approx(pair.p_value, rel=0.2 if exact else 2e-2, abs=0.01 if exact else 1e-3)
        assert one.seed_share == pytest.approx(pair.seed_share, rel=1e-3)


def draw(dice, *, seeds: int, size: int, between: float, difficulty):
    """A cell of a run without a true difference: right or wrong on each example, by each seed."""
    luck = dice.normal(0, between, (seeds, 1))
    right = (dice.random((seeds, size)) < np.clip(difficulty + luck, 0, 1)).astype(float)
    by_seed = resampled_means(right.T).T
    return SetEvidence(
        predictions=(Sized(size),), seeds=tuple(range(seeds)), keys=("examples",) * seeds, scores=right.mean(axis=1),
        values=right.mean(axis=0), by_seed=by_seed, resampled=by_seed.mean(axis=0), reason=None,
    )  # fmt: skip


@dataclasses.dataclass
class Sized:
    """Predictions as far as their number matters."""

    size: int
    facts: ExampleFacts = NOTHING_KNOWN

    def __len__(self):
        return self.size


@pytest.mark.parametrize(
    ("seeds", "size", "between", "paired"),
    [(3, 200, 0.02, True), (3, 200, 0.0, True), (1, 200, 0.0, True), (1, 30, 0.0, True), (1, 30, 0.0, False)],
)
def test_without_a_true_difference_few_verdicts_are_given(seeds, size, between, paired):
    """At most one run in twenty has a cell that is called better or worse, small test sets and one seed included."""
    dice = np.random.default_rng(1)
    false = 0
    rounds = 150
    for _ in range(rounds):
        difficulty = dice.choice([0.99, 0.9, 0.5], size=size, p=[0.7, 0.2, 0.1])
        runs = []
        for _side in range(2):
            other = dice.permutation(difficulty)
            cells = {
                f"cell {place}": draw(
                    dice, seeds=seeds, size=size, between=between, difficulty=difficulty if paired else other
                )
                for place in range(3)
            }
            spread = spread_of(cells)
            runs.append(
                {name: Side(float(one.scores.mean()), keep_evidence(one, spread[name])) for name, one in cells.items()}
            )
        before, after = runs
        if not paired:
            after = {
                name: Side(one.score, one.evidence.model_copy(update={"examples": "other"}))
                for name, one in after.items()
            }
        found = judge([(before[name], after[name]) for name in before], higher_is_better=True)
        false += any(one.different for one in found)
    assert false / rounds <= 0.05 + 2 * (0.05 * 0.95 / rounds) ** 0.5


def test_a_true_difference_is_found():
    """Ten points on 400 examples, with three seeds that vary little."""
    dice = np.random.default_rng(2)
    difficulty = np.full(400, 0.85)
    before = draw(dice, seeds=3, size=400, between=0.005, difficulty=difficulty)
    after = draw(dice, seeds=3, size=400, between=0.005, difficulty=difficulty - 0.1)
    sides = []
    for one in (before, after):
        spread = spread_of({"cell": one})
        sides.append(Side(float(one.scores.mean()), keep_evidence(one, spread["cell"])))
    (found,) = judge([tuple(sides)], higher_is_better=True)
    assert found.different
    assert found.high < 0
    (turned,) = judge([tuple(sides)], higher_is_better=False)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_an_interval_leaves_out_nothing_exactly_where_a_verdict_is_given(kept):
    """Over changes of all sizes, one cell or many: better and worse are what lies beyond 0 on its own side."""
    record, evidence = kept
    seen = set()
    for thousandths in range(-60, 61, 4):
        after, theirs = moved(kept, thousandths / 1000)
        for cell in differ(record, after, evidence, theirs).cells:
            if cell.p_value is not None:
                beyond = "better" if cell.low > 0 else "worse" if cell.high < 0 else "not proven"
                assert cell.verdict == beyond
                assert bool(cell.proof) == (beyond == "not proven")
                seen.add(beyond)
    assert len(seen) == 3


def test_a_large_change_that_is_not_proven_is_told_with_its_scores(kept):
    """The headline says how far it fell, from what to what, and what does not prove it; never that nothing changed."""
    record, evidence = kept
    loose = {name: one.model_copy(update={"spread": (0.006,) * 6}) for name, one in evidence.items()}
    after, theirs = moved((record, loose), -0.13)
    found = differ(record, after, loose, theirs)
    cell = max(found.cells, key=lambda one: abs(one.difference or 0))
    assert cell.verdict == "not proven"
    assert (cell.moved, cell.proof) == ("fell by 13.0 points", "3 seeds")
    scores = f"accuracy {100 * cell.before:.1f}\u202f% \u2192 {100 * cell.after:.1f}\u202f%"
    for text in (found.summary, difference_markdown(found, shown=("a", "b")).replace(" %", "\u202f%")):
        assert "fell by 13.0 points" in text
        assert scores in text
        assert "3 seeds do not prove it" in text
    assert "3 seeds do not prove it. To show it takes" in " ".join(found.sentences)
    assert "seeds in each run instead of 3" in cell.settles


def test_scores_are_shown_before_and_after_whatever_the_verdict(kept):
    """The table of a terminal has every cell that was run again; only those that were not are left to --all."""
    from suite.publish.difference_tables import difference_tables

    record, evidence = kept
    after, theirs = moved(kept, 0.004)
    found = differ(record, after, evidence, theirs)
    table = next(one for one in difference_tables(found) if one.title == "Scores")
    assert len(table.rows) == sum(cell.before is not None for cell in found.cells)
    assert not any(one.title == "Scores" for one in difference_tables(differ(record, record, evidence, evidence)))


def test_pairing_shows_smaller_differences(kept):
    """The same change is beyond noise on the same examples, and not on others."""
    record, evidence = kept
    after, theirs = moved(kept, -0.03)
    same = differ(record, after, evidence, theirs)
    apart = differ(record, after, evidence, elsewhere(theirs))
    assert len(same.judged("worse")) > len(apart.judged("worse"))
    assert all(cell.paired for cell in same.cells if cell.p_value is not None)
    for one, other in zip(same.cells, apart.cells, strict=True):
        if one.p_value is not None:
            assert not other.paired
            assert other.p_value >= one.p_value
            assert "different examples" in other.notes[0]


# Records


def test_a_run_is_the_same_as_itself(kept):
    """Seed for seed, with no interval where nothing was run."""
    record, evidence = kept
    found = differ(record, record, evidence, evidence)
    scored = [cell for cell in found.cells if cell.before is not None]
    assert {cell.verdict for cell in scored} == {"same"}
    assert not any(found_in for found_in in (found.spec, found.versions, found.weights, found.only_before))
    assert found.summary.startswith("The scores are the same, seed for seed, in all")


def test_lower_is_better_turns_the_difference(kept):
    """A loss that fell is a gain."""
    record, evidence = kept
    headline = record.headline.model_copy(update={"higher_is_better": False})
    record = record.model_copy(update={"headline": headline})
    after, theirs = moved((record, evidence), -0.05)
    found = differ(record, after, evidence, theirs)
    assert found.judged("better")
    assert not found.judged("worse")
    assert all(cell.difference == pytest.approx(0.05) for cell in found.judged("better"))


def test_without_evidence_there_is_a_difference_and_no_verdict(kept):
    """The reason says on which side nothing was kept."""
    record, evidence = kept
    after, _ = moved(kept, 0.01)
    found = differ(record, after, evidence, {})
    for cell in found.cells:
        if cell.before is not None:
            assert cell.difference == pytest.approx(0.01)
            assert (cell.p_value, cell.verdict) == (None, "not comparable")
            assert cell.reason == "no predictions were kept after."


def test_runs_with_other_headlines_are_compared_by_a_metric_of_both(kept):
    """By its mean alone, without a test."""
    record, evidence = kept
    headline = next(one for one in record.metrics if one.name == "log_loss")
    after = record.model_copy(update={"headline": headline})
    found = differ(record, after, evidence, evidence)
    assert found.metric.name == "log_loss"
    cell = found.cells[0]
    assert cell.before == record.cells[0].metrics["log_loss"]
    assert cell.verdict == "not comparable"
    assert "rank by other metrics" in cell.reason


def test_cells_of_one_run_only_are_told(kept):
    """They are matched by model, strategy and data set, whatever their ids."""
    record, evidence = kept
    first, *others = record.cells
    renamed = first.model_copy(update={"model": "another"})
    again = tuple(cell.model_copy(update={"cell_id": f"new {cell.cell_id}"}) for cell in others)
    after = record.model_copy(update={"cells": (renamed, *again)})
    theirs = {f"new {name}": one for name, one in evidence.items()}
    found = differ(record, after, evidence, theirs)
    assert [cell.model for cell in found.only_before] == [first.model]
    assert [cell.model for cell in found.only_after] == ["another"]
    assert len(found.cells) == len(others)


def test_data_weights_versions_and_answers_are_compared(kept):
    """Other content, other weights, other packages, another answer."""
    record, evidence = kept
    last = len(record.ranking("digits"))
    data = tuple(one.model_copy(update={"fingerprint": "new"}) for one in record.datasets[:1])
    cells = tuple(cell.model_copy(update={"weights": "f" * 64, "taken": cell.rank == last}) for cell in record.cells)
    update = {"datasets": data, "cells": cells, "versions": {**record.versions, "keras": "9"}}
    old = record.model_copy(
        update={"cells": tuple(cell.model_copy(update={"weights": "e" * 64}) for cell in record.cells)}
    )
    found = differ(old, record.model_copy(update=update), evidence, evidence)
    states = {one.name: one.state for one in found.data}
    assert states["digits"] == "other content"
    assert set(states.values()) <= {"other content", "only before"}
    assert {one.model for one in found.weights} == {cell.model for cell in record.cells}
    assert [one.name for one in found.versions] == ["keras"]
    assert [one.changed for one in found.winners] == [True]
    for words in ("another answer", "Keras 9", "digits has other content", "other weights"):
        assert words in found.summary


def test_costs_have_their_ratio_and_say_where_devices_differ(kept):
    """A time on another machine does not compare; a size does."""
    record, evidence = kept
    first = record.cells[0]
    costs = first.costs.model_copy(update={"device": "elsewhere", "latency_ms": 2 * first.costs.latency_ms})
    after = record.model_copy(update={"cells": (first.model_copy(update={"costs": costs}), *record.cells[1:])})
    found = {cost.name: cost for cost in differ(record, after, evidence, evidence).cells[0].costs}
    assert found["latency_ms"].ratio == pytest.approx(2)
    assert found["latency_ms"].other_device
    assert found["parameters"].ratio == 1
    assert not found["parameters"].other_device


def test_specs_are_compared_by_name_and_not_by_place():
    """An order changes nothing; a name in a list finds its partner."""
    from suite.publish.differing import spec_changes

    before = {
        "$schema": "a", "seeds": [1, 2], "title": None,
        "models": [{"name": "a", "size": 1}, {"name": "b", "size": 2}],
        "strategies": [{"strategy": "fine_tune", "unfreeze": 1}, {"strategy": "fine_tune", "unfreeze": "all"}],
    }  # fmt: skip
    after = {
        "$schema": "b", "seeds": [1, 2, 3],
        "models": [{"name": "b", "size": 3}, {"name": "a", "size": 1}, {"name": "c"}],
        "strategies": [
            {"strategy": "fine_tune", "unfreeze": "all", "epochs": 9}, {"strategy": "fine_tune", "unfreeze": 1},
        ],
    }  # fmt: skip
    found = {one.path: (one.kind, one.before, one.after) for one in spec_changes(before, after)}
    assert found == {
        "seeds": ("changed", [1, 2], [1, 2, 3]),
        "title": ("removed", None, None),
        "models[b].size": ("changed", 2, 3),
        "models[c]": ("added", None, {"name": "c"}),
        "strategies[fine_tune #2].epochs": ("added", None, 9),
    }
    assert spec_changes(before, before) == ()


def test_a_history_marks_what_is_beyond_noise(kept):
    """Regression, improvement, neither, and unknown where nothing was kept."""
    record, evidence = kept

    def kind(by, theirs=None, **which):
        after, moved_evidence = moved(kept, by)
        known = moved_evidence if theirs is None else theirs
        return trend(record, after, evidence, known, dataset="digits", **which).kind

    assert kind(-0.2) == "regression"
    assert kind(0.2) == "improvement"
    assert kind(0.001, which="best") == "none"
    assert kind(0.0) == "none"
    assert kind(0.2, {}) == "unknown"
    assert trend(record, record, evidence, evidence, dataset="nowhere") is None


# The command


def test_the_command_says_what_changed(folders):
    """The summary first, then only what changed."""
    told = suite_diff(*folders)
    assert told.exit_code == 0, told.output
    first, *others = told.stdout.splitlines()
    assert "worse beyond noise" in first
    assert "TensorFlow 2.99" in first
    scores = "\n".join(others).partition("\nScores\n")[2].partition("\n\n")[0]
    assert "logistic" in scores
    assert "perceptron_8" not in scores
    assert "perceptron_8" in suite_diff(*folders, "--all").stdout.partition("\nScores\n")[2].partition("\n\n")[0]


def test_ci_can_ask_for_an_exit_code(folders):
    """1 where something is worse beyond noise; without the option 0."""
    before, after = folders
    assert suite_diff(before, after, "--exit-code").exit_code == 1
    assert suite_diff(after, before, "--exit-code").exit_code == 0
    assert suite_diff(before, before, "--exit-code").exit_code == 0


def test_json_is_the_difference(folders):
    """What a program reads is the record itself."""
    from suite.publish.difference import RunDifference

    told = suite_diff(*folders, "--json")
    found = RunDifference.model_validate_json(told.stdout)
    assert found.judged("worse")
    assert found.before.name == "sample"


def is_square(text: str) -> bool:
    """Whether the rows of every table of a page have as many bars as their head."""
    tables = [[line.count("|") for line in part.splitlines()] for part in text.split("\n\n") if part.startswith("|")]
    return bool(tables) and all(len(set(table)) == 1 for table in tables)


def test_markdown_goes_to_a_file(folders, tmp_path):
    """By its ending, into folders that are made; the same text as on stdout."""
    out = tmp_path / "new" / "changes.md"
    told = suite_diff(*folders, "--out", out, "--all")
    assert told.exit_code == 0
    assert told.stdout.strip() == str(out)
    text = out.read_text(encoding="utf-8")
    assert suite_diff(*folders, "--markdown", "--all").stdout == text
    assert is_square(text)
    assert "<img" not in text


def test_hostile_names_do_not_break_markdown(kept):
    """Every row has as many boxes as its head, and no name becomes markup."""
    record, evidence = kept
    names = {"model": BAD, "dataset": BAD}
    cells = tuple(cell.model_copy(update=names) if cell.rank == 1 else cell for cell in record.cells)
    data = (record.datasets[0].model_copy(update={"name": BAD}),)
    before = record.model_copy(update={"name": BAD, "cells": cells, "datasets": data, "versions": {BAD: BAD}})
    after, theirs = moved((before, evidence), -0.2)
    after = after.model_copy(update={"versions": {}, "spec": {BAD: [{BAD: BAD}]}, "cells": after.cells[:-2]})
    found = differ(before, after, evidence, theirs)
    for everything in (False, True):
        text = difference_markdown(found, shown=(BAD, BAD), everything=everything)
        assert is_square(text)
        assert "<img" not in text


def test_hostile_names_stay_on_their_line(folders):
    """A line break in a name is a space in the terminal."""
    assert "\n| --- |" not in suite_diff(*folders).stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--markdown", "--json"), "give one of them"),
        (("--out", "changes.txt"), "expected .md or .json"),
    ],
)
def test_forms_that_clash_are_refused(folders, words, expected):
    """In words, with what would do."""
    told = suite_diff(*folders, *words)
    assert told.exit_code == 2
    assert expected in told.stderr


def test_what_is_no_run_is_refused(folders, tmp_path):
    """A place that is not there, a folder without a run."""
    before, _ = folders
    for place, words in ((tmp_path / "nothing", "is not there"), (tmp_path, "holds no run")):
        told = suite_diff(before, place)
        assert told.exit_code == 2
        assert words in told.stderr


def write_record(folder: Path, kept) -> Path:
    """A record of a site with its evidence beside it."""
    record, evidence = kept
    place = folder / "data" / "runs" / "photos" / "point.json"
    place.parent.mkdir(parents=True)
    evidence_beside(place).parent.mkdir(parents=True)
    place.write_text(record.model_dump_json(), encoding="utf-8")
    own = {name: one.model_dump(mode="json") for name, one in evidence.items()}
    evidence_beside(place).write_text(json.dumps(own), encoding="utf-8")
    return place


def test_records_of_a_site_can_be_compared(kept, tmp_path):
    """With the evidence beside them the same as from memory; without it there is no verdict."""
    place = write_record(tmp_path, kept)
    found = read_run(place)
    assert (found.record, found.evidence) == kept
    evidence_beside(place).unlink()
    assert read_run(place).evidence == {}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda text: text[:-40], StoreError, "is no JSON"),
        (lambda _text: "[1]", StoreError, "JSON object"),
        (lambda text: text.replace('"record_version":2', '"record_version":99'), StoreVersionError, "newer suite"),
        (lambda text: text.replace('"task":', '"tusk":'), StoreError, "task: Field required"),
        (lambda text: text.replace('"trials_planned":', '"trials_planned":1e999,"x":'), StoreError, "is no JSON"),
    ],
)
def test_a_damaged_record_is_refused(kept, tmp_path, change, error, words):
    """With the file and what is wrong with it."""
    place = write_record(tmp_path, kept)
    place.write_text(change(place.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(error, match=words) as raised:
        read_run(place)
    assert str(place) in str(raised.value)


# The browser

RUN = """
const fs = require("fs"), vm = require("vm");
const window = {};
vm.runInNewContext(fs.readFileSync(process.argv[1], "utf8"), { window, atob });
const given = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
process.stdout.write(JSON.stringify(given.map((four) => window.suiteDiffer(...four))));
"""


def as_browsers_have_it(record, evidence):
    """The JSON of a record and of its evidence."""
    return record.model_dump(mode="json"), {name: one.model_dump(mode="json") for name, one in evidence.items()}


def test_the_browser_says_the_same_metrics_in_per_cent():
    """Of records from before metrics had units the script knows those of the suite that are shares."""
    names = SCRIPT.read_text(encoding="utf-8").partition("SHARES = new Set([")[2].partition("]")[0]
    assert set(json.loads(f"[{names.strip().rstrip(',')}]")) == {
        one.name for one in metrics_named(METRICS.names()) if one.unit == "%"
    }


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: nothing runs the script")
def test_the_browser_has_the_same_numbers(kept, folders, tmp_path):
    """Paired and unpaired, with one seed, without evidence, with another headline, and of two real folders."""
    record, evidence = kept
    before, after = (read_run(folder) for folder in folders)
    alone = {name: one.model_copy(update={"spread": ()}) for name, one in evidence.items()}
    other = record.model_copy(update={"headline": next(one for one in record.metrics if one.name == "log_loss")})
    fewer = record.model_copy(update={"cells": record.cells[2:]})
    one_cell = record.model_copy(update={"cells": record.cells[:1]})
    loose = {name: one.model_copy(update={"spread": (0.0004,) * 6}) for name, one in evidence.items()}
    scores = [0.8125, 0.8225, 0.84375, 0.0625]  # some lie in the middle of two tenths of a point
    at_middle = [
        cell.model_copy(update={"score": cell.score.model_copy(update={"value": value})})
        for cell, value in zip(record.cells, scores, strict=False)
    ]
    middle = (record.model_copy(update={"cells": (*at_middle, *record.cells[4:])}), evidence)
    pairs = [
        (kept, kept),
        (kept, moved(kept, -0.02)),
        (kept, (moved(kept, -0.02)[0], elsewhere(evidence))),
        (kept, (moved(kept, 0.005)[0], alone)),
        (kept, (moved(kept, 0.01)[0], dict(list(evidence.items())[:3]))),
        ((record, loose), moved((record, loose), -0.13)),
        (middle, moved(kept, -0.02)),
        ((record, loose), moved((record, loose), 0.031, seeds=False)),
        ((one_cell, evidence), moved((one_cell, loose), -0.0213)),
        (kept, (other, evidence)),
        (kept, (fewer, evidence)),
        ((before.record, before.evidence), (after.record, after.evidence)),
    ]
    given, expected = [], []
    for one, two in pairs:
        (first, own), (second, theirs) = as_browsers_have_it(*one), as_browsers_have_it(*two)
        given.append([first, second, own, theirs])
        expected.append(differ(one[0], two[0], one[1], two[1]).model_dump(mode="json"))
    place = tmp_path / "given.json"
    place.write_text(json.dumps(given), encoding="utf-8")
    command = ["node", "-e", RUN, "--", str(SCRIPT), str(place)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for found, python in zip(json.loads(ended.stdout), expected, strict=True):
        for part in ("metric", "only_before", "only_after", "scores"):
            assert found[part] == python[part]
        # What else a page says, of answers and limits, comes after what is said of the cells.
        assert python["sentences"][: len(found["changes"])] == found["changes"]
        assert len(found["cells"]) == len(python["cells"])
        for cell, same in zip(found["cells"], python["cells"], strict=True):
            assert set(cell) == set(same)
            for name, value in same.items():
                if isinstance(value, float):
                    assert cell[name] == pytest.approx(value, rel=1e-6, abs=1e-12), name
                else:
                    assert cell[name] == value, name
