"""One SHA-256 that is equal exactly when the data is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from suite.data.dataset import Split

__all__ = ["DIGEST_BYTES", "content_digest", "fingerprint_of"]

DIGEST_BYTES = 32
_AT_ONCE = 10_000
"""Examples whose numbers are Python objects at the same time."""


def content_digest(content: bytes) -> bytes:
    """SHA-256 of one example's content, 32 bytes."""
    return hashlib.sha256(content).digest()


def fingerprint_of(class_names: Sequence[str], splits: Mapping[str, Split]) -> str:
    """SHA-256 (hex) over class names, split names, ids, targets and contents.

    Args:
        class_names: In the order of the targets.
        splits: The splits as they are used, with the digests of their examples; which split an example is in is part
            of the data.

    Returns:
        64 hex digits, the same wherever the data lies and however its files are ordered on disk.
    """
    total = hashlib.sha256()
    for name in class_names:
        _add_text(total, name)
    for split_name in sorted(splits):
        split = splits[split_name]
        _add_text(total, split_name)
        total.update(len(split).to_bytes(8, "big"))
        assert split.digests is not None, "a data set is put together with digests"  # noqa: S101 - for the type checker
        ids = iter(split.ids)
        for start in range(0, len(split), _AT_ONCE):
            # Zipped to its end, each part would take one id too many from the iterator: what is short comes first.
            numbers = split.targets[start : start + _AT_ONCE].tolist()
            contents = map(np.ndarray.tobytes, split.digests[start : start + _AT_ONCE])
            for target, content, identifier in zip(numbers, contents, ids, strict=False):
                _add_text(total, identifier)
                total.update(target.to_bytes(8, "big") + content)
        if split.annotations is not None:
            for index in range(len(split)):
                told = split.annotations.content(index)
                total.update(len(told).to_bytes(8, "big") + told)
    return total.hexdigest()


def _add_text(total: hashlib._Hash, text: str) -> None:
    """Length first, so that no two lists of words run together into the same bytes."""
    encoded = text.encode("utf-8", "surrogateescape")
    total.update(len(encoded).to_bytes(8, "big"))
    total.update(encoded)
