"""``example.py``: a page at most that classifies one example with nothing of the suite."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from suite.export.formats.exporter import Exporter
from suite.store.records.reading import FULL, Levels
from suite.store.records.resizing import Fit, Resizing

__all__ = ["image_example", "text_example"]

IMAGE = """\
import pathlib, sys

import numpy as np
{imports}
from PIL import Image


def read(path):  # as the model was trained on images: upright, on white, 8 bits a colour, resized
    image = Image.open(path)
    try:
        image = image.transpose({{2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}}[image.getexif()[274]])
    except Exception:  # upright, or EXIF that is damaged
        pass
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits, or numbers with a point
        deep = np.clip(np.nan_to_num(np.asarray(image, "float64"), nan={low}), {low}, {high})
        image = Image.fromarray(np.round((deep - {low}) * (255 / {span})).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
{resizing}


here = pathlib.Path(__file__).parent
{labels}{loading}
inputs = {{"{name}": np.asarray(read(sys.argv[1]), "float32")[None]}}  # RGB, 0 to 255
{answering}
{printing}
"""
LABELS = 'labels = (here / "labels.txt").read_text("utf-8").split("\\n")\n'
CLASSES = """\
for index in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[index]:.3f}  {labels[index]}")"""
NUMBERS = 'print(*(f"{number:.4g}" for number in np.ravel(probabilities)))  # what the model says of the image'
WINDOWS: dict[Fit, str] = {
    "stretch": "height, width = image.height * {share}, image.width * {share}  # of the middle, which is seen",
    "shorter_side": """\
height = min(image.height, image.width * {ratio}) * {share}  # of the middle, which is seen
width = height / {ratio}""",
    "letterbox": """\
height = max(image.height, image.width * {ratio}) * {share}  # of what fills the input, in pixels of the image
width = height / {ratio}""",
}
CROP = """\
top, left = max(0, image.height - height) / 2, max(0, image.width - width) / 2
box = (left, top, image.width - left, image.height - top)
"""
FILL = """\
size = round({width} * min(image.width, width) / width), round({height} * min(image.height, height) / height)
inner = image.resize((max(1, size[0]), max(1, size[1])), {method}, box=box)
filled = Image.new("RGB", ({width}, {height}), {fill})
filled.paste(inner, (({width} - inner.width) // 2, ({height} - inner.height) // 2))
return filled"""
TEXT = """\
import pathlib, sys

import numpy as np
{imports}
from tokenizers import Tokenizer

here = pathlib.Path(__file__).parent
labels = (here / "labels.txt").read_text("utf-8").split("\\n")
{loading}
text = Tokenizer.from_file(str(here / "tokenizer.json")).encode(*sys.argv[1:3])  # one text, or two
arrays = {{"token_ids": text.ids, "padding_mask": text.attention_mask, "segment_ids": text.type_ids}}
inputs = {{name: np.array([arrays[name]], "int32") for name in {names}}}
{answering}
for index in probabilities.argsort()[::-1][:5]:
    print(f"{{probabilities[index]:.3f}}  {{labels[index]}}")
"""


def image_example(
    exporter: type[Exporter],
    *,
    name: str,
    size: tuple[int, int],
    resizing: Resizing,
    levels: Levels = FULL,
    labelled: bool = True,
) -> str:
    """A script that takes the path of an image, and sees of it what the suite does.

    Args:
        exporter: Of the format.
        name: Of the model's input.
        size: Its height and width in pixels.
        resizing: How images get there.
        levels: What becomes 0 and 255 where a pixel has more than 8 bits.
        labelled: Whether the model names classes, which ``labels.txt`` has; else its numbers are printed.
    """
    return IMAGE.format(
        **_parts(exporter),
        name=name,
        low=levels[0],
        high=levels[1],
        span=levels[1] - levels[0],
        resizing=textwrap.indent(_resizing_lines(size, resizing), "    "),
        labels=LABELS if labelled else "",
        printing=CLASSES if labelled else NUMBERS,
    )


def _resizing_lines(size: tuple[int, int], resizing: Resizing) -> str:
    """``suite.data.decoding.resize_image`` for this one size, on ``image`` of Pillow; ends in ``return``."""
    height, width = size
    method = f"Image.Resampling.{resizing.interpolation.upper()}"
    if resizing.fit == "stretch" and resizing.crop_share == 1:
        return f"return image.resize({(width, height)}, {method})"
    ratio = "1.0" if height == width else f"({height} / {width})"
    window = WINDOWS[resizing.fit].format(share=resizing.crop_share, ratio=ratio)
    if resizing.fit != "letterbox":
        return f"{window}\n{CROP}return image.resize({(width, height)}, {method}, box=box)"
    return f"{window}\n{CROP}" + FILL.format(height=height, width=width, method=method, fill=resizing.fill)


def text_example(exporter: type[Exporter], *, names: Sequence[str]) -> str:
    """A script that takes a text, or two; ``names`` are those of the model's inputs."""
    return TEXT.format(**_parts(exporter), names=list(names))


def _parts(exporter: type[Exporter]) -> dict[str, str]:
    return {"imports": exporter.imports, "loading": exporter.loading, "answering": exporter.answering}
