"""Metrics: predictions in, numbers out. One file per family; NumPy, scikit-learn, sacrebleu and rouge-score."""

from suite.metrics.metric import Metric, MissingScore, metric, metrics_answering, metrics_named
from suite.metrics.scoring import score_all

__all__ = ["Metric", "MissingScore", "metric", "metrics_answering", "metrics_named", "score_all"]
