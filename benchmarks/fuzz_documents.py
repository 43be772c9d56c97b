"""Damaged documents, each read by what reads it: results, plans, specs and cards as a store keeps them, a comparison
kept beside a report, findings of ``suite lint``, links to a database, curves of running trials, records of a site.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from benchmarks.fuzz_run import sample_run
from benchmarks.fuzz_tables import room
from benchmarks.mutations import damaged_bytes, damaged_text
from suite.api import rebuild_report
from suite.compare.planned import read_plan
from suite.errors import SuiteError
from suite.export.requests import Outcome
from suite.lint.subjects import read_kept
from suite.publish.difference_tables import difference_markdown
from suite.publish.differing import differ
from suite.publish.recording import evidence_beside, read_run, record_of_folder
from suite.report.stored_run import look_at_run
from suite.runner.live_curve import curve_path, read_curve
from suite.spec.spec import parse_stored_spec
from suite.store.address import address_of
from suite.store.database import Database
from suite.store.reader import Stored
from suite.store.state import documents_of, entries_of, spec_of
from suite.store.store import open_store

__all__ = ["KINDS", "TARGETS", "one"]


def one(random: Random) -> None:
    """Reads one damaged document. Raises only where something else than ``SuiteError`` comes out."""
    with contextlib.suppress(SuiteError):
        random.choice(KINDS)(random)


TARGETS = {"documents": one}


def _result(random: Random) -> None:
    database: Any = SimpleNamespace(run="", shown="results.sqlite")
    stored = Stored(Path("run"), Path("run"), _as_database(database))
    stored.parse(random.choice(("vgg1", "net2")), damaged_text(random, json.loads(random.choice(_texts("results")))))


def _as_database(stand_in: Any) -> Database:
    """``Stored.parse`` asks its database for nothing but its name."""
    made: Database = stand_in
    return made


def _row(random: Random) -> None:
    values = (None, 1, 2.5, "done", "final", "x", b"\xff", "", -(2**70))
    entries_of([tuple(random.choice(values) for _ in range(6)) for _ in range(3)])
    spec_of(documents_of([(random.choice(values), random.choice(values)), ("spec", random.choice(values))]))


def _plan(random: Random) -> None:
    read_plan(damaged_text(random, _document("plan")), "run")


def _spec(random: Random) -> None:
    text = damaged_text(random, _document("spec"))
    spec_of({"spec": text})
    parse_stored_spec(text)


def _card(random: Random) -> None:
    path = Path(room()) / "outcome.json"
    path.write_text(_plain(damaged_text(random, json.loads(_texts("exports")[0]))), encoding="utf-8")
    with contextlib.suppress(ValueError):  # what runs it tells of an answer that is none
        Outcome.model_validate_json(path.read_text(encoding="utf-8"))


def _comparison(random: Random) -> None:
    run = look_at_run(_sound())
    path = _sound() / "comparison.json"
    path.write_bytes(damaged_bytes(random, _kept()))
    run.kept()


def _checks(random: Random) -> None:
    document = {
        "format_version": 1, "spec_name": "a", "checked_at": "2026", "fingerprints": {"pets": "f"}, "findings": [],
        "ran": ["splits"], "left_out": {},
    }  # fmt: skip
    with tempfile.TemporaryDirectory(dir=room()) as name:
        (Path(name) / "checks.json").write_text(_plain(damaged_text(random, document)), encoding="utf-8")
        read_kept(Path(name))


def _link(random: Random) -> None:
    document = {"database": "postgresql+psycopg://me@here/suite", "run": "vision", "artifacts": "/shared"}
    with tempfile.TemporaryDirectory(dir=room()) as name:
        (Path(name) / "store").mkdir()
        path = Path(name) / "store" / "database.json"
        path.write_text(_plain(damaged_text(random, document)), encoding="utf-8")
        address_of(Path(name))


def _curve(random: Random) -> None:
    head = {"started": 1.0, "epochs": 3, "setting": {"learning_rate": 0.1}}
    epoch = {
        "epoch": 1, "seconds": 1.0, "learning_rate": 0.1, "train_loss": 1.0, "train_accuracy": 0.5,
        "validation_loss": 1.0, "validation_score": 0.5, "trainable_parameters": 9,
    }  # fmt: skip
    folder = Path(room()) / "trial"
    lines = [damaged_text(random, head) if random.random() < 0.5 else json.dumps(head), damaged_text(random, epoch)]
    curve_path(folder).write_text(_plain("\n".join(lines)), encoding="utf-8")
    read_curve(folder)


def _record(random: Random) -> None:
    record, evidence = _site_record()
    with tempfile.TemporaryDirectory(dir=room()) as name:
        path = Path(name) / "data" / "runs" / "sample" / "point.json"
        beside = evidence_beside(path)
        for each, document in ((path, record), (beside, evidence)):
            each.parent.mkdir(parents=True, exist_ok=True)
            damaged = random.random() < 0.6
            each.write_text(
                _plain(damaged_text(random, document) if damaged else json.dumps(document)), encoding="utf-8"
            )
        before = read_run(path)
        path.write_text(json.dumps(record), encoding="utf-8")
        beside.write_text(json.dumps(evidence), encoding="utf-8")
        after = read_run(path)
        found = differ(before.record, after.record, before.evidence, after.evidence)
        difference_markdown(found, shown=("a", "b"), everything=True)


KINDS: tuple[Callable[[Random], None], ...] = (
    _result, _result, _result, _row, _plan, _spec, _card, _comparison, _checks, _link, _curve, _record,
)  # fmt: skip
"""Each reads one kind of document."""


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@functools.cache
def _sound() -> Path:
    return sample_run(Path(room()) / "documents")


@functools.cache
def _kept() -> bytes:
    """The comparison that the report of the run keeps."""
    rebuild_report(_sound())
    shutil.rmtree(_sound() / "charts", ignore_errors=True)
    return (_sound() / "comparison.json").read_bytes()


@functools.cache
def _texts(kind: str) -> tuple[str, ...]:
    with open_store(_sound(), create=False) as store:
        texts = store.texts()
    cards = [text for text in texts if '"export_seconds"' in text]
    return tuple(cards if kind == "exports" else [text for text in texts if text not in cards])


@functools.cache
def _document(name: str) -> Any:
    with open_store(_sound(), create=False) as store:
        return json.loads(store.documents()[name])


@functools.cache
def _site_record() -> tuple[Any, Any]:
    """What a site keeps of the run: its record, and cell id to its evidence."""
    record, evidence = record_of_folder(_sound())
    return record.model_dump(mode="json"), {name: one.model_dump(mode="json") for name, one in evidence.items()}
