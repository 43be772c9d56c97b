"""``python -m benchmarks [NAME ...]``: measures, prints the rows and writes them into ``benchmarks/README.md``.

Run it on a quiet machine.  Names: help, vision, again, report, probes, trial, warm, whole,
texts, generation, features, steps, reading; all of them without a name.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import command_line, fits, texts
from benchmarks.measure import Row
from benchmarks.reading import reading
from benchmarks.thousand import thousand
from benchmarks.whole import whole
from suite.devices import look_at_machine

README = Path(__file__).parent / "README.md"
PAGES = ("corruptions", "engines", "exports", "funnel", "pruning", "site", "statistics")
"""Benchmarks that write pages of their own: ``python -m benchmarks.NAME``."""
SCALE_PAGES = ("data", "overhead", "plan", "ray", "simulate", "soak", "store")
"""The same of ``python -m benchmarks.scale.NAME``."""
NAMES = (
    "help", "vision", "again", "report", "probes", "trial", "warm", "whole", "texts", "generation", "features", "steps",
    "reading",
)  # fmt: skip


def main() -> int:
    """Runs the named benchmarks. Returns 1 where a target was missed."""
    wanted = sys.argv[1:] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"unknown benchmark {unknown[0]!r}; choose from {', '.join(NAMES)}", file=sys.stderr)
        return 2
    os.environ["SUITE_CACHE_DIR"] = tempfile.mkdtemp(prefix="suite-benchmark-cache-")
    rows: list[Row] = []
    out = command_line.scratch_folder() / "vision"
    run: Row | None = None
    for name in NAMES:
        needed = name in wanted or (name == "vision" and {"again", "report", "whole"} & set(wanted))
        if not needed:
            continue
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        row = _measure(name, out, run)
        run = row if name == "vision" else run
        if name in wanted:
            rows.append(row)
            print(_line(row), flush=True)
    README.write_text(_page(merged(_table(README), [_line(row) for row in rows])), encoding="utf-8")
    return 0 if all(row.met for row in rows) else 1


def _measure(name: str, out: Path, run: Row | None) -> Row:
    if name == "whole":
        assert run is not None, "the whole needs the run before it"
        return whole(out, run.ours_seconds)
    one = {
        "help": command_line.help_text,
        "vision": lambda: command_line.vision(out),
        "again": lambda: command_line.finished_run(out),
        "report": lambda: thousand(out, out.with_name("thousand")),
        "probes": fits.probes,
        "trial": fits.one_trial,
        "warm": fits.warm_trials,
        "texts": lambda: command_line.of_texts("text", out.with_name("text")),
        "generation": lambda: command_line.of_texts("generation", out.with_name("generation")),
        "features": texts.features,
        "steps": texts.steps,
        "reading": reading,
    }
    return one[name]()


def _line(row: Row) -> str:
    peer = f"{row.peer_seconds:.1f} s" if row.peer_seconds is not None else "-"
    ratio = f"{row.ratio:.1f} x" if row.ratio is not None else "-"
    met = "yes" if row.met else "no"
    return f"| {row.what} | {row.target} | {row.ours_seconds:.2f} s | {peer} | {ratio} | {met} | {row.remark} |"


def merged(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Lines of the table with those replaced that were measured again; what is new comes last."""
    by_name = {line.split("|")[1]: line for line in old} | {line.split("|")[1]: line for line in new}
    return list(by_name.values())


def _table(page: Path) -> list[str]:
    """The lines that are there, without the head."""
    lines = page.read_text(encoding="utf-8").splitlines() if page.exists() else []
    return [line for line in lines if line.startswith("| ")][1:]


def _page(lines_of_rows: Sequence[str]) -> str:
    machine = look_at_machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "keras-hub", "scikit-learn"))
    lines = [
        "# Benchmarks",
        "",
        "Written by `python -m benchmarks`, both sides measured in the same run on a quiet machine.",
        "",
        f"Machine: {machine.processor}, {machine.words}. Python {sys.version.split()[0]}, {packages}.",
        "",
        "| what | at least | the suite | the peer | ratio | met | remark |",
        "|---|---|---|---|---|---|---|",
        *lines_of_rows,
        "",
        "Written by `python -m benchmarks.NAME` into pages of their own: "
        + ", ".join(f"[{name}]({name}.md)" for name in PAGES)
        + "; by `python -m benchmarks.scale.NAME`: "
        + ", ".join(f"[{name}](scale/{name}.md)" for name in SCALE_PAGES)
        + ".",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
