"""``python -m benchmarks.scale.data [ARCHIVE]``: data larger than memory, under a limit of 3 GB.

Makes a folder of 50,000 images from CIFAR-10's archive (``../shared/data/images/cifar10.zip`` when left out) and a
Parquet file of 5,000,000 generated texts, runs a linear probe and one epoch of fine-tuning on each, and reads the
images through the suite's input pipeline and through ``keras.utils.image_dataset_from_directory``.  Writes
``benchmarks/scale/data.md``.  ``--rows N`` makes fewer texts, ``--only images`` or ``--only texts`` one half; nothing
is then written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import in_fresh_process
from benchmarks.scale.large_data import make_images, make_text_model, make_texts
from benchmarks.scale.limited import Ran, run_limited
from suite.devices import look_at_machine

__all__ = ["main"]

PAGE = Path(__file__).with_name("data.md")
ARCHIVE = PAGE.parents[3] / "shared" / "data" / "images" / "cifar10.zip"
ROWS = 5_000_000
LIMIT_BYTES = 3_000_000_000
PROBE = {"strategy": "linear_probe", "strengths": 20, "max_iterations": 20}
"""Fewer steps than usual: two cores go over millions of examples some hundred times."""
EPOCHS = 4
"""Of a short fit: those of ``specs/vision.json``."""
TUNE = {"strategy": "fine_tune", "unfreeze": 1}


@dataclass(frozen=True)
class Half:
    """One of the two data sets, made and run."""

    what: str
    load: float
    bytes_of_data: int
    bytes_of_cache: int
    ran: Ran
    leaderboard: dict[str, Any]

    @property
    def lines(self) -> list[str]:
        """Rows of the table."""
        scores = ", ".join(f"{one['strategy']} {one['score']:.3f}" for one in self.leaderboard["cells"])
        peak = max(self.ran.parent_peak, self.ran.worker_peak)
        met = "yes" if self.ran.returncode == 0 and peak <= LIMIT_BYTES else "no"
        sizes = f"{_mb(self.bytes_of_data)}; {_mb(self.bytes_of_cache)}"
        return [
            f"| {self.what}: the data; what the cache holds of it | {sizes} | | |",
            f"| most memory of the parent | {_mb(self.ran.parent_peak)} | | |",
            f"| most memory of the worker | {_mb(self.ran.worker_peak)} | under 3,000 MB | {met} |",
            f"| wall time; load before | {self.ran.seconds:,.0f} s; {self.load:.1f} | | |",
            f"| test accuracy | {scores} | | |",
        ]


def main() -> int:
    """Measures and says. Returns 1 where a target was missed, 2 without the archive."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.data")
    parser.add_argument("archive", nargs="?", type=Path, default=ARCHIVE)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--only", choices=("images", "texts"))
    parser.add_argument("--folder", type=Path, help="Where the data is made; a temporary folder when left out.")
    asked = parser.parse_args()
    if asked.only != "texts" and not asked.archive.is_file():
        print(f"{asked.archive}: no such file; give the path of cifar10.zip.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        lines: list[str] = []
        limited = True
        if asked.only != "texts":
            make_images(asked.archive, folder / "images")
            lines += pipelines(folder / "images")
            half = images(folder)
            limited &= half.ran.limited
            lines += half.lines
        if asked.only != "images":
            half = texts(folder, asked.rows)
            limited &= half.ran.limited
            lines += half.lines
    print("\n".join(lines))
    if asked.only is None and asked.rows == ROWS:
        PAGE.write_text(_page(lines, limited=limited), encoding="utf-8")
    return 1 if any(line.endswith("| no |") for line in lines) else 0


def images(folder: Path) -> Half:
    """50,000 files of 32 x 32 pixels in ten folders."""
    data = {"source": "folder", "path": str(folder / "images")}
    model = {"source": "zoo", "name": "mobilenet_025"}
    return _run(folder, "50,000 images", "image_classification", data, model, batch_size=128)


def texts(folder: Path, rows: int) -> Half:
    """Short texts of four classes in one Parquet file, 2 % of them for validation and 2 % for the test."""
    make_texts(folder / "texts.parquet", rows)
    make_text_model(folder / "model")
    data = {
        "source": "table",
        "path": str(folder / "texts.parquet"),
        "text_column": "text",
        "label_column": "label",
        "splits": {"validation": 0.02, "test": 0.02},
    }
    model = {"source": "hub", "preset": str(folder / "model"), "pooling": "mean", "sequence_length": 16}
    return _run(folder, f"{rows:,} texts", "text_classification", data, model, batch_size=4096)


def _run(folder: Path, what: str, task: str, data: dict[str, Any], model: dict[str, Any], *, batch_size: int) -> Half:
    spec = {
        "name": task,
        "task": task,
        "models": [model],
        "datasets": [data],
        "strategies": [PROBE, TUNE],
        "seeds": [1],
        "training": {"epochs": 1, "batch_size": batch_size},
    }
    (folder / f"{task}.json").write_text(json.dumps(spec), encoding="utf-8")
    out, cache = folder / f"{task}-out", folder / f"{task}-cache"
    load = os.getloadavg()[0]
    words = [sys.executable, "-m", "suite", "run", str(folder / f"{task}.json"), "--out", str(out), "--json"]
    ran = run_limited(words, LIMIT_BYTES, environment={"SUITE_CACHE_DIR": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"})
    print(ran.output[-3000:], file=sys.stderr)
    cells = _scores(out) if ran.returncode == 0 else []
    return Half(what, load, _size(Path(data["path"])), _size(cache), ran, {"cells": cells})


def _scores(out: Path) -> list[dict[str, Any]]:
    """Strategy and test accuracy of each trial."""
    from suite.store.store import open_store

    with open_store(out, create=False) as store:
        results = store.query()
    return [{"strategy": one.strategy, "score": one.scores["test"]["accuracy"].value} for one in results]


def pipelines(folder: Path) -> list[str]:
    """Images per second of both pipelines, each in a process of its own, one after the other and back."""
    found: dict[str, list[dict[str, Any]]] = {"suite": [], "keras": []}
    with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
        for which in ("keras", "suite", "suite", "keras"):
            # The second time of the suite finds the decoded images; the first time decodes, as Keras always does.
            found[which].append(in_fresh_process("benchmarks.scale.read_images", which, str(folder), cache))
    first, again = found["suite"]
    peer = max(one["again_per_second"] for one in found["keras"])
    wide = max(one["peak_bytes"] for one in found["keras"])
    later = max(again["per_second"], again["again_per_second"])
    fit = EPOCHS / (1 / first["per_second"] + (EPOCHS - 1) / later)
    lines = [f"| `keras.utils.image_dataset_from_directory`, images/s; most memory | {peer:,.0f}; {_mb(wide)} | | |"]
    for what, speed in (
        ("the first epoch of a size, which decodes", first["per_second"]),
        ("any later epoch", later),
        (f"a fit of {EPOCHS} epochs, the first one counted in", fit),
    ):
        met = "yes" if speed >= peer else "no"
        told = f"{speed:,.0f} ({speed / peer:.1f} x) | at least 1.0 x | {met}"
        lines.append(f"| the suite's input pipeline, {what} | {told} |")
    opened = f"{again['open_seconds']:.1f} s; {_mb(first['peak_bytes'])}"
    lines.append(f"| the same: to open the folder, every file hashed; most memory | {opened} | | |")
    return lines


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _mb(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _page(lines: list[str], *, limited: bool) -> str:
    machine = look_at_machine()
    how = (
        "The runs were in a control group of 3,000,000,000 bytes, which counts all their processes and the pages of "
        "files that they read."
        if limited
        else "No control group could be made here: the limit is compared with what was measured."
    )
    return "\n".join(
        [
            "# Data larger than memory",
            "",
            f"Written by `python -m benchmarks.scale.data`. {machine.processor}, {machine.cores} CPU cores.",
            how,
            "Most memory is the kernel's high-water mark of each process (VmHWM), pages of mapped files counted.",
            "Each run is a linear probe (20 strengths, at most 20 steps each) and one epoch of fine-tuning,",
            "with an empty cache. The model of the texts is a BERT of one layer with random weights.",
            "",
            "| what | measured | target | met |",
            "|---|---|---|---|",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
