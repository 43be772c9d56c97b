"""Decoding and resizing single images."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import encoded, noise_image

from suite.data.decoding import IMAGE_SUFFIXES, decode_image, resize_image
from suite.errors import BadExampleError

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "04-metadata-costs-the-picture"


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP", "JPEG"])
def test_every_format_becomes_rgb(kind):
    """Lossless ones come back as they were; the others near it."""
    original = PIL.Image.linear_gradient("L").resize((12, 8)).convert("RGB")
    image = decode_image(encoded(original, kind), name="a")
    assert image.shape == (8, 12, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - np.asarray(original)).max() <= (0 if kind in {"PNG", "BMP"} else 12)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_other_colour_modes_become_rgb(mode):
    """A plain white image stays white in each of them."""
    white = PIL.Image.new("RGB", (4, 3), (255, 255, 255)).convert(mode)
    image = decode_image(encoded(white, "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"), name="a")
    assert image.shape == (3, 4, 3)
    assert image.min() >= 254


def test_sixteen_bits_become_eight():
    """0 to 65,535 becomes 0 to 255, rounded, not cut off."""
    values = np.array([[0, 257, 32_768, 65_535]], dtype=np.uint16)
    image = decode_image(encoded(PIL.Image.fromarray(values)), name="a")
    assert image[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(mode):
    """What a viewer shows, not the colour that hides behind it."""
    if mode == "P":
        content = encoded(PIL.Image.new("P", (2, 2), 0), transparency=0)
    else:
        content = encoded(PIL.Image.new("RGBA", (2, 2), (0, 0, 0, 0)).convert(mode))
    assert decode_image(content, name="a").min() == 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_exif_orientation_is_applied(kind):
    """An image taken with the camera turned comes out upright."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    assert decode_image(encoded(noise_image(size=(8, 4)), kind, exif=exif), name="a").shape == (8, 4, 3)


def test_an_animation_gives_its_first_frame():
    """Further frames are ignored."""
    frames = [PIL.Image.new("RGB", (3, 3), colour) for colour in ("white", "black")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(content, name="a").min() == 255


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP", "JPEG"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_image_that_is_cut_off_is_noticed(kind, share):
    """Wherever it ends."""
    content = encoded(noise_image(size=(40, 40)), kind)
    with pytest.raises(BadExampleError, match=r"^a\.x: .*on_bad_example"):
        decode_image(content[: int(len(content) * share)], name="a.x")


def test_a_flipped_byte_in_a_png_is_noticed():
    """Pillow's decoder alone reads over the checksum."""
    content = bytearray(encoded(noise_image(size=(40, 40))))
    content[-20] ^= 1
    with pytest.raises(BadExampleError, match="damaged"):
        decode_image(bytes(content), name="a")


def test_a_image_that_unfolds_too_far_is_refused():
    """A few kilobytes that claim 10,000 x 20,000 pixels are a trap."""
    content = encoded(PIL.Image.new("1", (20_000, 10_000)))
    with pytest.raises(BadExampleError, match="pixels"):
        decode_image(content, name="a")


def test_the_content_says_what_a_file_is():
    """A TIFF is read whatever its name ends in; a text is not."""
    image = noise_image()
    np.testing.assert_array_equal(decode_image(encoded(image, "TIFF"), name="a.png"), np.asarray(image))
    with pytest.raises(BadExampleError, match="expected a JPEG, PNG, BMP, GIF, WebP, TIFF"):
        decode_image(b"once upon a time", name="a.png")


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "JPEG2000", "AVIF", "WEBP", "BMP", "GIF", "PNG"])
def test_what_people_keep_images_in_is_read(kind):
    """As Pillow reads it, and its ending is known."""
    content = encoded(noise_image(size=(32, 24)), kind)
    expected = np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_array_equal(decode_image(content, name="a"), expected)
    assert {"TIFF": ".tiff", "JPEG2000": ".jp2"}.get(kind, f".{kind.lower()}") in IMAGE_SUFFIXES


def test_a_kind_that_nothing_here_reads_is_named_with_what_does():
    """IPhones write HEIC."""
    content = b"\0\0\0\x18ftypheic" + bytes(100)
    with pytest.raises(BadExampleError, match="a HEIC image, which is read with pillow-heif: pip install"):
        decode_image(content, name="a.heic")


def png_with(chunk: bytes, body: bytes, *, checksum: int | None = None) -> bytes:
    """A PNG with one more chunk before its pixels."""
    content = encoded(noise_image(), "PNG")
    sum_ = zlib.crc32(chunk + body) if checksum is None else checksum
    return content[:33] + struct.pack(">I", len(body)) + chunk + body + struct.pack(">I", sum_) + content[33:]


@pytest.mark.parametrize(
    "content",
    [
        png_with(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000))),
        png_with(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"x" * 2_000_000)),
        png_with(b"iCCP", b"profile\0\0" + zlib.compress(bytes(2_000_000))),
        png_with(b"tEXt", b"Comment\0hello", checksum=1),
        png_with(b"eXIf", b"garbage"),
        png_with(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n      10\nnot hexadecimal\n")),
    ],
    ids=["large text", "large international text", "large profile", "checksum of a text", "EXIF", "profile of EXIF"],
)
def test_metadata_never_costs_the_image(content):
    """Texts, profiles and EXIF of any size and damage, where the pixels are whole."""
    np.testing.assert_array_equal(decode_image(content, name="a"), np.asarray(noise_image()))


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.parametrize("path", sorted(CASES.glob("*.*g")) + sorted(CASES.glob("*.webp")), ids=lambda path: path.name)
def test_images_that_were_once_lost_for_their_metadata_are_read(path):
    """32 x 48 pixels, one of them turned."""
    assert sorted(decode_image(path.read_bytes(), name=path.name).shape) == [3, 32, 48]


VALID = {
    kind: encoded(noise_image(size=(9, 7)), kind)
    for kind in ("PNG", "BMP", "GIF", "WEBP", "JPEG", "TIFF", "PPM", "JPEG2000", "AVIF")
}


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(sorted(VALID)), at=st.integers(0, 2000), put=st.binary(min_size=1, max_size=6))
def test_damaged_bytes_give_a_image_or_our_error(kind, at, put):
    """Nothing else comes out of the decoder."""
    content = VALID[kind]
    at %= len(content)
    try:
        image = decode_image(content[:at] + put + content[at + len(put) :], name="a")
    except BadExampleError:
        return
    assert image.ndim == 3
    assert image.dtype == np.uint8


def test_resizing_stretches_and_antialiases():
    """Fine stripes become grey, and the aspect ratio is given up."""
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    small = resize_image(stripes, (16, 8))
    assert small.shape == (16, 8, 3)
    assert np.abs(small.astype(int) - 127).max() <= 6


def test_a_image_of_the_right_size_is_left_as_it_is():
    """No pixel changes."""
    image = decode_image(encoded(noise_image()), name="a")
    assert resize_image(image, (5, 6)) is image


def test_decoding_agrees_with_pillow():
    """The plain case is Pillow's own."""
    content = encoded(noise_image(3, size=(31, 17)), "JPEG")
    np.testing.assert_array_equal(decode_image(content, name="a"), np.asarray(PIL.Image.open(io.BytesIO(content))))
