"""Recommendations within limits: what is taken, why not the others, what would change it, what to try next."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as Ended
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_run import load_from, make_sample_results

import suite
from suite.cli.main import cli
from suite.compare.advice.advice import advise_again
from suite.compare.advice.constraints import keeps, limits_of, unlimited
from suite.compare.advice.recommendation import choose
from suite.compare.advice.records import Unmet
from suite.compare.cell import BestComparison, LearningCurve, Tried
from suite.compare.compare import compare
from suite.compare.comparison import CellSummary, Comparison, PlanSummary, Recommendation
from suite.errors import SpecError, UnknownNameError
from suite.report.writing import write_report
from suite.spec.constraints import Constraints, parse_bounds
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.store.records.result import EpochRecord, Result
from suite.store.store import open_store

Ask = Callable[..., Recommendation | Unmet]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PlanSummary, list[Result]]:
    """The sample run: its files, plan and results."""
    source = tmp_path_factory.mktemp("made")
    return source, *make_sample_results(source)


@pytest.fixture(scope="module")
def folder(made: tuple[Path, PlanSummary, list[Result]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample run as a folder that commands can read."""
    source, plan, results = made
    out = tmp_path_factory.mktemp("recommend") / "sample"
    with open_store(out) as store:
        for result in results:
            files = store.folder / "tmp" / result.id
            shutil.copytree(source / "store" / "trials" / result.id, files)
            store.save(result, files)
        store.save_document("plan", plan.model_dump_json())
        store.save_document("spec", "{}")
    suite.rebuild_report(out)  # keeps the comparison, so that each command need not make it again
    return out


@pytest.fixture(scope="module")
def comparison(folder: Path) -> Comparison:
    """The comparison of the sample, without limits."""
    return suite.load_comparison(folder).comparison


@pytest.fixture(scope="module")
def ask(comparison: Comparison) -> Ask:
    """Asks the sample again, with the limits of a spec's ``constraints``."""

    def again(**limits: object) -> Recommendation | Unmet:
        return advise_again(comparison, Constraints(**limits) if limits else None)[0]

    return again


def call(*words: object) -> Ended:
    """One command in this process."""
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False, prog_name="suite")


def size_of(cell: CellSummary) -> float:
    """Megabytes."""
    return cell.profile.size_bytes / 1e6


def test_asking_again_without_limits_gives_the_same(comparison: Comparison, ask: Ask):
    """A stored comparison holds all that a recommendation is made from."""
    assert ask() == comparison.recommendation
    assert ask().limits == ()


def test_what_is_taken_keeps_every_limit(comparison: Comparison, ask: Ask):
    """The cells beyond a limit are not among the tied, and the sentence names the limit."""
    sizes = sorted(size_of(cell) for cell in comparison.ranking("digits"))
    limit = sizes[len(sizes) // 2]
    found = ask(max_size_mb=limit)
    assert all(size_of(comparison.cell(cell_id)) <= limit for cell_id in (found.cell_id, *found.tied))
    assert found.take.startswith("With at most ")
    assert "MB size" in found.take
    assert found.limits[0].excludes == sum(size > limit for size in sizes)


def test_every_other_cell_has_its_reason(comparison: Comparison, ask: Ask):
    """Beyond which limit by how much, or worse by how much with the interval of the pair."""
    found = ask(minimum={"accuracy": 0.9})
    assert len(found.others) == len(comparison.ranking("digits")) - 1
    for other in found.others:
        score = comparison.cell(other.cell_id).headline.value
        assert bool(other.beyond) == (score < 0.9)
        assert other.text
        if other.beyond:
            assert other.beyond[0].by == pytest.approx(0.9 - score)
            assert "points short of 90" in other.text
        elif not other.tied and other.worse_by > 0:
            assert other.low <= other.worse_by <= other.high
            assert "points worse" in other.text


def test_what_would_change_the_answer_does(comparison: Comparison, ask: Ask):
    """Asking with the limit that a sentence names gives the cell that it names."""
    best = comparison.ranking("digits")[0].headline.value
    limits = {"max_size_mb": sorted(size_of(cell) for cell in comparison.ranking("digits"))[3]}
    checked = 0
    for given_limits in ({}, limits, {**limits, "minimum": {"accuracy": best - 0.3}}):
        for change in ask(**given_limits).changes:
            if change.instead is None:
                assert ask().cell_id == change.cell_id
                continue
            side, _, name = change.key.partition(".")
            moved = {**given_limits, side: {name: change.instead} if name else change.instead}
            again = ask(**moved)
            assert again.cell_id == change.cell_id != ask(**given_limits).cell_id
            checked += 1
    assert checked > 2


def test_a_looser_limit_is_the_nearest_that_changes_anything(comparison: Comparison, ask: Ask):
    """Between the limit and the one that is told, no cell's size gives another answer."""
    sizes = sorted(size_of(cell) for cell in comparison.ranking("digits"))
    now = ask(max_size_mb=sizes[0])
    looser = next(one for one in now.changes if one.instead is not None and one.instead > sizes[0])
    between = [size for size in sizes if sizes[0] < size < looser.instead and size > 0]
    admitting = {size for size in between if looser.instead - size > 0.01 * looser.instead}
    assert all(ask(max_size_mb=size).cell_id == now.cell_id for size in admitting)


@settings(max_examples=200, deadline=None)
@given(value=st.floats(1e-6, 1e9), which=st.integers(0, 5))
def test_a_proposed_limit_does_what_it_is_proposed_for(value: float, which: int):
    """Rounding to few digits never loses the cell that is to be admitted, nor keeps the one to be excluded."""
    limit = unlimited()[which]
    assert limit.admitting(value) >= value
    excluding = limit.excluding(value)
    assert excluding is None or excluding < value


@settings(max_examples=200, deadline=None)
@given(value=st.floats(-10, 10))
def test_a_proposed_score_does_too(value: float):
    """The same for a least score, whose steps are thousandths."""
    (limit,) = limits_of(Constraints(minimum={"accuracy": 0.5}))
    assert limit.admitting(value) <= value < limit.excluding(value)
    assert value - limit.admitting(value) < 0.002


@pytest.mark.parametrize(
    ("limits", "keys", "said"),
    [
        ({"max_size_mb": 1e-9}, ("max_size_mb",), "alone excludes all"),
        ({"max_macs": 1.0, "minimum": {"accuracy": 1.0}}, ("max_macs", "minimum.accuracy"), "each exclude all"),
        ({"max_memory_mb": 1000.0}, ("max_memory_mb",), "Peak memory was not measured of any cell"),
    ],
)
def test_limits_that_nothing_keeps_are_told(ask: Ask, limits: dict[str, object], keys: tuple[str, ...], said: str):
    """Which of them exclude everything; of what was never measured, that it was not."""
    found = ask(**limits)
    assert isinstance(found, Unmet)
    assert found.keys == keys
    assert said in found.text


def test_the_nearest_limit_that_something_keeps_is_told(comparison: Comparison, ask: Ask):
    """With the value that is named, the cell that is named is taken."""
    found = ask(max_size_mb=1e-9)
    (nearest,) = found.nearest
    assert ask(max_size_mb=nearest.instead).cell_id == nearest.cell_id
    assert comparison.cell(nearest.cell_id).model in found.text


def test_two_limits_that_exclude_everything_together_are_told(comparison: Comparison, ask: Ask):
    """Each alone would leave something; either could be moved."""
    ranking = comparison.ranking("digits")
    best = ranking[0]
    smaller = min(size_of(cell) for cell in ranking if cell.headline.value < best.headline.value)
    if smaller >= size_of(best):
        pytest.skip("the best is the smallest here")
    found = ask(max_size_mb=smaller, minimum={"accuracy": best.headline.value})
    assert found.keys == ("max_size_mb", "minimum.accuracy")
    assert "though not each alone" in found.text
    assert {change.key for change in found.nearest} == set(found.keys)


def test_a_limit_on_another_evaluation_set_is_read_there(comparison: Comparison, ask: Ask):
    """``digits_noisy:accuracy`` is the accuracy on the noisy digits."""
    found = ask(minimum={"digits_noisy:accuracy": 0.3})
    (limit,) = limits_of(Constraints(minimum={"digits_noisy:accuracy": 0.3}))
    chosen = comparison.cell(found.cell_id)
    assert keeps(chosen, (limit,))
    assert limit.read(chosen) == chosen.on("digits_noisy").metrics["accuracy"].mean


@pytest.mark.parametrize("key", ["acuracy", "digit_noisy:accuracy"])
def test_an_unknown_name_is_refused_with_the_nearest(ask: Ask, key: str):
    """A metric or an evaluation set that there is not."""
    with pytest.raises(UnknownNameError, match=r"Did you mean '(accuracy|digits_noisy)'\?"):
        ask(minimum={key: 0.5})


def test_cells_without_training_and_profile_can_be_recommended(comparison: Comparison):
    """As exported files and published numbers have neither times nor a ledger."""
    bare = tuple(
        cell.model_copy(update={"timings": None, "curves": (), "ledger": _nothing(cell), "profile": None})
        for cell in comparison.cells
    )
    (found,) = advise_again(comparison.model_copy(update={"cells": bare}), None)
    assert found.cell_id == comparison.ranking("digits")[0].cell_id
    assert {step.kind for step in found.next_steps} <= {"finding", "unfreeze", "settle"}
    (missed,) = advise_again(comparison.model_copy(update={"cells": bare}), Constraints(max_latency_ms=5.0))
    assert "Latency was not measured of any cell" in missed.text


def _nothing(cell: CellSummary):
    return cell.ledger.model_copy(update={"tried": (), "chosen": (), "space": {}, "fits": 0})


def _steps(comparison: Comparison, **update: object) -> dict[str, str]:
    """The next steps where the recommended cell is another."""
    chosen = comparison.recommendation.cell_id
    cells = tuple(cell.model_copy(update=update) if cell.cell_id == chosen else cell for cell in comparison.cells)
    (found,) = advise_again(comparison.model_copy(update={"cells": cells}), None)
    return {step.kind: step.text for step in found.next_steps}


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({1e-4: 0.8, 1e-3: 0.9}, "highest that was tried: try further, such as 0.01"),
        ({1e-4: 0.9, 1e-3: 0.8}, "lowest that was tried: try further, such as 1e-05"),
        ({1e-4: 0.7, 1e-3: 0.9, 1e-2: 0.8}, "between others that were tried"),
    ],
)
def test_the_learning_rate_is_placed_in_what_was_tried(comparison: Comparison, scores: dict[float, float], said: str):
    """The best on validation, and whether it lies at an edge."""
    tried = tuple(
        Tried(hyperparameters={"learning_rate": rate}, validation_score=score, seed=0, epochs=2, seconds=1.0)
        for rate, score in scores.items()
    )
    ledger = comparison.cell(comparison.recommendation.cell_id).ledger.model_copy(update={"tried": tried})
    text = _steps(comparison, ledger=ledger)["learning_rate"]
    assert said in text
    assert f"{max(scores, key=lambda rate: scores[rate]):g} was best on validation (90.0" in text


@pytest.mark.parametrize("none", [0, 0.0, -0.1, [], None, "x"])
def test_a_learning_rate_that_is_none_is_not_among_the_tried(comparison: Comparison, none: Any):
    """A damaged record has anything there; the rates beside it are judged as if it were not."""
    tried = tuple(
        Tried(hyperparameters={"learning_rate": rate}, validation_score=score, seed=0, epochs=2, seconds=1.0)
        for rate, score in ((none, 0.5), (1e-3, 0.8), (1e-2, 0.9))
    )
    ledger = comparison.cell(comparison.recommendation.cell_id).ledger
    searched = ledger.model_copy(update={"tried": tried})
    assert "of 2 tried, from 0.001 to 0.01" in _steps(comparison, ledger=searched)["learning_rate"]
    single = ledger.model_copy(update={"tried": (), "chosen": ({"learning_rate": none},), "space": {}})
    assert "learning_rate" not in _steps(comparison, ledger=single)


@pytest.mark.parametrize(
    ("validation", "best", "said"),
    [
        ([0.5, 0.6, 0.7, 0.8], 4, "10.0 points above the best before it; still improving"),
        ([0.5, 0.6, 0.8, 0.801], 4, "more would bring little"),
        ([0.5, 0.8, 0.7, 0.7], 2, "the best came after 2 of 4; fewer epochs"),
        ([0.5, 0.6, 0.8, 0.7], 3, "the number is about right"),
    ],
)
def test_the_epochs_are_judged_by_the_best_one(comparison: Comparison, validation: list[float], best: int, said: str):
    """Whether the last was the best, and what it brought."""
    epochs = tuple(
        EpochRecord(
            epoch=number, seconds=1.0, learning_rate=0.1, train_loss=1.0, train_accuracy=0.5, validation_loss=1.0,
            validation_score=score, trainable_parameters=1,
        )
        for number, score in enumerate(validation, start=1)
    )  # fmt: skip
    text = _steps(comparison, curves=(LearningCurve(seed=1, best_epoch=best, epochs=epochs),))["epochs"]
    assert said in text


def test_scattered_seeds_make_no_better_choice(comparison: Comparison):
    """What scores below a cell that is worse beyond doubt is not taken, though its wide interval holds 0."""
    cells = comparison.ranking(comparison.datasets[0])[:3]
    ids = [cell.cell_id for cell in cells]
    given = {"behind": 0.1, "high": 0.4, "against": ids[0]}
    clear = BestComparison(**given, verdict="worse", low=0.05)
    vague = BestComparison(**given, verdict="unsettled", low=-0.2)
    best, first, second = cells
    found = choose(
        (best, *(one.model_copy(update={"best": said}) for one, said in ((first, clear), (second, vague)))), {}
    )
    assert found is not None
    assert [cell.cell_id for cell in found.tied] == ids[:1]
    swapped = choose(
        (best, *(one.model_copy(update={"best": said}) for one, said in ((first, vague), (second, clear)))), {}
    )
    assert swapped is not None
    assert [cell.cell_id for cell in swapped.tied] == ids[:2]


@pytest.mark.parametrize(("behind", "taken"), [(0.03, 1), (0.08, 0)])
def test_no_cost_is_a_reason_to_give_up_what_nearly_shows(comparison: Comparison, behind: float, taken: int):
    """0.1 behind would be called worse: a cheaper cell is taken at 0.03, and not at 0.08, though it may be the best."""
    best, cheap = (cell for cell in comparison.ranking("digits")[:2])
    assert best.profile is not None
    profile = best.profile.model_copy(update={"parameters": 1})
    verdict = BestComparison(
        verdict="may_be_best", behind=behind, low=behind - 0.1, high=behind + 0.1, against=best.cell_id
    )
    cells = (
        best.model_copy(update={"files": ()}),
        cheap.model_copy(update={"best": verdict, "profile": profile, "files": ()}),
    )
    found = choose(cells, {})
    assert found is not None
    assert [cell.cell_id for cell in found.tied] == [best.cell_id, cheap.cell_id]
    assert found.chosen.cell_id == cells[taken].cell_id
    assert (found.by == "score") == (taken == 0)


def test_limits_that_leave_out_the_best_ask_the_pairs(comparison: Comparison):
    """The best of the rest is held against the others by the intervals of all pairs, which hold together."""
    rest = comparison.ranking("digits")[1:]
    pairs = {(one.better, one.worse): one for one in comparison.pairs}
    apart = [pairs[(rest[0].cell_id, cell.cell_id)].different for cell in rest[1:]]
    found = choose(rest, pairs)
    assert found is not None
    assert [cell.cell_id for cell in found.tied] == [cell.cell_id for cell in rest[: 1 + apart.index(True)]]


def test_constraints_change_no_trial():
    """They are no part of a trial's identity; a wrong metric or set in them is refused before anything runs."""
    spec = {
        "name": "small",
        "task": "image_classification",
        "models": [{"source": "applications", "name": "MobileNetV2"}],
        "datasets": [{"source": "sklearn", "name": "digits_photo"}],
        "evaluate_on": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}],
    }
    limits = {"max_latency_ms": 20, "minimum": {"accuracy": 0.9, "digits:accuracy": 0.8}}
    free, limited = (make_plan(parse_spec(json.dumps(one))) for one in (spec, {**spec, "constraints": limits}))
    assert [trial.id for trial in free.trials] == [trial.id for trial in limited.trials]
    for wrong in ({"minimum": {"acuracy": 0.9}}, {"minimum": {"digit:accuracy": 0.9}}):
        with pytest.raises(SpecError, match="Did you mean"):
            make_plan(parse_spec(json.dumps({**spec, "constraints": wrong})))
    with pytest.raises(SpecError, match="Did you mean 'max_latency_ms'"):
        parse_spec(json.dumps({**spec, "constraints": {"max_latency": 20}}))


def test_the_report_says_the_limits(made: tuple[Path, PlanSummary, list[Result]], tmp_path: Path):
    """Page and Markdown twin: limits, reasons, what would change the answer, next steps."""
    source, plan, results = made
    limited = plan.model_copy(update={"constraints": Constraints(minimum={"accuracy": 0.9})})
    found = compare(results, plan_summary=limited, load_predictions=load_from(source))
    write_report(found, tmp_path)
    for name in ("report.html", "report.md"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        for said in ("With at least 90", "The limits leave out", "What would change the answer", "Next steps"):
            assert said in text, (name, said)
        assert "Why not the others" in text


def test_the_report_says_that_nothing_keeps_the_limits(made: tuple[Path, PlanSummary, list[Result]], tmp_path: Path):
    """Instead of an answer, with what excludes everything; the run's report does not fail over it."""
    source, plan, results = made
    limited = plan.model_copy(update={"constraints": Constraints(max_size_mb=1e-9)})
    found = compare(results, plan_summary=limited, load_predictions=load_from(source))
    assert found.recommendation is None
    write_report(found, tmp_path)
    for name in ("report.html", "report.md"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "No model keeps the limits." in text
        assert "alone excludes all" in text


def test_the_command_says_what_python_says(folder: Path):
    """One sentence per reason; JSON holds all of it."""
    ended = call("recommend", folder, "--min", "accuracy=0.9", "digits_noisy:accuracy=0.2", "--max-size-mb", "50")
    assert ended.exit_code == 0
    found = suite.recommend(folder, max_size_mb=50, minimum={"accuracy": 0.9, "digits_noisy:accuracy": 0.2})
    assert ended.stdout.startswith(found.take)
    assert "Next steps" in ended.stdout
    told = json.loads(call("recommend", folder, "--json").stdout)
    assert Recommendation.model_validate(told["recommendations"][0]) == suite.recommend(folder)
    assert told["unmet"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--min", "acuracy=0.9"), "Did you mean 'accuracy'?"),
        (("--min", "accuracy"), "expected METRIC=VALUE"),
        (("--min", "accuracy=high"), "expected METRIC=VALUE"),
        (("--min", "accuracy=nan"), "expected METRIC=VALUE"),
        (("--min", "accuracy=0.1", "--min", "accuracy=0.2"), "limited twice"),
        (("--max-size-mb", "-3"), "max_size_mb: expected greater than 0"),
        (("--max-latency-ms", "nan"), "max_latency_ms"),
        (("--max-size-mb", "0.000001"), "alone excludes all"),
        (("--dataset", "digit"), "Did you mean 'digits'?"),
    ],
)
def test_wrong_input_is_one_sentence(folder: Path, words: tuple[str, ...], said: str):
    """Exit code 2, what was expected, no traceback."""
    ended = call("recommend", folder, *words)
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_without_a_run_is_refused(tmp_path: Path):
    """With what was expected there."""
    assert call("recommend", tmp_path).exit_code == 2


def test_limits_of_the_command_replace_those_of_the_spec():
    """One by one; what only the spec limits stays."""
    spec = Constraints(max_size_mb=10.0, max_latency_ms=5.0, minimum={"accuracy": 0.5, "f1_macro": 0.4})
    both = spec.replaced_by(Constraints(max_size_mb=2.0, minimum={"accuracy": 0.9}))
    assert (both.max_size_mb, both.max_latency_ms) == (2.0, 5.0)
    assert both.minimum == {"accuracy": 0.9, "f1_macro": 0.4}


@given(st.text(max_size=30))
def test_any_text_is_a_bound_or_refused(text: str):
    """A parser of what people type never fails in another way."""
    with contextlib.suppress(SpecError):
        assert all(math.isfinite(value) for value in parse_bounds("--min", [text]).values())
