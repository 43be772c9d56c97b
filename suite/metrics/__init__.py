"""Metrics: predictions in, numbers out. One file per family; NumPy and scikit-learn only."""

from suite.metrics.metric import Metric, MissingScore, metric, metrics_named
from suite.metrics.scoring import score_all

__all__ = ["Metric", "MissingScore", "metric", "metrics_named", "score_all"]
