"""``python -m benchmarks.pruning``: what zeros are worth once deployed; writes ``benchmarks/pruning.md``.

A ResNet and a MobileNetV2 of the zoo are fine-tuned on the digits, plainly and pruned to 80 %, and both are exported in
every format that has a runtime of its own.  Told is the file after gzip, and whether any runtime is faster with zeros.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.exports import suite
from suite.devices import look_at_machine

__all__ = ["main"]

PAGE = Path(__file__).with_suffix(".md")
SPARSITY = 0.8
MODELS = ("resnet_tiny", "mobilenetv2_035")
NOISE = 0.10
"""Differences of latency below this share are no gain and no loss: two files of one graph differ as much."""


def main() -> int:
    """Measures, prints and writes the page."""
    with tempfile.TemporaryDirectory(prefix="suite-benchmark-") as folder:
        os.environ["SUITE_CACHE_DIR"] = str(Path(folder) / "cache")
        training = {"unfreeze": "all", "learning_rate": 0.002}
        document = {
            "name": "pruning",
            "task": "image_classification",
            "models": [{"source": "zoo", "name": name} for name in MODELS],
            "datasets": [{"source": "sklearn", "name": "digits"}],
            "strategies": [
                {"strategy": "fine_tune", **training, "label": "dense"},
                {"strategy": "prune", **training, "sparsity": SPARSITY, "label": "pruned"},
            ],
            "seeds": [1],
            "training": {"epochs": 6, "batch_size": 32},
        }
        (Path(folder) / "spec.json").write_text(json.dumps(document), encoding="utf-8")
        out = str(Path(folder) / "out")
        suite("run", str(Path(folder) / "spec.json"), "--out", out, "--quiet")
        words = ("--all", "--format", "litert,onnx,openvino", "--precision", "fp32,int8", "--json")
        lines = page(json.loads(suite("export", out, *words)))
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    return 0


def page(cards: Sequence[dict[str, Any]]) -> list[str]:
    """The page's lines."""
    machine = look_at_machine()
    by_place = {(card["model"], card["format"], card["precision"], card["strategy"]): card for card in cards}
    lines = [
        "# Pruned files in their runtimes",
        "",
        (
            f"Written by `python -m benchmarks.pruning`: fine-tuned on the digits, dense and pruned to {SPARSITY:.0%} "
            f"of each kernel. {machine.processor}, {machine.words}."
        ),
        "",
        "| model | format | precision | accuracy | pruned | gzip, dense | pruned | ms, dense | pruned | with zeros |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (model, name, precision, strategy), pruned in by_place.items():
        dense = by_place.get((model, name, precision, "dense"))
        if strategy != "pruned" or dense is None:
            continue
        undone = [
            f"{card['strategy']} {card['status']}: {card['reason']}"
            for card in (dense, pruned)
            if card["status"] != "done"
        ]
        if undone:
            lines.append(f"| {model} | {name} | {precision} |{' - |' * 6} {'; '.join(undone)} |")
            continue
        ours, theirs = (card["measured"]["latency_ms_p50"] for card in (pruned, dense))
        scores = (f"{card['scores']['accuracy']['value']:.3f}" for card in (dense, pruned))
        packed = (f"{card['compressed_bytes'] / 1000:.0f} kB" for card in (dense, pruned))
        lines.append(
            f"| {model} | {name} | {precision} | {' | '.join((*scores, *packed))} | {theirs:.3f} | {ours:.3f} | "
            f"{_verdict(ours, theirs)} |"
        )
    return [*lines, ""]


def _verdict(ours: float, theirs: float) -> str:
    if abs(ours / theirs - 1) <= NOISE:
        return "no faster"
    return f"{theirs / ours:.2f} x as fast"


if __name__ == "__main__":
    sys.exit(main())
