"""The version of the suite: results, sites and store errors name it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
