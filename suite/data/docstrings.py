"""Docstrings read out of Python files, without importing or running any of them."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Docstring", "docstrings_below", "docstrings_in"]

_PASSED_BY = frozenset(
    {
        *("test", "tests", "testing", "_testing", "idlelib", "lib2to3", "turtledemo", "benchmarks", "examples"),
        *("site-packages", "dist-packages", "ensurepip", "pip", "externals", "extern", "_vendor", "vendored"),
    }
)
"""Folders with tests, and with copies of other packages: the same words would stand in two libraries."""

_GIVEN_BY = frozenset({"add_newdoc", "add_docstring"})
"""Calls that give a docstring to something compiled: ``numpy.add_newdoc(place, name, doc)`` and SciPy's."""


@dataclass(frozen=True)
class Docstring:
    """What one module, class or function says of itself."""

    file: str
    """Path below the package's parent folder, with forward slashes: ``numpy/linalg/_linalg.py``."""
    name: str
    """Qualified name in the file: ``Generator.normal``; empty for the module."""
    text: str
    """Without the indentation of the code around it."""


def docstrings_below(root: Path, *, leave_out: frozenset[str] = frozenset(), prefix: str = "") -> Iterator[Docstring]:
    """Every docstring below a package's folder, files in the order of their paths.

    A file that cannot be read, is not UTF-8 or is not Python is passed by.  So are tests and vendored copies.

    Args:
        root: The package's folder.
        leave_out: Further folders, relative to ``root``, with forward slashes.
        prefix: What the paths begin with.
    """
    found = [(path.relative_to(root).parts, path) for path in root.rglob("*.py")]
    for parts, path in sorted(found):
        folders = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        if _PASSED_BY.intersection(parts[:-1]) or leave_out & folders:
            continue
        if parts[-1].startswith("test_") or parts[-1] in {"conftest.py", "setup.py"}:
            continue
        yield from docstrings_in(path, "/".join((prefix, *parts)) if prefix else "/".join(parts))


def docstrings_in(path: Path, file: str) -> list[Docstring]:
    """Every docstring of one file, which is called ``file`` in the outcome; empty where it cannot be read."""
    try:
        source = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escapes
            tree = ast.parse(source)
        return list(_walk(tree, file, ()))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return []


def _walk(node: ast.AST, file: str, names: tuple[str, ...]) -> Iterator[Docstring]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node)
        if text:
            yield Docstring(file, ".".join(names), text)
    for field in ("body", "orelse", "handlers", "finalbody"):
        for child in getattr(node, field, ()):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _walk(child, file, (*names, child.name))
            elif isinstance(child, ast.Expr):
                if isinstance(child.value, ast.Call):
                    yield from _given(child.value, file)
            elif hasattr(child, "body"):
                yield from _walk(child, file, names)


def _given(call: ast.Call, file: str) -> Iterator[Docstring]:
    """The docstrings of ``add_newdoc("numpy", "ndarray", ("all", "..."))`` and its kin."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in _GIVEN_BY or not call.args:
        return
    *before, last = call.args
    name = _constant(before[-1]) if before else None
    for item in last.elts if isinstance(last, ast.List) else [last]:
        within, doc = (item.elts[0], item.elts[-1]) if isinstance(item, ast.Tuple) and item.elts else (None, item)
        text = _constant(doc)
        if name and text:
            member = _constant(within) if within is not None else None
            yield Docstring(file, f"{name}.{member}" if member else name, inspect.cleandoc(text))


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
