"""One side of a comparison of fits, in a process of its own: ``python -m benchmarks.one_fit SIDE ...``.

Sides: ``peer-fine-tune``, ``peer-probe``, ``ours-fine-tune`` (a cold fit, then a warm one), ``ours-probes``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.home import HomeData
from benchmarks.measure import answer

BATCH_SIZE = 32


def peer_fine_tune(name: str, unfreeze: str, epochs: str, learning_rate: str, seed: str) -> dict[str, Any]:
    """One fine-tuning written by hand."""
    from benchmarks.plain_keras import fine_tune

    outcome = fine_tune(
        name,
        HomeData(),
        unfreeze=unfreeze,
        epochs=int(epochs),
        learning_rate=float(learning_rate),
        batch_size=BATCH_SIZE,
        seed=int(seed),
    )
    return vars(outcome)


def peer_probe(name: str, strength: str, epochs: str) -> dict[str, Any]:
    """One linear probe written by hand."""
    from benchmarks.plain_keras import probe

    return vars(probe(name, HomeData(), strength=float(strength), epochs=int(epochs), seed=1))


def ours_fine_tune(name: str, epochs: str, learning_rate: str) -> dict[str, Any]:
    """The suite's fine-tuning of everything, cold and then warm with the next seed."""
    workshop, context = _suite(name, int(epochs))
    from suite.strategies.fine_tune import FineTune, FineTuneOptions

    options = FineTuneOptions(learning_rate=float(learning_rate), jit="off")
    seconds, fits = [], []
    for seed in (1, 2):
        started = time.perf_counter()
        fits.append(FineTune.fit(context(workshop, seed), options))
        seconds.append(time.perf_counter() - started)
    return {
        "cold_seconds": seconds[0],
        "warm_seconds": seconds[1],
        "fit_seconds": fits[1].fit_seconds + fits[1].validation_seconds,
    }


def ours_probes(*names: str) -> dict[str, Any]:
    """The suite's probes of every model, three seeds each, features included, nothing cached before."""
    from suite.strategies.linear_probe import LinearProbe, LinearProbeOptions

    started = time.perf_counter()
    fits = 0
    for name in names:
        workshop, context = _suite(name, 1)
        for seed in (1, 2, 3):
            LinearProbe.fit(context(workshop, seed), LinearProbeOptions(strengths=20))
            fits += 20
    return {"seconds": time.perf_counter() - started, "fits": fits}


def _suite(name: str, epochs: int) -> tuple[Any, Any]:
    """A workshop of a zoo model with an empty feature cache, and a maker of contexts."""
    from suite.data.batches import Examples
    from suite.models.zoo.images import ZooOptions, ZooSource
    from suite.strategies.fit import FitContext
    from suite.strategies.jit import JitChooser
    from suite.strategies.workshop import Workshop
    from suite.tasks.image_classification import ImageClassification
    from suite.training.feature_engines import EngineChooser

    data = HomeData()
    root = Path(tempfile.mkdtemp())
    options = ZooOptions(name=name)
    workshop = Workshop(
        build=lambda weights: ZooSource.build(options, weights=weights),
        assemble=ImageClassification.assemble,
        cache_root=root,
        jit_chooser=JitChooser(root, "benchmark"),
        engine_chooser=EngineChooser("keras", root, "CPU", os.cpu_count() or 1),
    )
    size = ZooSource.input_size(options)
    splits = {
        split: Examples(data.images(split, size), data.dataset.splits[split].targets, data.dataset.splits[split].ids)
        for split in ("train", "validation")
    }

    def context(of: Any, seed: int) -> FitContext:
        return FitContext(
            workshop=of,
            train=splits["train"],
            validation=splits["validation"],
            class_names=data.dataset.class_names,
            fingerprint=data.dataset.fingerprint,
            seed=seed,
            epochs=epochs,
            batch_size=BATCH_SIZE,
            patience=None,
        )

    return workshop, context


SIDES = {
    "peer-fine-tune": peer_fine_tune,
    "peer-probe": peer_probe,
    "ours-fine-tune": ours_fine_tune,
    "ours-probes": ours_probes,
}


def main() -> None:
    """Runs one side and prints its JSON."""
    side, *arguments = sys.argv[1:]
    if side.startswith("ours"):
        from suite.training.device import prepare_device

        prepare_device(threads=os.cpu_count() or 1)
    answer(lambda: SIDES[side](*arguments))


if __name__ == "__main__":
    main()
