"""Published results to a store that every reader of results can read: no predictions, no costs, no environment.

What a table says goes in, and nothing else: a value that it does not have is a skipped trial with its reason.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.compare.planned import PlannedTrial, PlanSummary, read_plan
from suite.errors import StoreError, SuiteError
from suite.metrics import metrics_named
from suite.report.stored_run import rebuild_report
from suite.runner.importing.table import Columns, Published, Unit, read_table
from suite.spec.plan import canonical_json
from suite.store.quick_read import glance
from suite.store.records.result import DataRecord, Result, Score
from suite.store.state import spec_of
from suite.store.store import Store, Unsaved, open_store

__all__ = ["Imported", "import_table"]

TASK = "image_classification"
IMPORTED = "imported"
"""The key of the ``spec`` document that tells an import from a run."""


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    out: Path
    values: int
    """Values of the table that are there."""
    missing: int
    """Places of the table without a value."""
    new: int
    changed: int
    removed: int
    """Results of an earlier version of the table that are not in it any more."""
    files: tuple[Path, ...]
    """The report."""

    @property
    def sentence(self) -> str:
        """What was done, in one line."""
        changes = [(self.new, "new"), (self.changed, "changed"), (self.removed, "removed")]
        done = ", ".join(f"{number} {word}" for number, word in changes if number) or "nothing new"
        gone = f", {self.missing} missing" if self.missing else ""
        return f"{self.out}: {self.values} values{gone}: {done}."

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        counts = {name: getattr(self, name) for name in ("values", "missing", "new", "changed", "removed")}
        return {"out": str(self.out), **counts, "files": [str(file) for file in self.files]}


def import_table(
    table: Path,
    out: Path,
    columns: Columns,
    *,
    metric: str = "accuracy",
    scale: float = 1.0,
    name: str | None = None,
    command: str | None = None,
) -> Imported:
    """Reads a table of published results into the store of ``out`` and writes its report.

    The same table again adds nothing; a changed value replaces its result, and what is no longer in the table is
    removed. Tables of other names in the same folder stay.

    Args:
        table: A CSV file.
        out: Folder of results and report.
        columns: Which column says what.
        metric: What the scores are; the headline of the comparison.
        scale: What each score is multiplied with: 0.01 for a table in per cent.
        name: Of the comparison; that of the folder when left out.
        command: What makes these results again, for the report.

    Raises:
        SuiteError: For a table that cannot be read, an unknown metric, or a folder that holds a run.
    """
    (known,) = metrics_named([metric])
    if not 0 < scale < float("inf"):
        raise SuiteError(f"--scale {scale:g}: expected a number above 0, for instance 0.01 for per cent.")
    entries = read_table(table, columns, Unit(metric, scale, share=known.unit == "%"))
    plan = _earlier_plan(out, metric)
    results = [_result(entry, table.name, metric) for entry in entries]
    with open_store(out) as store:
        new, changed, stale = _differences(store, results, table.name)
        store.delete(stale)
        store.save_all([Unsaved(result) for result in (*changed, *new)])
        replaced = {*stale, *(result.id for result in results)}
        kept = [trial for trial in (plan.trials if plan else ()) if trial.trial_id not in replaced]
        planned = PlanSummary(
            spec_name=name or out.resolve().name,
            title=None,
            task=TASK,
            headline=metric,
            command="",
            trials=(*kept, *map(_planned, results)),
            published=True,
        )
        _save_documents(store, planned, table.name, command or f"suite import {table}")
    return Imported(
        out=out,
        values=sum(entry.value is not None for entry in entries),
        missing=sum(entry.value is None for entry in entries),
        new=len(new),
        changed=len(changed),
        removed=len(stale),
        files=rebuild_report(out),
    )


def _differences(store: Store, results: list[Result], table: str) -> tuple[list[Result], list[Result], list[str]]:
    """What is new, what is another than it was, and the ids of what is no longer in the table.

    Raises:
        StoreError: Where another table has the same result.
    """
    before = {result.id: result for result in store.query()}
    for result in results:
        found = before.get(result.id, result)
        if found.trial.get("table") != table:
            where = f"{found.model} x {found.dataset} x {found.strategy}, seed {found.seed}"
            raise StoreError(f"{store.out}: {where} is there from {found.trial['table']}; choose another --out.")
    wanted = {result.id for result in results}
    stale = [one.id for one in before.values() if one.trial.get("table") == table and one.id not in wanted]
    new = [result for result in results if result.id not in before]
    changed = [result for result in results if before.get(result.id, result) != result]
    return new, changed, stale


def _earlier_plan(out: Path, metric: str) -> PlanSummary | None:
    """What was imported into the folder before.

    Raises:
        StoreError: Where it holds a run, or a table of another metric.
    """
    documents = glance(out).documents
    if "plan" not in documents:
        return None
    if IMPORTED not in spec_of(documents):
        raise StoreError(f"{out}: holds a run of a spec; choose another --out for published results.")
    plan = read_plan(documents["plan"], out)
    if plan.headline != metric:
        raise StoreError(f"{out}: holds a table of {plan.headline}, and this one is of {metric}; choose another --out.")
    return plan


def _save_documents(store: Store, plan: PlanSummary, table: str, command: str) -> None:
    """Plan and spec, where they are others than before; the commands of all tables of the folder are kept."""
    documents = store.documents()
    commands = spec_of(documents).get(IMPORTED, {}) | {table: command}
    plan = plan.model_copy(update={"command": "\n".join(commands.values())})
    spec = json.dumps({"name": plan.spec_name, "task": TASK, IMPORTED: commands}, ensure_ascii=False)
    for key, text in (("plan", plan.model_dump_json()), ("spec", spec)):
        if documents.get(key) != text:
            store.save_document(key, text)


def _result(entry: Published, table: str, metric: str) -> Result:
    trial_id, cell_id = _ids(entry)
    there = entry.value is not None
    sizes = {} if entry.train_examples is None else {"train": entry.train_examples}
    data = DataRecord(
        name=entry.data, class_names=(), sizes=sizes, fingerprint="", licence=None, origin=table, classes=entry.classes
    )
    trial = {
        "model": {"source": "published", "name": entry.model},
        "dataset": {"source": "published", "name": entry.dataset},
        "strategy": {"strategy": entry.strategy},
        "phase": "final",
        "seed": entry.seed,
        "candidate": None,
        "table": table,
    }
    return Result(
        id=trial_id,
        cell_id=cell_id,
        status="done" if there else "skipped",
        reason=entry.reason,
        trial=trial,
        phase="final",
        seed=entry.seed,
        model=entry.model,
        dataset=entry.dataset,
        strategy=entry.strategy,
        scores={"test": {metric: Score(value=entry.value, reason=entry.reason)}},
        data=(data,),
    )


def _planned(result: Result) -> PlannedTrial:
    return PlannedTrial(
        trial_id=result.id,
        cell_id=result.cell_id,
        model=result.model,
        dataset=result.dataset,
        strategy=result.strategy,
        strategy_name=result.strategy,
        phase="final",
        seed=result.seed,
    )


def _ids(entry: Published) -> tuple[str, str]:
    """Of the trial and its cell, as long as those of a run."""
    model, dataset, strategy, seed = entry.key
    cell = hashlib.sha256(canonical_json([model, dataset, strategy]).encode()).hexdigest()[:12]
    return hashlib.sha256(canonical_json([cell, seed]).encode()).hexdigest()[:16], cell
