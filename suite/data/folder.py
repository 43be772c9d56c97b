"""Images in class folders, on disk or in a zip archive.

::

    photos/cat/1.jpg          one folder per class; splits are made
    photos/dog/2.png

    photos/train/cat/1.jpg    or with folders for splits, each optional except train:
    photos/val/cat/2.jpg      val, valid, validation or dev
    photos/test/cat/3.jpg     test or testing
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from suite.data.assemble import OnBadExample, Part, assemble
from suite.data.dataset import Dataset, Image, Split
from suite.data.decoding import IMAGE_SUFFIXES, decode_image
from suite.data.files import FileTree, open_tree
from suite.data.splits import SPLIT_WORDS
from suite.errors import DataError, Requirement
from suite.spec.options import Options, PathText
from suite.spec.spec import SplitsSpec

__all__ = ["FolderOptions", "FolderSource"]


class FolderOptions(Options):
    """Images in class folders."""

    path: Annotated[PathText, Field(min_length=1)]
    """A folder or a zip archive; relative to where the command runs, ``~`` is the home folder."""
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What the data set is called; the name of the folder when left out."""
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
    def verify(cls, options: FolderOptions) -> None:
        """Looks at the names only, before anything runs. Raises ``DataError`` where ``load`` would for them."""
        tree = open_tree(_path(options.path))
        _common_classes(_find_splits(tree), tree.place)

    @classmethod
    def load(cls, options: FolderOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set; ids are paths relative to ``path``.

        Raises:
            DataError: When there is nothing there, no class folders, one class only, too few examples of a
                class, or when the classes of two splits differ.
            BadExampleError: For a file that cannot be read, unless such are skipped.
        """
        tree = open_tree(_path(options.path))
        found = _find_splits(tree)
        class_names = _common_classes(found, tree.place)
        return assemble(
            cls.label(options),
            {name: _part(tree, name, classes, class_names) for name, classes in found.items()},
            class_names=class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=tree.place,
            origin=tree.place,
            licence=options.licence,
        )


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~nobody
        return Path(text)


@dataclass(frozen=True)
class _Content:
    """The bytes of the files of one split."""

    tree: FileTree
    names: tuple[str, ...]

    def __call__(self, index: int) -> bytes:
        return self.tree.read(self.names[index])


@dataclass(frozen=True)
class _Images:
    """The images of one split."""

    content: _Content

    def __call__(self, index: int) -> Image:
        name = f"{self.content.tree.place}/{self.content.names[index]}"
        return decode_image(self.content(index), name=name)


Classes = dict[str, list[str]]
"""File names of the images by class name."""


def _part(tree: FileTree, name: str, classes: Classes, class_names: Sequence[str]) -> Part:
    ids = tuple(file for class_name in class_names for file in classes[class_name])
    counts = [len(classes[class_name]) for class_name in class_names]
    content = _Content(tree, ids)
    targets = np.repeat(np.arange(len(class_names), dtype=np.int64), counts)
    return Part(Split(name, ids, targets, _Images(content)), content)


def _find_splits(tree: FileTree) -> dict[str, Classes]:
    """Classes by split name; everything under ``train`` where the tree has no folders for splits."""
    images = [name for name in tree.names if posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES]
    _require_text(images, tree.place)
    root = _root(tree, images)
    top = _children(tree.folders, root)
    if not top:
        raise DataError(_no_class_folders(tree, images))
    named_so = [folder for folder in top if _leaf(folder).lower() in SPLIT_WORDS]
    split_folders = [folder for folder in named_so if _children(tree.folders, folder)]
    if not any(SPLIT_WORDS[_leaf(folder).lower()] == "train" for folder in split_folders):
        if split_folders and len(split_folders) == len(top):
            there = ", ".join(f"'{_leaf(folder)}'" for folder in split_folders)
            raise DataError(f"{tree.place}: expected a 'train' folder beside {there}, got none.")
        return {"train": _classes(tree, top, images)}
    found: dict[str, Classes] = {}
    for folder in split_folders:
        name = SPLIT_WORDS[_leaf(folder).lower()]
        if name in found:
            raise DataError(f"{tree.place}: two folders hold the {name} split, '{_leaf(folder)}' is one; keep one.")
        found[name] = _classes(tree, _children(tree.folders, folder), images)
    _refuse_images_beside_splits(tree, root, images, split_folders)
    return found


def _require_text(names: Sequence[str], place: str) -> None:
    """A name that is no UTF-8 could be neither stored nor printed."""
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise DataError(f"{place}: the name {name!r} is not UTF-8; rename the file or folder.") from None


def _root(tree: FileTree, images: Sequence[str]) -> str:
    """The folder that holds the class or split folders: archives often wrap everything in one folder."""
    root = ""
    while True:
        top = _children(tree.folders, root)
        if len(top) != 1 or not _children(tree.folders, top[0]) or _leaf(top[0]).lower() in SPLIT_WORDS:
            return root
        if any(posixpath.dirname(name) == top[0] for name in images):
            return root
        root = top[0]


def _classes(tree: FileTree, folders: Sequence[str], images: Sequence[str]) -> Classes:
    """Images by class; those in deeper folders belong to the class folder above them."""
    by_folder: dict[str, list[str]] = {folder: [] for folder in folders}
    depth = 1 + folders[0].count("/")
    for name in images:
        folder = "/".join(name.split("/")[:depth])
        if folder in by_folder and folder != name:
            by_folder[folder].append(name)
    if not any(by_folder.values()):
        raise DataError(f"{tree.place}: the data set is empty: no JPEG, PNG, BMP, GIF or WebP image in any class.")
    for folder, names in by_folder.items():
        if not names:
            others = sum(1 for name in tree.names if name.startswith(f"{folder}/"))
            raise DataError(
                f"{tree.place}: class '{folder}' has 0 examples ({others} other files); add images "
                "(JPEG, PNG, BMP, GIF, WebP) or remove the folder."
            )
    return {_leaf(folder): names for folder, names in by_folder.items()}


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


def _refuse_images_beside_splits(
    tree: FileTree, root: str, images: Sequence[str], split_folders: Sequence[str]
) -> None:
    """A folder beside train and test that holds images would silently be left out."""
    for folder in _children(tree.folders, root):
        if folder not in split_folders and any(name.startswith(f"{folder}/") for name in images):
            raise DataError(
                f"{tree.place}: folder '{folder}' with images lies beside the folders of the splits "
                f"({', '.join(_leaf(name) for name in split_folders)}); expected class folders inside of those."
            )


def _no_class_folders(tree: FileTree, images: Sequence[str]) -> str:
    lying = f"{len(images)} images without one" if images else f"{len(tree.names)} files, none of them an image"
    return f"{tree.place}: expected one folder per class, got no folders ({lying}). Put each class into its own folder."


def _children(folders: Sequence[str], parent: str) -> list[str]:
    return [folder for folder in folders if posixpath.dirname(folder) == parent]


def _leaf(folder: str) -> str:
    return folder.rpartition("/")[2]
