"""What changed under an unchanged spec is told."""

from __future__ import annotations

import pytest
from sample_run import load_from, make_sample_results

from suite.compare.compare import compare
from suite.compare.environment_changes import changes_between


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory):
    """Plan, results and the function that loads predictions."""
    folder = tmp_path_factory.mktemp("sample")
    return *make_sample_results(folder), load_from(folder)


def test_data_that_changed_between_trials_are_told(sample) -> None:
    """Somebody added images and ran one more model: the report says that the scores are of two data sets."""
    plan, results, load = sample
    last = next(one for one in reversed(results) if one.status == "done")
    other = tuple(record.model_copy(update={"fingerprint": "0" * 64}) for record in last.data)
    changed = [one.model_copy(update={"data": other}) if one is last else one for one in results]
    remarks = compare(changed, plan_summary=plan, load_predictions=load).remarks
    assert any(f"The content of {other[0].name} changed between trials: 2 fingerprints." in one for one in remarks)


def test_splits_that_each_seed_makes_are_no_change(sample) -> None:
    """With resample a fingerprint belongs to a seed; within one seed it still has to agree."""
    _, results, _ = sample
    finals = [one for one in results if one.status == "done" and one.phase == "final"]
    split = [
        one.model_copy(
            update={
                "trial": {**one.trial, "resample": True},
                "data": tuple(r.model_copy(update={"fingerprint": f"{r.name} {one.seed}"}) for r in one.data),
            }
        )
        for one in finals
    ]
    assert changes_between(split) == ()
    other = split[0].model_copy(update={"data": finals[0].data})
    assert changes_between([*split, other])


def test_weights_that_changed_between_trials_are_told(sample) -> None:
    """A file that was replaced under its name is another model."""
    _, results, _ = sample
    one = next(result for result in results if result.status == "done" and result.weights is not None)
    changed = one.model_copy(update={"weights": one.weights.model_copy(update={"sha256": "0" * 64})})
    (told,) = changes_between([one, changed])
    assert told.startswith(f"The weights of {one.model} changed between trials: 2 files.")


def test_equal_content_is_not_mentioned(sample) -> None:
    """Nor are trials that failed, which saw what they saw."""
    _, results, _ = sample
    assert changes_between(results) == ()
