"""Copies between splits: exact, resized, compressed again, and as text; and what only looks like one."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_sample_images

from suite.data.dataset import Dataset, Split
from suite.lint.duplicates import Duplicates
from suite.lint.examine import examine
from suite.lint.hashes import equal_pairs, mark, near_pairs, normalised, stack
from suite.lint.study import Home, Study, read_study
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.store.records.check import Finding


def photos(count: int, side: int = 240) -> list[np.ndarray]:
    """Different cut-outs of scikit-learn's two photographs."""
    found = []
    for index in range(count):
        photograph = load_sample_images().images[index % 2]
        top, left = 97 * (index // 2) % (photograph.shape[0] - side), 131 * (index // 2) % (photograph.shape[1] - side)
        found.append(np.ascontiguousarray(photograph[top : top + side, left : left + side]))
    return found


def saved_again(image: np.ndarray, quality: int) -> np.ndarray:
    """The image after JPEG."""
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(PIL.Image.open(file))


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    """The image with other sides."""
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.BICUBIC))


def data_of(**examples: list) -> Dataset:
    """A data set of these examples, classes in turn."""
    splits = {
        name: Split(name, tuple(f"{name}-{i}" for i in range(len(own))), np.arange(len(own)) % 2, own.__getitem__)
        for name, own in examples.items()
    }
    return Dataset("made", ("cat", "dog"), splits, "f")


def found_in(dataset: Dataset, **further: Dataset) -> list[Finding]:
    """What the check says."""
    document = {
        "name": "made", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}], "strategies": [{"strategy": "linear_probe"}],
    }  # fmt: skip
    plan = make_plan(parse_spec(json.dumps(document)))
    return list(Duplicates.findings(Study(plan, (Home("made", dataset, further),), {})))


def test_a_image_in_training_and_test_is_an_error_that_names_it():
    """One of ten test images is a copy, under another class."""
    one = photos(30)
    (finding,) = found_in(data_of(train=one[:15], validation=one[15:20], test=[one[3], *one[20:29]]))
    assert (finding.severity, finding.where) == ("error", "made, train and test")
    assert finding.what.startswith("1 of 10 test examples")
    assert "test-0 = train-3" in finding.what
    assert "1 of them under another class" in finding.what


def test_different_images_are_no_finding():
    """Cut-outs of the same photographs overlap in what they show, not in what they are."""
    one = photos(60)
    assert found_in(data_of(train=one[:40], validation=one[40:50], test=one[50:])) == []


@pytest.mark.parametrize(
    "changed",
    [
        lambda one: saved_again(one, 90),
        lambda one: saved_again(one, 30),
        lambda one: resized(one, 0.5),
        lambda one: resized(one, 2),
        lambda one: saved_again(resized(one, 0.7), 60),
        lambda one: (one * 0.8).astype(np.uint8),
    ],
    ids=["quality 90", "quality 30", "half", "double", "smaller and saved", "darker"],
)
def test_a_changed_copy_is_found(changed):
    """Every one of ten; a warning, since two hashes that are alike are no proof."""
    one = photos(30)
    (finding,) = found_in(data_of(train=one[:15], validation=one[15:20], test=[*map(changed, one[:10])]))
    assert finding.severity == "warning"
    assert finding.what.startswith("10 of 10 test examples")
    assert "24 of 256 bits" in finding.what
    assert "and 7 more" in finding.what


def test_few_copies_among_many_weigh_less():
    """Two in a thousand do not move a score."""
    grey = [np.full((2, 2, 3), index // 4, np.uint8) + (np.arange(3) == index % 4) for index in range(1002)]
    few = found_in(data_of(train=grey[:502], validation=[], test=[*grey[502:], grey[0]] * 2))
    assert [one.severity for one in few] == ["warning"]


def test_plain_images_are_no_near_copies_of_everything():
    """White, black and grey pages have no shape to go by; equal ones are still equal."""
    plain = [np.full((40, 40, 3), grey, np.uint8) for grey in (255, 0, 128)]
    noise = [
        np.clip(one + np.random.default_rng(index).integers(-1, 2, one.shape), 0, 255).astype(np.uint8)
        for index, one in enumerate(plain)
    ]
    marks = mark([*plain, *photos(10)])
    assert marks.plain.tolist() == [True] * 3 + [False] * 10
    assert len(near_pairs(marks, mark([*noise, plain[0]]))) == 0
    assert equal_pairs(mark([plain[0], plain[1]]), marks).tolist() == [[0, 0], [1, 1]]


def test_copies_between_further_sets_and_the_home_set_are_told_by_their_role():
    """In home training and further test: a leak. In home test and further training: good to know."""
    one = photos(40)
    home = data_of(train=one[:10], validation=one[10:15], test=one[15:20])
    leak = data_of(train=one[20:25], validation=one[25:28], test=[*one[28:33], one[0]])
    assert [(f.severity, f.where) for f in found_in(home, other=leak)] == [("error", "made, train and other, test")]
    back = data_of(train=[*one[20:25], one[15]], validation=one[25:28], test=one[28:33])
    assert [(f.severity, f.where) for f in found_in(home, other=back)] == [("note", "other, train and made, test")]
    assert found_in(home, same=home) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello,  World!", "hello world"),
        ("\ufb01ne", "fine"),
        ("Stra\u00dfe", "STRASSE"),
        ("a\u00a0b\nc", "A b c."),
        ("\uff21\uff22\uff23", "abc"),
        ("don\u2019t", "don't"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_texts_that_differ_in_form_only_are_the_same(one: str, other: str):
    """Ligatures, case, spaces, width, quotes and accents."""
    assert normalised(one) == normalised(other)


def test_texts_that_say_something_else_are_not():
    """A word, and its order, count; digits and symbols do too."""
    texts = ["dog bites man", "man bites dog", "dog bites men", "1 + 1", "1 - 2", "\u20ac 5", "$ 5"]
    assert len({normalised(text) for text in texts}) == len(texts)


@given(st.text(max_size=60))
def test_a_normalised_text_stays_as_it_is(text: str):
    """Once is enough, and nothing raises."""
    assert normalised(normalised(text)) == normalised(text)


def test_copies_of_texts_are_found():
    """The check takes what a split gives."""
    texts = data_of(train=["A good film.", "A bad film."], validation=["Fine"], test=["a GOOD film", "new"])
    (finding,) = found_in(texts)
    assert finding.severity == "error"
    assert "test-0 = train-0" in finding.what


def test_a_thousand_pages_that_are_all_alike_take_no_longer():
    """Every page is near every other: one copy is named for each, and a million pairs are not kept."""
    page = photos(1)[0]
    pages = mark([np.clip(page.astype(int) + index % 5, 0, 255).astype(np.uint8) for index in range(10)])
    many = stack([pages] * 100)
    assert len(near_pairs(many, many)) == 1000


def test_marks_of_parts_are_the_marks_of_the_whole():
    """Examples are read in runs; of none there are none."""
    one = photos(6)
    whole, parts = mark(one), stack([mark(one[:4]), mark(one[4:])])
    assert (whole.exact == parts.exact).all()
    assert (whole.hashes == parts.hashes).all()
    assert len(stack([]).exact) == len(near_pairs(stack([]), whole)) == len(equal_pairs(stack([]), whole)) == 0


def of_folder(path: Path) -> list[tuple[str, str, str]]:
    """Check, severity and place of what is found in a folder of images."""
    document = {
        "name": "made", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
        "datasets": [{"source": "folder", "path": str(path)}], "strategies": [{"strategy": "linear_probe"}],
    }  # fmt: skip
    study = read_study(make_plan(parse_spec(json.dumps(document))))
    return [(one.check, one.severity, one.where) for one in examine("data", study).findings]


@pytest.mark.shared
def test_flowers_have_no_copies_and_small_splits():
    """200 photographs: no pair is alike; 6 test images per class are few, and 32 pixels lose the detail."""
    assert of_folder(SHARED / "images" / "flowers5") == [
        ("picture_size", "warning", "flowers5"),
        ("splits", "warning", "flowers5, test"),
        ("reading", "note", "flowers5"),
    ]


def sentences(count: int, *, words: int = 60, seed: int = 0) -> list[str]:
    """Texts of a thousand words, the frequent ones more often."""
    generator = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 1001)
    names = [f"word{number}" for number in range(1000)]
    return [" ".join(generator.choice(names, words, p=shares / shares.sum())) for _ in range(count)]


def changed(text: str, *places: int) -> str:
    """The text with another word at these places."""
    words = text.split()
    for place in places:
        words[place] = "another"
    return " ".join(words)


def test_texts_with_a_few_other_words_are_near_copies_and_others_are_none():
    """Of 400 texts the 10 that were changed a little, each with its own source; half of a text is none."""
    train, test = sentences(400), sentences(100, seed=1)
    test[:10] = [changed(train[30 * number], 40) for number in range(10)]
    test[10:14] = [f"{' '.join(train[number].split()[:30])} {test[number]}" for number in range(10, 14)]
    pairs = near_pairs(mark(test), mark(train))
    assert pairs.tolist() == [[number, 30 * number] for number in range(10)]


def test_signatures_estimate_how_many_shingles_two_texts_share():
    """Against the shares themselves, to what 128 numbers tell."""
    from suite.lint.shingles import LENGTH, WORDS, signature_of

    (text,) = sentences(1, words=300)
    for changes in ((), (10,), (10, 50, 90), tuple(range(5, 300, 20))):
        other = changed(text, *changes)
        sets = [
            {tuple(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}
            for words in (text.split(), other.split())
        ]
        share = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        estimate = float((signature_of(text) == signature_of(other)).mean())
        assert abs(estimate - share) <= 4 * np.sqrt(share * (1 - share) / LENGTH)


def test_short_texts_have_no_near_copies():
    """Of four words another one is another text."""
    assert not len(near_pairs(mark(["a good film indeed"]), mark(["a bad film indeed"])))


def test_near_copies_of_texts_between_splits_are_a_warning():
    """With the pair and what it was known by."""
    train, test = sentences(40), sentences(40, seed=1)
    test[5] = changed(train[7], 20)
    dataset = data_of(train=train, validation=sentences(10, seed=2), test=test)
    (found,) = [one for one in found_in(dataset) if "nearly" in one.what]
    assert "test-5 = train-7" in found.what
    assert "80% of their runs of 3 words" in found.what
    assert found.severity == "warning"
