"""Linear probe: l2-regularised multinomial logistic regression on features of the frozen backbone."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from suite.data.example_ids import ids_digest
from suite.plan import Cell
from suite.results import Candidate
from suite.spec import Options
from suite.strategies.fit import Fit, FitContext
from suite.strategies.options import NO_CANDIDATES, without_classes
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
    """Smallest penalty per example, lambda in mean loss + lambda/2 |w|^2."""
    strongest: Annotated[float, Field(gt=0.0)] = 1e1
    """Largest penalty per example."""
    max_iterations: Annotated[int, Field(ge=1)] = 100
    """Of L-BFGS, for each strength."""


@dataclass(frozen=True)
class Probe:
    """A fitted probe on raw features: ``features @ kernel + bias`` are logits."""

    kernel: Array
    """Shape ``(width, classes)``."""
    bias: Array
    """Shape ``(classes,)``."""
    strength: float
    candidates: tuple[Candidate, ...]
    validation_logits: Array
    """Logits on validation of the probe that was chosen, before the refit; shape ``(n, classes)``."""
    fit_seconds: float


class LinearProbe:
    """Logistic regression on frozen features, its penalty chosen on validation, refit on train + validation."""

    summary: ClassVar[str] = "logistic regression on frozen features; fast, and often a close second"
    Options: ClassVar[type[Options]] = LinearProbeOptions
    by_epochs: ClassVar[bool] = False
    """Nothing can be stopped halfway: a short fit is the whole fit."""

    @classmethod
    def label(cls, options: LinearProbeOptions) -> str:
        """One name: its options are a search space, not a variant."""
        return "linear_probe"

    @classmethod
    def impossible(cls, options: LinearProbeOptions, cell: Cell) -> str | None:
        """Why a cell cannot be run; None where it can."""
        return without_classes(cell)

    @classmethod
    def candidates(cls, options: LinearProbeOptions) -> tuple[dict[str, Any], ...]:
        """None: the strengths are searched inside one fit, on features that are computed once."""
        return NO_CANDIDATES

    @classmethod
    def fit(cls, context: FitContext, options: LinearProbeOptions) -> Fit:
        """The backbone with the probe as its head."""
        train, validation = context.features(context.train), context.features(context.validation)
        probe = probe_of(context, options, refit=True)
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
            validation_logits=probe.validation_logits,
            frozen=True,
        )


def probe_of(context: FitContext, options: LinearProbeOptions, *, refit: bool) -> Probe:
    """The probe on the features of a context.

    The problem is convex and holds no randomness, so the seeds of a cell share one fit; its seconds are those
    that it took.
    """
    key = (context.fingerprint, ids_digest(context.train.ids), ids_digest(context.validation.ids), options, refit)
    if key not in context.workshop.probes:
        context.workshop.probes[key] = fit_probe(
            context.features(context.train).values,
            context.train.targets,
            context.features(context.validation).values,
            context.validation.targets,
            num_classes=context.num_classes,
            options=options,
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
    refit: bool = True,
) -> Probe:
    """Fits one probe per strength, from the strongest to the weakest, each starting where the last ended.

    Features are standardised by the training mean and deviation, which the kernel takes back in.  The
    highest validation accuracy wins, ties go to the stronger penalty; the winner is refit on both splits.  Features of
    more than ``LARGE_FEATURES`` numbers are read in pieces, by L-BFGS with the same stopping rules.

    Args:
        train: Features ``(n, width)``.
        train_targets: Class indices ``(n,)``.
        validation: Features ``(m, width)``.
        validation_targets: Class indices ``(m,)``.
        num_classes: Of the task; every class must be in ``train_targets``.
        options: The path of strengths.
        refit: Fit the winner again on both splits; False keeps validation unseen.
    """
    # On small matrices the threads of BLAS wait for each other: one is up to 50 times faster on a busy machine.
    in_pieces = train.size + validation.size > LARGE_FEATURES
    one_thread = train.size < SMALL_FEATURES or (in_pieces and train.shape[1] * num_classes < SMALL_PRODUCTS)
    with threadpool_limits(1 if one_thread else None):
        return _fit_path(
            train, train_targets, validation, validation_targets, num_classes=num_classes, options=options, refit=refit
        )


def _fit_path(
    train: NDArray[np.float32],
    train_targets: NDArray[np.int64],
    validation: NDArray[np.float32],
    validation_targets: NDArray[np.int64],
    *,
    num_classes: int,
    options: LinearProbeOptions,
    refit: bool,
) -> Probe:
    started = time.perf_counter()
    in_pieces = train.size + validation.size > LARGE_FEATURES
    scaler = _Scaler.of(train, in_pieces=in_pieces)
    scaled_train, scaled_validation = scaler(train), scaler(validation)
    path = np.geomspace(max(options.strongest, options.weakest), options.weakest, options.strengths)
    candidates, chosen = _search(
        scaled_train,
        train_targets,
        scaled_validation,
        validation_targets,
        path=path,
        num_classes=num_classes,
        max_iterations=options.max_iterations,
    )
    strength, kernel, bias = chosen.strength, chosen.kernel, chosen.bias
    if refit:
        both = _joined(scaled_train, scaled_validation)
        targets = np.concatenate([train_targets, validation_targets])
        kernel, bias = _solve(
            both,
            targets,
            strength,
            num_classes=num_classes,
            max_iterations=options.max_iterations,
            start=(kernel, bias),
        )
    raw_kernel = kernel / scaler.deviation[:, None]
    return Probe(
        kernel=raw_kernel,
        bias=bias - scaler.mean @ raw_kernel,
        strength=strength,
        candidates=tuple(candidates),
        validation_logits=chosen.logits,
        fit_seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class _Point:
    """The best point of the path, on standardised features."""

    strength: float
    kernel: Array
    bias: Array
    logits: Array


def _search(
    train: Scaled,
    train_targets: NDArray[np.int64],
    validation: Scaled,
    validation_targets: NDArray[np.int64],
    *,
    path: Array,
    num_classes: int,
    max_iterations: int,
) -> tuple[list[Candidate], _Point]:
    """Every strength of the path, from the strongest; the first of the best on validation."""
    candidates: list[Candidate] = []
    best_score, best = -1.0, None
    model: tuple[Array, Array] | None = None
    for strength in map(float, path):
        began = time.perf_counter()
        model = _solve(
            train, train_targets, strength, num_classes=num_classes, max_iterations=max_iterations, start=model
        )
        logits = _logits(validation, *model)
        score = float(np.mean(logits.argmax(axis=1) == validation_targets))
        seconds = time.perf_counter() - began
        candidates.append(
            Candidate(hyperparameters={"strength": strength}, validation_score=score, epochs=0, seconds=seconds)
        )
        if score > best_score:
            best_score, best = score, _Point(strength, *model, logits)
    assert best is not None, "the path has at least 20 strengths"  # noqa: S101 - for the type checker
    return candidates, best


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
    max_iterations: int,
    start: tuple[Array, Array] | None,
) -> tuple[Array, Array]:
    """Kernel ``(width, classes)`` and bias ``(classes,)`` that minimise mean loss + strength/2 |kernel|^2."""
    if isinstance(features, ScaledRows):
        return solve_by_pieces(
            features, targets, strength, num_classes=num_classes, max_iterations=max_iterations, start=start
        )
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # scikit-learn sums the loss over examples, and divides the penalty by C.
    model = LogisticRegression(
        C=1.0 / (strength * len(features)), max_iter=max_iterations, tol=1e-4, warm_start=start is not None
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
