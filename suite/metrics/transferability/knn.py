"""k nearest neighbours: how often an example's neighbours in feature space share its class."""

from __future__ import annotations

import numpy as np

from suite.metrics.transferability.estimator import Examples, estimator

__all__ = ["NEIGHBOURS", "knn"]

NEIGHBOURS = (1, 3, 5, 10, 20, 50)
"""Numbers of neighbours that are tried, as in the strategy ``knn``."""
TIE_BREAK = 1e-3
"""Weight of the similarity in a vote: 50 neighbours together add up to less than one vote."""


@estimator(
    "knn",
    label="k-NN",
    summary="Leave-one-out accuracy of the vote of the nearest neighbours; 0 to 1.",
    is_share=True,
)
def knn(examples: Examples) -> float:
    """Leave-one-out accuracy of the majority of the nearest examples by cosine similarity.

    The best of several numbers of neighbours.  Where classes tie in votes, the one whose members lie nearer wins,
    so that the numbering of the classes does not matter.
    """
    from sklearn.neighbors import NearestNeighbors

    most = min(max(NEIGHBOURS), len(examples.targets) - 1)
    search = NearestNeighbors(n_neighbors=most, algorithm="brute", metric="cosine").fit(examples.features)
    distances, nearest = search.kneighbors()
    votes = np.eye(examples.num_classes)[examples.targets[nearest]] * (1 + TIE_BREAK * (1 - distances))[:, :, None]
    counted = {min(count, most) for count in NEIGHBOURS}
    predicted = [votes[:, :count].sum(axis=1).argmax(axis=1) for count in sorted(counted)]
    return float(max((each == examples.targets).mean() for each in predicted))
