"""Is this machine ready: versions, devices, caches, and which weights and data are here."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from suite.data.keras_home import keras_home
from suite.devices import look_at_machine
from suite.errors import DISTRIBUTION, SuiteError
from suite.registry import MODELS
from suite.spec.placement import USUAL_DEVICES, fits_in_words, logical_cpus, precision_for, share_gpus
from suite.spec.shipped import shipped_specs
from suite.version import __version__

__all__ = ["Examination", "examine"]

_DEEP_SECONDS = 180.0
_DEEP_QUESTION = """
import json, time
started = time.perf_counter()
import tensorflow, keras
print(json.dumps({
    "tensorflow": tensorflow.__version__, "keras": keras.__version__, "backend": keras.backend.backend(),
    "devices": [device.name for device in tensorflow.config.list_physical_devices()],
    "capabilities": [
        tensorflow.config.experimental.get_device_details(gpu).get("compute_capability")
        for gpu in tensorflow.config.list_physical_devices("GPU")
    ],
    "import_seconds": round(time.perf_counter() - started, 1),
}))
"""


@dataclass(frozen=True)
class Examination:
    """What was found, as JSON values."""

    versions: dict[str, str | None]
    """Package to version; None where it is missing."""
    machine: dict[str, Any]
    deep: dict[str, Any] | None
    """What TensorFlow itself says, where it was asked."""
    caches: list[dict[str, Any]]
    """``name``, ``path``, ``bytes`` (None where there is none)."""
    zoo: list[str]
    """Names of the pretrained backbones that ship with the suite."""
    specs: list[dict[str, Any]]
    """Per shipped spec: ``name``, ``problem`` (None where it is valid), ``present``, ``missing``."""
    complaints: list[str]
    """What keeps the suite from running; empty on a sound machine."""


def examine(*, deep: bool = False) -> Examination:
    """Looks over this machine; with ``deep`` TensorFlow is started once, in a process of its own."""
    versions = _versions()
    specs = [_examine_spec(path) for path in _specs()]
    answer = _ask_tensorflow() if deep else None
    complaints = [
        f"package '{name}' is missing; install the suite again." for name, found in versions.items() if not found
    ]
    complaints += [f"{spec['name']}: {spec['problem']}" for spec in specs if spec["problem"]]
    complaints += [f"TensorFlow does not start: {answer['problem']}"] if answer and "problem" in answer else []
    machine = look_at_machine()
    fits, wrong = _fits()
    complaints += wrong
    return Examination(
        versions=versions,
        machine={**asdict(machine), "words": machine.words, "fits": fits},
        deep=answer,
        caches=[_examine_folder(name, path) for name, path in _cache_folders()],
        zoo=_zoo(),
        specs=specs,
        complaints=complaints,
    )


def _fits() -> tuple[str, list[str]]:
    """How fits use the devices, in words, and what is wrong with what the environment says of them."""
    from suite.runner.environment import visible_gpus

    gpus = visible_gpus()
    try:
        share_gpus(gpus, None, USUAL_DEVICES)
        return fits_in_words(len(gpus), logical_cpus()), []
    except SuiteError as error:
        return "none, see the problem below.", [str(error)]


def _versions() -> dict[str, str | None]:
    """The suite, Python, and every package that the suite requires."""
    found: dict[str, str | None] = {"suite": __version__, "python": platform.python_version()}
    for requirement in _required():
        if "extra ==" not in requirement:
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            name = match.group() if match else requirement
            found[name] = _version(name)
    return found


def _required() -> list[str]:
    """What the installed suite requires; nothing where it is run without being installed."""
    try:
        return importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _specs() -> tuple[Path, ...]:
    return shipped_specs()


def _examine_spec(path: Path) -> dict[str, Any]:
    """Whether a shipped spec is valid here, and what it would download."""
    from suite.runner.dry_run import requirements_of
    from suite.spec.spec import load_spec

    name = f"specs/{path.name}"
    try:
        needs = requirements_of(load_spec(path))
    except SuiteError as error:
        return {"name": name, "problem": str(error), "present": 0, "missing": []}
    missing = [{**asdict(need), "path": str(need.path)} for need in needs if not need.present]
    return {"name": name, "problem": None, "present": len(needs) - len(missing), "missing": missing}


def _zoo() -> list[str]:
    return list(MODELS.get("zoo").known_names())


def _cache_folders() -> Iterator[tuple[str, Path]]:
    from suite.cache import cache_root

    home = Path.home()
    yield "suite (decoded images, features, script)", cache_root()
    yield "Keras weights", keras_home() / "models"
    yield "Keras data sets", keras_home() / "datasets"
    yield "TensorFlow Datasets", Path(os.environ.get("TFDS_DATA_DIR", home / "tensorflow_datasets"))
    yield "Kaggle", Path(os.environ.get("KAGGLEHUB_CACHE", home / ".cache" / "kagglehub"))
    yield "Hugging Face", Path(os.environ.get("HF_HOME", home / ".cache" / "huggingface"))


def _examine_folder(name: str, path: Path) -> dict[str, Any]:
    if not path.is_dir():
        return {"name": name, "path": str(path), "bytes": None}
    return {"name": name, "path": str(path), "bytes": sum(_file_sizes(path))}


def _file_sizes(folder: Path) -> Iterator[int]:
    """Sizes of the files below; links are not followed, what cannot be read is left out."""
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                yield os.lstat(os.path.join(parent, file)).st_size  # noqa: PTH118 - a walk over 100,000 files
            except OSError:
                continue


def _ask_tensorflow() -> dict[str, Any]:
    """Devices as TensorFlow sees them, from a process of its own: this one stays free of TensorFlow."""
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter with a fixed program
            [sys.executable, "-c", _DEEP_QUESTION],
            capture_output=True,
            text=True,
            timeout=_DEEP_SECONDS,
            check=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        found: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
        capabilities = [tuple(one) if one else None for one in found.pop("capabilities")]
        found["precision_auto"] = precision_for(capabilities)
    except subprocess.CalledProcessError as error:
        return {"problem": (error.stderr.strip().splitlines() or ["no output"])[-1]}
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        return {"problem": str(error)}
    return found
