"""Checks of results: each fires where it should and is silent where it should be."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from conftest import SHARED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lint_results import checked, epochs, make_result, predictions, run_of, said
from sample_run import load_from, make_sample_results

from suite.compare.advice.wording import THIN, always
from suite.compare.compare import compare
from suite.lint.examine import check_run
from suite.lint.subjects import Run
from suite.lint.training_runs import standstill
from suite.store.records.check import Checks, DataChecks, Finding, counted, worst_first

HERE = "net x photos x fine_tune"


def test_a_score_below_guessing_is_an_error():
    """0.1 % among 102 classes of 6,084 examples is no bad luck; the words name both numbers."""
    result = make_result(score=0.00148, classes=102, sizes={"test": 6084})
    (finding,) = checked([result]).findings
    assert (finding.check, finding.severity, finding.where) == ("chance", "error", HERE)
    assert "0.15" in finding.what
    assert "102 classes" in finding.what


@pytest.mark.parametrize(
    ("score", "classes", "sizes"),
    [(0.0616, 16, {"test": 73_728}), (0.45, 2, {"test": 20}), (0.3, 2, {}), (0.9, 10, {"test": 100})],
    ids=["just below, as sampling gives", "twenty examples", "above half of chance, size unknown", "good"],
)
def test_a_score_that_guessing_may_give_is_no_finding(score: float, classes: int, sizes: dict[str, int]):
    """What sampling explains is not called lower than chance."""
    assert said([make_result(score=score, classes=classes, sizes=sizes)], "chance") == []


def test_without_the_number_of_test_examples_half_of_chance_is_the_limit():
    """The margin that takes the place of the test."""
    assert said([make_result(score=0.2, classes=2)], "chance") == [("error", HERE)]


def test_without_class_names_chance_is_left_out_with_a_reason():
    """An imported score of unknown classes is neither good nor bad."""
    found = checked([make_result(score=0.001, classes=0)])
    assert found.findings == ()
    assert "number of classes" in found.left_out["chance: photos"]


def test_worse_than_naming_one_class_is_a_warning():
    """Nine of ten examples are of one class, and the model finds seven of ten."""
    targets = np.array([0] * 900 + [1] * 100)
    right = np.arange(1000) % 10 < 7
    made = predictions(list(right))
    kept = type(made)(made.example_ids, targets, made.probabilities, made.class_names)
    labels = np.where(right, targets, 1 - targets)
    kept.probabilities[:] = np.where(np.arange(2)[None] == labels[:, None], 0.9, 0.1)
    result = make_result(score=0.7)
    assert said([result], "chance", {result.id: kept}) == [("warning", HERE)]


def test_diverged_trials_are_told_per_cell():
    """The seeds that went well are not told of."""
    bad = make_result(seed=2, score=None, status="diverged", reason="the loss became nan in epoch 1.")
    (finding,) = [one for one in checked([make_result(), bad]).findings if one.check == "training"]
    assert finding.severity == "warning"
    assert "seed 2" in finding.what


@pytest.mark.parametrize(
    ("history", "still"),
    [
        (epochs(2.31, 2.305, 2.302, 2.3), True),
        (epochs(2.3, 1.0, 0.5), False),
        (epochs(2.31, 2.30), False),
        (epochs(0.001, 0.001, 0.001), False),
        (epochs(2.0, 1.5, 1.2, scores=[0.1, 0.1, 0.1], losses=[2.3, 2.3, 2.3]), True),
        (epochs(0.5, 0.2, 0.1, scores=[1.0, 1.0, 1.0], losses=[0.1, 0.1, 0.1]), False),
        (epochs(2.0, 1.5, 1.2, scores=[0.8, 0.8, 0.8], losses=[0.9, 0.7, 0.6]), False),
    ],
    ids=["flat", "learns", "two epochs", "solved", "validation flat", "validation perfect", "same score, less loss"],
)
def test_a_fit_that_stands_still_is_known(history, still: bool):
    """The loss, or the validation score with its loss, does not move."""
    assert bool(standstill(history)) is still
    assert bool(said([make_result(history=history)], "training")) is still


def sizes_of(less: float, more: float, **both: object):
    """The same model on 1,000 and 10,000 examples."""
    return [
        make_result(dataset="d (1000)", name="d", sizes={"train": 1000}, score=less, **both),
        make_result(dataset="d (full)", name="d", sizes={"train": 10_000}, score=more, **both),
    ]


def test_more_data_that_makes_worse_is_a_warning():
    """Five points lost with ten times the examples."""
    assert said(sizes_of(0.80, 0.75), "more_data") == [("warning", "net x d (full) x fine_tune")]


def test_a_model_that_breaks_down_with_more_data_is_an_error():
    """62 % with 1,000 examples and 0.15 % with all is no tuning: known also without class names."""
    assert said(sizes_of(0.62, 0.0015, classes=0), "more_data") == [("error", "net x d (full) x fine_tune")]


@pytest.mark.parametrize(("less", "more"), [(0.80, 0.79), (0.80, 0.85), (0.8, 0.8)])
def test_more_data_that_helps_or_hardly_hurts_is_no_finding(less: float, more: float):
    """Two points are the margin where nothing else is known."""
    assert said(sizes_of(less, more), "more_data") == []


def test_all_examples_of_a_table_that_does_not_count_them_are_more():
    """A cell without a size stands for the whole set; two of them are not compared."""
    (less, more) = sizes_of(0.80, 0.75)
    record = more.data[0]
    whole = more.model_copy(update={"data": (record.model_copy(update={"sizes": {}}),)})
    (finding,) = [one for one in checked([less, whole]).findings if one.check == "more_data"]
    assert finding.what.startswith("With all training examples")
    assert said([whole], "more_data") == []


def test_the_number_of_classes_of_a_published_table_gives_chance():
    """No names are needed for it."""
    result = make_result(score=0.00148, classes=0, sizes={"test": 6084})
    counted_only = result.model_copy(update={"data": (result.data[0].model_copy(update={"classes": 102}),)})
    assert said([counted_only], "chance") == [("error", HERE)]


def test_another_data_set_of_another_size_is_not_compared():
    """Sizes are of one data set, told by its record's name."""
    results = sizes_of(0.80, 0.5)
    other = results[1].model_copy(update={"data": (results[1].data[0].model_copy(update={"name": "e"}),)})
    assert said([results[0], other], "more_data") == []


def test_seeds_that_explain_the_loss_are_no_finding():
    """The ranges over seeds overlap although the means are five points apart."""
    less = [sizes_of(score, 0)[0].model_copy(update={"id": f"a{s}", "seed": s}) for s, score in enumerate((0.7, 0.9))]
    more = [sizes_of(0, score)[1].model_copy(update={"id": f"b{s}", "seed": s}) for s, score in enumerate((0.72, 0.78))]
    assert said([*less, *more], "more_data") == []


def test_intervals_that_overlap_are_no_finding():
    """Twenty test examples cannot tell 0.8 from 0.7; two thousand can."""
    for examples, count in ((20, 0), (2000, 1)):
        results = sizes_of(0.8, 0.7)
        kept = {
            one.id: predictions([i % 10 < digit for i in range(examples)])
            for one, digit in zip(results, (8, 7), strict=True)
        }
        assert len(said(results, "more_data", kept)) == count


def seeds(history, strategy: str = "fine_tune"):
    """Three seeds of one score."""
    return [make_result(strategy=strategy, seed=seed, score=0.5, history=history) for seed in (1, 2, 3)]


def test_seeds_that_change_nothing_are_a_warning():
    """Same score and same predictions of a fit with epochs."""
    results = seeds(epochs(2.0, 1.0))
    kept = {one.id: predictions([True, False] * 10) for one in results}
    assert said(results, "equal_seeds", kept) == [("warning", HERE)]


def test_equal_scores_of_different_models_are_no_finding():
    """One probability differs in the third digit."""
    results = seeds(epochs(2.0, 1.0))
    kept = {one.id: predictions([True, False] * 10, seed=one.seed) for one in results}
    assert said(results, "equal_seeds", kept) == []


def test_a_probe_may_give_the_same_model_with_every_seed():
    """It has no epochs, and nothing in it is random."""
    results = seeds((), "linear_probe")
    kept = {one.id: predictions([True, False] * 10) for one in results}
    assert said(results, "equal_seeds", kept) == []


def test_without_predictions_equal_losses_tell():
    """Losses of every epoch that agree to the last bit, and some that do not."""
    assert said(seeds(epochs(2.0, 1.0)), "equal_seeds") == [("warning", HERE)]
    different = [make_result(seed=s, score=0.5, history=epochs(2.0, 1.0 + s / 100)) for s in (1, 2, 3)]
    assert said(different, "equal_seeds") == []


def test_what_a_fit_notes_of_itself_is_a_finding():
    """Once for a cell, with the seeds that have it; notes were stored before and shown nowhere."""
    note = "the best penalty is the strongest of the 24 that were tried, 10."
    results = [make_result(seed=s, score=0.5, notes=(note,) if s < 3 else ()) for s in (1, 2, 3)]
    (finding,) = [one for one in checked(results).findings if one.check == "fit_notes"]
    assert finding.what == "The best penalty is the strongest of the 24 that were tried, 10 (2 of 3 seeds)."
    assert finding.where == HERE


def test_weights_that_saw_the_data_are_told_with_all_their_models():
    """Two nets pretrained on CIFAR-10 are tested on a folder of that name."""
    results = [make_result(model, "CIFAR-10", pretrained_on="cifar10") for model in ("a", "b")]
    (finding,) = [one for one in checked(results).findings if one.check == "seen_before"]
    assert finding.severity == "warning"
    assert "a, b" in finding.what
    assert said([make_result("a", "cifar100", pretrained_on="cifar10")], "seen_before") == []
    assert said([make_result("a", "cifar10", "from_scratch", pretrained_on="cifar10")], "seen_before") == []


def ranking(*shares: float, examples: int):
    """One cell per share of right answers, with predictions that differ as chance would have it."""
    results = [make_result(f"net {place}", score=share) for place, share in enumerate(shares)]
    dice = np.random.default_rng(0)
    kept = {
        one.id: predictions(list(dice.permutation(examples) < share * examples))
        for one, share in zip(results, shares, strict=True)
    }
    return results, kept


def test_a_test_set_that_cannot_show_the_gaps_is_told():
    """Fifty examples cannot tell 0.80 from 0.78; nothing can be told apart, which is a warning."""
    results, kept = ranking(0.80, 0.78, examples=50)
    (finding,) = [one for one in checked(results, kept).findings if one.check == "test_size"]
    assert finding.severity == "warning"
    assert "50 test examples" in finding.what
    assert "To tell net 0, fine-tuned from net 1, fine-tuned" in finding.what


def test_a_test_set_that_shows_the_gaps_is_no_finding():
    """Two thousand examples tell 0.9 from 0.6."""
    assert said(ranking(0.9, 0.6, examples=2000)[0], "test_size", ranking(0.9, 0.6, examples=2000)[1]) == []


def test_close_neighbours_among_distant_cells_are_a_note():
    """The answer holds, the order of two neighbours does not."""
    results, kept = ranking(0.9, 0.6, 0.598, examples=500)
    assert said(results, "test_size", kept) == [("note", "photos, test")]


def test_findings_stand_worst_first_and_are_counted():
    """Errors before notes, each once; a clean bill has words too."""
    one = Finding(check="a", severity="note", what="w", where="x", why="y", mend="z")
    two = one.model_copy(update={"severity": "error"})
    assert worst_first([one, two, one]) == (two, one)
    assert counted([one, two, one]) == "1 error and 2 notes"
    assert counted([]) == "no finding"
    assert Checks(findings=(one,), ran=("a",)).all == (one,)


def test_findings_in_data_that_has_changed_since_are_taken_back():
    """The fingerprint of the results' data decides; a set that the results do not have changes nothing."""
    of_data = Finding(check="duplicates", severity="error", what="w", where="x", why="y", mend="z")
    record = DataChecks(
        spec_name="d", checked_at="2026", fingerprints={"photos": "f", "gone": "g"}, findings=(of_data,)
    )
    run = run_of([make_result()])
    assert check_run(run, data=record).all == (of_data,)
    changed = check_run(run, data=record.model_copy(update={"fingerprints": {"photos": "other"}}))
    assert (changed.stale, changed.all) == (("photos",), ())


# Property: whatever the results, a check never raises

HISTORIES = st.lists(st.floats(allow_nan=False, width=32), max_size=5).map(lambda losses: epochs(*losses))
RESULTS = st.builds(
    make_result,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["d (1000)", "d (full)", "imagenet"]),
    st.sampled_from(["fine_tune", "linear_probe"]),
    seed=st.integers(1, 2),
    score=st.one_of(st.none(), st.floats(0, 1)),
    classes=st.integers(0, 12),
    name=st.sampled_from(["d", "e"]),
    sizes=st.dictionaries(st.sampled_from(["train", "test"]), st.integers(0, 10_000)),
    history=HISTORIES,
    pretrained_on=st.sampled_from([None, "", "ImageNet-1k", "cifar10, then ,"]),
    status=st.sampled_from(["done", "done", "done", "failed", "diverged", "timeout"]),
    reason=st.just("for a reason."),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    results=st.lists(RESULTS, max_size=10, unique_by=lambda one: one.id),
    kept=st.integers(0, 9),
    examples=st.integers(1, 30),
)
def test_no_result_set_makes_a_check_raise(results, kept: int, examples: int):
    """Missing scores, absurd losses, no classes, predictions of some: every finding is whole."""
    some = {one.id: predictions([True, False] * examples) for one in results[:kept]}
    found = checked(results, some)
    assert all(one.what and one.where and one.why and one.mend for one in found.findings)
    assert Checks.model_validate_json(found.model_dump_json()) == found


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory):
    """A small honest run: its plan, its results, and what loads its predictions."""
    folder = tmp_path_factory.mktemp("sample")
    plan, results = make_sample_results(folder)
    return plan, results, load_from(folder)


def test_an_honest_run_has_what_is_known_to_be_in_it(sample):
    """A diverged trial, a fit far below its probe, 360 digits that order no neighbours, and what fits noted."""
    plan, results, load = sample
    found = check_run(Run(compare(results, plan_summary=plan, load_predictions=load), results, load))
    others = [one for one in found.findings if one.check != "fit_notes"]
    assert [(one.check, one.severity) for one in others] == [
        ("below_probe", "warning"), ("training", "warning"), ("test_size", "note")
    ]  # fmt: skip
    noted = {one.what.partition(" (")[0].rstrip(".") for one in found.findings if one.check == "fit_notes"}
    assert noted == {"The classifier's own random state is the seed"}
    assert "perceptron_8" in others[1].where


GAPS: dict[str, object] = {
    "scores": {}, "history": (), "data": (), "weights": None, "profile": None, "timings": None, "artefacts": {},
    "family": None, "input_size": None, "candidates": (), "environment": None,
}  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    taken=st.lists(
        st.tuples(st.integers(0, 99), st.sets(st.sampled_from(sorted(GAPS)), max_size=4)),
        max_size=8,
        unique_by=lambda one: one[0],
    ),
    with_predictions=st.booleans(),
)
def test_no_part_of_an_honest_run_makes_a_check_raise(
    sample, taken: list[tuple[int, set[str]]], with_predictions: bool
):
    """Some trials, some of them without a field, with predictions or without."""
    plan, results, load = sample
    gaps = {number % len(results): keys for number, keys in taken}
    some = [results[at].model_copy(update={key: GAPS[key] for key in keys}) for at, keys in gaps.items()]
    loader = load if with_predictions else lambda _result, _name: None
    found = check_run(Run(compare(some, plan_summary=plan, load_predictions=loader), some, loader))
    assert all(one.severity in {"error", "warning", "note"} for one in found.findings)


# Published results: VTAB

CLASSES = {
    "CIFAR-100": 100, "Caltech101": 102, "Camelyon": 2, "Clevr-Count": 8, "Clevr-Dist": 6, "DMLab": 6, "DTD": 47,
    "EuroSAT": 10, "Flowers102": 102, "KITTI-Dist": 4, "Pets": 37, "Resisc45": 45, "Retinopathy": 5, "SVHN": 10,
    "Sun397": 397, "dSpr-Loc": 16, "dSpr-Orient": 16, "sNORB-Azim": 18, "sNORB-Elev": 9,
}  # fmt: skip
"""Classes per data set: Zhai et al. 2019, "A Large-scale Study of Representation Learning", table 2."""


def vtab(path: Path, *, with_classes: bool):
    """The table as results: one per method, data set and number of training examples."""
    with path.open(encoding="utf-8") as file:
        amounts, names, _, *rows = csv.reader(file)
    return [
        make_result(
            row[0], f"{name.lower()} ({amount})", name=name.lower(), score=float(value) / 100,
            classes=CLASSES[name] if with_classes else 0, sizes={"train": 1000} if amount == "1000" else {},
        )
        for row in rows
        for amount, name, value in zip(amounts[1:], names[1:], row[1:], strict=True)
        if name in CLASSES
    ]  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("with_classes", [True, False])
def test_the_diverged_entry_of_vtab_is_the_one_error(with_classes: bool):
    """Cond-BigGAN on all of Caltech101 is at 0.15 %: below chance, and broken down against 1,000 examples.

    The table says neither how many classes there are nor how many examples "full" has.
    """
    results = vtab(SHARED / "reference" / "vtab" / "results.csv", with_classes=with_classes)
    assert len(results) == 16 * 19 * 2
    found = checked(results)
    errors = [one for one in found.findings if one.severity == "error"]
    assert {one.where for one in errors} == {"Cond-BigGAN x caltech101 (full) x fine_tune"}
    assert {one.check for one in errors} == ({"chance", "more_data"} if with_classes else {"more_data"})


def test_the_subject_finds_what_belongs_to_a_cell():
    """Finals by seed, and the home data set; None where no result says it."""
    results = [make_result(seed=2), make_result(seed=1), make_result(seed=3, score=None, status="failed", reason="r")]
    run = run_of(results)
    (cell,) = run.ranked
    assert [one.seed for one in run.finals(cell)] == [1, 2]
    assert run.home(cell).name == "photos"


def test_naming_one_class_is_said_in_the_unit_of_the_headline():
    """Of nine to one, always naming one class is 90 % accuracy and 50 % balanced accuracy."""
    targets = np.array([0] * 90 + [1] * 10)
    made = predictions([True] * 100)
    kept = type(made)(made.example_ids, targets, made.probabilities, made.class_names)
    result = make_result(score=0.7)
    assert run_of([result], {result.id: kept}).comparison.facts.tests[0].always == pytest.approx(0.9)
    balanced = result.model_copy(update={"scores": {"test": {"balanced_accuracy": result.scores["test"]["accuracy"]}}})
    run = run_of([balanced], {result.id: kept}, headline="balanced_accuracy")
    assert run.comparison.facts.tests[0].always == pytest.approx(0.5)
    assert always(0.5, run.comparison.headline) == f"always naming one class gives 50.0{THIN}%"
    loss = run.comparison.headline.model_copy(update={"name": "log_loss", "higher_is_better": False, "unit": ""})
    assert always(0.325, loss) == "answering always with the class shares gives 0.325"


@pytest.mark.parametrize(
    ("probe", "tuned", "found"), [(0.94, 0.60, 1), (0.94, 0.92, 0), (0.94, 0.97, 0)], ids=["lost", "a little", "better"]
)
def test_fine_tuning_far_below_its_own_probe_is_a_finding(probe: float, tuned: float, found: int):
    """It names both scores and the rate: the setting is wrong, not the model."""
    results = [
        make_result(strategy="linear_probe", score=probe),
        make_result(score=tuned, hyperparameters={"learning_rate": 0.001}),
    ]
    findings = [one for one in checked(results).findings if one.check == "below_probe"]
    assert len(findings) == found
    for one in findings:
        assert one.severity == "warning"
        assert "60.0" in one.what
        assert "learning rate of 0.001" in one.what
        assert "94.0" in one.what


def test_a_lower_log_loss_of_the_probe_counts_too():
    """Where lower is better, far below means far above."""
    scores = {"linear_probe": 0.2, "fine_tune": 0.9}
    results = [
        make_result(strategy=name, scores={"test": {"log_loss": {"value": value}}}) for name, value in scores.items()
    ]
    run = run_of(results, headline="log_loss")
    assert [one.where for one in check_run(run).findings if one.check == "below_probe"] == [HERE]


def test_what_twenty_examples_cannot_show_is_no_finding_of_below_probe():
    """Sixteen right against nineteen: the intervals overlap."""
    results = [make_result(strategy="linear_probe", score=0.95), make_result(score=0.8)]
    right = {results[0].id: [True] * 19 + [False], results[1].id: [True] * 16 + [False] * 4}
    kept = {name: predictions(answers) for name, answers in right.items()}
    assert said(results, "below_probe", kept) == []
    assert len(said(results, "below_probe")) == 1
