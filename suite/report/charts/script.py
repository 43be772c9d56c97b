"""The script that a page brings along to draw its charts: Vega, Vega-Lite and Vega-Embed, offline.

Putting it together takes more than a second, so it is kept in the suite's cache: under the versions that it was made
from, and read only where its hash is the one that was noted.
"""

from __future__ import annotations

import contextlib
import hashlib
from importlib import metadata

import vl_convert

from suite.cache import description_of, entry_path, touch, write_entry
from suite.errors import StoreError
from suite.report.charts import engine

__all__ = ["bundle"]

ENTRY = "window.suiteEmbed = vegaEmbed;"


def bundle() -> str:
    """One script without imports; sets ``window.suiteEmbed``."""
    identity = {"entry": ENTRY, "vega_lite": engine.VEGA_LITE, "vega": vl_convert.get_vega_version()}
    identity |= {"vega_embed": vl_convert.get_vega_embed_version(), "vl_convert": metadata.version("vl-convert-python")}
    path = entry_path(None, "script", identity, ".js")
    with contextlib.suppress(OSError, ValueError, KeyError):
        kept = path.read_bytes()
        if hashlib.sha256(kept).hexdigest() == description_of(path)["sha256"]:
            touch(path)
            return kept.decode()
    made = engine.bundle(ENTRY)
    content = made.encode()
    with contextlib.suppress(StoreError):  # a full disk costs a second next time, and no report
        write_entry(path, lambda file: file.write(content), {**identity, "sha256": hashlib.sha256(content).hexdigest()})
    return made
