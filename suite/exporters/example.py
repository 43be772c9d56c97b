"""``example.py``: at most 25 lines that classify one example with nothing of the suite."""

from __future__ import annotations

from collections.abc import Sequence

from suite.exporters.exporter import Exporter

__all__ = ["picture_example", "text_example"]

PICTURE = """\
import pathlib, sys

import numpy as np
{imports}
from PIL import Image

here = pathlib.Path(__file__).parent
labels = (here / "labels.txt").read_text("utf-8").split("\\n")
{loading}
picture = Image.open(sys.argv[1]).convert("RGB").resize({size}, Image.Resampling.BILINEAR)
inputs = {{"{name}": np.asarray(picture, "float32")[None]}}  # raw RGB, 0 to 255
{answering}
for index in probabilities.argsort()[::-1][:5]:
    print(f"{{probabilities[index]:.3f}}  {{labels[index]}}")
"""
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


def picture_example(exporter: type[Exporter], *, name: str, width: int, height: int) -> str:
    """A script that takes the path of a picture.

    Args:
        exporter: Of the format.
        name: Of the model's input.
        width: In pixels, as the model takes it.
        height: In pixels.
    """
    return PICTURE.format(**_parts(exporter), name=name, size=(width, height))


def text_example(exporter: type[Exporter], *, names: Sequence[str]) -> str:
    """A script that takes a text, or two; ``names`` are those of the model's inputs."""
    return TEXT.format(**_parts(exporter), names=list(names))


def _parts(exporter: type[Exporter]) -> dict[str, str]:
    return {"imports": exporter.imports, "loading": exporter.loading, "answering": exporter.answering}
