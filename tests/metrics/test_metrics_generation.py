"""Metrics of texts: against sacrebleu and rouge-score themselves, by hand, and their bootstrap against a loop."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sample_generations import generations_of, random_generations
from sample_predictions import random_predictions

from suite.errors import StoreError, SuiteError
from suite.metrics import Metric, MissingScore, metric, metrics_answering, metrics_named, resampling, score_all
from suite.metrics.resampling import interval, resampled_by_fit, resampled_scores
from suite.registry import METRICS
from suite.store.records.generations import Generations
from suite.store.records.outputs import load_outputs

WRITING = tuple(name for name in metrics_answering("text") if name not in {"perplexity", "bits_per_byte"})
SHARED = ("bleu", "chrf", "rouge_1", "rouge_2", "rouge_l", "exact_match")


def value(name: str, generations: Generations) -> float:
    """One metric by its name."""
    found: Metric = METRICS.get(name)
    return found(generations)


def test_every_metric_says_what_it_reads():
    """The two kinds share nothing and together are all; names come sorted."""
    classes, texts = metrics_answering("class"), metrics_answering("text")
    assert "accuracy" in classes
    assert {"perplexity", "bits_per_byte", *SHARED, "distinct_1", "distinct_2", "repetition_rate"} == set(texts)
    assert sorted([*classes, *texts]) == list(METRICS.names())
    assert list(texts) == sorted(texts)


@pytest.mark.parametrize("name", metrics_answering("text"))
def test_a_metric_of_texts_is_missing_for_classes(name: str):
    """With the wrong kind of predictions there is a sentence, no traceback, whether scored or resampled."""
    score = METRICS.get(name).score(random_predictions(0))
    assert score.value is None
    assert "metric of texts" in score.reason
    with pytest.raises(MissingScore, match="metric of texts"):
        resampled_scores(METRICS.get(name), [random_predictions(0)])


@pytest.mark.parametrize("name", metrics_answering("class"))
def test_a_metric_of_classes_is_missing_for_texts(name: str):
    """The reverse holds as well."""
    assert "metric of classes" in METRICS.get(name).score(random_generations(0)).reason
    with pytest.raises(MissingScore, match="metric of classes"):
        resampled_scores(METRICS.get(name), [random_generations(0)])


@pytest.mark.parametrize("name", metrics_answering("text"))
def test_no_texts_give_no_score(name: str):
    """An empty set has a reason instead of a value."""
    assert METRICS.get(name).score(generations_of([], [])).reason == "there are no examples."


def test_perplexity_and_bits_by_hand():
    """12 nats over 6 tokens and 24 bytes: e^2 per token, 12 / ln 2 / 24 bits per byte."""
    made = generations_of(None, ["abc def ghi", "abc def ghijk"], [5.0, 7.0])
    assert value("perplexity", made) == pytest.approx(np.exp(2))
    assert value("bits_per_byte", made) == pytest.approx(12 / np.log(2) / 24)


def test_likelihood_that_cannot_be_a_number_is_missing():
    """No tokens, no bytes, and a likelihood of 0 give reasons."""
    empty = generations_of(None, ["", ""])
    assert "empty" in METRICS.get("bits_per_byte").score(empty).reason
    impossible = generations_of(None, ["abc"], [np.inf])
    assert METRICS.get("perplexity").score(impossible).value is None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mistakes", [0.0, 0.3, 0.9])
def test_bleu_and_chrf_are_sacrebleus(seed: int, mistakes: float):
    """A hundredth of its corpus scores."""
    made = random_generations(seed, mistakes=mistakes)
    references = [list(made.references)]
    assert value("bleu", made) == pytest.approx(sacrebleu.corpus_bleu(made.texts, references).score / 100, abs=1e-11)
    assert value("chrf", made) == pytest.approx(sacrebleu.corpus_chrf(made.texts, references).score / 100, abs=1e-11)


TEXT = st.text(st.sampled_from("ab é,.\n世"), max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_odd_texts_score_as_sacrebleu_says(pairs: list[tuple[str, str]]):
    """Empty texts, texts shorter than an n-gram and other scripts are no exception."""
    texts, references = zip(*pairs, strict=True)
    made = generations_of(texts, references)
    assert value("bleu", made) == pytest.approx(sacrebleu.corpus_bleu(texts, [references]).score / 100, abs=1e-11)
    assert value("chrf", made) == pytest.approx(sacrebleu.corpus_chrf(texts, [references]).score / 100, abs=1e-11)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_scores_of_texts_stay_within_their_bounds(pairs: list[tuple[str, str]]):
    """Every metric of what was written is from 0 to 1."""
    texts, references = zip(*pairs, strict=True)
    for name in WRITING:
        assert -1e-12 <= value(name, generations_of(texts, references)) <= 1 + 1e-12


def test_rouge_is_rouge_scores():
    """The mean of its F1 over texts."""
    made = random_generations(3)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    scored = [scorer.score(reference, text) for text, reference in zip(made.texts, made.references, strict=True)]
    for name, theirs in (("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")):
        assert value(name, made) == pytest.approx(np.mean([one[theirs].fmeasure for one in scored]))


def test_a_text_that_is_its_reference_is_perfect():
    """Overlap 1 throughout, but for white space around it."""
    made = generations_of(["  the sum of a list of values\n"], ["the sum of a list of values"])
    assert {name: value(name, made) for name in SHARED} == pytest.approx(dict.fromkeys(SHARED, 1.0))


def test_empty_texts_score_nothing():
    """A model that writes nothing has a score, and it is 0."""
    made = generations_of(["", ""], ["the sum of values", "an array"])
    assert {value(name, made) for name in WRITING} == {0.0}


@pytest.mark.parametrize("name", WRITING)
def test_without_texts_there_is_nothing_to_compare(name: str):
    """Plain language modelling writes nothing; the reason says so."""
    score = METRICS.get(name).score(generations_of(None, ["the sum"]))
    assert score.value is None
    assert "language modelling" in score.reason


def test_variety_by_hand():
    """Of 'a b a b' and 'b c': 3 of 6 words, 3 of 4 pairs; a text that says four words twice repeats 1 of 5 runs."""
    made = generations_of(["a b a b", "b c"], ["x", "x"])
    assert value("distinct_1", made) == pytest.approx(3 / 6)
    assert value("distinct_2", made) == pytest.approx(3 / 4)
    assert value("repetition_rate", generations_of(["a b c d a b c d"], ["x"])) == pytest.approx(1 / 5)


def test_the_spread_of_distinct_is_the_jackknifes():
    """Values per text have its variance, and their mean is the score: no sample with repeated texts is scored."""
    made = random_generations(4, examples=25)
    per_text = METRICS.get("distinct_2").per_example(made)
    kept = [value("distinct_2", made.take(np.delete(np.arange(25), left_out))) for left_out in range(25)]
    expected = 24 / 25 * ((np.array(kept) - np.mean(kept)) ** 2).sum()
    assert per_text.var(ddof=1) / 25 == pytest.approx(expected)
    low, high = interval(resampled_scores(METRICS.get("distinct_2"), [made]))
    assert low < value("distinct_2", made) < high


@pytest.mark.parametrize("name", metrics_answering("text"))
def test_the_bootstrap_is_the_loop_over_resamples(name: str):
    """The first resamples, drawn by hand and scored from the texts, are what the fast way says."""
    made = random_generations(5, examples=30)
    fast = resampled_scores(METRICS.get(name), [made])
    if name.startswith("distinct"):
        return  # a resample holds texts twice: see the test before
    for index, weights in enumerate(next(resampling._weights(30))[:6]):
        drawn = made.take(np.repeat(np.arange(30), weights.astype(int)))
        assert fast[index] == pytest.approx(value(name, drawn), rel=1e-5)


def test_seeds_are_resampled_together():
    """Two fits see the same resamples: their difference varies less than either."""
    first, second = random_generations(6, mistakes=0.3), random_generations(7, mistakes=0.3)
    both = resampled_by_fit(METRICS.get("chrf"), [first, second])
    apart = resampled_by_fit(METRICS.get("chrf"), [second])
    np.testing.assert_array_equal(both[1], apart[0])


def test_texts_are_counted_once(monkeypatch):
    """What sacrebleu counted serves the score, its interval and the comparison."""
    made = random_generations(8)
    value("bleu", made)
    monkeypatch.setattr("sacrebleu.metrics.bleu.BLEU", None)
    assert len(resampled_scores(METRICS.get("bleu"), [made])) == resampling.RESAMPLES


def test_the_headline_has_an_interval():
    """``score_all`` takes generations; a lower perplexity is within its interval as well."""
    scores = score_all(random_generations(9), metrics_named(metrics_answering("text")), headline="perplexity")
    assert scores["perplexity"].low < scores["perplexity"].value < scores["perplexity"].high
    assert scores["bleu"].low is None


def test_sums_and_their_function_belong_together():
    """One without the other is refused where the metric is declared."""
    with pytest.raises(SuiteError, match="belong together"):
        metric("half_a_metric", higher_is_better=True, answers="text", sums=lambda one: one.nats[:, None])


def test_either_kind_is_loaded_from_its_file(tmp_path):
    """The arrays in a file tell whether it holds classes or texts."""
    classes, texts = random_predictions(1), random_generations(1)
    classes.save(tmp_path / "classes.npz")
    texts.save(tmp_path / "texts.npz")
    np.testing.assert_array_equal(load_outputs(tmp_path / "classes.npz").probabilities, classes.probabilities)
    loaded = load_outputs(tmp_path / "texts.npz")
    assert isinstance(loaded, Generations)
    assert loaded.texts == texts.texts
    (tmp_path / "torn.npz").write_bytes(b"PK")
    with pytest.raises(StoreError, match=r"torn\.npz"):
        load_outputs(tmp_path / "torn.npz")


def test_names_and_directions_need_no_library_of_texts():
    """Reading a stored run knows every metric without importing sacrebleu, rouge-score or nltk."""
    code = (
        "import sys; from suite.metrics import metrics_answering; metrics_answering('text'); "
        "assert not {'sacrebleu', 'rouge_score', 'nltk'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
