"""The tuning ledger as a table: what each cell was given before it was judged."""

from __future__ import annotations

from collections.abc import Iterable

from suite.compare.comparison import CellSummary, Comparison, Ledger
from suite.compare.number_format import MISSING, count, duration, score
from suite.report.charts.rows import setting_text
from suite.report.tables import MODEL, STRATEGY, Box, Column, Table, cell_names

__all__ = ["ledger_table", "rules_sentence", "tries_box", "tries_sentence"]

MOST_VALUES = 4
"""Values of a searched option that are listed one by one."""


def tries_sentence(comparison: Comparison) -> str:
    """What the models of a strategy were given, seen from what was done."""
    tries: dict[tuple[str, str], set[int]] = {}
    for cell in comparison.cells:
        if cell.finished:
            tries.setdefault((cell.dataset, cell.strategy), set()).add(cell.ledger.candidates)
    if not tries:
        return "What each cell was given before it was judged."
    unequal = [strategy for (_, strategy), counts in tries.items() if len(counts) > 1]
    if unequal:
        return (
            f"Not every model got the same number of tries ({', '.join(dict.fromkeys(unequal))}): the table has them."
        )
    return "Every model of a strategy was given the same number of tries."


def rules_sentence(comparison: Comparison) -> str:
    """What all models learned from, and what chose inside their fits; who is an exception is named."""
    learned: dict[str, list[str]] = {}
    chose: dict[str, list[str]] = {}
    for cell in comparison.cells:
        if cell.ledger.learned_from is not None:
            learned.setdefault(cell.ledger.learned_from, []).append(cell.strategy)
        for name in cell.ledger.selected_by:
            chose.setdefault(name, []).append(cell.strategy)
    return " ".join(part for part in (_learned_sentence(learned), _chose_sentence(chose)) if part)


def _learned_sentence(learned: dict[str, list[str]]) -> str:
    if not learned:
        return ""
    if len(learned) > 1:
        more = ", ".join(dict.fromkeys(learned["train and validation"]))
        return (
            f"Not all models learned from the same labels: those of {more} were fitted again on training and "
            "validation examples together, the others on training examples alone."
        )
    if "train" in learned:
        return "All models learned from the training examples alone; the validation examples only chose."
    return "What validation chose was fitted again on training and validation examples together, for all models."


def _chose_sentence(chose: dict[str, list[str]]) -> str:
    if not chose:
        return ""
    names = {name: "the loss" if name == "loss" else name.replace("_", " ") for name in chose}
    if len(chose) == 1:
        return f"Inside a fit - epochs, penalties, numbers of neighbours - {next(iter(names.values()))} chose."
    parts = (f"{names[name]} ({', '.join(dict.fromkeys(strategies))})" for name, strategies in chose.items())
    return f"Inside a fit - epochs, penalties, numbers of neighbours - chose: {', '.join(parts)}."


def ledger_table(cells: Iterable[CellSummary]) -> Table:
    """What each cell was given before it was judged."""
    columns = (
        Column("settings tried", number=True, best_high=True),
        Column("space", long=True, narrow=False),
        Column("fits", number=True, best_high=True),
        Column("epochs", number=True, best_high=True),
        Column("time", number=True, best_high=True),
        Column("best", "validation", number=True, best_high=True),
        Column("median", "validation", number=True, best_high=True, narrow=False),
        Column("worst", "validation", number=True, best_high=True, narrow=False),
        Column("chosen", long=True),
    )
    rows = []
    for cell in cells:
        ledger = cell.ledger
        chosen = dict.fromkeys(setting_text(searched_part(choice, ledger.space)) for choice in ledger.chosen)
        rows.append(
            (
                *cell_names(cell),
                Box(count(ledger.candidates), ledger.candidates, title=_search_note(ledger)),
                Box(_space_text(ledger)),
                Box(count(ledger.fits), ledger.fits),
                Box(count(ledger.epochs), ledger.epochs),
                Box(duration(ledger.seconds), ledger.seconds),
                *(Box(score(one), "" if one is None else one) for one in (ledger.best, ledger.median, ledger.worst)),
                Box("; ".join(chosen) or MISSING),
            )
        )
    return Table("Ledger in numbers", (MODEL, STRATEGY, *columns), tuple(rows))


def tries_box(ledger: Ledger) -> Box:
    """The budget beside the score: settings tried, and on demand their space, epochs and seconds."""
    if not ledger.fits:
        return Box(MISSING, "")
    parts = [_space_text(ledger), f"{count(ledger.epochs)} epochs", f"{duration(ledger.seconds)} in all"]
    return Box(count(ledger.candidates), ledger.candidates, title="; ".join(part for part in parts if part != MISSING))


def _search_note(ledger: Ledger) -> str:
    """How the settings came about."""
    if ledger.sampler is None:
        return ""
    given_up = f"; {ledger.pruned} given up before their last epoch" if ledger.pruned else ""
    return f"sampler {ledger.sampler}{given_up}"


def _space_text(ledger: Ledger) -> str:
    """The search space: as the spec has it, else the ends or the values of what was tried."""
    if ledger.declared:
        return "; ".join(f"{name.replace('_', ' ')} {words}" for name, words in ledger.declared.items())
    found = []
    for name, values in ledger.space.items():
        several = len(values) > MOST_VALUES and all(isinstance(value, int | float) for value in values)
        said = f"{values[0]:.2g} to {values[-1]:.2g}" if several else ", ".join(map(str, values[:MOST_VALUES]))
        found.append(f"{name.replace('_', ' ')} {said}")
    return "; ".join(found) if ledger.candidates > 1 else MISSING


def searched_part(choice: dict[str, object], space: dict[str, tuple[object, ...]]) -> dict[str, object]:
    """The hyperparameters that were searched; all of them where nothing was."""
    return {name: value for name, value in choice.items() if name in space} if space else choice
