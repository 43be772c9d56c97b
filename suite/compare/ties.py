"""Letters for what cannot be told apart: the compact letter display (Piepho 2004)."""

from __future__ import annotations

import string
from collections.abc import Iterable

__all__ = ["tie_letters"]


def tie_letters(count: int, different: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """Letters for ``count`` cells in the order of their rank.

    Two cells have a letter in common exactly when they are not in ``different``.  The insert-and-absorb
    algorithm, with all differences of a cell at once: each group that holds the cell and some of what it differs from
    is split into the group without the cell and the group without those, and groups inside others vanish.

    Args:
        count: Number of cells.
        different: Pairs of positions that can be told apart.

    Returns:
        One string per cell; the best cells have "a".
    """
    groups = {(1 << count) - 1} if count else set()
    for cell, others in enumerate(_later(count, different)):
        own = 1 << cell
        held = {group for group in groups if group & own and group & others}
        kept = groups - held
        # Without the cell a group keeps some of the others: only groups without the cell can hold it.
        left = {half for group in held if not _inside(half := group & ~own, (one for one in kept if not one & own))}
        # Without the others it keeps the cell: groups with the cell can hold it, halves of this kind too.
        rest = {group & ~others for group in held}
        rest = {half for half in rest if not _inside(half, (one for one in (kept | rest) - {half} if one & own))}
        groups = kept | left | rest
    # The group whose best member ranks highest comes first, then the one that reaches less far down.
    members = sorted([index for index in range(count) if group >> index & 1] for group in groups)
    letters = [""] * count
    for position, group_members in enumerate(members):
        for index in group_members:
            letters[index] += _letter(position)
    return tuple(letters)


def _later(count: int, different: Iterable[tuple[int, int]]) -> list[int]:
    """For each cell those after it that it differs from, as bits."""
    later = [0] * count
    for pair in different:
        later[min(pair)] |= 1 << max(pair)
    return later


def _inside(half: int, groups: Iterable[int]) -> bool:
    return any(half & group == half for group in groups)


def _letter(position: int) -> str:
    """The name of a group: a to z, A to Z, then a2, b2, ..."""
    around, index = divmod(position, 52)
    return string.ascii_letters[index] + (str(around + 1) if around else "")
