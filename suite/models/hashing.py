"""Hashes of weights, as files and as loaded numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

__all__ = ["file_matches", "file_sha256", "weights_sha256"]

CHUNK_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hex. Raises ``OSError`` where it cannot be read."""
    return _file_hash(path, "sha256")


def file_matches(path: Path, published: str) -> bool:
    """Whether a file has a published hash: MD5 where it has 32 digits, SHA-256 otherwise, as Keras does."""
    return _file_hash(path, "md5" if len(published) == 32 else "sha256") == published.lower()


def weights_sha256(model: Any) -> str:
    """SHA-256 over the weights of a Keras model, hex: kind, shape, type and value of each, in order.

    Names that Keras numbers by itself are left out, so that building a model twice gives one hash.
    """
    digest = hashlib.sha256()
    for variable in model.weights:
        values = variable.numpy()
        digest.update(f"{variable.name}|{values.shape}|{values.dtype}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _file_hash(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
