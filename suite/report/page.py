"""A comparison as a page: words, tables and charts in the order of a reader's questions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from suite.compare.advice.verdict_words import HOW_TO_READ
from suite.compare.advice.wording import always, amount, points
from suite.compare.comparison import CellSummary, Comparison, DatasetFacts, MetricInfo
from suite.compare.number_format import count, duration, plural, thin
from suite.registry import CHARTS
from suite.report import tables
from suite.report.charts.render import specification, unchecked
from suite.report.charts.rows import MOST_ROWS
from suite.report.layout import Choice, Drawing, Errors, Fact, Group, Page, Section
from suite.report.sections.across_datasets import across_section
from suite.report.sections.advice import MOST_ANSWERS, answers, answers_table, losers_table, next_section
from suite.report.sections.checks import MOST_ALARMS, alarms, checks_section
from suite.report.sections.confidence import confidence_section
from suite.report.sections.cross_data import cross_section
from suite.report.sections.environment import environment_note, environment_pairs
from suite.report.sections.examples import disagreements_section, written_section
from suite.report.sections.exports import exports_section
from suite.report.sections.funnel import funnel_fact, funnel_section
from suite.report.sections.labels import budgets_of, labels_section
from suite.report.sections.leaderboard import make_board
from suite.report.sections.ledger import ledger_table, rules_sentence, tries_sentence
from suite.report.sections.pairs import pairs_matrix, pairs_read, pairs_table
from suite.report.sections.panels import panel_sections
from suite.report.sections.published import BOARD_NOTE, ENVIRONMENT_NOTE, REPRODUCE_NOTE, RUN_NOTE, published_facts
from suite.report.sections.robustness import robustness_section
from suite.report.sections.slices import slices_section
from suite.report.sections.students import students_table
from suite.report.sections.tokens import tokens_table, truncation_sentences, writing_table
from suite.report.tables import Table
from suite.version import __version__

__all__ = ["make_page"]

NOWHERE_ELSE = "Whether the order would be the same on other data."
ADD_A_SET = (
    "Every model was scored on the home test set alone. Further sets are named under 'evaluate_on' in the spec; the "
    "fitted models are scored on them too."
)
TUNING = ("tuning", "expected_best")
MOST_OPEN = 3
"""With more data sets than this, what each one says opens on demand: the answer over all of them comes first."""
ON_THIS_CELL = ("confusion_matrix", "reliability")
"""Charts of one cell; the page draws them again for the cell that is chosen."""
PLACED = {
    *ON_THIS_CELL,
    *TUNING,
    "calibration",
    "complexity",
    "corruptions",
    "critical_difference",
    "cross_data",
    "exports_latency",
    "exports_size",
    "generalisation",
    "labels",
    "learning_curves",
    "out_of_class",
    "per_class",
    "quality_latency",
    "quality_parameters",
    "quality_training",
    "ranks",
    "risk_coverage",
    "robustness",
    "seeds",
    "severity",
    "training_time",
}
"""Charts that have a section; registered others go to one of their own."""


@unchecked()
def make_page(comparison: Comparison) -> Page:
    """The page of a comparison; every number in it comes from there."""
    task = comparison.task.replace("_", " ")
    published = comparison.published
    kind = "Published results of pretrained models" if published else "Comparison of pretrained models"
    boards = tuple(make_board(comparison, dataset) for dataset in comparison.datasets if comparison.cells)
    return Page(
        version=__version__,
        title=comparison.title or f"Which model for {comparison.spec_name}?",
        kicker=f"{kind} · {task} · {comparison.spec_name}",
        overall=thin(comparison.across.answer or "") if comparison.across else "",
        answers=answers(comparison),
        folded=MOST_OPEN < len(comparison.recommendations) + len(comparison.unmet) <= MOST_ANSWERS,
        answer_table=answers_table(comparison),
        alarms=alarms(comparison)[:MOST_ALARMS],
        more_alarms=max(0, len(alarms(comparison)) - MOST_ALARMS),
        remarks=_remarks(comparison),
        facts=published_facts(comparison) if published else _facts(comparison),
        board_note=BOARD_NOTE if published else _board_note(comparison, drawn=True),
        board_note_still=BOARD_NOTE if published else _board_note(comparison, drawn=False),
        boards=boards,
        metrics=(
            *_per_dataset(comparison, lambda cells: tables.metrics_table(comparison, cells)),
            *_per_dataset(comparison, lambda cells: losers_table(comparison, cells)),
        ),
        before=_before(comparison),
        errors=_errors(comparison),
        after=_after(comparison),
        environment=environment_pairs(comparison),
        environment_note=ENVIRONMENT_NOTE if published else environment_note(comparison),
        commands=comparison.command,
        reproduce_note=REPRODUCE_NOTE if published else RUN_NOTE,
    )


def _board_note(comparison: Comparison, *, drawn: bool) -> str:
    """What the leaderboard shows, in words: for a page that draws intervals, and for one that writes them."""
    covered = {cell.headline.covers for cell in comparison.cells if cell.headline is not None}
    over = "other test examples" + (" and other seeds" if "test examples and seeds" in covered else "")
    if len(covered) > 1:
        over += ", of a cell with one seed over test examples alone"
    lower = "" if comparison.headline.higher_is_better else f"Lower {comparison.headline.label} is better. "
    tested = f"{HOW_TO_READ} " if any(cell.best for cell in comparison.cells) else ""
    return thin(
        "Each row is a cell: one model, adapted one way. "
        f"The score is the mean over seeds on the test set; {'the bar' if drawn else 'beside it'} is its 95 % interval "
        f"over {over}. {lower}{tested}"
        "Tries are the settings that were compared on validation before. "
        "On the whole page colour is the model and shape the strategy."
    )


def _remarks(comparison: Comparison) -> tuple[str, ...]:
    """What limits the comparison; in the middle of a run that it is one."""
    if comparison.complete:
        return tuple(map(thin, comparison.remarks))
    facts = comparison.facts
    cells = len({trial.cell_id for trial in comparison.missing})
    middle = (
        f"This is the middle of a run: {plural(facts.trials_missing, 'trial')} of {count(facts.trials_planned)} "
        f"{'is' if facts.trials_missing == 1 else 'are'} missing, in {plural(cells, 'cell')}. "
        "The ranking may still change; the section on failures lists what is missing."
    )
    said = f"{len(comparison.missing)} of "
    return (middle, *(thin(remark) for remark in comparison.remarks if not remark.startswith(said)))


def _facts(comparison: Comparison) -> tuple[Fact, ...]:
    facts = comparison.facts
    compared = [plural(facts.strategies, "strategy", "strategies"), f"{plural(facts.seeds, 'seed')} each"]
    compared += [plural(facts.datasets, "data set")] if facts.datasets > 1 else []
    compared += [plural(budgets_of(comparison), "label budget")] if comparison.labels else []
    ended = [f"{count(facts.trials_failed) if facts.trials_failed else 'none'} failed"]
    ended += [f"{count(facts.trials_missing)} missing"] if facts.trials_missing else []
    ended += [f"{plural(facts.cells_skipped, 'cell')} skipped"] if facts.cells_skipped else []
    wall = facts.wall_seconds
    worked = f"{duration(facts.worker_seconds)} of work" if facts.worker_seconds else ""
    return (
        Fact(plural(facts.models, "model"), ", ".join(compared)),
        Fact(
            f"{count(facts.trials_finished)} of {count(facts.trials_planned)}", f"trials finished, {', '.join(ended)}"
        ),
        _tests_fact(facts.tests, comparison.headline),
        *funnel_fact(comparison),
        Fact(duration(wall) if wall else "–", "; ".join(filter(None, [worked, f"on {', '.join(facts.devices)}"]))),
    )


def _tests_fact(tests: Sequence[DatasetFacts], metric: MetricInfo) -> Fact:
    """How many test examples there are and what they can show; summed up where there are many data sets."""
    examples = [test.examples for test in tests if test.examples is not None]
    if len(tests) <= MOST_OPEN:
        said = [_can_show(test, metric, named=len(tests) > 1) for test in tests]
        return Fact(" + ".join(map(count, examples)) or "–", "test examples. " + " ".join(said))
    least = [test.smallest_difference for test in tests if test.smallest_difference is not None]
    note = f"test examples on {plural(len(examples), 'data set')}"
    if least:
        ends = list(dict.fromkeys((amount(min(least), metric), points(max(least), metric))))
        ends = ends[-1:] if ends[-1].split()[0] == ends[0] else ends
        note += f"; differences under {' to '.join(ends)} do not show"
    return Fact(count(sum(examples)) if examples else "–", f"{note}.")


def _can_show(test: DatasetFacts, metric: MetricInfo, *, named: bool) -> str:
    """What a test set of this size can and cannot show."""
    parts = []
    if test.smallest_difference is not None:
        parts.append(f"differences under {points(test.smallest_difference, metric)} do not show")
    if test.always is not None:
        parts.append(always(test.always, metric))
    text = "; ".join(parts)
    return (f"{test.dataset}: {text}." if named else f"{text[:1].upper()}{text[1:]}.") if text else ""


def _cells(comparison: Comparison, dataset: str) -> list[CellSummary]:
    return [cell for cell in comparison.cells if cell.dataset == dataset]


def _before(comparison: Comparison) -> tuple[Section, ...]:
    """Sections between the leaderboard and the errors."""
    cost = ("quality_latency", "quality_parameters", "quality_training")
    pairs = _per_dataset(comparison, lambda cells: pairs_table(comparison, cells))
    matrix = _per_dataset(comparison, lambda cells: pairs_matrix(comparison, cells))
    numbers = (*_per_dataset(comparison, students_table), *pairs, *matrix)
    return (
        *across_section(comparison),
        *written_section(comparison),
        *([funnel_section(comparison)] if comparison.funnel else []),
        *labels_section(comparison),
        Section("pairs", "Who beats whom", thin(pairs_read(comparison)), tables=numbers, opening=comparison.taught),
        _section(comparison, "cost", "Quality and cost", cost),
        _section(
            comparison, "training", "Training time", ("training_time",), _per_dataset(comparison, tables.time_table)
        ),
        replace(
            _section(comparison, "complexity", "Complexity", ("complexity",), _complexity(comparison)),
            sentences=tuple(truncation_sentences(comparison)),
        ),
        *exports_section(comparison),
        _generalisation(comparison),
        *slices_section(comparison),
        *robustness_section(comparison),
        *cross_section(comparison),
        _section(comparison, "curves", "Learning curves", ("learning_curves",)),
        _section(comparison, "seeds", "Spread over seeds", ("seeds",)),
        *confidence_section(comparison),
    )


def _generalisation(comparison: Comparison) -> Section:
    """What holds on further test sets; where there are none, how to have some."""
    numbers = (
        _per_dataset(comparison, lambda cells: tables.elsewhere_table(comparison, cells))
        if comparison.evaluation_sets
        else ()
    )
    section = _section(comparison, "generalisation", "Generalisation", ("generalisation",), numbers)
    if comparison.evaluation_sets or not section.empty:
        return section
    return replace(section, read=NOWHERE_ELSE, sentences=(ADD_A_SET,))


def _after(comparison: Comparison) -> tuple[Section, ...]:
    """Sections after the errors, up to the environment."""
    ledgers = tuple(
        table
        for table in _per_dataset(comparison, ledger_table)
        if any(cell.ledger.fits for cell in comparison.cells) and table.rows
    )
    further = tuple(name for name in CHARTS.names() if name not in PLACED)
    read = "Trials that ended without a score, cells that cannot be run, and what is still missing. Nothing is hidden."
    told = " ".join(part for part in (tries_sentence(comparison), rules_sentence(comparison)) if part)
    records = [tables.data_table(comparison), tables.weights_table(comparison)]
    return (
        *panel_sections(comparison),
        *disagreements_section(comparison),
        next_section(comparison),
        Section("tuning", "Tuning ledger", told, _with_headings(comparison, TUNING), ledgers),
        Section("failures", "Failures", read, tables=tuple(tables.failure_tables(comparison)), folded=False),
        checks_section(comparison),
        *([_further(comparison, further)] if further else []),
        Section(
            "data",
            "Data and weights",
            "A fingerprint is equal exactly when the content is; licences are told as the source states them.",
            tables=tuple(table for table in records if table.rows),
            folded=False,
        ),
    )


def _per_dataset(comparison: Comparison, make: Any) -> tuple[Table, ...]:
    """One table per data set, named where there are several; empty ones are left out."""
    made = []
    for dataset in comparison.datasets:
        table = make(_cells(comparison, dataset))
        title = f"{table.title}: {dataset}" if len(comparison.datasets) > 1 else table.title
        made.append(replace(table, title=title))
    return tuple(table for table in made if table.rows)


def _complexity(comparison: Comparison) -> tuple[Table, ...]:
    """What models weigh; of texts how they were cut, of models that write how fast they do."""
    makers = (tables.complexity_table, writing_table, tokens_table)
    return tuple(table for make in makers for table in _per_dataset(comparison, make))


def _section(
    comparison: Comparison, anchor: str, title: str, names: Sequence[str], numbers: tuple[Table, ...] = ()
) -> Section:
    """A section of charts: one group per data set, where the chart is of one."""
    groups = []
    datasets = comparison.datasets if "complexity" not in names else comparison.datasets[:1]
    for place, dataset in enumerate(datasets):
        drawings = [_drawing(comparison, name, dataset, place) for name in names]
        tabs = tuple(drawing for drawing in drawings if drawing is not None)
        if tabs:
            groups.append(Group(dataset if len(datasets) > 1 else "", tabs))
    first = CHARTS.get(names[0])
    read = first.reading(comparison) if hasattr(first, "reading") else first.how_to_read
    if groups and anchor in {"training", "generalisation", "seeds"} and len(comparison.cells) > MOST_ROWS:
        read += f" The first {MOST_ROWS} cells are drawn."
    if groups and anchor == "complexity" and comparison.facts.models > MOST_ROWS:
        read += f" The first {MOST_ROWS} models are drawn."
    return Section(anchor, title, thin(read), tuple(groups), numbers)


def _further(comparison: Comparison, names: Sequence[str]) -> Section:
    """Charts that plugins add."""
    return Section("further", "Further charts", "Charts that plugins add.", _with_headings(comparison, names))


def _with_headings(comparison: Comparison, names: Sequence[str]) -> tuple[Group, ...]:
    """Charts one after another, each with its own title and line."""
    several = len(comparison.datasets) > 1
    groups = []
    for name in names:
        for place, dataset in enumerate(comparison.datasets):
            drawing = _drawing(comparison, name, dataset, place)
            if drawing is not None:
                heading = f"{drawing.title}: {dataset}" if several else drawing.title
                groups.append(Group(heading, (drawing,), thin(CHARTS.get(name).how_to_read)))
    return tuple(groups)


def _drawing(comparison: Comparison, name: str, dataset: str, place: int) -> Drawing | None:
    variant = CHARTS.get(name)
    of_dataset = "dataset" in inspect.signature(variant.build).parameters
    chart = variant.build(comparison, dataset=dataset) if of_dataset else variant.build(comparison)
    if chart is None or (place and not of_dataset):
        return None
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    key = plain if place == 0 else f"{plain}-{place + 1}"
    return Drawing(
        key, variant.title, f"{variant.title}: {variant.summary}", specification(chart, known=name in PLACED)
    )


def _errors(comparison: Comparison) -> Errors:
    """The section on errors: the recommended cell first, every cell with predictions to choose from."""
    able = [cell for cell in comparison.cells if cell.confusion is not None or cell.reliability]
    if comparison.answers != "class":
        return Errors(read="", read_still="", absent=True)
    if not able:
        return Errors(read="Which classes are mistaken for which.", read_still="Which classes are mistaken for which.")
    answer = comparison.recommendation
    chosen = next((cell for cell in able if answer and cell.cell_id == answer.cell_id), able[0])
    several = len(comparison.datasets) > 1
    confusion, reliability, per_class = (CHARTS.get(name) for name in (*ON_THIS_CELL, "per_class"))
    drawings = {name: CHARTS.get(name).build(comparison, cell=chosen.cell_id) for name in ON_THIS_CELL}
    classes = per_class.build(comparison, dataset=chosen.dataset)
    seeds = chosen.confusion.seeds if chosen.confusion else 0
    summed = f" Counts are summed over {plural(seeds, 'seed')}." if seeds > 1 else ""
    return Errors(
        read="Choose a cell here or in the leaderboard." + summed,
        read_still=f"Of {chosen.name}.{summed}",
        choices=tuple(Choice(cell.cell_id, _title(cell, named=several)) for cell in able),
        chosen=chosen.cell_id,
        title=_title(chosen, named=several),
        confusion=_of_cell("confusion_matrix", confusion.title, chosen, drawings),
        reliability=_of_cell("reliability", reliability.title, chosen, drawings),
        confusion_read=thin(confusion.how_to_read),
        reliability_read=thin(reliability.how_to_read),
        per_class=tables.class_table(chosen.classes),
        per_class_chart=Drawing("per_class", per_class.title, per_class.summary, specification(classes, known=True))
        if classes
        else None,
        per_class_read=thin(per_class.how_to_read),
    )


def _of_cell(name: str, title: str, cell: CellSummary, drawings: dict[str, Any]) -> Drawing | None:
    chart = drawings[name]
    return None if chart is None else Drawing(name, title, f"{title} of {cell.name}", specification(chart, known=True))


def _title(cell: CellSummary, *, named: bool) -> str:
    return f"{cell.name} ({cell.dataset})" if named else cell.name
