"""A CSV file as rows of text with their numbers; nothing in it is evaluated."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from suite.errors import DataError, did_you_mean

__all__ = ["Grid", "read_grid"]


@dataclass(frozen=True)
class Grid:
    """The rows of a file that hold anything, all of the same width."""

    path: Path
    rows: tuple[tuple[str, ...], ...]
    """Texts without surrounding spaces; what a short row lacks is empty."""
    numbers: tuple[int, ...]
    """The number of each row in the file, from 1, as a spreadsheet shows it."""

    def column(self, name: str, *, header: int) -> int:
        """The position of a column by its name in row ``header``.

        Raises:
            DataError: Where there is none of that name, with the nearest, or more than one.
        """
        names = self.rows[header]
        if names.count(name) > 1:
            raise DataError(f"{self.path}: column '{name}' is there {names.count(name)} times; rename all but one.")
        if name not in names:
            raise DataError(f"{self.path}: {did_you_mean(name, [one for one in names if one], what='column')}")
        return names.index(name)


def read_grid(path: Path) -> Grid:
    """Reads a CSV file: commas, double quotes, UTF-8 with or without a byte order mark.

    Raises:
        DataError: Where it is missing, is no such text, has no rows, or a row is longer than the first one.
    """
    try:
        parsed = list(csv.reader(io.StringIO(_text(path), newline=""), strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: is no CSV file that can be read: {error}.") from None
    rows = [(number, tuple(text.strip() for text in row)) for number, row in enumerate(parsed, start=1)]
    filled = [(number, row) for number, row in rows if any(row)]
    if not filled:
        raise DataError(f"{path}: is empty; expected a row of column names and rows of results.")
    width = len(filled[0][1])
    for number, row in filled:
        if any(row[width:]):
            raise DataError(
                f"{path}: row {number} has {len(row)} values and the first row {width}; a value with a comma in it "
                'needs double quotes around it: "1,013.01".'
            )
    padded = tuple((*row[:width], *[""] * (width - len(row))) for _, row in filled)
    return Grid(path, padded, tuple(number for number, _ in filled))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected a table as CSV.") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder; expected a table as CSV.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(f"{path}: is not UTF-8 text; expected a table as CSV, not a spreadsheet's own file.")
    return text
