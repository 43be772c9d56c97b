"""Features of a frozen backbone: computed once, kept on disk, never mistaken for others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from small_workshop import build

from suite.data.batches import Examples
from suite.models.backbone import Backbone
from suite.store.records.resizing import Resizing
from suite.store.records.result import FeatureEngineRecord
from suite.training.feature_engines import Engine
from suite.training.features import FeatureStore

EXAMPLES = Examples(np.zeros((4, 16, 16, 3), np.uint8), np.zeros(4, np.int64), ("a", "b", "c", "d"))


@dataclass
class Model:
    """Counts how often it is asked."""

    calls: int = 0

    def choose(self, inputs: np.ndarray) -> Engine:
        """Itself, for Keras."""
        return Engine(FeatureEngineRecord(name="keras", version="1", reason="it is a test"), self)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.calls += 1
        return np.full((len(images), 3), self.calls, np.float32)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    """A small real one."""
    return build("pretrained")


def test_features_are_computed_once(backbone: Backbone, tmp_path: Path) -> None:
    """Another process finds them on disk, with the seconds that they once took."""
    model = Model()
    first, again = (
        FeatureStore(tmp_path).get(backbone, EXAMPLES, fingerprint="f", asked="keras", choose=model.choose)
        for _ in range(2)
    )
    assert model.calls == 1
    assert np.array_equal(first.values, again.values)
    assert first.seconds == again.seconds


@pytest.mark.parametrize("changed", ["fingerprint", "ids", "weights", "input_size", "resizing"])
def test_what_they_depend_on_makes_others(changed: str, backbone: Backbone, tmp_path: Path) -> None:
    """Other data, other examples, other weights or another size or crop are other features."""
    model, store = Model(), FeatureStore(tmp_path)
    store.get(backbone, EXAMPLES, fingerprint="f", asked="keras", choose=model.choose)
    others = {
        "fingerprint": (backbone, EXAMPLES, "g"),
        "ids": (backbone, replace(EXAMPLES, ids=("a", "b", "c", "e")), "f"),
        "weights": (replace(backbone, weights=replace(backbone.weights, sha256="0" * 64)), EXAMPLES, "f"),
        "input_size": (replace(backbone, input_size=(32, 32)), EXAMPLES, "f"),
        "resizing": (replace(backbone, resizing=Resizing(crop_share=0.875)), EXAMPLES, "f"),
    }
    other, examples, fingerprint = others[changed]
    assert store.get(other, examples, fingerprint=fingerprint, asked="keras", choose=model.choose).values[0, 0] == 2


def test_a_damaged_file_is_made_again(backbone: Backbone, tmp_path: Path) -> None:
    """Half a file is no features."""
    model, store = Model(), FeatureStore(tmp_path)
    store.get(backbone, EXAMPLES, fingerprint="f", asked="keras", choose=model.choose)
    (kept,) = tmp_path.glob("features/*.npy")
    kept.write_bytes(kept.read_bytes()[:20])
    assert store.get(backbone, EXAMPLES, fingerprint="f", asked="keras", choose=model.choose).values[0, 0] == 2
