"""The table source: CSV, TSV, JSON Lines, Parquet, and files of lines side by side."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import pickle
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.data.describe import describe_dataset
from suite.data.table import TableOptions, TableSource
from suite.errors import BadExampleError, DataError, MissingExtraError, SpecError, SuiteError, UnknownNameError
from suite.spec.spec import SplitsSpec, resolve_options

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"


def options(**given) -> TableOptions:
    """Options as a spec gives them, through JSON and every check."""
    return resolve_options(TableSource, given, place="spec.json", at="datasets[0]")


def load(*, on_bad_example="error", **given):
    """The data set with these options."""
    return TableSource.load(options(**given), splits=SplitsSpec(), on_bad_example=on_bad_example)


def write(path: Path, rows, **how) -> str:
    """Rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **how).writerows(rows)
    return str(path)


def reviews(path: Path, *, count: int = 10, **how) -> str:
    """``count`` rows of text and label under a header."""
    rows = [(f"text {number}", ("bad", "good")[number % 2]) for number in range(count)]
    return write(path, [("review", "mood"), *rows], **how)


def examples(dataset) -> dict[str, tuple[tuple[str, ...], int]]:
    """Texts and target of every example, by its id."""
    return {
        identifier: (split.read(index), int(split.targets[index]))
        for split in dataset.splits.values()
        for index, identifier in enumerate(split.ids)
    }


MOODS = {"text_column": "review", "label_column": "mood"}


def test_a_csv_becomes_texts_with_classes_and_made_splits(tmp_path):
    """Ids are the file's name and the line; classes are in the order of the letters."""
    dataset = load(path=reviews(tmp_path / "films.csv"), **MOODS)
    assert dataset.name == "films-seed0"
    assert (dataset.content, dataset.answers) == ("text", "class")
    assert dataset.class_names == ("bad", "good")
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 6, "validation": 2, "test": 2}
    assert examples(dataset)["films.csv:2"] == (("text 0",), 0)
    assert examples(dataset)["films.csv:5"] == (("text 3",), 1)


def test_a_file_for_each_split_is_used_as_it_is(tmp_path):
    """Files of one name in different folders keep their examples apart."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    dataset = load(
        train=reviews(tmp_path / "a" / "data.csv"),
        validation=reviews(tmp_path / "b" / "data.csv", count=4),
        test=reviews(tmp_path / "c.tsv", count=6, delimiter="\t"),
        **MOODS,
    )
    assert dataset.name == "data"
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 10, "validation": 4, "test": 6}
    assert dataset.splits["validation"].ids[0] == "b/data.csv:2"
    assert dataset.splits["test"].read(5) == ("text 5",)


def test_a_column_may_say_the_split(tmp_path):
    """In the words that folders may have."""
    rows = [(f"text {n}", n % 2, ("train", "dev", "Test")[n // 2 % 3]) for n in range(24)]
    path = write(tmp_path / "a.csv", [("t", "y", "part"), *rows])
    dataset = load(path=path, text_column="t", label_column="y", split_column="part")
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 8, "validation": 8, "test": 8}
    assert dataset.made_splits == ()


def test_two_texts_are_read_in_the_order_of_the_spec(tmp_path):
    """As for paraphrases and entailment."""
    rows = [(f"left {n}", "ab"[n % 2], f"right {n}") for n in range(10)]
    path = write(tmp_path / "pairs.csv", [("l", "y", "r"), *rows])
    dataset = load(path=path, text_column=["r", "l"], label_column="y")
    assert examples(dataset)["pairs.csv:5"][0] == ("right 3", "left 3")


def test_a_target_column_makes_it_generation(tmp_path):
    """Source and reference; the source may be empty, and without a text column it always is."""
    rows = [(f"source {n}" if n else "", f"reference {n}") for n in range(10)]
    path = write(tmp_path / "a.csv", [("in", "out"), *rows])
    dataset = load(path=path, text_column="in", target_column="out")
    assert (dataset.answers, dataset.class_names) == ("text", ())
    assert examples(dataset)["a.csv:2"] == (("", "reference 0"), 0)
    assert examples(dataset)["a.csv:3"] == (("source 1", "reference 1"), 0)
    plain = load(path=path, target_column="out")
    assert examples(plain)["a.csv:3"][0] == ("", "reference 1")


def test_a_choice_says_for_which_task_it_is(tmp_path):
    """A label column is for classification, a target column for generation."""
    assert TableSource.tasks(options(path="a.csv", **MOODS)) == ("text_classification",)
    assert TableSource.tasks(options(path="a.csv", target_column="review")) == ("text_generation",)


def test_without_a_header_columns_have_numbers(tmp_path):
    """As in AG News."""
    path = write(tmp_path / "a.csv", [(n % 2 + 1, f"text {n}") for n in range(10)])
    dataset = load(path=path, header=False, text_column="2", label_column="1", class_names=["World", "Sports"])
    assert dataset.class_names == ("World", "Sports")
    assert examples(dataset)["a.csv:1"] == (("text 0",), 0)
    with pytest.raises(DataError, match=r"a\.csv: unknown column '2'.*set 'header' to false"):
        load(path=path, text_column="2", label_column="1")


def test_labels_that_are_numbers_are_sorted_as_numbers(tmp_path):
    """10 comes after 9, and they are called as they are written."""
    path = write(tmp_path / "a.csv", [("t", "y"), *((f"text {n}", (10, 9, -1)[n % 3]) for n in range(12))])
    assert load(path=path, text_column="t", label_column="y").class_names == ("-1", "9", "10")
    names = {"9": "nine", "10": "ten", "-1": "none"}
    assert load(path=path, text_column="t", label_column="y", class_names=names).class_names == ("none", "nine", "ten")


def test_json_lines_may_hold_labels_of_any_plain_kind(tmp_path):
    """Numbers and truth values are named as they are written; other keys are passed over."""
    path = tmp_path / "a.jsonl"
    path.write_text("\n\n".join(json.dumps({"y": n % 2 == 0, "z": [n], "t": f"text\u2028{n}"}) for n in range(10)))
    dataset = load(path=str(path), text_column="t", label_column="y")
    assert dataset.class_names == ("false", "true")
    assert examples(dataset)["a.jsonl:3"] == (("text\u20281",), 0)


def test_parquet_gives_rows_of_categories_and_numbers(tmp_path):
    """Ids carry the number of the row."""
    import pandas as pd

    labels = pd.Categorical([("b", "a")[n % 2] for n in range(10)])
    pd.DataFrame({"t": [f"text {n}" for n in range(10)], "y": labels, "n": range(10)}).to_parquet(
        tmp_path / "a.parquet"
    )
    dataset = load(path=str(tmp_path / "a.parquet"), text_column="t", label_column="y")
    assert dataset.class_names == ("a", "b")
    assert examples(dataset)["a.parquet:2"] == (("text 1",), 0)
    with pytest.raises(BadExampleError, match=r"row 1: column 'n': expected text, got int"):
        load(path=str(tmp_path / "a.parquet"), text_column="n", label_column="y")


def test_a_text_of_nothing_but_unicode_space_is_empty_in_parquet_too(tmp_path):
    """Many rows at once are looked at as one is."""
    import pandas as pd

    texts = ["\u00a0\u2003", *(f"text {n}" for n in range(9))]
    pd.DataFrame({"t": texts, "y": list("ab" * 5)}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadExampleError, match=r"row 1: column 't': the text is empty"):
        load(path=str(tmp_path / "a.parquet"), text_column="t", label_column="y")


def test_files_of_lines_lie_side_by_side(tmp_path):
    """A file for each column, compressed or not; they must be of one length."""
    (tmp_path / "a.en").write_text("".join(f"line {n}\n" for n in range(10)))
    with gzip.open(tmp_path / "a.de.gz", "wt", encoding="utf-8") as file:
        file.write("".join(f"Zeile \x85 {n}\r\n" for n in range(10)))
    files = {"en": str(tmp_path / "a.en"), "de": str(tmp_path / "a.de.gz")}
    dataset = load(path=files, text_column="en", target_column="de")
    assert dataset.name == "a-seed0"
    assert examples(dataset)["a.en:10"][0] == ("line 9", "Zeile \x85 9")
    (tmp_path / "a.en").write_text("one\n")
    with pytest.raises(DataError, match=r"as many lines in each file; .*a\.en ends after 1 lines"):
        load(path=files, text_column="en", target_column="de")


def test_a_mark_at_the_head_of_the_file_belongs_to_no_column(tmp_path):
    """Editors on Windows write one."""
    path = Path(reviews(tmp_path / "a.csv"))
    plain = load(path=str(path), **MOODS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path=str(path), **MOODS).fingerprint == plain.fingerprint


def written(path: Path, text: str, encoding: str = "utf-8") -> str:
    """A file with this text."""
    path.write_bytes(text.encode(encoding))
    return str(path)


ROWS = "".join(f"{number};text {number}, with a comma;{('bad', 'good')[number % 2]}\n" for number in range(12))


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        (f"id;review;mood\n{ROWS}", "utf-8", ("fields between semicolons",)),
        (f"sep=;\r\nid;review;mood\r\n{ROWS}", "utf-8-sig", ("a first line 'sep='", "fields between semicolons")),
        (f"id;review;mood\n{ROWS}", "utf-16", ("UTF-16", "fields between semicolons")),
        (f"id;review;mood\n{ROWS}", "utf-16-le", ("UTF-16-LE", "fields between semicolons")),
        (f"id;review;mood\n{ROWS}".replace(";", "\t"), "utf-8", ("fields between tabs",)),
        (f"id;review;mood\n{ROWS}".replace(";", "|"), "utf-8", ("fields between bars",)),
        (f"review;mood\n{ROWS}", "utf-8", ("fields between semicolons", "a first column without a name")),
        (f";review;mood\n{ROWS}", "utf-8", ("fields between semicolons",)),
        (f"id;review;mood\r{ROWS}".replace("\n", "\r"), "utf-8", ("fields between semicolons",)),
    ],
)
def test_how_a_table_is_written_is_recognised_and_said(tmp_path, text, encoding, told):
    """Delimiter, encoding, a line for Excel, an index without a name; the reading says what was taken for it."""
    dataset = load(path=written(tmp_path / "a.csv", text, encoding), **MOODS)
    assert dataset.reading.recognised == told
    assert dataset.class_names == ("bad", "good")
    assert sorted(len(one) for one, _ in examples(dataset).values()) == [1] * 12
    assert ("text 3, with a comma",) in [one for one, _ in examples(dataset).values()]


def test_a_delimiter_that_is_not_clear_is_asked_for(tmp_path):
    """Both would give the columns."""
    text = "".join(f"text {number};x|good\n" for number in range(9))
    with pytest.raises(DataError, match="between semicolons or bars; say which as 'delimiter'"):
        load(path=written(tmp_path / "a.csv", text), header=False, text_column="1", label_column="2")


def test_one_long_field_names_the_key_that_mends_it(tmp_path):
    """No usual delimiter will do."""
    text = "review~mood\n" + "".join(f"text {number}~good\n" for number in range(9))
    with pytest.raises(DataError, match=r"unknown column 'review'.*'delimiter'"):
        load(path=written(tmp_path / "a.csv", text), **MOODS)


def test_bytes_of_another_encoding_name_the_key_that_mends_them(tmp_path):
    """As Excel writes them in Europe."""
    text = "review,mood\n" + "".join(f"d\u00e9j\u00e0 vu {n},{('bad', 'good')[n % 2]}\n" for n in range(9))
    path = written(tmp_path / "a.csv", text, "cp1252")
    with pytest.raises(BadExampleError, match="Set 'encoding' to what the file is in, for instance \"cp1252\""):
        load(path=path, **MOODS)
    assert load(path=path, encoding="cp1252", **MOODS).num_classes == 2


CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "13-raw-complaints"


@pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.parametrize("name", ["semicolon.csv", "sep_line.csv"])
def test_tables_that_once_had_no_columns_are_read(name):
    """As Excel writes them where the comma is that of decimals."""
    assert load(path=str(CASES / name), text_column="text", label_column="label").num_classes == 2


def test_the_fingerprint_follows_from_texts_and_labels(tmp_path):
    """Compression and place are no part of it, a letter is."""
    path = Path(reviews(tmp_path / "a.csv"))
    first = load(path=str(path), **MOODS)
    assert load(path=str(path), **MOODS).fingerprint == first.fingerprint
    path.write_text(path.read_text().replace("text 3", "Text 3"))
    assert load(path=str(path), **MOODS).fingerprint != first.fingerprint


def test_texts_are_described_by_their_lengths(tmp_path):
    """In words of all texts of an example; there are no sizes of images."""
    rows = [(f"{n:03}", "x " * (n + 1)) for n in range(10)]
    path = write(tmp_path / "a.csv", [("in", "out"), *rows])
    described = describe_dataset(load(train=path, text_column="in", target_column="out"), look_at=1000)
    assert described.examples == {"train": 6, "validation": 2, "test": 2}
    assert (described.picture_sizes, described.class_counts) == ((), {})
    shortest, median, longest = described.words
    assert 2 <= shortest < median < longest <= 11


def test_a_split_can_be_sent_to_another_process(tmp_path):
    """What reads the texts survives being pickled by multiprocessing."""
    split = load(path=reviews(tmp_path / "a.csv"), **MOODS).splits["train"]
    again = pickle.loads(pickle.dumps(split))
    assert [again.read(index) for index in range(len(again))] == [split.read(index) for index in range(len(split))]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
ROWS = st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["a", 'b, "c"\n', "ß"])), min_size=1, max_size=8)


def as_table(kind: str, rows) -> bytes:
    """Rows as a file of one format, in the order left, label, right."""
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        left, right, label = map(list, zip(*rows, strict=True))
        file = io.BytesIO()
        pq.write_table(pa.table({"left": left, "label": label, "right": right}), file)
        return file.getvalue()
    if kind == "jsonl":
        lines = (json.dumps({"left": x, "label": y, "right": z}, ensure_ascii=bool(len(x) % 2)) for x, z, y in rows)
        return "\n".join(lines).encode()
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t" if kind == "tsv" else ",")
    writer.writerows([("left", "label", "right"), *((x, y, z) for x, z, y in rows)])
    return text.getvalue().encode()


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@settings(deadline=None, max_examples=40)
@given(rows=ROWS)
def test_any_table_of_texts_reads_back_as_it_was_written(kind, rows):
    """Quotes, commas, line ends and all of Unicode."""
    rows = [*rows, *(("filler", "filler", label) for label in ("a", 'b, "c"\n', "ß") for _ in range(3))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table.{kind}"
        path.write_bytes(as_table(kind, rows))
        dataset = load(path=str(path), text_column=["left", "right"], label_column="label")
    found = Counter((texts, dataset.class_names[target]) for texts, target in examples(dataset).values())
    assert found == Counter(((left, right), label) for left, right, label in rows)


BAD_LINES = [
    (b"text,good,more", r"a\.csv: line 4: expected 2 fields as in the header, got 3"),
    (b"text", r"line 4: expected 2 fields as in the header, got 1"),
    (b"caf\xe9,good", r"line 4: column 'review': byte 0xE9 is no utf-8\. Set 'encoding'.*\"cp1252\""),
    (b"text,", r"line 4: column 'mood': the label is empty"),
    (b"text, ", r"line 4: column 'mood': the label is empty"),
    (b",good", r"line 4: column 'review': the text is empty"),
    (b"te\0xt,good", r"line 4: column 'review': expected text, got a NUL byte"),
    (b'"text"s,good', r"line 4: a character follows the quotation mark that closes a field"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_LINES)
def test_a_bad_row_is_named_with_file_and_line(tmp_path, line, complaint):
    """Or left out with its reason, when that is asked for."""
    path = Path(reviews(tmp_path / "a.csv"))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:3], line, *lines[3:]]))
    with pytest.raises(BadExampleError, match=complaint + r".*\"on_bad_example\": \"skip\""):
        load(path=str(path), **MOODS)
    dataset = load(path=str(path), **MOODS, on_bad_example="skip")
    assert len(examples(dataset)) == 10
    (skipped,) = dataset.skipped
    assert skipped.id == "a.csv:4"
    assert "line 4: " in skipped.reason


BAD_JSON = [
    ('{"t": "text", "y": ', "line 2: expected a JSON object, got damaged JSON"),
    ('["text", "a"]', "line 2: expected a JSON object, got list"),
    ('{"text": "text", "y": "a"}', r"line 2: unknown column 't'.* Available: text, y"),
    ('{"\\ud800": "text", "y": "a"}', r"line 2: unknown column 't'.* Available: \\ud800, y"),
    ('{"t": null, "y": "a"}', "line 2: column 't': expected text, got nothing"),
    ('{"t": 5, "y": "a"}', "line 2: column 't': expected text, got int"),
    ('{"t": "\\ud800", "y": "a"}', "line 2: column 't': expected text, got the lone surrogate"),
    ('{"t": "text", "y": null}', "line 2: column 'y': the label is empty"),
    ('{"t": "text", "y": ["a"]}', "line 2: column 'y': expected text, got list"),
    ('{"t": "text", "y": NaN}', "line 2: expected a JSON object, got damaged JSON: NaN"),
    ("[" * 100_000, "line 2: expected a JSON object, got damaged JSON"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_JSON)
def test_a_bad_line_of_json_is_named(tmp_path, line, complaint):
    """What was expected and what came."""
    good = [json.dumps({"t": f"text {n}", "y": "ab"[n % 2]}) for n in range(10)]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([good[0], line, *good[1:]]))
    with pytest.raises(BadExampleError, match=complaint):
        load(path=str(path), text_column="t", label_column="y")
    assert len(examples(load(path=str(path), text_column="t", label_column="y", on_bad_example="skip"))) == 10


def test_bytes_in_parquet_that_are_no_text_are_named(tmp_path):
    """Also in a column that says that it holds text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = pa.array([b"one", b"tw\xff", b"three"] * 4, type=pa.binary())
    texts = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    pq.write_table(pa.table({"t": texts, "y": ["a", "b", "c"] * 4}), tmp_path / "a.parquet")
    with pytest.raises(BadExampleError, match=r"row 2: column 't': expected text, got byte 0xFF, which is no UTF-8"):
        load(path=str(tmp_path / "a.parquet"), text_column="t", label_column="y")


def test_a_quotation_mark_that_is_not_closed_is_refused(tmp_path):
    """It swallows rows after it, so nobody could say what was skipped."""
    path = tmp_path / "a.csv"
    once = 'fine,good\n"open,bad\nfine,good\n'
    for text, complaint in ((once, "is never closed"), (once * 2, "is not closed where its field ends")):
        path.write_text("review,mood\n" + text)
        with pytest.raises(DataError, match=rf"line 3: a quotation mark {complaint}\. .*'quotes' to false"):
            load(path=str(path), **MOODS, on_bad_example="skip")
    path.write_text('review,mood\nfine,good\n"one\ntwo",bad,more\nfine,bad\n')
    with pytest.raises(BadExampleError, match="line 3: expected 2 fields as in the header, got 3 in 2 lines"):
        load(path=str(path), **MOODS)
    path.write_text('review,mood\n"open,bad\n' + 'fi"ne,good\nbad,bad\n' * 5)
    assert examples(load(path=str(path), quotes=False, **MOODS))["a.csv:2"][0] == ('"open',)


def test_another_encoding_is_named_in_the_spec(tmp_path):
    """Latin-1, and one of two bytes a character."""
    path = Path(reviews(tmp_path / "a.csv"))
    text = path.read_text().replace("text", "café")
    for encoding in ("latin-1", "utf-16"):
        path.write_text(text, encoding=encoding)
        assert examples(load(path=str(path), encoding=encoding, **MOODS))["a.csv:2"][0] == ("café 0",)
    assert load(path=str(path), **MOODS).reading.recognised == ("UTF-16",)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="cannot be read as utf-16"):
        load(path=str(path), encoding="utf-16", **MOODS)


def test_a_missing_column_is_answered_with_the_nearest(tmp_path):
    """In every format, before anything runs."""
    path = reviews(tmp_path / "a.csv")
    asked = options(path=path, text_column="reviews", label_column="mood")
    with pytest.raises(DataError, match=r"a\.csv: unknown column 'reviews'\. Did you mean 'review'\?"):
        TableSource.verify(asked)
    import pandas as pd

    pd.read_csv(path).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: unknown column 'moods'\. Did you mean 'mood'\?"):
        load(path=str(tmp_path / "a.parquet"), text_column="review", label_column="moods")
    with pytest.raises(DataError, match="unknown column 'fr'"):
        load(path={"en": path}, target_column="fr")


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    """Which one is meant is not clear."""
    path = write(tmp_path / "a.csv", [("t", "t", "y"), ("one", "two", "a")])
    with pytest.raises(DataError, match="column 't' is there 2 times"):
        load(path=path, text_column="t", label_column="y")


def test_files_that_are_missing_empty_or_something_else_are_sentences(tmp_path):
    """No traceback of a library comes through."""
    with pytest.raises(DataError, match=r"none\.csv: cannot be read: No such file"):
        load(path=str(tmp_path / "none.csv"), **MOODS)
    for name, content, complaint in (
        ("empty.csv", b"", "is empty; expected rows of CSV"),
        ("head.csv", b"review,mood\n", "no row can be used"),
        ("blank.jsonl", b"\n\n", "is empty; expected a JSON object in each line"),
        ("text.parquet", b"review,mood\n", "expected a Parquet file, got"),
        ("plain.csv.gz", b"review,mood\n", "cannot be read: Not a gzipped file"),
        ("cut.csv.gz", gzip.compress(b"review,mood\n" * 99)[:-9], "cannot be read: Compressed file ended"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=complaint):
            load(path=str(tmp_path / name), **MOODS)


def test_where_every_row_is_bad_the_first_is_named(tmp_path):
    """Also when bad rows are skipped."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n' * 5)
    with pytest.raises(DataError, match=r"no row can be used\. Line 1: unknown column 'txt'\. Did you mean 'text'"):
        load(path=str(path), text_column="txt", label_column="y", on_bad_example="skip")


def test_a_class_that_is_not_trained_on_is_named_with_its_line(tmp_path):
    """A label of the test file that the training file lacks."""
    path = write(tmp_path / "test.csv", [("review", "mood"), ("fine", "good"), ("so so", "god")])
    with pytest.raises(DataError, match=r"test\.csv: line 3: the test split has a class .*'god'\. Did you mean 'good'"):
        load(train=reviews(tmp_path / "train.csv"), test=path, **MOODS)


def test_class_names_that_do_not_fit_the_labels_are_refused(tmp_path):
    """A list for other labels than numbers, too few names, and a label without one."""
    numbers = write(tmp_path / "n.csv", [("t", "y"), *((f"text {n}", n % 3) for n in range(12))])
    with pytest.raises(DataError, match="expected 2 labels for as many class_names, got 3: 0, 1, 2"):
        load(path=numbers, text_column="t", label_column="y", class_names=["a", "b"])
    with pytest.raises(BadExampleError, match=r"line 4: column 'y': unknown label '2'"):
        load(path=numbers, text_column="t", label_column="y", class_names={"0": "a", "1": "b"})
    with pytest.raises(DataError, match="a list is for labels that are numbers; got bad, good"):
        load(path=reviews(tmp_path / "w.csv"), **MOODS, class_names=["no", "yes"])


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    """One line, before the file is looked at."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "keras-suite\[parquet\]"'):
        load(path=str(tmp_path / "a.parquet"), **MOODS)


REFUSED = [
    ({}, "either 'path' or 'train' .* got neither"),
    ({"path": "a.csv", "train": "b.csv"}, "got both"),
    ({"path": "a.csv", "test": "b.csv"}, "expected 'train' beside"),
    ({"train": "a.csv", "test": "./a.csv"}, "got one file twice"),
    ({"train": "a.csv", "split_column": "s"}, "'split_column' divides one file"),
    ({"path": "a.csv", "target_column": "t"}, "either 'label_column'.*got both"),
    ({"path": "a.csv", "label_column": None}, "either 'label_column'.*got neither"),
    ({"path": "a.csv", "text_column": None}, "expected 'text_column' to name the column to classify"),
    ({"path": "a.csv", "label_column": None, "target_column": "t", "text_column": ["a", "b"]}, "got two"),
    ({"path": "a.csv", "class_names": ["a", "a"]}, "got one of them twice"),
    ({"path": "a.txt"}, r"a\.txt: expected a name that ends in \.csv"),
    ({"path": "a.jsonl", "delimiter": ";"}, "belong to CSV and TSV"),
    ({"path": "a.parquet", "encoding": "latin-1"}, "'encoding' belongs to text files"),
    ({"path": "a.csv", "encoding": "latin_2x"}, r"unknown encoding 'latin_2x'\. Did you mean 'latin"),
    ({"path": "a.csv", "encoding": "base64"}, "unknown encoding 'base64'"),
    ({"path": "a.csv", "delimiter": ";;"}, "delimiter"),
    ({"path": {"review": "a"}, "format": "csv"}, "side by side have no 'format'"),
]


@pytest.mark.parametrize(("given", "complaint"), REFUSED)
def test_options_that_do_not_go_together_are_refused_in_the_spec(given, complaint):
    """With the place in the spec, before any file is opened."""
    with pytest.raises((SpecError, UnknownNameError), match=r"spec\.json: datasets\[0\].*" + complaint):
        options(**{**MOODS, **given})


@pytest.mark.shared
def test_ag_news_is_read_as_published():
    """Title and text, four classes by number."""
    names = (SHARED / "ag_news" / "classes.txt").read_text().split()
    dataset = load(
        path=str(SHARED / "ag_news" / "test.csv"),
        header=False,
        text_column=["2", "3"],
        label_column="1",
        class_names=names,
    )
    assert dataset.class_names == ("World", "Sports", "Business", "Sci/Tech")
    assert sum(len(split) for split in dataset.splits.values()) == 7600
    assert np.bincount(dataset.splits["test"].targets).tolist() == [380] * 4
    texts, target = examples(dataset)["test.csv:1"]
    assert texts[0] == "Fears for T N pension after talks"
    assert dataset.class_names[target] == "Business"


@pytest.mark.shared
def test_e2e_and_multi30k_are_read_as_published():
    """Data to text from two CSV files, and translation from lines side by side."""
    e2e = SHARED / "e2e_nlg"
    dataset = load(
        train=str(e2e / "devset.csv"), test=str(e2e / "testset_w_refs.csv"), text_column="mr", target_column="ref"
    )
    assert len(dataset.splits["train"]) + len(dataset.splits["validation"]) == 4672
    assert len(dataset.splits["test"]) == 4693
    assert dataset.splits["test"].read(0)[1] == "A coffee shop in the city centre area called Blue Spice."
    files = {
        split: {word: str(SHARED / "multi30k" / f"{name}.{word}.gz") for word in ("en", "de")}
        for split, name in {"train": "train", "validation": "val", "test": "test_2016_flickr"}.items()
    }
    translation = load(**files, text_column="en", target_column="de")
    assert {name: len(split) for name, split in translation.splits.items()} == {
        "train": 29000, "validation": 1014, "test": 1000,
    }  # fmt: skip
    source, reference = translation.splits["train"].read(0)
    assert source == "Two young, White males are outside near many bushes."
    assert reference == "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche."


@pytest.mark.parametrize("encoding", ["idna", "punycode"])
def test_an_encoding_that_replaces_nothing_ends_in_a_sentence(tmp_path, encoding):
    """When the form of a table is looked at as when it is read."""
    (tmp_path / "t.csv").write_bytes("review,mood\nzwölf,a\nein,b\n".encode())
    with pytest.raises(DataError, match="encoding"):
        load(path=str(tmp_path / "t.csv"), **MOODS, encoding=encoding)


def test_a_packed_table_that_is_damaged_ends_in_a_sentence(tmp_path):
    """Wherever the damage is."""
    content = gzip.compress(b"review,mood\n" + b"a text,a\nanother,b\n" * 50, 1)
    for at in range(10, len(content) - 8):
        damaged = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
        (tmp_path / "t.csv.gz").write_bytes(damaged)
        with contextlib.suppress(SuiteError):
            load(path=str(tmp_path / "t.csv.gz"), **MOODS)
