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
    read: bool = True
    """Whether that source, or a copy of it, was read for this line; else the line is what is generally known of it."""


_BERT = Terms("Apache-2.0", "github.com/google-research/bert, README, Pre-trained models")
_FAIRSEQ = Terms("MIT", "github.com/facebookresearch/fairseq, README, License: of its models too")
_GEMMA = Terms("Gemma Terms of Use", "ai.google.dev/gemma/terms")
_LLAMA_2 = Terms("Llama 2 Community License", "ai.meta.com/llama/license; huggingface.co/lmsys/vicuna-13b-v1.5, card")
_QWEN_3 = Terms("Apache-2.0", "huggingface.co/Qwen", read=False)
_TIMM = Terms("Apache-2.0", "cards at huggingface.co/timm of the weights they were converted from", read=False)
FAMILIES: Mapping[str, Terms] = {
    "albert": Terms("Apache-2.0", "huggingface.co/albert/albert-base-v2, card"),
    "bart": _FAIRSEQ,
    "bert": _BERT,
    "bloom": Terms("BigScience BLOOM RAIL 1.0", "huggingface.co/spaces/bigscience/license", read=False),
    "cspnet": Terms("Apache-2.0", "huggingface.co/timm/cspdarknet53.ra_in1k, card"),
    "deberta_v3": Terms("MIT", "huggingface.co/microsoft/deberta-v3-base, card"),
    "deit": Terms("Apache-2.0", "github.com/facebookresearch/deit, README, License; CC-BY-NC-4.0 before"),
    "densenet": Terms("Apache-2.0", "huggingface.co/timm/densenet121.tv_in1k, card"),
    "dinov2": Terms("Apache-2.0", "github.com/facebookresearch/dinov2, pull request 182; CC-BY-NC-4.0 before"),
    "dinov3": Terms("DINOv3 License", "github.com/facebookresearch/dinov3, issue 31"),
    "distil_bert": Terms("Apache-2.0", "huggingface.co/distilbert/distilbert-base-uncased, card", read=False),
    "efficientnet": _TIMM,
    "electra": Terms("Apache-2.0", "huggingface.co/google/electra-small-discriminator, card"),
    "f_net": Terms("Apache-2.0", "huggingface.co/google/fnet-base, card"),
    "falcon": Terms("Apache-2.0", "huggingface.co/tiiuae/falcon-rw-1b, card"),
    "gemma": _GEMMA,
    "gemma3": _GEMMA,
    "gpt2": Terms("Modified MIT License", "github.com/openai/gpt-2, LICENSE"),
    "gpt_oss": Terms("Apache-2.0", "huggingface.co/openai/gpt-oss-20b, card"),
    "hgnetv2": Terms("Apache-2.0", "huggingface.co/timm/hgnetv2_b5.ssld_stage2_ft_in1k, card"),
    "llama": _LLAMA_2,
    "llama3": Terms("Llama 3 Community License", "llama.meta.com/llama3/license", read=False),
    "mistral": Terms(
        "Apache-2.0", "huggingface.co/mistralai/Magistral-Small-2506, card; Mistral-7B by copies of its card"
    ),
    "mit": Terms(
        "NVIDIA Source Code License for SegFormer",
        "github.com/NVlabs/SegFormer; not for commercial use; the card of huggingface.co/nvidia/mit-b0 says 'other'",
        read=False,
    ),
    "mixtral": Terms("Apache-2.0", "huggingface.co/mistralai/Mixtral-8x7B-Instruct-v0.1, card"),
    "mobilenet": Terms("Apache-2.0", "huggingface.co/timm/mobilenetv3_small_100.lamb_in1k, card"),
    "mobilenetv5": Terms("Gemma Terms of Use", "ai.google.dev/gemma/terms", read=False),
    "opt": Terms("OPT-175B License Agreement", "huggingface.co/facebook/opt-66b, LICENSE.md; not for commercial use"),
    "phi3": Terms("MIT", "huggingface.co/microsoft/Phi-3-mini-4k-instruct, card"),
    "qwen": Terms("Apache-2.0", "huggingface.co/Qwen/Qwen2.5-7B-Instruct, LICENSE"),
    "qwen3": _QWEN_3,
    "qwen3_moe": _QWEN_3,
    "qwen_moe": Terms("Tongyi Qianwen License", "huggingface.co/Qwen/Qwen1.5-MoE-A2.7B, card"),
    "resnet": Terms("Apache-2.0", "huggingface.co/timm/resnet50.a1_in1k, card; of the others none was read"),
    "roberta": _FAIRSEQ,
    "smollm3": Terms("Apache-2.0", "huggingface.co/HuggingFaceTB/SmolLM3-3B, card"),
    "swin_transformer": Terms("MIT", "huggingface.co/timm/swin_tiny_patch4_window7_224.ms_in1k, card"),
    "t5": Terms("Apache-2.0", "huggingface.co/google/flan-t5-base, card; of the others none was read"),
    "t5gemma": Terms("Gemma Terms of Use", "ai.google.dev/gemma/terms", read=False),
    "vgg": Terms("BSD-3-Clause", "huggingface.co/timm/vgg16.tv_in1k, card"),
    "vit": Terms("Apache-2.0", "huggingface.co/google/vit-base-patch16-224, card"),
    "xception": _TIMM,
    "xlm_roberta": _FAIRSEQ,
}
"""Folder of KerasHub to the terms of the weights in it; a folder that is not here has none that are known."""
_NAMES: tuple[tuple[str, Terms], ...] = (
    (r"medgemma", Terms("Health AI Developer Foundations Terms of Use",
                       "developers.google.com/health-ai-developer-foundations/terms")),
    (r"llama3\.1", Terms("Llama 3.1 Community License", "llama.com/llama3_1/license")),
    (r"llama3\.2", Terms("Llama 3.2 Community License", "llama.com/llama3_2/license")),
    (r"qwen2\.5.*_3b", Terms("Qwen Research License", "huggingface.co/Qwen/Qwen2.5-3B, card")),
    (r"qwen2\.5.*_72b", Terms("Qwen License", "huggingface.co/Qwen/Qwen2.5-72B-Instruct", read=False)),
    (r"bge_", Terms("MIT", "huggingface.co/BAAI", read=False)),
    (r"multilingual_e5", Terms("MIT", "docs.oracle.com, Agent Factory, Multilingual E5 Base, which quotes it")),
    (r"(all|paraphrase)_minilm", Terms("Apache-2.0",
                                       "huggingface.co/sentence-transformers/paraphrase-MiniLM-L6-v2, card")),
    (r"mxbai_", Terms("Apache-2.0", "huggingface.co/mixedbread-ai", read=False)),
)  # fmt: skip
"""Presets whose terms are others than their folder's, by their name."""
_UNKNOWN = ("c2s_scale_gemma", "harrier_embedding", "msmarco_minilm", "multi_qa_minilm")
"""Presets that others made of a family's weights: no terms were found, or other than the family's (Harrier's MIT)."""


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
