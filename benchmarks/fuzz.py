"""Throws broken input at everything that reads what a person wrote or a disk kept; only ``SuiteError`` may come out.

::

    python -m benchmarks.fuzz                            # 100,000 inputs for each target
    python -m benchmarks.fuzz spec set --count 20000 --seed 7

A target is a function of a ``Random`` that makes one input and reads it.  A module ``benchmarks/fuzz_<what>.py`` holds
the targets of one kind in its own ``TARGETS``; they are gathered here.  An input is made of ``--seed`` and its number
alone, so that what is printed for a foreign error (``spec 7 1234``) makes it again.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from suite.errors import SuiteError

__all__ = ["TARGETS", "Target", "foreign_errors", "main"]

Target = Callable[[Random], None]
COUNT = 100_000
SHOWN = 20
"""Foreign errors after which a target is given up."""


def _gathered() -> dict[str, Target]:
    found: dict[str, Target] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)], prefix="benchmarks."):
        if module.name.startswith("benchmarks.fuzz_"):
            found |= importlib.import_module(module.name).TARGETS
    return found


TARGETS: dict[str, Target] = _gathered()


def foreign_errors(
    name: str, *, seed: int, count: int = COUNT, seconds: float = float("inf"), target: Target | None = None
) -> tuple[int, list[str]]:
    """How many inputs a target read, and what came out of it that is not the suite's own error.

    Args:
        name: Of the target.
        seed: Of the inputs, with their number.
        count: Inputs at most.
        seconds: Time at most.
        target: Another function than the one that is registered under ``name``.
    """
    read = target or TARGETS[name]
    found: list[str] = []
    end = time.monotonic() + seconds
    number = 0
    while number < count and time.monotonic() < end and len(found) < SHOWN:
        try:
            read(Random(f"{seed} {number}"))
        except SuiteError:
            pass
        except Exception as error:  # noqa: BLE001 - to find these is what this is for
            found.append(f"{name} {seed} {number}: {type(error).__name__}: {str(error)[:300]}")
        number += 1
    return number, found


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line, prints a line per target and one per foreign error; 1 where there was any."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all when left out")
    parser.add_argument("--count", type=int, default=COUNT, help="inputs for each target")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    unknown = set(asked.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target '{min(unknown)}'; there are {', '.join(TARGETS)}")
    bad = 0
    for name in asked.targets or TARGETS:
        started = time.monotonic()
        number, found = foreign_errors(name, seed=asked.seed, count=asked.count)
        seconds = time.monotonic() - started
        print(f"{name}: {number:,} inputs in {seconds:.0f} s, {len(found)} foreign errors", flush=True)
        for line in found:
            print(f"  {line}", flush=True)
        bad += len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
