"""Data larger than memory is to be: a folder of 50,000 images, and a Parquet file of millions of short texts."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

__all__ = ["CLASSES", "make_images", "make_texts"]

CLASSES = ("error", "file", "model", "number")
WORDS = [
    "the",
    "array",
    "value",
    "of",
    "a",
    "function",
    "returns",
    "when",
    "given",
    "axis",
    "shape",
    "default",
    "if",
    "not",
    "set",
    "is",
    "used",
    "for",
    "each",
    "element",
    "in",
    "this",
    "class",
    "method",
    "optional",
    "parameter",
    "object",
    "list",
    "string",
    "type",
    "name",
    "data",
    "input",
    "output",
    "index",
    "first",
    "last",
]
OWN = {
    "error": ["raises", "exception", "error", "invalid", "warning", "fails", "missing", "raised"],
    "file": ["path", "file", "folder", "read", "write", "open", "directory", "bytes"],
    "model": ["layer", "model", "training", "fit", "predict", "weights", "loss", "network"],
    "number": ["sum", "mean", "integer", "float", "matrix", "random", "square", "maximum"],
}
"""Words that tell the class; a text has some of its own class and now and then one of another."""
ROWS_OF_A_GROUP = 100_000


def make_images(archive: Path, folder: Path) -> int:
    """Unpacks the training images of CIFAR-10, each into the folder of its class. Returns how many there are."""
    count = 0
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            parts = Path(info.filename).parts
            if info.is_dir() or "train" not in parts:
                continue
            place = folder.joinpath(*parts[parts.index("train") + 1 :])
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read(info))
            count += 1
    return count


def make_texts(path: Path, rows: int) -> None:
    """Writes a Parquet file with the columns ``text`` and ``label``, in groups of 100,000 rows, from one seed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator = np.random.default_rng(0)
    schema = pa.schema([("text", pa.string()), ("label", pa.string())])
    common, own = np.array(WORDS), np.array([OWN[name] for name in CLASSES])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, ROWS_OF_A_GROUP):
            count = min(ROWS_OF_A_GROUP, rows - start)
            labels = generator.integers(len(CLASSES), size=count)
            words = common[generator.integers(len(common), size=(count, 8))]
            for place in (2, 5):
                # One word in four is of any class, so that no model can be right about every text.
                told = np.where(generator.random(count) < 0.75, labels, generator.integers(len(CLASSES), size=count))
                words[:, place] = own[told, generator.integers(own.shape[1], size=count)]
            lengths = generator.integers(6, 9, size=count).tolist()
            texts = [" ".join(row[:length]) for row, length in zip(words.tolist(), lengths, strict=True)]
            writer.write_table(pa.table([texts, np.array(CLASSES)[labels].tolist()], schema=schema))


def make_text_model(folder: Path) -> None:
    """Writes a KerasHub preset of a BERT with one layer of width 32 and random weights, which knows all words."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    words = dict.fromkeys([*WORDS, *(word for own in OWN.values() for word in own)])
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(vocabulary),
        num_layers=1,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        dropout=0.0,
        max_sequence_length=16,
    )
    backbone.save_to_preset(str(folder))
    keras_hub.tokenizers.BertTokenizer(vocabulary=vocabulary, lowercase=True).save_to_preset(str(folder))
