"""``example.py`` sees of an image what the suite sees, with Pillow and NumPy alone."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from images import encoded, noise_image

from suite.data.decoding import decode_image, resize_image
from suite.export.formats.example import image_example
from suite.registry import EXPORTERS
from suite.store.records.reading import FULL, Levels
from suite.store.records.resizing import Resizing

CASE = Path(__file__).parents[3] / "shared" / "cases" / "06-example-sees-another-picture"
WAYS = (
    Resizing(),
    Resizing(crop_share=0.9, interpolation="nearest"),
    Resizing(fit="shorter_side", crop_share=0.875),
    Resizing(fit="shorter_side", crop_share=0.882, interpolation="bicubic"),
    Resizing(fit="letterbox", fill=(124, 116, 104), interpolation="lanczos"),
    Resizing(fit="letterbox", crop_share=0.7),
)
SIZES = ((24, 24), (20, 33))


def reader(
    resizing: Resizing, size: tuple[int, int], *, levels: Levels = FULL, format_: str = "onnx"
) -> Callable[[io.BytesIO | Path], PIL.Image.Image]:
    """The function ``read`` of a script, with what it imports but for the runtime."""
    exporter = EXPORTERS.get(format_)
    script = image_example(exporter, name="image", size=size, resizing=resizing, levels=levels)
    start = script.index("import pathlib, sys")
    names: dict[str, object] = {}
    exec(script[start : script.index("here =")].replace(f"{exporter.imports}\n", ""), names)
    return names["read"]  # type: ignore[return-value]


def odd_images() -> Iterator[tuple[str, bytes]]:
    """Files that a plain ``convert("RGB")`` reads otherwise than a viewer shows them, and some that it does not."""
    random = np.random.default_rng(0)
    for orientation in range(1, 9):
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        for kind in ("JPEG", "PNG", "WEBP"):
            yield f"{kind}, EXIF {orientation}", encoded(noise_image(orientation, size=(40, 27)), kind, exif=exif)
    clear = PIL.Image.fromarray(random.integers(0, 256, (31, 47, 4), dtype=np.uint8), "RGBA")
    yield "RGBA", encoded(clear)
    yield "WebP with alpha", encoded(clear, "WEBP", lossless=True)
    yield "LA", encoded(clear.convert("LA"))
    yield "palette with one colour clear", encoded(clear.convert("RGB").quantize(16), transparency=3)
    yield "RGB with one colour clear", encoded(noise_image(3), transparency=(1, 2, 3))
    yield "GIF", encoded(clear.convert("RGB").quantize(16), "GIF", transparency=3)
    yield "16 bits", encoded(PIL.Image.fromarray(random.integers(0, 65_536, (33, 20), dtype=np.uint16)))
    yield "1 bit", encoded(noise_image(5, size=(30, 30)).convert("1"))
    yield "grey", encoded(noise_image(6, size=(64, 11)).convert("L"), "JPEG")
    yield "CMYK", encoded(noise_image(7, size=(50, 60)).convert("CMYK"), "JPEG")
    yield "BMP", encoded(noise_image(8, size=(1, 90)), "BMP")
    yield "plain JPEG", encoded(noise_image(9, size=(300, 200)), "JPEG", quality=80)
    yield "progressive JPEG", encoded(noise_image(10, size=(80, 70)), "JPEG", progressive=True)
    yield "of the input's size", encoded(noise_image(11, size=(24, 24)))


ODD = dict(odd_images())


@pytest.mark.parametrize("resizing", WAYS, ids=lambda resizing: resizing.words)
@pytest.mark.parametrize("name", ODD)
def test_the_example_sees_what_the_suite_sees(name: str, resizing: Resizing) -> None:
    """Pixel by pixel, whatever the file, and whatever shape the model takes."""
    for size in SIZES:
        ours = resize_image(decode_image(ODD[name], name=name), size, resizing)
        np.testing.assert_array_equal(np.asarray(reader(resizing, size)(io.BytesIO(ODD[name]))), ours)


@pytest.mark.parametrize("format_", EXPORTERS.names())
@pytest.mark.parametrize("levels", [FULL, (-1000.0, 3071.0), (0.1, 0.7), (100.0, 4095.0)])
def test_the_example_of_every_format_brings_deep_images_to_the_levels_of_the_training(
    format_: str, levels: Levels
) -> None:
    """16 bits, 32 bits and numbers with a point, as in the comparison."""
    random = np.random.default_rng(1)
    low, high = levels
    values = random.uniform(low - 1, high + 1, (30, 30))
    values[0, 0] = np.nan
    for deep, kind in (
        (np.nan_to_num(values).clip(0, 65_535).astype(np.uint16), "PNG"),
        (np.nan_to_num(values).astype(np.int32), "TIFF"),
        (values.astype(np.float32), "TIFF"),
    ):
        content = encoded(PIL.Image.fromarray(deep), kind)
        ours = resize_image(decode_image(content, name="a", levels=levels), (24, 24), WAYS[0])
        read = reader(WAYS[0], (24, 24), levels=levels, format_=format_)
        np.testing.assert_array_equal(np.asarray(read(io.BytesIO(content))), ours)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["x_16.png", "x_exif.jpg", "x_rgba.png"])
def test_images_on_which_an_older_example_fell(name: str) -> None:
    """Each is seen as the image beside it, which the suite made of it."""
    resizing = Resizing(fit="shorter_side", crop_share=0.875)
    read = reader(resizing, (32, 32))
    seen = np.asarray(PIL.Image.open(CASE / f"{Path(name).stem}_as_suite_sees.png").convert("RGB"))
    np.testing.assert_array_equal(np.asarray(read(CASE / name)), resize_image(seen, (32, 32), resizing))


def test_the_script_stays_a_page() -> None:
    """At most 40 lines of at most 120 letters, in every format and way."""
    for format_ in EXPORTERS.names():
        for resizing in WAYS:
            script = image_example(EXPORTERS.get(format_), name="image", size=(24, 24), resizing=resizing)
            lines = script.splitlines()
            assert len(lines) <= 40
            assert max(map(len, lines)) <= 120
            compile(script, "example.py", "exec")
