"""The site as it stands at its place: what it holds, and what of it stays."""

from __future__ import annotations

import json
from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from suite.publish.changes import Evidence
from suite.publish.collection import Collection
from suite.publish.points import Point
from suite.publish.record import CutFile, EvidenceRecord, RunRecord, read_record
from suite.publish.stage import Manifest, read_manifest
from suite.publish.targets.target import Target

__all__ = ["Standing", "kept_evidence", "kept_records", "standing"]


@dataclass(frozen=True)
class Standing:
    """The site as it stands."""

    manifest: Manifest | None
    known: Mapping[str, str]
    """Files with their hashes; not those that an interrupted publish may have changed."""
    by_point: Mapping[str, tuple[str, ...]]
    """Id of a point to the files that are its own."""

    def has_all_of(self, point: str) -> bool:
        """Whether nothing of a point may have been changed by an interrupted publish."""
        return all(path in self.known for path in self.by_point.get(point, ()))


def standing(target: Target) -> Standing:
    """Looks at the place.

    Raises:
        StoreError: Where the marker is damaged, or of a newer suite.
    """
    manifest = read_manifest(target)
    by_point: dict[str, list[str]] = {}
    for path in manifest.files if manifest else ():
        owner = _owner(path)
        if owner is not None:
            by_point.setdefault(owner, []).append(path)
    known = {path: digest for path, digest in (manifest.files if manifest else {}).items() if path not in target.unsure}
    return Standing(manifest, known, {owner: tuple(paths) for owner, paths in by_point.items()})


def _owner(path: str) -> str | None:
    """Id of the point that a file belongs to; None for files that are made from all points."""
    parts = path.split("/")
    if parts[0] in {"runs", "files"} and len(parts) > 3 and parts[3] != "changes":
        return f"{parts[1]}/{parts[2]}"
    if parts[0] == "data" and parts[1] in {"runs", "evidence"} and len(parts) == 4 and parts[3] != "index.json":
        return f"{parts[2]}/{parts[3].rpartition('.')[0]}"
    return None


def kept_records(
    target: Target, old: Standing, staying: Names[str] | None
) -> tuple[dict[str, RunRecord], tuple[CutFile, ...]]:
    """Points that the site has of the histories that stay, and those that it has lost.

    Args:
        target: Where the site is.
        old: What is there.
        staying: Addresses of histories; all of them where None.
    """
    kept, lost = {}, []
    for name in old.manifest.points if old.manifest else ():
        if staying is not None and name.split("/")[0] not in staying:
            continue
        try:
            kept[name] = read_record(json.loads(target.read(f"data/runs/{name}.json") or b"{}"))
        except ValueError:  # no JSON, or not what a record is
            lost.append(CutFile(what=f"the point {name}", reason="Its record is missing in the site, or damaged."))
    return kept, tuple(lost)


def kept_evidence(collection: Collection, made: Iterable[Point], target: Target) -> Evidence:
    """Id of each point that is looked at to what its cells can be compared by; nothing where it was lost."""
    found: dict[str, Mapping[str, EvidenceRecord]] = {point.record.id: point.evidence for point in made}
    for history in collection.histories:
        for record in history.points:
            if record.id in found:
                continue
            try:
                raw = json.loads(target.read(f"data/evidence/{record.id}.json") or b"{}")
                found[record.id] = {cell: EvidenceRecord.model_validate(one) for cell, one in raw.items()}
            except (ValueError, ValidationError):
                found[record.id] = {}
    return found
