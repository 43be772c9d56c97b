"""Linear probe: l2-regularised multinomial logistic regression on features of the frozen backbone."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from suite.data.example_ids import ids_digest
from suite.metrics.validation_score import Judge, Judgement
from suite.spec.needs import Need
from suite.spec.options import Options
from suite.store.records.result import Candidate, Predictions
from suite.strategies.class_weights import ClassWeights, weights_of
from suite.strategies.fit import Fit, FitContext
from suite.strategies.folds import Labelled, folds_of
from suite.strategies.options import NO_CANDIDATES
from suite.strategies.scaled_rows import LARGE_FEATURES, ScaledRows, mean_and_deviation, solve_by_pieces

__all__ = ["LinearProbe", "LinearProbeOptions", "Probe", "fit_probe", "probe_of"]

Array = NDArray[np.float64]
Scaled = Array | ScaledRows
"""Standardised features: in memory, or read in pieces."""

SMALL_FEATURES = 4_000_000
"""Numbers in a feature matrix below which one thread is faster than several."""
SMALL_PRODUCTS = 16_384
"""Numbers in a kernel below which that holds of features that are read in pieces."""


class LinearProbeOptions(Options):
    """Options of ``linear_probe``."""

    strengths: Annotated[int, Field(ge=20, le=1000)] = 24
    """How many strengths of the penalty are tried, log-spaced."""
    weakest: Annotated[float, Field(gt=0.0)] = 1e-6
    """Smallest penalty per example: lambda in mean loss + lambda/2 |w|^2, of two classes with the w of the one logit
    that tells them apart."""
    strongest: Annotated[float, Field(gt=0.0)] = 1e1
    """Largest penalty per example."""
    max_iterations: Annotated[int, Field(ge=1)] = 100
    """Of L-BFGS, for each strength."""
    class_weights: ClassWeights | None = None
    """``balanced`` lets every class weigh the same however many examples it has; left out, every example does."""


@dataclass(frozen=True)
class Probe:
    """A fitted probe on raw features: ``features @ kernel + bias`` are logits."""

    kernel: Array
    """Shape ``(width, classes)``."""
    bias: Array
    """Shape ``(classes,)``."""
    chosen: tuple[Array, Array]
    """Kernel and bias as they were chosen, before any refit."""
    strength: float
    candidates: tuple[Candidate, ...]
    validation_logits: Array
    """Logits on validation of the probe that was chosen, before any refit; shape ``(n, classes)``."""
    fit_seconds: float
    notes: tuple[str, ...] = ()


class LinearProbe:
    """Logistic regression on frozen features, its penalty chosen on validation."""

    summary: ClassVar[str] = "logistic regression on frozen features; fast, and often a close second"
    Options: ClassVar[type[Options]] = LinearProbeOptions
    by_epochs: ClassVar[bool] = False
    """Nothing can be stopped halfway: a short fit is the whole fit."""
    needs: ClassVar[frozenset[Need]] = frozenset({"features"})
    seeded: ClassVar[bool] = False
    """Nothing is drawn: one computation serves every seed."""

    @classmethod
    def label(cls, options: LinearProbeOptions) -> str:
        """One name: its options are a search space, not a variant."""
        return "linear_probe"

    @classmethod
    def candidates(cls, options: LinearProbeOptions) -> tuple[dict[str, Any], ...]:
        """None: the strengths are searched inside one fit, on features that are computed once."""
        return NO_CANDIDATES

    @classmethod
    def fit(cls, context: FitContext, options: LinearProbeOptions) -> Fit:
        """The backbone with the probe as its head."""
        train, validation = context.features(context.train), context.features(context.validation)
        probe = probe_of(context, options, refit=context.refit)
        adapted = context.workshop.adapted(num_classes=context.num_classes)
        context.workshop.reset(adapted, context.seed)
        adapted.set_head(probe.kernel, probe.bias)
        return Fit(
            adapted=adapted,
            hyperparameters={"strength": probe.strength},
            fit_seconds=probe.fit_seconds,
            seconds_to_best=probe.fit_seconds,
            features_seconds=train.seconds + validation.seconds,
            trainable_parameters=probe.kernel.size + probe.bias.size,
            candidates=probe.candidates,
            refit=context.refit,
            selected_by=context.judge.chose(*(one.validation_score for one in probe.candidates)),
            validation_logits=probe.validation_logits if context.refit else None,
            logits_before=partial(_raw_logits, probe.chosen) if context.refit else None,
            frozen=True,
            notes=probe.notes,
        )


def probe_of(context: FitContext, options: LinearProbeOptions, *, refit: bool) -> Probe:
    """The probe on the features of a context.

    The problem is convex and holds no randomness, so the seeds of a cell share one fit; its seconds are those
    that it took.
    """
    ids = ids_digest(context.train.ids), ids_digest(context.validation.ids)
    key = (context.fingerprint, *ids, options, refit, context.headline)
    if key not in context.workshop.probes:
        context.workshop.probes[key] = fit_probe(
            context.features(context.train).values,
            context.train.targets,
            context.features(context.validation).values,
            context.validation.targets,
            num_classes=context.num_classes,
            options=options,
            judge=context.judge,
            refit=refit,
        )
    probe: Probe = context.workshop.probes[key]
    return probe


def fit_probe(
    train: NDArray[np.float32],
    train_targets: NDArray[np.int64],
    validation: NDArray[np.float32],
    validation_targets: NDArray[np.int64],
    *,
    num_classes: int,
    options: LinearProbeOptions,
    judge: Judge | None = None,
    refit: bool = False,
) -> Probe:
    """Fits one probe per strength, from the strongest to the weakest, each starting where the last ended.

    Features are standardised by the training mean and deviation, which the kernel takes back in.  The best on
    validation by the headline metric wins, or in a cross-validation where validation is small (``folds_of``); ties go
    to the lower loss, then to the stronger penalty.  Features of more than ``LARGE_FEATURES`` numbers are read in
    pieces, by L-BFGS with the same stopping rules.

    Args:
        train: Features ``(n, width)``.
        train_targets: Class indices ``(n,)``.
        validation: Features ``(m, width)``.
        validation_targets: Class indices ``(m,)``.
        num_classes: Of the task; every class must be in ``train_targets``.
        options: The path of strengths.
        judge: What chooses; accuracy where it is left out.
        refit: Fit the winner again on both splits; False keeps validation unseen.
    """
    names = tuple(map(str, range(num_classes)))
    judge = judge or Judge.by("accuracy", names)
    # On small matrices the threads of BLAS wait for each other: one is up to 50 times faster on a busy machine.
    in_pieces = train.size + validation.size > LARGE_FEATURES
    one_thread = train.size < SMALL_FEATURES or (in_pieces and train.shape[1] * num_classes < SMALL_PRODUCTS)
    with threadpool_limits(1 if one_thread else None):
        return _fit_path(
            Labelled(train, train_targets),
            Labelled(validation, validation_targets),
            num_classes=num_classes,
            options=options,
            judge=judge,
            refit=refit,
        )


def _fit_path(
    train: Labelled,
    validation: Labelled,
    *,
    num_classes: int,
    options: LinearProbeOptions,
    judge: Judge,
    refit: bool,
) -> Probe:
    started = time.perf_counter()
    in_pieces = train.features.size + validation.features.size > LARGE_FEATURES
    splits: Iterable[tuple[Labelled, Labelled]] = [(train, validation)]
    if not in_pieces:
        splits = folds_of(train, validation)
    make = partial(_Fold.of, in_pieces=in_pieces, num_classes=num_classes, options=options)
    folds = [make(own, unseen) for own, unseen in splits]
    path = np.geomspace(max(options.strongest, options.weakest), options.weakest, options.strengths)
    search = _Search(folds, judge)
    search.along(path)
    chosen = search.best
    if len(folds) > 1:
        # The folds have chosen; what is kept has learned from the training split, on the way of every probe.
        whole = make(train, validation)
        for strength in sorted((one for one in search.tried if one >= chosen.strength), reverse=True):
            logits = whole.at(strength)
    else:
        whole, logits = replace(folds[0], model=chosen.model), chosen.logits
    assert whole.model is not None, "the path has at least 20 strengths"  # noqa: S101 - for the type checker
    kernel, bias = whole.model
    scaler = whole.scaler
    before = _raw(kernel, bias, scaler)
    if refit:
        both = _joined(whole.learned, whole.judged)
        targets = np.concatenate([train.targets, validation.targets])
        kernel, bias = _solve(
            both, targets, chosen.strength, start=whole.model, num_classes=num_classes, options=options
        )
    raw_kernel, raw_bias = _raw(kernel, bias, scaler)
    return Probe(
        kernel=raw_kernel,
        bias=raw_bias,
        chosen=before,
        strength=chosen.strength,
        candidates=tuple(search.candidates),
        validation_logits=logits,
        fit_seconds=time.perf_counter() - started,
        notes=search.notes,
    )


def _raw(kernel: Array, bias: Array, scaler: _Scaler) -> tuple[Array, Array]:
    """A probe on standardised features as one on raw ones."""
    raw = kernel / scaler.deviation[:, None]
    return raw, bias - scaler.mean @ raw


def _raw_logits(probe: tuple[Array, Array], features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(features @ probe[0] + probe[1], dtype=np.float32)


@dataclass
class _Fold:
    """Standardised features to learn from and to judge by, and the probe that was fitted last."""

    learned: Scaled
    learned_targets: NDArray[np.int64]
    judged: Scaled
    judged_targets: NDArray[np.int64]
    scaler: _Scaler
    num_classes: int
    options: LinearProbeOptions
    model: tuple[Array, Array] | None = None
    """Kernel and bias, where the next strength starts; None before the first."""

    @classmethod
    def of(
        cls, learned: Labelled, judged: Labelled, *, in_pieces: bool, num_classes: int, options: LinearProbeOptions
    ) -> _Fold:
        scaler = _Scaler.of(learned.features, in_pieces=in_pieces)
        features = scaler(learned.features), scaler(judged.features)
        return cls(features[0], learned.targets, features[1], judged.targets, scaler, num_classes, options)

    def at(self, strength: float) -> Array:
        """The logits of what is judged, by a probe of this strength."""
        self.model = _solve(
            self.learned,
            self.learned_targets,
            strength,
            num_classes=self.num_classes,
            options=self.options,
            start=self.model,
        )
        return _logits(self.judged, *self.model)


@dataclass(frozen=True)
class _Point:
    """One point of the path."""

    strength: float
    rank: tuple[float, ...]
    model: tuple[Array, Array] | None
    """Of the first fold, on its standardised features."""
    logits: Array
    """Of everything that was judged, fold by fold."""


class _Search:
    """Tries strengths on all folds together."""

    def __init__(self, folds: Sequence[_Fold], judge: Judge) -> None:
        self.folds = folds
        self.judge = judge
        self.candidates: list[Candidate] = []
        self.tried: list[float] = []
        self._targets = np.concatenate([fold.judged_targets for fold in folds])
        self._ids = np.arange(len(self._targets)).astype(np.str_)
        self._best: _Point | None = None

    @property
    def best(self) -> _Point:
        """The best so far."""
        assert self._best is not None, "the path has at least 20 strengths"  # noqa: S101 - for the type checker
        return self._best

    def along(self, path: Sequence[float] | Array) -> None:
        """Tries these strengths, each starting where the one before it ended."""
        for strength in map(float, path):
            began = time.perf_counter()
            logits = np.concatenate([fold.at(strength) for fold in self.folds])
            judgement = self._judged(logits)
            self.tried.append(strength)
            self.candidates.append(
                Candidate(
                    hyperparameters={"strength": strength},
                    validation_score=judgement.score,
                    validation_loss=judgement.loss,
                    epochs=0,
                    seconds=time.perf_counter() - began,
                )
            )
            point = _Point(strength, (*judgement.rank, strength), self.folds[0].model, logits)
            if self._best is None or point.rank > self._best.rank:
                self._best = point

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said where the best lies at an end of the path: more are tried for no model than for others."""
        weakest, strongest = min(self.tried), max(self.tried)
        if weakest == strongest or self.best.strength not in {weakest, strongest}:
            return ()
        end = "weakest" if self.best.strength == weakest else "strongest"
        note = (
            f"the best penalty is the {end} of the {len(self.tried)} that were tried, {self.best.strength:.2g}, and a "
            f"better one may lie beyond. Set '{end}' of linear_probe further out, for all models alike."
        )
        return (note,)

    def _judged(self, logits: Array) -> Judgement:
        shifted = logits - logits.max(axis=1, keepdims=True)
        powers = np.exp(shifted)
        sums = powers.sum(axis=1)
        loss = float((np.log(sums) - shifted[np.arange(len(logits)), self._targets]).mean())
        probabilities = (powers / sums[:, None]).astype(np.float32)
        return self.judge(Predictions(self._ids, self._targets, probabilities, self.judge.class_names), loss)


@dataclass(frozen=True)
class _Scaler:
    mean: Array
    deviation: Array
    in_pieces: bool

    @classmethod
    def of(cls, features: NDArray[np.float32], *, in_pieces: bool) -> _Scaler:
        if in_pieces:
            mean, deviation = mean_and_deviation(features)
        else:
            mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
        return cls(mean, np.where(deviation > 1e-8, deviation, 1.0), in_pieces)

    def __call__(self, features: NDArray[np.float32]) -> Scaled:
        if self.in_pieces:
            return ScaledRows((features,), self.mean, self.deviation)
        scaled: Array = (features - self.mean) / self.deviation
        return scaled


def _joined(first: Scaled, second: Scaled) -> Scaled:
    if isinstance(first, ScaledRows) and isinstance(second, ScaledRows):
        return replace(first, parts=(*first.parts, *second.parts))
    return np.concatenate([np.asarray(first), np.asarray(second)])


def _logits(features: Scaled, kernel: Array, bias: Array) -> Array:
    return features.logits(kernel, bias) if isinstance(features, ScaledRows) else features @ kernel + bias


def _solve(
    features: Scaled,
    targets: NDArray[np.int64],
    strength: float,
    *,
    num_classes: int,
    options: LinearProbeOptions,
    start: tuple[Array, Array] | None,
) -> tuple[Array, Array]:
    """Kernel ``(width, classes)`` and bias ``(classes,)`` that minimise mean loss + strength/2 |kernel|^2.

    Of two classes the one logit that tells them apart is penalised, mean loss + strength/2 |w|^2, and given as two
    columns -w/2 and w/2: in the kernel's own terms that is mean loss + strength |kernel|^2.
    """
    if isinstance(features, ScaledRows):
        return solve_by_pieces(
            features,
            targets,
            strength,
            num_classes=num_classes,
            class_weights=weights_of(targets, num_classes, options.class_weights),
            max_iterations=options.max_iterations,
            start=start,
        )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # scikit-learn sums the loss over examples, and divides the penalty by C.
    model = LogisticRegression(
        C=1.0 / (strength * len(features)),
        max_iter=options.max_iterations,
        tol=1e-4,
        warm_start=start is not None,
        class_weight=options.class_weights,
    )
    if start is not None and num_classes > 2:
        model.classes_ = np.arange(num_classes)
        model.coef_, model.intercept_ = start[0].T.copy(), start[1].copy()
    with warnings.catch_warnings():
        # The weakest penalties need not converge: a probe that is still moving is a candidate like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, targets)
    if num_classes == 2:
        # One logit against zero: as two logits with the same probabilities.
        return np.stack([-model.coef_[0], model.coef_[0]], axis=1) / 2, np.array([-1, 1]) * model.intercept_[0] / 2
    return model.coef_.T, model.intercept_
