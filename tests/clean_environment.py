"""A virtual environment that has some installed distributions and what they require, and nothing else.

Files are linked from the environment that runs the tests, so that no network is needed.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["make_environment", "runtime_alone"]

BESIDE = ("numpy", "pillow", "tokenizers")
"""What every ``example.py`` needs besides its runtime."""
FURTHER = {"keras": ("tensorflow", "keras-hub")}
"""Keras needs a backend, and a model of KerasHub its layers."""


def runtime_alone(format_: str, environments: dict[str, Path], root: Path) -> Path:
    """Python of an environment with the runtime of an export format; made once in ``root`` for all tests."""
    from suite.registry import EXPORTERS

    if format_ not in environments:
        roots = (EXPORTERS.get(format_).runtime, *FURTHER.get(format_, ()), *BESIDE)
        environments[format_] = make_environment(root / format_, *roots)
    return environments[format_]


def make_environment(folder: Path, *roots: str) -> Path:
    """Makes the environment in ``folder``; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    found = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], capture_output=True, check=True
    )
    site = Path(found.stdout.decode().strip())
    for name in sorted(_with_requirements(roots)):
        for file in distribution(name).files or ():
            if file.parts[0] == ".." or "__pycache__" in file.parts:
                continue
            place = site / file
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.symlink_to(Path(str(distribution(name).locate_file(file))).resolve())
    return python


def _with_requirements(roots: tuple[str, ...]) -> set[str]:
    """Names of the distributions and of all that they require; what is not installed is left out."""
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        wanted = (Requirement(one) for one in requires)
        todo += [one.name.lower() for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found
