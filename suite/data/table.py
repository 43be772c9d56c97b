"""The options of the ``table`` source: what goes together, and the tables that they describe."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.data.assemble import OnBadExample, assemble
from suite.data.bad_examples import all_of
from suite.data.clean_batch import CleanBatch, clean_batch
from suite.data.dataset import Dataset
from suite.data.label_spelling import LabelRule, is_missing_label, same_labels
from suite.data.layout import SPLIT_WORDS, split_of
from suite.data.rows import ENDINGS, Format, Row, Table, encoding_complaint, printable, read_batches, read_rows, rows_of
from suite.data.table_form import recognised
from suite.data.texts import TextCollector, encoded_text
from suite.errors import BadExampleError, DataError, Requirement, SpecError, UnknownNameError, did_you_mean
from suite.spec.options import Options, PathText
from suite.spec.spec import SplitsSpec

__all__ = ["TableOptions", "TableSource", "check_options", "files_of", "tables_of", "text_columns"]

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
    """Of text files, for instance ``cp1252``; when left out UTF-8, or what a byte order mark says."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Between fields of CSV or TSV; when left out a comma or a tab, or the one between which the columns lie."""
    quotes: bool = True
    """Whether quotation marks enclose fields of CSV or TSV, or are characters like others."""
    labels: LabelRule = "refuse"
    """What to do with labels that differ only in case, white space, unseen characters or as numbers: refuse the data
    set, ``normalise`` them to one class, or keep them ``as_given``."""
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


def tables_of(options: TableOptions, *, columns: Sequence[str] | None = None) -> dict[str, Table]:
    """What is read, by the option that names it: ``path``, ``train``, ``validation``, ``test``.

    Args:
        options: Of the source.
        columns: By which the delimiter is recognised; those of the options when left out.

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
        wanted = _Columns.of(options).names if columns is None else columns
        tables[split] = recognised(plain, wanted, encoding=options.encoding, delimiter=options.delimiter)
    return tables


# Texts in tables: CSV, TSV, JSON Lines, Parquet, or files of lines side by side.

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class TableSource:
    """Texts with classes or reference texts in CSV, TSV, JSON Lines, Parquet, or files of lines side by side."""

    summary: ClassVar[str] = "texts in CSV, TSV, JSON Lines, Parquet, or files of lines side by side: path, columns"
    Options: ClassVar[type[Options]] = TableOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Nothing: any path will do."""
        return ()

    @classmethod
    def label(cls, options: TableOptions) -> str:
        """The given name, else that of the file without its ending."""
        if options.name:
            return options.name
        first = next(iter(files_of(options).values()))[0].name.removesuffix(".gz")
        return Path(first).stem or first

    @classmethod
    def tasks(cls, options: TableOptions) -> tuple[str, ...]:
        """What it is good for: classification with a label column, generation with a target column."""
        return ("text_classification",) if options.label_column else ("text_generation",)

    @classmethod
    def check(cls, options: TableOptions) -> TableOptions:
        """The options. Raises ``SpecError`` where two of them do not go together."""
        check_options(options)
        return options

    @classmethod
    def requirements(cls, options: TableOptions) -> tuple[Requirement, ...]:
        """Nothing has to be fetched."""
        return ()

    @classmethod
    def verify(cls, options: TableOptions) -> None:
        """Looks at the head of each file, before anything runs. Raises ``DataError`` where ``load`` would for it."""
        for table in tables_of(options).values():
            next(read_rows(table, _Columns.of(options).names), None)

    @classmethod
    def load(cls, options: TableOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set; ids are the file's name and the number of the line, ``reviews.csv:12``.

        A bad example is a row with too few or too many fields, with bytes that are not text, with an empty label,
        or with an empty text; only the text that a generation goes on from may be empty.

        Raises:
            DataError: When a file is missing or damaged as a whole, a column is missing, or no row can be used.
            BadExampleError: For the first bad example, unless they are skipped.
            MissingExtraError: For a Parquet file without pyarrow.
        """
        cls.check(options)
        tables = tables_of(options)
        reading = _Reading(options, skip=on_bad_example == "skip")
        folder = _common_folder([table.files[0] for table in tables.values()])
        for split, table in tables.items():
            reading.read(table, "train" if split == "path" else split, folder=folder)
        place = ", ".join(table.place for table in tables.values())
        class_names, order = reading.classes(place)
        return assemble(
            cls.label(options),
            {name: part.part(name, classes=order) for name, part in reading.parts.items()},
            class_names=class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=place,
            origin=place,
            licence=options.licence,
            content="text",
            answers="class" if options.label_column else "text",
            unit="row",
            recognised=tuple(dict.fromkeys(one for table in tables.values() for one in table.told)),
        )


def _common_folder(paths: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([path.absolute().parent for path in paths]))


@dataclass(frozen=True)
class _Columns:
    """The columns that are read: texts, then the reference or the label, then the split."""

    texts: tuple[str, ...]
    answer: str
    split: str | None

    @classmethod
    def of(cls, options: TableOptions) -> _Columns:
        return cls(text_columns(options), options.target_column or options.label_column or "", options.split_column)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.texts, self.answer, *((self.split,) if self.split else ()))


@dataclass(frozen=True)
class _Many:
    """Rows of a Parquet file that can all be used."""

    number: int
    """Of the first."""
    batch: CleanBatch
    labels: list[str]


class _Reading:
    """Rows of all files, sorted into splits; labels are numbered as they come and put in order at the end."""

    def __init__(self, options: TableOptions, *, skip: bool) -> None:
        self.parts: dict[str, TextCollector] = {}
        self._columns = _Columns.of(options)
        self._classify = options.label_column is not None
        self._class_names = options.class_names
        # Who names every label has said which are which.
        self._rule: LabelRule = "as_given" if isinstance(options.class_names, dict) else options.labels
        self._skip = skip
        self._codes: dict[str, int] = {}
        self._seen: dict[tuple[str, int], str] = {}
        """Where each split has a class first."""

    def read(self, table: Table, split: str, *, folder: Path) -> None:
        """Adds the rows of a file. Raises as ``TableSource.load`` does."""
        name = table.files[0].absolute().relative_to(folder).as_posix()
        usable = 0
        first_problem = ""
        errors: list[BadExampleError] = []
        for row in self._rows(table):
            if isinstance(row, _Many):
                self._add_many(row, name, split, table)
                usable += len(row.batch.codes)
                continue
            number, values, problem = row
            reason = problem
            if reason is None:
                try:
                    self._add(f"{name}:{number}", values, split, table)
                    usable += 1
                    continue
                except BadExampleError as error:
                    reason = str(error)
            message = f"{table.place}: {table.unit} {number}: {reason}"
            if not self._skip:
                errors.append(BadExampleError(f'{message} Mend it, or set "on_bad_example": "skip".'))
                continue
            self._collector(split).refuse(f"{name}:{number}", message)
            first_problem = first_problem or f" {table.unit.capitalize()} {number}: {reason}"
        if errors:
            raise all_of(errors)
        if not usable:
            raise DataError(f"{table.place}: no row can be used.{first_problem}")

    def _rows(self, table: Table) -> Iterator[Row | _Many]:
        """Rows one by one; of a Parquet file many at once, where nothing is wrong with any of them."""
        columns = self._columns
        if table.names or table.format != "parquet" or not self._classify or len(columns.texts) > 1 or columns.split:
            yield from read_rows(table, columns.names)
            return
        for number, batch in read_batches(table, columns.names):
            many = self._many(number, clean_batch(batch, columns.texts[0], columns.answer), table)
            if many is None:
                yield from rows_of(number, batch, columns.names)
            else:
                yield many

    def _many(self, number: int, batch: CleanBatch | None, table: Table) -> _Many | None:
        """Rows with their labels as they are written; None where one of those is wrong, so that its row is told."""
        if batch is None:
            return None
        try:
            labels = [_label_of(label, self._columns.answer, table) for label in batch.labels]
        except BadExampleError:
            return None
        if isinstance(self._class_names, dict) and not set(labels) <= set(self._class_names):
            return None
        return _Many(number, batch, labels)

    def classes(self, place: str) -> tuple[list[str], NDArray[np.int64]]:
        """Names of the classes in order, and the place of each in it by its number here."""
        if not self._classify:
            return [], np.zeros(1, dtype=np.int64)
        given = list(self._codes)
        same = same_labels(dict(zip(given, self._counts(), strict=True)), self._rule, place=place)
        known = {same[given[code]] for split, code in self._seen if split == "train"}
        for (split, code), where in self._seen.items():
            if same[given[code]] not in known and "train" in self.parts:
                raise DataError(
                    f"{where}: the {split} split has a class that the training split lacks: "
                    f"{did_you_mean(same[given[code]], sorted(known), what='label')}"
                )
        labels = sorted(set(same.values()), key=_order(same.values()))
        places = {label: number for number, label in enumerate(labels)}
        order = np.array([places[same[label]] for label in given], dtype=np.int64)
        return _named(labels, self._class_names, place), order

    def _counts(self) -> list[int]:
        """Examples of each label, in the order in which they came."""
        counts = np.zeros(len(self._codes), dtype=np.int64)
        for part in self.parts.values():
            there = np.ones(len(part), dtype=np.bool_)
            there[list(part.problems)] = False
            counts += np.bincount(np.array(part.targets, dtype=np.int64)[there], minlength=len(counts))
        return counts.tolist()

    def _add(self, identifier: str, values: Sequence[Any], split: str, table: Table) -> None:
        columns = self._columns
        if columns.split:
            split = _split_of(values[-1], columns.split)
        texts = [
            _text_of(value, column, table, may_be_empty=not self._classify)
            for column, value in zip(columns.texts, values, strict=False)
        ]
        answer = values[len(columns.texts)]
        if not self._classify:
            source = texts or [b""]
            reference = _text_of(answer, columns.answer, table, may_be_empty=False)
            self._collector(split).add(identifier, [*source, reference])
            return
        label = _label_of(answer, columns.answer, table)
        if isinstance(self._class_names, dict) and label not in self._class_names:
            complaint = did_you_mean(label, self._class_names, what="label")
            raise BadExampleError(f"column '{columns.answer}': {complaint} 'class_names' has to name every label.")
        code = self._codes.setdefault(label, len(self._codes))
        self._seen.setdefault((split, code), f"{table.place}: {table.unit} {identifier.rpartition(':')[2]}")
        self._collector(split).add(identifier, texts, code)

    def _add_many(self, many: _Many, name: str, split: str, table: Table) -> None:
        codes = np.array([self._codes.setdefault(label, len(self._codes)) for label in many.labels], dtype=np.int64)
        for place, code in enumerate(codes.tolist()):
            if (split, code) not in self._seen:
                first = many.number + int(np.argmax(many.batch.codes == place))
                self._seen[split, code] = f"{table.place}: {table.unit} {first}"
        self._collector(split).add_many(name, many.number, many.batch.texts, many.batch.ends, codes[many.batch.codes])

    def _collector(self, split: str) -> TextCollector:
        texts_each = len(self._columns.texts) if self._classify else 2
        return self.parts.setdefault(split, TextCollector(texts_each=texts_each))


def _text_of(value: Any, column: str, table: Table, *, may_be_empty: bool) -> bytes:
    """A text as UTF-8. Raises ``BadExampleError`` that names the column."""
    try:
        text = encoded_text(value)
    except BadExampleError as error:
        complaint = encoding_complaint(value, table.encoding) if isinstance(value, str) else None
        raise BadExampleError(f"column '{column}': {complaint or error}") from None
    if not may_be_empty and not text.strip():
        raise BadExampleError(f"column '{column}': the text is empty.")
    return text


def _label_of(value: Any, column: str, table: Table) -> str:
    """A label as it is written; a number of JSON or Parquet as Python writes it."""
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, int | float) and value == value:  # noqa: PLR0124 - NaN is what pandas writes for nothing
        value = str(value)
    elif value is None or isinstance(value, float):
        value = ""
    label = _text_of(value, column, table, may_be_empty=True).decode("utf-8")
    if is_missing_label(label):
        raise BadExampleError(f"column '{column}': the label is {'missing: ' + label if label.strip() else 'empty'}.")
    return label


def _split_of(value: Any, column: str) -> str:
    word = value.decode("utf-8", "replace") if isinstance(value, bytes) else printable(str(value))
    split = split_of(word)
    if split is None:
        raise BadExampleError(f"column '{column}': {did_you_mean(word, SPLIT_WORDS, what='split')}")
    return split


def _order(labels: Iterable[str]) -> Any:
    """Numbers by their value, anything else by its letters."""
    if all(_NUMBER.fullmatch(label) for label in labels):
        return lambda label: (float(label), label)
    return lambda label: label


def _named(labels: list[str], names: Sequence[str] | dict[str, str] | None, place: str) -> list[str]:
    if names is None:
        return labels
    if isinstance(names, dict):
        return [names[label] for label in labels]
    found = ", ".join(labels[:20])
    if not all(_NUMBER.fullmatch(label) for label in labels):
        raise DataError(f"{place}: 'class_names' as a list is for labels that are numbers; got {found}. Name each.")
    if len(labels) != len(names):
        raise DataError(f"{place}: expected {len(names)} labels for as many class_names, got {len(labels)}: {found}.")
    return list(names)
