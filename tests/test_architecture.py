"""The walls of the design, read from the source with ``ast``."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "suite"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)

ROOMS = (
    "errors.py", "version.py", "old_names.py", "registry.py", "cache.py", "devices.py",
    "store", "spec", "metrics", "data", "compare", "models", "lint", "report", "training", "tasks", "strategies",
    "runner", "export", "publish",
    "api.py", "cli", "__init__.py", "__main__.py",
)  # fmt: skip
"""What is in ``suite/``, in the order of imports: a room imports only what stands before it."""
GROUND, TOP = ROOMS[:6], ROOMS[20:]
"""The files at either end may import each other; circles are refused there too."""
READING = {"store", "metrics", "compare", "lint", "report", "publish"}
LIVE = {"models", "training", "tasks", "strategies", "runner"}
PLANNING = {*GROUND, "store", "spec", "cli"}

TENSORFLOW = {"tensorflow", "keras", "keras_hub", "tensorflow_datasets", "jax", "torch"}
TENSORFLOW_AT_TOP = {"training"}
TENSORFLOW_INSIDE = {"training", "data", "models", "tasks", "strategies", "export", "runner"}
"""Of the runner only the worker's side: that no TensorFlow is in the parent after a run, a test of the runner holds."""


def room_of(path: Path) -> str:
    """``suite/data/folder.py`` is in ``data``, ``suite/errors.py`` is a room of its own."""
    return path.relative_to(PACKAGE).parts[0]


def rank_of(room: str) -> int:
    """The place of a room in the order; the files at either end of it share one."""
    return 0 if room in GROUND else len(ROOMS) if room in TOP else ROOMS.index(room)


def imports_of(path: Path, *, top_only: bool = False) -> Iterator[tuple[str, int]]:
    """Imported names with their line; those for type checkers too, unless only what runs at the top is asked for."""
    todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if top_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            todo.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        if not (top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def module_file(name: str) -> Path | None:
    """The file of a module of the suite; of the module that holds it, for a name inside one."""
    place = PACKAGE.joinpath(*name.split(".")[1:])
    found = (
        place.with_suffix(".py"),
        place / "__init__.py",
        place.parent.with_suffix(".py"),
        place.parent / "__init__.py",
    )
    return next((path for path in found if name.split(".", maxsplit=1)[0] == "suite" and path.is_file()), None)


@cache
def own_imports(path: Path, *, top_only: bool = False) -> frozenset[Path]:
    """The files of the suite that a module imports."""
    names = {name for name, _ in imports_of(path, top_only=top_only)}
    return frozenset(found for name in names if (found := module_file(name)) is not None and found != path)


def test_the_top_of_the_package_is_the_list_of_rooms() -> None:
    """``ls suite`` is the architecture: what is there is in the list, and the other way round."""
    there = {path.name for path in PACKAGE.iterdir()} - {"__pycache__", "_shipped", "py.typed"}
    assert there == set(ROOMS)


def test_a_room_imports_only_what_stands_before_it() -> None:
    """Data flows one way, imports for type checkers and inside functions included."""
    backwards = [
        f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}"
        for path in MODULES
        for other in own_imports(path)
        if rank_of(room_of(other)) > rank_of(room_of(path))
    ]
    assert not backwards, "\n".join(sorted(backwards))


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Any module can be read before those that import it."""
    try:
        TopologicalSorter({path: own_imports(path) for path in MODULES}).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(str(path.relative_to(ROOT)) for path in error.args[1])) from None


def test_a_room_says_in_one_sentence_what_is_in_it() -> None:
    """Every folder of code opens with a docstring."""
    silent = [path for path in PACKAGE.rglob("__init__.py") if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_reading_rooms_never_see_a_live_model() -> None:
    """Store, metrics, compare, lint, report and publish know results only; the live page alone knows the runner."""
    for path in MODULES:
        if room_of(path) in READING and "serving" not in path.parts:
            assert not {room_of(other) for other in own_imports(path)} & LIVE, path


def test_tensorflow_is_imported_where_it_may_be() -> None:
    """At the top in ``training``, inside functions in the rooms that hold models, nowhere else."""
    for path in MODULES:
        room = room_of(path)
        at_top = [item for item in imports_of(path, top_only=True) if item[0].split(".")[0] in TENSORFLOW]
        anywhere = [item for item in imports_of(path) if item[0].split(".")[0] in TENSORFLOW]
        assert not at_top or room in TENSORFLOW_AT_TOP, (path, at_top)
        assert not anywhere or room in TENSORFLOW_INSIDE, (path, anywhere)


def test_planning_and_reading_reach_no_module_that_imports_tensorflow() -> None:
    """Following imports at module level from the CLI, plan, readers and every variant ends without TensorFlow."""
    variants = re.findall(r'"(suite\.[a-z_.]+):\w+"', (PACKAGE / "registry.py").read_text(encoding="utf-8"))
    assert len(variants) > 20
    todo = [path for path in MODULES if room_of(path) in PLANNING | READING]
    todo += [path for name in variants if (path := module_file(name)) is not None]
    reached: set[Path] = set()
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo.extend(own_imports(path, top_only=True))
    assert PACKAGE / "strategies" / "workshop.py" in reached
    heavy = {
        path for path in MODULES for name, _ in imports_of(path, top_only=True) if name.split(".")[0] in TENSORFLOW
    }
    assert heavy
    assert not reached & heavy


def test_the_rules_can_fail(tmp_path: Path) -> None:
    """The reader of imports sees imports at the top, in functions, and those for type checkers."""
    path = tmp_path / "module.py"
    path.write_text(
        "import keras\nif TYPE_CHECKING:\n    import torch\ndef f():\n    from suite.runner import worker\n"
    )
    assert {name for name, _ in imports_of(path, top_only=True)} == {"keras"}
    assert {name for name, _ in imports_of(path)} == {"keras", "torch", "suite.runner.worker"}


def test_no_file_is_a_drawer_for_everything() -> None:
    """A file's name says what is in it."""
    drawers = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert not [path for path in MODULES if path.stem in drawers or path.parent.name in drawers]


FORBIDDEN_CALLS = {"pickle.load", "pickle.loads", "joblib.load", "torch.load", "yaml.load", "eval", "exec", "os.system"}
UNSAFE = {("allow_pickle", True), ("safe_mode", False), ("shell", True)}


def test_nothing_is_ever_unpickled() -> None:
    """No pickle, no NumPy objects, no Keras model outside safe mode, no evaluated text."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                place = f"{path.name}:{node.lineno}"
                assert ast.unparse(node.func) not in FORBIDDEN_CALLS, place
                given = {(word.arg, getattr(word.value, "value", None)) for word in node.keywords}
                assert not given & UNSAFE, place
                if ast.unparse(node.func) in {"np.load", "numpy.load"}:
                    assert ("allow_pickle", False) in given, f"{place}: say allow_pickle=False"


def test_a_module_says_what_is_public() -> None:
    """Every module with code opens with a docstring and lists its names in ``__all__``."""
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and path.name != "__init__.py":
            assert ast.get_docstring(tree), path
            named = [
                ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
            ]
            assert "__all__" in named, path


LATE = {"cli", "__init__.py", "api.py"}
"""What a command or a call needs is imported when it runs: that is why ``suite --help`` answers at once."""
SENT_ALONE = {PACKAGE / "runner" / "cluster" / "versions.py", PACKAGE / "export" / "process.py"}
"""One is sent to machines that may lack the suite; the other starts as one of several programs."""


@cache
def libraries_of(path: Path) -> frozenset[str]:
    """The libraries that come with a module: imported at the top of it, and of what it imports there."""
    found, todo, seen = set(), [path], set()
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            parents = [folder / "__init__.py" for folder in here.parents if PACKAGE in (folder, *folder.parents)]
            todo += [*own_imports(here, top_only=True), *parents]
            found |= {name.partition(".")[0] for name, _ in imports_of(here, top_only=True)}
    return frozenset(found - set(sys.stdlib_module_names) - {"suite"})


def test_an_import_inside_a_function_keeps_a_library_away() -> None:
    """It brings one that the module does without until then; anything else is imported at the top."""
    needless = []
    for path in MODULES:
        if room_of(path) in LATE or path in SENT_ALONE:
            continue
        late = own_imports(path) - own_imports(path, top_only=True) - checked_only(path)
        needless += [
            f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}"
            for other in late
            if libraries_of(other) <= libraries_of(path)
        ]
    assert not needless, "\n".join(sorted(needless))


def checked_only(path: Path) -> frozenset[Path]:
    """What a module imports for type checkers alone."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            inner = [one for one in ast.walk(node) if isinstance(one, ast.ImportFrom)]
            names = {f"{one.module}.{alias.name}" for one in inner for alias in one.names}
            found |= {place for name in names if (place := module_file(name)) is not None}
    return frozenset(found)
