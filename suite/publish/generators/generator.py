"""Text that is only text, whichever generator reads it.

Dialects of Markdown differ in what a backslash may stand before, and generators run a language of their own over a page
before or after: Liquid, Hugo's shortcodes, macros of MkDocs. All of them leave a numeric entity alone and show its
letter, so that what means something to any of them is written as one.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from markupsafe import Markup

from suite.errors import StoreError
from suite.report.markdown import fenced, plain

__all__ = [
    "Front",
    "Generator",
    "code",
    "configuration_of",
    "front_matter",
    "has_pages_below",
    "literal",
    "page_link",
    "settled",
    "value_of",
    "way",
]

ALWAYS = frozenset("\\`*[]{}<>&|~!#$@^\"'")
"""Marks of some dialect wherever they stand; quotes would become others in Hugo and in Jekyll."""
LOOSE = re.compile(
    r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # emphasis
    r"|(?<=-)-|-(?=-)|(?<=\.)\.|\.(?=\.)"  # dashes and dots that would become one letter
    r"|(?<!\d):(?=\S)|:(?=[^\s\d])|^:"  # addresses, emoji, definitions
    r"|(?<=\b[Ww][Ww][Ww])\.|^[-+=]|^\d+[.)](?=\s|$)"  # addresses, headings, lists
)
RUN = re.compile(r"\{[{%]|[}%]\}|\{#|<%")
"""What begins or ends something that is run, for some generator."""


def literal(value: object) -> Markup:
    """The value as Markdown that every generator shows as exactly this text, in a paragraph or a table's box."""
    return value if isinstance(value, Markup) else _literal(str(value))


def code(text: str) -> Markup:
    """A code block; where the text holds what a generator might run, its lines as ordinary text."""
    if not RUN.search(text):
        return fenced(text)
    lines = (literal(line) for line in text.splitlines() if line.strip())
    return Markup("\n\n").join(lines)


@functools.lru_cache(maxsize=65_536)
def _literal(value: str) -> Markup:
    text = "".join(f"&#{ord(letter)};" if letter in ALWAYS else letter for letter in plain(value))
    # The entities themselves hold none of these letters beside what makes them loose.
    text = LOOSE.sub(lambda found: "".join(_entity(letter) for letter in found[0]), text)
    return Markup(text)  # noqa: S704 - every mark that means something was replaced above


def _entity(letter: str) -> str:
    return letter if letter.isdigit() else f"&#{ord(letter)};"


# What a project's configuration says, as far as it decides where pages lie.


def configuration_of(project: Path, names: Iterable[str]) -> str | None:
    """The text of the first of these files that the project has; None where it has none.

    Raises:
        StoreError: Where it cannot be read.
    """
    for name in names:
        path = project / name
        try:
            if path.is_file():
                return path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror}); change its rights.") from error
    return None


def value_of(configuration: str, key: str) -> str | None:
    """The text behind a key at the beginning of a line of YAML, TOML or JSON; None where there is none.

    Read as lines, since configurations hold tags of their generator that no reader of YAML knows.
    """
    value = r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"'#,!$\[{]\S*))"""
    found = re.search(rf"""(?mi)^(?:\s*["'])?{key}["']?[ \t]*[:=][ \t]*{value}""", configuration)
    return next((one for one in found.groups() if one), None) if found else None


# What a generator of sites wants: its front matter, the names of its pages, and where they lie.

LISTS = frozenset({"", "models/", "datasets/", "leaderboards/"})


@dataclass(frozen=True)
class Front:
    """What is said of a page before its text."""

    title: str
    folder: str
    """Its folder in the section, as ``settled`` gives it."""
    date: str = ""
    """ISO 8601 in UTC; empty where it has none."""
    weight: int | None = None
    """Its place in a list, from 1; None where the name or the date says it."""


class Generator(Protocol):
    """One generator; travels to other processes."""

    @property
    def name(self) -> str:
        """What stands before the colon of its address."""

    @property
    def titled(self) -> bool:
        """Whether the text of a page begins with its title: otherwise the theme writes it."""

    def section(self, project: Path, name: str, *, force: bool) -> Path:
        """The folder of a section in a project.

        Raises:
            SuiteError: Where there is no such project, and ``force`` is not given.
        """

    def page_name(self, folder: str) -> str:
        """The file name of the page of a folder."""

    def link(self, here: str, path: str) -> str:
        """From the page of a folder to a page or a file; both as ``settled`` gives them."""

    def front_matter(self, front: Front, section: str) -> str:
        """With the marks around it and a line break at its end."""

    def guarded(self, text: str) -> str:
        """The text of a page so that the generator runs nothing of it."""

    def finish(self, project: Path, section: str, *, title: str, base_url: str | None) -> str:
        """Adds the section to the navigation where nobody else has written one; else says what is to be added."""


def settled(path: str) -> str:
    """Where something lies that the site has at ``path``.

    What changed in a point has a folder of its own: Hugo knows no page inside a page that has files.
    """
    parts = path.split("/")
    if parts[0] == "runs" and len(parts) > 4 and parts[3] == "changes":
        return "/".join(["changes", parts[1], parts[2], *parts[4:]])
    return path


def has_pages_below(folder: str) -> bool:
    """Whether other pages lie below the page of a folder."""
    return folder in LISTS or (folder.startswith("runs/") and folder.count("/") == 2)


def way(here: str, path: str) -> str:
    """The relative way from a folder to a file or a folder with a ``/`` at its end."""
    found = posixpath.relpath(path or ".", here or ".")
    return f"{found}/" if path.endswith("/") or not path else found


def page_link(here: str, path: str) -> str:
    """The same for generators that publish the page of a folder as the folder."""
    return way(here, path.removesuffix("index.html") if path.endswith("index.html") else path)


def front_matter(values: Mapping[str, Any]) -> str:
    """The values as YAML between its marks; texts are quoted, since readers differ in what is text without."""
    marked = {name: _Text(value) if isinstance(value, str) else value for name, value in values.items()}
    text = yaml.dump(marked, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000)
    return f"---\n{text}---\n"


class _Text(str):
    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


def _represent(dumper: yaml.SafeDumper, text: _Text) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_Dumper.add_representer(_Text, _represent)
