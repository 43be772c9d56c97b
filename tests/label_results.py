"""Results with label budgets made of a few words, for the tests of everything that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from lint_results import make_result, predictions

from suite.compare.compare import compare
from suite.compare.comparison import Comparison, PlannedTrial, PlanSummary
from suite.spec.label_budget import Budget
from suite.store.records.result import Predictions, Profile, Result

SIZES: Mapping[Budget, tuple[int, int]] = {2: (4, 2), 5: (10, 2), 20: (40, 10), "25%": (25, 6), "all": (100, 25)}
"""Training and validation examples of two classes."""
EXAMPLES = 200


def labelled(
    model: str,
    scores: Mapping[Budget, float | None],
    *,
    dataset: str = "photos",
    milliseconds: float = 2.0,
    **more: Any,
) -> list[tuple[Result, Predictions]]:
    """One final trial per budget; the first examples are the ones that it gets right."""
    made = []
    for budget, score in scores.items():
        train, validation = SIZES[budget]
        right = np.arange(EXAMPLES) < round((score or 0.0) * EXAMPLES)
        name = f"{model}-{dataset}-{budget}"
        profile = Profile(
            parameters=len(model), trainable_parameters=1, macs=None, size_bytes=1, latency_ms_p50=milliseconds,
            latency_ms_p95=None, throughput_per_second=None, peak_memory_bytes=None, device="CPU",
        )  # fmt: skip
        values = {
            "sizes": {"train": train, "validation": validation, "test": EXAMPLES},
            "id": name, "cell_id": f"cell-{name}",
            "trial": {} if budget == "all" else {"train_examples": budget}, "profile": profile, "batch_size": 4,
        }  # fmt: skip
        made.append((make_result(model, dataset, score=score, **{**values, **more}), predictions(right.tolist())))
    return made


def plan_of(results: Sequence[Result], **more: Any) -> PlanSummary:
    """A plan of exactly these trials."""
    planned = tuple(
        PlannedTrial(
            trial_id=one.id, cell_id=one.cell_id, model=one.model, dataset=one.dataset, strategy=one.strategy,
            strategy_name=one.strategy, phase=one.phase, seed=one.seed,
            train_examples=one.trial.get("train_examples", "all"),
        )
        for one in results
    )  # fmt: skip
    values = {"spec_name": "made", "title": None, "task": "image_classification", "headline": "accuracy"}
    return PlanSummary(**values, command="suite run", trials=planned, **more)


def compared(*made: Sequence[tuple[Result, Predictions]], **more: Any) -> Comparison:
    """The comparison of what ``labelled`` made."""
    pairs = [pair for one in made for pair in one]
    kept = {result.id: found for result, found in pairs if result.status == "done"}
    results = [result for result, _ in pairs]

    def load(result: Result, name: str) -> Predictions | None:
        return kept.get(result.id) if name == "test" else None

    return compare(results, plan_summary=plan_of(results, **more), load_predictions=load)
