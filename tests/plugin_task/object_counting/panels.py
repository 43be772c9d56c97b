"""How far counts are off, by how many objects there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from object_counting.outputs import Counts
from suite.compare.cell import TablePanel


def errors_by_count(outputs: Sequence[Counts]) -> TablePanel:
    """One row for few objects and one for many, over all seeds together."""
    true = np.concatenate([one.true_counts for one in outputs])
    off = np.abs(np.concatenate([one.errors for one in outputs]))
    rows = []
    for name, chosen in (("1 to 6", true <= 6), ("7 to 12", true > 6)):
        rows.append((name, float(chosen.sum()), float(off[chosen].mean()) if chosen.any() else None))
    return TablePanel(
        title="Errors by number of objects",
        read="Where there are more objects a count is easily further off.",
        columns=("objects", "answers", "mean absolute error"),
        rows=tuple(rows),
    )
