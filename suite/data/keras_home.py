"""The folder where Keras keeps what it fetched, found without importing Keras."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

__all__ = ["keras_home"]


def keras_home() -> Path:
    """``$KERAS_HOME``, or ``~/.keras`` where that is not set.

    Keras reads the variable when it is imported, so a Keras that is loaded is asked; and it goes to the temporary
    folder where it may not write.
    """
    loaded = sys.modules.get("keras.src.backend.config")
    home = loaded.keras_home() if loaded else os.environ.get("KERAS_HOME") or "~/.keras"
    folder = Path(home).expanduser()
    if folder.exists() and not os.access(folder, os.W_OK):
        return (Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())) / ".keras"  # noqa: S108 - Keras's own choice
    return folder
