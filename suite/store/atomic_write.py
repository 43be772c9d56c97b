"""Files that are never seen half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from suite.errors import StoreError

__all__ = ["write_by_rename"]


def write_by_rename(path: Path, content: str | bytes) -> None:
    """Writes beside the place and renames, so that nobody reads half a file. Raises ``StoreError``."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            Path(name).chmod(0o644)  # a temporary file is its owner's alone; this one is published beside the report
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); make room or choose another --out.") from error
