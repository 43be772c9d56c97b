"""``python -m benchmarks.scale.store``: a team's database with 1,000,000 results, on a real PostgreSQL of its own.

Measures how many results are inserted in a second, and how long one comparison among them takes to come to its
leaderboard.  Writes ``benchmarks/scale/store.md``.  A smaller number may be given as an argument; nothing is then
written.  Each result is as long as those of a real run; the million is filled in by the database itself from 10,000.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sql

from benchmarks.scale.pages import page_of
from suite.compare.planned import PlannedTrial, PlanSummary
from suite.store.address import SUITE_STORE, StoreChoice
from suite.store.quick_read import glance
from suite.store.records.result import Environment, EpochRecord, Profile, Result, Score, Timings
from suite.store.store import Store, Unsaved, open_store

__all__ = ["main"]

PAGE = Path(__file__).with_name("store.md")
RESULTS = 1_000_000
ONE_COMPARISON = 1_000
INSERTED = 20_000
AT_ONCE = 200
"""As a merge does it."""
TARGETS = {"insert": 2_000.0, "leaderboard": 2.0}
FILL = """
INSERT INTO results (run, id, cell_id, status, phase, seed, model, dataset, strategy, finished_at, total_seconds,
                     selection, has_model, place, document)
SELECT 'run-' || copy, id, cell_id, status, phase, seed, model, dataset, strategy, finished_at, total_seconds,
       selection, has_model, place, document
FROM results CROSS JOIN generate_series(1, :copies) AS copy WHERE run = 'first' AND id < :last
"""


def main() -> int:
    """Measures and says. Returns 1 where a target was missed."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    load = os.getloadavg()[0]
    with _database() as url, tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in ("first", "vision")}
        for folder in folders.values():
            StoreChoice(url).attach(folder)
        with open_store(folders["first"]) as store:
            _insert(store, 10_000)
            began = time.perf_counter()
            _fill(store, wanted - 10_000 - INSERTED)
            print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
            rate = _insert(store, INSERTED, first=10_000)
            held = store.rows(sql.text("SELECT count(*), pg_total_relation_size('results') FROM results"))[0]
        with open_store(folders["vision"]) as store:
            _insert(store, ONE_COMPARISON)
            _save_plan(store)
        looked, read, made, told = _leaderboard(folders["vision"], url)
    rows = [
        ("results in the database, bytes of its table", f"{held[0]:,}; {held[1] / 1e9:.1f} GB", "", ""),
        ("inserted in a second, 200 in a transaction", f"{rate:,.0f}", "at least 2,000", rate >= TARGETS["insert"]),
        (f"what is stored of one comparison, {ONE_COMPARISON:,} results", f"{looked:.3f} s", "", ""),
        ("its results read", f"{read:.2f} s", "", ""),
        ("its leaderboard made", f"{made:.2f} s", "under 2 s", made < TARGETS["leaderboard"]),
        ("`suite results`, the whole command", f"{told:.2f} s", "", ""),
    ]
    table = [f"| {a} | {b} | {c} | {'' if d == '' else 'yes' if d else 'no'} |" for a, b, c, d in rows]
    print("\n".join(table))
    if wanted == RESULTS:
        PAGE.write_text(_page(table, load), encoding="utf-8")
    return 0 if all(row[3] in {"", True} for row in rows) else 1


def _leaderboard(folder: Path, url: str) -> tuple[float, float, float, float]:
    """Seconds of a look, of reading the results, of the whole comparison in this process, and of the command."""
    from suite.api import load_comparison

    began = time.perf_counter()
    glance(folder)
    looked = time.perf_counter() - began
    began = time.perf_counter()
    with open_store(folder, create=False) as store:
        store.query()
    read = time.perf_counter() - began
    load_comparison(folder)  # imports what it needs
    began = time.perf_counter()
    assert len(load_comparison(folder).comparison.cells) == ONE_COMPARISON // 5
    made = time.perf_counter() - began
    began = time.perf_counter()
    words = [sys.executable, "-m", "suite", "results", str(folder)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={**os.environ, SUITE_STORE: url})
    return looked, read, made, time.perf_counter() - began


def _insert(store: Store, count: int, *, first: int = 0) -> float:
    """Saves so many results without files. Returns how many in a second."""
    unsaved = [Unsaved(_result(number)) for number in range(first, first + count)]
    began = time.perf_counter()
    for start in range(0, count, AT_ONCE):
        store.save_all(unsaved[start : start + AT_ONCE])
    return count / (time.perf_counter() - began)


def _fill(store: Store, count: int) -> None:
    """Copies the first thousand results to a thousand runs, or to as many as are needed."""
    statement = sql.text(FILL).bindparams(copies=max(0, count) // 1000, last="trial-01000")
    store.transact(lambda connection: connection.execute(statement).rowcount)
    with store.database.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.execute(sql.text("VACUUM ANALYZE results"))
        # Two gigabytes of copies are written to the disk now, and not while single results are saved.
        alone.execute(sql.text("CHECKPOINT"))


def _result(number: int) -> Result:
    """Of the size of a real one: three evaluation sets with eight metrics each, ten epochs."""
    cell = number // 5
    names = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "brier", "top5_accuracy", "ece")
    noise = (number * 2_654_435_761 % 1_000_003) / 1_000_003
    scores = {
        place: {name: Score(value=round(0.5 + noise / 3, 6), low=0.4, high=0.9) for name in names}
        for place in ("validation", "test", "elsewhere")
    }
    epochs = tuple(
        EpochRecord(
            epoch=epoch, seconds=1.5 + noise, learning_rate=0.001 / epoch, train_loss=2.3 * noise / epoch,
            train_accuracy=0.5 + noise / 2.1, validation_loss=2.5 / epoch, validation_score=0.4 + noise / 3,
            trainable_parameters=1_234_567,
        )
        for epoch in range(1, 11)
    )  # fmt: skip
    seconds = dict.fromkeys(Timings.model_fields, 1.0 + noise)
    return Result(
        id=f"trial-{number:05d}",
        cell_id=f"cell-{cell}",
        status="done",
        trial={"model": {"source": "keras_applications", "name": f"model {cell}"}, "seed": number % 5},
        phase="final",
        seed=number % 5,
        model=f"model {cell}",
        dataset="photos",
        strategy="fine_tune",
        scores=scores,
        history=epochs,
        timings=Timings(**seconds),
        profile=Profile(
            parameters=4_000_000, trainable_parameters=1_234_567, macs=300_000_000, size_bytes=16_000_000,
            latency_ms_p50=11.0 + noise, latency_ms_p95=14.0, throughput_per_second=200.0, peak_memory_bytes=10**9,
            device="CPU (2 threads)",
        ),
        environment=Environment(
            suite="0.1.0", python="3.12", packages={"tensorflow": "2.21.0", "keras": "3.15.0"}, platform="Linux",
            processor="x86_64", device="CPU (2 threads)", cpu_count=2, threads=2,
        ),
        finished_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def _save_plan(store: Store) -> None:
    results = [_result(number) for number in range(ONE_COMPARISON)]
    planned = tuple(
        PlannedTrial(
            trial_id=one.id, cell_id=one.cell_id, model=one.model, dataset=one.dataset, strategy=one.strategy,
            strategy_name=one.strategy, phase=one.phase, seed=one.seed,
        )
        for one in results
    )  # fmt: skip
    plan = PlanSummary(
        spec_name="vision", title=None, task="image_classification", headline="accuracy", command="", trials=planned
    )
    store.save_document("plan", plan.model_dump_json())
    store.save_document("spec", json.dumps({"name": "vision", "task": "image_classification"}))


@contextlib.contextmanager
def _database() -> Iterator[str]:
    """The address of an empty database on a server that is as durable as Debian's."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from postgres_server import running_server

    with running_server(durable=True) as server:
        yield server.new_database()


def _page(table: list[str], load: float) -> str:
    where = "PostgreSQL with its own settings on the same machine, through a socket"
    told = f"Written by `python -m benchmarks.scale.store`: {where}."
    return page_of("A store with a million results", [told], table, load=load)


if __name__ == "__main__":
    sys.exit(main())
