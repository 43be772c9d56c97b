"""What the head of an image file says, without decoding it: format, size, what a pixel is."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import PIL
import PIL.Image

from suite.data.decoding import FORMATS
from suite.data.image_metadata import without_metadata

__all__ = ["ImageFacts", "image_facts"]

_PNG_MODES = {
    (0, 1): "black and white", (0, 2): "grey", (0, 4): "grey", (0, 8): "grey", (0, 16): "16 bits, grey",
    (2, 8): "colour", (2, 16): "16 bits, colour", (3, 1): "palette", (3, 2): "palette", (3, 4): "palette",
    (3, 8): "palette", (4, 8): "grey with transparency", (4, 16): "16 bits, grey with transparency",
    (6, 8): "colour with transparency", (6, 16): "16 bits, colour with transparency",
}  # fmt: skip
"""By colour type and bit depth: PNG specification (third edition), 11.2.1."""
_MODES = {
    "1": "black and white", "L": "grey", "LA": "grey with transparency", "La": "grey with transparency", "P": "palette",
    "PA": "palette with transparency", "RGB": "colour", "RGBA": "colour with transparency",
    "RGBa": "colour with transparency", "RGBX": "colour", "CMYK": "CMYK", "YCbCr": "colour", "LAB": "Lab",
    "HSV": "HSV", "I": "32 bits, grey", "F": "numbers with a point, grey",
}  # fmt: skip
"""By Pillow's mode; those that begin with ``I;16`` have 16 bits."""


_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive, Huffman-coded: what Pillow reads."""
_COMPONENTS = {1: "grey", 3: "colour"}


@dataclass(frozen=True)
class ImageFacts:
    """What the head of a file says."""

    format: str
    """As Pillow calls it: ``JPEG``, ``PNG``."""
    height: int
    width: int
    """In pixels, as stored: before any turn that EXIF asks for."""
    mode: str
    """What a pixel is, in words."""


def _of_jpeg(content: bytes) -> ImageFacts | None:
    """Of the frame header of a JPEG (ITU-T T.81, B.2.2) behind any segments; None for what Pillow has to look at.

    Pillow takes twenty times as long for it, most of a folder's time.
    """
    at = 2
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], content[at + 2] << 8 | content[at + 3]
        if marker in _FRAMES:
            depth, height, width, components = struct.unpack(">BHHB", content[at + 4 : at + 10])
            mode = _COMPONENTS.get(components)
            return ImageFacts("JPEG", height, width, mode) if depth == 8 and height and width and mode else None
        if not 0xC0 <= marker <= 0xFE or length < 2 or content[at + 4 : at + 8] == b"MPF\0":
            return None
        at += 2 + length
    return None


def image_facts(content: bytes) -> ImageFacts | None:
    """What the head of a file says; None where it is no image, or its head is damaged."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR" and len(content) > 26:
        width, height, depth, colour = struct.unpack(">IIBB", content[16:26])
        mode = _PNG_MODES.get((colour, depth))
        return None if mode is None or not width or not height else ImageFacts("PNG", height, width, mode)
    if content[:3] == b"\xff\xd8\xff" and (found := _of_jpeg(content)) is not None:
        return found
    facts = _as_pillow_says(content)
    if facts is None and (bare := without_metadata(content)) is not None:
        return _as_pillow_says(bare)
    return facts


def _as_pillow_says(content: bytes) -> ImageFacts | None:
    try:
        with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as image:
            mode = "16 bits, grey" if image.mode.startswith("I;16") else _MODES.get(image.mode, image.mode)
            return ImageFacts(image.format or "unknown", image.height, image.width, mode)
    except Exception:  # noqa: BLE001 - damaged files make Pillow raise almost anything
        return None
