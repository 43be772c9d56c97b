"""What people's folders and tables are like: each oddity alone and in pairs is read right, or named."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from images import class_folders, encoded, noise_image

from suite.data.dataset import Dataset
from suite.data.folder import FolderSource
from suite.data.table import TableSource
from suite.errors import SuiteError
from suite.spec.spec import SplitsSpec, resolve_options

PAIRS = 120
"""Of each kind, drawn from a seed."""


@dataclass(frozen=True)
class Oddity:
    """One thing that is odd."""

    name: str
    make: Callable[[Path], dict[str, str] | None]
    """Makes it in a folder, and gives the examples that it adds with their classes."""
    told: str = ""
    """What the reading has to say of it."""
    refused: str = ""
    """What the complaint has to say; empty where the data set is read."""


def put(place: str, content: bytes) -> Callable[[Path], dict[str, str] | None]:
    """A file that becomes no example."""

    def make(root: Path) -> None:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(content)

    return make


def example(place: str, content: bytes) -> Callable[[Path], dict[str, str] | None]:
    """A file that becomes one, of the class of its folder."""

    def make(root: Path) -> dict[str, str]:
        put(place, content)(root)
        return {place: place.split("/")[1]}

    return make


def linked(place: str, target: str) -> Callable[[Path], dict[str, str] | None]:
    """A link."""

    def make(root: Path) -> None:
        (root / place).symlink_to(root / target if target.startswith("train") else target)

    return make


def chunk(kind: bytes, content: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def turned() -> bytes:
    """A photograph of a camera that was held upright."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    return encoded(noise_image(60), "JPEG", exif=exif)


def deep() -> bytes:
    """Grey of 16 bits."""
    values = np.linspace(0, 65_535, 48).reshape(6, 8).astype(np.uint16)
    return encoded(PIL.Image.fromarray(values))


PNG = encoded(noise_image(50))
LONG_TEXT = PNG[:33] + chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000) + PNG[33:]
FOLDERS = (
    Oddity("finder", put("train/cat/.DS_Store", b"x"), told="hidden"),
    Oddity("apple double", put("train/cat/._1.png", b"x"), told="hidden"),
    Oddity("hidden folder", put(".cache/cat/1.png", PNG), told="hidden"),
    Oddity("explorer", put("train/cat/Thumbs.db", b"x"), told="made by a file manager"),
    Oddity("nas thumbnails", put("train/cat/@eaDir/1.png/THUMB.jpg", PNG), told="made by a file manager"),
    Oddity("mac zip", put("__MACOSX/train/cat/1.png", PNG), told="made by a file manager"),
    Oddity("notes", put("README.txt", b"notes"), told="(.txt)"),
    Oddity("photoshop", put("train/dog/1.psd", b"8BPS"), told="(.psd)"),
    Oddity("without ending", put("train/dog/LICENSE", b"x"), told="(none)"),
    Oddity("capitals", example("train/cat/IMG.PNG", encoded(noise_image(51)))),
    Oddity("jpeg in png", example("train/cat/photo.png", encoded(noise_image(52), "JPEG"))),
    Oddity("odd name", example("train/cat/ü 🐈 (copy) #1.png", encoded(noise_image(53)))),
    Oddity("nested", example("train/dog/2019/may/1.png", encoded(noise_image(54)))),
    Oddity("gif", example("train/dog/a.gif", encoded(noise_image(55), "GIF"))),
    Oddity("bmp", example("train/dog/a.bmp", encoded(noise_image(56), "BMP"))),
    Oddity("webp", example("train/dog/a.webp", encoded(noise_image(57), "WEBP", lossless=True))),
    Oddity("tiff", example("train/dog/a.TIFF", encoded(noise_image(58), "TIFF"))),
    Oddity("turned", example("train/dog/turned.jpeg", turned())),
    Oddity("alpha", example("train/dog/alpha.png", encoded(noise_image(61).convert("RGBA")))),
    Oddity("palette", example("train/dog/palette.png", encoded(noise_image(62).convert("P")))),
    Oddity("print", example("train/dog/cmyk.jpg", encoded(noise_image(63).convert("CMYK"), "JPEG"))),
    Oddity("16 bits", example("train/dog/deep.png", deep()), told="as 0 to 255"),
    Oddity("long text chunk", example("train/dog/text.png", LONG_TEXT)),
    Oddity("loop", linked("train/cat/again", "train")),
    Oddity("copy", example("test/cat/copy.png", encoded(noise_image(0))), told="in an earlier split too"),
    Oddity("empty file", put("train/cat/empty.png", b""), refused="empty.png"),
    Oddity("text as image", put("train/cat/page.jpg", b"<html>"), refused="page.jpg"),
    Oddity("cut off", put("train/cat/cut.png", PNG[:90]), refused="cut.png"),
    Oddity("broken link", linked("train/cat/gone.png", "nowhere.png"), refused="gone.png"),
    Oddity("class of one split", put("test/bird/1.png", PNG), refused="bird"),
    Oddity("capital class", put("train/Cat/1.png", PNG), refused="Cat"),
    Oddity("class with a space", put("train/dog /1.png", PNG), refused="dog "),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two splits with two classes."""
    return class_folders(tmp_path / "data", {"train/cat": 6, "train/dog": 6, "test/cat": 3, "test/dog": 3})


def outcome(load: Callable[[], Dataset]) -> tuple[Dataset | None, str]:
    """A data set of which every example was read, or what is said of it."""
    try:
        dataset = load()
        for split in dataset.splits.values():
            for at in range(len(split)):
                split.read(at)
    except SuiteError as error:
        return None, str(error)
    return dataset, ""


def require_refused(said: str, reasons: list[str]) -> None:
    """For one of the reasons."""
    assert reasons, f"refused: {said}"
    assert any(reason in said for reason in reasons), said


def load_folder(path: Path) -> Dataset:
    """The data set of a folder."""
    options = resolve_options(FolderSource, {"path": str(path)}, place="here", at="data")
    return FolderSource.load(options, splits=SplitsSpec(), on_bad_example="error")


def check_folder(root: Path, *oddities: Oddity) -> None:
    """Read right, every part of it, or refused for what is wrong."""
    expected = {one.relative_to(root).as_posix(): one.parent.name for one in root.rglob("*.png")}
    for one in oddities:
        expected |= one.make(root) or {}
    reasons = [one.refused for one in oddities if one.refused]
    dataset, said = outcome(lambda: load_folder(root))
    if dataset is None:
        require_refused(said, reasons)
        return
    assert not reasons, f"{reasons} were read"
    found = {
        identifier: dataset.class_names[target]
        for split in dataset.splits.values()
        for identifier, target in zip(split.ids, split.targets.tolist(), strict=True)
    }
    assert found == expected
    assert dataset.reading is not None
    for one in oddities:
        assert one.told in dataset.reading.words


def pairs(names: list[str], seed: int) -> list[tuple[str, str]]:
    """Some of all pairs."""
    every = list(itertools.combinations(names, 2))
    return random.Random(seed).sample(every, min(PAIRS, len(every)))


BY_NAME = {one.name: one for one in FOLDERS}


@pytest.mark.parametrize("name", list(BY_NAME))
def test_an_odd_folder_is_read_right_or_named(root, name):
    """One thing that is odd."""
    check_folder(root, BY_NAME[name])


def test_two_oddities_of_a_folder_do_not_hide_each_other(tmp_path):
    """Pairs of them."""
    for number, (first, second) in enumerate(pairs(list(BY_NAME), 1)):
        root = class_folders(tmp_path / str(number), {"train/cat": 4, "train/dog": 4, "test/cat": 2, "test/dog": 2})
        check_folder(root, BY_NAME[first], BY_NAME[second])


@dataclass
class Sheet:
    """A table before it is written."""

    rows: list[list[str]] = field(
        default_factory=lambda: [[f"a text, number {n}", ("good", "bad")[n % 2], f"{n},5"] for n in range(24)]
    )
    header: list[str] = field(default_factory=lambda: ["text", "label", "score"])
    delimiter: str = ","
    encoding: str = "utf-8"
    before: str = ""
    newline: str = "\n"
    index: bool = False
    tail: bytes = b""
    """Fields between commas."""
    packed: bool = False

    def write(self, folder: Path) -> Path:
        """The file."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerow(self.header)
        for number, row in enumerate(self.rows, start=1):
            writer.writerow([str(number), *row] if self.index else row)
        content = (self.before + text.getvalue()).encode(self.encoding)
        content += self.tail.replace(b",", self.delimiter.encode())
        path = folder / ("t.csv.gz" if self.packed else "t.csv")
        path.write_bytes(gzip.compress(content) if self.packed else content)
        return path


@dataclass(frozen=True)
class Written:
    """One way in which a table is odd."""

    name: str
    change: Callable[[Sheet], object]
    told: str = ""
    refused: str = ""
    only: str = ""
    """What of a sheet it sets: two of the same cannot be one table."""


def setting(**values: object) -> Callable[[Sheet], object]:
    """Sets attributes of a sheet."""
    return lambda sheet: [setattr(sheet, name, value) for name, value in values.items()]


def cell(row: int, column: int, value: str) -> Callable[[Sheet], object]:
    """Another value in one cell."""
    return lambda sheet: sheet.rows[row].__setitem__(column, value)


def as_numbers(sheet: Sheet) -> None:
    """Labels that are one number in two spellings."""
    for number, row in enumerate(sheet.rows):
        row[1] = "01" if number else "1"


TABLES = (
    Written("byte order mark", setting(encoding="utf-8-sig"), only="encoding"),
    Written("utf-16", setting(encoding="utf-16"), told="UTF-16", only="encoding"),
    Written("semicolons", setting(delimiter=";"), told="semicolons", only="delimiter"),
    Written("tabs", setting(delimiter="\t"), told="tabs", only="delimiter"),
    Written("bars", setting(delimiter="|"), told="bars", only="delimiter"),
    Written("excel line", setting(delimiter=";", before="sep=;\n"), told="sep=", only="delimiter"),
    Written("windows lines", setting(newline="\r\n"), only="newline"),
    Written("blank lines", setting(tail=b"\n\n\n"), only="tail"),
    Written("packed", setting(packed=True)),
    Written("index of R", setting(index=True), told="without a name"),
    Written("line ends in quotes", cell(3, 0, 'two\nlines and a "quote"')),
    Written("letters", cell(4, 0, "naïve – 猫")),
    Written("nothing in another column", cell(5, 2, "")),
    Written("further columns", lambda sheet: [one.append("x") for one in (sheet.header, *sheet.rows)]),
    Written("other order", lambda sheet: [one.reverse() for one in (sheet.header, *sheet.rows)], only="order"),
    Written("label in capitals", cell(6, 1, "GOOD"), refused="GOOD", only="order"),
    Written("label with a space", cell(8, 1, "good "), refused="good", only="order"),
    Written("unseen character", cell(10, 1, "go\u200bod"), refused="good", only="order"),
    Written("no label", cell(7, 1, ""), refused="label", only="order"),
    Written("not a number", cell(9, 1, "NaN"), refused="label", only="order"),
    Written("no text", cell(11, 0, "  "), refused="text", only="order"),
    Written("short row", lambda sheet: sheet.rows[12].pop(), refused="expected"),
    Written("long row", lambda sheet: sheet.rows[13].extend(["y", "z", "z"]), refused="expected"),
    Written("column twice", lambda sheet: sheet.header.__setitem__(2, "label"), refused="2 times", only="order"),
    Written("other name", lambda sheet: sheet.header.__setitem__(1, "lable"), refused="label", only="order"),
    Written("unclosed quote", setting(tail=b'"never closed,good,1\n'), refused="quot", only="tail"),
    Written("nul", cell(14, 0, "a\0b"), refused="NUL", only="order"),
    Written("no rows", lambda sheet: sheet.rows.clear(), refused="no row can be used", only="order"),
    Written("bytes of windows", setting(tail="café,good,1\n".encode("cp1252")), refused="encoding", only="encoding"),
    Written("numbers as labels", as_numbers, refused="01", only="order"),
)  # fmt: skip


def check_table(folder: Path, *oddities: Written) -> None:
    """Read right, or refused for what is wrong."""
    sheet = Sheet()
    for one in oddities:
        one.change(sheet)
    path = sheet.write(folder)
    given = {"path": str(path), "text_column": "text", "label_column": "label"}
    options = resolve_options(TableSource, given, place="here", at="data")
    reasons = [one.refused for one in oddities if one.refused]
    dataset, said = outcome(lambda: TableSource.load(options, splits=SplitsSpec(), on_bad_example="error"))
    if dataset is None:
        require_refused(said, reasons)
        return
    assert not reasons, f"{reasons} were read"
    at = {name: place for place, name in enumerate(sheet.header)}
    expected = sorted((row[at["text"]].replace("\r\n", "\n"), row[at["label"]]) for row in sheet.rows)
    found = sorted(
        (split.read(place)[0].replace("\r\n", "\n"), dataset.class_names[split.targets[place]])
        for split in dataset.splits.values()
        for place in range(len(split))
    )
    assert found == expected
    assert dataset.reading is not None
    for one in oddities:
        assert one.told in dataset.reading.words


TABLE_BY_NAME = {one.name: one for one in TABLES}


@pytest.mark.parametrize("name", list(TABLE_BY_NAME))
def test_an_odd_table_is_read_right_or_named(tmp_path, name):
    """One thing that is odd."""
    check_table(tmp_path, TABLE_BY_NAME[name])


def test_two_oddities_of_a_table_do_not_hide_each_other(tmp_path):
    """Pairs of them that can be in one table."""
    for number, (first, second) in enumerate(pairs(list(TABLE_BY_NAME), 2)):
        one, other = TABLE_BY_NAME[first], TABLE_BY_NAME[second]
        if one.only and one.only == other.only:
            continue
        (tmp_path / str(number)).mkdir()
        check_table(tmp_path / str(number), one, other)
