"""A comparison whose cells were exported: cards of several formats and precisions, with one failure and one skip."""

from __future__ import annotations

from suite.compare.comparison import Comparison
from suite.compare.exports import exported_files
from suite.store.records.export_card import Difference, ExportCard, Measured, Parity, TensorRecord
from suite.store.records.result import Result, Score

__all__ = ["make_card", "with_exports"]

FILES = (
    ("litert", "fp32", 1000, 1.0, 0.0),
    ("litert", "int8", 300, 0.5, -0.2),
    ("onnx", "fp32", 1100, 1.2, 0.0),
    ("onnx", "fp16", 600, 1.1, 0.0),
    ("openvino", "int8_dynamic", 350, 0.6, -0.001),
)
"""Format, precision, bytes, milliseconds, and what is lost."""
TENSOR = TensorRecord(name="images", shape=(None, 8, 8, 3), dtype="float32", meaning="RGB images")


def make_card(**changes) -> ExportCard:
    """A card of a file that was scored."""
    whole = {
        "format": "onnx",
        "precision": "fp32",
        "status": "done",
        "task": "image_classification",
        "model": "vgg",
        "dataset": "digits",
        "strategy": "linear_probe",
        "seed": 1,
        "trial_id": "trial",
        "cell_id": "cell",
        "file": "model",
        "bytes": 1000,
        "compressed_bytes": 900,
        "sha256": "0" * 64,
        "inputs": (TENSOR,),
        "output": TENSOR,
        "labels": ("a", "b"),
        "export_seconds": 1.0,
        "measured": measured(1.0),
        "parity": Parity(examples=100, max_difference=1e-6, mean_difference=1e-7, agreement=1.0, on="test"),
        "scores": {"accuracy": Score(value=0.9, low=0.85, high=0.95)},
        "keras_scores": {"accuracy": Score(value=0.9)},
        "difference": Difference(metric="accuracy", value=0.0, low=0.0, high=0.0),
        "versions": {"suite": "0.1.0"},
        **changes,
    }
    return ExportCard.model_validate(whole)


def measured(latency_ms: float) -> Measured:
    """What such a file costs."""
    return Measured(
        load_seconds=0.1,
        latency_ms_p50=latency_ms,
        latency_ms_p95=1.2 * latency_ms,
        throughput_per_second=1000 / latency_ms,
        throughput_batch_size=32,
        peak_memory_bytes=10_000_000,
        threads=2,
        runtime="runtime 1.0",
        device="a processor",
    )


def with_exports(comparison: Comparison) -> Comparison:
    """Every ranked cell with a file of each of ``FILES``, one that failed and one that was skipped."""
    cards, results = [], []
    for cell in comparison.cells:
        if cell.headline is None:
            continue
        who = {"cell_id": cell.cell_id, "trial_id": f"trial of {cell.cell_id}"}
        who |= {"model": cell.model, "strategy": cell.strategy, "dataset": cell.dataset}
        scale = 1 + 0.3 * len(results)
        for name, precision, size, latency, lost in FILES:
            value = cell.headline.value + lost
            cards.append(
                make_card(
                    **who,
                    format=name,
                    precision=precision,
                    bytes=round(size * scale),
                    measured=measured(latency * scale),
                    scores={comparison.headline.name: Score(value=value, low=value - 0.02, high=value + 0.02)},
                    difference=Difference(
                        metric=comparison.headline.name, value=lost, low=lost - 0.01, high=lost + 0.005
                    ),
                )
            )
        nothing = {"measured": None, "parity": None, "scores": {}, "difference": None, "bytes": 0}
        cards += [
            make_card(**who, format="keras", status="failed", reason="it <does> not run", **nothing),
            make_card(**who, format="keras", precision="fp16", status="skipped", reason="Keras cannot", **nothing),
        ]
        results.append(_result(who))
    taken = comparison.recommendations
    files = exported_files(cards, comparison.cells, results=results, taken=taken, metric=comparison.headline)
    return comparison.model_copy(update={"exports": files})


def _result(who: dict[str, str]) -> Result:
    return Result(
        id=who["trial_id"],
        cell_id=who["cell_id"],
        status="done",
        trial={},
        phase="final",
        seed=1,
        model=who["model"],
        dataset=who["dataset"],
        strategy=who["strategy"],
        artefacts={"model": "model.keras"},
    )
