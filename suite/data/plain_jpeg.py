"""Plain JPEG files straight through libjpeg-turbo: of a small one Pillow takes most of its time for itself."""

from __future__ import annotations

from collections.abc import Container

import simplejpeg

from suite.data.dataset import Image

__all__ = ["decode_plain_jpeg", "jpeg_frame"]

_PLAIN_FRAMES = {0xC0, 0xC1}
"""Baseline and extended, Huffman-coded. Of progressive ones that were cut off versions of libjpeg-turbo smooth what is
there differently."""
_FRAMES = {*_PLAIN_FRAMES, 0xC2}
"""Those and progressive ones."""
_SCAN = 0xDA
_PLAIN_SEGMENTS = {0xC4, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE}
"""Tables, restart interval, JFIF, Adobe and comment; any other may hold an orientation or more images."""
_SEGMENTS = {*_PLAIN_SEGMENTS, *range(0xE1, 0xF0)}
"""Those and what applications write."""
_SEVERAL = b"MPF\0"
"""How an index of several images begins (CIPA DC-007)."""
_CMYK = 4
"""Components."""


def decode_plain_jpeg(content: bytes, *, most_pixels: int) -> Image | None:
    """The numbers that Pillow gives, which is built on the same library; None for what Pillow has to look at.

    Args:
        content: The bytes of any file.
        most_pixels: Of an image that is decoded here.

    Returns:
        uint8 array of shape ``(height, width, 3)``, 0 to 255; None where it is no plain JPEG, is larger, or the decoder
        has as much as a warning or no memory.
    """
    frame = _plain_frame(content)
    if frame is None or frame[0] * frame[1] > most_pixels:
        return None
    try:
        image: Image = simplejpeg.decode_jpeg(content, "RGB", fastdct=False, fastupsample=False, strict=True)
    except (ValueError, MemoryError):
        return None
    return image


def jpeg_frame(content: bytes) -> tuple[int, int, int] | None:
    """Height, width and components (1, 3 or 4, of eight bits), from the frame header (ITU-T T.81, B.2.2) of a JPEG.

    None for other files, and for those that Pillow has to look at: of another process or depth, of several images.
    """
    return _frame(content, _FRAMES, _SEGMENTS)


def _plain_frame(content: bytes) -> tuple[int, int, int] | None:
    """The same of a file that ends as it should, is grey or colour, and has no orientation and no colour profile."""
    if not content.endswith(b"\xff\xd9"):
        return None
    frame = _frame(content, _PLAIN_FRAMES, _PLAIN_SEGMENTS)
    return frame if frame is not None and frame[2] != _CMYK else None


def _frame(content: bytes, frames: Container[int], segments: Container[int]) -> tuple[int, int, int] | None:
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at, frame = 2, None
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == _SCAN:
            return frame
        if marker in frames:
            if frame or content[at + 4] != 8 or content[at + 9] not in {1, 3, _CMYK}:
                return None
            frame = (_number(content, at + 5), _number(content, at + 7), content[at + 9])
        elif marker not in segments or content[at + 4 : at + 8] == _SEVERAL:
            return None
        at += 2 + _number(content, at + 2)
    return None


def _number(content: bytes, at: int) -> int:
    return content[at] << 8 | content[at + 1]
