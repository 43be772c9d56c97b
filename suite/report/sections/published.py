"""What the page says differently of published results: nothing was run here, and nothing can be paired."""

from __future__ import annotations

from suite.compare.comparison import Comparison
from suite.compare.number_format import MISSING, count, plural
from suite.report.layout import Fact

__all__ = ["BOARD_NOTE", "ENVIRONMENT_NOTE", "REPRODUCE_NOTE", "RUN_NOTE", "published_facts"]

BOARD_NOTE = (
    "Each row is a cell: one model, adapted one way. The score is the one of the table, or the mean where it has "
    "several. On the whole page colour is the model and shape the strategy."
)
ENVIRONMENT_NOTE = "Nothing was run here; where the numbers were made, the table does not say."
REPRODUCE_NOTE = "These lines read the same tables again."
RUN_NOTE = "These lines run the same trials again; finished ones are not repeated."


def published_facts(comparison: Comparison) -> tuple[Fact, ...]:
    """What was compared and how much of it the tables have; nothing is known of test sets and costs."""
    facts = comparison.facts
    compared = [plural(facts.strategies, "strategy", "strategies"), plural(facts.datasets, "data set")]
    gone = facts.trials_planned - facts.trials_finished
    there = f"values are there, {count(gone) if gone else 'none'} missing"
    return (
        Fact(plural(facts.models, "model"), ", ".join(compared)),
        Fact(f"{count(facts.trials_finished)} of {count(facts.trials_planned)}", there),
        Fact(MISSING, "test examples: not in the table"),
        Fact(MISSING, "time and costs: not in the table"),
    )
