"""A team's database: addresses and passwords, several machines, lost connections, migrations."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from merge_runs import make_run, results_of, stored, trial
from postgres_server import PASSWORD, database_of
from runner_plans import plan_of
from test_cli_run import prepared
from test_distill import plan as school
from test_store import artefacts, result, save_with_model, without_rights

from suite.cli.main import cli
from suite.errors import StoreError, StoreVersionError, SuiteError
from suite.export.choose import Asked
from suite.export.place import without_current
from suite.export.subject import prepare_subject
from suite.runner.claims import Claims, living_owners
from suite.runner.teacher import teacher_of
from suite.store.address import LINK, SUITE_STORE, StoreChoice, address_of, keep_link, without_password
from suite.store.database import METADATA, claims, results
from suite.store.migrations.migrate import migrate
from suite.store.postgres import open_postgres
from suite.store.quick_read import glance
from suite.store.state import STORE_VERSION
from suite.store.store import Unsaved, open_store

OLD = Path(__file__).parents[1] / "stored" / "store-version-1.sqlite"
"""Three results, a card and a claim as the suite stored them in version 1; its last number, 6, was deleted."""


def old_store(folder: Path) -> Path:
    """A run of that time."""
    (folder / "store" / "trials").mkdir(parents=True)
    (folder / "store" / "tmp").mkdir()
    shutil.copyfile(OLD, folder / "store" / "results.sqlite")
    return folder


def attached(folder: Path, url: str, run: str | None = None, files: Path | None = None) -> Path:
    """A folder whose results are in a team's database."""
    StoreChoice(url, run, files).attach(folder)
    return folder


@pytest.fixture
def own_url(postgres_server) -> str:
    """The address of a database whose settings may be changed."""
    return postgres_server.new_database()


def suite(*words: object):
    """A command of the suite."""
    return CliRunner().invoke(cli, [str(word) for word in words])


def wait_until(is_so, seconds: float = 60.0) -> None:
    """Fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Migrations


def test_an_old_file_is_read_as_it_is(tmp_path):
    """Results, documents, cards and claims of version 1 come back, and no byte of the file changes."""
    folder = old_store(tmp_path / "old")
    with open_store(folder, create=False) as store:
        assert [found.seed for found in store.query()] == [2, 3, 1]
        assert [entry.sequence for entry in store.entries().values()] == [2, 3, 5]
        assert store.documents().keys() == {"version", "plan", "spec"}
        assert [card.precision for card in store.exports()] == ["fp32"]
        assert store.rows(sql.select(claims.c.trial_id).where(store.own(claims))) == [("t",)]
        assert glance(folder).entries == store.entries()
    assert (folder / "store" / "results.sqlite").read_bytes() == OLD.read_bytes()


def test_an_old_file_without_exported_files_is_read(tmp_path):
    """Its table came with the first of them."""
    folder = old_store(tmp_path / "old")
    with contextlib.closing(sqlite3.connect(folder / "store" / "results.sqlite")) as file:
        file.execute("DROP TABLE exports")
    with open_store(folder, create=False) as store:
        assert store.exports() == []
    with open_store(folder) as store:
        assert store.exports() == []
        assert differences(store.database.engine) == []


def differences(engine: sql.Engine) -> list[object]:
    """What a database's tables have otherwise than those of this version."""
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
    return [one for one in found if "alembic_version" not in str(one)]


def test_an_old_file_is_migrated_when_it_is_written(tmp_path):
    """Everything stays, numbers go on after the highest that was ever given, and its tables are those of a new one."""
    folder = old_store(tmp_path / "old")
    before = stored(folder)
    with open_store(folder) as store:
        assert store.documents()["version"] == str(STORE_VERSION)
        assert differences(store.database.engine) == []
        store.save(result("new"))
        assert store.entries()["new"].sequence == 7
        store.delete(["new"])
    after = stored(folder)
    before["documents"]["version"] = str(STORE_VERSION)
    assert after == before
    with open_store(tmp_path / "fresh") as fresh:
        assert differences(fresh.database.engine) == []
        with contextlib.closing(sqlite3.connect(folder / "store" / "results.sqlite")) as file:
            tables = dict(file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
        mine = fresh.rows(sql.text("SELECT name FROM sqlite_master WHERE type = 'index'"))
        assert {row[0] for row in mine} == tables.keys()


def test_an_old_file_is_migrated_once(tmp_path):
    """Eight that open it at the same moment lose nothing."""
    folder = old_store(tmp_path / "old")

    def write(writer: int) -> None:
        with open_store(folder) as store:
            store.save(result(f"new-{writer}"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(glance(folder).entries) == 11


def test_an_old_file_is_migrated_by_one_of_several_processes(tmp_path):
    """Two that start at once both end well."""
    folder = old_store(tmp_path / "old")
    program = (
        "import sys; from pathlib import Path; from suite.store.store import open_store\n"
        "from suite.store.migrations.migrate import *\n"
        f"open_store(Path({str(folder)!r}), create=False).close(); print(flush=True); sys.stdin.readline()\n"
        f"open_store(Path({str(folder)!r})).close()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", program], **pipes) for _ in range(2)]
    for one in both:
        one.stdout.readline()
    for one in both:
        one.stdin.write("\n")
        one.stdin.flush()
    for one in both:
        _, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
    with open_store(folder, create=False) as store:
        assert store.documents()["version"] == str(STORE_VERSION)
        assert len(store.query()) == 3


def test_two_old_files_are_migrated_at_once(tmp_path):
    """By two threads of one process, each with a file of its own."""
    folders = [old_store(tmp_path / str(number)) for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda folder: open_store(folder).close(), folders))
    for folder in folders:
        with open_store(folder, create=False) as store:
            assert store.documents()["version"] == str(STORE_VERSION)
            assert len(store.query()) == 3


def test_an_old_file_is_read_where_nobody_may_write(tmp_path):
    """Its folder cannot even hold the files of a reader."""
    folder = old_store(tmp_path / "old")
    with without_rights(folder / "store"), open_store(folder, create=False) as store:
        assert [found.seed for found in store.query()] == [2, 3, 1]
        assert len(glance(folder).entries) == 3


def test_a_migration_that_fails_changes_nothing(tmp_path):
    """What is in the way is told, and the file is as it was."""
    folder = old_store(tmp_path / "old")
    path = folder / "store" / "results.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE old_claims (x)")
    with pytest.raises(StoreError, match="old_claims"):
        open_store(folder)
    with open_store(folder, create=False) as store:
        assert store.documents()["version"] == "1"
        assert len(store.query()) == 3


def test_the_same_migrations_make_the_tables_on_postgresql(tmp_path, team_url):
    """From nothing to version 1 with rows in it, and on from there."""
    out = attached(tmp_path / "out", team_url)
    database = open_postgres(address_of(out), read_only=False)
    database.make_room()
    with database.whole() as connection:
        migrate(connection, to="1")
        row = "'a', 'c', 'done', 'final', 1, 'm', 'd', 's', '', false, '{}'"
        columns = "id, cell_id, status, phase, seed, model, dataset, strategy, finished_at, has_model, document"
        connection.execute(sql.text(f"INSERT INTO results ({columns}) VALUES ({row})"))
    with pytest.raises(StoreError, match="store version 1, and this suite reads version 2"):
        open_store(out, create=False)
    with open_store(out) as store:
        assert differences(store.database.engine) == []
        assert store.rows(sql.text("SELECT run, id, sequence FROM results")) == [("", "a", 1)]
        store.save(result("b"))
        assert store.entries()["b"].sequence > 1
    database.close()


# Addresses


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hidden@host/db", "'mysql' are not supported"),
        ("sqlite:///hidden.db", "in the folder of the run"),
        ("u:hidden@host/db", "expected postgresql"),
        ("postgresql+psycopg://u:hidden@host", "names no database"),
        ("postgresql://u:hid/den@host:x/db", "expected|cannot be understood|reached"),
        ("postgresql://u:hidden@[bad/db", "expected postgresql"),
        ("postgresql://u:123/hidden@host/db", "has an @ behind the host"),
        ("postgresql+asyncpg://u:hidden@host/db", "not supported"),
    ],
)
def test_an_address_that_is_none_is_told_without_its_password(tmp_path, url, said):
    """What is expected is said, and nothing that may be secret."""
    with pytest.raises(SuiteError, match=said) as caught:
        open_store(attached(tmp_path, url))
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "x" * 129, "a\nb", "a\\b"])
def test_a_name_that_no_run_can_have_is_told(tmp_path, name):
    """It is also the name of a folder, where files are shared."""
    with pytest.raises(StoreError, match="--run"):
        attached(tmp_path, "postgresql://host/db", name)


def test_a_password_is_in_no_message_link_or_representation(tmp_path, postgres_server):
    """Refused, unreachable, in the link: neither as it is nor as it is written in an address."""
    secret = "hid@den wo/rd"
    url = postgres_server.url("postgres", password=secret)
    choice = StoreChoice(url)
    choice.attach(tmp_path / "out")
    keep_link(tmp_path / "out")
    shown = [repr(choice), repr(address_of(tmp_path / "out")), (tmp_path / "out" / "store" / LINK).read_text()]
    with pytest.raises(StoreError, match=r"refuses the user.*SUITE_STORE, PGPASSWORD") as refused:
        open_store(tmp_path / "out")
    gone = attached(tmp_path / "gone", f"postgresql://u:{'hid%40den%20wo%2Frd'}@127.0.0.1:9/db")
    with pytest.raises(StoreError, match="cannot be reached") as unreachable:
        open_store(gone)
    ended = suite("results", tmp_path / "new", "--store", url)
    assert ended.exit_code == 2
    for text in (*shown, str(refused.value), str(unreachable.value), ended.output):
        assert "hid" not in text
        assert "wo%2Frd" not in text
    assert without_password("postgresql://u@h/db?password=x&host=/tmp/s") == "postgresql://u@h/db?host=/tmp/s"


def test_a_database_that_is_not_there_is_told(tmp_path, postgres_server):
    """With the command that makes it; nothing is waited for."""
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"no such database.*createdb"):
        open_store(attached(tmp_path, postgres_server.url("nowhere")))
    assert time.monotonic() - began < 5


def test_a_user_without_rights_is_told(tmp_path, postgres_server, team_url):
    """What to grant is in the message; one who may read only reads."""
    name = database_of(team_url)
    postgres_server.execute("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    guest = postgres_server.url(name, user="guest", password="guest")
    with pytest.raises(StoreError, match="GRANT CREATE ON DATABASE"):
        open_store(attached(tmp_path / "guest", guest))
    with open_store(attached(tmp_path / "team", team_url, "vision")) as store:
        store.save(result("a"))
    grants = ("GRANT USAGE ON SCHEMA suite TO guest", "GRANT SELECT ON ALL TABLES IN SCHEMA suite TO guest")
    postgres_server.execute(*grants, database=name)
    with open_store(attached(tmp_path / "reader", guest, "vision"), create=False) as reader:
        assert list(reader.entries()) == ["a"]


def test_a_newer_database_is_refused(tmp_path, team_url):
    """By readers and writers of every run in it, which stays as it is."""
    out = attached(tmp_path / "out", team_url)
    with open_store(out) as store:
        store.save(result("a"))
        with store.transaction() as connection:
            connection.execute(sql.text("UPDATE documents SET text = '99' WHERE run = ''"))
    for look in (glance, open_store, lambda folder: open_store(folder, create=False)):
        with pytest.raises(StoreVersionError, match=rf"version 99.*up to version {STORE_VERSION}.*Update the suite"):
            look(out)
    with pytest.raises(StoreVersionError):
        open_store(attached(tmp_path / "other", team_url))


def test_a_run_that_is_not_in_the_database_is_told_with_the_nearest(tmp_path, team_url):
    """As a reader asks for it; nothing is made of it."""
    make_run(attached(tmp_path / "vision", team_url), trial())
    with pytest.raises(StoreError, match=r"unknown run 'vison'\. Did you mean 'vision'"):
        open_store(attached(tmp_path / "vison", team_url), create=False)
    assert not (tmp_path / "vison").exists()


def test_a_folder_with_results_of_its_own_is_not_left_aside(tmp_path, monkeypatch):
    """--store says how to bring them over; the environment leaves such a folder alone."""
    make_run(tmp_path / "own", trial())
    url = "postgresql://nobody@127.0.0.1:9/db"
    ended = suite("report", tmp_path / "own", "--store", url)
    assert (ended.exit_code, "suite merge" in ended.stderr) == (2, True)
    monkeypatch.setenv(SUITE_STORE, url)
    assert suite("report", tmp_path / "own").exit_code == 0
    assert not (tmp_path / "own" / "store" / LINK).exists()


def test_a_folder_that_several_people_share_is_linked_once(tmp_path, team_url, monkeypatch):
    """Who reads it comes with an address of their own; another server's port is another database."""
    monkeypatch.setattr("suite.store.address._given", {})
    keep_link(attached(tmp_path, "postgresql://ann@server/suite", "vision"))
    monkeypatch.setattr("suite.store.address._given", {})
    monkeypatch.setenv(SUITE_STORE, "postgresql://bob:secret@SERVER:5432/suite")
    assert address_of(tmp_path).url == "postgresql+psycopg://bob:secret@SERVER:5432/suite"
    attached(tmp_path, "postgres://bob@server/suite")
    assert address_of(tmp_path).run == "vision"
    with pytest.raises(StoreError, match="its results are in"):
        attached(tmp_path, "postgresql://ann@server:5433/suite")


def test_several_users_write_as_one_role(tmp_path, own_url, postgres_server):
    """As the documentation grants it: what one makes, the other may write and migrate."""
    name = database_of(own_url)
    users = ("ann", "bob")
    postgres_server.execute(
        *(f"DROP ROLE IF EXISTS {user}" for user in (*users, "suite_team")),
        "CREATE ROLE suite_team",
        f"GRANT CREATE ON DATABASE {name} TO suite_team",
        *(f"CREATE ROLE {user} LOGIN PASSWORD 'x'" for user in users),
        *(f"GRANT suite_team TO {user}" for user in users),
        *(f"ALTER ROLE {user} IN DATABASE {name} SET role = suite_team" for user in users),
    )
    for user in users:
        url = postgres_server.url(name, user=user, password="x")
        with open_store(attached(tmp_path / user, url, "vision")) as store:
            store.save(result(user))
    assert list(glance(tmp_path / "ann").entries) == ["ann", "bob"]
    assert glance(tmp_path / "ann").entries["bob"].sequence == 2
    with open_store(tmp_path / "bob") as store, store.transaction() as connection:
        connection.execute(sql.text("ALTER TABLE results ADD COLUMN more text"))
    postgres_server.execute("DROP OWNED BY suite_team", database=name)


def test_a_database_that_cannot_keep_every_letter_is_refused(tmp_path, postgres_server):
    """Before a result with such a letter ends a run."""
    postgres_server.execute("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(StoreError, match=r"encoding is SQL_ASCII.*createdb --encoding=UTF8"):
        open_store(attached(tmp_path, postgres_server.url("ascii")))


def test_a_server_that_is_only_read_is_told(tmp_path, own_url, postgres_server):
    """A standby, for instance; reading goes on."""
    with open_store(attached(tmp_path / "a", own_url, "vision")) as store:
        store.save(result("a"))
    name = database_of(own_url)
    postgres_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with open_store(attached(tmp_path / "b", own_url, "vision")) as store:
        assert list(store.entries()) == ["a"]
        with pytest.raises(StoreError, match="the server only lets read"):
            store.save(result("b"))


def test_run_and_artifacts_belong_to_a_store(tmp_path):
    """Alone they would do nothing."""
    ended = suite("report", tmp_path, "--run", "vision")
    assert (ended.exit_code, "give --store" in ended.stderr) == (2, True)


def test_a_linked_folder_is_enough(tmp_path, team_url, monkeypatch):
    """The link has no password: it comes from SUITE_STORE, or as PostgreSQL's own programs find it."""
    out = tmp_path / "out"
    make_run(attached(out, team_url, "vision"), trial())
    words = [sys.executable, "-m", "suite", "results", str(out), "--table", "trials"]
    environment = {key: value for key, value in os.environ.items() if key not in {SUITE_STORE, "PGPASSWORD"}}
    for more, code in (({}, 2), ({SUITE_STORE: team_url}, 0), ({"PGPASSWORD": PASSWORD}, 0)):
        done = subprocess.run(words, env=environment | more, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert ("net-photos-fine_tune-1" in done.stdout) == (code == 0)
    other = team_url.replace("/team_", "/other_")
    with pytest.raises(StoreError, match=r"its results are in .*run vision.*--store says .*other_"):
        attached(out, other)
    broken = tmp_path / "broken" / "store" / LINK
    broken.parent.mkdir(parents=True)
    broken.write_text("{}")
    with pytest.raises(StoreError, match="is no link to a database"):
        glance(tmp_path / "broken")


# Several machines


@pytest.fixture
def machines(tmp_path, team_url):
    """Two folders without anything in common but the run."""
    return [attached(tmp_path / name / "vision", team_url) for name in ("a", "b")]


def test_files_of_another_machine_are_not_here(machines):
    """The result is, and its artefacts are said to be missing rather than looked for."""
    with open_store(machines[0]) as one, open_store(machines[1]) as two:
        one.save(result("x", artefacts={"predictions/test": "predictions/test.npz"}), artefacts(one, "x"))
        mine, theirs = one.load("x"), two.load("x")
        assert mine == theirs
        assert one.artefact(mine, "predictions/test").is_file()
        assert two.artefact(theirs, "predictions/test") is None
        assert two.is_elsewhere("x")
        assert not one.is_elsewhere("x")


def test_a_trial_that_another_machine_did_again_has_its_files_there(machines):
    """What is left here of the first time is not taken for them, and the next run removes it."""
    names = {"predictions/test": "predictions/test.npz"}
    with open_store(machines[0]) as one, open_store(machines[1]) as two:
        one.save(result("x", artefacts=names), artefacts(one, "x"))
        two.save(result("x", artefacts=names, finished_at="later"), artefacts(two, "x"))
        assert len(one.query()) == 1
        assert one.artefact(one.load("x"), "predictions/test") is None
        assert two.artefact(two.load("x"), "predictions/test").is_file()
        assert one.clean() == 1
        assert not one.trial_folder("x").exists()
        assert two.clean() == 0


def test_a_trial_that_ends_while_another_run_cleans_keeps_its_files(out):
    """Its folder was seen, its row was not there yet, and its claim is gone when it is looked for."""
    with open_store(out) as store:
        names = {"predictions/test": "predictions/test.npz"}
        store.save(result("x", artefacts=names), artefacts(store, "x"))
        with store.transaction() as connection:
            row = dict(connection.execute(sql.select(results)).mappings().one())
            connection.execute(results.delete())

        def others() -> set[str]:
            store.transact(lambda connection: connection.execute(results.insert().values(**row)).rowcount)
            return set()

        assert store.clean(spare=others) == 0
        assert store.artefact(store.load("x"), "predictions/test").is_file()


def test_a_trial_that_begins_while_another_run_cleans_keeps_its_files(out):
    """Its folder comes when those that are there have been listed."""
    with open_store(out) as store:

        def others() -> set[str]:
            artefacts(store, "x").rename(store.trial_folder("x"))
            return set()

        assert store.clean(spare=others) == 0
        assert store.trial_folder("x").is_dir()


def test_shared_files_are_everywhere(tmp_path, team_url):
    """With --artifacts both machines see them; each run has a folder of its own there."""
    shared = tmp_path / "shared"
    folders = [attached(tmp_path / name, team_url, "vision", shared) for name in ("a", "b")]
    with open_store(folders[0]) as one, open_store(folders[1]) as two:
        one.save(result("x", artefacts={"predictions/test": "predictions/test.npz"}), artefacts(one, "x"))
        assert two.artefact(two.load("x"), "predictions/test").read_bytes() == b"predictions"
    assert (shared / "vision" / "trials" / "x").is_dir()
    assert sorted(path.name for path in (folders[0] / "store").iterdir()) == [LINK]
    with open_store(folders[0]) as store, Claims(store) as held:
        assert living_owners(folders[1]) == (held.owner,)


def test_of_all_machines_the_best_model_of_a_cell_is_kept(machines):
    """The loser's row forgets it at once, and its machine removes the file with the next run."""
    with open_store(machines[0]) as one, open_store(machines[1]) as two:
        save_with_model(one, "good", 0.5)
        save_with_model(two, "better", 0.9)
        save_with_model(one, "worse", 0.1)
        assert [found.id for found in one.query() if "model" in found.artefacts] == ["better"]
        assert one.clean() == 1
        assert not list(one.folder.glob("trials/*/model.keras"))
        assert (two.trial_folder("better") / "model.keras").is_file()


def test_a_student_does_not_go_without_a_teacher_of_another_machine(machines):
    """Its answers are there: the run says so, rather than skip the student as if nobody had taught."""
    plan = school(seeds=[1])
    student = next(one for one in plan.trials if one.cell.teachers)
    teachers = [one for one in plan.trials if one.cell.id in student.cell.teachers and one.phase == "final"]
    files = {"answers/train": "answers.npz"}
    with open_store(machines[0]) as there, open_store(machines[1]) as here:
        for one in teachers:
            done = result(one.id, cell=one.cell.id, score=0.5, seed=one.seed, artefacts=files)
            there.save(done, artefacts(there, one.id, answers_npz=b"answers"))
        assert teacher_of(student, there, headline="accuracy", sign=1).answers.name == "answers.npz"
        with pytest.raises(StoreError, match=r"trained on another machine.*--artifacts DIR"):
            teacher_of(student, here, headline="accuracy", sign=1)


def test_files_of_a_model_are_made_where_it_is(machines, tmp_path):
    """A spec's exports leave it to that machine; asked for by hand, the reason is told."""
    with open_store(machines[0]) as there, open_store(machines[1]) as here:
        save_with_model(there, "x", 0.5)
        asked = [Asked("keras", ("fp32",))]
        assert without_current([(there.load("x"), asked)], there, machines[0], again=False)
        assert not without_current([(here.load("x"), asked)], here, machines[1], again=False)
        with pytest.raises(StoreError, match=r"its model is on the machine that trained it.*--artifacts DIR"):
            prepare_subject(here, here.load("x"), tmp_path, "accuracy", threads=1)


def test_runs_in_one_database_do_not_mix(tmp_path, team_url):
    """The same trial in two: results, documents, cards, claims, deleting and cleaning are of one."""
    one, two = (attached(tmp_path / name, team_url) for name in ("one", "two"))
    make_run(one, trial(seed=1), trial(seed=2))
    make_run(two, trial(seed=1))
    before = stored(two)
    with open_store(one) as store, Claims(store) as held:
        assert held.claim("t", seen=None) == "claimed"
        with open_store(two) as other, Claims(other) as others:
            others.owner = "elsewhere-p1-1"
            assert others.claim("t", seen=None) == "claimed"
            assert others.others() == set()
        store.save_document("spec", "{}")
        store.confirm(trial(seed=1).id)
        store.delete(store.entries())
        assert store.clean() == 0
    assert not results_of(one)
    assert stored(two) == before


def test_two_machines_claim_each_trial_once(machines):
    """Eight claimants on as many connections, forty trials: every trial has one."""
    with contextlib.ExitStack() as stack:
        stores = [stack.enter_context(open_store(machines[index % 2])) for index in range(8)]
        held = [stack.enter_context(Claims(store)) for store in stores]
        for index, claimant in enumerate(held):
            claimant.owner = f"machine{index}-p1-1"

        def work(claimant: Claims) -> list[str]:
            names = [f"t{index}" for index in range(40)]
            return [name for name in names if claimant.claim(name, seen=None) == "claimed"]

        with ThreadPoolExecutor(8) as threads:
            found = [name for names in threads.map(work, held) for name in names]
        assert Counter(found) == {f"t{index}": 1 for index in range(40)}


def test_a_transaction_sees_what_was_committed_while_it_waited(tmp_path, own_url, postgres_server):
    """Also where the database's own default is to see what there was at its first statement."""
    name = database_of(own_url)
    postgres_server.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    folders = [attached(tmp_path / machine / "vision", own_url) for machine in ("a", "b")]
    one, two = map(open_store, folders)
    with one, two, Claims(two) as held, ThreadPoolExecutor(1) as threads:
        with one.transaction() as connection:
            waiting = threads.submit(held.claim, "x", seen=None)
            wait_until(lambda: connection.scalar(sql.text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
            one._insert(connection, [Unsaved(result("x"))], one.place)
        assert waiting.result(timeout=30) == "finished"


def test_heartbeats_go_by_the_clock_of_the_database(machines):
    """A machine whose own clock is an hour off keeps its claims; after two minutes of silence it loses them."""
    with open_store(machines[0]) as store, Claims(store) as mine:
        with store.transaction() as connection:
            clock = store.clock(connection)
        assert abs(clock.now - time.time()) < 60

        def claim_of_another(heartbeat: float) -> str:
            row = {"run": "vision", "trial_id": f"t{heartbeat}", "owner": "elsewhere-p1-1", "heartbeat": heartbeat}
            store.transact(lambda connection: connection.execute(claims.insert().values(**row)).rowcount)
            return mine.claim(row["trial_id"], seen=None)

        assert claim_of_another(clock.now - 60) == "taken"
        # Before the server was started nobody could write one.
        assert claim_of_another(clock.up_since - 3600) == ("taken" if clock.now - clock.up_since < 120 else "claimed")


# Lost connections


def test_a_result_whose_commit_was_not_heard_of_is_stored_once(tmp_path, team_url):
    """The connection ends right after the commit: saving again makes no second row and keeps the model."""
    with open_store(attached(tmp_path, team_url)) as store:
        one = Unsaved(result("x", artefacts={"model": "model.keras"}), None, 0.5)
        tries: list[int] = []

        def write(connection: sql.Connection):
            found = store._insert(connection, [one], store.place)
            tries.append(1)
            if len(tries) == 1:
                connection.connection.driver_connection.commit()
                connection.execute(sql.text("SELECT pg_terminate_backend(pg_backend_pid())"))
            return found

        saved, losers = store.transact(write)
        assert len(tries) == 2
        assert losers == []
        assert store.query() == saved == [one.result]


def test_writing_waits_for_a_server_that_is_restarted(machines, postgres_server, capfd):
    """Results of two machines before, during and after: none is lost, none is there twice, and a line says so."""
    stop = threading.Event()
    saved: list[str] = []

    def work(name: str, folder: Path) -> None:
        with open_store(folder) as store:
            index = 0
            while not stop.is_set():
                store.save(result(f"{name}-{index}"), artefacts(store, f"{name}-{index}"))
                saved.append(f"{name}-{index}")
                index += 1

    with ThreadPoolExecutor(2) as threads:
        working = [threads.submit(work, name, folder) for name, folder in zip("ab", machines, strict=True)]
        for mode, pause in (("fast", 0.2), ("immediate", 2.5)):
            count = len(saved)
            wait_until(lambda count=count: len(saved) > count + 10)
            postgres_server.stop(mode)
            time.sleep(pause)
            postgres_server.start()
        count = len(saved)
        wait_until(lambda: len(saved) > count + 10)
        stop.set()
        for one in working:
            one.result(timeout=60)
    with open_store(machines[0], create=False) as store:
        assert sorted(found.id for found in store.query()) == sorted(saved)
    errors = capfd.readouterr().err
    assert "the connection is lost; trying again for 10 minutes" in errors
    assert "connected again after" in errors
    assert PASSWORD not in errors


def test_patience_ends(tmp_path, team_url, postgres_server):
    """A server that stays away is told, after the time that was given to it."""
    with open_store(attached(tmp_path, team_url)) as store:
        store.database.patience_seconds = 0.5
        postgres_server.stop()
        try:
            with pytest.raises(StoreError, match=r"cannot be reached.*run the same command again"):
                store.save(result("a"))
        finally:
            postgres_server.start()
        store.save(result("a"))
        assert list(store.entries()) == ["a"]


def test_a_claim_outlives_a_server_that_was_away(tmp_path, team_url, postgres_server):
    """Its last heartbeat is old for want of a server: the first to be back does not take it over."""
    with open_store(attached(tmp_path, team_url)) as store, Claims(store) as mine:
        row = {"run": store.database.run, "trial_id": "t", "owner": "elsewhere-p1-1", "heartbeat": time.time() - 600}
        with store.transaction() as connection:
            connection.execute(claims.insert().values(**row))
        postgres_server.stop()
        postgres_server.start()
        assert mine.claim("t", seen=None) == "taken"


def parent(out: Path, url: str, *models: str, **options: object) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    program = Path(__file__).parents[1] / "runner_parent.py"
    words = [sys.executable, str(program), str(out), json.dumps({"models": models, **options})]
    environment = {**os.environ, SUITE_STORE: url, "PYTHONPATH": str(program.parents[1])}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_runs_do_each_trial_once_while_the_server_is_restarted(machines, team_url, postgres_server):
    """Real worker processes of two machines on one plan; both end well, and every trial was done by one of them."""
    models = [f"sleep:0.{index}" for index in range(2, 8)]
    for folder in machines:
        keep_link(folder)
    runs = [parent(folder, team_url, *models, seeds=[1, 2]) for folder in machines]
    wait_until(lambda: sum(len(lines(folder)) for folder in machines) >= 4)
    postgres_server.stop("immediate")
    time.sleep(1.5)
    postgres_server.start()
    for run in runs:
        _, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors
    done = Counter(line.split()[0] for folder in machines for line in lines(folder))
    assert done == {one.id: 1 for one in plan_of(*models, keep_models="none", seeds=(1, 2)).trials}
    assert {entry.status for entry in glance(machines[0]).entries.values()} == {"done"}
    assert len(glance(machines[1]).entries) == len(done)
    with open_store(machines[0], create=False) as store:
        here = {found.id for found in store.query() if store.artefact(found, "predictions/test") is not None}
    assert here == {line.split()[0] for line in lines(machines[0])}


def lines(folder: Path) -> list[str]:
    """One for each trial that began there."""
    path = folder / "calls.txt"
    return path.read_text().splitlines() if path.is_file() else []


# Commands


def test_commands_read_a_run_from_the_database(tmp_path, team_url, monkeypatch):
    """On a machine that has nothing of it: report, results, recommend and lint say what its own machine says."""
    monkeypatch.chdir(tmp_path)
    own = make_run(tmp_path / "own" / "vision", *(trial(model, seed) for model in ("net", "big") for seed in (1, 2, 3)))
    told = suite("results", own, "--table", "trials").stdout
    made = suite("merge", own, "--into", "a/vision", "--store", team_url)
    assert made.exit_code == 0, made.output
    assert results_of(Path("a/vision")) == results_of(own)
    for words in (("results", "--table", "trials"), ("recommend",), ("lint",), ("report",)):
        ended = suite(words[0], "b/vision", *words[1:], "--store", team_url)
        assert ended.exit_code in {0, 1}, ended.output
        assert ended.exception is None or isinstance(ended.exception, SystemExit)
        if words[0] == "results":
            assert ended.stdout == told
    page = Path("b/vision/report.md").read_text()
    assert "predictions" in page
    assert without_password(team_url) in (Path("b/vision/store") / LINK).read_text()
    assert suite("results", "b/vision").exit_code == 2 or PASSWORD not in Path("b/vision/store", LINK).read_text()


def test_merging_between_databases_and_files(tmp_path, team_url, postgres_server):
    """From a file to the database, within it, to another database and back: everything is as it was."""
    other = postgres_server.new_database()
    own = make_run(tmp_path / "own", *(trial(seed=seed) for seed in range(1, 6)))
    steps = [("own", "a", team_url), ("a", "b", team_url), ("b", "c", other), ("c", "back", None)]
    for source, target, url in steps:
        words = ["merge", tmp_path / source, "--into", tmp_path / target, "--no-report"]
        ended = suite(*words, *(["--store", url] if url else []))
        assert ended.exit_code == 0, ended.output
        again = suite(*words, *(["--store", url] if url else []))
        assert "0 of them new" in again.stdout or "nothing" in again.stdout or again.exit_code == 0
    before, after = stored(own), stored(tmp_path / "back")
    for found in (before, after):
        found.pop("entries")
    assert after == before
    assert (tmp_path / "back" / "store" / "results.sqlite").is_file()


def test_a_run_of_another_machine_is_merged_by_its_name(tmp_path, team_url):
    """There is no such folder here: its results come, and its files are where they were."""
    make_run(attached(tmp_path / "there" / "vision", team_url), trial(seed=1), trial(seed=2))
    ended = suite("merge", tmp_path / "vision", "--into", tmp_path / "joined", "--no-report", "--store", team_url)
    assert ended.exit_code == 0, ended.output
    assert len(results_of(tmp_path / "joined")) == 2
    with open_store(tmp_path / "joined", create=False) as store:
        found = store.query()[0]
        assert not store.artefact(found, "predictions/test").is_file()


def test_a_run_with_results_of_its_own_says_that_it_stays_there(tmp_path, monkeypatch):
    """With the environment's database, of which nothing is asked: no database library is even imported."""
    spec = prepared(tmp_path, "fit")
    monkeypatch.setenv(SUITE_STORE, "postgresql://nobody@127.0.0.1:9/db")
    ended = suite("run", spec, "--out", tmp_path / "out")
    assert ended.exit_code == 0, ended.output
    assert "has results of its own, which stay there" in ended.stderr
    assert "nothing to do" in ended.stdout
    program = (
        "import sys, runner_plans; runner_plans.register(); from suite.cli.main import cli\n"
        f"try: cli(['run', {str(spec)!r}, '--out', {str(tmp_path / 'out')!r}, '--quiet'])\n"
        "finally: print({'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules))"
    )
    again = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[1], capture_output=True, check=False
    )
    assert again.stdout.splitlines()[-1] == b"set()", again.stderr


def test_run_and_plan_see_what_is_in_the_database(tmp_path, team_url):
    """A spec that was done elsewhere has nothing left to do here, and its report is written here."""
    spec = prepared(tmp_path, "fit")
    assert (
        suite("merge", tmp_path / "out", "--into", tmp_path / "a", "--run", "digits", "--store", team_url).exit_code
        == 0
    )
    words = ["--out", tmp_path / "b", "--store", team_url, "--run", "digits"]
    planned = suite("plan", spec, *words, "--json")
    assert json.loads(planned.stdout)["to_run"] == 0, planned.output
    assert not (tmp_path / "b").exists()
    ended = suite("run", spec, *words)
    assert ended.exit_code == 0, ended.output
    assert "nothing to do (2 done)" in ended.stdout
    assert (tmp_path / "b" / "report.html").is_file()
    assert suite("plan", spec, "--out", tmp_path / "b").exit_code == 0
