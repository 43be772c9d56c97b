"""What examples have in common beside their class: patients, videos, documents, rooms."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from suite.spec.options import Options

__all__ = ["GroupSpec"]


class GroupSpec(Options):
    """Where it stands which examples belong together; one of the three."""

    column: Annotated[str, Field(min_length=1)] | None = None
    """A column of the table."""
    pattern: Annotated[str, Field(min_length=1)] | None = None
    """A regular expression that is looked for in each example's path: what its first bracket holds, or all of it."""
    folder: Annotated[int, Field(ge=1)] | None = None
    """Which folder of each example's path names it, counted from the file: 1 is the one that it lies in. Folders of
    one name are one group, whatever they lie in."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            if pattern is not None:
                re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"expected a regular expression, got one that cannot be read: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _is_one(self) -> GroupSpec:
        given = [name for name in ("column", "pattern", "folder") if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(f"'{name}'" for name in given) or "none"
            raise ValueError(f"expected one of 'column', 'pattern' and 'folder', got {got}")
        return self

    @property
    def words(self) -> str:
        """``the column 'patient'``."""
        if self.column is not None:
            return f"the column '{self.column}'"
        return f"the pattern '{self.pattern}'" if self.pattern is not None else f"folder {self.folder} above the file"
