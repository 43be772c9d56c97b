"""How a table of text is written, where the spec does not say: encoding, delimiter, a line for Excel, an index."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from suite.data.rows import Table
from suite.errors import DataError

__all__ = ["recognised"]

_HEAD_BYTES = 65_536
_ROWS = 20
"""Rows that are looked at."""
_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""What Excel writes and reads in front of a table."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
"""Byte order marks: of 32 bits first, since those of 16 begin like them."""
_WHOLE = re.compile(r"[0-9]{1,15}")
_INDEX_NAMES = {"", "id", "index", "idx", "no", "no.", "nr", "nr.", "#", "n", "number", "row", "key", "unnamed: 0"}
"""What people call a column of the rows' numbers, in small letters: where the header has it, it does not lack it."""
_NULS = 0.3
"""The share of every second byte that is 0 in texts of two bytes a letter, most of them Latin."""
_STRAY = 0.02
"""The share of the others that may be: the lower half of a few letters, such as every 256th of a script."""
_MOST = 0.8
"""Of the rows have one field more than the header where there is an index; the others are wrong."""


def recognised(
    table: Table, columns: Sequence[str], *, encoding: str | None = None, delimiter: str | None = None
) -> Table:
    """The table with what its first lines tell of how it is written; ``told`` says what was taken for it.

    Args:
        table: Of one file; Parquet and files of lines side by side are as they are.
        columns: Those that are wanted: a delimiter between which they are is the right one.
        encoding: What the spec says; None where the file shall tell.
        delimiter: Likewise.

    Raises:
        DataError: Where two delimiters would do, and where a compressed file is damaged.
    """
    if table.names or table.format == "parquet":
        return table
    head = _head(table)
    if encoding is None and (found := _encoding(head)):
        table = replace(table, encoding=found, told=(*table.told, found.upper()))
    if table.format == "jsonl":
        return table
    try:
        text = head.decode(table.encoding, "replace")
    except UnicodeError:  # some encodings replace nothing; whoever reads the table says where it fails
        return table
    lines = text.splitlines(keepends=True)
    if lines and (match := _SEP_LINE.fullmatch(lines[0])):
        table = replace(table, skip=1, told=(*table.told, "a first line 'sep='"))
        lines = lines[1:]
        if delimiter is None:
            return _with_index(_delimited(table, match[1]), lines)
    if delimiter is None:
        table = _delimited(table, _delimiter(table, lines, columns))
    return _with_index(table, lines)


def _head(table: Table) -> bytes:
    path = table.files[0]
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{table.place}: cannot be read: {error}.") from None
    except (OSError, ValueError):
        return b""  # whoever reads it says why it cannot be


def _encoding(head: bytes) -> str | None:
    """The encoding that the first bytes tell; None where they tell none."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return None if name == "utf-8-sig" else name
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        others = head[::2] if name == "utf-16-le" else head[1::2]
        if len(head) >= 8 and zeros.count(0) > _NULS * len(zeros) and others.count(0) <= _STRAY * len(others):
            return name
    return None


def _delimited(table: Table, delimiter: str) -> Table:
    if delimiter == table.delimiter:
        return table
    told = f"fields between {_NAMES.get(delimiter, repr(delimiter))}"
    return replace(table, delimiter=delimiter, told=(*table.told, told))


def _delimiter(table: Table, lines: Sequence[str], columns: Sequence[str]) -> str:
    """The usual one of the format where it will do; else the only other one that does."""
    able = [one for one in _DELIMITERS if one == table.delimiter or _fits(table, lines, one, columns)]
    if _fits(table, lines, table.delimiter, columns) or len(able) == 1:
        return table.delimiter
    others = [one for one in able if one != table.delimiter]
    if len(others) > 1:
        said = " or ".join(_NAMES[one] for one in others)
        raise DataError(f"{table.place}: its fields may lie between {said}; say which as 'delimiter'.")
    return others[0]


def _fits(table: Table, lines: Sequence[str], delimiter: str, columns: Sequence[str]) -> bool:
    """Whether the wanted columns are there; of no wanted ones whether all rows have as many fields, more than one."""
    rows = _rows(lines, delimiter, quotes=table.quotes)
    if not rows:
        return False
    if table.header and columns:
        return set(columns) <= set(rows[0])
    wanted = max((int(one) for one in columns if one.isdigit()), default=2)
    counts = {len(row) for row in rows}
    return len(counts) == 1 and counts.pop() >= wanted


def _rows(lines: Sequence[str], delimiter: str, *, quotes: bool = True) -> list[list[str]]:
    """The first rows that are not blank; the last one may be cut off, and is left out of several."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, quoting=quoting):
            if row:
                rows.append(row)
            if len(rows) > _ROWS:
                break
    except csv.Error:
        pass  # whoever reads all of it says where
    return rows[:-1] if len(rows) > _ROWS or (len(rows) > 1 and lines and not lines[-1].endswith("\n")) else rows


def _with_index(table: Table, lines: Sequence[str]) -> Table:
    """R writes the number of each row in front of it and no name for that in the header.

    Rows with a field more for another reason (a delimiter at their end, a decimal comma) are left as they are, and
    named one by one.
    """
    rows = _rows(lines, table.delimiter, quotes=table.quotes)
    if not table.header or len(rows) < 3:
        return table
    longer = [row for row in rows[1:] if len(row) == len(rows[0]) + 1]
    if len(longer) < _MOST * len(rows[1:]):
        return table
    numbers = [int(row[0]) if _WHOLE.fullmatch(row[0]) else -1 for row in longer]
    is_index = numbers[0] >= 0 and all(one < other for one, other in pairwise(numbers))
    if not is_index or rows[0][0].strip().lower() in _INDEX_NAMES or not any(row[-1] for row in longer):
        return table
    return replace(table, unnamed_index=True, told=(*table.told, "a first column without a name"))
