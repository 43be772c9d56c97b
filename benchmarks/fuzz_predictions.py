"""Damaged files of predictions and of what is kept beside them: bytes of the zip, bytes of an array in a sound zip."""

from __future__ import annotations

import contextlib
import functools
import io
import zipfile
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.fuzz_tables import room
from benchmarks.mutations import damaged_bytes
from suite.errors import StoreError
from suite.metrics import MissingScore, metrics_named
from suite.metrics.resampling import interval
from suite.store.records.example_files import CorruptedLabels, OutOfClass, Passages
from suite.store.records.generations import Generations
from suite.store.records.outputs import load_outputs
from suite.store.records.predictions import Predictions

__all__ = ["TARGETS", "one"]

KINDS = (load_outputs, load_outputs, load_outputs, CorruptedLabels.load, OutOfClass.load, Passages.load)


def one(random: Random) -> None:
    """Reads one damaged file, and scores what it gives. Raises only where something else than a sentence comes out."""
    number = random.randrange(len(_files()))
    content = _files()[number]
    content = damaged_bytes(random, content) if random.random() < 0.4 else _with_damaged_array(random, content)
    path = Path(room()) / "test.npz"
    path.write_bytes(content)
    with contextlib.suppress(StoreError):
        found = KINDS[number](path)
        if isinstance(found, Predictions | Generations):
            _score(found)


TARGETS = {"predictions": one}


def _score(found: Predictions | Generations) -> None:
    names = ("accuracy", "f1_macro", "log_loss") if isinstance(found, Predictions) else ("bits_per_byte", "exact_match")
    for metric in metrics_named(names):
        with contextlib.suppress(MissingScore):
            interval(np.array([metric(found)]))


def _with_damaged_array(random: Random, content: bytes) -> bytes:
    """The same zip, its checksums right, with one array of other bytes, another name, or of another member."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
        names = old.namelist()
        chosen = random.choice(names)
        for name in names:
            data = old.read(name)
            if name == chosen:
                data = old.read(random.choice(names)) if random.random() < 0.1 else damaged_bytes(random, data)
            new.writestr(name if random.random() < 0.97 else f"x{name}", data)
    return written.getvalue()


@functools.cache
def _files() -> tuple[bytes, ...]:
    """Sound files, in the order of ``KINDS``."""
    random = np.random.default_rng(1)
    ids = np.array([f"image {index}" for index in range(12)])
    shares = random.dirichlet([1, 1, 1], 12).astype(np.float32)
    said = Predictions(ids, random.integers(0, 3, 12), shares, ("a", "b", "ç"), {"own": random.random(12)})
    words = tuple(f"text {index}" for index in range(12))
    counts = random.integers(1, 9, 12)
    wrote = Generations(ids, words, words, words, random.random(12), counts, counts)
    unsaid = Generations(ids, words, words, None, random.random(12), counts, counts)
    labels = CorruptedLabels((("blur", 1), ("noise", 3)), random.integers(0, 3, (2, 12)).astype(np.int32))
    found = []
    for kept in (said, wrote, unsaid, labels, OutOfClass(ids, shares), Passages(ids, tuple((word,) for word in words))):
        path = Path(room()) / "sound.npz"
        kept.save(path)
        found.append(path.read_bytes())
    return tuple(found)
