"""Damaged image files: each is decoded to what Pillow makes of it, or named."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
import PIL.PngImagePlugin
import pytest
from images import as_pillow_does, encoded, noise_image

from suite.data.decoding import decode_image
from suite.data.image_facts import image_facts
from suite.data.image_metadata import without_metadata
from suite.errors import BadExampleError

KINDS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
MODES = {
    "JPEG": ("RGB", "L", "CMYK"), "PNG": ("RGB", "RGBA", "P", "I;16", "LA"), "GIF": ("P",), "BMP": ("RGB", "1", "P"),
    "WEBP": ("RGB", "RGBA"), "TIFF": ("RGB", "F", "CMYK", "I;16"),
}  # fmt: skip
DAMAGES = ("cut off", "one byte", "some bytes", "zeros", "a hole", "twice", "a chunk")
EACH = 50
"""Damaged images of each kind, 300 in all."""


def whole(kind: str, mode: str, random: np.random.Generator) -> bytes:
    """A small image of this kind and mode, at times with a turn or saved in another way."""
    image = noise_image(int(random.integers(1000)), size=(int(random.integers(1, 40)), int(random.integers(1, 40))))
    image = image.convert("L").convert("I").point(lambda value: value * 257).convert("I;16") if mode == "I;16" else (
        image.convert("L").convert("F") if mode == "F" else image.convert(mode)
    )  # fmt: skip
    how: dict[str, Any] = {}
    if kind in {"JPEG", "WEBP"} and random.random() < 0.5:
        exif = PIL.Image.Exif()
        exif[0x0112] = int(random.integers(1, 9))
        how["exif"] = exif
    if kind == "JPEG":
        how |= {"progressive": random.random() < 0.3, "icc_profile": b"profile" * 20 if random.random() < 0.3 else None}
    if kind == "PNG":
        how["pnginfo"] = PIL.PngImagePlugin.PngInfo()
        how["pnginfo"].add_text("Comment", "hello " * int(random.integers(100)), zip=random.random() < 0.5)
    if kind == "WEBP":
        how["lossless"] = random.random() < 0.5
    if kind == "TIFF" and mode == "RGB":
        how["compression"] = ("raw", "tiff_lzw", "tiff_deflate", "packbits")[int(random.integers(4))]
    return encoded(image, kind, **how)


def damaged(content: bytes, damage: str, random: np.random.Generator) -> bytes:
    """The same bytes with this done to them."""
    at = int(random.integers(len(content)))
    until = min(len(content), at + int(random.integers(1, 64)))
    if damage == "cut off":
        return content[:at]
    if damage == "one byte":
        return content[:at] + bytes([content[at] ^ (1 << int(random.integers(8)))]) + content[at + 1 :]
    if damage == "some bytes":
        return content[:at] + random.bytes(until - at) + content[until:]
    if damage == "zeros":
        return content[:at] + bytes(len(content) - at)
    if damage == "a hole":
        return content[:at] + content[until:]
    if damage == "twice":
        return content[:until] + content[at:]
    return without_a_chunk(content, random)


def without_a_chunk(content: bytes, random: np.random.Generator) -> bytes:
    """A PNG, JPEG or WebP without one of its parts; of others without its first half."""
    if content.startswith(b"\x89PNG"):
        starts, at = [], 8
        while at + 12 <= len(content):
            starts.append(at)
            at += 12 + struct.unpack_from(">I", content, at)[0]
    elif content.startswith(b"\xff\xd8"):
        starts = [match.start() for match in re.finditer(rb"\xff[\xc0-\xfe]", content)][1:]
    elif content.startswith(b"RIFF"):
        starts, at = [], 12
        while at + 8 <= len(content):
            starts.append(at)
            length = struct.unpack_from("<I", content, at + 4)[0]
            at += 8 + length + length % 2
    else:
        starts = [0, len(content) // 2]
    ends = [*starts[1:], len(content)]
    which = int(random.integers(len(starts)))
    return content[: starts[which]] + content[ends[which] :]


def damaged_images(kind: str) -> Iterator[bytes]:
    """As many as ``EACH``, every mode with every damage."""
    random = np.random.default_rng(list(kind.encode()))
    for number in range(EACH):
        mode = MODES[kind][number // len(DAMAGES) % len(MODES[kind])]
        yield damaged(whole(kind, mode, random), DAMAGES[number % len(DAMAGES)], random)


def is_named(content: bytes) -> bool:
    """Whether there is an error of ours, with the file's name, and no other."""
    try:
        decode_image(content, name="pets/a.x")
    except BadExampleError as error:
        return str(error).startswith("pets/a.x: ")
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_image_is_what_pillow_makes_of_it_or_named(kind, capfd):
    """The same pixels, and a head that can be read; or one error with the file's name; and nothing is printed."""
    decoded = 0
    for content in damaged_images(kind):
        expected = as_pillow_does(content)
        facts = image_facts(content)
        if is_named(content):
            continue
        bare = without_metadata(content)  # Pillow gives up on some metadata, which costs no pixels
        expected = expected if expected is not None or bare is None else as_pillow_does(bare)
        np.testing.assert_array_equal(decode_image(content, name="a"), expected)
        assert facts is not None
        decoded += 1
    assert 0 < decoded < EACH
    assert not capfd.readouterr().err


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_whose_pixels_are_damaged_too_is_not_saved_by_leaving_metadata_out(mode, lossless):
    """Zeros from the middle on: without its EXIF it would be decoded to something."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 1
    content = encoded(noise_image(size=(30, 30)).convert(mode), "WEBP", exif=exif, lossless=lossless)
    half = len(content) // 2
    assert is_named(content[:half] + bytes(len(content) - half))


def test_a_webp_that_lost_its_transparency_is_named():
    """The file says that there is some."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 1
    content = encoded(PIL.Image.new("RGBA", (30, 30), (9, 9, 9, 99)), "WEBP", exif=exif)
    at = content.index(b"ALPH")
    length = int.from_bytes(content[at + 4 : at + 8], "little")
    assert is_named(content[:at] + content[at + 8 + length + length % 2 :])
