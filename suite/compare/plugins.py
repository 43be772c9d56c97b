"""Plugins of a stored run: what they added, and what is left out where they are not loaded.

A run is only read: nothing that it names is imported.  A plugin takes part where the person gives it (``--plugin``), or
where its package is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from suite.registry import CHARTS, CHECKS, METRICS, Registry, added_names, loaded_plugin_files
from suite.store.records.result import Record

__all__ = ["PluginRecord", "missing_plugins", "plugin_records"]

READ: tuple[Registry[Any], ...] = (CHARTS, CHECKS, METRICS)
"""Kinds of which a reader may miss something; of a metric, results keep what is needed."""


class PluginRecord(Record):
    """A plugin that took part in a run."""

    name: str
    """Of its file, or of the installed package."""
    charts: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def plugin_records() -> tuple[PluginRecord, ...]:
    """Every plugin of this process that added something which readers may miss."""
    found = added_names(*READ)
    return tuple(PluginRecord(name=name, **kinds) for name, kinds in found.items() if kinds)


def missing_plugins(records: Sequence[PluginRecord], spec: Mapping[str, Any]) -> tuple[str, ...]:
    """What a reader misses of the plugins of a run, a sentence for each that is not loaded.

    Args:
        records: Of the run's plan.
        spec: As it was run; its plugins count where the plan says nothing of them, as before plans did.
    """
    return tuple(_missing(records, spec))


def _missing(records: Sequence[PluginRecord], spec: Mapping[str, Any]) -> Iterator[str]:
    for record in records:
        lost = [f"{kind} '{name}'" for kind, names in _lost(record).items() for name in names]
        if lost:
            yield (
                f"The plugin {record.name} is not loaded, so its {_listed(lost)} {'is' if len(lost) == 1 else 'are'} "
                "missing here. Reading a run imports nothing that it names: give --plugin FILE, or install the package."
            )
    if records:
        return
    loaded = {path.name for path in loaded_plugin_files()}
    listed = spec.get("plugins")
    for path in listed if isinstance(listed, list) else ():
        name = PurePath(path).name if isinstance(path, str) else ""
        if name and name not in loaded:
            yield (
                f"The plugin {name} is not loaded, so charts and checks that it adds are missing here. Reading a run "
                "imports nothing that it names: give --plugin FILE."
            )


def _lost(record: PluginRecord) -> dict[str, list[str]]:
    """Charts and checks that are not registered here; metrics are kept with the results."""
    return {
        "chart": [name for name in record.charts if name not in CHARTS],
        "check": [name for name in record.checks if name not in CHECKS],
    }


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
