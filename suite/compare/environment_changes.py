"""Whether trials that are compared saw the same things: data and weights may change under an unchanged spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suite.store.records.result import Result

__all__ = ["changes_between"]


def changes_between(results: Sequence[Result]) -> tuple[str, ...]:
    """One remark for each data set whose content, and each model whose weights, differ between finished trials."""
    done = [result for result in results if result.status == "done"]
    contents = _several(
        ((record.name, _splits(result)), record.fingerprint) for result in done for record in result.data
    )
    weights = _several(((one.model, None), one.weights.sha256) for one in done if one.weights and one.weights.sha256)
    return (
        *(f"The content of {name} changed between trials: {number} fingerprints. {_MEND}" for name, number in contents),
        *(f"The weights of {name} changed between trials: {number} files. {_MEND}" for name, number in weights),
    )


_MEND = "Their scores cannot be compared; run all of it again with --redo all."


def _splits(result: Result) -> int | None:
    """Which splits a trial saw: a fingerprint covers them, and seeds may make their own."""
    return result.seed if result.trial.get("resample") and result.phase == "final" else None


def _several(pairs: Iterable[tuple[tuple[str, int | None], str]]) -> list[tuple[str, int]]:
    """Names that stand beside more than one hash where there should be one, with the largest number."""
    hashes: dict[tuple[str, int | None], set[str]] = {}
    for place, one in pairs:
        hashes.setdefault(place, set()).add(one)
    most: dict[str, int] = {}
    for (name, _), found in hashes.items():
        most[name] = max(most.get(name, 0), len(found))
    return [(name, number) for name, number in most.items() if number > 1]
