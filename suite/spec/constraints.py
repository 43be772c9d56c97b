"""What a recommended model may cost and must reach: the limits of a spec, of a command or of a call.

They choose among results and change none: no trial's id or score depends on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from suite.errors import SpecError, UnknownNameError, did_you_mean

__all__ = ["HOME", "Constraints", "check_names", "parse_bounds", "split_bound"]

HOME = "test"
"""The home test set: what a metric without the name of an evaluation set is measured on."""
Above0 = Annotated[float, Field(gt=0.0)]


class Constraints(BaseModel):
    """Limits within which a model is recommended; what is left out is not limited."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    why: str | None = Field(default=None, exclude=True)
    """A remark for the reader; it changes nothing."""
    max_latency_ms: Above0 | None = None
    """Median time for one example, as measured on the machine of the run."""
    max_size_mb: Above0 | None = None
    """Size of the weights as stored; 1 MB is 10^6 bytes."""
    max_parameters: Above0 | None = None
    """Parameters of the whole adapted model."""
    max_macs: Above0 | None = None
    """Multiply-accumulate operations for one example."""
    max_training_seconds: Above0 | None = None
    """Training from nothing, features included, compilation left out."""
    max_memory_mb: Above0 | None = None
    """Peak resident memory of the worker process."""
    min_slice_accuracy: Annotated[float, Field(ge=0.0, le=1.0)] | None = Field(
        default=None, exclude_if=lambda least: least is None
    )
    """Accuracy on every slice of the test set that has at least 10 examples, as a fraction."""
    licences: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] | None = None
    """Terms of pretrained weights that will do, as they are stated: ``["Apache-2.0", "MIT"]``. A model whose licence is
    another or not stated is not recommended; one trained from scratch has none to keep."""
    minimum: dict[str, float] = Field(default_factory=dict)
    """Metric to the least that it may be, as a fraction: ``{"accuracy": 0.9, "digits_noisy:accuracy": 0.8}``."""
    maximum: dict[str, float] = Field(default_factory=dict)
    """Metric to the most that it may be: ``{"log_loss": 0.4}``."""

    @property
    def given(self) -> bool:
        """Whether there is any limit."""
        return bool(self.model_dump(exclude_none=True, exclude_defaults=True))

    def replaced_by(self, other: Constraints) -> Constraints:
        """These limits, with those that ``other`` gives in their place."""
        given = other.model_dump(exclude_none=True, exclude={"minimum", "maximum"})
        bounds = {
            "minimum": {**self.minimum, **other.minimum},
            "maximum": {**self.maximum, **other.maximum},
        }
        return self.model_copy(update={**given, **bounds})


def split_bound(key: str) -> tuple[str, str]:
    """``digits:accuracy`` as evaluation set and metric; the home test set where only a metric is named."""
    name, _, metric = key.rpartition(":")
    return name or HOME, metric


def parse_bounds(option: str, texts: Iterable[str]) -> dict[str, float]:
    """``METRIC=VALUE`` or ``SET:METRIC=VALUE`` to a dictionary.

    Raises:
        SpecError: Where it is not of that form, the value is no finite number, or a metric is named twice.
    """
    found: dict[str, float] = {}
    for text in texts:
        key, equals, value = text.rpartition("=")
        number = _number(value)
        if not equals or not key.strip() or number is None:
            raise SpecError(
                f"{option} {text}: expected METRIC=VALUE with a number, for instance {option} accuracy=0.9 or "
                f"{option} digits:accuracy=0.8."
            )
        if key.strip() in found:
            raise SpecError(f"{option} {text}: {key.strip()} is limited twice; keep one.")
        found[key.strip()] = number
    return found


def check_names(
    constraints: Constraints, *, metrics: Iterable[str], evaluation_sets: Iterable[str], sliced: bool
) -> None:
    """Refuses a limit on a metric, an evaluation set or slices that there are not.

    Args:
        constraints: Whose names are checked.
        metrics: Those that are known.
        evaluation_sets: Labels of further test sets.
        sliced: Whether classifiers are scored on slices of a test set.

    Raises:
        UnknownNameError: With the nearest name.
    """
    if constraints.min_slice_accuracy is not None and not sliced:
        raise UnknownNameError(
            "constraints.min_slice_accuracy: there are no slices with an accuracy; name some as 'slices' of a data "
            'set, for instance "slices": ["image_size"], of a task with classes.'
        )
    metrics, sets = tuple(metrics), (HOME, *evaluation_sets)
    both: tuple[tuple[str, Mapping[str, float]], ...] = (
        ("minimum", constraints.minimum),
        ("maximum", constraints.maximum),
    )
    for field, bounds in both:
        for key in bounds:
            name, metric = split_bound(key)
            if metric not in metrics:
                raise UnknownNameError(f"constraints.{field}: {did_you_mean(metric, metrics, what='metric')}")
            if name not in sets:
                raise UnknownNameError(f"constraints.{field}: {did_you_mean(name, sets, what='evaluation set')}")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
