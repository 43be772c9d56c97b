"""Features of a frozen backbone: computed once, kept on disk, shared by probes, neighbours and seeds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.cache import description_of, entry_path, made_by_one, touch, write_entry
from suite.data.batches import Examples, Inputs
from suite.data.example_ids import ids_digest
from suite.data.large import LARGE_BYTES
from suite.errors import StoreError
from suite.models.backbone import AnyBackbone, TextBackbone
from suite.models.hashing import weights_sha256
from suite.registry import EXPORTERS
from suite.store.records.result import FeatureEngine, FeatureEngineRecord
from suite.training.feature_engines import ENGINES, Engine

__all__ = ["FeatureStore", "Features"]

FEATURES_VERSION = 1
"""Counts up when features of the same weights would come out otherwise."""
BY_KERAS = FeatureEngineRecord(name="keras", version="not recorded", reason="kept from before engines were chosen")


@dataclass(frozen=True)
class Features:
    """Pooled features of one split."""

    values: NDArray[np.float32] = field(repr=False)
    """Shape ``(n, width)``; mapped from disk where they were kept."""
    seconds: float
    """What computing them cost, exporting the backbone included, also when they were read from disk."""
    engine: FeatureEngineRecord
    """What computed them."""


@dataclass(frozen=True)
class FeatureStore:
    """Keeps features under ``root``; the name of a file is a hash of everything that they depend on."""

    root: Path

    def get(
        self,
        backbone: AnyBackbone,
        examples: Examples,
        *,
        fingerprint: str,
        asked: FeatureEngine,
        choose: Callable[[Inputs], Engine],
    ) -> Features:
        """Features of ``examples``; from disk where they are there.

        Args:
            backbone: Whose features; its weights' hash, input size, resizing and pooling are part of the identity.
            examples: Decoded at the backbone's input size, or cut by its tokeniser.
            fingerprint: Of the data set.
            asked: The engine; where it is ``auto``, what any of them has made is taken from disk.
            choose: Inputs to the engine that computes what is not there.
        """
        identity = _identity(backbone, examples, fingerprint)
        kept = self._kept(identity, asked, len(examples))
        if kept is None:
            # Whatever engine they take: several workers of one machine compute the same features once.
            with made_by_one(entry_path(self.root, "features", identity, ".any")):
                kept = self._kept(identity, asked, len(examples))
                if kept is None:
                    kept = self._compute(backbone, examples, identity, choose)
        return kept

    def _kept(self, identity: dict[str, Any], asked: FeatureEngine, count: int) -> Features | None:
        for name in (asked,) if asked != "auto" else ("keras", *ENGINES):
            path = entry_path(self.root, "features", {**identity, **_made_by(name)}, ".npy")
            kept = _read(path)
            if kept is not None and len(kept.values) == count:
                touch(path)
                return kept
        return None

    def _compute(
        self,
        backbone: AnyBackbone,
        examples: Examples,
        identity: dict[str, Any],
        choose: Callable[[Inputs], Engine],
    ) -> Features:
        started = time.perf_counter()
        engine = choose(examples.inputs)
        values = engine.predict(examples.inputs)
        features = Features(values, time.perf_counter() - started, engine.record)
        description = {
            "model": backbone.name,
            "examples": len(examples),
            "seconds": features.seconds,
            "engine": engine.record.model_dump(mode="json"),
        }
        path = entry_path(self.root, "features", {**identity, **_made_by(engine.record.name)}, ".npy")
        # A disk that is full costs the next run the same work again, not this run its result.
        with contextlib.suppress(StoreError):
            write_entry(path, lambda file: np.save(file, values, allow_pickle=False), description)
            if values.nbytes >= LARGE_BYTES:
                return _read(path) or features
        return features


def _made_by(name: str) -> dict[str, str]:
    """What tells features of one engine from those of another; nothing for Keras, which made all of them once."""
    if name == "keras":
        return {}
    try:
        return {"engine": name, "engine_version": version(EXPORTERS.get(name).runtime)}
    except PackageNotFoundError:  # what another machine made with it is not looked for here
        return {"engine": name}


def _identity(backbone: AnyBackbone, examples: Examples, fingerprint: str) -> dict[str, Any]:
    return {
        "version": FEATURES_VERSION,
        "backbone": backbone.name,
        "family": backbone.family,
        "weights": backbone.weights.sha256 or weights_sha256(backbone.model),
        **_reading(backbone),
        "pooling": backbone.pooling,
        "fingerprint": fingerprint,
        "ids": ids_digest(examples.ids),
        "tensorflow": version("tensorflow"),
        **_precision(),
    }


def _precision() -> dict[str, Any]:
    """What layers compute in now; nothing for float32, in which all features were made once."""
    import keras

    name = keras.config.dtype_policy().name
    return {} if name == "float32" else {"precision": name}


def _reading(backbone: AnyBackbone) -> dict[str, Any]:
    """How examples become what the backbone is given."""
    if isinstance(backbone, TextBackbone):
        return {"tokenizer": backbone.tokenizer.identity, "sequence_length": backbone.sequence_length}
    return {"input_size": list(backbone.input_size), **backbone.resizing.identity}


def _read(path: Path) -> Features | None:
    """Kept features, or None where there are none or the file is damaged; a damaged file is made again."""
    try:
        description = description_of(path)
        seconds = float(description["seconds"])
        engine = FeatureEngineRecord.model_validate(description["engine"]) if "engine" in description else BY_KERAS
        # Mapped: the features of millions of examples are read from disk as they are needed.
        return Features(np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)), seconds, engine)
    except (OSError, ValueError, KeyError, EOFError):
        return None
