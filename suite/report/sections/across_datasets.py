"""The section "Across data sets": diagram, table and sentences, where there is more than one data set."""

from __future__ import annotations

import statistics

from suite.compare.across_datasets.records import Across, MeanOver, MethodAcross, MethodPair
from suite.compare.across_datasets.wording import chance_of
from suite.compare.comparison import Comparison
from suite.compare.number_format import MISSING, score, thin
from suite.registry import CHARTS
from suite.report.charts.method_rows import drawn_note
from suite.report.charts.render import specification
from suite.report.layout import Drawing, Group, Section
from suite.report.tables import MODEL, STRATEGY, Box, Column, Table

__all__ = ["across_section"]

DRAWN = ("critical_difference", "ranks")
MOST_NARROW = 12
"""Data sets whose ranks the Markdown twin has room for."""
FORMS = ("{:.2f}", "{:.3f}", "{:.3f}", "{:.2f}", "{:.3f}")
READ = (
    "A method is a model with a strategy; on each data set the methods are ranked by their score, and the mean rank "
    "says how a method does over all of them. Every mean covers the same data sets for every method."
)


def across_section(comparison: Comparison) -> tuple[Section, ...]:
    """The section; none where there is one data set."""
    across = comparison.across
    if across is None:
        return ()
    compared = (_ranks_table(across), _against_the_best(across)) if across.methods else ()
    folded = tuple(table for table in (_lacking_table(across), *compared) if table.rows)
    return (
        Section(
            "across",
            "Across data sets",
            READ,
            charts=tuple(_groups(comparison, across)),
            tables=folded,
            first=_methods_table(comparison, across) if across.methods else None,
            sentences=tuple(map(thin, across.sentences)),
        ),
    )


def _groups(comparison: Comparison, across: Across) -> list[Group]:
    groups = []
    for name in DRAWN:
        variant = CHARTS.get(name)
        chart = variant.build(comparison)
        if chart is not None:
            note = drawn_note(across)
            read = f"{variant.how_to_read} Drawn: {note}." if note else variant.how_to_read
            drawing = Drawing(
                name, variant.title, f"{variant.title}: {variant.summary}", specification(chart, known=True)
            )
            groups.append(Group(variant.title, (drawing,), thin(read)))
    return groups


def _methods_table(comparison: Comparison, across: Across) -> Table:
    """Every compared method, best mean rank first."""
    high = comparison.headline.higher_is_better
    columns = (
        MODEL,
        STRATEGY,
        *((Column("from the best"),) if _tested(across) else ()),
        Column("mean rank", number=True),
        Column(f"mean {comparison.headline.label}", number=True, best_high=high),
        Column("normalised", "0 to 1", number=True, best_high=True),
        Column("z-score", number=True, best_high=True),
        Column("contests won", number=True, best_high=True),
        Column("first places", number=True, best_high=True),
        Column("data sets", number=True, best_high=True),
    )
    return Table("Methods", columns, tuple(_method_row(place, across) for place in range(len(across.methods))))


def _method_row(place: int, across: Across) -> tuple[Box, ...]:
    method = across.methods[place]
    over = method.mean_rank
    return (
        Box(method.model),
        Box(method.strategy),
        *((_from_the_best(place, across),) if _tested(across) else ()),
        *(_mean(mean, over.count, form) for mean, form in zip(_means(method), FORMS, strict=True)),
        Box(str(method.wins), method.wins, f"of {len(across.datasets)} data sets, shared ones too"),
        Box(f"{over.count}/{over.of}", over.count),
    )


def _tested(across: Across) -> bool:
    """Whether the pairs were tested: for that there must be data sets enough."""
    return all(pair.p_holm is not None for pair in across.pairs)


def _from_the_best(place: int, across: Across) -> Box:
    """Whether a method can be told apart from the one of the best mean rank."""
    pair = next((one for one in across.pairs if (one.first, one.second) == (0, place)), None)
    return Box(MISSING, "") if pair is None else Box("told apart" if pair.different else "not told apart")


def _means(method: MethodAcross) -> tuple[MeanOver, ...]:
    return method.mean_rank, method.score, method.normalised, method.z_score, method.win_rate


def _mean(mean: MeanOver, over: int, form: str) -> Box:
    """The mean; with its data sets beside it, where it covers fewer than the row says."""
    if mean.value is None:
        return Box(MISSING, "", "all methods are equal on every data set")
    text = form.format(mean.value).replace("-", "−")
    fewer = f" ({mean.count}/{mean.of})" if mean.count < over else ""
    return Box(text + fewer, mean.value, f"mean over {mean.count} of {mean.of} data sets")


def _lacking_table(across: Across) -> Table:
    """Methods that are not compared, and what each lacks."""
    columns = (MODEL, STRATEGY, Column("data sets", number=True, best_high=True), Column("missing", long=True))
    rows = tuple(
        (
            Box(method.model),
            Box(method.strategy),
            Box(f"{method.finished}/{len(across.datasets)}", method.finished),
            Box("; ".join(f"{one.dataset} ({one.reason.rstrip('.')})" for one in method.missing)),
        )
        for method in across.lacking
    )
    return Table("Not compared: without a score on some data set", columns, rows)


def _ranks_table(across: Across) -> Table:
    """The rank on each data set, with the score when pointing at it."""
    columns = (MODEL, STRATEGY, *(Column(dataset, number=True) for dataset in across.datasets))
    rows = tuple(
        (
            Box(method.model),
            Box(method.strategy),
            *(
                Box(f"{rank:g}", rank, f"score {score(value)}")
                for rank, value in zip(method.ranks, method.scores, strict=True)
            ),
        )
        for method in across.methods
    )
    narrow = len(across.datasets) <= MOST_NARROW
    return Table("Rank on each data set, in numbers", columns, rows, narrow=narrow)


def _against_the_best(across: Across) -> Table:
    """The best mean rank against every other method; nothing where no test was made."""
    own = [pair for pair in across.pairs if pair.first == 0]
    columns = (
        MODEL,
        STRATEGY,
        Column("behind", "mean ranks", number=True),
        Column("lost", "data sets", number=True),
        Column("tied", number=True),
        Column("won", number=True),
        Column("p", "Wilcoxon", number=True),
        Column("p", "Holm-corrected", number=True),
        Column("p", "Nemenyi", number=True),
        Column("told apart"),
    )
    best = across.methods[0]
    rows = tuple(_pair_row(pair, across) for pair in own)
    tested = any(pair.p_holm is not None or pair.p_nemenyi is not None for pair in own)
    return Table(f"Tests against {best.model}, {best.strategy}", columns, rows if tested else ())


def _pair_row(pair: MethodPair, across: Across) -> tuple[Box, ...]:
    best, other = across.methods[pair.first], across.methods[pair.second]
    behind = statistics.fmean(other.ranks) - statistics.fmean(best.ranks)
    verdict = MISSING if pair.p_holm is None else "yes" if pair.different else "no"
    return (
        Box(other.model),
        Box(other.strategy),
        Box(f"{behind:.2f}", behind),
        Box(str(pair.wins), pair.wins),
        Box(str(pair.ties), pair.ties),
        Box(str(pair.losses), pair.losses),
        *(_chance(value) for value in (pair.p_value, pair.p_holm, pair.p_nemenyi)),
        Box(verdict),
    )


def _chance(p_value: float | None) -> Box:
    if p_value is None:
        return Box(MISSING, "", "too few data sets")
    return Box(chance_of(p_value).removeprefix("p ").removeprefix("= "), p_value, f"{p_value:.3g}")
