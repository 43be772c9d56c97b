"""What turns specifications into pictures: in this process and, where it was started, in one beside it.

vl-convert draws one picture at a time in a process, and holds no lock of Python's meanwhile.  This file is also what
the process beside it runs: one specification per line comes in, one picture per line goes out.  It ends with its input.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import subprocess
import sys
import threading
from typing import IO, Any

import vl_convert

__all__ = ["VEGA_LITE", "draw", "start", "start_beside"]

VEGA_LITE = "v6.4"
NOTHING = {"data": {"values": [{}]}, "mark": "point"}
_here = threading.Lock()


def draw(specification: dict[str, Any]) -> str:
    """A Vega-Lite specification as an SVG document; in the process beside this one where this one is drawing."""
    if not _here.acquire(blocking=False):
        drawn = _Beside.started.draw(specification) if _Beside.started is not None else None
        if drawn is not None:
            return drawn
        _here.acquire()
    try:
        return _draw_here(specification)
    finally:
        _here.release()


@functools.cache
def start() -> None:
    """Does what has to be done before the first picture and takes half a second."""
    draw(NOTHING)


@functools.cache
def start_beside() -> None:
    """Starts a process that draws too, where there is a second processor for it; it is ready half a second later."""
    if (os.cpu_count() or 1) > 1 and sys.executable:
        with contextlib.suppress(OSError):  # without it the pictures take longer
            _Beside.started = _Beside()
            atexit.register(_Beside.started.end)


class _Beside:
    """The process beside this one."""

    started: _Beside | None = None

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this file, by this Python, with nothing of the user's
            [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._turn = threading.Lock()

    def draw(self, specification: dict[str, Any]) -> str | None:
        """The picture, or None where the process could not draw it or is gone."""
        if not self._turn.acquire(blocking=False):
            return None
        try:
            return self._answer(specification)
        except (OSError, ValueError):
            return None
        finally:
            self._turn.release()

    def end(self) -> None:
        """Ends it, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def _answer(self, specification: dict[str, Any]) -> str | None:
        asked, told = self._process.stdin, self._process.stdout
        if asked is None or told is None:
            return None
        asked.write(json.dumps(specification).encode() + b"\n")
        asked.flush()
        answer: str | None = json.loads(told.readline())
        return answer


def _draw_here(specification: dict[str, Any]) -> str:
    return str(vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE))


def _serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """Draws what comes in, a line of ``null`` for what cannot be drawn, until nothing comes any more."""
    _draw_here(NOTHING)
    for line in asked:
        drawn: str | None = None
        with contextlib.suppress(ValueError):
            drawn = _draw_here(json.loads(line))
        told.write(json.dumps(drawn).encode() + b"\n")
        told.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
