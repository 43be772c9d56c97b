"""What one number, the temperature, does to the gap between confidence and accuracy."""

from __future__ import annotations

from typing import Any, ClassVar

import altair as alt

from suite.compare.comparison import Comparison
from suite.report.charts.encodings import exact, score_scale
from suite.report.charts.robustness_rows import calibration_rows
from suite.report.charts.two_states import two_states

__all__ = ["Calibration"]


class Calibration:
    """One line per cell: filled before temperature scaling, hollow after it."""

    summary: ClassVar[str] = "Calibration error before and after temperature scaling."
    title: ClassVar[str] = "Calibration"
    how_to_read: ClassVar[str] = (
        "The gap between what a model promises and how often it is right. A filled dot is the model as it is, a hollow "
        "one the same model after temperature scaling. Further left is better."
    )

    @classmethod
    def build(cls, comparison: Comparison, *, dataset: str | None = None) -> Any | None:
        """The chart, or None where no temperature was fitted."""
        dots, spans = calibration_rows(comparison, dataset)
        if not spans:
            return None
        across = alt.X(
            "error:Q", scale=score_scale(dots, "error"), axis=alt.Axis(title="calibration error", format=".2f")
        )
        tips = exact(
            ("cell:N", "cell", ""),
            ("state:N", "state", ""),
            ("error:Q", "calibration error", ".4f"),
            ("temperature:Q", "temperature", ".3f"),
        )
        return two_states(comparison, dots, spans, across=across, state="state", tips=tips)
