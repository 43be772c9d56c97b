"""Text that is only text, whichever generator reads it.

Dialects of Markdown differ in what a backslash may stand before, and generators run a language of their own over a page
before or after: Liquid, Hugo's shortcodes, macros of MkDocs. All of them leave a numeric entity alone and show its
letter, so that what means something to any of them is written as one.
"""

from __future__ import annotations

import functools
import re

from markupsafe import Markup

from suite.report.markdown import fenced, plain

__all__ = ["code", "literal"]

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
