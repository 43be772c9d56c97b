"""Puts a first spec together: what was found, what may be chosen, and what the minutes hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from suite.devices import Machine, look_at_machine
from suite.errors import SuiteError
from suite.runner.starter.budget import Cost, Share, cost_of, filled, shrunk
from suite.runner.starter.candidates import Candidate, Strategy, models_for, strategies_for
from suite.runner.starter.examples import Found, is_table, look_at_folder, look_at_table
from suite.spec.learning_rates import UsualRates, usual_rates
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_spec

__all__ = ["Starter", "first_spec"]

UNBALANCED = 3.0
"""The largest class over the smallest, beyond which accuracy is mostly that of the large ones."""
MOST_GRID = 12
"""Learning rates on a grid; a search of more draws the weight decay too."""
MOST_EPOCHS = 200


@dataclass(frozen=True)
class Starter:
    """A spec and what it is expected to take."""

    spec: dict[str, Any]
    """Valid JSON of a spec."""
    estimated_minutes: float
    """Of its plan, rough, within a factor of about two; ``suite plan`` knows better after the first trials."""


def first_spec(
    path: Path,
    *,
    minutes: float,
    downloads: bool = False,
    machine: Machine | None = None,
    text: str | None = None,
    label: str | None = None,
) -> Starter:
    """Writes a spec for a folder (or zip) of class folders, or for a table of texts.

    Args:
        path: One sub-folder per class, with or without folders for splits above them; or a CSV, TSV, JSON Lines or
            Parquet file.
        minutes: What the whole comparison may take on this machine. They are for learning: what the models and
            strategies leave of them goes into a search over learning rates, more epochs and more seeds.
        downloads: Whether models may be chosen whose weights are not on this machine yet.
        machine: Where it will be run; this one when left out.
        text: The column of a table that holds the texts; found when left out.
        label: The column of a table that holds the classes; found when left out.

    Raises:
        SuiteError: Where the path is no data set, a column cannot be found, or the budget is too small for any model.
    """
    if not is_table(path) and (text is not None or label is not None):
        raise SuiteError(f"{path}: --text and --label name columns of a table, and this is no .csv, .tsv, .jsonl or "
                         ".parquet file; leave them out.")  # fmt: skip
    machine = machine or look_at_machine()
    found = look_at_table(path, text=text, label=label) if is_table(path) else look_at_folder(path)
    models, left_out = models_for(found, downloads=downloads)
    if not models:
        raise SuiteError("no weights of any model are on this machine; --downloads chooses some that a run fetches.")
    seconds = 60 * minutes

    @cache
    def cost(share: Share) -> Cost:
        return cost_of(_plan(_spec(found, share)), share, train=found.train, machine=machine)

    def price(share: Share) -> float:
        return cost(share).seconds

    share = shrunk(Share(tuple(models), tuple(strategies_for(found))), price, seconds)
    if price(share) > seconds:
        raise SuiteError(
            f"--minutes {minutes:g}: even one linear probe over {found.total:,} {found.thing}s takes about "
            f"{price(share) / 60:.1f} minutes on this machine; give it more."
        )
    share = filled(share, price, seconds)
    spec = _spec(found, share)
    spent = cost(share)
    why = f"written for {machine.words} and {minutes:g} minutes. {_shared(share, spent, found)} {left_out}"
    return Starter({key: why if key == "why" else value for key, value in spec.items()}, spent.seconds / 60)


def _plan(spec: dict[str, Any]) -> Plan:
    return make_plan(parse_spec(json.dumps(spec), place="the new spec"))


def _spec(found: Found, share: Share) -> dict[str, Any]:
    """The spec of a share, its own ``why`` still empty."""
    spec: dict[str, Any] = {
        "name": _slug(found.name),
        "title": f"Which pretrained model for {found.name}?"[:200],
        "why": "",
        "task": found.task,
        "models": [model.entry for model in share.models],
        "datasets": [_dataset(found)],
        "strategies": [_strategy(item, share.models, share.rates) for item in share.strategies],
        "seeds": list(range(1, share.seeds + 1)),
        "training": _training(found, share.steps),
    }
    if found.imbalance > UNBALANCED:
        spec["headline"] = "balanced_accuracy"
    if share.funnel:
        spec["funnel"] = {"why": "all models are looked at, and the better half is searched and fitted in full"}
    return spec


def _strategy(item: Strategy, models: Sequence[Candidate], rates: int) -> dict[str, Any]:
    """Its entry, with a search over the rates that are usual for it; every model gets the same."""
    usual = _usual(item, models)
    if usual is None:
        return item.options
    space: dict[str, Any] = {"learning_rate": {"low": usual.low, "high": usual.high, "log": True}}
    search: dict[str, Any] = {"sampler": "grid", "space": space}
    if rates <= MOST_GRID:
        space["learning_rate"]["steps"] = rates
    else:
        space["weight_decay"] = {"low": 0.0001, "high": 0.1, "log": True}
        search |= {"sampler": "random", "trials": rates}
    size = "small backbones bear more" if any(model.is_small for model in models) else "of backbones of this size"
    search["why"] = f"the same for every model; usual rates, {size}: {usual.source}"
    return {**item.options, "search": search}


def _usual(item: Strategy, models: Sequence[Candidate]) -> UsualRates | None:
    """From the lowest to the highest rate that is usual for one of the models."""
    each = [
        usual_rates(item.name, unfreeze=item.options.get("unfreeze", "all"), small=small)
        for small in {model.is_small for model in models}
    ]
    known = [one for one in each if one is not None]
    if not known:
        return None
    low = min(one.low for one in known)
    if all(model.is_small for model in models) and item.name != "from_scratch":
        low *= 10  # where all bear high rates, the lowest of large backbones would hardly move them
    return UsualRates(float(f"{low:.3g}"), float(f"{max(one.high for one in known):.3g}"), known[0].source)


def _dataset(found: Found) -> dict[str, Any]:
    words = [f"{found.total:,} {found.thing}s in {len(found.class_sizes)} classes"]
    entry = dict(found.entry)
    if found.has_test:
        words.append("with a test folder of its own")
        if found.copies:
            entry["splits"] = {"duplicates": "drop", "why": "what is tested is taken out of training and validation"}
    else:
        share = 0.1 if found.total > 20_000 else 0.2
        entry["splits"] = {
            "validation": share,
            "test": share,
            "seed": 0,
            "why": "made by class from this seed, since there are none yet; train and validation are for choosing, "
            "test is opened once",
        }
        if found.copies:
            entry["splits"] |= {"duplicates": "group"}
    if found.copies:
        words.append(f"{found.copies:,} would be in two splits, copies by content, and are kept apart")
    if found.skipped:
        entry["on_bad_example"] = "skip"
    if found.reading.left_out:
        words.append(f"{found.reading.counted}; {found.reading.left}; the report names them")
    if found.reading.splits:
        words.append(found.reading.splits)
    return {**entry, "why": "; ".join(words)}


def _training(found: Found, steps: int) -> dict[str, Any]:
    batch_size = 32 if found.train >= 256 else 16
    a_pass = math.ceil(found.train / batch_size)
    epochs = max(3, min(MOST_EPOCHS, math.ceil(steps / a_pass)))
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "patience": max(3, epochs // 4),
        "why": f"{found.train:,} training {found.thing}s: {a_pass * epochs:,} steps; training stops early where "
        "validation no longer improves",
    }


def _shared(share: Share, spent: Cost, found: Found) -> str:
    """How the minutes were shared out, in words."""
    epochs = _training(found, share.steps)["epochs"]
    parts = []
    if spent.search:
        settings = "learning rates" if share.rates <= MOST_GRID else "settings"
        parts.append(f"{_minutes(spent.search)} for a search of {share.rates} {settings} per model and strategy")
        parts.append(f"{_minutes(spent.finals)} for {share.seeds} seeds of the best setting, {epochs} epochs each")
        parts.append(f"{_minutes(spent.other)} for probes and starting")
    else:
        parts.append("probes alone, which choose their setting inside one fit and gain nothing from more minutes")
    funnel = " A funnel drops the weaker half of the models early." if share.funnel else ""
    unbalanced = (
        f" The largest class is {found.imbalance:.0f} times the smallest, so balanced accuracy ranks."
        if found.imbalance > UNBALANCED
        else ""
    )
    return f"Estimated {_minutes(spent.seconds)}: {', '.join(parts)}.{funnel}{unbalanced}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"


def _slug(name: str) -> str:
    """A name for the folder under ``reports/``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:60] or "mine"
