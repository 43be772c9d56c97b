"""Runs become one static site; what is new is made, what is gone is removed, what is the same stays."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from merge_runs import environment, make_run, plan_for, trial
from site_reader import OWN, broken_links, everything, files_of, manifest_of
from test_export_model_card import make_export

from suite.api import rebuild_report
from suite.compare.cell import BestComparison
from suite.errors import SuiteError
from suite.publish.collection import Entry
from suite.publish.pages.boards import answer
from suite.publish.publish import Published, publish
from suite.publish.record import CellRecord, DatasetRecord, RunRecord, Scored
from suite.publish.recording import read_run
from suite.publish.schema import site_schema
from suite.store.quick_read import stored_texts
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result
from suite.store.store import open_store

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("net", "wide")


def photos(folder: Path, **more: object) -> Path:
    """A finished run of two models with two seeds each."""
    return make_run(folder, *(trial(model, seed) for model in MODELS for seed in (1, 2)), **more)


def texts(folder: Path) -> Path:
    """Another comparison."""
    spec = {"name": "texts", "task": "text_classification"}
    names = {"spec_name": "texts", "task": "text_classification"}
    return make_run(
        folder, *(trial(model, seed, dataset="news") for model in MODELS for seed in (1, 2)), spec=spec, **names
    )


def export_of(one: Result) -> ExportCard:
    """The card of a file that was made of a trial."""
    where = {"folder": "exports/net/onnx-int8", "file": "model.onnx"}
    return make_export(trial_id=one.id, cell_id=one.cell_id, strategy=one.strategy, seed=one.seed, **where)


def run_again(folder: Path, *, version: str = "2.22.0") -> None:
    """The same spec with another version of TensorFlow, and another score."""
    results = [
        trial(
            model, seed, score=0.5, environment=environment(tensorflow=version), finished_at="2026-11-25T12:00:00+00:00"
        )
        for model in MODELS
        for seed in (1, 2)
    ]
    shutil.rmtree(folder)
    make_run(folder, *results)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run."""
    return photos(tmp_path_factory.mktemp("runs") / "photos")


@pytest.fixture(scope="module")
def site(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of one run with an address."""
    folder = tmp_path_factory.mktemp("site") / "site"
    publish([run], str(folder), title="Our models", base_url=OWN)
    return folder


def point_of(site: Path, name: str = "photos") -> list[Path]:
    """The folders of the points of a history, oldest first."""
    return sorted(path.parent for path in (site / "runs").glob(f"{name}-*/*/image.svg"))


def test_every_link_of_a_site_leads_somewhere_in_it(site: Path) -> None:
    """Pages, images, scripts, anchors, canonical addresses: nothing is missing and nothing is elsewhere."""
    assert len(list(site.rglob("*.html"))) > 10
    assert broken_links(site) == []


def test_the_first_page_names_the_comparison_and_its_answer(site: Path) -> None:
    """A reader sees the title, the task and what to take."""
    page = (site / "index.html").read_text(encoding="utf-8")
    assert '<h1 dir="auto">Our models</h1>' in page
    assert "Which model for photos?" in page
    assert "image classification" in page
    assert "Take " in page


def test_the_page_of_a_run_brings_its_charts_only_when_they_are_needed(site: Path) -> None:
    """The report's page is small: each chart is a file of its own, and so are the details of its cells."""
    (point,) = point_of(site)
    page = (point / "index.html").read_text(encoding="utf-8")
    charts = sorted(path.stem for path in (point / "charts").glob("*.js"))
    assert "cells" in charts
    assert "seeds" in charts
    assert "vega" not in page
    assert all((point / "charts" / f"{name}.svg").is_file() for name in charts if name != "cells")
    asked = json.loads(page.split('id="report-data">')[1].split("</script>")[0])
    assert sorted(asked["parts"]) == charts


def test_publishing_again_writes_nothing(run: Path, site: Path) -> None:
    """The same runs give the same site, to the last byte."""
    before = files_of(site)
    again = publish([run], str(site), title="Our models", base_url=OWN)
    assert (again.made, again.written, again.removed) == (0, 0, 0)
    assert files_of(site) == before


def test_a_new_run_leaves_the_pages_of_the_others_alone(run: Path, tmp_path: Path) -> None:
    """Only its own pages are made, and those that tell of all runs."""
    site = tmp_path / "site"
    publish([run], str(site))
    before = files_of(site)
    second = publish([run, texts(tmp_path / "texts")], str(site))
    after = files_of(site)
    assert second.made == 1
    assert {path for path in before if path.startswith("runs/photos") and after.get(path) != before[path]} == set()
    assert broken_links(site) == []


def test_a_run_that_is_gone_takes_its_pages_with_it(run: Path, tmp_path: Path) -> None:
    """Unless the site is asked to keep it."""
    site, other = tmp_path / "site", texts(tmp_path / "texts")
    publish([run, other], str(site))
    kept = publish([run], str(site), keep=True)
    assert kept.runs == 2
    assert (site / "datasets").glob("news*")
    gone = publish([run], str(site))
    assert gone.runs == 1
    assert not [path for path in files_of(site) if "texts" in path or "news" in path]
    assert broken_links(site) == []


def test_a_run_that_was_run_again_is_a_new_point_and_the_old_one_stays(tmp_path: Path) -> None:
    """The old page keeps its address and its content; a page says what changed, and the feed has both."""
    site, run = tmp_path / "site", photos(tmp_path / "photos")
    publish([run], str(site), base_url=OWN)
    (first,) = point_of(site)
    page = (first / "index.html").read_bytes()
    run_again(run)
    second = publish([run], str(site))
    assert second.points == 2
    assert second.runs == 1
    assert (first / "index.html").read_bytes() == page
    new = next(point for point in point_of(site) if point != first)
    changes = (new / "changes" / "index.html").read_text(encoding="utf-8")
    assert "2.21.0" in changes
    assert "2.22.0" in changes
    assert (site / "feed.xml").read_text(encoding="utf-8").count("<entry>") == 2
    history = next((site / "runs").glob("photos-*/index.html")).read_text(encoding="utf-8")
    assert first.name in history
    assert new.name in history
    assert 'data-chart="trend-' in history
    assert broken_links(site) == []


def test_the_middle_of_a_run_gives_way_to_its_end(tmp_path: Path) -> None:
    """A history has no points of runs that were not finished when they were published."""
    site, run = tmp_path / "site", tmp_path / "photos"
    results = [trial("net", seed) for seed in (1, 2)]
    make_run(run, results[0])
    with open_store(run) as store:
        store.save_document("plan", plan_for(results).model_dump_json())
    publish([run], str(site))
    (middle,) = point_of(site)
    shutil.rmtree(run)
    make_run(run, *results)
    assert publish([run], str(site)).points == 1
    assert not middle.exists()


def test_the_json_of_a_site_is_what_its_schema_says(site: Path) -> None:
    """The record of a point and the evidence of its cells are valid, and the schema comes along."""
    schema = json.loads((site / "data" / "schema.json").read_text(encoding="utf-8"))
    (record,) = (path for path in (site / "data" / "runs").glob("*/*.json") if path.name != "index.json")
    document = json.loads(record.read_text(encoding="utf-8"))
    jsonschema.validate(document, {**schema, "$ref": "#/$defs/RunRecord"})
    evidence = json.loads((site / "data" / "evidence" / record.relative_to(site / "data" / "runs")).read_text())
    assert evidence
    for one in evidence.values():
        jsonschema.validate(one, {**schema, "$ref": "#/$defs/EvidenceRecord"})
    assert RunRecord.model_validate(document).trials_finished == 4


def test_the_schema_in_the_documentation_is_the_one_of_the_code() -> None:
    """``python -m suite.cli.reference`` writes it."""
    kept = json.loads((ROOT / "docs" / "site-data.schema.json").read_text(encoding="utf-8"))
    assert kept == site_schema()


def test_every_page_has_json_behind_it(site: Path) -> None:
    """What a page's link to its data names is there and is JSON; the page for what is not there has none."""
    without = set()
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        links = [part.split('"')[0] for part in text.split('type="application/json" href="')[1:]]
        for link in links:
            json.loads((page.parent / link).resolve().read_text(encoding="utf-8"))
        without |= set() if links else {page.relative_to(site).as_posix()}
    assert without == {"404.html"}


def test_feed_and_site_map_are_xml_with_whole_addresses(site: Path) -> None:
    """The feed has an id, a date and a link for each point; the map names pages that are there."""
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.parse(site / "feed.xml").getroot()
    (entry,) = feed.findall(f"{atom}entry")
    for name in ("id", "updated", "title", "summary"):
        assert entry.findtext(f"{atom}{name}")
    link = entry.find(f"{atom}link")
    assert link is not None
    assert str(link.get("href")).startswith(OWN)
    pages = [
        str(one.text) for one in ET.parse(site / "sitemap.xml").getroot().iter() if one.text and "http" in one.text
    ]
    assert OWN in pages
    assert all((site / page.removeprefix(OWN) / "index.html").is_file() for page in pages)


def test_without_an_address_there_is_no_site_map(run: Path, tmp_path: Path) -> None:
    """A map must have whole addresses; the feed's links are relative."""
    publish([run], str(tmp_path / "site"))
    assert not (tmp_path / "site" / "sitemap.xml").exists()
    assert 'href="runs/photos' in (tmp_path / "site" / "feed.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("address", ["ann.github.io", "ftp://x/", "https://user:secret@x/", "https://x/?a=b"])
def test_an_address_that_is_none_is_refused(run: Path, tmp_path: Path, address: str) -> None:
    """Before anything is written, and without telling a password."""
    with pytest.raises(SuiteError, match="expected the address") as refused:
        publish([run], str(tmp_path / "site"), base_url=address)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "site").exists()


def test_a_small_exported_model_can_be_downloaded_and_a_large_one_not(tmp_path: Path) -> None:
    """Its card is there in both cases."""
    one = trial("net", 1)
    card = export_of(one)
    run = make_run(tmp_path / "photos", one, exports=[card])
    publish([run], str(tmp_path / "small"), largest_model_mb=card.bytes / 1e6)
    publish([run], str(tmp_path / "none"), largest_model_mb=0)
    assert [path.name for path in (tmp_path / "small" / "files").rglob("*") if path.is_file()] == [
        "card.json",
        "model.onnx",
    ]
    assert [path.name for path in (tmp_path / "none" / "files").rglob("*") if path.is_file()] == ["card.json"]
    assert broken_links(tmp_path / "small") == [] == broken_links(tmp_path / "none")


def test_an_exported_file_that_is_gone_is_a_gap(tmp_path: Path) -> None:
    """It is told on the page and in the result, and the rest is published."""
    one = trial("net", 1)
    card = export_of(one)
    run = make_run(tmp_path / "photos", one, exports=[card])
    (run / "exports" / "net" / "onnx-int8" / "model.onnx").unlink()
    done = publish([run], str(tmp_path / "site"))
    assert any("no longer there" in gap.reason for gap in done.gaps)
    assert "no longer there" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_a_folder_of_runs_is_all_runs_in_it(tmp_path: Path) -> None:
    """As ``reports`` is."""
    photos(tmp_path / "reports" / "photos")
    texts(tmp_path / "reports" / "texts")
    assert publish([tmp_path / "reports"], str(tmp_path / "site")).runs == 2


def test_a_leaderboard_stands_on_the_same_data_only(tmp_path: Path) -> None:
    """Two runs on one data set share a leaderboard; the same name with other content has its own."""
    names = {"spec_name": "other"}
    other = make_run(tmp_path / "other", *(trial("third", seed) for seed in (1, 2)), spec={"name": "other"}, **names)
    publish([photos(tmp_path / "photos"), other], str(tmp_path / "site"))
    boards = [
        path for path in (tmp_path / "site" / "data" / "leaderboards").glob("*.json") if path.name != "index.json"
    ]
    (board,) = boards
    rows = json.loads(board.read_text(encoding="utf-8"))["rows"]
    assert {row["model"] for row in rows} == {"net", "wide", "third"}
    assert {row["best"]["verdict"] for row in rows} <= {"may_be_best", "unsettled", "worse"}
    assert {row["best"]["against"] for row in rows} == {f"{rows[0]['run']}/{rows[0]['cell_id']}"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("may_be_best", "It is the only one."),
        ("may_be_best - -", "cannot be said"),
        ("may_be_best may_be_best worse", "1 other cell may be the best too."),
        ("may_be_best worse -", "no other cell may be the best. Of 1 cell nothing can be said."),
        ("may_be_best worse unsettled", "no other cell may be the best. 1 cell is unsettled."),
    ],
)
def test_a_leaderboard_claims_no_more_than_was_tested(site: Path, words: str, said: str) -> None:
    """Where predictions are gone, nobody is said to be beaten."""
    (record,) = (path for path in (site / "data" / "runs").glob("*/*.json") if path.name != "index.json")
    run = RunRecord.model_validate_json(record.read_text(encoding="utf-8"))
    cell = CellRecord(
        cell_id="c", model="net", dataset="photos", strategy="probe", score=Scored(value=0.9), finished=1, planned=1
    )
    entry = Entry(run, cell, DatasetRecord(name="photos", fingerprint="f"), 1)
    verdicts = tuple(
        None if word == "-" else BestComparison(verdict=word, behind=0.0, low=0.0, high=0.0, against="c")
        for word in words.split()
    )
    assert said in answer((entry,) * len(verdicts), verdicts)


def test_a_record_of_an_older_site_is_read(run: Path, tmp_path: Path) -> None:
    """Letters are dropped, the interval with seeds becomes the one, and the point keeps its pages."""
    site, other = tmp_path / "site", texts(tmp_path / "texts")
    publish([run], str(site))
    (record,) = (path for path in (site / "data" / "runs").glob("photos-*/*.json") if path.name != "index.json")
    document = json.loads(record.read_text(encoding="utf-8"))
    for cell in document["cells"]:
        del cell["best"]
        cell |= {"ties": "ab"}
        cell["score"] |= {"overall_low": 0.1, "overall_high": 0.9}
    del document["leading"], document["findings"]
    document["record_version"] = 1
    record.write_text(json.dumps(document), encoding="utf-8")
    read = read_run(record).record
    assert {(cell.best, cell.score.low, cell.score.high) for cell in read.cells} == {(None, 0.1, 0.9)}
    done = publish([other], str(site), keep=True)
    assert (done.runs, done.gaps) == (2, ())
    (board,) = (site / "data" / "leaderboards").glob("*photos*.json")
    assert json.loads(board.read_text(encoding="utf-8"))["rows"][0]["best"]["verdict"] == "may_be_best"
    assert broken_links(site) == []


def test_verdicts_of_a_leaderboard_are_taken_from_the_site_where_nothing_changed(run: Path, tmp_path: Path) -> None:
    """The same cells, the same verdicts: what the site says is believed only as long as its cells are the same."""
    site, other = tmp_path / "site", texts(tmp_path / "texts")
    publish([run], str(site))
    (board,) = (site / "data" / "leaderboards").glob("*photos*.json")
    text = board.read_text(encoding="utf-8")
    board.write_text(text.replace('"may_be_best"', '"unsettled"'), encoding="utf-8")
    publish([run, other], str(site))
    assert "may_be_best" not in board.read_text(encoding="utf-8")
    board.write_text(text.replace('"made_from":"', '"made_from":"x'), encoding="utf-8")
    publish([run, other], str(site), title="Anew")
    assert "may_be_best" in board.read_text(encoding="utf-8")


def test_a_site_is_made_without_tensorflow(run: Path, tmp_path: Path) -> None:
    """A laptop that only reads results can publish them."""
    code = (
        "import sys; from pathlib import Path; from suite.publish.publish import publish; "
        f"publish([Path({str(run)!r})], {str(tmp_path / 'site')!r}); "
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    assert (tmp_path / "site" / "index.html").is_file()


def test_numbers_that_were_made_up_are_said_to_be(run: Path, tmp_path: Path) -> None:
    """On every page."""
    publish([run], str(tmp_path / "site"), made_up=True)
    for page in (tmp_path / "site").rglob("*.html"):
        assert "were made up" in page.read_text(encoding="utf-8")


def test_what_was_done_is_counted(run: Path, tmp_path: Path) -> None:
    """Files written are the files of the site."""
    done = publish([run], str(tmp_path / "site"))
    assert isinstance(done, Published)
    assert done.written == len(files_of(tmp_path / "site"))
    assert set(manifest_of(tmp_path / "site")["files"]) | {"suite-site.json"} == set(files_of(tmp_path / "site"))


def test_images_are_taken_over_where_cleaning_changed_no_chart(tmp_path: Path) -> None:
    """A command with a private path leaves them; a private path in the name of a model has them drawn again."""
    command = "suite run /home/ann/specs/photos.json"
    told = photos(tmp_path / "told", command=command)
    named = make_run(
        tmp_path / "named", trial("/home/ann/net", 1), trial("wide", 1), spec={"name": "named"}, spec_name="named"
    )
    for one in (told, named):
        rebuild_report(one)
        for image in (one / "charts").glob("*.svg"):
            image.write_text(f"<!-- of the report -->{image.read_text(encoding='utf-8')}", encoding="utf-8")
    publish([told, named], str(tmp_path / "site"))
    (kept,), (drawn,) = point_of(tmp_path / "site"), point_of(tmp_path / "site", "named")
    assert all("of the report" in path.read_text(encoding="utf-8") for path in (kept / "charts").glob("*.svg"))
    assert not any("of the report" in path.read_text(encoding="utf-8") for path in (drawn / "charts").glob("*.svg"))
    assert list((drawn / "charts").glob("*.svg"))
    assert "/home/ann" not in everything(tmp_path / "site")


def test_a_run_is_the_same_point_whichever_way_its_store_is_read(tmp_path: Path) -> None:
    """The standard library and SQLAlchemy give the same texts of results and of exported files."""
    one = trial("net", 1)
    run = make_run(tmp_path / "photos", one, trial("wide", 1), exports=[export_of(one)])
    with open_store(run, create=False) as store:
        assert stored_texts(run) == store.texts()
    assert len(stored_texts(run)) == 3
