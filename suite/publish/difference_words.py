"""What changed between two runs, as sentences; every number in them comes from the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from suite.charts.words import plural, thin
from suite.compare.cell import MetricInfo
from suite.compare.changes import listed
from suite.compare.wording import between, points, quality
from suite.publish.difference import (
    CellDifference,
    CellName,
    DatasetChange,
    RunDifference,
    RunName,
    VersionChange,
)

__all__ = ["ARROW", "p_words", "package", "sentences_of", "state_words", "summary_of"]

ARROW = "→"
MOST = 5
"""Cells that are told one by one."""
LEADING = ("suite", "tensorflow", "keras")
"""Packages that a summary names; of the others it says how many."""
PACKAGES = {"tensorflow": "TensorFlow", "keras": "Keras", "python": "Python", "numpy": "NumPy"}


def summary_of(found: RunDifference) -> str:
    """One sentence: the scores first, then what else is not as it was."""
    others = [
        *(["another answer"] if any(one.changed for one in found.winners) else []),
        *_versions_said(found.versions),
        *(state_words(one) for one in found.data if one.changed),
        *([f"other weights of {listed([one.model for one in found.weights])}"] if found.weights else []),
        *([f"{plural(len(found.spec), 'change')} of the spec"] if found.spec else []),
    ]
    return f"{'; '.join([_scores_said(found), *others])}."


def sentences_of(found: RunDifference) -> tuple[str, ...]:
    """What a reader should know, the most important first."""
    return tuple(thin(sentence) for sentence in (*_cells_said(found), *_limits_said(found)))


def package(name: str) -> str:
    """As it calls itself."""
    return PACKAGES.get(name, name)


def p_words(value: float) -> str:
    """``0.013``, ``< 0.001``."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def state_words(change: DatasetChange) -> str:
    """What became of a data set: ``digits has other content``."""
    words = {
        "only before": f"{change.name} is gone",
        "only after": f"{change.name} is new",
        "other content": f"{change.name} has other content",
    }
    sizes = f"{change.name} has other sizes" if change.changed else f"{change.name} is the same"
    return words.get(change.state, sizes)


def _scores_said(found: RunDifference) -> str:
    cells, tally = len(found.cells), Counter(cell.verdict for cell in found.cells)
    if not cells:
        return "The two runs have no cell in common"
    if tally["same"] == cells:
        return f"The scores are the same, seed for seed, in {_all(cells)}"
    if tally["not comparable"] == cells:
        return f"No score can be compared, in {_all(cells)}"
    if not tally["better"] + tally["worse"]:
        still = tally["same"] + tally["no change beyond noise"]
        return f"Nothing changed beyond noise in {still:,} of {plural(cells, 'cell')}"
    told = [
        f"{tally[verdict]:,} {'is' if tally[verdict] == 1 else 'are'} {verdict} beyond noise"
        for verdict in ("worse", "better")
        if tally[verdict]
    ]
    return f"Of {plural(cells, 'cell')} {' and '.join(told)}"


def _all(cells: int) -> str:
    return "the one cell of both runs" if cells == 1 else f"all {cells:,} cells"


def _versions_said(changes: Sequence[VersionChange]) -> Iterator[str]:
    """The leading packages by name, else the first; how many others."""
    by_name = {one.name: one for one in changes}
    named = [by_name[name] for name in LEADING if name in by_name]
    named = named or list(changes[:1])
    for one in named:
        if one.before and one.after:
            yield f"{package(one.name)} {one.before} {ARROW} {one.after}"
        else:
            yield f"{package(one.name)} {one.before or one.after} is {'gone' if one.before else 'new'}"
    if len(changes) > len(named):
        yield f"{plural(len(changes) - len(named), 'other package')}"


def _cells_said(found: RunDifference) -> Iterator[str]:
    for verdict in ("worse", "better"):
        cells = sorted(found.judged(verdict), key=lambda cell: -abs(cell.difference or 0.0))
        for cell in cells[:MOST]:
            if found.metric is not None:
                yield _moved(cell, found.metric)
        if len(cells) > MOST:
            yield f"{plural(len(cells) - MOST, 'more cell')} {'is' if len(cells) == MOST + 1 else 'are'} {verdict}."
    for one in found.winners:
        if one.changed:
            yield f"On {one.dataset} the answer is {_name(one.after)}; it was {_name(one.before)}."


def _moved(cell: CellDifference, metric: MetricInfo) -> str:
    """One cell that changed: from what to what, by how much, and how sure that is."""
    if cell.before is None or cell.after is None or cell.difference is None:
        return ""
    # Said as a size: of a loss the ends change places.
    low, high = (cell.low, cell.high) if cell.difference >= 0 else (_minus(cell.high), _minus(cell.low))
    ends = between(low, high, metric)
    sure = [f"95 % interval {ends}"] if ends else []
    sure += [f"p {'' if cell.p_holm < 0.001 else '= '}{p_words(cell.p_holm)}"] if cell.p_holm is not None else []
    size = points(abs(cell.difference), metric)
    scores = f"{metric.label} {quality(cell.before, metric)} {ARROW} {quality(cell.after, metric)}"
    said = f" ({', '.join(sure)})" if sure else ""
    return f"{cell.name} is {cell.verdict} on {cell.dataset}: {scores}, by {size}{said}."


def _limits_said(found: RunDifference) -> Iterator[str]:
    """What cannot be compared, and what limits the rest."""
    for reason, number in Counter(cell.reason for cell in found.cells if cell.reason).items():
        yield f"{plural(number, 'cell')} cannot be compared: {reason}"
    tested = [cell for cell in found.cells if cell.p_value is not None]
    for note, number in Counter(note for cell in tested for note in cell.notes).items():
        yield note if number == len(tested) else f"{number:,} of {plural(len(tested), 'cell')}: {note}"
    for word, names in (("before", found.only_before), ("after", found.only_after)):
        if names:
            yield f"Only in the run {word}: {_names(names)}."
    for run, word in ((found.before, "before"), (found.after, "after")):
        if run.trials_missing:
            yield _unfinished(run, word)
    if any(cost.other_device for cell in found.cells for cost in cell.costs):
        devices = f"{', '.join(found.devices_before)} {ARROW} {', '.join(found.devices_after)}"
        yield f"Times were measured on other devices and do not compare: {devices}."


def _unfinished(run: RunName, word: str) -> str:
    missing = f"{run.trials_missing:,} of {plural(run.trials_planned, 'trial')}"
    return f"The run {word} is not finished: {missing} {'is' if run.trials_missing == 1 else 'are'} missing."


def _names(cells: Iterable[CellName]) -> str:
    found = [f"{cell.name} on {cell.dataset}" for cell in cells]
    return "; ".join(found[:MOST]) + (f"; and {len(found) - MOST:,} more" if len(found) > MOST else "")


def _name(cell: CellName | None) -> str:
    return "none" if cell is None else cell.name


def _minus(value: float | None) -> float | None:
    return None if value is None else -value
