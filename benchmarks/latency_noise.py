"""How far the latency of one model differs from one start of a program to the next, on this machine.

::

    python -m benchmarks.latency_noise                   # 12 processes, about three minutes

It is what ``suite.compare.costs.MARGIN`` stands for: within one process the blocks of calls lie closer together.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

__all__ = ["main"]

MODELS = ("resnet_tiny", "vgg_tiny")


def main() -> None:
    """Times each model in so many processes, and prints how far apart they are."""
    parser = argparse.ArgumentParser(description="Latency of one model in many processes.")
    parser.add_argument("--processes", type=int, default=12)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_measured()))
        return
    command = [sys.executable, "-m", "benchmarks.latency_noise", "--one"]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        for _ in range(asked.processes)
    ]
    for model in MODELS:
        medians = sorted(one[model]["p50"] for one in found)
        within = statistics.median(max(one[model]["blocks"]) / min(one[model]["blocks"]) for one in found)
        disturbed = sum(one[model]["disturbed"] is not None for one in found)
        middle = statistics.median(medians)
        print(
            f"{model}: {middle:.3f} ms; processes from {medians[0] / middle:.2f} to {medians[-1] / middle:.2f} times "
            f"that; blocks of one process {within:.2f} times apart; {disturbed} of {len(found)} disturbed"
        )


def _measured() -> dict[str, dict[str, object]]:
    import numpy as np

    from suite.models.zoo.images import ZooOptions, ZooSource
    from suite.training.device import prepare_device
    from suite.training.predictor import Predictor
    from suite.training.profiler import ModelProfiler

    prepare_device(threads=os.cpu_count() or 1)
    found: dict[str, dict[str, object]] = {}
    for name in MODELS:
        backbone = ZooSource.build(ZooOptions(name=name))
        profiler = ModelProfiler(
            backbone.model,
            sample=lambda count, size=backbone.input_size: np.zeros((count, *size, 3), np.float32),
            predict=Predictor(backbone.model).single,
        )
        profiler.begin()
        one = profiler.profile()
        found[name] = {"p50": one.latency_ms_p50, "blocks": one.latency_ms_blocks, "disturbed": one.disturbed}
    return found


if __name__ == "__main__":
    main()
