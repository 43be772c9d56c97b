"""What a trial on texts keeps beside its predictions: what the tokeniser did, how fast texts are written, the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.data.batches import Batches, Examples, padding_share
from suite.data.example_ids import id_array
from suite.data.token_rows import TokenRows
from suite.spec.trial import Cell
from suite.store.records.example_files import PASSAGES, Passages
from suite.store.records.result import GenerationRecord, TokensRecord
from suite.strategies.fit import Fit, FitContext
from suite.strategies.workshop import Workshop
from suite.tasks.writing import Writer

__all__ = ["generation_record", "keep_passages", "tokens_record"]


def tokens_record(context: FitContext, fit: Fit, sets: dict[str, Examples]) -> TokensRecord | None:
    """What became of the texts; None for images.

    Args:
        context: Of the fit.
        fit: Without epochs nothing was batched, and there is no share of padding.
        sets: Evaluation set to its examples.
    """
    backbone: Any = context.workshop.backbone
    rows = context.train.inputs
    if not isinstance(rows, TokenRows):
        return None
    batches = Batches(context.train, context.batch_size, context.seed)
    every = {"train": context.train, **sets}
    return TokensRecord(
        sequence_length=backbone.sequence_length,
        vocabulary=backbone.tokenizer.vocabulary_size,
        padding_share=padding_share(batches) if fit.history else None,
        truncated={name: one.inputs.truncated for name, one in every.items() if isinstance(one.inputs, TokenRows)},
        mean_tokens=float(rows.lengths.mean()),
    )


def generation_record(cell: Cell, workshop: Workshop, fit: Fit, test: Examples) -> GenerationRecord | None:
    """How texts were written, and how fast; None for a model that writes none.

    The speed is measured once for each graph of a worker, on the test prompt of median length.
    """
    settings = cell.generation
    if fit.adapted.writer is None or settings is None or not isinstance(test.inputs, TokenRows):
        return None

    decoding = settings.model_dump(mode="json", exclude={"why", "max_new_tokens"}, exclude_none=True)
    if not any(test.texts(index)[0] for index in range(len(test))):
        # Plain language modelling: nothing is written, so nothing has a speed.
        return GenerationRecord(
            first_token_ms=None, tokens_per_second=None, decoding=decoding, new_tokens=settings.max_new_tokens
        )
    key = ("speed", id(fit.adapted.writer))
    if key not in workshop.probes:
        workshop.probes[key] = Writer(fit.adapted, settings).speed(test.inputs)
    speed = workshop.probes[key]
    return GenerationRecord(
        first_token_ms=speed.first_token_ms,
        tokens_per_second=speed.tokens_per_second,
        decoding=decoding,
        new_tokens=settings.max_new_tokens,
    )


def keep_passages(folder: Path, test: Examples) -> dict[str, str]:
    """Writes the texts of the test set, for a report to show; nothing for images."""
    if test.texts is None:
        return {}
    path = "passages.npz"
    Passages.cut(id_array(test.ids), (test.texts(index) for index in range(len(test)))).save(folder / path)
    return {PASSAGES: path}
