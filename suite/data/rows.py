"""Rows of a table in a file: CSV, TSV, JSON Lines, Parquet, or files of lines side by side.

Quoting, encodings and compression are the libraries' affair (``csv``, ``json``, ``gzip``, pyarrow).  What is added
here is where: each row comes with the number of its line, and what is wrong with it with a reason, so that the rows
after it can still be read.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from suite.errors import DISTRIBUTION, DataError, MissingExtraError, did_you_mean

__all__ = [
    "ENDINGS",
    "Format",
    "Row",
    "Table",
    "column_names",
    "encoding_complaint",
    "printable",
    "read_batches",
    "read_rows",
    "rows_of",
]

Format = Literal["csv", "tsv", "jsonl", "parquet"]
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
"""What a file is by the end of its name; before it ``.gz`` is taken off."""

_LONGEST_FIELD = 2**26
"""Characters; ``csv`` stops at 131,072, which a chapter of a book exceeds."""
_ROWS_AT_ONCE = 4096
_DAMAGED = (ValueError, ArithmeticError, LookupError, TypeError, RuntimeError, MemoryError, OSError)
"""What pyarrow raises besides its own errors, where bytes are others than were written."""
_END = object()


class Row(NamedTuple):
    """One row: the wanted columns, or what is wrong with it."""

    number: int
    """Of the line that it begins on, or of the row in a Parquet file; from 1."""
    values: Sequence[Any]
    """In the order of the wanted columns; empty where there is a problem."""
    problem: str | None = None


@dataclass(frozen=True)
class Table:
    """Where a table lies and how it is written."""

    files: tuple[Path, ...]
    """One file; several where each holds one column, a text per line."""
    names: tuple[str, ...] = ()
    """The columns of such files of lines; empty for a table in one file."""
    format: Format = "csv"
    header: bool = True
    """Whether the first row of CSV or TSV names the columns; without it they are called 1, 2, ..."""
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    quotes: bool = True
    """Whether quotation marks enclose fields of CSV or TSV, or are characters like others."""
    skip: int = 0
    """Lines in front of the table."""
    unnamed_index: bool = False
    """Whether rows have one field more than the header, in front."""
    told: tuple[str, ...] = ()
    """What was recognised and no spec says, in words."""

    @property
    def place(self) -> str:
        """What it is called in complaints."""
        return str(self.files[0])

    @property
    def unit(self) -> str:
        """What is counted in it."""
        return "row" if self.format == "parquet" and not self.names else "line"


def read_rows(table: Table, columns: Sequence[str], *, optional: Sequence[str] = ()) -> Iterator[Row]:
    """Every row of a table, one after another; blank lines of CSV, TSV and JSON Lines are passed over.

    Text comes as ``str``, of Parquet as the bytes that are stored; a byte that is no character of the encoding comes
    as a surrogate (``surrogateescape``), see ``encoding_complaint``.

    Args:
        table: Where they lie.
        columns: Those that are wanted.
        optional: Of these, what a row of JSON Lines may lack: its value is None then.

    Raises:
        DataError: When the file is missing, unreadable, or has no such columns.
        MissingExtraError: For a Parquet file without pyarrow.
    """
    with _readable(table):
        if table.names:
            yield from _side_by_side(table, columns)
        elif table.format == "parquet":
            for number, batch in _parquet_batches(table, columns):
                yield from rows_of(number, batch, columns)
        elif table.format == "jsonl":
            yield from _json_rows(table, columns, optional)
        else:
            yield from _delimited_rows(table, columns)


def column_names(table: Table) -> tuple[str, ...]:
    """The columns of a table, of JSON Lines those of the first row. Raises as ``read_rows`` does."""
    with _readable(table):
        if table.names:
            return table.names
        if table.format == "parquet":
            with _parquet_file(table) as file:
                return tuple(map(str, file.schema_arrow.names))
        with _opened(table, table.files[0], newline="") as stream:
            if table.format != "jsonl":
                first = next(_fields(table, stream), None)
                if first is None:
                    raise DataError(f"{table.place}: is empty; expected rows of {table.format.upper()}.")
                return _columns_of(table, first)
            line = next((line for line in stream if not line.isspace()), "")
        row = _json_row(1, line, ())
        if row.problem is not None:
            raise DataError(f"{table.place}: line 1: {row.problem}")
        names = tuple(map(str, json.loads(line)))
        for name in names:
            if complaint := encoding_complaint(name, table.encoding) or _lone(name):
                raise DataError(f"{table.place}: line 1: {complaint}")
        return names


def read_batches(table: Table, columns: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """The rows of a Parquet file some thousands at a time: the number of the first, and a ``pyarrow.RecordBatch``.

    Only one group of rows is in memory at once.  Raises as ``read_rows`` does, which gives the same rows one by one.
    """
    with _readable(table):
        yield from _parquet_batches(table, columns)


def rows_of(number: int, batch: Any, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a batch; ``number`` is that of the first."""
    for at, values in enumerate(zip(*(_plain(batch.column(name)) for name in columns), strict=True), start=number):
        yield Row(at, values)


@contextmanager
def _readable(table: Table) -> Iterator[None]:
    """Says of a file that cannot be read what ``read_rows`` raises."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:  # BadGzipFile is an OSError
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"{table.place}: cannot be read: {reason}.") from None
    except UnicodeError as error:  # encodings of two bytes a character have no place for a surrogate
        raise DataError(f"{table.place}: cannot be read as {table.encoding}: {error}. Set 'encoding'.") from None


def encoding_complaint(text: str, encoding: str) -> str | None:
    """What is wrong with a text that was read with ``surrogateescape``, or None where every byte was a character."""
    for character in text:
        if "\udc80" <= character <= "\udcff":
            byte = ord(character) - 0xDC00
            name = encoding.removesuffix("-sig")
            return f"byte 0x{byte:02X} is no {name}. Set 'encoding' to what the file is in, for instance \"cp1252\"."
    return None


def _lone(text: str) -> str | None:
    """What is wrong with a text that JSON spells out and that is none, as half a pair of surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return f"expected text, got {printable(text)!r}."
    return None


def printable(text: str) -> str:
    """A text with what is no character spelled out, so that it can be told in a complaint."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _opened(table: Table, path: Path, *, newline: str | None) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding=table.encoding, errors="surrogateescape", newline=newline)
    return path.open(encoding=table.encoding, errors="surrogateescape", newline=newline)


def _delimited_rows(table: Table, columns: Sequence[str]) -> Iterator[Row]:
    with _opened(table, table.files[0], newline="") as stream:
        rows = _fields(table, stream)
        first = next(rows, None)
        if first is None:
            raise DataError(f"{table.place}: is empty; expected rows of {table.format.upper()}.")
        names = _columns_of(table, first)
        wanted = [_position(name, names, table) for name in columns]
        expected = f"{len(names)} {'field' if len(names) == 1 else 'fields'}"
        whose = "the header" if table.header else "the first row"
        for row in rows if table.header else itertools.chain([first], rows):
            if row.problem is not None:
                yield row
            elif len(row.values) != len(names):
                yield Row(row.number, (), f"expected {expected} as in {whose}, got {_counted(row)}.")
            else:
                yield Row(row.number, [row.values[position] for position in wanted])


def _counted(row: Row) -> str:
    """How many fields a row has; a row over several lines may come from a stray quotation mark."""
    further = sum(field.count("\n") for field in row.values)
    return f"{len(row.values)}" + (f" in {further + 1} lines, which quotation marks hold together" if further else "")


def _fields(table: Table, stream: IO[str]) -> Iterator[Row]:
    """All fields of each row that is not blank.

    A quotation mark that is not closed swallows rows after it: nobody could say what was lost, so that is refused
    whatever is done with bad rows.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if table.quotes else csv.QUOTE_NONE
    for _ in range(table.skip):
        next(stream, None)
    reader = csv.reader(stream, delimiter=table.delimiter, quoting=quoting, strict=True)
    mend = "Double a quotation mark inside of a field, or set 'quotes' to false where they enclose nothing."
    while True:
        number = table.skip + reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            follows = "expected after" in str(error)
            if follows and table.skip + reader.line_num == number:
                yield Row(number, (), f"a character follows the quotation mark that closes a field. {mend}")
                continue
            reason = "a quotation mark is not closed where its field ends" if follows else str(error)
            if "unexpected end" in reason:
                reason = "a quotation mark is never closed"
            raise DataError(f"{table.place}: line {number}: {reason}. {mend}") from None
        if fields:
            yield Row(number, fields)


def _columns_of(table: Table, first: Row) -> tuple[str, ...]:
    if first.problem is not None:
        raise DataError(f"{table.place}: line {first.number}: {first.problem}")
    if not table.header:
        return tuple(str(number) for number in range(1, len(first.values) + 1))
    for name in first.values:
        if complaint := encoding_complaint(name, table.encoding):
            raise DataError(f"{table.place}: line {first.number}: {complaint}")
    return ("", *first.values) if table.unnamed_index else tuple(first.values)


def _position(name: str, names: Sequence[str], table: Table) -> int:
    """Where a column is. Raises ``DataError`` when it is not there, or twice."""
    if name not in names:
        hint = " Where the file has no row of names, set 'header' to false." if table.header and name.isdigit() else ""
        if len(names) == 1 and table.format in {"csv", "tsv"}:
            hint += f" All is one field, since 'delimiter' is {table.delimiter!r}; say what lies between the fields."
        raise DataError(f"{table.place}: {did_you_mean(name, names, what='column')}{hint}")
    if names.count(name) > 1:
        raise DataError(f"{table.place}: column '{name}' is there {names.count(name)} times; rename all but one.")
    return names.index(name)


def _json_rows(table: Table, columns: Sequence[str], optional: Sequence[str]) -> Iterator[Row]:
    found = False
    with _opened(table, table.files[0], newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            if line.isspace():
                continue
            found = True
            yield _json_row(number, line, columns, optional)
    if not found:
        raise DataError(f"{table.place}: is empty; expected a JSON object in each line.")


def _json_row(number: int, line: str, columns: Sequence[str], optional: Sequence[str] = ()) -> Row:
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return Row(number, (), f"expected a JSON object, got damaged JSON: {error}.")
    if not isinstance(row, dict):
        return Row(number, (), f"expected a JSON object, got {type(row).__name__}.")
    for name in columns:
        if name not in row and name not in optional:
            return Row(number, (), did_you_mean(name, map(printable, row), what="column"))
    return Row(number, [row.get(name) for name in columns])


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _side_by_side(table: Table, columns: Sequence[str]) -> Iterator[Row]:
    """The lines of several files, each a column."""
    positions = [_position(name, table.names, table) for name in columns]
    with ExitStack() as stack:
        streams = [stack.enter_context(_opened(table, path, newline=None)) for path in table.files]
        for number, lines in enumerate(itertools.zip_longest(*streams, fillvalue=_END), start=1):
            ended = [str(path) for path, line in zip(table.files, lines, strict=True) if line is _END]
            if ended:
                raise DataError(
                    f"{table.place}: expected as many lines in each file; {ended[0]} ends after {number - 1} lines, "
                    "another goes on."
                )
            yield Row(number, [str(lines[position]).rstrip("\n") for position in positions])


def _parquet_file(table: Table) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            f"{table.place}: Parquet files are read by pyarrow, which is not installed: "
            f'pip install "{DISTRIBUTION}[parquet]"'
        ) from None
    try:
        return pq.ParquetFile(table.files[0])
    except (pa.ArrowException, *_DAMAGED) as error:
        raise DataError(f"{table.place}: expected a Parquet file, got: {_said(error)}.") from None


def _parquet_batches(table: Table, columns: Sequence[str]) -> Iterator[tuple[int, Any]]:
    with _parquet_file(table) as file:
        import pyarrow as pa

        try:
            names = tuple(map(str, file.schema_arrow.names))
        except (pa.ArrowException, *_DAMAGED) as error:
            raise DataError(f"{table.place}: its columns cannot be read: {_said(error)}.") from None
        for name in columns:
            _position(name, names, table)
        number = 0
        batches = file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=list(dict.fromkeys(columns)))
        while True:
            try:
                batch = next(batches, None)
                if batch is not None:
                    batch = _without_dictionaries(batch, dict.fromkeys(columns))
            except (pa.ArrowException, *_DAMAGED) as error:
                raise DataError(f"{table.place}: damaged after row {number}: {_said(error)}.") from None
            if batch is None:
                return
            yield number + 1, batch
            number += len(batch)


def _without_dictionaries(batch: Any, columns: Iterable[str]) -> Any:
    """Some columns of a batch, each value in its place: a damaged file may point beyond what it lists."""
    import pyarrow as pa

    batch.validate()
    found = {name: batch.column(name) for name in columns}
    plain = {
        name: column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for name, column in found.items()
    }
    return pa.RecordBatch.from_arrays(list(plain.values()), names=list(plain))


def _said(error: BaseException) -> str:
    """What a library says, in one line; some of its errors carry bytes that are no text."""
    return printable(str(error)).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _plain(column: Any) -> list[Any]:
    """The values of a column; texts as bytes, since a file may hold some that are none."""
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    try:
        values: list[Any] = column.to_pylist()
    except (pa.ArrowException, *_DAMAGED):
        return [_value(one, column.type) for one in column]
    return values


def _value(scalar: Any, kind: Any) -> Any:
    """A value; where Python has none for it, as for the year 30,000, something that is no text and tells its type."""
    import pyarrow as pa

    try:
        return scalar.as_py()
    except (pa.ArrowException, *_DAMAGED):
        return type(str(kind), (), {})()
