"""A LiteRT file that is written anew is smaller, and in every other way what it was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.data.batches import IMAGES
from suite.export.formats.examples import ExampleArrays
from suite.export.formats.flatbuffer import LARGEST, compact
from suite.export.formats.litert import HEAD, LiteRtExporter, _quantise
from suite.export.prepare import built_backbone
from suite.registry import TASKS

pytestmark = [  # of the quantiser, which keeps what it measures; of TensorFlow, which recommends the other interpreter
    pytest.mark.filterwarnings("ignore:Warning. Enabling `experimental_preserve_all_tensors`:UserWarning"),
    pytest.mark.filterwarnings("ignore:\\s*Warning. tf.lite.Interpreter is deprecated:UserWarning"),
]

MODELS = {"mobilenetv2_035": "image_classification", "bert_tiny": "text_classification"}
PRECISIONS = ("fp32", "fp16", "int8_dynamic", "int8")
PLACES = [(model, precision) for model in MODELS for precision in PRECISIONS]
INTERPRETERS = ("ai_edge_litert", "tensorflow")


def classifier(model: str) -> Any:
    """A model of the zoo with a head, to probabilities."""
    import keras

    backbone = built_backbone({"model": {"source": "zoo", "name": model}, "task": MODELS[model]})
    keras.utils.set_random_seed(0)
    logits = TASKS.get(MODELS[model]).assemble(backbone, num_classes=5).logits
    return keras.Model(logits.input, keras.layers.Softmax()(logits.output))


def examples(keras_model: Any) -> ExampleArrays:
    """Random images of the model's size, or random tokens."""
    random = np.random.default_rng(0)
    if not isinstance(keras_model.input, dict):
        return ExampleArrays({IMAGES: random.integers(0, 256, (64, *keras_model.input.shape[1:]), dtype=np.uint8)})
    arrays = {name: np.ones((64, 16), np.int32) for name in keras_model.input}
    return ExampleArrays({**arrays, "token_ids": random.integers(0, 500, (64, 16), dtype=np.int32)})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Each model in each precision: the file as converters leave it, the same one written anew, and examples."""
    files: dict[tuple[str, str], tuple[Path, Path, ExampleArrays]] = {}
    for model in MODELS:
        keras_model = classifier(model)
        arrays = examples(keras_model)
        folder = tmp_path_factory.mktemp(model)
        for precision in PRECISIONS:
            before, after = folder / f"{precision}-before.tflite", folder / f"{precision}.tflite"
            if precision == "fp32":
                keras_model.export(str(before), format="litert", verbose=False)
            else:
                calibration = arrays if precision == "int8" else None
                _quantise(folder / "fp32-before.tflite", before, precision, calibration)
            shutil.copyfile(before, after)
            compact(after, keep=HEAD)
            files[model, precision] = before, after, arrays
    return files


def unpacked(path: Path) -> Any:
    """The file as objects of LiteRT's schema, weights that lie behind the FlatBuffer put in their place."""
    from ai_edge_litert import schema_py_generated as schema

    content = path.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.size:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def plain(value: Any) -> Any:
    """Objects of a schema as lists and dicts that can be compared."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tolist()
    if isinstance(value, list):
        return [plain(one) for one in value]
    return {name: plain(one) for name, one in vars(value).items()} if hasattr(value, "__dict__") else value


def answers(path: Path, module: str, arrays: ExampleArrays, *, batch: int) -> np.ndarray:
    """What an interpreter makes of all examples."""
    if module == "tensorflow":
        from tensorflow.lite.python.interpreter import Interpreter
    else:
        from ai_edge_litert.interpreter import Interpreter
    run = Interpreter(str(path), num_threads=1).get_signature_runner()
    (single, *_) = run.get_input_details()
    found = []
    for _, inputs in arrays.batches(batch):
        named = {single: inputs[IMAGES]} if IMAGES in inputs else inputs
        found += [answer.copy() for answer in run(**named).values()]
    return np.concatenate(found)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize(("model", "precision"), PLACES)
def test_probabilities_are_those_of_the_file_that_it_was_bit_by_bit(model, precision, interpreter, written):
    """In LiteRT's own interpreter and in that of TensorFlow, one example at a time and in batches."""
    before, after, arrays = written[model, precision]
    for batch in (1, 32):
        first, second = (answers(path, interpreter, arrays, batch=batch) for path in (before, after))
        assert first.shape == (64, 5)
        assert np.ptp(first, axis=0).max() > 0
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("model", "precision"), PLACES)
def test_nothing_but_names_is_another(model, precision, written):
    """Graphs, weights, quantisation, signatures and metadata are equal, piece by piece."""
    first, second = (unpacked(path) for path in written[model, precision][:2])
    assert first.metadata
    for graph in (*first.subgraphs, *second.subgraphs):
        for tensor in graph.tensors:
            tensor.name = None
    assert plain(first) == plain(second)


@pytest.mark.parametrize(("model", "precision"), PLACES)
def test_names_that_someone_may_ask_for_stay(model, precision, written):
    """Of inputs, of outputs and of the head; any other is the tensor's number, and no two are alike."""
    first, second = (unpacked(path).subgraphs[0] for path in written[model, precision][:2])
    ends = {*first.inputs, *first.outputs}
    names = [tensor.name for tensor in second.tensors]
    assert len(set(names)) == len(names)
    assert any(b"head" in name for name in names)
    for number, (old, new) in enumerate(zip(first.tensors, second.tensors, strict=True)):
        kept = number in ends or b"head" in old.name
        assert new.name == (old.name if kept else str(number).encode())


@pytest.mark.parametrize(("model", "precision"), PLACES)
def test_weights_lie_inside_and_aligned(model, precision, written):
    """At multiples of 16 bytes, which LiteRT's schema asks for, and not behind the FlatBuffer."""
    from ai_edge_litert import schema_py_generated as schema

    content = written[model, precision][1].read_bytes()
    packed = schema.Model.GetRootAs(content)
    buffers = [packed.Buffers(number) for number in range(packed.BuffersLength())]
    places = [one._tab.Vector(one._tab.Offset(4)) for one in buffers if one.DataLength()]
    assert len(places) > 10
    assert {place % 16 for place in places} == {0}
    assert {one.Size() for one in buffers} == {0}


def test_equal_zero_points_are_in_the_file_once(written):
    """Thousands of channels have one each, of 8 bytes, and nearly all are 0."""
    from ai_edge_litert import schema_py_generated as schema

    places: dict[bytes, set[int]] = {}
    packed = schema.Model.GetRootAs(written["mobilenetv2_035", "int8"][1].read_bytes())
    graph = packed.Subgraphs(0)
    quantised = [graph.Tensors(number).Quantization() for number in range(graph.TensorsLength())]
    for one in quantised:
        if one is not None and not one.ZeroPointIsNone():
            place = one._tab.Vector(one._tab.Offset(10))
            places.setdefault(one.ZeroPointAsNumpy().tobytes(), set()).add(place)
    assert len(places) > 3
    assert {len(same) for same in places.values()} == {1}


def test_a_mobilenet_in_8_bits_has_less_than_a_third_of_the_bytes_that_it_has_in_32(written):
    """Both written anew; before, it had two fifths."""
    sizes = [
        [path.stat().st_size for path in written["mobilenetv2_035", precision][:2]] for precision in ("int8", "fp32")
    ]
    (small_before, small), (_, full) = sizes
    assert small < full / 3
    assert small < 0.85 * small_before


def test_smaller_files_made_of_the_one_that_was_written_anew_say_the_same(written, tmp_path):
    """The quantiser finds the head by its name, and needs no other."""
    arrays = written["mobilenetv2_035", "int8"][2]
    _, full, _ = written["mobilenetv2_035", "fp32"]
    LiteRtExporter.compress(full, tmp_path / "model.tflite", precision="int8", calibration=arrays)
    made = answers(tmp_path / "model.tflite", "ai_edge_litert", arrays, batch=32)
    np.testing.assert_array_equal(
        made, answers(written["mobilenetv2_035", "int8"][0], "ai_edge_litert", arrays, batch=32)
    )


def test_written_anew_twice_it_is_the_same_file(written, tmp_path):
    """Byte by byte."""
    for _, after, _ in written.values():
        again = shutil.copyfile(after, tmp_path / "again.tflite")
        compact(again, keep=HEAD)
        assert again.read_bytes() == after.read_bytes()


def test_a_file_that_is_no_litert_file_is_refused(tmp_path):
    """By its mark, and it stays as it is."""
    (tmp_path / "model.tflite").write_bytes(b"\0" * 64)
    with pytest.raises(ValueError, match=r"model\.tflite is no LiteRT file"):
        compact(tmp_path / "model.tflite", keep=HEAD)
    assert (tmp_path / "model.tflite").read_bytes() == b"\0" * 64


def test_a_file_beyond_the_reach_of_offsets_stays_as_it_is(tmp_path):
    """Two gibibytes; here of nothing, which take no room on the disk."""
    (tmp_path / "model.tflite").touch()
    os.truncate(tmp_path / "model.tflite", LARGEST + 1)
    before = (tmp_path / "model.tflite").stat()
    compact(tmp_path / "model.tflite", keep=HEAD)
    assert (tmp_path / "model.tflite").stat() == before
