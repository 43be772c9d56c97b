"""The base of everything that a user writes in a spec."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Options"]


class Options(BaseModel):
    """Base of everything in a spec: frozen, strict, unknown keys refused, ``why`` allowed anywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    why: str | None = Field(default=None, exclude=True)
    """A remark for the reader; it changes nothing, trial ids included."""
