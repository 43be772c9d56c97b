"""``litert``: for phones and boards, run by LiteRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from suite.data.batches import IMAGES
from suite.export.formats.examples import RANGES_OF, ExampleArrays
from suite.export.formats.exporter import Answer
from suite.export.formats.inference import for_inference
from suite.store.records.export_card import Precision

__all__ = ["LiteRtExporter"]

HEAD = r"(.*/)?head(_[0-9]+)?/.*"
"""The head's operations: the suite gives its layer this name, and the converter may number it."""
HALF = [
    {
        "regex": ".*",
        "operation": "*",
        "algorithm_key": "float_casting",
        "op_config": {
            "weight_tensor_config": {"num_bits": 16, "symmetric": True, "granularity": "TENSORWISE", "dtype": "FLOAT"},
            "compute_precision": "FLOAT",
            "explicit_dequantize": True,
            "skip_checks": False,
            "min_weight_elements": 0,
        },
    }
]
"""A recipe of ai-edge-quantizer: weights as 16-bit floats, computed with in 32 bits."""


class LiteRtExporter:
    """One ``.tflite`` file."""

    summary: ClassVar[str] = "one small file for phones, boards and browsers (once TensorFlow Lite)"
    extra: ClassVar[str | None] = "litert"
    modules: ClassVar[tuple[str, ...]] = ("ai_edge_litert", "ai_edge_quantizer")
    runtime: ClassVar[str] = "ai-edge-litert"
    library: ClassVar[str] = "litert"
    quantisers: ClassVar[tuple[str, ...]] = ("ai-edge-quantizer",)
    file: ClassVar[str] = "model.tflite"
    refuses: ClassVar[Mapping[Precision, str]] = {}
    imports: ClassVar[str] = "from ai_edge_litert.interpreter import Interpreter"
    loading: ClassVar[str] = 'run = Interpreter(str(here / "model.tflite")).get_signature_runner()'
    answering: ClassVar[str] = """\
[answer] = run(**inputs).values()
probabilities = answer[0]"""

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str], resizing: str | None = None) -> None:
        """Writes the file, resizing into its metadata; smaller ones are made of it, and find the head by its names."""
        from suite.export.formats.flatbuffer import compact

        for_inference(model).export(str(path), format="litert", verbose=False)
        compact(path, keep=HEAD, metadata={} if resizing is None else {"resizing": resizing})

    @classmethod
    def compress(cls, full: Path, path: Path, *, precision: Precision, calibration: ExampleArrays | None) -> None:
        """Rewrites the file by Google's ai-edge-quantizer; input and output stay float32."""
        from suite.export.formats.flatbuffer import compact

        _quantise(full, path, precision, calibration)
        compact(path, keep=HEAD)

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """An interpreter that takes another number of examples, or longer texts, when they come."""
        import numpy as np
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path), num_threads=threads)
        (signature,) = interpreter.get_signature_list().values()
        run = interpreter.get_signature_runner()
        # The runner keeps what it gave until it is called again.
        return lambda inputs: np.array(*run(**_named(inputs, signature["inputs"])).values())


def _named(inputs: Any, names: list[str]) -> Any:
    return {names[0]: inputs[IMAGES]} if IMAGES in inputs else inputs


def _quantise(full: Path, path: Path, precision: Precision, calibration: ExampleArrays | None) -> None:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName

    recipes: dict[str, Any] = {
        "fp16": HALF,
        "int8_dynamic": recipe.dynamic_legacy_wi8_afp32(),
        "int8": recipe.static_wi8_ai8(),
    }
    rewriter = quantizer.Quantizer(str(full))
    rewriter.load_quantization_recipe(recipes[precision])
    as_they_are = [(HEAD, TFLOperationName.ALL_SUPPORTED)]
    if precision == "int8":
        as_they_are += [(".*", TFLOperationName.INPUT), (".*", TFLOperationName.OUTPUT)]
    for pattern, operation in as_they_are if precision != "fp16" else []:
        rewriter.update_quantization_recipe(
            regex=pattern, operation_name=operation, algorithm_key=AlgorithmName.NO_QUANTIZE
        )
    ranges = None
    if calibration is not None:
        ((signature, entries),) = Interpreter(str(full)).get_signature_list().items()
        names = entries["inputs"]
        # From batch to batch the quantiser averages ranges, which would cut off what only some examples reach.
        batches = [_named(batch, names) for _, batch in calibration.batches(RANGES_OF)]
        ranges = rewriter.calibrate({signature: batches})
    rewriter.quantize(ranges).export_model(str(path), overwrite=True)
