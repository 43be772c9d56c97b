"""Which files a run makes of its models when the trials are done: the spec's ``exports``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from suite.errors import SpecError, did_you_mean
from suite.registry import EXPORTERS, TASKS
from suite.spec.options import Options
from suite.store.records.export_card import Precision

__all__ = ["ExportSpec", "Which", "check_exports"]

Which = Literal["recommended", "best", "all"]


class ExportSpec(Options):
    """One format, its precisions, and the models that are written in it."""

    format: Annotated[str, Field(min_length=1, max_length=200)]
    """``suite list exporters`` has them."""
    precision: Annotated[tuple[Precision, ...], Field(min_length=1)] = ("fp32",)
    """``fp32``, ``fp16``, ``int8_dynamic`` (weights in 8 bits) or ``int8`` (activations too)."""
    which: Which = "all"
    """``all``: the best trial of each cell; ``best``: the highest score of each data set; ``recommended``: what the
    report says to take."""


def check_exports(exports: Sequence[ExportSpec], task: str, *, keep_models: str, place: str) -> None:
    """Refuses what can never be written.

    Raises:
        SpecError: For an unknown format, a precision that the format cannot have, a task whose models are not
            exported, a format and precision given twice, and where no model is kept.
    """
    if not exports:
        return
    if not TASKS.get(task).exports:
        able = [name for name in TASKS.names() if TASKS.get(name).exports]
        raise SpecError(
            f"{place}: exports: models of the task '{task}' cannot be exported, only those of {' and '.join(able)}; "
            "leave it out."
        )
    if keep_models == "none":
        raise SpecError(f'{place}: exports: no model is kept to be exported; set "keep_models": "best".')
    seen = set()
    for index, one in enumerate(exports):
        here = f"{place}: exports[{index}]"
        if one.format not in EXPORTERS:
            raise SpecError(f"{here}.format: {did_you_mean(one.format, EXPORTERS, what='export format')}")
        refuses = EXPORTERS.get(one.format).refuses
        for precision in one.precision:
            if precision in refuses:
                said = f"'{one.format}' has no {precision}: {refuses[precision]}"
                raise SpecError(f"{here}.precision: {said}; leave it out.")
            if (one.format, precision) in seen:
                raise SpecError(f"{here}: '{one.format}' in {precision} is given twice; keep one.")
            seen.add((one.format, precision))
