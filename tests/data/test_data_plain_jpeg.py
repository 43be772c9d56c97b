"""Plain JPEG files, decoded without Pillow: the same numbers and the same complaints."""

from __future__ import annotations

import io
import random

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import encoded, noise_image

from suite.data.decoding import decode_image
from suite.data.plain_jpeg import decode_plain_jpeg, plain_jpeg_frame
from suite.errors import BadExampleError

MANY = 10**8
ORIENTED = PIL.Image.Exif()
ORIENTED[0x0112] = 6


def by_pillow(content: bytes):
    """The numbers that Pillow gives."""
    with PIL.Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


@settings(deadline=None, max_examples=100)
@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    quality=st.integers(1, 100),
    subsampling=st.integers(0, 2),
    grey=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_plain_files_have_the_numbers_that_pillow_gives(shape, quality, subsampling, grey, seed):
    """Noise is the hardest: every coefficient counts."""
    noise = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    drawn = PIL.Image.fromarray(noise).convert("L" if grey else "RGB")
    content = encoded(drawn, "JPEG", quality=quality, subsampling=subsampling)
    assert plain_jpeg_frame(content) == (*shape, 1 if grey else 3)
    np.testing.assert_array_equal(decode_plain_jpeg(content, most_pixels=MANY), by_pillow(content))


def test_a_photograph_has_the_numbers_that_pillow_gives():
    """Its rows are decoded in groups, whose seams smoothing goes over."""
    height, width = 1201, 799
    down, across = np.mgrid[:height, :width]
    wave = (127 + 120 * np.sin(down / 37) * np.cos(across / 53)).astype(np.uint8)
    drawn = PIL.Image.fromarray(np.stack([wave, wave[::-1], 255 - wave], axis=-1))
    content = encoded(drawn, "JPEG", quality=83)
    np.testing.assert_array_equal(decode_plain_jpeg(content, most_pixels=MANY), by_pillow(content))


@settings(deadline=None, max_examples=400)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_decoded_of_a_damaged_file_is_what_pillow_sees(seed):
    """Bytes changed, cut out or cut off: nothing is taken for an image that Pillow refuses or sees otherwise."""
    chance = random.Random(seed)
    content = bytearray(encoded(noise_image(seed % 7, size=(20, 12)), "JPEG"))
    at = chance.randrange(len(content))
    match chance.randrange(3):
        case 0:
            content[at] = chance.randrange(256)
        case 1:
            del content[at : at + chance.randint(1, 20)]
        case _:
            content[at:] = b"\xff\xd9"
    found = decode_plain_jpeg(bytes(content), most_pixels=MANY)
    if found is not None:
        np.testing.assert_array_equal(found, by_pillow(bytes(content)))


@pytest.mark.parametrize(
    "content",
    [
        encoded(noise_image(), "JPEG", progressive=True),
        encoded(noise_image(), "JPEG", exif=ORIENTED),
        encoded(noise_image(), "JPEG", icc_profile=b"profile"),
        encoded(noise_image().convert("CMYK"), "JPEG"),
        encoded(noise_image()),
        encoded(noise_image(), "WEBP"),
        encoded(noise_image(), "JPEG")[:-2],
        b"\xff\xd8\xff",
        b"",
    ],
    ids=["progressive", "turned", "with a profile", "CMYK", "PNG", "WebP", "without an end", "a start", "nothing"],
)
def test_everything_else_is_left_to_pillow(content):
    """It knows how to turn it upright, to convert it, or what to say of it."""
    assert decode_plain_jpeg(content, most_pixels=MANY) is None


def test_a_image_that_unfolds_too_far_is_not_decoded(monkeypatch):
    """A small file may say that it is millions of pixels high."""
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(BadExampleError, match="pixels"):
        decode_image(encoded(noise_image(), "JPEG"), name="a")
