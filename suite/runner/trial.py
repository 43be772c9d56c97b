"""The stages of one trial, in the only place that knows their order. Runs inside a worker process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite.data.batches import Examples, typical_inputs
from suite.data.dataset import Dataset, Split
from suite.data.labelled import LabelledSplit, labelled_splits
from suite.data.token_rows import TokenRows
from suite.errors import BatchTooLarge, DataError, TrialDiverged, TrialFailure
from suite.metrics import Metric, metrics_answering, metrics_named, score_all
from suite.metrics.plugin_metrics import records_of, scored_by
from suite.models.backbone import TextBackbone
from suite.models.precision import store_in_float32
from suite.registry import METRICS, STRATEGIES, TASKS, load_plugin_file
from suite.runner.data_checks import JUDGED_ANSWERS, refuse_headline
from suite.runner.environment import environment
from suite.runner.hyperparameters import batch_size_of, setting_of, watch_of
from suite.runner.live_curve import CurveWriter
from suite.runner.rank_trial import rank_features
from suite.runner.ready import warm_of
from suite.runner.request import TrialRequest
from suite.runner.robustness import Beyond, Shown, refuse_familiar
from suite.runner.teacher import AnswersBefore, answers_of, keep_answers
from suite.runner.texts import generation_record, keep_passages, tokens_record
from suite.runner.warm import Warm
from suite.spec.label_budget import ALL
from suite.spec.spec import DatasetSpec
from suite.spec.trial import Trial
from suite.store.records.example_facts import NOTHING_KNOWN, ExampleFacts
from suite.store.records.example_files import file_safe
from suite.store.records.outputs import Outputs
from suite.store.records.result import DataRecord, Environment, Predictions, Result, Score, Timings, WeightsRecord
from suite.strategies.fit import Fit, FitContext
from suite.tasks.adapted import Adapted, softmax

# A worker imports this module before its first trial begins, so TensorFlow's ten seconds belong to no trial.
from suite.training.predictor import Predictor
from suite.training.profiler import ModelProfiler, reset_peak_memory

if TYPE_CHECKING:
    from suite.training.profiler import ModelProfiler

__all__ = ["execute"]


def execute(request: TrialRequest) -> Result:
    """Runs one trial: data, model, fit, predictions, scores, cost, artefacts.

    Raises:
        TrialFailure: With the status that the trial gets.
        SuiteError: Where the user can mend it.
    """
    for plugin in request.plugins:
        load_plugin_file(Path(plugin))
    warm = warm_of(request)
    with warm.placement.scope():
        return _executed(request, warm)


def _executed(request: TrialRequest, warm: Warm) -> Result:
    """The result, with smaller batches where a training step has no room.

    Where memory runs out anywhere else, the batch has nothing to do with it; models that are kept from trials before
    may, so once it is tried without them.
    """
    batch_size = batch_size_of(request)
    notes: list[str] = []
    is_alone = False
    while True:
        try:
            return _Execution(request, warm, batch_size, tuple(notes)).run()
        except BatchTooLarge as error:
            if error.size == 1:
                raise
            batch_size = error.size // 2
            notes.append(f"memory ran out; the batch size was halved to {batch_size}.")
        except Exception as error:
            if not _is_out_of_memory(error) or is_alone:
                raise
            is_alone = True
            notes.append("memory ran out outside of the training steps; it was begun again with no other model kept.")
        warm.forget_models()


@dataclass(frozen=True)
class _Execution:
    request: TrialRequest
    warm: Warm
    batch_size: int
    notes: tuple[str, ...]

    @property
    def trial(self) -> Trial:
        return self.request.trial

    @cached_property
    def unseen(self) -> dict[str, Outputs]:
        """Predictions on validation of a model that learned from it afterwards; empty where none did."""
        return {}

    @cached_property
    def answers_before(self) -> AnswersBefore:
        return AnswersBefore()

    @cached_property
    def curve(self) -> CurveWriter:
        return CurveWriter(self.request.folder)

    @cached_property
    def dataset(self) -> Dataset:
        return self.warm.dataset(self._seeded(self.trial.cell.dataset))

    def _seeded(self, choice: DatasetSpec) -> DatasetSpec:
        """The data set with the splits of this seed, where seeds make their own; what is before has the spec's."""
        if not self.trial.cell.resample or self.trial.phase != "final":
            return choice
        return choice.with_splits_of(self.trial.seed)

    def run(self) -> Result:
        started, started_at = time.perf_counter(), _now()
        reset_peak_memory()
        if self.trial.phase == "rank":
            return self._ranked(started, started_at)
        strategy, options = self._strategy()
        if self.dataset.answers in JUDGED_ANSWERS:
            refuse_headline(self.dataset, self.request.headline, self.request.labels[1])
        context = self._context()
        refuse_familiar(self.trial.cell, self.warm, self.dataset)
        fit: Fit = strategy.fit(context, options)
        profiler = self._profiler(context, fit.adapted) if self.trial.phase == "final" else None
        if profiler is not None:
            profiler.begin()  # blocks of latencies lie between the other work; see ``suite.metrics.latency``
        predictions = self._with_scored(self._predictions(context, fit))
        artefacts = self._keep(predictions, fit) | keep_answers(
            self.trial, context, fit, self.request.folder, self.answers_before
        )
        shown, profile, written, sets = Shown(), None, None, {"validation": context.validation}
        if profiler is not None:
            profiler.block()
            shown = self._beyond(context, fit, predictions)
            sets["test"] = self.warm.examples(self.trial.cell, self.dataset, self.dataset.splits["test"])
            artefacts |= keep_passages(self.request.folder, sets["test"])
            written = generation_record(self.trial.cell, context.workshop, fit, sets["test"])
            profile = profiler.profile().model_copy(update={"trainable_parameters": fit.trainable_parameters})
        scores = {name: score_all(one, self._metrics) for name, one in predictions.items()}
        guessing = _worse_than_guessing(scores["validation"], context)
        return Result(
            **self._identity(),
            hyperparameters={**setting_of(self.request), **fit.hyperparameters},
            scores=scores,
            metrics=records_of(self._metrics),
            **shown.fields,
            history=fit.history,
            candidates=fit.candidates,
            best_epoch=fit.best_epoch,
            selected_by=fit.selected_by,
            refit=fit.refit,
            pruned_after=context.watch.pruned_after if context.watch else None,
            profile=profile,
            timings=_timings(fit, time.perf_counter() - started),
            environment=self._environment(jit_compile=fit.jit_compile, jit_reason=fit.jit_reason),
            data=(*self._data_records(context), *(_data_record(*further) for further in shown.data)),
            **_backbone_fields(context),
            tokens=tokens_record(context, fit, sets),
            sparsity=fit.sparsity,
            teaching=fit.teaching,
            feature_engine=context.engine_of(fit),
            generation=written,
            batch_size=min(self.batch_size, len(context.train)),
            notes=(*self.notes, *fit.notes, *guessing),
            artefacts={**artefacts, **shown.artefacts},
            started_at=started_at,
            finished_at=_now(),
        )

    def _ranked(self, started: float, started_at: str) -> Result:
        """What the backbone costs and what its frozen features say; no fit."""
        context = self._context()
        adapted = context.workshop.adapted(num_classes=context.num_classes)
        profiler = self._profiler(context, adapted)
        profiler.begin()
        profile = profiler.profile().model_copy(update={"trainable_parameters": adapted.head.count_params()})
        ranking = rank_features(
            context.workshop,
            context.train,
            num_classes=context.num_classes,
            fingerprint=context.fingerprint,
            profile=profile,
            asked=self.trial.cell.ranking or {},
        )
        return Result(
            **self._identity(),
            estimates=dict(ranking.estimates),
            profile=profile,
            timings=Timings(
                fit_seconds=ranking.estimate_seconds,
                compile_seconds=0.0,
                validation_seconds=0.0,
                seconds_to_best=ranking.estimate_seconds,
                features_seconds=ranking.features_seconds,
                examples_per_second=None,
                total_seconds=time.perf_counter() - started,
            ),
            environment=self._environment(),
            data=self._data_records(context),
            **_backbone_fields(context),
            notes=(*self.notes, *ranking.notes),
            started_at=started_at,
            finished_at=_now(),
        )

    def _identity(self) -> dict[str, Any]:
        """What says which trial a result is of."""
        model, dataset, strategy = self.request.labels
        return {
            "id": self.trial.id,
            "cell_id": self.trial.cell.id,
            "status": "done",
            "trial": self.trial.as_json(),
            "phase": self.trial.phase,
            "seed": self.trial.seed,
            "model": model,
            "dataset": dataset,
            "strategy": strategy,
        }

    def _environment(self, **compiled: Any) -> Environment:
        return environment(
            device=self.warm.device,
            threads=self.request.threads,
            replicas=self.warm.placement.replicas,
            precision=self.warm.precision,
            deterministic=self.warm.deterministic,
            **compiled,
        )

    def _strategy(self) -> tuple[Any, Any]:
        """The strategy and its options, with the setting of this trial in them."""
        cell = self.trial.cell
        strategy = STRATEGIES.get(cell.strategy.strategy)
        document = {**cell.strategy.own(), **setting_of(self.request)}
        return strategy, strategy.Options.model_validate_json(json.dumps(document))

    def _context(self) -> FitContext:
        cell = self.trial.cell
        self.curve.begin(epochs=self.trial.epochs or cell.epochs, setting=self.trial.candidate or {})
        if cell.resample:
            _require_made_splits(self.dataset)
        sealed = self.dataset.sealed()
        # Before the model is built: a budget that the data cannot give is told at once.
        splits = labelled_splits(sealed, cell.train_examples, seed=self.trial.seed, among=self.request.label_budgets)
        workshop = self.warm.workshop(cell)
        train, validation = (self._examples(sealed, splits[name]) for name in ("train", "validation"))
        # A search trial and a short one are scored on validation, so only what goes to the test learns from it.
        refit = cell.refit and self.trial.phase == "final"
        context = FitContext(
            workshop=workshop,
            train=train,
            teacher=answers_of(self.request.teacher, train, validation if refit else None),
            validation=validation,
            class_names=sealed.class_names,
            fingerprint=sealed.fingerprint,
            seed=self.trial.seed,
            epochs=cell.epochs,
            batch_size=self.batch_size,
            patience=cell.patience,
            watch=watch_of(self.request),
            planned_fits=self.request.planned_fits,
            on_epoch=self.curve.add,
            headline=self.request.headline,
            refit=refit,
        )
        return replace(context, before_refit=partial(self._look_before_refit, context))

    def _look_before_refit(self, context: FitContext, adapted: Adapted, predictor: Callable[[Any], Any]) -> None:
        """Keeps what the chosen model says of validation, which it is going to learn from, and what it teaches."""
        self.unseen["validation"] = TASKS.get(self.trial.cell.task).predict(
            adapted, predictor, context.validation, class_names=context.class_names, cell=self.trial.cell
        )
        if self.trial.cell.teaches:
            self.answers_before.look(adapted, predictor, context)

    def _examples(self, dataset: Dataset, labelled: LabelledSplit) -> Examples:
        whole = self.warm.examples(self.trial.cell, dataset, labelled.split)
        return whole if labelled.chosen is None else whole.some(labelled.chosen)

    def _predictions(self, context: FitContext, fit: Fit) -> dict[str, Outputs]:
        """Validation always; the test split and further sets in the final phase only, once."""
        cell = self.trial.cell
        sets: dict[str, Dataset] = {"validation": self.dataset}
        if self.trial.phase == "final":
            sets["test"] = self.dataset
            for choice, label in zip(self.trial.cell.evaluate_on, self.trial.cell.evaluate_labels, strict=True):
                sets[label] = self.warm.further(self._seeded(choice), self.dataset)
        made: dict[str, Outputs] = dict(self.unseen)
        for name, dataset in sets.items():
            if name in made:
                continue
            seen = name == "validation"
            examples = context.validation if seen else self.warm.examples(cell, dataset, dataset.splits["test"])
            predictor = context.predictor(fit, examples, fingerprint=dataset.fingerprint)
            made[name] = TASKS.get(cell.task).predict(
                fit.adapted, predictor, examples, class_names=dataset.class_names, cell=cell
            )
        before = made["validation"]
        if fit.validation_logits is not None and isinstance(before, Predictions):
            # A refit has seen validation; the scores there are those of the model that was chosen by it.
            made["validation"] = replace(before, probabilities=softmax(np.asarray(fit.validation_logits)))
        for name, one in list(made.items()):
            if not one.is_finite():
                # Of a model that was trained by steps it is what a loss that is not a number is.
                kind = TrialDiverged if fit.history else TrialFailure
                raise kind(f"the outputs on {name} are not finite")
            made[name] = one.with_facts(
                _facts_of(one, sets[name].splits["validation" if name == "validation" else "test"])
            )
        return made

    def _beyond(self, context: FitContext, fit: Fit, predictions: Mapping[str, Outputs]) -> Shown:
        """What the fitted model is shown after its test set; only classifiers are shown anything."""
        if not TASKS.get(self.trial.cell.task).classifies:
            return Shown()
        classes = {name: one for name, one in predictions.items() if isinstance(one, Predictions)}
        return Beyond(
            cell=self.trial.cell,
            warm=self.warm,
            home=self.dataset,
            adapted=fit.adapted,
            predictor=context.workshop.predictor,
            made=classes,
            folder=self.request.folder,
            headline=self.request.headline,
            seeded=self._seeded,
        ).show()

    @cached_property
    def _metrics(self) -> tuple[Metric, ...]:
        task = TASKS.get(self.trial.cell.task)
        names = (task.headline, *(name for name in metrics_answering(task.answers) if name != task.headline))
        return metrics_named(names)

    def _with_scored(self, predictions: dict[str, Outputs]) -> dict[str, Outputs]:
        """The predictions with what metrics of plugins say of them, for readers without these."""
        if all(METRICS.is_builtin(metric.name) for metric in self._metrics):
            return predictions
        return {name: one.with_scored(scored_by(self._metrics, one)) for name, one in predictions.items()}

    def _keep(self, predictions: Mapping[str, Outputs], fit: Fit) -> dict[str, str]:
        """Writes the artefacts; their names are relative to the trial's folder."""
        folder = self.request.folder
        (folder / "predictions").mkdir(parents=True, exist_ok=True)
        artefacts: dict[str, str] = {}
        for name, one in predictions.items():
            path = f"predictions/{file_safe(name)}.npz"
            one.save(folder / path)
            artefacts[f"predictions/{name}"] = path
        if self.request.keep_model and self.trial.phase == "final":
            fit.adapted.deployed().save(folder / "model.keras")
            if self.warm.precision != "float32":
                store_in_float32(folder / "model.keras")
            artefacts["model"] = "model.keras"
        return artefacts

    def _profiler(self, context: FitContext, adapted: Adapted) -> ModelProfiler:
        """What measures the model; one for each inference graph of a worker."""
        inputs = context.train.inputs
        # A text of median length takes another time on another data set.
        key = (id(adapted.logits), context.fingerprint if isinstance(inputs, TokenRows) else None)
        profilers = context.workshop.profilers
        if key not in profilers:
            profilers[key] = ModelProfiler(
                adapted.logits,
                sample=lambda count: typical_inputs(inputs, count),
                predict=Predictor(adapted.logits).single,
            )
        return profilers[key]

    def _data_records(self, context: FitContext) -> tuple[DataRecord, ...]:
        cell = self.trial.cell
        choices = [(cell.dataset, self.request.labels[1])]
        if self.trial.phase == "final":
            choices += list(zip(cell.evaluate_on, cell.evaluate_labels, strict=True))
        home, *further = (_data_record(self.warm.dataset(choice), label) for choice, label in choices)
        if cell.train_examples != ALL:
            used = {"train": len(context.train), "validation": len(context.validation)}
            home = home.model_copy(update={"sizes": {**home.sizes, **used}})
        return (home, *further)


def _worse_than_guessing(validation: Mapping[str, Score], context: FitContext) -> tuple[str, ...]:
    """A note where the probabilities are worse than the shares of the classes in training, as those of a probe are
    that has learned its few examples by heart; empty where they are not, and for texts.
    """
    loss = validation["log_loss"].value if "log_loss" in validation else None
    if loss is None:
        return ()
    shares = (np.bincount(context.train.targets, minlength=context.num_classes) + 1) / (
        len(context.train) + context.num_classes
    )
    guessing = float(-np.log(shares[context.validation.targets]).mean())
    if loss <= guessing:
        return ()
    note = (
        f"its log loss on validation is {loss:.3g}, where the shares of the classes alone have {guessing:.3g}: its "
        "probabilities are worse than none, whatever it names first."
    )
    return (note,)


def _data_record(dataset: Dataset, label: str) -> DataRecord:
    return DataRecord(
        name=label,
        class_names=dataset.class_names,
        sizes={name: len(split) for name, split in dataset.splits.items()},
        fingerprint=dataset.fingerprint,
        licence=dataset.licence,
        origin=dataset.origin,
        skipped={example.id: example.reason for example in dataset.skipped},
        dropped_copies=dict(dataset.dropped_copies),
        grouped_copies=dataset.grouped_copies,
        reading=dataset.reading,
    )


def _backbone_fields(context: FitContext) -> dict[str, Any]:
    """What says which backbone a result is of."""
    backbone = context.workshop.backbone
    weights = backbone.weights
    return {
        "weights": WeightsRecord(
            name=weights.name,
            location=weights.location,
            sha256=weights.sha256,
            licence=weights.licence,
            pretrained_on=weights.pretrained_on,
        ),
        "family": backbone.family,
        "input_size": backbone.input_size,
        "resizing": backbone.resizing,
        "sequence_length": backbone.sequence_length if isinstance(backbone, TextBackbone) else None,
    }


def _timings(fit: Fit, total_seconds: float) -> Timings:
    rate = fit.examples / fit.fit_seconds if fit.examples and fit.fit_seconds > 0 else None
    return Timings(
        fit_seconds=fit.fit_seconds,
        compile_seconds=fit.compile_seconds,
        validation_seconds=fit.validation_seconds,
        seconds_to_best=fit.seconds_to_best,
        features_seconds=fit.features_seconds,
        examples_per_second=rate,
        total_seconds=total_seconds,
    )


def _require_made_splits(dataset: Dataset) -> None:
    """Splits that a source has of its own are the same for every seed, so asking to vary them would be ignored."""
    if not dataset.made_splits:
        raise DataError(
            f"resample: '{dataset.name}' has its own train, validation and test splits, so no seed can make others; "
            'leave "resample" out.'
        )


def _facts_of(outputs: Outputs, split: Split) -> ExampleFacts:
    """What is known of the examples of some outputs, which a label budget may have taken from the split."""
    facts = split.facts
    if len(outputs) == len(split) or facts is NOTHING_KNOWN:
        return facts
    place = {identifier: at for at, identifier in enumerate(split.ids)}
    return facts.take(np.array([place[str(one)] for one in outputs.example_ids], dtype=np.int64))


def _is_out_of_memory(error: BaseException) -> bool:
    """TensorFlow's own error, known by its name since this module must not import TensorFlow to catch it."""
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
