"""Singular values and left singular vectors of a feature matrix, from the smaller of its two Gram matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suite.metrics.transferability.estimator import Array

__all__ = ["Spectrum", "spectrum"]


@dataclass(frozen=True)
class Spectrum:
    """The thin singular value decomposition ``U S V'`` of a matrix of shape ``(n, width)`` and rank ``r``."""

    matrix: Array
    squares: Array
    """Squared singular values, largest first, those of rounding noise left out; shape ``(r,)``."""
    vectors: Array
    """Their eigenvectors: ``U`` where there are no more examples than features, ``V`` otherwise."""

    @property
    def left(self) -> Array:
        """``U``, shape ``(n, r)``."""
        if self._of_examples:
            return self.vectors
        return np.asarray(self.matrix @ self.vectors / np.sqrt(self.squares))

    def project(self, columns: Array) -> Array:
        """``U'`` times columns of shape ``(n, k)``, without making ``U`` where that is dear; shape ``(r, k)``."""
        if self._of_examples:
            return np.asarray(self.vectors.T @ columns)
        return np.asarray(self.vectors.T @ (self.matrix.T @ columns) / np.sqrt(self.squares)[:, None])

    @property
    def _of_examples(self) -> bool:
        return bool(len(self.matrix) <= self.matrix.shape[1])


def spectrum(matrix: Array) -> Spectrum:
    """The decomposition of a matrix that is not 0 everywhere.

    A Gram matrix squares the singular values: those below about 1e-6 of the largest are lost.  In features that
    come in single precision they are rounding noise anyway, and this way is several times faster.
    """
    from scipy import linalg

    examples, width = matrix.shape
    gram = matrix @ matrix.T if examples <= width else matrix.T @ matrix
    squares, vectors = linalg.eigh(gram, overwrite_a=True, check_finite=False)
    kept = squares > squares[-1] * max(examples, width) * np.finfo(np.float64).eps
    return Spectrum(matrix=matrix, squares=squares[kept][::-1], vectors=vectors[:, kept][:, ::-1])
