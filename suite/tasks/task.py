"""What a task is: how its targets become batches, which head goes on a backbone, and what a fitted model says.

A task is a class, never an instance, in a file of ``suite/tasks`` or in a package with an entry point in the group
``suite.tasks``.  Nothing outside of that file asks which task it is: the rest of the suite reads the facts below and
calls the methods.  TensorFlow and Keras are imported inside methods only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from suite.data.batches import Examples
from suite.data.dataset import Dataset, Split
from suite.spec.options import Options as SpecOptions
from suite.spec.trial import Cell
from suite.store.records.outputs import Outputs
from suite.tasks.adapted import Adapted

__all__ = ["Task"]


class Task(ABC):
    """What is predicted."""

    summary: ClassVar[str]
    """One line for ``suite list tasks``."""
    Options: ClassVar[type[SpecOptions]] = SpecOptions
    headline: ClassVar[str]
    """The metric that leads, and that chooses on validation, where the spec names none."""
    examples: ClassVar[Literal["image", "text"]]
    """What an example is; augmentations, corruptions and data of anything else are refused."""
    answers: ClassVar[str]
    """The kind of outputs that a model gives (``suite.store.records.outputs``); metrics of other kinds do not apply."""
    classifies: ClassVar[bool] = False
    """Whether outputs are probabilities of classes from a head on pooled features: probes, neighbours, transferability,
    funnels, label budgets per class, calibration and tests on other classes need it."""
    generates: ClassVar[bool] = False
    """Whether texts are generated, so that the spec's ``generation`` applies."""
    exports: ClassVar[bool] = True
    """Whether fitted models are written as files of other formats: one array for each example comes out of them, which
    ``Outputs.of_file`` takes."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Metrics that may stand beside the headline on a leaderboard: the first that the results have does."""
    panels: ClassVar[tuple[str, ...]] = ()
    """What is shown of each cell beside its scores, by name; see ``suite.compare.panels``."""
    backbones_of: ClassVar[str | None] = None
    """The task whose backbones it takes, where sources of models do not name it."""

    @classmethod
    @abstractmethod
    def label(cls, options: Any) -> str:
        """The task's name for people."""

    @classmethod
    def narrow(cls, backbone: Any) -> Any:
        """What of a backbone is used; all of it unless the task says otherwise."""
        return backbone

    @classmethod
    @abstractmethod
    def read(
        cls, backbone: Any, dataset: Dataset, split: Split, *, cell: Cell | None = None, root: Path | None = None
    ) -> Examples:
        """A split as the backbone's weights want it, with its targets; large arrays are mapped from disk."""

    @classmethod
    @abstractmethod
    def assemble(cls, backbone: Any, *, num_classes: int, dropout: float = 0.0) -> Adapted:
        """The backbone with its preprocessing in front, a head behind, and the objective that it is trained by.

        Args:
            backbone: Of a source.
            num_classes: 0 where there are no classes.
            dropout: Before the head, where the task has a place for it.
        """

    @classmethod
    @abstractmethod
    def predict(
        cls,
        adapted: Adapted,
        predictor: Callable[[Any], Any],
        examples: Examples,
        *,
        class_names: tuple[str, ...],
        cell: Cell | None = None,
    ) -> Outputs:
        """What a fitted model says of some examples.

        Args:
            adapted: The fitted model.
            predictor: Makes a ``suite.training.predictor.Predictor`` of a Keras model.
            examples: Of ``read``.
            class_names: In the order of the logits; empty where there are no classes.
            cell: The cell of the trial, for a task that has settings of its own.
        """
