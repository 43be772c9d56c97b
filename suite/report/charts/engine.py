"""What turns specifications into images: in processes beside this one where they were started, else here.

vl-convert draws one image at a time in a process and holds Python's lock meanwhile, so that threads gain nothing by
it.  This file is also what the processes run: one request per line comes in, one answer per line goes out.  They end
with their input.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from typing import IO, Any, Literal

import vl_convert

__all__ = ["VEGA_LITE", "bundle", "draw", "processes", "start"]

VEGA_LITE = "v6.4"
NOTHING = {"data": {"values": [{}]}, "mark": "point"}

Request = tuple[Literal["svg", "script"], Any]


def draw(specification: dict[str, Any]) -> str:
    """A Vega-Lite specification as an SVG document."""
    return _answer(("svg", specification))


def bundle(entry: str) -> str:
    """JavaScript that may use Vega, Vega-Lite and Vega-Embed, with them in it."""
    return _answer(("script", entry))


def start(count: int) -> None:
    """Sees to it that ``count`` processes draw, or as many as there are processors: with one they would be in its way.

    Each is ready half a second later.
    """
    most = os.cpu_count() or 1
    with _starting, contextlib.suppress(OSError):  # without them the images take longer
        while sys.executable and most > 1 and len(_started) < min(count, most):
            _started.append(_Beside())
            _free.put(_started[-1])


def processes() -> int:
    """How many were started."""
    return len(_started)


class _Beside:
    """A process beside this one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this file, by this Python, with nothing of the user's
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def answer(self, request: Request) -> str | None:
        """What it made of a request; None where it could not. Raises ``OSError`` or ``ValueError`` where it is gone."""
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            raise OSError
        asked.write(json.dumps(request).encode() + b"\n")
        asked.flush()
        found: str | None = json.loads(told.readline())
        return found

    def end(self) -> None:
        """Ends it, whatever it is doing."""
        self._process.kill()
        self._process.wait()


_started: list[_Beside] = []
_free: queue.SimpleQueue[_Beside] = queue.SimpleQueue()
_starting = threading.Lock()


@atexit.register
def _end_all() -> None:
    for one in _started:
        one.end()


def _answer(request: Request) -> str:
    """Of a process that has nothing else to do, else made here; here too where a process has failed."""
    try:
        beside = _free.get_nowait()
    except queue.Empty:
        return _make(request)
    with contextlib.suppress(OSError, ValueError):
        found = beside.answer(request)
        _free.put(beside)  # one that is gone is not asked again
        if found is not None:
            return found
    return _make(request)


def _make(request: Request) -> str:
    kind, what = request
    if kind == "script":
        return str(vl_convert.javascript_bundle(what, vl_version=VEGA_LITE))
    return str(vl_convert.vegalite_to_svg(what, vl_version=VEGA_LITE))


def _serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """Answers line by line, with ``null`` what cannot be made, until nothing comes any more."""
    _make(("svg", NOTHING))
    for line in asked:
        found: str | None = None
        with contextlib.suppress(ValueError):
            found = _make(json.loads(line))
        told.write(json.dumps(found).encode() + b"\n")
        told.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
