"""Images in class folders, on disk or in a zip archive.

::

    photos/cat/1.jpg          one folder per class; splits are made
    photos/dog/2.png

    photos/train/cat/1.jpg    or with folders for splits, each optional except train; see ``layout``:
    photos/val/cat/2.jpg      val, valid, Validation_set, dev ...
    photos/test/cat/3.jpg     test, testing, test_images ...
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from suite.data.assemble import OnBadExample, Part, assemble
from suite.data.dataset import Dataset, Split
from suite.data.decoding import IMAGE_KINDS, IMAGE_SUFFIXES
from suite.data.files import HIDDEN, MADE_BY_SYSTEMS, FileTree, open_tree
from suite.data.image_facts import image_facts
from suite.data.image_files import FileImages, ImageFiles, with_levels
from suite.data.label_spelling import LabelRule, merged_words, same_labels
from suite.data.layout import Classes, Layout, find_layout
from suite.errors import DataError, Requirement, SpecError
from suite.spec.options import Options, PathText
from suite.spec.spec import SplitsSpec
from suite.store.records.reading import NAMED, LeftOut, Reading

__all__ = ["FolderOptions", "FolderSource"]


Folders = Annotated[str, Field(min_length=1)] | Annotated[tuple[str, ...], Field(min_length=1)]


class FolderOptions(Options):
    """Images in class folders."""

    path: Annotated[PathText, Field(min_length=1)]
    """A folder or a zip archive; relative to where the command runs, ``~`` is the home folder."""
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What the data set is called; the name of the folder when left out."""
    split_folders: dict[Literal["train", "validation", "test"], Folders] | Literal[False] | None = None
    """The folders of each split, ``{"train": ["fold1", "fold2"], "test": "fold3"}``; what is not named is left out.
    False where the folders are classes, whatever they are called. Left out, the names of the folders tell."""
    labels: LabelRule = "refuse"
    """What to do with classes that differ only in case, white space, unseen characters or as numbers: refuse the data
    set, ``normalise`` them to one class, or keep them ``as_given``."""
    licence: str | None = None
    """Licence of the images, for the report."""


class FolderSource:
    """Images in class folders, on disk or in a zip archive, with or without folders for splits."""

    summary: ClassVar[str] = "images in class folders, or in a zip of them: path"
    Options: ClassVar[type[Options]] = FolderOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Nothing: any path will do."""
        return ()

    @classmethod
    def label(cls, options: FolderOptions) -> str:
        """The given name, else the name of the folder or archive."""
        path = Path(options.path).expanduser()
        return options.name or (path.stem if path.suffix.lower() == ".zip" else path.name) or path.resolve().name

    @classmethod
    def requirements(cls, options: FolderOptions) -> tuple[Requirement, ...]:
        """Nothing has to be fetched."""
        return ()

    @classmethod
    def check(cls, options: FolderOptions) -> FolderOptions:
        """The options. Raises ``SpecError`` where no folder is named to train on."""
        if options.split_folders and "train" not in options.split_folders:
            there = ", ".join(options.split_folders)
            raise SpecError(f"'split_folders': expected a folder for 'train' beside {there}, got none.")
        return options

    @classmethod
    def verify(cls, options: FolderOptions) -> None:
        """Looks at the names only, before anything runs. Raises ``DataError`` where ``load`` would for them."""
        tree = open_tree(_path(options.path))
        _common_classes(_layout(tree, options).splits, tree.place)

    @classmethod
    def load(cls, options: FolderOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set; ids are paths relative to ``path``.

        Raises:
            DataError: When there is nothing there, no class folders, one class only, too few examples of a
                class, when the classes of two splits differ, or when the folders can be read in two ways.
            BadExampleError: For a file that cannot be read, unless such are skipped.
        """
        tree = open_tree(_path(options.path))
        layout = _layout(tree, options)
        class_names = _common_classes(layout.splits, tree.place)
        parts, images = _parts(tree, layout.splits, class_names)
        dataset = assemble(
            cls.label(options),
            parts,
            class_names=class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=tree.place,
            origin=tree.place,
            licence=options.licence,
            reading=_reading(tree, layout),
        )
        return with_levels(dataset, images, tree.read)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~nobody
        return Path(text)


def _parts(
    tree: FileTree, splits: Mapping[str, Classes], class_names: Sequence[str]
) -> tuple[dict[str, Part], FileImages]:
    """The splits, and the images of one of them."""
    files = [
        ImageFiles(tree, tuple(file for name in class_names for file in classes[name])) for classes in splits.values()
    ]
    parts = {}
    for (name, classes), content, images in zip(splits.items(), files, FileImages.of_splits(files), strict=True):
        counts = [len(classes[class_name]) for class_name in class_names]
        targets = np.repeat(np.arange(len(class_names), dtype=np.int64), counts)
        parts[name] = Part(Split(name, content.names, targets, images), content, image_facts)
    return parts, images


def _layout(tree: FileTree, options: FolderOptions) -> Layout:
    images = _images_of(tree)
    _require_text(images, tree.place)
    given = options.split_folders
    if isinstance(given, dict):
        named = {str(split): (one,) if isinstance(one, str) else one for split, one in given.items()}
        found = find_layout(tree, images, given=named, kinds=IMAGE_KINDS)
    else:
        found = find_layout(tree, images, given=given, kinds=IMAGE_KINDS)
    splits, merged_labels = _with_same_labels(found.splits, options.labels, tree.place)
    return replace(found, splits=splits, merged_labels=merged_labels)


def _with_same_labels(
    splits: Mapping[str, Classes], rule: LabelRule, place: str
) -> tuple[dict[str, Classes], tuple[str, ...]]:
    """The classes of every split, those together that are the same by the rule; and which these are, in words."""
    counts = Counter[str]()
    for classes in splits.values():
        counts.update({name: len(files) for name, files in classes.items()})
    same = same_labels(counts, rule, place=place)
    merged: dict[str, Classes] = {split: {} for split in splits}
    for split, classes in splits.items():
        for name, files in classes.items():
            merged[split].setdefault(same[name], []).extend(files)
    return merged, merged_words(same)


def _images_of(tree: FileTree) -> list[str]:
    return [name for name in tree.names if _ending(name) in IMAGE_SUFFIXES]


def _ending(name: str) -> str:
    return posixpath.splitext(name)[1].lower()


def _reading(tree: FileTree, layout: Layout) -> Reading:
    """What the names tell: how many files there are, and which of them become no examples."""
    others: dict[str, list[str]] = {}
    for name in tree.names:
        if _ending(name) not in IMAGE_SUFFIXES:
            others.setdefault(_ending(name), []).append(name)
    left_out = [
        LeftOut(reason=_ending_words(ending), count=len(names), names=tuple(names[:NAMED]))
        for ending, names in sorted(others.items(), key=lambda item: -len(item[1]))
    ]
    if layout.outside:
        where = "in no class folder of a split" if layout.places else "in no class folder"
        left_out.append(LeftOut(reason=where, count=len(layout.outside), names=layout.outside[:NAMED]))
    left_out += [
        LeftOut(
            reason=reason, count=len(names), names=names[:NAMED], expected=reason in {HIDDEN, MADE_BY_SYSTEMS}
        )
        for reason, names in tree.passed.items()
    ]  # fmt: skip
    return Reading(
        unit="file",
        seen=len(tree.names) + sum(len(names) for names in tree.passed.values()),
        read=sum(len(names) for classes in layout.splits.values() for names in classes.values()),
        left_out=tuple(left_out),
        recognised=(
            *layout.merged_labels,
            *((f"{layout.deeper:,} in folders inside of class folders",) if layout.deeper else ()),
        ),
        split_places=layout.places,
    )


def _ending_words(ending: str) -> str:
    return f"no images by their ending ({ending})" if ending else "no images by their ending (none)"


def _require_text(names: Sequence[str], place: str) -> None:
    """A name that is no UTF-8 could be neither stored nor printed."""
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError(f"{place}: the name {name!r} is not UTF-8; rename the file or folder.") from None


def _common_classes(found: Mapping[str, Classes], place: str) -> list[str]:
    """The class names of all splits, sorted. Raises ``DataError`` when two splits differ."""
    expected = set(found["train"])
    for name, classes in found.items():
        missing = ", ".join(sorted(expected - set(classes)))
        extra = ", ".join(sorted(set(classes) - expected))
        if missing or extra:
            parts = [f"without {missing}" if missing else "", f"with {extra} besides" if extra else ""]
            raise DataError(
                f"{place}: expected the same classes in every split; {name} is {' and '.join(filter(None, parts))}. "
                "Rename or remove folders until they agree."
            )
    return sorted(expected)
