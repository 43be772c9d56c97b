"""Sites of other tools from the same results: ``asv publish`` and ``benchopt generate-results``.

Both are installed into environments of their own, so that what they bring along changes nothing of the suite's.  asv
gets a repository with a commit for every run and a result file for each commit; benchopt gets a benchmark for every
data set, and in it a table for every run.  Each is told every trial's score.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Peer", "PeerTools", "Trial", "asv_site", "benchopt_site", "install", "trials_of"]

MACHINE_NAME = "made-up"
MACHINE = {"machine": MACHINE_NAME, "os": "", "arch": "", "cpu": "", "num_cpu": "", "ram": "", "version": 1}
FIRST_MOMENT = 1_767_225_600
"""Of the first commit, seconds since 1970; one commit a day."""
DAY = 86_400
LONG_SECONDS = 60.0
"""A site that took longer is not made a second time."""
TOLD_OF_MACHINE = (
    *("platform", "platform-release", "platform-architecture", "system-processor", "system-cpus", "system-ram (GB)"),
    *("version-cuda", "version-numpy", "version-scipy", "env-OMP_NUM_THREADS"),
)


@dataclass(frozen=True)
class Trial:
    """A score with what it is of."""

    dataset: str
    model: str
    strategy: str
    seed: int
    score: float
    seconds: float

    @property
    def name(self) -> str:
        """One word, without the data set: a benchmark of asv."""
        words = f"{self.model}_{self.strategy}_{self.seed}"
        return "".join(letter if letter.isalnum() else "_" for letter in words)


@dataclass(frozen=True)
class PeerTools:
    """Programs of an environment."""

    folder: Path

    def run(self, name: str, *words: str, cwd: Path) -> float:
        """Wall seconds of a command. Raises ``RuntimeError`` where it fails."""
        environment = {**os.environ, "HOME": str(self.folder), "MPLBACKEND": "agg"}
        started = time.perf_counter()
        done = subprocess.run(
            [self.folder / "bin" / name, *words], cwd=cwd, capture_output=True, text=True, check=False, env=environment
        )
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            raise RuntimeError(f"{name} {' '.join(words)}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return seconds

    def version(self, package: str) -> str:
        """Of a package in it."""
        words = ("-c", f"from importlib.metadata import version; print(version({package!r}))")
        done = subprocess.run([self.folder / "bin" / "python", *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()


@dataclass(frozen=True)
class Peer:
    """What a tool took for its site."""

    name: str
    version: str
    seconds: float | None
    """None where there is no site; then ``remark`` says why."""
    again_seconds: float | None
    """After one new run; None where that was not measured."""
    site: Path | None
    remark: str = ""

    @property
    def strangers(self) -> int:
        """How many scripts and styles its first page loads from other servers."""
        text = (self.site / "index.html").read_text(encoding="utf-8") if self.site else ""
        return len(set(re.findall(r"<(?:script|link)\b[^>]*?\b(?:src|href)=[\"'](?:https?:)?//([^\"']+)", text)))


def install(folder: Path, *packages: str) -> PeerTools:
    """An environment with packages. Raises ``RuntimeError`` where one does not install."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    words = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    done = subprocess.run([folder / "bin" / "python", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])
    return PeerTools(folder)


def trials_of(run: Path) -> list[Trial]:
    """The trials of a run with their accuracy on the test set."""
    with closing(sqlite3.connect(run / "store" / "results.sqlite")) as file:
        documents = [json.loads(row[0]) for row in file.execute("SELECT document FROM results ORDER BY sequence")]
    return [
        Trial(
            dataset=one["dataset"],
            model=one["model"],
            strategy=one["strategy"],
            seed=one["seed"],
            score=one["scores"]["test"]["accuracy"]["value"],
            seconds=one["timings"]["total_seconds"],
        )
        for one in documents
    ]


def asv_site(tools: PeerTools, runs: Sequence[Sequence[Trial]], folder: Path) -> Peer:
    """Of all runs but the last, then of all of them."""
    folder.mkdir(parents=True)
    commits = _commits(folder / "repository", len(runs))
    config = {"version": 1, "project": "made up", "repo": "repository", "branches": ["main"], "pythons": ["3"]}
    _write(folder / "asv.conf.json", config | {"environment_type": "virtualenv", "dvcs": "git"})
    names = sorted({one.name for run in runs for one in run})
    _write(folder / "results" / "benchmarks.json", {**{name: _benchmark(name) for name in names}, "version": 2})
    _write(folder / "results" / MACHINE_NAME / "machine.json", MACHINE)
    for commit, moment, run in list(zip(*commits, runs, strict=True))[:-1]:
        _write_asv(folder, commit, moment, run)
    seconds = tools.run("asv", "publish", "--no-pull", cwd=folder)
    _write_asv(folder, commits[0][-1], commits[1][-1], runs[-1])
    again = tools.run("asv", "publish", "--no-pull", cwd=folder)
    return Peer("asv publish", tools.version("asv"), seconds, again, folder / "html")


def _commits(repository: Path, count: int) -> tuple[list[str], list[int]]:
    """A repository with so many commits on ``main``: their hashes and their times, the oldest first."""
    moments = [FIRST_MOMENT + DAY * number for number in range(count)]
    stream = "".join(
        f"commit refs/heads/main\ncommitter made up <made@up> {moment} +0000\ndata 1\n.\nM 644 inline number\n"
        f"data {len(str(number))}\n{number}\n"
        for number, moment in enumerate(moments)
    )
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(repository)], check=True)
    git = ["git", "-C", str(repository)]
    subprocess.run([*git, "fast-import", "--quiet"], input=stream, text=True, check=True)
    found = subprocess.run([*git, "rev-list", "--reverse", "main"], capture_output=True, text=True, check=True)
    return found.stdout.split(), moments


def _benchmark(name: str) -> dict[str, Any]:
    found = {"name": name, "code": "", "type": "track", "unit": "accuracy", "version": "1", "timeout": 60.0}
    return found | {"params": [], "param_names": []}


def _write_asv(folder: Path, commit: str, moment: int, run: Sequence[Trial]) -> None:
    parameters = {key: value for key, value in MACHINE.items() if key != "version"} | {"python": "3"}
    document = {"commit_hash": commit, "env_name": "virtualenv-py3", "date": moment * 1000, "params": parameters}
    document |= {"python": "3", "requirements": {}, "env_vars": {}, "durations": {}, "version": 2}
    document |= {"result_columns": ["result", "params", "version"]}
    document |= {"results": {one.name: [[one.score], [], "1"] for one in run}}
    _write(folder / "results" / MACHINE_NAME / f"{commit[:8]}-virtualenv-py3.json", document)


def benchopt_site(tools: PeerTools, runs: Sequence[Sequence[Trial]], folder: Path) -> Peer:
    """Of all runs but the last, then of all of them, where the first did not take too long for a second time."""
    words = ("generate-results", "--root", ".", "--no-display")
    for number, run in enumerate(runs[:-1]):
        _write_benchopt(folder, number, run)
    seconds = tools.run("benchopt", *words, cwd=folder)
    again = None
    if seconds < LONG_SECONDS:
        _write_benchopt(folder, len(runs) - 1, runs[-1])
        again = tools.run("benchopt", *words, cwd=folder)
    return Peer("benchopt generate-results", tools.version("benchopt"), seconds, again, folder / "html")


def _write_benchopt(folder: Path, number: int, run: Sequence[Trial]) -> None:
    """A table as ``benchopt run`` leaves it: a row for every solver and repetition."""
    dataset = run[0].dataset
    _write(folder / dataset / "benchmark_meta.json", {"pretty_name": dataset, "url": f"https://example.org/{dataset}"})
    rows = [
        {
            "objective_name": "accuracy",
            "dataset_name": one.dataset,
            "solver_name": f"{one.model}[{one.strategy}]",
            "stop_val": 1,
            "idx_rep": one.seed,
            "time": one.seconds,
            "objective_value": 1 - one.score,
            "objective_accuracy": one.score,
            **dict.fromkeys(TOLD_OF_MACHINE, "made up"),
        }
        for one in run
    ]
    path = folder / dataset / "outputs" / f"run_{number:03d}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
