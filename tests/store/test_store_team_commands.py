"""Commands that read several runs, or look at one again and again, with runs of a team's database."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from merge_runs import make_run, trial
from postgres_server import PASSWORD
from test_cli_run import prepared

from suite.cli.main import cli
from suite.errors import StoreError
from suite.publish.points import Job, prepare_all
from suite.publish.reading import Found
from suite.publish.serving.live import LiveReader
from suite.publish.serving.preview import find_place
from suite.publish.serving.rebuild import Rebuilder
from suite.publish.site_frame import Around
from suite.publish.stage import Staging
from suite.runner.claims import Claims, living_owners
from suite.store.address import LINK, StoreChoice
from suite.store.quick_read import glance
from suite.store.store import open_store


def suite(*words: object):
    """A command of the suite."""
    return CliRunner().invoke(cli, [str(word) for word in words])


def stored_there(folder: Path, url: str, *, seeds: tuple[int, ...] = (1, 2), **more: object) -> Path:
    """A run that another machine has stored, whose folder is not here."""
    there = folder / "there" / str(more.pop("name", "vision"))
    StoreChoice(url).attach(there)
    return make_run(there, *(trial(model, seed, **more) for model in ("net", "big") for seed in seeds))


def test_runs_are_published_wherever_they_are(tmp_path, team_url, monkeypatch, postgres_server):
    """From a folder of runs with a link and with a file, and by name; no page says where the database is."""
    monkeypatch.chdir(tmp_path)
    stored_there(tmp_path, team_url, name="linked", seeds=(1,), score=0.4)
    make_run(Path("there/own"), trial(seed=1), spec_name="own")
    StoreChoice(team_url).attach(Path("elsewhere/vision"))
    make_run(Path("elsewhere/vision"), trial(seed=1), trial(seed=2))
    words = ("publish", "there", "vision", "vison", "--to", "site", "--store", team_url, "--json")
    ended = suite(*words)
    assert ended.exit_code == 1, ended.output  # predictions are on the other machine, and the site says so
    assert "net, fine_tune on photos. the predictions are on the machine" in ended.stderr
    assert "unknown run 'vison'" in ended.stderr
    made = json.loads(ended.stdout)
    assert (made["points"], made["made"]) == (3, 3)
    assert not Path("vision").exists()
    assert json.loads(suite(*words).stdout)["made"] == 0
    pages = [path.read_bytes() for path in Path("site").rglob("*") if path.is_file()]
    assert any(b"it cannot be read from its database" in page for page in pages)
    for secret in (PASSWORD, str(postgres_server.folder)):
        assert not any(secret.encode() in page for page in pages)


def test_processes_that_publish_know_where_runs_are(tmp_path, team_url, monkeypatch):
    """From the process that starts them, so that the address is in no command."""
    stored_there(tmp_path, team_url, seeds=(1,))
    monkeypatch.setattr("suite.publish.points.FEW", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    StoreChoice(team_url).attach_where_missing([tmp_path / "vison"])
    found = Found(tmp_path / "vison", "vison", "image_classification", (), "", "")
    around = Around("Models", None, {}, made_up=False, colours={})
    job = Job(found, around, Staging(tmp_path, {}), private=True, largest_bytes=0, recoloured=False, form=None)
    for error in prepare_all([job, job]):
        assert "Did you mean 'vision'" in str(error)


def test_runs_are_compared_wherever_they_are(tmp_path, team_url, monkeypatch):
    """One of a file, one of the database that has no folder here; a name that is in neither is told."""
    monkeypatch.chdir(tmp_path)
    stored_there(tmp_path, team_url, score=0.4)
    make_run(Path("own"), *(trial(model, seed) for model in ("net", "big") for seed in (1, 2)))
    ended = suite("diff", "own", "vision", "--store", team_url, "--json")
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)["cells"]
    assert not Path("vision").exists()
    ended = suite("diff", "own", "vison", "--store", team_url)
    assert (ended.exit_code, "vison" in ended.stderr) == (2, True)


def test_a_run_of_another_machine_is_served(tmp_path, team_url):
    """Its folder is made for the report, which a process makes that has the address where nobody else reads it."""
    stored_there(tmp_path, team_url)
    here = tmp_path / "vision"
    assert find_place(here, StoreChoice(team_url)).kind == "run"
    rebuilder = Rebuilder(here, patience_seconds=0)
    rebuilder.consider()
    deadline = time.monotonic() + 90
    while not (here / "report.html").is_file() or rebuilder.is_busy:
        rebuilder.consider()
        assert time.monotonic() < deadline, rebuilder.problem
        time.sleep(0.05)
    assert PASSWORD not in " ".join(rebuilder._process.args)
    state = LiveReader(here).read()
    assert (state.phase, state.counts.done, state.report) == ("finished", 4, "current")
    assert PASSWORD not in (here / "store" / LINK).read_text()


def test_a_run_that_is_nowhere_is_not_served(tmp_path, team_url, monkeypatch):
    """A slip of the pen makes no folder; a site is served as ever."""
    stored_there(tmp_path, team_url)
    with pytest.raises(StoreError, match="Did you mean 'vision'"):
        find_place(tmp_path / "vison", StoreChoice(team_url))
    assert not (tmp_path / "vison").exists()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "suite-site.json").write_text("{}")
    assert find_place(tmp_path / "site", StoreChoice(team_url, is_default=True)).kind == "site"


def test_a_run_goes_on_while_another_machine_works_on_it(tmp_path, team_url):
    """What is seen of it here is its claim."""
    there = stored_there(tmp_path, team_url)
    here = tmp_path / "vision"
    StoreChoice(team_url).attach(here)
    assert living_owners(here) == ()
    with open_store(there) as store, Claims(store) as held:
        assert held.claim(trial("net", 1).id, seen=None) == "finished"
        entry = store.entries()[trial("net", 1).id]
        assert held.claim(entry.id, seen=entry.sequence) == "claimed"
        assert living_owners(here) == (held.owner,)
        state = LiveReader(here).read()
        assert (state.phase, state.counts.running) == ("running", 1)
    assert LiveReader(here).read().phase == "finished"


def test_a_page_does_not_wait_for_a_server_that_is_away(tmp_path, team_url, postgres_server):
    """It says that the database cannot be reached, and shows the run again when it is back."""
    there = stored_there(tmp_path, team_url, seeds=(1,))
    reader = LiveReader(there)
    assert reader.read().phase == "finished"
    postgres_server.stop()
    try:
        began = time.monotonic()
        state = reader.read()
        assert time.monotonic() - began < 5
        assert (state.phase, "cannot be reached" in state.problem) == ("unreadable", True)
    finally:
        postgres_server.start()
    assert reader.read().phase == "finished"


def test_a_table_is_imported_into_the_database(tmp_path, team_url):
    """Again from another folder it adds nothing, and the command that is kept has no password."""
    table = tmp_path / "table.csv"
    table.write_text("model,data,acc\nsmall,pets,0.7\nlarge,pets,0.9\n")
    words = ("--model", "model", "--dataset", "data", "--score", "acc", "--store", team_url, "--run", "papers")
    for name, said in (("a", "2 new"), ("b", "nothing new")):
        ended = suite("import", table, "--out", tmp_path / name, *words)
        assert (ended.exit_code, said in ended.stdout) == (0, True), ended.output
        kept = json.dumps(dict(glance(tmp_path / name).documents))
        assert "--run papers" in kept
        assert team_url not in kept
        assert PASSWORD not in kept


def test_ranking_takes_a_store(tmp_path):
    """As every command does that writes: not where results of its own would be left aside."""
    spec = prepared(tmp_path, "fit")
    ended = suite("rank", spec, "--out", tmp_path / "out", "--store", "postgresql://nobody@127.0.0.1:9/db")
    assert (ended.exit_code, "suite merge" in ended.stderr) == (2, True)
