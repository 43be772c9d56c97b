"""Texts with classes or reference texts in CSV, TSV, JSON Lines, Parquet, or files of lines side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from suite.data.assemble import OnBadExample, assemble
from suite.data.clean_batch import CleanBatch, clean_batch
from suite.data.dataset import Dataset
from suite.data.rows import Row, Table, read_batches, read_rows, rows_of
from suite.data.table_files import TableFileOptions, Word, check_files, name_of, tables_of
from suite.data.table_reading import RowColumns, TableRows, label_of, text_of
from suite.data.texts import TextCollector
from suite.errors import BadExampleError, Requirement
from suite.spec.options import Options
from suite.spec.spec import SplitsSpec

__all__ = ["TableOptions", "TableSource", "TextRows"]


class TableOptions(TableFileOptions):
    """Texts in the columns of a table."""

    text_column: Word | Annotated[tuple[Word, ...], Field(min_length=1, max_length=2)] | None = None
    """The column to classify, or two of them; for generation the text to go on from, left out for plain language
    modelling."""
    label_column: Word | None = None
    """The column of the class: text classification."""
    target_column: Word | None = None
    """The column of the reference text: text generation."""
    further_columns: tuple[Word, ...] = ()
    """Columns to keep beside the texts, for groups and slices."""


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
        return name_of(options)

    @classmethod
    def tasks(cls, options: TableOptions) -> tuple[str, ...]:
        """What it is good for: classification with a label column, generation with a target column."""
        return ("text_classification",) if options.label_column else ("text_generation",)

    @classmethod
    def check(cls, options: TableOptions) -> TableOptions:
        """The options. Raises ``SpecError`` where two of them do not go together."""
        check_files(options, _complaints(options))
        return options

    @classmethod
    def requirements(cls, options: TableOptions) -> tuple[Requirement, ...]:
        """Nothing has to be fetched."""
        return ()

    @classmethod
    def verify(cls, options: TableOptions) -> None:
        """Looks at the head of each file, before anything runs. Raises ``DataError`` where ``load`` would for it."""
        columns = _columns_of(options).names
        for table in tables_of(options, columns=columns).values():
            next(read_rows(table, columns), None)

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
        columns = _columns_of(options, splits)
        tables = tables_of(options, columns=columns.names)
        rows = TextRows(options, columns, skip=on_bad_example == "skip")
        rows.read_all(tables)
        place = ", ".join(table.place for table in tables.values())
        class_names, order = rows.classes(place)
        return assemble(
            cls.label(options),
            rows.parts(order),
            class_names=class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=place,
            origin=place,
            licence=options.licence,
            content="text",
            answers="class" if options.label_column else "text",
            unit="row",
            recognised=tuple(dict.fromkeys(one for table in tables.values() for one in (*table.told, *rows.merged))),
        )


def _complaints(options: TableOptions) -> Iterator[str]:
    """What does not go together, the most important first."""
    if (options.label_column is None) == (options.target_column is None):
        yield (
            "expected either 'label_column' (text classification) or 'target_column' (text generation), got "
            + ("neither." if options.label_column is None else "both.")
        )
    if options.label_column and options.text_column is None:
        yield "expected 'text_column' to name the column to classify, or two."
    if options.target_column and len(_text_columns(options)) > 1:
        yield "a text is generated from one column; expected one 'text_column' beside 'target_column', got two."
    if options.class_names is not None and options.label_column is None:
        yield "'class_names' names labels; it goes with 'label_column'."


def _text_columns(options: TableOptions) -> tuple[str, ...]:
    """The columns of ``text_column`` as a tuple, empty where it is left out."""
    return (options.text_column,) if isinstance(options.text_column, str) else options.text_column or ()


def _columns_of(options: TableOptions, splits: SplitsSpec | None = None) -> RowColumns:
    """With the column of the groups, where the splits name one."""
    group = None if splits is None or splits.group is None else splits.group.column
    return RowColumns(
        _text_columns(options),
        options.target_column or options.label_column or "",
        options.split_column,
        tuple(dict.fromkeys((*options.further_columns, *((group,) if group else ())))),
    )


class TextRows(TableRows):
    """Rows whose contents are texts."""

    def __init__(self, options: TableOptions, columns: RowColumns, *, skip: bool) -> None:
        super().__init__(options, columns, skip=skip)
        self.has_labels = options.label_column is not None

    def contents(self, identifier: str, values: Sequence[Any], table: Table) -> list[bytes]:
        """The texts, as UTF-8."""
        del identifier
        return [
            text_of(value, column, table, may_be_empty=not self.has_labels)
            for column, value in zip(self.columns.contents, values, strict=True)
        ]

    def new_collector(self) -> TextCollector:
        """For the texts of a split."""
        return TextCollector(texts_each=len(self.columns.contents) if self.has_labels else 2)

    def rows(self, table: Table, name: str, split: str) -> Iterator[Row | int]:
        """Rows one by one; of a Parquet file many at once, where nothing is wrong with any of them."""
        columns = self.columns
        alone = len(columns.contents) > 1 or columns.split or columns.further or not self.has_labels
        if table.names or table.format != "parquet" or alone:
            yield from read_rows(table, columns.names, optional=columns.further)
            return
        for number, batch in read_batches(table, columns.names):
            many = clean_batch(batch, columns.contents[0], columns.answer)
            labels = self._labels(many, table)
            if many is None or labels is None:
                yield from rows_of(number, batch, columns.names)
                continue
            firsts = (number + int(np.argmax(many.codes == place)) for place in range(len(labels)))
            codes = np.array(
                [
                    self.code_of(label, split, f"{table.place}: {table.unit} {first}")
                    for label, first in zip(labels, firsts, strict=True)
                ],
                dtype=np.int64,
            )
            self.collector(split).add_many(name, number, many.texts, many.ends, codes[many.codes])
            yield len(many.codes)

    def _labels(self, many: CleanBatch | None, table: Table) -> list[str] | None:
        """Labels as they are written; None where one of those is wrong, so that its row is told."""
        if many is None:
            return None
        try:
            labels = [label_of(label, self.columns.answer, table) for label in many.labels]
        except BadExampleError:
            return None
        return labels if self.may_be_labels(labels) else None
