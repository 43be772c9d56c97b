"""A preview of a run or a site in the browser, on this machine: the page of a run that goes on, and live reload.

The server reads; of the folder only the report is written, by ``suite report`` in another process, where results are
new.  Nothing here imports TensorFlow.
"""

from __future__ import annotations

from suite.publish.serving.preview import Place, Preview, find_place
from suite.publish.serving.server import LOOPBACK, PreviewServer, open_server

__all__ = ["LOOPBACK", "Place", "Preview", "PreviewServer", "find_place", "open_server"]
