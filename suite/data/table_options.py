"""The options of the ``table`` source: what goes together, and the tables that they describe."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from suite.data.rows import ENDINGS, Format, Table
from suite.errors import SpecError, UnknownNameError, did_you_mean
from suite.spec.options import Options, PathText

__all__ = ["TableOptions", "check_options", "files_of", "tables_of", "text_columns"]

Word = Annotated[str, Field(min_length=1)]
Place = Annotated[PathText, Field(min_length=1)]
File = Place | Annotated[dict[Word, Place], Field(min_length=1)]


class TableOptions(Options):
    """Texts in the columns of a table."""

    path: File | None = None
    """One file for everything, relative to where the command runs: CSV, TSV, JSON Lines or Parquet, also ending in
    .gz. Or files of lines side by side, by the name that each is to have as a column."""
    train: File | None = None
    """In place of ``path``: the file of the training split."""
    validation: File | None = None
    """The file of the validation split; made from the training split when left out."""
    test: File | None = None
    """The file of the test split; made from the training split when left out."""
    text_column: Word | Annotated[tuple[Word, ...], Field(min_length=1, max_length=2)] | None = None
    """The column to classify, or two of them; for generation the text to go on from, left out for plain language
    modelling."""
    label_column: Word | None = None
    """The column of the class: text classification."""
    target_column: Word | None = None
    """The column of the reference text: text generation."""
    split_column: Word | None = None
    """A column that says train, validation or test; with ``path``."""
    class_names: Annotated[tuple[Word, ...], Field(min_length=2)] | dict[Word, Word] | None = None
    """What the labels are called: by label, or a list in the order of labels that are numbers."""
    format: Format | None = None
    """By the end of the file's name when left out."""
    header: bool = True
    """Whether the first row of CSV or TSV names the columns; without it they are called 1, 2, ..."""
    encoding: Word | None = None
    """Of text files, for instance ``latin-1``; UTF-8 when left out."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Between fields of CSV or TSV; a comma or a tab when left out."""
    quotes: bool = True
    """Whether quotation marks enclose fields of CSV or TSV, or are characters like others."""
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What the data set is called; the name of the file when left out."""
    licence: str | None = None
    """Licence of the texts, for the report."""


def check_options(options: TableOptions) -> None:
    """Raises ``SpecError`` where two options do not go together, ``UnknownNameError`` for an unknown encoding."""
    for complaint in _complaints(options):
        raise SpecError(complaint)
    if options.encoding is not None:
        _require_encoding(options.encoding)
    for split, files in files_of(options).items():
        if options.format is None and not isinstance(getattr(options, split), dict):
            _format(files[0])


def text_columns(options: TableOptions) -> tuple[str, ...]:
    """The columns of ``text_column`` as a tuple, empty where it is left out."""
    return (options.text_column,) if isinstance(options.text_column, str) else options.text_column or ()


def _complaints(options: TableOptions) -> Iterator[str]:
    """What does not go together, the most important first."""
    if (options.path is None) == (options.train is None):
        yield "expected either 'path' or 'train' to say where the table is, got " + (
            "neither." if options.path is None else "both."
        )
    if options.path is not None and (options.validation is not None or options.test is not None):
        yield "expected 'train' beside 'validation' and 'test', got 'path'; rename it."
    if options.split_column and options.path is None:
        yield "'split_column' divides one file, given as 'path'; leave it out where each split has a file."
    if (options.label_column is None) == (options.target_column is None):
        yield (
            "expected either 'label_column' (text classification) or 'target_column' (text generation), got "
            + ("neither." if options.label_column is None else "both.")
        )
    if options.label_column and options.text_column is None:
        yield "expected 'text_column' to name the column to classify, or two."
    if options.target_column and len(text_columns(options)) > 1:
        yield "a text is generated from one column; expected one 'text_column' beside 'target_column', got two."
    if options.class_names is not None and options.label_column is None:
        yield "'class_names' names labels; it goes with 'label_column'."
    names = options.class_names.values() if isinstance(options.class_names, dict) else options.class_names or ()
    if len(set(names)) < len(names):
        yield "'class_names': expected different names, got one of them twice."
    yield from _complaints_of_format(options)


def _complaints_of_format(options: TableOptions) -> Iterator[str]:
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


def files_of(options: TableOptions) -> dict[str, tuple[Path, ...]]:
    """Paths by the option that names them."""
    given = {split: getattr(options, split) for split in ("path", "train", "validation", "test")}
    return {
        split: tuple(Path(path).expanduser() for path in (file.values() if isinstance(file, dict) else (file,)))
        for split, file in given.items()
        if file is not None
    }


def tables_of(options: TableOptions) -> dict[str, Table]:
    """What is read, by the option that names it: ``path``, ``train``, ``validation``, ``test``."""
    tables = {}
    encoding = options.encoding or "utf-8"
    if codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"  # what editors on Windows put in front belongs to no column
    for split, files in files_of(options).items():
        given = getattr(options, split)
        kind: Format = "csv"
        if not isinstance(given, dict):
            kind = options.format or _format(files[0])
        tables[split] = Table(
            files=files,
            names=tuple(given) if isinstance(given, dict) else (),
            format=kind,
            header=options.header,
            encoding=encoding,
            delimiter=options.delimiter or ("\t" if kind == "tsv" else ","),
            quotes=options.quotes,
        )
    return tables
