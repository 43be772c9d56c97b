"""What is looked at in the data before a worker starts: whether the headline can be computed, and what misleads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from suite.data.dataset import Dataset, Split
from suite.errors import BadExampleError, DataError
from suite.lint.examine import examine
from suite.lint.study import Study, read_study
from suite.metrics.computable import computable_on, computable_on_texts, missing_on, missing_on_texts
from suite.registry import DATASETS, TASKS, load_plugin_file, loaded_plugin_files
from suite.spec.plan import Plan
from suite.spec.spec import DatasetSpec
from suite.spec.trial import Trial
from suite.store.records.check import DataChecks, worst_first

__all__ = ["JUDGED_ANSWERS", "look_at_data", "refuse_headline"]


def look_at_data(plan: Plan, trials: Iterable[Trial], *, patient: bool = True) -> DataChecks | None:
    """Loads the data sets of some trials and looks at what can be seen without decoding an example.

    A data set that is not on this machine is left out, and so is what TensorFlow reads: of that a process of its own
    looks at the headline where nobody is going to train (``patient`` is False), else the first worker that loads it.

    Args:
        plan: Of a validated spec.
        trials: Those whose data sets are looked at.
        patient: Whether a data set is looked at too that takes long to make on a new machine: what ``suite plan`` says
            must not take as long as what a run does.

    Returns:
        The findings, for the report; None where the trials need no data set that is here.

    Raises:
        DataError: Where the headline cannot be computed on a split that it judges on, and where a data set that is
            there cannot be read as one.
    """
    wanted = replace(plan, trials=tuple(trials), skips=())
    study = replace(read_study(wanted, leave=_workers_alone if patient else _slow), reads=False)
    if not patient and TASKS.get(plan.spec.task).answers in JUDGED_ANSWERS:
        _refuse_headlines_apart(wanted)
    if not study.homes:
        return None
    if TASKS.get(plan.spec.task).answers in JUDGED_ANSWERS:
        _refuse_headlines(study, plan.headline)
    planned, found = examine("plan", plan), examine("data", study)
    return DataChecks(
        spec_name=plan.spec.name,
        checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprints={label: dataset.fingerprint for label, dataset in study.all_sets()},
        readings={label: dataset.reading for label, dataset in study.all_sets() if dataset.reading is not None},
        findings=worst_first((*planned.findings, *found.findings)),
        ran=tuple(sorted({*planned.ran, *found.ran})),
        left_out={**study.left_out, **planned.left_out, **found.left_out},
        decoded=False,
    )


def _workers_alone(source: Any) -> str | None:
    if getattr(source, "loads_with_tensorflow", False):
        return "it is read with TensorFlow, which only workers start; 'suite lint' looks at it too."
    return None


def _slow(source: Any) -> str | None:
    slow = "it takes long to make; 'suite run' and 'suite lint' look at it."
    return slow if getattr(source, "slow_to_load", False) else _workers_alone(source)


def _refuse_headlines(study: Study, headline: str) -> None:
    complaints = []
    for home in study.homes:
        try:
            refuse_headline(home.dataset, headline, home.label)
        except DataError as error:
            complaints.append(str(error))
    if complaints:
        raise DataError("\n".join(complaints))


def _refuse_headlines_apart(plan: Plan) -> None:
    """The same for the data sets that are here and that TensorFlow reads: this process must not import it."""
    choices: dict[str, str] = {}
    for cell in plan.cells:
        source = DATASETS.get(cell.dataset.source)
        needs = source.requirements(cell.dataset.options(source)) if hasattr(source, "requirements") else ()
        if getattr(source, "loads_with_tensorflow", False) and all(need.present for need in needs):
            choices[cell.labels[1]] = cell.dataset.model_dump_json()
    if not choices:
        return
    with ProcessPoolExecutor(1, get_context("spawn"), _say_nothing) as pool:
        complaints = pool.submit(_complaints, choices, plan.headline, loaded_plugin_files()).result()
    if complaints:
        raise DataError("\n".join(complaints))


def _say_nothing() -> None:
    """What TensorFlow prints when it is imported is for nobody."""
    silent = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(silent, descriptor)


def _complaints(choices: Mapping[str, str], headline: str, plugins: Sequence[Path]) -> list[str]:
    """Of each data set, by label, what keeps the headline from being computed. In a process of its own."""
    for plugin in plugins:
        load_plugin_file(plugin)
    found = []
    for label, document in choices.items():
        choice = DatasetSpec.model_validate_json(document)
        if choice.source not in DATASETS:
            continue  # registered in the parent alone: the first worker looks at it
        source = DATASETS.get(choice.source)
        options = choice.options(source)
        try:
            dataset = source.load(options, splits=choice.splits, on_bad_example=choice.on_bad_example)
            refuse_headline(dataset, headline, label)
        except DataError as error:
            found.append(str(error))
    return found


# A headline that cannot be computed on the data is refused before anything is trained.

JUDGED = ("validation", "test")
"""The splits on which the headline chooses and ranks."""
JUDGED_ANSWERS = ("class", "text")
"""What it is known of, before anything is trained, which metrics can be computed."""


def refuse_headline(dataset: Dataset, headline: str, label: str) -> None:
    """Raises ``DataError`` where the headline cannot be computed on validation or test, with what can be."""
    if dataset.answers == "text":
        _refuse_headline_of_texts(dataset, headline, label)
    if not dataset.has_classes:
        return
    for name in JUDGED:
        counts = np.bincount(dataset.splits[name].targets, minlength=dataset.num_classes)
        reason = missing_on(headline, counts, dataset.class_names)
        if reason is None:
            continue
        able = set(computable_on(counts, dataset.class_names))
        for other in JUDGED:
            own = np.bincount(dataset.splits[other].targets, minlength=dataset.num_classes)
            able &= set(computable_on(own, dataset.class_names))
        instead = f'Take one that can be, as "headline": {", ".join(sorted(able))}; or' if able else "Please"
        raise DataError(
            f"{label}: the headline '{headline}' cannot be computed on the {name} split: {reason} {instead} give every "
            "class examples in validation and test."
        )


def _refuse_headline_of_texts(dataset: Dataset, headline: str, label: str) -> None:
    for name in JUDGED:
        split = dataset.splits[name]
        has_sources = any(_source_of(split, index) for index in range(len(split)))
        reason = missing_on_texts(headline, has_sources=has_sources)
        if reason is not None:
            able = ", ".join(computable_on_texts(has_sources=has_sources))
            raise DataError(
                f"{label}: the headline '{headline}' cannot be computed on the {name} split: {reason} Nothing is "
                f'generated without a text to go on from ("text_column"). Take one that can be, as "headline": {able}; '
                "or give every example such a text."
            )


def _source_of(split: Split, index: int) -> str:
    try:
        return str(split.read(index)[0])
    except BadExampleError:
        return ""
