"""One computation for all seeds of a cell that makes no random choice: its result is every seed's.

Results stay one for each seed, so that a run is resumed, merged and paired like any other.
"""

from __future__ import annotations

import shutil
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from pathlib import Path

from suite.spec.trial import Trial
from suite.store.records.result import Result
from suite.store.store import MODEL, Store

__all__ = ["shared_result"]

OWN = frozenset({MODEL, "log"})
"""Artefacts that stay with the trial that made them: of equal models one is enough."""


def shared_result(
    trial: Trial,
    store: Store,
    *,
    folder: Path,
    coming: Container[str],
    here: Container[str] = (),
    fingerprints: Mapping[str, str] | None = None,
) -> Result | None:
    """The result of another seed, as this trial's own, its files copied into ``folder``.

    Args:
        trial: Any; only finals of a cell without random choices share one.
        store: Where results are.
        folder: Of this trial's artefacts; made where there is something to share.
        coming: Trials that are going to be run again, whose stored results do not count.
        here: Trials that this run has done, on the data as it is.
        fingerprints: Of the data sets as they are now, by label, as far as they are known: an older result counts
            only where its data is still the same.

    Returns:
        None where the trial has to be run: no other seed is done, or its files are on another machine.

    Raises:
        StoreError: When the disk is full or cannot be written.
    """
    from suite.store.database import mendable

    if trial.phase != "final" or not trial.cell.is_deterministic:
        return None
    asked = {**trial.as_json(), "seed": None}
    for result in store.query(cell_id=trial.cell.id, status="done", phase="final"):
        if result.id in coming or {**result.trial, "seed": None} != asked:
            continue
        now = (fingerprints or {}).get(result.dataset)
        if result.id not in here and not (now is not None and result.data and result.data[0].fingerprint == now):
            continue
        files = {name: file for name, file in result.artefacts.items() if name not in OWN}
        paths = {file: store.artefact(result, name) for name, file in files.items()}
        if any(path is None or not path.is_file() for path in paths.values()):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        with mendable(store.folder):
            for file, path in paths.items():
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(path), target)
        return _as_own(result, trial, files)
    return None


def _as_own(result: Result, trial: Trial, artefacts: dict[str, str]) -> Result:
    """The result under another seed. What it took is the other's; nothing was spent on this one."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    timings = result.timings
    return result.model_copy(
        update={
            "id": trial.id,
            "trial": trial.as_json(),
            "seed": trial.seed,
            "computed_by": result.computed_by or result.id,
            "artefacts": artefacts,
            "timings": timings.model_copy(update={"total_seconds": 0.0}) if timings is not None else None,
            "started_at": now,
            "finished_at": now,
        }
    )
