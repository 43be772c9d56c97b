"""What is installed is whole: the wheel in an environment of its own plans and renders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from test_cli_run import prepared

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("keras_suite-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and sees what the wheel depends on but not this checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder), "platbase": str(folder)}))
    # A path in a .pth file is searched, but the .pth files in there are not read: no editable install comes along.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "bin" / "python"


def run(python: Path, *words: str, cwd: Path) -> str:
    """What a command in that environment prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run([python, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_wheel_holds_templates_specs_and_zoo(wheel: Path) -> None:
    """Everything that is read at run time, and nothing that is not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in (
        ("templates", "suite/_shipped/templates"),
        ("specs", "suite/_shipped/specs"),
        ("suite/zoo",) * 2,
        ("suite/store/migrations",) * 2,
    ):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert {f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" for path in files} <= names
    assert "suite/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]
    assert wheel.stat().st_size < 24_000_000  # 8 MB of images' weights, four models of texts with 4 MB each at most


def test_the_environment_runs_the_wheel(python: Path, tmp_path: Path) -> None:
    """Not this checkout, which would prove nothing."""
    place = Path(run(python, "-c", "import suite; print(suite.__file__)", cwd=tmp_path).strip())
    assert ROOT not in place.parents
    assert python.parents[1] in place.parents


def test_the_wheel_plans_the_specs_that_it_ships(python: Path, tmp_path: Path) -> None:
    """From an empty folder, by the name that the README uses."""
    for name in ("vision", "imagenet"):
        found = json.loads(run(python, "-m", "suite", "plan", f"specs/{name}.json", "--json", cwd=tmp_path))
        assert found["name"] == name
        assert found["to_run"] > 0
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_renders_a_report(python: Path, tmp_path: Path) -> None:
    """Templates, style and script come from the wheel."""
    prepared(tmp_path, "fit", "fit:again")
    printed = run(python, "-m", "suite", "report", "out", cwd=tmp_path)
    assert "out/report.html" in printed
    assert "Which &lt;classifier&gt;?" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
