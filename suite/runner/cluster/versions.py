"""What a node of a cluster has installed; this module is sent there whole, since the suite may be missing."""

from __future__ import annotations

__all__ = ["COMPARED", "versions"]

COMPARED = ("Python", "suite", "tensorflow", "keras")
"""What must be the same everywhere: requests and results are the suite's, scores are TensorFlow's."""


def versions() -> dict[str, str | None]:
    """Versions in this process; None for what is not installed."""
    import importlib.metadata
    import platform

    found: dict[str, str | None] = {"Python": platform.python_version()}
    try:
        from suite.version import __version__

        found["suite"] = __version__
    except ImportError:
        found["suite"] = None
    for package in ("tensorflow", "keras"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found
