"""The page of a benchmark: its table, and the machine that it was measured on."""

from __future__ import annotations

from collections.abc import Sequence

from suite.devices import look_at_machine

__all__ = ["page_of"]

COLUMNS = ("what", "measured", "target", "met")


def page_of(
    title: str, paragraphs: Sequence[str], table: Sequence[str], *, load: float, columns: Sequence[str] = COLUMNS
) -> str:
    """A page in Markdown.

    Args:
        title: Its heading.
        paragraphs: What was measured and how.
        table: Its rows as Markdown.
        load: Of the machine, before the measurement.
        columns: Of the table.
    """
    machine = look_at_machine()
    where = f"{machine.processor}, {machine.cores} CPU cores; load before the measurement: {load:.1f}."
    head = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    parts = [f"# {title}", *paragraphs, where, "\n".join([*head, *table])]
    return "\n\n".join(parts) + "\n"
