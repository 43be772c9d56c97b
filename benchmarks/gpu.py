"""``python -m benchmarks.gpu``: one fit on 1, 2, 4, ... GPUs in each precision; writes ``benchmarks/gpu.md``.

A ResNet50 with random weights at 224, 64 images on each GPU: images per second in training, which is a whole step
of ``suite.training.Trainer``, and in prediction.  Every line is a process of its own.  Without a GPU it says so and
ends; with ``SUITE_LOGICAL_CPUS=2`` it tries the same on a small network and two devices of the CPU, and writes nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from suite.devices import look_at_machine
from suite.runner.environment import visible_gpus
from suite.spec.placement import LOGICAL_CPUS, logical_cpus

__all__ = ["main"]

PAGE = Path(__file__).with_suffix(".md")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
LARGE: dict[str, Any] = {"name": "ResNet50", "size": 224, "share": 64, "steps": 30}
SMALL: dict[str, Any] = {"name": "MobileNet", "size": 32, "share": 8, "steps": 4}


def main() -> int:
    """Measures, prints and writes the page. Returns 1 where a measurement failed."""
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(json.loads(sys.argv[2]))))
        return 0
    gpus, cpus = visible_gpus(), logical_cpus()
    if not gpus and cpus < 2:
        print("There is no GPU here, so nothing was measured and benchmarks/gpu.md stays as it is.")
        return 0
    counts = [2**power for power in range(8) if 2**power <= (len(gpus) or cpus)]
    precisions = PRECISIONS if gpus else PRECISIONS[:1]
    lines: list[str] = []
    alone: dict[str, float] = {}
    for precision in precisions:
        for count in counts:
            found = in_process({**(LARGE if gpus else SMALL), "count": count, "precision": precision}, gpus[:count])
            if found is None:
                return 1
            alone.setdefault(precision, found["training"])
            ratio = found["training"] / alone[precision]
            line = f"| {count} | {precision} | {found['training']:.0f} | {ratio:.2f} x | {found['prediction']:.0f} |"
            lines.append(line)
            print(line, flush=True)
    if gpus:
        PAGE.write_text(page(lines), encoding="utf-8")
    return 0


def in_process(settings: dict[str, Any], gpus: tuple[str, ...]) -> dict[str, float] | None:
    """One measurement in a fresh process that sees these GPUs only; None where it failed, with its last words."""
    variables = {"TF_CPP_MIN_LOG_LEVEL": "3", LOGICAL_CPUS: "1" if gpus else str(settings["count"])}
    if gpus:
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    command = [sys.executable, "-m", "benchmarks.gpu", "measure", json.dumps(settings)]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables}, check=False)
    if ended.returncode:
        print(ended.stderr[-2000:], file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def measure(settings: dict[str, Any]) -> dict[str, float]:
    """Images per second of the second epoch of a fit, and of the second prediction."""
    from suite.data.batches import Batches, Examples
    from suite.models.applications import ApplicationsOptions, ApplicationsSource
    from suite.tasks.image_classification import ImageClassification
    from suite.training.device import place, prepare_device, set_precision
    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.predictor import Predictor
    from suite.training.trainer import Recipe, Trainer

    prepare_device(threads=look_at_machine().cores, logical_cpus=logical_cpus())
    set_precision(settings["precision"])
    size, batch = settings["size"], settings["share"] * settings["count"]
    images = np.random.default_rng(0).integers(0, 256, (batch * settings["steps"], size, size, 3), dtype=np.uint8)
    examples = Examples(images, np.arange(len(images)) % 10, tuple(map(str, range(len(images)))))
    with place("mirrored").scope():
        options = ApplicationsOptions(name=settings["name"], input_size=(size, size))
        adapted = ImageClassification.assemble(ApplicationsSource.build(options, weights="random"), num_classes=10)
        trainer = Trainer(adapted.logits, OptimizerSettings())
        fit = trainer.fit(Batches(examples, batch, seed=0), lambda: Validation(0.0, 1.0), Recipe(2, 1e-3))
        predictor = Predictor(adapted.logits)
        predictor(images)
        started = time.perf_counter()
        predictor(images)
        seconds = time.perf_counter() - started
    return {"training": len(images) / fit.history[1].seconds, "prediction": len(images) / seconds}


def page(lines: list[str]) -> str:
    """The page around the lines of the table."""
    machine = look_at_machine()
    return "\n".join(
        [
            "# One fit on several GPUs",
            "",
            (
                f"Written by `python -m benchmarks.gpu`: {LARGE['name']} at {LARGE['size']}, {LARGE['share']} images "
                f"on each GPU. {machine.processor}, {machine.words}."
            ),
            "",
            "| GPUs | precision | images/s, training | against one GPU | images/s, prediction |",
            "|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
