"""Check ``rates``: learning rates far outside what is usual for their strategy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from suite.lint.subjects import LooksAt
from suite.registry import STRATEGIES
from suite.spec.learning_rates import SMALL_SOURCES, UsualRates, rates_of, usual_rates
from suite.spec.plan import Plan
from suite.spec.trial import Cell
from suite.store.records.check import Finding

__all__ = ["Rates"]

FAR = 3.0
"""Times beyond an end of the usual range."""
NAMED = 5


class Rates:
    """The rates that a cell tries against the usual range of its strategy, optimiser and size of backbone."""

    summary: ClassVar[str] = "learning rates far outside the usual range of a strategy"
    looks_at: ClassVar[tuple[LooksAt, ...]] = ("plan",)

    @classmethod
    def findings(cls, subject: Plan) -> Iterator[Finding]:
        """One finding per strategy and kind of backbone, where every rate that is tried lies far outside."""
        found: dict[tuple[str, UsualRates, tuple[float, ...]], dict[str, None]] = {}
        for cell in subject.cells:
            usual, rates = _usual(cell), rates_of(cell)
            if usual is not None and rates and (min(rates) > FAR * usual.high or max(rates) < usual.low / FAR):
                found.setdefault((cell.labels[2], usual, rates), {})[cell.labels[0]] = None
        for (strategy, usual, rates), models in found.items():
            yield _finding(strategy, usual, rates, list(models))


def _usual(cell: Cell) -> UsualRates | None:
    strategy = cell.strategy.strategy
    options = cell.strategy.options(STRATEGIES.get(strategy))
    return usual_rates(
        strategy,
        unfreeze=getattr(options, "unfreeze", "all"),
        optimizer=getattr(options, "optimizer", "adamw"),
        small=cell.model.source in SMALL_SOURCES,
    )


def _finding(strategy: str, usual: UsualRates, rates: tuple[float, ...], models: list[str]) -> Finding:
    high = min(rates) > usual.high
    tried = f"{rates[0]:g}" if len(rates) == 1 else f"{min(rates):g} to {max(rates):g}"
    named = ", ".join(models[:NAMED]) + (f" and {len(models) - NAMED} more" if len(models) > NAMED else "")
    return Finding(
        check="rates",
        severity="warning",
        what=f"The learning rate {tried} is far {'above' if high else 'below'} what is usual, {usual.low:g} to "
        f"{usual.high:g} ({usual.source}).",
        where=f"{strategy}: {named}",
        why="At high rates the pretrained weights are lost within a few steps; the score is then that of the setting, "
        "not of the model."
        if high
        else "So small a rate hardly moves the weights in so few steps; the score is that of the start.",
        mend=f'Search it: "search": {{"space": {{"learning_rate": {{"low": {usual.low:g}, "high": {usual.high:g}, '
        '"log": true}}}, the same for every model.',
    )
