"""The whole of ``specs/vision.json`` against a plain Keras script with the same cells, settings and epochs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fits import ONE_FIT, PEER_EPOCHS
from benchmarks.measure import Row, in_fresh_process
from suite.store.records.result import Result

__all__ = ["noise", "whole"]

UNFREEZE = {"fine_tune: all": "all", "fine_tune: last stage": "last stage", "from_scratch": "scratch"}


def whole(out: Path, ours_seconds: float) -> Row:
    """One seed and setting of every cell is run by hand and scaled to the trials that the suite ran.

    The row is met where the peer takes four times as long and the scores agree within noise.

    Args:
        out: Folder of the finished run, whose settings the peer takes.
        ours_seconds: What the whole run took.
    """
    from suite.store.store import open_store

    with open_store(out, create=False) as store:
        results = [result for result in store.query() if result.status == "done"]
    peer, peer_of_trials, differences = 0.0, 0.0, []
    cells = {result.cell_id: result for result in results if result.phase == "final"}
    for cell_id, one in cells.items():
        outcome = _by_hand(one)
        peer += outcome["seconds"] * _fits(results, cell_id)
        peer_of_trials += outcome["seconds"] * sum(result.cell_id == cell_id for result in results)
        ours = one.scores["test"]["accuracy"].value
        if ours is not None and one.strategy != "linear_probe":
            differences.append(ours - outcome["accuracy"])
    mean = sum(differences) / len(differences)
    remark = (
        f"one fit of each of {len(cells)} cells by hand, scaled to the suite's fits, each strength of a probe too; "
        f"{peer_of_trials / ours_seconds:.1f} x where a probe by hand is given its strength; mean difference of test "
        f"accuracy over {len(differences)} gradient cells {mean:+.3f}, noise {noise(differences):.3f}"
    )
    met = peer >= 4 * ours_seconds and abs(mean) <= noise(differences)
    return Row("the whole of `specs/vision.json` against plain Keras", "4 x", ours_seconds, peer, met, remark)


def noise(differences: Sequence[float]) -> float:
    """How far from 0 the mean of paired differences comes by luck: two standard errors, at least one point.

    A pair is one seed of a cell on either side, and the two fits draw other random numbers.
    """
    error = statistics.stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0
    return max(0.01, 2 * error)


def _by_hand(result: Result) -> dict[str, float]:
    name = str(result.trial["model"]["name"])
    found: dict[str, float]
    if result.strategy == "linear_probe":
        found = in_fresh_process(ONE_FIT, "peer-probe", name, str(result.hyperparameters["strength"]), str(PEER_EPOCHS))
        return found
    epochs, rate = str(result.trial["training"]["epochs"]), str(result.hyperparameters["learning_rate"])
    unfreeze = next(value for label, value in UNFREEZE.items() if result.strategy.startswith(label))
    found = in_fresh_process(ONE_FIT, "peer-fine-tune", name, unfreeze, epochs, rate, str(result.seed))
    return found


def _fits(results: Sequence[Result], cell_id: str) -> int:
    """Fits of a cell: every search and final trial; a probe by hand is one fit for each strength and seed."""
    mine = [result for result in results if result.cell_id == cell_id]
    return sum(max(1, len(result.candidates)) for result in mine)
