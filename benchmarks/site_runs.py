"""The runs of a site's benchmark: one real run, its answers varied, and each of these told again under other names.

``python -m benchmarks.site_runs SOURCE OUT NUMBER`` makes one variation, in a process of its own: predictions with
some examples answered by their neighbours' probabilities, scores of these, and the report that the suite writes of
them.  The copies of a variation differ from it in names, ids, fingerprints and dates alone, in every file that a site
reads, so that the comparison and its images are what the suite would have made; ``report.html`` and the files of
the trials, which no site reads, are links to those of the variation.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite.api import rebuild_report
from suite.metrics import metrics_named, score_all
from suite.report.stored_run import COMPARISON, kept_text, look_at_run
from suite.store.records.result import Predictions, Result
from suite.store.store import open_store

__all__ = ["Size", "real_run", "run_folders", "varied_runs", "vary"]

SPEC = Path(__file__).parents[1] / "specs" / "vision.json"
NAME = "made_up_vision"
TITLE = f"Which backbone for {NAME}?"
DATA = "digits_photo"
FIRST_DAY = dt.date(2026, 1, 1)
MOST_CHANGED = 0.4
"""Share of the test examples whose answers are changed, at most."""
LETTERS = "abcd"
"""Variations take turns with the names of models, so that a leaderboard has some of each."""
REPEATS = 0.1
"""Share of the runs of a data set that are a second time of another one."""

COLUMNS = ("id", "cell_id", "model", "dataset", "finished_at")
"""Of the table of results: what a copy has otherwise."""


@dataclass(frozen=True)
class Size:
    """How many runs of how many trials."""

    data_sets: int = 20
    variations: int = 10
    """Of each data set, a run of each variation."""
    seeds: int = 5
    models: int = 5
    later: int = 3
    """Runs that come one by one when the site is there."""

    @property
    def runs(self) -> int:
        """Of the site at first."""
        return self.data_sets * self.variations

    @property
    def trials(self) -> int:
        """Of each run: every model is adapted in two ways."""
        return self.models * 2 * self.seeds


@dataclass(frozen=True)
class Copy:
    """Under which names a variation is told again."""

    number: int
    variation: int
    data_set: int
    name: int
    """Runs with an equal one are one history."""
    letter: str
    """At the end of the models' names."""


def real_run(folder: Path, size: Size) -> Path:
    """Runs linear probes and fine-tunings of last stages of the suite's own weights. Returns the folder of the run."""
    document = json.loads(SPEC.read_text(encoding="utf-8"))
    document.pop("$schema")
    ways = [one for one in document["strategies"] if one["strategy"] == "linear_probe" or one.get("unfreeze") == 1]
    document |= {"name": NAME, "title": TITLE, "strategies": ways, "seeds": list(range(1, size.seeds + 1))}
    document |= {"models": document["models"][-size.models :], "training": {"epochs": 1, "batch_size": 32}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(document), encoding="utf-8")
    words = ("run", str(folder / "spec.json"), "--out", str(folder / "run"), "--quiet")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "suite", *words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:])
    return folder / "run"


def varied_runs(source: Path, folder: Path, size: Size) -> list[Path]:
    """Variations of a run, and one more for the run that comes later; each of them is a finished run."""
    outs = [folder / f"variation-{number}" for number in range(size.variations + 1)]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(lambda pair: _vary_beside(source, pair[1], pair[0]), enumerate(outs)))
    return outs


def run_folders(variations: Sequence[Path], folder: Path, size: Size) -> tuple[Path, list[Path]]:
    """The folder with the runs of the site, and the runs that come later: each a second time of one of the first."""
    firsts = size.variations - round(REPEATS * size.variations)
    copies = []
    for number in range(size.runs):
        variation, data_set = number % size.variations, number // size.variations
        first = variation % firsts
        copies.append(Copy(number, variation, data_set, number - variation + first, LETTERS[first % len(LETTERS)]))
    for copy in copies:
        _copy(variations[copy.variation], folder / "runs" / f"run-{copy.number:03d}", copy)
    laters = []
    for place in range(size.later):
        copy = Copy(size.runs + place, size.variations, place, place * size.variations, LETTERS[0])
        laters.append(folder / "later" / f"run-{copy.number:03d}")
        _copy(variations[copy.variation], laters[-1], copy)
    return folder / "runs", laters


def _vary_beside(source: Path, out: Path, number: int) -> None:
    words = ("-W", "ignore", "-m", "benchmarks.site_runs", str(source), str(out), str(number))
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:])


def vary(source: Path, out: Path, number: int) -> None:
    """Writes one variation of a run with its report.

    Args:
        source: A finished run.
        out: A folder that is not there yet, on the same disk.
        number: Other numbers give other answers.
    """
    (out / "store").mkdir(parents=True)
    shutil.copytree(source / "store" / "trials", out / "store" / "trials", copy_function=os.link)
    path = out / "store" / "results.sqlite"
    with closing(sqlite3.connect(source / "store" / path.name)) as old, closing(sqlite3.connect(path)) as new:
        old.backup(new)
    with open_store(source, create=False) as store:
        varied = [_varied(result, out / "store" / "trials" / result.id, number) for result in store.query()]
    with closing(sqlite3.connect(path)) as file, file:
        for result in varied:
            file.execute("UPDATE results SET document = ? WHERE id = ?", (result.model_dump_json(), result.id))
    rebuild_report(out)


def _varied(result: Result, folder: Path, number: int) -> Result:
    """The result with other answers on the test set, and their scores."""
    cell = int(hashlib.sha256(f"{number}/{result.cell_id}".encode()).hexdigest()[:8], 16)
    share = np.random.default_rng(cell).uniform(0, MOST_CHANGED)
    generator = np.random.default_rng((cell, result.seed))
    path = folder / result.artefacts["predictions/test"]
    kept = Predictions.load(path)
    probabilities = kept.probabilities.copy()
    changed = generator.choice(len(probabilities), size=round(share * len(probabilities)), replace=False)
    probabilities[changed] = np.roll(probabilities[changed], 1, axis=0)
    predictions = Predictions(kept.example_ids, kept.targets, probabilities, kept.class_names)
    path.unlink()  # it is a link to the file of the real run
    predictions.save(path)
    metrics = metrics_named(list(result.scores["test"]))
    scores = {**result.scores, "test": score_all(predictions, metrics, headline="accuracy")}
    return result.model_copy(update={"scores": scores})


def _copy(variation: Path, out: Path, copy: Copy) -> None:
    """Tells a variation again: other names and ids, the same in every file."""
    stored = variation / "store" / "results.sqlite"
    with closing(sqlite3.connect(stored)) as file:
        rows = file.execute("SELECT id, cell_id, model FROM results").fetchall()
    names = _names(rows, copy)
    (out / "store" / "trials").mkdir(parents=True)
    for trial, _, _ in rows:
        folder = variation / "store" / "trials" / trial
        for path in folder.rglob("*"):
            if path.is_file():
                _link(path, out / "store" / "trials" / names[trial] / path.relative_to(folder))
    _copy_database(stored, out / "store" / "results.sqlite", names, copy)
    for path in (variation / "report.md", *sorted((variation / "charts").glob("*.svg"))):
        _rewrite(path, out / path.relative_to(variation), names)
    _link(variation / "report.html", out / "report.html")
    kept = json.loads(renamed((variation / COMPARISON).read_text(encoding="utf-8"), names))
    text = kept_text(look_at_run(out).key, json.dumps(kept["comparison"], ensure_ascii=False))
    (out / COMPARISON).write_text(text, encoding="utf-8")


def _copy_database(stored: Path, path: Path, names: Mapping[str, str], copy: Copy) -> None:
    with closing(sqlite3.connect(stored)) as old, closing(sqlite3.connect(path)) as new:
        old.backup(new)
        with new:
            statement = (
                f"UPDATE results SET document = ?, {', '.join(f'{one} = ?' for one in COLUMNS)} WHERE sequence = ?"
            )
            for number, text in new.execute("SELECT sequence, document FROM results").fetchall():
                document = _dated(renamed(text, names), copy)
                found = json.loads(document)
                new.execute(statement, (document, *(found[one] for one in COLUMNS), number))
            for name, text in new.execute("SELECT name, text FROM documents").fetchall():
                new.execute("UPDATE documents SET text = ? WHERE name = ?", (renamed(text, names), name))


def _names(rows: Sequence[tuple[str, str, str]], copy: Copy) -> dict[str, str]:
    """Everything that has another name in a copy."""
    found = {NAME: f"{NAME}_{copy.name:03d}", DATA: f"{DATA}_{copy.data_set}"}
    for trial, cell, model in rows:
        found[model] = f"{model}_{copy.letter}"
        for one in (trial, cell):
            # What is adapted, how and on what is the same in both runs of a history.
            found[one] = hashlib.sha256(f"{copy.data_set}/{copy.letter}/{one}".encode()).hexdigest()[: len(one)]
    return found


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with other names; fingerprints of data sets, which the names do not change, follow the data set."""
    for old, new in names.items():
        text = text.replace(old, new)
    data_set = names[DATA].rpartition("_")[2]
    return re.sub(r'("fingerprint": ?")([0-9a-f]{8})', lambda found: found[1] + _mixed(found[2], data_set), text)


def _mixed(digits: str, data_set: str) -> str:
    return hashlib.sha256(f"{data_set}/{digits}".encode()).hexdigest()[: len(digits)]


def _dated(document: str, copy: Copy) -> str:
    """One run a day."""
    day = (FIRST_DAY + dt.timedelta(days=copy.number)).isoformat()
    return re.sub(r'("(?:started|finished)_at": ?")\d{4}-\d\d-\d\d', rf"\g<1>{day}", document)


def _rewrite(path: Path, place: Path, names: Mapping[str, str]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(renamed(path.read_text(encoding="utf-8"), names), encoding="utf-8")


def _link(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    os.link(path, place)


if __name__ == "__main__":
    vary(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
