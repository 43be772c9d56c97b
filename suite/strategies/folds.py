"""What a setting is tried on inside one fit: the validation split, or folds of everything where that is small."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEW_EXAMPLES", "MOST_EXAMPLES", "Labelled", "few", "folds_of", "joined"]

FEW_EXAMPLES = 200
"""Validation examples below which they are not left to choose alone: at 90 % right, 74 of them say 83 to 97 %."""
MOST_EXAMPLES = 2_000
"""Training and validation examples up to which a cross-validation costs seconds."""
MOST_NUMBERS = 5_000_000
"""Of their features, likewise: five folds hold five times as many at once, 200 MB in double precision."""
FOLDS = 5


class Labelled(NamedTuple):
    """Features with their classes."""

    features: NDArray[np.float32]
    """Shape ``(n, width)``."""
    targets: NDArray[np.int64]
    """Shape ``(n,)``."""


def few(train: NDArray[np.int64], validation: NDArray[np.int64]) -> bool:
    """Whether there are so few validation examples that a setting is chosen by cross-validation.

    Never where a class has a single example: a fold would have to learn without it.

    Args:
        train: Class indices.
        validation: Class indices.
    """
    counts = np.unique_counts(np.concatenate([train, validation])).counts
    total = len(train) + len(validation)
    return len(validation) < FEW_EXAMPLES and total <= MOST_EXAMPLES and int(counts.min()) > 1


def folds_of(train: Labelled, validation: Labelled) -> Iterator[tuple[Labelled, Labelled]]:
    """What to learn from and what to judge by: the two splits, or with ``few`` validation examples 5 folds of both.

    Every example is judged once, by what was learned from others; the folds have the classes in equal shares and are
    the same at every call.
    """
    numbers = train.features.size + validation.features.size
    if numbers > MOST_NUMBERS or not few(train.targets, validation.targets):
        yield train, validation
        return
    from sklearn.model_selection import StratifiedKFold

    both = joined(train, validation)
    count = min(FOLDS, int(np.unique_counts(both.targets).counts.max()))
    folds = StratifiedKFold(count, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        # A class of 2 to 4 examples is missing in some folds that judge, in none that are learned from.
        warnings.simplefilter("ignore", UserWarning)
        for learned, judged in folds.split(both.targets, both.targets):
            yield (
                Labelled(both.features[learned], both.targets[learned]),
                Labelled(both.features[judged], both.targets[judged]),
            )


def joined(train: Labelled, validation: Labelled) -> Labelled:
    """Both behind one another."""
    return Labelled(
        np.concatenate([train.features, validation.features]), np.concatenate([train.targets, validation.targets])
    )
