"""One request, in a process of its own: ``python -m suite.export.process REQUEST``.

Converters crash, print and keep memory; one runtime must not share threads with another.  The request and the answer
are JSON files; what a library prints goes wherever the parent sends this process's output.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import SuiteError
from suite.export.formats.examples import ExampleArrays
from suite.export.formats.exporter import ExportSkipped, write_file
from suite.export.requests import REQUEST, CompressRequest, Outcome, WriteRequest
from suite.registry import EXPORTERS
from suite.store.records.export_card import TensorRecord

__all__ = ["main"]

CLASSES = "a probability for each class, in the order of the labels"


def main() -> None:
    """Does what the request says; the outcome says so also where it failed."""
    request = REQUEST.validate_json(Path(sys.argv[1]).read_bytes())
    started = time.perf_counter()
    try:
        outcome = _work(request.action)(request)
    except ExportSkipped as reason:
        outcome = Outcome(seconds=time.perf_counter() - started, skipped=str(reason))
    except Exception as error:  # noqa: BLE001 - converters raise almost anything, and the reason is kept
        import traceback

        traceback.print_exc()
        said = " ".join(str(error).split())[:600]
        problem = said if isinstance(error, SuiteError) else f"{type(error).__name__}: {said}"
        outcome = Outcome(seconds=time.perf_counter() - started, problem=problem)
    Path(request.answer).write_text(outcome.model_dump_json(), encoding="utf-8")


def _work(action: str) -> Callable[[Any], Outcome]:
    if action == "prepare":
        from suite.export.prepare import prepare

        return prepare
    if action == "measure":
        from suite.export.measure import measure

        return measure
    return _write if action == "write" else _compress


def _write(request: WriteRequest) -> Outcome:
    import keras

    model = keras.saving.load_model(request.model, compile=False)
    # Keras exports some formats only of a model that was called since it was loaded.
    model(_zeros(model), training=False)
    started = time.perf_counter()
    try:
        resizing = None if request.resizing is None else request.resizing.model_dump_json()
        write_file(EXPORTERS.get(request.format), model, Path(request.path), labels=request.labels, resizing=resizing)
    except Exception as error:
        named = layers_named(str(error), model)
        if not named:
            raise
        raise SuiteError(f"{' '.join(str(error).split())[:400]} (layer {', '.join(named)})") from error
    seconds = time.perf_counter() - started
    notes: tuple[str, ...] = ()
    if request.preset is not None:
        from suite.export.preset import write_preset

        note = write_preset(model, request.trial, Path(request.preset))
        notes = () if note is None else (note,)
    images = not isinstance(model.input, dict)
    return Outcome(
        seconds=seconds,
        inputs=tuple(_tensor(one, _meaning(one, images=images)) for one in model.inputs),
        output=_tensor(model.outputs[0], CLASSES if request.labels else "what the model says of the example"),
        notes=notes,
    )


def _zeros(model: Any) -> Any:
    arrays = {one.name: np.zeros([size or 1 for size in one.shape], one.dtype) for one in model.inputs}
    return arrays if isinstance(model.input, dict) else next(iter(arrays.values()))


def _tensor(tensor: Any, meaning: str) -> TensorRecord:
    shape = tuple(None if size is None else int(size) for size in tensor.shape)
    return TensorRecord(name=tensor.name, shape=shape, dtype=str(tensor.dtype), meaning=meaning)


def _meaning(tensor: Any, *, images: bool) -> str:
    if images:
        return "RGB images, 0 to 255, resized as 'resizing' says; scaling is inside"
    return {
        "token_ids": "ids of tokens, as tokenizer.json cuts texts",
        "padding_mask": "1 for a token, 0 for padding",
        "segment_ids": "0 for the first text, 1 for the second",
    }[tensor.name]


def layers_named(message: str, model: Any) -> list[str]:
    """The layers whose names stand in what a converter said: paths of operations begin with them."""
    words = {
        re.sub(r"_\d+$", "", word) for path in re.findall(r"[\w./:-]+/[\w./:-]+", message) for word in path.split("/")
    }
    names = {layer.name for layer in model._flatten_layers() if layer is not model}  # noqa: SLF001 - Keras has no public walk over nested layers
    return sorted(name for name in names if name in words or re.sub(r"_\d+$", "", name) in words)[:3]


def _compress(request: CompressRequest) -> Outcome:
    calibration = None if request.calibration is None else ExampleArrays.load(Path(request.calibration))
    started = time.perf_counter()
    EXPORTERS.get(request.format).compress(
        Path(request.full), Path(request.path), precision=request.precision, calibration=calibration
    )
    count = None if calibration is None else len(calibration)
    return Outcome(seconds=time.perf_counter() - started, calibration_examples=count)


if __name__ == "__main__":
    main()
