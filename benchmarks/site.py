"""``python -m benchmarks.site``: a site of 200 runs of 50 trials each; writes ``benchmarks/site.md``.

The runs are made from one real run with varied answers; see ``benchmarks.site_runs``.  Measured are the first build,
a build with nothing new, builds after one new run, the size of the site and of its first page, and how soon that is
usable in headless Chromium.  asv and benchopt make sites of the same results.  Needs ``pip install playwright``, and
Chromium on the PATH, for the time of the first page; takes less than ten minutes.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import suite
from benchmarks.measure import in_fresh_process
from benchmarks.page_time import LOADS, PageTime, chromium, page_time, weight
from benchmarks.site_peers import Peer, asv_site, benchopt_site, install, trials_of
from benchmarks.site_runs import Size, real_run, run_folders, varied_runs
from suite.devices import look_at_machine

__all__ = ["Measured", "main", "measured", "page"]

PAGE = Path(__file__).with_suffix(".md")
MOST_SECONDS, MOST_AGAIN_SECONDS, MOST_BYTES, MOST_USABLE_MS = 60.0, 5.0, 300_000, 1000.0
BESIDE = "## Beside other tools"
BEFORE_CHARTS = (".html", ".css", ".js", ".svg")
PEERS = {"asv": asv_site, "benchopt": benchopt_site}


@dataclass(frozen=True)
class Measured:
    """What the suite took, wall seconds of whole processes."""

    points: int
    first_seconds: float
    same_seconds: float
    """With nothing new."""
    new_seconds: tuple[float, ...]
    """After one new run, each time."""
    files: int
    bytes: int
    index_bytes: tuple[int, int]
    """Of ``index.html``: as it lies, and compressed."""
    first_page: PageTime | None
    """None where there is no browser."""
    loaded: tuple[int, int, int]
    """What the first page loads before charts: files, bytes, and bytes compressed."""
    remark: str = ""
    """Why there is no time of the first page."""


def main() -> int:
    """Measures, prints and writes the page. Returns 1 where a target was missed."""
    size = Size()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="suite-benchmark-") as name:
        folder = Path(name)
        os.environ["SUITE_CACHE_DIR"] = str(folder / "cache")
        say("a real run")
        source = real_run(folder / "real", size)
        say("variations of it")
        variations = varied_runs(source, folder / "variations", size)
        say(f"{size.runs} runs")
        runs, later = run_folders(variations, folder, size)
        say("the site")
        ours = measured(runs, later, folder / "site")
        trials = [trials_of(run) for run in sorted(runs.glob("run-*"))][: size.runs + 1]
        peers = [made_by(name, build, trials, folder) for name, build in PEERS.items()]
        lines = page(size, ours, [*map(row_of_peer, peers)], time.perf_counter() - started)
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    targets = lines[: lines.index(BESIDE)]
    return 0 if all(" no |" not in line for line in targets) else 1


def say(what: str) -> None:
    """Progress."""
    print(f"{what} ...", file=sys.stderr, flush=True)


def measured(runs: Path, later: Sequence[Path], site: Path, *, times: int = 3) -> Measured:
    """Publishes the runs, again with nothing new, and once more after each of the later ones.

    Args:
        runs: The folder of the runs; the later ones are moved there.
        later: Runs that come one by one.
        site: A folder that is not there yet.
        times: How often it is published with nothing new.
    """
    done, first = published(runs, site)
    assert done["gaps"] == [], done["gaps"]
    same = []
    for _ in range(times):
        done, seconds = published(runs, site)
        assert done["written"] == done["made"] == 0, done
        same.append(seconds)
    points, files = done["points"], [path for path in site.rglob("*") if path.is_file()]
    index = (site / "index.html").read_bytes()
    usable, remark = first_page_of(site)
    loaded = tuple(one for one in usable.loaded if one.endswith(BEFORE_CHARTS)) if usable else ()
    total = sum(path.stat().st_size for path in files)
    new = []
    for run in later:
        run.rename(runs / run.name)
        done, seconds = published(runs, site)
        assert done["made"] == 1, done
        new.append(seconds)
    return Measured(
        points=points,
        first_seconds=first,
        same_seconds=statistics.median(same),
        new_seconds=tuple(new),
        files=len(files),
        bytes=total,
        index_bytes=(len(index), len(gzip.compress(index, mtime=0))),
        first_page=usable,
        loaded=(len(loaded), *weight(site, loaded)),
        remark=remark,
    )


def published(runs: Path, site: Path) -> tuple[dict[str, Any], float]:
    """What was done, and the wall seconds of the process that did it."""
    started = time.perf_counter()
    done: dict[str, Any] = in_fresh_process("benchmarks.one_site", str(site), str(runs))
    return done, time.perf_counter() - started


def first_page_of(site: Path) -> tuple[PageTime | None, str]:
    """How soon it is usable, or why that is not known."""
    if chromium() is None:
        return None, "Chromium is not on the PATH"
    try:
        return page_time(site), ""
    except ImportError:
        return None, "playwright is not installed"


def made_by(name: str, build: Callable[..., Peer], trials: Sequence[Any], folder: Path) -> Peer:
    """The site of another tool; where there is none, the reason."""
    say(name)
    try:
        return build(install(folder / f"{name}-environment", name), trials, folder / name)
    except (RuntimeError, OSError) as error:
        return Peer(name, "", None, None, None, remark=" ".join(str(error).split())[:300])


def row_of_peer(peer: Peer) -> str:
    """Its line of the table; made while its site is there."""
    if peer.site is None:
        return f"| {peer.name} | no site: {peer.remark.replace('|', '/')} | | | | | |"
    files = [path for path in peer.site.rglob("*") if path.is_file()]
    again = (
        f"{peer.again_seconds:.1f} s" if peer.again_seconds is not None else "not measured; it makes everything again"
    )
    total = sum(path.stat().st_size for path in files)
    return (
        f"| `{peer.name}` {peer.version} | {peer.seconds:.1f} s | {again} | {len(files):,} | {megabytes(total)} | "
        f"{peer.strangers} scripts and styles | no |"
    )


def page(size: Size, ours: Measured, peers: Sequence[str], seconds: float) -> list[str]:
    """The page's lines."""
    machine = look_at_machine()
    new = statistics.median(ours.new_seconds)
    return [
        f"# A site of {size.runs} runs of {size.trials} trials each",
        "",
        (
            f"Written by `python -m benchmarks.site` in {seconds / 60:.0f} minutes, all of it measured in one run. "
            f"{machine.processor}, {machine.words}. Python {sys.version.split()[0]}, suite {suite.__version__}, "
            f"{of_package('playwright')}."
        ),
        "",
        (
            f"One real run was made: {size.models} models of the suite's own weights, linear probe and last stage, "
            f"{size.seeds} seeds. {size.variations} variations of its answers on the test set were scored and reported "
            f"by the suite, and each was told {size.data_sets} times under other names of models, data and runs. "
            "Every page of the site says that its numbers are made up."
        ),
        "",
        "| target | measured | met |",
        "|---|---|---|",
        (
            f"| first build under {MOST_SECONDS:.0f} s | {ours.first_seconds:.1f} s | "
            f"{met(ours.first_seconds < MOST_SECONDS)} |"
        ),
        (
            f"| again after one new run under {MOST_AGAIN_SECONDS:.0f} s | {new:.1f} s (median of "
            f"{', '.join(f'{one:.1f}' for one in ours.new_seconds)}) | {met(new < MOST_AGAIN_SECONDS)} |"
        ),
        f"| again with nothing new | {ours.same_seconds:.1f} s, no file written | - |",
        *lines_of_first_page(ours),
        "",
        (
            f"The site has {ours.points} points, {ours.files:,} files and {megabytes(ours.bytes)}. `index.html` is "
            f"{kilobytes(ours.index_bytes[0])}, compressed {kilobytes(ours.index_bytes[1])}."
        ),
        "",
        BESIDE,
        "",
        (
            f"The same {size.runs * size.trials:,} scores: a commit for every run for asv, a benchmark for every data "
            "set and a result file for every run for benchopt. Both make their whole site again after a new run. Their "
            "pages draw curves and tables of the scores in the browser, and load scripts from other servers, so that "
            "they do not work offline, and the time of their first pages was not taken. The suite's site holds the "
            "report of every run with its intervals and charts, leaderboards over runs, and what changed from one run "
            "to the next."
        ),
        "",
        "| | first build | after one new run | files | bytes | first page loads from other servers | intervals |",
        "|---|---|---|---|---|---|---|",
        (
            f"| suite {suite.__version__} | {ours.first_seconds:.1f} s | {new:.1f} s | {ours.files:,} | "
            f"{megabytes(ours.bytes)} | nothing | yes |"
        ),
        *peers,
        "",
    ]


def lines_of_first_page(ours: Measured) -> list[str]:
    """Rows of the first page."""
    one = ours.first_page
    if one is None:
        return [f"| first page usable within {MOST_USABLE_MS / 1000:.0f} s | not measured: {ours.remark} | - |"]
    files, lie, sent = ours.loaded
    return [
        (
            f"| first page at most {kilobytes(MOST_BYTES)} over the wire before charts | {kilobytes(sent)} compressed, "
            f"{kilobytes(lie)} as they lie, {files} files | {met(lie <= MOST_BYTES)} |"
        ),
        (
            f"| first page usable within {MOST_USABLE_MS / 1000:.0f} s in headless Chromium | "
            f"{one.usable_ms / 1000:.2f} s; first contentful paint {one.paint_ms / 1000:.2f} s, "
            f"`DOMContentLoaded` {one.content_ms / 1000:.2f} s (medians of {LOADS} cold loads) | "
            f"{met(one.usable_ms <= MOST_USABLE_MS)} |"
        ),
    ]


def of_package(name: str) -> str:
    """Its name and version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"without {name}"


def met(good: bool) -> str:
    """Whether a target was met."""
    return "yes" if good else "no"


def kilobytes(count: int) -> str:
    """1 kB is 1,000 bytes."""
    return f"{count / 1000:,.0f} kB"


def megabytes(count: int) -> str:
    """1 MB is 10^6 bytes."""
    return f"{count / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
