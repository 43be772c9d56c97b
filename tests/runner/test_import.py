"""Tables of published results: what is read, what is refused, and the report that follows."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Ended
from hypothesis import given, settings
from hypothesis import strategies as st

import suite
from suite.cli.main import cli
from suite.errors import DataError, StoreError, SuiteError
from suite.runner.importing.importing import Imported, import_table
from suite.runner.importing.table import Columns, Published, Unit, read_table
from suite.store.store import open_store

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "reference"
LONG = Columns(model="model", dataset="data", scores=("acc",))
SHARE = Unit("accuracy", 1.0, share=True)
PERCENT = Unit("accuracy", 0.01, share=True)
TABLE = "model,data,acc\nsmall,pets,0.7\nlarge,pets,0.9\nsmall,cars,n/a\nlarge,cars,0.8\n"


def table(folder: Path, text: str, name: str = "table.csv") -> Path:
    """The text as a file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def call(*words: object) -> Ended:
    """One command in this process."""
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False, prog_name="suite")


def imported(folder: Path, text: str = TABLE, **options: object) -> Imported:
    """The table imported beside itself."""
    return import_table(table(folder, text), folder / "out", LONG, **options)


def test_a_long_table_is_one_result_per_row(tmp_path: Path):
    """Named columns, in any order and among others; a missing value keeps its place as the reason."""
    entries = read_table(table(tmp_path, TABLE), LONG, SHARE)
    assert [(one.model, one.dataset, one.value) for one in entries[:2]] == [
        ("small", "pets", 0.7),
        ("large", "pets", 0.9),
    ]
    assert entries[2].value is None
    assert entries[2].reason == "the table has no value here (row 4, column 'acc')."


def test_a_wide_table_has_a_column_per_data_set(tmp_path: Path):
    """All columns that are neither mapped nor ignored, or those that are named."""
    path = table(tmp_path, "net,pets,cars,size\nsmall,70,,5\nlarge,90,80,9\n")
    entries = read_table(path, Columns(model="net", wide=True, ignore=("size",)), PERCENT)
    assert [(one.model, one.dataset, one.value) for one in entries] == [
        ("small", "pets", 0.7),
        ("small", "cars", None),
        ("large", "pets", 0.9),
        ("large", "cars", 0.8),
    ]
    named = read_table(path, Columns(model="net", wide=True, scores=("cars",)), PERCENT)
    assert [one.value for one in named] == [None, 0.8]


def test_a_header_of_several_rows_names_data_set_and_amount(tmp_path: Path):
    """As pandas writes several levels: the rows have their names in the first column."""
    text = "amount,1000,full,about\ndata,pets,pets,note\nnet,,,\nsmall,0.7,0.8,x\n"
    columns = Columns(model="net", dataset="data", train_examples="amount", wide=True, ignore=("about",))
    first, second = read_table(table(tmp_path, text), columns, SHARE)
    assert (first.dataset, first.data, first.train_examples) == ("pets (1000)", "pets", 1000)
    assert (second.dataset, second.data, second.train_examples) == ("pets (full)", "pets", None)


def test_the_amount_of_training_data_is_part_of_the_label(tmp_path: Path):
    """Once, also where the table has it in the name already; classes and seeds are read."""
    text = "model,data,n,classes,seed,acc\na,pets,800,37,1,0.5\nb,pets (800),800,37,2,0.6\n"
    columns = Columns("model", "data", scores=("acc",), train_examples="n", classes="classes", seed="seed")
    entries = read_table(table(tmp_path, text), columns, SHARE)
    assert {one.dataset for one in entries} == {"pets (800)"}
    assert {one.data for one in entries} == {"pets"}
    assert {(one.train_examples, one.classes) for one in entries} == {(800, 37)}
    assert [one.seed for one in entries] == [1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("model,data,acc\n", "no rows under them"),
        ("model,data,accu\na,pets,0.5\n", r"unknown column 'acc'. Did you mean 'accu'\?"),
        ("model,data,acc\na,pets,high\n", "row 2, column 'acc': expected a number.*got 'high'"),
        ("model,data,acc\na,pets,inf\n", "row 2, column 'acc': expected a number"),
        ("model,data,acc\na,pets,1_0\n", "row 2, column 'acc': expected a number"),
        ("model,data,acc\na,pets,0.5\nb,pets,82.7\n", "row 3, column 'acc'.*0 to 1, got 82.7.*--scale 0.01"),
        ("model,data,acc\na,pets,-0.1\n", "0 to 1, got -0.1"),
        ("model,data,acc\n,pets,0.5\n", "row 2, column 'model': is empty"),
        ("model,data,acc\na,,0.5\n", "row 2, column 'data': is empty"),
        ("model,data,acc\na,pets,0.5\nb,pets,0.5\na,pets,0.6\n", "row 2, .* and row 4, .* both are a x pets"),
        ("model,data,acc\na,pets,1,013.0\n", "row 2 has 4 values and the first row 3"),
        ("model,data,acc,acc\na,pets,0.5,0.6\n", "column 'acc' is there 2 times"),
        ('model,data,acc\n"a,pets,0.5\n', "is no CSV file"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_its_place(tmp_path: Path, text: str, said: str):
    """File, row and column, what was expected and what came."""
    with pytest.raises(DataError, match=said):
        read_table(table(tmp_path, text), LONG, SHARE)


def test_a_file_that_is_none_is_refused(tmp_path: Path):
    """Missing, a folder, a spreadsheet's own format, another encoding."""
    (tmp_path / "binary.csv").write_bytes(b"PK\x03\x04\x00\x00")
    (tmp_path / "latin.csv").write_bytes("model,data,acc\nmodèle,pets,0.5\n".encode("latin-1"))
    for name, said in {
        "none.csv": "no such file",
        "": "is a folder",
        "binary.csv": "not UTF-8",
        "latin.csv": "not UTF-8",
    }.items():
        with pytest.raises(DataError, match=said):
            read_table(tmp_path / name, LONG, SHARE)


def test_a_byte_order_mark_and_quotes_are_read(tmp_path: Path):
    """As spreadsheets write CSV: with a mark, Windows line ends, and commas inside quotes."""
    path = tmp_path / "marked.csv"
    path.write_bytes(b'\xef\xbb\xbfmodel,data,acc\r\n"a, b",pets,0.5\r\n')
    (entry,) = read_table(path, LONG, SHARE)
    assert (entry.model, entry.value) == ("a, b", 0.5)


@pytest.mark.parametrize(
    "columns",
    [
        Columns(model="model", dataset="data"),
        Columns(model="model", dataset="data", scores=("acc", "model")),
        Columns(model="model", scores=("acc",)),
        Columns(model="model", dataset="data", dataset_name="pets", scores=("acc",)),
        Columns(model="model", dataset="data", scores=("acc",), ignore=("data",)),
        Columns(model="model", dataset_name="pets", wide=True),
        Columns(model="model", wide=True, ignore=("data", "acc")),
        Columns(model="model", wide=True, ignore=("dato",)),
        Columns(model="modle", wide=True),
        Columns(model="model", dataset="data", scores=("acc",), classes="data"),
        Columns(model="model", dataset="data", scores=("acc",), seed="model"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path: Path, columns: Columns):
    """Too little, too much, or a column that is something else."""
    with pytest.raises(SuiteError):
        read_table(table(tmp_path, TABLE), columns, SHARE)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=8), st.sampled_from(["p", "q"]), st.floats(0, 1)),
        min_size=1,
        max_size=8,
        unique_by=lambda row: (row[0].strip()[:200], row[1]),
    )
)
def test_whatever_is_written_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, float]]
):
    """Any name that is text and not empty, any share."""
    kept = [row for row in rows if row[0].strip() and row[0].isprintable()]
    if not kept:
        return
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("model", "data", "acc"), *kept])
    entries = read_table(path, LONG, SHARE)
    assert [(one.model, one.dataset) for one in entries] == [(name.strip(), data) for name, data, _ in kept]
    assert [one.value for one in entries] == pytest.approx([value for *_, value in kept], abs=1e-11)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    """Nothing but a complaint comes of a file that is no table."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        found = read_table(path, LONG, SHARE)
    except SuiteError:
        return
    assert all(isinstance(one, Published) for one in found)


def test_an_import_is_ranked_and_nothing_is_paired(tmp_path: Path):
    """Ranks by score, no letters, no intervals, no costs; the missing value is a skipped trial with its reason."""
    imported(tmp_path)
    found = suite.load_comparison(tmp_path / "out").comparison
    assert found.published
    assert [cell.model for cell in found.ranking("pets")] == ["large", "small"]
    assert {cell.best for cell in found.cells} == {None}
    assert found.pairs == ()
    assert found.facts.trials_finished == 3
    assert [failure.status for failure in found.failures] == ["skipped"]
    assert "row 4" in found.failures[0].reason
    with open_store(tmp_path / "out", create=False) as store:
        (result,) = store.query(model="large", dataset="cars")
    assert result.data[0].name == "cars"
    assert (result.environment, result.profile, result.artefacts) == (None, None, {})


def test_the_same_table_again_adds_nothing(tmp_path: Path):
    """Counted, and not one row of the database is written anew; a changed value replaces the one before."""
    first = imported(tmp_path)
    before = _sequences(tmp_path / "out")
    again = imported(tmp_path)
    assert (first.new, first.values, first.missing) == (4, 3, 1)
    assert (again.new, again.changed, again.removed) == (0, 0, 0)
    assert _sequences(tmp_path / "out") == before
    changed = imported(tmp_path, TABLE.replace("small,pets,0.7", "small,pets,0.95"))
    assert (changed.new, changed.changed, changed.removed) == (0, 1, 0)
    assert suite.recommend(tmp_path / "out", dataset="pets").take == "Take small."


def _sequences(out: Path) -> dict[str, int]:
    with open_store(out, create=False) as store:
        return {entry.id: entry.sequence for entry in store.entries().values()}


def test_what_is_no_longer_in_the_table_goes(tmp_path: Path):
    """A row that was corrected away is not left behind; another table in the same folder stays."""
    imported(tmp_path)
    other = table(tmp_path, "model,data,acc\ntiny,pets,0.1\n", "other.csv")
    import_table(other, tmp_path / "out", LONG)
    gone = imported(tmp_path, TABLE.replace("large,cars,0.8\n", ""))
    assert gone.removed == 1
    models = {cell.model for cell in suite.load_comparison(tmp_path / "out").comparison.cells}
    assert models == {"small", "large", "tiny"}
    clash = table(tmp_path, "model,data,acc\ntiny,pets,0.2\n", "third.csv")
    with pytest.raises(StoreError, match=r"is there from other\.csv"):
        import_table(clash, tmp_path / "out", LONG)


def test_a_run_is_not_mixed_with_published_results(tmp_path: Path):
    """A folder of a spec's run is refused; so is a table of another metric."""
    with open_store(tmp_path / "out") as store:
        store.save_document("plan", "{}")
        store.save_document("spec", json.dumps({"name": "vision"}))
    with pytest.raises(StoreError, match="holds a run of a spec"):
        imported(tmp_path)
    import_table(table(tmp_path, TABLE), tmp_path / "second", LONG)
    with pytest.raises(StoreError, match="holds a table of accuracy"):
        import_table(table(tmp_path, TABLE), tmp_path / "second", LONG, metric="f1_macro")


def test_the_page_of_published_results_says_so_once(tmp_path: Path):
    """No section claims what was not measured; names are escaped."""
    imported(tmp_path, TABLE.replace("large", "<b>large</b>"))
    for name in ("report.html", "report.md"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert text.count("no two models can be paired") == 1
        assert "<b>large</b>" not in text
        assert "Cells with a letter in common" not in text
        assert "0 ms" not in text
        assert "Nothing was run here" in text
    markdown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    for title in ("Quality and cost", "Training time", "Learning curves", "Next steps", "Tuning ledger", "Environment"):
        section = markdown.split(f"## {title}\n")[1].split("\n## ")[0]
        assert "None." in section, title


def test_the_command_imports_and_recommends(tmp_path: Path):
    """Counts as a sentence or as JSON; the page names the command; recommend works on it, limits on costs do not."""
    path, out = table(tmp_path, TABLE.replace("0.", "")), tmp_path / "out"
    words = ("import", path, "--out", out, "--model", "model", "--dataset", "data", "--score", "acc", "--scale", 0.1)
    ended = call(*words)
    assert ended.exit_code == 0
    assert "3 values, 1 missing: 4 new." in ended.stdout
    assert json.loads(call(*words, "--json").stdout)["new"] == 0
    command = suite.load_comparison(out).comparison.command
    assert command.startswith("suite import ")
    assert command.endswith("--model model --dataset data --score acc --scale 0.1")
    assert "Take large." in call("recommend", out, "--min", "accuracy=0.8", "--dataset", "pets").stdout.replace(
        "With at least 80\u202f% accuracy, take", "Take"
    )
    refused = call("recommend", out, "--max-latency-ms", 5)
    assert refused.exit_code == 2
    assert "Latency was not measured of any cell" in refused.stderr


def test_many_data_sets_have_their_answers_in_a_table(tmp_path: Path):
    """What is taken most often and on how many, then a row per data set; with several best, each is named."""
    rows = [f"{model},set{number},{0.5 + (number < 4) * (model == 'a') / 4}" for number in range(8) for model in "ab"]
    text = "\n".join(["model,data,acc", *rows, "b,set7,0.9"]).replace("b,set7,0.5\n", "")
    imported(tmp_path, text)
    markdown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "**Taken most often: a, on 7 of 8 data sets.**" in markdown
    assert "| set7 | b | 0.900 |" in markdown
    assert "Taken most often: a, on 7 of 8" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--metric", "acuracy"), "Did you mean 'accuracy'?"),
        (("--scale", "0"), "expected a number above 0"),
        (("--scale", "nan"), "expected a number above 0"),
        (("--seed", "sed"), "unknown column 'sed'"),
        (("--ignore", "model"), "is for wide tables"),
    ],
)
def test_wrong_options_are_one_sentence(tmp_path: Path, words: tuple[str, ...], said: str):
    """Exit code 2 and no folder that looks like a run."""
    path = table(tmp_path, TABLE)
    ended = call(
        "import", path, "--out", tmp_path / "out", "--model", "model", "--dataset", "data", "--score", "acc", *words
    )
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.shared
def test_vtab_is_imported_fully(tmp_path: Path):
    """16 methods, 19 data sets, 1,000 examples and all: 608 values, the diverged one as it was published."""
    path = REFERENCE / "vtab" / "results.csv"
    columns = Columns("method", "dataset", train_examples="train_examples_if_subset", wide=True, ignore=("metadata",))
    done = import_table(path, tmp_path / "vtab", columns, scale=0.01)
    assert (done.values, done.missing) == (608, 0)
    found = suite.load_comparison(tmp_path / "vtab").comparison
    assert (len(found.datasets), len({cell.model for cell in found.cells})) == (38, 16)
    assert {len(found.ranking(dataset)) for dataset in found.datasets} == {16}
    values = {(cell.model, cell.dataset): cell.headline.value for cell in found.cells}
    assert values["Sup-Rotation-100%", "Caltech101 (1000)"] == pytest.approx(0.9169408082962036)
    assert values["Cond-BigGAN", "Caltech101 (full)"] == pytest.approx(0.0014802631922066212)
    sizes = {(record.name, record.sizes.get("train")) for record in found.data}
    assert len(sizes) == 38
    assert ("Caltech101", 1000) in sizes


@pytest.mark.shared
def test_the_transfer_learning_library_is_imported_fully(tmp_path: Path):
    """10 models on 8 data sets, from the tables of its page; the rows of correlations are no models."""
    page = (REFERENCE / "tll" / "model_selection.README.md").read_text(encoding="utf-8")
    rows, dataset = [("data", "model", "acc")], ""
    for line in page.splitlines():
        title = re.search(r"Model Ranking Benchmark on (\w+)", line)
        dataset = title.group(1) if title else dataset
        boxes = [box.strip() for box in line.strip("| ").split("|")]
        if dataset and len(boxes) == 6 and re.fullmatch(r"[\d.]+", boxes[1]):
            rows.append((dataset, boxes[0], boxes[1]))
    path = table(tmp_path, "\n".join(map(",".join, rows)))
    done = import_table(path, tmp_path / "tll", LONG, scale=0.01)
    assert (done.values, done.missing) == (80, 0)
    found = suite.load_comparison(tmp_path / "tll").comparison
    assert len(found.datasets) == 8
    assert {len(found.ranking(one)) for one in found.datasets} == {10}
    assert found.ranking("Aircraft")[0].model == "Inception V3"
    assert found.ranking("Aircraft")[0].headline.value == pytest.approx(0.888)
