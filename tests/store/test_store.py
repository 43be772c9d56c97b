"""The results database and its folders."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from suite.errors import StoreError, StoreVersionError
from suite.store.quick_read import glance
from suite.store.records.result import Result, Score, Timings
from suite.store.state import STORE_VERSION
from suite.store.store import Store, Unsaved, open_store


def result(name: str, *, status: str = "done", cell: str = "cell", score: float | None = None, **more: Any) -> Result:
    """A result as the runner would make it."""
    scores = {} if score is None else {"validation": {"accuracy": Score(value=score)}}
    reason = None if status == "done" else "as asked"
    labels = {"model": "vgg", "dataset": "digits", "strategy": "linear_probe"}
    common = {"trial": {"seed": 1}, "phase": "final", "seed": 1, "scores": scores, "reason": reason, **labels}
    return Result(id=name, cell_id=cell, status=status, **{**common, **more})


def artefacts(store: Store, name: str, **files: bytes) -> Path:
    """A temporary folder of artefacts, as a worker leaves it."""
    folder = store.folder / "tmp" / name
    (folder / "predictions").mkdir(parents=True)
    (folder / "predictions" / "test.npz").write_bytes(b"predictions")
    for file, content in files.items():
        (folder / file.replace("_", ".")).write_bytes(content)
    return folder


def save_with_model(store: Store, name: str, score: float | None) -> Result:
    """Saves a final trial that brings its model along."""
    folder = artefacts(store, name, model_keras=name.encode())
    return store.save(result(name, artefacts={"model": "model.keras"}), folder, selection=score)


@pytest.fixture
def store(out):
    """An empty store, on either database."""
    with open_store(out) as opened:
        yield opened


@pytest.fixture
def file_store(tmp_path):
    """An empty store in a file."""
    with open_store(tmp_path / "out") as opened:
        yield opened


def test_a_result_comes_back_as_it_was_saved(store):
    """Result and artefacts survive closing and opening."""
    saved = store.save(
        result("a", score=0.5, artefacts={"predictions/test": "predictions/test.npz"}), artefacts(store, "a")
    )
    store.close()
    with open_store(store.out, create=False) as reader:
        loaded = reader.load("a")
        assert loaded == saved
        assert reader.artefact(loaded, "predictions/test").read_bytes() == b"predictions"
        assert reader.artefact(loaded, "model") is None
    assert not list((store.folder / "tmp").iterdir())


def test_what_is_not_stored_is_none(store):
    """An unknown id has no result and no status."""
    assert store.load("nothing") is None
    assert store.statuses(["nothing"]) == {}


def test_query_filters_by_column_and_keeps_the_order_of_saving(store):
    """Each column narrows, ids too; the order is the order of saving."""
    for name, model in (("z", "vgg"), ("a", "vit"), ("m", "vgg")):
        store.save(result(name, model=model))
    assert [found.id for found in store.query()] == ["z", "a", "m"]
    assert [found.id for found in store.query(model="vgg")] == ["z", "m"]
    assert [found.id for found in store.query(model="vgg", ids=["m", "a"])] == ["m"]


def test_saving_again_replaces_result_and_files(store):
    """A redone trial has one row, a higher sequence, and none of its old files."""
    store.save(result("a", status="failed"), artefacts(store, "a", log_txt=b"old"))
    before = store.entries()["a"].sequence
    store.save(result("a"), artefacts(store, "a"))
    assert store.statuses() == {"a": "done"}
    assert store.entries()["a"].sequence > before
    assert not (store.trial_folder("a") / "log.txt").exists()


def test_a_glance_sees_what_the_store_sees(store):
    """The quick way around SQLAlchemy gives the same entries and documents."""
    store.save(result("a"))
    store.save(result("b", status="diverged", phase="search"))
    store.save_document("spec", "{}")
    seen = glance(store.out)
    assert seen.entries == store.entries()
    assert seen.documents == store.documents() == {"spec": "{}", "version": str(STORE_VERSION)}


def test_a_glance_at_nothing_is_empty(out):
    """A run that never began has no entries, and looking creates nothing."""
    assert not glance(out).entries
    assert not out.exists()


@pytest.mark.parametrize("order", [("low", "high", "equal"), ("high", "equal", "low"), ("low", "equal", "high")])
def test_only_the_best_model_of_a_cell_is_kept(store, order):
    """Best on validation wins; of equals the first stays."""
    scores = {"low": 0.1, "high": 0.9, "equal": 0.9}
    for name in order:
        save_with_model(store, name, scores[name])
    kept = [found.id for found in store.query() if "model" in found.artefacts]
    files = [path.read_text() for path in store.folder.glob("trials/*/model.keras")]
    best = min(("high", "equal"), key=order.index)
    assert kept == files == [best]


def test_a_model_without_a_score_gives_way(store):
    """A model whose validation score is missing is kept only as long as there is no other."""
    save_with_model(store, "unknown", None)
    assert "model" in store.load("unknown").artefacts
    save_with_model(store, "known", 0.2)
    assert "model" not in store.load("unknown").artefacts
    assert "model" in store.load("known").artefacts


def test_models_of_different_cells_do_not_compete(store):
    """Each cell keeps one."""
    for cell in ("one", "two"):
        folder = artefacts(store, cell, model_keras=b"weights")
        store.save(result(cell, cell=cell, artefacts={"model": "model.keras"}), folder, selection=0.5)
    assert len(list(store.folder.glob("trials/*/model.keras"))) == 2


def test_clean_removes_what_a_crash_left(store):
    """A folder without a row and a model that no row names go; spared and stored ones stay."""
    store.save(result("stored"), artefacts(store, "stored", model_keras=b"loser"))
    for orphan in ("orphan", "spared"):
        artefacts(store, orphan).rename(store.trial_folder(orphan))
    assert store.clean(spare=lambda: ["spared"]) == 2
    assert sorted(path.name for path in (store.folder / "trials").iterdir()) == ["spared", "stored"]
    assert not (store.trial_folder("stored") / "model.keras").exists()


def test_delete_forgets_row_and_files(store):
    """Nothing of a deleted trial is left."""
    store.save(result("a"), artefacts(store, "a"))
    store.delete(["a"])
    assert store.load("a") is None
    assert not store.trial_folder("a").exists()


def test_durations_are_those_of_trials_that_are_done(store):
    """What failed says nothing of how long a trial takes."""
    seconds = dict.fromkeys(Timings.model_fields, 0.0) | {"total_seconds": 2.5}
    store.save(result("a", timings=Timings(**seconds)))
    store.save(result("b", status="failed", timings=Timings(**seconds)))
    assert store.durations() == {"a": 2.5}


def test_two_thousand_results_come_back(store):
    """All of them, also by more ids than one statement takes."""
    store.save_all([Unsaved(result(f"trial-{index}", cell=f"cell-{index // 4}")) for index in range(2000)])
    assert len(store.query()) == 2000
    assert len(store.query(ids=[f"trial-{index}" for index in range(0, 2000, 2)])) == 1000
    assert len(store.query(cell_id="cell-7")) == 4


def test_many_writers_lose_nothing(out):
    """Eight connections that create and fill one store at once leave every result."""

    def write(writer: int) -> None:
        with open_store(out) as one:
            for index in range(5):
                one.save(result(f"{writer}-{index}"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(glance(out).entries) == 40


@pytest.mark.parametrize("look", [glance, open_store, lambda out: open_store(out, create=False)])
def test_a_newer_store_is_refused(store, look):
    """The message names both versions, and the store is left as it is."""
    store.save_document("version", "99")
    with pytest.raises(StoreVersionError, match=rf"version 99.*up to version {STORE_VERSION}.*Update the suite"):
        look(store.out)
    assert store.documents()["version"] == "99"


def test_a_newer_result_is_refused(store):
    """A result in a later format is not read as if it were understood."""
    store.save(result("a", format_version=99))
    with pytest.raises(StoreVersionError, match="format version 99"):
        store.load("a")


def test_a_damaged_result_is_told(store):
    """A document that is no result becomes a failed trial that says how to get it again; the others are read."""
    store.save(result("a"))
    store.save(result("b", seed=2))
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE results SET document = '{\"format_version\": 1}' WHERE id = 'a'")
    damaged, sound = store.query()
    assert (damaged.id, damaged.status, damaged.model) == ("a", "failed", sound.model)
    assert (
        "the result of trial a is damaged (id: Field required); the same 'suite run' makes it again" in damaged.reason
    )
    assert sound.status == "done"
    assert (store.damage, store.damaged_trials) == ((damaged.reason,), ("a",))


@pytest.mark.parametrize("number", ["1" + 400 * "0", "-1" + 400 * "0", "1e400", "NaN"])
def test_a_number_that_no_float_holds_is_damage(store, number):
    """Whatever reckons with a setting later would stop at it."""
    store.save(result("a", hyperparameters={"learning_rate": 0.125}))
    with store.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE results SET document = replace(document, '0.125', '{number}')")
    (damaged,) = store.query()
    assert (damaged.status, store.damaged_trials) == ("failed", ("a",))
    assert "the result of trial a is damaged (" in damaged.reason
    assert len(damaged.reason) < 300


def test_a_damaged_database_is_told(tmp_path):
    """A file that is no database says so in a sentence, quick way and slow way."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "results.sqlite").write_bytes(b"not a database " * 100)
    for look in (glance, open_store):
        with pytest.raises(StoreError, match=r"damaged.*move it away"):
            look(tmp_path)


def test_another_programs_database_is_told(tmp_path):
    """A database without the suite's tables is not read as an empty store."""
    (tmp_path / "store").mkdir()
    with sqlite3.connect(tmp_path / "store" / "results.sqlite") as file:
        file.execute("CREATE TABLE other (x)")
    file.close()
    with pytest.raises(StoreError, match="no results database of the suite"):
        open_store(tmp_path, create=False)


def test_another_programs_database_is_not_written_to(tmp_path):
    """Nor are the suite's tables made beside others."""
    (tmp_path / "store").mkdir()
    with sqlite3.connect(tmp_path / "store" / "results.sqlite") as file:
        file.execute("CREATE TABLE other (x)")
    file.close()
    with pytest.raises(StoreError, match="no results database of the suite"):
        open_store(tmp_path)


def test_reading_what_is_not_there_says_how_to_get_it(tmp_path):
    """Opening for reading creates nothing."""
    with pytest.raises(StoreError, match=r"has no results yet.*suite run SPEC"):
        open_store(tmp_path / "out", create=False)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_is_told(tmp_path):
    """An out folder below a file cannot be made."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file is in the way.*--out"):
        open_store(tmp_path / "file" / "out")


@contextlib.contextmanager
def without_rights(*folders: Path) -> Iterator[None]:
    """Nobody may write into these folders; root gives up its rights meanwhile."""
    user = os.geteuid()
    above = {path for folder in folders for path in folder.parents if path.stat().st_uid == user and path != Path("/")}
    before = {path: path.stat().st_mode for path in (*(above - set(folders)), *folders)}
    for path, mode in before.items():
        if path in folders:
            path.chmod(0o555)
        elif user == 0 and not mode & 0o001:
            path.chmod(mode | 0o055)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for path, mode in before.items():
            path.chmod(mode)


@pytest.fixture
def no_rights(file_store):
    """The store in a folder that nobody may write to."""
    file_store.save(result("a"))
    file_store.close()
    with without_rights(file_store.out, file_store.folder, file_store.folder / "tmp"):
        yield file_store.out


def test_a_folder_that_may_not_be_written_is_told(no_rights):
    """The message says what to change, and no probe is left."""
    with pytest.raises(StoreError, match=r"cannot be written.*Change its rights or choose another --out"):
        open_store(no_rights)


def test_a_read_only_store_can_be_read(no_rights):
    """A report can be made of results on a read-only disk."""
    assert list(glance(no_rights).entries) == ["a"]
    with open_store(no_rights, create=False) as reader:
        assert reader.statuses() == {"a": "done"}


def fill(store: Store) -> None:
    """Saves results until the disk is full."""
    for index in range(100):
        store.save(result(f"trial-{index}", error="x" * 10_000), artefacts(store, f"trial-{index}"))


def test_a_full_disk_loses_nothing_that_was_finished(file_store):
    """Writing fails with a sentence, everything saved before can be read, and saving goes on afterwards."""
    store = file_store
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        with pytest.raises(StoreError, match=r"disk is full.*make room"):
            fill(store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    saved = [found.id for found in store.query()]
    assert saved == [f"trial-{index}" for index in range(len(saved))]
    assert len(saved) > 2
    store.save(result("afterwards"))
    with open_store(store.out, create=False) as reader:
        assert len(reader.query()) == len(saved) + 1


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1_000, 4_096, 9_000, 20_000])
def test_a_disk_that_is_full_from_the_start_leaves_nothing(size, tmp_path):
    """No half database is left under the name, so the same command goes on when there is room."""
    with room_for(size), pytest.raises(StoreError, match=r"disk is full.*make room"):
        open_store(tmp_path)
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
    assert glance(tmp_path).entries == {}
    with open_store(tmp_path) as store:
        store.save(result("a"))
    assert list(glance(tmp_path).entries) == ["a"]


def test_what_earlier_versions_left_of_a_full_disk_is_no_hindrance(tmp_path):
    """A database of one page without a table: nothing for a reader, and filled by who writes."""
    (tmp_path / "store").mkdir()
    with sqlite3.connect(tmp_path / "store" / "results.sqlite") as file:
        file.execute("PRAGMA journal_mode=WAL")
    file.close()
    assert (tmp_path / "store" / "results.sqlite").stat().st_size == 4096
    assert glance(tmp_path).documents == {}
    with pytest.raises(StoreError, match="has no results yet"):
        open_store(tmp_path, create=False)
    with open_store(tmp_path) as store:
        store.save(result("a"))
    assert list(glance(tmp_path).entries) == ["a"]


def test_a_result_that_cannot_be_replaced_stays(file_store):
    """Row and files: the old ones go when the new ones are in, not before."""
    store = file_store
    store.save(result("a", error="old"), artefacts(store, "a", note_txt=b"old"))
    before = store.entries()
    with store.transaction() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON results BEGIN SELECT raise(ABORT, 'disk I/O error'); END"
        )
    with pytest.raises(StoreError):
        store.save(result("a", error="new"), artefacts(store, "a", note_txt=b"new"))
    assert store.entries() == before
    assert store.load("a").error == "old"
    assert (store.trial_folder("a") / "note.txt").read_bytes() == b"old"
    with store.transaction() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    store.save(result("a", error="new"), artefacts(store, "again", note_txt=b"new"))
    assert (store.trial_folder("a") / "note.txt").read_bytes() == b"new"
    assert list((store.folder / "replaced").iterdir()) == []


def test_what_a_crash_left_while_replacing_is_put_right(file_store):
    """Killed between files and row, the old files come back; killed after the row, they go."""
    store = file_store
    for name in ("early", "late"):
        store.save(result(name), artefacts(store, name, note_txt=b"old"))
    aside = store.folder / "replaced"
    aside.mkdir()
    sequences = {name: entry.sequence for name, entry in store.entries().items()}
    for name, number in (("early", sequences["early"]), ("late", sequences["late"] - 1)):
        store.trial_folder(name).rename(aside / f"{number}-{name}")
        artefacts(store, name, note_txt=b"new").rename(store.trial_folder(name))
    store.clean()
    assert (store.trial_folder("early") / "note.txt").read_bytes() == b"old"
    assert (store.trial_folder("late") / "note.txt").read_bytes() == b"new"
    assert list(aside.iterdir()) == []


def test_an_interrupt_while_a_connection_is_closed_ends_without_a_traceback(tmp_path):
    """It is raised, and the pool of connections says nothing of it aside."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "import sqlalchemy\n"
        "from suite.store.store import open_store\n"
        "with open_store(Path(sys.argv[1])): pass\n"
        "engine = sqlalchemy.create_engine('sqlite://')\n"
        "def interrupted(connection): raise KeyboardInterrupt\n"
        "engine.dialect.do_close = interrupted\n"
        "with engine.connect(): pass\n"
        "try:\n"
        "    engine.dispose()\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")], capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("interrupted\n", "")
