"""All examples that cannot be read, in one complaint: nobody mends a folder one file at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from suite.data.dataset import Split
from suite.errors import BadExampleError

__all__ = ["all_of", "every_bad_example"]

SHOWN = 20
"""Complaints that are printed."""


def all_of(errors: Sequence[BadExampleError]) -> BadExampleError:
    """One complaint that has them all, the first ``SHOWN`` in full."""
    if len(errors) == 1:
        return errors[0]
    said = "\n".join(f"  {error}" for error in errors[:SHOWN])
    more = f"\n  and {len(errors) - SHOWN:,} more" if len(errors) > SHOWN else ""
    return BadExampleError(f"{len(errors):,} examples cannot be read:\n{said}{more}")


def every_bad_example(splits: Sequence[Split], first: BadExampleError) -> BadExampleError:
    """After one example could not be read: what is wrong with all that cannot be.

    Args:
        splits: Whose examples are all read once.
        first: What is said where reading them again finds nothing.
    """

    def complaint(of: tuple[Split, int]) -> BadExampleError | None:
        try:
            of[0].read(of[1])
        except BadExampleError as error:
            return error
        return None

    with ThreadPoolExecutor(max_workers=min(32, os.cpu_count() or 1)) as pool:
        every = ((split, index) for split in splits for index in range(len(split)))
        found = [error for error in pool.map(complaint, every) if error is not None]
    return all_of(found) if found else first
