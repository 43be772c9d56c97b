"""Extending the suite from outside: the plugin of CONTRIBUTING.md, installed as a package and given as a file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ADDED = {
    "models": "flat",
    "datasets": "stripes",
    "strategies": "nearest_mean",
    "metrics": "error_rate",
    "charts": "seed_count",
    "checks": "one_seed",
    "corruptions": "lost_lines",
    "transferability": "class_gap",
}
SPEC = {
    "name": "plugged",
    "task": "image_classification",
    "models": [{"source": "flat", "width": 8}, {"source": "flat", "width": 1}],
    "datasets": [{"source": "stripes", "count": 80}],
    "strategies": [{"strategy": "nearest_mean"}],
    "robustness": {"corruptions": ["lost_lines"], "severity": [3]},
    "seeds": [1],
}


def write_example(folder: Path) -> Path:
    """The files that CONTRIBUTING.md shows, each under the path in its first line."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:python|toml)\n# (\S+\.(?:py|toml))\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 9
    for name, body in blocks:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    (folder / "suite_plugin_example" / "__init__.py").write_text("")
    return folder


def suite(*arguments: str | Path, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, with ``path`` in front of what it can import."""
    environment = {**os.environ, "PYTHONPATH": str(path), "SUITE_CACHE_DIR": str(cwd / "cache")}
    command = [sys.executable, "-m", "suite", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=cwd, timeout=300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example built as a wheel and installed, as pip would put it beside the suite."""
    source = write_example(tmp_path_factory.mktemp("example"))
    target = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(source / "dist"), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return target


@pytest.mark.parametrize(("kind", "name"), ADDED.items())
def test_an_installed_package_is_enough(kind: str, name: str, installed: Path, tmp_path: Path) -> None:
    """Its entry points add one of each kind to the lists."""
    ended = suite("list", kind, "--json", path=installed, cwd=tmp_path)
    assert name in {listing["name"] for listing in json.loads(ended.stdout)}, ended.stderr


def test_plugins_take_part_in_everything(installed: Path, tmp_path: Path) -> None:
    """Model, data set, strategies, metric and chart go through a run to the page, from a package and from a file."""
    (tmp_path / "further.py").write_text(
        "from suite.registry import STRATEGIES\nfrom suite_plugin_example.strategies import NearestMean\n\n\n"
        "@STRATEGIES.register('from_file')\nclass FromFile(NearestMean):\n    label = lambda options: 'from a file'\n"
    )
    document = {**SPEC, "strategies": [{"strategy": "nearest_mean"}, {"strategy": "from_file"}]}
    (tmp_path / "plugged.json").write_text(json.dumps(document))
    options = ("--plugin", "further.py", "--out", "out", "--quiet", "--json")
    ended = suite("run", "plugged.json", *options, path=installed, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    outcome = json.loads(ended.stdout)
    assert outcome["counts"] == {"done": 2}
    cells = [cell for cell in outcome["comparison"]["cells"] if cell["finished"]]
    assert {cell["strategy"] for cell in cells} == {"nearest_mean", "from a file"}
    for cell in cells:
        assert [one["corruption"] for one in cell["robustness"]["corruptions"]] == ["lost_lines"]
        assert cell["metrics"]["error_rate"]["mean"] == pytest.approx(1 - cell["headline"]["value"])
    assert {skip["reason"] for skip in outcome["comparison"]["skips"]} == {"one filter cannot tell directions apart"}
    assert {one["check"] for one in outcome["comparison"]["checks"]["findings"]} >= {"one_seed"}
    assert "Finished trials" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_single_file_registers_with_decorators(tmp_path: Path) -> None:
    """``--plugin FILE`` adds the same, and so does the spec itself by a path relative to it."""
    write_example(tmp_path / "example")
    (tmp_path / "plugin.py").write_text(
        "from suite.registry import CORRUPTIONS, DATASETS, MODELS, STRATEGIES\n"
        "from suite_plugin_example import corruptions, datasets, models, strategies\n\n"
        "CORRUPTIONS.register('lost_lines')(corruptions.LostLines)\n"
        "MODELS.register('flat')(models.FlatSource)\n"
        "DATASETS.register('stripes')(datasets.StripesSource)\n"
        "STRATEGIES.register('nearest_mean')(strategies.NearestMean)\n"
    )
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "option.json").write_text(json.dumps(SPEC))
    (tmp_path / "specs" / "named.json").write_text(json.dumps({**SPEC, "plugins": ["../plugin.py"]}))
    for words in (("specs/option.json", "--plugin", "plugin.py"), ("specs/named.json",)):
        planned = suite("plan", *words, "--json", path=tmp_path / "example", cwd=tmp_path)
        assert json.loads(planned.stdout)["to_run"] == 1, planned.stderr


def test_a_plugin_that_cannot_be_imported_is_the_user_s(tmp_path: Path) -> None:
    """The file and what went wrong, in one sentence."""
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name\n")
    for path, complaint in (
        (broken, "cannot be imported: ModuleNotFoundError"),
        (tmp_path / "no.py", "does not exist"),
    ):
        ended = suite("list", "models", "--plugin", path, path=tmp_path, cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert complaint in ended.stderr


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """A plugin cannot replace what is there already without anybody noticing."""
    plugin = tmp_path / "taken.py"
    plugin.write_text("from suite.registry import MODELS\n\n\n@MODELS.register('zoo')\nclass Zoo:\n    pass\n")
    ended = suite("list", "models", "--plugin", plugin, path=tmp_path, cwd=tmp_path)
    assert ended.returncode == 2
    assert "model source 'zoo' is registered already" in ended.stderr
