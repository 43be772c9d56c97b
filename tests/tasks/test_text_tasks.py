"""Text classification and generation with the zoo's own models."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from suite.data.dataset import Dataset, Split
from suite.errors import SpecError
from suite.models.zoo.images import ZooSource
from suite.spec.generation import GenerationSpec
from suite.spec.plan import make_plan
from suite.spec.spec import parse_spec
from suite.tasks.text_classification import TextClassification, fitted_pair
from suite.tasks.text_generation import TextGeneration

TEXTS = (
    "Return the sorted values of an array.",
    "Encode an object as JSON.",
    "Open a file and read all of its lines into a list of strings without their line ends. " * 12,
    "",
)


def texts_of(*texts, answers="class") -> Dataset:
    """A data set of texts in one split."""
    split = Split("test", tuple(map(str, range(len(texts)))), np.zeros(len(texts), np.int64), texts.__getitem__)
    return Dataset("texts", ("a", "b"), {"test": split}, str(hash(texts)), content="text", answers=answers)


def zoo(name: str):
    """A model of the zoo."""
    return ZooSource.build(ZooSource.Options(name=name))


@pytest.mark.parametrize("name", ["bert_tiny", "gpt2_tiny"])
def test_features_do_not_depend_on_what_shares_a_batch(name, tmp_path):
    """Padding is hidden: a text alone and among longer ones has the same features."""
    from suite.training.predictor import Predictor

    backbone, data = zoo(name), texts_of(*((text,) for text in TEXTS))
    examples = TextClassification.read(backbone, data, data.splits["test"], root=tmp_path)
    features = TextClassification.assemble(backbone, num_classes=2).features
    together, alone = Predictor(features, 4)(examples.inputs), Predictor(features, 1)(examples.inputs)
    assert np.isfinite(together).all()
    assert np.allclose(together, alone, atol=1e-4)


def test_a_long_text_is_cut_and_counted(tmp_path):
    """Nothing is longer than the model; one of four texts was."""
    backbone, data = zoo("bert_tiny"), texts_of(*((text,) for text in TEXTS))
    rows = TextClassification.read(backbone, data, data.splits["test"], root=tmp_path).inputs
    assert rows.lengths.max() == backbone.sequence_length
    assert rows.truncated == 1


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 150))
def test_of_two_texts_the_longer_is_cut(first, second, room):
    """All room is used, and the shorter one keeps all that fits into its half."""
    ours, theirs = fitted_pair(first, second, room)
    assert ours + theirs == min(first + second, room)
    assert (ours, theirs) <= (first, second) or ours <= first
    assert ours >= min(first, room // 2)
    assert theirs >= min(second, room // 2)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What the zoo's decoder says of two short summaries."""
    from suite.training.predictor import Predictor

    root = tmp_path_factory.mktemp("cache")
    backbone = zoo("gpt2_tiny")
    data = texts_of(
        ("The values are sorted in place and returned as an array.", "Sort an array."),
        ("Open a file and read it.", "Read a file."),
        answers="text",
    )
    adapted = TextGeneration.assemble(backbone)
    examples = TextGeneration.read(backbone, data, data.splits["test"], root=root)
    return backbone, adapted, examples, TextGeneration.predict(adapted, Predictor, examples)


def test_the_likelihood_is_that_of_the_model(written):
    """Nats of a reference are minus the log probabilities of its tokens, one after another."""
    backbone, adapted, _, made = written
    encode = backbone.tokenizer.encode
    source, answer = "The values are sorted in place and returned as an array.", "Sort an array."
    head = [backbone.tokenizer.start_id, *encode([source])[0], *encode(["\n"])[0]]
    tail = [*encode([answer])[0], backbone.tokenizer.end_id]
    ids = np.array([[*head, *tail]], np.int32)
    logits = np.asarray(adapted.logits({"token_ids": ids, "padding_mask": np.ones_like(ids)}), np.float64)[0]
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -sum(logs[len(head) - 1 + at, token] for at, token in enumerate(tail))
    assert made.nats[0] == pytest.approx(expected, rel=1e-4)
    assert made.tokens[0] == len(tail)
    assert made.reference_bytes.tolist() == [14, 12]


def test_greedy_writing_takes_the_most_probable_token(written):
    """KerasHub's loop with its cache writes what a plain loop does."""
    backbone, adapted, _, made = written
    encode = backbone.tokenizer.encode
    ids = [backbone.tokenizer.start_id, *encode(["Open a file and read it."])[0], *encode(["\n"])[0]]
    begin = len(ids)
    while len(ids) - begin < 48:
        array = np.array([ids], np.int32)
        logits = np.asarray(adapted.logits({"token_ids": array, "padding_mask": np.ones_like(array)}))[0, -1]
        ids.append(int(logits.argmax()))
        if ids[-1] == backbone.tokenizer.end_id:
            break
    assert made.texts[1] == backbone.tokenizer.decode(ids[begin:]).strip()


def test_drawing_is_seeded(written):
    """The same seed writes the same text, another one another."""
    from suite.tasks.writing import Writer

    _, adapted, examples, _ = written
    options = {"decoding": "top_k", "k": 50, "max_new_tokens": 12}
    first, again, other = (
        Writer(adapted, GenerationSpec(seed=seed, **options)).write(examples.inputs) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_speed_is_that_of_one_text(written):
    """Milliseconds to the first token, and tokens per second after it."""
    from suite.tasks.writing import Writer

    _, adapted, examples, _ = written
    speed = Writer(adapted, GenerationSpec(max_new_tokens=16)).speed(examples.inputs)
    assert 0 < speed.first_token_ms < 10_000
    assert 1 < speed.tokens_per_second < 100_000


def spec(**changes) -> str:
    """A small spec of text generation."""
    document = {
        "name": "small",
        "task": "text_generation",
        "models": [{"source": "zoo", "name": "gpt2_tiny"}],
        "datasets": [{"source": "api_docs", "name": "summaries"}],
        "strategies": [{"strategy": "fine_tune"}],
    }
    return json.dumps({**document, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"models": [{"source": "zoo", "name": "bert_tiny"}]}, "zoo:gpt2_tiny"),
        ({"models": [{"source": "zoo", "name": "vgg_tiny"}]}, "image_classification"),
        ({"task": "text_classification"}, "api_docs:libraries"),
        ({"datasets": [{"source": "sklearn", "name": "digits"}]}, "api_docs:summaries"),
        ({"strategies": [{"strategy": "fine_tune", "augmentation": ["flip"]}]}, "changes images"),
        ({"strategies": [{"strategy": "fine_tune", "dropout": 0.1}]}, "dropout"),
        ({"robustness": {"corruptions": ["typos"]}}, "robustness"),
        ({"funnel": {}}, "funnel"),
        ({"train_examples": [5]}, "train_examples"),
        ({"feature_engine": "onnx"}, "feature_engine: 'onnx' computes frozen features"),
        ({"feature_engine": "openvino"}, "feature_engine: 'openvino' computes frozen features"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(changes, said):
    """The complaint names what came and what would fit."""
    with pytest.raises(SpecError, match=said):
        make_plan(parse_spec(spec(**changes)))


def test_a_classifier_has_no_way_of_writing():
    """The option would be ignored, so it is refused."""
    changes = {
        "task": "text_classification",
        "models": [{"source": "zoo", "name": "bert_tiny"}],
        "datasets": [{"source": "api_docs", "name": "libraries"}],
        "generation": {"decoding": "greedy"},
    }
    with pytest.raises(SpecError, match="writes no texts"):
        make_plan(parse_spec(spec(**changes)))


def test_an_option_of_another_decoding_is_refused():
    """Beams are of beam search alone."""
    with pytest.raises(SpecError, match="beams"):
        parse_spec(spec(generation={"decoding": "greedy", "beams": 3}))


def test_probes_are_skipped_where_there_are_no_classes():
    """With the reason."""
    plan = make_plan(parse_spec(spec(strategies=[{"strategy": "linear_probe"}, {"strategy": "fine_tune"}])))
    (skip,) = plan.skips
    assert "no classes" in skip.reason


def test_a_run_on_texts_of_a_table_ends_with_a_report(tmp_path, monkeypatch):
    """From a file of sentences to a ranking, with a zoo model and two strategies."""
    from suite.cli.main import cli

    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path / "cache"))
    lines = ["text,label"]
    for index in range(60):
        word, label = (("array", "numpy"), ("request", "http"))[index % 2]
        lines.append(f"Return the {word} number {index} with all of its parts.,{label}")
    (tmp_path / "data.csv").write_text("\n".join(lines))
    document = {
        "name": "small",
        "task": "text_classification",
        "models": [{"source": "zoo", "name": "bert_tiny"}],
        "datasets": [
            {
                "source": "table",
                "path": str(tmp_path / "data.csv"),
                "text_column": "text",
                "label_column": "label",
            }
        ],
        "strategies": [{"strategy": "linear_probe"}, {"strategy": "knn"}],
        "seeds": [1],
        "robustness": {"corruptions": ["typos"], "severity": [3]},
    }
    (tmp_path / "spec.json").write_text(json.dumps(document))
    result = CliRunner().invoke(cli, ["run", str(tmp_path / "spec.json"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "2 done" in result.output
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
