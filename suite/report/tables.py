"""The tables of the report: the same boxes for the HTML page and the Markdown twin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from suite.compare.comparison import (
    CellSummary,
    ClassScores,
    Comparison,
    FailureRecord,
    MetricSpread,
    PlannedSkip,
    PlannedTrial,
    ProfileSummary,
    Spread,
)
from suite.compare.number_format import MISSING, count, number, score, short
from suite.store.records.resizing import STRETCH
from suite.store.records.result import DataRecord

__all__ = [
    "BUSY",
    "DATASET",
    "MODEL",
    "STRATEGY",
    "Box",
    "Column",
    "Table",
    "cell_names",
    "class_table",
    "complexity_table",
    "data_table",
    "elsewhere_table",
    "failure_tables",
    "latency_box",
    "metric_box",
    "metrics_table",
    "time_table",
    "weights_table",
]

HASH_DIGITS = 12


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    unit: str = ""
    number: bool = False
    """Right-aligned, tabular figures."""
    best_high: bool = False
    """Sorting begins with the highest."""
    long: bool = False
    """Text that may break into lines."""
    code: bool = False
    narrow: bool = True
    """Kept in the Markdown twin."""
    minor: bool = False
    """Folded away on a phone: another part of the page has it too."""


@dataclass(frozen=True)
class Box:
    """One value of a table."""

    text: str
    value: float | str | None = None
    """What sorting goes by, where it is not the text."""
    title: str = ""
    """Said when the pointer rests on it, for instance why a value is missing."""
    ends: str = ""
    """Its interval, where it is shown below it."""

    @property
    def missing(self) -> bool:
        """Whether there is no value."""
        return self.text == MISSING


@dataclass(frozen=True)
class Table:
    """A table with its heading."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Box, ...], ...]
    glossary: tuple[tuple[str, str], ...] = ()
    """What its columns mean, where their titles are terms."""
    narrow: bool = True
    """Kept in the Markdown twin."""
    note: str = ""
    """Said below it in Markdown, for instance that it was cut."""
    remarks: tuple[str, ...] = ()
    """Said below it, for instance why some of its values have no interval."""


MODEL, STRATEGY, DATASET = Column("model"), Column("strategy"), Column("data set")
LABELS = Column("labels")
BUSY = "(busy)"
"""Stands beside a latency that was measured on a busy machine; a remark of the page says why."""


def spread_box(spread: Spread | None, *, as_score: bool = False) -> Box:
    """The mean of a spread, with its range over seeds and its gaps as the title."""
    if spread is None or spread.mean is None:
        return Box(MISSING, "", (spread.reason or "") if spread else "")
    text = score(spread.mean) if as_score else number(spread.mean)
    title = f"over {spread.count} of {spread.of} seeds"
    if spread.lowest is not None and spread.highest is not None and spread.count > 1:
        show = score if as_score else number
        title += f": {show(spread.lowest)} to {show(spread.highest)}"
    return Box(text, spread.mean, title)


def latency_box(profile: ProfileSummary | None) -> Box:
    """The median latency, marked where every measurement of it was disturbed; its range and the reason as the title."""
    if profile is None:
        return Box(MISSING, "")
    found = profile.latency_ms_p50
    if found.mean is None:
        return spread_box(found)
    lowest, highest = found.lowest, found.highest
    known = lowest is not None and highest is not None and lowest < highest
    title = f"{number(lowest)} to {number(highest)} in four of five blocks of calls" if known else "timed once"
    if profile.disturbed is None:
        return Box(number(found.mean), found.mean, title)
    return Box(f"{number(found.mean)} {BUSY}", found.mean, f"{title}; {profile.disturbed}")


def ends_of(low: float | None, high: float | None) -> str:
    """An interval as text, with as many digits as it takes to tell its ends apart; empty where there is none."""
    if low is None or high is None:
        return ""
    ends = score(low), score(high)
    return f"{low:.6g} to {high:.6g}" if ends[0] == ends[1] and low < high else f"{ends[0]} to {ends[1]}"


def metric_box(found: MetricSpread | None) -> Box:
    """The mean of a metric with its interval, or why it has none; the range over seeds as the title."""
    box = spread_box(found, as_score=True)
    if found is None or box.missing:
        return box
    if found.low is None or found.high is None:
        why = f"no interval: {found.no_interval}" if found.no_interval else "no interval"
        return replace(box, title=f"{box.title}; {why}")
    ends = ends_of(found.low, found.high)
    return replace(box, title=f"{box.title}; 95 % interval {ends}", ends=ends)


def metrics_table(comparison: Comparison, cells: Sequence[CellSummary]) -> Table:
    """Every metric on the home test set with its 95 % interval, one row per cell."""
    columns = [Column(metric.label, number=True, best_high=metric.higher_is_better) for metric in comparison.metrics]
    rows = [
        (
            *cell_names(cell),
            *(metric_box(cell.metrics.get(metric.name)) for metric in comparison.metrics),
        )
        for cell in cells
        if cell.metrics
    ]
    glossary = tuple((metric.label, metric.summary) for metric in comparison.metrics)
    return Table(
        "Every metric on the test set",
        (MODEL, STRATEGY, *columns),
        tuple(rows),
        glossary,
        remarks=tuple(_without_interval(comparison, cells)),
    )


def _without_interval(comparison: Comparison, cells: Sequence[CellSummary]) -> Iterator[str]:
    """A sentence for every metric of which scores have no interval; none where nothing has one: a remark says that."""
    if all(one.low is None for cell in cells for one in cell.metrics.values()):
        return
    for metric in comparison.metrics:
        found = [one for cell in cells if (one := cell.metrics.get(metric.name)) is not None and one.mean is not None]
        without = [one for one in found if one.low is None and one.no_interval]
        if without:
            more = f" ({len(without)} of {len(found)} cells)" if len(found) > 1 else ""
            yield f"{metric.label} has no interval{more}: {without[0].no_interval}"


def time_table(cells: Iterable[CellSummary]) -> Table:
    """Seconds of the stages of one fit, means over seeds."""
    seconds = ("training", "of it features", "compiling", "to the best epoch", "whole trial")
    columns = tuple(Column(title, "s", number=True) for title in seconds)
    rows = []
    for cell in cells:
        if cell.timings is not None:
            times = cell.timings
            spreads = (
                times.training_seconds,
                times.features_seconds,
                times.compile_seconds,
                times.seconds_to_best,
                times.total_seconds,
                times.examples_per_second,
            )
            rows.append((*cell_names(cell), *(spread_box(spread) for spread in spreads)))
    speed = Column("speed", "examples/s", number=True, best_high=True)
    return Table("Seconds in numbers", (MODEL, STRATEGY, *columns, speed), tuple(rows))


def complexity_table(cells: Sequence[CellSummary]) -> Table:
    """What every adapted model weighs."""
    reads = any(cell.sequence_length is not None for cell in cells)
    pruned = any(cell.sparsity is not None for cell in cells)
    columns = (
        *(
            (Column("reads at most", "tokens", number=True),)
            if reads
            else (Column("input", "pixels", number=True), Column("resizing"))
        ),
        Column("parameters", number=True),
        Column("trainable", number=True),
        Column("MACs", number=True),
        Column("size", "MB", number=True),
        *(_PRUNED if pruned else ()),
        Column("latency, median", "ms", number=True),
        Column("latency, 95 of 100", "ms", number=True),
        Column("throughput", "examples/s", number=True, best_high=True),
        Column("peak memory", "MB", number=True),
    )
    rows = []
    for cell in cells:
        if cell.profile is not None:
            boxes = _weights_of(cell)
            rows.append(
                (*cell_names(cell), *_input(cell, reads), *boxes[:4], *(_sparsity(cell) if pruned else ()), *boxes[4:])
            )
    return Table("Complexity in numbers", (MODEL, STRATEGY, *columns), tuple(rows))


_PRUNED = (Column("zeros", "% of the parameters", number=True), Column("packed", "MB, gzip", number=True))


def _sparsity(cell: CellSummary) -> tuple[Box, Box]:
    """Zeros and what packing gives; beside it what packing alone gives, since a zero takes as much room as a number."""
    found = cell.sparsity
    if found is None:
        return Box(MISSING, ""), Box(MISSING, "")
    share = found.pruned / found.parameters
    zeros = f"{count(found.pruned)} of {count(found.prunable)} in {count(found.kernels)} pruned kernels"
    packed = f"{number(found.dense_gzip_bytes / 1e6)} MB before pruning"
    return Box(number(100 * share), share, zeros), Box(number(found.gzip_bytes / 1e6), found.gzip_bytes, packed)


def _input(cell: CellSummary, reads: bool) -> tuple[Box, ...]:
    """Tokens of a text; or pixels of an image, and how it came to that size."""
    if reads:
        return (
            Box(MISSING, "")
            if cell.sequence_length is None
            else Box(count(cell.sequence_length), cell.sequence_length),
        )
    size = cell.input_size
    if size is None:
        return Box(MISSING, ""), Box(MISSING, "")
    return Box(f"{size[0]} × {size[1]}", size[0] * size[1]), Box((cell.resizing or STRETCH).words)


def _weights_of(cell: CellSummary) -> tuple[Box, ...]:
    profile = cell.profile
    if profile is None:
        return ()
    memory = profile.peak_memory_bytes
    in_megabytes = memory.mean / 1e6 if memory.mean is not None else None
    batch = f"in batches of {profile.throughput_batch_size}, {profile.device}"
    throughput = spread_box(profile.throughput_per_second)
    return (
        Box(count(profile.parameters), profile.parameters),
        Box(count(profile.trainable_parameters), profile.trainable_parameters),
        Box(short(profile.macs), "" if profile.macs is None else profile.macs, f"{count(profile.macs)} MACs"),
        Box(number(profile.size_bytes / 1e6), profile.size_bytes, f"{count(profile.size_bytes)} bytes"),
        latency_box(profile),
        spread_box(profile.latency_ms_p95),
        Box(throughput.text, throughput.value, f"{throughput.title}, {batch}".lstrip(", ")),
        Box(number(in_megabytes), in_megabytes if in_megabytes is not None else "", memory.reason or ""),
    )


def elsewhere_table(comparison: Comparison, cells: Iterable[CellSummary]) -> Table:
    """The headline at home and on each further set, with what is lost."""
    columns: list[Column] = [Column("home", number=True, best_high=True)]
    for name in comparison.evaluation_sets:
        columns += [Column(name, number=True, best_high=True), Column(f"lost on {name}", number=True)]
        columns.append(Column("95 % interval", number=True))
    rows = []
    for cell in cells:
        if cell.headline is None:
            continue
        own = ends_of(*cell.headline.interval) if cell.headline.interval else ""
        boxes = [Box(score(cell.headline.value), cell.headline.value, ends=own)]
        for name in comparison.evaluation_sets:
            found = cell.on(name)
            if found is None or found.headline.mean is None:
                boxes += [Box(MISSING, ""), Box(MISSING, ""), Box(MISSING, "")]
                continue
            ends = (found.drop_low, found.drop_high)
            interval = f"{score(ends[0])} to {score(ends[1])}".replace("-", "−") if None not in ends else MISSING
            lost = score(found.drop).replace("-", "−")
            boxes += [
                replace(spread_box(found.headline, as_score=True), ends=ends_of(found.low, found.high)),
                Box(lost, found.drop if found.drop is not None else ""),
                Box(interval, ends[0] if ends[0] is not None else "", found.reason or ""),
            ]
        rows.append((*cell_names(cell), *boxes))
    return Table("Generalisation in numbers", (MODEL, STRATEGY, *columns), tuple(rows))


def class_table(classes: Sequence[ClassScores]) -> Table:
    """Precision and recall, with their 95 % intervals, and F1 of each class of one cell."""
    columns = (
        Column("class"),
        Column("precision", number=True, best_high=True),
        Column("recall", number=True, best_high=True),
        Column("F1", number=True, best_high=True),
        Column("examples", number=True, best_high=True),
    )
    rows = tuple(
        (
            Box(one.name),
            _class_box(one.precision, one.precision_low, one.precision_high),
            _class_box(one.recall, one.recall_low, one.recall_high),
            _class_box(one.f1),
            Box(count(one.support), one.support),
        )
        for one in classes
    )
    return Table("", columns, rows)


def _class_box(value: float | None, low: float | None = None, high: float | None = None) -> Box:
    return Box(score(value), "" if value is None else value, ends=ends_of(low, high))


def failure_tables(comparison: Comparison) -> list[Table]:
    """Trials that failed, cells that were skipped, trials that are missing; only those that there are."""
    where = (MODEL, DATASET, STRATEGY, *((LABELS,) if comparison.labels else ()))
    tables = []
    if comparison.failures:
        columns = (*where, Column("phase"), Column("seed", number=True), Column("status"), Column("reason", long=True))
        rows = tuple(
            (
                *_where(failed, where),
                Box(failed.phase),
                Box(str(failed.seed), failed.seed),
                Box(failed.status),
                Box(failed.reason, title=failed.log_tail[-400:]),
            )
            for failed in comparison.failures
        )
        tables.append(Table("Ended without a score", columns, rows))
    if comparison.skips:
        skipped = tuple((*_where(skip, where), Box(skip.reason)) for skip in comparison.skips)
        tables.append(Table("Skipped: cannot be run", (*where, Column("reason", long=True)), skipped))
    if comparison.cut:
        tables.append(_trials_table("Left out: no time in the search budget", comparison.cut, where))
    if comparison.missing:
        tables.append(_trials_table("Not there yet", comparison.missing, where))
    return tables


def _where(one: FailureRecord | PlannedSkip | PlannedTrial, columns: Sequence[Column]) -> tuple[Box, ...]:
    """Model, data set, strategy and, where there is a column for it, the label budget."""
    names = (one.model, one.dataset, one.strategy, str(one.train_examples))
    return tuple(map(Box, names[: len(columns)]))


def _trials_table(title: str, trials: Iterable[PlannedTrial], where: Sequence[Column]) -> Table:
    """Trials without a result, counted by cell."""
    counts: dict[tuple[Box, ...], list[int]] = {}
    for trial in trials:
        both = counts.setdefault(_where(trial, where), [0, 0])
        both[trial.phase == "final"] += 1
    columns = (
        *where,
        Column("searches", number=True, best_high=True),
        Column("final fits", number=True, best_high=True),
    )
    rows = tuple((*names, Box(str(both[0]), both[0]), Box(str(both[1]), both[1])) for names, both in counts.items())
    return Table(title, columns, rows)


def data_table(comparison: Comparison) -> Table:
    """Data sets as they were used."""
    columns = (
        DATASET,
        Column("classes", number=True),
        Column("train", number=True),
        Column("validation", number=True),
        Column("test", number=True),
        Column("left out", number=True),
        Column("read as", long=True),
        Column("licence", long=True),
        Column("origin", long=True),
        Column("fingerprint", code=True),
    )
    rows = tuple(
        (
            Box(record.name),
            _classes(record),
            *(Box(count(record.sizes.get(split)), record.sizes.get(split, "")) for split in _SPLITS),
            _left_out(record),
            Box(record.reading.words if record.reading else MISSING),
            Box(record.licence or "not stated"),
            Box(record.origin or MISSING),
            Box(record.fingerprint[:HASH_DIGITS] or MISSING, title=record.fingerprint),
        )
        for record in comparison.data
    )
    return Table("Data", columns, rows)


_SPLITS = ("train", "validation", "test")


def _left_out(record: DataRecord) -> Box:
    if record.reading is None:
        return Box(count(len(record.skipped)), len(record.skipped), "; ".join(list(record.skipped)[:5]))
    number = sum(one.count for one in record.reading.left_out)
    return Box(count(number), number, record.reading.words)


def _classes(record: DataRecord) -> Box:
    """How many classes; a published table may not say."""
    number = len(record.class_names) or record.classes
    return Box(count(number), "" if number is None else number)


def weights_table(comparison: Comparison) -> Table:
    """Weights that the models started from."""
    using: dict[str, list[str]] = {}
    for cell in comparison.cells:
        if cell.weights is not None:
            using.setdefault(cell.weights.sha256, []).append(cell.model)
    columns = (
        Column("model", long=True),
        Column("weights"),
        Column("pretrained on", long=True),
        Column("licence", long=True),
        Column("location", long=True),
        Column("SHA-256", code=True),
    )
    rows = tuple(
        (
            Box(", ".join(dict.fromkeys(using.get(weights.sha256, ()))) or MISSING),
            Box(weights.name),
            Box(weights.pretrained_on or MISSING),
            Box(weights.licence or "not stated"),
            Box(weights.location or MISSING),
            Box(weights.sha256[:HASH_DIGITS] or MISSING, title=weights.sha256),
        )
        for weights in comparison.weights
    )
    return Table("Weights", columns, rows)


def cell_names(cell: CellSummary) -> tuple[Box, Box]:
    """Model and strategy, the first two columns of a table by cell."""
    return Box(cell.model), Box(cell.strategy)
