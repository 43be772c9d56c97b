"""Results of several machines joined: each trial once, what contradicts another kept apart, nothing lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from suite.compare.number_format import plural
from suite.errors import StoreError, SuiteError
from suite.lint.subjects import CHECKS_FILE
from suite.runner.funnel import Funnel
from suite.runner.merging.apart import Apart, keep_apart, place_apart
from suite.runner.merging.copying import bring_exports, bring_results
from suite.runner.merging.documents import Joined, join_checks, join_documents
from suite.runner.merging.merged import Merged
from suite.runner.merging.sameness import version_differences, versions
from suite.runner.merging.sources import Source, read_sources, short_names
from suite.runner.merging.verdicts import Share, shares_of
from suite.spec.plan import Plan, make_plan
from suite.spec.spec import parse_stored_spec
from suite.store.address import StoreChoice
from suite.store.atomic_write import write_by_rename
from suite.store.records.slices import SLICES, slices_text
from suite.store.store import Store, open_store

__all__ = ["Merged", "attach_all", "merge"]

CLAIM = "merge"
"""What a merge claims, so that two at once do not write to one store."""


def merge(folders: Sequence[Path], into: Path, *, tell: Callable[[str], None] = lambda _: None) -> Merged:
    """Joins the results of several runs in one folder, which ``suite run``, ``report`` and the rest can go on with.

    A trial that several have is stored once: done goes before not done, then the first folder before later ones, and
    what ``into`` holds before all. Done on other data, weights or versions, it is kept apart in
    ``into/conflicts/NAME``. The same call again changes nothing, and goes on where one was broken off.

    Args:
        folders: Of runs; ``into`` may be one of them.
        into: The folder of the joined run; it is made where it is missing.
        tell: Told what is being copied.

    Returns:
        What came from where, and which results were kept apart. The report is left to the caller.

    Raises:
        SuiteError: For a folder that is no run, a store that cannot be read, and runs that cannot be joined, before
            anything is written; when the disk is full, with what was merged so far kept.
    """
    base, others = read_sources(folders, into)
    sources = (*((base,) if base else ()), *others)
    joined = join_documents(sources)
    plan = _plan_with_funnel(joined)
    checks, unlike = join_checks(sources)
    shares = [share for share in shares_of(sources, base=base) if share.source is not base]
    aparts = _aparts(into, shares, short_names(others))
    with _opened(into) as (store, room):
        _save_documents(store, joined)
        exports = sum(_bring(store, share, room, tell) for share in shares)
        if plan is not None:
            _refresh_funnel(store, joined, plan)
        if checks is not None:
            _write_checks(into, checks.model_dump_json(indent=2) + "\n")
        for apart in aparts:
            keep_apart(apart, room)
        trials = len(store.entries())
    return Merged(
        into=into,
        trials=trials,
        held=trials - sum(len(share.brought) for share in shares),
        shares=tuple(shares),
        exports=exports,
        conflicts={apart.source.shown: apart.place for apart in aparts},
        notes=(
            *joined.notes,
            *(line for one in sources for line in one.damage),
            *unlike,
            *_kept_elsewhere(others),
            *_side_by_side(sources, shares),
        ),
    )


def attach_all(store: StoreChoice, folders: Sequence[Path], into: Path) -> None:
    """Makes a team's database the place of the joined run, and of the folders that are nowhere else.

    Args:
        store: Its ``run`` and ``artefacts`` are of the joined run.
        folders: Of runs; those that have results of their own, or are linked to a database, keep them there.
        into: The folder of the joined run.

    Raises:
        StoreError: Where ``into`` has its results elsewhere.
    """
    store.attach(into)
    store.attach_where_missing(folder for folder in folders if folder.resolve() != into.resolve())


def _aparts(into: Path, shares: Sequence[Share], names: Mapping[str, str]) -> list[Apart]:
    """Where the conflicts of each folder go, no two to one place."""
    aparts: list[Apart] = []
    for share in shares:
        if share.conflicts:
            taken = {apart.place for apart in aparts}
            name = names[share.source.shown]
            aparts.append(place_apart(into, share.source, share.conflicts, name=name, taken=taken))
    return aparts


@contextlib.contextmanager
def _opened(into: Path) -> Iterator[tuple[Store, Path]]:
    """The store, claimed, and a folder for copies, which is removed in the end."""
    from suite.runner.claims import Claims

    with open_store(into) as store, Claims(store) as claims:
        if claims.claim(CLAIM, seen=None) != "claimed" or claims.others():
            raise StoreError(f"{into}: a run or a merge is at work on it; wait until it has ended, then merge again.")
        store.clean()
        yield store, claims.folder


def _save_documents(store: Store, joined: Joined) -> None:
    """Before the results: a merge that is broken off leaves a run whose plan says what is missing."""
    known = store.documents()
    texts = {"plan": joined.plan.model_dump_json(), "spec": joined.spec}
    if joined.slices:
        texts[SLICES] = slices_text(joined.slices)
    for name, text in texts.items():
        if known.get(name) != text:
            store.save_document(name, text)


def _bring(store: Store, share: Share, room: Path, tell: Callable[[str], None]) -> int:
    """Copies what is kept of one folder; returns how many exported files came."""
    if share.brought:
        tell(f"{share.source.shown}: copying {plural(len(share.brought), 'trial')}")
    bring_results(store, share.source, share.brought, room)
    return bring_exports(store, share.source, {*share.brought, *share.same}, room)


def _plan_with_funnel(joined: Joined) -> Plan | None:
    """The plan of the joined spec where it has a funnel, which must be judged again with all results; else None."""
    if joined.plan.funnel is None:
        return None
    try:
        return make_plan(parse_stored_spec(joined.spec))
    except SuiteError as error:
        raise StoreError(
            f"{error} The spec has a funnel, which is judged again with the results of all: its spec must be valid "
            "here, with its plugins."
        ) from None


def _refresh_funnel(store: Store, joined: Joined, plan: Plan) -> None:
    text = joined.plan.model_copy(update={"funnel": Funnel(plan, store).state}).model_dump_json()
    if store.documents().get("plan") != text:
        store.save_document("plan", text)


def _write_checks(into: Path, text: str) -> None:
    path = into / CHECKS_FILE
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_by_rename(path, text)


def _kept_elsewhere(sources: Sequence[Source]) -> Iterator[str]:
    for source in sources:
        if source.kept_apart:
            places = ", ".join(map(str, source.kept_apart))
            yield f"{source.shown}: what an earlier merge kept apart in it stays there: {places}."


def _side_by_side(sources: Sequence[Source], shares: Sequence[Share]) -> Iterator[str]:
    """Other versions for other trials are no conflict, but scores that differ may differ for that reason."""
    first = sources[0]
    mine = _versions(first, tuple(first.results))
    for share in shares:
        theirs = _versions(share.source, share.brought)
        if share.source is first or not mine or not theirs:
            continue
        found = version_differences(mine, theirs, kept_in=first.shown, other_in=share.source.shown)
        if found:
            yield f"Trials of other versions now stand side by side: {', '.join(found)}."


def _versions(source: Source, trial_ids: Sequence[str]) -> dict[str, str]:
    """Of the trial that was done last."""
    done = [source.results[trial_id] for trial_id in trial_ids if source.results[trial_id].status == "done"]
    return versions(done[-1]) if done else {}
