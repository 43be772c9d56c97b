"""Encoded images to RGB arrays, with anything wrong about one said as ``BadExampleError``."""

from __future__ import annotations

import io
from typing import get_args

import numpy as np
import PIL
import PIL.BmpImagePlugin
import PIL.GifImagePlugin
import PIL.Image
import PIL.ImageOps
import PIL.JpegImagePlugin
import PIL.PngImagePlugin
import PIL.WebPImagePlugin
from numpy.typing import NDArray

from suite.data.dataset import Image
from suite.data.plain_jpeg import decode_plain_jpeg
from suite.errors import BadExampleError
from suite.store.records.resizing import STRETCH, Interpolation, Resizing

__all__ = ["DECODING_VERSION", "IMAGE_SUFFIXES", "decode_image", "resize_image"]

DECODING_VERSION = f"1-pillow{PIL.__version__.split('.', 1)[0]}"
"""Part of every cache key: decoding or resizing otherwise must not reuse what was kept."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp"})
"""File name endings, in small letters, that are taken for images."""

_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")  # imported above: Pillow's search for them is not for threads
_EXIF_ORIENTATION = 0x0112
_RESAMPLING = {name: PIL.Image.Resampling[name.upper()] for name in get_args(Interpolation)}


def decode_image(content: bytes, *, name: str) -> Image:
    """Decodes one JPEG, PNG, BMP, GIF (first frame) or WebP.

    Grey, palette, 16-bit and CMYK images become RGB; a transparent one is laid on white, as a viewer shows
    it; the EXIF orientation is applied.

    Args:
        content: The bytes of the file.
        name: What the file is called in complaints.

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
        with PIL.Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _refuse_bomb(image, name)
            if image.format == "PNG":
                _check_png(content)
            image.load()
            return np.asarray(_to_rgb(_upright(image)), dtype=np.uint8)
    except BadExampleError:
        raise
    except PIL.UnidentifiedImageError:
        raise BadExampleError(
            f"{name}: expected a JPEG, PNG, BMP, GIF or WebP image, got {len(content)} bytes that are none. {_MEND}"
        ) from None
    except MemoryError:
        raise BadExampleError(f"{name}: the image does not fit into memory. {_MEND}") from None
    except Exception as error:  # noqa: BLE001 - damaged files make Pillow raise almost anything
        raise BadExampleError(f"{name}: the image is damaged: {error}. {_MEND}") from None


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
    if "exif" not in image.info and image.format not in {"PNG", "WEBP"}:
        return image
    if image.getexif().get(_EXIF_ORIENTATION, 1) == 1:
        return image
    return PIL.ImageOps.exif_transpose(image)


def _to_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return PIL.Image.fromarray(_sixteen_to_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        white = PIL.Image.new("RGBA", with_alpha.size, (255, 255, 255, 255))
        return PIL.Image.alpha_composite(white, with_alpha).convert("RGB")
    return image.convert("RGB")


def _sixteen_to_eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """0..65535 to 0..255, rounded."""
    scaled: NDArray[np.uint8] = np.round(np.clip(values.astype(np.float64), 0, 65_535) / 257).astype(np.uint8)
    return scaled
