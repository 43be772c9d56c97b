"""Costs that decide: only beyond their spread, in a fixed order, by exported files where there are any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exports_sample import make_card, measured

from suite.compare.cell import CellSummary, FileLatency, Ledger, ProfileSummary, TimingsSummary
from suite.compare.costs import Cheapest, Cost, cheapest, dearer, is_worth_saying, why_cheaper
from suite.compare.exports import with_file_latencies
from suite.compare.ranking import info_of
from suite.compare.shared_costs import block_range, disturbed_remarks, with_shared_costs
from suite.compare.summaries import profile_of, spread, timings_of
from suite.metrics import metrics_named
from suite.report.tables import latency_box
from suite.store.records.export_card import Difference
from suite.store.records.result import Profile, Result, Timings

SEEDS = (1, 2, 3)
MACHINE_REFERENCE_MS = 1.7


def result(model: str, strategy: str, seed: int, profile: Profile | None, training_seconds: float) -> Result:
    """A finished trial with nothing in it but what it cost."""
    timings = Timings(
        fit_seconds=training_seconds, compile_seconds=0, validation_seconds=0, seconds_to_best=0, features_seconds=0,
        examples_per_second=None, total_seconds=training_seconds,
    )  # fmt: skip
    cell = f"{model}/{strategy}"
    return Result(
        id=f"{cell}/{seed}", cell_id=cell, status="done", trial={}, phase="final", seed=seed, model=model,
        dataset="digits", strategy=strategy, profile=profile, timings=timings,
    )  # fmt: skip


def profile(parameters: int, latency_ms: float, **more: Any) -> Profile:
    """What a model costs on one device."""
    return Profile(
        parameters=parameters, trainable_parameters=1, macs=10 * parameters, size_bytes=4 * parameters,
        latency_ms_p50=latency_ms, latency_ms_p95=latency_ms, throughput_per_second=1.0, peak_memory_bytes=None,
        device="CPU (1 thread)", **more,
    )  # fmt: skip


def cells_of(results: list[Result]) -> list[CellSummary]:
    """What a comparison makes of trials, as far as costs go; in the order of their coming."""
    shared = with_shared_costs(results)
    by_cell: dict[str, list[Result]] = {}
    for one in shared:
        by_cell.setdefault(one.cell_id, []).append(one)
    return [cell(trials[0], profile_of(trials), timings_of(trials)) for trials in by_cell.values()]


def cell(first: Result, costs: ProfileSummary | None, timings: TimingsSummary | None, **more: Any) -> CellSummary:
    """A cell that has nothing but costs."""
    return CellSummary.model_construct(
        cell_id=first.cell_id, model=first.model, dataset=first.dataset, strategy=first.strategy,
        strategy_name=first.strategy.partition(":")[0], profile=costs, timings=timings, files=more.get("files", ()),
        ledger=Ledger.model_construct(),
    )  # fmt: skip


def noisy(rng: np.random.Generator, parameters: int, latency_ms: float) -> Profile:
    """One trial on a machine that is eight times slower in one of eight, which the reference sees."""
    slow = float(rng.choice([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 8.0])) * rng.lognormal(0, 0.08)
    blocks = latency_ms * slow * rng.lognormal(0, 0.08, 3)
    reference = MACHINE_REFERENCE_MS * slow * rng.lognormal(0, 0.05, 3)
    disturbed = "5 threads wanted the 2 cores" if slow > 4 and rng.random() < 0.5 else None
    return profile(
        parameters, float(np.median(blocks)), latency_ms_blocks=tuple(blocks),
        reference_ms_blocks=tuple(reference), disturbed=disturbed,
    )  # fmt: skip


TRUE = {
    ("resnet_tiny", "linear_probe"): (308_000, 6.9, 1.2),
    ("resnet_tiny", "knn"): (310_000, 6.9, 1.1),
    ("resnet_tiny", "fine_tune: all"): (308_000, 6.9, 30.0),
    ("vgg_tiny", "linear_probe"): (242_000, 20.7, 1.0),
}
"""Parameters, ms and seconds of training of four cells that score the same."""


def a_run(rng: np.random.Generator) -> Cheapest:
    """What one run of these cells says, with the times that it happens to measure."""
    made = [
        result(model, strategy, seed, noisy(rng, parameters, latency), seconds * rng.lognormal(0, 0.1))
        for (model, strategy), (parameters, latency, seconds) in TRUE.items()
        for seed in SEEDS
    ]
    return cheapest(cells_of(made))


def test_the_answer_is_the_same_however_often_a_run_is_resumed() -> None:
    """Three hundred runs of the same trials, each with other times: the same cell, decided by the same cost."""
    rng = np.random.default_rng(0)
    answers = {(found.cell.cell_id, found.by) for found in (a_run(rng) for _ in range(300))}
    assert answers == {("resnet_tiny/linear_probe", "training_time")}


def test_a_run_that_is_killed_and_resumed_gives_the_same_answer() -> None:
    """Of one run some trials are measured again, at another time, twenty times over."""
    rng = np.random.default_rng(1)
    kept = {
        (key, seed): result(*key, seed, noisy(rng, parameters, latency), seconds)
        for key, (parameters, latency, seconds) in TRUE.items()
        for seed in SEEDS
    }
    answers = set()
    for _ in range(20):
        for key, seed in list(kept):
            if rng.random() < 0.3:
                parameters, latency, seconds = TRUE[key]
                kept[key, seed] = result(*key, seed, noisy(rng, parameters, latency), seconds * rng.lognormal(0, 0.1))
        answers.add(cheapest(cells_of(list(kept.values()))).cell.cell_id)
    assert answers == {"resnet_tiny/linear_probe"}


def test_three_measurements_of_one_graph_that_differ_decide_nothing() -> None:
    """45.5, 5.7 and 10.1 ms against 15 ms: not faster, though the median is; the smaller model is taken."""
    unsure = [
        result("a", "knn", seed, profile(200, ms), 1.0) for seed, ms in zip(SEEDS, (45.5, 5.7, 10.1), strict=True)
    ]
    steady = [result("b", "knn", seed, profile(100, 15.0 + seed / 10), 1.0) for seed in SEEDS]
    found = cheapest(cells_of([*unsure, *steady]))
    assert (found.cell.model, found.by) == ("b", "parameters")
    assert why_cheaper(found.cell, found.cell, found.lost["a/knn"])[0] == "it has 2.0 times fewer parameters"


def test_a_latency_beyond_its_spread_decides() -> None:
    """Before parameters, and with both numbers."""
    quick = [result("a", "knn", seed, profile(200, 5.0 + seed / 10), 1.0) for seed in SEEDS]
    slow = [result("b", "knn", seed, profile(100, 15.0 + seed / 10), 1.0) for seed in SEEDS]
    found = cheapest(cells_of([*quick, *slow]))
    assert (found.cell.model, found.by) == ("a", "latency")
    assert why_cheaper(found.cell, found.cell, found.lost["b/knn"]) == (
        "it answers 2.9 times faster", {"times": pytest.approx(15.2 / 5.2)},
    )  # fmt: skip
    assert dearer(found.lost["b/knn"]) == "but answers in 15.2\u202fms instead of 5.2\u202fms"


@pytest.mark.parametrize(
    ("none", "said"),
    [
        ((0, 1.0, 1.0), "the other has 100 parameters instead of 0"),
        ((100, 0.0, 1.0), "the other answers in 1\u202fms instead of 0\u202fms"),
        ((100, 1.0, 0.0), "the other trains for 1.0\u202fs instead of 0\u202fms"),
        ((100, 1e-320, 1.0), "the other answers in 1\u202fms instead of 1e-320\u202fms"),
    ],
)
def test_a_cost_of_nothing_decides_with_both_numbers(none: tuple[int, float, float], said: str) -> None:
    """There is no number of times that nothing is less."""
    costs = {"a": none, "b": (100, 1.0, 1.0)}
    two = [result(model, "knn", 1, profile(size, ms), taken) for model, (size, ms, taken) in costs.items()]
    found = cheapest(cells_of(two))
    assert why_cheaper(found.cell, found.cell, found.lost["b/knn"]) == (said, {})


def test_a_time_that_was_measured_once_decides_only_where_it_is_far_less() -> None:
    """Nothing is known of its spread: three times is no reason, five times is."""
    for times, by in ((3.0, "parameters"), (5.0, "latency")):
        two = [result("a", "knn", 1, profile(200, 1.0), 1.0), result("b", "knn", 1, profile(100, times), 1.0)]
        assert cheapest(cells_of(two)).by == by


def test_the_simpler_strategy_is_taken_where_no_cost_decides() -> None:
    """Equal numbers are no reason: it says that the costs are the same."""
    trials = [
        result("a", strategy, seed, profile(100, 6.91), 2.0 + seed / 10)
        for strategy in ("fine_tune: all", "linear_probe")
        for seed in SEEDS
    ]
    found = cheapest(cells_of(trials))
    assert (found.cell.strategy, found.by) == ("linear_probe", "simplicity")
    other = next(one for one in cells_of(trials) if one.strategy_name == "fine_tune")
    why, numbers = why_cheaper(found.cell, other, found.lost[other.cell_id])
    assert why == "their costs cannot be told apart either, and its strategy is the simpler one"
    assert numbers == {}
    assert dearer(found.lost[other.cell_id]) == "and costs the same"


def test_what_was_not_measured_of_any_leaves_the_score_to_decide() -> None:
    """The first by rank."""
    bare = [cell(result(model, "knn", 1, None, 1.0), None, None) for model in ("z", "a")]
    found = cheapest(bare)
    assert (found.cell.model, found.by) == ("z", "rank")


def test_exported_files_decide_where_all_have_one() -> None:
    """0.67 against 15.9 ms in Keras, 0.192 and 0.170 ms as files of one format: latency decides nothing."""
    two = cells_of([result("a", "knn", 1, profile(200, 0.67), 1.0), result("b", "knn", 1, profile(100, 15.9), 1.0)])
    assert cheapest(two).cell.model == "a"
    files = (0.192, 0.170)
    shipped = [one.model_copy(update={"files": (file(ms),)}) for one, ms in zip(two, files, strict=True)]
    found = cheapest(shipped)
    assert (found.cell.model, found.by) == ("b", "parameters")
    assert cheapest([shipped[0], two[1]]).cell.model == "a", "one file alone is compared with nothing"


def test_a_reason_from_files_says_so() -> None:
    """The sentence names the file, not the Keras model."""
    two = cells_of([result("a", "knn", 1, profile(200, 5.0), 1.0), result("b", "knn", 1, profile(100, 5.0), 1.0)])
    shipped = [one.model_copy(update={"files": (file(ms),)}) for one, ms in zip(two, (0.2, 0.8), strict=True)]
    found = cheapest(shipped)
    assert why_cheaper(found.cell, two[1], found.lost["b/knn"])[0] == "its exported file answers 4.0 times faster"
    assert dearer(found.lost["b/knn"]) == "but as an exported file answers in 0.8\u202fms instead of 0.2\u202fms"


def file(latency_ms: float) -> FileLatency:
    """An ONNX file that was measured in quiet."""
    low, high = 0.98 * latency_ms, 1.03 * latency_ms
    return FileLatency(format="onnx", device="CPU", threads=1, latency_ms=latency_ms, low=low, high=high)


def test_what_a_busy_machine_took_long_for_may_be_fast() -> None:
    """Three times as long is no reason there, six times is."""
    for times, by in ((3.0, "parameters"), (6.0, "latency")):
        busy = {"disturbed": "5 threads wanted the 2 cores"}
        trials = [
            result(model, "knn", seed, profile(size, ms + seed / 100, **busy), 1.0)
            for model, size, ms in (("a", 200, 1.0), ("b", 100, times))
            for seed in SEEDS
        ]
        assert cheapest(cells_of(trials)).by == by


def test_times_of_different_devices_are_not_compared() -> None:
    """A GPU that is faster says nothing of the model on it."""
    on_gpu = profile(200, 0.1).model_copy(update={"device": "NVIDIA A100"})
    two = [result("a", "knn", 1, on_gpu, 1.0), result("b", "knn", 1, profile(100, 50.0), 900.0)]
    found = cheapest(cells_of(two))
    assert (found.cell.model, found.by) == ("b", "parameters")


def test_a_cell_that_loses_to_a_third_is_not_said_to_lose_to_the_chosen() -> None:
    """The fastest beats it; the smallest, which is as fast as far as one can tell, does not."""
    blocks = {"fast": (1.0, 1.1), "small": (1.4, 1.6), "slow": (2.2, 2.3)}
    sizes = {"fast": 300, "small": 100, "slow": 200}
    trials = [
        result(model, "knn", seed, profile(sizes[model], ms), 1.0)
        for model, times in blocks.items()
        for seed, ms in enumerate(times)
    ]
    cells = cells_of(trials)
    found = cheapest(cells)
    assert (found.cell.model, found.by) == ("small", "parameters")
    assert why_cheaper(found.cell, cells[2], found.lost["slow/knn"])[0] == (
        "the other answers in 2.25\u202fms instead of 1.05\u202fms, as the fastest of them does"
    )


def test_a_slow_machine_widens_the_range() -> None:
    """A block beside which the fixed work took four times as long may be four times too long, and counts last."""
    assert block_range([10.0, 11.0, 44.0], [1.0, 1.0, 4.0], 1.0) == pytest.approx((10.5, 10.0, 11.0)), (
        "there are others"
    )
    assert block_range([44.0, 44.0, 44.0], [4.0, 4.0, 4.0], 1.0) == pytest.approx((44.0, 11.0, 44.0))
    assert block_range([5.0], [], None) == (5.0, None, None)


def test_a_quiet_measurement_goes_before_disturbed_ones() -> None:
    """The mark stays only where every trial of a graph was disturbed."""
    busy = profile(100, 45.5, disturbed="the slowest calls took 9.0 times the median")
    both = with_shared_costs([result("a", "knn", 1, busy, 1.0), result("a", "knn", 2, profile(100, 5.7), 1.0)])
    assert {one.profile.latency_ms_p50 for one in both} == {5.7}
    assert {one.profile.disturbed for one in both} == {None}
    (alone,) = with_shared_costs([result("a", "knn", 1, busy, 1.0)])
    assert alone.profile.disturbed == busy.disturbed


def test_a_long_tail_of_an_older_run_is_told_too() -> None:
    """A p95 of 12.4 ms beside a p50 of 0.19 ms: nobody looked at it when it was measured."""
    old = profile(100, 0.19).model_copy(update={"latency_ms_p95": 12.4})
    (found,) = with_shared_costs([result("a", "knn", 1, old, 1.0)])
    assert found.profile.disturbed == "the slowest calls took 65.3 times the median"


def test_files_of_a_cell_are_those_that_answer_as_it_does() -> None:
    """Measured, in full precision, not measurably worse, of a trial of this run; with the range of its blocks."""
    (own,) = cells_of([result("a", "knn", 1, profile(200, 0.67), 1.0)])
    times = measured(0.2).model_copy(update={"latency_ms_blocks": (0.19, 0.2, 0.22), "reference_ms_blocks": (1.7,) * 3})
    right = {"cell_id": own.cell_id, "trial_id": "a/knn/1", "format": "onnx", "precision": "fp32", "measured": times}
    worse = Difference(metric="accuracy", value=-0.1, low=-0.2, high=-0.05)
    cards = [
        make_card(**right),
        make_card(**{**right, "precision": "int8"}),
        make_card(**{**right, "format": "litert", "status": "failed"}),
        make_card(**{**right, "format": "openvino", "difference": worse}),
        make_card(**{**right, "trial_id": "of another run", "format": "keras"}),
    ]
    trials = [result("a", "knn", 1, profile(200, 0.67), 1.0)]
    (found,) = with_file_latencies([own], cards, results=trials, metric=info_of(metrics_named(["accuracy"])[0]))
    assert [(one.format, one.latency_ms, one.low, one.high) for one in found.files] == [
        ("onnx", 0.2, pytest.approx(0.19), pytest.approx(0.22))
    ]


def test_a_busy_machine_is_told_on_the_page() -> None:
    """A mark beside the number, and a sentence with the reason; quiet measurements have neither."""
    reason = "the slowest calls took 9.0 times the median"
    busy, quiet = cells_of(
        [
            result("a", "knn", 1, profile(100, 45.5, disturbed=reason), 1.0),
            result("b", "knn", 1, profile(100, 5.7), 1.0),
        ]
    )
    assert (latency_box(busy.profile).text, latency_box(quiet.profile).text) == ("45.5 (busy)", "5.70")
    assert reason in latency_box(busy.profile).title
    (remark,) = disturbed_remarks([busy, quiet])
    assert f"a ({reason})" in remark
    assert list(disturbed_remarks([quiet])) == []


def test_a_saving_below_its_spread_is_no_reason() -> None:
    """Nor are 2.4 s of training, however sure."""

    def cost(value: float, share: float) -> Cost:
        return Cost(value, value * (1 - share), value * (1 + share))

    assert not is_worth_saying("training_time", cost(20, 0.5), cost(40, 0.5))
    assert is_worth_saying("training_time", cost(20, 0.1), cost(40, 0.1))
    assert not is_worth_saying("training_time", cost(0.7, 0.1), cost(3.1, 0.1))


def test_one_seed_has_no_spread_of_training_times() -> None:
    """A spread of one value, or of copies of it, is that of a single measurement."""
    assert spread([3.0]).lowest == spread([3.0, 3.0]).highest == 3.0
    once = [result("a", "knn", 1, None, 1.0), result("b", "knn", 1, None, 3.0)]
    assert cheapest(cells_of(once)).by == "simplicity"
