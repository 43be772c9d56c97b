"""How well a model writes: the references' likelihood, overlap with them, and how much it repeats itself.

sacrebleu and rouge-score take a moment to import and are imported when a text is first compared, so that reading
stored scores needs neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.metrics.metric import MissingScore, metric
from suite.store.records.generations import Generations

__all__ = [
    "bits_per_byte",
    "bleu",
    "chrf",
    "distinct_1",
    "distinct_2",
    "exact_match",
    "perplexity",
    "repetition_rate",
    "rouge_1",
    "rouge_2",
    "rouge_l",
]

Array = NDArray[np.float64]
ORDERS = 4
"""BLEU counts n-grams of 1 to 4 words."""
BETA_SQUARED = 4
"""chrF gives recall twice the weight of precision."""
REPEATED = 4
"""Words of the n-grams whose repetition counts."""
WORD = re.compile(r"\w+|[^\w\s]")
"""A word is a run of letters, digits and underscores, or one other mark; case is kept."""


def texts_of(generations: Generations) -> tuple[str, ...]:
    """What was written. Raises ``MissingScore`` for plain language modelling, where nothing is."""
    if generations.texts is None:
        raise MissingScore("nothing is written for plain language modelling.")
    return generations.texts


def _counted(generations: Generations, name: str, count: Callable[[Generations], NDArray[np.float64]]) -> Array:
    """What ``count`` says of every example, counted once for one object."""
    if name not in generations.statistics:
        generations.statistics[name] = count(generations)
    return generations.statistics[name]


def _total(statistics: Array) -> Array:
    """Sums over all examples as the only row, shape ``(1, k)``."""
    return np.asarray(statistics.sum(axis=0, keepdims=True))


# How likely the references are.


def _nats_and_tokens(generations: Generations) -> Array:
    return np.stack([generations.nats, generations.tokens], axis=1).astype(np.float64)


def _perplexity(sums: Array) -> Array:
    with np.errstate(all="ignore"):  # a sum without tokens, or a likelihood of 0, is no number and left out
        return np.asarray(np.exp(sums[:, 0] / sums[:, 1]))


def _nats_and_bytes(generations: Generations) -> Array:
    return np.stack([generations.nats, generations.reference_bytes], axis=1).astype(np.float64)


def _bits_per_byte(sums: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(sums[:, 0] / np.log(2) / sums[:, 1])


@metric(
    "perplexity",
    label="perplexity per own token",
    answers="text",
    higher_is_better=False,
    summary="exp of the mean negative log likelihood per token of the model's own tokeniser; from 1 (best). Models "
    "with other tokenisers have other tokens: compare those by bits_per_byte.",
    sums=_nats_and_tokens,
    from_sums=_perplexity,
)
def perplexity(generations: Generations) -> float:
    """exp(nats / tokens) of all references together: Jelinek et al. 1977, JASA 62, S63."""
    if generations.tokens.sum() == 0:
        raise MissingScore("the references have no tokens.")
    return float(_perplexity(_total(_nats_and_tokens(generations)))[0])


@metric(
    "bits_per_byte",
    answers="text",
    higher_is_better=False,
    summary="Negative log likelihood of the references in bits per UTF-8 byte; from 0 (best). The same unit for every "
    "tokeniser.",
    sums=_nats_and_bytes,
    from_sums=_bits_per_byte,
)
def bits_per_byte(generations: Generations) -> float:
    """Nats / ln 2 / bytes of all references together: Gao et al. 2020, The Pile, arXiv:2101.00027, section 3.1."""
    if generations.reference_bytes.sum() == 0:
        raise MissingScore("the references are empty.")
    return float(_bits_per_byte(_total(_nats_and_bytes(generations)))[0])


# How much of the references is written. The statistics are sacrebleu's; its functions turn one row of sums into one
# score, these turn thousands at once.


def _statistics_of(counter: Any, generations: Generations) -> Array:
    """One row per text of what sacrebleu sums over them before it scores: it gives them to its own bootstrap only."""
    counted = counter._extract_corpus_statistics(texts_of(generations), [generations.references])  # noqa: SLF001
    return np.array(counted, dtype=np.float64)


def _bleu_statistics(generations: Generations) -> Array:
    """Length, length of the reference, matches of 1 to 4 words, n-grams of 1 to 4 words; shape ``(n, 10)``."""
    return _counted(generations, "bleu", _count_bleu)


def _count_bleu(generations: Generations) -> Array:
    from sacrebleu.metrics.bleu import BLEU

    # ``force`` silences a remark on texts that look tokenised already; it changes no number.
    return _statistics_of(BLEU(force=True), generations)


def _bleu(sums: Array) -> Array:
    """Papineni et al. 2002, ACL, section 2.3, with the smoothing of NIST's mteval-v13a, as sacrebleu has it."""
    length, reference = sums[:, 0], sums[:, 1]
    matches, totals = sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS :]
    unmatched = np.cumsum(matches == 0, axis=1)  # each order without a match is worth half of the one before
    smoothed = np.where(matches == 0, 0.5**unmatched, matches)
    with np.errstate(all="ignore"):
        precisions = np.log(smoothed / totals).mean(axis=1)
        brevity = np.where(length < reference, 1 - reference / length, 0.0)
        scores = np.exp(brevity + precisions)
    there = (matches > 0).any(axis=1) & (totals > 0).all(axis=1)
    return np.where(there, scores, 0.0)


@metric(
    "bleu",
    label="BLEU",
    answers="text",
    higher_is_better=True,
    summary="Words and runs of up to 4 words that the reference has too, over all texts together (sacrebleu, 13a); 0 "
    "to 1. Times 100 it is the number that papers print.",
    sums=_bleu_statistics,
    from_sums=_bleu,
    bounds=(0.0, 1.0),
)
def bleu(generations: Generations) -> float:
    """BLEU of the corpus, a hundredth of ``sacrebleu.corpus_bleu``: Post 2018, WMT, A Call for Clarity."""
    return float(_bleu(_total(_bleu_statistics(generations)))[0])


def _chrf_statistics(generations: Generations) -> Array:
    """For 1 to 6 characters: n-grams written, n-grams of the reference, matches; shape ``(n, 18)``."""
    return _counted(generations, "chrf", _count_chrf)


def _count_chrf(generations: Generations) -> Array:
    from sacrebleu.metrics.chrf import CHRF

    return _statistics_of(CHRF(), generations)


def _chrf(sums: Array) -> Array:
    """Popovic 2015, WMT, equation 1, over the orders that both sides have, as sacrebleu has it."""
    written, reference, matches = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    has_both = (written > 0) & (reference > 0)
    orders = np.maximum(has_both.sum(axis=1), 1)
    precision = (np.where(has_both, matches, 0) / np.maximum(written, 1)).sum(axis=1) / orders
    recall = (np.where(has_both, matches, 0) / np.maximum(reference, 1)).sum(axis=1) / orders
    weighted = BETA_SQUARED * precision + recall
    product = (1 + BETA_SQUARED) * precision * recall
    return np.asarray(np.divide(product, weighted, out=np.zeros_like(product), where=weighted > 0))


@metric(
    "chrf",
    label="chrF",
    answers="text",
    higher_is_better=True,
    summary="Runs of up to 6 characters that text and reference share, over all texts together, recall twice as "
    "heavy (sacrebleu's chrF2); 0 to 1. Times 100 it is the number that papers print.",
    sums=_chrf_statistics,
    from_sums=_chrf,
    bounds=(0.0, 1.0),
)
def chrf(generations: Generations) -> float:
    """chrF2 of the corpus, a hundredth of ``sacrebleu.corpus_chrf``."""
    return float(_chrf(_total(_chrf_statistics(generations)))[0])


def _rouge_scores(generations: Generations) -> Array:
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-L of every text, shape ``(n, 3)``."""
    return _counted(generations, "rouge", _count_rouge)


def _count_rouge(generations: Generations) -> Array:
    from rouge_score.rouge_scorer import RougeScorer

    kinds = ["rouge1", "rouge2", "rougeL"]
    scorer = RougeScorer(kinds)
    pairs = zip(generations.references, texts_of(generations), strict=True)
    scored = (scorer.score(reference, text) for reference, text in pairs)
    return np.array([[one[kind].fmeasure for kind in kinds] for one in scored], dtype=np.float64).reshape(-1, 3)


def _rouge_1(generations: Generations) -> Array:
    return _rouge_scores(generations)[:, 0]


def _rouge_2(generations: Generations) -> Array:
    return _rouge_scores(generations)[:, 1]


def _rouge_l(generations: Generations) -> Array:
    return _rouge_scores(generations)[:, 2]


@metric(
    "rouge_1",
    label="ROUGE-1",
    answers="text",
    higher_is_better=True,
    summary="F1 of the words that text and reference share, mean over texts (rouge-score; a word is a run of a-z and "
    "0-9 in lower case, not stemmed); 0 to 1.",
    per_example=_rouge_1,
    bounds=(0.0, 1.0),
)
def rouge_1(generations: Generations) -> float:
    """Mean ROUGE-1 F1: Lin 2004, ROUGE, Text Summarization Branches Out, section 2."""
    return float(_rouge_1(generations).mean())


@metric(
    "rouge_2",
    label="ROUGE-2",
    answers="text",
    higher_is_better=True,
    summary="F1 of the pairs of neighbouring words that text and reference share, mean over texts; 0 to 1.",
    per_example=_rouge_2,
    bounds=(0.0, 1.0),
)
def rouge_2(generations: Generations) -> float:
    """Mean ROUGE-2 F1: Lin 2004, section 2."""
    return float(_rouge_2(generations).mean())


@metric(
    "rouge_l",
    label="ROUGE-L",
    answers="text",
    higher_is_better=True,
    summary="F1 of the longest series of words, gaps allowed, that text and reference share, mean over texts; 0 to 1.",
    per_example=_rouge_l,
    bounds=(0.0, 1.0),
)
def rouge_l(generations: Generations) -> float:
    """Mean ROUGE-L F1 of whole texts: Lin 2004, section 3.1."""
    return float(_rouge_l(generations).mean())


def _exact_match(generations: Generations) -> Array:
    pairs = zip(texts_of(generations), generations.references, strict=True)
    return np.array([text.strip() == reference.strip() for text, reference in pairs], dtype=np.float64)


@metric(
    "exact_match",
    answers="text",
    higher_is_better=True,
    summary="Share of texts that are their reference, letter for letter, but for white space around them; 0 to 1.",
    per_example=_exact_match,
    bounds=(0.0, 1.0),
)
def exact_match(generations: Generations) -> float:
    """Share of texts that are their reference but for white space around them."""
    return float(_exact_match(generations).mean())


# How varied the writing is, whatever the references say.


def _grams(text: str, order: int) -> list[tuple[str, ...]]:
    words = WORD.findall(text)
    return [tuple(words[start : start + order]) for start in range(len(words) - order + 1)]


def _distinct(generations: Generations, order: int) -> Array:
    """One value per text whose mean is distinct-n, so that their spread is the jackknife's.

    A bootstrap sample holds texts twice, which adds n-grams and no new ones: distinct-n of every sample is too low.
    Leaving one text out at a time has no such bias; the values are centred pseudo-values (Miller 1974, The
    Jackknife - a Review, Biometrika 61, section 2).
    """
    per_text = [Counter(_grams(text, order)) for text in texts_of(generations)]
    in_texts = Counter(gram for grams in per_text for gram in grams)
    totals = np.array([grams.total() for grams in per_text], dtype=np.float64)
    # N-grams that no other text has are lost with it.
    own = np.array([sum(in_texts[gram] == 1 for gram in grams) for grams in per_text], dtype=np.float64)
    everything, examples = totals.sum(), len(per_text)
    if everything == 0:
        return np.zeros(examples)
    without = (len(in_texts) - own) / np.maximum(everything - totals, 1)
    return np.asarray(len(in_texts) / everything + (examples - 1) * (without.mean() - without))


def _distinct_1(generations: Generations) -> Array:
    return _counted(generations, "distinct-1", lambda one: _distinct(one, 1))


def _distinct_2(generations: Generations) -> Array:
    return _counted(generations, "distinct-2", lambda one: _distinct(one, 2))


def _repeated(generations: Generations) -> Array:
    return _counted(generations, "repeated", _count_repeated)


def _count_repeated(generations: Generations) -> Array:
    grams = [_grams(text, REPEATED) for text in texts_of(generations)]
    return np.array([1 - len(set(one)) / len(one) if one else 0.0 for one in grams], dtype=np.float64)


@metric(
    "distinct_1",
    label="distinct-1",
    answers="text",
    higher_is_better=True,
    summary="Different words over all words, of all texts together; 0 to 1. It falls with the number of texts.",
    per_example=_distinct_1,
    bounds=(0.0, 1.0),
)
def distinct_1(generations: Generations) -> float:
    """Different words over all words: Li et al. 2016, NAACL, A Diversity-Promoting Objective, section 5.2."""
    return float(_distinct_1(generations).mean())


@metric(
    "distinct_2",
    label="distinct-2",
    answers="text",
    higher_is_better=True,
    summary="Different pairs of neighbouring words over all pairs, of all texts together; 0 to 1. It falls with the "
    "number of texts.",
    per_example=_distinct_2,
    bounds=(0.0, 1.0),
)
def distinct_2(generations: Generations) -> float:
    """Different pairs of words over all pairs: Li et al. 2016, section 5.2."""
    return float(_distinct_2(generations).mean())


@metric(
    "repetition_rate",
    answers="text",
    higher_is_better=False,
    summary="Share of the runs of 4 words that the same text had before, mean over texts; 0 (best) to 1.",
    per_example=_repeated,
    bounds=(0.0, 1.0),
    unit="%",
)
def repetition_rate(generations: Generations) -> float:
    """seq-rep-4, mean over texts; a text of fewer words repeats nothing.

    Welleck et al. 2020, ICLR, Neural Text Generation with Unlikelihood Training, equation 8.
    """
    return float(_repeated(generations).mean())
