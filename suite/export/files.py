"""The files of one model: the full one of each format is written once, smaller ones are made of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from suite.export.card import card_of, with_measures, without_file
from suite.export.choose import Asked
from suite.export.formats.example import image_example, text_example
from suite.export.model_card import write_model_card
from suite.export.place import Placing, replace_folder, room_beside
from suite.export.requests import CompressRequest, Outcome, WriteRequest, run
from suite.export.subject import Subject, measured
from suite.registry import EXPORTERS
from suite.store.records.export_card import ExportCard, Precision
from suite.store.records.reading import FULL
from suite.store.records.resizing import STRETCH

__all__ = ["export_subject"]

PRESET = "preset"
CALIBRATED: tuple[Precision, ...] = ("int8",)
NO_TRAINING_SET = "ranges are measured on training examples, and the data set is not at hand"


def export_subject(subject: Subject, asked: Sequence[Asked], placing: Placing, *, threads: int) -> Iterator[ExportCard]:
    """Writes, measures and places every file of one model, one after another; yields each card."""
    for one in asked:
        refuses = EXPORTERS.get(one.format).refuses
        full: _Full | None = None
        for precision in one.precisions:
            if precision in refuses:
                yield without_file(subject, one.format, precision, status="skipped", reason=refuses[precision])
                continue
            full = full or _Full(subject, one.format)
            place = placing.place(subject.result, one.format, precision)
            yield _placed(full, precision, place, placing, threads=threads)
        if full is not None:
            full.remove()


class _Full:
    """The file in fp32, in the scratch folder, with what its writer said."""

    def __init__(self, subject: Subject, format_: str) -> None:
        self.subject, self.format = subject, format_
        self.folder = subject.scratch / "full" / format_
        self.folder.mkdir(parents=True)
        self.file = self.folder / EXPORTERS.get(format_).file
        self.preset = self.folder / PRESET
        self.written: Outcome = run(
            WriteRequest(
                format=format_,
                model=str(subject.model),
                path=str(self.file),
                labels=subject.result.data[0].class_names,
                resizing=subject.resizing,
                trial=subject.result.trial,
                preset=str(self.preset) if format_ == "keras" else None,
                answer=str(self.folder / "written.json"),
            ),
            log=self.folder / "write.log",
        )

    def copy_to(self, file: Path) -> None:
        """The file, and the preset folder where there is one."""
        if self.file.is_dir():
            shutil.copytree(self.file, file)
        else:
            shutil.copyfile(self.file, file)
        if self.preset.is_dir():
            shutil.copytree(self.preset, file.with_name(PRESET))

    def compress_to(self, file: Path, precision: Precision, *, log: Path) -> Outcome:
        """In another precision."""
        calibration = self.subject.calibration if precision in CALIBRATED else None
        return run(
            CompressRequest(
                format=self.format,
                precision=precision,
                full=str(self.file),
                path=str(file),
                calibration=str(calibration) if calibration else None,
                answer=str(log.with_name("compressed.json")),
            ),
            log=log,
        )

    def remove(self) -> None:
        """Makes room in the scratch folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _placed(full: _Full, precision: Precision, place: Path, placing: Placing, *, threads: int) -> ExportCard:
    """Writes into a folder beside the place and renames it, so that what was there stays unless all is well."""
    with room_beside(place) as room:
        made = room / "made"
        made.mkdir()
        card = _made(full, precision, made, threads=threads)
        card = card.model_copy(update={"folder": placing.inside_run(place)})
        if card.status != "skipped":
            _write_beside(made, card, full.subject)
            if card.status == "done" or not place.exists():
                replace_folder(place, made)
    return card


def _made(full: _Full, precision: Precision, made: Path, *, threads: int) -> ExportCard:
    subject, name = full.subject, full.format
    if full.written.problem is not None:
        return without_file(subject, name, precision, status="failed", reason=full.written.problem)
    file = made / full.file.name
    seconds, calibration_examples = full.written.seconds, None
    if precision == "fp32":
        full.copy_to(file)
    elif precision in CALIBRATED and subject.calibration is None:
        return without_file(subject, name, precision, status="skipped", reason=NO_TRAINING_SET)
    else:
        outcome = full.compress_to(file, precision, log=made.parent / "compress.log")
        reason = outcome.skipped or outcome.problem
        if reason is not None:
            status = "skipped" if outcome.skipped else "failed"
            return without_file(subject, name, precision, status=status, reason=reason)
        seconds += outcome.seconds
        calibration_examples = outcome.calibration_examples
    card = card_of(subject, name, precision, file, written=full.written, seconds=seconds)
    card = card.model_copy(update={"calibration_examples": calibration_examples})
    outcome, probabilities = measured(name, file, subject.examples, made.parent, threads=threads)
    return with_measures(card, subject, outcome, probabilities)


def _write_beside(folder: Path, card: ExportCard, subject: Subject) -> None:
    (folder / "card.json").write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if card.status != "done":
        return
    if card.labels:
        one_line = (" ".join(label.split()) for label in card.labels)
        (folder / "labels.txt").write_text("\n".join(one_line) + "\n", encoding="utf-8")
    if subject.tokenizer_json is not None:
        shutil.copyfile(subject.tokenizer_json, folder / "tokenizer.json")
    script = _example(card, subject)
    if script is not None:
        (folder / "example.py").write_text(script, encoding="utf-8")
    write_model_card(folder, card, subject.result, headline=subject.headline)


def _example(card: ExportCard, subject: Subject) -> str | None:
    """The script; None for a text model whose tokeniser has no file."""
    exporter = EXPORTERS.get(card.format)
    if len(card.inputs[0].shape) == 4:
        _, height, width, _ = card.inputs[0].shape
        return image_example(
            exporter,
            name=card.inputs[0].name,
            size=(height or 0, width or 0),
            resizing=card.resizing or STRETCH,
            levels=card.levels or FULL,
            labelled=bool(card.labels),
        )
    if subject.tokenizer_json is not None:
        return text_example(exporter, names=[one.name for one in card.inputs])
    return None
