"""``python -m benchmarks.engines [SHARED]``: frozen features by an exported backbone; writes ``benchmarks/engines.md``.

10,000 images of CIFAR-10 at 224 through a frozen MobileNetV2 with ImageNet weights: by ``Model.predict`` and by the
engine that ``"feature_engine": "auto"`` chooses, its export included.  A linear
probe is fitted on 8,000 of them and tested on 2,000, on the features of each.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from suite.devices import look_at_machine

__all__ = ["main"]

PAGE = Path(__file__).with_suffix(".md")
WEIGHTS = "weights/coral/mobilenet_v2_1.0_224_quant.dequantised_no_top.h5"
ARCHIVE = "images/cifar10.zip"
COUNT, TRAIN, SIZE = 10_000, 8_000, 224
FASTER = 2.5


def main() -> int:
    """Measures, prints and writes the page. Returns 1 where the target was missed."""
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else PAGE.parents[2] / "shared" / "data")
    if not (shared / ARCHIVE).is_file() or not (shared / WEIGHTS).is_file():
        print(f"{shared}: has no {ARCHIVE} or no {WEIGHTS}; give the folder of the shared data.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="suite-benchmark-") as folder:
        images, targets = read(shared / ARCHIVE, Path(folder) / "images.npy")
        lines, met = measure(shared / WEIGHTS, images, targets, Path(folder))
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    return 0 if met else 1


def read(archive: Path, path: Path) -> tuple[Any, Any]:
    """The first 1,000 training images of each class, mixed, at 224, mapped from disk; and their classes."""
    with zipfile.ZipFile(archive) as file:
        names = [name for name in sorted(file.namelist()) if "train/" in name and not name.endswith("/")]
        classes = sorted({name.split("/")[-2] for name in names})
        chosen = [name for one in classes for name in [n for n in names if n.split("/")[-2] == one][: COUNT // 10]]
        chosen = [chosen[place] for place in np.random.default_rng(0).permutation(len(chosen))]
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(COUNT, SIZE, SIZE, 3))
        for place, name in enumerate(chosen):
            image = Image.open(io.BytesIO(file.read(name))).convert("RGB")
            images[place] = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    return images, np.array([classes.index(name.split("/")[-2]) for name in chosen])


def measure(weights: Path, images: Any, targets: Any, folder: Path) -> tuple[list[str], bool]:
    """The page's lines, and whether the target was met."""
    from suite.models.applications import ApplicationsOptions, ApplicationsSource
    from suite.tasks.image_classification import ImageClassification
    from suite.training.feature_engines import EngineChooser
    from suite.training.predictor import Predictor
    from suite.training.profiler import device_name

    options = ApplicationsOptions(name="MobileNetV2", input_size=(SIZE, SIZE), weights=str(weights))
    adapted = ImageClassification.assemble(ApplicationsSource.build(options, weights="pretrained"), num_classes=10)
    predictor = Predictor(adapted.features)
    rows = [("`Model.predict`", "", *timed(lambda: adapted.features.predict(images, batch_size=64, verbose=0)))]
    chooser = EngineChooser("auto", folder, device_name(), look_at_machine().cores)

    def by_engine() -> Any:
        return chooser.choose(adapted.features, predictor, images, graph="benchmark").predict(images)

    seconds, features = timed(by_engine)
    record = chooser.choose(adapted.features, predictor, images, graph="benchmark").record
    rows.append((f"`auto`: {record.name} {record.version}", record.reason, seconds, features))
    accuracies = [accuracy(found, targets) for _, _, _, found in rows]
    ratio = rows[0][2] / rows[-1][2]
    # Rounding may turn one image over that lies between two classes.
    turned = round(abs(accuracies[0] - accuracies[-1]) * (COUNT - TRAIN))
    met = ratio >= FASTER and turned <= 1
    machine = look_at_machine()
    lines = [
        "# Frozen features",
        "",
        (
            f"Written by `python -m benchmarks.engines`: {COUNT:,} images at {SIZE} through a frozen MobileNetV2. "
            f"{machine.processor}, {machine.words}."
        ),
        "",
        (
            f"Target: at least {FASTER} times as fast as `Model.predict`, export included, and the same accuracy but "
            f"for one image. Measured: {ratio:.1f} times; {'met' if met else 'missed'}."
        ),
        "",
        "| by | seconds | images/s | against `Model.predict` | largest difference | probe's accuracy |",
        "|---|---|---|---|---|---|",
    ]
    scale = float(np.abs(rows[0][3]).max())
    for (name, reason, took, found), score in zip(rows, accuracies, strict=True):
        far = float(np.abs(found - rows[0][3]).max()) / scale
        said = f"{name} ({reason})" if reason else name
        lines.append(
            f"| {said} | {took:.1f} | {COUNT / took:.0f} | {rows[0][2] / took:.1f} x | {far:.1e} | {score:.4f} |"
        )
    return [*lines, ""], met


def timed(work: Any) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    found = np.asarray(work())
    return time.perf_counter() - started, found


def accuracy(features: Any, targets: Any) -> float:
    """Of a linear probe on the last images, fitted on the first."""
    from suite.strategies.linear_probe import LinearProbeOptions, fit_probe

    probe = fit_probe(
        features[: TRAIN - 1000],
        targets[: TRAIN - 1000],
        features[TRAIN - 1000 : TRAIN],
        targets[TRAIN - 1000 : TRAIN],
        num_classes=10,
        options=LinearProbeOptions(strengths=20),
    )
    logits = features[TRAIN:] @ probe.kernel + probe.bias
    return float((logits.argmax(axis=1) == targets[TRAIN:]).mean())


if __name__ == "__main__":
    sys.exit(main())
