"""``python -m benchmarks.corruptions [SHARED]``: how much each corruption costs; writes ``benchmarks/corruptions.md``.

The reference is Keras's MobileNetV2 0.35 with its ImageNet weights, frozen, and a linear probe, on the 200 photographs
of flowers5.  Ten folds: each image is judged by a probe that was fitted on clean images of the other nine.  The
same image is judged clean and corrupted, so what is lost is paired.  Severity 3 of every corruption is set to lose
``TARGET`` of the accuracy, as nearly as 200 images tell.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.data.corrupted import to_working_size
from suite.data.corruptions import SEVERITIES, corrupt
from suite.data.dataset import Image
from suite.data.decoding import decode_image, resize_image
from suite.metrics.resampling import interval, resampled_means
from suite.registry import CORRUPTIONS

__all__ = ["TARGET", "TOLERANCE", "Reference", "main", "reference"]

TARGET = 0.15
"""Share of all images that severity 3 turns from right to wrong, on balance."""
TOLERANCE = 0.04
"""How far from it the table may be: about one and a half standard errors."""
PAGE = Path(__file__).with_suffix(".md")
WEIGHTS = "weights/mobilenetv2_035/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
SIZE = (224, 224)
FOLDS = 10
STRENGTH = 0.01
"""Penalty of the probe per example."""

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """The frozen model with its probes, one per fold."""

    images: tuple[Image, ...]
    ids: tuple[str, ...]
    targets: NDArray[np.int64]
    folds: NDArray[np.int64]
    features_of: Callable[[Sequence[Image]], Features]
    probes: tuple[Any, ...]

    def right(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """1 for each image that its probe names rightly, else 0; shape ``(n,)``."""
        features = self.features_of(images)
        predicted = np.empty(len(images), dtype=np.int64)
        for fold, probe in enumerate(self.probes):
            predicted[self.folds == fold] = probe.predict(features[self.folds == fold])
        return (predicted == self.targets).astype(np.float64)

    def corrupted(self, name: str, severity: int) -> NDArray[np.float64]:
        """The same of corrupted images."""
        found = zip(self.images, self.ids, strict=True)
        return self.right([corrupt(name, one, severity=severity, example_id=key) for one, key in found])


def reference(shared: Path) -> Reference:
    """The reference model, fitted on clean images.

    Args:
        shared: A folder with ``images/flowers5`` and ``weights/mobilenetv2_035``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    root = shared / "images" / "flowers5"
    files = sorted(path for path in root.glob("*/*/*") if path.suffix == ".jpg")
    names = sorted({path.parent.name for path in files})
    targets = np.array([names.index(path.parent.name) for path in files])
    images = tuple(to_working_size(decode_image(path.read_bytes(), name=path.name)) for path in files)
    features_of = _backbone(shared / WEIGHTS)
    features = features_of(images)
    folds = np.empty(len(files), dtype=np.int64)
    probes = []
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(features, targets)
    for fold, (others, own) in enumerate(splits):
        folds[own] = fold
        penalty = LogisticRegression(C=1 / (STRENGTH * len(others)), max_iter=1000)
        probes.append(make_pipeline(StandardScaler(), penalty).fit(features[others], targets[others]))
    ids = tuple(str(path.relative_to(root)) for path in files)
    return Reference(images, ids, targets, folds, features_of, tuple(probes))


def _backbone(weights: Path) -> Callable[[Sequence[Image]], Features]:
    """Images of any size to pooled features."""
    import keras

    model = keras.applications.MobileNetV2(
        input_shape=(*SIZE, 3), alpha=0.35, include_top=False, weights=str(weights), pooling="avg"
    )

    def features_of(images: Sequence[Image]) -> Features:
        resized = np.stack([resize_image(image, SIZE) for image in images]).astype(np.float32)
        features: Features = model.predict(resized / 127.5 - 1, batch_size=50, verbose=0)
        return features

    return features_of


def main(arguments: Sequence[str]) -> int:
    """Writes the page. Returns 1 where a corruption misses its target."""
    shared = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2] / "shared" / "data"
    found = reference(shared)
    clean = found.right(found.images)
    rows, misses = [], []
    for name in CORRUPTIONS.names():
        corruption = CORRUPTIONS.get(name)
        if corruption.kind == "image":
            lost = [clean - found.corrupted(name, severity) for severity in SEVERITIES]
            rows.append(_row(name, corruption, lost))
            misses += [name] if abs(lost[2].mean() - TARGET) > TOLERANCE else []
            print(rows[-1], flush=True)
    digest = hashlib.sha256((shared / WEIGHTS).read_bytes()).hexdigest()
    PAGE.write_text(_page(rows, clean, digest), encoding="utf-8")
    print(f"missed: {', '.join(misses) or 'none'}")
    return 1 if misses else 0


def _row(name: str, corruption: Any, lost: Sequence[NDArray[np.float64]]) -> str:
    ends = interval(resampled_means(lost[2][:, None])[:, 0])
    assert ends is not None, "there are 200 images"
    points = [f"{100 * one.mean():.1f}" for one in lost]
    points[2] = f"**{points[2]}** ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
    meaning = corruption.summary.partition("strength: ")[2]
    return f"| {name} | {meaning} | {', '.join(f'{one:g}' for one in corruption.strengths)} | {' | '.join(points)} |"


def _page(rows: Sequence[str], clean: NDArray[np.float64], digest: str) -> str:
    target = (
        f"Severity 3 is set so that it costs the reference model {100 * TARGET:.0f} points of accuracy, give or take "
        f"{100 * TOLERANCE:.0f}. Severities 1 and 2 cost less, 4 and 5 more."
    )
    model = (
        f"Reference: Keras's MobileNetV2, alpha 0.35, 224 pixels, ImageNet weights (SHA-256 {digest[:12]}), frozen, "
        f"with a linear probe; {len(clean)} photographs of flowers in 5 classes. Each image is judged by a probe "
        f"that was fitted on clean images of the other {FOLDS - 1} of {FOLDS} folds. Without corruption it is "
        f"right on {100 * clean.mean():.1f} %."
    )
    lines = [
        "# How much each corruption costs",
        "",
        "Written by `python -m benchmarks.corruptions`.",
        "",
        target,
        "",
        model,
        "",
        "Points of accuracy lost, with the 95 % interval over images for severity 3:",
        "",
        "| corruption | strength is | strengths | 1 | 2 | 3 | 4 | 5 |",
        "|---|---|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        "Another model loses more or less, and so does this one on other images: that is what a comparison measures.",
        "Images of 8 x 8 pixels have no fine detail that blur, pixelation or JPEG could take away.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
