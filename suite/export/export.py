"""Exported files of kept models: written, made smaller, run in their own runtime, described beside the file."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite.devices import look_at_machine
from suite.errors import SuiteError
from suite.export.choose import Asked, NoAnswerYetError, NothingKeptError, asked_of, chosen_results, exportable, of_spec
from suite.export.files import export_subject
from suite.export.place import Placing, without_current
from suite.export.subject import prepare_subject
from suite.spec.exports import ExportSpec, Which
from suite.store.address import files_of
from suite.store.records.export_card import ExportCard
from suite.store.records.result import Result
from suite.store.store import Store, open_store

__all__ = ["export", "export_missing", "refuse_missing_runtimes"]

OnCard = Callable[[ExportCard], None]
CLAIM = "exports"
"""What a run claims while it exports, so that two at once do not write the same files."""
WAIT_SECONDS = 0.5


def export(
    folder: Path,
    *,
    which: Which = "recommended",
    trials: Sequence[str] = (),
    formats: Sequence[str] = (),
    precisions: Sequence[str] = ("fp32",),
    out: Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    on_card: OnCard = lambda _: None,
) -> tuple[ExportCard, ...]:
    """Writes kept models of a run in other formats and measures every file in its own runtime.

    Args:
        folder: Of a run of classification.
        which: ``recommended``: what the report says to take, of each data set; ``best``: the highest score; ``all``.
        trials: Ids of trials instead, or the beginnings of such ids.
        formats: Names; all that are installed when left out.
        precisions: Of each format; what a format cannot have is a card with the status ``skipped``.
        out: Folder for the files; ``exports`` inside ``folder`` when left out.
        overwrite: Replace files that are there.
        threads: Of the processor, for each runtime; all when left out.
        on_card: Told of each file once it is there.

    Returns:
        A card for each model, format and precision, failed ones too. It lies as ``card.json`` beside its file, and is
        a row of the store, so that the next report shows it.

    Raises:
        SuiteError: For a format that is unknown or not installed, a model that was not kept, or a file that is there;
            before anything is written.
    """
    asked = asked_of(formats, precisions)
    placing = Placing(out or folder / "exports", run=folder)
    with _opened(folder) as opened:
        comparison = exportable(folder)
        results = chosen_results(comparison, opened.store, which, trials)
        taken = [place for result in results for place in placing.taken(result, asked)]
        if taken and not overwrite:
            raise SuiteError(f"{taken[0]}: is there already; add --overwrite to replace it, or give another --out.")
        wanted = [(result, asked) for result in results]
        return opened.export(wanted, comparison.headline.name, placing, threads, on_card)


def export_missing(
    folder: Path,
    exports: Sequence[ExportSpec],
    *,
    trial_ids: set[str],
    again: bool = False,
    threads: int | None = None,
    on_card: OnCard = lambda _: None,
) -> tuple[ExportCard, ...]:
    """The files that a spec asks for and that are not there, failed, or are of a model that was fitted again.

    Args:
        folder: Of the run, which can be written to.
        exports: Of its spec.
        trial_ids: Only models of these trials.
        again: Whether files that failed are tried again.
        threads: Of the processor, for each runtime; all when left out.
        on_card: Told of each file once it is there.
    """
    if not exports:
        return ()
    placing = Placing(folder / "exports", run=folder)
    with _opened(folder) as opened:
        comparison = exportable(folder)
        wanted: dict[str, tuple[Result, list[Asked]]] = {}
        for which in dict.fromkeys(one.which for one in exports):
            with contextlib.suppress(NothingKeptError, NoAnswerYetError):
                for result in chosen_results(comparison, opened.store, which, ()):
                    if result.id in trial_ids:
                        wanted.setdefault(result.id, (result, []))[1].extend(of_spec(exports, which))
        missing = without_current(list(wanted.values()), opened.store, folder, again=again)
        return opened.export(missing, comparison.headline.name, placing, threads, on_card)


def refuse_missing_runtimes(exports: Sequence[ExportSpec]) -> None:
    """Raises ``MissingExtraError`` with the line that installs what the spec's exports need, before anything runs."""
    for one in exports:
        asked_of((one.format,), one.precision)


@dataclass(frozen=True)
class _Opened:
    store: Store
    writable: bool

    def export(
        self,
        wanted: Sequence[tuple[Result, Sequence[Asked]]],
        headline: str,
        placing: Placing,
        threads: int | None,
        on_card: OnCard,
    ) -> tuple[ExportCard, ...]:
        threads = threads or look_at_machine().cores
        cards: list[ExportCard] = []
        for result, asked in wanted:
            with tempfile.TemporaryDirectory(prefix="suite-export-") as scratch:
                subject = prepare_subject(self.store, result, Path(scratch), headline, threads=threads)
                for card in export_subject(subject, asked, placing, threads=threads):
                    if self.writable:
                        self.store.save_export(card)
                    cards.append(card)
                    on_card(card)
        return tuple(cards)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[_Opened]:
    """The store, with the claim on its exports where it can be written; a run that is read only can be exported too."""
    writable = os.access(files_of(folder), os.W_OK)
    with open_store(folder, create=False) as store:
        if not writable:
            yield _Opened(store, writable=False)
            return
    from suite.runner.claims import Claims

    with open_store(folder) as store, Claims(store) as claims:
        while claims.claim(CLAIM, seen=None) != "claimed":
            time.sleep(WAIT_SECONDS)
        yield _Opened(store, writable=True)
