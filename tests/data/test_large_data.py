"""Data larger than memory: what is kept as numbers, what on disk, and that the answers are the same."""

from __future__ import annotations

import hashlib
import mmap
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from suite.data import large
from suite.data.example_ids import IdCollector, id_array, ids_digest, some_ids
from suite.data.large import ByteCollector, let_go, new_array
from suite.data.table import TableOptions, TableSource
from suite.data.texts import TextCollector
from suite.data.tokens import Piece, tokenised
from suite.errors import BadExampleError, StoreError
from suite.spec.spec import SplitsSpec
from suite.strategies import linear_probe
from suite.strategies.linear_probe import LinearProbeOptions, Probe, fit_probe
from suite.training.features import FeatureStore

IDS = ("a.csv:1", "a.csv:2", "b.csv:2", "cat/1.jpg", "a.csv:007", "a.csv:", "x:y:3", "a.csv:-4", "٣:٣")


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What is larger than 1,000 bytes goes to disk, into this folder."""
    monkeypatch.setattr(large, "LARGE_BYTES", 1_000)
    monkeypatch.setattr(large, "_AT_ONCE", 10_000)
    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def collected(ids: tuple[str, ...]) -> Any:
    """The ids as texts of a table have them."""
    collector = IdCollector()
    for one in ids:
        collector.add(one)
    return collector.ids()


def mapped(array: Any) -> bool:
    """Whether an array is read from a file."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def write(path: Path, texts: list[Any], labels: list[Any], *, rows_of_a_group: int = 1_000) -> str:
    """A Parquet file of texts and labels."""
    path.parent.mkdir(exist_ok=True)
    kind = pa.binary() if any(isinstance(text, bytes) for text in texts) else pa.string()
    table = pa.table({"text": pa.array(texts, kind), "label": labels})
    pq.write_table(table, path, row_group_size=rows_of_a_group)
    return str(path)


def load(path: str, **options: Any) -> Any:
    """The texts and labels of a Parquet file."""
    on_bad_example = options.pop("on_bad_example", "error")
    asked = TableOptions(path=path, text_column="text", label_column="label", **options)
    return TableSource.load(asked, splits=SplitsSpec(), on_bad_example=on_bad_example)


def by_id(dataset: Any) -> dict[str, tuple[str, str, str]]:
    """Split, texts and class of every example."""
    return {
        one: (name, *split.read(index), dataset.class_names[split.targets[index]])
        for name, split in dataset.splits.items()
        for index, one in enumerate(split.ids)
    }


def test_ids_kept_as_numbers_are_the_same_ids() -> None:
    """Equal to a tuple in every way that is asked for, also where a number is not written as Python does."""
    ids = collected(IDS)
    assert tuple(ids) == IDS
    assert ids == IDS
    assert ids != IDS[:-1]
    assert [ids[index] for index in range(len(IDS))] == list(IDS)
    assert tuple(ids[2:4]) == IDS[2:4]
    assert tuple(some_ids(ids, np.array([3, 0]))) == some_ids(IDS, np.array([3, 0])) == (IDS[3], IDS[0])
    assert id_array(ids).tolist() == id_array(IDS).tolist()


def test_the_digest_of_ids_is_what_caches_were_kept_under() -> None:
    """One hash over all ids with a NUL between them, however they are kept."""
    many = tuple(f"a.csv:{number}" for number in range(25_000))
    expected = hashlib.sha256("\0".join(many).encode()).hexdigest()
    assert ids_digest(many) == ids_digest(collected(many)) == expected


def test_a_large_array_is_on_disk(small_limit: Path) -> None:
    """It holds what is written to it, also after its pages were given back; its file has no name."""
    array = new_array((100, 10), np.float32)
    array[:] = np.arange(1_000).reshape(100, 10)
    let_go(array)
    assert mapped(array)
    assert not mapped(new_array((10, 10), np.float32))
    assert array.sum() == 499_500
    assert list(small_limit.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(small_limit: Path) -> None:
    """The complaint says how to mend it."""
    small_limit.write_text("a file")
    with pytest.raises(StoreError, match="SUITE_CACHE_DIR"):
        new_array((1_000,), np.float32)


def test_bytes_on_disk_are_those_that_were_collected(small_limit: Path) -> None:
    """In the order in which they came, those that still waited in memory too."""
    parts = [bytes([number]) * 370 for number in range(100)]
    collector = ByteCollector()
    for part in parts:
        collector += part
    assert isinstance(collector.whole(), mmap.mmap)
    assert collector.whole()[:] == b"".join(parts)
    assert len(collector) == 37_000


def test_texts_on_disk_can_be_sent_to_another_process(small_limit: Path) -> None:
    """They are read there as here."""
    collector = TextCollector(texts_each=1)
    for number in range(100):
        collector.add(f"a:{number}", [f"text {number} {'x' * 20}".encode()])
    split = collector.part("train").split
    sent = pickle.loads(pickle.dumps(split))
    assert [sent.read(index) for index in range(100)] == [split.read(index) for index in range(100)]


def test_texts_of_a_parquet_file_are_never_all_objects(small_limit: Path, tmp_path: Path) -> None:
    """While 10,000 texts of 1,000 letters are loaded, less than half of them is in Python's memory at any time."""
    texts = [f"{number:06d}{'x' * 994}" for number in range(10_000)]
    path = write(tmp_path / "a.parquet", texts, ["a", "b"] * 5_000)
    del texts
    load(write(tmp_path / "b.parquet", ["t"] * 40, ["a", "b"] * 20))  # imports what it needs
    tracemalloc.start()
    try:
        dataset = load(path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10_000 * 1_000 / 2
    assert sum(map(len, dataset.splits.values())) == 10_000
    assert all(dataset.splits["test"].read(at)[0].startswith(f"{number - 1:06d}") for at, number in _numbers(dataset))


def _numbers(dataset: Any) -> list[tuple[int, int]]:
    """Positions and row numbers of some test examples."""
    ids = dataset.splits["test"].ids
    return [(at, int(ids[at].rpartition(":")[2])) for at in (0, 999, 1_999)]


def test_rows_beside_a_bad_one_are_read_as_ever(tmp_path: Path) -> None:
    """A bad row makes its neighbours come one by one; the texts, classes and splits of the others are the same."""
    texts = [f"text {number}" for number in range(9_000)]
    labels: list[Any] = [number % 3 for number in range(9_000)]
    whole = load(write(tmp_path / "good" / "a.parquet", texts, labels))
    bad = load(write(tmp_path / "bad" / "a.parquet", [*texts, "more"], [*labels, None]), on_bad_example="skip")
    first = load(write(tmp_path / "first" / "a.parquet", [" ", *texts], [1, *labels]), on_bad_example="skip")
    assert by_id(whole) == by_id(bad)
    assert bad.fingerprint == whole.fingerprint
    assert [one.id for one in bad.skipped] == ["a.parquet:9001"]
    assert sorted(texts) == sorted(text for _, text, _ in by_id(first).values())


@pytest.mark.parametrize(
    ("text", "label", "reason"),
    [
        (b"caf\xe9", "a", "byte 0xE9"),
        (b" \n", "a", "the text is empty"),
        (b"a\0b", "a", "a NUL byte"),
        (None, "a", "got nothing"),
        (b"fine", " ", "the label is empty"),
        (b"fine", None, "the label is empty"),
    ],
)
def test_a_bad_row_of_a_later_group_is_named(text: Any, label: Any, reason: str, tmp_path: Path) -> None:
    """By its number in the file, with what is wrong with it."""
    texts: list[Any] = [b"fine"] * 12_000
    labels: list[Any] = ["a", "b"] * 6_000
    texts[9_500], labels[9_500] = text, label
    with pytest.raises(BadExampleError, match=rf"a\.parquet: row 9501: .*{reason}"):
        load(write(tmp_path / "a.parquet", texts, labels))


def test_tokens_are_written_as_one_array(tmp_path: Path) -> None:
    """A row of five integers per text and then all ids, whose file NumPy reads; text by text in the order given."""

    def cut(texts: Any) -> list[Piece]:
        return [Piece(np.arange(len(text[0]), dtype=np.int32), 1, cut=False) for text in texts]

    dataset = load(write(tmp_path / "a.parquet", ["x" * (1 + at % 7) for at in range(4_000)], ["a", "b"] * 2_000))
    split = dataset.splits["train"]
    tokens = tokenised(split, dataset, cut, identity={}, root=tmp_path)
    (path,) = tmp_path.glob("tokens/*.npy")
    words = np.load(path)
    lengths = [len(split.read(index)[0]) for index in range(len(split))]
    table = words[: len(split) * 10].view("<i8").reshape(-1, 5)
    assert table.tolist() == [[end, 1, 0, size, 0] for end, size in zip(np.cumsum(lengths), lengths, strict=True)]
    assert words[len(split) * 10 :].tolist() == [token for size in lengths for token in range(size)]
    assert mapped(tokens.ids)
    assert mapped(tokens.ends)


def test_kept_features_are_mapped_from_disk(tmp_path: Path) -> None:
    """Those of millions of examples need not fit into memory."""
    from small_workshop import build
    from test_features import EXAMPLES, Model

    store, model, backbone = FeatureStore(tmp_path), Model(), build("pretrained")
    for _ in range(2):
        features = store.get(backbone, EXAMPLES, fingerprint="f", asked="keras", choose=model.choose)
    assert mapped(features.values)
    assert not features.values.flags.writeable


@pytest.mark.parametrize("classes", [2, 4])
def test_a_probe_in_pieces_is_the_probe(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same strength, scores and logits as by scikit-learn, which has all features in memory."""
    generator = np.random.default_rng(0)
    targets = generator.integers(classes, size=900)
    features = generator.normal(size=(classes, 8))[targets] + 1.5 * generator.normal(size=(900, 8)) + 3
    whole = _probe(features, targets, classes)
    monkeypatch.setattr(linear_probe, "LARGE_FEATURES", 0)
    monkeypatch.setattr("suite.strategies.scaled_rows.PIECE", 800)
    pieces = _probe(features, targets, classes)
    assert pieces.strength == whole.strength
    np.testing.assert_allclose(pieces.validation_logits, whole.validation_logits, atol=5e-3)
    np.testing.assert_allclose(pieces.kernel, whole.kernel, atol=1e-3)
    scores = [[one.validation_score for one in probe.candidates] for probe in (pieces, whole)]
    np.testing.assert_allclose(*scores, atol=0.005)


def _probe(features: Any, targets: Any, classes: int) -> Probe:
    rows = features.astype(np.float32)
    options = LinearProbeOptions(strengths=20)
    return fit_probe(rows[:600], targets[:600], rows[600:], targets[600:], num_classes=classes, options=options)


def test_many_texts_are_cut_as_one_by_one() -> None:
    """In a graph where they are plain, by KerasHub's Python where they are not; empty texts too."""
    from suite.models.zoo.images import ZooOptions, ZooSource

    backbone: Any = ZooSource.build(ZooOptions(name="bert_tiny"), weights="pretrained")
    some = ["The array's `shape`, e.g. (3, 4)!", "", "naïve café", "unbelievableness x_1 == 0x7f", "a\tb\nc", "x" * 300]
    some += ["[SEP] is [MASK]", "don't? ~`^$+<=>|", " two  spaces ", "##ing"]
    texts = [f"{text} {number}" if number % 7 else text for number in range(40) for text in some]
    many = backbone.tokenizer.encode(texts)
    for text, ids in zip(texts, many, strict=True):
        assert np.array_equal(ids, backbone.tokenizer.encode([text])[0]), text
        assert ids.dtype == np.int32
