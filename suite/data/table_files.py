"""The files of a table, as a spec names them, and what it can say of how they are written."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from suite.data.label_spelling import LabelRule
from suite.data.rows import ENDINGS, Format, Table
from suite.data.table_form import recognised
from suite.errors import SpecError, UnknownNameError, did_you_mean
from suite.spec.options import Options, PathText

__all__ = ["TableFileOptions", "Word", "check_files", "files_of", "name_of", "tables_of"]

Word = Annotated[str, Field(min_length=1)]
Place = Annotated[PathText, Field(min_length=1)]
File = Place | Annotated[dict[Word, Place], Field(min_length=1)]


class TableFileOptions(Options):
    """Where a table lies and how it is written."""

    path: File | None = None
    """One file for everything, relative to where the command runs: CSV, TSV, JSON Lines or Parquet, also ending in
    .gz. Or files of lines side by side, by the name that each is to have as a column."""
    train: File | None = None
    """In place of ``path``: the file of the training split."""
    validation: File | None = None
    """The file of the validation split; made from the training split when left out."""
    test: File | None = None
    """The file of the test split; made from the training split when left out."""
    split_column: Word | None = None
    """A column that says train, validation or test; with ``path``."""
    format: Format | None = None
    """By the end of the file's name when left out."""
    header: bool = True
    """Whether the first row of CSV or TSV names the columns; without it they are called 1, 2, ..."""
    encoding: Word | None = None
    """Of text files, for instance ``cp1252``; when left out UTF-8, or what a byte order mark says."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Between fields of CSV or TSV; when left out a comma or a tab, or the one between which the columns lie."""
    quotes: bool = True
    """Whether quotation marks enclose fields of CSV or TSV, or are characters like others."""
    class_names: Annotated[tuple[Word, ...], Field(min_length=2)] | dict[Word, Word] | None = None
    """What the labels are called: by label, or a list in the order of labels that are numbers."""
    labels: LabelRule = "refuse"
    """What to do with labels that differ only in case, white space, unseen characters or as numbers: refuse the data
    set, ``normalise`` them to one class, or keep them ``as_given``."""
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What the data set is called; the name of the file when left out."""
    licence: str | None = None
    """Licence of the data, for the report."""


def check_files(options: TableFileOptions, complaints: Iterable[str] = ()) -> None:
    """Looks at what goes together, without opening a file.

    Args:
        options: Of the source.
        complaints: What does not go together among the source's own options.

    Raises:
        SpecError: Where two options do not.
        UnknownNameError: For an unknown encoding.
    """
    for said in (_complaints(options), complaints, _complaints_of_format(options)):
        for complaint in said:
            raise SpecError(complaint)
    if options.encoding is not None:
        _require_encoding(options.encoding)
    for split, files in files_of(options).items():
        if options.format is None and not isinstance(getattr(options, split), dict):
            _format(files[0])


def name_of(options: TableFileOptions) -> str:
    """The given name, else that of the first file without its ending."""
    if options.name:
        return options.name
    first = next(iter(files_of(options).values()))[0].name.removesuffix(".gz")
    return Path(first).stem or first


def _complaints(options: TableFileOptions) -> Iterator[str]:
    """What does not go together, the most important first."""
    if (options.path is None) == (options.train is None):
        yield "expected either 'path' or 'train' to say where the table is, got " + (
            "neither." if options.path is None else "both."
        )
    if options.path is not None and (options.validation is not None or options.test is not None):
        yield "expected 'train' beside 'validation' and 'test', got 'path'; rename it."
    if options.split_column and options.path is None:
        yield "'split_column' divides one file, given as 'path'; leave it out where each split has a file."
    names = options.class_names.values() if isinstance(options.class_names, dict) else options.class_names or ()
    if len(set(names)) < len(names):
        yield "'class_names': expected different names, got one of them twice."


def _complaints_of_format(options: TableFileOptions) -> Iterator[str]:
    files = files_of(options)
    if len({path.resolve() for paths in files.values() for path in paths}) < sum(map(len, files.values())):
        yield "expected a file of its own for each split and column, got one file twice."
    side_by_side = [isinstance(getattr(options, split), dict) for split in files]
    if options.format is not None and any(side_by_side):
        yield "files of lines side by side have no 'format'; leave it out."
    formats = {
        "lines" if lines else options.format or ENDINGS.get(_ending(paths[0]))
        for lines, paths in zip(side_by_side, files.values(), strict=True)
    }
    if not formats & {"csv", "tsv", None} and (options.delimiter or not options.header or not options.quotes):
        yield "'header', 'delimiter' and 'quotes' belong to CSV and TSV; leave them out for other files."
    if formats == {"parquet"} and options.encoding:
        yield "'encoding' belongs to text files; Parquet says itself how its texts are stored."
    if options.delimiter in {"\n", "\r", '"', "\0"}:
        yield f"'delimiter': expected a character between fields, got {options.delimiter!a}."


def _require_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError):
        from encodings.aliases import aliases

        choices = {"utf-8", "latin-1", "cp1252", "utf-16"}
        near = did_you_mean(name, set(aliases) | choices, what="encoding").partition(" Available: ")[0]
        raise UnknownNameError(f"'encoding': {near} Usual ones: {', '.join(sorted(choices))}.") from None


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _format(path: Path) -> Format:
    ending = _ending(path)
    if ending not in ENDINGS:
        raise SpecError(
            f"{path}: expected a name that ends in {', '.join(ENDINGS)} (or in one of these and .gz), got "
            f"'{ending}'; 'format' says what the file is, and a file of lines is given with the name of its column, "
            f'{{"text": "{path.name}"}}.'
        )
    return ENDINGS[ending]


def files_of(options: TableFileOptions) -> dict[str, tuple[Path, ...]]:
    """Paths by the option that names them."""
    given = {split: getattr(options, split) for split in ("path", "train", "validation", "test")}
    return {
        split: tuple(Path(path).expanduser() for path in (file.values() if isinstance(file, dict) else (file,)))
        for split, file in given.items()
        if file is not None
    }


def tables_of(options: TableFileOptions, *, columns: Sequence[str]) -> dict[str, Table]:
    """What is read, by the option that names it: ``path``, ``train``, ``validation``, ``test``.

    Args:
        options: Of the source.
        columns: By which the delimiter is recognised.

    Raises:
        DataError: Where fields may lie between two delimiters.
    """
    tables = {}
    encoding = options.encoding or "utf-8"
    if codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"  # what editors on Windows put in front belongs to no column
    for split, files in files_of(options).items():
        given = getattr(options, split)
        kind: Format = "csv"
        if not isinstance(given, dict):
            kind = options.format or _format(files[0])
        plain = Table(
            files=files,
            names=tuple(given) if isinstance(given, dict) else (),
            format=kind,
            header=options.header,
            encoding=encoding,
            delimiter=options.delimiter or ("\t" if kind == "tsv" else ","),
            quotes=options.quotes,
        )
        tables[split] = recognised(plain, columns, encoding=options.encoding, delimiter=options.delimiter)
    return tables
