"""The data sets that ship with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from suite.data.sklearn import SklearnOptions, SklearnSource
from suite.errors import UnknownNameError
from suite.spec import SplitsSpec


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
    """1,797 pictures of 8 x 8 from 0 to 255."""
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
    """Another seed of the splits moves examples between splits and changes no picture."""
    other = load("digits_photo", seed=5)
    assert other.fingerprint != photo.fingerprint
    where = {
        identifier: (split, index) for split in other.splits.values() for index, identifier in enumerate(split.ids)
    }
    for index, identifier in enumerate(photo.splits["test"].ids[:50]):
        split, at = where[identifier]
        np.testing.assert_array_equal(split.read(at), photo.splits["test"].read(index))


def test_the_digit_is_the_difference_to_its_patch(digits, photo):
    """Where the digit is black the photograph shows; so two pictures differ from digit to digit."""
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
    """The two names are listed."""
    with pytest.raises(UnknownNameError, match=r"Did you mean 'digits'\? Available: digits, digits_photo"):
        SklearnSource.check(SklearnOptions(name="digit"))
