"""Small images and class folders for tests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray


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


def as_pillow_does(content: bytes) -> NDArray[np.uint8] | None:
    """Upright and as RGB on white, 16 bits and numbers from 0 to 65,535; None where Pillow gives up."""
    try:
        with PIL.Image.open(io.BytesIO(content)) as opened:
            opened.load()
            image = PIL.ImageOps.exif_transpose(opened)
    except Exception:  # noqa: BLE001 - damaged files make Pillow raise almost anything
        return None
    if image.mode.startswith("I") or image.mode == "F":
        values = np.clip(np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0), 0, 65_535)
        return np.repeat(np.round(values / 257).astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode in {"LA", "RGBA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
