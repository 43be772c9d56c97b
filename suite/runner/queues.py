"""What a schedule finds the next trial with: queues that are mended only where somebody looks."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Queue", "WarmModels"]

Key = TypeVar("Key", int, str)


class Queue(Generic[Key]):
    """Keys by rank, lowest first. What a key's rank is by now is asked when it comes to the front.

    A rank may have grown since the key was added, or there may be none any more; where it became lower, or there is
    one again, the key must be added again.
    """

    def __init__(self, rank: Callable[[Key], int | None]) -> None:
        """``rank`` tells the rank of a key now; None where it has no place in the queue any more."""
        self._rank: Callable[[Key], int | None] = rank
        self._heap: list[tuple[int, Key]] = []
        self._known: dict[Key, int] = {}

    def add(self, key: Key, rank: int) -> None:
        """Adds a key, or does nothing where it is there with this rank or a lower one."""
        known = self._known.get(key)
        if known is None or rank < known:
            self._known[key] = rank
            heapq.heappush(self._heap, (rank, key))

    def first(self) -> Key | None:
        """The key of the lowest rank, which stays; None where the queue is empty."""
        while self._heap:
            rank, key = self._heap[0]
            now = self._rank(key) if self._known.get(key) == rank else None
            if now == rank:
                return key
            heapq.heappop(self._heap)
            if self._known.get(key) == rank:
                del self._known[key]
            if now is not None:
                self.add(key, now)
        return None


class WarmModels:
    """The models that each worker has ready, and how many workers have each."""

    def __init__(self, most: int) -> None:
        """``most`` models at once are ready in a worker."""
        self._most = most
        self._by_slot: dict[int, list[str]] = {}
        self._workers: Counter[str] = Counter()

    def of(self, slot: int) -> tuple[str, ...]:
        """The models of a worker, the last used at the end."""
        return tuple(self._by_slot.get(slot, ()))

    def anywhere(self, model: str) -> bool:
        """Whether any worker has a model ready."""
        return self._workers[model] > 0

    def use(self, slot: int, model: str) -> list[str]:
        """A worker makes a model ready. Returns the models that some worker has now and none had, or the reverse."""
        before = self._by_slot.get(slot, [])
        if before and before[-1] == model:
            return []
        kept = [*(other for other in before if other != model), model][-self._most :]
        return self._change(slot, before, kept)

    def forget(self, slot: int) -> list[str]:
        """A worker has nothing ready any more. Returns the models that no worker has now."""
        return self._change(slot, self._by_slot.get(slot, []), [])

    def _change(self, slot: int, before: list[str], after: list[str]) -> list[str]:
        self._by_slot[slot] = after
        changed = [model for model in {*before, *after} if (model in before) != (model in after)]
        was = {model: self.anywhere(model) for model in changed}
        self._workers.update(model for model in changed if model in after)
        self._workers.subtract(model for model in changed if model in before)
        return [model for model in changed if self.anywhere(model) != was[model]]
