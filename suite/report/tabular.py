"""Results of a run as a table in the format that its reader wants."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from suite.errors import MissingExtraError, StoreError, SuiteError, install_line
from suite.store.atomic_write import write_by_rename

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BINARY", "FORMATS", "TABLES", "TableFormat", "TableName", "format_of", "table", "write_table"]

TableName = Literal["leaderboard", "trials", "scores"]
TableFormat = Literal["csv", "json", "latex", "markdown", "parquet", "xlsx"]
TABLES: tuple[TableName, ...] = ("leaderboard", "trials", "scores")
FORMATS: tuple[TableFormat, ...] = ("csv", "json", "latex", "markdown", "parquet", "xlsx")
BINARY = frozenset({"parquet", "xlsx"})
"""Formats that are no text, and so want a file."""
ENDINGS: Mapping[str, TableFormat] = {
    ".csv": "csv",
    ".json": "json",
    ".tex": "latex",
    ".md": "markdown",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
NEEDS = {"parquet": ("pyarrow", "parquet"), "xlsx": ("openpyxl", "xlsx")}
"""Module and extra of formats that need more than the suite does."""


def format_of(path: Path | None, asked: TableFormat | None) -> TableFormat:
    """The format that was asked for, else the one of the file's ending, else CSV.

    Raises:
        SuiteError: For a file whose ending tells nothing, or a format that is no text without a file;
            ``MissingExtraError`` where the format needs a package that is not installed.
    """
    if asked is None and path is not None and path.suffix.lower() not in ENDINGS:
        raise SuiteError(f"{path}: its ending names no format; expected one of {', '.join(ENDINGS)}, or give --format.")
    chosen = asked or (ENDINGS[path.suffix.lower()] if path is not None else "csv")
    if chosen in BINARY and path is None:
        raise SuiteError(
            f"--format {chosen}: is no text that a terminal could show; say where it goes with --out FILE."
        )
    module, extra = NEEDS.get(chosen, ("", ""))
    line = install_line((module,), extra) if module else None
    if line is not None:
        raise MissingExtraError(f"format {chosen} needs {module}: {line}")
    return chosen


def table(folder: Path, name: TableName, *, tell: Callable[[str], None] = lambda _: None) -> pd.DataFrame:
    """One table of a run; missing numbers are missing, never 0.

    Args:
        folder: Of a run.
        name: ``leaderboard``: one row per cell with intervals, verdicts and costs; ``trials``: one row per trial, every
            score in a column of its own; ``scores``: one row per trial, evaluation set and metric.
        tell: Told what of the run is damaged, a sentence each.

    Raises:
        StoreError: Where the folder holds no run.
    """
    from suite.report.frames import leaderboard_frame, results_frame, scores_frame
    from suite.report.stored_run import load_comparison
    from suite.store.store import open_store

    if name == "leaderboard":
        return leaderboard_frame(load_comparison(folder, tell=tell).comparison)
    with open_store(folder, create=False) as store:
        results = store.query()
        for line in store.damage:
            tell(line)
    return results_frame(results) if name == "trials" else scores_frame(results)


def write_table(frame: pd.DataFrame, kind: TableFormat, path: Path | None, *, caption: str) -> str | None:
    """Writes a table to a file, all of it or nothing; without a file its text comes back.

    Args:
        frame: The table.
        kind: The format.
        path: Where it goes.
        caption: Above a table in LaTeX.

    Raises:
        StoreError: Where the file cannot be written.
    """
    content = _BYTES[kind](frame) if kind in BINARY else _TEXTS[kind](frame, caption)
    if path is None:
        return str(content)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path.parent}: cannot be made ({error.strerror}); choose another --out.") from error
    write_by_rename(path, content)
    return None


def _csv(frame: pd.DataFrame, _caption: str) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


def _json(frame: pd.DataFrame, _caption: str) -> str:
    return f"{frame.to_json(orient='records', date_format='iso', indent=2, force_ascii=False)}\n"


def _markdown(frame: pd.DataFrame, _caption: str) -> str:
    """A pipe table; a bar or a line break in a name would end its cell."""
    cells = frame.astype(object).where(frame.notna(), "").map(_rounded)
    safe = cells.map(lambda value: " ".join(str(value).replace("|", "\\|").split()))
    return f"{safe.to_markdown(index=False, disable_numparse=True)}\n"


def _latex(frame: pd.DataFrame, caption: str) -> str:
    """A table for the package booktabs; text is escaped, numbers stand to the right."""
    cells = frame.astype(object).where(frame.notna(), "--").map(_rounded)
    columns = "".join("r" if _is_number(frame[name]) else "l" for name in frame)
    styled = cells.rename(columns=str).style.hide(axis="index")
    styled = styled.format(escape="latex").format_index(escape="latex", axis="columns")
    written = io.StringIO()
    styled.to_latex(written, hrules=True, column_format=columns, caption=_escaped(caption), position_float="centering")
    return written.getvalue()


def _rounded(value: object) -> object:
    """Numbers as text with four digits, whole ones as they are."""
    return f"{value:.4g}" if isinstance(value, float) else value


def _is_number(column: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column))


def _escaped(text: str) -> str:
    """Text as LaTeX prints it."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in text)


def _parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    return content.getvalue()


def _xlsx(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    _without_zones(frame).to_excel(content, index=False, engine="openpyxl")
    return content.getvalue()


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    """Times without their zone, UTC, since a spreadsheet has no zones."""
    import pandas as pd

    zoned = [str(name) for name in frame if isinstance(frame[name].dtype, pd.DatetimeTZDtype)]
    return frame.assign(**{name: frame[name].dt.tz_localize(None) for name in zoned})


_TEXTS: Mapping[str, Callable[[pd.DataFrame, str], str]] = {
    "csv": _csv,
    "json": _json,
    "latex": _latex,
    "markdown": _markdown,
}
_BYTES: Mapping[str, Callable[[pd.DataFrame], bytes]] = {"parquet": _parquet, "xlsx": _xlsx}
