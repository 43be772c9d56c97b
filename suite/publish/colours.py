"""One colour for a model on every page of a site, for as long as the site has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from suite.report.charts.theme import free_colour, model_colours

__all__ = ["site_colours"]


def site_colours(runs: Sequence[Collection[str]], known: Mapping[str, str]) -> dict[str, str]:
    """Model label to its colour.

    A model keeps the colour that the site gave it.  A new one gets the colour that it has in the report of its run,
    unless a model beside it has that already.  Models that never meet in a run may share a colour: there are few that
    everybody can tell apart.  Where two that share one meet, the one that the site has had for less long gives way.

    Args:
        runs: The models of each run, in an order that stays.
        known: Colours that the site has given, the oldest first.
    """
    beside: dict[str, set[str]] = {}
    for models in runs:
        for name in models:
            beside.setdefault(name, set()).update(models)
    given: dict[str, str] = {}
    for name, colour in known.items():
        others = beside.get(name, set()) - {name}
        shared = any(given.get(other) == colour for other in others)
        taken = {given.get(other, known.get(other, "")) for other in others}
        given[name] = free_colour(name, taken) if shared else colour
    for models in runs:
        own = model_colours(models)
        for name in sorted(own.keys() - given.keys()):
            taken = {given[other] for other in beside[name] if other in given}
            given[name] = own[name] if own[name] not in taken else free_colour(name, taken | set(own.values()))
    return given
