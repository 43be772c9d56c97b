"""A model has one colour on all pages of a site, for as long as the site has it."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from merge_runs import make_run, trial
from site_reader import manifest_of

from suite.publish.colours import site_colours
from suite.publish.publish import publish
from suite.report.charts.theme import colours_in_force, free_colour, model_colours

NAMES = st.sampled_from([f"model_{number}" for number in range(12)])
RUNS = st.lists(st.sets(NAMES, min_size=1, max_size=8), min_size=1, max_size=6)


@given(RUNS)
def test_models_of_one_run_never_share_a_colour(runs: list[set[str]]) -> None:
    """Whatever other runs the site has."""
    colours = site_colours(runs, {})
    for models in runs:
        assert len({colours[name] for name in models}) == len(models)


@given(RUNS, st.sets(NAMES, min_size=1, max_size=8))
def test_another_run_changes_no_colour_where_nobody_meets_his_own(runs: list[set[str]], new: set[str]) -> None:
    """Only models that share a colour and now stand in one image may change."""
    before = site_colours(runs, {})
    after = site_colours([*runs, new], before)
    meeting = {one for one in new for other in new if one != other and before.get(one, one) == before.get(other)}
    assert {name: after[name] for name in before if name not in meeting} == {
        name: colour for name, colour in before.items() if name not in meeting
    }


def test_a_single_run_has_the_colours_of_its_report() -> None:
    """So that its images need not be drawn again."""
    models = ["a", "b", "c", "d", "e"]
    assert site_colours([models], {}) == model_colours(models)


def test_a_colour_in_force_goes_before_the_usual_one() -> None:
    """And only as long as it is in force."""
    usual = model_colours(["a", "b"])
    with colours_in_force({"a": "#123456"}):
        assert model_colours(["a", "b"]) == {"a": "#123456", "b": usual["b"]}
    assert model_colours(["a", "b"]) == usual


def test_a_free_colour_is_not_a_taken_one() -> None:
    """Also when every colour of the first palettes is taken."""
    taken: set[str] = set()
    for _ in range(30):
        colour = free_colour("a", taken)
        assert colour not in taken
        taken.add(colour)


def colours_in(path: Path, model: str) -> set[str]:
    """The colour that a chart's scale has for a model."""
    text = path.read_text(encoding="utf-8")
    spec = json.loads(text[text.index(",") + 1 : text.rindex(")")])
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if (
                isinstance(value.get("domain"), list)
                and isinstance(value.get("range"), list)
                and model in value["domain"]
            ):
                found.add(value["range"][value["domain"].index(model)])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(spec)
    return found


def test_charts_tables_and_images_agree_on_a_model(tmp_path: Path) -> None:
    """A run with other models beside it, which would have given it another colour."""
    first = make_run(tmp_path / "first", *(trial(name, 1) for name in ("net", "wide", "deep")))
    others = ("net", "a1", "a2", "a3", "a4", "a5", "a6")
    second = make_run(
        tmp_path / "second", *(trial(name, 1) for name in others), spec={"name": "second"}, spec_name="second"
    )
    site = tmp_path / "site"
    publish([first, second], str(site))
    colours = manifest_of(site)["colours"]
    assert isinstance(colours, dict)
    assert set(colours) == {"net", "wide", "deep", *others}
    for chart in site.glob("runs/*/*/charts/seeds.js"):
        assert colours_in(chart, "net") <= {colours["net"]}
    page = (site / "models" / "index.html").read_text(encoding="utf-8")
    for name, colour in colours.items():
        assert f"--c:{colour}" in page, name
    images = [path.read_text(encoding="utf-8") for path in site.glob("runs/second-*/*/image.svg")]
    assert len(images) == 1
    still = next(site.glob("runs/second-*/*/charts/seeds.svg")).read_text(encoding="utf-8")
    assert colours["net"].lower() in still.lower()


def test_a_new_run_leaves_the_colours_of_the_old_ones(tmp_path: Path) -> None:
    """Their pages need not be made again."""
    site = tmp_path / "site"
    first = make_run(tmp_path / "first", *(trial(name, 1) for name in ("net", "wide")))
    publish([first], str(site))
    before = manifest_of(site)["colours"]
    second = make_run(
        tmp_path / "second",
        *(trial(name, 1) for name in ("wide", "other")),
        spec={"name": "second"},
        spec_name="second",
    )
    done = publish([first, second], str(site))
    after = manifest_of(site)["colours"]
    assert done.made == 1
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert {name: after[name] for name in before} == before
