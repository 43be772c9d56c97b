"""What would settle a comparison that is open: more test examples, more seeds, or which of both.

One function for every place that asks for more of either: the next steps of a recommendation, the check ``test_size``
and what is said of a change between two runs.  The part of a variance that comes from examples falls with their number,
the part that comes from seeds with theirs; seeds that change nothing are never asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suite.compare.advice.wording import THIN, called, points
from suite.compare.cell import CellSummary, MetricInfo
from suite.compare.comparison import Difference

__all__ = ["OpenPair", "Settling", "open_pair", "seeds_coincide", "what_settles"]

NEGLIGIBLE = 0.01
"""Seeds with a smaller share of the variance are no part of the question."""
MOST_SEEDS = 30
"""More are not worth it; test examples are asked for then, or both."""
HOPELESS = 100.0
"""A difference that takes more than so many times as much of everything is none that matters."""


@dataclass(frozen=True)
class Settling:
    """What would show a difference, if it stays as large, in four of five tries."""

    words: str
    """After "to show it takes": ``7 seeds each instead of 3, or about 1 400 test examples instead of 360``."""
    ask: str
    """``more seeds``, ``more test examples``, ``more seeds and more test examples``; ``nothing`` where it would be more
    than anybody has."""
    examples: int | None = None
    """Test examples that would do with the seeds as they are; None where no number would."""
    seeds: int | None = None
    """Seeds that would do with the test examples as they are; None where no number would."""


@dataclass(frozen=True)
class OpenPair:
    """The best of a ranking and the next one that it cannot be told apart from."""

    first: CellSummary
    second: CellSummary
    difference: float
    settling: Settling
    text: str
    """As one sentence."""


def what_settles(
    difference: float,
    detectable: float,
    *,
    examples: int,
    seeds: int,
    seed_share: float,
    whose: str = "each",
    on_test: str = "test examples",
) -> Settling | None:
    """What it takes to show a difference; None where it is 0 or shows already.

    With n examples and m seeds the smallest difference that shows has the square
    ``detectable ** 2 * ((1 - share) * examples / n + share * seeds / m)``.

    Args:
        difference: Without its sign.
        detectable: The smallest that shows in four of five tries now.
        examples: Test examples now; 0 where that is not known.
        seeds: Seeds now, of the cell that has fewer.
        seed_share: How much of the variance comes from seeds.
        whose: Whose seeds these are: ``each``, or a name.
        on_test: What the examples are called.
    """
    if difference <= 0 or detectable <= difference:
        return None
    room = (difference / detectable) ** 2
    share = seed_share if seed_share > NEGLIGIBLE else 0.0
    if room * HOPELESS < 1:
        times = "seeds and test examples" if share else on_test
        return Settling(f"more than {HOPELESS:.0f} times as many {times}", "nothing")
    by_examples = _needed(examples, 1 - share, room - share)
    by_seeds = _needed(seeds, share, room - (1 - share)) if share else None
    few = by_seeds if by_seeds is not None and by_seeds <= MOST_SEEDS else None
    many = by_examples if by_examples is not None and by_examples <= HOPELESS * examples else None
    said_seeds = f"{few} seeds {whose} instead of {seeds}" if few else ""
    said_examples = f"about {_rounded(many)} {on_test} instead of {_whole(examples)}" if many else ""
    if few and many:
        return Settling(f"{said_seeds}, or {said_examples}", "more seeds", many, few)
    if few:
        return Settling(said_seeds, "more seeds", None, few)
    if many:
        return Settling(said_examples, "more test examples", many, by_seeds)
    both = math.ceil(seeds / room)
    if both > MOST_SEEDS:
        return Settling(
            f"more than {MOST_SEEDS} seeds {whose}{' and more test examples' if examples else ''}", "nothing"
        )
    rest = f" together with about {_rounded(math.ceil(examples / room))} {on_test} instead of {_whole(examples)}"
    ask = "more seeds and more test examples" if examples else "more seeds"
    return Settling(f"{both} seeds {whose} instead of {seeds}{rest if examples else ''}", ask)


def open_pair(
    ranked: Sequence[CellSummary],
    pairs: Mapping[tuple[str, str], Difference],
    metric: MetricInfo,
    *,
    examples: int | None,
) -> OpenPair | None:
    """What would tell the best from the next one; None where that is told apart, or nothing can be tested.

    A cell with the very same score is passed over: no number of anything tells it from the best.

    Args:
        ranked: The cells that count, best first.
        pairs: Their differences by the ids of the better and the worse cell.
        metric: The headline.
        examples: Test examples.
    """
    for second in ranked[1:]:
        pair = pairs.get((ranked[0].cell_id, second.cell_id))
        if pair is None or pair.difference is None or pair.different:
            return None
        if pair.difference > 0:
            known = pair.smallest_detectable is not None
            return _open(ranked[0], second, pair, metric, examples or 0) if known else None
    return None


def seeds_coincide(cell: CellSummary) -> bool:
    """Whether several seeds gave the very same score, as they do where nothing is left to chance."""
    score = cell.headline
    return score is not None and len(score.seeds) > 1 and score.lowest_seed == score.highest_seed


def _open(
    first: CellSummary, second: CellSummary, pair: Difference, metric: MetricInfo, examples: int
) -> OpenPair | None:
    varying = [cell for cell in (first, second) if not seeds_coincide(cell)]
    found = what_settles(
        pair.difference or 0.0,
        pair.smallest_detectable or 0.0,
        examples=examples,
        seeds=min((_seeds(cell) for cell in varying), default=1),
        seed_share=(pair.seed_share or 0.0) if varying else 0.0,
        whose="each" if len(varying) != 1 else f"of {called(varying[0])}",
    )
    if found is None:
        return None
    text = (
        f"To tell {called(first)} from {called(second)}, {points(pair.difference or 0.0, metric)} behind, takes "
        f"{found.words}"
    )
    text += ": choose between them by cost" if found.ask == "nothing" else ", if the difference stays as large"
    unknown = [called(cell) for cell in varying if _seeds(cell) == 1 and any(curve.epochs for curve in cell.curves)]
    if unknown and found.ask != "nothing":
        text += f"; of {' and '.join(unknown)} there is one seed, so that a second one comes first"
    return OpenPair(first, second, pair.difference or 0.0, found, f"{text}.")


def _seeds(cell: CellSummary) -> int:
    return len(cell.headline.seeds) if cell.headline is not None else 1


def _needed(now: int, share: float, room: float) -> int | None:
    return math.ceil(now * share / room) if room > 0 and now else None


def _rounded(number: int) -> str:
    """Two digits: the estimate is no better."""
    return _whole(round(number, -max(0, len(str(number)) - 2)))


def _whole(number: int) -> str:
    return f"{number:,}".replace(",", THIN)
