"""Transferability: features and labels in, one number out; higher means that the model should transfer better."""

from suite.metrics.metric import MissingScore
from suite.metrics.transferability.estimator import Estimator, Examples, estimator

__all__ = ["Estimator", "Examples", "MissingScore", "estimator"]
