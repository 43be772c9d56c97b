"""Charts: every registered one builds, keeps to the schema and draws; colours and labels stay in place."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from typing import Any

import pytest
from altair.utils.schemapi import SchemaValidationError
from beyond_sample import with_beyond
from exports_sample import with_exports
from report_sample import make_comparison, with_labels

from suite.compare.number_format import duration, megabytes, number, percent, plural, score, short
from suite.registry import CHARTS
from suite.report.charts.encodings import with_bars
from suite.report.charts.label_positions import HEIGHT, LETTER, LINE, WIDTH, place_labels
from suite.report.charts.render import specification, svg
from suite.report.charts.rows import (
    board,
    candidate_rows,
    confusion_rows,
    curve_rows,
    generalisation_rows,
    reliability_rows,
    setting_text,
)
from suite.report.charts.theme import INK, OKABE_ITO, STRONG_INK, model_colours, strategy_shapes

COMPARISON = with_labels(make_comparison())
SEVERAL = make_comparison(models=("vgg", "vit", "resnet"), datasets=tuple(f"set {index}" for index in range(7)))
OVER_DATASETS = {"critical_difference", "ranks"}
"""Charts of all data sets together: of one there is nothing to draw."""
BEYOND = {"calibration", "corruptions", "cross_data", "out_of_class", "risk_coverage", "robustness", "severity"}
"""Charts of what lies beyond the test set."""
FURTHER = with_beyond(make_comparison(models=("vgg", "vit"), datasets=("set 1", "set 2", "set 6")))
EXPORTS = {"exports_latency", "exports_size"}
"""Charts of exported files."""
EXPORTED = with_exports(make_comparison())
EMPTY = with_labels(make_comparison(models=(), strategies=(), sets=()))


def comparison_for(name: str) -> Any:
    """One that has what the chart of this name shows."""
    if name in EXPORTS:
        return EXPORTED
    return FURTHER if name in BEYOND else SEVERAL if name in OVER_DATASETS else COMPARISON


def build(name: str, comparison: Any = None) -> Any:
    """The chart of this name; where it is of several data sets, of a comparison that has them."""
    return CHARTS.get(name).build(comparison_for(name) if comparison is None else comparison)


@pytest.mark.parametrize("name", CHARTS.names())
def test_a_chart_builds_validates_and_draws(name: str) -> None:
    """The specification passes Altair's schema, and its drawing is an SVG with marks in it."""
    chart = build(name)
    chart.to_dict()
    drawn = svg(chart)
    assert drawn.startswith("<svg")
    assert drawn.count("<path") > 5


def test_only_charts_that_tests_hold_to_the_schema_go_unchecked() -> None:
    """A plugin's chart is checked when it is drawn; of the suite's own the tests above say that it is right."""
    chart = build("per_class")
    chart.height = {"odd": "height"}
    assert specification(chart, known=True)["height"] == {"odd": "height"}
    with pytest.raises(SchemaValidationError, match="height"):
        specification(chart)


@pytest.mark.parametrize("name", CHARTS.names())
def test_a_chart_of_nothing_is_none(name: str) -> None:
    """Where there is nothing to show there is no chart, and no error."""
    assert build(name, EMPTY) is None


@pytest.mark.parametrize("name", CHARTS.names())
def test_a_chart_says_what_it_is(name: str) -> None:
    """A summary for lists, a title and a line on how to read it."""
    chart = CHARTS.get(name)
    assert chart.summary.endswith(".")
    assert chart.title
    assert chart.how_to_read.endswith(".")


def test_bars_begin_at_zero() -> None:
    """Every quantitative scale of a bar holds zero."""
    for name in CHARTS.names():
        for layer in specification(build(name)).get("layer", []):
            if layer["mark"]["type"] == "bar" and "scale" in layer["encoding"]["x"]:
                assert layer["encoding"]["x"]["scale"]["zero"] is True


@pytest.mark.parametrize("name", ["quality_latency", "quality_parameters", "quality_training"])
def test_costs_have_log_scales(name: str) -> None:
    """Ratios of costs matter."""
    layers = specification(build(name))["layer"]
    assert all(layer["encoding"]["x"]["scale"]["type"] == "log" for layer in layers)


def test_the_front_is_the_comparison_s_own() -> None:
    """The dashed line goes through the cells of the Pareto front, cheapest first."""
    front = specification(build("quality_latency"))["datasets"]["front"]
    wanted = [COMPARISON.cell(cell_id).headline for cell_id in COMPARISON.pareto[0].cell_ids]
    assert [point["score"] for point in front][: len(wanted)] == [one.value for one in wanted if one]


def test_a_model_keeps_its_colour_in_every_chart() -> None:
    """The same label has the same colour wherever it is drawn."""
    colours = model_colours({cell.model for cell in COMPARISON.cells})
    text = svg(build("seeds")) + svg(build("generalisation"))
    assert all(colour in text for colour in colours.values())


def test_colours_are_stable_and_differ() -> None:
    """Order does not matter; up to forty models no two share a colour; few keep to Okabe and Ito."""
    few = model_colours(["vgg", "resnet", "vit"])
    assert few == model_colours(["vit", "vgg", "resnet"])
    assert set(few.values()) <= set(OKABE_ITO)
    many = model_colours([f"model {index}" for index in range(40)])
    assert len(set(many.values())) == 40


def test_adding_a_model_moves_few_colours() -> None:
    """A model keeps its colour when another joins, unless that one takes it."""
    before = model_colours(["a", "b", "c", "d"])
    after = model_colours(["a", "b", "c", "d", "e"])
    assert sum(before[name] != after[name] for name in before) <= 1


def test_strategies_have_shapes_of_their_own() -> None:
    """Eight strategies, eight shapes."""
    assert len(set(strategy_shapes(f"strategy {index}" for index in range(8)).values())) == 8


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_chart_text_has_contrast_on_its_paper() -> None:
    """Still images bring white paper along; on it text has at least 4.5 to 1."""
    assert contrast(INK, "#ffffff") >= 4.5
    assert contrast(STRONG_INK, "#99bbd0") >= 4.5
    assert '<rect width="' in svg(build("seeds"))
    assert 'fill="#ffffff"' in svg(build("seeds"))


def test_labels_lie_on_nothing() -> None:
    """No direct label overlaps a point or another label, and none leaves the chart."""
    rows = [row for row in board(COMPARISON) if row["score"] is not None]
    rows = with_bars([{**row, "cost": row["latency_ms"]} for row in rows])
    placed = place_labels(rows, rows)
    assert placed
    assert len({row["label"] for row in placed}) == len(placed)
    for row in placed:
        assert LETTER * len(row["label"]) < WIDTH
        assert abs(row["dy"]) + LINE < HEIGHT


def test_one_point_can_be_labelled() -> None:
    """A single cell has no extent to scale by."""
    rows = with_bars([{"cell": "a", "model": "a", "cost": 1.0, "score": 0.5, "low": None, "high": None}])
    assert [placed["label"] for placed in place_labels(rows, rows)] == ["a"]


def test_rows_carry_the_comparison_s_numbers() -> None:
    """Scores, intervals and costs are copied, never computed again."""
    cell, row = COMPARISON.cells[0], board(COMPARISON)[0]
    assert cell.headline is not None
    assert cell.profile is not None
    assert (row["score"], row["low"], row["high"]) == (cell.headline.value, cell.headline.low, cell.headline.high)
    assert row["latency_ms"] == cell.profile.latency_ms_p50.mean


def test_curves_are_means_over_seeds() -> None:
    """The line lies inside its band, and every epoch of every fit with epochs is there."""
    rows = curve_rows(COMPARISON)
    assert rows
    assert all(row["low"] <= row["score"] <= row["high"] for row in rows)
    assert not any(row["strategy"] == "linear_probe" for row in rows)


def test_confusion_rows_are_shares_of_the_true_class() -> None:
    """The shares of one true class add up to one."""
    found = confusion_rows(COMPARISON)
    assert found is not None
    shares = [row["share"] for row in found[1] if row["truth"] == "3"]
    assert math.isclose(sum(shares), 1.0, abs_tol=1e-3)


def test_reliability_intervals_hold_their_share() -> None:
    """Wilson intervals stay inside zero and one and around the share itself."""
    for row in reliability_rows(COMPARISON):
        assert 0.0 <= row["from"] <= row["correct"] <= row["to"] <= 1.0


def test_generalisation_says_which_way() -> None:
    """The drop is told as worse or better, with its interval."""
    points, spans = generalisation_rows(COMPARISON)
    further = next(point for point in points if not point["home"])
    assert further["drop_text"] == "worse by 0.150 (0.110 to 0.190)"
    assert all(span["least"] <= span["most"] for span in spans)


def test_the_chosen_candidate_is_marked() -> None:
    """Of the settings of one search exactly the chosen one is filled."""
    rows = [row for row in candidate_rows(COMPARISON) if row["cell"] == "vgg_tiny · linear_probe"]
    assert [row["setting"] for row in rows if row["chosen"]] == ["learning_rate 0.001"]
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (score(0.97361), "0.974"),
        (score(0.97361, low=0.8, high=0.99), "0.97"),
        (score(None), "–"),
        (percent(0.964), "96.4\u202f%"),
        (number(1234.5), "1,234"),
        (number(0.04123), "0.0412"),
        (number(0), "0"),
        (megabytes(1_620_000), "1.62\u202fMB"),
        (duration(0.026), "26\u202fms"),
        (duration(2.44), "2.4\u202fs"),
        (short(73_610), "73.6\u202fk"),
        (short(640), "640"),
        (duration(252), "4\u202fmin 12\u202fs"),
        (duration(11_100), "3\u202fh 5\u202fmin"),
        (plural(1, "cell has", "cells have"), "1 cell has"),
    ],
)
def test_numbers_as_words(said: str, meant: str) -> None:
    """Three digits, thin spaces, a dash where something is missing."""
    assert said == meant


def test_a_setting_reads_as_words() -> None:
    """Lists are no JSON in a table."""
    text = setting_text({"learning_rate": 0.002, "unfrozen": ["stem", "conv2"], "augmentation": []})
    assert text == "learning_rate 0.002, unfrozen stem + conv2, augmentation none"


def test_words_hold_in_both_colour_schemes() -> None:
    """On dark paper the larger share is the brighter square."""
    assert not re.search("dark|bright", " ".join(CHARTS.get(name).how_to_read for name in CHARTS.names()))


def test_what_is_not_a_number_is_missing() -> None:
    """A candidate whose score diverged neither breaks the page's JSON nor pulls the scale away."""
    cell = COMPARISON.cells[0]
    tried = cell.ledger.tried[0].model_copy(update={"validation_score": math.nan})
    ledger = cell.ledger.model_copy(update={"tried": (tried, *cell.ledger.tried[1:])})
    cells = (cell.model_copy(update={"ledger": ledger}), *COMPARISON.cells[1:])
    spec = specification(build("tuning", COMPARISON.model_copy(update={"cells": cells})))
    json.dumps(spec, allow_nan=False)
    assert spec["datasets"]["candidates"][0]["score"] is None
    assert score(math.nan) == "–"


@pytest.mark.parametrize("name", sorted(OVER_DATASETS))
def test_one_data_set_has_no_chart_over_data_sets(name: str) -> None:
    """And with several, too few for a test leave ranks without a critical difference."""
    assert build(name, COMPARISON) is None
    few = make_comparison(datasets=("one", "two"))
    assert (build(name, few) is None) == (name == "critical_difference")


def test_bars_join_the_comparison_s_own_groups() -> None:
    """Each bar runs from the mean rank of a group's best method to that of its worst, in the best one's line."""
    across = SEVERAL.across
    assert across is not None
    assert across.nemenyi is not None
    spec = specification(build("critical_difference"))
    ends = [tuple(across.methods[at].mean_rank.value for at in group) for group in across.nemenyi.groups]
    assert [(bar["from"], bar["to"]) for bar in spec["datasets"]["groups"]] == ends
    (ruler,) = spec["datasets"]["ruler"]
    assert ruler["to"] - ruler["from"] == pytest.approx(across.nemenyi.critical_difference)
    lines = spec["layer"][0]["encoding"]["y"]["sort"]
    assert lines[:-1] == [f"{method.model} · {method.strategy}" for method in across.methods]


def test_the_best_twenty_methods_are_drawn_and_it_is_said() -> None:
    """With more than twenty; a bar that goes on below them ends at the edge, and is the last."""
    models = tuple(f"model {index}" for index in range(24))
    many = make_comparison(models=models, strategies=("knn",), datasets=tuple("abcdefg"), sets=())
    assert many.across is not None
    for name in OVER_DATASETS:
        spec = specification(build(name, many))
        assert "best 20 of 24 methods" in json.dumps(spec["layer"])
        rows = spec["datasets"]["methods" if name == "critical_difference" else "means"]
        assert [row["model"] for row in rows] == [method.model for method in many.across.methods[:20]]
    spec = specification(build("critical_difference", many))
    edge = spec["layer"][0]["encoding"]["x"]["scale"]["domain"][1]
    assert [bar["to"] < edge for bar in spec["datasets"]["groups"]][:-1] == [True] * (
        len(spec["datasets"]["groups"]) - 1
    )


def test_ranks_count_every_data_set_once() -> None:
    """The sizes of a method's symbols add up to the data sets, and each is named where one points."""
    rows = specification(build("ranks"))["datasets"]["ranks"]
    for cell in {row["cell"] for row in rows}:
        own = [row for row in rows if row["cell"] == cell]
        assert sum(row["count"] for row in own) == 7
        assert sum(row["where"].count("set ") for row in own) == 7


def test_charts_do_without_tensorflow() -> None:
    """Importing and building every chart leaves TensorFlow and Keras out of the process."""
    code = (
        "import sys; from suite.registry import CHARTS; [CHARTS.get(n) for n in CHARTS.names()]; import suite.report; "
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("field", ["parameters", "size_bytes", "macs", "latency_ms_p50", "peak_memory_bytes"])
@pytest.mark.parametrize("name", CHARTS.names())
def test_a_model_that_weighs_or_costs_nothing_breaks_no_chart(name: str, field: str) -> None:
    """A logarithmic axis has no place for 0: such a point is left out, and the others are drawn."""
    comparison = comparison_for(name)
    first, *others = comparison.cells
    none = (
        0
        if field in {"parameters", "size_bytes", "macs"}
        else getattr(first.profile, field).model_copy(update={"mean": 0.0})
    )
    weightless = first.model_copy(update={"profile": first.profile.model_copy(update={field: none})})
    build(name, comparison.model_copy(update={"cells": (weightless, *others)})).to_dict()
