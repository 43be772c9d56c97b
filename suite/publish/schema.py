"""What the JSON of a site means, as JSON Schema."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from suite.publish.difference import RunDifference
from suite.publish.record import EvidenceRecord, RunRecord

__all__ = ["site_schema"]


def site_schema() -> dict[str, Any]:
    """``data/schema.json``: the records under ``data/runs``, ``data/evidence`` and ``data/differences``."""
    kinds = (RunRecord, EvidenceRecord, RunDifference)
    _, definitions = models_json_schema([(kind, "serialization") for kind in kinds])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Data of a site made by suite publish",
        "description": (
            "data/runs/ADDRESS/POINT.json is a RunRecord; data/evidence/ADDRESS/POINT.json maps cell ids to "
            "EvidenceRecord; data/differences/ADDRESS/POINT.json is a RunDifference to the point before. "
            "data/index.json, data/leaderboards, data/models and data/datasets repeat parts of RunRecord by page."
        ),
        **definitions,
    }
