"""Corruptions: the same corruption for the same example, the same shape, more of it with every severity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.data.corrupted import WORKING_SIDE, corrupted, to_working_size
from suite.data.corruptions import SEVERITIES, corrupt, generator_of
from suite.data.dataset import Split
from suite.errors import SuiteError, UnknownNameError
from suite.registry import CORRUPTIONS

IMAGE = tuple(name for name in CORRUPTIONS.names() if CORRUPTIONS.get(name).kind == "image")
TEXT = tuple(name for name in CORRUPTIONS.names() if CORRUPTIONS.get(name).kind == "text")
PROSE = "The quick brown fox jumps over the lazy dog, and nobody in Köln has ever seen it do so twice. " * 4


def image(seed: int = 0, height: int = 40, width: int = 56) -> np.ndarray:
    """Smooth blobs of colour with some grain: an image that has something to lose."""
    dice = np.random.default_rng(seed)
    coarse = dice.integers(20, 236, (height // 8 + 1, width // 8 + 1, 3))
    whole = np.kron(coarse, np.ones((8, 8, 1)))[:height, :width]
    return np.clip(whole + dice.normal(0, 6, whole.shape), 0, 255).astype(np.uint8)


def test_every_kind_is_there():
    """Seven ways to corrupt an image, four to corrupt a text."""
    assert len(IMAGE) == 7
    assert len(TEXT) == 4


@pytest.mark.parametrize("name", IMAGE)
@given(
    height=st.integers(1, 40), width=st.integers(1, 40), severity=st.sampled_from(SEVERITIES), key=st.text(max_size=9)
)
@settings(max_examples=20, deadline=None)
def test_a_image_keeps_its_shape_and_type(name, height, width, severity, key):
    """Also where it is one pixel high, and whatever its id."""
    before = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    kept = before.copy()
    after = corrupt(name, before, severity=severity, example_id=key)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert np.array_equal(before, kept)


@pytest.mark.parametrize("name", IMAGE)
def test_the_same_image_is_damaged_in_the_same_way(name):
    """Twice the same for one id; another id, another corruption, where there is chance in it."""
    one, again, other = (corrupt(name, image(), severity=3, example_id=key) for key in ("a", "a", "b"))
    assert np.array_equal(one, again)
    assert np.array_equal(one, other) == (
        name in {"blur", "contrast", "jpeg", "pixelation", "brightness"} and same(name)
    )


def same(name: str) -> bool:
    """Whether ``a`` and ``b`` fall on the same side of the coin, where there is one."""
    return name != "brightness" or len({generator_of(name, 3, key).random() < 0.5 for key in "ab"}) == 1


@pytest.mark.parametrize("name", IMAGE)
def test_damage_grows_with_severity(name):
    """On average over images the distance from the original grows with every step."""
    distances = [
        np.mean(
            [
                np.abs(corrupt(name, image(seed, 224, 224), severity=severity, example_id=str(seed)) - 1.0 * original)
                for seed, original in ((seed, image(seed, 224, 224)) for seed in range(12))
            ]
        )
        for severity in SEVERITIES
    ]
    assert distances == sorted(distances)
    assert distances[0] > 0
    assert len(set(distances)) == len(distances)


@pytest.mark.parametrize("name", TEXT)
@given(text=st.text(max_size=60), severity=st.sampled_from(SEVERITIES), key=st.text(max_size=9))
@settings(max_examples=40, deadline=None)
def test_a_text_stays_a_text(name, text, severity, key):
    """Never longer, never emptied, and the same each time."""
    after = corrupt(name, text, severity=severity, example_id=key)
    assert isinstance(after, str)
    assert len(after) <= len(text)
    assert bool(after.strip()) == bool(text.strip())
    assert after == corrupt(name, text, severity=severity, example_id=key)
    assert len(after) == len(text) or name in {"deletion", "word_drop"}


@pytest.mark.parametrize("name", TEXT)
def test_more_of_a_text_changes_with_severity(name):
    """Counted in characters that are gone or different, over many ids."""

    def changed(severity: int) -> float:
        found = [corrupt(name, PROSE, severity=severity, example_id=str(key)) for key in range(40)]
        return float(
            np.mean(
                [
                    len(PROSE)
                    - len(one)
                    + sum(a != b for a, b in zip(PROSE, one, strict=False)) * (len(one) == len(PROSE))
                    for one in found
                ]
            )
        )

    amounts = [changed(severity) for severity in SEVERITIES]
    assert amounts == sorted(amounts)
    assert 0 < amounts[0] < amounts[-1]


def test_a_typo_is_a_key_beside_the_right_one():
    """And keeps capitals; digits and umlauts have no neighbours here."""
    after = corrupt("typos", "QQQQ4ü" * 30, severity=5, example_id="x")
    assert set(after) <= set("QWAS4ü")
    assert after != "QQQQ4ü" * 30


def test_what_cannot_be_done_is_refused():
    """A severity that there is not, and a name that there is not."""
    with pytest.raises(SuiteError, match="severity 6: expected a whole number from 1 to 5"):
        corrupt("blur", image(), severity=6, example_id="a")
    with pytest.raises(UnknownNameError, match="Did you mean 'blur'"):
        corrupt("blurr", image(), severity=1, example_id="a")


def test_a_corruption_that_changes_the_shape_is_refused(monkeypatch):
    """A plugin's mistake is told, not trained on."""

    class Cropped:
        summary, kind, strengths = "crops", "image", (1.0,)

        @classmethod
        def apply(cls, example, _strength, _generator):
            return example[1:]

    monkeypatch.setitem(CORRUPTIONS._entries, "cropped", Cropped)
    with pytest.raises(SuiteError, match="expected the same shape and type"):
        corrupt("cropped", image(), severity=1, example_id="a")


def test_a_split_is_damaged_as_it_is_read():
    """Same ids and targets, a name of its own for the cache, large images brought to the working size first."""
    images = [image(0, 300, 448), image(1)]
    split = Split("test", ("a", "b"), np.array([0, 1]), images.__getitem__)
    found = corrupted(split, "noise", 2)
    assert (found.ids, found.name) == (split.ids, "test, noise 2, version 1")
    assert found.read(0).shape == (WORKING_SIDE, 335, 3)
    assert np.array_equal(found.read(1), corrupt("noise", images[1], severity=2, example_id="b"))
    assert to_working_size(images[1]) is images[1]
