"""Small images and class folders for tests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image


def noise_image(number: int = 0, *, size: tuple[int, int] = (6, 5)) -> PIL.Image.Image:
    """A noisy RGB image of ``size`` (width, height), another one for each number."""
    width, height = size
    values = np.random.default_rng(number).integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    return PIL.Image.fromarray(values)


def encoded(image: PIL.Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def class_folders(root: Path, counts: dict[str, int]) -> Path:
    """Writes ``<folder>/<number>.png`` as often as ``counts`` says for each folder; returns ``root``."""
    number = 0
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            (root / folder / f"{index:03d}.png").write_bytes(encoded(noise_image(number)))
            number += 1
    return root


def zipped(folder: Path, archive: Path, *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip archive of a folder's content."""
    with zipfile.ZipFile(archive, "w", compression) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return archive
