"""The report of 1,000 trials: a finished run multiplied, every copy with predictions of its own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.command_line import seconds_of
from benchmarks.measure import Row
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.store.records.result import Predictions, Result
from suite.store.store import open_store

__all__ = ["thousand"]

TRIALS = 1000
LIMIT_SECONDS = 10.0


def thousand(finished: Path, out: Path) -> Row:
    """Rebuilds the report of a store of 1,000 trials; the best of two.

    Args:
        finished: Folder of a finished run, which gives results and predictions.
        out: An empty folder.
    """
    with open_store(finished, create=False) as source, open_store(out) as target:
        finals = [result for result in source.query() if result.phase == "final" and result.status == "done"]
        plan = PlanSummary.model_validate_json(source.documents()["plan"])
        planned = []
        for number, result in enumerate(_copies(finals)):
            if number == TRIALS:
                break
            folder = out / "store" / "new"
            kept = {name: path for name, path in result.artefacts.items() if name.startswith("predictions/")}
            _write_predictions(source.trial_folder(result.trial["copied_from"]), folder, kept.values(), seed=number)
            target.save(result.model_copy(update={"artefacts": kept}), folder)
            planned.append(_planned(result))
        target.save_document("plan", plan.model_copy(update={"trials": tuple(planned)}).model_dump_json())
        target.save_document("spec", source.documents()["spec"])
    best = min(seconds_of("report", str(out)) for _ in range(2))
    shutil.rmtree(out, ignore_errors=True)
    return Row(
        "report of 1,000 trials", f"{LIMIT_SECONDS:.0f} s", best, None, best <= LIMIT_SECONDS, f"{len(finals)} copied"
    )


def _copies(finals: list[Result]) -> Iterator[Result]:
    """Results under new names, model by model, without end."""
    number = 0
    while True:
        for result in finals:
            tag = f"{number}/{result.id}"
            yield result.model_copy(
                update={
                    "id": hashlib.sha256(tag.encode()).hexdigest()[:16],
                    "cell_id": hashlib.sha256(f"{number}/{result.cell_id}".encode()).hexdigest()[:12],
                    "model": f"{result.model} {number}",
                    "trial": {**result.trial, "copied_from": result.id},
                }
            )
        number += 1


def _write_predictions(source: Path, folder: Path, names: Iterable[str], *, seed: int) -> None:
    """Predictions with a few examples answered by their neighbour's probabilities, so that no two copies agree."""
    generator = np.random.default_rng(seed)
    for name in names:
        predictions = Predictions.load(source / name)
        probabilities = predictions.probabilities.copy()
        changed = generator.choice(len(probabilities), size=len(probabilities) // 20, replace=False)
        probabilities[changed] = np.roll(probabilities[changed], 1, axis=0)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Predictions(predictions.example_ids, predictions.targets, probabilities, predictions.class_names).save(path)


def _planned(result: Result) -> PlannedTrial:
    return PlannedTrial(
        trial_id=result.id,
        cell_id=result.cell_id,
        model=result.model,
        dataset=result.dataset,
        strategy=result.strategy,
        strategy_name=str(result.trial["strategy"]["strategy"]),
        phase=result.phase,
        seed=result.seed,
    )
