"""One kept model with the examples that its files are compared on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suite.devices import look_at_machine
from suite.errors import StoreError, SuiteError
from suite.export.place import sha256_of
from suite.export.requests import MeasureRequest, Outcome, PrepareRequest, run
from suite.store.records.outputs import Outputs, load_outputs
from suite.store.records.reading import Levels
from suite.store.records.resizing import STRETCH, Resizing
from suite.store.records.result import Result
from suite.store.store import Store

__all__ = ["Subject", "measured", "prepare_subject"]


@dataclass(frozen=True)
class Subject:
    """What is exported, and what its files are held against."""

    result: Result
    model: Path
    model_sha256: str
    examples: Path
    """Folder of the test examples, or of noise."""
    calibration: Path | None
    """Folder of training examples; None where they are not at hand."""
    tokenizer_json: Path | None
    tokenizer: str | None
    """How far that file cuts texts as the model's own tokeniser does; None for images."""
    expected: Outputs | None
    """What the Keras model said of the test set; None where the examples are noise."""
    reference: NDArray[np.float32]
    """What the Keras model gives for ``examples``, shape ``(n, ...)``: probabilities of classes, for instance."""
    headline: str
    scratch: Path

    @property
    def resizing(self) -> Resizing | None:
        """How images become its input; None for texts."""
        return None if self.result.input_size is None else self.result.resizing or STRETCH

    @property
    def levels(self) -> Levels | None:
        """What became 0 and 255 of images with more than 8 bits a pixel, where the training split has any."""
        reading = self.result.data[0].reading
        return None if reading is None else reading.levels


def prepare_subject(store: Store, result: Result, scratch: Path, headline: str, *, threads: int) -> Subject:
    """The examples of a result's test set, or noise where they are not what the model was tested on.

    Raises:
        StoreError: Where the model is gone from the store.
        SuiteError: Where it does not run, or a text model's tokeniser is not at hand.
    """
    model = store.artefact(result, "model")
    if model is None and store.is_elsewhere(result.id):
        raise StoreError(
            f"trial {result.id}: its model is on the machine that trained it; export it there, or let all machines "
            "keep their files in one folder: --artifacts DIR."
        )
    if model is None or not model.is_file():
        raise StoreError(f"trial {result.id}: its model is gone from the store; run the spec again with --redo all.")
    if not result.data or not {"task", "model", "dataset"} <= result.trial.keys():
        raise StoreError(f"trial {result.id}: its result does not say what it was trained on; run it again.")
    kept = store.artefact(result, "predictions/test")
    folder = scratch / "examples"
    request = PrepareRequest(
        trial=result.trial,
        seed=result.seed,
        input_size=result.input_size,
        resizing=result.resizing or STRETCH,
        fingerprint=result.data[0].fingerprint,
        example_ids=str(kept.resolve()) if kept else None,
        folder=str(folder),
        answer=str(scratch / "prepared.json"),
    )
    prepared = run(request, log=scratch / "prepare.log")
    if prepared.problem is not None:
        raise SuiteError(f"trial {result.id}: its examples cannot be prepared: {prepared.problem}")
    expected = load_outputs(kept) if kept is not None and prepared.on == "test" else None
    reference = None if expected is None else expected.numbers
    if reference is None:
        outcome, reference = measured("keras", model, folder / "test", scratch, threads=threads)
        if reference is None:
            raise SuiteError(f"trial {result.id}: its kept model does not run: {outcome.problem}")
    return Subject(
        result=result,
        model=model.resolve(),
        model_sha256=sha256_of(model),
        examples=folder / "test",
        calibration=_if_there(folder / "calibration"),
        tokenizer_json=_if_there(folder / "tokenizer.json"),
        tokenizer=prepared.tokenizer,
        expected=expected,
        reference=reference,
        headline=headline,
        scratch=scratch,
    )


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None


def measured(
    name: str, file: Path, examples: Path, scratch: Path, *, threads: int
) -> tuple[Outcome, NDArray[np.float32] | None]:
    """A file of format ``name``, run in its own runtime and process: its costs, and what it answers.

    Returns:
        The outcome, and probabilities of shape ``(n, classes)`` in the order of the examples; None where it failed.
    """
    request = MeasureRequest(
        format=name,
        path=str(file.resolve()),
        examples=str(examples),
        probabilities=str(scratch / "probabilities.npy"),
        threads=threads,
        device=look_at_machine().processor,
        answer=str(scratch / "measured.json"),
    )
    Path(request.answer).unlink(missing_ok=True)  # of the file before
    outcome = run(request, log=scratch / "measure.log")
    return outcome, None if outcome.problem else np.load(request.probabilities, allow_pickle=False)
