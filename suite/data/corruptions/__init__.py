"""Corruptions: an example in, the same example corrupted, the same way for every model."""

from suite.data.corruptions.corruption import SEVERITIES, corrupt, generator_of

__all__ = ["SEVERITIES", "corrupt", "generator_of"]
