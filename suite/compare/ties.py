"""Letters for what cannot be told apart: the compact letter display (Piepho 2004)."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence

__all__ = ["tie_letters"]


def tie_letters(count: int, different: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Letters for ``count`` cells in the order of their rank.

    Two cells have a letter in common exactly when they are not in ``different``.  The insert-and-absorb
    algorithm: every difference splits the groups that hold both, and groups inside others vanish.

    Args:
        count: Number of cells.
        different: Pairs of positions that can be told apart.

    Returns:
        One string per cell; the best cells have "a".
    """
    groups = [(1 << count) - 1] if count else []
    for first, second in sorted(different):
        both = 1 << first | 1 << second
        held = [group for group in groups if group & both == both]
        if not held:
            continue
        kept = [group for group in groups if group & both != both]
        without_first = [group & ~(1 << first) for group in held]
        without_second = [group & ~(1 << second) for group in held]
        # A half can only lie inside a group that holds what the half still holds of the pair.
        halves = [*_outside(without_first, kept, second), *_outside(without_second, kept, first)]
        groups = [*kept, *halves]
    # The group whose best member ranks highest comes first, then the one that reaches less far down.
    members = sorted([index for index in range(count) if group >> index & 1] for group in groups)
    letters = [""] * count
    for position, group_members in enumerate(members):
        for index in group_members:
            letters[index] += _letter(position)
    return tuple(letters)


def _outside(halves: Sequence[int], kept: Sequence[int], member: int) -> list[int]:
    """The halves that lie inside none of the kept groups; all of them hold ``member``."""
    rivals = [group for group in kept if group >> member & 1]
    return [half for half in halves if not any(half & rival == half for rival in rivals)]


def _letter(position: int) -> str:
    """The name of a group: a to z, A to Z, then a2, b2, ..."""
    around, index = divmod(position, 52)
    return string.ascii_letters[index] + (str(around + 1) if around else "")
