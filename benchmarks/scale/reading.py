"""``python -m benchmarks.scale.reading``: how long it takes to say what lies in a folder of 50,000 images.

The reading report of a folder (files seen, read and left out, classes, formats, sizes, copies; every file hashed)
against listing the folder and opening the head of every image with Pillow alone, which says format, size and mode and
no more.  Both over the same generated files, in one process, one after the other, three times each.  Writes
``benchmarks/scale/reading.md``.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import PIL.Image

from benchmarks.scale.pages import page_of
from suite.data.folder import FolderOptions, FolderSource
from suite.spec.spec import SplitsSpec

__all__ = ["Measured", "by_pillow", "by_suite", "main", "make_folder", "measured"]

PAGE = Path(__file__).with_name("reading.md")
FILES, CLASSES, ROUNDS, TARGET = 50_000, 10, 3, 1.3
KINDS = {
    "JPEG and PNG, 32 x 32 px": (("JPEG", 32, False), ("PNG", 32, False)),
    "JPEG with EXIF as cameras write it, 64 x 64 px": (("JPEG", 64, True),),
    "JPEG, PNG, WebP, GIF, BMP and TIFF, 32 x 32 px": tuple(
        (kind, 32, False) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
    ),
}
"""Folders: what is in them, in turn: format, side in pixels, whether there is EXIF."""


@dataclass(frozen=True)
class Measured:
    """One folder read in both ways; the seconds are medians."""

    what: str
    ours: float
    peer: float
    said: str
    """The reading."""

    @property
    def line(self) -> str:
        """A row of the table."""
        ratio = self.ours / self.peer
        met = "yes" if ratio <= TARGET else "no"
        return f"| {self.what} | {self.ours:.2f} s | {self.peer:.2f} s | {ratio:.2f} x | {met} |"


def make_folder(root: Path, what: str, files: int) -> Path:
    """Class folders with ``files`` images of noise, of which one in twenty is a copy of another."""
    random = np.random.default_rng(0)
    contents = [_encoded(random, *KINDS[what][n % len(KINDS[what])]) for n in range(files - files // 20)]
    for number in range(files):
        folder = root / f"class {number % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        kind = KINDS[what][number % len(contents) % len(KINDS[what])][0]
        (folder / f"{number:05d}.{kind.lower()}").write_bytes(contents[number % len(contents)])
    return root


def _encoded(random: np.random.Generator, kind: str, side: int, has_exif: bool) -> bytes:
    values = random.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    exif = PIL.Image.Exif()
    if has_exif:
        exif.update({0x010F: "maker", 0x0110: "model", 0x0112: 6, 0x0132: "2026:01:01 00:00:00"})
    file = io.BytesIO()
    image = PIL.Image.fromarray(values).resize((side, side))
    image.save(file, kind, exif=exif) if has_exif else image.save(file, kind)
    return file.getvalue()


def by_suite(root: Path) -> str:
    """The reading in one line."""
    dataset = FolderSource.load(FolderOptions(path=str(root)), splits=SplitsSpec(), on_bad_example="error")
    assert dataset.reading is not None, "a folder says how it was read"
    return dataset.reading.words


def by_pillow(root: Path) -> str:
    """Format, size and mode of every image, counted."""
    found = set()
    count = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with PIL.Image.open(os.path.join(folder, name)) as image:  # noqa: PTH118 - the quickest way, as a peer has it
                found.add((image.format, image.size, image.mode))
            count += 1
    return f"{count:,} files, {len(found)} kinds"


def measured(root: Path, what: str, files: int = FILES, rounds: int = ROUNDS) -> Measured:
    """Both ways in turn, after one of each that only fills the memory of the disk."""
    make_folder(root, what, files)
    ours, peer = [], []
    said = by_suite(root)
    by_pillow(root)
    for _ in range(rounds):
        peer.append(_seconds(by_pillow, root))
        ours.append(_seconds(by_suite, root))
    return Measured(what, median(ours), median(peer), said)


def _seconds(function: Callable[[Path], str], root: Path) -> float:
    began = time.perf_counter()
    function(root)
    return time.perf_counter() - began


def main() -> int:
    """Measures, prints and writes. Returns 1 where the target was missed."""
    load = os.getloadavg()[0]
    lines, said = [], []
    for what in KINDS:
        with tempfile.TemporaryDirectory() as name:
            one = measured(Path(name) / "images", what)
        lines.append(one.line)
        said.append(f"`{one.said}`")
        print(one.line, one.said, sep="\n", flush=True)
    text = page_of(
        "Saying what lies in a folder",
        [
            (
                "Written by `python -m benchmarks.scale.reading`: the reading report of a folder against listing it and "
                "opening the head of each file with Pillow, one after the other in one process, "
                f"the medians of {ROUNDS} times. The report hashes every file and looks for copies too."
            ),
            "The readings:\n\n" + "\n".join(f"- {one}" for one in said),
        ],
        lines,
        load=load,
        columns=(f"{FILES:,} images", "the reading report", "Pillow alone", f"ratio, at most {TARGET}", "met"),
    )
    PAGE.write_text(text, encoding="utf-8")
    return 0 if all(line.endswith("| yes |") for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
