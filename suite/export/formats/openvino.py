"""``openvino``: Intel's format, run by OpenVINO."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.data.batches import IMAGES
from suite.export.formats.examples import RANGES_OF, ExampleArrays, required
from suite.export.formats.exporter import Answer, Stream
from suite.export.formats.inference import for_inference
from suite.store.records.export_card import Precision

__all__ = ["OpenVinoExporter"]


class OpenVinoExporter:
    """A folder with ``model.xml`` and its weights in ``model.bin``."""

    summary: ClassVar[str] = "OpenVINO's pair of files, for Intel processors, GPUs and NPUs"
    extra: ClassVar[str | None] = "openvino"
    modules: ClassVar[tuple[str, ...]] = ("openvino", "nncf")
    runtime: ClassVar[str] = "openvino"
    library: ClassVar[str] = "openvino"
    quantisers: ClassVar[tuple[str, ...]] = ("nncf",)
    file: ClassVar[str] = "openvino"
    refuses: ClassVar[Mapping[Precision, str]] = {}
    imports: ClassVar[str] = "import openvino"
    loading: ClassVar[str] = """\
single = {"INFERENCE_PRECISION_HINT": "f32"}
model = openvino.Core().compile_model(str(here / "openvino" / "model.xml"), "CPU", single)"""
    answering: ClassVar[str] = "probabilities = model(inputs)[0][0]"

    @classmethod
    def write(cls, model: Any, path: Path, *, labels: Sequence[str], resizing: str | None = None) -> None:
        """Writes both files, the class names where OpenVINO's own tools look for them."""
        import openvino

        path.mkdir()
        first = path / "exported.xml"
        for_inference(model).export(str(first), format="openvino", verbose=False)
        read = openvino.Core().read_model(str(first))
        # OpenVINO's Model API splits its labels at spaces; the names as they are lie beside them.
        read.set_rt_info(" ".join("_".join(label.split()) for label in labels), ["model_info", "labels"])
        read.set_rt_info(json.dumps(list(labels), ensure_ascii=False), ["model_info", "label_names"])
        if resizing is not None:
            read.set_rt_info(resizing, ["model_info", "resizing"])
        openvino.save_model(read, str(path / "model.xml"), compress_to_fp16=False)
        del read  # its weights are mapped from the file that goes now
        for suffix in (".xml", ".bin"):
            first.with_suffix(suffix).unlink()

    @classmethod
    def compress(cls, full: Path, path: Path, *, precision: Precision, calibration: ExampleArrays | None) -> None:
        """Weights in half precision, weights in 8 bits, or both operands in 8 bits, the last two by NNCF."""
        import openvino

        model = openvino.Core().read_model(str(full / "model.xml"))
        names = [name for name in ("labels", "label_names", "resizing") if model.has_rt_info(["model_info", name])]
        kept = {name: model.get_rt_info(["model_info", name]) for name in names}
        if precision != "fp16":
            model = _quantised(model, precision, calibration)
        for name, value in kept.items():
            model.set_rt_info(value.value if hasattr(value, "value") else value, ["model_info", name])
        path.mkdir()
        openvino.save_model(model, str(path / "model.xml"), compress_to_fp16=precision == "fp16")

    @classmethod
    def load(cls, path: Path, *, threads: int) -> Answer:
        """Compiles it for the processor, in single precision: on some it would take bfloat16 by default."""
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        compiled = openvino.Core().compile_model(str(path / "model.xml"), "CPU", settings)
        # The runtime's own benchmark fills its inputs once; not copying them is as near as new images can come.
        return lambda inputs: compiled(_given(inputs), share_inputs=True)[0]

    @classmethod
    def stream(cls, path: Path, *, threads: int) -> Stream:
        """Compiles it for many images: each core takes one image at a time, as bytes, at a size known before.

        On two cores that ran a MobileNetV2 1.3 times as fast as batches of four on both.
        """
        import openvino
        from openvino.preprocess import PrePostProcessor

        prepared = PrePostProcessor(openvino.Core().read_model(str(path / "model.xml")))
        prepared.input().tensor().set_element_type(openvino.Type.u8)
        model = prepared.build()
        shape = model.input().get_partial_shape()
        shape[0] = 1
        model.reshape(shape)
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": threads}
        queue = openvino.AsyncInferQueue(openvino.Core().compile_model(model, "CPU", settings), threads + 1)

        def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            found: list[Any] = [None] * len(images)
            queue.set_callback(
                lambda request, place: found.__setitem__(place, request.get_output_tensor(0).data.copy())
            )
            for place in range(len(images)):
                queue.start_async(images[place : place + 1], place, share_inputs=True)
            queue.wait_all()
            return np.concatenate(found)

        return answer


def _given(inputs: Any) -> Any:
    return inputs.get(IMAGES, inputs)


def _quantised(model: Any, precision: Precision, calibration: ExampleArrays | None) -> Any:
    import nncf

    products = [one.get_friendly_name() for one in model.get_ordered_ops() if one.get_type_name() == "MatMul"]
    head = nncf.IgnoredScope(names=products[-1:])
    if precision == "int8_dynamic":
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM, ignored_scope=head)
    # From batch to batch NNCF averages ranges, which would cut off what only some examples reach.
    batches = [_given(batch) for _, batch in required(calibration).batches(RANGES_OF)]
    return nncf.quantize(
        model,
        nncf.Dataset(batches),
        subset_size=len(batches),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=head,
        model_type=nncf.ModelType.TRANSFORMER if len(products) > len(head.names) else None,
    )
