"""Data sets in the formats of the Hugging Face Hub: a local folder, or what the Hub's own cache holds of a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from suite.data.assemble import OnBadExample, assemble
from suite.data.dataset import Dataset
from suite.data.files import FileTree, open_tree
from suite.data.folder import FolderOptions, FolderSource
from suite.data.huggingface_layout import HubLayout, hub_layout, names_in_parquet
from suite.data.image_files import with_levels
from suite.data.images_table import ImageRows
from suite.data.label_spelling import LabelRule
from suite.data.large import ByteCollector
from suite.data.rows import ENDINGS, Format, Table, column_names, encoding_complaint
from suite.data.table import TableOptions, TextRows
from suite.data.table_files import TableFileOptions, Word
from suite.data.table_form import recognised
from suite.data.table_reading import RowColumns
from suite.errors import BadExampleError, DataError, DownloadError, Requirement, SpecError, did_you_mean
from suite.spec.options import Options, PathText
from suite.spec.spec import SplitsSpec
from suite.store.records.reading import Reading

__all__ = ["HuggingFaceOptions", "HuggingFaceSource"]

LABELS = ("label", "labels", "class", "category", "target", "fine_label")
IMAGES = ("image", "img", "file_name", "file", "path")
"""What columns are called where the spec does not say, the likeliest first."""


class HuggingFaceOptions(Options):
    """A data set in a format of the Hub: images, or texts where ``text_column`` is given."""

    path: Annotated[PathText, Field(min_length=1)] | None = None
    """A folder: images in class folders, images with a ``metadata`` table beside them, or Parquet, CSV or JSON Lines.
    """
    name: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$", max_length=200)] | None = None
    """In place of ``path``: a name on the Hub, such as ``uoft-cs/cifar10``, as its cache on this machine has it."""
    revision: Word | None = None
    """A branch, tag or commit of it."""
    download: bool = False
    """Download it when it is not in the cache."""
    config: Word | None = None
    """Which configuration of its card, where there are several."""
    image_column: Word | None = None
    """The column of the image or of its file; ``image`` and the like when left out."""
    text_column: Word | Annotated[tuple[Word, ...], Field(min_length=1, max_length=2)] | None = None
    """The column of the text to classify, or two of them."""
    label_column: Word | None = None
    """The column of the class; the only one that names classes, or ``label`` and the like when left out."""
    further_columns: tuple[Word, ...] = ()
    """Columns to keep beside the examples, for groups and slices."""
    labels: LabelRule = "refuse"
    """What to do with labels that differ only in case, white space, unseen characters or as numbers: refuse the data
    set, ``normalise`` them to one class, or keep them ``as_given``."""
    licence: str | None = None
    """Licence of the data, for the report."""


class HuggingFaceSource:
    """Data sets in the formats of the Hugging Face Hub."""

    summary: ClassVar[str] = "images or texts in the formats of the Hugging Face Hub: path of a folder, or name"
    Options: ClassVar[type[Options]] = HuggingFaceOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Nothing: any name on the Hub will do."""
        return ()

    @classmethod
    def label(cls, options: HuggingFaceOptions) -> str:
        """The name, or that of the folder, and the configuration."""
        name = options.name.rpartition("/")[2] if options.name else Path(options.path or "").expanduser().resolve().name
        return f"{name}-{options.config}" if options.config else name

    @classmethod
    def tasks(cls, options: HuggingFaceOptions) -> tuple[str, ...]:
        """Texts where a column of them is named, images else."""
        return ("text_classification",) if options.text_column else ("image_classification",)

    @classmethod
    def check(cls, options: HuggingFaceOptions) -> HuggingFaceOptions:
        """The options. Raises ``SpecError`` where two of them do not go together."""
        if (options.path is None) == (options.name is None):
            got = "neither" if options.path is None else "both"
            raise SpecError(f"expected either 'path' of a folder or 'name' on the Hub, got {got}.")
        if options.path is not None and (options.download or options.revision):
            raise SpecError("'download' and 'revision' belong to a 'name' on the Hub; leave them out for a folder.")
        if options.text_column and options.image_column:
            raise SpecError("expected 'text_column' or 'image_column', got both.")
        return options

    @classmethod
    def requirements(cls, options: HuggingFaceOptions) -> tuple[Requirement, ...]:
        """The snapshot in the Hub's cache."""
        if options.name is None:
            return ()
        found = _snapshot(options)
        from huggingface_hub.constants import HF_HUB_CACHE

        return (
            Requirement(
                what=f"data set {options.name} of the Hugging Face Hub",
                url=f"https://huggingface.co/datasets/{options.name}",
                path=found or Path(HF_HUB_CACHE),
                present=found is not None,
            ),
        )

    @classmethod
    def verify(cls, options: HuggingFaceOptions) -> None:
        """Looks at names and heads of files. Raises ``DataError`` where ``load`` would for them."""
        if options.name is None or _snapshot(options) is not None:
            tree = _tree(options)
            layout = hub_layout(tree, options.config)
            if layout.files:
                _Contents(tree, layout, options).columns()

    @classmethod
    def load(cls, options: HuggingFaceOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set; ids are paths of images, or the file's name and the number of the row.

        Raises:
            DownloadError: When a name is not in the cache, unless ``download`` is set and succeeds.
            DataError: When there are no data files, several configurations, or no such columns.
            BadExampleError: For all bad examples together, unless they are skipped.
            MissingExtraError: For Parquet files without pyarrow.
        """
        cls.check(options)
        tree = _tree(options)
        layout = hub_layout(tree, options.config)
        if not layout.files:
            return _of_folders(cls.label(options), tree, options, splits=splits, on_bad_example=on_bad_example)
        contents = _Contents(tree, layout, options)
        rows = contents.rows(splits, skip=on_bad_example == "skip")
        for split, tables in contents.tables.items():
            for table in tables:
                rows.read(table, split, folder=contents.root)
        class_names, order = rows.classes(tree.place)
        dataset = assemble(
            cls.label(options),
            rows.parts(order),
            class_names=class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=tree.place,
            origin=options.name or tree.place,
            licence=options.licence,
            content="text" if options.text_column else "image",
            unit="row",
            reading=Reading(unit="row", seen=rows.seen, read=0, recognised=rows.merged, split_places=contents.places),
        )
        return with_levels(dataset, rows.images, rows.tree.read) if isinstance(rows, ImageRows) else dataset


def _of_folders(
    label: str, tree: FileTree, options: HuggingFaceOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample
) -> Dataset:
    """Images in class folders, which are those of the ``folder`` source."""
    if options.text_column or options.label_column or options.image_column:
        raise DataError(f"{tree.place}: has no table, so no columns; leave them out for images in class folders.")
    own = FolderOptions(path=tree.place, name=label, labels=options.labels, licence=options.licence)
    return FolderSource.load(own, splits=splits, on_bad_example=on_bad_example)


def _tree(options: HuggingFaceOptions) -> FileTree:
    if options.path is not None:
        return open_tree(Path(options.path).expanduser())
    folder = _snapshot(options)
    if folder is None and options.download:
        folder = _downloaded(options)
    if folder is None:
        raise DownloadError(
            f"data set '{options.name}' is not in the Hub's cache on this machine. Set \"download\": true to fetch it, "
            "or give the folder that holds it as 'path'."
        )
    return open_tree(folder)


def _snapshot(options: HuggingFaceOptions) -> Path | None:
    """Where the Hub's cache holds it; None where it does not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(str(options.name), repo_type="dataset", revision=options.revision, local_files_only=True)
        )
    except (LocalEntryNotFoundError, HFValidationError, OSError, ValueError):
        return None


def _downloaded(options: HuggingFaceOptions) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(options.name), repo_type="dataset", revision=options.revision))
    except Exception as error:  # noqa: BLE001 - the Hub, HTTP and the disk raise almost anything
        said = str(error).strip().splitlines()
        raise DownloadError(
            f"data set '{options.name}' could not be downloaded from the Hugging Face Hub: "
            f"{said[0] if said else type(error).__name__}"
        ) from None


class _Contents:
    """The tables of a layout and how they are read."""

    def __init__(self, tree: FileTree, layout: HubLayout, options: HuggingFaceOptions) -> None:
        self.tree = tree
        self.options = options
        self.beside = layout.beside
        self.root = Path(tree.place).absolute()
        if not self.root.is_dir():
            raise DataError(f"{tree.place}: expected a folder of data files, got a zip; unpack it.")
        self.places = {split: names[:3] for split, names in layout.files.items()}
        self._named = layout.class_names
        self.tables = {
            split: tuple(self._table(self.root / name) for name in names) for split, names in layout.files.items()
        }

    def _table(self, path: Path) -> Table:
        ending = Path(path.name.lower().removesuffix(".gz")).suffix
        kind: Format = ENDINGS[ending]
        plain = Table(files=(path,), format=kind, encoding="utf-8-sig", delimiter="\t" if kind == "tsv" else ",")
        return recognised(plain, ())

    @cached_property
    def first(self) -> Table:
        """Of the training split, where there is one."""
        return (self.tables.get("train") or next(iter(self.tables.values())))[0]

    @cached_property
    def class_names(self) -> Mapping[str, Sequence[str]]:
        """Column to the names of its classes: by the first file, else by the card."""
        own = names_in_parquet(self.first.files[0]) if self.first.format == "parquet" else {}
        return own or self._named

    def columns(self) -> RowColumns:
        """Which column is what. Raises ``DataError`` where nothing tells."""
        names = column_names(self.first)
        options = self.options
        label = options.label_column or self._found(names, list(self.class_names), LABELS, "label_column")
        if options.text_column:
            texts = (options.text_column,) if isinstance(options.text_column, str) else options.text_column
            contents = tuple(texts)
        else:
            contents = (options.image_column or self._found(names, [], IMAGES, "image_column"),)
        for asked in (*contents, label, *options.further_columns):
            if asked not in names:
                raise DataError(f"{self.first.place}: {did_you_mean(asked, names, what='column')}")
        return RowColumns(contents, label, None, options.further_columns)

    def _found(self, names: Sequence[str], only: Sequence[str], usual: Sequence[str], key: str) -> str:
        there = [name for name in only if name in names]
        if len(there) == 1:
            return there[0]
        for word in usual:
            if word in names:
                return word
        raise DataError(f"{self.first.place}: say as '{key}' which of its columns it is: {', '.join(names)}.")

    def rows(self, splits: SplitsSpec, *, skip: bool) -> TextRows | ImageRows:
        """What reads the tables."""
        columns = self.columns()
        group = splits.group.column if splits.group is not None else None
        further = tuple(dict.fromkeys((*columns.further, *((group,) if group else ()))))
        columns = RowColumns(columns.contents, columns.answer, None, further)
        names = self.class_names.get(columns.answer)
        named = None if names is None else {str(number): name for number, name in enumerate(names)}
        common: dict[str, Any] = {"path": str(self.first.files[0]), "class_names": named, "labels": self.options.labels}
        if self.options.text_column:
            texts = TableOptions(**common, text_column=columns.contents, label_column=columns.answer)
            return TextRows(texts, columns, skip=skip)
        file_options = TableFileOptions(**common)
        if self.beside:
            return _ImagesBeside(file_options, columns, self.tree, skip=skip)
        return _ImageCells(file_options, columns, _Cells(self.tree), skip=skip)


class _ImagesBeside(ImageRows):
    """Rows that name images in the folder of their table."""

    def contents(self, identifier: str, values: Sequence[Any], table: Table) -> list[str]:
        """The image's file, from the root on."""
        folder = table.files[0].absolute().parent.relative_to(Path(self.tree.place).absolute()).as_posix()
        if isinstance(values[0], str | bytes) and folder != ".":
            path = values[0].decode("utf-8", "replace") if isinstance(values[0], bytes) else values[0]
            return super().contents(identifier, [f"{folder}/{path}"], table)
        return super().contents(identifier, values, table)


class _Cells:
    """Images in the cells of tables, as files by the names of their rows."""

    def __init__(self, tree: FileTree) -> None:
        self.place = tree.place
        self.names: tuple[str, ...] = ()
        self.folders: tuple[str, ...] = ()
        self.passed: Mapping[str, tuple[str, ...]] = {}
        self._tree = tree
        self._collected = ByteCollector()
        self._ends: dict[str, tuple[int, int]] = {}
        self._files: dict[str, str] = {}

    def children(self, folder: str) -> Sequence[str]:
        """None: cells are in no folders."""
        del folder
        return ()

    def add(self, name: str, cell: Any) -> None:
        """A cell as the Hub writes it, ``{"bytes": ..., "path": ...}``, or the bytes alone.

        Raises ``BadExampleError`` where it holds no image.
        """
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        path = cell.get("path") if isinstance(cell, dict) else None
        if isinstance(content, bytes) and content:
            begin = len(self._collected)
            self._collected += content
            self._ends[name] = (begin, len(self._collected))
        elif isinstance(path, str) and path in self._tree.names:
            self._files[name] = path
        elif isinstance(path, str) and path:
            raise BadExampleError(f"its image '{path}' is neither in the cell nor in {self.place}.")
        else:
            got = "nothing" if content is None else "no bytes" if content == b"" else type(content).__name__
            raise BadExampleError(f"expected an image, got {got}.")

    def __getstate__(self) -> dict[str, Any]:
        """With the images themselves: a map of a file is of this process alone."""
        return {**self.__dict__, "_data": bytes(self._data[:]), "_collected": None}

    @cached_property
    def _data(self) -> Any:
        return self._collected.whole()

    def read(self, name: str) -> bytes:
        """The bytes of an image."""
        if name in self._files:
            return self._tree.read(self._files[name])
        begin, end = self._ends[name]
        return bytes(self._data[begin:end])


class _ImageCells(ImageRows):
    """Rows that hold their images."""

    def __init__(self, options: TableFileOptions, columns: RowColumns, cells: _Cells, *, skip: bool) -> None:
        super().__init__(options, columns, cells, skip=skip)
        self._cells = cells

    def contents(self, identifier: str, values: Sequence[Any], table: Table) -> list[str]:
        """The row's own name, under which its image is read."""
        try:
            self._cells.add(identifier, values[0])
        except BadExampleError as error:
            text = values[0] if isinstance(values[0], str) else ""
            complaint = encoding_complaint(text, table.encoding) or error
            raise BadExampleError(f"column '{self.columns.contents[0]}': {complaint}") from None
        return [identifier]
