"""Which pretrained model should I take for my task, adapted how, at what cost - and how sure are we?

::

    import suite

    suite.run("specs/vision.json")                      # what `suite run` does
    suite.load_results("reports/vision")                # a DataFrame, one row per trial
    suite.load_comparison("reports/vision")             # in a notebook: leaderboard and charts
    suite.recommend("reports/vision", max_latency_ms=20)  # what to take within limits, and why
    suite.rank("specs/vision.json")                     # what `suite rank` does
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from suite.version import __version__

if TYPE_CHECKING:
    from suite.api import load_comparison, load_results, rank, rebuild_report, recommend, run

__all__ = ["__version__", "load_comparison", "load_results", "rank", "rebuild_report", "recommend", "run"]


def __getattr__(name: str) -> Any:
    """Imports the public functions when they are first used: ``import suite`` itself imports nothing."""
    if name in __all__:
        from suite import api

        return getattr(api, name)
    raise AttributeError(f"module 'suite' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
