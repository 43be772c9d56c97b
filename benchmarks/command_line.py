"""The command line: how fast it answers, how long the main job takes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Row

__all__ = ["finished_run", "help_text", "of_texts", "scratch_folder", "vision"]

SPECS = Path(__file__).parents[1] / "specs"
SPEC = SPECS / "vision.json"
TEXTS_SECONDS = 360
"""What a run on texts may take."""


def seconds_of(*arguments: str) -> float:
    """Wall time of ``suite arguments``."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "suite", *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def help_text() -> Row:
    """The best of five, the file cache warm."""
    best = min(seconds_of("--help") for _ in range(5))
    return Row("`suite --help`", "0.25 s", best, None, best <= 0.25)


def vision(out: Path) -> Row:
    """The main job from nothing, with an empty cache."""
    seconds = seconds_of("run", str(SPEC), "--out", str(out), "--quiet")
    return Row("`suite run specs/vision.json`", "300 s", seconds, None, seconds <= 300)


def of_texts(name: str, out: Path) -> Row:
    """A run on texts from nothing; the reading of all docstrings is part of it where the cache is empty."""
    seconds = seconds_of("run", str(SPECS / f"{name}.json"), "--out", str(out), "--quiet")
    what = f"`suite run specs/{name}.json`"
    return Row(what, f"{TEXTS_SECONDS} s", seconds, None, seconds <= TEXTS_SECONDS)


def finished_run(out: Path) -> Row:
    """The same command again; the best of three."""
    best = min(seconds_of("run", str(SPEC), "--out", str(out)) for _ in range(3))
    return Row("finished run, run again", "1.5 s", best, None, best <= 1.5)


def scratch_folder() -> Path:
    """An empty folder for one benchmark."""
    return Path(tempfile.mkdtemp(prefix="suite-benchmark-"))
