"""Comparison to chart specifications, one file per chart; drawn in ``render``."""
