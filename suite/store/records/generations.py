"""Outputs of a model that generates: its texts, and how likely it finds the references."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.store.records.npz import open_arrays, require
from suite.store.records.outputs import Outputs, from_arrays, kept_arrays

__all__ = ["Generations"]


@dataclass(frozen=True)
class Generations(Outputs):
    """What a fitted model generates for one evaluation set, and how likely it finds the references. NumPy only."""

    kind: ClassVar[str] = "text"

    example_ids: NDArray[np.str_]
    """Shape ``(n,)``."""
    sources: tuple[str, ...]
    """What each text goes on from; empty texts for plain language modelling."""
    references: tuple[str, ...]
    texts: tuple[str, ...] | None
    """What was written; None for plain language modelling, where nothing is."""
    nats: NDArray[np.float64]
    """Negative log likelihood of each reference given its source, its end token counted; shape ``(n,)``."""
    tokens: NDArray[np.int64]
    """Tokens of each reference that ``nats`` covers, shape ``(n,)``."""
    reference_bytes: NDArray[np.int64]
    """UTF-8 bytes of the part of each reference that ``nats`` covers, shape ``(n,)``."""
    scored: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)
    """What metrics of plugins said when they were there; see ``suite.metrics.plugin_metrics``."""
    statistics: dict[str, NDArray[Any]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What metrics counted of each example, ``n`` rows each, so that several seeds, metrics and resamples share it."""

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The likelihoods of the references."""
        return self.nats

    def truth(self) -> Iterator[bytes]:
        """Sources and references; before them a zero for each example, as keys of before have."""
        yield np.zeros(len(self), dtype=np.int64).tobytes()
        yield json.dumps([self.sources, self.references]).encode()

    def take(self, rows: NDArray[np.int64]) -> Generations:
        """The examples at these positions, in their order; a position may come several times."""
        chosen = rows.tolist()
        return Generations(
            example_ids=self.example_ids[rows],
            sources=tuple(self.sources[row] for row in chosen),
            references=tuple(self.references[row] for row in chosen),
            texts=None if self.texts is None else tuple(self.texts[row] for row in chosen),
            nats=self.nats[rows],
            tokens=self.tokens[rows],
            reference_bytes=self.reference_bytes[rows],
        )

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` without pickles."""
        arrays: dict[str, Any] = {
            "example_ids": self.example_ids,
            "passages": np.array(json.dumps([self.sources, self.references, self.texts])),
            "nats": self.nats,
            "tokens": self.tokens,
            "reference_bytes": self.reference_bytes,
        }
        np.savez_compressed(path, **arrays, **kept_arrays(self))

    @classmethod
    def load(cls, path: Path) -> Generations:
        """Reads what ``save`` wrote. Raises ``StoreError`` where the file is missing or damaged."""
        with open_arrays(path, what="generations") as file:
            ids = file.array("example_ids", "U", None)
            sources, references, texts = file.json("passages")
            for passages in (sources, references, *(() if texts is None else (texts,))):
                sound = isinstance(passages, list) and all(isinstance(one, str) for one in passages)
                require(sound and len(passages) == len(ids), "its texts are not one for each example")
            nats = file.array("nats", "f", len(ids))
            require(bool(np.isfinite(nats).all()), "its likelihoods are none")
            made = cls(
                example_ids=ids,
                sources=tuple(sources),
                references=tuple(references),
                texts=None if texts is None else tuple(texts),
                nats=nats,
                tokens=file.array("tokens", "iu", len(ids)),
                reference_bytes=file.array("reference_bytes", "iu", len(ids)),
                scored=from_arrays(file),
            )
            require(not len(ids) or int(min(made.tokens.min(), made.reference_bytes.min())) >= 0, "its counts are none")
            return made
