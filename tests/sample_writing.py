"""A small run of models that write, without TensorFlow: word models fitted on sentences, in the layout of the store.

Three bigram models with more or less smoothing stand for models.  Their likelihoods are their own, and they write by
taking the likeliest next word, so that texts, perplexity and overlap belong together.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from suite.compare.comparison import PlannedTrial, PlanSummary
from suite.metrics import metrics_answering, metrics_named, score_all
from suite.store.records.generations import Generations
from suite.store.records.outputs import load_outputs
from suite.store.records.result import (
    DataRecord,
    Environment,
    EpochRecord,
    GenerationRecord,
    Profile,
    Result,
    Timings,
    TokensRecord,
    WeightsRecord,
)

SMOOTHING = {"careful": 0.02, "middling": 0.3, "vague": 5.0}
STRATEGIES = {"fine_tune: all": "fine_tune", "lora: rank 4": "lora"}
SEEDS = (1, 2)
DECODING = {"decoding": "beam", "beams": 4, "seed": 0, "prefix": "", "separator": "\n"}
EXAMPLES = 60
VERBS = ("Return", "Compute", "Give", "Make", "Read", "Write", "Find", "Check")
THINGS = ("the sum", "a copy", "the mean", "the shape", "an index", "the largest value", "a new array", "the name")
OF = ("of the array", "of a file", "along an axis", "for each element", "of two lists", "without the missing values")


def make_writing_results(folder: Path, *, headline: str = "bits_per_byte") -> tuple[PlanSummary, list[Result]]:
    """Writes ``folder/<trial id>/<set>.npz`` and gives the plan with its results, all done."""
    trials = tuple(
        PlannedTrial(
            trial_id=_hash(f"{model}-{strategy}-{seed}")[:16], cell_id=_hash(f"{model}-{strategy}")[:12], model=model,
            dataset="sentences", strategy=strategy, strategy_name=name, phase="final", seed=seed,
        )
        for model in SMOOTHING for strategy, name in STRATEGIES.items() for seed in SEEDS
    )  # fmt: skip
    plan = PlanSummary(
        spec_name="writing", title="Which model writes the first line?", task="text_generation", headline=headline,
        command="suite run specs/generation.json", trials=trials, skips=(),
    )  # fmt: skip
    return plan, [_result(trial, folder, headline) for trial in trials]


def load_from(folder: Path) -> Any:
    """The ``load_predictions`` that ``compare`` takes."""

    def load(result: Result, name: str) -> Any:
        path = folder / result.id / f"{name}.npz"
        return load_outputs(path) if path.exists() else None

    return load


def sentences(seed: int, many: int) -> tuple[str, ...]:
    """Sentences that a bigram model can learn."""
    dice = np.random.default_rng(seed)
    return tuple(f"{dice.choice(VERBS)} {dice.choice(THINGS)} {dice.choice(OF)} ." for _ in range(many))


def _result(trial: PlannedTrial, folder: Path, headline: str) -> Result:
    (folder / trial.trial_id).mkdir(parents=True, exist_ok=True)
    examples = 150 if trial.strategy_name == "lora" else 400
    smoothing = SMOOTHING[trial.model]
    bigrams = _fit(sentences(100 + trial.seed, examples))
    scores = {}
    names = (headline, *(name for name in metrics_answering("text") if name != headline))
    for name, seed in (("validation", 1), ("test", 2)):
        made = _write(sentences(seed, EXAMPLES), bigrams, smoothing)
        made.save(folder / trial.trial_id / f"{name}.npz")
        scores[name] = score_all(made, metrics_named(names))
    speed = {"careful": 3.0, "middling": 2.0, "vague": 1.0}[trial.model]
    return Result(
        id=trial.trial_id, cell_id=trial.cell_id, status="done", trial={"train_examples": "all"}, phase="final",
        seed=trial.seed, model=trial.model, dataset=trial.dataset, strategy=trial.strategy, scores=scores,
        history=_history(trial), best_epoch=3,
        profile=Profile(
            parameters=int(4e5 * speed), trainable_parameters=int(4e5 * speed), macs=int(9e6 * speed),
            size_bytes=int(1.6e6 * speed), latency_ms_p50=4.0 * speed, latency_ms_p95=5.0 * speed,
            throughput_per_second=300 / speed, peak_memory_bytes=int(4e8), device="CPU (1 thread)",
        ),
        timings=Timings(
            fit_seconds=4.0 * speed + trial.seed, compile_seconds=1.0, validation_seconds=0.2,
            seconds_to_best=3.0 * speed, features_seconds=0.0, examples_per_second=200.0, total_seconds=8.0 * speed,
        ),
        environment=_environment(), data=(_data(),), family="bigram", sequence_length=64,
        weights=WeightsRecord(name=trial.model, location=f"sample/{trial.model}", sha256=_hash(trial.model),
                              licence="Apache-2.0", pretrained_on=None),
        tokens=TokensRecord(sequence_length=64, vocabulary=40, padding_share=0.12,
                            truncated={"train": 0, "test": 3 if trial.model == "vague" else 0}, mean_tokens=9.4),
        generation=GenerationRecord(first_token_ms=11.0 * speed, tokens_per_second=150 / speed,
                                    decoding=DECODING, new_tokens=48),
        batch_size=16, started_at="2026-01-01T10:00:00+00:00", finished_at="2026-01-01T10:01:00+00:00",
    )  # fmt: skip


def _fit(texts: tuple[str, ...]) -> dict[str, Counter[str]]:
    bigrams: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        words = ["", *text.split()]
        for before, after in itertools.pairwise(words):
            bigrams[before][after] += 1
    return bigrams


def _write(references: tuple[str, ...], bigrams: dict[str, Counter[str]], smoothing: float) -> Generations:
    """Goes on from the first two words of each reference; more smoothing also forgets rarer words."""
    vocabulary = sorted({word for counts in bigrams.values() for word in counts})
    nats, texts = [], []
    for reference in references:
        words = ["", *reference.split()]
        pairs = itertools.pairwise(words)
        chances = (
            (bigrams[before][after] + smoothing) / (bigrams[before].total() + smoothing * len(vocabulary))
            for before, after in pairs
        )
        nats.append(-sum(map(math.log, chances)))
        written = words[1:3]
        while written[-1] != "." and len(written) < 12:
            counts = bigrams[written[-1]]
            written.append(max(counts, key=lambda word: (counts[word], word)) if counts else ".")
        texts.append(" ".join(written if smoothing < 1 else written[:4]))
    return Generations(
        example_ids=np.array([f"sentence-{index:03d}" for index in range(len(references))]),
        sources=tuple(f"A function named {'_'.join(one.split()[1:3])}." for one in references),
        references=references,
        texts=tuple(texts),
        nats=np.array(nats),
        tokens=np.array([len(one.split()) for one in references], dtype=np.int64),
        reference_bytes=np.array([len(one.encode()) for one in references], dtype=np.int64),
    )


def _history(trial: PlannedTrial) -> tuple[EpochRecord, ...]:
    return tuple(
        EpochRecord(
            epoch=epoch, seconds=1.0, learning_rate=0.001, train_loss=2.0 / epoch, train_accuracy=0.5,
            validation_loss=2.2 / epoch, validation_score=0.4 + 0.1 * epoch + 0.01 * trial.seed,
            trainable_parameters=400_000,
        )
        for epoch in range(1, 4)
    )  # fmt: skip


def _data() -> DataRecord:
    return DataRecord(name="sentences", class_names=(), sizes={"train": 400, "validation": EXAMPLES, "test": EXAMPLES},
                      fingerprint=_hash("sentences"), licence="CC0", origin="made up by rules")  # fmt: skip


def _environment() -> Environment:
    return Environment(suite="0", python="3.12", packages={}, platform="Linux", processor="x86_64",
                       device="CPU (1 thread)", cpu_count=1, threads=1)  # fmt: skip


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
