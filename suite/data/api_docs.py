"""English that is on every machine: the docstrings of Python's own library and of what the suite depends on.

``libraries``
    Which of eight libraries a paragraph documents; their names are taken out of the texts.
``summaries``
    What a function's description says, to its first line.
``prose``
    All paragraphs, for plain language modelling.

All three are split by module, and a module is in the same split of all three for one seed of the splits: a model
pretrained on the training split of ``prose`` has seen no paragraph of the test split of ``libraries`` or of
``summaries``. Names stay in ``summaries`` and ``prose``. The texts change with the installed versions, and so does
the fingerprint; which split a module is in does not.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from suite.data.assemble import OnBadExample, Part, assemble
from suite.data.dataset import Dataset, Split, Text
from suite.data.libraries import CLASSES, LIBRARIES, Library, Passage, passages, rank_of, split_of
from suite.data.splits import SPLIT_NAMES
from suite.errors import DataError, Requirement, UnknownNameError, did_you_mean
from suite.spec.options import Options
from suite.spec.spec import SplitsSpec

__all__ = ["ApiDocsOptions", "ApiDocsSource", "dataset_of"]

_TASKS = {
    "libraries": ("text_classification",),
    "summaries": ("text_generation",),
    "prose": ("text_generation",),
}
_FEWEST_CLASSES = 6


class ApiDocsOptions(Options):
    """Texts out of the docstrings of installed libraries."""

    name: str
    """``libraries``, ``summaries`` or ``prose``."""
    limit: Annotated[int, Field(ge=100)] | None = None
    """The largest number of examples, of each split and class its share; all of them when left out."""


class ApiDocsSource:
    """Texts out of the docstrings of installed libraries, so that they are there without a network."""

    summary: ClassVar[str] = "English from the docstrings of installed libraries: libraries, summaries, prose"
    Options: ClassVar[type[Options]] = ApiDocsOptions
    slow_to_load: ClassVar[bool] = True

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Every ``name`` that this source has."""
        return tuple(_TASKS)

    @classmethod
    def tasks(cls, options: ApiDocsOptions) -> tuple[str, ...]:
        """What the data set is good for. Raises ``UnknownNameError`` for a name that is not known."""
        return _TASKS[cls.check(options).name]

    @classmethod
    def label(cls, options: ApiDocsOptions) -> str:
        """The name of the data set, and its limit where there is one."""
        return f"api_docs-{options.name}{f'-{options.limit}' if options.limit else ''}"

    @classmethod
    def check(cls, options: ApiDocsOptions) -> ApiDocsOptions:
        """The options. Raises ``UnknownNameError`` with the nearest name."""
        if options.name not in _TASKS:
            raise UnknownNameError(did_you_mean(options.name, _TASKS, what="api_docs data set"))
        return options

    @classmethod
    def requirements(cls, options: ApiDocsOptions) -> tuple[Requirement, ...]:
        """Nothing has to be fetched."""
        return ()

    @classmethod
    def load(cls, options: ApiDocsOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set, split by module; ids are like ``numpy/linalg/_linalg.py:norm#2``.

        The first time takes some seconds, in which the libraries' files are read; then the texts come from the
        cache.

        Raises:
            UnknownNameError: For a name that is not known.
            DataError: Where too few of the libraries are installed with their source, or a split would be empty.
            StoreError: When the cache cannot be written.
        """
        cls.check(options)
        installed = {library: _version(library) for library in LIBRARIES if library.folder() is not None}
        return dataset_of(
            passages(options.name, installed),
            options,
            splits=splits,
            on_bad_example=on_bad_example,
            origin="docstrings of " + ", ".join(f"{library.name} {version}" for library, version in installed.items()),
            licence="; ".join(f"{library.name}: {_licence(library)}" for library in installed),
        )


def dataset_of(
    found: Sequence[Passage],
    options: ApiDocsOptions,
    *,
    splits: SplitsSpec,
    on_bad_example: OnBadExample = "error",
    origin: str = "",
    licence: str | None = None,
) -> Dataset:
    """A data set of these passages, every module of them in one split. Raises ``DataError`` as ``load`` does."""
    label = ApiDocsSource.label(options)
    classify = options.name == "libraries"
    class_names = [name for name in CLASSES if any(one.library == name for one in found)] if classify else []
    if classify and len(class_names) < _FEWEST_CLASSES:
        raise DataError(
            f"{label}: expected docstrings of at least {_FEWEST_CLASSES} of the libraries {', '.join(CLASSES)}, "
            f"found those of {', '.join(class_names) or 'none'}. Install the others with their Python files."
        )
    divided: dict[str, list[Passage]] = {name: [] for name in SPLIT_NAMES}
    for one in found:
        split = split_of(one.module, seed=splits.seed, validation=splits.validation, test=splits.test)
        divided[split].append(one)
    if options.limit is not None:
        divided = _limited(divided, options.limit, classify=classify)
    _require_all(divided, class_names, label, seed=splits.seed)
    return assemble(
        label,
        {name: _part(name, members, class_names) for name, members in divided.items()},
        class_names=class_names,
        splits=splits,
        on_bad_example=on_bad_example,
        place=label,
        origin=origin,
        licence=licence,
        content="text",
        answers="class" if classify else "text",
        made_from_seed=True,
    )


@dataclass(frozen=True)
class _Texts:
    """The texts of a split."""

    texts: tuple[Text, ...]

    def __call__(self, index: int) -> Text:
        return self.texts[index]


@dataclass(frozen=True)
class _Bytes:
    """What is hashed of a text."""

    texts: tuple[Text, ...]

    def __call__(self, index: int) -> bytes:
        return "\0".join(self.texts[index]).encode()


def _part(name: str, members: Sequence[Passage], class_names: Sequence[str]) -> Part:
    numbers = {library: number for number, library in enumerate(class_names)}
    targets = np.array([numbers.get(one.library, 0) for one in members], dtype=np.int64)
    texts = tuple(one.text for one in members)
    return Part(Split(name, tuple(one.id for one in members), targets, _Texts(texts)), _Bytes(texts))


def _limited(divided: Mapping[str, list[Passage]], limit: int, *, classify: bool) -> dict[str, list[Passage]]:
    """At most ``limit`` examples: of each split, and of each class where there are classes, the same share."""
    whole = sum(map(len, divided.values()))
    share = min(1.0, limit / max(whole, 1))
    kept: dict[str, list[Passage]] = {}
    for name, members in divided.items():
        groups: dict[str, list[Passage]] = {}
        for one in members:
            groups.setdefault(one.library if classify else "", []).append(one)
        chosen: set[str] = set()
        for group in groups.values():
            first = sorted(group, key=lambda one: rank_of(one.id))
            chosen.update(one.id for one in first[: max(1, int(share * len(group)))])
        kept[name] = [one for one in members if one.id in chosen]
    return kept


def _require_all(
    divided: Mapping[str, Sequence[Passage]], class_names: Sequence[str], label: str, *, seed: int
) -> None:
    """Every split must have an example of every class."""
    for name, members in divided.items():
        there = {one.library for one in members}
        missing = [library for library in class_names if library not in there]
        if missing or not members:
            lacking = f"no example of {', '.join(missing)}" if members else "no examples"
            raise DataError(
                f"{label}: the {name} split has {lacking} with seed {seed}. Modules are split as wholes: "
                "choose another seed or larger shares."
            )


def _version(library: Library) -> str:
    if library.package is None:
        return platform.python_version()
    metadata = library.metadata()
    return str(metadata["Version"]) if metadata is not None else "of unknown version"


def _licence(library: Library) -> str:
    """What the package says of its licence, in short."""
    if library.package is None:
        return "PSF-2.0"
    metadata = library.metadata()
    if metadata is None:
        return "not known"
    stated = (_field(metadata, "License-Expression") or _field(metadata, "License")).partition("\n")[0].strip()
    if stated and len(stated) <= 60 and not stated.startswith("Copyright"):
        return stated
    classifiers = [value for value in metadata.get_all("Classifier") or [] if value.startswith("License ::")]
    return classifiers[0].rpartition(":: ")[2] if classifiers else "not known"


def _field(metadata: importlib.metadata.PackageMetadata, name: str) -> str:
    return str(metadata[name]) if name in metadata else ""
