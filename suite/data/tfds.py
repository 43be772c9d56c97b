"""Data sets of TensorFlow Datasets, prepared on this machine or, when asked for, downloaded.

A prepared data set is read from its folder alone (``<data_dir>/<name>[/<config>]/<version>``): no network, and
not even the code that made it.  Images stay encoded until they are read and are decoded like those of every
other source.  Array records are read at random where they are; other formats are copied once into the cache.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from suite.data.assemble import OnBadExample, Part, assemble
from suite.data.bytestore import ByteStore, open_store
from suite.data.dataset import Dataset, Image, Split
from suite.data.decoding import decode_image
from suite.data.download import require_reachable
from suite.data.label_spelling import LabelRule
from suite.data.tfds_texts import TextFeatures, text_features, text_part
from suite.errors import DataError, DownloadError, Requirement, SpecError, UnknownNameError, did_you_mean
from suite.spec.options import Options, PathText
from suite.spec.spec import SplitsSpec

__all__ = ["TfdsOptions", "TfdsSource"]

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$")]
Feature = Annotated[str, Field(min_length=1)]
SplitText = Annotated[str, Field(min_length=1)]

_USUAL_SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid", "dev"), "test": ("test",)}


class TfdsOptions(Options):
    """A data set of TensorFlow Datasets: images or texts with a class, or texts to generate."""

    name: Word
    """As in the catalogue, for instance ``tf_flowers`` or ``ag_news_subset``."""
    config: Word | None = None
    """Which configuration, where the data set has several."""
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    """The newest prepared one when left out."""
    data_dir: PathText | None = None
    """Where it is prepared; ``TFDS_DATA_DIR`` or ``~/tensorflow_datasets`` when left out."""
    download: bool = False
    """Download and prepare it when it is not there."""
    image_feature: str = "image"
    """Name of the feature that holds the image."""
    label_feature: str = "label"
    """Name of the feature that holds the class."""
    text_feature: Feature | Annotated[tuple[Feature, ...], Field(min_length=1, max_length=2)] | None = None
    """Name of the feature that holds the text to classify, or two; for generation the text to go on from. Found by
    the data set's own supervised keys when this and ``target_feature`` are left out."""
    target_feature: Feature | None = None
    """Name of the feature that holds the reference text: text generation."""
    labels: LabelRule = "refuse"
    """What to do with class names that differ only in case, white space, unseen characters or as numbers: refuse the
    data set, ``normalise`` them to one class, or keep them ``as_given``."""
    train_split: SplitText | None = None
    """Which split is used for training, in the words of TFDS, for instance ``train[:80%]``."""
    validation_split: SplitText | None = None
    """Which split is used for validation; one called validation, val, valid or dev when left out."""
    test_split: SplitText | None = None
    """Which split is used for the test."""


class TfdsSource:
    """Data sets of TensorFlow Datasets."""

    summary: ClassVar[str] = "images and texts of TensorFlow Datasets by name, prepared in a data_dir or downloaded"
    Options: ClassVar[type[Options]] = TfdsOptions
    loads_with_tensorflow: ClassVar[bool] = True

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Nothing: any name of the catalogue, or of a prepared folder, will do."""
        return ()

    @classmethod
    def label(cls, options: TfdsOptions) -> str:
        """The name and, where given, the configuration."""
        return f"{options.name}-{options.config}" if options.config else options.name

    @classmethod
    def check(cls, options: TfdsOptions) -> TfdsOptions:
        """The options. Raises ``SpecError`` where two of them do not go together."""
        if options.target_feature is not None and len(_texts(options)) > 1:
            raise SpecError("a text is generated from one feature; expected one 'text_feature', got two.")
        return options

    @classmethod
    def tasks(cls, options: TfdsOptions) -> tuple[str, ...]:
        """What it is good for, by the description in the prepared folder; TensorFlow is not needed.

        A data set that is not prepared yet may be anything unless ``text_feature`` or ``target_feature`` say more.
        """
        with contextlib.suppress(DataError):
            if folder := _chosen_folder(options):
                return (_task(_text_features(folder, options)),)
        if options.target_feature is not None:
            return ("text_generation",)
        if options.text_feature is not None:
            return ("text_classification",)
        return ("image_classification", "text_classification", "text_generation")

    @classmethod
    def requirements(cls, options: TfdsOptions) -> tuple[Requirement, ...]:
        """The folder of the prepared data set."""
        folder = _base(options)
        return (
            Requirement(
                what=f"TensorFlow data set {cls.label(options)}, prepared ({_build_command(options)})",
                url=f"https://www.tensorflow.org/datasets/catalog/{options.name}",
                path=folder,
                present=bool(_prepared(options)),
            ),
        )

    @classmethod
    def load(cls, options: TfdsOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set; ids are the split's name and the example's place in it, ``train-000000``.

        Raises:
            DownloadError: When it is not prepared, unless ``download`` is set and succeeds.
            DataError: When it has no such splits or features, or several configurations or texts of which none is
                chosen.
            BadExampleError: For an example that cannot be read or whose text is empty, unless such are skipped.
            UnknownNameError: When ``download`` is set and TFDS has no such name.
        """
        folder = _chosen_folder(options) or _downloaded(options)
        builder = _builder(folder)
        texts = _text_features(folder, options)
        generates = texts is not None and texts.target is not None
        class_names = () if generates else _class_names(builder, options, folder, texts)
        return assemble(
            cls.label(options),
            {
                name: _part(builder, name, words, options)
                if texts is None
                else _text_split(builder, name, words, texts)
                for name, words in _split_words(builder, options, folder).items()
            },
            class_names=class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=cls.label(options),
            origin=f"TensorFlow Datasets {builder.info.full_name}",
            licence=builder.info.redistribution_info.license or None,
            content="image" if texts is None else "text",
            answers="text" if generates else "class",
            labels=options.labels,
        )


def _texts(options: TfdsOptions) -> tuple[str, ...]:
    return (options.text_feature,) if isinstance(options.text_feature, str) else options.text_feature or ()


def _text_features(folder: Path, options: TfdsOptions) -> TextFeatures | None:
    return text_features(
        folder,
        text=_texts(options),
        target=options.target_feature,
        label=options.label_feature,
        image=options.image_feature,
    )


def _task(texts: TextFeatures | None) -> str:
    if texts is None:
        return "image_classification"
    return "text_classification" if texts.target is None else "text_generation"


def _data_dir(options: TfdsOptions) -> Path:
    chosen = options.data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(chosen).expanduser()


def _base(options: TfdsOptions) -> Path:
    base = _data_dir(options) / options.name
    return base / options.config if options.config else base


def _prepared(options: TfdsOptions) -> dict[str, dict[tuple[int, ...], Path]]:
    """Folders of prepared versions, by configuration ("" for none) and version."""
    found: dict[str, dict[tuple[int, ...], Path]] = {}
    base = _base(options)
    infos = [*base.glob("*/dataset_info.json"), *(() if options.config else base.glob("*/*/dataset_info.json"))]
    for info in infos:
        folder = info.parent
        if not re.fullmatch(r"\d+\.\d+\.\d+", folder.name) or options.version not in {None, folder.name}:
            continue
        config = "" if folder.parent == base else folder.parent.name
        found.setdefault(config, {})[tuple(int(part) for part in folder.name.split("."))] = folder
    return found


def _chosen_folder(options: TfdsOptions) -> Path | None:
    """The newest prepared version, or None. Raises ``DataError`` when the configuration is not clear."""
    found = _prepared(options)
    if not found:
        return None
    if len(found) > 1:
        configs = ", ".join(sorted(config or "(none)" for config in found))
        raise DataError(f"{_base(options)}: expected 'config' to say which of these is meant: {configs}.")
    (versions,) = found.values()
    return versions[max(versions)]


def _downloaded(options: TfdsOptions) -> Path:
    if not options.download:
        wanted = TfdsSource.label(options) + (f" {options.version}" if options.version else "")
        raise DownloadError(
            f"TensorFlow data set '{wanted}' is not prepared in {_data_dir(options)}. Set \"download\": true, or "
            f"run '{_build_command(options)}' on a machine with a network and put the folder at {_base(options)}."
        )
    import tensorflow_datasets as tfds

    full_name = "/".join(filter(None, (options.name, options.config)))
    full_name += f":{options.version}" if options.version else ""
    try:
        builder = tfds.builder(full_name, data_dir=str(_data_dir(options)))
        for url in list(builder.url_infos)[:1]:  # TFDS itself tries for minutes before it gives up
            require_reachable(url)
        builder.download_and_prepare(file_format="array_record")
    except tfds.core.DatasetNotFoundError:
        names = tfds.list_builders(with_community_datasets=False)
        raise UnknownNameError(did_you_mean(options.name, names, what="TensorFlow data set")) from None
    except Exception as error:
        raise DownloadError(
            f"TensorFlow data set '{full_name}' cannot be prepared: {type(error).__name__}: {error}. "
            f"Run '{_build_command(options)}' on a machine with a network and put the folder at {_base(options)}."
        ) from error
    return Path(builder.data_dir)


def _build_command(options: TfdsOptions) -> str:
    name = "/".join(filter(None, (options.name, options.config)))
    return f"tfds build {name} --data_dir={_data_dir(options)} --file_format=array_record"


def _builder(folder: Path) -> Any:
    import tensorflow_datasets as tfds

    try:
        return tfds.builder_from_directory(str(folder))
    except Exception as error:
        raise DataError(f"{folder}: expected a prepared TensorFlow data set, got: {error}.") from error


def _class_names(builder: Any, options: TfdsOptions, folder: Path, texts: TextFeatures | None) -> tuple[str, ...]:
    import tensorflow_datasets as tfds

    described = builder.info.features
    features = dict(described.items()) if isinstance(described, tfds.features.FeaturesDict) else {}
    if texts is not None:
        return tuple(str(name) for name in features[str(texts.label)].names)
    for key, kind in ((options.image_feature, tfds.features.Image), (options.label_feature, tfds.features.ClassLabel)):
        fitting = [name for name, feature in features.items() if isinstance(feature, kind)]
        if key not in fitting:
            raise DataError(f"{folder}: {did_you_mean(key, fitting, what=f'{kind.__name__} feature')}")
    return tuple(str(name) for name in features[options.label_feature].names)


def _split_words(builder: Any, options: TfdsOptions, folder: Path) -> dict[str, str]:
    """What TFDS calls each of our splits; those that it does not have are left out."""
    asked = {"train": options.train_split, "validation": options.validation_split, "test": options.test_split}
    there = list(builder.info.splits)
    words: dict[str, str] = {}
    for name, chosen in asked.items():
        if chosen is None:
            usual = next((word for word in _USUAL_SPLITS[name] if word in there), None)
            if usual:
                words[name] = usual
            continue
        try:
            builder.info.splits[chosen]
        except (KeyError, ValueError):
            raise DataError(f"{folder}: {name}_split: {did_you_mean(chosen, there, what='split')}") from None
        words[name] = chosen
    return words


def _text_split(builder: Any, name: str, words: str, texts: TextFeatures) -> Part:
    part = text_part(builder, name, words, texts)
    if texts.label is not None:
        _require_classes(builder, part.split, words, texts.label)
    return part


def _part(builder: Any, name: str, words: str, options: TfdsOptions) -> Part:
    stored = _stored(builder, words, options)
    targets = np.asarray(stored.labels(), dtype=np.int64)
    ids = tuple(f"{name}-{index:06d}" for index in range(len(targets)))
    split = Split(name, ids, targets, _Images(stored, f"{builder.data_dir}: {words}"))
    _require_classes(builder, split, words, options.label_feature)
    return Part(split, stored.content)


def _require_classes(builder: Any, split: Split, words: str, label: str) -> None:
    """Some test splits come with -1 for every label."""
    classes = builder.info.features[label].num_classes
    if len(split) and not 0 <= split.targets.min() <= split.targets.max() < classes:
        raise DataError(
            f"{builder.data_dir}: split '{words}' has examples without a class; expected 0 to {classes - 1}. "
            f"Choose another with '{split.name}_split'."
        )


def _stored(builder: Any, words: str, options: TfdsOptions) -> ByteStore | _ArrayRecords:
    folder = Path(builder.data_dir)
    if builder.info.file_format.value == "array_record":
        return _ArrayRecords(str(folder), words, options.image_feature, options.label_feature)
    identity = {"folder": str(folder), "split": words, "image": options.image_feature, "label": options.label_feature}
    return open_store({**identity, "files": _listing(folder)}, _encoded(builder, words, options))


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of each file: a data set that is prepared anew is copied anew."""
    return sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir())


def _encoded(builder: Any, words: str, options: TfdsOptions) -> Iterator[tuple[bytes, int]]:
    """Every example of a split in the order of its files: encoded image, class."""
    import tensorflow_datasets as tfds

    examples = builder.as_dataset(
        split=words,
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding(
            {options.image_feature: True, options.label_feature: True},
            decoders={options.image_feature: tfds.decode.SkipDecoding()},
        ),
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    for example in tfds.as_numpy(examples):
        yield bytes(example[options.image_feature]), int(example[options.label_feature])


class _ArrayRecords:
    """Examples of one split in array records, opened anew in each process."""

    def __init__(self, folder: str, split: str, image: str, label: str) -> None:
        self._made_of = (folder, split, image, label)
        self._lock = threading.Lock()
        self._opened: tuple[int, Any] | None = None

    def labels(self) -> list[int]:
        """The class of each example."""
        source = self._source()
        return [int(source[index][self._made_of[3]]) for index in range(len(source))]

    def content(self, index: int) -> bytes:
        """The encoded image of an example."""
        return bytes(self._source()[index][self._made_of[2]])

    def _source(self) -> Any:
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                import tensorflow_datasets as tfds

                folder, split, image, _ = self._made_of
                decoders = {image: tfds.decode.SkipDecoding()}
                source = _builder(Path(folder)).as_data_source(split=split, decoders=decoders)
                self._opened = (os.getpid(), source)
            return self._opened[1]

    def __reduce__(self) -> tuple[type[_ArrayRecords], tuple[str, str, str, str]]:
        return _ArrayRecords, self._made_of


@dataclass(frozen=True)
class _Images:
    """Decodes what is stored."""

    stored: ByteStore | _ArrayRecords
    place: str

    def __call__(self, index: int) -> Image:
        return decode_image(self.stored.content(index), name=f"{self.place}: example {index}")
