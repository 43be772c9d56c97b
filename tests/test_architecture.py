"""The walls of the design, read from the source with ``ast``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "suite"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)

TENSORFLOW = {"tensorflow", "keras", "keras_hub", "tensorflow_datasets", "jax", "torch"}
TENSORFLOW_AT_TOP = {"training", "features", "profiler"}
TENSORFLOW_INSIDE = TENSORFLOW_AT_TOP | {
    "tasks",
    "data",
    "models",
    "strategies",
    "exporters",
    "exporting",
    "objectives",
    "pretraining",
}
WORKER_SIDE = {"runner"}
"""Its parent side is held by a test of its own: no TensorFlow is in ``sys.modules`` after a run."""

# A unit may import units of its own rank or a lower one. A name without a rank is refused below.
RANKS = {
    0: {"errors", "complaints", "requirement", "registry", "resources", "devices", "keras_home", "options", "labels"}
    | {"credentials", "media_types"}
    | {"npz", "placement", "resizing", "locks", "places", "shares", "timing"},
    1: {"cache", "predictions", "collector", "constraints", "search", "spec", "results", "shipped", "finding"}
    | {"corruptions", "decoding", "funnel", "robustness", "exported", "exports"},
    2: {"teaching", "generations", "suitable", "vocabulary", "plan", "selection", "metrics", "further", "kept"},
    3: {
        "data",
        "store",
        "stored",
        "glance",
        "address",
        "database",
        "sqlite",
        "postgres",
        "migrations",
        "transferability",
    },
    4: {"models"},
    5: {"tasks", "training", "features", "engines", "profiler", "strategies", "objectives", "exporters"},
    6: {"compare"},
    7: {"charts"},
    7.5: {"lint"},
    8: {"report"},
    9: {"runner", "pretraining"},
    9.5: {"leaderboard", "frames", "notebook"},
    10: {
        "catalogue",
        "starter",
        "schema",
        "doctor",
        "outlook",
        "api",
        "caches",
        "published",
        "checkup",
        "outcome",
        "ranking",
        "exporting",
        "tabular",
        "destinations",
        "running",
        "merging",
        "publish",
    },
    10.5: {"serving"},
    11: {"cli", "__init__", "__main__"},
}
RANK = {unit: rank for rank, units in RANKS.items() for unit in units}
READING = {
    "cache", "results", "predictions", "exported", "generations", "finding", "funnel", "store", "stored", "glance",
    "address", "database", "sqlite", "postgres", "migrations",
    "metrics", "transferability", "compare", "charts", "report", "publish",
}  # fmt: skip
LIVE = {"data", "models", "strategies", "tasks", "training", "features", "profiler", "exporters", "runner"}
PLANNING = {"errors", "registry", "spec", "plan", "cli", "schema", "outlook"}


def unit_of(path: Path) -> str:
    """``suite/data/folder.py`` belongs to ``data``, ``suite/spec/spec.py`` to ``spec``."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path, *, top_only: bool) -> Iterator[tuple[str, int]]:
    """Imported modules with their line; what only type checkers see is left out."""
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        if not (top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def own_imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Units of the suite that a module imports."""
    found = (name.split(".") for name, _ in imports_of(path, top_only=top_only))
    return {parts[1] for parts in found if parts[0] == "suite" and len(parts) > 1 and parts[1] in RANK}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_in_one_direction(path: Path) -> None:
    """Nothing reaches forward: a unit imports what comes before it in the design."""
    unit = unit_of(path)
    assert unit in RANK, f"{unit}: give it a place in RANKS"
    forward = {other for other in own_imports(path) if RANK[other] > RANK[unit]}
    assert not forward, f"{path.name} ({unit}) imports {sorted(forward)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_reading_stages_never_see_a_live_model(path: Path) -> None:
    """Compare, charts, report and store know results only, inside functions too."""
    if unit_of(path) in READING:
        assert not own_imports(path) & LIVE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_tensorflow_is_imported_where_it_may_be(path: Path) -> None:
    """At the top in three modules, inside functions in the units that hold models, nowhere else."""
    unit = unit_of(path)
    heavy_at_top = [item for item in imports_of(path, top_only=True) if item[0].split(".")[0] in TENSORFLOW]
    heavy = [item for item in imports_of(path, top_only=False) if item[0].split(".")[0] in TENSORFLOW]
    assert not heavy_at_top or unit in TENSORFLOW_AT_TOP, heavy_at_top
    assert not heavy or unit in TENSORFLOW_INSIDE | WORKER_SIDE, heavy


def module_file(name: str) -> Path | None:
    """The file of a module of the suite; of the module that holds it, for a name inside one."""
    place = PACKAGE.joinpath(*name.split(".")[1:])
    found = (
        place.with_suffix(".py"),
        place / "__init__.py",
        place.parent.with_suffix(".py"),
        place.parent / "__init__.py",
    )
    return next((path for path in found if name.startswith("suite") and path.is_file()), None)


def test_planning_and_reading_reach_no_module_that_imports_tensorflow() -> None:
    """Following imports at module level from the CLI, plan, readers and every variant ends without TensorFlow."""
    variants = re.findall(r'"(suite\.[a-z_.]+):\w+"', (PACKAGE / "registry.py").read_text(encoding="utf-8"))
    assert len(variants) > 20
    todo = [path for path in MODULES if unit_of(path) in PLANNING | READING]
    todo += [path for name in variants if (path := module_file(name)) is not None]
    reached: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            names = {name for name, _ in imports_of(path, top_only=True)}
            todo.extend(found for name in names if (found := module_file(name)) is not None)
    assert PACKAGE / "strategies" / "workshop.py" in reached
    assert not {unit_of(path) for path in reached} & {"training", "profiler"}


def test_the_rules_can_fail(tmp_path: Path) -> None:
    """The reader of imports sees imports at the top, in functions, and not those for type checkers."""
    path = tmp_path / "module.py"
    path.write_text(
        "import keras\nif TYPE_CHECKING:\n    import torch\ndef f():\n    from suite.runner import worker\n"
    )
    assert {name for name, _ in imports_of(path, top_only=True)} == {"keras"}
    assert {name for name, _ in imports_of(path, top_only=False)} == {"keras", "suite.runner.worker"}


def test_no_file_is_a_drawer_for_everything() -> None:
    """A file's name says what is in it."""
    drawers = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert not [path for path in MODULES if path.stem in drawers or path.parent.name in drawers]


FORBIDDEN_CALLS = {"pickle.load", "pickle.loads", "joblib.load", "torch.load", "yaml.load", "eval", "exec", "os.system"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_ever_unpickled(path: Path) -> None:
    """No pickle, no NumPy objects, no Keras model outside safe mode, no evaluated text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in FORBIDDEN_CALLS, f"{path.name}:{node.lineno}"
            unsafe = {("allow_pickle", True), ("safe_mode", False), ("shell", True)}
            given = {(word.arg, getattr(word.value, "value", None)) for word in node.keywords}
            assert not given & unsafe, f"{path.name}:{node.lineno}"
            if ast.unparse(node.func) in {"np.load", "numpy.load"}:
                assert ("allow_pickle", False) in given, f"{path.name}:{node.lineno}: say allow_pickle=False"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_is_public(path: Path) -> None:
    """Every module with code opens with a docstring and lists its names in ``__all__``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if tree.body:
        assert ast.get_docstring(tree), path
        names = {ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
        assert "__all__" in names or path.name == "__init__.py", path
