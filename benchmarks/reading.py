"""Reading a folder of 50,000 images against listing it and opening every header with Pillow."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL.Image

from benchmarks.measure import Row, answer, in_fresh_process

__all__ = ["reading"]

FILES = 50_000
CLASSES = 10
MOST = 1.3
"""Times of the peer."""
ROUNDS = 3
"""Each side's best is taken: the first that reads a folder waits for the disk."""
KINDS = ("JPEG", "PNG")
SIZES = ((96, 64), (128, 128), (64, 96))


def reading() -> Row:
    """The data set opened, every file hashed, divided and counted, against ``os.walk`` and ``PIL.Image.open``."""
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder))
        ours = min(in_fresh_process("benchmarks.reading", "ours", folder) for _ in range(ROUNDS))
        peer = min(in_fresh_process("benchmarks.reading", "peer", folder) for _ in range(ROUNDS))
    return Row(
        f"reading report of {FILES:,} images",
        "at most 1.3 x the time",
        ours,
        peer,
        ours <= MOST * peer,
        "the suite also hashes every file, finds copies and makes the splits; the peer lists and opens headers",
    )


def _make(folder: Path) -> None:
    """Small images in class folders, photographs with EXIF among them; each differs in a comment, so none is a copy."""
    generator = np.random.default_rng(0)
    encoded = []
    for kind in KINDS:
        for width, height in SIZES:
            for _ in range(8):
                options = {"exif": _exif()} if kind == "JPEG" and width > height else {}
                coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                file = io.BytesIO()
                PIL.Image.fromarray(coarse).resize((width, height), PIL.Image.Resampling.BICUBIC).save(
                    file, kind, **options
                )
                encoded.append((kind, file.getvalue()))
    for number in range(FILES):
        kind, content = encoded[number % len(encoded)]
        place = folder / f"class {number % CLASSES}"
        place.mkdir(exist_ok=True)
        own = number.to_bytes(4, "big")
        if kind == "JPEG":
            (place / f"{number:05d}.jpg").write_bytes(content[:2] + b"\xff\xfe\x00\x06" + own + content[2:])
        else:
            (place / f"{number:05d}.png").write_bytes(content + own)


def _exif() -> PIL.Image.Exif:
    """What a camera writes: its name and which way it was held."""
    exif = PIL.Image.Exif()
    exif[0x0110], exif[0x0112] = "camera", 6
    return exif


def ours(folder: str) -> float:
    """Seconds of the folder source."""
    from suite.data.folder import FolderOptions, FolderSource
    from suite.spec.spec import SplitsSpec

    began = time.perf_counter()
    dataset = FolderSource.load(FolderOptions(path=folder), splits=SplitsSpec(), on_bad_example="error")
    seconds = time.perf_counter() - began
    assert dataset.reading is not None
    assert dataset.reading.read == sum(dataset.reading.formats.values()) == FILES
    return seconds


def peer(folder: str) -> float:
    """Seconds of Pillow alone."""
    began = time.perf_counter()
    sizes = []
    for place, _, names in os.walk(folder):
        for name in names:
            with PIL.Image.open(f"{place}/{name}") as image:
                sizes.append((image.format, image.mode, image.size))
    assert len(sizes) == FILES
    return time.perf_counter() - began


if __name__ == "__main__":
    side, where = sys.argv[1:]
    answer(lambda: {"ours": ours, "peer": peer}[side](where))
