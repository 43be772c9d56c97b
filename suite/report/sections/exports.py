"""The section on exported files: which to ship, what each costs, and what each step of compression took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from suite.compare.advice.wording import between, called, points, quality
from suite.compare.comparison import Comparison
from suite.compare.export_records import ExportedFiles
from suite.compare.number_format import MISSING, megabytes, number, plural, score, thing
from suite.metrics.latency import long_tail
from suite.report.layout import Section
from suite.report.sections.dataset_charts import headed_charts
from suite.report.tables import BUSY, MODEL, STRATEGY, Box, Column, Table
from suite.store.records.export_card import PRECISION_WORDS, ExportCard, Measured

__all__ = ["exports_section"]

READ = (
    "Adapted models as files of other formats. Each file was run on the whole test set in its own runtime and process, "
    "so size, latency and score are the file's own."
)
FORMAT, PRECISION = Column("format"), Column("precision")
NAMES = (MODEL, STRATEGY, FORMAT, PRECISION)


def exports_section(comparison: Comparison) -> tuple[Section, ...]:
    """The section; none where nothing was exported."""
    if not comparison.exports:
        return ()
    opening = tuple(sentence for files in comparison.exports for sentence in _answers(comparison, files))
    files = _each(comparison, _files_table)
    others = (*_each(comparison, _steps_table), *_each(comparison, _refused_table))
    return (
        Section(
            "exports",
            "Exported files",
            READ,
            charts=headed_charts(comparison, ("exports_latency", "exports_size"), lambda *_: ()),
            tables=(*files[1:], *others),
            first=next(iter(files), None),
            opening=opening,
            sentences=tuple(_how(comparison)),
        ),
    )


def _how(comparison: Comparison) -> Iterator[str]:
    """On what the files ran, and which of them were not scored."""
    cards = [card for files in comparison.exports for card in files.cards if card.measured]
    places = dict.fromkeys(f"{plural(m.threads, 'thread')} of {m.device}" for card in cards if (m := card.measured))
    if places:
        yield f"Files ran one at a time, after warm-up, on {' or '.join(places)}."
    noise = sum(card.parity is not None and card.parity.on == "noise" for card in cards)
    if noise:
        yield f"The test set was not at hand for {plural(noise, 'file')}: compared with Keras on noise, and not scored."


def _answers(comparison: Comparison, files: ExportedFiles) -> Iterator[str]:
    cell = comparison.cell(files.cell_id) if files.cell_id else None
    if cell is None:
        return
    where = f"On {files.dataset}: " if len(comparison.datasets) > 1 else ""
    fastest, smallest = files.card(files.fastest), files.card(files.smallest)
    if fastest is None or smallest is None:
        yield f"{where}Every exported file of {called(cell)} is measurably worse than the Keras model."
        return
    same = fastest is smallest
    yield (
        f"{where}To deploy {called(cell)}, take {_named(fastest)}: {'fastest and smallest' if same else 'the fastest'} "
        f"of its files that are not measurably worse than the Keras model. {_costs(comparison, fastest)}"
    )
    if not same:
        yield f"{where}The smallest of them is {_named(smallest)}. {_costs(comparison, smallest)}"


def _named(card: ExportCard) -> str:
    return f"{card.format} in {card.precision}"


def _costs(comparison: Comparison, card: ExportCard) -> str:
    measured, found = card.measured, card.scores.get(comparison.headline.name)
    if measured is None or found is None or found.value is None:
        return ""
    said = (
        f"{megabytes(card.bytes)}, {number(measured.latency_ms_p50)} ms for one {thing(comparison.task)}, "
        f"{comparison.headline.label} {quality(found.value, comparison.headline)}"
    )
    if card.difference is None:
        return f"{said}."
    ends = between(card.difference.low, card.difference.high, comparison.headline)
    interval = f" (95 % interval {ends})" if ends else ""
    return f"{said}; difference to Keras {points(card.difference.value, comparison.headline)}{interval}."


def _names(card: ExportCard) -> tuple[Box, ...]:
    """The boxes of ``NAMES``."""
    ran = card.measured
    title = f"{ran.runtime}, {plural(ran.threads, 'thread')}, {ran.device}" if ran else ""
    return Box(card.model), Box(card.strategy), Box(card.format, title=title), Box(card.precision)


def _refused_table(_: Comparison, files: ExportedFiles) -> Table:
    """Every file that there is none of, or that is not what was measured in Keras."""
    columns = (*NAMES, Column("status"), Column("reason", long=True))
    rows = tuple(
        (*_names(card), Box(card.status), Box(card.reason or "")) for card in files.cards if card.status != "done"
    )
    return Table("Skipped and failed files", columns, rows)


def _each(comparison: Comparison, make: Callable[[Comparison, ExportedFiles], Table]) -> tuple[Table, ...]:
    """One table per data set, named where there are several; empty ones are left out."""
    made = []
    for files in comparison.exports:
        table = make(comparison, files)
        title = f"{table.title}: {files.dataset}" if len(comparison.exports) > 1 else table.title
        made.append(replace(table, title=title))
    return tuple(table for table in made if table.rows)


def _files_table(comparison: Comparison, files: ExportedFiles) -> Table:
    """Every file that runs."""
    columns = (
        *NAMES,
        Column("file"),
        Column("after gzip", number=True, narrow=False),
        Column("latency", "ms, p50", number=True),
        Column("latency", "ms, p95", number=True, narrow=False),
        Column("throughput", f"{thing(comparison.task)}s/s", number=True, best_high=True),
        Column("memory", "peak", number=True, narrow=False),
        Column("load", "s", number=True, narrow=False),
        Column(comparison.headline.label, number=True, best_high=comparison.headline.higher_is_better),
        Column("95 % interval", number=True, narrow=False),
        Column("agrees", "with Keras", number=True, best_high=True),
        Column("largest difference", "of a probability", number=True),
    )
    rows = tuple(
        _file_row(comparison, card, card.measured) for card in files.cards if card.measured and card.status == "done"
    )
    return Table("Files", columns, rows, tuple(PRECISION_WORDS.items()))


def _file_row(comparison: Comparison, card: ExportCard, measured: Measured) -> tuple[Box, ...]:
    found, parity = card.scores.get(comparison.headline.name), card.parity
    value = found.value if found else None
    on_noise = parity is not None and parity.on == "noise"
    note = "compared on noise: the test set was not at hand" if on_noise else ""
    interval = between(found.low, found.high, comparison.headline) if found else ""
    return (
        *_names(card),
        Box(megabytes(card.bytes), card.bytes),
        Box(megabytes(card.compressed_bytes), card.compressed_bytes or ""),
        _latency(measured),
        Box(number(measured.latency_ms_p95), measured.latency_ms_p95),
        Box(f"{measured.throughput_per_second:,.0f}", measured.throughput_per_second),
        Box(megabytes(measured.peak_memory_bytes), measured.peak_memory_bytes),
        Box(number(measured.load_seconds), measured.load_seconds),
        Box(score(value), "" if value is None else value, note),
        Box(interval or MISSING, found.low if found and found.low is not None else ""),
        Box(f"{100 * parity.agreement:.1f} %" if parity else MISSING, parity.agreement if parity else "", note),
        Box(f"{parity.max_difference:.1e}" if parity else MISSING, parity.max_difference if parity else ""),
    )


def _latency(measured: Measured) -> Box:
    """The median, marked where it was measured on a busy machine; the medians of its blocks as the title."""
    found = measured.latency_ms_p50
    blocks = ", ".join(number(block) for block in measured.latency_ms_blocks)
    title = f"blocks of calls: {blocks}" if blocks else ""
    disturbed = measured.disturbed or long_tail(found, measured.latency_ms_p95)
    if disturbed is None:
        return Box(number(found), found, title)
    return Box(f"{number(found)} {BUSY}", found, f"{title}; {disturbed}".lstrip("; "))


def _steps_table(comparison: Comparison, files: ExportedFiles) -> Table:
    """What each smaller file saves against fp32 of its format, and what it costs in score."""
    columns = (
        *NAMES,
        Column("size", "of fp32", number=True),
        Column("latency", "of fp32", number=True),
        Column(comparison.headline.label, "minus Keras's", number=True, best_high=comparison.headline.higher_is_better),
        Column("95 % interval", "paired", number=True),
        Column("agrees", "with Keras", number=True, best_high=True),
    )
    rows = []
    for card in files.cards:
        full = files.card(files.baselines.get(card.id))
        if full is None or not (card.measured and full.measured and card.parity and card.difference):
            continue
        change, metric = card.difference, comparison.headline
        ratio = card.measured.latency_ms_p50 / full.measured.latency_ms_p50
        rows.append(
            (
                *_names(card),
                Box(f"{card.bytes / full.bytes:.2f}", card.bytes / full.bytes),
                Box(f"{ratio:.2f}", ratio),
                Box(points(change.value, metric), change.value),
                Box(between(change.low, change.high, metric) or MISSING, "" if change.low is None else change.low),
                Box(f"{100 * card.parity.agreement:.1f} %", card.parity.agreement),
            )
        )
    return Table("What each step of compression cost", columns, tuple(rows))
