"""Runs become pages of a project of MkDocs, Hugo or Jekyll, which the real programs build."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from generator_projects import GENERATORS, PROGRAMS, broken, build, content_of, front_of, make_project, needs, read
from merge_runs import environment, make_run, trial
from report_sample import make_comparison
from results_run import store_sample
from test_publish import export_of

from suite.errors import StoreError, SuiteError
from suite.publish.generators.address import GENERATORS as GENERATORS_BY_NAME
from suite.publish.generators.address import section_of
from suite.publish.generators.generator import code, literal, value_of
from suite.publish.generators.tables import as_csv, cut
from suite.publish.publish import publish as publish_runs
from suite.report.markdown import plain
from suite.report.page import make_page
from suite.report.stored_run import current_comparison
from suite.report.writing import render_markdown

EVERY = list(PROGRAMS)
MODELS = ("net", "wide")
HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    '{{< figure src="x" >}} {{% readfile "passwd" %}} {{< unclosed',
    "{% endraw %}{{ 7 | times: 6 }}{% include secret %} {{ site.time }} {%",
    "{% raw %} {{ page.title }} ${7*7} {# x #} <% y %>",
    "pipe | and `code` and *stars* and __lines__ and _one_ a_b_c ~~gone~~ ==mark== ^up^",
    "[link](javascript:alert(1)) http://evil.example www.evil.example a@evil.example",
    "<!-- comment --> <!--more--> &amp; &copy; :smile: $x$ $$y$$ @user #12",
    "a -- b --- c ... \"quoted\" and 'single' <<angled>>",
    "{: .class #id } {::comment} *[HTML]: word [TOC] [^1]",
    "# heading",
    "1. one",
    "+ plus",
    ": definition",
    "!!! note",
    "--- ",
    "line\nbreak \u202e reversed",
    "日本 語 mädchen 🦔",
)


def photos(folder: Path, *, seeds: int = 2, ended: str = "2026-11-20T12:00:00+00:00", version: str = "2.21.0") -> Path:
    """A finished run of two models."""
    where = environment(tensorflow=version)
    numbers = range(1, seeds + 1)
    results = [trial(model, seed, finished_at=ended, environment=where) for model in MODELS for seed in numbers]
    return make_run(folder, *results, exports=[export_of(results[0])])


def texts(folder: Path) -> Path:
    """Another comparison."""
    spec = {"name": "texts", "task": "text_classification"}
    results = [trial(model, seed, dataset="news") for model in MODELS for seed in (1, 2)]
    return make_run(folder, *results, spec=spec, spec_name="texts", task="text_classification")


def again(folder: Path) -> Path:
    """The run of ``photos`` with a newer TensorFlow and one seed more."""
    shutil.rmtree(folder)
    return photos(folder, seeds=3, ended="2026-11-25T12:00:00+00:00", version="2.22.0")


def hostile(folder: Path) -> Path:
    """A run whose every name tries to get loose."""
    results = [
        trial(model, 1, id=f"t{place}", cell_id=f"c{place}", dataset=HOSTILE[3], strategy=HOSTILE[2])
        for place, model in enumerate(HOSTILE)
    ]
    spec = {"name": HOSTILE[1], "note": HOSTILE[3]}
    command = f"suite run '{HOSTILE[2]}'\n{HOSTILE[3]}"
    return make_run(
        folder, *results, spec=spec, spec_name=HOSTILE[1], title=f"{HOSTILE[0]} \u2028 \ufffe", command=command
    )


def state_of(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file with its content and when it was written."""
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def pages_of(folder: Path) -> set[str]:
    """The folders that have a page."""
    return {path.parent.relative_to(folder).as_posix() for path in folder.rglob("*index.md")}


Projects = Mapping[str, Path]
"""Generator to a project that is published to when it is first asked for."""


class _Published(dict[str, Path]):
    def __init__(self, folder: Path, publish: Callable[[Path, str], object]) -> None:
        self.folder, self.publish = folder, publish

    def __missing__(self, generator: str) -> Path:
        project = make_project(self.folder / generator, generator)
        self.publish(self.folder, f"{generator}:{project}")
        self[generator] = project
        return project


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of scikit-learn's classifiers with curves, failures and an exported file; its report is written."""
    folder = tmp_path_factory.mktemp("sample") / "digits"
    folder.mkdir()
    store_sample(folder)
    shutil.rmtree(folder / "charts")
    (folder / "report.html").unlink()
    current_comparison(folder)
    return folder


@pytest.fixture(scope="module")
def projects(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Projects:
    """The sample, and a smaller run that was published, run again, and published again."""

    def publish(folder: Path, to: str) -> None:
        runs = [sample, photos(folder / "photos")]
        publish_runs(runs, to)
        again(runs[1])
        done = publish_runs(runs, to)
        assert (done.runs, done.points, done.made) == (2, 3, 1)
        shutil.rmtree(runs[1])

    return _Published(tmp_path_factory.mktemp("projects"), publish)


@pytest.fixture(scope="module")
def caught(tmp_path_factory: pytest.TempPathFactory) -> Projects:
    """A run whose every name tries to get loose."""
    run = hostile(tmp_path_factory.mktemp("hostile") / "run")
    current_comparison(run)
    return _Published(tmp_path_factory.mktemp("caught"), lambda _, to: publish_runs([run], to, title=HOSTILE[3]))


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_project_builds_without_a_warning_and_every_link_leads_somewhere(generator: str, projects: Projects) -> None:
    """Pages, images, JSON and CSV are all there in the built site, also where it lies below a path."""
    project = projects[generator]
    site = build(project, generator)
    assert not broken(site)
    section = site / "comparisons"
    built = {path.parent.relative_to(section).as_posix() for path in section.rglob("index.html")}
    assert pages_of(content_of(project, generator)) <= built
    assert len(list(section.glob("changes/*/*/index.html"))) == 1
    assert len(list(section.glob("runs/*/*/charts/*.svg"))) > 10
    assert {path.read_bytes() for path in section.glob("files/*/*/*/model.onnx")} == {b"onnx"}
    assert json.loads((section / "data" / "index.json").read_text("utf-8"))["runs"]


@pytest.mark.parametrize("generator", GENERATORS)
def test_what_the_pages_say_is_what_the_run_says(generator: str, projects: Projects) -> None:
    """The answer, the leaderboard and the images of a report come out as tables and images, not as their marks."""
    site = build(projects[generator], generator) / "comparisons"
    (page,) = (read(path) for path in site.glob("runs/sample-*/*/index.html"))
    assert [one.partition(" (")[0] for one in page.headings] == ["Which classifier reads handwritten digits?"]
    assert {"perceptron_8", "logistic", "linear_probe", "fine_tune: all"} <= set(page.boxes)
    assert sum(tag == "img" for tag, _ in page.tags) >= 10
    assert sum(tag == "table" for tag, _ in page.tags) >= 5
    assert sum(tag == "pre" for tag, _ in page.tags) == 1
    assert not re.search(r"\*\*|\| ---|!\[|\]\(|```|raw %", page.text)
    (board,) = (read(path) for path in site.glob("leaderboards/*digits*/index.html"))
    assert {"perceptron_8", "may be the best", "95 % interval"} <= set(board.boxes)


@pytest.mark.parametrize("generator", GENERATORS)
def test_hostile_names_stay_text(generator: str, caught: Projects) -> None:
    """Nothing in a name runs, ends a guard or becomes markup, and each is shown to the letter."""
    site = build(caught[generator], generator)
    assert not broken(site)
    boxes: set[str] = set()
    for path in (site / "comparisons").rglob("*.html"):
        page = read(path)
        boxes |= set(page.boxes)
        assert not [
            tag for tag, found in page.tags if any(name.startswith("on") for name in found) or found.get("src") == "x"
        ]
        assert not [found for _, found in page.tags if re.search(r"evil\.|javascript:", str(found.get("href")))]
        assert "taken" not in "".join(re.findall(r"<script>.*?</script>", path.read_text("utf-8"), re.DOTALL))
    models = read(site / "comparisons" / "models" / "index.html").boxes
    assert {plain(name) for name in HOSTILE} <= set(models)
    assert {plain(HOSTILE[2]), plain(HOSTILE[3])} <= boxes
    assert plain(HOSTILE[3]) in read(site / "comparisons" / "index.html").headings
    (run,) = (read(path) for path in (site / "comparisons").glob("runs/*/*/index.html"))
    assert HOSTILE[3] in run.text


@pytest.mark.parametrize("generator", EVERY)
def test_names_from_data_hold_nothing_that_runs(generator: str, caught: Projects) -> None:
    """No brace of a name is left in a page, so that neither Liquid nor a shortcode finds anything to run."""
    for path in content_of(caught[generator], generator).rglob("*.md"):
        front, _, body = path.read_text("utf-8").removeprefix("---\n").partition("\n---\n")
        assert front
        if generator == "jekyll":
            assert body.startswith("{% raw %}\n")
            assert body.endswith("\n{% endraw %}\n")
            body = body.removeprefix("{% raw %}").removesuffix("{% endraw %}\n")
        assert not re.search(r"\{[{%#]|[%}]\}|<", body), path


@pytest.mark.parametrize("generator", EVERY)
def test_links_between_files_lead_somewhere(generator: str, projects: Projects) -> None:
    """Without a generator too: each link of each page names a file of the section, or the folder of a page."""
    section = content_of(projects[generator], generator)
    count = 0
    for path in section.rglob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
            count += 1
            place = path.parent / target
            found = (
                any((place / name).is_file() for name in ("index.md", "_index.md"))
                if place.is_dir()
                else place.is_file()
            )
            assert found, f"{path}: {target}"
    assert count > 50


def test_front_matter_says_what_each_generator_reads(projects: Projects) -> None:
    """MkDocs the title, Hugo date and weight too, Jekyll the layout and an address."""
    found = {}
    for generator in EVERY:
        section = content_of(projects[generator], generator)
        name = "_index.md" if generator == "hugo" else "index.md"
        (point,) = section.glob("runs/sample-*/*/index.md")
        found[generator] = (front_of(section / "models" / name), front_of(point))
    title = "Which classifier reads handwritten digits?"
    assert found["mkdocs"][0] == {"title": "Models"}
    assert found["hugo"][0] == {"title": "Models", "weight": 2}
    assert found["jekyll"][0] == {"layout": "page", "title": "Models", "permalink": "/comparisons/models/"}
    for _, point in found.values():
        assert str(point["title"]).startswith(f"{title} (20")
    assert re.fullmatch(r"20\d\d-.*\+00:00", str(found["hugo"][1]["date"]))
    assert str(found["jekyll"][1]["permalink"]).startswith("/comparisons/runs/sample-")


@pytest.mark.parametrize("generator", EVERY)
def test_publishing_the_same_again_touches_nothing(generator: str, tmp_path: Path) -> None:
    """No file of the project is written a second time."""
    project = make_project(tmp_path / "project", generator)
    run = photos(tmp_path / "photos")
    publish_runs([run], f"{generator}:{project}")
    before = state_of(project)
    done = publish_runs([run], f"{generator}:{project}")
    after = state_of(project)
    assert (done.made, done.written, done.removed) == (0, 0, 0)
    assert before == after


@pytest.mark.parametrize("generator", EVERY)
def test_a_run_that_is_gone_disappears(generator: str, tmp_path: Path) -> None:
    """With its pages, its data and the pages of models and data that nobody else has; the project's own files stay."""
    project = make_project(tmp_path / "project", generator)
    own = content_of(project, generator).parent / "about.md"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("---\ntitle: About\n---\nWe.\n")
    runs = [photos(tmp_path / "photos"), texts(tmp_path / "texts")]
    publish_runs(runs, f"{generator}:{project}")
    section = content_of(project, generator)
    both = state_of(section)
    done = publish_runs(runs[:1], f"{generator}:{project}")
    left = state_of(section)
    assert done.runs == 1
    assert any("texts" in path for path in both)
    assert not any("texts" in path or "news" in path for path in left)
    assert not [path for path in section.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert own.read_text() == "---\ntitle: About\n---\nWe.\n"
    assert publish_runs(runs[1:], f"{generator}:{project}", keep=True).runs == 2


def test_a_section_that_is_somebody_elses_is_refused(tmp_path: Path) -> None:
    """Nothing is written among pages that another hand wrote, unless that is asked for."""
    project = make_project(tmp_path / "project", "jekyll")
    run = photos(tmp_path / "photos")
    (project / "comparisons").mkdir()
    (project / "comparisons" / "mine.md").write_text("mine")
    with pytest.raises(StoreError, match=r"holds files that are not of a site of the suite, for instance 'mine\.md'"):
        publish_runs([run], f"jekyll:{project}")
    assert [path.name for path in (project / "comparisons").iterdir()] == ["mine.md"]
    publish_runs([run], f"jekyll:{project}", force=True)
    assert (project / "comparisons" / "mine.md").read_text() == "mine"


@pytest.mark.parametrize(("generator", "file"), [("hugo", "hugo.toml"), ("jekyll", "_config.yml")])
def test_a_folder_that_is_no_project_is_refused(generator: str, file: str, tmp_path: Path) -> None:
    """The complaint names the file that is missing and how it is made; nothing is written."""
    run = photos(tmp_path / "photos")
    with pytest.raises(SuiteError, match=rf"is no project of {generator.title()}, it has no {file}; make one with"):
        publish_runs([run], f"{generator}:{tmp_path / 'typo'}")
    assert not (tmp_path / "typo").exists()
    assert publish_runs([run], f"{generator}:{tmp_path / 'typo'}", force=True).written > 0


@needs("mkdocs")
def test_a_new_project_of_mkdocs_gets_its_navigation(tmp_path: Path) -> None:
    """Where there is no ``mkdocs.yml``, one is written whose site opens and whose menu has the lists."""
    run = photos(tmp_path / "photos")
    done = publish_runs(
        [run], f"mkdocs:{tmp_path / 'new'}", title="Our {{ models }} & <more>", base_url="https://a.example/m"
    )
    assert "mkdocs.yml was written" in done.note
    site = build(tmp_path / "new", "mkdocs")
    assert not broken(site, "")
    start = read(site / "index.html")
    links = {found.get("href") for tag, found in start.tags if tag == "a"}
    assert {"comparisons/", "comparisons/models/", "comparisons/leaderboards/", "comparisons/datasets/"} <= links
    assert "Our {{ models }} & <more>" in start.text
    before = state_of(tmp_path / "new")
    assert publish_runs([run], f"mkdocs:{tmp_path / 'new'}").note == ""
    assert state_of(tmp_path / "new")["mkdocs.yml"] == before["mkdocs.yml"]


@needs("mkdocs")
def test_the_mkdocs_yml_of_a_project_stays_and_its_missing_lines_are_said(tmp_path: Path) -> None:
    """What is to be added is shown as it is to be written, and builds once it is."""
    project = tmp_path / "project"
    (project / "pages").mkdir(parents=True)
    (project / "pages" / "index.md").write_text("# Home\n")
    own = "site_name: Mine\ndocs_dir: pages\nnav:\n  - Home: index.md\n"
    (project / "mkdocs.yml").write_text(own)
    run = photos(tmp_path / "photos")
    done = publish_runs([run], f"mkdocs:{project}#team/numbers")
    assert (project / "mkdocs.yml").read_text() == own
    build(project, "mkdocs")
    said = done.note.partition("Under its nav add:\n")[2]
    lines, _, rest = said.partition("\nand at its end:\n")
    (project / "mkdocs.yml").write_text(f"{own}{lines}\n{rest.replace('  not_in_nav', 'not_in_nav')}\n")
    site = build(project, "mkdocs")
    assert not broken(site, "")
    links = {found.get("href") for tag, found in read(site / "index.html").tags if tag == "a"}
    assert {"team/numbers/", "team/numbers/models/"} <= links
    assert publish_runs([run], f"mkdocs:{project}#team/numbers").note == ""


def test_an_address_names_the_project_and_its_section(tmp_path: Path) -> None:
    """``GENERATOR:DIR`` and ``GENERATOR:DIR#SECTION``; a folder with ``#`` in its name is one."""
    (tmp_path / "c#").mkdir()
    found = {
        to: section_of(to)
        for to in ("hugo:site", "mkdocs:./a b#x/y", f"jekyll:{tmp_path}/c#", "site", "git:x#y", "c:/x")
    }
    assert [(one.generator.name, str(one.project), one.name) if one else None for one in found.values()] == [
        ("hugo", "site", "comparisons"), ("mkdocs", "a b", "x/y"),
        ("jekyll", f"{tmp_path}/c#", "comparisons"), None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("to", ["hugo:", "hugo:site#_drafts", "jekyll:site#Up", "mkdocs:site#../..", "mkdocs:site#"])
def test_an_address_that_cannot_be_is_refused(to: str) -> None:
    """A section outside the project's pages, or one that its generator would leave out, is none."""
    with pytest.raises(SuiteError, match=r"^--to .*expected"):
        section_of(to)


def test_a_kind_of_place_that_is_no_generator_is_refused(tmp_path: Path) -> None:
    """The complaint lists the generators."""
    with pytest.raises(SuiteError, match=r"Available: .*hugo, jekyll, mkdocs"):
        publish_runs([], f"gatsby:{tmp_path}")


def test_very_long_tables_are_cut_and_say_where_the_rest_is(tmp_path: Path) -> None:
    """A leaderboard of 210 cells shows 200 and names its CSV and JSON, which have all; the report names its JSON."""
    results = [trial(f"net{place}", 1, score=0.5) for place in range(210)]
    project = make_project(tmp_path / "project", "jekyll")
    publish_runs([make_run(tmp_path / "run", *results)], f"jekyll:{project}")
    section = project / "comparisons"
    (board,) = section.glob("leaderboards/*/index.md")
    text = board.read_text("utf-8")
    assert len(re.findall(r"^\| \d", text, re.MULTILINE)) == 200
    assert re.search(
        r"The first 200 of 210 rows\. All of them: \[CSV\]\(leaderboard\.csv\), \[JSON\]\(\S+\.json\)\.", text
    )
    with (board.parent / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 210
    assert {"place", "model", "strategy", "score.value", "score.low", "costs.latency_ms", "run"} <= set(rows[0])
    (report,) = section.glob("runs/*/*/index.md")
    assert (
        "The first 200 of 210 rows. Every cell with its scores and costs is in [the JSON of this run]"
        in report.read_text("utf-8")
    )


def test_csv_names_what_is_inside_and_leaves_out_lists() -> None:
    """Rows need not have the same names; what is missing is empty."""
    rows = [{"a": 1, "score": {"value": 0.5, "seeds": {"1": 0.4}}}, {"a": "x, y", "score": None, "many": [1, 2]}]
    assert as_csv(rows) == 'a,score.value,score.seeds.1,score\n1,0.5,0.4,\n"x, y",,,\n'


def test_a_report_is_cut_only_where_it_is_long() -> None:
    """A short one stays as it is."""
    page = make_page(make_comparison())
    assert cut(page, literal("rest")) == page


def test_a_report_without_folds_has_the_same_tables() -> None:
    """Readers of Markdown that know no element of HTML get headings; not a box is lost."""
    page = make_page(make_comparison(datasets=("a", "b")))
    whole, plainly = render_markdown(page), render_markdown(page, whole=False)
    assert [line for line in whole.splitlines() if line.startswith("|")] == [
        line for line in plainly.splitlines() if line.startswith("|")
    ]
    assert "<details>" in whole
    assert "<" not in plainly.split("## Reproduce")[0]


def test_commands_are_a_block_of_code_unless_something_in_them_would_run() -> None:
    """Braces that a generator reads are written as entities, outside of a block of code."""
    assert code("suite run specs/vision.json") == "```text\nsuite run specs/vision.json\n```"
    assert (
        code("suite run '{{< x >}}'\n\nsecond") == "suite run &#39;&#123;&#123;&#60; x &#62;&#125;&#125;&#39;\n\nsecond"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('contentDir = "pages"\n', "pages"),
        ("title: a\ncontentdir: 'my pages'  # ours\n", "my pages"),
        ('{\n  "baseURL": "x",\n  "contentDir": "pages"\n}\n', "pages"),
        ("contentDir: pages # ours\n", "pages"),
        ("# contentDir: pages\nother:\n  contentDir: no\n", None),
        ("contentDir: !ENV [PAGES, docs]\n", None),
    ],
)
def test_where_a_project_has_its_pages_is_read_from_its_configuration(text: str, value: str | None) -> None:
    """In TOML, YAML and JSON; a comment, a nested key and a tag of the generator are no value."""
    assert value_of(text, "contentDir") == value


def test_pages_lie_where_the_project_says(tmp_path: Path) -> None:
    """Hugo's ``contentDir`` is honoured, also in ``config/_default``."""
    (tmp_path / "config" / "_default").mkdir(parents=True)
    (tmp_path / "config" / "_default" / "hugo.yaml").write_text("contentDir: pages\n")
    assert GENERATORS_BY_NAME["hugo"].section(tmp_path, "a/b", force=False) == tmp_path / "pages" / "a" / "b"


def test_many_runs_are_prepared_side_by_side(tmp_path: Path) -> None:
    """What a generator wants travels to other processes."""
    runs = [make_run(tmp_path / f"run{number}", trial(), spec_name=f"run{number}") for number in range(6)]
    project = make_project(tmp_path / "project", "hugo")
    done = publish_runs(runs, f"hugo:{project}")
    assert (done.made, done.gaps) == (6, ())
