"""The funnel on the page: its stages, who went no further and why, what it saved, what the features said."""

from __future__ import annotations

from collections.abc import Iterator

from suite.compare.comparison import Comparison
from suite.compare.funnel import FunnelStage, FunnelSummary, RankedModel
from suite.compare.number_format import MISSING, count, duration, megabytes, number, plural, score, short, thin, thing
from suite.metrics.transferability.agreement import Agreement
from suite.registry import TRANSFERABILITY
from suite.report.layout import Fact, Section
from suite.report.tables import Box, Column, Table

__all__ = ["funnel_fact", "funnel_section", "saved_sentence"]

READ = (
    "Cheap first: each stage costs more than the one before and looks at fewer models. Whoever goes no further has a "
    "reason. 'Foretold' is how well the order in one stage was the order in the next, among those who went on: 1 is "
    "the same order, 0 no relation, -1 the reverse (weighted Kendall tau with its 95 % interval over them)."
)


def funnel_section(comparison: Comparison) -> Section:
    """The section; empty where the spec has no funnel."""
    tables: list[Table] = []
    several = len(comparison.funnel) > 1
    for found in comparison.funnel:
        named = f": {found.dataset}" if several else ""
        tables += [_drops_table(found, named), _models_table(found, named, thing(comparison.task))]
    first = _stages_table(comparison) if comparison.funnel else None
    said = tuple(thin(sentence) for one in comparison.funnel for sentence in _sentences(one, named=several))
    return Section(
        "funnel",
        "The funnel",
        thin(READ),
        tables=tuple(table for table in tables if table.rows),
        first=first,
        sentences=said,
    )


def funnel_fact(comparison: Comparison) -> tuple[Fact, ...]:
    """What the funnel saved, beside the other facts; empty where there is none, or it has not ended."""
    ended = [one for one in comparison.funnel if one.decided and one.seconds_full is not None]
    if not ended or len(ended) < len(comparison.funnel):
        return ()
    left_out = sum(one.trials_left_out for one in ended)
    spent, full = sum(one.seconds_spent for one in ended), sum(one.seconds_full or 0.0 for one in ended)
    return (
        Fact(
            f"{100 * spent / full:.0f}\u202f%" if full else MISSING,
            f"of the work of fitting everything: {duration(spent)} instead of about {duration(full)}; the funnel left "
            f"out {plural(left_out, 'fit')}",
        ),
    )


def saved_sentence(found: FunnelSummary) -> str:
    """What ran, what did not, and about what that saved."""
    ran = f"{plural(found.trials_run, 'trial')} ran in {duration(found.seconds_spent)} of work"
    if not found.decided:
        return f"So far {ran}; the funnel has not ended."
    left_out = f"{plural(found.trials_left_out, 'fit')} {'was' if found.trials_left_out == 1 else 'were'} left out"
    if found.seconds_full is None:
        return f"{ran}, {left_out}."
    return (
        f"{ran}, {left_out}. Fitting everything would have taken about {duration(found.seconds_full)}, judged by "
        "comparable fits."
    )


def _sentences(found: FunnelSummary, *, named: bool) -> Iterator[str]:
    where = f"{found.dataset}: " if named else ""
    yield f"{where}{saved_sentence(found)}"
    if found.nobody:
        yield found.nobody
    for stage in found.stages:
        if stage.remark:
            yield f"{where}{stage.remark}"


def _stages_table(comparison: Comparison) -> Table:
    columns = (
        *([Column("data set")] if len(comparison.funnel) > 1 else []),
        Column("stage"),
        Column("judged by", long=True),
        Column("entered", number=True, best_high=True),
        Column("went on", number=True, best_high=True),
        Column("trials", number=True, best_high=True),
        Column("work", number=True, best_high=True),
        Column("predicted", long=True, narrow=False),
    )
    rows = tuple(
        (*([Box(found.dataset)] if len(comparison.funnel) > 1 else []), *_stage_boxes(stage))
        for found in comparison.funnel
        for stage in found.stages
    )
    return Table("Stages", columns, rows)


def _stage_boxes(stage: FunnelStage) -> tuple[Box, ...]:
    went_on = stage.entrants - len(stage.drops)
    return (
        Box(stage.title),
        Box(stage.judged_by if stage.kind != "seeds" else MISSING),
        Box(f"{count(stage.entrants)} {stage.unit}", stage.entrants),
        Box(count(went_on) if stage.decided and stage.kind != "seeds" else MISSING, went_on),
        Box(count(stage.trials) if stage.kind != "limits" else MISSING, stage.trials),
        Box(duration(stage.seconds) if stage.kind != "limits" else MISSING, stage.seconds),
        Box(_agreed(stage.agreement, stage.predicted)),
    )


def _agreed(agreement: Agreement | None, what: str | None) -> str:
    if agreement is None:
        return MISSING
    if agreement.tau is None:
        return f"{what}: {agreement.reason}"
    value = f"{agreement.tau:.2f}".replace("-", "−")
    if agreement.low is None or agreement.high is None:
        return f"{what}: {value}, without an interval: {agreement.reason}"
    return f"{what}: {value} ({agreement.low:.2f} to {agreement.high:.2f})".replace("-", "−")


def _drops_table(found: FunnelSummary, named: str) -> Table:
    columns = (Column("model"), Column("strategy"), Column("stage"), Column("went no further because", long=True))
    rows = tuple(
        (Box(drop.model), Box(drop.strategy or "every one"), Box(stage.title), Box(thin(drop.reason)))
        for stage in found.stages
        for drop in stage.drops
    )
    return Table(f"Who went no further, and why{named}", columns, rows)


def _models_table(found: FunnelSummary, named: str, noun: str) -> Table:
    """Cost and features of every model, before anything was trained."""
    names = [name for name in TRANSFERABILITY.names() if any(name in one.estimates for one in found.models)]
    names.sort(key=lambda name: name != found.ranked_by)
    labels = [str(TRANSFERABILITY.get(name).label) for name in names]
    columns = (
        Column("model"),
        Column("latency", f"one {noun}", number=True),
        Column("size", number=True),
        Column("parameters", number=True),
        *(Column(label, number=True, best_high=True) for label in labels),
    )
    rows = tuple((*_cost_boxes(one), *(_estimate(one, name) for name in names)) for one in found.models)
    return Table(f"Before training{named}", columns, rows)


def _cost_boxes(one: RankedModel) -> tuple[Box, ...]:
    profile = one.profile
    if profile is None:
        return (Box(one.model, title=one.reason or ""), *(Box(MISSING, "") for _ in range(3)))
    latency = profile.latency_ms_p50
    return (
        Box(one.model),
        Box(f"{number(latency)}\u202fms" if latency is not None else MISSING, "" if latency is None else latency),
        Box(megabytes(profile.size_bytes), profile.size_bytes),
        Box(short(profile.parameters), profile.parameters),
    )


def _estimate(one: RankedModel, name: str) -> Box:
    found = one.estimates.get(name)
    if found is None or found.value is None:
        return Box(MISSING, "", title=(found.reason if found else None) or "")
    return Box(score(found.value).replace("-", "−"), found.value)
