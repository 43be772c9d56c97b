"""The small image of a comparison: its best cells as dots with intervals."""

from __future__ import annotations

from suite.publish.record import RunRecord
from suite.report.charts.theme import model_colours
from suite.report.interval_scale import IntervalScale

__all__ = ["small_image"]

WIDTH, HEIGHT, CELLS, MARGIN = 120, 40, 6, 4


def small_image(record: RunRecord) -> str:
    """An SVG of 120 x 40: one line for each of the six best cells of the first data set, the best on top."""
    dataset = record.home_datasets[0].name if record.home_datasets else ""
    cells = [cell for cell in record.ranking(dataset) if cell.score is not None][:CELLS]
    colours = model_colours({cell.model for cell in record.cells})
    scores = [cell.score for cell in cells if cell.score is not None]
    scale = IntervalScale.of([(one.value, one.ends) for one in scores])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
    ]
    for place, cell in enumerate(cells):
        if cell.score is not None:
            drawn = scale.draw(cell.score.value, cell.score.ends)
            y = MARGIN + (place + 0.5) * (HEIGHT - 2 * MARGIN) / max(3, len(cells))
            low, at, high = (MARGIN + one / 100 * (WIDTH - 2 * MARGIN) for one in (drawn.low, drawn.at, drawn.high))
            colour = colours[cell.model]
            parts.append(
                f'<path d="M{low:.1f} {y:.1f}H{high:.1f}" stroke="{colour}" stroke-opacity=".45" stroke-width="3"/>'
                f'<circle cx="{at:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>'
            )
    return "".join([*parts, "</svg>\n"])
