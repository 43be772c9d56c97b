"""A language model writing, by KerasHub's own loop with its cache of keys and values."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.token_rows import TokenRows
from suite.models.backbone import TextBackbone
from suite.spec.generation import GenerationSpec
from suite.tasks.adapted import Adapted

__all__ = ["Speed", "Writer"]

AT_ONCE = 32
"""Texts that are written together."""
STEP = 32
"""Prompts are padded to a multiple of so many tokens: each length compiles the loop anew."""


@dataclass(frozen=True)
class Speed:
    """How fast one text is written, one at a time."""

    first_token_ms: float
    """Until the first token is there: reading the prompt is most of it."""
    tokens_per_second: float
    """From then on."""
    new_tokens: int


@dataclass(frozen=True)
class Writer:
    """Writes what follows the prompts of a split."""

    adapted: Adapted
    settings: GenerationSpec

    def write(self, rows: TokenRows) -> tuple[str, ...]:
        """One text per example, in their order, without special tokens."""
        writer = self._ready()
        prompts = [self._prompt(rows, index) for index in range(len(rows))]
        texts: dict[int, str] = {}
        order = np.argsort([len(prompt[0]) for prompt in prompts], kind="stable")
        for start in range(0, len(order), AT_ONCE):
            chosen = order[start : start + AT_ONCE]
            # Every batch has as many rows, so that one loop is compiled for each length.
            filled = [prompts[index] for index in [*chosen, *[chosen[-1]] * (AT_ONCE - len(chosen))]]
            made = writer.generate(self._arrays(filled, self.settings.max_new_tokens), stop_token_ids=self._stops())
            # The texts of repeated rows are left over.
            texts.update(zip(chosen.tolist(), self._read(made, filled), strict=False))
        return tuple(texts[index] for index in range(len(rows)))

    def speed(self, rows: TokenRows) -> Speed:
        """Times the prompt of median length, alone, after one call that compiles."""
        writer = self._ready()
        median = int(np.argsort(rows.lengths, kind="stable")[len(rows) // 2])
        prompt = [self._prompt(rows, median)]
        most = self.settings.max_new_tokens
        seconds = {}
        for count in dict.fromkeys((1, most)):
            arrays = self._arrays(prompt, count, padded=False)
            writer.generate({**arrays}, stop_token_ids=None)
            taken = []
            for _ in range(3):
                started = time.perf_counter()
                writer.generate({**arrays}, stop_token_ids=None)
                taken.append(time.perf_counter() - started)
            seconds[count] = min(taken)
        later = max(seconds[most] - seconds[1], 1e-9)
        rate = (most - 1) / later if most > 1 else 1 / max(seconds[1], 1e-9)
        return Speed(seconds[1] * 1000, rate, most)

    def _ready(self) -> Any:
        """The writer with its way of choosing tokens; compiled once, its random state set anew each time."""
        writer = self.adapted.writer
        if getattr(writer, "decodes_by", None) != self.settings:
            writer.compile(sampler=_sampler(self.settings), jit_compile=False)
            writer.decodes_by = self.settings
        generator = getattr(writer.sampler, "seed_generator", None)
        if generator is not None:
            words = np.random.SeedSequence(self.settings.seed).generate_state(2)
            generator.state.assign(words.astype(generator.state.dtype))
        return writer

    def _stops(self) -> tuple[int, ...] | None:
        end = self.adapted.backbone.tokenizer.end_id  # type: ignore[union-attr]  # a writer reads text
        return None if end is None else (end,)

    def _prompt(self, rows: TokenRows, index: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """What the encoder reads, and what the decoder starts from; one of them empty for a decoder alone."""
        backbone: Any = self.adapted.backbone
        place = rows.positions[index : index + 1]
        start, second = int(rows.tokens.starts_of(place)[0]), int(rows.tokens.second[place][0])
        first = np.asarray(rows.tokens.ids[start : start + second])
        if rows.layout == "seq2seq":
            return first, np.array(framed(backbone)[0], np.int32)
        room = max(backbone.sequence_length - self.settings.max_new_tokens, 1)
        if len(first) > room:
            # The end of a prompt is the separator, which says that the text begins.
            first = np.concatenate([first[: room // 2], first[len(first) - (room - room // 2) :]])
        return first, first[:0]

    def _arrays(
        self, prompts: list[tuple[NDArray[np.int32], NDArray[np.int32]]], new_tokens: int, *, padded: bool = True
    ) -> dict[str, NDArray[Any]]:
        backbone: Any = self.adapted.backbone
        # KerasHub looks for the end among the places that are still to be written, so they must not hold it.
        pad = backbone.tokenizer.pad_id
        if pad == backbone.tokenizer.end_id:
            pad = 0 if pad else 1
        longest = max(len(first) for first, _ in prompts)
        width = -(-longest // STEP) * STEP if padded else longest
        if backbone.generates == "seq2seq":
            ids, mask = _filled([first for first, _ in prompts], min(width, backbone.sequence_length), pad)
            start = len(prompts[0][1])
            total = min(start + new_tokens, backbone.sequence_length)
            decoder_ids, decoder_mask = _filled([second for _, second in prompts], total, pad)
            return {
                "encoder_token_ids": ids,
                "encoder_padding_mask": mask,
                "decoder_token_ids": decoder_ids,
                "decoder_padding_mask": decoder_mask,
            }
        total = min(width + new_tokens, backbone.sequence_length)
        ids, mask = _filled([first for first, _ in prompts], max(total, longest + 1), pad)
        return {"token_ids": ids, "padding_mask": mask}

    def _read(self, made: Any, prompts: list[tuple[NDArray[np.int32], NDArray[np.int32]]]) -> list[str]:
        backbone: Any = self.adapted.backbone
        part = "decoder_" if backbone.generates == "seq2seq" else ""
        ids, mask = np.asarray(made[f"{part}token_ids"]), np.asarray(made[f"{part}padding_mask"]).astype(bool)
        texts = []
        for row, (first, second) in enumerate(prompts):
            begin = len(second) if part else len(first)
            end = min(begin + self.settings.max_new_tokens, ids.shape[1])
            written = ids[row, begin:end][mask[row, begin:end]]
            texts.append(backbone.tokenizer.decode(written.tolist()).strip())
        return texts


def _filled(pieces: list[NDArray[np.int32]], width: int, pad: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    ids = np.full((len(pieces), width), pad, dtype=np.int32)
    mask = np.zeros((len(pieces), width), dtype=np.bool_)
    for row, piece in enumerate(pieces):
        ids[row, : len(piece)] = piece[:width]
        mask[row, : len(piece)] = True
    return ids, mask


def _sampler(settings: GenerationSpec) -> Any:
    import keras_hub

    samplers = keras_hub.samplers
    drawn = {"seed": settings.seed, "temperature": settings.temperature}
    if settings.decoding == "beam":
        return samplers.BeamSampler(num_beams=settings.beams)
    if settings.decoding == "random":
        return samplers.RandomSampler(**drawn)
    if settings.decoding == "top_k":
        return samplers.TopKSampler(k=settings.k, **drawn)
    if settings.decoding == "top_p":
        return samplers.TopPSampler(p=settings.p, **drawn)
    return samplers.GreedySampler()


def framed(backbone: TextBackbone) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens before and behind what a model writes.

    T5's decoder starts from padding (Raffel et al. 2020), BART's from the end token and then the start token (as
    KerasHub's ``BartSeq2SeqLMPreprocessor``), a causal model from its start token, where it has one.
    """
    tokenizer = backbone.tokenizer
    end = () if tokenizer.end_id is None else (tokenizer.end_id,)
    if backbone.generates == "seq2seq":
        if tokenizer.packing.start and tokenizer.start_id is not None:
            return (*end, tokenizer.start_id), end
        return (tokenizer.pad_id,), end
    return (() if tokenizer.start_id is None else (tokenizer.start_id,)), end
