"""Whether trials that are compared saw the same things: data and weights may change under an unchanged spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suite.results import Result

__all__ = ["changes_between"]


def changes_between(results: Sequence[Result]) -> tuple[str, ...]:
    """One remark for each data set whose content, and each model whose weights, differ between finished trials."""
    done = [result for result in results if result.status == "done"]
    contents = _several((record.name, record.fingerprint) for result in done for record in result.data)
    weights = _several((one.model, one.weights.sha256) for one in done if one.weights and one.weights.sha256)
    return (
        *(f"The content of {name} changed between trials: {number} fingerprints. {_MEND}" for name, number in contents),
        *(f"The weights of {name} changed between trials: {number} files. {_MEND}" for name, number in weights),
    )


_MEND = "Their scores cannot be compared; run all of it again with --redo all."


def _several(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
    """Names that stand beside more than one hash, with how many."""
    hashes: dict[str, set[str]] = {}
    for name, one in pairs:
        hashes.setdefault(name, set()).add(one)
    return [(name, len(found)) for name, found in hashes.items() if len(found) > 1]
