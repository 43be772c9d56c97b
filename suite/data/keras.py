"""The image data sets of ``keras.datasets``, from the files that Keras keeps.

The files lie where Keras looks for them (``~/.keras/datasets``, or below ``KERAS_HOME``), are checked against
the SHA-256 that Keras publishes before anything is read from them, and are used by Keras too.

The CIFAR archives are pickles.  ``keras.datasets`` extracts and unpickles them; here nothing is ever unpickled:
the arrays are taken out of the archive as plain bytes (``suite.data.literals``).  The values are the same.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from suite.data.assemble import OnBadExample, Part, assemble
from suite.data.dataset import Dataset, Image, Split
from suite.data.download import fetch
from suite.data.keras_home import keras_home
from suite.data.literals import bytes_array, read_literals
from suite.errors import DataError, Requirement, UnknownNameError, did_you_mean
from suite.spec.options import Options
from suite.spec.spec import SplitsSpec

__all__ = ["KerasOptions", "KerasSource", "read_cifar", "read_idx", "read_mnist"]

_STORAGE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR_HOME = "https://www.cs.toronto.edu/~kriz/"

Images = NDArray[np.uint8]
"""``(n, height, width)`` grey or ``(n, height, width, 3)`` RGB, 0 to 255."""


@dataclass(frozen=True)
class Arrays:
    """What one data set's files hold, by split name."""

    images: dict[str, Images]
    targets: dict[str, NDArray[np.int64]]
    class_names: tuple[str, ...]


class KerasOptions(Options):
    """A data set of ``keras.datasets``."""

    name: str
    """``cifar10``, ``cifar100``, ``mnist`` or ``fashion_mnist``."""


class KerasSource:
    """The image data sets of ``keras.datasets``."""

    summary: ClassVar[str] = "keras.datasets: cifar10, cifar100, fashion_mnist, mnist"
    Options: ClassVar[type[Options]] = KerasOptions

    @classmethod
    def known_names(cls) -> tuple[str, ...]:
        """Every ``name`` that this source has."""
        return tuple(_SETS)

    @classmethod
    def label(cls, options: KerasOptions) -> str:
        """The name of the data set."""
        return options.name

    @classmethod
    def check(cls, options: KerasOptions) -> KerasOptions:
        """The options. Raises ``UnknownNameError`` with the nearest name."""
        if options.name not in _SETS:
            raise UnknownNameError(did_you_mean(options.name, _SETS, what="Keras data set"))
        return options

    @classmethod
    def requirements(cls, options: KerasOptions) -> tuple[Requirement, ...]:
        """The files of the data set, each with where it may be put by hand."""
        cls.check(options)
        return tuple(_requirement(options.name, file) for file in _SETS[options.name].files)

    @classmethod
    def load(cls, options: KerasOptions, *, splits: SplitsSpec, on_bad_example: OnBadExample) -> Dataset:
        """The data set with Keras's own train and test split; ids are ``train-00000`` and so on.

        Raises:
            UnknownNameError: For a name that is not known.
            DownloadError: When a file is missing and cannot be fetched, or its hash is not the published one.
            DataError: When a file does not hold what it should.
        """
        paths = [fetch(requirement) for requirement in cls.requirements(options)]
        chosen = _SETS[options.name]
        try:
            arrays = chosen.read(paths)
        except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error, tarfile.TarError) as error:
            raise DataError(
                f"{paths[0].parent}: the files of '{options.name}' do not hold what they should: {error}. "
                "Remove them to fetch them again."
            ) from None
        return assemble(
            options.name,
            {name: _part(name, arrays) for name in arrays.targets},
            class_names=arrays.class_names,
            splits=splits,
            on_bad_example=on_bad_example,
            place=options.name,
            origin=f"keras.datasets.{options.name} ({chosen.files[0].url})",
            licence=chosen.licence,
        )


def read_cifar(archive: Path, *, batches: dict[str, list[str]], labels: str, names: tuple[str, str]) -> Arrays:
    """Images and labels of a CIFAR archive (tar.gz of pickles), without unpickling.

    Args:
        archive: The file as published.
        batches: Names of the members without their folder, by split.
        labels: Key of the labels, ``labels`` or ``fine_labels``.
        names: Member and key of the class names.

    Raises:
        DataError: When the archive holds something else.
    """
    wanted = {member for members in batches.values() for member in members} | {names[0]}
    with tarfile.open(archive, "r:gz") as tar:
        found = {}
        for info in tar:
            member = info.name.rpartition("/")[2]
            if info.isfile() and member in wanted and (file := tar.extractfile(info)) is not None:
                found[member] = read_literals(file.read(), place=f"{archive.name}: {member}")
    images = {}
    targets = {}
    for split, members in batches.items():
        flat = np.concatenate(
            [bytes_array(found[member]["data"], place=f"{archive.name}: {member}") for member in members]
        )
        images[split] = np.ascontiguousarray(flat.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        targets[split] = np.array([label for member in members for label in found[member][labels]], dtype=np.int64)
    return Arrays(images, targets, tuple(str(name) for name in found[names[0]][names[1]]))


def read_mnist(path: Path) -> Arrays:
    """Images and labels of ``mnist.npz``. Raises ``ValueError`` or ``KeyError`` when it is another file."""
    with np.load(path, allow_pickle=False) as file:
        return Arrays(
            {"train": file["x_train"], "test": file["x_test"]},
            {"train": file["y_train"].astype(np.int64), "test": file["y_test"].astype(np.int64)},
            tuple(str(digit) for digit in range(10)),
        )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in a gzipped IDX file of bytes. Raises ``ValueError`` when it is something else."""
    with gzip.open(path, "rb") as file:
        content = file.read()
    if content[:3] != b"\0\0\x08" or len(content) < 4:
        raise ValueError(f"{path.name} is no IDX file of bytes")
    rank = content[3]
    shape = np.frombuffer(content, dtype=">u4", count=rank, offset=4).astype(np.int64)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)


def _read_fashion(paths: list[Path]) -> Arrays:
    train_labels, train_images, test_labels, test_images = (read_idx(path) for path in paths)
    names = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
    more_names = ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
    return Arrays(
        {"train": train_images, "test": test_images},
        {"train": train_labels.astype(np.int64), "test": test_labels.astype(np.int64)},
        names + more_names,
    )


@dataclass(frozen=True)
class _File:
    name: str
    url: str
    sha256: str | None = None
    size_bytes: int | None = None
    folder: str = "datasets"


@dataclass(frozen=True)
class _Set:
    files: tuple[_File, ...]
    read: Callable[[list[Path]], Arrays]
    licence: str | None


_SETS = {
    "cifar10": _Set(
        (
            _File(
                "cifar-10-batches-py-target_archive",
                f"{_CIFAR_HOME}cifar-10-python.tar.gz",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                170_498_071,
            ),
        ),
        lambda paths: read_cifar(
            paths[0],
            batches={"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]},
            labels="labels",
            names=("batches.meta", "label_names"),
        ),
        "free use with citation (Krizhevsky 2009)",
    ),
    "cifar100": _Set(
        (
            _File(
                "cifar-100-python-target_archive",
                f"{_CIFAR_HOME}cifar-100-python.tar.gz",
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
                169_001_437,
            ),
        ),
        lambda paths: read_cifar(
            paths[0],
            batches={"train": ["train"], "test": ["test"]},
            labels="fine_labels",
            names=("meta", "fine_label_names"),
        ),
        "free use with citation (Krizhevsky 2009)",
    ),
    "mnist": _Set(
        (
            _File(
                "mnist.npz",
                f"{_STORAGE}mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                11_490_434,
            ),
        ),
        lambda paths: read_mnist(paths[0]),
        "CC BY-SA 3.0 (LeCun and Cortes)",
    ),
    "fashion_mnist": _Set(
        tuple(
            _File(f"{part}.gz", f"{_STORAGE}{part}.gz", folder="datasets/fashion-mnist")
            for part in (
                "train-labels-idx1-ubyte",
                "train-images-idx3-ubyte",
                "t10k-labels-idx1-ubyte",
                "t10k-images-idx3-ubyte",
            )
        ),
        _read_fashion,
        "MIT (Zalando SE)",
    ),
}


def _requirement(name: str, file: _File) -> Requirement:
    path = keras_home() / file.folder / file.name
    return Requirement(
        what=f"Keras data set {name} ({file.url.rpartition('/')[2]})",
        url=file.url,
        path=path,
        present=path.is_file(),
        size_bytes=file.size_bytes,
        sha=file.sha256,
    )


@dataclass(frozen=True)
class _Read:
    """Images as RGB."""

    images: Images

    def __call__(self, index: int) -> Image:
        image = self.images[index]
        return np.repeat(image[..., np.newaxis], 3, axis=-1) if image.ndim == 2 else image


@dataclass(frozen=True)
class _Content:
    """The bytes of an image."""

    images: Any

    def __call__(self, index: int) -> bytes:
        image = self.images[index]
        return repr(image.shape).encode() + bytes(image.tobytes())


def _part(name: str, arrays: Arrays) -> Part:
    images, targets = arrays.images[name], arrays.targets[name]
    if len(images) != len(targets) or images.dtype != np.uint8 or images.ndim not in {3, 4}:
        raise DataError(f"{name}: expected one label per image, got {len(targets)} for {len(images)}.")
    if len(targets) and not 0 <= targets.min() <= targets.max() < len(arrays.class_names):
        raise DataError(f"{name}: expected labels from 0 to {len(arrays.class_names) - 1}, got {targets.max()}.")
    ids = tuple(f"{name}-{index:05d}" for index in range(len(targets)))
    return Part(Split(name, ids, targets, _Read(images)), _Content(images))
