"""By what rule the funnel drops a model, and how a spec asks for it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import SpecError
from suite.metrics.transferability.noise import wilson
from suite.spec.funnel.rules import Judged, behind, clearly_worse, over_limits, paired, spared, unpaired
from suite.spec.funnel.settings import FEWEST_KEPT, ShortSpec, rungs_of
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.spec.trial_selection import select
from suite.store.records.result import Profile

SPEC = {
    "name": "small",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": name} for name in ("resnet_tiny", "vgg_tiny", "vit_tiny")],
    "datasets": [{"source": "sklearn", "name": "digits_photo"}],
    "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune", "learning_rate": [0.1, 0.01, 0.001]}],
    "training": {"epochs": 8},
    "funnel": {},
}
PROFILE = Profile(
    parameters=1_000, trainable_parameters=10, macs=2_000_000, size_bytes=4_000, latency_ms_p50=3.0,
    latency_ms_p95=4.0, throughput_per_second=100.0, peak_memory_bytes=None, device="CPU",
)  # fmt: skip


def planned(**changes):
    """The plan of the small spec with changes."""
    return make_plan(parse_spec(json.dumps(SPEC | changes)))


def judged(scores):
    """Entrants with these scores."""
    return [Judged(f"m{index}", score, f"{score}") for index, score in enumerate(scores)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 1.0))
def test_the_better_share_goes_on_and_nobody_better_is_dropped(scores, keep):
    """At least the share is kept, never fewer than two, and everyone dropped is below everyone kept."""
    dropped = behind(judged(scores), keep, what="accuracy", who="models")
    kept = [score for index, score in enumerate(scores) if f"m{index}" not in dropped]
    gone = [score for index, score in enumerate(scores) if f"m{index}" in dropped]
    assert len(kept) >= min(len(scores), max(FEWEST_KEPT, math.ceil(keep * len(scores))))
    assert not gone or max(gone) < min(kept)


def test_who_has_no_score_is_dropped_with_the_reason():
    """A fit that diverged goes no further, and its reason is what the report shows."""
    dropped = behind([*judged([0.5, 0.6]), Judged("bad", None, reason="it diverged.")], 0.5, what="x", who="models")
    assert dropped == {"bad": "it diverged."}


def test_the_reason_names_score_place_and_bar():
    """What came, what place that is, and what was needed."""
    (reason,) = behind(judged([0.9, 0.8, 0.1]), 0.5, what="accuracy", who="models").values()
    assert reason == "accuracy 0.1, place 3 of 3; the best 2 models go on, the last of them with 0.8."


def test_a_model_is_over_a_limit_by_what_was_measured():
    """Each broken limit is said with both numbers and its name in the spec."""
    assert over_limits(PROFILE, {"max_latency_ms": 3.0, "max_size_mb": 1.0}) is None
    reason = over_limits(PROFILE, {"max_latency_ms": 2.5, "max_macs": 1_000_000})
    assert "latency 3 ms is over the limit of 2.5 ms (constraints.max_latency_ms)" in reason
    assert "MACs 2,000,000 is over the limit of 1,000,000" in reason


def test_what_was_not_measured_keeps_no_limit():
    """A missing number is not a small one."""
    unknown = PROFILE.model_copy(update={"latency_ms_p50": None})
    assert "was not measured" in over_limits(unknown, {"max_latency_ms": 5.0})


def test_only_what_is_worse_beyond_chance_loses_its_seeds():
    """Paired on the same resamples: a clear gap drops, a gap within its error does not, no predictions never."""
    noise = np.random.default_rng(0).normal(0, 0.02, 2_000)
    resampled = {"m0": 0.9 + noise, "m1": 0.89 + noise[::-1], "m2": 0.6 + noise}
    dropped = clearly_worse(judged([0.9, 0.89, 0.6, 0.1]), resampled, 0.99, what="accuracy")
    assert set(dropped) == {"m2"}


@pytest.mark.parametrize(
    ("epochs", "rungs"), [(1, ()), (2, (1,)), (4, (1,)), (8, (1, 2)), (30, (1, 2, 4, 8)), (100, (1, 2, 4, 8, 16, 32))]
)
def test_rungs_double_up_to_a_third_of_a_full_fit(epochs, rungs):
    """Left out, they follow from the length of a full fit; a fit of one epoch has none."""
    assert rungs_of(ShortSpec(), epochs) == rungs


def test_the_plan_holds_every_stage():
    """One rank trial a model, short fits at each rung, of a probe once, then all that may come."""
    plan = planned()
    phases = [(t.cell.strategy.strategy, t.epochs) for t in plan.trials if t.phase == "short"]
    assert sum(t.phase == "rank" for t in plan.trials) == 3
    assert phases.count(("fine_tune", 1)) == phases.count(("fine_tune", 2)) == 3
    assert phases.count(("linear_probe", 1)) == 3
    assert ("linear_probe", 2) not in phases


def test_a_short_fit_takes_the_candidate_in_the_middle():
    """Of a list of learning rates neither the first nor the last."""
    assert {t.candidate["learning_rate"] for t in planned().trials if t.phase == "short" and t.candidate} == {0.01}


def test_a_funnel_changes_no_other_trial():
    """Finals and searches keep their ids, so that what ran without a funnel counts with one."""
    with_funnel = {t.id for t in planned().trials if t.phase in {"search", "final"}}
    assert with_funnel == {t.id for t in planned(funnel=None).trials}


def test_the_limits_are_part_of_a_rank_trial_and_of_no_other():
    """A model over the limits has no features, so other limits are another look."""
    before, after = planned(), planned(constraints={"max_size_mb": 1.0})
    ranks = [{t.id for t in plan.trials if t.phase == "rank"} for plan in (before, after)]
    others = [{t.id for t in plan.trials if t.phase != "rank"} for plan in (before, after)]
    assert not ranks[0] & ranks[1]
    assert others[0] == others[1]


def test_a_selection_brings_what_decides_about_it():
    """Asking for one model brings its look at features and its short fits."""
    chosen = select(planned(), ("model=vgg_tiny", "phase=final"))
    assert {t.phase for t in chosen.trials} == {"rank", "short", "search", "final"}
    assert {t.cell.labels[0] for t in chosen.trials} == {"vgg_tiny"}


@pytest.mark.parametrize(
    ("funnel", "said"),
    [
        ({"rank": {"by": "logmee"}}, r"funnel.rank.by: .*Did you mean 'logme'"),
        (
            {"rank": {"estimators": ["knn", "nope"]}},
            r"funnel.rank.estimators: unknown transferability estimator 'nope'",
        ),
        ({"rank": {"by": "knn", "estimators": ["logme"]}}, "is not among the 'estimators'"),
        ({"short": {"epochs": [4, 2]}}, "expected ascending numbers of epochs"),
        ({"short": {"epochs": [2, 8]}}, "funnel.short.epochs: 8 is no short fit, since a full one has 8 epochs"),
        ({"rank": {"keep": 0}}, "funnel.rank.keep"),
        ({"sort": {}}, "funnel.sort"),
    ],
)
def test_a_funnel_that_makes_no_sense_is_refused(funnel, said):
    """With the place, what was expected and the nearest name."""
    with pytest.raises(SpecError, match=said):
        planned(funnel=funnel)


def test_label_budgets_and_a_funnel_are_refused_together():
    """What a model does with all labels says little of few."""
    with pytest.raises(SpecError, match="train_examples: a funnel drops models by what they do with all labels"):
        planned(train_examples=[5, "all"])


def test_four_of_165_examples_drop_nobody():
    """The estimates are shares of examples; what their intervals cannot tell apart goes on, and is named."""
    entrants = []
    for place, right in enumerate((150, 149, 145, 100)):
        low, high = wilson(right / 165, 165)
        entrants.append(Judged(f"m{place}", right / 165, f"{right / 165:.3f}", half=(high - low) / 2))
    dropped = behind(entrants, 0.5, what="linear probe", who="models", noise=unpaired(entrants))
    assert list(dropped) == ["m3"]
    assert spared(entrants, 0.5, unpaired(entrants)) == ("m2",)


def test_paired_scores_tell_smaller_differences_apart():
    """Two fits that err on the same examples differ by what they do on the others."""
    together = np.random.default_rng(0).normal(0, 0.1, 500)
    resampled = {"m0": 0.9 + together, "m1": 0.89 + together, "m2": 0.85 + together + 1e-3 * together[::-1]}
    dropped = behind(judged([0.9, 0.89, 0.85]), 0.5, what="accuracy", who="fits", noise=paired(resampled))
    assert list(dropped) == ["m2"]


def test_a_reason_never_shows_two_equal_numbers():
    """More digits, where three would look the same: of scores, and of a limit."""
    close = [Judged("a", 0.91, "0.910"), Judged("b", 0.9004, "0.900"), Judged("c", 0.9001, "0.900")]
    (reason,) = behind(close, 0.5, what="accuracy", who="models").values()
    assert "0.9001, place 3" in reason
    assert "0.9004." in reason
    over = over_limits(PROFILE.model_copy(update={"latency_ms_p50": 6.910004}), {"max_latency_ms": 6.91})
    assert over is not None
    assert "6.910004 ms is over the limit of 6.91 ms" in over
