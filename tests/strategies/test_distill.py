"""Distillation: the loss, who learns from whom, in what order, and what is told of it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from export_runs import suite_command

from suite.compare.advice.distillation import taught
from suite.compare.advice.wording import points
from suite.data.batches import Examples
from suite.errors import SpecError
from suite.report.stored_run import current_comparison
from suite.runner.request import Teacher
from suite.runner.schedule import Schedule, missing_trials
from suite.runner.teacher import answers_of
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.spec.trial_selection import select
from suite.store.records.result import Predictions, Result
from suite.store.store import open_store
from suite.strategies.distill import Distill, DistillOptions
from suite.strategies.fine_tune import FineTune, FineTuneOptions
from suite.strategies.fit import TeacherAnswers
from suite.tasks.adapted import softmax

DISTILL = {"strategy": "distill", "teacher": "resnet_tiny", "learning_rate": 0.002}


def document(**changes) -> dict[str, object]:
    """A teacher with two strategies, and a student."""
    return {
        "name": "school",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": name} for name in ("mobilenet_025", "resnet_tiny")],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [DISTILL, {"strategy": "linear_probe"}, {"strategy": "knn"}],
        "seeds": [1, 2],
        "training": {"epochs": 1, "batch_size": 64},
        **changes,
    }


def plan(**changes):
    """The plan of such a spec."""
    return make_plan(parse_spec(json.dumps(document(**changes))))


def cell_of(planned, model: str, strategy: str):
    """The cell of a model and a registered strategy."""
    return next(one for one in planned.cells if one.labels[0] == model and one.strategy.strategy == strategy)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A maker of contexts that share one warm workshop."""
    from small_workshop import contexts, workshop

    return contexts(workshop(tmp_path_factory.mktemp("cache")))


def teacher(count: int, classes: int) -> TeacherAnswers:
    """One that knows nothing and says it firmly."""
    logits = np.random.default_rng(0).normal(0, 3, (count, classes)).astype(np.float32)
    return TeacherAnswers("t", "teacher", "linear_probe", 0.5, logits)


def options(**changes) -> DistillOptions:
    """As a spec would give them."""
    return DistillOptions.model_validate_json(json.dumps({"teacher": "teacher", "jit": "off", **changes}))


def test_the_loss_is_that_of_the_paper():
    """Against NumPy: alpha T^2 of the softened cross-entropy, and the rest of that of the classes."""
    import keras

    from suite.training.objective import Distillation

    random = np.random.default_rng(1)
    images = random.normal(size=(5, 4)).astype(np.float32)
    answers, classes = random.normal(0, 2, (5, 3)).astype(np.float32), np.array([0, 2, 1, 1, 0])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    said = np.asarray(model(images), np.float64)

    def log_softmax(logits):
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    soft = -(np.exp(log_softmax(answers / 4.0)) * log_softmax(said / 4.0)).sum(axis=1).mean()
    hard = -log_softmax(said)[np.arange(5), classes].mean()
    losses, correct, count = Distillation(4.0, 0.7).losses(
        model, images, {"class": classes, "teacher": answers}, label_smoothing=0.0
    )
    assert np.asarray(count).tolist() == [1.0] * 5
    assert np.asarray(losses).mean() == pytest.approx(0.7 * 16 * soft + 0.3 * hard, rel=1e-5)
    assert np.asarray(correct).mean() == pytest.approx((said.argmax(axis=1) == classes).mean())


def test_without_weight_a_teacher_changes_nothing(context):
    """With alpha 0 the fit is that of plain fine-tuning, epoch by epoch."""
    plain = FineTune.fit(context(), FineTuneOptions.model_validate_json('{"jit": "off"}'))
    given = dataclasses.replace(context(), teacher=teacher(300, 10))
    student = Distill.fit(given, options(alpha=0.0))
    assert [one.validation_loss for one in student.history] == pytest.approx(
        [one.validation_loss for one in plain.history], rel=1e-5
    )
    assert student.teaching.trial_id == "t"


def test_a_student_takes_over_what_its_teacher_says(context):
    """Even nonsense: a teacher that names the next class makes a student that does."""
    given = context(epochs=8)
    next_class = 10 * np.eye(10, dtype=np.float32)[(given.train.targets + 1) % 10]
    lesson = dataclasses.replace(teacher(300, 10), logits=next_class)
    given = dataclasses.replace(given, teacher=lesson)

    def agreement(fit):
        predict = given.workshop.predictor(fit.adapted.logits)
        return float((predict(given.train.inputs).argmax(axis=1) == lesson.logits.argmax(axis=1)).mean())

    student = agreement(Distill.fit(given, options(alpha=1.0, learning_rate=0.01)))
    alone = agreement(Distill.fit(given, options(alpha=0.0, learning_rate=0.01)))
    assert student > alone + 0.3


def test_each_student_is_planned_beside_the_same_model_without_a_teacher():
    """With the same options; the teacher itself is no student, and says so."""
    planned = plan()
    student, alone = cell_of(planned, "mobilenet_025", "distill"), cell_of(planned, "mobilenet_025", "fine_tune")
    ours, theirs = student.strategy.own(), alone.strategy.own()
    assert {name: ours[name] for name in theirs} == theirs
    assert (student.epochs, student.batch_size) == (alone.epochs, alone.batch_size)
    assert [(skip.cell.labels[0], skip.reason) for skip in planned.skips] == [
        ("resnet_tiny", "a model is not its own teacher")
    ]
    assert not any(cell.labels[0] == "resnet_tiny" and cell.strategy.strategy == "fine_tune" for cell in planned.cells)


def test_a_baseline_that_the_spec_has_is_not_planned_twice():
    """The cell is the same, whoever asks for it."""
    asked = plan(strategies=[DISTILL, {"strategy": "linear_probe"}, {"strategy": "fine_tune", "learning_rate": 0.002}])
    added = plan(strategies=[DISTILL, {"strategy": "linear_probe"}])
    assert cell_of(asked, "mobilenet_025", "fine_tune").id == cell_of(added, "mobilenet_025", "fine_tune").id
    of_student = [cell for cell in asked.cells if cell.labels[0] == "mobilenet_025"]
    assert [cell.strategy.strategy for cell in of_student].count("fine_tune") == 1


def test_students_with_other_options_have_others_without_a_teacher():
    """Each with a name of its own, though nobody gave it one; those that differ in the teaching alone share one."""
    fast, faster = ({**DISTILL, "label": f"at {rate}", "learning_rate": rate} for rate in (0.01, 0.02))
    cool = {**DISTILL, "label": "cool", "temperature": 2.0}
    planned = plan(strategies=[DISTILL, cool, fast, faster, {"strategy": "knn"}])
    alone = {
        cell.labels[2]: cell.strategy.own()["learning_rate"]
        for cell in planned.cells
        if cell.strategy.strategy == "fine_tune"
    }
    assert alone == {
        "fine_tune: all": 0.002,
        "fine_tune: all, without teacher": 0.01,
        "fine_tune: all, without teacher (at 0.02)": 0.02,
    }


def test_models_that_write_teach_nothing_and_get_no_company():
    """The reason is told, and nothing is planned for students that there cannot be."""
    planned = plan(
        task="text_generation",
        models=[{"source": "zoo", "name": name} for name in ("gpt2_tiny", "t5_tiny")],
        datasets=[{"source": "api_docs", "name": "summaries"}],
        strategies=[{**DISTILL, "teacher": "t5_tiny"}, {"strategy": "fine_tune"}],
    )
    assert {cell.labels[::2] for cell in planned.cells} == {
        ("gpt2_tiny", "fine_tune: all"),
        ("t5_tiny", "fine_tune: all"),
    }
    assert not any(cell.teaches for cell in planned.cells)
    assert all("text_generation has no classes" in skip.reason for skip in planned.skips)


def test_with_few_labels_a_student_learns_from_a_teacher_that_had_as_few():
    """Another would know examples that the student may not learn from."""
    planned = plan(train_examples=[5, 20])
    cells = {cell.id: cell for cell in planned.cells}
    students = [cell for cell in planned.cells if cell.teachers]
    assert [student.train_examples for student in students] == [5, 20]
    for student in students:
        assert {cells[teacher].train_examples for teacher in student.teachers} == {student.train_examples}


def test_a_student_is_another_when_its_teachers_are():
    """Its cells' ids are part of its own."""
    narrow = {**DISTILL, "teacher_strategy": "linear_probe"}
    others = [{"strategy": "linear_probe"}, {"strategy": "knn"}]
    every, one = plan(), plan(strategies=[narrow, *others])
    assert len(cell_of(every, "mobilenet_025", "distill").teachers) == 2
    assert cell_of(one, "mobilenet_025", "distill").teachers == (cell_of(one, "resnet_tiny", "linear_probe").id,)
    assert not cell_of(one, "resnet_tiny", "knn").teaches
    assert cell_of(every, "mobilenet_025", "distill").id != cell_of(one, "mobilenet_025", "distill").id


def test_students_wait_for_every_trial_of_their_teachers():
    """Though they come first in the spec."""
    planned = plan()
    schedule = Schedule(planned.trials)
    order = []
    while (trial := schedule.take(0)) is not None:
        order.append(trial)
        if trial.cell.labels[0] == "resnet_tiny":
            schedule.settle(trial)
    assert "distill" not in {trial.cell.strategy.strategy for trial in order[:-2]}
    assert [trial.cell.strategy.strategy for trial in order[-2:]] == ["distill", "distill"]
    held = Schedule(planned.trials)
    taken = []
    while (trial := held.take(0)) is not None:
        taken.append(trial.cell.strategy.strategy)
    assert "distill" not in taken


def test_a_chosen_student_brings_its_teachers():
    """``--only`` selects them along."""
    chosen = select(plan(), ("strategy=distill",))
    assert {(cell.labels[0], cell.strategy.strategy) for cell in chosen.cells} == {
        ("mobilenet_025", "distill"),
        ("resnet_tiny", "linear_probe"),
        ("resnet_tiny", "knn"),
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategies": [{**DISTILL, "teacher": "resnet_tin"}]}, "Did you mean 'resnet_tiny'"),
        ({"strategies": [{**DISTILL, "teacher_strategy": "knnn"}, {"strategy": "knn"}]}, "teacher_strategy"),
        ({"strategies": [DISTILL]}, "adapted by 'distill' alone"),
        ({"strategies": [{**DISTILL, "learning_rate": [0.1, 0.2]}, {"strategy": "knn"}]}, "'distill' takes one"),
        ({"funnel": {}}, "it may drop a teacher"),
        (
            {
                "strategies": [
                    {**DISTILL, "search": {"sampler": "grid", "space": {"alpha": [0.1, 0.9]}}},
                    {"strategy": "knn"},
                ]
            },
            "search: 'distill' takes one setting",
        ),
        ({"strategies": [{"strategy": "distill"}]}, "teacher"),
        ({"strategies": [{**DISTILL, "temperature": 0}]}, "temperature"),
        ({"strategies": [{**DISTILL, "alpha": 1.5}]}, "alpha"),
    ],
)
def test_what_cannot_be_taught_is_refused_before_anything_runs(changes, said):
    """In a sentence with the place."""
    with pytest.raises(SpecError, match=said.replace("(", r"\(")):
        plan(**changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished run."""
    root = tmp_path_factory.mktemp("school")
    strategies = [DISTILL, {"strategy": "linear_probe"}]
    (root / "spec.json").write_text(json.dumps(document(strategies=strategies)))
    outcome = suite_command("run", root / "spec.json", "--out", root / "out")
    assert outcome.exit_code == 0, outcome.output
    return root


def stored(out: Path) -> list[Result]:
    """Its results; of the linear probes the teacher's only."""
    with open_store(out, create=False) as store:
        results = store.query()
    return [one for one in results if one.strategy != "linear_probe" or one.model == "resnet_tiny"]


def test_a_run_teaches_each_seed_by_its_own_and_tells_what_it_brought(finished):
    """The result names the teacher's trial; the report has the difference to the same model without one."""
    with open_store(finished / "out", create=False) as store:
        results = store.query()
    teachers = {one.seed: one for one in results if one.model == "resnet_tiny"}
    students = [one for one in results if one.strategy.startswith("distill")]
    assert [one.seed for one in students] == [1, 2]
    for student in students:
        lesson = student.teaching
        assert (lesson.trial_id, lesson.model, lesson.temperature, lesson.alpha) == (
            teachers[student.seed].id,
            "resnet_tiny",
            4.0,
            0.9,
        )
        assert lesson.validation_score == teachers[student.seed].scores["validation"]["accuracy"].value
    said = (finished / "out" / "report.md").read_text(encoding="utf-8")
    assert "What resnet_tiny taught mobilenet_025 is worth" in said
    assert "against mobilenet_025, fine-tuned (all), under the same budget" in said
    table = said[said.index("Students and their teachers") :].splitlines()
    row = next(line for line in table if line.startswith("| mobilenet"))
    mean = sum(one.teaching.validation_score for one in students) / 2
    taken = [box.strip() for box in row.strip("|").split("|")]
    assert taken == ["mobilenet_025", "distill: resnet_tiny", "resnet_tiny", "linear_probe", f"{mean:.3f}", "4", "0.9"]


def test_each_student_is_told_apart_in_its_sentence(finished):
    """By strategy and data set where there are several; and where nobody learned alone, that is said."""
    found = current_comparison(finished / "out")
    cells, results = list(found.cells), stored(finished / "out")
    student = next(cell for cell in cells if cell.teaching)
    alone = next(cell for cell in cells if cell.strategy_name == "fine_tune")
    pair = next(pair for pair in found.pairs if {pair.better, pair.worse} == {student.cell_id, alone.cell_id})
    cool = student.model_copy(update={"cell_id": "cool", "strategy": "cool"})
    results += [one.model_copy(update={"cell_id": "cool"}) for one in results if one.cell_id == student.cell_id]
    elsewhere = alone.model_copy(update={"cell_id": "elsewhere", "dataset": "letters"})
    said = taught(results, [*cells, cool, elsewhere], found.pairs, found.headline)
    assert [one.partition(" is worth ")[0].partition(" cannot ")[0] for one in said] == [
        "What resnet_tiny taught mobilenet_025 (distill: resnet_tiny) on digits",
        "What resnet_tiny taught mobilenet_025 (cool) on digits",
    ]
    value = (1 if pair.better == student.cell_id else -1) * pair.difference
    (plain,) = taught(results, cells, found.pairs, found.headline)
    assert f"is worth {points(value, found.headline)} (" in plain
    (lonely,) = taught(results, [cell for cell in cells if cell is not alone], found.pairs, found.headline)
    assert lonely == (
        "What resnet_tiny taught mobilenet_025 cannot be told: the same model without a teacher has no score."
    )


def test_a_student_is_run_again_when_its_teacher_is(finished):
    """A newer result of the teacher, or one that is missing, makes the student's an old one."""
    planned = make_plan(parse_spec((finished / "spec.json").read_text()))
    with open_store(finished / "out", create=False) as store:
        entries = store.entries()
    assert missing_trials(planned, entries) == ()
    lesson = next(trial for trial in planned.trials if trial.cell.teaches and trial.seed == 1)
    newer = {**entries, lesson.id: dataclasses.replace(entries[lesson.id], sequence=10_000)}
    assert {trial.cell.strategy.strategy for trial in missing_trials(planned, newer)} == {"distill"}
    without = {name: entry for name, entry in entries.items() if name != lesson.id}
    assert {trial.cell.strategy.strategy for trial in missing_trials(planned, without)} == {"distill", "linear_probe"}


def test_only_a_student_whose_own_teacher_changed_learns_again(finished, tmp_path):
    """One teacher is gone and a seed is new: the student of the untouched one stays, and then nothing is missing."""
    shutil.copytree(finished, tmp_path / "again")
    root = tmp_path / "again"
    spec = json.loads((root / "spec.json").read_text())
    before = {(one.strategy, one.seed): one for one in stored(root / "out")}
    with open_store(root / "out") as store:
        store.delete([before["linear_probe", 1].id])
    (root / "spec.json").write_text(json.dumps({**spec, "seeds": [1, 2, 3]}))
    outcome = suite_command("run", root / "spec.json", "--out", root / "out")
    assert outcome.exit_code == 0, outcome.output
    assert "seed 2: kept, its teachers changed nothing" in outcome.output
    after = {(one.strategy, one.seed): one for one in stored(root / "out")}
    student = "distill: resnet_tiny"
    assert after[student, 2] == before[student, 2]
    assert after[student, 1].finished_at > before[student, 1].finished_at
    assert after[student, 3].teaching.trial_id == after["linear_probe", 3].id
    planned = make_plan(parse_spec((root / "spec.json").read_text()))
    with open_store(root / "out", create=False) as store:
        assert missing_trials(planned, store.entries()) == ()
        predictions = store.artefact(after[student, 2], "predictions/test")
    assert Predictions.load(predictions).probabilities.shape[1] == 10


def test_what_a_sure_teacher_says_of_unlikely_classes_is_not_cut_off(tmp_path):
    """At a high temperature even they have a say: logits come back up to a constant, in the student's order."""
    logits = np.array([[0.0, -20.0, -60.0], [-1.0, 0.0, -40.0]], np.float32)
    ids = np.array(["a", "b"])
    Predictions(ids, np.array([0, 1]), softmax(logits), ("x", "y", "z")).save(tmp_path / "answers.npz")
    train = Examples(np.zeros((2, 1, 1, 3), np.uint8), np.array([1, 0]), ("b", "a"))
    said = answers_of(Teacher("t", "teacher", "knn", 0.5, tmp_path / "answers.npz"), train)
    back = said.logits - said.logits.max(axis=1, keepdims=True)
    np.testing.assert_allclose(back, logits[::-1], atol=1e-4)


def test_a_student_without_a_teacher_is_skipped_with_the_reason(context):
    """No trial of the teacher's with its seed was done."""
    from suite.errors import TrialSkipped

    with pytest.raises(TrialSkipped, match="no trial of the teacher 'teacher' with this seed is done"):
        Distill.fit(context(), options())
