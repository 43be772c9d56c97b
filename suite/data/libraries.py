"""The paragraphs of the Python libraries that every installation of the suite has, kept on disk between runs.

Files are found and parsed; no library is imported for it.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from suite.cache import entry_path, touch, write_entry
from suite.data.docstrings import docstrings_below
from suite.data.paragraphs import SHORTEST, Paragraph, cut, normal_form, paragraphs_of, sentences, without_names

__all__ = [
    "CLASSES",
    "LIBRARIES",
    "NAMES",
    "PREFIXES",
    "Library",
    "Passage",
    "collect",
    "passages",
    "rank_of",
    "split_of",
]

_EXTRACTION = 2
"""To be raised whenever the same files give other paragraphs."""

_CLASS_WORDS = 16
"""Words of the shortest paragraph among the classes; a shorter one seldom tells what it documents."""
_PER_MODULE = 30
"""Paragraphs of one file among the classes, so that no long file speaks for its library."""
_PER_CLASS = 1000
_PAIRS = 4000
_REFERENCE_WORDS = (3, 30)
_SOURCE_WORDS = (12, 120)


@dataclass(frozen=True)
class Library:
    """A library whose docstrings are read."""

    name: str
    """What it is called as a class."""
    package: str | None
    """What is imported; None for Python's own library."""
    distributions: tuple[str, ...] = ()
    """What it may be installed as."""
    leave_out: frozenset[str] = frozenset()
    """Folders below the package's."""

    def folder(self) -> Path | None:
        """Where its files are; None where it is not installed."""
        if self.package is None:
            return Path(sysconfig.get_paths()["stdlib"])
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(self.package)
            if spec is not None and spec.submodule_search_locations:
                return Path(next(iter(spec.submodule_search_locations)))
        return None

    def metadata(self) -> Any:
        """What was said of it when it was installed; None where that is not known."""
        for name in self.distributions:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                return importlib.metadata.metadata(name)
        return None


_TENSORFLOW_INNER = ("tools", "debug", "tpu", "compiler", "autograph", "feature_column")
"""Much to read and little that documents what people use."""

LIBRARIES = (
    Library("python", None),
    Library("numpy", "numpy", ("numpy",), frozenset({"distutils", "f2py"})),
    Library("scipy", "scipy", ("scipy",)),
    Library("scikit-learn", "sklearn", ("scikit-learn",)),
    # The folder is an old copy of Keras.
    Library(
        "tensorflow",
        "tensorflow",
        ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tf-nightly"),
        frozenset({"python/keras", "include", "lite", "tools", *(f"python/{each}" for each in _TENSORFLOW_INNER)}),
    ),
    Library("keras-hub", "keras_hub", ("keras-hub",)),
    Library("pandas", "pandas", ("pandas",)),
    Library("sqlalchemy", "sqlalchemy", ("SQLAlchemy",)),
    Library("keras", "keras", ("keras",)),
    Library("optuna", "optuna", ("optuna",)),
    Library("pydantic", "pydantic", ("pydantic",)),
    Library("altair", "altair", ("altair",)),
    Library("click", "click", ("click",)),
)
CLASSES = tuple(library.name for library in LIBRARIES[:8])
"""The libraries that are large enough, and differ enough, to be told apart.

The others are in ``prose`` and ``summaries`` alone: Keras among them, whose words are largely TensorFlow's.
"""

PREFIXES = re.compile(
    r"(?<![\w.])(?:np|numpy|scipy|sp|sklearn|tf|tensorflow|keras_hub|keras|pd|pandas|sqlalchemy|sa)\.(?=[A-Za-z_])"
)
"""What stands before other names and can be taken off them."""
NAMES = re.compile(
    r"numpy|scipy|scikit|sklearn|tensorflow|tflite|tfrecord|tfds|keras|pandas|alchemy|python"
    r"|(?<![A-Za-z])(?:np|tf|pd|sa)(?![A-Za-z])",
    re.IGNORECASE,
)
"""What tells a label: no text of ``libraries`` has one of these."""


@dataclass(frozen=True)
class Passage:
    """One example, before it is known which split it falls into."""

    id: str
    """``numpy/linalg/_linalg.py:norm#2``."""
    module: str
    """Library and dotted name of the file it stands in."""
    library: str
    text: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    """A paragraph with what it is weighed by."""

    id: str
    module: str
    library: str
    docstring: int
    paragraph: Paragraph
    nameless: str
    """Without the names of libraries; empty where nothing readable is left."""
    key: str
    """What it has in common with paragraphs that say the same."""


def passages(name: str, libraries: Mapping[Library, str], *, root: Path | None = None) -> tuple[Passage, ...]:
    """The examples of ``libraries``, ``summaries`` or ``prose``, from the cache where it has them.

    Args:
        name: Which of the three.
        libraries: Those to read, with their versions: other versions have other docstrings.
        root: The cache's folder; the usual one when left out.

    Raises:
        StoreError: When the cache cannot be written.
    """
    versions = {library.name: version for library, version in libraries.items()}
    paths = {
        each: entry_path(root, "api_docs", {"name": each, "versions": versions, "extraction": _EXTRACTION}, ".texts")
        for each in ("libraries", "summaries", "prose")
    }
    with contextlib.suppress(OSError, ValueError, TypeError):
        found = json.loads(paths[name].read_bytes())
        kept = tuple(Passage(one, module, library, tuple(text)) for one, module, library, text in found)
        touch(paths[name])
        return kept
    made = collect([(library, folder) for library in libraries if (folder := library.folder()) is not None])
    for each, path in paths.items():
        rows = [(one.id, one.module, one.library, one.text) for one in made[each]]
        content = json.dumps(rows, ensure_ascii=False).encode()
        write_entry(path, partial(_write, content), {"name": each, "versions": versions})
    return made[name]


def collect(libraries: Sequence[tuple[Library, Path]]) -> dict[str, tuple[Passage, ...]]:
    """The examples of all three data sets, read from the libraries' folders.

    A paragraph that stands in several places of a library is kept where it comes first; one that stands in
    several libraries says nothing of any and is dropped. This holds for all three together, so that a module's
    paragraphs of one data set are no other module's in another.
    """
    rows: list[_Row] = []
    with _without_collector():
        for library, folder in libraries:
            rows.extend(_rows(library, folder, first=rows[-1].docstring + 1 if rows else 0))
    owners: dict[str, set[str]] = {}
    for row in rows:
        owners.setdefault(row.key, set()).add(row.library)
    kept: list[_Row] = []
    seen: set[str] = set()
    for row in rows:
        if len(owners[row.key]) == 1 and row.key not in seen:
            seen.add(row.key)
            kept.append(row)
    long_enough = [row for row in kept if len(row.paragraph.text.split()) >= SHORTEST]
    return {
        "libraries": tuple(
            _balanced([_passage(row, row.nameless) for row in kept if len(row.nameless.split()) >= _CLASS_WORDS])
        ),
        "summaries": tuple(_pairs(kept)),
        "prose": tuple(_passage(row, "", row.paragraph.text) for row in long_enough),
    }


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def split_of(module: str, *, seed: int, validation: float, test: float) -> str:
    """The split of a module, from its name and the seed alone: other versions of a library do not move it.

    Args:
        module: Library and dotted name.
        seed: Of the splits.
        validation: Share of what is not in the test split.
        test: Share of everything.
    """
    where = _fraction(f"{seed}\0{module}")
    if where < test:
        return "test"
    return "validation" if where < test + (1 - test) * validation else "train"


def rank_of(identifier: str) -> float:
    """Where an example stands in the order in which examples are chosen, from 0 to 1."""
    return _fraction(identifier)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Syntax trees are many objects and no cycles: looking for cycles among them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _fraction(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:6], "big") / 2**48


def _rows(library: Library, folder: Path, *, first: int) -> Iterator[_Row]:
    counts: dict[str, int] = {}
    found = docstrings_below(folder, leave_out=library.leave_out, prefix=library.package or library.name)
    for number, docstring in enumerate(found, start=first):
        place = f"{docstring.file}:{docstring.name}" if docstring.name else docstring.file
        dotted = docstring.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for paragraph in paragraphs_of(docstring.text):
            index = counts[place] = counts.get(place, -1) + 1
            nameless = without_names(paragraph.text, prefixes=PREFIXES, names=NAMES)
            yield _Row(
                id=f"{place}#{index}",
                module=f"{library.name}:{dotted}",
                library=library.name,
                docstring=number,
                paragraph=paragraph,
                nameless=nameless,
                key=normal_form(nameless or paragraph.text),
            )


def _passage(row: _Row, *text: str) -> Passage:
    return Passage(row.id, row.module, row.library, text)


def _balanced(candidates: Sequence[Passage]) -> list[Passage]:
    """The classes' examples: some of each module, then some of each class, by the hashes of their ids."""
    chosen: set[str] = set()
    per_module: dict[str, int] = {}
    per_class: dict[str, int] = dict.fromkeys(CLASSES, 0)
    for one in sorted(candidates, key=lambda one: rank_of(one.id)):
        if one.library not in per_class or per_class[one.library] >= _PER_CLASS:
            continue
        if per_module.get(one.module, 0) < _PER_MODULE:
            per_module[one.module] = per_module.get(one.module, 0) + 1
            per_class[one.library] += 1
            chosen.add(one.id)
    return [one for one in candidates if one.id in chosen]


def _pairs(rows: Sequence[_Row]) -> list[Passage]:
    """Descriptions with their first lines, at most ``_PAIRS``; chosen by the hashes of their ids."""
    by_docstring: dict[int, list[_Row]] = {}
    for row in rows:
        if row.paragraph.part != "detail":
            by_docstring.setdefault(row.docstring, []).append(row)
    pairs = [pair for group in by_docstring.values() if (pair := _pair(group)) is not None]
    unique = {normal_form(pair.text[1]): pair for pair in reversed(pairs)}
    firsts = {pair.id for pair in unique.values()}
    per_module: dict[str, int] = {}
    chosen: set[str] = set()
    for pair in sorted(pairs, key=lambda pair: rank_of(pair.id)):
        if pair.id in firsts and per_module.get(pair.module, 0) < _PER_MODULE and len(chosen) < _PAIRS:
            per_module[pair.module] = per_module.get(pair.module, 0) + 1
            chosen.add(pair.id)
    return [pair for pair in pairs if pair.id in chosen]


def _pair(group: Sequence[_Row]) -> Passage | None:
    """A description without its first sentence, and that sentence; None where one of them is missing."""
    head = group[0]
    if head.paragraph.part != "first" or ":" not in head.id:
        return None
    reference, *rest = sentences(head.paragraph.text)
    source = cut(" ".join((*rest, *(row.paragraph.text for row in group[1:]))), _SOURCE_WORDS[1])
    fits = _REFERENCE_WORDS[0] <= len(reference.split()) <= _REFERENCE_WORDS[1]
    if not fits or len(source.split()) < _SOURCE_WORDS[0] or reference.casefold().rstrip(".") in source.casefold():
        return None
    return _passage(head, source, reference)
