"""Tokens on disk, and the arrays that models take of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.data.batches import Batches, Examples, padding_share, prediction_batches
from suite.data.dataset import Dataset, Split
from suite.data.token_rows import TokenRows, padded_length
from suite.data.tokens import Piece, Tokens, tokenised

TEXTS = ["a", "bb cc", "", "dddd e f g", "h" * 40]


class Letters:
    """Cuts a text into its characters, and counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, texts):
        self.calls += 1
        return [
            Piece(np.array([1, *map(ord, text[0][:20])], np.int32), 1, len(text[0]) > 20, len(text[0]))
            for text in texts
        ]


def dataset(texts) -> Dataset:
    """Texts of one class each."""
    split = Split("test", tuple(map(str, range(len(texts)))), np.zeros(len(texts), np.int64), lambda at: (texts[at],))
    return Dataset("texts", ("a", "b"), {"test": split}, "fingerprint", content="text")


def tokens_of(pieces, second=None) -> Tokens:
    """Pieces as they would be read from disk; characters are twice the tokens."""
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    ids = np.concatenate([np.array(piece, np.int32) for piece in pieces])
    return Tokens(
        ids,
        np.cumsum(lengths),
        lengths if second is None else np.array(second, np.int64),
        np.zeros(len(pieces), np.bool_),
        lengths * 2,
        lengths * 0,
    )


def test_texts_are_cut_once_and_then_read(tmp_path):
    """The second call reads the same pieces from disk."""
    cutter, data = Letters(), dataset(TEXTS)
    first = tokenised(data.splits["test"], data, cutter, identity={"tokenizer": "letters"}, root=tmp_path)
    again = tokenised(data.splits["test"], data, cutter, identity={"tokenizer": "letters"}, root=tmp_path)
    assert cutter.calls == 1
    for name in ("ids", "ends", "second", "cut", "characters", "answer_bytes"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert again.lengths.tolist() == [2, 6, 1, 11, 21]
    assert again.cut.tolist() == [False, False, False, False, True]


def test_another_tokeniser_cuts_anew(tmp_path):
    """What a tokeniser made is never read for another."""
    cutter, data = Letters(), dataset(TEXTS)
    for name in ("letters", "others"):
        tokenised(data.splits["test"], data, cutter, identity={"tokenizer": name}, root=tmp_path)
    assert cutter.calls == 2


def test_a_damaged_file_is_made_again(tmp_path):
    """Half a file is no error."""
    cutter, data = Letters(), dataset(TEXTS)
    whole = tokenised(data.splits["test"], data, cutter, identity={}, root=tmp_path)
    before = np.array(whole.ids)
    (path,) = (tmp_path / "tokens").glob("*.npy")
    path.write_bytes(path.read_bytes()[:-8])
    again = tokenised(data.splits["test"], data, cutter, identity={}, root=tmp_path)
    assert np.array_equal(again.ids, before)
    assert cutter.calls == 2


PIECES = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=70), min_size=1, max_size=9)


@given(PIECES)
def test_every_token_is_under_the_mask_and_nothing_else(pieces):
    """A padded array holds the pieces, in order, where the mask is 1."""
    rows = TokenRows(tokens_of(pieces), "encoder", pad_id=0, sequence_length=128)
    arrays = rows.take(np.arange(len(pieces)))
    for row, piece in enumerate(pieces):
        assert arrays["token_ids"][row][arrays["padding_mask"][row] == 1].tolist() == piece
    assert not arrays["token_ids"][arrays["padding_mask"] == 0].any()


@given(PIECES, st.integers(1, 5))
def test_prediction_takes_every_example_once(pieces, size):
    """Batches have one size, and positions cover all examples."""
    rows = TokenRows(tokens_of(pieces), "encoder", pad_id=0, sequence_length=128)
    seen = []
    for positions, arrays in prediction_batches(rows, size):
        assert len(arrays["token_ids"]) == size
        seen += positions.tolist()
    assert sorted(seen) == list(range(len(pieces)))


@given(st.integers(1, 2000), st.integers(8, 2048))
def test_padding_never_cuts(longest, most):
    """A batch is at least as long as its longest text."""
    assert longest <= padded_length(longest, most) <= max(longest, most)


def test_a_causal_model_predicts_the_second_part():
    """Labels are the tokens moved by one; the prompt is not counted, the end is."""
    rows = TokenRows(tokens_of([[5, 6, 7, 8]], second=[2]), "causal", pad_id=0, sequence_length=64)
    arrays = rows.take(np.arange(1))
    assert arrays["token_ids"][0, :3].tolist() == [5, 6, 7]
    assert arrays["labels"][0, :3].tolist() == [6, 7, 8]
    assert arrays["counted"][0].tolist()[:4] == [0, 1, 1, 0]


def test_an_encoder_decoder_gets_both_sides():
    """The source goes to the encoder; the decoder predicts all that follows its start token."""
    rows = TokenRows(tokens_of([[5, 6, 0, 7, 8]], second=[2]), "seq2seq", pad_id=9, sequence_length=64)
    arrays = rows.take(np.arange(1))
    assert arrays["encoder_token_ids"][0, :2].tolist() == [5, 6]
    assert arrays["decoder_token_ids"][0, :2].tolist() == [0, 7]
    assert arrays["labels"][0, :2].tolist() == [7, 8]
    assert arrays["counted"][0].sum() == 2


def test_segments_tell_two_texts_apart():
    """0 for the first text and padding, 1 for the second."""
    rows = TokenRows(tokens_of([[1, 2, 3], [4]], second=[1, 1]), "encoder", 0, 64, with_segments=True)
    assert rows.take(np.arange(2))["segment_ids"][:, :4].tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]


@pytest.fixture
def examples() -> Examples:
    """Texts of very different lengths."""
    lengths = np.random.default_rng(0).integers(2, 120, 200)
    rows = TokenRows(tokens_of([[1] * length for length in lengths]), "encoder", 0, 128)
    return Examples(rows, np.arange(200), tuple(map(str, range(200))))


def test_an_epoch_of_texts_sees_each_once_in_an_order_of_its_own(examples):
    """As for images: a function of seed and epoch."""
    batches = Batches(examples, 16, seed=1)
    first, again, other = ([targets.tolist() for _, targets in batches.epoch(epoch)] for epoch in (1, 1, 2))
    assert first == again != other
    seen = [index for batch in first for index in batch]
    assert len(seen) == len(set(seen)) == batches.steps * 16


def test_another_tokeniser_gets_the_same_batches(examples):
    """Lengths are counted in characters, so that models see the same examples in the same order."""
    tokens = examples.inputs.tokens
    shuffled = Tokens(
        np.ones(800, np.int32),
        np.arange(4, 804, 4),
        np.full(200, 4),
        tokens.cut,
        tokens.characters,
        tokens.answer_bytes,
    )
    other = Examples(TokenRows(shuffled, "encoder", 0, 128), examples.targets, examples.ids)
    ours, theirs = ([targets.tolist() for _, targets in Batches(one, 16, seed=3).epoch(1)] for one in (examples, other))
    assert ours == theirs


def test_texts_of_one_length_share_a_batch(examples):
    """Sorting within a window leaves little padding; of random batches it would be about half."""
    share = padding_share(Batches(examples, 16, seed=1))
    assert share is not None
    assert share < 0.15


def test_some_texts_are_those_that_were_chosen(examples):
    """A label budget takes rows, and their tokens with them."""
    some = examples.some(np.array([3, 5]))
    assert some.inputs.lengths.tolist() == examples.inputs.lengths[[3, 5]].tolist()
    assert some.some(np.array([1])).inputs.lengths.tolist() == examples.inputs.lengths[[5]].tolist()
