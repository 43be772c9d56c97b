"""Exported files of kept models: written, run on the test set in their own runtime, and described beside the file."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import suite
from suite.devices import look_at_machine
from suite.errors import MissingExtraError, StoreError, SuiteError
from suite.exporters.exporter import ExportCard, Measured, Parity
from suite.exporters.process import MeasureRequest, Outcome, WriteRequest
from suite.kept import file_safe
from suite.metrics import metrics_named, score_all
from suite.registry import EXPORTERS
from suite.results import Predictions, Result, Score
from suite.store import Store, open_store

__all__ = ["Which", "available_formats", "export"]

Which = Literal["recommended", "best", "all"]
AGREEMENT = 0.99
"""Share of examples for which a file in full precision must name the class that the Keras model names."""
NOISE = 64
"""Pictures of noise that a file is compared on where the test set is not at hand."""


@dataclass(frozen=True)
class _Subject:
    """One kept model with the examples that its files are compared on."""

    result: Result
    model: Path
    pictures: Path
    """``.npy``, uint8."""
    expected: Predictions | None
    """What the Keras model said of the test set; None where the pictures are noise."""
    reference: NDArray[np.float32]
    """Probabilities of the Keras model for ``pictures``."""
    headline: str


def available_formats() -> dict[str, str | None]:
    """Every format, and the line that installs what it lacks; None where nothing is missing."""
    lacking: dict[str, str | None] = {}
    for name in EXPORTERS.names():
        exporter = EXPORTERS.get(name)
        missing = [module for module in exporter.modules if importlib.util.find_spec(module) is None]
        lacking[name] = f'pip install "suite[{exporter.extra}]"' if missing else None
    return lacking


def export(
    folder: Path,
    *,
    which: Which = "recommended",
    trials: Sequence[str] = (),
    formats: Sequence[str] = (),
    out: Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    on_card: Callable[[ExportCard], None] = lambda _: None,
) -> tuple[ExportCard, ...]:
    """Writes kept models of a run in other formats and measures every file in its own runtime.

    Args:
        folder: Of a run of image classification.
        which: ``recommended``: what the report says to take, of each data set; ``best``: the highest score; ``all``.
        trials: Ids of trials instead, or the beginnings of such ids.
        formats: Names; all that are installed when left out.
        out: Folder for the files; ``exports`` inside ``folder`` when left out.
        overwrite: Replace files that are there.
        threads: Of the processor, for each runtime; all when left out.
        on_card: Told of each file once it is there.

    Returns:
        A card for each model and format, failed ones too; each lies as ``card.json`` beside its file.

    Raises:
        SuiteError: For a format that is unknown or not installed, a model that was not kept, or a file that is there;
            before anything is written.
    """
    chosen_formats = _formats(formats)
    threads = threads or look_at_machine().cores
    with open_store(folder, create=False) as store:
        results, headline = _chosen(folder, store, which, trials)
        places = [(result, name, (out or folder / "exports") / _slug(result) / name)
                  for result in results for name in chosen_formats]  # fmt: skip
        taken = [place for _, _, place in places if place.exists()]
        if taken and not overwrite:
            raise SuiteError(f"{taken[0]}: is there already; add --overwrite to replace it, or give another --out.")
        cards = []
        with tempfile.TemporaryDirectory(prefix="suite-export-") as scratch:
            for result in results:
                subject = _subject(store, result, Path(scratch), headline, threads=threads)
                for _, name, place in [one for one in places if one[0] is result]:
                    cards.append(_export_one(subject, name, place, threads=threads))
                    on_card(cards[-1])
    return tuple(cards)


def _formats(asked: Sequence[str]) -> tuple[str, ...]:
    lacking = available_formats()
    for name in asked:
        EXPORTERS.get(name)
        if lacking[name]:
            raise MissingExtraError(f"format '{name}' needs packages that are not installed: {lacking[name]}")
    return tuple(dict.fromkeys(asked)) or tuple(name for name, line in lacking.items() if line is None)


def _chosen(folder: Path, store: Store, which: Which, trials: Sequence[str]) -> tuple[list[Result], str]:
    """The results whose models are to be exported, and the headline metric."""
    from suite.api import load_comparison

    comparison = load_comparison(folder).comparison
    if comparison.task != "image_classification":
        raise SuiteError(
            f"{folder}: is about {comparison.task.replace('_', ' ')}; expected a run of image classification, "
            "the only task whose models can be exported."
        )
    if trials:
        named = {result.id: result for result in (_trial(folder, store, name) for name in trials)}
        return list(named.values()), comparison.headline.name
    cells = {
        "recommended": [one.cell_id for one in comparison.recommendations],
        "best": list({cell.dataset: cell.cell_id for cell in reversed(comparison.cells) if cell.rank}.values()),
        "all": [cell.cell_id for cell in comparison.cells],
    }[which]
    kept = [_kept_of(store, cell_id) for cell_id in cells]
    found = [result for result in kept if result is not None]
    if not found:
        raise SuiteError(f'{folder}: no model was kept; set "keep_models": "best" in the spec and run it again.')
    return found, comparison.headline.name


def _kept_of(store: Store, cell_id: str) -> Result | None:
    kept = [one for one in store.query(cell_id=cell_id, status="done", phase="final") if "model" in one.artefacts]
    return kept[0] if kept else None


def _trial(folder: Path, store: Store, name: str) -> Result:
    """The trial of that id, or the only one whose id begins so."""
    ids = [one for one in store.entries() if one.startswith(name)]
    if len(ids) != 1:
        said = "no trial has that id" if not ids else f"{len(ids)} trials have ids that begin so"
        raise SuiteError(f"--trial {name}: {said}; 'suite results --table trials' lists them.")
    result = store.load(ids[0])
    if result is None:
        raise StoreError(f"{folder}: trial {ids[0]} cannot be read.")
    if result.status != "done":
        raise SuiteError(f"--trial {name}: {result.status}: {result.reason}; there is no model to export.")
    if "model" not in result.artefacts:
        kept = _kept_of(store, result.cell_id)
        other = f" Of its cell the model of {kept.id} was kept." if kept else ""
        raise SuiteError(f"--trial {name}: its model was not kept.{other}")
    return result


def _slug(result: Result) -> str:
    return "-".join(map(file_safe, (result.model, result.dataset, result.strategy, result.id[:8])))


def _subject(store: Store, result: Result, scratch: Path, headline: str, *, threads: int) -> _Subject:
    model = store.artefact(result, "model")
    if model is None or not model.is_file():
        raise StoreError(f"trial {result.id}: its model is gone from the store; run the spec again with --redo all.")
    pictures = scratch / f"{result.id}.npy"
    kept = store.artefact(result, "predictions/test")
    expected = Predictions.load(kept) if kept else None
    if expected is not None and _write_test_pictures(result, expected, pictures):
        return _Subject(result, model, pictures, expected, expected.probabilities, headline)
    height, width = result.input_size or (224, 224)
    np.save(pictures, np.random.default_rng(0).integers(0, 256, (NOISE, height, width, 3), dtype=np.uint8))
    outcome, probabilities = _measured("keras", model, pictures, scratch, threads=threads)
    if probabilities is None:
        raise SuiteError(f"trial {result.id}: its kept model does not run: {outcome.problem}")
    return _Subject(result, model, pictures, None, probabilities, headline)


def _write_test_pictures(result: Result, expected: Predictions, path: Path) -> bool:
    """The home test set as the model sees it; False where it is not what the model was tested on, or not here."""
    from suite.cache import cache_root
    from suite.data.cache import decoded
    from suite.runner.warm import load_dataset
    from suite.spec import DatasetSpec

    choice = DatasetSpec.model_validate_json(json.dumps(result.trial["dataset"]))
    if result.trial.get("resample"):
        choice = choice.with_splits_of(result.seed)
    try:
        dataset = load_dataset(choice)
    except SuiteError:
        return False
    split = dataset.splits["test"]
    if dataset.fingerprint != result.data[0].fingerprint or tuple(expected.example_ids) != split.ids:
        return False
    np.save(path, decoded(split, dataset, size=result.input_size or (224, 224), root=cache_root()))
    return True


def _export_one(subject: _Subject, name: str, place: Path, *, threads: int) -> ExportCard:
    """Writes into a folder beside the place and renames it, so that what was there stays unless all is well.

    Raises:
        StoreError: Where the folder cannot be written, as on a full disk.
    """
    try:
        return _exported(subject, name, place, threads=threads)
    except OSError as error:
        raise StoreError(f"{place}: cannot be written ({error.strerror or error}); choose another --out.") from error


def _exported(subject: _Subject, name: str, place: Path, *, threads: int) -> ExportCard:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=place.parent) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        exporter = EXPORTERS.get(name)
        file = made / exporter.file
        written = _run(
            WriteRequest(
                format=name,
                model=str(subject.model.resolve()),
                path=str(file),
                labels=subject.result.data[0].class_names,
                answer=str(made.parent / "written.json"),
            ),
            log=made.parent / "write.log",
        )
        card = _card(subject, name, file, written)
        if written.problem is None:
            outcome, probabilities = _measured(name, file, subject.pictures, made.parent, threads=threads)
            card = _with_measures(card, subject, outcome, probabilities)
        _write_beside(made, card, exporter.example)
        if card.status == "done" or not place.exists():
            _replace(place, made)
    return card


def _replace(place: Path, made: Path) -> None:
    """Puts a folder into its place; what was there goes with the temporary folder, and comes back if this fails."""
    old = made.with_name("old")
    if place.exists():
        place.rename(old)
    try:
        made.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise


def _measured(
    name: str, file: Path, pictures: Path, scratch: Path, *, threads: int
) -> tuple[Outcome, NDArray[np.float32] | None]:
    request = MeasureRequest(
        format=name,
        path=str(file.resolve()),
        pictures=str(pictures),
        probabilities=str(scratch / "probabilities.npy"),
        threads=threads,
        device=look_at_machine().processor,
        answer=str(scratch / "measured.json"),
    )
    outcome = _run(request, log=scratch / "measure.log")
    return outcome, None if outcome.problem else np.load(request.probabilities, allow_pickle=False)


def _run(request: WriteRequest | MeasureRequest, *, log: Path) -> Outcome:
    """The request in a process of its own; a process that dies is a problem, with the end of what it printed."""
    asked = log.with_suffix(".json")
    asked.write_text(request.model_dump_json(), encoding="utf-8")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
    with log.open("w", encoding="utf-8") as printed:
        done = subprocess.run(  # noqa: S603 - this program, on a request that was just written
            [sys.executable, "-W", "ignore", "-m", "suite.exporters.process", str(asked)],
            stdout=printed,
            stderr=subprocess.STDOUT,
            env={**os.environ, **quiet},
            check=False,
        )
    answer = Path(request.answer)
    if answer.is_file():
        return Outcome.model_validate_json(answer.read_text(encoding="utf-8"))
    last = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    said = f": {last[-1][:300]}" if last else ""
    return Outcome(seconds=0.0, problem=f"the process ended with {done.returncode}{said}")


def _card(subject: _Subject, name: str, file: Path, written: Outcome) -> ExportCard:
    result, exporter = subject.result, EXPORTERS.get(name)
    packages = ("tensorflow", "keras", exporter.runtime)
    empty = {"name": "", "shape": (), "dtype": "", "meaning": ""}
    return ExportCard.model_validate(
        {
            "format": name,
            "status": "failed" if written.problem else "done",
            "reason": written.problem,
            "task": str(result.trial["task"]),
            "model": result.model,
            "dataset": result.dataset,
            "strategy": result.strategy,
            "seed": result.seed,
            "trial_id": result.id,
            "file": exporter.file,
            "bytes": sum(path.stat().st_size for path in _files(file)),
            "sha256": _sha256(file),
            "input": written.input or empty,
            "output": written.output or empty,
            "labels": result.data[0].class_names,
            "export_seconds": written.seconds,
            "versions": {"suite": suite.__version__, **{package: version(package) for package in packages}},
        }
    )


def _with_measures(
    card: ExportCard, subject: _Subject, outcome: Outcome, probabilities: NDArray[np.float32] | None
) -> ExportCard:
    if probabilities is None:
        return card.model_copy(update={"status": "failed", "reason": f"the file does not run: {outcome.problem}"})
    measured: Measured | None = outcome.measured
    parity = _parity(subject, probabilities)
    scores: dict[str, Score] = {}
    keras_scores: dict[str, Score] = {}
    if subject.expected is not None:
        known = subject.expected
        names = tuple(subject.result.scores["test"])
        found = Predictions(known.example_ids, known.targets, probabilities, known.class_names)
        scores = score_all(found, metrics_named(names), headline=subject.headline)
        keras_scores = subject.result.scores["test"]
    update: dict[str, object] = {"measured": measured, "parity": parity, "scores": scores, "keras_scores": keras_scores}
    if parity.agreement < AGREEMENT:
        update |= {"status": "failed", "reason": _disagreement(parity)}
    return card.model_copy(update=update)


def _parity(subject: _Subject, probabilities: NDArray[np.float32]) -> Parity:
    difference = np.abs(probabilities.astype(np.float64) - subject.reference)
    return Parity(
        examples=len(probabilities),
        max_difference=float(np.nan_to_num(difference, nan=np.inf).max()),
        mean_difference=float(np.nan_to_num(difference, nan=np.inf).mean()),
        agreement=float((probabilities.argmax(axis=1) == subject.reference.argmax(axis=1)).mean()),
        on="test" if subject.expected is not None else "noise",
    )


def _disagreement(parity: Parity) -> str:
    return (
        f"names another class than the Keras model for {1 - parity.agreement:.1%} of {parity.examples} examples; "
        f"probabilities differ by up to {parity.max_difference:.2g}"
    )


def _write_beside(folder: Path, card: ExportCard, example: str) -> None:
    (folder / "card.json").write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if card.status == "done":
        one_line = (" ".join(label.split()) for label in card.labels)
        (folder / "labels.txt").write_text("\n".join(one_line) + "\n", encoding="utf-8")
        (folder / "example.py").write_text(example, encoding="utf-8")


def _files(file: Path) -> Iterator[Path]:
    """The file itself, or all files of the folder in the order of their names."""
    yield from [file] if file.is_file() else sorted(path for path in file.rglob("*") if path.is_file())


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(file):
        if path != file:
            digest.update(path.relative_to(file).as_posix().encode() + b"\0")
        with path.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
