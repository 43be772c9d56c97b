"""What became of the texts: how they were cut into tokens, what was lost, and how fast models write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from suite.compare.comparison import CellSummary, Comparison
from suite.compare.number_format import count, number, percent, plural
from suite.report.tables import Box, Column, Table, spread_box

__all__ = ["tokens_table", "truncation_sentences", "writing_table"]

MISSING_BOX = Box("–", "")


def tokens_table(cells: Iterable[CellSummary]) -> Table:
    """One row per model: texts, tokens, padding; empty for images."""
    first: dict[str, CellSummary] = {}
    for cell in cells:
        if cell.tokens is not None:
            first.setdefault(cell.model, cell)
    sets = list(dict.fromkeys(name for cell in first.values() if cell.tokens for name in cell.tokens.truncated))
    columns = (
        Column("model"),
        Column("reads at most", "tokens", number=True, best_high=True),
        Column("a training text has", "tokens, mean", number=True),
        Column("knows", "tokens", number=True, best_high=True),
        Column("padding", "of training batches", number=True),
        *(Column(f"cut in {name}", "texts", number=True, best_high=True) for name in sets),
    )
    rows = tuple(
        (
            Box(cell.model),
            Box(count(cell.tokens.sequence_length), cell.tokens.sequence_length),
            Box(number(cell.tokens.mean_tokens), cell.tokens.mean_tokens),
            Box(count(cell.tokens.vocabulary), cell.tokens.vocabulary),
            _share(cell.tokens.padding_share),
            *(_truncated(cell.tokens.truncated.get(name)) for name in sets),
        )
        for cell in first.values()
        if cell.tokens is not None
    )
    return Table("Texts as tokens", columns, rows)


def truncation_sentences(comparison: Comparison) -> Iterator[str]:
    """Which models lost the end of texts, and of how many."""
    for dataset in comparison.datasets:
        told: set[str] = set()
        for cell in comparison.cells:
            found = cell.tokens
            if found is None or cell.dataset != dataset or cell.model in told or not any(found.truncated.values()):
                continue
            told.add(cell.model)
            cut = [f"{plural(many, 'text')} of {name}" for name, many in found.truncated.items() if many]
            where = f"{dataset}: " if len(comparison.datasets) > 1 else ""
            yield (
                f"{where}{cell.model} reads at most {plural(found.sequence_length, 'token')}: {', '.join(cut)} "
                "lost their end."
            )


def writing_table(cells: Iterable[CellSummary]) -> Table:
    """How fast one text is written; empty where nothing is."""
    columns = (
        Column("model"),
        Column("strategy"),
        Column("first token", "ms", number=True),
        Column("then", "tokens/s", number=True, best_high=True),
        Column("at most", "new tokens", number=True),
        Column("decoding", long=True),
    )
    rows = tuple(
        (
            Box(cell.model),
            Box(cell.strategy),
            spread_box(cell.writing.first_token_ms),
            spread_box(cell.writing.tokens_per_second),
            Box(count(cell.writing.new_tokens), cell.writing.new_tokens),
            Box(_said(cell.writing.decoding)),
        )
        for cell in cells
        if cell.writing is not None and (cell.writing.first_token_ms.count or cell.writing.tokens_per_second.count)
    )
    return Table("Writing in numbers", columns, rows)


def _said(decoding: dict[str, object]) -> str:
    """``beam, beams 4``: the way, and the options that are set; a seed only where tokens are drawn."""
    way = str(decoding.get("decoding", "as the model does it"))
    unsaid = {"decoding", "seed"} if way in {"greedy", "beam"} else {"decoding"}
    options = {key: value for key, value in decoding.items() if key not in unsaid and value not in {"", None}}
    said = [f"{key} {json.dumps(value) if isinstance(value, str) else value}" for key, value in options.items()]
    return ", ".join([way.replace("_", "-"), *said])


def _share(value: float | None) -> Box:
    return MISSING_BOX if value is None else Box(percent(value), value)


def _truncated(many: int | None) -> Box:
    return MISSING_BOX if many is None else Box(count(many), many)
