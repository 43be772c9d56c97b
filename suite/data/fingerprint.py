"""One SHA-256 that is equal exactly when the data is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from suite.data.dataset import Split

__all__ = ["content_digest", "fingerprint_of"]


def content_digest(content: bytes) -> bytes:
    """SHA-256 of one example's content, 32 bytes."""
    return hashlib.sha256(content).digest()


def fingerprint_of(class_names: Sequence[str], splits: Mapping[str, Split], digest_of: Callable[[str], bytes]) -> str:
    """SHA-256 (hex) over class names, split names, ids, targets and contents.

    Args:
        class_names: In the order of the targets.
        splits: The splits as they are used; which split an example is in is part of the data.
        digest_of: Gives the digest of an example's content by its id.

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
        for identifier, target in zip(split.ids, split.targets.tolist(), strict=True):
            _add_text(total, identifier)
            total.update(int(target).to_bytes(8, "big"))
            total.update(digest_of(identifier))
    return total.hexdigest()


def _add_text(total: hashlib._Hash, text: str) -> None:
    """Length first, so that no two lists of words run together into the same bytes."""
    encoded = text.encode("utf-8", "surrogateescape")
    total.update(len(encoded).to_bytes(8, "big"))
    total.update(encoded)
