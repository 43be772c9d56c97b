"""Corruptions: an example in, the same example damaged, the same way for every model."""

from suite.corruptions.corruption import SEVERITIES, corrupt, generator_of

__all__ = ["SEVERITIES", "corrupt", "generator_of"]
