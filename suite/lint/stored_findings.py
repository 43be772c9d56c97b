"""Findings of plan and data, kept beside the results: the report lists them without reading the data again."""

from __future__ import annotations

import json
from pathlib import Path

import pydantic

from suite.store.records.check import CHECKS_VERSION, DataChecks

__all__ = ["CHECKS_FILE", "read_kept"]

CHECKS_FILE = "checks.json"


def read_kept(folder: Path) -> DataChecks | None:
    """What ``suite lint SPEC`` kept in the folder of a run; None where it never did, or it cannot be read."""
    try:
        text = (folder / CHECKS_FILE).read_text(encoding="utf-8")
        if json.loads(text)["format_version"] != CHECKS_VERSION:
            return None
        return DataChecks.model_validate_json(text)
    except (OSError, ValueError, KeyError, TypeError, pydantic.ValidationError):
        return None  # missing, damaged, or of another version: the report says that the data was not checked
