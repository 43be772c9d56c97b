"""Under which terms weights are: stated for presets, a column, and a limit of the recommendation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from lint_results import make_result, run_of

from suite.cli.catalogue import listings
from suite.cli.main import cli
from suite.compare.advice.advice import advise_again
from suite.compare.comparison import Comparison
from suite.compare.number_format import licence_words
from suite.errors import SpecError
from suite.models.licences import FAMILIES, licence_of_preset, terms_of
from suite.models.presets import TEXT_FOLDERS, VISION_FOLDERS, builtin_presets, find_preset
from suite.publish.record import CellRecord
from suite.publish.rows import licence_cells
from suite.report.frames import leaderboard_frame
from suite.report.page import make_page
from suite.report.sections.leaderboard import make_board
from suite.report.writing import render_html, render_markdown
from suite.spec.constraints import Constraints
from suite.spec.spec import parse_spec
from suite.store.records.result import WeightsRecord


def test_the_terms_of_nearly_every_preset_are_known() -> None:
    """All but a few that others made of a family's weights; each with where it is stated."""
    unknown = [name for name in builtin_presets() if terms_of(name) is None]
    assert len(builtin_presets()) > 300
    assert len(unknown) < 10, unknown
    assert set(FAMILIES) <= {*VISION_FOLDERS, *TEXT_FOLDERS}
    assert all(re.search(r"[a-z]\.[a-z]+/", terms.source) for terms in FAMILIES.values())


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("bert_base_en", "Apache-2.0"),
        ("roberta_base_en", "MIT"),
        ("llama3.2_1b", "Llama 3.2 Community License"),
        ("llama2_7b_en", "Llama 2 Community License"),
        ("gemma3_270m", "Gemma Terms of Use"),
        ("medgemma_4b", "Health AI Developer Foundations Terms of Use"),
        ("qwen2.5_3b_en", "Qwen Research License"),
        ("qwen2.5_0.5b_en", "Apache-2.0"),
        ("vicuna_1.5_7b_en", "Llama 2 Community License"),
        ("gpt2_base_en", "Modified MIT License"),
        ("opt_125m_en", "OPT-175B License Agreement"),
        ("all_minilm_l6_v2_en", "Apache-2.0"),
        ("msmarco_minilm_l6_cos_v5_en", None),
        ("harrier_embedding_oss_270m", None),
    ],
)
def test_families_and_their_exceptions(name: str, licence: str | None) -> None:
    """By built-in name, and by the handle that it stands for."""
    assert licence_of_preset(find_preset(name)) == licence
    assert licence_of_preset(find_preset(builtin_presets()[name]["kaggle_handle"])) == licence


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags: [x]\n---\n# A model", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: my-terms\n---\n", "my-terms"),
        ("# license: mit", None),
        (None, None),
    ],
)
def test_a_folder_s_own_card_is_asked_first(card: str | None, licence: str | None, tmp_path: Path) -> None:
    """Whatever the file holds, nothing but its head is read."""
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licence_of_preset(find_preset(str(tmp_path))) == licence


def test_models_are_listed_by_licence() -> None:
    """In the terminal and for programs."""
    hub = next(one for one in listings("models") if one.name == "hub")
    assert "DINOv3 License" in hub.licences.values()
    ended = CliRunner().invoke(cli, ["list", "models"])
    assert "Llama 3 Community License: " in ended.output
    assert "licence not stated: " in ended.output
    told = json.loads(CliRunner().invoke(cli, ["list", "models", "--json"]).output)
    assert next(one for one in told if one["name"] == "zoo")["licences"]["vit_tiny"] == "Apache-2.0"


def compared() -> Comparison:
    """Three models: the best under Gemma's terms, the next under MIT, the last from random numbers."""
    made = []
    for model, strategy, score, licence in (
        ("large", "fine_tune", 0.9, "Gemma Terms of Use"),
        ("small", "fine_tune", 0.8, "mit"),
        ("other", "fine_tune", 0.7, None),
        ("large", "from_scratch", 0.6, "Gemma Terms of Use"),
    ):
        weights = WeightsRecord(name=model, location="", sha256=model, licence=licence, pretrained_on=None)
        made.append(make_result(model, strategy=strategy, score=score, weights=weights))
    return run_of(made).comparison


def test_the_licence_is_a_limit_of_the_recommendation() -> None:
    """The best that may be used is taken; the others say why not; any licence would change the answer."""
    comparison = compared()
    (free,) = advise_again(comparison, None)
    (bound,) = advise_again(comparison, Constraints(licences=("Apache 2.0", "MIT")))
    assert free.take.startswith("Take large")
    assert "a licence of Apache 2.0 or MIT" in bound.take
    assert "small" in bound.take
    beyond = {text.text for other in bound.others for text in other.beyond}
    assert "its weights are under Gemma Terms of Use, and have to be under Apache 2.0 or MIT" in beyond
    assert "the licence of its weights is not stated, and it has to be Apache 2.0 or MIT" in beyond
    assert len(beyond) == 2


def test_where_no_licence_will_do_it_is_said() -> None:
    """Trained from scratch, a model has no terms to keep."""
    (left,) = advise_again(compared(), Constraints(licences=("Apache-2.0",)))
    assert "scratch" in left.take


def test_the_licence_is_a_column_of_results() -> None:
    """Of the leaderboard as a table; a model from scratch needs none."""
    frame = leaderboard_frame(compared())
    licences = dict(zip(zip(frame["model"], frame["strategy"], strict=True), frame["licence"], strict=True))
    assert licences["small", "fine_tune"] == "mit"
    assert licences["large", "from_scratch"] == "no pretrained weights"


def test_the_licence_is_a_column_of_the_page_s_leaderboard() -> None:
    """In short, in full where the pointer rests; folded away on a phone; in the Markdown too."""
    comparison = compared()
    board = make_board(comparison, comparison.datasets[0])
    at = [column.title for column in board.columns].index("licence")
    assert board.columns[at].minor
    assert [row.boxes[at].text for row in board.rows] == ["Gemma", "mit", "not stated", "–"]
    assert [row.boxes[at].title for row in board.rows][::3] == ["Gemma Terms of Use", "no pretrained weights"]
    page = make_page(comparison)
    html, markdown = render_html(page, comparison, {}), render_markdown(page)
    assert '<th scope="col" class="minor">licence</th>' in html
    assert '<td class="minor" title="Gemma Terms of Use">Gemma</td>' in html
    heading = next(line for line in markdown.splitlines() if line.startswith("| rank"))
    assert "| licence |" in heading


def test_a_leaderboard_without_a_known_licence_has_no_column_of_it() -> None:
    """Nothing but "not stated" would crowd it."""
    comparison = run_of([make_result("one", score=0.9), make_result("two", score=0.8)]).comparison
    assert "licence" not in {column.title for column in make_board(comparison, comparison.datasets[0]).columns}


@pytest.mark.parametrize(
    ("licence", "short"),
    [
        ("Apache-2.0", "Apache-2.0"),
        ("Llama 3.2 Community License", "Llama 3.2"),
        ("DINOv3 License", "DINOv3"),
        ("NVIDIA Source Code License for SegFormer", "NVIDIA Source Code…"),
        (None, "not stated"),
    ],
)
def test_a_table_says_a_licence_in_short(licence: str | None, short: str) -> None:
    """Twenty letters at most."""
    assert licence_words(licence) == short


def test_the_licence_is_a_column_of_the_site_s_leaderboard() -> None:
    """Its cell is there where one licence of the table is known, and says nothing of a model without weights."""
    cell = CellRecord(
        cell_id="a", model="m", dataset="d", strategy="knn", finished=1, planned=1, licence="Gemma Terms of Use"
    )
    (shown,) = licence_cells(cell, shown=True)
    assert (shown.text, shown.title) == ("Gemma", "Gemma Terms of Use")
    assert licence_cells(cell.model_copy(update={"licence": None}), shown=True)[0].missing
    assert licence_cells(cell, shown=False) == ()


def test_a_spec_may_limit_licences() -> None:
    """A list of names; an empty one would allow nothing."""
    document = {"name": "n", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
                "datasets": [{"source": "sklearn", "name": "digits"}], "strategies": [{"strategy": "knn"}]}  # fmt: skip
    spec = parse_spec(json.dumps(document | {"constraints": {"licences": ["MIT"]}}))
    assert spec.constraints is not None
    assert spec.constraints.licences == ("MIT",)
    with pytest.raises(SpecError, match="licences: expected at least 1 entry"):
        parse_spec(json.dumps(document | {"constraints": {"licences": []}}))
