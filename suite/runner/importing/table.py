"""A table of published results: which column says what, and the entries that follow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.compare.advice.wording import AS_PUBLISHED
from suite.errors import DataError, SuiteError, did_you_mean
from suite.runner.importing.csvfile import Grid, read_grid

__all__ = ["Columns", "Published", "Unit", "read_table"]

MISSING = {"", "-", "–", "—", "?", "n/a", "na", "nan", "none", "null"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
MOST_HEADER_ROWS = 10


@dataclass(frozen=True)
class Columns:
    """Which column of a table says what.

    In a long table every row is one result. In a wide one every row is one model, with a column per data set; its
    header may have several rows, each with its name in the first column, as pandas writes several levels of names.
    """

    model: str
    dataset: str | None = None
    """Column of the data set; in a wide table the header row that names them, where the header has several rows."""
    dataset_name: str | None = None
    """The one data set of a long table that has no column for it."""
    scores: tuple[str, ...] = ()
    """The column of the score; in a wide table the columns to read, all that are left where it is empty."""
    strategy: str | None = None
    seed: str | None = None
    train_examples: str | None = None
    """Column, in a wide table header row, of the number of training examples, or a word such as ``full``."""
    classes: str | None = None
    wide: bool = False
    ignore: tuple[str, ...] = ()
    """Columns of a wide table to leave out, by any of their names."""


@dataclass(frozen=True)
class Unit:
    """How a value of the table becomes a score."""

    metric: str
    scale: float
    share: bool
    """Whether the metric lies between 0 and 1."""


@dataclass(frozen=True)
class Published:
    """One value of a table."""

    model: str
    dataset: str
    """Label: with the amount of training data, where the table tells it."""
    data: str
    """The data set without its amount."""
    strategy: str
    seed: int
    train_examples: int | None
    classes: int | None
    value: float | None
    reason: str | None
    """Why there is no value, where there is none."""
    place: str
    """Row and column in the file."""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What two rows may not have in common."""
        return self.model, self.dataset, self.strategy, self.seed


@dataclass(frozen=True)
class _Place:
    """One text of the table, with where it stands."""

    grid: Grid
    row: int
    column: int
    name: str

    @property
    def text(self) -> str:
        return self.grid.rows[self.row][self.column]

    @property
    def said(self) -> str:
        return f"row {self.grid.numbers[self.row]}, column '{self.name}'"

    def error(self, complaint: str) -> DataError:
        return DataError(f"{self.grid.path}: {self.said}: {complaint}")

    def score(self, unit: Unit) -> float | None:
        """The scaled number; None where the table has no value."""
        if self.text.lower() in MISSING:
            return None
        if not NUMBER.fullmatch(self.text):
            raise self.error(f"expected a number, or nothing or n/a where there is none, got '{self.text[:40]}'.")
        value = float(f"{float(self.text) * unit.scale:.12g}")
        if unit.share and not 0 <= value <= 1:
            percent = " Where the table is in per cent, add --scale 0.01." if unit.scale == 1 else ""
            raise self.error(f"{unit.metric} is a share from 0 to 1, got {value:g}.{percent}")
        return value

    def whole(self, what: str) -> int:
        if not (self.text.isascii() and self.text.isdecimal() and len(self.text) < 16):
            raise self.error(f"expected a whole number for {what}, got '{self.text[:40]}'.")
        return int(self.text)

    def name_of(self, what: str) -> str:
        if not self.text:
            raise self.error(f"is empty; every row needs a {what}.")
        return self.text[:200]


@dataclass(frozen=True)
class _Parts:
    """Where in the table one entry's parts stand; None for those that the table does not have."""

    model: _Place
    score: _Place
    dataset: _Place | None
    train: _Place | None
    classes: _Place | None
    strategy: _Place | None
    seed: _Place | None


def read_table(path: Path, columns: Columns, unit: Unit) -> tuple[Published, ...]:
    """Every value of a table, in the order of the file; missing ones with a reason.

    Raises:
        SuiteError: Where the columns do not go together.
        DataError: With file, row and column: for a file that is none, an unknown column, something that is not a
            number, a share outside 0 to 1, two values for the same model, data set, strategy and seed, or no rows.
    """
    _check(columns)
    grid = read_grid(path)
    parts = _wide(grid, columns) if columns.wide else _long(grid, columns)
    found: dict[tuple[str, str, str, int], Published] = {}
    classes: dict[str, Published] = {}
    for one in parts:
        entry = _entry(one, columns, unit)
        before = found.setdefault(entry.key, entry)
        if before is not entry:
            model, dataset, strategy, seed = entry.key
            raise DataError(
                f"{path}: {before.place} and {entry.place} both are {model} x {dataset} x {strategy}, seed {seed}; "
                "keep one, or name the column that tells them apart with --strategy or --seed."
            )
        if entry.classes is not None and classes.setdefault(entry.data, entry).classes != entry.classes:
            other = classes[entry.data]
            said = f"{other.classes} classes at {other.place} and {entry.classes} at {entry.place}"
            raise DataError(f"{path}: {entry.data} has {said}.")
    if not found:
        raise DataError(f"{path}: has column names and no rows under them.")
    return tuple(found.values())


def _check(columns: Columns) -> None:
    """Refuses a mapping that says too little or too much."""
    if columns.wide:
        if columns.dataset_name is not None:
            raise SuiteError(
                "--dataset-name: a wide table has a column per data set; leave it out, or leave out --wide."
            )
        return
    if len(columns.scores) != 1:
        raise SuiteError("--score: expected the one column that holds the scores; --wide reads several.")
    if columns.ignore:
        raise SuiteError("--ignore: is for wide tables; in a long one columns that are not named are not read.")
    if (columns.dataset is None) == (columns.dataset_name is None):
        raise SuiteError("expected --dataset COLUMN, or --dataset-name NAME where the whole table is of one data set.")


def _entry(parts: _Parts, columns: Columns, unit: Unit) -> Published:
    data = parts.dataset.name_of("data set") if parts.dataset else columns.dataset_name or ""
    amount = parts.train.text if parts.train and parts.train.text.lower() not in MISSING else ""
    suffix = f" ({amount})" if amount else ""
    data = data.removesuffix(suffix) if suffix else data
    counted = amount.isascii() and amount.isdecimal() and len(amount) < 16
    value = parts.score.score(unit)
    has_classes = parts.classes is not None and parts.classes.text.lower() not in MISSING
    return Published(
        model=parts.model.name_of("model"),
        dataset=data + suffix,
        data=data,
        strategy=parts.strategy.name_of("strategy") if parts.strategy else AS_PUBLISHED,
        seed=parts.seed.whole("the seed") if parts.seed else 0,
        train_examples=int(amount) if counted else None,
        classes=parts.classes.whole("the classes") if parts.classes and has_classes else None,
        value=value,
        reason=None if value is not None else f"the table has no value here ({parts.score.said}).",
        place=parts.score.said,
    )


def _long(grid: Grid, columns: Columns) -> Iterator[_Parts]:
    """One entry per row."""
    named = {
        "model": columns.model,
        "score": columns.scores[0],
        "dataset": columns.dataset,
        "train": columns.train_examples,
        "classes": columns.classes,
        "strategy": columns.strategy,
        "seed": columns.seed,
    }
    at = {part: (grid.column(name, header=0), name) for part, name in named.items() if name is not None}
    for row in range(1, len(grid.rows)):
        places = {part: _Place(grid, row, *where) for part, where in at.items()}
        yield _Parts(**{part: places.get(part) for part in named})  # type: ignore[arg-type]  # model and score are there


def _wide(grid: Grid, columns: Columns) -> Iterator[_Parts]:
    """One entry per row and data set column."""
    last = _header_end(grid, columns)
    levels = {name: _level(grid, name, last) for name in _levels_of(columns)}
    names_at = levels[columns.dataset] if columns.dataset else last
    model = grid.column(columns.model, header=last)
    own = {
        part: (_any_column(grid, name, last), name)
        for part, name in (("strategy", columns.strategy), ("seed", columns.seed))
        if name is not None
    }
    taken = {model, *(column for column, _ in own.values())}
    chosen = _score_columns(grid, columns, last, taken)
    for row in range(last + 1, len(grid.rows)):
        for column in chosen:
            title = grid.rows[names_at][column]
            yield _Parts(
                model=_Place(grid, row, model, columns.model),
                score=_Place(grid, row, column, title),
                dataset=_Place(grid, names_at, column, title),
                train=_header_place(grid, levels, columns.train_examples, column),
                classes=_header_place(grid, levels, columns.classes, column),
                strategy=_Place(grid, row, *own["strategy"]) if "strategy" in own else None,
                seed=_Place(grid, row, *own["seed"]) if "seed" in own else None,
            )


def _header_place(grid: Grid, levels: dict[str, int], name: str | None, column: int) -> _Place | None:
    return _Place(grid, levels[name], column, grid.rows[levels[name]][column]) if name is not None else None


def _levels_of(columns: Columns) -> tuple[str, ...]:
    """The header rows that are named."""
    return tuple(name for name in (columns.dataset, columns.train_examples, columns.classes) if name is not None)


def _header_end(grid: Grid, columns: Columns) -> int:
    """The last row of the header: the first one where there is one, else the one that names the model's column."""
    several = bool(_levels_of(columns))
    for row in range(min(MOST_HEADER_ROWS, len(grid.rows)) if several else 1):
        if columns.model in (grid.rows[row][:1] if several else grid.rows[row]):
            return row
    first = [row[0] for row in grid.rows[:MOST_HEADER_ROWS]] if several else [name for name in grid.rows[0] if name]
    raise DataError(f"{grid.path}: {did_you_mean(columns.model, first, what='column')}")


def _level(grid: Grid, name: str, last: int) -> int:
    """The header row with this name in its first column."""
    names = [grid.rows[row][0] for row in range(last + 1)]
    if name not in names:
        raise DataError(f"{grid.path}: {did_you_mean(name, names, what='header row')}")
    return names.index(name)


def _any_column(grid: Grid, name: str, last: int) -> int:
    """The column that has this name in any row of the header."""
    names = [_names(grid, column, last) for column in range(len(grid.rows[0]))]
    found = [column for column, own in enumerate(names) if name in own]
    if len(found) != 1:
        known = {one for own in names for one in own}
        raise DataError(
            f"{grid.path}: {len(found)} columns are named '{name}'; rename all but one." if found
            else f"{grid.path}: {did_you_mean(name, known, what='column')}"
        )  # fmt: skip
    return found[0]


def _names(grid: Grid, column: int, last: int) -> set[str]:
    return {text for row in range(last + 1) if (text := grid.rows[row][column])}


def _score_columns(grid: Grid, columns: Columns, last: int, taken: set[int]) -> Sequence[int]:
    """The columns that hold scores: those named, else all that are neither mapped nor ignored."""
    names = [_names(grid, column, last) for column in range(len(grid.rows[0]))]
    known = {one for own in names for one in own}
    for name in (*columns.scores, *columns.ignore):
        if name not in known:
            raise DataError(f"{grid.path}: {did_you_mean(name, known, what='column')}")
    wanted, ignored = set(columns.scores), set(columns.ignore)
    chosen = [
        column
        for column, own in enumerate(names)
        if column not in taken and own and not own & ignored and (own & wanted or not wanted)
    ]
    if not chosen:
        raise DataError(f"{grid.path}: no column is left to read scores from; name them with --score.")
    return chosen
