"""Objectives on texts: what is hidden can be found again, losses count what they should, and training helps."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from suite.data.masking import IGNORED, Masking, mask
from suite.data.packing import pack
from suite.data.spans import SpanCorruption, corrupt_spans
from suite.errors import DataError
from suite.strategies.pretraining.language import Rows, perplexity

VOCABULARY = 50
SPECIAL = {0, 1, 2, 3}
MASK = 3
MASKING = Masking(MASK, np.arange(4, VOCABULARY, dtype=np.int32))
TOKENS = st.lists(st.integers(0, VOCABULARY - 1), min_size=4, max_size=80)


def _row(tokens):
    return np.array(tokens, np.int32)


@given(tokens=TOKENS, seed=st.integers(0, 99))
def test_masking_hides_fifteen_percent_and_keeps_what_was_there(tokens, seed):
    """Putting the targets back gives the row; special tokens are never hidden."""
    row = _row(tokens)
    corrupted, positions, targets = mask(row, MASKING, np.random.default_rng(seed))
    counted = targets != IGNORED
    ordinary = sum(token not in SPECIAL for token in tokens)
    expected = min(max(1, round(0.15 * ordinary)) if ordinary else 0, max(1, round(0.15 * len(row))))
    assert counted.sum() == expected
    restored = corrupted.copy()
    restored[positions[counted]] = targets[counted]
    assert restored.tolist() == tokens
    assert not SPECIAL & set(targets[counted].tolist())
    assert len(set(positions[counted].tolist())) == counted.sum()
    untouched = np.setdiff1d(np.arange(len(row)), positions[counted])
    assert (corrupted[untouched] == row[untouched]).all()


def test_of_the_hidden_tokens_eighty_percent_are_masks_ten_others_ten_themselves():
    """Devlin et al. 2019, section 3.1; of 15,000 hidden tokens the shares are within 1.5 points."""
    row = np.full(100_000, 7, np.int32)
    corrupted, positions, _ = mask(row, MASKING, np.random.default_rng(0))
    hidden = corrupted[positions]
    assert (hidden == MASK).mean() == pytest.approx(0.8, abs=0.015)
    assert ((hidden != MASK) & (hidden != 7)).mean() == pytest.approx(0.1, abs=0.015)
    assert not SPECIAL & (set(hidden.tolist()) - {MASK})


@given(
    length=st.integers(8, 120),
    share=st.floats(0.05, 0.6),
    mean_span=st.floats(1.0, 6.0),
    seed=st.integers(0, 99),
)
def test_spans_put_back_in_the_place_of_their_sentinels_give_the_row(length, share, mean_span, seed):
    """Lengths are those announced, sentinels come in order, and nothing is lost."""
    row = np.random.default_rng(seed).integers(1000, 2000, length).astype(np.int32)
    corruption = SpanCorruption(length, tuple(range(10, 42)), end_id=1, share=share, mean_span=mean_span)
    source, target = corrupt_spans(row, corruption, np.random.default_rng(seed))
    assert (len(source), len(target)) == (corruption.source_length, corruption.target_length)
    assert source[-1] == target[-1] == 1
    spans: dict[int, list[int]] = {}
    for token in target[:-1].tolist():
        if token < 1000:
            spans[token] = []
        else:
            spans[list(spans)[-1]].append(token)
    assert list(spans) == list(range(10, 10 + corruption.spans))
    assert all(spans.values())
    restored = [back for token in source[:-1].tolist() for back in (spans[token] if token < 1000 else [token])]
    assert restored == row.tolist()


def test_fifteen_percent_in_spans_of_three_is_what_t5_was_trained_with():
    """Raffel et al. 2020, figure 2: of 512 tokens 77 are taken out, in 26 spans."""
    corruption = SpanCorruption(512, tuple(range(100)), end_id=1)
    assert (corruption.noise, corruption.spans) == (77, 26)


@given(texts=st.lists(st.lists(st.integers(4, 49), max_size=12), min_size=1, max_size=20), length=st.integers(4, 20))
def test_packed_rows_are_full_and_hold_the_texts_in_order(texts, length):
    """Without their first token the rows are the texts, each followed by its end; only a last bit is missing."""
    stream = [token for text in texts for token in (*text, 2)]
    if len(stream) < length - 1:
        with pytest.raises(DataError, match="in all, got"):
            pack([_row(text) for text in texts], length, start=(1,), end=(2,))
        return
    rows = pack([_row(text) for text in texts], length, start=(1,), end=(2,))
    assert rows.shape == (len(stream) // (length - 1), length)
    assert (rows[:, 0] == 1).all()
    assert rows[:, 1:].reshape(-1).tolist() == stream[: rows.shape[0] * (length - 1)]


def _rows(count: int = 10, batch_size: int = 4, seed: int = 0) -> Rows:
    def make(row, generator):
        return {"token_ids": row}, (row + generator.integers(5)).astype(np.int32)

    return Rows(np.arange(count * 3, dtype=np.int32).reshape(count, 3), batch_size, seed, make)


def test_rows_are_made_anew_in_every_epoch_and_alike_in_every_run():
    """Order and corruption follow from seed and epoch alone; a row's corruption not from its place in the order."""
    first, again, later = (list(_rows().epoch(epoch)) for epoch in (1, 1, 2))
    assert all((one[1] == other[1]).all() for one, other in zip(first, again, strict=True))
    assert not all((one[1] == other[1]).all() for one, other in zip(first, later, strict=True))
    by_row = {inputs["token_ids"][place, 0]: targets[place, 0] for inputs, targets in first for place in range(4)}
    other_batches = {
        inputs["token_ids"][place, 0]: targets[place, 0]
        for inputs, targets in _rows(batch_size=2).epoch(1)
        for place in range(2)
    }
    assert {row: other_batches[row] for row in by_row} == by_row


def test_held_out_rows_are_counted_once_each():
    """The last batch is filled up, and what fills it up counts for nothing."""
    batches = list(_rows().held_out())
    counted = np.concatenate([targets[:, 0] for _, targets in batches]) != IGNORED
    assert counted.sum() == 10
    assert {len(targets) for _, targets in batches} == {4}


def test_perplexity_of_a_model_that_knows_nothing_is_the_size_of_its_vocabulary():
    """Even scores for 7 tokens give 7; tokens left out of the count change nothing, and of none it is infinite."""
    import keras

    inputs = {"token_ids": keras.Input((3,), dtype="int32", name="token_ids")}
    even = keras.Model(inputs, keras.layers.Dense(7, kernel_initializer="zeros")(_as_states(inputs)))
    rows = Rows(np.array([[1, 2, 3], [4, 5, 6]], np.int32), 2, 0, lambda row, _: ({"token_ids": row}, row))
    assert perplexity(even, rows) == pytest.approx(7.0, rel=1e-5)
    assert perplexity(even, rows, left_out=frozenset({1, 2})) == pytest.approx(7.0, rel=1e-5)
    assert perplexity(even, rows, left_out=frozenset(range(7))) == math.inf


def _as_states(inputs):
    import keras

    return keras.layers.Rescaling(1.0)(keras.ops.cast(inputs["token_ids"], "float32")[..., None])
