"""Damaged tables: CSV, TSV, JSON Lines and Parquet, also packed, with options that fit and that do not."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import gzip
import io
import json
import tempfile
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.mutations import damaged_bytes, damaged_json
from suite.data.table import TableSource
from suite.errors import SuiteError
from suite.spec.spec import SplitsSpec, resolve_options

__all__ = ["TARGETS", "one", "room"]

TEXTS = ("a good film", "bad, and long", 'he said "no"', "zwölf Bäume", "tea\tand cake", "two\nlines", "naïve 日本")
ENCODINGS = (
    None,
    None,
    None,
    "latin-1",
    "utf-16",
    "cp1252",
    "utf-7",
    "idna",
    "punycode",
    "unicode_escape",
    "rot13",
    "hz",
    "x",
)


def one(random: Random) -> None:
    """Reads one damaged table. Raises only where something else than ``SuiteError`` comes out."""
    name, content = random.choice(_tables())
    if random.random() < 0.15 and name.endswith(".jsonl"):
        rows = [json.loads(line) for line in content.splitlines()]
        content = "\n".join(json.dumps(row) for row in damaged_json(random, rows) or ()).encode() if rows else b""
    elif random.random() < 0.95:
        content = damaged_bytes(random, content)
    if random.random() < 0.1:
        name, content = f"{name}.gz", gzip.compress(content, 1)
        content = damaged_bytes(random, content) if random.random() < 0.5 else content
    path = Path(room()) / name
    path.write_bytes(content)
    options: dict[str, Any] = {"path": str(path), "text_column": "text"}
    options["label_column" if random.random() < 0.8 else "target_column"] = random.choice(
        ("label",) * 8 + ("1", "text")
    )
    if random.random() < 0.15:
        options["encoding"] = random.choice(ENCODINGS)
    if random.random() < 0.1:
        options |= random.choice(
            ({"header": False, "text_column": "1", "label_column": "2"}, {"quotes": False}, {"delimiter": ";"},
             {"split_column": "split"}, {"class_names": ["a", "b"]}, {"format": "jsonl"})
        )  # fmt: skip
    with contextlib.suppress(SuiteError):
        made = resolve_options(TableSource, options, place="table", at="")
        TableSource.verify(made)
        TableSource.load(made, splits=SplitsSpec(), on_bad_example=random.choice(("skip", "error")))


TARGETS = {"tables": one}


@functools.cache
def room() -> str:
    """A folder that goes with the process; in memory where there is such a place."""
    made = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    _KEPT.append(made)
    return made.name


_KEPT: list[Any] = []


@functools.cache
def _tables() -> tuple[tuple[str, bytes], ...]:
    """Sound tables: a name and the content."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"text": TEXTS[i % 7], "label": "yes" if i % 3 else "no", "split": ("train", "test")[i % 2]} for i in range(24)
    ]
    csv = "text,label,split\n" + "".join(
        '"{}",{},{}\n'.format(row["text"].replace('"', '""'), row["label"], row["split"]) for row in rows
    )
    plain = [{**row, "text": row["text"].replace("\t", " ").replace("\n", " ")} for row in rows]
    tsv = "text\tlabel\tsplit\n" + "".join("\t".join(row.values()) + "\n" for row in plain)
    found = [
        ("a.csv", csv.encode()), ("b.csv", csv.encode("utf-16")), ("a.tsv", tsv.encode()),
        ("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode()),
    ]  # fmt: skip
    labels: tuple[Any, ...] = (
        [row["label"] for row in rows],
        [i % 2 for i in range(24)],
        [i % 2 == 0 for i in range(24)],
        [0.5 + i % 2 for i in range(24)],
        [Decimal(i % 2) for i in range(24)],
        [dt.date(2020, 1, 1 + i % 2) for i in range(24)],
        [dt.datetime(2020, 1, 1 + i % 2, tzinfo=dt.UTC) for i in range(24)],
        pa.array([row["label"] for row in rows]).dictionary_encode(),
        [[row["label"]] for row in rows],
    )
    for number, label in enumerate(labels):
        table = pa.table({"text": [row["text"] for row in rows], "label": label})
        for compression in ("none", "snappy", "gzip", "zstd"):
            written = io.BytesIO()
            pq.write_table(table, written, compression=compression, row_group_size=10)
            found.append((f"{number}{compression}.parquet", written.getvalue()))
    return (*found, *found[:4] * 6)
