"""The base of everything that a user writes in a spec."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Options", "PathText"]


def _takes(text: str) -> str:
    """The text. Raises ``ValueError`` for what the system refuses before it looks whether anything is there."""
    whole = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises for a user that there is not
    if whole.startswith("~"):
        raise ValueError("expected a path, and '~' or '~user' only for a user of this machine")
    try:
        os.lstat(whole)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # another check says so, in words of its own
    except (OSError, ValueError) as error:
        raise ValueError(
            f"expected a path that this system takes ({getattr(error, 'strerror', None) or error})"
        ) from None
    return text


PathText = Annotated[str, AfterValidator(_takes)]
"""The path of a file or folder, there or not."""


class Options(BaseModel):
    """Base of everything in a spec: frozen, strict, unknown keys refused, ``why`` allowed anywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    why: str | None = Field(default=None, exclude=True)
    """A remark for the reader; it changes nothing, trial ids included."""
