"""A first spec for somebody's own images or texts, each choice with its reason."""

from suite.runner.starter.writing import Starter, first_spec

__all__ = ["Starter", "first_spec"]
