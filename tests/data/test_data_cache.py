"""The cache of decoded images and what is kept in it."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from images import class_folders, encoded, noise_image

from suite.cache import cache_root, clear, entries, entry_path, prune, write_entry
from suite.data import cache
from suite.data.bytestore import open_store
from suite.data.cache import decoded
from suite.data.decoding import resize_image
from suite.data.folder import FolderOptions, FolderSource
from suite.errors import BadExampleError, StoreError
from suite.spec.spec import SplitsSpec


def load(path: Path):
    """The data set at a path."""
    return FolderSource.load(FolderOptions(path=str(path)), splits=SplitsSpec(), on_bad_example="error")


@pytest.fixture
def dataset(tmp_path):
    """Forty images in two classes."""
    return load(class_folders(tmp_path / "pets", {"cat": 20, "dog": 20}))


@pytest.fixture
def root(tmp_path):
    """A cache folder of the test's own."""
    return tmp_path / "cache"


def files(root: Path) -> list[str]:
    """The names of all files in the cache."""
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_images_are_decoded_in_the_order_of_the_ids(dataset, root):
    """Each is the image of its id at the wanted size, read-only and mapped from disk."""
    split = dataset.splits["train"]
    array = decoded(split, dataset, size=(8, 7), root=root)
    assert isinstance(array, np.memmap)
    assert array.shape == (len(split), 8, 7, 3)
    assert array.dtype == np.uint8
    assert not array.flags.writeable
    for index in range(len(split)):
        np.testing.assert_array_equal(array[index], resize_image(split.read(index), (8, 7)))


def test_the_second_time_nothing_is_decoded(dataset, root, tmp_path):
    """The images themselves may be gone."""
    first = np.array(decoded(dataset.splits["test"], dataset, size=(8, 8), root=root))
    for path in (tmp_path / "pets").rglob("*.png"):
        path.unlink()
    np.testing.assert_array_equal(decoded(dataset.splits["test"], dataset, size=(8, 8), root=root), first)


def test_size_split_and_content_each_have_an_entry(dataset, root, tmp_path):
    """One entry per combination; another image gives another data set."""
    decoded(dataset.splits["test"], dataset, size=(8, 8), root=root)
    decoded(dataset.splits["test"], dataset, size=(8, 9), root=root)
    decoded(dataset.splits["train"], dataset, size=(8, 8), root=root)
    (tmp_path / "pets" / "cat" / "000.png").write_bytes(encoded(noise_image(99)))
    changed = load(tmp_path / "pets")
    decoded(changed.splits["test"], changed, size=(8, 8), root=root)
    assert len(entries(root)) == 4


@pytest.mark.parametrize("side", [5, 200])
def test_a_split_is_written_piece_by_piece(tmp_path, root, monkeypatch, side):
    """Memory holds one piece; pieces of three images give the same as one of all, with threads too."""
    folder = class_folders(tmp_path / "pets", {"cat": 7, "dog": 7})
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        path.write_bytes(encoded(noise_image(number, size=(side, side))))
    dataset = load(folder)
    split = dataset.splits["train"]
    whole = np.array(decoded(split, dataset, size=(6, 6), root=root))
    monkeypatch.setattr(cache, "_CHUNK_BYTES", 3 * 6 * 6 * 3)
    np.testing.assert_array_equal(decoded(split, dataset, size=(6, 6), root=root / "other"), whole)


def _decode(arguments) -> int:
    folder, root = arguments
    dataset = load(folder)
    return int(decoded(dataset.splits["train"], dataset, size=(16, 16), root=root).sum())


def test_two_processes_may_make_the_same_entry(dataset, root, tmp_path):
    """Either wins, both read the same, and nothing is left over."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        sums = pool.map(_decode, [(tmp_path / "pets", root)] * 4, chunksize=1)
    assert len(set(sums)) == 1
    assert len(files(root)) == 2


def test_half_a_file_is_made_anew(dataset, root):
    """As another program, or a broken disk, might leave it."""
    split = dataset.splits["test"]
    first = np.array(decoded(split, dataset, size=(8, 8), root=root))
    (entry,) = entries(root)
    entry.path.write_bytes(entry.path.read_bytes()[:200])
    np.testing.assert_array_equal(decoded(split, dataset, size=(8, 8), root=root), first)


def test_a_bad_image_is_named_and_nothing_is_kept(tmp_path, root):
    """Half a file would be read as a whole one later."""
    folder = class_folders(tmp_path / "pets", {"cat": 5, "dog": 5})
    for path in (folder / "dog").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    dataset = load(folder)
    with pytest.raises(BadExampleError, match=r"dog/00\d\.png"):
        decoded(dataset.splits["train"], dataset, size=(8, 8), root=root)
    assert files(root) == []


def test_a_file_that_cannot_grow_is_a_sentence_and_nothing_is_kept(dataset, root):
    """The limit of the process stands in for that of the disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StoreError, match="File too large"):
            decoded(dataset.splits["train"], dataset, size=(64, 64), root=root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files(root) == []


def test_a_full_disk_is_a_sentence_and_nothing_is_kept(root):
    """It says how to free space."""

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match=r"the disk is full.*suite cache prune.*SUITE_CACHE_DIR"):
        write_entry(entry_path(root, "decoded", {}, ".npy"), write, {})
    assert files(root) == []


def test_a_folder_that_cannot_be_made_is_a_sentence(dataset, tmp_path):
    """A file is in its place."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="SUITE_CACHE_DIR"):
        decoded(dataset.splits["test"], dataset, size=(8, 8), root=tmp_path / "taken")


def keep(root: Path, name: str, *, size_bytes: int, used_days_ago: float, kind: str = "decoded") -> Path:
    """An entry of a given size and age."""
    path = entry_path(root, kind, {"name": name}, ".npy")
    write_entry(path, lambda file: file.write(b"x" * size_bytes), {"name": name})
    then = time.time() - used_days_ago * 86_400
    os.utime(path.with_name(f"{path.name}.json"), (then, then))
    return path


def test_entries_tell_kind_size_use_and_description(root):
    """The least recently used comes first."""
    keep(root, "new", size_bytes=10, used_days_ago=1, kind="features")
    keep(root, "old", size_bytes=1000, used_days_ago=9)
    old, new = entries(root)
    assert (old.kind, old.description) == ("decoded", {"name": "old"})
    assert (new.kind, new.description) == ("features", {"name": "new"})
    assert old.bytes > 1000
    assert old.last_used < new.last_used


def test_reading_an_entry_makes_it_recently_used(dataset, root):
    """So that pruning keeps what is needed."""
    decoded(dataset.splits["test"], dataset, size=(8, 8), root=root)
    (entry,) = entries(root)
    os.utime(entry.path.with_name(f"{entry.path.name}.json"), (0, 0))
    decoded(dataset.splits["test"], dataset, size=(8, 8), root=root)
    assert time.time() - entries(root)[0].last_used < 60


def test_pruning_by_age(root):
    """Only what was not used for so long goes."""
    keep(root, "new", size_bytes=10, used_days_ago=1)
    keep(root, "old", size_bytes=10, used_days_ago=9)
    assert [entry.description["name"] for entry in prune(root, unused_days=5)] == ["old"]
    assert [entry.description["name"] for entry in entries(root)] == ["new"]


def test_pruning_by_size_takes_the_least_recently_used(root):
    """Until the rest fits."""
    for days in (1, 2, 3):
        keep(root, str(days), size_bytes=1000, used_days_ago=days)
    assert [entry.description["name"] for entry in prune(root, max_bytes=1500)] == ["3", "2"]


def test_what_a_killed_process_left_goes_after_a_day(root):
    """A young one may still be written to."""
    for name, age in (("a", 0), ("b", 2)):
        path = root / "decoded" / f"{name}.npy.0123.writing"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age * 86_400,) * 2)
    assert [entry.path.name for entry in prune(root)] == ["b.npy.0123.writing"]
    assert files(root) == ["a.npy.0123.writing"]


def test_clearing_takes_everything_or_one_kind(root):
    """And says what it took."""
    keep(root, "images", size_bytes=10, used_days_ago=1)
    keep(root, "numbers", size_bytes=10, used_days_ago=1, kind="features")
    assert [entry.kind for entry in clear(root, kind="features")] == ["features"]
    assert [entry.kind for entry in clear(root)] == ["decoded"]
    assert files(root) == []


def test_an_empty_cache_has_no_entries(root):
    """Nor has one that was never made."""
    assert entries(root) == prune(root, max_bytes=0) == clear(root) == ()


def test_the_environment_says_where_the_cache_is(monkeypatch, tmp_path):
    """Else it is the user's cache folder."""
    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path / "here"))
    assert cache_root() == tmp_path / "here"
    monkeypatch.delenv("SUITE_CACHE_DIR")
    assert cache_root().name == "suite"


def test_a_byte_store_gives_back_contents_and_classes(root):
    """Contents of any length, also none; written once."""
    examples = [(b"one", 2), (b"", 0), (b"three" * 1000, 1)]
    open_store({"name": "a"}, examples, root=root)
    store = open_store({"name": "a"}, iter(()), root=root)
    assert [store.content(index) for index in range(3)] == [content for content, _ in examples]
    assert store.labels().tolist() == [2, 0, 1]


def test_a_key_that_is_no_json_is_refused(root: Path) -> None:
    """As text, an object might stand for another one tomorrow."""
    with pytest.raises(StoreError, match="cache of decoded: expected JSON"):
        entry_path(root, "decoded", {"options": object()}, ".npy")
