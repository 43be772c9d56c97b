"""What one benchmark gives, and how it is run: in a fresh process, since TensorFlow remembers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Row", "in_fresh_process"]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    target: str
    ours_seconds: float
    peer_seconds: float | None
    """None where the target is a time, not a ratio."""
    met: bool
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times faster than the peer."""
        return None if self.peer_seconds is None else self.peer_seconds / self.ours_seconds

    def as_json(self) -> dict[str, Any]:
        """For the process that writes the table."""
        return asdict(self)


def in_fresh_process(module: str, *arguments: str) -> Any:
    """Runs ``python -m module arguments`` and returns the JSON of its last line on stdout."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def answer(function: Callable[[], Any]) -> None:
    """Prints what ``function`` returns as the JSON line that ``in_fresh_process`` reads."""
    print(json.dumps(function()))
