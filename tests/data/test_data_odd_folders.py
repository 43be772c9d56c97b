"""Folders of images with something odd in them, singly and in pairs: each is read as meant, or what is odd is named."""

from __future__ import annotations

import itertools
import random
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.PngImagePlugin
import pytest
from images import as_pillow_does, encoded, noise_image, zipped
from numpy.typing import NDArray

from suite.data.dataset import Dataset
from suite.data.folder import FolderSource
from suite.errors import BadExampleError, SuiteError
from suite.spec.spec import SplitsSpec, resolve_options
from suite.store.records.reading import CANNOT_BE_DECODED

PAIRS = 200
HIDDEN, OF_SYSTEMS, OUTSIDE = "hidden", "made by a file manager", "in no class folder"


@dataclass
class Pets:
    """A folder of images, and what a person means by it."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    meant: dict[str, str] = field(default_factory=dict)
    """Path to class of everything that is to be read."""
    damaged: set[str] = field(default_factory=set)
    """Paths that are to be named."""
    left: Counter[str] = field(default_factory=Counter)
    """How a reason to leave something out begins, to how often it is given."""
    refused: list[str] = field(default_factory=list)
    """What is said where the whole folder cannot be read, any of them."""

    def move(self, moved: Callable[[str], str]) -> None:
        """Gives every path another name."""
        self.files = {moved(path): content for path, content in self.files.items()}
        self.links = {moved(path): target for path, target in self.links.items()}
        self.meant = {moved(path): name for path, name in self.meant.items()}
        self.damaged = set(map(moved, self.damaged))
        self.folders = set(map(moved, self.folders))

    def write(self, root: Path) -> Path:
        """Puts it on disk."""
        root.mkdir()
        for folder in self.folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path, content in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        for path, target in self.links.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(target)
        return root


def plain_pets() -> Pets:
    """Two classes of six images."""
    pets = Pets()
    for number in range(12):
        path = f"{'cat' if number < 6 else 'dog'}/{number:03d}.png"
        pets.files[path] = encoded(noise_image(number))
        pets.meant[path] = path[:3]
    return pets


class Oddity(NamedTuple):
    """Something that is done to a folder; of ``classes`` and of ``layout`` only one at a time."""

    kind: str
    name: str
    do: Callable[[Pets], None]


def left(path: str, reason: str, content: bytes = b"x") -> Oddity:
    """A file that is no example, and is counted."""

    def do(pets: Pets) -> None:
        pets.files[path] = content
        pets.left[reason] += 1

    return Oddity("file", path, do)


def read(path: str, content: bytes) -> Oddity:
    """An image that is read like others."""

    def do(pets: Pets) -> None:
        pets.files[path] = content
        pets.meant[path] = path[:3]

    return Oddity("file", path, do)


def damaged(path: str, content: bytes) -> Oddity:
    """A file that looks like an image and is named."""

    def do(pets: Pets) -> None:
        pets.files[path] = content
        pets.damaged.add(path)

    return Oddity("file", path, do)


def linked(path: str, target: str, *, meant: bool = False, is_damaged: bool = False) -> Oddity:
    """A link."""

    def do(pets: Pets) -> None:
        pets.links[path] = target
        if meant:
            pets.meant[path] = path[:3]
        if is_damaged:
            pets.damaged.add(path)

    return Oddity("link", path, do)


def classes(name: str, moved: dict[str, str], said: str) -> Oddity:
    """Files with another class, which is refused."""

    def do(pets: Pets) -> None:
        pets.move(
            lambda path: next((new + path[len(old) :] for old, new in moved.items() if path.startswith(old)), path)
        )
        pets.refused += [said, " has 0 "]  # of what stays behind no image may be left

    return Oddity("classes", name, do)


def empty_class(name: str, *files: str) -> Oddity:
    """A class folder without images, which is refused."""

    def do(pets: Pets) -> None:
        pets.folders.add(name)
        pets.files |= dict.fromkeys(files, b"x")
        pets.refused.append(name)

    return Oddity("classes", name, do)


def splits(*names: str, said: str = "", beside: str = "") -> Oddity:
    """Folders for splits around those of classes: the last images of each class lie in the later ones."""

    def moved(path: str) -> str:
        if "/" not in path and path not in {"cat", "dog", "hamster"}:
            return path
        if path.startswith("__MACOSX"):
            return path
        stem = path.rpartition("/")[2].partition(".")[0]
        late = int(stem) % 6 - 6 + len(names) if stem.isdigit() and len(stem) == 3 else 0
        return f"{names[max(0, late)]}/{path}"

    def do(pets: Pets) -> None:
        pets.move(moved)
        if beside:
            pets.files[f"{beside}/0.png"] = encoded(noise_image())
        if said:
            pets.refused.append(said)

    return Oddity("layout", " and ".join(names) + beside, do)


def wrapped(folder: str) -> Oddity:
    """Everything in one folder; images beside the class folders make that one the only class."""

    def do(pets: Pets) -> None:
        if pets.left[OUTSIDE]:
            pets.refused.append("at least two classes")
        pets.move(lambda path: path if path.startswith("__MACOSX") else f"{folder}/{path}")

    return Oddity("layout", f"in {folder}", do)


def with_exif(turn: int, kind: str) -> bytes:
    """An image that is to be turned."""
    exif = PIL.Image.Exif()
    exif[0x0112] = turn
    return encoded(noise_image(size=(9, 4)), kind, exif=exif)


def with_texts() -> bytes:
    """A PNG with more text than Pillow unpacks."""
    info = PIL.PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 3_000_000, zip=True)
    return encoded(noise_image(), pnginfo=info)


def bomb() -> bytes:
    """A PNG that says that it has 10,000 million pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return encoded(noise_image())[:8] + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + bytes(99)


NOISE = noise_image(77, size=(16, 11))
FRAMES = [noise_image(number) for number in range(3)]
DEEP = PIL.Image.fromarray((np.arange(48, dtype=np.uint16) * 80 + 100).reshape(6, 8))
FLOATS = PIL.Image.fromarray(np.linspace(100, 3_900, 48, dtype=np.float32).reshape(6, 8))
PNG, JPEG = encoded(NOISE), encoded(NOISE, "JPEG")

ODDITIES = (
    left(".hidden.png", HIDDEN, PNG),
    left("cat/.DS_Store", HIDDEN),
    left("dog/._007.png", HIDDEN),
    left(".git/a.png", HIDDEN, PNG),
    left("cat/.ipynb_checkpoints/a.png", HIDDEN, PNG),
    left("cat/Thumbs.db", OF_SYSTEMS),
    left("DESKTOP.INI", OF_SYSTEMS),
    left("dog/@eaDir/000.png/SYNOPHOTO_THUMB_M.jpg", OF_SYSTEMS, JPEG),
    left("__MACOSX/cat/._000.png", OF_SYSTEMS, PNG),
    left("cat/notes.txt", "no images by their ending (.txt)"),
    left("dog/film.MOV", "no images by their ending (.mov)"),
    left("dog/drawing.svg", "no images by their ending (.svg)", b"<svg/>"),
    left("dog/layers.psd", "no images by their ending (.psd)", b"8BPS"),
    left("cat/none", "no images by their ending (none)", PNG),
    left("labels.csv", "no images by their ending (.csv)"),
    left("loose.png", OUTSIDE, PNG),
    read("cat/UPPER.PNG", PNG),
    read("cat/Mixed.JpEg", JPEG),
    read("dog/a.jfif", JPEG),
    read("dog/wrong ending.jpg", PNG),
    read("cat/two.png.jpg", JPEG),
    read("cat/dots...png", PNG),
    read("dog/gr\u00fc\u00dfe \U0001f431 'quoted' \"twice\".png", PNG),
    read("cat/de\u0301ja\u0300.png", PNG),
    read("cat/line\nend.png", PNG),
    read("dog/percent%20 #1;,&.png", PNG),
    read("cat/deeper/and deeper/a.png", PNG),
    read("dog/copy.png", encoded(noise_image(0))),
    read("cat/a.gif", encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:])),
    read("cat/a.bmp", encoded(NOISE, "BMP")),
    read("cat/a.webp", encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:])),
    read("cat/a.tif", encoded(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:])),
    read("cat/a.TIFF", encoded(NOISE, "TIFF", compression="tiff_lzw")),
    read("cat/a.ppm", encoded(NOISE, "PPM")),
    read("cat/a.jp2", encoded(NOISE, "JPEG2000")),
    read("cat/turned.jpg", with_exif(6, "JPEG")),
    read("dog/mirrored.webp", with_exif(5, "WEBP")),
    read("dog/turned.png", with_exif(8, "PNG")),
    read("dog/alpha.png", encoded(PIL.Image.new("RGBA", (4, 3), (200, 9, 9, 90)))),
    read("dog/grey alpha.png", encoded(PIL.Image.new("LA", (4, 3), (200, 90)))),
    read("dog/palette.png", encoded(NOISE.quantize(16))),
    read("dog/hole in palette.png", encoded(NOISE.quantize(16), transparency=3)),
    read("dog/grey.jpg", encoded(NOISE.convert("L"), "JPEG")),
    read("dog/one bit.png", encoded(NOISE.convert("1"))),
    read("dog/cmyk.jpg", encoded(NOISE.convert("CMYK"), "JPEG")),
    read("dog/progressive.jpg", encoded(NOISE, "JPEG", progressive=True)),
    read("dog/16 bits.png", encoded(DEEP)),
    read("dog/floats.tif", encoded(FLOATS, "TIFF")),
    read("dog/texts.png", with_texts()),
    read("dog/profile.png", encoded(NOISE, icc_profile=b"no profile")),
    read("dog/more.png", PNG + b"after the end"),
    read("dog/dot.png", encoded(noise_image(size=(1, 1)))),
    read("dog/line.jpg", encoded(noise_image(size=(300, 1)), "JPEG")),
    damaged("cat/empty.png", b""),
    damaged("cat/cut.jpg", JPEG[: len(JPEG) * 2 // 3]),
    damaged("dog/cut.png", PNG[:-30]),
    damaged("dog/flipped.png", PNG[:-30] + bytes([PNG[-30] ^ 1]) + PNG[-29:]),
    damaged("dog/text.jpg", b"a text that is named like an image"),
    damaged("dog/page.PNG", b"<!DOCTYPE html><html><body>404 Not Found</body></html>"),
    damaged("cat/zeros.jpg", bytes(500)),
    damaged("cat/pointer.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n"),
    damaged("dog/film.jpg", b"\x00\x00\x00\x18ftypisom" + bytes(50)),
    damaged("cat/bomb.png", bomb()),
    damaged("cat/head.png", PNG[:20]),
    damaged("cat/half.webp", encoded(NOISE, "WEBP")[:60]),
    damaged("cat/half.gif", encoded(NOISE, "GIF")[:-40]),
    damaged("cat/half.tif", encoded(NOISE, "TIFF")[:200]),
    linked("cat/link.png", "../../pets.000.png", is_damaged=True),
    linked("cat/loop", "../../pets/cat"),
    linked("dog/self", "."),
    linked("cat/around.png", "around.png", is_damaged=True),
    Oddity("link", "no UTF-8", lambda pets: (
        pets.files.update({"cat/\udcff.png": PNG}), pets.refused.append("is not UTF-8"))[0]),
    empty_class("hamster"),
    empty_class("hamster", "hamster/notes.txt"),
    classes("in case", {"cat/005": "Cat/005"}, "'Cat' (1)"),
    classes("in a space at the end", {"cat/005": "cat /005"}, "'cat ' (1)"),
    classes("in a zero width space", {"dog/007": "d\u200bog/007"}, "u200b"),
    classes("in Unicode form", {"cat/00": "caf\u00e9/00", "dog/00": "cafe\u0301/00"}, "labels that differ"),
    classes("in width", {"cat/00": "cat1/00", "dog/00": "cat\uff11/00"}, "labels that differ"),
    classes("as numbers", {"cat/00": "1/00", "dog/00": "01/00"}, "labels that differ"),
    classes("as numbers with a point", {"cat/00": "2/00", "dog/00": "2.0/00"}, "labels that differ"),
    classes("one only", {"dog/": "cat/"}, "only 'cat'"),
    splits("training_set", "test_set"),
    splits("seg_train", "seg_test"),
    splits("Train_data", "Test_data"),
    splits("train2017", "val2017"),
    splits("trainset", "valid", "testset"),
    splits("TRAIN", "TEST"),
    splits("1_train", "2_test"),
    splits("Training", "Validation", "Testing"),
    splits("train"),
    splits("fold1", "fold2", said="two ways"),
    splits("camera 1", "camera 2", said="two ways"),
    splits("val", "test", said="expected a 'train' folder"),
    splits("train", "training", said="two folders hold the train split"),
    splits("train", "test", beside="unlabeled", said="'unlabeled' with 1 images"),
    wrapped("pets"),
    wrapped("download/pets-master"),
    wrapped("images"),
    wrapped("New folder (2)"),
)  # fmt: skip


def load(path: Path, *, skip: bool) -> Dataset:
    """The data set at a path."""
    chosen = resolve_options(FolderSource, {"path": str(path)}, place="here", at="data")
    return FolderSource.load(chosen, splits=SplitsSpec(), on_bad_example="skip" if skip else "error")


def read_images(dataset: Dataset) -> dict[str, tuple[str, NDArray[np.uint8]]]:
    """Id to class and pixels."""
    return {
        one: (dataset.class_names[split.targets[at]], split.read(at))
        for split in dataset.splits.values()
        for at, one in enumerate(split.ids)
    }


def complaints(root: Path) -> str:
    """What is said of damaged files, as soon as it is: while the folder is read, or when a file is."""
    try:
        dataset = load(root, skip=False)
    except BadExampleError as error:
        return str(error)
    said = []
    for split in dataset.splits.values():
        for index in range(len(split)):
            try:
                split.read(index)
            except BadExampleError as error:
                said.append(str(error))
    return "\n".join(said)


def expected_pixels(content: bytes, levels: tuple[float, float] | None) -> NDArray[np.uint8] | None:
    """Of more than 8 bits by the levels that the reading tells."""
    for deep in (DEEP, FLOATS):
        if levels and content == encoded(deep, "PNG" if deep is DEEP else "TIFF"):
            values = np.clip(np.asarray(deep, dtype=np.float64), *levels)
            scaled = np.round((values - levels[0]) * (255 / (levels[1] - levels[0])))
            return np.repeat(scaled.astype(np.uint8)[:, :, None], 3, axis=2)
    plain = as_pillow_does(content)
    return np.asarray(noise_image()) if plain is None else plain  # Pillow gives up on the texts


def check(pets: Pets, folder: Path) -> None:
    """Loads it as it is and without what is damaged, and compares with what is meant."""
    root = pets.write(folder / "pets")
    if not pets.links and all(path.isprintable() for path in pets.files):
        root = zipped(root, folder / "pets.zip")
    if pets.refused:
        with pytest.raises(SuiteError) as told:
            load(root, skip=True)
        assert any(said in str(told.value) for said in pets.refused), (pets.refused, str(told.value))
        return
    if pets.damaged:
        said = complaints(root)
        assert all(path in said for path in pets.damaged), said
    dataset = load(root, skip=True)
    reading = dataset.reading
    assert reading is not None
    found = read_images(dataset)
    assert {one: name for one, (name, _) in found.items()} == pets.meant
    for path, (_, image) in found.items():
        np.testing.assert_array_equal(image, expected_pixels(pets.files[path], reading.levels), err_msg=path)
    given = {one.reason: one.count for one in reading.left_out}
    assert given.pop(CANNOT_BE_DECODED, 0) == len(pets.damaged) == len(dataset.skipped)
    assert {one.id for one in dataset.skipped} == pets.damaged
    assert sum(given.values()) == sum(pets.left.values())
    for reason, count in pets.left.items():
        assert sum(many for said, many in given.items() if said.startswith(reason)) == count, reason
    assert reading.read == len(pets.meant)
    assert reading.seen == reading.read + sum(one.count for one in reading.left_out)
    assert sum(reading.formats.values()) == len(pets.meant)


def pairs() -> Iterator[tuple[Oddity, Oddity]]:
    """Some of all pairs, in an order of their own; files are made odd before folders are moved."""
    every = [
        (one, other)
        for one, other in itertools.combinations(ODDITIES, 2)
        if one.kind != other.kind or one.kind in {"file", "link"}
    ]
    return iter(random.Random(21).sample(every, PAIRS))


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda one: ascii(one.name))
def test_a_folder_with_something_odd_is_read_as_meant_or_named(tmp_path, oddity):
    """Classes, pixels, counts and reasons."""
    pets = plain_pets()
    oddity.do(pets)
    check(pets, tmp_path)


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: ascii(f"{pair[0].name} and {pair[1].name}"))
def test_a_folder_with_two_odd_things_is_read_as_meant_or_named(tmp_path, pair):
    """None of the two hides the other."""
    pets = plain_pets()
    for oddity in pair:
        oddity.do(pets)
    check(pets, tmp_path)
