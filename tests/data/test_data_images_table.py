"""Images by the rows of a table: paths, classes, splits, further columns, and what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from images import encoded, noise_image, zipped

from suite.data.dataset import Dataset
from suite.data.images_table import ImagesTableSource
from suite.errors import BadExampleError, DataError, SpecError, SuiteError
from suite.runner.starter.examples import look_at_table
from suite.spec.spec import SplitsSpec, resolve_options

COLUMNS = {"image_column": "file", "label_column": "label"}


def load(path: Path, *, skip: bool = False, **options: object) -> Dataset:
    """The data set of a table."""
    chosen = resolve_options(ImagesTableSource, {"path": str(path), **COLUMNS, **options}, place="here", at="data")
    return ImagesTableSource.load(chosen, splits=SplitsSpec(), on_bad_example="skip" if skip else "error")


@pytest.fixture
def photos(tmp_path):
    """A folder with 12 images below ``photos``."""
    (tmp_path / "photos").mkdir()
    for number in range(12):
        (tmp_path / "photos" / f"{number}.png").write_bytes(encoded(noise_image(number, size=(9, 8)), "PNG"))
    return tmp_path


def rows(name: str = "photos/{}.png") -> list[tuple[str, str, str]]:
    """Path, class and patient of each image."""
    return [(name.format(number), ("cat", "dog")[number % 2], f"p{number // 4}") for number in range(12)]


def written(path: Path, lines: list[tuple[str, ...]], header: str = "file,label,patient") -> Path:
    """A CSV of these lines."""
    path.write_text("\n".join([header, *(",".join(line) for line in lines)]) + "\n")
    return path


def everything(dataset: Dataset) -> dict[str, tuple[str, str, int]]:
    """Id to class, patient and first value of the image."""
    return {
        one: (dataset.class_names[split.targets[at]], str(split.metadata["patient"][at]), int(split.read(at)[0, 0, 0]))
        for split in dataset.splits.values()
        for at, one in enumerate(split.ids)
    }


EXPECTED = {
    f"photos/{number}.png": (
        ("cat", "dog")[number % 2],
        f"p{number // 4}",
        int(np.asarray(noise_image(number, size=(9, 8)))[0, 0, 0]),
    )
    for number in range(12)
}


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_every_kind_of_table_gives_the_same_images_classes_and_further_columns(photos, form):
    """Paths are relative to the table; columns that nothing is made of stay beside the examples."""
    path = photos / f"table.{form}"
    names = ("file", "label", "patient")
    if form == "jsonl":
        path.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows()))
    elif form == "parquet":
        pa = pytest.importorskip("pyarrow")
        import pyarrow.parquet as pq

        pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows(), strict=True)), strict=True))), path)
    else:
        between = "," if form == "csv" else "\t"
        path.write_text("\n".join(between.join(row) for row in [names, *rows()]) + "\n")
    assert everything(load(path)) == EXPECTED


def test_paths_begin_in_a_folder_or_a_zip_that_is_named(photos):
    """The same images with the same ids from either, and with the same fingerprint."""
    table = written(photos / "table.csv", rows("{}.png"))
    archive = zipped(photos / "photos", photos / "photos.zip")
    found = [load(table, root=str(root)) for root in (photos / "photos", archive)]
    assert found[0].fingerprint == found[1].fingerprint
    assert set(found[1].splits["train"].ids) <= {f"{number}.png" for number in range(12)}


@pytest.mark.parametrize("name", ["photos/{}", "./photos/{}.png", "photos\\{}.png", "ABSOLUTE/photos/{}.png"])
def test_a_path_may_lack_its_ending_or_be_written_otherwise(photos, name):
    """As people's tables have them; what was supplied is told."""
    dataset = load(written(photos / "table.csv", rows(name.replace("ABSOLUTE", str(photos)))))
    assert everything(dataset) == EXPECTED
    assert dataset.reading is not None
    assert ("without the ending" in dataset.reading.words) == (name == "photos/{}")


def test_a_column_divides_the_images_into_splits(photos):
    """By the words that people use; images that no row names are counted."""
    lines = [(*row, "training" if number < 6 else "TEST") for number, row in enumerate(rows()[:10])]
    dataset = load(written(photos / "table.csv", lines, "file,label,patient,part"), split_column="part")
    assert dataset.made_splits == ("validation",)
    assert sorted(dataset.splits["test"].ids) == [f"photos/{number}.png" for number in range(6, 10)]
    assert dataset.reading is not None
    assert "2 images that no row names" in dataset.reading.words


def test_every_wrong_row_is_named_at_once(photos):
    """A file that is not there, one that lies elsewhere, one named twice, an empty label, one outside."""
    wrong = [
        ("photos/77.png", "cat", ""), ("3.png", "cat", ""), ("photos/1.png", "dog", ""), ("photos/more.png", "", ""),
        ("../x.png", "cat", ""),
    ]  # fmt: skip
    (photos / "photos" / "more.png").write_bytes(encoded(noise_image(99)))
    table = written(photos / "table.csv", [*rows(), *wrong])
    with pytest.raises(BadExampleError) as caught:
        load(table)
    said = str(caught.value)
    for words in (
        "5 examples",
        "77.png' is not in",
        "there is 'photos/3.png'",
        "earlier row",
        "label is empty",
        "outside",
    ):
        assert words in said
    skipping = load(table, skip=True)
    assert everything(skipping) == EXPECTED
    assert len(skipping.skipped) == 5


def test_a_damaged_image_is_named_with_its_file(photos):
    """The table is right; the file is not."""
    (photos / "photos" / "5.png").write_bytes(b"no image")
    with pytest.raises(BadExampleError, match=r"photos/5\.png"):
        load(written(photos / "table.csv", rows()))


def test_two_files_of_one_stem_have_to_be_told_apart(photos):
    """Without its ending a path may mean either."""
    (photos / "photos" / "5.jpg").write_bytes((photos / "photos" / "5.png").read_bytes())
    with pytest.raises(BadExampleError, match=r"may be photos/5.jpg or photos/5.png"):
        load(written(photos / "table.csv", rows("photos/{}")))


def test_levels_of_deep_images_come_from_the_training_split(tmp_path):
    """As in folders: 12 bits in files of 16 are spread over what 8 bits can say."""
    import PIL.Image

    for number in range(12):
        values = np.linspace(0, 4095, 64).reshape(8, 8) * (1 + number) / 12
        PIL.Image.fromarray(values.astype(np.uint16)).save(tmp_path / f"{number}.png")
    dataset = load(written(tmp_path / "table.csv", rows("{}.png")))
    assert dataset.reading is not None
    assert dataset.reading.levels is not None
    assert max(dataset.splits["train"].read(at).max() for at in range(len(dataset.splits["train"]))) == 255


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"image_column": "label"}, SpecError, "cannot be both"),
        ({"image_column": "fil"}, DataError, "Did you mean 'file'"),
        ({"root": "/nowhere"}, DataError, "no such file or folder"),
        ({"class_names": {"cat": "Cat"}}, BadExampleError, "has to name every label"),
    ],
)
def test_what_cannot_be_is_said_with_the_key(photos, options, kind, words):
    """Options that name what is not there."""
    table = written(photos / "table.csv", rows())
    given = {"path": str(table), **COLUMNS, **options}
    with pytest.raises(kind, match=words):  # noqa: PT012 - options are refused or their data set is
        chosen = resolve_options(ImagesTableSource, given, place="here", at="data")
        ImagesTableSource.load(chosen, splits=SplitsSpec(), on_bad_example="error")


def test_a_first_spec_finds_the_columns_of_paths_and_classes(photos):
    """By the endings of the values and by what columns are called."""
    found = look_at_table(written(photos / "table.csv", rows()), text=None, label="label")
    assert (found.task, found.entry["source"], found.entry["image_column"]) == (
        "image_classification", "images_table", "file"
    )  # fmt: skip
    assert found.median_side == 8
    with pytest.raises(SuiteError, match="which column holds the class"):
        look_at_table(written(photos / "other.csv", [row[:1] for row in rows()], "file"), text=None, label=None)
