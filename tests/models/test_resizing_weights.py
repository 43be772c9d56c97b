"""Real weights on real photographs: what the published evaluation does is no worse than stretching."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suite.cache import entries
from suite.data.dataset import Dataset
from suite.data.folder import FolderOptions, FolderSource
from suite.models.applications import ApplicationsOptions, ApplicationsSource
from suite.models.backbone import Backbone
from suite.spec.spec import SplitsSpec
from suite.store.records.resizing import STRETCH
from suite.tasks.image_classification import ImageClassification

DATA = Path(__file__).parents[3] / "shared" / "data"
PHOTOGRAPHS = (DATA / "images" / "flowers5" / "train", DATA / "images" / "pacs" / "photo")


@pytest.fixture
def mobilenets(keras_home: Path) -> list[Backbone]:
    """The two that lie in Keras's own layout, with ImageNet weights, at 224 pixels."""
    (keras_home / "models").mkdir()
    for folder in ("mobilenet_025", "mobilenetv2_035"):
        for path in (DATA / "weights" / folder).glob("*.h5"):
            shutil.copy(path, keras_home / "models")
    given = (ApplicationsOptions(name="MobileNet", alpha=0.25), ApplicationsOptions(name="MobileNetV2", alpha=0.35))
    return [ApplicationsSource.build(one) for one in given]


def splits_of(backbone: Backbone, dataset: Dataset, root: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features and targets of each split, as every trial reads them."""
    from suite.training.predictor import Predictor

    predict = Predictor(ImageClassification.assemble(backbone, num_classes=2).features)
    for split in dataset.splits.values():
        examples = ImageClassification.read(backbone, dataset, split, root=root)
        yield predict(examples.inputs), examples.targets


def right(backbone: Backbone, dataset: Dataset, root: Path) -> np.ndarray:
    """Which examples a linear probe names that has not seen them, each fold in turn."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, targets = map(np.concatenate, zip(*splits_of(backbone, dataset, root), strict=True))
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_predict(probe, features, targets, cv=folds) == targets


@pytest.mark.shared
def test_probes_do_not_fall_against_the_square(mobilenets: list[Backbone], tmp_path: Path) -> None:
    """Paired over 325 photographs and two models, less than a point, and nowhere by 5; images are kept by their way."""
    gains = []
    for folder in PHOTOGRAPHS:
        dataset = FolderSource.load(FolderOptions(path=str(folder)), splits=SplitsSpec(), on_bad_example="error")
        for backbone in mobilenets:
            assert backbone.resizing.words == "cropped, middle 87.5 %, bilinear"
            own, square = (right(one, dataset, tmp_path) for one in (backbone, replace(backbone, resizing=STRETCH)))
            gains.append(own.astype(int) - square)
    gained = np.concatenate(gains)
    print(
        f"{len(gained)} answers: {(gained > 0).sum()} won, {(gained < 0).sum()} lost, {100 * gained.mean():+.2f} points"
    )
    assert gained.mean() > -0.01
    assert all(one.mean() > -0.05 for one in gains)
    kept = [entry for entry in entries(tmp_path) if entry.kind == "decoded"]
    assert len(kept) == len(PHOTOGRAPHS) * 3 * 2  # each split once for each way, both models alike
