"""Results to a comparison: intervals, paired tests, verdicts, Pareto fronts, recommendation. No TensorFlow.

``suite.compare.compare.compare`` makes it and needs SciPy and scikit-learn; the types in
``suite.compare.comparison`` need neither, so that a finished run answers at once.
"""
