"""A change of a score in words: how large it is, and what does not prove it. ``difference.js`` says the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from suite.compare.advice.what_would_change import listed
from suite.compare.advice.wording import between, points, quality
from suite.compare.cell import MetricInfo
from suite.compare.number_format import plural, thin
from suite.publish.difference import (
    CellDifference,
    CellName,
    DatasetChange,
    RunDifference,
    RunName,
    Verdict,
    VersionChange,
    WinnerChange,
)

__all__ = [
    "ARROW",
    "changes_of",
    "is_large",
    "moved_words",
    "p_words",
    "package",
    "proof_words",
    "scores_of",
    "sentences_of",
    "state_words",
    "summary_of",
    "unproven_words",
]

LARGE = 0.01
"""A change of one point of a share, or of one hundredth of another score, is told though it is not proven."""
HALF, PART = 0.5, 0.1
"""Of the variance: what has more than the half is named alone, what has less than the part is not named."""


def moved_words(gap: float | None, metric: MetricInfo | None) -> str:
    """``fell by 12.8 points``, ``is better by 0.120`` where lower is better; empty where nothing is known.

    Args:
        gap: After less before, turned so that positive means better.
        metric: That both were scored by.
    """
    if gap is None or metric is None:
        return ""
    if gap == 0:
        return "did not change"
    up, down = ("rose", "fell") if metric.higher_is_better else ("is better", "is worse")
    return f"{up if gap > 0 else down} by {points(abs(gap), metric)}"


def proof_words(seeds: int, examples: int, seed_share: float) -> str:
    """What a change rests on: ``2 seeds``, ``360 test examples``, or both, by where its variance comes from."""
    named = [plural(seeds, "seed")] if seed_share > PART else []
    if examples and (seed_share < HALF or not named):
        named.append(plural(examples, "test example"))
    return " and ".join(named) or "the test set"


def is_large(gap: float, before: float, metric: MetricInfo) -> bool:
    """Whether a change would matter if it were one."""
    return abs(gap) >= LARGE * (1.0 if metric.is_share else abs(before))


def unproven_words(proof: str) -> str:
    """``2 seeds do not prove it``."""
    one = proof == "the test set" or (proof.startswith("1 ") and " and " not in proof)
    return f"{proof} {'does' if one else 'do'} not prove it"


# What changed between two runs, as sentences; every number in them comes from the difference.

ARROW = "→"
MOST = 5
"""Cells that are told one by one."""
LEADING = ("suite", "tensorflow", "keras")
"""Packages that a summary names; of the others it says how many."""
PACKAGES = {"tensorflow": "TensorFlow", "keras": "Keras", "python": "Python", "numpy": "NumPy"}


def scores_of(found: RunDifference) -> str:
    """What became of the scores, one sentence: the largest change with its scores before and after."""
    return thin(f"{_scores_said(found)}.")


def summary_of(found: RunDifference) -> str:
    """The scores first, then what else is not as it was."""
    others = [
        *(["another answer"] if any(one.changed for one in found.winners) else []),
        *_versions_said(found.versions),
        *(state_words(one) for one in found.data if one.changed),
        *([f"other weights of {listed([one.model for one in found.weights])}"] if found.weights else []),
        *([f"{plural(len(found.spec), 'change')} of the spec"] if found.spec else []),
    ]
    return f"{scores_of(found)} Also {'; '.join(others)}." if others else scores_of(found)


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
        return _unproven(found)
    told = [
        f"{tally[verdict]:,} {'is' if tally[verdict] == 1 else 'are'} {verdict} beyond noise"
        for verdict in ("worse", "better")
        if tally[verdict]
    ]
    most = "; the largest change" if tally["worse"] + tally["better"] > 1 else ""
    return f"Of {plural(cells, 'cell')} {' and '.join(told)}{most}: {_largest(found, 'worse', 'better')}"


def _unproven(found: RunDifference) -> str:
    """Where nothing is proven: the largest change, and that the others are not proven either."""
    open_ = found.judged("not proven")
    still = len(found.judged("same"))
    moved = [cell for cell in open_ if cell.difference]
    if not moved:
        return f"No score changed, in {plural(len(open_) + still, 'cell')}"
    largest = max(moved, key=_size)
    said = f"{_largest(found, 'not proven')}; {unproven_words(largest.proof)}"
    if len(open_) == 1 and not still:
        return said
    rest = [f"{still:,} {'is' if still == 1 else 'are'} the same"] if still else []
    rest = [f"none of {plural(len(open_), 'change')} is proven", *rest] if len(open_) > 1 else rest
    return f"Of {plural(len(open_) + still, 'cell')} {' and '.join(rest)}. The largest change: {said}"


def _largest(found: RunDifference, *verdicts: Verdict) -> str:
    """The cell that changed most, with its scores before and after."""
    cell = max(found.judged(*verdicts), key=_size)
    return f"{cell.name} {cell.moved} on {cell.dataset}{_scores_in_brackets(cell, found.metric)}"


def _scores_in_brackets(cell: CellDifference, metric: MetricInfo | None) -> str:
    if metric is None or cell.before is None or cell.after is None:
        return ""
    return f" ({metric.label} {quality(cell.before, metric)} {ARROW} {quality(cell.after, metric)})"


def _size(cell: CellDifference) -> float:
    return abs(cell.difference or 0.0)


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
    if found.metric is not None:
        yield from changes_of(found.cells, found.metric)
    for one in found.winners:
        if one.changed:
            yield _another_answer(one)


def changes_of(cells: Sequence[CellDifference], metric: MetricInfo) -> Iterator[str]:
    """What is beyond noise, what is large and not proven, and how large the rest is at most."""
    for verdict in ("worse", "better"):
        told = sorted((cell for cell in cells if cell.verdict == verdict), key=_size, reverse=True)
        yield from (_moved(cell, metric) for cell in told[:MOST])
        if len(told) > MOST:
            yield f"{plural(len(told) - MOST, 'more cell')} {'is' if len(told) == MOST + 1 else 'are'} {verdict}."
    open_ = sorted((cell for cell in cells if cell.verdict == "not proven"), key=_size, reverse=True)
    large = [cell for cell in open_ if is_large(cell.difference or 0.0, cell.before or 0.0, metric)]
    yield from (_moved(cell, metric) for cell in large[:MOST])
    rest = open_[len(large[:MOST]) :]
    if rest:
        other = "other " if len(rest) < len(open_) else ""
        yield (
            f"{plural(len(rest), f'{other}cell')} moved by at most {points(_size(rest[0]), metric)}, which is not "
            "proven."
        )


def _another_answer(one: WinnerChange) -> str:
    if one.after is None:
        return f"On {one.dataset} there is no answer in the run after; it was {_name(one.before)}."
    if one.before is None:
        return f"On {one.dataset} the answer is {_name(one.after)}; the run before had none."
    still = ", which may still be the best" if one.still else ""
    return f"On {one.dataset} the answer is {_name(one.after)}; it was {_name(one.before)}{still}."


def _moved(cell: CellDifference, metric: MetricInfo) -> str:
    """One cell that changed: from what to what, by how much, how sure that is, and what would make it so."""
    if cell.before is None or cell.after is None or cell.difference is None:
        return ""
    # Said as a size: of a loss the ends change places.
    low, high = (cell.low, cell.high) if cell.difference >= 0 else (_minus(cell.high), _minus(cell.low))
    ends = between(low, high, metric)
    sure = [f"95 % interval {ends}"] if ends else []
    p = cell.p_corrected
    sure += [f"p {'' if p < 0.001 else '= '}{p_words(p)}"] if p is not None else []
    scores = f"{metric.label} {quality(cell.before, metric)} {ARROW} {quality(cell.after, metric)}"
    said = f"{cell.name} {cell.moved} on {cell.dataset}: {scores} ({', '.join(sure)})"
    if cell.verdict != "not proven":
        return f"{said}."
    takes = f" To show it takes {cell.settles}, if it stays as large." if cell.settles else ""
    return f"{said}; {unproven_words(cell.proof)}.{takes}"


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
