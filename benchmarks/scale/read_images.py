"""``python -m benchmarks.scale.read_images suite|keras FOLDER CACHE``: how fast a folder of images is read."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import answer

__all__ = ["by_keras", "by_suite"]

BATCH = 128
SIDE = 32


def by_suite(folder: Path, cache: Path) -> dict[str, Any]:
    """Opens the folder as a run does, then the training images in shuffled batches for two epochs."""
    from suite.data.batches import Batches, Examples
    from suite.data.cache import decoded
    from suite.data.folder import FolderOptions, FolderSource
    from suite.spec.spec import SplitsSpec

    import_tensorflow()
    began = time.perf_counter()
    dataset = FolderSource.load(FolderOptions(path=str(folder)), splits=SplitsSpec(), on_bad_example="error")
    opened = time.perf_counter() - began
    began = time.perf_counter()
    split = dataset.splits["train"]
    stored = decoded(split, dataset, size=(SIDE, SIDE), root=cache)
    batches = Batches(Examples(stored, split.targets, split.ids), BATCH, seed=0)
    count = sum(len(targets) for _, targets in batches.dataset(1))
    first = time.perf_counter() - began
    began = time.perf_counter()
    again = sum(len(targets) for _, targets in batches.dataset(2))
    return _said(opened, count / first, again / (time.perf_counter() - began))


def by_keras(folder: Path) -> dict[str, Any]:
    """The same share of the same images, shuffled, by Keras's own pipeline."""
    import keras

    import_tensorflow()
    began = time.perf_counter()
    images = keras.utils.image_dataset_from_directory(
        str(folder),
        image_size=(SIDE, SIDE),
        batch_size=BATCH,
        seed=0,
        validation_split=0.36,
        subset="training",
        verbose=False,
    )
    opened = time.perf_counter() - began
    speeds = []
    for _ in range(2):
        began = time.perf_counter()
        count = sum(len(targets) for _, targets in images)
        speeds.append(count / (time.perf_counter() - began))
    return _said(opened, *speeds)


def import_tensorflow() -> None:
    """The first look at a data set must not be charged with it."""
    import tensorflow as tf

    tf.data.Dataset.range(1).as_numpy_iterator().next()


def _said(opened: float, first: float, again: float) -> dict[str, Any]:
    """Seconds to open, images per second of the first and the second epoch, and the most bytes held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"open_seconds": opened, "per_second": first, "again_per_second": again, "peak_bytes": peak}


if __name__ == "__main__":
    which, place, kept = sys.argv[1:4]
    answer(lambda: by_suite(Path(place), Path(kept)) if which == "suite" else by_keras(Path(place)))
