"""The keys ``robustness``, ``out_of_class`` and ``cross_data`` of a spec: what they mean and what is refused."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from suite.errors import SpecError
from suite.registry import TASKS
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_spec
from suite.tasks.image_classification import ImageClassification

BASE: dict[str, Any] = {
    "name": "small",
    "task": "image_classification",
    "models": [{"source": "zoo", "name": "vgg_tiny"}],
    "datasets": [{"source": "sklearn", "name": "digits_photo"}],
    "strategies": [{"strategy": "linear_probe"}],
}
DIGITS = {"source": "sklearn", "name": "digits"}


def plan_with(**changes: Any) -> Plan:
    """The plan of ``BASE`` with some keys set."""
    return make_plan(parse_spec(json.dumps({**deepcopy(BASE), **changes}), place="small.json"))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"robustness": {"corruptions": ["blurr"]}},
            r"corruptions\[0\]: unknown corruption 'blurr'. Did you mean 'blur'",
        ),
        (
            {"robustness": {"corruptions": ["blur", "typos"]}},
            r"corruptions\[1\]: 'typos' corrupts texts.*images.*noise",
        ),
        ({"robustness": {"corruptions": []}}, "expected at least 1 entry"),
        ({"robustness": {"corruptions": ["blur"], "severity": [6]}}, "less than or equal to 5, got 6"),
        ({"robustness": {"corruptions": ["blur"], "severity": [1, 1]}}, "severity: 1 is given twice"),
        ({"robustness": {"corruptions": ["blur", "blur"]}}, "corruptions: blur is given twice"),
        ({"robustness": {"corruption": ["blur"]}}, "Did you mean 'corruptions'"),
        (
            {"out_of_class": [{"source": "sklearn", "name": "digits_photo"}]},
            "is the data set 'digits_photo' that the models",
        ),
        ({"out_of_class": [DIGITS, DIGITS]}, r"out_of_class\[1\]: 'digits' is listed twice"),
        ({"out_of_class": [{"source": "sklaern"}]}, r"out_of_class\[0\].source: .*Did you mean 'sklearn'"),
        ({"cross_data": True}, "nothing to cross it with"),
    ],
)
def test_what_cannot_be_shown_is_refused(changes, complaint):
    """With place, what was expected and how to mend it."""
    with pytest.raises(SpecError, match=complaint):
        plan_with(**changes)


def test_a_task_without_corruptions_says_so(monkeypatch):
    """Whatever the name of the corruption."""

    class Boxes(ImageClassification):
        examples = None

    monkeypatch.setitem(TASKS._entries, "boxes", Boxes)
    with pytest.raises(SpecError, match="there are no corruptions for the task 'boxes'"):
        plan_with(task="boxes", robustness={"corruptions": ["blur"]})


def test_a_spec_without_them_keeps_its_ids():
    """What was run before these keys were there is not run again."""
    content = plan_with().cells[0].content
    assert not {"robustness", "out_of_class", "cross"} & set(content)


def test_order_changes_no_id_and_meaning_does(monkeypatch):
    """Names and severities in another order are the same trial; a corruption of another version is not."""
    one = plan_with(robustness={"corruptions": ["blur", "noise"], "severity": [3, 1]}).cells[0].id
    assert one == plan_with(robustness={"corruptions": ["noise", "blur"], "severity": [1, 3]}).cells[0].id
    assert one != plan_with(robustness={"corruptions": ["noise"], "severity": [1, 3]}).cells[0].id
    monkeypatch.setattr("suite.data.corruptions.images.Blur.version", 2)
    assert one != plan_with(robustness={"corruptions": ["blur", "noise"], "severity": [3, 1]}).cells[0].id


def test_data_sets_are_crossed_in_the_splits_of_the_one_that_was_learned():
    """So that an example that both hold is never trained on and tested."""
    first = {"source": "sklearn", "name": "digits_photo", "splits": {"seed": 4}}
    home, other = plan_with(datasets=[first, DIGITS], cross_data=True).cells
    assert [one.own()["name"] for one in home.cross] == ["digits"]
    assert home.cross[0].splits.seed == 4
    assert other.cross[0].splits.seed == 0
