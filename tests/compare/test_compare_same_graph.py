"""Costs of equal graphs: noise of the clock does not make one of them the faster."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_run import load_from, make_sample_results

from suite.compare.compare import compare
from suite.compare.shared_costs import with_shared_costs
from suite.store.records.result import Result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the predictions of the sample lie."""
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def sample(folder: Path):
    """A small run, as if something else had kept the machine busy during every probe."""
    plan, results = make_sample_results(folder)
    return plan, [_slowed(one) if one.strategy == "linear_probe" else one for one in results]


def _slowed(result: Result) -> Result:
    profile = result.profile
    if profile is None or profile.latency_ms_p50 is None:
        return result
    return result.model_copy(
        update={"profile": profile.model_copy(update={"latency_ms_p50": 50 * profile.latency_ms_p50})}
    )


def test_equal_graphs_answer_equally_fast(sample, folder) -> None:
    """Cells of one model with the same parameters have one latency, whatever the strategy."""
    plan, results = sample
    found = compare(results, plan_summary=plan, load_predictions=load_from(folder))
    latencies: dict[tuple[str, int], list[float | None]] = {}
    for cell in found.cells:
        if cell.profile is not None:
            latencies.setdefault((cell.model, cell.profile.parameters), []).append(cell.profile.latency_ms_p50.mean)
    assert max(map(len, latencies.values())) > 1
    assert all(len(set(same)) == 1 for same in latencies.values())


def test_different_graphs_keep_their_own_costs(sample) -> None:
    """Another number of parameters is another graph; what a trial was given otherwise stays as it was."""
    _, results = sample
    shared = with_shared_costs(results)
    graphs = {(one.model, one.profile.parameters) for one in shared if one.profile}
    assert len({one.profile.latency_ms_p50 for one in shared if one.profile}) == len(graphs)
    assert [one.model_copy(update={"profile": None}) for one in shared] == [
        one.model_copy(update={"profile": None}) for one in results
    ]


def test_a_measurement_that_is_missing_stays_missing(sample) -> None:
    """Nothing is invented where no trial measured it."""
    _, results = sample
    one = next(result for result in results if result.profile is not None)
    unmeasured = one.model_copy(update={"profile": one.profile.model_copy(update={"latency_ms_p50": None})})
    (shared,) = with_shared_costs([unmeasured])
    assert shared == unmeasured
