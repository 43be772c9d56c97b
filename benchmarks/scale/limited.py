"""A command under a limit of memory, and the most that each of its processes held.

The limit is a control group of the kernel (``memory``, version 1 or 2) below the group of this process, which counts
what all processes of the command hold together, pages of files included.  Where such a group cannot be made the
command runs without, and only what is measured tells whether it would have held.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

__all__ = ["Ran", "run_limited"]

EVERY_SECONDS = 0.2
_GROUPS = Path("/sys/fs/cgroup")


@dataclass
class Ran:
    """What a command took."""

    returncode: int = -1
    seconds: float = 0.0
    output: str = ""
    """What it wrote on stdout and stderr."""
    limited: bool = False
    """Whether the kernel held it to the limit."""
    peaks: dict[int, tuple[str, int]] = field(default_factory=dict)
    """By process id: its name, and the most bytes it held at once (VmHWM, pages of files included)."""
    together: int = 0
    """The most bytes that all of them held at once, looked at every 0.2 s; a page that two share counts twice."""

    @property
    def parent_peak(self) -> int:
        """Of the command itself, which plans and writes the store."""
        return next(iter(self.peaks.values()))[1] if self.peaks else 0

    @property
    def worker_peak(self) -> int:
        """Of the largest process below it."""
        return max((peak for _, peak in list(self.peaks.values())[1:]), default=0)


def run_limited(words: Sequence[str], limit_bytes: int, *, environment: dict[str, str] | None = None) -> Ran:
    """Runs a command to its end. A process that passes the limit is killed by the kernel."""
    ran = Ran()
    with _group(limit_bytes) as group:
        ran.limited = group is not None
        # The command moves itself before it starts: whatever it starts is in the group, too.
        mover = (
            "import os, sys; sys.argv[1] and open(sys.argv[1], 'w').write('0'); os.execvp(sys.argv[2], sys.argv[2:])"
        )
        prefix = [sys.executable, "-S", "-c", mover, str(group / "cgroup.procs") if group else ""]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*prefix, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        watched = psutil.Process(process.pid)
        output = []
        os.set_blocking(process.stdout.fileno(), False)  # type: ignore[union-attr]
        while process.poll() is None:
            _look(watched, ran)
            output.append(_read(process))
            time.sleep(EVERY_SECONDS)
        output.append(_read(process))
        ran.returncode, ran.seconds = process.returncode, time.perf_counter() - began
        ran.output = "".join(output)
    return ran


def _read(process: subprocess.Popen[str]) -> str:
    with contextlib.suppress(TypeError, BlockingIOError):
        return process.stdout.read() or ""  # type: ignore[union-attr]
    return ""


def _look(root: psutil.Process, ran: Ran) -> None:
    """Notes what every process of the tree holds now and has held at the most."""
    together = 0
    with contextlib.suppress(psutil.Error):
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error, OSError, KeyError):
                status = dict(
                    line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
                )
                together += _bytes(status["VmRSS"])
                # A worker sets its high-water mark back when a trial begins.
                before = ran.peaks.get(process.pid, ("", 0))[1]
                ran.peaks[process.pid] = (status["Name"].strip(), max(before, _bytes(status["VmHWM"])))
    ran.together = max(ran.together, together)


def _bytes(text: str) -> int:
    return int(text.split(maxsplit=1)[0]) * 1024


@contextlib.contextmanager
def _group(limit_bytes: int) -> Iterator[Path | None]:
    """A control group with a limit of memory; None where this process may not make one."""
    made = None
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in {"memory", ""}:
            continue
        above = _GROUPS / controllers / path.lstrip("/")
        name = "memory.limit_in_bytes" if controllers else "memory.max"
        group = above / f"suite-{uuid.uuid4().hex[:8]}"
        with contextlib.suppress(OSError):
            group.mkdir()
            made = group
            (group / name).write_text(str(limit_bytes))
            break
        if made is not None:
            made.rmdir()
            made = None
    try:
        yield made
    finally:
        if made is not None:
            with contextlib.suppress(OSError):
                made.rmdir()
