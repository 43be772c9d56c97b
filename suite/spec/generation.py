"""How texts are written: the spec's ``generation``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from suite.spec.options import Options

__all__ = ["GenerationSpec"]

OWN = {"beams": ("beam",), "k": ("top_k",), "p": ("top_p",), "temperature": ("top_k", "top_p", "random")}
"""Which ways of decoding read an option."""


class GenerationSpec(Options):
    """What a model goes on from, and how it chooses each next token."""

    decoding: Literal["greedy", "beam", "random", "top_k", "top_p"] = "greedy"
    """``greedy``: the most probable token. ``beam``: the most probable of several texts. ``random``, ``top_k``,
    ``top_p``: drawn from all tokens, from the k most probable, or from the fewest that have probability p together."""
    beams: Annotated[int, Field(ge=2, le=64)] | None = None
    """Texts that ``beam`` follows at once; 4 when left out."""
    k: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Of ``top_k``; 40 when left out."""
    p: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Of ``top_p``; 0.9 when left out."""
    temperature: Annotated[float, Field(gt=0.0, le=100.0)] | None = None
    """Divides the logits before drawing: below 1 likely tokens become likelier; 1 when left out."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of drawing; the same for every model."""
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = 48
    """Longest text that is written, in tokens of the model."""
    prefix: Annotated[str, Field(max_length=1000)] = ""
    """Before every source, for instance ``"summarize: "``."""
    separator: Annotated[str, Field(max_length=1000)] = "\n"
    """Between source and text, for models that have a decoder only."""

    @model_validator(mode="after")
    def _completed(self) -> GenerationSpec:
        for name, ways in OWN.items():
            if getattr(self, name) is not None and self.decoding not in ways:
                raise ValueError(f'\'{name}\' is read by "decoding": {" or ".join(ways)}; it is "{self.decoding}".')
        defaults: dict[str, Any] = {"beams": 4, "k": 40, "p": 0.9, "temperature": 1.0}
        for name, value in defaults.items():
            if getattr(self, name) is None and self.decoding in OWN[name]:
                object.__setattr__(self, name, value)
        return self
