"""What a corruption is, and the one way to apply it.

A corruption is a class with::

    summary: ClassVar[str]                    one line for ``suite list corruptions``
    kind: ClassVar[Literal["image", "text"]]  what it corrupts
    strengths: ClassVar[tuple[float, ...]]    five of them, for severities 1 to 5
    version: ClassVar[int]                    raised whenever the same severity comes to mean another corruption
    apply(example, strength, generator)       the corrupted example; images uint8 RGB of the same shape, texts str

Chance comes from the generator alone, which is seeded by the name of the corruption, the severity and the id of the
example: every model is given the same corrupted example, in every run.  After Hendrycks and Dietterich, Benchmarking
Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019, section 4.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import numpy as np

from suite.errors import SuiteError
from suite.registry import CORRUPTIONS

__all__ = ["SEVERITIES", "corrupt", "generator_of"]

SEVERITIES = (1, 2, 3, 4, 5)
E = TypeVar("E", bound=Any)


def corrupt(name: str, example: E, *, severity: int, example_id: str) -> E:
    """The example as the corruption ``name`` leaves it; a function of these four arguments and nothing else.

    Args:
        name: As registered.
        example: An image (uint8 RGB, shape ``(height, width, 3)``) or a text, whichever the corruption corrupts.
        severity: 1 to 5.
        example_id: The id that the data set gives it.

    Raises:
        UnknownNameError: For a corruption that is not registered.
        SuiteError: For a severity that there is not, and where the corruption changes an image's shape or type.
    """
    corruption = CORRUPTIONS.get(name)
    if severity not in SEVERITIES[: len(corruption.strengths)]:
        raise SuiteError(
            f"corruption '{name}': severity {severity}: expected a whole number from 1 to {len(corruption.strengths)}."
        )
    generator = generator_of(name, severity, example_id)
    corrupted: E = corruption.apply(example, corruption.strengths[severity - 1], generator)
    if isinstance(example, np.ndarray) and (corrupted.shape != example.shape or corrupted.dtype != example.dtype):
        raise SuiteError(
            f"corruption '{name}' made {corrupted.dtype} {corrupted.shape} of {example.dtype} {example.shape}; "
            "expected the same shape and type."
        )
    return corrupted


def generator_of(name: str, severity: int, example_id: str) -> np.random.Generator:
    """The source of chance for one corrupted example."""
    text = f"{name}\0{severity}\0{example_id}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))
