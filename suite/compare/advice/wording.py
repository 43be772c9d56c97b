"""How numbers and names are said in sentences: percentages, thin spaces, true minus signs."""

from __future__ import annotations

import math

from suite.compare.across_datasets.records import MethodAcross
from suite.compare.cell import CellSummary, MetricInfo

__all__ = [
    "AS_PUBLISHED",
    "THIN",
    "adapted",
    "always",
    "amount",
    "between",
    "called",
    "change",
    "in_points",
    "points",
    "quality",
    "range_of",
    "seconds",
]

THIN = "\u202f"
"""A thin space that no line breaks at."""
MINUS = "\u2212"
AS_PUBLISHED = "as published"
"""The strategy of published results that name none."""


def adapted(cell: CellSummary | MethodAcross) -> str:
    """How a cell was adapted, as a person would say it: ``fine-tuned (all)``."""
    detail = cell.strategy.partition(":")[2].strip()
    if cell.strategy_name == "distill" and detail:
        return f"taught by {detail}"
    words = {
        "linear_probe": "with a linear probe",
        "knn": "with k-nearest neighbours on its features",
        "fine_tune": "fine-tuned",
        "gradual_unfreeze": "unfrozen gradually",
        "from_scratch": "trained from scratch",
        "distill": "taught by another model",
        "prune": "pruned",
        "bitfit": "with only its biases trained",
        "lora": "with low-rank updates",
    }
    if cell.strategy_name not in words:
        return f"adapted by {cell.strategy}"
    if cell.strategy == cell.strategy_name or detail:
        return words[cell.strategy_name] + (f" ({detail})" if detail else "")
    return f"{words[cell.strategy_name]} ({cell.strategy})"


def called(cell: CellSummary) -> str:
    """A cell in a sentence: ``resnet_tiny, fine-tuned (all)``; the model alone where the strategy is not known."""
    return cell.model if cell.strategy == AS_PUBLISHED else f"{cell.model}, {adapted(cell)}"


def quality(value: float, metric: MetricInfo) -> str:
    """A score: ``96.4 %``, or three decimals for metrics that are no share."""
    return f"{_scaled(value, metric)}{THIN}%" if metric.is_share else _plain(value)


def always(value: float, metric: MetricInfo) -> str:
    """What the same answer to every example gives, ``DatasetFacts.always``; a loss is of its probabilities."""
    what = "always naming one class" if metric.is_share else "answering always with the class shares"
    return f"{what} gives {quality(value, metric)}"


def points(value: float, metric: MetricInfo) -> str:
    """A difference of scores: ``4.9 points``."""
    return f"{_scaled(value, metric)} points" if metric.is_share else _plain(value)


def change(loss: float, metric: MetricInfo) -> str:
    """A loss, or a gain where it is negative: ``loses 4.9 points``, ``is 0.12 worse`` where lower is better."""
    if metric.higher_is_better:
        return f"{'loses' if loss >= 0 else 'gains'} {points(abs(loss), metric)}"
    return f"is {points(abs(loss), metric)} {'worse' if loss >= 0 else 'better'}"


def in_points(value: float | None) -> str:
    """A difference of shares in hundredths, without its unit: ``4.9``; a dash where it is missing."""
    return "–" if value is None else _signed(100 * value, 1)


def amount(value: float, metric: MetricInfo) -> str:
    """A score or difference without its unit."""
    return _scaled(value, metric)


def between(low: float | None, high: float | None, metric: MetricInfo) -> str:
    """The two ends of an interval: ``94.1 to 98.1``; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{_scaled(low, metric)} to {_scaled(high, metric)}"


def range_of(low: float | None, high: float | None, metric: MetricInfo) -> str:
    """The same in brackets, with a space before; empty where there is no interval."""
    said = between(low, high, metric)
    return f" (95{THIN}% interval {said})" if said else ""


def seconds(value: float) -> str:
    """A duration: ``0.8 s``, ``31 s``, ``4 min 12 s``."""
    if value >= 120:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes}{THIN}min {rest}{THIN}s"
    digits = 0 if value >= 10 else 1 if value >= 0.95 else 2
    return f"{value:.{digits}f}{THIN}s" if value >= 0.095 else f"{1000 * value:.2g}{THIN}ms"


def _scaled(value: float, metric: MetricInfo) -> str:
    return _signed(100 * value, 1) if metric.is_share else _plain(value)


def _plain(value: float) -> str:
    """Three decimals; of values from 10 on, such as a perplexity, four digits."""
    return _signed(value, 3 if abs(value) < 10 else max(0, 3 - math.floor(math.log10(abs(value)))))


def _signed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", MINUS)
