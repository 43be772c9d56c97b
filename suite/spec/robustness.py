"""Which corruptions the test set is corrupted by: the spec's ``robustness``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from suite.errors import SpecError, SuiteError, did_you_mean
from suite.registry import CORRUPTIONS, TASKS
from suite.spec.options import Options

__all__ = ["RobustnessSpec", "check_robustness", "version_of"]

WORDS = {"image": "images", "text": "texts"}


class RobustnessSpec(Options):
    """The test set again, corrupted: every corruption at every severity."""

    corruptions: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(min_length=1)]
    """Names of corruptions that fit the task's examples; ``suite list corruptions`` has them."""
    severity: Annotated[tuple[Annotated[int, Field(ge=1, le=5)], ...], Field(min_length=1)] = (1, 3, 5)
    """From 1 (weak) to 5 (strong); 3 costs a reference model 15 points, see ``benchmarks/corruptions.md``."""

    @property
    def conditions(self) -> Iterator[tuple[str, int]]:
        """Corruption and severity of every corrupted test set, in the order of the spec."""
        return ((corruption, severity) for corruption in self.corruptions for severity in sorted(self.severity))

    @property
    def identity(self) -> dict[str, Any]:
        """What can change a score, as JSON: the order is none of it, the meaning of the severities is."""
        return {
            "corruptions": {name: version_of(name) for name in sorted(self.corruptions)},
            "severity": sorted(self.severity),
        }


def check_robustness(robustness: RobustnessSpec | None, task: str, *, place: str) -> None:
    """Refuses what cannot be done to the examples of a task.

    Raises:
        SpecError: For an unknown corruption, one for other examples, one that is given twice, and where the task's
            examples have no corruptions.
    """
    if robustness is None:
        return
    kind = TASKS.get(task).examples
    fitting = [name for name in CORRUPTIONS.names() if _kind_of(name, place) == kind]
    if not fitting:
        raise SpecError(f"{place}: robustness: there are no corruptions for the task '{task}'; leave it out.")
    for index, name in enumerate(robustness.corruptions):
        here = f"{place}: robustness.corruptions[{index}]"
        if name not in CORRUPTIONS:
            raise SpecError(f"{here}: {did_you_mean(name, fitting, what='corruption')}")
        if name not in fitting:
            corrupts = WORDS.get(_kind_of(name, place), "other examples")
            raise SpecError(
                f"{here}: '{name}' corrupts {corrupts}, and '{task}' is about "
                f"{WORDS.get(str(kind), 'other examples')}; "
                f"for these there are: {', '.join(fitting)}."
            )
    for key, values in (("corruptions", robustness.corruptions), ("severity", robustness.severity)):
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            raise SpecError(f"{place}: robustness.{key}: {twice[0]} is given twice; keep one.")


def _kind_of(name: str, place: str) -> str:
    """What a corruption corrupts. Raises ``SpecError`` for a plugin's that does not say, or has no strengths."""
    try:
        corruption = CORRUPTIONS.get(name)
    except SuiteError as error:
        raise SpecError(f"{place}: robustness: {error}") from None
    missing = [wanted for wanted in ("kind", "strengths", "apply") if not hasattr(corruption, wanted)]
    if missing:
        raise SpecError(f"{place}: robustness: corruption '{name}' has no '{missing[0]}'; see CONTRIBUTING.md.")
    return str(corruption.kind)


def version_of(name: str) -> int:
    """Which meaning of its severities a corruption has; 1 where it does not say."""
    return int(getattr(CORRUPTIONS.get(name), "version", 1))
