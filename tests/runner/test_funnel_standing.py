"""How the funnel stands with some results: who waits, who is left out, whatever the order in which they came."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_generations import generations_of

from suite.compare.funnel import summarise_funnel
from suite.compare.planned import summarise_plan
from suite.runner.funnel_state import standing_of
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.store.records.result import Predictions, Profile, Result, Score, Timings

MODELS = ("resnet_tiny", "vgg_tiny", "vit_tiny", "mobilenet_025")
FEATURES = dict(zip(MODELS, (0.8, 0.7, 0.3, 0.2), strict=True))
SIZES = dict(zip(MODELS, (4, 3, 2, 1), strict=True))


def plan_of(**changes):
    """Four models, a probe and fine-tuning, two seeds."""
    document = {
        "name": "small",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": name} for name in MODELS],
        "datasets": [{"source": "sklearn", "name": "digits_photo"}],
        "strategies": [{"strategy": "linear_probe"}, {"strategy": "fine_tune"}],
        "training": {"epochs": 4},
        "seeds": [1, 2],
        "funnel": {},
    }
    return make_plan(parse_spec(json.dumps(document | changes)))


def result_of(trial, *, status="done", validation=None):
    """A result as a worker would give it: the better the features, the better the fit; fine-tuning beats the probe."""
    model, dataset, strategy = trial.cell.labels
    score = FEATURES[model] + (0.15 if strategy.startswith("fine_tune") else 0.0)
    is_rank = trial.phase == "rank"
    size = SIZES[model] * 1_000_000
    return Result(
        id=trial.id, cell_id=trial.cell.id, status=status, reason=None if status == "done" else "as asked",
        trial=trial.as_json(), phase=trial.phase, seed=trial.seed, model=model, dataset=dataset, strategy=strategy,
        scores={} if is_rank else {"validation": {"accuracy": Score(value=validation or score)}},
        estimates={"linear_probe": Score(value=score), "leep": Score(value=None, reason="no head.")} if is_rank else {},
        profile=Profile(
            parameters=size // 4, trainable_parameters=1, macs=1, size_bytes=size, latency_ms_p50=1.0,
            latency_ms_p95=1.0, throughput_per_second=1.0, peak_memory_bytes=1, device="CPU",
        ) if is_rank else None,
        timings=Timings(
            fit_seconds=1.0, compile_seconds=0.0, validation_seconds=0.0, seconds_to_best=1.0, features_seconds=0.0,
            examples_per_second=None, total_seconds=2.0,
        ),
    )  # fmt: skip


def predictions_of(result, _name):
    """Two hundred examples, right as often as the score says."""
    right = np.arange(200) < 200 * result.scores["validation"]["accuracy"].value
    targets = np.zeros(200, dtype=np.int64)
    probabilities = np.where(right[:, None], [[0.9, 0.1]], [[0.1, 0.9]]).astype(np.float32)
    return Predictions(np.arange(200).astype(str), targets, probabilities, ("a", "b"))


def standing(plan, results):
    """How the funnel stands."""
    found = {result.id: result for result in results}
    return standing_of(plan, found, headline="accuracy", load_predictions=predictions_of)


def standing_of_writers(plan, results):
    """The same, where models write and fewer bits per byte are better."""
    found = {}
    for result in results:
        scores = {
            name: {"bits_per_byte": Score(value=2 - one["accuracy"].value)} for name, one in result.scores.items()
        }
        found[result.id] = result.model_copy(update={"scores": scores})
    return standing_of(plan, found, headline="bits_per_byte", load_predictions=texts_of)


def texts_of(result, _name):
    """Two hundred references of eight bytes, as likely as the score says."""
    bits = 8 * result.scores["validation"]["bits_per_byte"].value + np.linspace(-0.2, 0.2, 200)
    return generations_of(["text"] * 200, ["eightlet"] * 200, (bits * np.log(2)).tolist())


def run_out(plan, stand=standing, **endings):
    """Every trial that the funnel lets start, one after another, until nothing is left."""
    results = []
    while True:
        now = stand(plan, results)
        done = {result.id for result in results}
        left = [t for t in plan.trials if t.id not in done and now.left_out(t) is None]
        ready = [t for t in left if not now.waits(t)]
        if not left:
            return now, results
        assert ready, "a funnel that lets nothing start would wait for ever"
        results.append(result_of(ready[0], **endings))


def test_at_first_only_the_features_are_looked_at():
    """Everything else waits."""
    plan = plan_of()
    now = standing(plan, [])
    assert {trial.phase for trial in plan.trials if not now.waits(trial)} == {"rank"}


def test_the_models_with_the_worse_features_go_no_further():
    """Half of four go on; the others are left out with place and bar in the reason."""
    plan = plan_of()
    now = standing(plan, [result_of(t) for t in plan.trials if t.phase == "rank"])
    gone = {t.cell.labels[0] for t in plan.trials if now.left_out(t)}
    assert gone == {"vit_tiny", "mobilenet_025"}
    reason = next(reason for t in plan.trials if (reason := now.left_out(t)))
    assert reason.startswith("linear probe 0.300, place 3 of 4; the best 2 models go on")


def test_a_run_through_the_funnel_fits_in_full_what_can_still_win():
    """Two cells pass the short fits; one of them is clearly worse after a full one, and loses its second seed."""
    plan = plan_of()
    now, results = run_out(plan)
    finals = [(r.model, r.strategy, r.seed) for r in results if r.phase == "final"]
    assert sorted(finals) == [
        ("resnet_tiny", "fine_tune: all", 1),
        ("resnet_tiny", "fine_tune: all", 2),
        ("vgg_tiny", "fine_tune: all", 1),
    ]
    assert all(stage.decided for one in now.state.datasets for stage in one.stages)


def test_fewer_bits_win_where_models_write():
    """The same models go on where the headline is better the lower it is."""
    plan = plan_of()
    _, by_classes = run_out(plan)
    _, by_texts = run_out(plan, standing_of_writers)
    assert {(r.model, r.strategy) for r in by_texts if r.phase == "final"} == {
        (r.model, r.strategy) for r in by_classes if r.phase == "final"
    }


@settings(max_examples=25, deadline=None)
@given(st.randoms())
def test_the_order_in_which_results_come_does_not_matter(random):
    """The same results give the same standing."""
    plan = plan_of()
    _, results = run_out(plan)
    shuffled = random.sample(results, len(results))
    assert standing(plan, shuffled).state == standing(plan, results).state


def test_a_model_over_a_limit_is_out_before_features_count():
    """The largest has the best features, and is over the limit."""
    plan = plan_of(constraints={"max_size_mb": 3.5})
    now = standing(plan, [result_of(t) for t in plan.trials if t.phase == "rank"])
    limits, rank = now.state.datasets[0].stages[:2]
    assert [drop.model for drop in limits.drops] == ["resnet_tiny"]
    assert "size 4 MB is over the limit of 3.5 MB (constraints.max_size_mb)" in limits.drops[0].reason
    assert [drop.model for drop in rank.drops] == ["mobilenet_025"]


def test_where_limits_exclude_everything_they_are_named():
    """With how many they exclude and the nearest."""
    plan = plan_of(constraints={"max_size_mb": 0.5})
    results = {t.id: result_of(t) for t in plan.trials if t.phase == "rank"}
    state = standing(plan, results.values()).state
    (summary,) = summarise_funnel(summarise_plan(plan, funnel=state), results, (), higher_is_better=True)
    assert (
        "constraints.max_size_mb 0.5 MB excludes 4 of 4 models; the least is 1 MB, of mobilenet_025" in summary.nobody
    )


def test_without_a_source_head_leep_drops_nobody_and_says_so():
    """A stage that cannot judge is skipped with the reason."""
    plan = plan_of(funnel={"rank": {"by": "leep"}})
    now = standing(plan, [result_of(t) for t in plan.trials if t.phase == "rank"])
    (rank,) = [stage for stage in now.state.datasets[0].stages if stage.kind == "rank"]
    assert not rank.drops
    assert rank.remark == "no head. So nobody was dropped by LEEP."


def test_a_failed_look_at_features_drops_the_model():
    """With what its trial said."""
    plan = plan_of()
    ranks = [t for t in plan.trials if t.phase == "rank"]
    now = standing(plan, [result_of(ranks[0], status="failed"), *(result_of(t) for t in ranks[1:])])
    drops = {drop.model: drop.reason for drop in now.state.datasets[0].stages[0].drops}
    assert drops["resnet_tiny"] == "its trial failed: as asked"


def test_the_summary_says_what_was_saved_and_how_well_a_stage_predicted():
    """Trials and seconds, with those left out judged by comparable fits."""
    plan = plan_of()
    now, results = run_out(plan)
    by_id = {result.id: result for result in results}
    planned = summarise_plan(plan, funnel=now.state)
    (summary,) = summarise_funnel(planned, by_id, (), higher_is_better=True)
    assert summary.decided
    assert summary.trials_run + summary.trials_left_out == len(plan.trials)
    assert summary.seconds_spent == 2.0 * len(results)
    assert summary.seconds_full >= 2.0 * sum(t.phase == "final" for t in plan.trials)
    assert [one.model for one in summary.models] == list(MODELS)
    assert summary.stages[0].predicted == "first epoch"
