"""Label budgets: how many labelled examples a trial may learn from (``train_examples`` of the spec).

A budget is a number of examples per class (``5``), a share of the training split (``"25%"``), or ``"all"``.
How many examples of each class that is, follows from the class sizes alone; which ones is decided in
``suite.data.labelled``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

__all__ = [
    "ALL",
    "Budget",
    "LabelBudgets",
    "StoredBudget",
    "allowance",
    "allowance_beside",
    "budget_of",
    "parse_budget",
    "short_class",
    "spending_place",
    "words_of",
]

ALL = "all"
Budget = int | str
"""As ``parse_budget`` returns it: a number from 1, a share above 0 and below 100 per cent, or ``"all"``."""
MOST = 2**31
EXPECTED = 'expected a number of examples per class such as 5, a share such as "25%", or "all"'
SHARE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*%\s*", re.ASCII)
THIN = "\u202f"


def parse_budget(value: Any) -> Budget:
    """A budget in its normal form: ``"25.0 %"`` is ``"25%"``, and ``"100%"`` is ``"all"``.

    Raises:
        ValueError: Saying what was expected.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value < MOST:
            raise ValueError("expected at least 1 example per class" if value < 1 else EXPECTED)
        return value
    if value == ALL:
        return ALL
    found = SHARE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(EXPECTED)
    share = Fraction(found[1])
    if not 0 < share <= 100:
        raise ValueError("expected a share above 0 % and of at most 100 %")
    return ALL if share == 100 else f"{_plain(found[1])}%"


def budget_of(trial: Mapping[str, Any]) -> Budget:
    """The budget of a trial's stored JSON; all labels where it has none, or one that is none."""
    try:
        return parse_budget(trial.get("train_examples", ALL))
    except ValueError:
        return ALL


def _plain(digits: str) -> str:
    """Without zeros that mean nothing: ``012.50`` is ``12.5``."""
    whole, _, rest = digits.partition(".")
    rest = rest.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{rest}" if rest else "")


StoredBudget = Annotated[Budget, PlainValidator(parse_budget)]
"""One in a stored document."""


def _each_once(budgets: tuple[Budget, ...]) -> tuple[Budget, ...]:
    twice = next((one for one in budgets if budgets.count(one) > 1), None)
    if twice is not None:
        raise ValueError(f"expected every budget once, and {_quoted(twice)} is there twice")
    return budgets


def _quoted(budget: Budget) -> str:
    return f'"{budget}"' if isinstance(budget, str) else str(budget)


LabelBudgets = Annotated[
    tuple[
        Annotated[
            Budget,
            PlainValidator(parse_budget),
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "integer", "minimum": 1},
                        {"type": "string", "pattern": r"^(all|\s*\d{1,9}(\.\d{1,9})?\s*%\s*)$"},
                    ]
                }
            ),
        ],
        ...,
    ],
    Field(min_length=1),
    AfterValidator(_each_once),
]


def allowance(budget: Budget, counts: Sequence[int]) -> tuple[int, ...]:
    """How many examples of each class a budget is.

    A share is rounded to the nearest number for each class by itself (halves up) and is at least one, so that a
    larger share never has fewer examples of any class: rounding for the sake of the total would not hold that.

    Args:
        budget: In its normal form.
        counts: Training examples of each class.

    Returns:
        One number per class, at most its count; see ``short_class`` for classes that have too few.
    """
    if budget == ALL:
        return tuple(counts)
    if isinstance(budget, int):
        return tuple(min(budget, count) for count in counts)
    share = Fraction(budget.removesuffix("%")) / 100
    return tuple(min(count, max(1, _nearest(count * share))) for count in counts)


def allowance_beside(taken: Sequence[int], counts: Sequence[int], others: Sequence[int]) -> tuple[int, ...]:
    """How many validation examples go with ``taken`` of ``counts`` training examples: the same share of each class.

    Args:
        taken: Training examples of each class within the budget.
        counts: All training examples of each class.
        others: All validation examples of each class.

    Returns:
        One number per class: rounded to the nearest, at least one where the class has any.
    """
    return tuple(
        min(other, max(1, _nearest(Fraction(other * own, count)))) if count else other
        for own, count, other in zip(taken, counts, others, strict=True)
    )


def short_class(budget: Budget, counts: Sequence[int]) -> int | None:
    """The index of the smallest class with fewer examples than a budget asks for; None where all have enough."""
    least = min(range(len(counts)), key=lambda index: counts[index])
    return least if isinstance(budget, int) and counts[least] < budget else None


def words_of(budget: Budget, per_class: float | None = None) -> str:
    """A budget in a sentence: ``5 labels per class``, ``25 % of the labels (20 per class)``, ``all labels``.

    Args:
        budget: In its normal form.
        per_class: Mean training examples per class, where it is known.
    """
    if isinstance(budget, int):
        return f"{budget:,} label{'' if budget == 1 else 's'} per class"
    said = "all labels" if budget == ALL else f"{budget.removesuffix('%')}{THIN}% of the labels"
    return said if per_class is None else f"{said} ({per_class:,.{0 if per_class >= 9.95 else 1}f} per class)"


def spending_place(dataset: str, budget: Budget) -> str:
    """What the time budget of a search is counted for: each label budget of a data set by itself, so that listing
    further ones takes no time from the search with all labels.
    """
    return dataset if budget == ALL else f"{dataset}\0{budget}"


def _nearest(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
