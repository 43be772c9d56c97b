"""The regularised H-score: how much of the features' spread lies between the classes."""

from __future__ import annotations

import numpy as np

from suite.metrics.transferability.estimator import Array, Examples, estimator
from suite.metrics.transferability.spectrum import spectrum

__all__ = ["h_score", "shrinkage"]


@estimator(
    "h_score",
    label="H-score",
    summary="Share of the features' spread that lies between classes, over all directions; 0 to classes - 1.",
)
def h_score(examples: Examples) -> float:
    """``tr(S^-1 (1 - a) B)``: covariance ``S`` of the features, shrunk by ``a``, and ``B`` of their class means.

    Bao, Li, Huang, Zhang, Zheng, Zamir, Guibas: An Information-Theoretic Approach to Transferability in Task
    Transfer Learning, ICIP 2019, definition of the H-score, ``tr(cov(f)^-1 cov(E[f|y]))``.  Ibrahim, Ponomareva,
    Mazumder: Newer is not always better: Rethinking transferability metrics, their peculiarities, stability and
    performance, 2021 (arXiv 2110.06893), the shrinkage-based H-score, where ``S`` is
    ``(1 - a) cov(f) + a tr(cov(f)) / width``, and ``a`` the shrinkage of Ledoit and Wolf.

    Both covariances divide by ``n``.  The inverse is a pseudo-inverse, as in the paper.
    """
    parts = spectrum(examples.centred)
    count, width = examples.features.shape
    share = shrinkage(examples.centred, parts.squares)
    variances = parts.squares / count
    shrunk = (1 - share) * variances + share * variances.sum() / width
    # Class means along the singular vectors, each weighted by the root of its class's share of the examples.
    means = parts.project(examples.one_hot) / np.sqrt(examples.counts)
    between = (means**2).sum(axis=1) * variances
    return float((1 - share) * (between / shrunk).sum())


def shrinkage(centred: Array, squares: Array) -> float:
    """The shrinkage of Ledoit and Wolf, 0 to 1, without making a covariance matrix.

    Ledoit, Wolf: A well-conditioned estimator for large-dimensional covariance matrices, Journal of Multivariate
    Analysis 88, 2004, section 3: the variance of the covariance's entries over their distance from a multiple of
    the identity.  The same number as ``sklearn.covariance.ledoit_wolf_shrinkage``, which needs two further
    products of the whole matrix; the norms of the examples and the spectrum suffice.

    Args:
        centred: Features less their mean, shape ``(n, width)``.
        squares: Their squared singular values.
    """
    count, width = centred.shape
    variances = squares / count
    size = float((variances**2).sum())
    distance = size - float(variances.sum()) ** 2 / width
    noise = (float(((centred**2).sum(axis=1) ** 2).mean()) - size) / count
    if distance <= np.finfo(np.float64).eps * size:
        return 0.0
    return float(min(max(noise, 0.0), distance) / distance)
