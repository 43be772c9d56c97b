"""The comparison over data sets: who is compared, what is said, and others' published tables."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Mapping

import numpy as np
import pytest
import scikit_posthocs
from conftest import SHARED
from report_sample import make_comparison
from scipy import stats

from suite.cli.leaderboard import print_leaderboard
from suite.compare.across_datasets.records import Across
from suite.compare.across_datasets.summary import Scored, compare_methods, why_missing
from suite.compare.comparison import FailureRecord, PlannedSkip, PlannedTrial

Scores = Mapping[str, Mapping[str, float]]
"""Method to data set to score."""


def scored(table: Scores) -> list[Scored]:
    """Methods whose model has the name and whose strategy is a probe."""
    return [
        Scored(name, "linear_probe", "linear_probe", scores, {dataset: f"{name}-{dataset}" for dataset in scores})
        for name, scores in table.items()
    ]


def across(table: Scores, *, datasets: int, higher: bool = True, reasons: Mapping | None = None) -> Across:
    """The comparison of methods on data sets d0, d1, ..."""
    names = [f"d{index}" for index in range(datasets)]
    return compare_methods(scored(table), names, higher_is_better=higher, reasons=reasons)


def on(*scores: float) -> dict[str, float]:
    """Scores on d0, d1, ..."""
    return {f"d{at}": value for at, value in enumerate(scores)}


def steps(methods: int, datasets: int, *, noise: float = 0.0) -> dict[str, dict[str, float]]:
    """Methods a, b, c, ... that are a hundredth apart, the first best; with noise they change places."""
    dice = np.random.default_rng(0)
    return {
        "abcdefghij"[index]: on(*(0.9 - 0.01 * index + noise * dice.normal() for _ in range(datasets)))
        for index in range(methods)
    }


def test_one_data_set_has_nothing_to_compare_over() -> None:
    """The field is empty and nothing of it is said."""
    assert make_comparison().across is None
    assert make_comparison(models=(), strategies=(), sets=()).across is None


def test_means_cover_the_same_data_sets_for_every_method() -> None:
    """A method that lacks one is listed apart with the reason, and enters no rank."""
    table = steps(3, 4)
    del table["a"]["d2"]
    found = across(table, datasets=4, reasons={("a", "linear_probe", "d2"): "failed: no memory."})
    assert [method.model for method in found.methods] == ["b", "c"]
    assert [method.mean_rank.value for method in found.methods] == [1.0, 2.0]
    assert {(mean.count, mean.of) for one in found.methods for mean in (one.mean_rank, one.score)} == {(4, 4)}
    (apart,) = found.lacking
    assert (apart.model, apart.finished) == ("a", 3)
    assert [(one.dataset, one.reason) for one in apart.missing] == [("d2", "failed: no memory.")]
    assert any(said.startswith("a with linear_probe lacks a data set and is listed") for said in found.sentences)


def test_a_data_set_that_is_hardly_begun_does_not_count() -> None:
    """One of three methods has a score on the fourth: the means are over three of four, and it is said."""
    table = steps(3, 3)
    table["c"]["d3"] = 0.5
    found = across(table, datasets=4)
    assert found.datasets == ("d0", "d1", "d2")
    assert len(found.methods) == 3
    assert (found.methods[0].mean_rank.count, found.methods[0].mean_rank.of) == (3, 4)
    assert found.answer is not None
    assert "on 3 of 4 data sets" in found.answer
    assert any(said.startswith("d3 does not count: 1 of 3 methods") for said in found.sentences)


def test_a_data_set_without_spread_has_no_normalised_score() -> None:
    """It is left out of that mean, which says so, and everybody shares its rank."""
    table = steps(3, 2)
    for scores in table.values():
        scores["d1"] = 0.5
    best = across(table, datasets=2).methods[0]
    assert (best.normalised.value, best.normalised.count, best.normalised.of) == (1.0, 1, 2)
    assert best.ranks == (1.0, 2.0)
    assert best.wins == 2


def test_side_by_side_numbers_of_a_small_table() -> None:
    """By hand: two methods, a tie, a win each way and one more win."""
    table = {"a": on(0.9, 0.5, 0.7, 0.8), "b": on(0.8, 0.6, 0.7, 0.6)}
    found = across(table, datasets=4)
    first, second = found.methods
    assert (first.model, first.mean_rank.value, second.mean_rank.value) == ("a", 1.375, 1.625)
    assert (first.win_rate.value, second.win_rate.value) == (0.625, 0.375)
    assert (first.wins, second.wins) == (3, 2)
    assert first.score.value == pytest.approx(0.725)
    assert (first.normalised.value, first.normalised.count) == (pytest.approx(2 / 3), 3)
    assert first.z_score.value == pytest.approx(1 / 3)
    assert [(pair.wins, pair.ties, pair.losses) for pair in found.pairs] == [(2, 1, 1)]


def test_a_loss_ranks_downwards() -> None:
    """The lowest score is the best, also for normalised scores and z-scores."""
    found = across(steps(3, 7), datasets=7, higher=False)
    assert [method.model for method in found.methods] == ["c", "b", "a"]
    assert found.methods[0].normalised.value == 1.0
    assert (found.methods[0].z_score.value or 0) > 0
    assert all(pair.favours == "first" for pair in found.pairs)


def test_the_order_of_methods_changes_nothing() -> None:
    """Not even where they are tied."""
    table = steps(4, 8, noise=0.01) | {"twin": steps(4, 8, noise=0.01)["b"]}
    turned = dict(reversed(table.items()))
    assert across(table, datasets=8) == across(turned, datasets=8)


def test_too_few_data_sets_are_a_sentence_instead_of_a_test() -> None:
    """Below six there is no test at all; ranks and means stay."""
    found = across(steps(3, 5), datasets=5)
    assert (found.friedman, found.nemenyi) == (None, None)
    assert {pair.p_holm for pair in found.pairs} == {None}
    (said,) = found.sentences
    assert said.startswith("5 data sets are too few for a test")
    assert "p = 0.062" in said
    assert "takes 7" in said
    assert found.answer == (
        "Across data sets, a, with a linear probe, comes out best: mean rank 1.00 of 3 methods, on 5 of 5 data sets; "
        "5 data sets are too few to test it against the others."
    )


def test_more_pairs_need_more_data_sets() -> None:
    """Six do for Friedman and Nemenyi, not for ten pairs and Holm's correction."""
    found = across(steps(5, 6), datasets=6)
    assert found.friedman is not None
    assert found.nemenyi is not None
    assert not any(pair.different for pair in found.pairs)
    assert any("can be told apart from 9 data sets on; there are 6" in said for said in found.sentences)


def test_two_methods_have_a_pairwise_test_only() -> None:
    """Friedman needs three; six wins in a row tell two apart."""
    found = across(steps(2, 6), datasets=6)
    assert (found.friedman, found.nemenyi) == (None, None)
    assert found.pairs[0].p_value == pytest.approx(2 / 2**6)
    assert found.pairs[0].different
    assert found.answer is not None
    assert found.answer.endswith("; it can be told apart from the other.")


def test_a_shared_best_mean_rank_is_said() -> None:
    """Nobody is called the best who is not."""
    table = {"a": on(0.9, 0.5), "b": on(0.5, 0.9), "c": on(0.1, 0.1)}
    found = across(table, datasets=2)
    assert [method.place for method in found.methods] == [1, 1, 3]
    assert found.answer is not None
    assert "a, with a linear probe, and b, with a linear probe, share the best mean rank: 1.50 of 3" in found.answer


@pytest.mark.parametrize("done", [{}, {"a": {"d0": 0.5}, "b": {}}, {"a": {"d0": 0.5}, "b": {"d1": 0.5}}])
def test_nothing_to_compare_is_said(done: Scores) -> None:
    """No method, no answer, one sentence; never a 0."""
    found = across(done, datasets=2)
    assert (found.methods, found.answer, found.pairs) == ((), None, ())
    assert len(found.sentences) >= 1
    assert found.sentences[0].startswith("Nothing can be compared over data sets")


def test_why_a_score_is_missing() -> None:
    """A cell that cannot be run says so; one that may still come is not there yet; else what happened last."""
    failure = FailureRecord(
        trial_id="t", cell_id="k", model="vgg_tiny", dataset="digits_photo", strategy="knn", seed=1, phase="final",
        status="diverged", reason="the loss became nan.", log_tail="",
    )  # fmt: skip
    skip = PlannedSkip(cell_id="s", model="a", dataset="d", strategy="knn", reason="it has no stages.")
    assert why_missing([failure], [], []) == {("vgg_tiny", "knn", "digits_photo"): "diverged: the loss became nan."}
    planned = PlannedTrial(
        trial_id="u", cell_id="k", model="vgg_tiny", dataset="digits_photo", strategy="knn", strategy_name="knn",
        phase="final", seed=2,
    )  # fmt: skip
    found = why_missing([failure], [skip], [planned])
    assert found[("vgg_tiny", "knn", "digits_photo")] == "not there yet"
    assert found[("a", "knn", "d")] == "skipped: it has no stages."


def test_the_terminal_says_it_before_the_single_answers(capsys) -> None:
    """And names the data set of each of those; with one data set nothing is added."""
    comparison = make_comparison(datasets=("one", "two"))
    print_leaderboard(comparison)
    printed = capsys.readouterr().out
    assert printed.index(comparison.across.answer) < printed.index(f"one: {comparison.recommendations[0].take}")
    print_leaderboard(make_comparison())
    assert "\nTake " in capsys.readouterr().out


def vtab(examples: str) -> dict[str, dict[str, float]]:
    """Top-1 accuracy of 16 methods on 19 data sets, fine-tuned on 1,000 or on all examples (arXiv:1910.04867)."""
    with (SHARED / "reference" / "vtab" / "results.csv").open(encoding="utf-8") as file:
        kinds, names, _, *rows = csv.reader(file)
    places = [at for at, kind in enumerate(kinds) if kind == examples]
    return {row[0]: {names[at]: float(row[at]) / 100 for at in places} for row in rows}


def tll() -> dict[str, dict[str, float]]:
    """Fine-tuned accuracy of 10 ImageNet models on 8 data sets (Transfer Learning Library)."""
    text = (SHARED / "reference" / "tll" / "model_selection.README.md").read_text(encoding="utf-8")
    table: dict[str, dict[str, float]] = {}
    for block in text.split("#### Model Ranking Benchmark on ")[1:]:
        for model, accuracy in re.findall(r"^\| (\w[\w ]*?) *\| *(\d+\.\d+) *\|", block, re.MULTILINE):
            table.setdefault(model, {})[block.split()[0]] = float(accuracy) / 100
    return table


@pytest.mark.shared
@pytest.mark.parametrize("name", ["vtab 1000", "vtab full", "tll"])
def test_published_tables_have_the_ranks_of_the_libraries(name: str) -> None:
    """Ranks, Friedman, Nemenyi and Wilcoxon as SciPy and scikit-posthocs compute them from the same table."""
    table = tll() if name == "tll" else vtab(name.split()[1])
    datasets = list(next(iter(table.values())))
    assert (len(table), len(datasets)) == ((10, 8) if name == "tll" else (16, 19))
    found = compare_methods(scored(table), datasets, higher_is_better=True)
    models = [method.model for method in found.methods]
    values = np.array([[table[model][dataset] for model in models] for dataset in datasets])
    ranks = stats.rankdata(-values.round(10), axis=1)
    assert np.allclose(np.array([method.ranks for method in found.methods]).T, ranks)
    means = [method.mean_rank.value for method in found.methods]
    assert means == pytest.approx(ranks.mean(axis=0))
    assert means == sorted(means)
    wanted = stats.friedmanchisquare(*ranks.T)
    assert found.friedman is not None
    assert (found.friedman.chi_square, found.friedman.chi_square_p) == pytest.approx(tuple(wanted))
    nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(ranks).to_numpy()
    assert [pair.p_nemenyi for pair in found.pairs] == pytest.approx(
        [nemenyi[pair] for pair in itertools.combinations(range(len(models)), 2)], abs=1e-6
    )


@pytest.mark.shared
def test_vtab_says_what_its_authors_say() -> None:
    """With all examples: supervised and self-supervised together first, generative models last, far apart."""
    found = compare_methods(scored(vtab("full")), list(vtab("full")["VAE"]), higher_is_better=True)
    assert {method.model for method in found.methods[:2]} == {"Sup-Rotation-100%", "Sup-Exemplar-100%"}
    assert {method.model for method in found.methods[-2:]} == {"WAE-GAN", "WAE-UKL"}
    assert found.nemenyi is not None
    assert 5.2 < found.nemenyi.critical_difference < 5.4
    worst = next(pair for pair in found.pairs if (pair.first, pair.second) == (0, 15))
    assert worst.different
    assert (worst.p_nemenyi or 0) < 0.001


@pytest.mark.shared
def test_tll_has_too_few_data_sets_for_its_pairs() -> None:
    """Eight data sets and 45 pairs: Friedman tells the models apart, Wilcoxon with Holm could not."""
    found = compare_methods(scored(tll()), list(tll()["ResNet50"]), higher_is_better=True)
    assert found.friedman is not None
    assert found.friedman.p_value < 0.001
    assert any("from 11 data sets on; there are 8" in said for said in found.sentences)
    assert found.answer is not None
    assert "mean rank" in found.answer
    assert "8 of 8 data sets" in found.answer
