"""What a page is made of: the types that the two templates read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from suite.report import tables
from suite.report.sections.leaderboard import Board
from suite.report.tables import Table

__all__ = [
    "Alarm",
    "Answer",
    "Choice",
    "Drawing",
    "Errors",
    "Example",
    "ExampleGroup",
    "Fact",
    "Group",
    "Page",
    "Passage",
    "Reply",
    "Section",
]

OPEN_EXAMPLES = 4
"""Examples that are shown at once; the others open on demand."""


@dataclass(frozen=True)
class Drawing:
    """One chart of the page."""

    key: str
    """Unique in the page; also the image's file name."""
    title: str
    alt: str
    specification: dict[str, Any]
    """Vega-Lite, with the theme in it."""

    @property
    def image(self) -> str:
        """Where the Markdown twin finds the image."""
        return f"charts/{self.key}.svg"


@dataclass(frozen=True)
class Group:
    """Charts that are shown as tabs; one alone has none."""

    heading: str
    tabs: tuple[Drawing, ...]
    read: str = ""
    """How to read it, where the section does not say."""


@dataclass(frozen=True)
class Passage:
    """A text of an example."""

    text: str
    head: str
    """Its beginning, where the whole opens on demand; else empty."""


@dataclass(frozen=True)
class Reply:
    """What one cell says of an example."""

    model: str
    strategy: str
    colour: str
    shape: str
    text: Passage
    verdict: str = ""
    """``right`` or ``wrong``; empty where nothing can be said."""
    note: str = ""


@dataclass(frozen=True)
class Example:
    """One test example with what every model says of it."""

    id: str
    given: tuple[tuple[str, Passage], ...]
    """Title and text of what belongs to the example: source, reference, true class."""
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class ExampleGroup:
    """The examples of one data set."""

    heading: str
    examples: tuple[Example, ...]

    @property
    def first(self) -> tuple[Example, ...]:
        """Those that are shown at once."""
        return self.examples[:OPEN_EXAMPLES]

    @property
    def further(self) -> tuple[Example, ...]:
        """Those that open on demand."""
        return self.examples[OPEN_EXAMPLES:]


@dataclass(frozen=True)
class Section:
    """A part of the page between the leaderboard and the environment."""

    id: str
    title: str
    read: str
    charts: tuple[Group, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: bool = True
    """Whether tables open on demand."""
    first: Table | None = None
    """The table that is always open, before the folded ones."""
    sentences: tuple[str, ...] = ()
    """What follows from the charts and tables, generated."""
    opening: tuple[str, ...] = ()
    """The answer of the section, before its charts."""
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Sentences under a heading, which may be empty."""
    examples: tuple[ExampleGroup, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing under the title."""
        said = self.lists or self.sentences or self.opening
        return not (self.charts or self.tables or self.first or self.examples or said)


@dataclass(frozen=True)
class Fact:
    """One of the four facts under the answer."""

    value: str
    note: str


@dataclass(frozen=True)
class Answer:
    """What to take, for one data set."""

    dataset: str
    take: str
    reasons: tuple[str, ...]
    changes: tuple[str, ...] = ()
    """Other limits, and what they would give."""
    leading: str = ""
    """What leads so far, while there is no answer yet."""


@dataclass(frozen=True)
class Alarm:
    """An error or a warning of the checks, as it stands beside the answer."""

    severity: str
    where: str
    what: str
    mend: str


@dataclass(frozen=True)
class Choice:
    """One cell that the section on errors can show."""

    cell: str
    title: str


@dataclass(frozen=True)
class Errors:
    """The section on errors and confidence."""

    read: str
    read_still: str
    choices: tuple[Choice, ...] = ()
    chosen: str = ""
    title: str = ""
    confusion: Drawing | None = None
    reliability: Drawing | None = None
    confusion_read: str = ""
    reliability_read: str = ""
    per_class: Table = field(default_factory=lambda: tables.class_table(()))
    per_class_chart: Drawing | None = None
    per_class_read: str = ""
    absent: bool = False
    """Whether the section is left out: models that write have no classes."""


@dataclass(frozen=True)
class Page:
    """Everything that the two templates say."""

    version: str
    title: str
    kicker: str
    overall: str
    """What comes out best over several data sets; empty where there is one, or nothing to say."""
    answers: tuple[Answer, ...]
    folded: bool
    """Whether the reasons of each answer open on demand: there are many data sets."""
    answer_table: Table | None
    """What to take for each of many data sets; None where there are few, which have an answer each."""
    alarms: tuple[Alarm, ...]
    """What the checks found that makes a number wrong or misleading, worst first."""
    more_alarms: int
    """How many more there are in the section on checks."""
    remarks: tuple[str, ...]
    facts: tuple[Fact, ...]
    board_note: str
    board_note_still: str
    """The same for a leaderboard that draws nothing."""
    boards: tuple[Board, ...]
    metrics: tuple[Table, ...]
    before: tuple[Section, ...]
    errors: Errors
    after: tuple[Section, ...]
    environment: tuple[tuple[str, str], ...]
    environment_note: str
    commands: str
    reproduce_note: str

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """All charts of the page, in order."""
        sections = (*self.before, *self.after)
        placed = [tab for section in sections for group in section.charts for tab in group.tabs]
        of_cell = (self.errors.confusion, self.errors.reliability, self.errors.per_class_chart)
        return (*placed, *(drawing for drawing in of_cell if drawing is not None))

    @property
    def contents(self) -> tuple[tuple[str, str], ...]:
        """Anchor and title of every section."""
        return (
            ("answer", "Answer"),
            ("leaderboard", "Leaderboard"),
            *((section.id, section.title) for section in self.before),
            *(() if self.errors.absent else (("errors", "Errors and confidence"),)),
            *((section.id, section.title) for section in self.after),
            ("environment", "Environment"),
            ("reproduce", "Reproduce"),
        )
