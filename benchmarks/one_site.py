"""``python -m benchmarks.one_site SITE RUNS``: publishes runs as a user would, and says what was done as JSON."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measure import answer
from suite.publish.publish import publish


def published(site: str, runs: str) -> dict[str, Any]:
    """What ``publish`` did; every page of the site says that its numbers were made up."""
    return asdict(publish([Path(runs)], site, title="Made-up comparisons", made_up=True))


if __name__ == "__main__":
    answer(lambda: published(*sys.argv[1:]))
