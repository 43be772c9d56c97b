"""What a data set folder of the Hugging Face Hub holds: its files by split, and the names of its classes.

The Hub's own order of knowledge: the ``configs`` of ``README.md``, else the names of files and folders
(https://huggingface.co/docs/hub/datasets-data-files-configuration).  Nothing in the folder is run: a loading script is
named and left alone.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from suite.data.decoding import IMAGE_SUFFIXES
from suite.data.files import FileTree
from suite.data.layout import split_of
from suite.data.rows import ENDINGS
from suite.errors import DataError, did_you_mean

__all__ = ["HubLayout", "hub_layout", "names_in_parquet"]

CARD = "README.md"
_SHARD = re.compile(r"[-_.]\d+(-of-\d+)?$")
"""``train-00000-of-00002``."""
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


@dataclass(frozen=True)
class HubLayout:
    """The tables of a data set by split; or none, where images lie in class folders."""

    files: Mapping[str, tuple[str, ...]]
    """Split to names in the tree."""
    beside: bool
    """Whether tables name images that lie beside them: ``metadata.csv`` and its kin."""
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column to the names of its classes, in the order of the numbers that stand for them."""


def hub_layout(tree: FileTree, config: str | None) -> HubLayout:
    """Reads the card, else the names of files.

    Raises:
        DataError: Where there is nothing to read, and where there are several configurations and none is chosen.
    """
    card = _card(tree)
    files = [name for name in tree.names if _ending(name) in ENDINGS]
    metadata = [name for name in files if posixpath.basename(name).lower() in _METADATA]
    chosen = _configured(tree, card, config, files)
    beside = False
    if chosen is None and metadata:
        chosen, beside = _by_folder(metadata), True
    elif chosen is None:
        chosen = _by_name(files)
    else:
        beside = bool(metadata) and {name for names in chosen.values() for name in names} <= set(metadata)
    images = any(_ending(name) in IMAGE_SUFFIXES for name in tree.names)
    if not chosen and not images:
        scripts = [name for name in tree.names if name.endswith(".py")]
        why = f" {scripts[0]} is a program that makes it, and no program is run." if scripts else ""
        raise DataError(
            f"{tree.place}: expected data files ({', '.join(sorted(ENDINGS))}) or images of a data set of the Hub, got "
            f"none.{why}"
        )
    return HubLayout({split: tuple(names) for split, names in chosen.items()}, beside, _names_in_card(card, config))


def names_in_parquet(path: Path) -> dict[str, tuple[str, ...]]:
    """Column to the names of its classes, as ``datasets`` writes them into a Parquet file; empty without."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        described = json.loads((pq.read_schema(path).metadata or {}).get(b"huggingface", b"{}"))
        features = described["info"]["features"]
        return {
            str(name): tuple(map(str, one["names"]))
            for name, one in features.items()
            if isinstance(one, dict) and one.get("_type") == "ClassLabel"
        }
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return {}  # whoever reads its rows says what is wrong with it


def _ending(name: str) -> str:
    return posixpath.splitext(name.lower().removesuffix(".gz"))[1]


def _card(tree: FileTree) -> dict[str, Any]:
    """The front matter of the card; empty where there is none, or it cannot be read."""
    import yaml

    if CARD not in tree.names:
        return {}
    text = tree.read(CARD).decode("utf-8", "replace")
    found = re.match(r"\ufeff?---\s*\n(.*?)\n---", text.replace("\r\n", "\n"), re.DOTALL)
    try:
        card = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return card if isinstance(card, dict) else {}


def _configured(
    tree: FileTree, card: Mapping[str, Any], config: str | None, files: Sequence[str]
) -> dict[str, list[str]] | None:
    """The files of a configuration of the card; None where the card names none."""
    configs = [one for one in _list(card.get("configs")) if isinstance(one, dict) and one.get("data_files")]
    by_name = {str(one.get("config_name", "default")): one for one in configs}
    if config is not None and config not in by_name:
        raise DataError(f"{tree.place}: {did_you_mean(config, by_name, what='configuration')}")
    if not by_name:
        return None
    default = [name for name, one in by_name.items() if one.get("default") is True or name == "default"]
    name = config or (next(iter(by_name)) if len(by_name) == 1 else next(iter(default), None))
    if name is None:
        raise DataError(f"{tree.place}: has the configurations {', '.join(by_name)}; say which as 'config'.")
    found: dict[str, list[str]] = {}
    for split, pattern in _patterns(by_name[name]["data_files"]):
        own = split_of(split)
        for file in files:
            if fnmatchcase(file, pattern.removeprefix("./")) and own is not None:
                found.setdefault(own, []).append(file)
    if not found:
        raise DataError(
            f"{tree.place}: the files of its configuration '{name}' are not there; expected them by {CARD}."
        )
    return found


def _patterns(data_files: Any) -> Iterator[tuple[str, str]]:
    """Split and pattern of each entry, as cards write them: a pattern, a list of them, or both by split."""
    for one in _list(data_files):
        if isinstance(one, dict):
            for pattern in _list(one.get("path")):
                yield str(one.get("split", "train")), str(pattern)
        else:
            yield "train", str(one)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _by_name(files: Iterable[str]) -> dict[str, list[str]]:
    """By the word in a file's name, else in the nearest folder that has one; training where there is none."""
    found: dict[str, list[str]] = {}
    for name in files:
        stem = posixpath.basename(name).lower().removesuffix(".gz")
        stem = _SHARD.sub("", posixpath.splitext(stem)[0])
        folders = reversed(posixpath.dirname(name).split("/"))
        split = next((word for one in (stem, *folders) if one and (word := split_of(one))), "train")
        found.setdefault(split, []).append(name)
    return found


def _by_folder(metadata: Iterable[str]) -> dict[str, list[str]]:
    """Tables that name the images beside them: by the folders that they lie in."""
    found: dict[str, list[str]] = {}
    for name in metadata:
        folders = reversed(posixpath.dirname(name).split("/"))
        split = next((word for one in folders if one and (word := split_of(one))), "train")
        found.setdefault(split, []).append(name)
    return found


def _names_in_card(card: Mapping[str, Any], config: str | None) -> dict[str, tuple[str, ...]]:
    """The classes that ``dataset_info`` of a card names."""
    infos = [one for one in _list(card.get("dataset_info")) if isinstance(one, dict)]
    chosen = next((one for one in infos if one.get("config_name") == config), infos[0] if infos else {})
    found = {}
    for one in _list(chosen.get("features")):
        kind = one.get("dtype") if isinstance(one, dict) else None
        label = kind.get("class_label") if isinstance(kind, dict) else None
        names = label.get("names") if isinstance(label, dict) else None
        if isinstance(names, dict):
            names = [names[key] for key in sorted(names, key=lambda key: int(key) if str(key).isdigit() else 0)]
        if isinstance(names, list):
            found[str(one.get("name"))] = tuple(map(str, names))
    return found
