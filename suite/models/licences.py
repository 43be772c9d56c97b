"""Under which terms the weights of presets are given: what their folder says, else what is known of their family."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from suite.models.presets import Preset, builtin_presets

__all__ = ["FAMILIES", "Terms", "licence_of_preset", "terms_of"]


@dataclass(frozen=True)
class Terms:
    """A licence and where its owner states it."""

    licence: str
    """SPDX identifier where it has one, else the name that its owner gives it."""
    source: str


_BERT = Terms("Apache-2.0", "github.com/google-research/bert")
_FAIRSEQ = Terms("MIT", "github.com/facebookresearch/fairseq, which says so of its models too")
_GEMMA = Terms("Gemma Terms of Use", "ai.google.dev/gemma/terms")
_TIMM = Terms("Apache-2.0", "cards of the timm weights at huggingface.co/timm that they were converted from")
FAMILIES: Mapping[str, Terms] = {
    "albert": Terms("Apache-2.0", "github.com/google-research/albert"),
    "bart": _FAIRSEQ,
    "bert": _BERT,
    "bloom": Terms("BigScience BLOOM RAIL 1.0", "huggingface.co/spaces/bigscience/license"),
    "cspnet": _TIMM,
    "deberta_v3": Terms("MIT", "github.com/microsoft/DeBERTa"),
    "deit": Terms("Apache-2.0", "github.com/facebookresearch/deit"),
    "densenet": _TIMM,
    "dinov2": Terms("Apache-2.0", "github.com/facebookresearch/dinov2"),
    "dinov3": Terms("DINOv3 License", "github.com/facebookresearch/dinov3"),
    "distil_bert": Terms("Apache-2.0", "huggingface.co/distilbert/distilbert-base-uncased"),
    "efficientnet": _TIMM,
    "electra": Terms("Apache-2.0", "github.com/google-research/electra"),
    "f_net": Terms("Apache-2.0", "github.com/google-research/google-research, f_net"),
    "falcon": Terms("Apache-2.0", "huggingface.co/tiiuae/falcon-rw-1b"),
    "gemma": _GEMMA,
    "gemma3": _GEMMA,
    "gpt2": Terms("MIT", "github.com/openai/gpt-2, a modified MIT licence"),
    "gpt_oss": Terms("Apache-2.0", "github.com/openai/gpt-oss"),
    "hgnetv2": _TIMM,
    "llama": Terms("Llama 2 Community License", "ai.meta.com/llama/license"),
    "llama3": Terms("Llama 3 Community License", "llama.meta.com/llama3/license"),
    "mistral": Terms("Apache-2.0", "huggingface.co/mistralai"),
    "mit": Terms("NVIDIA Source Code License for SegFormer", "github.com/NVlabs/SegFormer; not for commercial use"),
    "mixtral": Terms("Apache-2.0", "huggingface.co/mistralai"),
    "mobilenet": _TIMM,
    "mobilenetv5": _GEMMA,
    "opt": Terms("OPT License", "github.com/facebookresearch/metaseq; not for commercial use"),
    "phi3": Terms("MIT", "huggingface.co/microsoft/Phi-3-mini-4k-instruct"),
    "qwen": Terms("Apache-2.0", "huggingface.co/Qwen"),
    "qwen3": Terms("Apache-2.0", "huggingface.co/Qwen"),
    "qwen3_moe": Terms("Apache-2.0", "huggingface.co/Qwen"),
    "qwen_moe": Terms("Tongyi Qianwen License", "huggingface.co/Qwen/Qwen1.5-MoE-A2.7B"),
    "resnet": _TIMM,
    "roberta": _FAIRSEQ,
    "smollm3": Terms("Apache-2.0", "huggingface.co/HuggingFaceTB/SmolLM3-3B"),
    "swin_transformer": Terms("MIT", "github.com/microsoft/Swin-Transformer"),
    "t5": Terms("Apache-2.0", "github.com/google-research/text-to-text-transfer-transformer"),
    "t5gemma": _GEMMA,
    "vgg": Terms("BSD-3-Clause", "cards of the torchvision weights at huggingface.co/timm"),
    "vit": Terms("Apache-2.0", "github.com/google-research/vision_transformer"),
    "xception": _TIMM,
    "xlm_roberta": _FAIRSEQ,
}
"""Folder of KerasHub to the terms of the weights in it; a folder that is not here has none that are known."""
_NAMES: tuple[tuple[str, Terms], ...] = (
    (r"medgemma", Terms("HAI-DEF Terms of Use", "developers.google.com/health-ai-developer-foundations/terms")),
    (r"llama3\.1", Terms("Llama 3.1 Community License", "llama.com/llama3_1/license")),
    (r"llama3\.2", Terms("Llama 3.2 Community License", "llama.com/llama3_2/license")),
    (r"qwen2\.5.*_3b", Terms("Qwen Research License", "huggingface.co/Qwen/Qwen2.5-3B")),
    (r"qwen2\.5.*_72b", Terms("Qwen License", "huggingface.co/Qwen/Qwen2.5-72B-Instruct")),
    (r"bge_|multilingual_e5", Terms("MIT", "huggingface.co/BAAI and huggingface.co/intfloat")),
)  # fmt: skip
"""Presets whose terms are others than their folder's, by their name."""
_UNKNOWN = ("c2s_scale_gemma", "harrier_embedding", "vicuna")
"""Presets that others made of a family's weights, under terms that nobody has looked up."""


def terms_of(name: str) -> Terms | None:
    """What is known of a built-in preset of KerasHub; None where nothing is."""
    entry = builtin_presets().get(name)
    if entry is None or name.startswith(_UNKNOWN):
        return None
    own = next((terms for pattern, terms in _NAMES if re.search(pattern, name)), None)
    return own or FAMILIES.get(str(entry["folder"]))


def licence_of_preset(preset: Preset) -> str | None:
    """The licence of a preset's weights: of its own card, where its folder has one, else of its family."""
    stated = _of_card(preset.folder / "README.md")
    if stated is not None:
        return stated
    terms = terms_of(preset.name) or terms_of(_name_of_handle(preset.name))
    return terms.licence if terms is not None else None


def _name_of_handle(handle: str) -> str:
    """The built-in name of a ``kaggle://`` handle, with or without its version; the handle itself where it has none."""
    own = handle.removeprefix("kaggle://").strip("/")
    for name, entry in builtin_presets().items():
        known = str(entry["kaggle_handle"]).removeprefix("kaggle://")
        if own in {known, known.rpartition("/")[0]}:
            return name
    return handle


def _of_card(path: Path) -> str | None:
    """``license`` of the block at the head of a model card (huggingface.co/docs/hub/model-cards); None without one."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = file.read(20_000)
    except OSError:
        return None
    block = re.match(r"---\s*\n(.*?)\n---", head, re.DOTALL)
    line = r"^(license|license_name):[ \t]*['\"]?([^'\"\n]+?)['\"]?[ \t]*$"
    fields = dict(re.findall(line, block[1] if block else "", re.MULTILINE))
    found = fields.get("license")
    return fields.get("license_name", found) if found == "other" else found
