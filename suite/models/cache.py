"""Weights files in Keras's own cache: found without TensorFlow, checked before Keras touches them, fetched."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suite.data.keras_home import keras_home
from suite.errors import DownloadError, Requirement, WeightsError
from suite.models.constructors import WeightsFile
from suite.models.hashing import file_matches

__all__ = ["fetch", "keras_models_folder", "patience", "refuse_wrong_hash"]

SILENCE_SECONDS = 30.0
"""A server that says nothing for so long is taken as unreachable."""


def keras_models_folder() -> Path:
    """Where Keras looks for weights: ``$KERAS_HOME/models``, ``~/.keras/models`` if that is not set."""
    return keras_home() / "models"


def refuse_wrong_hash(path: Path, published: str, *, what: str) -> None:
    """Raises ``WeightsError`` for a file that is there with another hash.

    Keras would download over it, and delete it where there is no network.
    """
    if published and path.is_file() and not file_matches(path, published):
        raise WeightsError(
            f"{what}: {path} is there, but its hash is not the published {published[:12]}...; it is damaged or "
            "something else. Move it away, and the right one is fetched, or put the right one in its place."
        )


def fetch(file: WeightsFile, requirement: Requirement) -> None:
    """Has Keras download a file into its cache, where it is not there.

    Raises:
        DownloadError: Where it cannot be had; says what it is and where to put it by hand.
    """
    import keras

    if requirement.path.is_file():
        return
    try:
        with patience(SILENCE_SECONDS):
            keras.utils.get_file(file.name, file.url, cache_subdir="models", file_hash=file.file_hash or None)
    except Exception as error:  # Keras raises a plain Exception where there is no network
        raise DownloadError(
            f"{requirement.what} cannot be fetched from {requirement.url} ({str(error).splitlines()[0]}). "
            f"Fetch it elsewhere, put it at {requirement.path} and run the same command again."
        ) from error


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Limits how long a connection may be silent, for code that sets no limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
