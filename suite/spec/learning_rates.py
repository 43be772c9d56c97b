"""Learning rates that are usual for a strategy, from the literature: what ``suite new`` searches and lint knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from suite.registry import STRATEGIES
from suite.spec.trial import Cell

__all__ = ["SMALL_SOURCES", "UsualRates", "rates_of", "usual_rates"]

SMALL_SOURCES = frozenset({"zoo"})
"""Model sources whose backbones have well under two million parameters."""
_SMALL = 10.0
"""Factor on the upper end for those: the best rate falls with the width (Yang et al. 2022, "Tensor Programs V"),
and these are about a tenth as wide; 0.002 is what ``specs/vision.json`` was measured with."""
_SGD = 100.0
"""SGD's rates for the same task: 0.001 to 0.03 for what AdamW takes 1e-5 to 3e-4 (Steiner et al. 2022)."""


@dataclass(frozen=True)
class UsualRates:
    """A range of peak learning rates, and where it comes from."""

    low: float
    high: float
    source: str

    def times(self, factor: float, *, only_high: bool = False) -> UsualRates:
        """The range multiplied, or its upper end alone."""
        return UsualRates(self.low * (1.0 if only_high else factor), self.high * factor, self.source)


_EVERYTHING = UsualRates(1e-5, 3e-4, "BERT, Devlin et al. 2019, 2e-5 to 5e-5; ConvNeXt, Liu et al. 2022, 5e-5")
_LAST = UsualRates(3e-5, 1e-3, "upper layers bear more than lower ones, Howard and Ruder 2018")
_HEAD = UsualRates(1e-4, 1e-2, "a new head on frozen features, Kornblith et al. 2019")
_RATES: Mapping[str, UsualRates] = {
    "fine_tune": _EVERYTHING,
    "distill": _EVERYTHING,
    "prune": _EVERYTHING,
    "gradual_unfreeze": UsualRates(1e-5, 1e-3, "from a head alone down to everything, Howard and Ruder 2018"),
    "lora": UsualRates(1e-4, 2e-3, "LoRA, Hu et al. 2022, 5e-4 in its script for MNLI"),
    "bitfit": UsualRates(1e-4, 1e-3, "BitFit, Ben Zaken et al. 2022, 0.001 in its script"),
    "from_scratch": UsualRates(3e-4, 1e-2, "DeiT, Touvron et al. 2021, 0.001, and ConvNeXt, Liu et al. 2022, 0.004"),
}
"""Peak rates of Adam and AdamW, for backbones of ten million parameters and more; the ends leave room around a source.

Looked up: BERT (google-research/bert, README: 2e-5 and 3e-5), ConvNeXt (section 3.1: 5e-5 and 0.004), LoRA
(microsoft/LoRA, ``roberta_base_mnli.sh``), BitFit (benzakenelad/BitFit, ``run_glue.py``). Not looked up, so general
knowledge: Kornblith et al., Howard and Ruder, DeiT, and the two factors above. They give an order of size alone.
"""


def usual_rates(
    strategy: str, *, unfreeze: Any = "all", optimizer: str = "adamw", small: bool = False
) -> UsualRates | None:
    """The usual range of a strategy; None for one that has no learning rate, or of which nothing is known.

    Args:
        strategy: Its registered name.
        unfreeze: The option of ``fine_tune``: fewer stages bear more.
        optimizer: ``adamw``, ``adam`` or ``sgd``.
        small: Whether the backbone has well under two million parameters.
    """
    found = _RATES.get(strategy)
    if strategy == "fine_tune":
        found = {"head": _HEAD, 1: _LAST}.get(unfreeze, _EVERYTHING)
    if found is None:
        return None
    if small and strategy != "from_scratch" and unfreeze != "head":
        found = found.times(_SMALL, only_high=True)
    return found.times(_SGD) if optimizer == "sgd" else found


def rates_of(cell: Cell) -> tuple[float, ...]:
    """The learning rates that a cell tries: of its search, else of its options; empty where it has none."""
    domain = (cell.search.space or {}).get("learning_rate") if cell.search else None
    if domain is not None:
        ends = domain if isinstance(domain, tuple | list) else (domain.low, domain.high)
        return tuple(float(one) for one in ends)
    variant = STRATEGIES.get(cell.strategy.strategy)
    options = cell.strategy.options(variant)
    rate = getattr(options, "learning_rate", None)
    values: Iterable[float] = rate if isinstance(rate, tuple | list) else () if rate is None else (rate,)
    return tuple(float(one) for one in values)
