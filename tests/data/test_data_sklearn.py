"""The data sets that ship with scikit-learn."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from suite.data.newsgroups import load_newsgroups, newsgroups_requirement
from suite.data.sklearn import SklearnOptions, SklearnSource
from suite.errors import DataError, DownloadError, UnknownNameError
from suite.spec.spec import SplitsSpec


def load(name: str, *, seed: int = 0):
    """One of them."""
    return SklearnSource.load(SklearnOptions(name=name), splits=SplitsSpec(seed=seed), on_bad_example="error")


@pytest.fixture(scope="module")
def digits():
    """The plain digits."""
    return load("digits")


@pytest.fixture(scope="module")
def photo():
    """The digits on photographs."""
    return load("digits_photo")


def test_digits_are_all_there_in_three_grey_channels(digits):
    """1,797 images of 8 x 8 from 0 to 255."""
    assert sum(len(split) for split in digits.splits.values()) == 1797
    image = digits.splits["train"].read(0)
    assert image.shape == (8, 8, 3)
    assert max(digits.splits["train"].read(index).max() for index in range(50)) == 255
    assert (image == image[..., :1]).all()


def test_digits_on_photographs_are_in_colour(photo):
    """32 x 32, and the channels differ."""
    image = photo.splits["train"].read(0)
    assert image.shape == (32, 32, 3)
    assert image.dtype == np.uint8
    assert (image[..., 0] != image[..., 2]).any()


def test_both_put_a_digit_into_the_same_split(digits, photo):
    """A model trained on one meets no known digit in the test split of the other."""
    for name, split in digits.splits.items():
        assert split.ids == photo.splits[name].ids
        np.testing.assert_array_equal(split.targets, photo.splits[name].targets)


def test_the_patch_follows_from_the_id_alone(photo):
    """Another seed of the splits moves examples between splits and changes no image."""
    other = load("digits_photo", seed=5)
    assert other.fingerprint != photo.fingerprint
    where = {
        identifier: (split, index) for split in other.splits.values() for index, identifier in enumerate(split.ids)
    }
    for index, identifier in enumerate(photo.splits["test"].ids[:50]):
        split, at = where[identifier]
        np.testing.assert_array_equal(split.read(at), photo.splits["test"].read(index))


def test_the_digit_is_the_difference_to_its_patch(digits, photo):
    """Where the digit is black the photograph shows; so two images differ from digit to digit."""
    image = photo.splits["train"].read(0).astype(int)
    digit = digits.splits["train"].read(0)
    background = np.kron(digit[..., 0] == 0, np.ones((4, 4), dtype=bool))
    assert image[background].std() > 0
    assert len({photo.splits["train"].read(index).tobytes() for index in range(100)}) == 100


def test_loading_again_gives_the_same_fingerprint(photo):
    """Name and fingerprint say which data it is."""
    again = load("digits_photo")
    assert again.fingerprint == photo.fingerprint
    assert again.name == photo.name == "digits_photo-seed0"


def test_licences_name_both_the_digits_and_the_photographs(digits, photo):
    """What a report must print."""
    assert digits.licence is not None
    assert photo.licence is not None
    assert digits.licence.startswith("CC BY 4.0")
    assert digits.licence in photo.licence
    assert "flower.jpg: vultilion" in photo.licence


def test_an_unknown_name_is_answered_with_the_nearest():
    """All names are listed."""
    with pytest.raises(
        UnknownNameError, match=r"Did you mean 'digits'\? Available: 20newsgroups, digits, digits_photo"
    ):
        SklearnSource.check(SklearnOptions(name="digit"))


def archive_of_posts(path: Path, *, extra: bytes = b"") -> Path:
    """An archive laid out like that of 20 Newsgroups: two groups, ten posts each to train on and four to test."""
    with tarfile.open(path, "w:gz") as tar:
        for split, count in (("train", 10), ("test", 4)):
            for group in ("sci.space", "rec.autos"):
                for number in range(count):
                    post = (
                        f"From: a@b.edu\nSubject: {group}\n\nC writes:\n> {group}?\nA caf\xe9 {number}.\n\n--\nAlice\n"
                    )
                    if number == 3:
                        post = f"From: a@b.edu\nSubject: {group}\n\n> {group}?\n"
                    content = post.encode("latin-1") + (extra if number == 0 else b"")
                    member = tarfile.TarInfo(f"20news-bydate-{split}/{group}/{number}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    return path


def test_newsgroups_are_read_by_their_own_words(tmp_path):
    """Header, footer and quotations are gone, and posts that were nothing else are left out and counted."""
    archive = archive_of_posts(tmp_path / "a.tar.gz")
    dataset = load_newsgroups(archive, splits=SplitsSpec(), on_bad_example="error")
    assert dataset.name == "20newsgroups-seed0"
    assert (dataset.content, dataset.answers, dataset.class_names) == ("text", "class", ("rec.autos", "sci.space"))
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 14, "validation": 4, "test": 6}
    test = dataset.splits["test"]
    assert [test.read(index) for index in range(3)] == [("A café 0.\n",), ("A café 1.\n",), ("A café 2.\n",)]
    assert test.ids[0] == "test/rec.autos/0"
    assert test.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert "4 posts that were nothing else" in dataset.origin


def test_a_nul_in_a_post_becomes_a_space(tmp_path):
    """Whatever bytes a post holds, it is text."""
    archive = archive_of_posts(tmp_path / "a.tar.gz", extra=b"\nA\0B\n\nC")
    dataset = load_newsgroups(archive, splits=SplitsSpec(), on_bad_example="error")
    assert "A B" in dataset.splits["test"].read(0)[0]


@pytest.mark.parametrize("damage", ["cut", "other", "empty"])
def test_an_archive_that_is_damaged_is_a_sentence(tmp_path, damage):
    """Cut off, no archive at all, or with other files in it."""
    path = archive_of_posts(tmp_path / "a.tar.gz")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-60])
    elif damage == "other":
        path.write_bytes(b"<html>")
    else:
        tarfile.open(path, "w:gz").close()
    with pytest.raises(DataError, match=r"a\.tar\.gz: (cannot be read|expected posts in folders 20news-bydate-train)"):
        load_newsgroups(path, splits=SplitsSpec(), on_bad_example="error")


def test_newsgroups_are_fetched_from_where_scikit_learn_fetches_them():
    """Address and hash are those of the installed version."""
    from sklearn.datasets import _twenty_newsgroups as newsgroups

    requirement = newsgroups_requirement()
    assert (requirement.url, requirement.sha) == (newsgroups.ARCHIVE.url, newsgroups.ARCHIVE.checksum)
    assert requirement.path.name == newsgroups.ARCHIVE.filename


def test_newsgroups_without_a_network_say_what_to_put_where(tmp_path, monkeypatch):
    """At once, with address and path; and a file that is another is not read."""
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    options = SklearnOptions(name="20newsgroups")
    (requirement,) = SklearnSource.requirements(options)
    assert (requirement.present, requirement.path) == (False, tmp_path / "20news-bydate.tar.gz")
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"Download https://ndownloader.* and put it at .*20news-bydate\.tar\.gz"):
        load("20newsgroups")
    assert time.monotonic() - start < 10
    archive_of_posts(requirement.path)
    with pytest.raises(DownloadError, match="with SHA-256 8f1b2514"):
        load("20newsgroups")


def test_a_name_says_its_task():
    """Images or texts with classes."""
    assert SklearnSource.tasks(SklearnOptions(name="digits")) == ("image_classification",)
    assert SklearnSource.tasks(SklearnOptions(name="20newsgroups")) == ("text_classification",)
