"""Plain JPEG files straight through libjpeg-turbo: of a small one Pillow takes most of its time for itself."""

from __future__ import annotations

import simplejpeg

from suite.data.dataset import Image

__all__ = ["decode_plain_jpeg", "plain_jpeg_frame"]

_FRAMES = {0xC0, 0xC1}
"""Baseline and extended, Huffman-coded. Of progressive ones that were cut off versions of libjpeg-turbo smooth what is
there differently."""
_SCAN = 0xDA
_SEGMENTS = {0xC4, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE}
"""Tables, restart interval, JFIF, Adobe and comment; any other may hold an orientation or more images."""


def decode_plain_jpeg(content: bytes, *, most_pixels: int) -> Image | None:
    """The numbers that Pillow gives, which is built on the same library; None for what Pillow has to look at.

    Args:
        content: The bytes of any file.
        most_pixels: Of an image that is decoded here.

    Returns:
        uint8 array of shape ``(height, width, 3)``, 0 to 255; None where it is no plain JPEG, is larger, or the decoder
        has as much as a warning or no memory.
    """
    frame = plain_jpeg_frame(content)
    if frame is None or frame[0] * frame[1] > most_pixels:
        return None
    try:
        image: Image = simplejpeg.decode_jpeg(content, "RGB", fastdct=False, fastupsample=False, strict=True)
    except (ValueError, MemoryError):
        return None
    return image


def plain_jpeg_frame(content: bytes) -> tuple[int, int, int] | None:
    """Height, width and components (1 or 3, of eight bits), from the frame header (ITU-T T.81, B.2.2) of a JPEG.

    None for other files: without an end, progressive, with an orientation or a colour profile, and with anything
    else than segments before the pixels.
    """
    if not content.startswith(b"\xff\xd8\xff") or not content.endswith(b"\xff\xd9"):
        return None
    at, frame = 2, None
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == _SCAN:
            return frame
        if marker in _FRAMES:
            if frame or content[at + 4] != 8 or content[at + 9] not in {1, 3}:
                return None
            frame = (_number(content, at + 5), _number(content, at + 7), content[at + 9])
        elif marker not in _SEGMENTS:
            return None
        at += 2 + _number(content, at + 2)
    return None


def _number(content: bytes, at: int) -> int:
    return content[at] << 8 | content[at + 1]
