"""Simulated answers with a known truth, as the comparison would gather them, and what was found of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from suite.compare.cell import BestComparison, CellSummary, HeadlineScore
from suite.compare.comparison import Difference
from suite.compare.statistics.best import held_against_best
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import spread_of
from suite.compare.statistics.pairwise import differences
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.metrics.resampling import resampled_means
from suite.store.records.result import Predictions

__all__ = ["Compared", "Finding", "compared", "evidence_of", "right_answers", "split_evidence"]

SHARED, OWN, LUCK = 0.5, 0.2, 0.3
"""Variances of the difficulty that all models share, of the one that a model adds, and of a fit's luck."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """One row of a table: how often something happened over simulated test sets."""

    what: str
    setting: str
    share: float
    trials: int
    least: float | None
    most: float | None
    others: dict[str, float] = field(default_factory=dict)
    """The same share by other methods."""
    is_strict: bool = False
    """Whether the share itself has to be where it was promised: the simulation ran on while that was open."""

    @property
    def met(self) -> bool | None:
        """Whether the share is where it was promised, within the noise of the simulation; None without a promise.

        The noise is two standard errors: a share that lies exactly on the border is seen beyond it every other time.
        None is allowed for where ``is_strict``.
        """
        if self.least is None and self.most is None:
            return None
        return self._beyond(self.least, -1) and self._beyond(self.most, 1)

    def _beyond(self, border: float | None, side: int) -> bool:
        if border is None:
            return True
        noise = 0.0 if self.is_strict else 2 * float(np.sqrt(border * (1 - border) / self.trials))
        return side * (self.share - border) <= noise


def right_answers(
    generator: np.random.Generator,
    *,
    seeds: int,
    examples: int,
    accuracies: Sequence[float],
    seed_points: Sequence[float],
) -> Array:
    """Which answers are right, as 0 and 1; shape ``(models, seeds, examples)``.

    Args:
        generator: Where the dice come from.
        seeds: Of each model.
        examples: The same for all models and seeds.
        accuracies: True ones of each model, over all examples and seeds.
        seed_points: Standard deviation of a seed's own accuracy, in points, of each model.
    """
    middle = stats.norm.ppf(accuracies)[:, None, None]
    deviation = np.array(seed_points)[:, None, None] / 100 / stats.norm.pdf(middle)
    models = len(accuracies)
    latent = middle * np.sqrt(1 + deviation**2) + deviation * generator.normal(size=(models, seeds, 1))
    latent = latent + np.sqrt(SHARED) * generator.normal(size=examples)
    latent = latent + np.sqrt(OWN) * generator.normal(size=(models, 1, examples))
    latent += np.sqrt(LUCK) * generator.normal(size=(models, seeds, examples))
    return np.asarray(latent > 0, dtype=np.float64)


def evidence_of(answers: Array, *, is_mean: bool = True) -> dict[str, SetEvidence]:
    """What the comparison would gather of answers of shape ``(models, seeds, examples)``.

    Args:
        answers: 1 where right.
        is_mean: False hides that accuracy is a mean over examples, so that it is treated like F1.
    """
    models, seeds, examples = answers.shape
    resampled = resampled_means(answers.reshape(-1, examples).T).T.reshape(models, seeds, -1)
    return {
        str(place): SetEvidence(
            predictions=(_stand_in(examples),),
            seeds=tuple(range(seeds)),
            keys=("same",) * seeds,
            scores=own.mean(axis=1),
            values=own.mean(axis=0) if is_mean else None,
            by_seed=by_seed,
            resampled=by_seed.mean(axis=0),
            reason=None,
        )
        for place, (own, by_seed) in enumerate(zip(answers, resampled, strict=True))
    }


def split_evidence(generator: np.random.Generator, answers: Array, tested: int) -> dict[str, SetEvidence]:
    """The same where every seed draws ``tested`` of the examples and is fitted on the others."""
    models, seeds, pool = answers.shape
    drawn = np.argsort(generator.random((seeds, pool)), axis=1)[:, :tested]
    own = np.stack([answers[:, seed, drawn[seed]] for seed in range(seeds)], axis=1)
    resampled = resampled_means(own.reshape(-1, tested).T).T.reshape(models, seeds, -1)
    for seed in range(seeds):
        resampled[:, seed] = resampled[:, seed, generator.permutation(resampled.shape[2])]
    return {
        str(place): SetEvidence(
            predictions=(_stand_in(tested),),
            seeds=tuple(range(seeds)),
            keys=tuple(f"split {seed}" for seed in range(seeds)),
            scores=own[place].mean(axis=1),
            values=None,
            by_seed=resampled[place],
            resampled=resampled[place].mean(axis=0),
            reason=None,
            test_to_train=tested / (pool - tested),
        )
        for place in range(models)
    }


@dataclass(frozen=True)
class Compared:
    """What a report says of some models."""

    verdicts: dict[str, BestComparison]
    """By the number of the model, the best score first."""
    pairs: tuple[Difference, ...]

    @property
    def worse(self) -> set[str]:
        """The models that are called worse than the best."""
        return {name for name, one in self.verdicts.items() if one.verdict == "worse"}


def compared(evidence: dict[str, SetEvidence], *, resample: bool = False) -> Compared:
    """Verdicts and pairs, as a report has them."""
    means = {name: float(one.scores.mean()) for name, one in evidence.items()}
    spread = spread_of(evidence)
    cells = [
        CellSummary.model_construct(
            cell_id=name,
            headline=HeadlineScore.model_construct(value=means[name]),
            evidence=keep_evidence(evidence[name], spread[name]),
        )
        for name in sorted(means, key=means.__getitem__, reverse=True)
    ]
    best, contest = held_against_best(cells, higher_is_better=True)
    pairs = differences("simulated", cells, evidence, spread, contest, higher_is_better=True, resample=resample)
    return Compared({name: one for name, one in best.items() if one is not None}, pairs)


@lru_cache(maxsize=8)
def _stand_in(examples: int) -> Predictions:
    """Where the comparison asks whether there are predictions at all, and of how many examples."""
    nothing = np.zeros(examples, dtype=np.int64)
    return Predictions(nothing.astype(str), nothing, np.ones((examples, 1), dtype=np.float32), ("none",))
