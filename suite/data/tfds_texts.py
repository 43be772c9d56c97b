"""Texts of a prepared TensorFlow data set: which features they are, and their examples.

Features and supervised keys are read from the JSON files in the prepared folder, which needs no TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.data.assemble import Part
from suite.data.texts import TextCollector, encoded_text
from suite.errors import BadExampleError, DataError, did_you_mean

__all__ = ["TextFeatures", "text_features", "text_part"]


@dataclass(frozen=True)
class TextFeatures:
    """The features that an example is made of."""

    texts: tuple[str, ...]
    """One or two to classify; for generation the one to go on from, or none."""
    label: str | None = None
    """The class, where that is the answer."""
    target: str | None = None
    """The reference text, where that is the answer."""


def text_features(
    folder: Path, *, text: tuple[str, ...], target: str | None, label: str, image: str
) -> TextFeatures | None:
    """Which features are read as texts, or None where examples are images.

    Where neither ``text`` nor ``target`` is given, a data set with the feature ``image`` is one of images; else the
    supervised keys say what is the text and what the answer; else the only text is taken, with ``label`` where that is
    there and as plain language modelling where it is not.

    Args:
        folder: Of a prepared version.
        text: Names of features, or none.
        target: Name of the feature of the reference text, or None.
        label: Name of the feature of the class.
        image: Name of the feature of the image.

    Raises:
        DataError: When there is no such feature, or it is not clear which is meant.
    """
    kinds, supervised = _described(folder)
    texts = [name for name, kind in kinds.items() if kind == "text"]
    classes = [name for name, kind in kinds.items() if kind == "classLabel"]
    if target is None and not text:
        if kinds.get(image) == "image" or not texts:
            return None
        return _usual(folder, texts, classes, label, supervised)
    for name in (*text, *((target,) if target else ())):
        _require(folder, name, texts, "Text feature")
    if target:
        return TextFeatures(text, target=target)
    _require(folder, label, classes, "ClassLabel feature")
    return TextFeatures(text, label=label)


def _usual(folder: Path, texts: list[str], classes: list[str], label: str, supervised: tuple[str, ...]) -> TextFeatures:
    if len(supervised) == 2 and supervised[0] in texts:
        first, second = supervised
        if second in texts:
            return TextFeatures(() if first == second else (first,), target=second)
        if second in classes:
            return TextFeatures((first,), label=label if label in classes else second)
    if len(texts) > 1:
        raise DataError(
            f"{folder}: expected 'text_feature' to say which of these is read: {', '.join(sorted(texts))}; two of them "
            "for pairs, or 'target_feature' for the text to generate."
        )
    if not classes:
        return TextFeatures((), target=texts[0])
    _require(folder, label, classes, "ClassLabel feature")
    return TextFeatures((texts[0],), label=label)


def _require(folder: Path, name: str, fitting: list[str], what: str) -> None:
    if name not in fitting:
        raise DataError(f"{folder}: {did_you_mean(name, fitting, what=what)}")


def _described(folder: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The kind of each feature at the top (``text``, ``classLabel``, ``image``, ...), and the supervised keys."""
    try:
        features = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
        kinds = {
            name: next((key for key in feature if key != "pythonClassName"), "")
            for name, feature in features.get("featuresDict", {}).get("features", {}).items()
        }
        kinds.update(dict.fromkeys(features.get("translation", {}).get("languages", ()), "text"))
        keys = info.get("supervisedKeys", {})
        items = keys.get("tuple", {}).get("items") or [{"featureKey": keys.get(end)} for end in ("input", "output")]
        return kinds, tuple(str(item.get("featureKey")) for item in items)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{folder}: expected a prepared TensorFlow data set, got: {error}.") from None


def text_part(builder: Any, name: str, words: str, features: TextFeatures) -> Part:
    """One split; an example whose text is empty or no text raises ``BadExampleError`` when it is read.

    Args:
        builder: Of the prepared data set.
        name: Of the split here.
        words: Of the split in TFDS.
        features: Which are read.
    """
    answer = features.target
    collector = TextCollector(texts_each=len(features.texts) if answer is None else 2)
    place = f"{builder.data_dir}: {words}"
    for index, example in enumerate(_examples(builder, words)):
        identifier = f"{name}-{index:06d}"
        try:
            texts = [_text(example, feature, may_be_empty=answer is not None) for feature in features.texts]
            if answer is not None:
                texts = [*(texts or [b""]), _text(example, answer, may_be_empty=False)]
        except BadExampleError as error:
            collector.refuse(identifier, f"{place}: example {index}: {error}")
        else:
            collector.add(identifier, texts, int(example[features.label]) if features.label else 0)
    return collector.part(name)


def _text(example: Mapping[str, Any], feature: str, *, may_be_empty: bool) -> bytes:
    try:
        text = encoded_text(example[feature])
    except BadExampleError as error:
        raise BadExampleError(f"feature '{feature}': {error}") from None
    if not may_be_empty and not text.decode("utf-8").strip():
        raise BadExampleError(f"feature '{feature}': the text is empty.")
    return text


def _examples(builder: Any, words: str) -> Iterator[Mapping[str, Any]]:
    """Every example of a split in the order of its files."""
    import tensorflow_datasets as tfds

    if builder.info.file_format.value == "array_record":
        yield from builder.as_data_source(split=words)
        return
    read_config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    yield from tfds.as_numpy(builder.as_dataset(split=words, shuffle_files=False, read_config=read_config))
