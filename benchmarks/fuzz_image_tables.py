"""Damaged tables of images, data sets of the Hub and their cards, as they are divided into groups and slices."""

from __future__ import annotations

import contextlib
import functools
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import PIL.Image

from benchmarks.fuzz_tables import room
from benchmarks.mutations import damaged_bytes, damaged_json
from suite.data.huggingface import HuggingFaceSource
from suite.data.images_table import ImagesTableSource
from suite.data.slices import slice_of
from suite.errors import SuiteError
from suite.spec.slices import as_slice
from suite.spec.spec import SplitsSpec, resolve_options

__all__ = ["TARGETS", "one"]

COUNT = 12
FEATURES = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*
dataset_info:
  features:
  - name: label
    dtype:
      class_label:
        names:
          '0': cat
          '1': dog
---
# Pets
"""


@functools.cache
def _images() -> tuple[bytes, ...]:
    generator = np.random.default_rng(0)
    made = []
    for _ in range(COUNT):
        file = io.BytesIO()
        PIL.Image.fromarray(generator.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(file, "PNG")
        made.append(file.getvalue())
    return tuple(made)


@functools.cache
def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"image": [{"bytes": one, "path": None} for one in _images()], "label": [n % 2 for n in range(COUNT)]}
    file = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"huggingface": json.dumps(FEATURES)}), file)
    return file.getvalue()


@functools.cache
def _folder() -> Path:
    """A folder with the images, made once."""
    folder = Path(room()) / "images"
    folder.mkdir()
    for number, content in enumerate(_images()):
        (folder / f"{number}.png").write_bytes(content)
    return folder


def one(random: Random) -> None:
    """Reads one damaged data set. Raises only where something else than ``SuiteError`` comes out."""
    made = {"images_table": _table, "huggingface": _hub}[random.choice(("images_table", "huggingface"))](random)
    source, given = made
    splits: dict[str, Any] = {}
    if random.random() < 0.2:
        group = random.choice(({"column": "site"}, {"pattern": r"(\d)\d*\.png"}, {"folder": 1}, {"column": "none"}))
        splits = {"group": group}
    with contextlib.suppress(SuiteError):
        options = resolve_options(source, given, place="table", at="")
        source.verify(options)
        spec = SplitsSpec.model_validate(splits)
        dataset = source.load(options, splits=spec, on_bad_example=random.choice(("skip", "error")))
        for name in random.choice(((), ("site",), ("brightness", "image_size"), ("text_length",))):
            slice_of(dataset, as_slice(name), spec.group)
        dataset.splits["test"].read(0)


def _table(random: Random) -> tuple[Any, dict[str, Any]]:
    rows = [{"file": f"{n}.png", "label": ("cat", "dog")[n % 2], "site": n % 3} for n in range(COUNT)]
    name = random.choice(("t.csv", "t.jsonl"))
    if name == "t.jsonl" and random.random() < 0.4:
        content = "\n".join(json.dumps(row) for row in damaged_json(random, rows) or ()).encode()
    elif name == "t.jsonl":
        content = damaged_bytes(random, "\n".join(map(json.dumps, rows)).encode())
    else:
        lines = ["file,label,site", *(f"{row['file']},{row['label']},{row['site']}" for row in rows)]
        content = damaged_bytes(random, "\n".join(lines).encode())
    path = Path(room()) / name
    path.write_bytes(content)
    return ImagesTableSource, {
        "path": str(path), "image_column": "file", "label_column": "label", "root": str(_folder())
    }  # fmt: skip


def _hub(random: Random) -> tuple[Any, dict[str, Any]]:
    folder = Path(room()) / "hub"
    (folder / "data").mkdir(parents=True, exist_ok=True)
    is_card = random.random() < 0.5
    (folder / "data" / "a.parquet").write_bytes(_parquet() if is_card else damaged_bytes(random, _parquet()))
    (folder / "README.md").write_bytes(damaged_bytes(random, CARD.encode()) if is_card else CARD.encode())
    return HuggingFaceSource, {"path": str(folder)}


TARGETS = {"image_tables": one}
