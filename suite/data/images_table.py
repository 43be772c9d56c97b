"""Images whose files and classes stand in a table: CSV, TSV, JSON Lines or Parquet, the images in a folder or a zip."""

from __future__ import annotations

import difflib
import os
import posixpath
from array import array
from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from suite.data.assemble import OnBadExample, Part, assemble
from suite.data.dataset import Dataset, Split
from suite.data.decoding import IMAGE_SUFFIXES
from suite.data.files import FileTree, open_tree
from suite.data.image_facts import image_facts
from suite.data.image_files import FileImages, ImageFiles, with_levels
from suite.data.rows import Table, column_names, read_rows
from suite.data.table_files import TableFileOptions, Word, check_files, files_of, name_of, tables_of
from suite.data.table_reading import RowColumns, TableRows, text_of
from suite.errors import BadExampleError, Requirement
from suite.spec.options import Options, PathText
from suite.spec.spec import SplitsSpec
from suite.store.records.reading import NAMED, LeftOut, Reading

__all__ = ["ImageRows", "ImagesTableOptions", "ImagesTableSource"]

_COMPARED = 2_000
"""Names of a folder that a name that is not there is compared with."""


class ImagesTableOptions(TableFileOptions):
    """Images by the rows of a table."""

    image_column: Word
    """The column of the images' paths, with or without the ending of the file's name."""
    label_column: Word
    """The column of the class."""
    root: Annotated[PathText, Field(min_length=1)] | None = None
    """The folder or zip archive in which the paths begin; the folder of the table when left out."""


class ImagesTableSource:
    """Images by the rows of a table: a column of paths, one of classes, and further ones for groups and slices."""

    summary: ClassVar[str] = "images by a table of their paths and classes: path, image_column, label_column"
    Options: ClassVar[type[Options]] = ImagesTableOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Nothing: any path will do."""
        return ()

    @classmethod
    def label(cls, options: ImagesTableOptions) -> str:
        """The given name, else that of the table without its ending."""
        return name_of(options)

    @classmethod
    def check(cls, options: ImagesTableOptions) -> ImagesTableOptions:
        """The options. Raises ``SpecError`` where two of them do not go together."""
        same = (options.image_column,) if options.image_column == options.label_column else ()
        check_files(
            options, (f"'{column}' cannot be both the image and its class; name two columns." for column in same)
        )
        return options

    @classmethod
    def requirements(cls, options: ImagesTableOptions) -> tuple[Requirement, ...]:
        """Nothing has to be fetched."""
        return ()

    @classmethod
    def verify(cls, options: ImagesTableOptions) -> None:
        """Looks at the head of each table and the root. Raises ``DataError`` where ``load`` would for them."""
        columns = _columns_of(options)
        for table in tables_of(options, columns=columns.names).values():
            next(read_rows(table, columns.names), None)
        open_tree(_root(options))

    @classmethod
    def load(cls, options: ImagesTableOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set; ids are the paths of the images from the root on.

        A bad example is a row that cannot be read, with an empty label, whose file is not there or is named in an
        earlier row too, and a file that cannot be decoded.

        Raises:
            DataError: When a table is missing or damaged as a whole, a column is missing, or no row can be used.
            BadExampleError: For all bad rows together, unless they are skipped.
            MissingExtraError: For a Parquet file without pyarrow.
        """
        cls.check(options)
        tables = tables_of(options, columns=_columns_of(options).names)
        columns = _columns_of(options, _further(tables, options))
        tree = open_tree(_root(options))
        rows = ImageRows(options, columns, tree, skip=on_bad_example == "skip")
        rows.read_all(tables)
        place = ", ".join(table.place for table in tables.values())
        class_names, order = rows.classes(place)
        told = dict.fromkeys(one for table in tables.values() for one in table.told)
        dataset = assemble(
            cls.label(options),
            rows.parts(order),
            class_names=class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=place,
            origin=place,
            licence=options.licence,
            reading=Reading(
                unit="row",
                seen=rows.seen,
                read=0,
                left_out=_unnamed(tree, rows.files.named),
                recognised=(*told, *rows.merged, *rows.files.told),
            ),
        )
        return with_levels(dataset, rows.images, tree.read)


def _root(options: ImagesTableOptions) -> Path:
    if options.root is not None:
        try:
            return Path(options.root).expanduser()
        except RuntimeError:  # ~nobody
            return Path(options.root)
    return next(iter(files_of(options).values()))[0].absolute().parent


def _columns_of(options: ImagesTableOptions, further: tuple[str, ...] = ()) -> RowColumns:
    return RowColumns((options.image_column,), options.label_column, options.split_column, further)


def _further(tables: Mapping[str, Table], options: ImagesTableOptions) -> tuple[str, ...]:
    """Columns that all tables have and that nothing else is made of; one without a name numbers the rows."""
    used = {*_columns_of(options).names, ""}
    found = [column_names(table) for table in tables.values()]
    first = [name for name in found[0] if name not in used and found[0].count(name) == 1]
    return tuple(name for name in first if all(names.count(name) == 1 for names in found[1:]))


def _unnamed(tree: FileTree, named: Container[str]) -> tuple[LeftOut, ...]:
    """Images that are there and in no row."""
    left = [name for name in tree.names if posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES and name not in named]
    words = f"image{'s' * (len(left) != 1)} that no row names"
    # Whoever wrote the table has said which are wanted.
    return (LeftOut(reason=words, count=len(left), names=tuple(left[:NAMED]), expected=True),) if left else ()


class _Files:
    """The images of a tree by what tables call them."""

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree
        self.named: set[str] = set()
        self._without_ending = False
        self._there = frozenset(tree.names)
        self._by_stem: dict[str, list[str]] = {}
        for name in tree.names:
            stem, ending = posixpath.splitext(name)
            if ending.lower() in IMAGE_SUFFIXES:
                self._by_stem.setdefault(stem, []).append(name)
        self._root = os.path.realpath(tree.place)

    @property
    def told(self) -> tuple[str, ...]:
        """How paths are written, in words."""
        return ("paths without the ending of the file",) if self._without_ending else ()

    def take(self, path: str) -> str:
        """The file of a path. Raises ``BadExampleError`` where it is not there, two may be meant, or it was taken."""
        name = self._find(path)
        if name in self.named:
            raise BadExampleError(f"'{path}' is the image of an earlier row too; expected each image once.")
        self.named.add(name)
        return name

    def _find(self, path: str) -> str:
        plain = self._relative(path)
        if plain in self._there:
            return plain
        found = self._by_stem.get(plain, [])
        if len(found) == 1:
            self._without_ending = True
            return found[0]
        if found:
            raise BadExampleError(f"'{path}' may be {' or '.join(found)}; write the ending of the file's name.")
        near = self._near(plain)
        there = f"; there is '{near}'" if near else ""
        raise BadExampleError(f"'{path}' is not in {self.tree.place}{there}. 'root' says where paths begin.")

    def _near(self, path: str) -> str | None:
        """A file of the same name in another folder, or of a like name in the same."""
        folder, leaf = posixpath.split(path)
        elsewhere = self._by_leaf.get(leaf.casefold())
        beside = {posixpath.basename(name): name for name in self.tree.names if posixpath.dirname(name) == folder}
        close = difflib.get_close_matches(leaf, list(beside)[:_COMPARED], n=1)
        return elsewhere or (beside[close[0]] if close else None)

    @cached_property
    def _by_leaf(self) -> dict[str, str]:
        return {posixpath.basename(name).casefold(): name for name in reversed(self.tree.names)}

    def _relative(self, path: str) -> str:
        """From the root on, with ``/`` between the parts."""
        text = path.strip().replace("\\", "/")
        if PurePosixPath(text).is_absolute():
            text = os.path.relpath(text, self._root).replace(os.sep, "/")
        text = posixpath.normpath(text)
        if text.startswith("../"):
            raise BadExampleError(f"'{path}' lies outside of {self.tree.place}; 'root' says where paths begin.")
        return text


class _Images:
    """Takes the images of a split one by one."""

    def __init__(self, tree: FileTree) -> None:
        self.targets = array("q")
        self.problems: dict[int, str] = {}
        self.names: list[str] = []
        self.images: FileImages | None = None
        """Given when the splits are complete, since they have their levels in common."""
        self._tree = tree

    def __len__(self) -> int:
        return len(self.names)

    def add(self, identifier: str, contents: Sequence[Any], target: int = 0) -> None:
        """One image by its file; its id is that, and not the row."""
        del identifier
        self.names.append(contents[0])
        self.targets.append(target)

    def refuse(self, identifier: str, reason: str) -> None:
        """One row without an image."""
        self.problems[len(self)] = reason
        self.add(identifier, [identifier])

    @property
    def content(self) -> ImageFiles:
        """The bytes of the files."""
        return ImageFiles(self._tree, tuple(self.names), self.problems)

    def part(self, name: str, *, classes: NDArray[np.int64] | None = None) -> Part:
        """The split called ``name``."""
        images = self.images or FileImages(self.content)
        targets = np.array(self.targets, dtype=np.int64)
        split = Split(name, images.content.names, targets if classes is None else classes[targets], images)
        return Part(split, images.content, image_facts)


class ImageRows(TableRows):
    """Rows whose contents are files of images."""

    def __init__(self, options: TableFileOptions, columns: RowColumns, tree: FileTree, *, skip: bool) -> None:
        super().__init__(options, columns, skip=skip)
        self.files = _Files(tree)
        self.made: list[_Images] = []
        self.tree = tree

    @property
    def images(self) -> FileImages:
        """Those of one of the splits, once ``parts`` gave them."""
        return next(one.images for one in self.made if one.images is not None)

    def contents(self, identifier: str, values: Sequence[Any], table: Table) -> list[str]:
        """The image's file."""
        del identifier
        (column,) = self.columns.contents
        value = str(values[0]) if isinstance(values[0], int) else values[0]
        path = text_of(value, column, table, may_be_empty=False).decode("utf-8")
        try:
            return [self.files.take(path)]
        except BadExampleError as error:
            raise BadExampleError(f"column '{column}': {error}") from None

    def new_collector(self) -> _Images:
        """For the images of a split."""
        self.made.append(_Images(self.tree))
        return self.made[-1]

    def parts(self, order: NDArray[np.int64]) -> dict[str, Part]:
        """The splits, whose images have their levels in common."""
        for one, images in zip(self.made, FileImages.of_splits([each.content for each in self.made]), strict=True):
            one.images = images
        return super().parts(order)
