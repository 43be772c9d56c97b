"""Single test examples that a report shows: what models write for them, and where classifiers disagree."""

from __future__ import annotations

from suite.store.records.result import Record

__all__ = ["Answered", "Disagreement", "Disagreements", "SideBySide", "WrittenExample"]


class Answered(Record):
    """What one cell, by its first seed, says of one test example."""

    answer: str
    """Name of the class."""
    confidence: float
    """Its probability."""
    right: bool


class Disagreement(Record):
    """One test example that models name differently."""

    example_id: str
    texts: tuple[str, ...]
    """One or two texts; empty for images, and where texts were not kept."""
    truth: str
    answers: tuple[Answered, ...]
    """In the order of the cells."""


class Disagreements(Record):
    """The test examples of one data set on which models disagree the most."""

    dataset: str
    cells: tuple[str, ...]
    """Cell ids: the best cell of each model, by rank."""
    examples: int
    """Test examples."""
    differing: int
    """Examples that not all of the cells name alike."""
    all_wrong: int
    """Examples that all of the cells name wrongly."""
    shown: tuple[Disagreement, ...]
    """Those with the most different answers first, of equal ones those with the surest wrong answer."""


class WrittenExample(Record):
    """One test example with what every cell wrote for it."""

    example_id: str
    source: str
    reference: str
    texts: tuple[str, ...]
    """In the order of the cells."""


class SideBySide(Record):
    """What models write for the same test examples of one data set."""

    dataset: str
    cells: tuple[str, ...]
    """Cell ids: the best cell of each model, by rank."""
    examples: int
    """Test examples."""
    shown: tuple[WrittenExample, ...]
    """Chosen by a hash of their ids, whatever the models write."""
