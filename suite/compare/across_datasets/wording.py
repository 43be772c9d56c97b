"""The comparison over data sets in sentences: what comes out best, what the tests say, what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from suite.compare.across_datasets.records import Across, Friedman, MethodAcross
from suite.compare.advice.wording import adapted
from suite.compare.statistics.rank_tests import FEWEST_DATASETS, SIGNIFICANT, fewest_datasets

__all__ = ["answer_of", "chance_of", "sentences_of"]

THIN = "\u2009"
MOST_NAMED = 3


def answer_of(across: Across) -> str | None:
    """What has the best mean rank, over how many data sets, and what it can be told apart from."""
    if not across.methods:
        return None
    best = [method for method in across.methods if method.place == 1]
    rank = f"{across.methods[0].mean_rank.value:.2f} of {len(across.methods)} methods"
    over = f"on {len(across.datasets)} of {across.of} data sets"
    if len(best) == 1:
        return f"Across data sets, {_named(best[0])}, comes out best: mean rank {rank}, {over}; {_standing(across)}."
    if len(best) == 2:
        both = f"{_named(best[0])}, and {_named(best[1])},"
    else:
        both = f"{_named(best[0])}, and {len(best) - 1} more"
    return f"Across data sets, {both} share the best mean rank: {rank}, {over}."


def sentences_of(across: Across) -> tuple[str, ...]:
    """Everything that the section says beside the diagram and the table."""
    return tuple(_sentences(across))


def chance_of(p_value: float) -> str:
    """A p-value in words: ``p = 0.020``, ``p < 0.001``."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def _sentences(across: Across) -> Iterator[str]:
    if not across.methods:
        yield _nothing(across)
    elif across.friedman is not None:
        yield _differ(across.friedman)
    yield from _pairwise(across)
    if across.nemenyi is not None:
        yield (
            f"In the diagram, mean ranks less than {across.nemenyi.critical_difference:.2f} apart cannot be told apart "
            f"(Nemenyi's test at 5{THIN}%, all pairs together)."
        )
    for out in across.left_out:
        yield (f"{out.dataset} does not count: {out.finished} of {out.of} methods have a score on it, fewer than half.")
    if across.methods and across.lacking:
        yield _apart(across)


def _apart(across: Across) -> str:
    """Who is not compared, by name as far as there is room."""
    named = [f"{method.model} with {method.strategy}" for method in across.lacking[:MOST_NAMED]]
    more = len(across.lacking) - len(named)
    names = "; ".join([*named, *([f"{more} more"] if more else [])])
    verb = "lacks a data set and is" if len(across.lacking) == 1 else "lack a data set each, or more, and are"
    return f"{names} {verb} listed apart: a mean over fewer data sets would not be comparable."


def _nothing(across: Across) -> str:
    """Why no method can be compared."""
    if len(across.datasets) < 2:
        count = len(across.datasets)
        return (
            f"Nothing can be compared over data sets yet: {count or 'no'} {_plural(count, 'data set')} of "
            f"{across.of} {'has' if count == 1 else 'have'} scores of at least half of the methods."
        )
    return (
        f"Nothing can be compared over data sets: fewer than two methods have a score on each of the "
        f"{len(across.datasets)} data sets that count."
    )


def _differ(test: Friedman) -> str:
    """What Friedman's test says, with its numbers."""
    numbers = f"chi-square {test.chi_square:.2f} with {test.degrees} degrees of freedom"
    if test.f is not None:
        numbers = f"F {test.f:.2f} with {test.f_degrees[0]} and {test.f_degrees[1]} degrees of freedom; {numbers}"
    numbers = f"{chance_of(test.p_value)}; {numbers}"
    if test.p_value < SIGNIFICANT:
        return f"The methods differ: chance alone rarely sets mean ranks this far apart (Friedman's test, {numbers})."
    return (
        f"It does not show that the methods differ: chance alone sets ranks as far apart (Friedman's test, {numbers})."
    )


def _pairwise(across: Across) -> Iterator[str]:
    """What the pairwise test says, or how many data sets it would need."""
    if not across.methods:
        return
    pairs, have = len(across.pairs), len(across.datasets)
    needed = fewest_datasets(pairs)
    if have < FEWEST_DATASETS:
        yield (
            f"{have} data sets are too few for a test: with fewer than {FEWEST_DATASETS}, winning on every one of "
            f"them could still be chance (p = {2.0 ** (1 - have):.2g} in Wilcoxon's test), and to tell apart one of "
            f"{pairs} {_plural(pairs, 'pair')} takes {needed}. Ranks and means are shown as they are."
        )
    elif have < needed:
        yield (
            f"No pair can be tested: among {pairs} pairs, and corrected for so many, a method that wins on every data "
            f"set can be told apart from {needed} data sets on; there are {have}."
        )
    else:
        told = sum(pair.different for pair in across.pairs)
        yield (
            f"{told} of {pairs} {_plural(pairs, 'pair')} can be told apart (Wilcoxon's signed-rank test on "
            "the scores, corrected for all pairs by Holm's method). It looks at two methods alone, where a verdict by "
            "mean ranks hangs on which others take part (Benavoli, Corani and Mangili 2016)."
        )


def _standing(across: Across) -> str:
    """What the best can be told apart from."""
    own = [pair for pair in across.pairs if pair.first == 0]
    if any(pair.p_holm is None for pair in own):
        return f"{len(across.datasets)} data sets are too few to test it against the others"
    better = sum(pair.different and pair.favours == "first" for pair in own)
    if better == len(own):
        return "it can be told apart from every other" if better > 1 else "it can be told apart from the other"
    if better == 0:
        return "it cannot be told apart from any other" if len(own) > 1 else "it cannot be told apart from the other"
    return f"it can be told apart from {better} of the {len(own)} others"


def _named(method: MethodAcross) -> str:
    return f"{method.model}, {adapted(method)}"


def _plural(count: int, one: str) -> str:
    return one if count == 1 else f"{one}s"
