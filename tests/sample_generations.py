"""Generations for tests of metrics and comparisons: written by hand or drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suite.store.records.generations import Generations

WORDS = (
    "a",
    "the",
    "of",
    "value",
    "array",
    "returns",
    "given",
    "shape",
    "axis",
    "for",
    "each",
    "sum",
    ",",
    ".",
    "list",
)


def generations_of(
    texts: Sequence[str] | None, references: Sequence[str], nats: Sequence[float] | None = None
) -> Generations:
    """Generations with ids and sources made up from their positions; a token is a word."""
    tokens = np.array([max(1, len(reference.split())) for reference in references], dtype=np.int64)
    return Generations(
        example_ids=np.array([f"example-{index}" for index in range(len(references))]),
        sources=tuple(f"source {index}" for index in range(len(references))),
        references=tuple(references),
        texts=None if texts is None else tuple(texts),
        nats=np.array(nats, dtype=np.float64) if nats is not None else 2.0 * tokens,
        tokens=tokens,
        reference_bytes=np.array([len(reference.encode()) for reference in references], dtype=np.int64),
    )


def random_generations(seed: int, *, examples: int = 40, mistakes: float = 0.3) -> Generations:
    """Texts that are their reference with some words exchanged; the references depend on ``examples`` alone."""
    drawn = np.random.default_rng(0)
    references = [" ".join(drawn.choice(WORDS, drawn.integers(4, 14))) for _ in range(examples)]
    generator = np.random.default_rng(seed)
    texts = [
        " ".join(str(generator.choice(WORDS)) if generator.random() < mistakes else word for word in one.split())
        for one in references
    ]
    lengths = np.array([len(one.split()) for one in references])
    nats = lengths * (0.5 + 4 * mistakes + generator.gamma(2.0, 0.2, examples))
    return generations_of(texts, references, nats.tolist())
