"""Rows of tables to the splits of a data set: labels, bad rows and further columns, whatever an example is made of."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from suite.data.assemble import Part
from suite.data.bad_examples import all_of
from suite.data.label_spelling import LabelRule, is_missing_label, merged_words, same_labels
from suite.data.layout import SPLIT_WORDS, split_of
from suite.data.rows import Row, Table, encoding_complaint, printable, read_rows
from suite.data.table_files import TableFileOptions
from suite.data.texts import encoded_text
from suite.errors import BadExampleError, DataError, did_you_mean

__all__ = ["Collector", "RowColumns", "TableRows", "label_of", "text_of"]

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True)
class RowColumns:
    """The columns that are read, in this order."""

    contents: tuple[str, ...]
    """What an example is made of."""
    answer: str
    """Its label or its reference."""
    split: str | None = None
    further: tuple[str, ...] = ()
    """Kept beside the examples, for groups and slices."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them; one may be there twice."""
        return (*self.contents, self.answer, *((self.split,) if self.split else ()), *self.further)


class Collector(Protocol):
    """Takes the examples of a split one by one."""

    targets: array[int]
    """The number of the class of each."""
    problems: dict[int, str]
    """Why an example cannot be used, by its number."""

    def __len__(self) -> int: ...

    def add(self, identifier: str, contents: Sequence[Any], target: int = 0, /) -> None:
        """One example, what it is made of and the number of its class."""
        ...

    def refuse(self, identifier: str, reason: str, /) -> None:
        """One example that cannot be used; it raises ``reason`` when it is read."""
        ...

    def part(self, name: str, *, classes: NDArray[np.int64] | None = None) -> Part:
        """The split called ``name``; ``classes`` are the final numbers of the classes by those that were given."""
        ...


class TableRows(ABC):
    """Rows of all files, sorted into splits; labels are numbered as they come and put in order at the end."""

    has_labels = True
    """Whether the answer is a class."""

    def __init__(self, options: TableFileOptions, columns: RowColumns, *, skip: bool) -> None:
        self.columns = columns
        self._collectors: dict[str, Any] = {}
        self._further: dict[str, list[Sequence[Any]]] = {}
        self._class_names = options.class_names
        # Who names every label has said which are which.
        self._rule: LabelRule = "as_given" if isinstance(options.class_names, dict) else options.labels
        self._skip = skip
        self.merged: tuple[str, ...] = ()
        """Which spellings are one class, in words; known when ``classes`` was asked."""
        self._codes: dict[str, int] = {}
        self._seen: dict[tuple[str, int], str] = {}
        """Where each split has a class first."""

    @abstractmethod
    def contents(self, identifier: str, values: Sequence[Any], table: Table) -> list[Any]:
        """What the example of this id is made of, from the values of ``columns.contents``.

        Raises ``BadExampleError`` for what cannot be used.
        """

    @abstractmethod
    def new_collector(self) -> Collector:
        """One for each split."""

    @property
    def seen(self) -> int:
        """Rows of all tables, also those that cannot be used."""
        return sum(map(len, self._collectors.values()))

    def read_all(self, tables: Mapping[str, Table]) -> None:
        """Adds the rows of all files, by the option that names them. Raises as ``read`` does."""
        folder = Path(os.path.commonpath([table.files[0].absolute().parent for table in tables.values()]))
        for split, table in tables.items():
            self.read(table, "train" if split == "path" else split, folder=folder)

    def read(self, table: Table, split: str, *, folder: Path) -> None:
        """Adds the rows of a file, whose ids begin with its path from ``folder`` on.

        Raises:
            BadExampleError: For all bad rows together, unless they are skipped.
            DataError: When the file is missing or damaged as a whole, a column is missing, or no row can be used.
        """
        name = table.files[0].absolute().relative_to(folder).as_posix()
        usable = 0
        first_problem = ""
        errors: list[BadExampleError] = []
        for row in self.rows(table, name, split):
            if isinstance(row, int):
                usable += row
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
            self.collector(split).refuse(f"{name}:{number}", message)
            self._further[split].append(("",) * len(self.columns.further))
            first_problem = first_problem or f" {table.unit.capitalize()} {number}: {reason}"
        if errors:
            raise all_of(errors)
        if not usable:
            raise DataError(f"{table.place}: no row can be used.{first_problem}")

    def rows(self, table: Table, name: str, split: str) -> Iterator[Row | int]:
        """Rows one by one; or of many that were added together how many they were."""
        del name, split  # what adds many together needs them
        yield from read_rows(table, self.columns.names, optional=self.columns.further)

    def parts(self, order: NDArray[np.int64]) -> dict[str, Part]:
        """The splits, with the numbers of the classes that ``classes`` gave."""
        return {
            name: self._with_further(collector.part(name, classes=order), self._further[name])
            for name, collector in self._collectors.items()
        }

    def _with_further(self, part: Part, rows: Sequence[Sequence[Any]]) -> Part:
        names = self.columns.further
        if not names:
            return part
        found = {name: np.array([_words_of(row[at]) for row in rows], dtype=np.str_) for at, name in enumerate(names)}
        return replace(part, split=replace(part.split, metadata=found))

    def classes(self, place: str) -> tuple[list[str], NDArray[np.int64]]:
        """Names of the classes in order, and the place of each in it by its number here."""
        if not self.has_labels:
            return [], np.zeros(1, dtype=np.int64)
        given = list(self._codes)
        same = same_labels(dict(zip(given, self._counts(), strict=True)), self._rule, place=place)
        self.merged = merged_words(same)
        known = {same[given[code]] for split, code in self._seen if split == "train"}
        for (split, code), where in self._seen.items():
            if same[given[code]] not in known and "train" in self._collectors:
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
        for part in self._collectors.values():
            there = np.ones(len(part), dtype=np.bool_)
            there[list(part.problems)] = False
            counts += np.bincount(np.array(part.targets, dtype=np.int64)[there], minlength=len(counts))
        return counts.tolist()

    def _add(self, identifier: str, values: Sequence[Any], split: str, table: Table) -> None:
        columns = self.columns
        many = len(columns.contents)
        if columns.split:
            split = _split_of(values[many + 1], columns.split)
        contents = self.contents(identifier, values[:many], table)
        answer = values[many]
        code = 0
        if self.has_labels:
            label = label_of(answer, columns.answer, table)
            if isinstance(self._class_names, dict) and not self.may_be_labels([label]):
                complaint = did_you_mean(label, self._class_names, what="label")
                raise BadExampleError(f"column '{columns.answer}': {complaint} 'class_names' has to name every label.")
            code = self.code_of(label, split, f"{table.place}: {table.unit} {identifier.rpartition(':')[2]}")
        else:
            contents = [*(contents or [b""]), text_of(answer, columns.answer, table, may_be_empty=False)]
        self.collector(split).add(identifier, contents, code)
        self._further[split].append(values[len(values) - len(columns.further) :])

    def may_be_labels(self, labels: Sequence[str]) -> bool:
        """Whether all of them have a name, where the spec names every label."""
        return not isinstance(self._class_names, dict) or set(labels) <= set(self._class_names)

    def code_of(self, label: str, split: str, where: str) -> int:
        """The number of a label, which ``split`` has at ``where``."""
        code = self._codes.setdefault(label, len(self._codes))
        self._seen.setdefault((split, code), where)
        return code

    def collector(self, split: str) -> Any:
        """The collector of a split."""
        if split not in self._collectors:
            self._collectors[split] = self.new_collector()
            self._further[split] = []
        return self._collectors[split]


def _words_of(value: Any) -> str:
    """A value of a further column; empty for none."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else printable(str(value))


def text_of(value: Any, column: str, table: Table, *, may_be_empty: bool) -> bytes:
    """A text as UTF-8. Raises ``BadExampleError`` that names the column."""
    try:
        text = encoded_text(value)
    except BadExampleError as error:
        complaint = encoding_complaint(value, table.encoding) if isinstance(value, str) else None
        raise BadExampleError(f"column '{column}': {complaint or error}") from None
    if not may_be_empty and not text.decode("utf-8").strip():
        raise BadExampleError(f"column '{column}': the text is empty.")
    return text


def label_of(value: Any, column: str, table: Table) -> str:
    """A label as it is written; a number of JSON or Parquet as Python writes it."""
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, int | float) and value == value:  # noqa: PLR0124 - NaN is what pandas writes for nothing
        value = str(value)
    elif value is None or isinstance(value, float):
        value = ""
    label = text_of(value, column, table, may_be_empty=True).decode("utf-8")
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
