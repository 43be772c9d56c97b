"""What computes frozen features: Keras, or the backbone exported to a runtime that is faster where it pays.

An exported backbone is checked against Keras on the first batch before anything of it is used, and runs in single
precision.  Which one made a feature is part of what it is kept under, and of the result.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from suite.cache import entry_path, write_entry
from suite.data.batches import IMAGES, Inputs, ModelInput, in_batches
from suite.data.token_rows import TokenRows
from suite.errors import MissingExtraError, StoreError, install_line
from suite.registry import EXPORTERS
from suite.store.records.result import FeatureEngine, FeatureEngineRecord

__all__ = ["ENGINES", "Engine", "EngineChooser", "refuse_missing_engine"]

EngineName = Literal["openvino", "onnx"]
ENGINES: tuple[EngineName, ...] = ("openvino", "onnx")
"""In the order in which ``auto`` tries them, until it knows which is faster."""
TOLERANCE = 1e-4
"""Largest difference from Keras on the first batch, relative to the largest feature."""
BATCH = 64
"""Examples that are checked and timed."""
BATCHES = (4, 16, 64)
"""Sizes that an exported backbone is tried with: on some processors small ones stay in the cache, and are faster."""
EXPECTED_EXPORT_SECONDS = 10.0
"""Until it was measured for this backbone."""
GAIN_OVER_KERAS, GAIN_OVER_ANOTHER = 2.0, 1.25
"""Expected of an engine until it was measured for this backbone."""
FEWEST = 4 * BATCH
"""With fewer examples nothing is measured."""

Predict = Callable[[Inputs], NDArray[np.float32]]


@dataclass(frozen=True)
class Engine:
    """What computes the features of one backbone, with why."""

    record: FeatureEngineRecord
    predict: Predict = field(repr=False)
    """Images ``(n, height, width, 3)`` uint8, or tokens, to features ``(n, width)`` float32."""


@dataclass(frozen=True)
class _Exported:
    """A backbone in another runtime that says what Keras says."""

    name: EngineName
    predict: Predict = field(repr=False)
    seconds: float
    """To export it."""
    difference: float

    def engine(self, reason: str) -> Engine:
        """It as an engine, with why it was chosen."""
        record = _record(self.name, reason, export_seconds=self.seconds, difference=self.difference)
        return Engine(record, self.predict)


@dataclass
class EngineChooser:
    """Chooses for one backbone, once; an engine that was exported stays."""

    asked: FeatureEngine
    root: Path
    """Of the cache, where what was measured is kept."""
    device: str
    threads: int
    _engine: Engine | None = field(default=None, init=False)
    """What was exported, once it was."""
    _tried: set[str] = field(default_factory=set, init=False)
    _keras_seconds: float | None = field(default=None, init=False)
    """Seconds of Keras for one example, once they were measured."""

    def choose(self, model: Any, keras: Predict, inputs: Inputs, *, graph: str) -> Engine:
        """The engine for these inputs.

        Args:
            model: ``keras.Model`` from raw inputs to features, with the weights that count.
            keras: Computes the same by Keras.
            inputs: All that is to come.
            graph: What makes the backbone the same as another, in words.

        Returns:
            The engine. One that was asked for by name and differs from Keras by more than 1e-4 is not used, and the
            record says so.
        """
        if self.asked == "keras":
            return Engine(_record("keras", "asked for"), keras)
        if self._engine is not None:
            return self._engine
        if self.asked == "auto":
            return self._choose(model, keras, inputs, graph)
        made = self._export(self.asked, model, keras, inputs, graph)
        if isinstance(made, str):
            return Engine(_record("keras", made), keras)
        self._engine = made.engine("asked for")
        return self._engine

    def _choose(self, model: Any, keras: Predict, inputs: Inputs, graph: str) -> Engine:
        """The engine that is done first, exports that are still to be made counted in."""

        def stay(reason: str) -> Engine:
            return Engine(_record("keras", reason), keras)

        if model.dtype_policy.name != "float32":
            return stay(f"in {model.dtype_policy.name} Keras runs it")
        if "CPU" not in self.device:
            return stay(f"on {self.device} Keras runs it")
        if len(inputs) < FEWEST:
            return stay(f"not measured: only {len(inputs)} examples")
        names = [name for name in ENGINES if _install_line(name) is None and name not in self._tried]
        if not names:
            return stay("no other engine is installed, or none was faster")
        if self._keras_seconds is None:
            self._keras_seconds = _seconds_each(keras, inputs)
        left = by_keras = self._keras_seconds * len(inputs)
        reasons = []
        for name in sorted(names, key=lambda name: -self._kept(name, graph).get("gain", 0.0)):
            refused = self._refused(name, graph, by_keras=by_keras, left=left)
            made = refused or self._export(name, model, keras, inputs, graph)
            if isinstance(made, str):
                reasons.append(made)
                continue
            each = _seconds_each(made.predict, inputs)
            gain = self._keras_seconds / max(each, 1e-9)
            self._keep(name, graph, {"export_seconds": made.seconds, "gain": gain})
            if each * len(inputs) < left:
                left = each * len(inputs)
                said = f"{gain:.1f} times as fast as Keras on the first batches, {made.seconds:.1f} s to export"
                self._engine = made.engine(said)
            else:
                reasons.append(f"{name} is not faster ({gain:.1f} times as fast as Keras)")
        return self._engine or stay("; ".join(reasons))

    def _refused(self, name: EngineName, graph: str, *, by_keras: float, left: float) -> str | None:
        """Why an export is not worth trying, by what was measured before, else by what is expected.

        Args:
            name: Of the engine.
            graph: Of the backbone.
            by_keras: Seconds that Keras would need.
            left: Seconds that the best engine so far would need.
        """
        kept = self._kept(name, graph)
        if "refused" in kept:
            self._tried.add(name)
            return str(kept["refused"])
        usual = GAIN_OVER_KERAS if self._engine is None else GAIN_OVER_ANOTHER
        expected = by_keras / kept["gain"] if "gain" in kept else left / usual
        if kept.get("export_seconds", EXPECTED_EXPORT_SECONDS) + expected < left:
            return None
        return f"{left:.0f} s are too few for an export to {name}"

    def _export(self, name: EngineName, model: Any, keras: Predict, inputs: Inputs, graph: str) -> _Exported | str:
        """The backbone in another runtime, checked against Keras; else the reason why it is not used."""
        self._tried.add(name)
        started = time.perf_counter()
        try:
            predict = _exported(name, model, inputs, threads=self.threads)
        except Exception as error:  # noqa: BLE001 - converters raise almost anything, and Keras can do it anyway
            reason = f"{name} cannot take it: {' '.join(str(error).split())[:200]}"
        else:
            seconds = time.perf_counter() - started
            difference = _difference(predict, keras, inputs)
            if difference <= TOLERANCE:
                return _Exported(name, predict, seconds, difference)
            reason = f"{name} differs from Keras by {difference:.1e} of the largest feature on the first batch"
        self._keep(name, graph, {"refused": reason})
        return reason

    def _path(self, name: str, graph: str) -> Path:
        identity = {"version": 1, "graph": graph, "device": self.device, "threads": self.threads, name: _version(name)}
        return entry_path(self.root, "engines", identity, ".measured")

    def _kept(self, name: str, graph: str) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._path(name, graph).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept

    def _keep(self, name: str, graph: str, measured: dict[str, Any]) -> None:
        text = json.dumps(measured).encode()
        # A disk that is full costs the next run the same measurement, not this one its features.
        with contextlib.suppress(StoreError):
            write_entry(self._path(name, graph), lambda file: file.write(text), {"engine": name, "graph": graph})


def refuse_missing_engine(asked: FeatureEngine) -> None:
    """Raises ``MissingExtraError`` with the line that installs an engine that was asked for by name."""
    line = _install_line(asked) if asked in ENGINES else None
    if line is not None:
        raise MissingExtraError(f"feature_engine '{asked}' needs packages that are not installed: {line}")


def _install_line(name: str) -> str | None:
    return install_line(EXPORTERS.get(name).modules, EXPORTERS.get(name).extra)


def _version(name: str) -> str:
    return version("keras" if name == "keras" else EXPORTERS.get(name).runtime)


def _record(
    name: Literal["keras", "openvino", "onnx"],
    reason: str,
    *,
    export_seconds: float | None = None,
    difference: float | None = None,
) -> FeatureEngineRecord:
    return FeatureEngineRecord(
        name=name, version=_version(name), reason=reason, export_seconds=export_seconds, difference=difference
    )


def _exported(name: str, model: Any, inputs: Inputs, *, threads: int) -> Predict:
    """The model in another runtime, in batches of the size that is fastest; the file is gone once it is loaded."""
    exporter = EXPORTERS.get(name)
    with tempfile.TemporaryDirectory(prefix="suite-engine-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / exporter.file
        exporter.write(model, path, labels=())
        answer = exporter.load(path, threads=threads)
        streams = isinstance(inputs, np.ndarray) and hasattr(exporter, "stream")
        stream = exporter.stream(path, threads=threads) if streams else None

    def call(batch: ModelInput) -> NDArray[np.float32]:
        given = batch if isinstance(batch, dict) else {IMAGES: batch.astype(np.float32)}
        return np.asarray(answer(given), dtype=np.float32)

    candidates = [partial(in_batches, call, size=size) for size in BATCHES]
    if stream is not None:
        candidates = [candidates[0], partial(in_batches, stream, size=BATCH)]
    if len(inputs) < FEWEST:
        return candidates[-1]
    return min(candidates, key=lambda predict: _seconds_each(predict, inputs))


def _some(inputs: Inputs, start: int, count: int) -> Inputs:
    positions = np.arange(start, min(start + count, len(inputs)))
    return inputs.some(positions) if isinstance(inputs, TokenRows) else inputs[positions]


def _difference(predict: Predict, keras: Predict, inputs: Inputs) -> float:
    """Of the first batch, relative to its largest feature; infinite where a number is none."""
    first = _some(inputs, 0, BATCH)
    ours, theirs = predict(first), keras(first)
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return float("inf")
    largest = float(np.abs(theirs).max()) or 1.0
    return float(np.abs(ours - theirs).max()) / largest


def _seconds_each(predict: Predict, inputs: Inputs) -> float:
    """Seconds per example of the second batch; the first compiles."""
    predict(_some(inputs, 0, BATCH))
    second = _some(inputs, BATCH, BATCH)
    started = time.perf_counter()
    predict(second)
    return (time.perf_counter() - started) / len(second)
