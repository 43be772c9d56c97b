"""WordPiece (Schuster and Nakajima 2012; Devlin et al. 2019): whole words and their pieces, in lower case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["WordPiece"]

_UNKNOWN = "[UNK]"


class WordPiece:
    """A list of words and pieces; a piece that goes on with a word begins with ``##``."""

    summary: ClassVar[str] = "words and their pieces, in lower case, as BERT reads them"
    files: ClassVar[tuple[str, ...]] = ("vocabulary.txt",)

    @classmethod
    def train(cls, texts: Iterable[str], folder: Path, *, size: int, special_tokens: Sequence[str]) -> None:
        """Writes ``vocabulary.txt``, one token a line, the special tokens first.

        KerasHub's ``compute_word_piece_vocabulary`` needs minutes for a million words, this library seconds; it merges
        the most frequent pair, where the original takes the pair that makes the texts likeliest.

        Args:
            texts: What is counted.
            folder: Gets the file.
            size: Tokens at most, special ones counted; few texts give fewer.
            special_tokens: Those of the model; ``[UNK]`` must be among them.
        """
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

        texts = list(texts)
        tokenizer = Tokenizer(models.WordPiece(unk_token=_UNKNOWN))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        within = {f"##{letter}" for word in _words(tokenizer, texts) for letter in word[1:]}
        # The library numbers these in the order of a hash table, another one in every process, and breaks ties between
        # pairs by number; named beforehand, they have an order.
        trainer = trainers.WordPieceTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=[*special_tokens, *sorted(within)],
            continuing_subword_prefix="##",
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        numbers = tokenizer.get_vocab()
        lines = "\n".join(sorted(numbers, key=numbers.__getitem__))
        (folder / cls.files[0]).write_text(f"{lines}\n", encoding="utf-8")


def _words(tokenizer: Any, texts: Iterable[str]) -> set[str]:
    """Every word of the texts, as it is cut up."""
    found: set[str] = set()
    for text in texts:
        cut = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
        found.update(word for word, _ in cut)
    return found
