"""Text for Markdown that nobody can turn into markup: names come from users' data."""

from __future__ import annotations

import functools
import re
import unicodedata

from markupsafe import Markup

__all__ = ["fenced", "literal", "plain"]

PUNCTUATION = re.compile(r"([\\`*\[\]~!#])")
LOOSE_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "@": "&#64;", "$": "&#36;"}
LINKS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp|javascript|data):|\bwww\.")


def plain(text: object) -> str:
    """One line without control characters, bidirectional overrides included."""
    line = re.sub(r"\s+", " ", str(text).replace("\u202f", "\ufffc")).replace("\ufffc", "\u202f")
    return "".join(letter for letter in line if unicodedata.category(letter) not in {"Cc", "Cf", "Cs"}).strip(" ")


def literal(value: object) -> Markup:
    """The value as Markdown that renders as exactly this text, in a paragraph or a table's box."""
    return value if isinstance(value, Markup) else _literal(str(value))


@functools.lru_cache(maxsize=65_536)
def _literal(value: str) -> Markup:
    """Names, dashes and verdicts come again and again, in table after table."""
    text = PUNCTUATION.sub(r"\\\1", plain(value))
    text = LOOSE_UNDERSCORE.sub(r"\\_", text)
    text = "".join(ENTITIES.get(letter, letter) for letter in text)
    text = LINKS.sub(lambda found: found.group().replace(":", "&#58;").replace(".", "&#46;"), text)
    text = re.sub(r"^([-+=])", r"\\\1", text)
    text = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)
    return Markup(text)  # noqa: S704 - every mark that means something was replaced above


def fenced(text: str) -> Markup:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}text\n{text}\n{fence}")  # noqa: S704 - code blocks are shown as they are
