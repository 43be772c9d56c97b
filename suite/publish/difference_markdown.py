"""What changed between two runs as Markdown, for a pull request or a chat."""

from __future__ import annotations

from suite.publish.difference import RunDifference
from suite.publish.difference_tables import difference_tables
from suite.report.markdown import literal

__all__ = ["NOTE", "difference_markdown"]

NOTE = (
    "Change: after less before, turned so that positive is better. Intervals and p count other test examples and other "
    "seeds, and allow for the number of cells: all intervals together hold the truth in 95 of 100 comparisons. Better "
    "and worse are beyond noise: their interval leaves out 0. What is not proven may be a change all the same."
)


def difference_markdown(found: RunDifference, *, shown: tuple[str, str], everything: bool = False) -> str:
    """The difference as a page of Markdown; names come out as text, whatever is in them.

    Args:
        found: What changed.
        shown: What the reader calls the two runs.
        everything: Also what did not change.
    """
    from suite.report.writing import environment

    template = environment("site", finalize=literal).get_template("difference.md.j2")
    tables = difference_tables(found, everything=everything)
    return template.render(found=found, shown=shown, tables=tables, note=NOTE).rstrip() + "\n"
