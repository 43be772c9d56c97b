"""The decoded pictures of a split, kept in the cache: see ``suite.cache``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from suite.cache import entry_path, store_error, touch, write_entry
from suite.data.dataset import Dataset, Image, Split
from suite.data.decoding import DECODING_VERSION, resize_image
from suite.data.example_ids import ids_digest
from suite.data.small_pictures import BLOCK, SMALL_PIXELS, encoded_of, read_small
from suite.errors import StoreError

__all__ = ["ImageArray", "decoded"]

ImageArray = NDArray[np.uint8]
"""Pictures of one size, shape ``(n, height, width, 3)``, uint8, 0 to 255; read-only and mapped from disk."""

_CHUNK_BYTES = 32 * 2**20
_MANY = 1000
"""Small pictures from which on it is worth it to start TensorFlow's decoders."""


def decoded(split: Split, dataset: Dataset, *, size: tuple[int, int], root: Path | None = None) -> ImageArray:
    """The pictures of a split, decoded and resized once and from then on mapped from disk.

    Memory stays bounded while they are written, and the operating system pages them in as they are read, so
    a split may be larger than memory.  Pictures are stretched to ``size``, bilinear and antialiased.

    Args:
        split: A split of ``dataset``.
        dataset: Its fingerprint is part of the entry's identity.
        size: Height and width in pixels.
        root: The cache folder; see ``cache_root``.

    Returns:
        Read-only array of shape ``(len(split), height, width, 3)``, uint8, in the order of ``split.ids``.

    Raises:
        BadExampleError: For the first picture that cannot be decoded; nothing is kept then.
        StoreError: When the disk is full or the folder cannot be written.
    """
    identity = {
        "fingerprint": dataset.fingerprint,
        "split": split.name,
        "ids": ids_digest(split.ids),
        "size": list(size),
        "version": DECODING_VERSION,
    }
    path = entry_path(root, "decoded", identity, ".npy")
    shape = (len(split), *size, 3)
    kept = _open_array(path, shape)
    if kept is None:
        description = {"dataset": dataset.name, "examples": len(split), **identity}
        write_entry(path, lambda file: _write_pictures(file, split, size), description)
        kept = _open_array(path, shape)
    if kept is None:
        raise StoreError(f"{path}: was just written and cannot be read back; is the disk sound, or was it removed?")
    touch(path)
    return kept


def _open_array(path: Path, shape: tuple[int, ...]) -> ImageArray | None:
    """The kept array, or None when there is none or it is not whole."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise store_error(path.parent, error) from None
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _write_pictures(file: BinaryIO, split: Split, size: tuple[int, int]) -> None:
    """Plain writes: a full disk is an error then, where a write through a memory map ends the process."""
    shape = (len(split), *size, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    bytes_each = size[0] * size[1] * 3
    chunk = max(1, _CHUNK_BYTES // bytes_each)
    reader = _reader(split)
    with ThreadPoolExecutor(max_workers=reader.threads) as pool:
        for start in range(0, len(split), chunk):
            positions = range(start, min(start + chunk, len(split)))
            pictures = np.empty((len(positions), *size, 3), dtype=np.uint8)
            step = max(1, min(reader.at_once, -(-len(positions) // reader.threads)))
            parts = [slice(begin, begin + step) for begin in range(0, len(positions), step)]
            for _ in pool.map(reader.fill, [positions[part] for part in parts], [pictures[part] for part in parts]):
                pass  # an exception of a thread comes out here
            file.write(pictures.data.cast("B"))


@dataclass(frozen=True)
class _Reader:
    """How the pictures of a split are read."""

    fill: Callable[[Sequence[int], ImageArray], None]
    """Decodes and resizes those at some positions into an array."""
    at_once: int
    """Pictures that a thread is given."""
    threads: int


def _reader(split: Split) -> _Reader:
    threads = min(32, os.cpu_count() or 1)
    if not len(split):
        return _Reader(partial(_one_by_one, split.read), 1, 1)
    height, width = split.read(0).shape[:2]
    if height * width > SMALL_PIXELS:
        return _Reader(partial(_one_by_one, split.read), 64, threads)
    encoded = encoded_of(split.read)
    if encoded is not None and len(split) >= _MANY:
        return _Reader(partial(read_small, split.read, encoded), 4 * BLOCK, threads)
    # Decoding a small picture is mostly Python, where threads only wait for one another.
    return _Reader(partial(_one_by_one, split.read), 64, 1)


def _one_by_one(read: Callable[[int], Image], positions: Sequence[int], into: ImageArray) -> None:
    for place, position in enumerate(positions):
        into[place] = resize_image(read(position), (into.shape[1], into.shape[2]))
