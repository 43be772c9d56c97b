"""How often a trial is begun again whose worker or machine was lost."""

from __future__ import annotations

from collections import Counter

__all__ = ["Retries"]


class Retries:
    """Counts what was lost of each trial, which is no fault of its own, until it was lost too often.

    Args:
        most: How often a trial is begun again.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lost: Counter[str] = Counter()

    def allow(self, trial_id: str) -> bool:
        """Counts that a trial was lost once more. Returns whether it is begun again."""
        self._lost[trial_id] += 1
        return self._lost[trial_id] <= self.most

    def tries(self, trial_id: str) -> int:
        """How often a trial was begun and lost."""
        return self._lost[trial_id]
