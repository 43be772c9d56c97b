"""What a project's configuration says, as far as it decides where pages lie."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from suite.errors import StoreError

__all__ = ["configuration_of", "value_of"]


def configuration_of(project: Path, names: Iterable[str]) -> str | None:
    """The text of the first of these files that the project has; None where it has none.

    Raises:
        StoreError: Where it cannot be read.
    """
    for name in names:
        path = project / name
        try:
            if path.is_file():
                return path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror}); change its rights.") from error
    return None


def value_of(configuration: str, key: str) -> str | None:
    """The text behind a key at the beginning of a line of YAML, TOML or JSON; None where there is none.

    Read as lines, since configurations hold tags of their generator that no reader of YAML knows.
    """
    value = r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"'#,!$\[{]\S*))"""
    found = re.search(rf"""(?mi)^(?:\s*["'])?{key}["']?[ \t]*[:=][ \t]*{value}""", configuration)
    return next((one for one in found.groups() if one), None) if found else None
