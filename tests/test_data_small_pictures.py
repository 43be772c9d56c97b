"""Many small pictures at once: the same numbers and the same complaints as one by one."""

from __future__ import annotations

import random

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import class_folders, encoded, picture

from suite.data import cache
from suite.data.cache import decoded
from suite.data.corrupted import corrupted
from suite.data.decoding import decode_image, resize_image
from suite.data.folder import FolderOptions, FolderSource
from suite.data.small_pictures import BLOCK, encoded_of, plain_size, read_small
from suite.data.splits import subset
from suite.errors import BadExampleError
from suite.spec import SplitsSpec

ORIENTED = PIL.Image.Exif()
ORIENTED[0x0112] = 6


def read_all(contents: list[bytes], size: tuple[int, int]):
    """All of them, by ``read_small``."""
    into = np.zeros((len(contents), *size, 3), np.uint8)
    read_small(lambda index: one(contents[index]), contents.__getitem__, range(len(contents)), into)
    return into


def one(content: bytes):
    """A picture by itself."""
    return decode_image(content, name="a")


def outcome(decode):
    """The numbers, or that there is a complaint."""
    try:
        return decode().tolist()
    except BadExampleError:
        return "refused"


def kinds() -> list[bytes]:
    """One picture of everything that is called a picture."""
    drawn = picture(1, size=(24, 16))
    return [
        *(encoded(drawn, "JPEG", quality=70, subsampling=subsampling) for subsampling in (0, 1, 2)),
        encoded(drawn, "JPEG", progressive=True),
        encoded(drawn.convert("L"), "JPEG"),
        encoded(drawn.convert("CMYK"), "JPEG"),
        encoded(drawn, "JPEG", exif=ORIENTED),
        encoded(drawn),
        encoded(drawn.convert("L")),
        encoded(drawn.convert("P")),
        encoded(drawn.convert("RGBA")),
        encoded(drawn, transparency=(0, 0, 0)),
        encoded(PIL.Image.fromarray(np.arange(384, dtype=np.uint16).reshape(16, 24) * 170)),
        encoded(drawn, "BMP"),
        encoded(drawn, "GIF"),
        encoded(drawn, "WEBP"),
        encoded(picture(2, size=(300, 200)), "JPEG"),
    ]


@pytest.mark.parametrize("size", [(16, 24), (8, 9)])
def test_every_kind_of_picture_comes_out_as_by_itself(size):
    """Whatever decodes it, at its own size and at another."""
    contents = kinds() * (1 + BLOCK // 4)
    expected = np.stack([resize_image(one(content), size) for content in contents])
    np.testing.assert_array_equal(read_all(contents, size), expected)


def test_plain_kinds_are_known_and_others_are_not():
    """Only of plain ones both decoders are known to agree."""
    plain = [plain_size(content) is not None for content in kinds()]
    assert plain == [True] * 3 + [False, True, False, False] + [True] * 2 + [False] * 7 + [True]


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    kind=st.just("PNG") | st.fixed_dictionaries({"quality": st.integers(1, 100), "subsampling": st.integers(0, 2)}),
    grey=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_plain_pictures_have_the_same_numbers(shape, kind, grey, seed):
    """Noise is the hardest: every coefficient counts."""
    noise = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    drawn = PIL.Image.fromarray(noise).convert("L" if grey else "RGB")
    content = encoded(drawn) if kind == "PNG" else encoded(drawn, "JPEG", **kind)
    assert plain_size(content) == shape
    np.testing.assert_array_equal(read_all([content], shape)[0], one(content))


@settings(deadline=None, max_examples=300)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["JPEG", "PNG"]))
def test_damage_is_found_exactly_where_it_is_found_by_itself(seed, kind):
    """Bytes changed, cut out or cut off: either both refuse, or both see the same."""
    chance = random.Random(seed)
    content = bytearray(encoded(picture(seed % 7, size=(20, 12)), kind))
    at = chance.randrange(len(content))
    match chance.randrange(3):
        case 0:
            content[at] = chance.randrange(256)
        case 1:
            del content[at : at + chance.randint(1, 20)]
        case _:
            del content[at:]
    damaged = bytes(content)
    alone = outcome(lambda: resize_image(one(damaged), (12, 20)))
    assert outcome(lambda: read_all([damaged], (12, 20))[0]) == alone


def test_one_damaged_picture_among_many_is_named(tmp_path, monkeypatch):
    """Though the others of its block were read with it."""
    monkeypatch.setattr(cache, "_MANY", 100)
    folder = class_folders(tmp_path / "pets", {"cat": 120, "dog": 120})
    bad = folder / "dog" / "077.png"
    bad.write_bytes(bad.read_bytes()[:-30])
    options = FolderOptions(path=str(folder))
    dataset = FolderSource.load(options, splits=SplitsSpec(validation=0.1, test=0.1), on_bad_example="error")
    (name,) = (name for name, split in dataset.splits.items() if "dog/077.png" in split.ids)
    split = dataset.splits[name]
    with pytest.raises(BadExampleError, match=r"dog/077\.png"):
        read_small(split.read, encoded_of(split.read), range(len(split)), np.zeros((len(split), 8, 8, 3), np.uint8))


def test_a_large_split_is_kept_as_a_small_one_is(tmp_path, monkeypatch):
    """Which way its pictures are decoded is nothing that a result could depend on."""
    folder = class_folders(tmp_path / "pets", {"cat": 150, "dog": 150})
    dataset = FolderSource.load(FolderOptions(path=str(folder)), splits=SplitsSpec(), on_bad_example="error")
    split = dataset.splits["train"]
    one_by_one = np.array(decoded(split, dataset, size=(9, 9), root=tmp_path / "one"))
    monkeypatch.setattr(cache, "_MANY", 100)
    np.testing.assert_array_equal(decoded(split, dataset, size=(9, 9), root=tmp_path / "many"), one_by_one)


def test_a_part_of_a_split_knows_the_bytes_of_its_own_pictures(tmp_path):
    """Splits are made as parts of one another."""
    folder = class_folders(tmp_path / "pets", {"cat": 9, "dog": 9})
    dataset = FolderSource.load(FolderOptions(path=str(folder)), splits=SplitsSpec(), on_bad_example="error")
    part = subset(subset(dataset.splits["train"], np.array([5, 3, 1]), name="a"), np.array([2, 0]), name="b")
    content = encoded_of(part.read)
    assert [content(index) for index in range(2)] == [(folder / name).read_bytes() for name in part.ids]


def test_pictures_that_are_damaged_on_purpose_have_no_file(tmp_path):
    """Or the sound one would be read in their place."""
    folder = class_folders(tmp_path / "pets", {"cat": 9, "dog": 9})
    dataset = FolderSource.load(FolderOptions(path=str(folder)), splits=SplitsSpec(), on_bad_example="error")
    damaged = corrupted(dataset.splits["test"], "noise", 5)
    assert encoded_of(damaged.read) is None
    assert encoded_of(subset(damaged, np.array([0]), name="a").read) is None
