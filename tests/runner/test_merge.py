"""Results of several machines joined: what is the same once, what contradicts kept apart, nothing lost."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from export_runs import contents
from export_runs import suite_command as suite
from merge_runs import SPEC, environment, make_run, results_of, stored, trial, with_model, without_numbers
from runner_plans import plan_of
from test_export_model_card import make_export
from test_funnel_standing import plan_of as funnel_plan
from test_funnel_standing import result_of

from suite.compare.planned import PlanSummary, summarise_plan
from suite.errors import SuiteError
from suite.runner.funnel import Funnel
from suite.runner.merging.merge import merge
from suite.runner.run import run_plan
from suite.store.records.check import DataChecks, Finding
from suite.store.records.result import DataRecord, WeightsRecord
from suite.store.store import open_store


@pytest.fixture(autouse=True, params=["sqlite", "postgres"])
def _where_runs_are(request, monkeypatch):
    """Every run that is merged is in a file of its own, and once more in a team's database."""
    if request.param == "postgres":
        monkeypatch.setattr("merge_runs.TEAM", [request.getfixturevalue("team_url")])
        monkeypatch.setenv("SUITE_STORE", request.getfixturevalue("team_url"))


@pytest.fixture
def halves(tmp_path) -> tuple[Path, Path, Path]:
    """Two runs that share one trial, and a folder to join them in."""
    first = make_run(tmp_path / "desktop", trial(seed=1), trial(seed=2))
    second = make_run(tmp_path / "server", trial(seed=2), trial(seed=3), trial("other", seed=1))
    return first, second, tmp_path / "joined"


def plan_in(folder: Path) -> PlanSummary:
    """The stored plan."""
    with open_store(folder, create=False) as store:
        return PlanSummary.model_validate_json(store.documents()["plan"])


def test_two_parts_become_one_run_with_its_report(halves):
    """Every trial once, with its files, in one plan; the parts stay as they were."""
    first, second, joined = halves
    before = [contents(folder / "store" / "trials") for folder in (first, second)]
    ended = suite("merge", first, second, "--into", joined)
    assert ended.exit_code == 0, ended.output
    assert set(results_of(joined)) == {*results_of(first), *results_of(second)}
    assert {one.trial_id for one in plan_in(joined).trials} == set(results_of(joined))
    assert [(one.model, one.seed) for one in plan_in(joined).trials] == [
        ("net", 1),
        ("net", 2),
        ("net", 3),
        ("other", 1),
    ]
    assert "other" in (joined / "report.md").read_text()
    assert [contents(folder / "store" / "trials") for folder in (first, second)] == before
    assert contents(joined / "store" / "trials") == before[1] | before[0]
    assert not list((joined / "store" / "tmp").iterdir())


def test_what_came_from_where_is_said(halves):
    """On stdout, with what was the same and whose was kept."""
    first, second, joined = halves
    ended = suite("merge", first, second, "--into", joined, "--no-report")
    assert ended.stdout.splitlines() == [
        f"{joined}: 4 trials, 4 of them new.",
        f"  {first}: 2 brought",
        f"  {second}: 2 brought; 1 the same as in {first}",
    ]
    assert not (joined / "report.html").exists()


def test_the_same_command_again_changes_nothing(halves):
    """No result, number, document or file; and it says the same of what is the same."""
    first, second, joined = halves
    suite("merge", first, second, "--into", joined, "--no-report")
    before = stored(joined)
    ended = suite("merge", first, second, "--into", joined, "--no-report")
    assert stored(joined) == before
    assert ended.stdout.splitlines() == [
        f"{joined}: 4 trials, none of them new.",
        f"  {first}: 0 brought; 2 there already",
        f"  {second}: 0 brought; 2 there already; 1 the same as in {first}",
    ]


def test_what_is_done_nowhere_stays_once(tmp_path):
    """The failure of the first folder, and a divergence before it, since a run would not try that again."""
    make_run(tmp_path / "a", trial(seed=1, status="failed"), trial(seed=2, status="failed"))
    make_run(tmp_path / "b", trial(seed=1, status="timeout"), trial(seed=2, status="diverged"))
    for said in ("1 brought", "0 brought; 1 there already"):
        ended = suite("merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "c", "--no-report")
        assert [one.status for one in results_of(tmp_path / "c").values()] == ["failed", "diverged"]
        assert f"  {tmp_path / 'b'}: {said}; 1 not done, kept as in {tmp_path / 'a'}" in ended.stdout


@pytest.mark.parametrize("order", [("desktop", "server"), ("server", "desktop")])
@pytest.mark.parametrize("status", ["failed", "timeout", "diverged"])
def test_what_is_done_goes_before_what_is_not(tmp_path, order, status):
    """Whatever the order, also on other versions; the failed one is told and no conflict."""
    make_run(tmp_path / "desktop", trial(status=status, environment=environment(keras="3.0.0")))
    make_run(tmp_path / "server", trial())
    ended = suite("merge", *(tmp_path / name for name in order), "--into", tmp_path / "joined", "--no-report")
    assert ended.exit_code == 0
    assert [one.status for one in results_of(tmp_path / "joined").values()] == ["done"]
    assert f"{tmp_path / 'desktop'}: 0 brought; 1 not done, kept as in {tmp_path / 'server'}" in ended.stdout
    assert {path.name for path in contents(tmp_path / "joined" / "store" / "trials")} == {"test.npz"}


def test_a_result_that_is_done_replaces_the_failure_that_was_joined_before(tmp_path):
    """The machine that failed was merged first; the other one comes later."""
    make_run(tmp_path / "desktop", trial(status="failed"), trial(seed=2))
    make_run(tmp_path / "server", trial())
    for name in ("desktop", "server"):
        suite("merge", tmp_path / name, "--into", tmp_path / "joined", "--no-report")
    assert {one.status for one in results_of(tmp_path / "joined").values()} == {"done"}


OTHERS = {
    "tensorflow": ({"environment": environment(tensorflow="2.20.0")}, "tensorflow 2.21.0 in A, 2.20.0 in B"),
    "suite": ({"environment": environment(suite="0.2.0")}, "suite 0.1.0 in A, 0.2.0 in B"),
    "keras-hub": ({"environment": environment(keras_hub="0.25.0")}, "keras-hub 0.26.0 in A, 0.25.0 in B"),
    "no versions": ({"environment": None}, "keras 3.14.0 in A, not there in B"),
    "weights": (
        {"weights": WeightsRecord(name="w", location="", sha256="0" * 64, licence=None, pretrained_on=None)},
        "the weights of net are net in A, 00000000 in B",
    ),
    "data": (
        {"data": (DataRecord(name="photos", class_names=(), sizes={}, fingerprint="9" * 32, licence=None, origin=""),)},
        "the content of photos is f in A, 99999999 in B",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_version_weight_or_content_is_a_conflict(tmp_path, monkeypatch, name):
    """It is named with what differs, the first stays, the other is kept apart, and the exit code tells."""
    monkeypatch.chdir(tmp_path)
    other, words = OTHERS[name]
    make_run(Path("A"), trial(seed=1), trial(seed=2))
    make_run(Path("B"), trial(seed=1, **other))
    ended = suite("merge", "A", "B", "--into", "C", "--no-report")
    assert ended.exit_code == 1
    assert words in ended.stderr
    assert "net x photos x fine_tune, seed 1 (net-phot). Kept: A." in ended.stderr.replace("\n", " ")
    assert "  B: 0 brought; 1 conflict, kept apart in C/conflicts/B" in ended.stdout
    assert results_of(Path("C")) == results_of(Path("A"))
    assert results_of(Path("C/conflicts/B")) == results_of(Path("B"))


@pytest.mark.parametrize("other", [{"device": "GPU"}, {"packages": {}, "threads": 8}])
def test_another_machine_is_no_conflict(tmp_path, other):
    """Device, threads and further packages may differ."""
    here = environment().model_copy(update={"packages": {}} if "packages" in other else {})
    make_run(tmp_path / "desktop", trial(environment=here))
    make_run(tmp_path / "server", trial(environment=here.model_copy(update=other)))
    assert suite("merge", tmp_path / "desktop", tmp_path / "server", "--into", tmp_path / "c").exit_code == 0


@pytest.fixture
def contradicting(tmp_path, monkeypatch) -> Path:
    """Two runs of three trials on other versions, with models and an exported file, joined in C."""
    monkeypatch.chdir(tmp_path)
    elsewhere = environment(tensorflow="2.20.0")
    make_run(Path("A"), *(with_model(seed=seed) for seed in (1, 2)))
    theirs = [with_model(seed=seed, environment=elsewhere) for seed in (1, 2, 3)]
    card = make_export(trial_id=theirs[0].id, cell_id=theirs[0].cell_id, folder="exports/net/onnx-int8")
    make_run(Path("B"), *theirs, exports=[card])
    assert suite("merge", "A", "B", "--into", "C").exit_code == 1
    return tmp_path


def test_what_is_kept_apart_is_a_run_of_its_own(contradicting):
    """With its files, its best model and its exported file; a report can be made of it, and says what it is."""
    apart = contradicting / "C" / "conflicts" / "B"
    assert {one.seed for one in results_of(apart).values()} == {1, 2}
    assert (apart / "exports/net/onnx-int8/model.onnx").read_bytes() == b"onnx"
    assert len(list(apart.glob("store/trials/*/model.keras"))) == 1
    ended = suite("report", apart)
    assert ended.exit_code == 0, ended.output
    assert "kept apart" in (apart / "report.md").read_text()
    assert not (contradicting / "C" / "exports").exists()


def test_a_trial_that_only_the_other_has_joins_beside_and_is_told(contradicting):
    """Other versions for other trials are no conflict, and yet to be known."""
    assert {one.seed for one in results_of(Path("C")).values()} == {1, 2, 3}
    ended = suite("merge", "A", "B", "--into", "D", "--no-report")
    assert "Trials of other versions now stand side by side: tensorflow 2.21.0 in A, 2.20.0 in B." in ended.stderr


def test_conflicts_again_change_nothing(contradicting):
    """Neither the joined run nor what is apart; the message is the same, and so is the exit code."""
    places = [Path("C"), Path("C/conflicts/B")]
    before = [stored(place) for place in places]
    ended = suite("merge", "A", "B", "--into", "C", "--no-report")
    assert ended.exit_code == 1
    assert "2 conflicts (tensorflow 2.21.0 in A, 2.20.0 in B)" in ended.stderr
    assert [stored(place) for place in places] == before
    assert [path.name for path in Path("C/conflicts").iterdir()] == ["B"]


def test_conflicts_of_folders_with_one_name_do_not_mix(tmp_path, monkeypatch):
    """At once they are told apart by the folders above, later by a number."""
    monkeypatch.chdir(tmp_path)
    make_run(Path("A"), trial())
    for index in (1, 2, 3):
        make_run(Path(f"m{index}/vision"), trial(environment=environment(keras=f"3.{index}.0")))
    suite("merge", "A", "m1/vision", "m2/vision", "--into", "C", "--no-report")
    assert {path.name for path in Path("C/conflicts").iterdir()} == {"m1-vision", "m2-vision"}
    for index in (3, 1, 3):
        suite("merge", f"m{index}/vision", "--into", "C", "--no-report")
    assert {path.name for path in Path("C/conflicts").iterdir()} == {"m1-vision", "m2-vision", "vision", "vision-2"}
    assert results_of(Path("C/conflicts/vision-2")) == results_of(Path("m1/vision"))


def test_a_program_reads_every_trial_and_conflict(contradicting):
    """As JSON, with what differs and where it was kept."""
    ended = suite("merge", "A", "B", "--into", "C", "--json")
    found = json.loads(ended.stdout)
    assert [source["folder"] for source in found["sources"]] == ["A", "B"]
    assert found["trials"] == found["held"] == 3
    first = found["sources"][1]["conflicts"][0]
    assert (first["seed"], first["folder"]) == (1, "C/conflicts/B")
    assert first["differences"] == ["tensorflow 2.21.0 in A, 2.20.0 in B"]
    assert [Path(file).name for file in found["files"]] == ["report.html", "report.md", "comparison.json"]


def test_merging_into_one_of_the_runs_brings_the_others_to_it(halves):
    """It goes first, whatever the order of the words."""
    first, second, _ = halves
    kept = results_of(first)
    ended = suite("merge", second, first, "--into", first, "--no-report")
    assert ended.stdout.splitlines()[0] == f"{first}: 4 trials, 2 of them new."
    assert kept.items() <= results_of(first).items()


def test_of_each_cell_the_best_model_is_kept(tmp_path):
    """The other one loses its model, and one that was left behind on its machine takes no place."""
    make_run(tmp_path / "good", with_model(seed=1), selection=0.8)
    make_run(tmp_path / "better", with_model(seed=2), selection=0.9)
    absent = make_run(tmp_path / "best", with_model(seed=3), selection=0.95)
    next(absent.glob("store/trials/*/model.keras")).unlink()
    for order in (("good", "better", "best"), ("best", "better", "good")):
        joined = tmp_path / order[0] / "joined"
        merge([tmp_path / name for name in order], joined)
        assert [path.read_text() for path in joined.glob("store/trials/*/model.keras")] == ["model.keras of better"]
        assert [one.seed for one in results_of(joined).values() if "model" in one.artefacts] == [2]


def test_exported_files_come_along(tmp_path):
    """With their cards; of a trial that both have, the file that only the second has; a place that is taken stays."""
    one, two = trial(seed=1), trial(seed=2)
    same_place = {"folder": "deploy/net", "file": "model.onnx"}
    make_run(tmp_path / "a", one, exports=[make_export(trial_id=one.id, cell_id=one.cell_id, **same_place)])
    further = make_export(trial_id=one.id, cell_id=one.cell_id, precision="fp32", folder="exports/fp32")
    make_run(tmp_path / "b", one, two, exports=[
        make_export(trial_id=two.id, cell_id=two.cell_id, **same_place), further
    ])  # fmt: skip
    joined = tmp_path / "joined"
    done = merge([tmp_path / "a", tmp_path / "b"], joined)
    assert done.exports == 3
    with open_store(joined, create=False) as store:
        folders = {(card.trial_id, card.precision): str(card.folder) for card in store.exports()}
    assert folders == {
        (one.id, "int8"): "deploy/net", (two.id, "int8"): "deploy/net-2", (one.id, "fp32"): "exports/fp32"
    }  # fmt: skip
    assert json.loads((joined / "deploy/net-2/card.json").read_text())["folder"] == "deploy/net-2"
    before = stored(joined)
    assert merge([tmp_path / "a", tmp_path / "b"], joined).exports == 0
    assert stored(joined) == before


def test_a_card_without_its_files_comes_without_a_folder(tmp_path):
    """So that a run makes the file again; and a card cannot lead out of its run."""
    one = trial()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("key")
    cards = [
        make_export(trial_id=one.id, cell_id=one.cell_id, precision=precision, folder=folder)
        for precision, folder in (("fp32", "exports/gone"), ("int8", "x"), ("fp16", "y"))
    ]
    make_run(tmp_path / "a", one, exports=cards)
    (tmp_path / "a" / "exports" / "gone").rename(tmp_path / "moved")
    with open_store(tmp_path / "a") as store:
        store.save_export(cards[1].model_copy(update={"folder": "../secret"}))
        store.save_export(cards[2].model_copy(update={"folder": str(tmp_path / "secret")}))
    merge([tmp_path / "a"], tmp_path / "joined")
    with open_store(tmp_path / "joined", create=False) as store:
        assert [card.folder for card in store.exports()] == [None, None, None]
    assert not list((tmp_path / "joined").rglob("key"))


def test_a_disk_that_is_full_keeps_what_was_merged(tmp_path):
    """The message says so; with room the same command goes on, and the end is as if it had never stopped."""
    folders = [make_run(tmp_path / name, *(with_model(name, seed) for seed in (1, 2))) for name in ("a", "b")]
    big = next(iter(sorted((folders[1] / "store" / "trials").glob("*/predictions"))))
    (big / "more.npz").write_bytes(b"x" * 900_000)
    merge(folders, tmp_path / "at once")
    joined = tmp_path / "joined"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
        with pytest.raises(SuiteError, match=r"disk is full.*run the same command again"):
            merge(folders, joined)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 2 <= len(results_of(joined)) < 4
    assert not list((joined / "store" / "tmp").iterdir())
    assert suite("report", joined).exit_code == 0
    merge(folders, joined)
    assert without_numbers(stored(joined)) == without_numbers(stored(tmp_path / "at once"))


def test_a_merge_that_was_broken_off_goes_on(contradicting):
    """After Ctrl-C between two folders, and with an orphaned folder of a crash, the end is the same."""

    def interrupt(line: str) -> None:
        if line.startswith("B"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge([Path("A"), Path("B")], Path("D"), tell=interrupt)
    assert len(results_of(Path("D"))) == 2
    missing = next(iter(results_of(Path("C")).keys() - results_of(Path("D")).keys()))
    (Path("D/store/trials") / missing).mkdir()
    (Path("D/store/trials") / missing / "half").write_text("")
    merge([Path("A"), Path("B")], Path("D"))
    for place in (".", "conflicts/B"):
        # Numbers are of the whole database.
        assert without_numbers(stored(Path("D") / place)) == without_numbers(stored(Path("C") / place))


def test_other_seeds_make_one_spec_with_all_seeds(tmp_path):
    """The stored spec is one that a run takes for its own, and the report says that runs were joined."""
    make_run(tmp_path / "a", trial(seed=1), spec={**SPEC, "seeds": [1]}, command="suite run a.json")
    make_run(tmp_path / "b", trial(seed=2), spec={**SPEC, "seeds": [2], "name": "photos-2"}, command="suite run b.json")
    for _ in range(2):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
        with open_store(tmp_path / "c", create=False) as store:
            assert json.loads(store.documents()["spec"]) == {**SPEC, "seeds": [1, 2]}
        plan = plan_in(tmp_path / "c")
        assert plan.command == "suite run a.json\nsuite run b.json"
        assert plan.remarks == (
            "These results were joined from runs of photos and photos-2, whose specs differ in seeds.",
        )


def test_other_models_make_a_document_that_no_run_takes_for_its_own(tmp_path):
    """It names both specs; linting and rebuilding the joined run work."""
    make_run(tmp_path / "a", trial("net"), spec={**SPEC, "plugins": ["/here/plugin.py"]})
    make_run(tmp_path / "b", trial("other"), spec={**SPEC, "models": ["other"], "plugins": ["/there/plugin.py"]})
    for _ in range(2):
        assert suite("merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "c", "--no-report").exit_code == 0
        with open_store(tmp_path / "c", create=False) as store:
            found = json.loads(store.documents()["spec"])
        assert [one["models"] for one in found["merged"]] == [["net"], ["other"]]
        assert found["plugins"] == ["/here/plugin.py"]
        assert len(plan_in(tmp_path / "c").remarks) == 1
    assert suite("report", tmp_path / "c").exit_code == 0
    assert "not made from a spec" in suite("lint", tmp_path / "c").output


def test_checks_of_the_data_are_joined(tmp_path):
    """Findings of all whose data is the same; another content is left out and told."""
    make_run(tmp_path / "a", trial(seed=1))
    make_run(tmp_path / "b", trial(seed=2))
    make_run(tmp_path / "c", trial(seed=3))
    finding = Finding(check="sizes", severity="note", what="Small.", where="photos", why="x", mend="y")
    for name, fingerprint in (("a", "f"), ("b", "f"), ("c", "g")):
        checks = DataChecks(
            spec_name="photos", checked_at=f"2026-01-0{ord(name) - 96}", fingerprints={"photos": fingerprint},
            findings=(finding.model_copy(update={"what": name}),), ran=(f"check-{name}",),
        )  # fmt: skip
        (tmp_path / name / "checks.json").write_text(checks.model_dump_json())
    done = merge([tmp_path / name for name in "abc"], tmp_path / "joined")
    kept = DataChecks.model_validate_json((tmp_path / "joined" / "checks.json").read_text())
    assert [one.what for one in kept.findings] == ["a", "b"]
    assert kept.ran == ("check-a", "check-b")
    assert any("another content of photos" in note for note in done.notes)


UNLIKE = {
    "task": ({"task": "text_classification"}, "its task is text_classification"),
    "headline": ({"headline": "log_loss"}, "its headline metric is log_loss"),
    "splits": ({"resample": True}, "its 'resample' is true"),
    "budget": ({"search_seconds_per_model": 60.0}, "its budget of the search is 60 s per model"),
    "published": ({"published": True}, "holds published results"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_runs_that_make_no_comparison_are_refused(tmp_path, name):
    """In words, with both values, before anything is written."""
    plan, words = UNLIKE[name]
    make_run(tmp_path / "a", trial(seed=1))
    make_run(tmp_path / "b", trial(seed=2), **plan)
    ended = suite("merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "c")
    assert ended.exit_code == 2
    assert words in ended.stderr
    assert not (tmp_path / "c").exists()


def test_two_cells_of_one_name_are_refused_with_what_differs(tmp_path):
    """A report could not tell them apart; a label mends it."""
    make_run(tmp_path / "a", trial(seed=1))
    other = trial(seed=1, id="x1", cell_id="x", trial={"training": {"epochs": 3}, "seed": 1})
    make_run(tmp_path / "b", other)
    with pytest.raises(SuiteError, match=r"training.epochs 8 in .*a, 3 in .*b.*Give a 'label'"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_searches_of_other_lengths_are_refused(tmp_path):
    """Two full fits of one cell and seed have not had the same tuning."""
    make_run(tmp_path / "a", trial(seed=1))
    make_run(tmp_path / "b", trial(seed=1, id="longer"))
    with pytest.raises(SuiteError, match="another number of trials"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")


def change_document(name: str, text: str) -> Callable[[Path], None]:
    """Replaces a text beside the results."""

    def change(folder: Path) -> None:
        with open_store(folder) as store:
            store.save_document(name, text)

    return change


def change_results(words: str) -> Callable[[Path], None]:
    """Changes every row of the results."""

    def change(folder: Path) -> None:
        with open_store(folder) as store, store.transaction() as connection:
            connection.exec_driver_sql(f"UPDATE results SET {words}")

    return change


def damage(folder: Path) -> None:
    """Puts a file that is no database into the place of one."""
    for path in (folder / "store").glob("results.sqlite*"):
        path.unlink()
    (folder / "store" / "results.sqlite").write_bytes(b"not a database " * 100)


BROKEN = {
    "newer": (change_document("version", "99"), "version 99"),
    "damaged": (damage, "damaged"),
    "plan": (change_document("plan", "[1]"), "its plan cannot be read"),
    "spec": (change_document("spec", "[1]"), "its stored spec is no JSON object"),
    "file outside": (
        change_results("document = replace(document, 'predictions/test.npz', '../../x')"),
        "names files outside its folder",
    ),
    "id outside": (
        change_results("id = '..', document = replace(document, id, '..') WHERE seed = 2"),
        "names files outside its folder",
    ),
}


def test_damaged_results_stay_where_they_are(halves):
    """The rest is joined, and what was left behind is named."""
    first, second, joined = halves
    with open_store(second) as store:
        chosen = next(iter(store.entries()))
        with store.transaction() as connection:
            connection.exec_driver_sql(f"UPDATE results SET document = '{{}}' WHERE id = '{chosen}'")
    ended = suite("merge", first, second, "--into", joined)
    assert ended.exit_code == 0
    assert f"the result of trial {chosen} is damaged" in ended.stderr
    with open_store(joined, create=False) as store:
        assert chosen not in {one.id for one in store.query() if one.status == "failed"}
        assert store.damage == ()


@pytest.mark.parametrize("place", ["source", "into"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_store_that_cannot_be_read_leaves_the_joined_run_untouched(halves, name, place):
    """Whichever of them it is."""
    first, second, joined = halves
    merge([first], joined)
    broken, words = BROKEN[name]
    broken(second if place == "source" else joined)
    before = contents(joined)
    ended = suite("merge", first, second, "--into", joined)
    assert ended.exit_code == 2
    assert words in ended.stderr
    after = contents(joined)
    assert {path for path in before.keys() ^ after.keys() if path.suffix in {".sqlite", ".npz"}} == set()
    assert all(after[path] == before[path] for path in before if path.suffix in {".sqlite", ".npz", ".json"})


def test_a_folder_that_is_missing_is_told_with_the_nearest(halves):
    """And a folder without a run, a file in the way, and nothing to join."""
    first, _, joined = halves
    (joined.parent / "empty").mkdir()
    (joined.parent / "file").write_text("")
    for words, into, said in (
        ([first, joined.parent / "sever"], joined, ("Did you mean 'server'?",)),
        ([first, joined.parent / "empty"], joined, ("has no results yet", "unknown run 'empty'")),
        ([first], joined.parent / "file", ("is a file",)),
        ([first, first], first, ("nothing to join",)),
    ):
        ended = suite("merge", *words, "--into", into)
        assert (ended.exit_code, any(text in ended.stderr for text in said)) == (2, True), ended.stderr
    assert not joined.exists()


def test_a_run_that_is_at_work_is_not_disturbed(halves):
    """A trial that another living run has claimed keeps the merge out."""
    from suite.store.database import claims

    first, second, joined = halves
    merge([first], joined)
    with open_store(joined) as store, store.transaction() as connection:
        row = {"trial_id": "t", "owner": "elsewhere-p1-1", "heartbeat": time.time()}
        connection.execute(claims.insert().values(**row))
    with pytest.raises(SuiteError, match="at work on it; wait"):
        merge([second], joined)
    assert len(results_of(joined)) == 2


def test_two_halves_of_a_funnel_are_judged_together(tmp_path):
    """What one machine waited for the other has: the stages are decided with the results of both."""
    plan = funnel_plan()
    ranks = [one for one in plan.trials if one.phase == "rank"]
    for name, part in (("a", ranks[:2]), ("b", ranks[2:])):
        with open_store(tmp_path / name) as store:
            for one in part:
                store.save(result_of(one))
            state = Funnel(plan, store).state
            store.save_document("plan", summarise_plan(plan, funnel=state).model_dump_json())
            store.save_document("spec", plan.spec.model_dump_json())
            assert not state.left_out
    for _ in range(2):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
        kept = plan_in(tmp_path / "c")
        assert kept.funnel is not None
        assert {drop.model for drop in kept.funnel.datasets[0].stages[-2].drops} == {"vit_tiny", "mobilenet_025"}
    other = funnel_plan(training={"epochs": 5})
    with open_store(tmp_path / "d") as store:
        store.save_document("plan", summarise_plan(other).model_dump_json())
        store.save_document("spec", other.spec.model_dump_json())
    with pytest.raises(SuiteError, match=r"funnel.*differ in training"):
        merge([tmp_path / "a", tmp_path / "d"], tmp_path / "e")


@pytest.mark.parametrize("share", ["only", "seeds"])
def test_a_run_goes_on_with_what_was_merged(tmp_path, share):
    """Real trials of two runs, by --only and by other seeds: joined, nothing is left to do of the whole spec."""
    options = {"progress": "quiet", "executor": "runner_executors:execute", "cache_root": tmp_path}
    whole = plan_of("fit", "noise", seeds=(1, 2))
    for index, seed in enumerate((1, 2)):
        plan, only = (whole, (f"seed={seed}",)) if share == "only" else (plan_of("fit", "noise", seeds=(seed,)), ())
        run_plan(plan, out=tmp_path / "ab"[index], only=only, **options)
    joined = tmp_path / "joined"
    assert suite("merge", tmp_path / "a", tmp_path / "b", "--into", joined).exit_code == 0
    before = stored(joined)
    outcome = run_plan(whole, out=joined, **options)
    assert outcome.nothing_to_do
    assert outcome.counts == {"done": 4}
    assert stored(joined) == before
    assert len(list(joined.glob("store/trials/*/model.keras"))) == 2
    more = run_plan(plan_of("fit", "noise", seeds=(1, 2, 3)), out=joined, **options)
    assert len(more.new) == 2
