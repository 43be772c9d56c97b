"""Names from data, private places, damaged runs and foreign folders: nothing runs, nothing leaks, nothing is lost."""

from __future__ import annotations

import json
import socket
import sqlite3
import string
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from merge_runs import make_run, trial
from site_reader import broken_links, everything, files_of
from test_publish import photos, texts

from suite.cli.main import cli
from suite.errors import StoreError, StoreVersionError, SuiteError
from suite.publish.names import folder_name
from suite.publish.private import Cleaner, without_private
from suite.publish.publish import publish
from suite.publish.stage import inside_site
from suite.store.records.result import DataRecord
from suite.store.store import open_store

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "../../outside",
    "con",
    "😀 \u202eevil",
    "x" * 500,
    "</script><script>alert(2)</script>",
    "{{ 7*7 }}",
    "مرحبا",
    "a\nb",
    "a\u2028b",
    "a\ufffe\x0b\x00b",
)
SAFE = set(string.ascii_lowercase + string.digits + "-_")


class Scripts(HTMLParser):
    """Scripts and handlers of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        given_ = dict(attrs)
        if (
            tag == "script"
            and given_.get("type") != "application/json"
            and not str(given_.get("src", "")).endswith(".js")
        ):
            self.found.append("script")
        self.found += [name for name in given_ if name.startswith("on")]


def hostile_run(folder: Path) -> Path:
    """A run whose models, data, classes and title are hostile names."""
    results = []
    for place, name in enumerate(HOSTILE):
        data = DataRecord(
            name=name,
            class_names=("class 0", name),
            sizes={"test": 60},
            fingerprint=f"f{place}",
            licence=name,
            origin=name,
        )
        results.append(trial(name, 1, dataset=name, data=(data,), id=f"t{place}", cell_id=f"c{place}"))
    return make_run(folder, *results, spec={"name": HOSTILE[0]}, spec_name=HOSTILE[0], title=HOSTILE[1])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a hostile run."""
    folder = tmp_path_factory.mktemp("hostile")
    publish([hostile_run(folder / "run")], str(folder / "inner" / "site"), title=HOSTILE[0])
    return folder


def test_names_from_data_run_nothing(hostile: Path) -> None:
    """Every page has the scripts of the site and no others, and no handler."""
    for page in hostile.rglob("*.html"):
        assert Scripts(page.read_text(encoding="utf-8")).found == [], page


def test_names_from_data_stay_in_the_site_and_make_names_that_every_system_takes(hostile: Path) -> None:
    """Nothing is written beside the site; folders are of lower-case letters, digits, ``-`` and ``_``, and short."""
    assert [path.name for path in (hostile / "inner").iterdir()] == ["site"]
    for path in (hostile / "inner" / "site").rglob("*"):
        if path.is_dir():
            assert set(path.name) <= SAFE, path
            assert len(path.name) <= 90, path


def test_every_hostile_name_has_its_own_page_and_all_links_work(hostile: Path) -> None:
    """No page overwrites another."""
    site = hostile / "inner" / "site"
    assert len(list((site / "models").iterdir())) == len(HOSTILE) + 1
    assert len(list((site / "datasets").iterdir())) == len(HOSTILE) + 1
    assert broken_links(site) == []


@given(st.lists(st.text(max_size=80), min_size=2, max_size=8, unique=True))
def test_different_names_never_make_the_same_folder(names: list[str]) -> None:
    """Also where they differ in case, accents or signs alone."""
    made = {folder_name(name) for name in names}
    assert len(made) == len(names)
    assert all(set(name) <= SAFE and 0 < len(name) <= 70 for name in made)
    assert not [name for name in made if name.startswith("-")]


@pytest.mark.parametrize("name", ["con", "NUL", "com1", "aux"])
def test_a_name_that_windows_reserves_is_changed(name: str) -> None:
    """Such a folder could not be copied there."""
    assert folder_name(name) != name
    assert folder_name(name).lower() not in {"con", "nul", "com1", "aux"}


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "C:/x", "a\\b", "a//b", ""])
def test_a_path_that_leaves_the_site_is_a_defect(path: str) -> None:
    """It is refused where files are prepared, whatever made it."""
    with pytest.raises(ValueError, match="leave the site"):
        inside_site(path)


PRIVATE = (
    "/home/ann/photos/cats",
    r"C:\Users\ann\photos",
    "https://ann:hunter2secret@data.example/x",
    "hf_abcdefghijklmnopqrstuvwxyz012345",
)


@pytest.fixture
def private_run(tmp_path: Path) -> Path:
    """A run whose records tell of the machine: paths, a token, a password, its name."""
    data = DataRecord(
        name="photos", class_names=("class 0", "class 1"), sizes={"test": 60}, fingerprint="f", licence=None,
        origin=f"{PRIVATE[0]} and {PRIVATE[1]}",
    )  # fmt: skip
    notes = (f"Read {PRIVATE[2]}.", f"Sent by {PRIVATE[3]} from {socket.gethostname()}x or {socket.gethostname()}.")
    one = trial("net", 1, data=(data,), notes=notes)
    lost = trial("net", 2, status="failed", error=f"  File {PRIVATE[0]}/train.py, line 3")
    spec = {"name": "photos", "datasets": [{"source": "folder", "path": PRIVATE[0]}], "token": "abcdefgh"}
    return make_run(tmp_path / "photos", one, lost, spec=spec, command=f"suite run {PRIVATE[0]}/spec.json")


def test_paths_names_and_credentials_are_not_published(private_run: Path, tmp_path: Path) -> None:
    """Neither on pages nor in data; of a path its last part stays."""
    publish([private_run], str(tmp_path / "site"))
    text = everything(tmp_path / "site")
    for secret in ("/home/ann", "Users", "hunter2secret", PRIVATE[3], "abcdefgh", str(tmp_path)):
        assert secret not in text, secret
    assert "…/cats" in text
    assert "…/spec.json" in text


def test_paths_are_published_where_that_is_asked_for_and_credentials_never(private_run: Path, tmp_path: Path) -> None:
    """``--with-paths`` is for a site within a team."""
    publish([private_run], str(tmp_path / "site"), places=True)
    text = everything(tmp_path / "site")
    assert PRIVATE[0] in text
    assert "hunter2secret" not in text
    assert PRIVATE[3] not in text
    assert "abcdefgh" not in text


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("/home/ann/pets", "…/pets"),
        ("~/pets", "…/pets"),
        ("C:\\Users\\Ann\\pets", "…/pets"),
        ("file:///home/ann/pets.csv", "…/pets.csv"),
        ("https://ann:secret@host/a.zip", "https://***@host/a.zip"),
        ("https://host/a.zip?X-Amz-Signature=abc", "https://host/a.zip?X-Amz-Signature=***"),
        (
            "suite import /home/ann/t.csv --out='/data/x/y' --dataset a/b",
            "suite import …/t.csv --out='…/y' --dataset a/b",
        ),
        (
            {"api_key": "abc", "max_tokens": 5, "in": [{"path": "/a/b"}]},
            {"api_key": "***", "max_tokens": 5, "in": [{"path": "…/b"}]},
        ),
    ],
)
def test_what_is_private_is_left_out(told: object, kept: object) -> None:
    """Folders of a machine, user names, passwords and signed addresses, in texts and in JSON."""
    assert without_private(told) == kept


@given(st.text(max_size=200))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """What was cleaned holds nothing private."""
    cleaner = Cleaner(places=False)
    once = cleaner.text(text)
    assert cleaner.text(once) == once


@pytest.mark.parametrize(
    "text", ["specs/vision.json", "https://a.example/b/c.html", "5/25 and/or 3/3", "image_classification", "a: b/c"]
)
def test_what_is_no_place_of_a_machine_stays(text: str) -> None:
    """Web addresses, relative paths, fractions."""
    assert Cleaner(places=False).text(text) == text


def test_a_damaged_run_does_not_keep_the_others_back(tmp_path: Path) -> None:
    """The rest is published; the first page and the exit status say what is missing, without the path."""
    good, bad = photos(tmp_path / "photos"), texts(tmp_path / "texts")
    (bad / "store" / "results.sqlite").write_bytes(b"no database at all")
    done = CliRunner().invoke(cli, ["publish", str(good), str(bad), "--to", str(tmp_path / "site")])
    assert done.exit_code == 1
    assert "Not published: the run texts." in done.stderr
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "Not everything could be published" in page
    assert "the run texts" in page
    assert str(tmp_path) not in page


def test_a_run_that_is_damaged_after_it_was_published_keeps_its_pages(tmp_path: Path) -> None:
    """Nobody knows any more which comparison it was: nothing is removed, and the gap is told."""
    good, bad, site = photos(tmp_path / "photos"), texts(tmp_path / "texts"), tmp_path / "site"
    publish([good, bad], str(site))
    (bad / "store" / "results.sqlite").write_bytes(b"no database at all")
    done = publish([good, bad], str(site))
    assert (done.runs, done.removed, len(done.gaps)) == (2, 0, 1)
    assert list((site / "runs").glob("texts-*/*/index.html"))


def test_a_gap_is_told_as_long_as_it_is_one(tmp_path: Path) -> None:
    """Also when the page of its run is not made again; and nothing is written for that."""
    run = photos(tmp_path / "photos")
    with open_store(run, create=False) as store:
        for result in store.query():
            (store.trial_folder(result.id) / "predictions" / "test.npz").unlink()
    first = publish([run], str(tmp_path / "site"))
    again = publish([run], str(tmp_path / "site"))
    assert again.gaps == first.gaps
    assert again.gaps
    assert (again.made, again.written) == (0, 0)


def test_a_run_of_a_newer_version_does_not_keep_the_others_back(tmp_path: Path) -> None:
    """It is named with its reason."""
    good, newer = photos(tmp_path / "photos"), texts(tmp_path / "texts")
    with sqlite3.connect(newer / "store" / "results.sqlite") as file:
        file.execute("UPDATE documents SET text = '99' WHERE name = 'version'")
    file.close()
    done = publish([good, newer], str(tmp_path / "site"))
    assert done.runs == 1
    assert any("newer suite" in gap.reason for gap in done.gaps)


def test_predictions_that_are_gone_are_a_gap_on_the_page(tmp_path: Path) -> None:
    """Scores stay, intervals cannot be had, and the page says why."""
    run = photos(tmp_path / "photos")
    with open_store(run, create=False) as store:
        for result in store.query():
            (store.trial_folder(result.id) / "predictions" / "test.npz").unlink()
    done = publish([run], str(tmp_path / "site"))
    assert done.gaps
    assert "predictions" in done.gaps[0].what
    (page,) = (tmp_path / "site" / "runs").glob("*/*/index.html")
    assert "Missing: predictions of" in page.read_text(encoding="utf-8")


def test_nothing_to_publish_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A folder without a run, or no folder at all."""
    with pytest.raises(SuiteError, match="holds no run"):
        publish([tmp_path], str(tmp_path / "site"))
    with pytest.raises(SuiteError, match="holds no run"):
        publish([tmp_path / "nowhere"], str(tmp_path / "site"))
    assert not (tmp_path / "site" / "index.html").exists()


def test_a_folder_of_somebody_else_is_refused_and_with_force_kept(tmp_path: Path) -> None:
    """Nothing of it is removed."""
    run, place = photos(tmp_path / "photos"), tmp_path / "home"
    place.mkdir()
    (place / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="--force"):
        publish([run], str(place))
    assert list(files_of(place)) == ["thesis.txt"]
    publish([run], str(place), force=True)
    assert (place / "thesis.txt").read_text() == "years of work"
    assert (place / "index.html").is_file()


def test_a_damaged_marker_is_refused_with_words(tmp_path: Path) -> None:
    """The history of the site hangs on it."""
    run, place = photos(tmp_path / "photos"), tmp_path / "site"
    publish([run], str(place))
    (place / "suite-site.json").write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        publish([run], str(place))
    (place / "suite-site.json").write_text('{"site_version": 99, "suite": "9"}')
    with pytest.raises(StoreVersionError, match="newer suite"):
        publish([run], str(place))


def test_a_point_whose_record_is_damaged_is_a_gap(tmp_path: Path) -> None:
    """What is left of the site is published, and its loss is told."""
    site, other = tmp_path / "site", texts(tmp_path / "texts")
    publish([photos(tmp_path / "photos"), other], str(site))
    (record,) = (path for path in (site / "data" / "runs").glob("photos-*/*.json") if path.name != "index.json")
    record.write_text("{}")
    done = publish([other], str(site), keep=True)
    assert done.runs == 1
    assert any("damaged" in gap.reason for gap in done.gaps)
    assert broken_links(site) == []


def test_evidence_that_is_damaged_in_the_site_makes_a_tie_unknown(tmp_path: Path) -> None:
    """Nobody is said to be beaten by what cannot be read, and the site is built."""
    site = tmp_path / "site"
    runs = [photos(tmp_path / "photos"), texts(tmp_path / "texts")]
    publish(runs, str(site))
    (path,) = (site / "data" / "evidence").glob("photos-*/*.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    for one in kept.values():
        one["resamples"] = "no numbers"
    path.write_text(json.dumps(kept), encoding="utf-8")
    publish([runs[1]], str(site), keep=True)
    (board,) = (path for path in (site / "data" / "leaderboards").glob("*photos*.json"))
    assert [row["best"] for row in json.loads(board.read_text(encoding="utf-8"))["rows"]] == [None, None]


@pytest.mark.parametrize("size", ["nan", "inf", "-1"])
def test_a_size_that_is_none_is_refused(size: str, tmp_path: Path) -> None:
    """One sentence, exit code 2."""
    done = CliRunner().invoke(cli, ["publish", str(tmp_path), "--to", str(tmp_path / "s"), "--largest-model-mb", size])
    assert done.exit_code == 2
    assert "--largest-model-mb" in done.stderr


def test_a_ci_file_is_not_written_for_an_address_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fail at its first push."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["publish", "runs", "--workflow", "github", "--base-url", "nonsense"])
    assert done.exit_code == 2
    assert "expected the address" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_made_up_numbers_that_stay_in_a_site_are_still_said_to_be(tmp_path: Path) -> None:
    """Pages that are made from all runs say so as long as one of them is."""
    site, made, real = tmp_path / "site", photos(tmp_path / "photos"), texts(tmp_path / "texts")
    publish([made], str(site), made_up=True)
    publish([real], str(site), keep=True)
    assert "were made up" in (site / "index.html").read_text(encoding="utf-8")
    (page,) = (site / "runs").glob("texts-*/*/index.html")
    assert "were made up" not in page.read_text(encoding="utf-8")


def test_the_command_asks_for_a_target(tmp_path: Path) -> None:
    """One sentence, exit code 2."""
    done = CliRunner().invoke(cli, ["publish", str(tmp_path)])
    assert done.exit_code == 2
    assert "--to is missing" in done.stderr


@pytest.mark.parametrize(("kind", "place"), [("github", ".github/workflows"), ("gitlab", ".gitlab-ci.yml")])
def test_the_command_writes_the_file_of_a_ci_and_keeps_one_that_says_something_else(
    kind: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same again is no change; a file of the user's is refused."""
    monkeypatch.chdir(tmp_path)
    words = ["publish", "reports/vision", "--workflow", kind]
    first = CliRunner().invoke(cli, words)
    assert first.exit_code == 0, first.output
    path = Path(first.stdout.strip())
    assert path.as_posix().startswith(place)
    assert "suite publish" in path.read_text(encoding="utf-8")
    assert CliRunner().invoke(cli, words).exit_code == 0
    path.write_text("mine: 1\n", encoding="utf-8")
    refused = CliRunner().invoke(cli, words)
    assert refused.exit_code == 2
    assert "already" in refused.stderr
    assert path.read_text(encoding="utf-8") == "mine: 1\n"
