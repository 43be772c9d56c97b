"""The folder source: class folders on disk and in zip archives."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from images import class_folders, encoded, noise_image, zipped

from suite.data.describe import describe_dataset
from suite.data.folder import FolderOptions, FolderSource
from suite.errors import BadExampleError, DataError, SuiteError
from suite.spec.spec import SplitsSpec

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "images"


def load(path: Path, *, on_bad_example="error", **options: str):
    """The data set at a path."""
    return FolderSource.load(
        FolderOptions(path=str(path), **options), splits=SplitsSpec(), on_bad_example=on_bad_example
    )


def sizes(dataset) -> dict[str, int]:
    """Examples by split."""
    return {name: len(split) for name, split in dataset.splits.items()}


def test_class_folders_become_three_splits(tmp_path):
    """A fifth is tested on, a fifth of the rest validated on."""
    dataset = load(class_folders(tmp_path / "pets", {"cat": 10, "dog": 15}))
    assert dataset.name == "pets-seed0"
    assert dataset.class_names == ("cat", "dog")
    assert sizes(dataset) == {"train": 16, "validation": 4, "test": 5}
    assert dataset.splits["train"].read(0).shape == (5, 6, 3)


def test_ids_are_paths_relative_to_the_folder_and_say_the_class(tmp_path):
    """The class of an example is the folder in its id."""
    dataset = load(class_folders(tmp_path, {"cat": 5, "dog": 5}))
    for split in dataset.splits.values():
        for identifier, target in zip(split.ids, split.targets, strict=True):
            assert identifier.startswith(f"{dataset.class_names[target]}/")


@pytest.mark.parametrize("word", ["val", "valid", "validation"])
def test_split_folders_are_used_as_they_are(tmp_path, word):
    """With train, validation and test nothing is made, and the name carries no seed."""
    folders = {f"{split}/{name}": 3 for split in ("train", word, "test") for name in ("cat", "dog")}
    dataset = load(class_folders(tmp_path / "pets", folders))
    assert sizes(dataset) == {"train": 6, "validation": 6, "test": 6}
    assert dataset.name == "pets"


def test_a_missing_validation_split_is_made_from_train(tmp_path):
    """The test split stays as the folder has it."""
    folders = {f"{split}/{name}": 10 for split in ("train", "test") for name in ("cat", "dog")}
    dataset = load(class_folders(tmp_path, folders))
    assert sizes(dataset) == {"train": 16, "validation": 4, "test": 20}
    assert all(identifier.startswith("test/") for identifier in dataset.splits["test"].ids)


def test_a_class_may_be_called_train(tmp_path):
    """A vehicle and no split: there are images in it and no folders."""
    dataset = load(class_folders(tmp_path, {"car": 5, "train": 5}))
    assert dataset.class_names == ("car", "train")


def test_a_zip_gives_what_its_folder_gives(tmp_path):
    """Same ids, same images, same fingerprint; nothing is extracted."""
    folder = class_folders(tmp_path / "pets", {"cat": 5, "dog": 6})
    (folder / "cat" / "notes.txt").write_text("not an image")
    (folder / ".hidden").mkdir()
    plain = load(folder)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        packed = load(zipped(folder, tmp_path / "pets.zip", compression=compression))
        assert packed.fingerprint == plain.fingerprint
        assert packed.name == plain.name
        np.testing.assert_array_equal(packed.splits["test"].read(1), plain.splits["test"].read(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets", "pets.zip"]


def test_a_zip_may_wrap_everything_in_one_folder(tmp_path):
    """Archives made by a file manager have the folder itself inside."""
    class_folders(tmp_path / "in" / "pets" / "train", {"cat": 5, "dog": 5})
    dataset = load(zipped(tmp_path / "in", tmp_path / "pets.zip"))
    assert dataset.class_names == ("cat", "dog")


def test_class_names_may_be_any_unicode(tmp_path):
    """Names stay as they are on disk and in a zip."""
    folder = class_folders(tmp_path / "in", {"猫 <b>": 4, "собака & ño": 4})
    assert load(folder).class_names == load(zipped(folder, tmp_path / "a.zip")).class_names == ("собака & ño", "猫 <b>")


def test_a_name_that_is_no_unicode_is_refused(tmp_path):
    """It could be neither stored nor printed."""
    folder = class_folders(tmp_path, {"cat": 4, "dog": 4})
    (folder / "dog" / "000.png").rename(os.fsdecode(os.fsencode(folder / "dog") + b"/caf\xe9.png"))
    with pytest.raises(DataError, match="is not UTF-8; rename"):
        load(folder)


def test_images_in_deeper_folders_belong_to_the_class_above(tmp_path):
    """As in Keras, a class may be sorted further."""
    dataset = load(class_folders(tmp_path, {"cat/old": 3, "cat/young": 3, "dog": 4}))
    assert dataset.class_names == ("cat", "dog")
    assert sum(sizes(dataset).values()) == 10


def test_a_loop_of_links_ends(tmp_path):
    """A folder that contains itself is read once."""
    folder = class_folders(tmp_path, {"cat": 4, "dog": 4})
    (folder / "cat" / "again").symlink_to(folder / "cat", target_is_directory=True)
    assert sum(sizes(load(folder)).values()) == 8


def test_the_fingerprint_follows_content_classes_and_splits(tmp_path):
    """One changed byte, a renamed class or another seed gives another fingerprint."""
    folder = class_folders(tmp_path / "a", {"cat": 5, "dog": 5})
    before = load(folder).fingerprint
    assert load(folder).fingerprint == before
    other_seed = FolderSource.load(
        FolderOptions(path=str(folder)), splits=SplitsSpec(seed=1), on_bad_example="error"
    ).fingerprint
    (folder / "dog").rename(folder / "hound")
    renamed = load(folder).fingerprint
    (folder / "hound" / "000.png").write_bytes(encoded(noise_image(99)))
    changed = load(folder).fingerprint
    assert len({before, other_seed, renamed, changed}) == 4


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "expected one folder per class, got no folders"),
        ({"cat": 0, "dog": 0}, "the data set is empty"),
        ({"cat": 5}, "expected at least two classes, got only 'cat'"),
        ({"cat": 5, "dog": 1}, "class 'dog' has 1 example to train on, expected at least 3"),
        ({"cat": 5, "dog": 0}, "class 'dog' has 0 examples"),
        ({"train/cat": 5, "train/dog": 5, "test/cat": 5}, "test is without dog"),
        ({"train/cat": 5, "train/dog": 5, "test/cat": 5, "test/dog": 5, "test/ox": 1}, "test is with ox besides"),
        ({"test/cat": 5, "test/dog": 5}, "expected a 'train' folder beside 'test'"),
        ({"train/cat": 5, "train/dog": 5, "ox": 5}, "folder 'ox' with 5 images lies beside"),
        ({"train/cat": 4, "train/dog": 4, "val/cat": 1, "val/dog": 1, "valid/cat": 1, "valid/dog": 1}, "two folders"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, counts, message):
    """The complaint names the place and what is wrong with it."""
    with pytest.raises(DataError, match=message) as caught:
        load(class_folders(tmp_path, counts))
    assert str(tmp_path) in str(caught.value)


def test_a_missing_path_is_refused(tmp_path):
    """The complaint says what was expected there."""
    with pytest.raises(DataError, match=r"nowhere: no such file or folder; expected a folder or a zip"):
        load(tmp_path / "nowhere")


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    """Text with a zip's name is still text."""
    (tmp_path / "a.zip").write_text("hello")
    with pytest.raises(DataError, match="no zip archive"):
        load(tmp_path / "a.zip")


@contextmanager
def somebody_else() -> Iterator[None]:
    """Root reads every folder, so a test that runs as root becomes another user for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_an_unreadable_folder_is_refused():
    """Its permissions are named as the cause."""
    with tempfile.TemporaryDirectory() as name:
        folder = class_folders(Path(name), {"cat": 4, "dog": 4})
        folder.chmod(0o755)
        (folder / "dog").chmod(0)
        with somebody_else(), pytest.raises(DataError, match="dog: the folder cannot be read: Permission denied"):
            load(folder)
        (folder / "dog").chmod(stat.S_IRWXU)


@pytest.mark.parametrize("name", ["../cat/9.png", "/cat/9.png", "cat/../../9.png", "C:\\cat\\9.png", "..\\cat\\9.png"])
def test_a_zip_member_outside_of_the_archive_is_refused(tmp_path, name):
    """Members stay inside their folder."""
    archive = zipped(class_folders(tmp_path / "in", {"cat": 4, "dog": 4}), tmp_path / "a.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, encoded(noise_image()))
    with pytest.raises(DataError, match="would lie outside"):
        load(archive)


def test_a_link_in_a_zip_is_refused(tmp_path):
    """A link could lead anywhere."""
    archive = zipped(class_folders(tmp_path / "in", {"cat": 4, "dog": 4}), tmp_path / "a.zip")
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/hostname")
    with pytest.raises(DataError, match="is a link; refused"):
        load(archive)


def test_a_corrupt_image_is_named(tmp_path):
    """Loading goes through, reading it does not."""
    folder = class_folders(tmp_path, {"cat": 5, "dog": 5})
    broken = folder / "dog" / "002.png"
    broken.write_bytes(broken.read_bytes()[:60])
    dataset = load(folder)
    split, index = next(
        (split, split.ids.index("dog/002.png")) for split in dataset.splits.values() if "dog/002.png" in split.ids
    )
    with pytest.raises(BadExampleError, match=r"dog/002\.png: .*on_bad_example"):
        split.read(index)


def test_a_corrupt_image_can_be_left_out_and_is_counted(tmp_path):
    """Its id and the reason are kept."""
    folder = class_folders(tmp_path, {"cat": 5, "dog": 6})
    (folder / "dog" / "002.png").write_bytes(b"not an image")
    dataset = load(folder, on_bad_example="skip")
    (skipped,) = dataset.skipped
    assert skipped.id == "dog/002.png"
    assert "expected a JPEG, PNG" in skipped.reason
    assert sum(sizes(dataset).values()) == 10
    assert all("dog/002.png" not in split.ids for split in dataset.splits.values())


def test_a_class_that_skipping_leaves_too_small_is_refused(tmp_path):
    """The complaint counts what was skipped."""
    folder = class_folders(tmp_path, {"cat": 5, "dog": 3})
    (folder / "dog" / "002.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"\(1 example skipped\): class 'dog' has 2 examples"):
        load(folder, on_bad_example="skip")


def test_damage_inside_a_zip_is_noticed(tmp_path):
    """One flipped byte of a member fails its checksum."""
    archive = zipped(class_folders(tmp_path / "in", {"cat": 4, "dog": 4}), tmp_path / "a.zip", compression=0)
    content = bytearray(archive.read_bytes())
    content[content.index(b"IDAT") + 10] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(BadExampleError, match=r"000\.png: the archive is damaged there"):
        load(archive)
    (skipped,) = load(archive, on_bad_example="skip").skipped
    assert skipped.id == "cat/000.png"


def _read_all(split) -> int:
    return sum(int(split.read(index).sum()) for index in range(len(split)))


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_a_zip_is_read_by_processes_and_threads_at_once(tmp_path, way):
    """Each process opens the archive itself; threads share it."""
    archive = zipped(class_folders(tmp_path / "in", {"cat": 20, "dog": 20}), tmp_path / "a.zip")
    split = load(archive).splits["train"]
    expected = _read_all(split)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(_read_all, [split] * 8)) == {expected}
    if way == "spawn":  # a new interpreter gets the split as bytes; starting one would cost seconds here
        assert _read_all(pickle.loads(pickle.dumps(split))) == expected
        return
    with multiprocessing.get_context(way).Pool(2) as processes:
        assert set(processes.map(_read_all, [split] * 4)) == {expected}


PARTS = st.sampled_from(["train", "test", "val", "cat", "dog", "a.png", "b.jpg", "x.txt", ".h", "__MACOSX", "", ".."])
IMAGE = encoded(noise_image())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=12, unique=True),
    content=st.sampled_from([IMAGE, IMAGE[:50], b""]),
    skip=st.sampled_from(["error", "skip"]),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_tree_in_a_zip_gives_a_data_set_or_a_sentence(tmp_path, names, content, skip):
    """Nothing but our own error comes out."""
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name or "x", content)
    try:
        dataset = load(archive, on_bad_example=skip)
    except SuiteError:
        return
    assert set(dataset.splits) == {"train", "validation", "test"}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), with_bytes=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_a_damaged_zip_gives_a_data_set_or_a_sentence(tmp_path, at, with_bytes, cut):
    """Bytes overwritten anywhere, or the end cut off."""
    whole = tmp_path / "whole.zip"
    if not whole.exists():
        zipped(class_folders(tmp_path / "in", {"cat": 4, "dog": 4}), whole)
    content = whole.read_bytes()
    at %= len(content)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content[:at] if cut else content[:at] + with_bytes + content[at + len(with_bytes) :])
    try:
        dataset = load(damaged, on_bad_example="skip")
    except SuiteError:
        return
    assert len(dataset.splits["train"]) >= 2


def test_the_description_counts_splits_classes_and_sizes(tmp_path):
    """What the command shows comes from the data."""
    described = describe_dataset(load(class_folders(tmp_path, {"cat": 10, "dog": 15}), licence="CC0"))
    assert described.examples == {"train": 16, "validation": 4, "test": 5}
    assert described.class_counts["test"] == (2, 3)
    assert described.picture_sizes == (((5, 6), 16),)
    assert described.licence == "CC0"


def test_the_label_is_the_name_of_the_folder_or_archive():
    """A given name wins."""
    assert FolderSource.label(FolderOptions(path="/data/pets/")) == "pets"
    assert FolderSource.label(FolderOptions(path="pets.ZIP")) == "pets"
    assert FolderSource.label(FolderOptions(path="pets", name="my pets")) == "my pets"


@pytest.mark.shared
def test_real_photographs_with_train_and_val(tmp_path):
    """flowers5: 150 + 50 photographs; the test split is made from train, a fifth of all."""
    dataset = load(SHARED / "flowers5", on_bad_example="skip")
    assert dataset.class_names == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert sizes(dataset) == {"train": 110, "validation": 50, "test": 40}
    assert dataset.skipped == ()


@pytest.mark.shared
def test_real_drawings_and_photographs_have_the_same_classes():
    """pacs: two domains, each a folder of class folders."""
    photo, sketch = load(SHARED / "pacs" / "photo"), load(SHARED / "pacs" / "sketch")
    assert photo.class_names == sketch.class_names
    assert photo.splits["train"].read(0).shape == sketch.splits["train"].read(0).shape == (227, 227, 3)


@pytest.mark.shared
def test_cifar10_is_read_out_of_its_zip():
    """60,000 members; train and test as the archive has them."""
    dataset = load(SHARED / "cifar10.zip")
    assert sizes(dataset) == {"train": 40_000, "validation": 10_000, "test": 10_000}
    assert dataset.name == "cifar10-seed0"
    assert set(np.bincount(dataset.splits["validation"].targets)) == {1000}
