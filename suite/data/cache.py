"""The decoded images of a split, kept in the cache: see ``suite.cache``."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from suite.cache import entry_path, store_error, touch, write_entry
from suite.data.bad_examples import every_bad_example
from suite.data.dataset import Dataset, Split
from suite.data.decoding import DECODING_VERSION, resize_image
from suite.data.example_ids import ids_digest
from suite.errors import BadExampleError, StoreError
from suite.store.records.resizing import STRETCH, Resizing

__all__ = ["ImageArray", "decoded"]

ImageArray = NDArray[np.uint8]
"""Images of one size, shape ``(n, height, width, 3)``, uint8, 0 to 255; read-only and mapped from disk."""

_SMALL_PIXELS = 128 * 128
_CHUNK_BYTES = 32 * 2**20


def decoded(
    split: Split,
    dataset: Dataset,
    *,
    size: tuple[int, int],
    resizing: Resizing = STRETCH,
    root: Path | None = None,
) -> ImageArray:
    """The images of a split, decoded and resized once and from then on mapped from disk.

    Memory stays bounded while they are written, and the operating system pages them in as they are read, so
    a split may be larger than memory.

    Args:
        split: A split of ``dataset``.
        dataset: Its fingerprint is part of the entry's identity.
        size: Height and width in pixels.
        resizing: How images get there; other ways have other entries.
        root: The cache folder; see ``cache_root``.

    Returns:
        Read-only array of shape ``(len(split), height, width, 3)``, uint8, in the order of ``split.ids``.

    Raises:
        BadExampleError: For all images that cannot be decoded; nothing is kept then.
        StoreError: When the disk is full or the folder cannot be written.
    """
    identity = {
        "fingerprint": dataset.fingerprint,
        "split": split.name,
        "ids": ids_digest(split.ids),
        "size": list(size),
        "version": DECODING_VERSION,
        **resizing.identity,
    }
    path = entry_path(root, "decoded", identity, ".npy")
    shape = (len(split), *size, 3)
    kept = _open_array(path, shape)
    if kept is None:
        description = {"dataset": dataset.name, "examples": len(split), **identity}
        try:
            write_entry(path, lambda file: _write_images(file, split, size, resizing), description)
        except BadExampleError as error:
            raise every_bad_example(tuple(dataset.splits.values()), error) from None
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


def _write_images(file: BinaryIO, split: Split, size: tuple[int, int], resizing: Resizing) -> None:
    """Plain writes: a full disk is an error then, where a write through a memory map ends the process."""
    shape = (len(split), *size, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    bytes_each = size[0] * size[1] * 3
    chunk = max(1, _CHUNK_BYTES // bytes_each)
    threads = _threads(split)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for start in range(0, len(split), chunk):
            stop = min(start + chunk, len(split))
            images = np.empty((stop - start, *size, 3), dtype=np.uint8)
            step = max(1, min(64, -(-(stop - start) // threads)))

            def fill(begin: int, *, start: int = start, stop: int = stop, into: ImageArray = images) -> None:
                for index in range(begin, min(begin + step, stop)):  # noqa: B023 - one step for all of a chunk
                    into[index - start] = resize_image(split.read(index), size, resizing)

            for _ in pool.map(fill, range(start, stop, step)):
                pass  # an exception of a thread comes out here
            file.write(images.data.cast("B"))


def _threads(split: Split) -> int:
    """One for small images: their decoding is mostly Python, where threads only wait for one another."""
    if not len(split):
        return 1
    height, width = split.read(0).shape[:2]
    return 1 if height * width <= _SMALL_PIXELS else min(32, os.cpu_count() or 1)
