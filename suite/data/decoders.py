"""Pictures decoded by processes of their own: that of small ones is mostly Python, where threads wait for one another.

These are plain programs and no ``multiprocessing``: a worker is a daemon and may have no children of that kind. They
import no TensorFlow, and end when what started them does, since their input then ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.decoding import resize_image

__all__ = ["FEWEST_APART", "Decode", "decoders", "main"]

FEWEST_APART = 5_000
"""Pictures from which processes are worth the second that they take to start."""
MOST_PROCESSES = 8

Decode = Callable[[int, int], "NDArray[np.uint8] | None"]
"""Pictures from one position to before another, ``(n, height, width, 3)``; None where one of them cannot be had so, and
the caller has to see for itself why."""


@contextlib.contextmanager
def decoders(read: Callable[[int], Any], size: tuple[int, int]) -> Iterator[tuple[Decode, int]]:
    """Starts one process per core, and ends them.

    Args:
        read: Gives the picture at a position. Where it cannot be sent to another process, none decodes.
        size: Height and width that pictures are brought to.

    Returns:
        What decodes, for as many threads as there are processes, and how many those are.
    """
    count = min(MOST_PROCESSES, os.cpu_count() or 1)
    idle: queue.SimpleQueue[subprocess.Popen[bytes] | None] = queue.SimpleQueue()
    started: list[subprocess.Popen[bytes]] = []
    try:
        work = pickle.dumps((read, size))
    except Exception:  # noqa: BLE001 - what cannot be pickled raises almost anything
        count = 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "-m", "suite.data.decoders"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
            started.append(process)
            idle.put(process if _send(process, work) else None)

        def decode(start: int, stop: int) -> NDArray[np.uint8] | None:
            process = idle.get() if started else None
            if process is None:
                made = None
            elif (made := _ask(process, start, stop)) is None and process.poll() is not None:
                process = None  # it is gone; the caller goes on without
            if started:
                idle.put(process)
            return made

        yield decode, max(1, count)
    finally:
        for process in started:
            with contextlib.suppress(OSError):
                process.communicate()


def _send(process: subprocess.Popen[bytes], message: bytes) -> bool:
    """Whether the process took it."""
    assert process.stdin is not None, "opened as a pipe"  # noqa: S101 - for the type checker
    try:
        process.stdin.write(message)
        process.stdin.flush()
    except OSError:
        return False
    return True


def _ask(process: subprocess.Popen[bytes], start: int, stop: int) -> NDArray[np.uint8] | None:
    assert process.stdout is not None, "opened as a pipe"  # noqa: S101 - for the type checker
    if not _send(process, pickle.dumps((start, stop))):
        return None
    try:
        made: NDArray[np.uint8] | None = pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        return None
    return made


def main() -> None:
    """What such a process does: reads what to decode on stdin, and writes the pictures to stdout."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is not a picture
    with contextlib.suppress(EOFError, BrokenPipeError):
        read, size = pickle.load(asked)
        while True:
            start, stop = pickle.load(asked)
            made = None
            with contextlib.suppress(Exception):
                made = np.stack([resize_image(read(index), size) for index in range(start, stop)])
            pickle.dump(made, answers, protocol=5)
            answers.flush()


if __name__ == "__main__":
    main()
