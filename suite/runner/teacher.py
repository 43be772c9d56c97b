"""What passes from a teacher's trial to a student's: its answers for the training examples."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.batches import Examples
from suite.errors import StoreError, TrialFailure
from suite.runner.request import Teacher
from suite.spec.trial import Trial
from suite.store.records.result import Predictions, Result
from suite.store.store import Store
from suite.strategies.fit import Fit, FitContext, TeacherAnswers
from suite.tasks.adapted import Adapted, class_predictions

__all__ = ["ANSWERS", "AnswersBefore", "answers_of", "keep_answers", "learned_the_same", "teacher_of"]

ANSWERS = "answers/train"
"""Name of the artefact among a teacher's."""
FILE = "answers.npz"
SMALLEST = float(np.finfo(np.float32).tiny)
"""Probabilities below count as this one, so that their logarithm is finite. A larger one would tell at high
temperatures, where a teacher's least likely classes have a say."""


@dataclass
class AnswersBefore:
    """What a teacher said of its training and validation examples before it learned from validation too."""

    said: list[Predictions] = field(default_factory=list)

    def look(self, adapted: Adapted, predictor: Callable[[Any], Any], context: FitContext) -> None:
        """Keeps what the model says now."""
        predict = predictor(adapted.logits)
        self.said = [
            class_predictions(predict, examples, class_names=context.class_names)
            for examples in (context.train, context.validation)
        ]


def keep_answers(trial: Trial, context: FitContext, fit: Fit, folder: Path, before: AnswersBefore) -> dict[str, str]:
    """Writes what a teacher says of its training examples; nothing where the trial does not teach.

    Where students are refitted they learn from the validation examples in the end, so their answers are there too.
    All of it is of the model that was chosen on validation, before it learned from validation itself: what a student
    learns must tell nothing of the examples that it is judged on.
    """
    if not trial.cell.teaches or trial.phase != "final":
        return {}
    said = before.said
    if fit.logits_before is not None:
        said = [
            class_predictions(
                partial(_of_features, fit.logits_before, context.features(examples).values),
                examples,
                class_names=context.class_names,
            )
            for examples in (context.train, context.validation)
        ]
    if not said:
        predictor: Callable[[Any], Any] = context.predictor(fit, context.train, fingerprint=context.fingerprint)
        said = [class_predictions(predictor(fit.adapted.logits), context.train, class_names=context.class_names)]
    Predictions(
        example_ids=np.concatenate([one.example_ids for one in said]),
        targets=np.concatenate([one.targets for one in said]),
        probabilities=np.concatenate([one.probabilities for one in said]),
        class_names=context.class_names,
    ).save(folder / FILE)
    return {ANSWERS: FILE}


def _of_features(logits: Callable[[Any], Any], features: Any, _inputs: Any) -> Any:
    """Logits from features that are there, in the place of a predictor of inputs."""
    return logits(features)


def teacher_of(trial: Trial, store: Store, *, headline: str, sign: int) -> Teacher | None:
    """The trial that a student learns from: of its own seed, of the teachers' cell that is best on validation.

    A teacher of another seed may have seen the student's test examples, where each seed makes splits of its own; and
    one teacher for all seeds would hide how much depends on it.

    Args:
        trial: Any; only students have teachers.
        store: Where the teachers' results are.
        headline: Name of the metric.
        sign: 1 where a higher score is better, else -1.

    Returns:
        The teacher; None for what is no student, and where no teacher of that seed is done.
    """
    found: dict[str, list[Result]] = defaultdict(list)
    for cell_id in trial.cell.teachers:
        for result in store.query(cell_id=cell_id, status="done", phase="final"):
            if ANSWERS in result.artefacts and _score(result, headline) is not None:
                found[cell_id].append(result)
    best = sorted(found.values(), key=lambda results: -sign * _mean(results, headline))
    for results in best:
        for result in results:
            path = store.artefact(result, ANSWERS)
            if result.seed == trial.seed and store.is_elsewhere(result.id):
                raise StoreError(
                    f"trial {trial.id}: its teacher {result.model} ({result.id}) was trained on another machine, and "
                    "its answers are there; let all machines keep their files in one folder: --artifacts DIR."
                )
            if result.seed == trial.seed and path is not None and path.is_file():
                return Teacher(result.id, result.model, result.strategy, _score(result, headline), path.resolve())
    return None


def learned_the_same(trial: Trial, store: Store, teacher: Teacher | None) -> bool:
    """Whether a student's stored result is what it would learn again, so that nothing is to be done.

    Other trials of its teachers were run since, for instance of another seed, or one that failed before; that has
    changed neither who teaches nor what is taught.
    """
    stored = store.load(trial.id) if trial.cell.teachers else None
    if stored is None or stored.status not in {"done", "skipped"}:
        return False
    if teacher is None or stored.teaching is None:
        return teacher is None and stored.teaching is None
    entries = store.entries()
    older = entries[teacher.trial_id].sequence < entries[trial.id].sequence
    return older and stored.teaching.trial_id == teacher.trial_id


def answers_of(teacher: Teacher | None, train: Examples, refit_on: Examples | None = None) -> TeacherAnswers | None:
    """The teacher's answers as logits, in the order of the student's examples.

    Args:
        teacher: None for what learns from none.
        train: The student's training examples.
        refit_on: Its validation examples, where it learns from them too in the end.

    Raises:
        TrialFailure: Where the teacher learned from other examples.
    """
    if teacher is None:
        return None
    said = Predictions.load(teacher.answers)
    rows = {example: row for row, example in enumerate(said.example_ids.tolist())}
    asked = (train,) if refit_on is None else (train, refit_on)
    missing = sum(example not in rows for examples in asked for example in examples.ids)
    if missing:
        raise TrialFailure(
            f"the teacher {teacher.model} ({teacher.trial_id}) does not know {missing} training examples"
        )
    logits = []
    for examples in asked:
        order = np.array([rows[example] for example in examples.ids], dtype=np.int64)
        logits.append(np.log(np.maximum(said.probabilities[order], SMALLEST)).astype(np.float32))
    return TeacherAnswers(teacher.trial_id, teacher.model, teacher.strategy, teacher.validation_score, *logits)


def _score(result: Result, headline: str) -> float | None:
    score = result.scores.get("validation", {}).get(headline)
    return None if score is None else score.value


def _mean(results: list[Result], headline: str) -> float:
    return statistics.fmean(score for result in results if (score := _score(result, headline)) is not None)
