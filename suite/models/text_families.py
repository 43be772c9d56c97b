"""The text models of KerasHub: what each is good for, and the special tokens it was pretrained with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from suite.models.backbone import TextPooling
from suite.models.tokenizer import Frame

__all__ = ["MODEL_TYPES", "TEXT_FAMILIES", "Generates", "TextFamily", "text_tasks"]

Generates = Literal["causal", "seq2seq"]


@dataclass(frozen=True)
class TextFamily:
    """One backbone class of ``keras_hub.models``."""

    folder: str
    """Where KerasHub keeps it: ``keras_hub/src/models/<folder>``."""
    frame: Frame
    generates: Generates | None = None
    is_saved_whole: bool = False
    """Whether KerasHub can save the layers inside their backbone only, so that its encoder holds it in one piece."""

    @property
    def pooling(self) -> TextPooling:
        """The vector that belongs to the model.

        Encoders give the state of their first token, as their own classifiers read it; encoder-decoders the mean
        of the encoder's states (Ni et al. 2022, Sentence-T5, section 3); decoders the last token, the only one
        that has seen the whole text.
        """
        return {None: "cls", "seq2seq": "mean", "causal": "last"}[self.generates]  # type: ignore[return-value]


TEXT_FAMILIES: dict[str, TextFamily] = {
    "AlbertBackbone": TextFamily("albert", "cls_sep"),
    "BertBackbone": TextFamily("bert", "cls_sep"),
    "DebertaV3Backbone": TextFamily("deberta_v3", "cls_sep", is_saved_whole=True),
    "DistilBertBackbone": TextFamily("distil_bert", "cls_sep"),
    "ElectraBackbone": TextFamily("electra", "cls_sep"),
    "FNetBackbone": TextFamily("f_net", "cls_sep"),
    "RobertaBackbone": TextFamily("roberta", "sentence"),
    "RoformerV2Backbone": TextFamily("roformer_v2", "cls_sep"),
    "XLMRobertaBackbone": TextFamily("xlm_roberta", "sentence"),
    "BloomBackbone": TextFamily("bloom", "bare", "causal"),
    "FalconBackbone": TextFamily("falcon", "bare", "causal"),
    "GPT2Backbone": TextFamily("gpt2", "bare", "causal"),
    "GPTNeoXBackbone": TextFamily("gpt_neo_x", "bare", "causal", is_saved_whole=True),
    "GemmaBackbone": TextFamily("gemma", "start", "causal"),
    "Gemma3Backbone": TextFamily("gemma3", "start", "causal"),
    "GptOssBackbone": TextFamily("gpt_oss", "bare", "causal"),
    "LlamaBackbone": TextFamily("llama", "start", "causal", is_saved_whole=True),
    "Llama3Backbone": TextFamily("llama3", "start", "causal", is_saved_whole=True),
    "MistralBackbone": TextFamily("mistral", "start", "causal"),
    "MixtralBackbone": TextFamily("mixtral", "start", "causal"),
    "OPTBackbone": TextFamily("opt", "start", "causal"),
    "Phi3Backbone": TextFamily("phi3", "bare", "causal"),
    "QwenBackbone": TextFamily("qwen", "bare", "causal"),
    "Qwen3Backbone": TextFamily("qwen3", "bare", "causal", is_saved_whole=True),
    "Qwen3MoeBackbone": TextFamily("qwen3_moe", "bare", "causal"),
    "QwenMoeBackbone": TextFamily("qwen_moe", "bare", "causal"),
    "SmolLM3Backbone": TextFamily("smollm3", "bare", "causal"),
    "BartBackbone": TextFamily("bart", "sentence", "seq2seq"),
    "T5Backbone": TextFamily("t5", "end", "seq2seq"),
    "T5GemmaBackbone": TextFamily("t5gemma", "start", "seq2seq"),
}
"""Every class that KerasHub's TextClassifier, CausalLM and Seq2SeqLM cover and that reads text alone, and ELECTRA.

Left out: classes whose inputs are images or sounds beside text (PaliGemma, Gemma 3n and 4, BLIP-2, T5Gemma 2,
Qwen 3.5, PARSeq), ESM, which reads proteins, EdRec, which recommends, and RWKV-7, whose backbone gives scores of
tokens where the others give states, and takes lengths in steps only.
"""

MODEL_TYPES: dict[str, str] = {
    "albert": "AlbertBackbone",
    "bart": "BartBackbone",
    "bert": "BertBackbone",
    "distilbert": "DistilBertBackbone",
    "gemma": "GemmaBackbone",
    "gemma2": "GemmaBackbone",
    "gemma3": "Gemma3Backbone",
    "gemma3_text": "Gemma3Backbone",
    "gpt2": "GPT2Backbone",
    "gpt_oss": "GptOssBackbone",
    "llama": "Llama3Backbone",
    "mistral": "MistralBackbone",
    "mixtral": "MixtralBackbone",
    "qwen2": "QwenBackbone",
    "qwen2_moe": "QwenMoeBackbone",
    "qwen3": "Qwen3Backbone",
    "qwen3_moe": "Qwen3MoeBackbone",
    "roberta": "RobertaBackbone",
    "smollm3": "SmolLM3Backbone",
    "t5gemma": "T5GemmaBackbone",
    "xlm-roberta": "XLMRobertaBackbone",
}
"""The ``model_type`` of a Transformers folder that KerasHub can read, and its class."""


def text_tasks(kind: str) -> tuple[str, ...]:
    """The tasks that a text backbone class is good for."""
    return ("text_classification", "text_generation") if TEXT_FAMILIES[kind].generates else ("text_classification",)
