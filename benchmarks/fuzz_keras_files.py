"""Damaged and hostile ``.keras`` files: each is used, or refused by the suite's own error.

::

    python -m benchmarks.fuzz_keras_files                # 500 files, about two minutes
    python -m benchmarks.fuzz_keras_files --count 5000 --seed 7

A file is made of ``--seed`` and its number alone: a small classifier, of which the configuration, the weights or the
bytes of the archive are changed.  ``TARGETS`` holds what makes one file and reads it.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from suite.errors import SuiteError

__all__ = ["TARGETS", "damaged", "read_damaged"]

VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2**31, 10**9, 10**400, 1e308, "", "x", "è", "../x", [], {}, [None], [[[]]], "linear",
    {"class_name": "Dense", "module": "keras.layers", "config": {}, "registered_name": None},
)  # fmt: skip
"""What a value of the configuration becomes."""
SLOW_SECONDS = 20.0
"""A file that takes longer to be refused is one that was not looked at first."""


@cache
def sound() -> bytes:
    """A small classifier as a file."""
    import keras

    layers = keras.layers
    inputs = layers.Input((16, 16, 3))
    features = layers.Conv2D(4, 3, strides=2, name="low")(layers.Rescaling(1 / 255)(inputs))
    features = layers.ReLU()(layers.BatchNormalization()(features))
    features = layers.GlobalAveragePooling2D(name="pool")(layers.SeparableConv2D(8, 3)(features))
    model = keras.Model(inputs, layers.Dense(5, activation="softmax", name="head")(features))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.keras"
        model.save(path)
        return path.read_bytes()


def damaged(random: Random) -> bytes:
    """A file that differs from the sound one in one to three places."""
    content = sound()
    for _ in range(random.choice((1, 1, 2, 3))):
        content = random.choice((_config_changed, _config_changed, _config_changed, _weights_changed, _bytes_changed))(
            content, random
        )
    return content


def read_damaged(random: Random) -> None:
    """Makes a file and reads it as the model source ``file`` does; only ``SuiteError`` is to be raised."""
    from suite.models.file import FileOptions, FileSource

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.keras"
        path.write_bytes(damaged(random))
        options = FileSource.check(FileOptions(path=str(path)))
        FileSource.input_size(options)
        FileSource.build(options)


TARGETS: dict[str, Callable[[Random], None]] = {"keras_files": read_damaged}


def _config_changed(content: bytes, random: Random) -> bytes:
    """One value, one key or the whole text of the configuration becomes another."""
    members = _members(content)
    if members is None or "config.json" not in members:
        return content
    if random.random() < 0.1:
        members["config.json"] = _flipped(members["config.json"], random)
        return _archive(members)
    if random.random() < 0.05:
        depth = random.choice((100, 400, 50_000))
        members["config.json"] = b'{"config":' * depth + b"{}" + b"}" * depth
        return _archive(members)
    try:
        config = json.loads(members["config.json"])
    except (ValueError, RecursionError):
        return content
    places = list(_places(config))
    if not places:
        return content
    holder, key = random.choice(places)
    change = random.random()
    if change < 0.15 and isinstance(holder, dict):
        del holder[key]
    elif change < 0.25 and isinstance(holder, dict):
        holder[random.choice(("name", "units", "filters", "class_name", "module", "batch_shape"))] = holder.pop(key)
    else:
        holder[key] = random.choice(VALUES)
    members["config.json"] = json.dumps(config).encode()
    return _archive(members)


def _weights_changed(content: bytes, random: Random) -> bytes:
    """Some bytes of the weights become others; the archive's own sums are right."""
    members = _members(content)
    if members is None or not members.get("model.weights.h5"):
        return content
    members["model.weights.h5"] = _flipped(members["model.weights.h5"], random)
    return _archive(members)


def _bytes_changed(content: bytes, random: Random) -> bytes:
    """Some bytes of the archive become others, or its end is missing."""
    if random.random() < 0.3:
        return content[: random.randrange(len(content))] or b"P"
    return _flipped(content, random)


def _flipped(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 4, 40))):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _places(node: Any) -> Any:
    """Every holder of a value with the key that it is under."""
    todo = [node]
    while todo:
        holder = todo.pop()
        items = list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
        for key, value in items:
            yield holder, key
            if isinstance(value, dict | list):
                todo.append(value)


def _members(content: bytes) -> dict[str, bytes] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 - what was damaged before stays as it is
        return None


def _archive(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def main() -> None:
    """Reads so many files and prints how they ended; exit code 1 where one ended in a foreign error or took long."""
    parser = argparse.ArgumentParser(description="Reads damaged .keras files; only SuiteError may come out.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    ends: Counter[str] = Counter()
    bad = 0
    for number in range(asked.count):
        started, end = time.perf_counter(), "used"
        try:
            read_damaged(Random(f"{asked.seed}/{number}"))
        except SuiteError:
            end = "refused"
        except Exception:  # noqa: BLE001 - that is what is looked for
            end = "foreign error"
            print(f"file {number} of seed {asked.seed}:\n{traceback.format_exc()}", flush=True)
        seconds = time.perf_counter() - started
        if seconds > SLOW_SECONDS:
            print(f"file {number} of seed {asked.seed} took {seconds:.0f} s", flush=True)
        bad += end == "foreign error" or seconds > SLOW_SECONDS
        ends[end] += 1
    print(", ".join(f"{count} {end}" for end, count in sorted(ends.items())))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
