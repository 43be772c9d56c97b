"""What of a funnel contradicts the rest of its spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite.errors import SpecError, did_you_mean
from suite.registry import TRANSFERABILITY
from suite.spec.label_budget import ALL

if TYPE_CHECKING:
    from suite.spec.spec import Spec

__all__ = ["check_funnel"]


def check_funnel(spec: Spec, place: str) -> None:
    """Raises ``SpecError`` for an estimator that there is not or is not computed, and for label budgets beside it."""
    funnel = spec.funnel
    if funnel is None:
        return
    if spec.train_examples != (ALL,):
        raise SpecError(
            f"{place}: train_examples: a funnel drops models by what they do with all labels, which says little of few "
            "labels; leave 'funnel' or 'train_examples' out."
        )
    longest = max(one.own().get("epochs") or spec.training.epochs for one in spec.strategies)
    too_long = [rung for rung in funnel.short.epochs or () if rung >= longest]
    if too_long:
        raise SpecError(
            f"{place}: funnel.short.epochs: {too_long[0]} is no short fit, since a full one has {longest} epochs; "
            "leave it out, or give fewer."
        )
    computed = funnel.rank.estimators
    for at, names in (("by", (funnel.rank.by,)), ("estimators", computed or ())):
        for name in names:
            if name not in TRANSFERABILITY:
                complaint = did_you_mean(name, TRANSFERABILITY, what="transferability estimator")
                raise SpecError(f"{place}: funnel.rank.{at}: {complaint}")
    if computed is not None and funnel.rank.by not in computed:
        raise SpecError(
            f"{place}: funnel.rank.by: '{funnel.rank.by}' decides, and is not among the 'estimators'; add it."
        )
