"""What ``suite lint`` does: checks a spec with its data, or the results of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import SpecError, StoreError, SuiteError
from suite.lint.examine import Examined, examine
from suite.lint.subjects import CHECKS_FILE, read_kept
from suite.registry import load_plugin_file
from suite.report.stored_run import checked_comparison
from suite.spec.plan import make_plan
from suite.spec.spec import load_spec, parse_stored_spec
from suite.store.atomic_write import write_by_rename
from suite.store.records.check import DataChecks, Finding, counted, worst_first
from suite.store.state import spec_of

if TYPE_CHECKING:
    from suite.store.address import StoreChoice

__all__ = ["Checkup", "keep_checks", "lint", "lint_run", "lint_spec"]


@dataclass(frozen=True)
class Checkup:
    """What was checked and found."""

    name: str
    """Of the spec."""
    looked_at: str
    """In words: ``plan and data``, or ``results``."""
    findings: tuple[Finding, ...]
    """Worst first."""
    ran: tuple[str, ...]
    left_out: dict[str, str]
    kept: Path | None = None
    """Where the findings are kept for the report."""
    remarks: tuple[str, ...] = ()

    def fails(self, *, strict: bool) -> bool:
        """Whether there is a finding above a note, or with ``strict`` any."""
        return any(strict or one.severity != "note" for one in self.findings)

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        if self.findings:
            return f"{self.name}: {counted(self.findings)} in {self.looked_at}."
        return f"{self.name}: nothing found; {len(self.ran)} checks looked at {self.looked_at}."

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "name": self.name,
            "looked_at": self.looked_at,
            "sentence": self.sentence,
            "findings": [one.model_dump(mode="json") for one in self.findings],
            "ran": list(self.ran),
            "left_out": self.left_out,
            "kept": None if self.kept is None else str(self.kept),
            "remarks": list(self.remarks),
        }


def lint(
    target: Path,
    *,
    overrides: tuple[str, ...] = (),
    plugins: tuple[Path, ...] = (),
    out: Path | None = None,
    store: StoreChoice | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Checkup:
    """Checks a spec, where ``target`` is a file, or a run, where it is a folder.

    Raises:
        SuiteError: Where it is neither, the spec is not valid, its data cannot be read, or no trial has finished.
    """
    if store is not None and not target.is_file():
        store.attach(target)
    if target.is_dir() or (store is not None and not target.exists() and target.suffix != ".json"):
        if out is not None or overrides:
            raise SuiteError(f"--out and --set belong to a spec; {target} is a folder, and a run is checked as it is.")
        for plugin in plugins:
            load_plugin_file(plugin)
        return lint_run(target)
    if not target.exists():
        raise SpecError(
            f"{target}: no such file or folder; expected a spec such as specs/vision.json, or the folder of a run "
            "such as reports/vision."
        )
    return lint_spec(target, overrides=overrides, plugins=plugins, out=out, tell=tell)


def lint_spec(
    path: Path,
    *,
    overrides: tuple[str, ...] = (),
    plugins: tuple[Path, ...] = (),
    out: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Checkup:
    """Checks plan and data before anything is trained, and keeps the findings for the report.

    Args:
        path: A spec.
        overrides: ``key.path=value`` changes.
        plugins: Python files that register further variants.
        out: Folder of the run; ``reports/<name>`` when left out.
        tell: Gets one line before each data set is read.

    Raises:
        SuiteError: Where the spec is not valid, or its data is there and cannot be read.
    """
    from suite.lint.study import read_study

    spec = load_spec(path, overrides=overrides, plugins=plugins)
    plan = make_plan(spec)
    planned = examine("plan", plan)
    study = read_study(plan, tell=tell)
    found = examine("data", study) if study.homes else Examined((), (), {})
    record = DataChecks(
        spec_name=spec.name,
        checked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprints={label: dataset.fingerprint for label, dataset in study.all_sets()},
        findings=worst_first((*planned.findings, *found.findings)),
        ran=tuple(sorted({*planned.ran, *found.ran})),
        left_out={**study.left_out, **planned.left_out, **found.left_out},
    )
    folder = out if out is not None else Path("reports") / spec.name
    kept, remarks = keep_checks(folder, record)
    looked_at = "plan and data" if study.homes else "the plan"
    return Checkup(spec.name, looked_at, record.findings, record.ran, record.left_out, kept, remarks)


def lint_run(folder: Path) -> Checkup:
    """Checks the results of a run, and of its stored spec what needs no data.

    Raises:
        StoreError: Where the folder holds no run, or no trial has finished with a score.
    """
    comparison, stored_spec = checked_comparison(folder)
    if not any(cell.headline for cell in comparison.cells):
        raise StoreError(f"{folder}: no trial has finished with a score, so there is nothing to check yet.")
    checks = comparison.checks
    findings, ran, left_out = _of_stored_spec(stored_spec)
    if checks is None:
        raise StoreError(f"{folder}: the results were not checked.")
    remarks: tuple[str, ...] = (*comparison.damage, *comparison.missing_plugins)
    looked_at = "results and plan" if ran else "results"
    if checks.data is not None and not checks.stale:
        looked_at = "results, plan and data"
    if checks.data is None and ran:  # without a spec there is no data to check
        remarks += (f"The data was not checked: suite lint SPEC --out {folder}",)
    elif checks.stale:
        remarks += (
            f"The data has changed since it was checked ({', '.join(checks.stale)}): run suite lint SPEC again.",
        )
    return Checkup(
        name=comparison.spec_name,
        looked_at=looked_at,
        findings=worst_first((*checks.all, *findings)),
        ran=tuple(sorted({*checks.ran, *ran, *(checks.data.ran if checks.data else ())})),
        left_out={**checks.left_out, **left_out, **(checks.data.left_out if checks.data else {})},
        remarks=remarks,
    )


def _of_stored_spec(text: str) -> tuple[tuple[Finding, ...], tuple[str, ...], dict[str, str]]:
    """The checks of the plan, on the spec as it was last run; left out where it is not valid here any more."""
    if "models" not in spec_of({"spec": text}):
        return (), (), {"plan": "these results were not made from a spec."}
    try:
        found = examine("plan", make_plan(parse_stored_spec(text)))
    except SuiteError as error:
        return (), (), {"plan": str(error)}
    return found.findings, found.ran, found.left_out


def keep_checks(folder: Path, record: DataChecks) -> tuple[Path | None, tuple[str, ...]]:
    """Where the findings were written; None with a remark where they could not be.

    What a check of more kept of the same data stays: a run looks at less than ``suite lint``.
    """
    path = folder / CHECKS_FILE
    before = read_kept(folder)
    if before is not None and before.covers(record):
        return path, ()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_by_rename(path, record.model_dump_json(indent=2) + "\n")
    except OSError as error:
        return None, (f"{path}: not kept for the report ({error.strerror}).",)
    except StoreError as error:
        return None, (f"Not kept for the report: {error}",)
    return path, ()
