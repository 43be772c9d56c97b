"""A point of a history: everything of one run at one time, prepared for a site."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from suite.errors import SuiteError
from suite.publish.downloads import write_downloads
from suite.publish.form import Form
from suite.publish.names import folder_name
from suite.publish.pages.runs import as_part
from suite.publish.private import Cleaner
from suite.publish.reading import Found, read
from suite.publish.record import EvidenceRecord, RunRecord
from suite.publish.recording import record_of
from suite.publish.rendering import as_json
from suite.publish.site_frame import Around
from suite.publish.stage import Staged, Staging, write_staged
from suite.registry import load_plugin_file, loaded_plugin_files
from suite.report.charts.theme import colours_in_force
from suite.store.address import Address, chosen, take_over

__all__ = ["Job", "Point", "address_of", "prepare_all"]

FEW = 6
"""With fewer runs than this, starting processes takes longer than they save."""


@dataclass(frozen=True)
class Job:
    """One run to be prepared; travels to another process."""

    found: Found
    around: Around
    staging: Staging
    private: bool
    """Whether paths and names of this machine are left out."""
    largest_bytes: int
    """Of an exported model that is offered."""
    recoloured: bool
    """Whether its models have other colours in the site than in the run's own report."""
    form: Form


@dataclass(frozen=True)
class Point:
    """A run as the site has it."""

    record: RunRecord
    evidence: dict[str, EvidenceRecord]
    staged: Staged
    made_from: str = ""


def address_of(name: str, task: str) -> str:
    """The folder of a history: runs of one name and task."""
    words = task.replace("_", "-")
    return folder_name(name if words in name else f"{name}-{words}")


def prepare_all(jobs: Sequence[Job]) -> list[Point | Exception]:
    """Prepares runs side by side; what could not be is the exception that says why, in its place."""
    workers = min(os.cpu_count() or 1, len(jobs))
    if len(jobs) < FEW or workers < 2:
        return [_tried(job) for job in jobs]
    # Threads may hold locks of drawing libraries, which a fork would copy: each process starts from nothing.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_begin, initargs=(chosen(), loaded_plugin_files())
    ) as pool:
        return list(pool.map(_tried, jobs, chunksize=max(1, len(jobs) // (4 * workers))))


def _begin(addresses: Mapping[Path, Address], plugins: Sequence[Path]) -> None:
    """What holds for the process that publishes, for one that it starts."""
    take_over(addresses)
    for plugin in plugins:
        load_plugin_file(plugin)


def _tried(job: Job) -> Point | Exception:
    try:
        return prepare(job)
    except (SuiteError, OSError) as error:
        return error


def prepare(job: Job) -> Point:
    """Prepares one run, its models in the colours of the site.

    Raises:
        StoreError: Where it cannot be read, or the disk is full.
    """
    with colours_in_force(job.around.colours):
        return _prepare(job)


def _prepare(job: Job) -> Point:
    cleaner = Cleaner(places=not job.private)
    one = read(job.found, cleaner)
    if job.recoloured:
        one = replace(one, stills={})
    record, evidence = record_of(one.comparison, one.spec, key=job.found.key, results_ended=one.ended_at)
    address = address_of(record.name, record.task)
    point = f"{_stamp(record.ended_at)}-{job.found.key[:8]}"
    place = f"{address}/{point}"
    files, records, missing = write_downloads(
        one.comparison, record.files, job.found.folder, place, job.staging,
        largest_bytes=job.largest_bytes, cleaner=cleaner,
    )  # fmt: skip
    record = record.model_copy(
        update={
            "address": address,
            "point": point,
            "files": records,
            "gaps": (*one.gaps, *missing),
            "made_up": job.around.made_up,
        }
    )
    staged = job.form.write_point(one, record, job.around, job.staging)
    staged.add(files)
    kept = {
        f"data/runs/{place}": record.model_dump(mode="json"),
        f"data/evidence/{place}": {cell: found.model_dump(mode="json") for cell, found in evidence.items()},
    }
    for name, content in kept.items():
        write_staged(job.staging, staged, f"{name}.json", as_json(content))
        if job.form.scripted:
            # The same for a page that was opened from disk and may read scripts only.
            write_staged(job.staging, staged, f"{name}.js", as_part(name, content))
    return Point(record, evidence, staged)


def _stamp(moment: str) -> str:
    """``20261125t213107`` of an ISO time."""
    digits = "".join(letter for letter in moment[:19] if letter.isdigit() or letter == "T")
    return digits.lower() or "never"
