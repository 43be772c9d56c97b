"""Target of ``benchmarks.fuzz``: ``suite new`` on damaged tables, odd folders, paths and column names."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from suite.devices import Machine
from suite.runner.starter import first_spec

__all__ = ["TARGETS"]

MACHINE = Machine("Linux", "a processor", 2, 8_000_000_000, ())
ROWS = "\n".join(
    ["id,review,stars", *(f"{n},the {n * 37 % 101} words of review {n} are these,{n % 3 + 1}" for n in range(24)), ""]
).encode()
PATHS = (
    "x" * 300 + ".csv",
    "a\0b.csv",
    "~nobody-of-that-name/x.csv",
    "",
    ".",
    "/",
    "/dev/null",
    "no/such.jsonl",
    "no/such",
)
DAMAGE = (b"", b"\0", b'"', b"\xff\xfe", b"\n", b",", b"\r", b"\x80", b"," * 300, b"\n\n\n", b"{", b"PAR1", b"1" * 5000)
COLUMNS = (None, None, None, "review", "stars", "id", "", "no", "\ud800", "x" * 300)


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="suite-fuzz-new-"))


def new(rng: Random) -> None:
    """``suite new`` on a table whose bytes were changed, or on a path that holds nothing good."""
    if rng.random() < 0.1:
        path = Path(rng.choice(PATHS))
    else:
        content = ROWS
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            at = rng.randrange(len(content) + 1)
            content = content[:at] + rng.choice(DAMAGE) + content[at + rng.choice((0, 1, 3, 40)) :]
        path = _folder() / f"t{rng.choice(('.csv', '.csv', '.tsv', '.jsonl', '.csv.gz', '.parquet', '.zip'))}"
        path.write_bytes(content)
    minutes = rng.choice((0.001, 1.0, 5.0, 1e9, float("inf"), float("nan"))) if rng.random() < 0.1 else 5.0
    first_spec(path, minutes=minutes, machine=MACHINE, text=rng.choice(COLUMNS), label=rng.choice(COLUMNS))


TARGETS = {"new": new}
