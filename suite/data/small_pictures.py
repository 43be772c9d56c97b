"""Many small pictures at once, by TensorFlow's decoders: of a small picture alone most time goes into Python.

Those decoders are of the libraries that Pillow is built on, libjpeg-turbo and libpng, and give the same numbers for the
plain kinds of pictures that ``plain_size`` knows.  Everything else is decoded by Pillow, and so is every picture of a
block in which TensorFlow finds damage, so that what is said of it does not depend on how many pictures there are.
"""

from __future__ import annotations

import functools
import itertools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.dataset import Image
from suite.data.decoding import resize_image

__all__ = ["BLOCK", "SMALL_PIXELS", "encoded_of", "plain_size", "read_small"]

SMALL_PIXELS = 128 * 128
"""Of a small picture, at the most."""
BLOCK = 64
"""Pictures that are given to TensorFlow at once."""
_LARGEST_BYTES = 2**17
"""Of the file of one that is held until its block is decoded."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_LEAST_BYTES = 8 + 25 + 12
"""Signature, header and end."""
_PNG_CHUNK_BYTES = {b"IHDR": 13, b"IEND": 0, b"gAMA": 4, b"pHYs": 9, b"sRGB": 1, b"cHRM": 32, b"tIME": 7}
"""Chunks of one length that change no pixel."""
_PNG_OPEN_CHUNKS = {b"IDAT", b"tEXt"}
_PNG_GREY, _PNG_RGB = 0, 2
_JPEG_FRAMES = {0xC0, 0xC1}
"""Baseline and extended, Huffman-coded. Of progressive ones that were cut off versions of libjpeg-turbo smooth what is
there differently."""
_JPEG_SCAN = 0xDA
_JPEG_SEGMENTS = {0xC4, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE}
"""Tables, restart interval, JFIF, Adobe and comment; any other may hold an orientation or more pictures."""


def encoded_of(read: Callable[[int], Any]) -> Callable[[int], bytes] | None:
    """What gives the bytes of the file that a split's picture is decoded from; None where pictures are made otherwise.

    Args:
        read: ``Split.read``.
    """
    return getattr(read, "encoded", None)


def read_small(
    read: Callable[[int], Image],
    encoded: Callable[[int], bytes],
    positions: Sequence[int],
    into: NDArray[np.uint8],
) -> None:
    """Decodes a few hundred pictures and resizes them, with the same result as one by one.

    Args:
        read: Position to picture, where it has to be decoded by itself.
        encoded: Position to the bytes of its file.
        positions: Which pictures.
        into: Takes them, shape ``(len(positions), height, width, 3)``.

    Raises:
        BadExampleError: For one that cannot be read.
    """
    size = (into.shape[1], into.shape[2])
    held: dict[int, bytes] = {}
    for place, position in enumerate(positions):
        content = encoded(position)
        if len(content) <= _LARGEST_BYTES and _is_small(plain_size(content)):
            held[place] = content
        else:
            into[place] = resize_image(read(position), size)
    small = list(held)
    for start in range(0, len(small), BLOCK):
        places = small[start : start + BLOCK]
        pictures = _decode([held[place] for place in places])
        for at, place in enumerate(places):
            picture = read(positions[place]) if pictures is None else pictures[at]
            into[place] = resize_image(picture, size)


def _is_small(size: tuple[int, int] | None) -> bool:
    return size is not None and size[0] * size[1] <= SMALL_PIXELS


def plain_size(content: bytes) -> tuple[int, int] | None:
    """Height and width of a picture that Pillow and TensorFlow decode to the same numbers; None for any other.

    That are JPEG of one or three components, and PNG of eight bits, grey or RGB, without transparency; each without
    an orientation or a colour profile, and PNG with sound checksums, which TensorFlow does not look at everywhere.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(content)
    if content.startswith(_PNG):
        return _png_size(content)
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """The header's word, at ITU-T T.81, B.2.2; every segment before the pixels is looked at, and the file's end."""
    if not content.endswith(b"\xff\xd9"):
        return None
    at, size = 2, None
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == _JPEG_SCAN:
            return size
        if marker in _JPEG_FRAMES:
            if size or content[at + 4] != 8 or content[at + 9] not in {1, 3}:
                return None
            size = (_number(content, at + 5, 2), _number(content, at + 7, 2))
        elif marker not in _JPEG_SEGMENTS:
            return None
        at += 2 + _number(content, at + 2, 2)
    return None


def _png_size(content: bytes) -> tuple[int, int] | None:
    """The header's word, at the PNG specification, 11.2.2; every chunk is looked at."""
    if len(content) < _PNG_LEAST_BYTES or content[12:16] != b"IHDR":
        return None
    depth, colour, *methods = content[24:29]
    if depth != 8 or colour not in {_PNG_GREY, _PNG_RGB} or any(methods):
        return None
    at = len(_PNG)
    while at + 12 <= len(content):
        length, kind = _number(content, at, 4), content[at + 4 : at + 8]
        if kind not in _PNG_OPEN_CHUNKS and _PNG_CHUNK_BYTES.get(kind) != length:
            return None
        end = at + 8 + length
        if zlib.crc32(memoryview(content)[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            return None
        if kind == b"IEND":
            return _number(content, 20, 4), _number(content, 16, 4)
        at = end + 4
    return None


def _number(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "big")


def _decode(contents: Sequence[bytes]) -> list[Image] | None:
    """At most ``BLOCK`` pictures, on all cores; None where TensorFlow finds one of them damaged."""
    import tensorflow as tf

    filled = [*contents, *itertools.repeat(contents[-1], BLOCK - len(contents))]
    try:
        pictures = _decoder()(tf.constant(filled))
    except tf.errors.OpError:
        return None
    return [picture.numpy() for picture in pictures[: len(contents)]]


@functools.cache
def _decoder() -> Any:
    """A function of ``BLOCK`` encoded pictures; no loop, so that all of them may be decoded at once."""
    import tensorflow as tf

    def decode(contents: Any) -> Any:
        with tf.device("CPU:0"):
            # The operation decodes PNG too.
            each = tf.unstack(contents, num=BLOCK)
            return [tf.io.decode_jpeg(one, channels=3, dct_method="INTEGER_ACCURATE") for one in each]

    return tf.function(decode, input_signature=[tf.TensorSpec([BLOCK], tf.string)], autograph=False)
