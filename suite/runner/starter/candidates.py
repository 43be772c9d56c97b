"""The models and strategies that ``suite new`` chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suite.registry import MODELS
from suite.runner.starter.examples import Found

__all__ = ["Candidate", "Strategy", "models_for", "strategies_for"]

_SMALL_SIDE = 96
"""Images with a median side up to this many pixels lose little at the zoo's 32 to 64 pixels."""


@dataclass(frozen=True)
class Candidate:
    """A model that may be put into the spec."""

    source: str
    name: str
    train_ms: float
    """Milliseconds to train on one example on two CPU cores, everything unfrozen; a frozen pass is a third."""
    remark: str

    @property
    def entry(self) -> dict[str, Any]:
        """What the spec says of it."""
        return {"source": self.source, ("preset" if self.source == "hub" else "name"): self.name, "why": self.why}

    @property
    def is_small(self) -> bool:
        """Whether it ships with the suite: well under two million parameters."""
        return self.source == "zoo"

    @property
    def is_here(self) -> bool:
        """Whether its weights are on this machine."""
        source = MODELS.get(self.source)
        own = {key: value for key, value in self.entry.items() if key not in {"source", "why"}}
        return all(need.present for need in source.requirements(source.Options.model_validate(own)))

    @property
    def why(self) -> str:
        """What its source says of it, and the remark."""
        if self.source != "zoo":
            return self.remark

        source = MODELS.get(self.source)
        size = source.input_size(source.Options.model_validate({"name": self.name}))
        return f"ships with the suite; {f'sees {size[0]} px; ' if size else ''}{self.remark}"


_ZOO = (
    Candidate("zoo", "mobilenet_025", 0.6, "the smallest to compute"),
    Candidate("zoo", "resnet_tiny", 0.4, "residual convolutions"),
    Candidate("zoo", "vgg_tiny", 0.5, "plain convolutions"),
    Candidate("zoo", "mobilenetv2_035", 1.2, "inverted residuals"),
    Candidate("zoo", "vit_tiny", 1.1, "attention instead of convolution"),
)
_IMAGENET = (
    Candidate("applications", "MobileNetV2", 32.0, "ImageNet weights at 224 px for the least computation"),
    Candidate("applications", "EfficientNetB0", 40.0, "ImageNet weights at 224 px, more accurate for its size"),
    Candidate("applications", "ResNet50", 90.0, "ImageNet weights at 224 px, the usual point of reference"),
    Candidate("applications", "ConvNeXtTiny", 110.0, "ImageNet weights at 224 px, the most accurate of these"),
)
_ZOO_TEXT = (
    Candidate("zoo", "bert_tiny", 2.0, "masked language model with WordPiece"),
    Candidate("zoo", "roberta_tiny", 2.0, "masked language model with byte-level BPE"),
    Candidate("zoo", "gpt2_tiny", 2.0, "a decoder: its last token has seen the whole text"),
    Candidate("zoo", "t5_tiny", 2.5, "an encoder-decoder, of which the encoder reads"),
)
_LARGE_TEXT = (
    Candidate("hub", "bert_small_en_uncased", 40.0, "BERT with 28 million parameters, the least computation of these"),
    Candidate("hub", "distil_bert_base_en_uncased", 90.0, "half of BERT's layers, most of its accuracy"),
    Candidate("hub", "roberta_base_en", 180.0, "the usual point of reference for English"),
)


def models_for(found: Found, *, downloads: bool) -> tuple[list[Candidate], str]:
    """Models in the order of preference, and a sentence about those that were left out."""
    known = set(MODELS.get("zoo").known_names())
    zoo = [model for model in (_ZOO if found.thing == "image" else _ZOO_TEXT) if model.name in known]
    if found.median_side is not None and found.median_side <= _SMALL_SIDE:
        return zoo, f"Half of the images have a side of at most {found.median_side} px, which suits the zoo."
    large = _IMAGENET if found.thing == "image" else _LARGE_TEXT
    here = [model for model in large if downloads or model.is_here]
    absent = [model.name for model in large if model not in here]
    remark = "Models that were trained on far more text know more words"
    if found.thing == "image":
        remark = f"Half of the images have a side of more than {_SMALL_SIDE} px, where ImageNet models see more"
    if not absent:
        return [*zoo[:2], *here], f"{remark}; two of the zoo are there as the cheap end."
    remark += f"; the weights of {', '.join(absent)} are not on this machine: --downloads puts them into the spec."
    return [*(zoo[:2] if here else zoo), *here], remark


@dataclass(frozen=True, eq=False)
class Strategy:
    """A strategy that may be put into the spec."""

    options: dict[str, Any]
    passes: float
    """Cost of one epoch against full training; of one pass where it has no epochs."""
    has_epochs: bool
    least: int
    """Fewer training examples than this and it mostly measures luck."""

    @property
    def name(self) -> str:
        """Registered name."""
        return str(self.options["strategy"])


_STRATEGIES = (
    Strategy(
        {
            "strategy": "linear_probe",
            "why": "the frozen backbone as it is: one pass over the examples, hard to overfit",
        },
        1 / 3,
        has_epochs=False,
        least=0,
    ),
    Strategy(
        {"strategy": "fine_tune", "unfreeze": 1, "why": "the last stage adapts; the rest keeps what it has learned"},
        0.6,
        has_epochs=True,
        least=50,
    ),
    Strategy(
        {"strategy": "fine_tune", "unfreeze": "all", "why": "everything adapts: usually the best with enough examples"},
        1.0,
        has_epochs=True,
        least=80,
    ),
    Strategy(
        {"strategy": "from_scratch", "why": "the baseline: what the pretrained weights are worth on these examples"},
        1.0,
        has_epochs=True,
        least=1000,
    ),
)


def strategies_for(found: Found) -> list[Strategy]:
    """Those that so many examples can bear, the cheapest first."""
    return [item for item in _STRATEGIES if found.train >= item.least]
