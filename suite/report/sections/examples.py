"""Test examples on the page: what models write side by side, and where classifiers disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from suite.compare.comparison import CellSummary, Comparison, Disagreements, SideBySide
from suite.compare.number_format import count, percent, plural, thin, thing
from suite.report.charts.rows import all_models, all_strategies
from suite.report.charts.theme import model_colours, strategy_shapes
from suite.report.layout import Example, ExampleGroup, Passage, Reply, Section

__all__ = ["disagreements_section", "written_section"]

SHORT = 260
"""Letters of a text that are always shown; the rest opens on demand."""
WRITTEN_READ = (
    "The same test examples for every model, chosen by a hash of their ids and not by what was written. Of each model "
    "its best cell is shown, by its first seed."
)
DISAGREE_READ = (
    "The test examples that models name most differently, the surest wrong answers first. Of each model its best cell "
    "is shown, by its first seed, with the probability that it gives its answer. Look here for wrong labels too."
)


def written_section(comparison: Comparison) -> tuple[Section, ...]:
    """What they write, side by side; nothing where no model writes."""
    if not comparison.generations:
        return ()
    names = _Names(comparison)
    groups = tuple(
        ExampleGroup(_heading(comparison, one.dataset), tuple(_written(one, names))) for one in comparison.generations
    )
    return (Section("written", "What they write", WRITTEN_READ, examples=groups),)


def disagreements_section(comparison: Comparison) -> tuple[Section, ...]:
    """Where they disagree; nothing with fewer than two models of classes."""
    if not comparison.disagreements:
        return ()
    names, noun = _Names(comparison), thing(comparison.task)
    groups = tuple(
        ExampleGroup(_heading(comparison, one.dataset), tuple(_disagreed(one, names, noun)))
        for one in comparison.disagreements
        if one.shown
    )
    said = tuple(thin(_counted(comparison, one)) for one in comparison.disagreements)
    section = Section("disagreements", "Where they disagree", DISAGREE_READ, examples=groups, sentences=said)
    return (section,)


class _Names:
    """How the page marks a cell: name, colour of its model, shape of its strategy."""

    def __init__(self, comparison: Comparison) -> None:
        self.colours = model_colours(all_models(comparison))
        self.shapes = strategy_shapes(all_strategies(comparison))
        self.cell: Callable[[str], CellSummary] = {one.cell_id: one for one in comparison.cells}.__getitem__

    def reply(self, cell_id: str, text: Passage, *, verdict: str = "", note: str = "") -> Reply:
        """What a cell says of an example."""
        cell = self.cell(cell_id)
        colour, shape = self.colours[cell.model], self.shapes[cell.strategy]
        return Reply(cell.model, cell.strategy, colour, shape, text, verdict, note)


def _heading(comparison: Comparison, dataset: str) -> str:
    return dataset if len(comparison.datasets) > 1 else ""


def _written(found: SideBySide, names: _Names) -> Iterator[Example]:
    for one in found.shown:
        source = (("Source", _passage(one.source)),) if one.source else ()
        replies = tuple(names.reply(cell, _passage(text)) for cell, text in zip(found.cells, one.texts, strict=True))
        yield Example(one.example_id, (*source, ("Reference", _passage(one.reference))), replies)


def _disagreed(found: Disagreements, names: _Names, noun: str) -> Iterator[Example]:
    for one in found.shown:
        several = len(one.texts) > 1
        titles = [f"{noun.capitalize()} {index}" if several else noun.capitalize() for index in (1, 2)]
        texts = one.texts or (one.example_id,)
        shown = tuple(zip(titles, map(_passage, texts), strict=False))
        replies = tuple(
            names.reply(
                cell,
                _passage(answer.answer),
                verdict="right" if answer.right else "wrong",
                note=percent(answer.confidence),
            )
            for cell, answer in zip(found.cells, one.answers, strict=True)
        )
        name = one.example_id if one.texts else ""  # said above already
        yield Example(name, (*shown, ("True class", _passage(one.truth))), replies)


def _counted(comparison: Comparison, found: Disagreements) -> str:
    """How often they disagree, and how often none is right."""
    where = f"{found.dataset}: " if len(comparison.datasets) > 1 else ""
    models = plural(len(found.cells), "model")
    text = f"{where}The {models} do not all agree on {count(found.differing)} of {count(found.examples)} test examples"
    share = f" ({percent(found.differing / found.examples)})"
    wrong = f"; {'none' if not found.all_wrong else count(found.all_wrong)} of all examples "
    wrong += "is named wrongly by every one." if found.all_wrong <= 1 else "are named wrongly by every one."
    return text + share + wrong


def _passage(text: str) -> Passage:
    """A text with what is shown of it at first: its whole, or its beginning up to the end of a word."""
    if len(text) <= SHORT * 1.2:
        return Passage(text, "")
    head = text[:SHORT].rsplit(maxsplit=1)[0] if " " in text[:SHORT] else text[:SHORT]
    return Passage(text, f"{head} …")
