"""N-LEEP: LEEP with clusters of the features in the place of the source head's classes."""

from __future__ import annotations

import warnings

import numpy as np

from suite.metrics.metric import MissingScore
from suite.metrics.transferability.estimator import Array, Examples, estimator
from suite.metrics.transferability.leep import expected_empirical_prediction
from suite.metrics.transferability.spectrum import spectrum

__all__ = ["clusters", "n_leep", "principal_components"]

ENERGY = 0.8
"""Share of the variance that the principal components keep."""
CLUSTERS_PER_CLASS = 5
EXAMPLES_PER_CLUSTER = 2
"""On average; with fewer, each example is a cluster of its own, and the score says nothing."""


@estimator(
    "n_leep",
    label="N-LEEP",
    summary="LEEP with Gaussian clusters of the features instead of a source head; up to 0.",
)
def n_leep(examples: Examples) -> float:
    """LEEP with the clusters of a Gaussian mixture on principal components as source classes; 0 is the best.

    Li, Jia, Sang, Zhu, Green, Wang, Gong: Ranking Neural Checkpoints, CVPR 2021, section 3 (N-LEEP): principal
    components with 80 % of the variance, five clusters per class, and their posterior as ``p(z|x)`` in LEEP.

    The covariances of the clusters are diagonal: full ones have more entries than a cluster has examples, and the
    posterior is then a memory of the examples.

    Raises:
        MissingScore: With fewer than ten examples per class on average.
    """
    needed = EXAMPLES_PER_CLUSTER * CLUSTERS_PER_CLASS * examples.num_classes
    if len(examples.targets) < needed:
        raise MissingScore(
            f"N-LEEP sorts the examples into {CLUSTERS_PER_CLASS} clusters per class and needs {needed} of them; "
            f"there are {len(examples.targets)}."
        )
    components = principal_components(examples.centred)
    posterior = clusters(components, CLUSTERS_PER_CLASS * examples.num_classes, seed=examples.seed)
    return expected_empirical_prediction(posterior, examples.targets, examples.num_classes)


def principal_components(centred: Array) -> Array:
    """The fewest principal components with 80 % of the variance, the first with variance 1; shape ``(n, kept)``.

    A component's sign is free: it is chosen so that its third moment is positive, whatever the order of examples.
    """
    parts = spectrum(centred)
    energy = np.cumsum(parts.squares) / parts.squares.sum()
    kept = int(np.searchsorted(energy, ENERGY)) + 1
    scores = parts.left[:, :kept] * np.sqrt(parts.squares[:kept] / parts.squares[0] * len(centred))
    return np.asarray(scores * np.where((scores**3).sum(axis=0) < 0, -1.0, 1.0))


def clusters(components: Array, count: int, *, seed: int) -> Array:
    """Posterior of each cluster for each example, shape ``(n, count)``.

    The start of the mixture draws examples by their place.  They are sorted for it, so that the same examples in
    another order give the same clusters.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    order = np.lexsort(components.T[::-1])
    mixture = GaussianMixture(count, covariance_type="diag", random_state=seed)
    with warnings.catch_warnings():
        # A mixture that is still moving after 100 steps, or has empty clusters, is a description like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(components[order])
    return np.asarray(mixture.predict_proba(components))
