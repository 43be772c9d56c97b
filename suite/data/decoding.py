"""Encoded images to RGB arrays, with anything wrong about one said as ``BadExampleError``."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import logging
import warnings
from typing import get_args

import numpy as np
import PIL
import PIL.Image
from numpy.typing import NDArray

from suite.data.dataset import Image
from suite.data.image_metadata import without_metadata
from suite.data.plain_jpeg import decode_plain_jpeg
from suite.errors import BadExampleError
from suite.store.records.reading import FULL, Levels
from suite.store.records.resizing import STRETCH, Interpolation, Resizing

__all__ = [
    "DECODING_VERSION",
    "FORMATS",
    "IMAGE_KINDS",
    "IMAGE_SUFFIXES",
    "decode_image",
    "deep_values",
    "resize_image",
]

DECODING_VERSION = f"2-pillow{PIL.__version__.split('.', 1)[0]}"
"""Part of every cache key: decoding or resizing otherwise must not reuse what was kept."""

_SUFFIXES = {
    "JPEG": ".jpg .jpeg .jpe .jfif .mpo",
    "PNG": ".png .apng",
    "BMP": ".bmp .dib",
    "GIF": ".gif",
    "WEBP": ".webp",
    "TIFF": ".tif .tiff",
    "PPM": ".ppm .pgm .pbm .pnm .pfm",
    "JPEG2000": ".jp2 .j2k .jpx .jpf .j2c .jpc",
    "AVIF": ".avif .avifs",
    "HEIF": ".heic .heif .hif",
}
"""File name endings, in small letters, by what Pillow calls the format."""
IMAGE_SUFFIXES = frozenset(" ".join(_SUFFIXES.values()).split())
"""File name endings, in small letters, that are taken for images; what a file is, its content says."""
IMAGE_KINDS = "JPEG, PNG, BMP, GIF, WebP, TIFF, PPM, JPEG 2000, AVIF or HEIC"
"""The formats in words."""
_PLUGINS = {"JPEG": "Jpeg", "PNG": "Png", "BMP": "Bmp", "GIF": "Gif", "WEBP": "WebP", "TIFF": "Tiff", "PPM": "Ppm",
            "JPEG2000": "Jpeg2K", "AVIF": "Avif"}  # fmt: skip


def _register_formats() -> tuple[str, ...]:
    """Imports what reads the formats: Pillow's own search for them is not for threads."""
    for plugin in (*_PLUGINS.values(), "Mpo"):
        with contextlib.suppress(ImportError):  # a Pillow without AVIF
            importlib.import_module(f"PIL.{plugin}ImagePlugin")
    with contextlib.suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    return tuple(kind for kind in _SUFFIXES if kind in PIL.Image.OPEN)


FORMATS = _register_formats()
"""What Pillow may take a file for: nothing that runs another program, and nothing that has no signature."""


def _silence() -> None:
    """Keeps libraries from printing what they think of a file: the pixels are there, or an error says why not."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with contextlib.suppress(AttributeError, OSError):  # a Pillow without libtiff, or with it inside
        libtiff = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__)  # whose symbols are found through it
        for handler in (libtiff.TIFFSetErrorHandler, libtiff.TIFFSetWarningHandler):
            handler.argtypes, handler.restype = (ctypes.c_void_p,), ctypes.c_void_p
            handler(None)


_silence()
_TO_INSTALL = {b"avif": "a newer Pillow", b"avis": "a newer Pillow"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "pillow-heif"
)
"""What reads a file of the ISO media family, by its brand (ISO/IEC 14496-12, 4.3), where nothing that is here does."""
_TURNED = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""By EXIF orientation; 1 is upright."""
_EXIF_ORIENTATION = 0x0112
_RESAMPLING = {name: PIL.Image.Resampling[name.upper()] for name in get_args(Interpolation)}


def decode_image(content: bytes, *, name: str, levels: Levels = FULL) -> Image:
    """Decodes one image, the first where a file holds several (GIF, TIFF, WebP).

    Grey, palette, 16-bit and CMYK images become RGB; a transparent one is laid on white, as a viewer shows
    it; the EXIF orientation is applied. Metadata that is damaged or large costs nothing but itself.

    Args:
        content: The bytes of the file; they say what it is, whatever its name ends in.
        name: What the file is called in complaints.
        levels: What becomes black and white where a pixel has more than 8 bits.

    Returns:
        uint8 array of shape ``(height, width, 3)``, 0 to 255.

    Raises:
        BadExampleError: When the bytes are no such image, are damaged or cut off, or unfold to more pixels
            than Pillow takes for safe.
    """
    plain = decode_plain_jpeg(content, most_pixels=_most_pixels())
    if plain is not None:
        return plain
    try:
        return _decode(content, name, levels)
    except BadExampleError:
        raise
    except MemoryError:
        raise BadExampleError(f"{name}: the image does not fit into memory. {_MEND}") from None
    except Exception as error:  # noqa: BLE001 - damaged files make Pillow raise almost anything
        bare = without_metadata(content)
        if bare is not None:
            with contextlib.suppress(Exception):
                return _decode(bare, name, levels)
        raise BadExampleError(f"{name}: {_what_is_wrong(error, content)} {_MEND}") from None


def _decode(content: bytes, name: str, levels: Levels) -> Image:
    with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _refuse_bomb(image, name)
        if image.format == "PNG":
            _check_png(content)
        image.load()
        return np.asarray(_to_rgb(_upright(image), levels), dtype=np.uint8)


def deep_values(content: bytes, *, most: int) -> NDArray[np.float64] | None:
    """Values of an image that has more than 8 bits a pixel; None of any other, and where it cannot be decoded.

    Args:
        content: The bytes of the file.
        most: Values at most, evenly spread over the image.

    Returns:
        Shape ``(m,)``, as they are in the file, without those that are no numbers.
    """
    try:
        with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if not _is_deep(image) or image.width * image.height > _most_pixels():
                return None
            values = np.asarray(image, dtype=np.float64).ravel()
    except Exception:  # noqa: BLE001 - damaged files make Pillow raise almost anything, and are told of elsewhere
        return None
    some = values[:: max(1, len(values) // most)]
    return some[np.isfinite(some)]


def _what_is_wrong(error: Exception, content: bytes) -> str:
    if not isinstance(error, PIL.UnidentifiedImageError):
        return f"the image is damaged: {error}."
    if content[4:8] == b"ftyp" and (needed := _TO_INSTALL.get(content[8:12])):
        kind = "an AVIF" if content[8:11] == b"avi" else "a HEIC"
        return f"{kind} image, which is read with {needed}: pip install --upgrade {needed.split()[-1].lower()}."
    return f"expected a {IMAGE_KINDS} image, got {len(content)} bytes that are none."


def resize_image(image: Image, size: tuple[int, int], resizing: Resizing = STRETCH) -> Image:
    """The image at ``size`` (height, width), antialiased when it shrinks.

    What is seen of it is cropped and resampled at once: a crop of 224 pixels after the shorter side became 256, as
    torchvision and timm do it in two steps, is the same but for the rounding of sides to whole pixels in between.

    Args:
        image: uint8 array of shape ``(height, width, 3)``.
        size: What a model takes.
        resizing: How it gets there; by default its proportions are lost, as in
            ``keras.utils.image_dataset_from_directory``.
    """
    if image.shape[:2] == size and resizing.crop_share == 1:
        return image
    source, method = PIL.Image.fromarray(image), _RESAMPLING[resizing.interpolation]
    if resizing.crop_share == 1 and resizing.fit == "stretch":  # without the detour, which costs small images 5 %
        return np.asarray(source.resize(size[::-1], method), dtype=np.uint8)
    height, width, _ = image.shape
    window = resizing.window((height, width), size)
    seen = min(height, window[0]), min(width, window[1])
    top, left = (height - seen[0]) / 2, (width - seen[1]) / 2
    inner = [max(1, round(side * part / whole)) for side, part, whole in zip(size, seen, window, strict=True)]
    resized = source.resize((inner[1], inner[0]), method, box=(left, top, width - left, height - top))
    if inner == list(size):
        return np.asarray(resized, dtype=np.uint8)
    filled = np.empty((*size, 3), dtype=np.uint8)
    filled[:] = resizing.fill
    above, before = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    filled[above : above + inner[0], before : before + inner[1]] = np.asarray(resized)
    return filled


_MEND = 'Repair or remove it, or set "on_bad_example": "skip".'


def _refuse_bomb(image: PIL.Image.Image, name: str) -> None:
    limit = _most_pixels()
    if image.width * image.height > limit:
        raise BadExampleError(
            f"{name}: {image.width} x {image.height} pixels, expected at most {limit:,} in all. {_MEND}"
        )


def _most_pixels() -> int:
    return PIL.Image.MAX_IMAGE_PIXELS or 89_478_485


def _check_png(content: bytes) -> None:
    """Pillow's decoder skips the checksums of image data; its ``verify`` reads them."""
    with PIL.Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        image.verify()


def _upright(image: PIL.Image.Image) -> PIL.Image.Image:
    if "exif" not in image.info and image.format not in {"PNG", "WEBP", "TIFF", "AVIF"}:
        return image
    try:
        turn = _TURNED.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF makes Pillow raise almost anything, and the pixels are whole
        return image
    return image if turn is None else image.transpose(turn)


def _is_deep(image: PIL.Image.Image) -> bool:
    """Whether a pixel has more than 8 bits: 16, 32, or a number with a point."""
    return image.mode.startswith("I") or image.mode == "F"


def _to_rgb(image: PIL.Image.Image, levels: Levels) -> PIL.Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if _is_deep(image):
        return PIL.Image.fromarray(_eight_bits(np.asarray(image), levels)).convert("RGB")
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        white = PIL.Image.new("RGBA", with_alpha.size, (255, 255, 255, 255))
        return PIL.Image.alpha_composite(white, with_alpha).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: NDArray[np.generic], levels: Levels) -> NDArray[np.uint8]:
    """Values at or below the low level to 0, at or above the high one to 255, rounded; what is no number to 0."""
    low, high = levels
    clipped = np.clip(np.nan_to_num(values.astype(np.float64), nan=low), low, high)
    scaled: NDArray[np.uint8] = np.round((clipped - low) * (255 / (high - low))).astype(np.uint8)
    return scaled
