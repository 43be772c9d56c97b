"""Results to a comparison: intervals, paired tests, ties, Pareto fronts, recommendation. No TensorFlow."""

from suite.compare.compare import compare
from suite.compare.comparison import Comparison, PlanSummary

__all__ = ["Comparison", "PlanSummary", "compare"]
