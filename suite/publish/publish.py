"""Runs to one static site: what is new is made, what is gone is removed, what is the same stays."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suite.errors import ScratchError, StoreError, SuiteError
from suite.publish.changes import changes_of
from suite.publish.collection import Collection, collect
from suite.publish.colours import site_colours
from suite.publish.feed import feed, site_map
from suite.publish.form import Arranged, Form
from suite.publish.generators.address import section_of
from suite.publish.generators.markdown import markdown_at
from suite.publish.names import folder_name
from suite.publish.over_runs import verdicts_over_runs
from suite.publish.pages.boards import board_pages
from suite.publish.pages.compare import compare_page
from suite.publish.pages.datasets import dataset_pages
from suite.publish.pages.histories import history_pages
from suite.publish.pages.index import index_page
from suite.publish.pages.models import model_pages
from suite.publish.pages.page import missing_page
from suite.publish.pages.runs import write_run
from suite.publish.points import Job, Point, address_of, prepare_all
from suite.publish.private import Cleaner
from suite.publish.published_state import Standing, kept_evidence, kept_records, standing
from suite.publish.reading import Found, Read, find
from suite.publish.record import CutFile, RunRecord
from suite.publish.rendering import as_json, write_pages
from suite.publish.schema import site_schema
from suite.publish.site_frame import Around, write_assets
from suite.publish.stage import Manifest, Staged, Staging, gone, write_staged
from suite.publish.targets.address import open_target
from suite.publish.targets.target import MARKER, Target
from suite.report.charts.theme import colours_in_force, model_colours
from suite.store.address import address_of as database_of
from suite.version import __version__

__all__ = ["Published", "checked_address", "publish"]

TITLE = "Model comparisons"
Say = Callable[[str], object]


@dataclass(frozen=True)
class Published:
    """What was done."""

    shown: str
    """Where the site is, without credentials."""
    runs: int
    """Comparisons in it."""
    points: int
    """Times that they were run."""
    made: int
    """Points whose pages were made now."""
    written: int
    """Files written."""
    removed: int
    unchanged: int
    gaps: tuple[CutFile, ...]
    """What should be there and could not be published."""
    seconds: float
    note: str
    """What the target has to say; often empty."""


def publish(
    runs: Sequence[Path],
    to: str,
    *,
    title: str | None = None,
    base_url: str | None = None,
    keep: bool = False,
    force: bool = False,
    places: bool = False,
    largest_model_mb: float = 10.0,
    made_up: bool = False,
    say: Say = lambda _: None,
) -> Published:
    """Publishes runs, with every earlier point of their histories that the site has.

    Args:
        runs: Folders that ``suite run`` wrote, or folders of such folders.
        to: A folder, ``git:REMOTE#BRANCH``, an address that fsspec knows, ``mkdocs:DIR``, ``hugo:DIR``, ``jekyll:DIR``.
        title: Of the site; the one that it has, else "Model comparisons".
        base_url: Its address, for permanent links, the feed and the site map; the one that it has.
        keep: Keep comparisons of the site that are not among ``runs``; so are all where some run cannot be read.
        force: Write into a place that holds something else.
        places: Tell paths and names of this machine.
        largest_model_mb: Of an exported model that is offered for download; 1 MB is 10^6 bytes.
        made_up: Say on every page that numbers were made up.
        say: Told what goes on.

    Raises:
        SuiteError: Where there is nothing to publish, or the target cannot be written; the old site still stands.
    """
    if not math.isfinite(largest_model_mb):
        raise SuiteError(f"--largest-model-mb {largest_model_mb}: expected a size, such as 10.")
    base_url = checked_address(base_url) if base_url is not None else None
    asked = _Asked(title, base_url, places, round(largest_model_mb * 1e6), made_up)
    form, place = _opened(to, force=force)
    return _publish(runs, form, place, asked, keep=keep, say=say)


@dataclass(frozen=True)
class _Asked:
    """How the site is to look."""

    title: str | None
    base_url: str | None
    places: bool
    largest_bytes: int
    made_up: bool


def _opened(to: str, *, force: bool) -> tuple[Form, Target]:
    section = section_of(to)
    return markdown_at(section, force=force) if section is not None else (_Site(), open_target(to, force=force))


def _publish(runs: Sequence[Path], form: Form, place: Target, asked: _Asked, *, keep: bool, say: Say) -> Published:
    started = time.perf_counter()
    options = json.dumps([asked.places, asked.largest_bytes, asked.made_up])
    found, gaps = _find_all(runs, options, Cleaner(places=asked.places), say)
    with place as target:
        old = standing(target)
        staging, staged = Staging(target.scratch, old.known), Staged()
        around = _around(old.manifest, found, asked, form.write_assets(staging, staged))
        # A run that cannot be looked at now may be one of the site's: nothing of it is removed for that.
        staying = None if keep or gaps else {address_of(one.name, one.task) for one in found}
        kept, lost = kept_records(target, old, staying)
        jobs, same = _to_do(found, kept, old, around)
        say(f"{len(jobs)} of {len(found)} runs are new or changed.")
        made, failed = _prepare(
            [
                Job(one, around, staging, not asked.places, asked.largest_bytes, _recoloured(one, around), form)
                for one in jobs
            ],
            say,
        )
        collection = collect([*kept.values(), *(point.record for point in made)])
        gaps = (*gaps, *lost, *failed, *_gaps_of(collection))
        _refuse_nothing(collection, runs, gaps)
        points = _take_over(collection, made, same, old, staged)
        around = replace(around, made_up=collection.made_up)
        with colours_in_force(around.colours):
            evidence = kept_evidence(collection, made, target)
            over_runs = verdicts_over_runs(collection, evidence, target.read)
            arranged = Arranged(collection, evidence, changes_of(collection, evidence), over_runs, gaps)
            form.write_pages(arranged, around, staging, staged)
        removed, note = _bring(target, around, points, old, staging, staged)
    return Published(
        shown=target.shown,
        runs=len(collection.histories),
        points=len(points),
        made=len(made),
        written=len(staged.changed),
        removed=len(removed),
        unchanged=len(staged.files) - len(staged.changed),
        gaps=gaps,
        seconds=time.perf_counter() - started,
        note=form.finish(around) or note,
    )


def _around(manifest: Manifest | None, found: Sequence[Found], asked: _Asked, assets: Mapping[str, str]) -> Around:
    """What surrounds every page: as it is asked for, else as the site has it."""
    title = asked.title or (manifest.title if manifest else TITLE)
    base_url = asked.base_url or (manifest.base_url if manifest else None)
    colours = site_colours([one.models for one in found], manifest.colours if manifest else {})
    return Around(title, base_url, assets, asked.made_up, colours)


def _bring(  # noqa: PLR0917 - each of these is another thing
    target: Target, around: Around, points: dict[str, str], old: Standing, staging: Staging, staged: Staged
) -> tuple[list[str], str]:
    """Brings what was prepared to its place; returns what was removed, and what the target has to say."""
    manifest = Manifest(
        suite=__version__,
        title=around.title,
        base_url=around.base_url,
        colours=dict(around.colours),
        points=points,
        files=dict(sorted(staged.files.items())),
    )
    if staged.changed or manifest != old.manifest:
        write_staged(staging, staged, MARKER, manifest.model_dump_json(indent=0) + "\n")
    removed = gone([*(old.manifest.files if old.manifest else ()), *target.unsure], staged.files)
    return removed, target.write(staged.changed, removed) if staged.changed or removed else ""


def checked_address(base_url: str) -> str:
    """The address with a ``/`` at its end. Raises ``SuiteError`` where it is none of the web."""
    from urllib.parse import urlsplit

    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment or parts.password:
        raise SuiteError(
            f"--base-url {parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl()}: expected the address where "
            "the site will be read, such as https://ann.github.io/models/."
        )
    return base_url.rstrip("/") + "/"


def _find_all(
    runs: Sequence[Path], options: str, cleaner: Cleaner, say: Say
) -> tuple[list[Found], tuple[CutFile, ...]]:
    """The runs that can be looked at, each once, and those that cannot."""
    found: dict[str, Found] = {}
    gaps = []
    for folder in _folders(runs):
        try:
            one = find(folder, options=options)
        except (SuiteError, ValueError, KeyError, OSError) as error:
            gaps.append(CutFile(what=f"the run {folder.name}", reason=_reason(error, folder, say)))
            continue
        told = replace(one, models=tuple(map(cleaner.text, one.models)))
        found.setdefault(f"{address_of(one.name, one.task)}/{one.key}", told)
    return list(found.values()), tuple(gaps)


def _folders(runs: Sequence[Path]) -> list[Path]:
    """Runs as they were given; of a folder that is none, the runs in it."""
    folders = []
    for run in runs:
        inner = [] if (run / "store").is_dir() or not run.is_dir() else sorted(run.glob("*/store"))
        folders += [one.parent for one in inner] or [run]
    return list(dict.fromkeys(folders))


def _reason(error: Exception, folder: Path, say: Say) -> str:
    """Without the folder's whole path or a database's address, which are nobody's business."""
    with contextlib.suppress(StoreError):
        if isinstance(error, StoreError) and database_of(folder) is not None:
            say(str(error))
            return "it cannot be read from its database."
    said = str(error) if isinstance(error, SuiteError) else f"its store is damaged ({type(error).__name__}: {error})"
    told = said.replace(str(folder.resolve()), folder.name).replace(str(folder), folder.name)
    return told.removeprefix(f"{folder.name}: ")


def _refuse_nothing(collection: Collection, runs: Sequence[Path], gaps: Sequence[CutFile]) -> None:
    if collection.histories:
        return
    if gaps:
        raise SuiteError(f"nothing can be published. {gaps[0].what}: {gaps[0].reason}")
    shown = ", ".join(map(str, runs)) or "no folder"
    raise SuiteError(f"{shown}: holds no run to publish; run a spec first: suite run SPEC.")


def _to_do(
    found: Sequence[Found], kept: dict[str, RunRecord], old: Standing, around: Around
) -> tuple[list[Found], dict[str, str]]:
    """Runs whose pages are to be made, and the points that stay with what they were made from."""
    stand = dict(old.manifest.points) if old.manifest else {}
    by_key = {(record.address, record.key): name for name, record in kept.items()}
    surroundings = json.dumps([around.title, around.base_url, dict(around.assets)], sort_keys=True)
    jobs, same = [], {name: stand[name] for name in kept}
    for one in found:
        made_from = folder_name(one.made_from, surroundings, *(around.colours[name] for name in one.models))
        name = by_key.get((address_of(one.name, one.task), one.key))
        if name is not None and stand.get(name) == made_from and old.has_all_of(name):
            continue
        jobs.append(replace(one, made_from=made_from))
        if name is not None:
            same.pop(name, None)
    return jobs, same


def _recoloured(one: Found, around: Around) -> bool:
    own = model_colours(one.models)
    return any(around.colours[name] != colour for name, colour in own.items())


def _prepare(jobs: Sequence[Job], say: Say) -> tuple[list[Point], tuple[CutFile, ...]]:
    made, gaps = [], []
    for one, outcome in zip((job.found for job in jobs), prepare_all(jobs), strict=True):
        if isinstance(outcome, Point):
            made.append(replace(outcome, made_from=one.made_from))
        elif isinstance(outcome, ScratchError):
            raise outcome
        else:
            gaps.append(CutFile(what=f"the run {one.folder.name}", reason=_reason(outcome, one.folder, say)))
    return made, tuple(gaps)


def _gaps_of(collection: Collection) -> list[CutFile]:
    """What the newest points should have and lack, whenever their pages were made."""
    return [
        gap.model_copy(update={"what": f"{run.title}: {gap.what}"}) for run in collection.latest for gap in run.gaps
    ]


def _take_over(
    collection: Collection, made: Sequence[Point], same: Mapping[str, str], old: Standing, staged: Staged
) -> dict[str, str]:
    """Adds the files of every point that the new site has; returns what each was made from."""
    new = {point.record.id: point for point in made}
    points = {}
    for history in collection.histories:
        for record in history.points:
            if record.id in new:
                staged.add(new[record.id].staged)
                points[record.id] = new[record.id].made_from
            else:
                files = old.manifest.files if old.manifest else {}
                staged.files.update({path: files[path] for path in old.by_point.get(record.id, ())})
                points[record.id] = same.get(record.id, "")
    return points


class _Site:
    """The form of a site of its own."""

    scripted = True

    def finish(self, around: Around) -> str:
        return ""

    def write_assets(self, staging: Staging, staged: Staged) -> dict[str, str]:
        return write_assets(staging, staged)

    def write_point(self, read: Read, record: RunRecord, around: Around, staging: Staging) -> Staged:
        return write_run(read, record, around, staging)

    def write_pages(self, arranged: Arranged, around: Around, staging: Staging, staged: Staged) -> None:
        _write_pages(arranged, around, staging, staged)


def _write_pages(arranged: Arranged, around: Around, staging: Staging, staged: Staged) -> None:
    """Everything that is made from all points together."""
    collection, changes = arranged.collection, arranged.changes
    pages = [
        index_page(collection, around.title, arranged.gaps),
        *board_pages(collection, arranged.over_runs),
        *model_pages(collection),
        *dataset_pages(collection),
        *history_pages(collection, changes),
        compare_page(collection),
        *missing_page(around),
    ]
    write_pages(pages, around, staging, staged)
    runs = [f"runs/{record.id}/index.html" for history in collection.histories for record in history.points]
    addresses = site_map([*runs, *(page.path for page in pages if page.listed)], around)
    if addresses is not None:
        write_staged(staging, staged, "sitemap.xml", addresses)
    write_staged(staging, staged, "feed.xml", feed(collection, changes, around))
    write_staged(staging, staged, "data/schema.json", as_json(site_schema()))
    # Without it GitHub would take the site for one of Jekyll's and leave files out.
    write_staged(staging, staged, ".nojekyll", "")
