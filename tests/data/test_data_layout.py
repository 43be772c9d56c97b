"""Which folders are splits, which are classes, and what was read of a folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from images import class_folders, encoded, noise_image, zipped

from suite.data.dataset import Dataset
from suite.data.folder import FolderSource
from suite.data.layout import split_of
from suite.errors import BadExampleError, DataError, SpecError
from suite.spec.spec import SplitsSpec, resolve_options

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
in_shared = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared/cases")


def load(path: Path, **options: object) -> Dataset:
    """The data set at a path."""
    chosen = resolve_options(FolderSource, {"path": str(path), **options}, place="here", at="data")
    return FolderSource.load(chosen, splits=SplitsSpec(), on_bad_example="error")


def splits_in(root: Path, *names: str, inside: str = "") -> Path:
    """Folders of these names with two classes of four images each."""
    return class_folders(root, {f"{name}/{inside}{one}": 4 for name in names for one in ("cat", "dog")})


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"), ("Training", "train"), ("TRAIN", "train"), ("train2017", "train"), ("Train_data", "train"),
        ("trainset", "train"), ("training-set", "train"), ("TrainImages", "train"), ("images_train", "train"),
        ("train (1)", "train"), ("val", "validation"), ("valid", "validation"), ("Validation", "validation"),
        ("val2017", "validation"), ("dev", "validation"), ("test_set", "test"), ("testing", "test"), ("Test", "test"),
        ("training shoes", None), ("cat", None), ("trains", None), ("testosterone", None), ("fold1", None),
        ("train_test", None), ("contest", None), ("devices", None), ("seg_train", None),
    ],
)  # fmt: skip
def test_a_split_is_known_by_its_word_alone(name, split):
    """Beside words that say nothing, in any case; a word that says something makes it a class."""
    assert split_of(name) == split


@pytest.mark.parametrize(
    "names",
    [
        ("training_set", "test_set"), ("seg_train", "seg_test"), ("train_images", "test_images"),
        ("Training", "Testing"),
        ("trainset", "testset"), ("Train_data", "Test_data"), ("pets-train", "pets-test"), ("TRAIN", "TEST"),
        ("1_train", "2_test"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_splits_are_recognised_by_what_people_call_them(tmp_path, names, packed):
    """The classes are those inside, in a folder and in a zip, and the reading says what was taken for what."""
    folder = splits_in(tmp_path / "pets", *names)
    dataset = load(zipped(folder, tmp_path / "pets.zip") if packed else folder)
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.splits["test"]) == 8
    assert dataset.reading.split_places == {"train": names[:1], "test": names[1:]}


def test_a_split_in_a_folder_of_its_own_name_is_read(tmp_path):
    """As archives come that were packed twice: ``seg_train/seg_train/street``."""
    class_folders(tmp_path, {f"{s}/{s}/{one}": 4 for s in ("seg_train", "seg_test") for one in ("sea", "street")})
    assert load(tmp_path).class_names == ("sea", "street")


def test_classes_that_are_named_like_splits_stay_classes(tmp_path):
    """A shop's folders: there are images in them and no classes."""
    assert load(class_folders(tmp_path, {"training shoes": 5, "test tubes": 5})).num_classes == 2


@pytest.mark.parametrize(
    "names", [("fold1", "fold2"), ("a", "b"), ("camera 1", "camera 2", "camera 3"), ("part_1", "part_2")]
)
def test_folders_with_the_same_classes_inside_are_refused_with_both_readings(tmp_path, names):
    """They may be classes, and as well splits or sources."""
    with pytest.raises(DataError, match=r"can be read in two ways.*\(cat, dog\).*split_folders.*false"):
        load(splits_in(tmp_path, *names))


def test_classes_that_are_all_called_like_splits_are_refused_with_both_readings(tmp_path):
    """The labels of such folders usually stand in a table."""
    with pytest.raises(DataError, match=r"'test' \(5 images\), 'train' \(5 images\).*images_table"):
        load(class_folders(tmp_path, {"train": 5, "test": 5}))


def test_the_key_decides_between_two_readings(tmp_path):
    """By folder, several to a split; or as classes."""
    folder = splits_in(tmp_path, "fold1", "fold2", "fold3")
    named = load(folder, split_folders={"train": ["fold1", "fold2"], "test": "fold3"})
    assert named.class_names == ("cat", "dog")
    assert len(named.splits["test"]) == 8
    assert load(folder, split_folders=False).class_names == ("fold1", "fold2", "fold3")


def test_what_is_beside_the_named_splits_is_left_out_and_counted(tmp_path):
    """Images without a class, for a contest."""
    class_folders(tmp_path, {"seg_pred": 3})
    splits_in(tmp_path, "seg_train", "seg_test")
    with pytest.raises(DataError, match=r"'seg_pred' with 3 images lies beside.*\"train\": \"seg_train\""):
        load(tmp_path)
    reading = load(tmp_path, split_folders={"train": "seg_train", "test": "seg_test"}).reading
    assert [(one.reason, one.count) for one in reading.left_out] == [("in no class folder of a split", 3)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"train": "fold9"}, "unknown folder 'fold9'. Did you mean"),
        ({"train": ["fold1", "fold1"]}, "'fold1' is in two splits"),
        ({"train": "fold1", "test": "fold1/cat"}, "is in two splits"),
    ],
)
def test_split_folders_that_are_not_there_or_there_twice_are_refused(tmp_path, given, said):
    """With the nearest name."""
    with pytest.raises(DataError, match=said):
        load(splits_in(tmp_path, "fold1", "fold2"), split_folders=given)


def test_split_folders_need_one_to_train_on():
    """Before anything is looked at."""
    with pytest.raises(SpecError, match="expected a folder for 'train' beside test"):
        load(Path("nowhere"), split_folders={"test": "fold1"})


def test_what_systems_leave_in_folders_is_left_out_and_counted(tmp_path):
    """Thumbnails of network storage, settings of file managers, hidden files."""
    folder = class_folders(tmp_path / "pets", {"cat": 4, "dog": 4, "cat/@eaDir/0.png": 2, "__MACOSX/cat": 2})
    for name in (".DS_Store", "Thumbs.db", "cat/desktop.ini", "dog/._0.png"):
        (folder / name).write_bytes(b"x")
    for place in (folder, zipped(folder, tmp_path / "pets.zip")):
        dataset = load(place)
        assert dataset.reading.read == 8
        assert {one.reason: one.count for one in dataset.reading.left_out} == {
            "hidden": 2,
            "made by a file manager": 4,
        }
        assert dataset.reading.passed_over == 0


def test_files_that_are_not_read_are_counted_by_the_reason(tmp_path):
    """Another ending, none, and images in no class folder."""
    folder = class_folders(tmp_path, {"cat": 4, "dog": 4})
    (folder / "0.png").write_bytes(encoded(noise_image()))
    for name in ("cat/notes.txt", "dog/a.mov", "dog/b.mov", "dog/none"):
        (folder / name).write_bytes(b"x")
    reading = load(folder).reading
    assert reading.seen == 13
    assert {one.reason: one.count for one in reading.left_out} == {
        "no images by their ending (.mov)": 2,
        "no images by their ending (.txt)": 1,
        "no images by their ending (none)": 1,
        "in no class folder": 1,
    }
    assert "13 files, 8 read; left out: 2 no images by their ending (.mov)" in reading.words


def test_images_in_folders_inside_of_class_folders_are_said(tmp_path):
    """They are of the class above, and the classes may have been meant one level below."""
    folder = class_folders(tmp_path, {"plants/oak": 3, "plants/rose": 3, "pets/cat": 4, "pets": 2})
    dataset = load(folder)
    assert dataset.class_names == ("pets", "plants")
    assert dataset.reading.recognised == ("10 in folders inside of class folders",)
    assert "12 files, 12 read; 10 in folders inside of class folders" in dataset.reading.words


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_never_opened(tmp_path):
    """Opening it would wait for ever."""
    folder = class_folders(tmp_path, {"cat": 4, "dog": 4})
    os.mkfifo(folder / "cat" / "pipe.png")
    assert [(one.reason, one.count) for one in load(folder).reading.left_out] == [("neither a file nor a folder", 1)]


def test_the_reading_says_what_the_images_are(tmp_path):
    """Sizes, formats and modes, from the heads of the files."""
    folder = class_folders(tmp_path, {"cat": 4, "dog": 6})
    (folder / "cat" / "grey.jpg").write_bytes(encoded(noise_image(size=(40, 30)).convert("L"), "JPEG"))
    reading = load(folder).reading
    assert reading.sizes == ((5, 6), (5, 6), (30, 40))
    assert reading.formats == {"PNG": 10, "JPEG": 1}
    assert reading.modes == {"colour": 10, "grey": 1}
    assert reading.class_counts == {"cat": 5, "dog": 6}
    assert reading.imbalance == 1.2


def test_all_damaged_files_are_named_at_once(tmp_path):
    """Nobody mends a folder one file at a time."""
    folder = class_folders(tmp_path, {"cat": 6, "dog": 6})
    for name in ("cat/000.png", "dog/006.png"):
        (folder / name).write_bytes(b"not an image")
    with pytest.raises(BadExampleError, match=r"2 examples cannot be read:\n.*000.png: .*\n.*006.png: "):
        load(folder)


def deep_folder(root: Path, dtype: type, low: float, high: float) -> Path:
    """Images of one pixel type whose values lie between two numbers."""
    random = np.random.default_rng(0)
    for name in ("bone", "lung"):
        (root / name).mkdir(parents=True)
        for number in range(8):
            values = random.uniform(low, high, (12, 12)).astype(dtype)
            kind = "PNG" if dtype is np.uint16 else "TIFF"
            (root / name / f"{number}.{kind.lower()}").write_bytes(encoded(PIL.Image.fromarray(values), kind))
    return root


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(np.uint16, 100, 4_095), (np.float32, 0.0, 1.0), (np.int32, -1_000, 3_000)]
)
def test_more_than_eight_bits_keep_their_information(tmp_path, dtype, low, high):
    """12 bits in 16, numbers between 0 and 1, Hounsfield units: levels come from the training split."""
    dataset = load(deep_folder(tmp_path / "scans", dtype, low, high))
    found = dataset.reading.levels
    assert found == pytest.approx((low, high), abs=0.02 * (high - low))
    assert f"{found[0]:g} to {found[1]:g} as 0 to 255" in dataset.reading.words
    for split in dataset.splits.values():
        image = split.read(0)
        assert image.min() < 16
        assert image.max() > 239
        assert len(np.unique(image)) > 60


def test_a_hot_pixel_costs_the_others_no_contrast(tmp_path):
    """One value in ten thousand that is far out."""
    folder = deep_folder(tmp_path / "scans", np.uint16, 100, 1_000)
    values = np.full((100, 100), 500, np.uint16)
    values[0, 0] = 65_535
    (folder / "bone" / "hot.png").write_bytes(encoded(PIL.Image.fromarray(values)))
    assert load(folder).reading.levels[1] <= 1_000


def test_eight_bits_have_no_levels(tmp_path):
    """Nothing is stretched that says itself what black and white are."""
    assert load(class_folders(tmp_path, {"cat": 4, "dog": 4})).reading.levels is None


@in_shared
@pytest.mark.parametrize(
    ("case", "classes", "read", "left"),
    [
        ("02-split-folders-of-other-names/pets", ("cats", "dogs"), None, {}),
        ("07-files-passed-over/mix", ("cat", "dog"), 22, {"in no class folder": 2}),
        ("08-nas-thumbnails/nas", ("cat", "dog"), 16, {"made by a file manager": 1}),
    ],
)
def test_folders_that_were_once_read_otherwise_than_meant(case, classes, read, left):
    """Each is read as the person meant it, and what is left out is counted."""
    dataset = load(CASES / case)
    assert dataset.class_names == classes
    assert read in {None, dataset.reading.read}
    assert {one.reason: one.count for one in dataset.reading.left_out} == left
