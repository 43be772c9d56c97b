"""300 damaged images: each is decoded as Pillow does, or named; nothing else is raised or said."""

from __future__ import annotations

import contextlib
import io
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from images import encoded

from suite.data.decoding import decode_image
from suite.data.image_facts import image_facts
from suite.data.image_metadata import without_metadata
from suite.errors import BadExampleError

KINDS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
EACH = 50
PLAIN = {"RGB", "L"}


def photograph(number: int) -> PIL.Image.Image:
    """A smooth image with an edge, so that it compresses as photographs do."""
    generator = np.random.default_rng(number)
    coarse = PIL.Image.fromarray(generator.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    image = coarse.resize((40, 31), PIL.Image.Resampling.BICUBIC)
    return image.convert("L") if number % 5 == 4 else image


def cut(content: bytes, chance: random.Random) -> bytes:
    """The file as a broken download leaves it."""
    return content[: chance.randrange(len(content))]


def flipped(content: bytes, chance: random.Random) -> bytes:
    """A few bytes are others."""
    found = bytearray(content)
    for _ in range(chance.randrange(1, 12)):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def zeroed(content: bytes, chance: random.Random) -> bytes:
    """A run of bytes was never written."""
    begin = chance.randrange(len(content))
    end = min(len(content), begin + chance.randrange(1, 64))
    return content[:begin] + bytes(end - begin) + content[end:]


def doubled(content: bytes, chance: random.Random) -> bytes:
    """A piece is there twice, or in the wrong place."""
    begin, end = sorted(chance.randrange(len(content)) for _ in range(2))
    return content[:end] + content[begin:end] + content[end:]


def left_out(content: bytes, chance: random.Random) -> bytes:
    """A piece is missing in the middle, such as a chunk."""
    begin, end = sorted(chance.randrange(len(content)) for _ in range(2))
    return content[:begin] + content[min(end, begin + 40) :]


WAYS = (cut, flipped, zeroed, doubled, left_out)


def damaged(kind: str, number: int) -> bytes:
    """One damaged file."""
    chance = random.Random(f"{kind} {number}")
    options = {"exif": PIL.Image.Exif()} if kind in {"JPEG", "WEBP"} and number % 3 else {}
    return WAYS[number % len(WAYS)](encoded(photograph(number), kind, **options), chance)


def by_pillow(content: bytes) -> np.ndarray | None:
    """What Pillow makes of it, None where it cannot; images whose conversion has a choice are left out as zeros."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PIL.Image.open(io.BytesIO(content)) as image:
                image.load()
                if image.mode not in PLAIN or "transparency" in image.info:
                    return np.zeros(0)
                plain = image
                with contextlib.suppress(Exception):  # damaged metadata never costs the image
                    plain = PIL.ImageOps.exif_transpose(image)
                return np.asarray(plain.convert("RGB"))
    except Exception:  # noqa: BLE001 - Pillow raises almost anything
        return None


def decoded_or_named(content: bytes, name: str) -> np.ndarray | str:
    """What the suite makes of it, or what it says."""
    try:
        return decode_image(content, name=name)
    except BadExampleError as error:
        return str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_image_is_decoded_as_pillow_does_or_named(kind):
    """And most of what Pillow decodes is decoded; where metadata alone is damaged, as Pillow does without it."""
    decoded = able = 0
    for number in range(EACH):
        content = damaged(kind, number)
        expected = by_pillow(content)
        able += expected is not None
        found = decoded_or_named(content, f"{number}.{kind}")
        if isinstance(found, str):
            assert f"{number}.{kind}" in found
            continue
        if expected is None:
            bare = without_metadata(content)
            expected = by_pillow(bare) if bare is not None else None
        assert expected is not None, f"{kind} {number}: Pillow refuses it"
        decoded += 1
        if expected.size:
            assert np.array_equal(found, expected), f"{kind} {number}"
    assert decoded >= 0.8 * able - 1


def test_damage_makes_no_noise():
    """Neither Pillow's warnings nor those of the libraries below it reach a user."""
    program = (
        "from test_data_damaged_images import EACH, KINDS, damaged, decoded_or_named\n"
        "[decoded_or_named(damaged(kind, number), '') for kind in KINDS for number in range(EACH)]"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1]), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_of_a_file_says_what_pillow_says_of_it(kind):
    """Of sound files and of damaged ones whose head can be read."""
    for number in range(EACH):
        for content in (encoded(photograph(number), kind), damaged(kind, number)):
            found = image_facts(content)
            try:
                with PIL.Image.open(io.BytesIO(content)) as image:
                    expected = image.format, image.height, image.width
            except Exception:  # noqa: BLE001 - Pillow raises almost anything
                continue
            if found is not None:
                assert (found.format, found.height, found.width) == expected, f"{kind} {number}"


def test_damage_of_a_packed_tiff_makes_no_noise(capfd):
    """The library that unpacks it prints by itself what it thinks."""
    content = encoded(photograph(0), "TIFF", compression="tiff_lzw")
    for number in range(EACH):
        decoded_or_named(flipped(content, random.Random(number)), "a")
    assert capfd.readouterr() == ("", "")


def with_exif(image: PIL.Image.Image, **how: object) -> bytes:
    """A WebP that says which way it was held."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 1
    return encoded(image, "WEBP", exif=exif, **how)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_whose_pixels_are_damaged_too_is_not_saved_by_leaving_metadata_out(mode, lossless):
    """Zeros from the middle on: without its EXIF it would be decoded to something."""
    content = with_exif(photograph(0).convert(mode), lossless=lossless)
    half = len(content) // 2
    assert isinstance(decoded_or_named(content[:half] + bytes(len(content) - half), "a"), str)


def test_a_webp_that_lost_its_transparency_is_named():
    """The file says that there is some."""
    content = with_exif(PIL.Image.new("RGBA", (30, 30), (9, 9, 9, 99)))
    at = content.index(b"ALPH")
    length = int.from_bytes(content[at + 4 : at + 8], "little")
    assert isinstance(decoded_or_named(content[:at] + content[at + 8 + length + length % 2 :], "a"), str)


def test_the_head_of_a_webp_with_damaged_metadata_is_read():
    """What is decoded is counted by its format."""
    content = with_exif(photograph(0))
    cut_off = content[: content.index(b"EXIF") + 12]
    assert not isinstance(decoded_or_named(cut_off, "a"), str)
    assert image_facts(cut_off) is not None
