"""Small finished runs whose models are exported, and what the tests of exports read of them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from suite.registry import EXPORTERS
from suite.store.records.export_card import ExportCard
from suite.store.records.resizing import Resizing
from suite.store.store import open_store

CLASSES = ('mädchen\'s "cat"', "日本 語", "new\nline")
FORMATS = EXPORTERS.names()


def suite_command(*words: object) -> Result:
    """The command line."""
    from suite.cli.main import cli

    return CliRunner().invoke(cli, [str(word) for word in words])


def write_images(folder: Path) -> None:
    """Three classes of noise around three grey levels; their names need care."""
    random = np.random.default_rng(0)
    for level, name in zip((40, 128, 215), CLASSES, strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(random.normal(level, 25, (32, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def run_images(root: Path, models: tuple[str, ...], **further: object) -> Path:
    """A finished run of linear probes on small images: ``out`` and the ``cache`` are inside."""
    write_images(root / "images")
    document = {
        "name": "small",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": name} for name in models],
        "datasets": [{"source": "folder", "path": str(root / "images")}],
        "strategies": [{"strategy": "linear_probe"}],
        "seeds": [1],
        **further,
    }
    return run_document(root, document)


def run_document(root: Path, document: dict[str, object], *words: object) -> Path:
    """Runs a spec into ``out``."""
    (root / "spec.json").write_text(json.dumps(document))
    outcome = in_cache(root, "run", root / "spec.json", "--out", root / "out", *words)
    assert outcome.exit_code == 0, outcome.output
    return root


def in_cache(root: Path, *words: object) -> Result:
    """A command that uses the run's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUITE_CACHE_DIR", str(root / "cache"))
        return suite_command(*words)


def folders_of(root: Path) -> dict[tuple[str, str, str], Path]:
    """Model, format and precision to the folder of the file."""
    folders = [path.parent for path in (root / "out" / "exports").glob("*/*/card.json")]
    cards = {folder: card_of(folder) for folder in folders}
    assert all(folder.name == f"{card.format}-{card.precision}" for folder, card in cards.items())
    return {(card.model, card.format, card.precision): folder for folder, card in cards.items()}


def trial_of(finished: Path, model: str) -> str:
    """The beginning of the id of the model's only trial."""
    with open_store(finished / "out", create=False) as store:
        (one,) = store.query(model=model)
    return one.id[:10]


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def card_of(folder: Path) -> ExportCard:
    """The card beside a file."""
    return ExportCard.model_validate_json((folder / "card.json").read_text(encoding="utf-8"))


def resizing_inside(folder: Path, card: ExportCard) -> Resizing:
    """What the file itself says of how images are resized, read with the format's own tools."""
    return Resizing.model_validate_json(_READERS[card.format](folder / card.file))


def _of_onnx(file: Path) -> str:
    import onnx

    return next(one.value for one in onnx.load(file).metadata_props if one.key == "resizing")


def _of_openvino(folder: Path) -> str:
    import openvino

    return openvino.Core().read_model(str(folder / "model.xml")).get_rt_info(["model_info", "resizing"]).value


def _of_litert(file: Path) -> str:
    from ai_edge_litert import schema_py_generated as schema

    content = file.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (entry,) = (one for one in model.metadata if one.name == b"resizing")
    return bytes(model.buffers[entry.buffer].data).decode()


_READERS = {
    "keras": lambda file: zipfile.ZipFile(file).read("resizing.json").decode(),
    "saved_model": lambda folder: (folder / "assets.extra" / "resizing.json").read_text(encoding="utf-8"),
    "onnx": _of_onnx,
    "openvino": _of_openvino,
    "litert": _of_litert,
}
