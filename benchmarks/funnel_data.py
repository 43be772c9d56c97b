"""Data sets for ``benchmarks.funnel``, made from the development data as class folders."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

__all__ = ["blood_cells", "mnist"]


def mnist(source: Path, out: Path, *, count: int) -> Path:
    """The first ``count`` digits of MNIST's test set as PNG files in class folders. Returns ``out``.

    Args:
        source: Folder with the two original files (LeCun, Cortes and Burges), CC BY-SA 3.0.
        out: Where the folders are made.
        count: How many.
    """
    images = np.frombuffer(gzip.decompress((source / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((source / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    for index, (image, label) in enumerate(zip(images.reshape(-1, 28, 28)[:count], labels[:count], strict=True)):
        _save(Image.fromarray(image), out / str(label) / f"{index:05d}.png")
    return out


def blood_cells(source: Path, out: Path, *, most: int) -> Path:
    """The boxes of the blood cell images (BCCD, MIT licence) cut out, ``most`` of each class. Returns ``out``.

    Args:
        source: Folder with ``Annotations`` and ``JPEGImages``.
        out: Where the class folders are made.
        most: Of each class; there are far more red cells than others.
    """
    counts: Counter[str] = Counter()
    for path in sorted((source / "Annotations").glob("*.xml")):
        tree = ET.parse(path)
        with Image.open(source / "JPEGImages" / f"{path.stem}.jpg") as image:
            for name, box in _boxes(tree):
                if counts[name] < most:
                    counts[name] += 1
                    _save(image.convert("RGB").crop(box), out / name / f"{path.stem}-{counts[name]:04d}.png")
    return out


def _boxes(tree: ET.ElementTree) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """Class and corners of each box that has an area."""
    for one in tree.iter("object"):
        corners = [int(one.findtext(f"bndbox/{name}") or 0) for name in ("xmin", "ymin", "xmax", "ymax")]
        left, top, right, bottom = corners
        if right - left > 1 and bottom - top > 1:
            yield one.findtext("name") or "", (left, top, right, bottom)


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
