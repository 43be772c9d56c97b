"""What ``benchmarks/scale`` measures, in small: its trials and its clock are right."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks are not part of the package, and their workers import them too."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")


def test_a_simulated_cluster_loses_nothing_and_does_nothing_twice() -> None:
    """Though every node fails about once in 20 trials."""
    from benchmarks.scale.idle import plan_of
    from benchmarks.scale.simulate import Cluster, simulated

    plan = plan_of(models=4, strategies=50, seeds=5)
    calm = simulated(plan.trials, Cluster(nodes=10, failures_per_hour=0.0))
    found = simulated(plan.trials, Cluster(nodes=10, failures_per_hour=3.0, away_seconds=60, retries=9))
    assert found.trials == len(found.done) == 1_000
    assert found.node_failures > 30
    assert (found.lost, found.twice, found.given_up) == (0, 0, 0)
    assert calm.utilisation > 0.95 > found.utilisation
    assert found.fitting_seconds == pytest.approx(calm.fitting_seconds)


def test_a_trial_whose_nodes_always_fail_is_given_up() -> None:
    """Its retries are used up; nothing else is."""
    from benchmarks.scale.idle import plan_of
    from benchmarks.scale.simulate import Cluster, simulated

    plan = plan_of(models=1, strategies=1, seeds=20)
    found = simulated(plan.trials, Cluster(nodes=2, failures_per_hour=120.0, away_seconds=1, retries=1))
    assert found.given_up > 0
    assert found.lost == 0
    assert len(found.done) + found.given_up == 20


def test_empty_trials_are_all_stored_and_told() -> None:
    """By the benchmark itself, which looks into the store and counts the lines of the progress."""
    from benchmarks.scale.overhead import measured

    found = measured(120, workers=1)
    assert found.trials == 120
    assert found.rate > 1
    assert found.again_seconds < found.seconds
