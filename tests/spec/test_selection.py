"""What is selected inside a fit is selected by the headline metric, ties go to the lower loss, then to the simpler."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from report_sample import make_comparison

from suite.compare.cell import Ledger
from suite.compare.ledger import ledger_of
from suite.data.batches import Examples
from suite.data.token_rows import TokenRows
from suite.data.tokens import Tokens
from suite.metrics.validation_score import BY_LOSS, Judge, Judgement
from suite.report.sections.ledger import rules_sentence
from suite.spec.search.propose import Tried
from suite.spec.search.pruning import heights, watch_for
from suite.spec.search.settings import SearchSpec
from suite.store.records.result import Candidate, EpochRecord, Predictions, Result, Timings
from suite.strategies.folds import FEW_EXAMPLES, Labelled, few, folds_of
from suite.strategies.knn import KnnOptions, _probabilities, _search
from suite.strategies.linear_probe import LinearProbeOptions, Probe, fit_probe

HEADLINES = ("log_loss", "balanced_accuracy", "f1_macro", "roc_auc")


def skewed(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping clouds, nine of ten examples in the first: accuracy is content to name it always."""
    dice = np.random.default_rng(seed)
    targets = (dice.random(count) < 0.12).astype(np.int64)
    features = dice.normal(size=(count, 12)).astype(np.float32)
    features[:, 0] += 1.2 * targets
    return features, targets


def probe_by(headline: str, *, train: int = 120, validation: int = 400, **options: float) -> Probe:
    """A probe on the skewed clouds, chosen by a metric."""
    return fit_probe(
        *skewed(train, 7), *skewed(validation, 57), num_classes=2, judge=Judge.by(headline, ("no", "yes")),
        options=LinearProbeOptions(strengths=20, **options),
    )  # fmt: skip


@pytest.mark.parametrize("headline", HEADLINES)
def test_the_strength_of_a_probe_is_the_best_by_the_headline(headline: str) -> None:
    """Accuracy chooses another one on the same data; the ledger says what each scored and lost."""
    by_accuracy, probe = probe_by("accuracy"), probe_by(headline)
    better = Judge.by(headline).metric.higher_is_better
    scores = {one.hyperparameters["strength"]: one.validation_score for one in probe.candidates}
    assert scores[probe.strength] == (max if better else min)(scores.values())
    assert probe.strength != by_accuracy.strength
    assert all(one.validation_loss is not None for one in probe.candidates)


@pytest.mark.parametrize("headline", HEADLINES)
def test_the_number_of_neighbours_is_the_best_by_the_headline(headline: str) -> None:
    """Accuracy chooses another one on the same data."""
    sets = Labelled(*skewed(300, 7)), Labelled(*skewed(400, 57))
    chosen = {}
    for name in ("accuracy", headline):
        candidates, count = _search(*sets, KnnOptions().neighbours, Judge.by(name, ("no", "yes")))
        scores = {one.hyperparameters["neighbours"]: one.validation_score for one in candidates}
        assert scores[count] == (max if Judge.by(name).metric.higher_is_better else min)(scores.values())
        chosen[name] = count
    assert chosen[headline] != chosen["accuracy"]


def test_of_equal_scores_the_lower_loss_wins_then_the_stronger_penalty() -> None:
    """Clouds that every strength tells apart: the loss decides, and it is not at the strong end."""
    dice = np.random.default_rng(0)
    targets = np.arange(600) % 2
    features = (dice.normal(size=(600, 4)) + 9 * targets[:, None]).astype(np.float32)
    probe = fit_probe(
        features[:200], targets[:200], features[200:], targets[200:], num_classes=2, options=LinearProbeOptions()
    )
    equal = [one for one in probe.candidates if one.validation_score == 1.0]
    assert len(equal) > 5
    best = min(equal, key=lambda one: (one.validation_loss, -one.hyperparameters["strength"]))
    assert probe.strength == best.hyperparameters["strength"] < max(one.hyperparameters["strength"] for one in equal)


def test_few_validation_examples_do_not_choose_alone() -> None:
    """Of 160 and 40 examples all 200 are judged, by probes that have not seen them; the probe has learned from 160."""
    train, validation, test = skewed(160, 4), skewed(40, 5), skewed(4000, 6)
    assert few(train[1], validation[1])
    probe = fit_probe(*train, *validation, num_classes=2, options=LinearProbeOptions())
    right = [200 * one.validation_score for one in probe.candidates]
    assert np.allclose(right, np.round(right))
    assert any(round(count) % 5 for count in right)
    assert np.allclose(probe.validation_logits, validation[0] @ probe.kernel + probe.bias, atol=1e-4)
    logits = test[0] @ probe.kernel + probe.bias
    nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4000), test[1]]
    assert nats.mean() < -np.log([0.88, 0.12]) @ [0.88, 0.12]


def test_every_example_is_judged_once_by_folds_that_know_every_class() -> None:
    """Stratified, without overlap, the same at every call; with enough validation examples there is one."""
    targets = np.repeat([0, 1, 2], [30, 20, 2])
    sets = Labelled(np.arange(52.0, dtype=np.float32)[:, None], targets), Labelled(np.full((4, 1), 99.0), targets[:4])
    folds = list(folds_of(*sets))
    judged = np.concatenate([one.features for _, one in folds])
    assert sorted(judged.ravel()) == sorted([*range(52), 99, 99, 99, 99])
    assert all(set(learned.targets) == {0, 1, 2} for learned, _ in folds)
    again = list(folds_of(*sets))
    assert all(np.array_equal(a[0].features, b[0].features) for a, b in zip(folds, again, strict=True))
    assert not few(targets, np.zeros(FEW_EXAMPLES, np.int64))
    assert not few(np.array([0, 0, 1]), np.array([0, 0]))


def test_a_best_penalty_at_the_end_of_the_path_is_said() -> None:
    """A grid that ends too early is named with its end and how to mend it; one that holds the optimum is not."""
    (note,) = probe_by("log_loss", strongest=1e-4).notes
    assert "the best penalty is the strongest of the 20 that were tried, 0.0001" in note
    assert "Set 'strongest' of linear_probe further out" in note
    assert not probe_by("log_loss", strongest=1e2).notes


def test_no_more_neighbours_are_tried_than_the_model_remembers() -> None:
    """Five folds of 15 and 9 examples learn from 19; the model remembers the 15."""
    targets = np.arange(24) % 3
    features = np.eye(3, dtype=np.float32)[targets]
    sets = Labelled(features[:15], targets[:15]), Labelled(features[15:], targets[15:])
    candidates, _ = _search(*sets, (1, 50), Judge.by("accuracy", ("a", "b", "c")))
    assert [one.hyperparameters["neighbours"] for one in candidates] == [15, 1]


def test_neighbours_in_pieces_are_the_neighbours_of_the_whole_matrix() -> None:
    """The share of votes of all that are as near as the k-th, duplicates counted."""
    dice = np.random.default_rng(0)
    memory = dice.normal(size=(90, 3)).astype(np.float32)
    memory[40:60] = memory[:20]
    queries = dice.normal(size=(30, 3)).astype(np.float32)
    targets = dice.integers(0, 3, 90)
    said = _probabilities(Labelled(memory, targets), queries, (1, 5), 3)
    similarities = queries @ memory.T
    for index, count in enumerate((1, 5)):
        near = similarities >= np.sort(similarities, axis=1)[:, -count, None]
        votes = np.array([np.bincount(targets[row], minlength=3) for row in near]) + 1 / 3
        assert np.allclose(said[index], votes / votes.sum(axis=1, keepdims=True), atol=1e-6)


def test_neighbours_of_45000_examples_need_no_gigabyte() -> None:
    """5,000 queries in pieces; the matrix of all similarities alone would have 900 MB."""
    import tracemalloc

    dice = np.random.default_rng(0)
    memory = Labelled(dice.normal(size=(45_000, 8)).astype(np.float32), dice.integers(0, 10, 45_000))
    queries = dice.normal(size=(5_000, 8)).astype(np.float32)
    tracemalloc.start()
    said = _probabilities(memory, queries, (50,), 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.shape == (1, 5_000, 10)
    assert peak < 200e6


def test_a_headline_that_cannot_be_computed_leaves_the_choice_to_the_loss() -> None:
    """Without a class in validation there is no balanced accuracy; the result says what chose."""
    judge = Judge.by("balanced_accuracy", ("a", "b"))
    said = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
    judgement = judge(Predictions(np.array(["1", "2"]), np.array([0, 0]), said, ("a", "b")), 0.5)
    assert judgement == Judgement(None, 0.5, higher_is_better=True)
    assert judgement.rank > Judgement(None, 0.6).rank
    assert judgement.rank < Judgement(0.0, 9.0).rank
    assert judge.chose(judgement.score) == BY_LOSS
    assert judge.chose(None, 0.5) == "balanced_accuracy"


def test_a_pruner_goes_by_the_headline() -> None:
    """Log loss rises while the accuracy stays: the trial is given up where lower is better, and only there."""
    epochs = [
        EpochRecord(
            epoch=number, seconds=1, learning_rate=0.1, train_loss=1, train_accuracy=0.5, validation_loss=loss,
            validation_score=0.5, validation_headline=loss, trainable_parameters=1,
        )
        for number, loss in enumerate((0.5, 0.4, 0.3), start=1)
    ]  # fmt: skip
    assert heights(epochs, higher_is_better=False) == (-0.5, -0.4, -0.3)
    unknown = [epoch.model_copy(update={"validation_headline": None}) for epoch in epochs]
    assert heights(unknown, higher_is_better=True) == (-0.5, -0.4, -0.3)
    earlier = [Tried({}, 0.3, heights(epochs, higher_is_better=False))] * 2
    worse, better = (watch_for(SearchSpec(pruner="median"), earlier) for _ in range(2))
    assert any(worse(epoch, -2.0) for epoch in (1, 2, 3))
    assert not any(better(epoch, -0.1) for epoch in (1, 2, 3))
    assert not math.isnan(replace(earlier[0]).curve[0])


def fit_result(strategy: str, **fields: Any) -> Result:
    """A final trial that is done, as an earlier version wrote it unless ``fields`` say more."""
    timings = dict.fromkeys(Timings.model_fields, 1.0)
    return Result(
        id="t", cell_id="c", status="done", trial={"task": "image_classification", "strategy": {"strategy": strategy}},
        phase="final", seed=1, model="m", dataset="d", strategy=strategy, timings=Timings(**timings), **fields,
    )  # fmt: skip


def test_the_ledger_says_what_was_learned_from_and_what_chose() -> None:
    """Of results from before it was told a probe alone was refitted, and the accuracy chose."""
    tried = (Candidate(hyperparameters={"strength": 1.0}, validation_score=0.4, epochs=0, seconds=1.0),)
    old = [ledger_of([], [fit_result(name, candidates=tried)], "log_loss") for name in ("linear_probe", "knn")]
    assert [one.learned_from for one in old] == ["train and validation", "train"]
    assert [one.selected_by for one in old] == [("accuracy",), ("accuracy",)]
    told = ledger_of([], [fit_result("knn", candidates=tried, refit=True, selected_by="log_loss")], "log_loss")
    assert (told.learned_from, told.selected_by) == ("train and validation", ("log_loss",))


def test_settings_inside_a_fit_are_ranked_in_the_direction_of_the_headline() -> None:
    """The best of two log losses is the lower; of an earlier version's results the scores are accuracies."""
    tried = tuple(
        Candidate(hyperparameters={"strength": score}, validation_score=score, epochs=0, seconds=1.0)
        for score in (0.2, 0.6)
    )
    for selected_by, best in (("log_loss", 0.2), (None, 0.6)):
        finals = [fit_result("knn", candidates=tried, selected_by=selected_by)]
        assert ledger_of([], finals, "log_loss", higher_is_better=False).best == best


def test_the_page_says_one_rule_or_who_is_an_exception() -> None:
    """Printed above the ledger of a run."""
    comparison = make_comparison()
    ledger = comparison.cells[0].ledger
    one, other = (
        ledger.model_copy(update={"learned_from": source, "selected_by": (by,)})
        for source, by in (("train", "log_loss"), ("train and validation", "loss"))
    )
    first, *rest = comparison.cells

    def said(*ledgers: Ledger) -> str:
        cells = [
            cell.model_copy(update={"ledger": found}) for cell, found in zip((first, rest[0]), ledgers, strict=True)
        ]
        return rules_sentence(comparison.model_copy(update={"cells": tuple(cells)}))

    assert said(one, one) == (
        "All models learned from the training examples alone; the validation examples only chose. Inside a fit - "
        "epochs, penalties, numbers of neighbours - log loss chose."
    )
    assert "fitted again on training and validation examples together, for all models" in said(other, other)
    mixed = said(one, other)
    assert f"those of {rest[0].strategy} were fitted again" in mixed
    assert f"the loss ({rest[0].strategy})" in mixed


def written_examples() -> Examples:
    """Two texts of 4 and 10 bytes."""
    bytes_of = np.array([4, 10])
    zeros = np.zeros(2, np.int64)
    tokens = Tokens(np.arange(6, dtype=np.int32), np.array([2, 6]), zeros, zeros > 0, bytes_of, bytes_of)
    return Examples(
        TokenRows(tokens, "causal", 0, 8), zeros, ("a", "b"), texts=lambda index: ("", "x" * bytes_of[index])
    )


def test_an_epoch_of_a_writing_model_is_judged_by_bits_per_byte_and_never_by_written_texts() -> None:
    """The likelihoods are there after each epoch; texts are not, so of BLEU the loss takes the place."""
    from suite.training.objective import TokenCrossEntropy

    sums = np.array([[2.0, 1.0, 2.0], [6.0, 2.0, 4.0]], np.float32)
    validate = TokenCrossEntropy(scores=None).validate
    by_bits, by_bleu = (
        validate(lambda _: lambda _: sums, None, written_examples(), Judge.by(name))
        for name in ("bits_per_byte", "bleu")
    )
    assert by_bits.loss == by_bleu.loss == 8 / 6
    assert by_bits.headline is not None
    assert by_bleu.headline is not None
    assert by_bits.headline.score == pytest.approx(8 / math.log(2) / 14)
    assert by_bleu.headline.score is None
    assert Judge.by("bleu").chose(by_bleu.headline.score) == BY_LOSS
    worse = validate(lambda _: lambda _: 2 * sums, None, written_examples(), Judge.by("bits_per_byte"))
    assert by_bits.rank > worse.rank
