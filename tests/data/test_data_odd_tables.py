"""Tables of texts with something odd in them, singly and in pairs: each is read as meant, or what is odd is named."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from suite.data.dataset import Dataset
from suite.data.table import TableSource
from suite.errors import BadExampleError, SuiteError
from suite.spec.spec import SplitsSpec, resolve_options

PAIRS = 200


@dataclass
class Sheet:
    """A table of texts, how it is written, and what a person means by it."""

    names: list[str] = field(default_factory=lambda: ["id", "review", "mood"])
    rows: list[list[str]] = field(default_factory=list)
    meant: list[tuple[str, str]] = field(default_factory=list)
    """Text and class of every row that is to be read."""
    damaged: list[str] = field(default_factory=list)
    """What is said of each row that is to be named."""
    refused: list[str] = field(default_factory=list)
    """What is said where the whole table cannot be read, any of them."""
    delimiter: str = ","
    quoting: int = csv.QUOTE_MINIMAL
    newline: str = "\n"
    before: str = ""
    change: list[Callable[[str], str]] = field(default_factory=list)
    """What is done to the text that was written."""
    encoding: str = "utf-8"
    unknown: str = "replace"
    """What is done with letters that an encoding lacks."""
    pack: Callable[[bytes], bytes] = bytes
    file: str = "films.csv"

    def write(self, folder: Path) -> Path:
        """Puts it on disk."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, delimiter=self.delimiter, quoting=self.quoting, lineterminator=self.newline)
        writer.writerows([self.names, *self.rows] if self.names else self.rows)
        text = self.before + stream.getvalue()
        for change in self.change:
            text = change(text)
        (folder / self.file).write_bytes(self.pack(text.encode(self.encoding, self.unknown)))
        return folder / self.file


def plain_sheet() -> Sheet:
    """Twelve rows of two classes; texts have letters beyond ASCII and commas."""
    sheet = Sheet()
    for number in range(12):
        text, mood = f"caf\u00e9 {number}, and more", ("bad", "good")[number % 2]
        sheet.rows.append([str(number), text, mood])
        sheet.meant.append((text, mood))
    return sheet


class Oddity(NamedTuple):
    """Something that is done to a table; of every kind but ``row`` only one at a time."""

    kind: str
    name: str
    do: Callable[[Sheet], None]


def text(name: str, content: str) -> Oddity:
    """A row more with this text, which is kept as it is."""

    def do(sheet: Sheet) -> None:
        sheet.rows.append(row(sheet, content, "good"))
        sheet.meant.append((content, "good"))

    return Oddity("row", name, do)


def bad_row(name: str, *fields: str, said: str) -> Oddity:
    """A row more that is named."""

    def do(sheet: Sheet) -> None:
        sheet.rows.append(row(sheet, *fields))
        sheet.damaged.append(said)

    return Oddity("row", name, do)


def row(sheet: Sheet, *fields: str) -> list[str]:
    """An id, and then these."""
    return [str(len(sheet.rows)), *fields]


def moods(name: str, bad: str, good: str) -> Oddity:
    """Two labels that are the same, which is refused."""

    def do(sheet: Sheet) -> None:
        known = {"bad": bad, "good": good}
        sheet.rows = [[*one[:2], *(known.get(each, each) for each in one[2:])] for one in sheet.rows]
        sheet.refused.append("labels that differ")

    return Oddity("labels", name, do)


def column(name: str, title: str | None, value: Callable[[int], str], *, first: bool = False, said: str = "") -> Oddity:
    """A column more, before the others or after them; without a title no more than the fields."""

    def do(sheet: Sheet) -> None:
        at = 0 if first else len(sheet.names)
        if title is not None:
            sheet.names.insert(at, title)
        for number, one in enumerate(sheet.rows):
            one.insert(at if first else len(one), value(number))
        if said:
            sheet.refused.append(said)

    return Oddity("columns", name, do)


def header(name: str, names: list[str], said: str) -> Oddity:
    """Other titles, among which those that the spec names are not."""

    def do(sheet: Sheet) -> None:
        sheet.names = names
        sheet.refused.append(said)

    return Oddity("columns", name, do)


def written(
    kind: str, name: str, said: str = "", *, change: Callable[[str], str] | None = None, **how: object
) -> Oddity:
    """The same table written in another way."""

    def do(sheet: Sheet) -> None:
        for key, value in how.items():
            setattr(sheet, key, value)
        if change is not None:
            sheet.change.append(change)
        if said:
            sheet.refused.append(said)

    return Oddity(kind, name, do)


def spreadsheet(content: bytes) -> bytes:
    """A zip, as spreadsheets are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", content)
    return file.getvalue()


ODDITIES = (
    text("a line end in quotes", "one line\nand another"),
    text("quotation marks", 'they said "quoted", twice'),
    text("every delimiter", "a;b\tc|d,e"),
    text("letters of any kind", "\u0430\u0431\u0432 \u4f60\u597d \U0001f600 \u05e9\u05dc\u05d5\u05dd"),
    text("a long text", "word " * 40_000),
    text("white space around", "  padded\t"),
    text("a formula", "=SUM(A1)"),
    text("a copy", "caf\u00e9 0, and more!"),
    text("the word null", "null"),
    bad_row("too few fields", "text only", said="expected"),
    bad_row("too many fields", "text", "good", "more", "and more", said="expected"),
    bad_row("no label", "text", "", said="'mood': the label is empty"),
    bad_row("a label that is NaN", "text", "NaN", said="'mood': the label is missing: NaN"),
    bad_row("a label that is space", "text", " \u00a0", said="'mood': the label is"),
    bad_row("no text", "", "good", said="'review': the text is empty"),
    bad_row("a NUL", "a\0b", "good", said="NUL"),
    bad_row("a text that is space", " \u2003", "good", said="'review': the text is empty"),
    moods("in case", "Good", "good"),
    moods("in white space", "good ", "good"),
    moods("in a space that does not break", "very\u00a0good", "very good"),
    moods("in Unicode form", "cafe\u0301", "caf\u00e9"),
    moods("in a zero width joiner", "go\u200dod", "good"),
    moods("as numbers", "1", "01"),
    moods("as numbers with a point", "1", "1.0"),
    column("another column", "stars", str),
    column("a column twice that is not read", "id", str),
    column("the label twice", "mood", lambda _: "good", said="column 'mood' is there 2 times"),
    column("decimal commas", "score", lambda number: f"{number},5"),
    column("an index without a name", "", str, first=True),
    Oddity("columns", "an index without a field for its name", lambda sheet: sheet.names.remove("id")),
    column("an index beside ids", None, str, first=True, said="expected 3 fields as in the header, got 4"),
    column("an empty column at the end", "", lambda _: ""),
    column("a delimiter at the end of rows", None, lambda _: "", said="expected 3 fields as in the header, got 4"),
    column("a field more in every row", None, lambda number: f"{number % 3}", said="expected 3 fields"),
    header("titles with another case", ["ID", "Review", "Mood"], "unknown column 'review'"),
    header("titles with a space", ["id", "review ", " mood"], "unknown column"),
    header("no titles", [], "unknown column 'review'"),
    written("delimiter", "semicolons", delimiter=";"),
    written("delimiter", "tabs", delimiter="\t"),
    written("delimiter", "bars", delimiter="|"),
    written("delimiter", "a line for Excel", delimiter=";", before="sep=;\n"),
    written("delimiter", "a quoted line for Excel", delimiter="|", before='"sep=|"\n'),
    written("delimiter", "tildes", "say what lies between the fields", delimiter="~"),
    written("quotes", "everything in quotes", quoting=csv.QUOTE_ALL),
    written("lines", "line ends of Windows", newline="\r\n"),
    written("lines", "line ends of old", newline="\r"),
    written("lines", "no line end at the end", change=lambda all_of_it: all_of_it.rstrip("\r\n")),
    written("lines", "blank lines at the end", change=lambda all_of_it: all_of_it + "\n\n\n"),
    written("end", "a quotation mark that is never closed", "quotation mark", change=lambda one: one + '\n"open'),
    written("encoding", "a byte order mark", encoding="utf-8-sig"),
    written("encoding", "UTF-16", encoding="utf-16"),
    written("encoding", "UTF-16 without a mark", encoding="utf-16-le"),
    written("encoding", "UTF-16 of the other order", encoding="utf-16-be"),
    written("encoding", "UTF-32", encoding="utf-32"),
    written("encoding", "bytes of Windows", "Set 'encoding'", encoding="cp1252"),
    written("pack", "gzip", pack=gzip.compress, file="films.csv.gz"),
    written("pack", "upper case", file="FILMS.CSV"),
    written("pack", "an odd name", file="films (1) \u00e9 #2;.csv"),
    written("pack", "a spreadsheet", "films.csv: ", pack=spreadsheet),
    written("pack", "nothing", "films.csv: is empty", pack=lambda _: b""),
    written("pack", "cut off in gzip", "films.csv.gz: cannot be read", pack=lambda one: gzip.compress(one)[:-20],
            file="films.csv.gz"),
    written("pack", "damaged in gzip", "films.csv.gz: cannot be read", file="films.csv.gz",
            pack=lambda one: gzip.compress(one)[:30] + bytes(20) + gzip.compress(one)[50:]),
    written("pack", "a page", "unknown column", pack=lambda _: b"<!DOCTYPE html>\n<html>404</html>\n"),
)  # fmt: skip


def load(path: Path, *, skip: bool) -> Dataset:
    """The data set of a table."""
    given = {"path": str(path), "text_column": "review", "label_column": "mood"}
    chosen = resolve_options(TableSource, given, place="spec.json", at="data")
    return TableSource.load(chosen, splits=SplitsSpec(), on_bad_example="skip" if skip else "error")


def check(sheet: Sheet, folder: Path) -> None:
    """Loads it as it is and without what is damaged, and compares with what is meant."""
    path = sheet.write(folder)
    if sheet.refused:
        with pytest.raises(SuiteError) as told:
            load(path, skip=False)
        assert any(said in str(told.value) for said in (*sheet.refused, *sheet.damaged)), str(told.value)
        return
    if sheet.damaged:
        with pytest.raises(BadExampleError) as complaint:
            load(path, skip=False)
        assert all(said in str(complaint.value) for said in sheet.damaged), str(complaint.value)
    dataset = load(path, skip=True)
    found = [
        (split.read(at)[0], dataset.class_names[split.targets[at]])
        for split in dataset.splits.values()
        for at in range(len(split))
    ]
    assert sorted(found) == sorted(sheet.meant)
    assert dataset.reading is not None
    assert dataset.reading.passed_over == len(dataset.skipped) == len(sheet.damaged)
    assert dataset.reading.seen == len(sheet.rows)


def pairs() -> Iterator[tuple[Oddity, Oddity]]:
    """Some of all pairs; rows are made odd before the way in which they are written."""
    every = [
        (one, other)
        for one, other in itertools.combinations(ODDITIES, 2)
        if one.kind != other.kind or one.kind == "row"
    ]
    return iter(random.Random(21).sample(every, PAIRS))


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda one: one.name)
def test_a_table_with_something_odd_is_read_as_meant_or_named(tmp_path, oddity):
    """Texts, classes, counts."""
    sheet = plain_sheet()
    oddity.do(sheet)
    check(sheet, tmp_path)


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: f"{pair[0].name} and {pair[1].name}")
def test_a_table_with_two_odd_things_is_read_as_meant_or_named(tmp_path, pair):
    """None of the two hides the other."""
    sheet = plain_sheet()
    for oddity in pair:
        oddity.do(sheet)
    check(sheet, tmp_path)
