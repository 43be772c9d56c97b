"""Texts of the tfds source, on tiny data sets that are prepared here; no network."""

from __future__ import annotations

import functools
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suite.data.tfds import TfdsOptions, TfdsSource
from suite.errors import BadExampleError, DataError, SpecError
from suite.spec.spec import SplitsSpec

CONFIGS = ("review", "pair", "translation", "plain", "bad", "unlabelled")


@functools.cache
def builder_class():
    """12 examples in each of six shapes; TFDS knows a name only once."""
    import tensorflow_datasets as tfds

    class TinyTalk(tfds.core.GeneratorBasedBuilder):
        """Short texts."""

        VERSION = tfds.core.Version("1.0.0")
        pkg_dir_path = Path(__file__).parents[1]
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in CONFIGS]  # noqa: RUF012 - as TFDS asks

        def _info(self) -> Any:
            text, label = tfds.features.Text(), tfds.features.ClassLabel(names=["no", "yes"])
            reviews = ({"text": text, "label": label, "title": text}, ("text", "label"))
            features, keys = {
                "review": reviews,
                "bad": reviews,
                "unlabelled": reviews,
                "pair": ({"left": text, "right": text, "label": label}, None),
                "translation": (None, ("en", "de")),
                "plain": ({"text": text}, ("text", "text")),
            }[self.builder_config.name]
            described = tfds.features.FeaturesDict(features) if features else tfds.features.Translation(("en", "de"))
            return self.dataset_info_from_configs(features=described, supervised_keys=keys)

        def _split_generators(self, dl_manager) -> dict[str, Any]:
            return {"train": self._generate_examples()}

        def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
            config = self.builder_config.name
            for number in range(12):
                text = {"text": f"täxt {number}"}
                label = {"label": -1 if config == "unlabelled" else number % 2}
                yield (
                    number,
                    {
                        "review": {**text, **label, "title": "title"},
                        "unlabelled": {**text, **label, "title": "title"},
                        "bad": {
                            "text": ("caf\xe9".encode("latin-1"), " ", "fine")[min(number, 2)],
                            **label,
                            "title": "a",
                        },
                        "pair": {"left": f"left {number}", "right": f"right {number}", **label},
                        "translation": {"en": f"house {number}", "de": f"Haus {number}"},
                        "plain": text,
                    }[config],
                )

    return TinyTalk


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A folder with every shape prepared, one of them in another format than array records."""
    folder = tmp_path_factory.mktemp("tfds")
    for config in CONFIGS:
        form = "tfrecord" if config == "translation" else "array_record"
        builder_class()(config=config, data_dir=folder, file_format=form).download_and_prepare()
    return folder


def options(data_dir: Path, config: str, **given) -> TfdsOptions:
    """Options for one shape."""
    return TfdsOptions(name="tiny_talk", config=config, data_dir=str(data_dir), **given)


def load(data_dir: Path, config: str, *, on_bad_example="error", **given):
    """One shape of the data set."""
    return TfdsSource.load(options(data_dir, config, **given), splits=SplitsSpec(), on_bad_example=on_bad_example)


def texts(dataset) -> set[tuple[str, ...]]:
    """The texts of every example."""
    return {split.read(index) for split in dataset.splits.values() for index in range(len(split))}


def test_supervised_keys_say_what_is_the_text(data_dir):
    """Without a word in the spec, the other text is left alone."""
    dataset = load(data_dir, "review")
    assert (dataset.content, dataset.answers, dataset.class_names) == ("text", "class", ("no", "yes"))
    assert texts(dataset) == {(f"täxt {number}",) for number in range(12)}
    for split in dataset.splits.values():
        for index, target in enumerate(split.targets):
            assert int(split.read(index)[0].split()[1]) % 2 == target


def test_a_feature_may_be_named(data_dir):
    """One that the supervised keys do not name, or two for pairs."""
    assert texts(load(data_dir, "review", text_feature="title")) == {("title",)}
    dataset = load(data_dir, "pair", text_feature=("right", "left"))
    assert ("right 3", "left 3") in texts(dataset)


def test_two_texts_without_keys_ask_for_a_choice(data_dir):
    """Which of them is meant is not clear."""
    with pytest.raises(DataError, match="expected 'text_feature' to say which of these is read: left, right"):
        load(data_dir, "pair")


def test_a_translation_is_read_for_generation(data_dir):
    """In the direction of its supervised keys, or in the other."""
    dataset = load(data_dir, "translation")
    assert (dataset.answers, dataset.class_names) == ("text", ())
    assert texts(dataset) == {(f"house {number}", f"Haus {number}") for number in range(12)}
    back = load(data_dir, "translation", text_feature="de", target_feature="en")
    assert ("Haus 5", "house 5") in texts(back)
    assert back.fingerprint != dataset.fingerprint


def test_a_text_alone_is_plain_language_modelling(data_dir):
    """There is nothing to go on from."""
    assert ("", "täxt 3") in texts(load(data_dir, "plain"))


def test_what_a_prepared_data_set_is_for_is_known_without_tensorflow(data_dir):
    """From the description in its folder; the plan refuses another task."""
    code = (
        "import sys\nfrom suite.data.tfds import TfdsOptions, TfdsSource\n"
        "for config in ('review', 'translation', 'plain'):\n"
        f"    given = TfdsOptions(name='tiny_talk', config=config, data_dir={str(data_dir)!r})\n"
        "    print(*TfdsSource.tasks(given))\n"
        "assert 'tensorflow' not in sys.modules and 'tensorflow_datasets' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["text_classification", "text_generation", "text_generation"]


def test_what_is_not_prepared_is_for_what_its_options_say(tmp_path):
    """And for anything while they say nothing."""
    everything = ("image_classification", "text_classification", "text_generation")
    assert TfdsSource.tasks(options(tmp_path, "a")) == everything
    assert TfdsSource.tasks(options(tmp_path, "a", text_feature="t")) == ("text_classification",)
    assert TfdsSource.tasks(options(tmp_path, "a", text_feature="t", target_feature="u")) == ("text_generation",)


def test_images_stay_images(tmp_path):
    """A data set that has an image is one of images, whatever texts lie beside it."""
    folder = tmp_path / "fruit" / "1.0.0"
    folder.mkdir(parents=True)
    features = {"image": {"image": {}}, "label": {"classLabel": {}}, "caption": {"text": {}}}
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    (folder / "dataset_info.json").write_text("{}")
    assert TfdsSource.tasks(TfdsOptions(name="fruit", data_dir=str(tmp_path))) == ("image_classification",)


def test_an_unknown_text_feature_is_answered_with_the_nearest(data_dir):
    """The features that hold a text are named."""
    with pytest.raises(DataError, match=r"unknown Text feature 'txt'\. Did you mean 'text'\? Available: text, title"):
        load(data_dir, "review", text_feature="txt")
    with pytest.raises(DataError, match="Did you mean 'label'"):
        load(data_dir, "review", text_feature="text", label_feature="labels")


def test_one_text_is_generated_from_one_feature(data_dir):
    """Two and a target do not go together."""
    with pytest.raises(SpecError, match="from one feature"):
        TfdsSource.check(options(data_dir, "pair", text_feature=("left", "right"), target_feature="right"))


def test_bytes_that_are_no_text_and_empty_texts_are_named(data_dir):
    """Or left out with their reason."""
    with pytest.raises(
        BadExampleError, match=r"train: example \d+: feature 'text': (expected text, got byte|the text)"
    ):
        load(data_dir, "bad")
    dataset = load(data_dir, "bad", on_bad_example="skip")
    reasons = sorted(example.reason.partition("feature 'text': ")[2] for example in dataset.skipped)
    assert reasons == ["expected text, got byte 0xE9, which is no UTF-8.", "the text is empty."]
    assert texts(dataset) == {("fine",)}


def test_a_split_without_labels_is_refused(data_dir):
    """As the test split of GLUE."""
    with pytest.raises(DataError, match=r"split 'train' has examples without a class.*another with 'train_split'"):
        load(data_dir, "unlabelled")


def test_a_split_of_texts_can_be_sent_to_another_process(data_dir):
    """What reads the examples survives being pickled by multiprocessing."""
    split = load(data_dir, "review").splits["train"]
    assert pickle.loads(pickle.dumps(split)).read(2) == split.read(2)
