"""Runs of every kind that a site shows, made in seconds and without TensorFlow, and the site made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from beyond_sample import with_beyond
from exports_sample import with_exports
from lint_results import make_result
from report_sample import make_comparison, with_labels
from sample_run import make_sample_results
from sample_writing import make_writing_results
from test_export_model_card import make_export

from suite.compare.comparison import Comparison
from suite.compare.planned import PlanSummary
from suite.publish.publish import publish
from suite.report import stored_run
from suite.store.records.result import Result
from suite.store.store import open_store

__all__ = ["CLASSES", "KINDS", "LONG", "MODELS", "ROWS", "TITLE", "SampleSite", "write_site"]

LONG = "long" * 125
TITLE = "</script><script>window.taken=1</script> \"Which\" 'one' & 🦊?"
MODELS = (
    "<img src=x onerror='window.taken=1'>",
    "quote \" and ' and & and \\",
    "🦊 resnet 🎉",
    LONG,
    "../../etc/passwd",
)
STRATEGIES = ("fine_tune: <b>all</b>", "percent % and _ and $ and # and {braces} ~ ^")
CLASSES = ("قطة", "כלב", "mixed עברית and English", "🐈", "<i>x</i>", 'a,b;"c"', "line\nbreak \u202e reversed", LONG)
LARGE_MODELS, LARGE_STRATEGIES = 20, 15
ROWS = LARGE_MODELS * LARGE_STRATEGIES
"""Lines of the large leaderboard."""
KINDS = (
    "index", "leaderboards", "leaderboard", "models", "model", "datasets", "dataset", "history", "run", "run_of_texts",
    "change", "compare", "missing", "hostile_leaderboard", "hostile_long_model", "hostile_dataset",
    "hostile_history", "hostile_run", "report",
)  # fmt: skip
"""Kinds of page; ``report`` is what a run writes beside its results."""
DAYS = ("2026-03-02", "2026-04-02")
"""When the two points of the history ended."""


@dataclass(frozen=True)
class SampleSite:
    """A site on disk, and where each kind of page lies in it."""

    folder: Path
    kinds: Mapping[str, str]
    """Kind to path, with a query where the page takes one."""
    report: Path
    """The ``report.html`` of a run as it stands beside its results."""

    @property
    def pages(self) -> tuple[str, ...]:
        """Every page but the one that a server shows where there is none."""
        found = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.html"))
        return tuple(path for path in found if path != "404.html")


def write_site(folder: Path, base_url: str) -> SampleSite:
    """Makes the runs in ``folder/runs`` and the site in ``folder/site``."""
    runs = folder / "runs"
    points = _history(runs)
    hostile = _kept(runs / "hostile", _hostile(), ended="2026-02-01")
    large = _kept(runs / "large", _large(), ended="2026-01-01")
    publish([*points, hostile, large, _writing(runs)], str(folder / "site"), base_url=base_url)
    return SampleSite(folder / "site", _kinds(folder / "site"), hostile / "report.html")


def _kinds(site: Path) -> dict[str, str]:
    def only(pattern: str) -> str:
        return max(site.glob(pattern)).relative_to(site).as_posix()

    run = only("runs/sample-*/2*/index.html")
    return {
        "index": "index.html",
        "leaderboards": "leaderboards/index.html",
        "leaderboard": only("leaderboards/*-large-*/index.html"),
        "models": "models/index.html",
        "model": "models/logistic/index.html",
        "datasets": "datasets/index.html",
        "dataset": only("datasets/digits-*/index.html"),
        "history": only("runs/sample-*/index.html"),
        "run": run,
        "run_of_texts": only("runs/writing-*/2*/index.html"),
        "change": only("runs/sample-*/2*/changes/index.html"),
        "compare": f"compare/index.html?after={run.removeprefix('runs/').removesuffix('/index.html')}",
        "hostile_leaderboard": only("leaderboards/*passwd*/index.html"),
        "hostile_long_model": only("models/long*/index.html"),
        "hostile_dataset": only("datasets/*passwd*/index.html"),
        "hostile_history": only("runs/*hostile*/index.html"),
        "hostile_run": only("runs/*hostile*/2*/index.html"),
        "missing": "no/such/page.html",
    }


def _history(runs: Path) -> tuple[Path, Path]:
    """Two classifiers twice: the second time one of them is better, and its file was exported."""
    plan, kept = make_sample_results(runs / "fits", ("logistic", "perceptron_8"))
    better = {one.seed: one for one in kept if (one.model, one.strategy) == ("perceptron_8", "fine_tune: all")}
    first, second = runs / "first", runs / "second"
    fits = runs / "fits" / "store" / "trials"
    _store(first, plan, kept, {one.id: fits / one.id / "predictions" for one in kept}, ended=DAYS[0], version="1.0")
    places = {one.id: fits / one.id / "predictions" for one in kept}
    changed = []
    for one in kept:
        if (one.model, one.strategy) == ("perceptron_8", "from_scratch") and one.seed in better:
            source = better[one.seed]
            places[one.id] = places[source.id]
            scored = {"scores": source.scores, "status": source.status, "reason": source.reason}
            changed.append(one.model_copy(update=scored))
        else:
            changed.append(one)
    _store(second, plan, changed, places, ended=DAYS[1], version="2.0")
    _export(second, next(one for one in changed if one.model == "logistic" and one.status == "done"))
    return first, second


def _store(
    run: Path,
    plan: PlanSummary,
    results: Iterable[Result],
    predictions: Mapping[str, Path],
    *,
    ended: str,
    version: str,
) -> None:
    results = list(results)
    ids = {one.id for one in results}
    kept = plan.model_copy(update={"trials": tuple(trial for trial in plan.trials if trial.trial_id in ids)})
    run.mkdir(parents=True)
    with open_store(run) as store:
        for one in results:
            room = run / "store" / "tmp" / one.id
            for file in predictions[one.id].glob("*.npz"):
                (room / "predictions").mkdir(parents=True, exist_ok=True)
                (room / "predictions" / file.name).write_bytes(file.read_bytes())
            packages = one.environment.packages | {"scikit-learn": version} if one.environment else {}
            environment = one.environment and one.environment.model_copy(update={"packages": packages})
            times = {"started_at": f"{ended}T10:00:00+00:00", "finished_at": f"{ended}T10:01:00+00:00"}
            store.save(one.model_copy(update={"environment": environment, **times}), room)
        store.save_document("plan", kept.model_dump_json())
        store.save_document("spec", f'{{"name": "{plan.spec_name}", "training": {{"epochs": {version}}}}}')


def _export(run: Path, of: Result) -> None:
    """One exported file with its bytes, and one that failed."""
    who = {"trial_id": of.id, "cell_id": of.cell_id, "model": of.model, "dataset": of.dataset, "strategy": of.strategy}
    place = run / "exports" / "net"
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(bytes(range(256)) * 40)
    card = make_export(**who, folder="exports/net", file="model.onnx", bytes=10_240)
    nothing = {"measured": None, "parity": None, "scores": {}, "difference": None, "bytes": 0}
    failed = make_export(**who, precision="fp16", status="failed", reason="it <does> not run", **nothing)
    with open_store(run) as store:
        store.save_export(card)
        store.save_export(failed)


def _writing(runs: Path) -> Path:
    """Models that write texts."""
    run, texts = runs / "writing", runs / "texts"
    plan, results = make_writing_results(texts)
    kept = [
        one.model_copy(update={"artefacts": {f"predictions/{name}": f"predictions/{name}.npz" for name in one.scores}})
        for one in results
    ]
    _store(run, plan, kept, {one.id: texts / one.id for one in kept}, ended="2025-12-01", version="1.0")
    return run


def _hostile() -> Comparison:
    """Every name in it tries to get loose, to break a line or to run backwards."""
    comparison = make_comparison(
        models=MODELS, strategies=STRATEGIES, datasets=("../etc/passwd 'photos' & \"more\" 🦊",), sets=("<u>else</u>",),
        classes=CLASSES, title=TITLE, remarks=(TITLE, LONG), command="suite run 'a```b'\n</script>",
    )  # fmt: skip
    comparison = comparison.model_copy(update={"spec_name": "hostile <b> 🦊"})
    return with_exports(with_labels(with_beyond(comparison, unknown=MODELS[1])))


def _large() -> Comparison:
    """Many cells, of which little more than the scores is known."""
    comparison = make_comparison(
        models=tuple(f"model_{number:02d}" for number in range(LARGE_MODELS)),
        strategies=tuple(f"strategy {number}" for number in range(LARGE_STRATEGIES)),
        datasets=("large",), sets=(), classes=("cat", "dog"), title="Which of many?",
    )  # fmt: skip
    nothing = {"curves": (), "panels": (), "elsewhere": ()}
    cells = []
    for cell in comparison.cells:
        # Scores of hundreds of ranks would fall below 0.
        scores = {name: value + 0.0105 * cell.rank for name, value in cell.headline if isinstance(value, float)}
        headline = cell.headline.model_copy(update=scores)
        cells.append(cell.model_copy(update={**nothing, "headline": headline}))
    return comparison.model_copy(update={"spec_name": "large", "cells": tuple(cells), "pairs": ()})


def _kept(run: Path, comparison: Comparison, *, ended: str) -> Path:
    """A run whose comparison is kept beside its report, as ``suite run`` leaves it."""
    run.mkdir(parents=True)
    plan = PlanSummary(
        spec_name=comparison.spec_name, title=comparison.title, task=comparison.task,
        headline=comparison.headline.name, command=comparison.command, trials=(),
    )  # fmt: skip
    with open_store(run) as store:
        store.save(make_result(finished_at=f"{ended}T10:00:00+00:00"))
        store.save_document("plan", plan.model_dump_json())
        store.save_document("spec", '{"name": "made"}')
    stored_run._write(run, stored_run._state(run), comparison)
    return run
