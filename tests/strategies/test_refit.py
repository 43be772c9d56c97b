"""What strategies learn from: the training split, or in the end the validation split too, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_distill import plan

from suite.registry import STRATEGIES
from suite.runner.request import Teacher
from suite.runner.teacher import AnswersBefore, answers_of, keep_answers
from suite.strategies.fit import Fit, FitContext, TeacherAnswers
from suite.tasks.adapted import softmax

OPTIONS: dict[str, dict[str, object]] = {
    "bitfit": {},
    "distill": {"teacher": "teacher"},
    "fine_tune": {"head_first": True, "unfreeze": 1},
    "from_scratch": {},
    "gradual_unfreeze": {},
    "lora": {"targets": ["*conv*"]},
    "prune": {},
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., FitContext]:
    """A maker of contexts that share one warm workshop."""
    from small_workshop import contexts, workshop

    return contexts(workshop(tmp_path_factory.mktemp("cache")))


def fitted(name: str, context: FitContext) -> Fit:
    """What a strategy makes of a context."""
    strategy = STRATEGIES.get(name)
    options = {"jit": "off", **OPTIONS[name]} if name in OPTIONS else {}
    if name == "distill":
        dice = np.random.default_rng(0)
        said = [dice.normal(size=(n, 10)).astype(np.float32) for n in (len(context.train), len(context.validation))]
        context = replace(context, teacher=TeacherAnswers("t", "teacher", "knn", 0.5, *said))
    return strategy.fit(context, strategy.Options.model_validate_json(json.dumps(options)))


def weights(fit: Fit) -> list[np.ndarray]:
    """Of the whole fitted model."""
    return [np.asarray(weight) for weight in fit.adapted.logits.get_weights()]


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_a_refit_learns_from_both_splits_for_the_chosen_epochs(name: str, context: Callable[..., FitContext]) -> None:
    """The choice is the same; the chosen model is shown before it is trained anew, with a third more examples."""
    shown: list[np.ndarray] = []

    def look(adapted: Any, predictor: Callable[[Any], Any]) -> None:
        shown.append(predictor(adapted.logits)(context().validation.inputs))

    plain = fitted(name, context())
    said = context().workshop.predictor(plain.adapted.logits)(context().validation.inputs)
    learned = weights(plain)
    both = fitted(name, replace(context(), refit=True, before_refit=look))
    assert [one.validation_loss for one in both.history] == [one.validation_loss for one in plain.history]
    assert both.best_epoch == plain.best_epoch
    assert len(shown) == 1
    assert np.allclose(shown[0], said, atol=1e-5)
    assert not all(np.array_equal(one, other) for one, other in zip(weights(both), learned, strict=True))
    assert both.examples is not None
    assert both.examples > (plain.examples or 0)


def test_a_refit_is_what_training_on_both_splits_gives(context: Callable[..., FitContext]) -> None:
    """For as many epochs as were chosen: here the last, so the schedule ends where it ended."""
    one = replace(context(epochs=2), headline="log_loss")
    refit = fitted("from_scratch", replace(one, refit=True))
    learned = weights(refit)
    assert refit.best_epoch == 2
    alone = fitted("from_scratch", replace(one, train=one.train.joined(one.validation)))
    assert alone.best_epoch == 2
    assert all(np.allclose(one, other, atol=1e-6) for one, other in zip(learned, weights(alone), strict=True))


@pytest.mark.parametrize("name", ["knn", "linear_probe"])
def test_probes_and_neighbours_follow_the_same_rule(name: str, context: Callable[..., FitContext]) -> None:
    """Without a refit validation is unseen and the model speaks for itself; with one its earlier word is kept."""
    one = context()
    plain = fitted(name, one)
    assert plain.validation_logits is None
    said = one.workshop.predictor(plain.adapted.logits)(one.validation.inputs)
    both = fitted(name, replace(one, refit=True))
    assert both.hyperparameters == plain.hyperparameters
    logits = np.asarray(both.validation_logits)
    assert np.mean(logits.argmax(axis=1) == said.argmax(axis=1)) > 0.98
    if name == "knn":
        memory = [len(fit.adapted.logits.get_layer("memory").kernel.numpy().T) for fit in (plain, both)]
        assert memory == [len(one.train), len(one.train) + len(one.validation)]


def test_examples_of_two_splits_are_read_as_one(context: Callable[..., FitContext]) -> None:
    """Images where they lie; texts with their tokens, bytes and lengths."""
    from suite.data.token_rows import TokenRows
    from suite.data.tokens import Tokens

    one = context()
    both = one.train.joined(one.validation)
    rows = np.array([0, 299, 300, 399])
    assert both.inputs.shape == (400, 16, 16, 3)
    expected = np.concatenate([one.train.inputs[[0, 299]], one.validation.inputs[[0, 99]]])
    assert np.array_equal(both.inputs[rows], expected)
    assert np.array_equal(np.asarray(both.inputs[298:302]), np.asarray(both.inputs)[298:302])
    assert [both.ids[row] for row in rows] == [*one.train.ids[::299], *one.validation.ids[::99]]

    def tokens(*pieces: list[int]) -> TokenRows:
        lengths = np.array([len(piece) for piece in pieces])
        ids = np.concatenate([np.array(piece, np.int32) for piece in pieces])
        zeros = np.zeros(len(pieces), np.int64)
        return TokenRows(Tokens(ids, lengths.cumsum(), zeros, zeros > 0, lengths, lengths), "encoder", 0, 16)

    first, second = tokens([1, 2], [3, 4, 5]).some(np.array([1, 0])), tokens([6], [7, 8, 9, 10])
    joined = first.joined(second)
    assert len(joined) == 4
    assert joined.lengths.tolist() == [3, 2, 1, 4]
    taken = joined.take(np.array([3, 0, 2]))["token_ids"]
    assert [[token for token in row if token] for row in taken.tolist()] == [[7, 8, 9, 10], [3, 4, 5], [6]]


@pytest.mark.parametrize("name", ["fine_tune", "knn", "linear_probe"])
def test_a_teacher_says_what_it_said_before_it_learned_from_validation(
    name: str, context: Callable[..., FitContext], tmp_path: Path
) -> None:
    """Its kept answers are those of the model that was chosen, of both splits: a student is judged on the second."""
    teacher = next(trial for trial in plan().trials if trial.cell.teaches and trial.phase == "final")
    one, before = context(), AnswersBefore()
    plain = fitted(name, one)
    expected = [one.workshop.predictor(plain.adapted.logits)(split.inputs) for split in (one.train, one.validation)]
    both = replace(one, refit=True)
    both = replace(both, before_refit=lambda adapted, predictor: before.look(adapted, predictor, both))
    keep_answers(teacher, both, fitted(name, both), tmp_path, before)
    said = answers_of(Teacher("t", "m", "s", None, tmp_path / "answers.npz"), one.train, one.validation)
    for ours, logits in zip((said.logits, said.validation_logits), expected, strict=True):
        assert np.allclose(softmax(ours), softmax(logits), atol=1e-3)
