"""Which folders of a tree are splits and which are classes; where two readings make sense, neither is taken.

A folder is a split by its name: ``train``, ``Training``, ``train2017``, ``training_set``, ``Train_data``.  What stands
before or after the word must be a word that says nothing (``set``, ``images``), a number, or the same in all of them
(``seg_train`` beside ``seg_test``), and there must be folders in it: a class may be called train.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from suite.data.files import FileTree
from suite.errors import DataError, did_you_mean

__all__ = ["SPLIT_WORDS", "Classes", "GivenSplits", "Layout", "find_layout", "split_of"]

Classes = dict[str, list[str]]
"""Names of the files by class."""
GivenSplits = Mapping[str, tuple[str, ...]] | Literal[False] | None
"""Split to its folders, as a person says; False where there are none; None where names are to tell."""

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validate": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
}
"""What people call the splits, in small letters."""
_UNCERTAIN = {"fold", "folds", "eval", "evaluation", "holdout", "split", "part", "pred", "predict", "prediction",
              "unlabeled", "unlabelled", "infer", "inference"}  # fmt: skip
"""What may be a split, and nobody could say which."""
_FILLERS = {"set", "sets", "data", "dataset", "image", "images", "img", "imgs", "pic", "pics", "picture", "pictures",
            "photo", "photos", "folder", "dir", "split", "samples", "examples", "files", "the", "my", "of", "for",
            "new", "final", "all"}  # fmt: skip
"""Words that say nothing beside that of a split."""
_GLUED = re.compile(rf"\b({'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})({'|'.join(sorted(_FILLERS))})\b")
"""``trainset``, ``testimages``."""


@dataclass(frozen=True)
class Layout:
    """How a tree is read."""

    splits: dict[str, Classes]
    """Classes by split name; everything under ``train`` where there are no folders for splits."""
    places: dict[str, tuple[str, ...]]
    """Split to the folders that were taken for it; empty where there are none."""
    outside: tuple[str, ...]
    """Files of the right kind that lie in no class folder, or in no folder of a split that was named."""
    deeper: int
    """Files that lie in folders inside of class folders: the classes may have been meant one level below."""
    merged_labels: tuple[str, ...] = ()
    """Which spellings of classes are one class, in words."""


def split_of(name: str) -> str | None:
    """The split that a folder, file or value is certainly named after; None for any other word."""
    found = _parts(name)
    return found[1] if found is not None and not found[0] else None


def find_layout(tree: FileTree, files: Sequence[str], *, given: GivenSplits = None, kinds: str) -> Layout:
    """Reads the tree, by its names alone.

    Args:
        tree: Whose folders are splits or classes.
        files: Those of its names that become examples.
        given: What a person says of the splits.
        kinds: What ``files`` are, in words, for complaints.

    Raises:
        DataError: Where there is nothing to read, and where there are two readings.
    """
    root = _root(tree, files)
    top = tree.children(root)
    if not top:
        lying = f"{len(files)} images without one" if files else f"{len(tree.names)} files, none of them an image"
        raise DataError(
            f"{tree.place}: expected one folder per class, got no folders ({lying}). Put each class into its own "
            "folder."
        )
    if given:
        return _of_given(tree, files, root, given, kinds)
    places = {} if given is False else _split_folders(tree, top)
    if not places:
        if given is None:
            _refuse_two_readings(tree, files, top)
        classes = _classes(tree, top, files, kinds)
        return Layout({"train": classes}, {}, _outside(files, {"train": classes}), _deeper({"train": classes}))
    _refuse_files_beside(tree, root, files, places)
    return _of_places(tree, files, places, kinds)


def _of_places(tree: FileTree, files: Sequence[str], places: Mapping[str, tuple[str, ...]], kinds: str) -> Layout:
    splits = {name: _classes_of_split(tree, folders, files, kinds) for name, folders in places.items()}
    said = {name: tuple(folders) for name, folders in places.items()}
    return Layout(splits, said, _outside(files, splits), _deeper(splits))


def _of_given(
    tree: FileTree, files: Sequence[str], root: str, given: Mapping[str, tuple[str, ...]], kinds: str
) -> Layout:
    """The folders that a person named, relative to the tree or to what it is wrapped in."""
    places: dict[str, tuple[str, ...]] = {}
    for name, folders in given.items():
        found = []
        for folder in folders:
            plain = folder.strip("/")
            inside = f"{root}/{plain}" if root else plain
            there = next((one for one in (plain, inside) if one in tree.folders), None)
            if there is None:
                near = did_you_mean(plain, map(_leaf, tree.children(root)), what="folder")
                raise DataError(f"{tree.place}: split_folders: {near}")
            found.append(there)
        places[name] = tuple(found)
    every = [folder for folders in places.values() for folder in folders]
    twice = next((one for one in every if any(one != other and f"{one}/".startswith(f"{other}/") for other in every)
                  or every.count(one) > 1), None)  # fmt: skip
    if twice is not None:
        raise DataError(f"{tree.place}: split_folders: '{twice}' is in two splits; expected every folder in one.")
    return _of_places(tree, files, places, kinds)


def _split_folders(tree: FileTree, top: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Split to its folder, by their names; empty where there is no training split among them.

    Raises:
        DataError: Where two folders hold the same split, or there are some but none to train on.
    """
    certain = {folder: name for folder, name in _named_as_splits(top).items() if tree.children(folder)}
    if "train" not in certain.values():
        if certain and len(certain) == len(top):
            there = ", ".join(f"'{_leaf(folder)}'" for folder in certain)
            raise DataError(f"{tree.place}: expected a 'train' folder beside {there}, got none.")
        return {}
    places: dict[str, tuple[str, ...]] = {}
    for folder, name in certain.items():
        if name in places:
            raise DataError(
                f"{tree.place}: two folders hold the {name} split, '{_leaf(places[name][0])}' and '{_leaf(folder)}'; "
                f'keep one, or say which, for instance "split_folders": {{"{name}": "{_leaf(folder)}"}}.'
            )
        places[name] = (folder,)
    return places


def _named_as_splits(top: Sequence[str]) -> dict[str, str]:
    """The folders that are called like splits, by their word alone or by what all of them have beside it."""
    named = {folder: _parts(_leaf(folder)) for folder in top}
    beside = [found[0] for found in named.values() if found is not None]
    return {
        folder: found[1]
        for folder, found in named.items()
        if found is not None and (not found[0] or beside.count(found[0]) > 1)
    }


def _parts(name: str) -> tuple[tuple[str, ...], str] | None:
    """The words beside that of a split, and the split; None without a word of exactly one split."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = _GLUED.sub(r"\1 \2", " ".join(re.findall(r"[^\W\d_]+", spaced.lower()))).split()
    splits = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
    if len(splits) != 1:
        return None
    return tuple(word for word in words if word not in SPLIT_WORDS and word not in _FILLERS), splits.pop()


def _refuse_two_readings(tree: FileTree, files: Sequence[str], top: Sequence[str]) -> None:
    """Raises ``DataError`` where the folders may be classes, and as well splits or sources of the same classes."""
    leaves = [_leaf(folder) for folder in top]
    inside = [{_leaf(child) for child in tree.children(folder)} for folder in top]
    holding = [_count(files, folder) for folder in top]
    named = _named_as_splits(top)
    words = len(top) > 1 and all(folder in named or _is_uncertain(_leaf(folder)) for folder in top)
    shared, union = set.intersection(*inside), set.union(*inside)
    same = len(top) > 1 and len(shared) >= 2 and 2 * len(shared) >= len(union)
    if not words and not same:
        return
    counted = ", ".join(f"'{leaf}' ({count:,} {'image' if count == 1 else 'images'})"
                        for leaf, count in list(zip(leaves, holding, strict=True))[:6])  # fmt: skip
    counted += f" and {len(leaves) - 6} more" if len(leaves) > 6 else ""
    first = _leaf(top[0])
    last = _leaf(top[-1])
    if same:
        classes = ", ".join(sorted(shared)[:6])
        other = f"the folders in them are the classes ({classes}), and these are splits or sources of them"
        mend = f'"split_folders": {{"train": "{first}", "test": "{last}"}} (a list takes several folders together)'
    else:
        other = "they are splits, whose classes are not in folders"
        mend = "a table that says path and class of each file, read by the source 'images_table'"
    raise DataError(
        f"{tree.place}: can be read in two ways: {counted} are the classes, or {other}. Say which: "
        f'"split_folders": false for the first, {mend} for the second.'
    )


def _is_uncertain(name: str) -> bool:
    words = re.findall(r"[^\W\d_]+", name.lower())
    return any(word in _UNCERTAIN for word in words) and all(word in _UNCERTAIN | _FILLERS for word in words)


def _refuse_files_beside(
    tree: FileTree, root: str, files: Sequence[str], places: Mapping[str, tuple[str, ...]]
) -> None:
    """A folder beside train and test that holds images would silently be left out."""
    taken = [folder for folders in places.values() for folder in folders]
    for folder in tree.children(root):
        if folder not in taken and (count := _count(files, folder)):
            said = ", ".join(f'"{name}": "{_leaf(folders[0])}"' for name, folders in places.items())
            raise DataError(
                f"{tree.place}: folder '{_leaf(folder)}' with {count:,} images lies beside the folders of the splits "
                f"({', '.join(_leaf(one) for one in taken)}); expected class folders inside of those. To leave it out, "
                f'name the others: "split_folders": {{{said}}}.'
            )


def _root(tree: FileTree, files: Sequence[str], root: str = "") -> str:
    """The folder that holds the class or split folders: archives often wrap everything in one folder, or in two."""
    while True:
        top = tree.children(root)
        if len(top) != 1 or not tree.children(top[0]):
            return root
        if split_of(_leaf(top[0])) is not None and (not root or split_of(_leaf(root)) != split_of(_leaf(top[0]))):
            return root
        if any(posixpath.dirname(name) == top[0] for name in files):
            return root
        root = top[0]


def _classes_of_split(tree: FileTree, folders: Sequence[str], files: Sequence[str], kinds: str) -> Classes:
    """The classes of all folders of a split together; ``seg_train/seg_train/street`` has the class ``street``."""
    found: Classes = {}
    for folder in folders:
        inner = tree.children(_root(tree, files, folder))
        if not inner:
            raise DataError(
                f"{tree.place}: folder '{folder}' has {_count(files, folder):,} images and no class folders; expected "
                "one folder per class in every split."
            )
        for name, names in _classes(tree, inner, files, kinds).items():
            found.setdefault(name, []).extend(names)
    return found


def _classes(tree: FileTree, folders: Sequence[str], files: Sequence[str], kinds: str) -> Classes:
    """Files by class; those in deeper folders belong to the class folder above them."""
    by_folder: dict[str, list[str]] = {folder: [] for folder in folders}
    depth = 1 + folders[0].count("/")
    for name in files:
        folder = "/".join(name.split("/")[:depth])
        if folder in by_folder and folder != name:
            by_folder[folder].append(name)
    if not any(by_folder.values()):
        raise DataError(f"{tree.place}: the data set is empty: no {kinds} image in any class.")
    for folder, names in by_folder.items():
        if not names:
            others = sum(1 for name in tree.names if name.startswith(f"{folder}/"))
            raise DataError(
                f"{tree.place}: class '{folder}' has 0 examples ({others} other files); add images ({kinds}) or remove "
                "the folder."
            )
    return {_leaf(folder): names for folder, names in by_folder.items()}


def _outside(files: Sequence[str], splits: Mapping[str, Classes]) -> tuple[str, ...]:
    inside = {name for classes in splits.values() for names in classes.values() for name in names}
    return tuple(name for name in files if name not in inside)


def _deeper(splits: Mapping[str, Classes]) -> int:
    return sum(
        name.rsplit("/", 2)[-2] != class_name
        for classes in splits.values()
        for class_name, names in classes.items()
        for name in names
    )


def _count(files: Sequence[str], folder: str) -> int:
    return sum(1 for name in files if name.startswith(f"{folder}/"))


def _leaf(folder: str) -> str:
    return folder.rpartition("/")[2]
