"""Verdicts where test examples come in groups: equal models are seldom told apart, and far ones are."""

from __future__ import annotations

import numpy as np
import pytest
from sample_run import load_from, make_sample_results

from suite.compare.compare import compare
from suite.compare.statistics.best import Contender, verdicts
from suite.compare.statistics.evidence import SetEvidence
from suite.compare.statistics.intervals import spread_of
from suite.compare.statistics.saved_evidence import keep_evidence
from suite.lint.subjects import Run
from suite.lint.test_size import TestSize
from suite.metrics import metrics_named
from suite.metrics.resampling import resampled_by_fit
from suite.store.records.example_facts import ExampleFacts
from suite.store.records.predictions import Predictions

GROUPS, SIZE, MODELS = 40, 10, 8
ALIKE = 0.4
"""Correlation of the answers to one group's examples; half of it is the same for all models."""


def answers(generator: np.random.Generator, thresholds: np.ndarray) -> list[Predictions]:
    """What each model says of the same examples; it is right below its threshold of a latent difficulty."""
    groups = np.repeat(np.arange(GROUPS), SIZE)
    count = len(groups)
    shared, easy = generator.normal(size=GROUPS), generator.normal(size=count)
    ids, targets = np.array([str(number) for number in range(count)]), np.zeros(count, np.int64)
    found = []
    for threshold in thresholds:
        own, luck = generator.normal(size=GROUPS), generator.normal(size=count)
        difficulty = np.sqrt(ALIKE / 2) * (shared + own)[groups] + np.sqrt((1 - ALIKE) / 2) * (easy + luck)
        right = difficulty < threshold
        probabilities = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9]).astype(np.float32)
        found.append(Predictions(ids, targets, probabilities, ("a", "b")).with_facts(ExampleFacts(groups)))
    return found


def worse(found: list[Predictions]) -> list[str]:
    """The models that are called worse."""
    (metric,) = metrics_named(("accuracy",))
    evidence = {}
    for name, one in enumerate(found):
        by_seed = resampled_by_fit(metric, [one])
        score = np.array([metric(one)])
        evidence[str(name)] = SetEvidence((one,), (0,), (one.examples_key(),), score, None, by_seed, by_seed[0], None)
    spread = spread_of(evidence)
    order = sorted(evidence, key=lambda name: -float(evidence[name].scores[0]))
    contenders = [
        Contender(name, float(evidence[name].scores[0]), keep_evidence(evidence[name], spread[name])) for name in order
    ]
    told = verdicts(contenders, higher_is_better=True)
    return [name for name, one in zip(order, told, strict=True) if one is not None and one.verdict == "worse"]


@pytest.mark.parametrize("knows", [True, False])
def test_equal_models_on_groups_are_seldom_told_apart(knows):
    """In at most 1 of 10 comparisons; who takes patients for examples errs in every third or more."""
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(rounds := 60):
        found = answers(generator, np.full(MODELS, 0.84))
        wrong += bool(worse(found if knows else [one.with_facts(ExampleFacts()) for one in found]))
    assert wrong <= 0.1 * rounds if knows else wrong >= 0.33 * rounds


def test_a_model_that_is_far_behind_is_told():
    """Nine in ten of all groups against six."""
    generator = np.random.default_rng(1)
    assert worse(answers(generator, np.array([1.3, 1.3, 0.25]))) == ["2"]


def test_the_comparison_says_that_groups_are_counted(tmp_path):
    """In its remarks, in the facts of the test set and where it is said what that can show."""
    plan, results = make_sample_results(tmp_path)
    load = load_from(tmp_path)

    def grouped(result, name):
        found = load(result, name)
        return None if found is None else found.with_facts(ExampleFacts(np.arange(len(found)) // 5))

    plain = compare(results, plan_summary=plan, load_predictions=load)
    found = compare(results, plan_summary=plan, load_predictions=grouped)
    count = found.facts.tests[0].groups
    assert count == -(-found.facts.tests[0].examples // 5)
    assert any(f"belong to {count} groups" in remark for remark in found.remarks)
    assert not any("groups" in remark for remark in plain.remarks)
    finding = next(TestSize.findings(Run(found, results, grouped)))
    assert f"of {count} groups show differences" in finding.what
