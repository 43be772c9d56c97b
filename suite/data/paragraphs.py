"""Docstrings cut into paragraphs of plain English: no code, tables, headings, markup or addresses are left.

Docstrings are written in three styles (NumPy's, Google's, and Sphinx's fields) and two kinds of markup (reST and
Markdown), often mixed.  What is not clearly a sentence is dropped, since there is more than enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["LONGEST", "SHORTEST", "Paragraph", "cut", "normal_form", "paragraphs_of", "sentences", "without_names"]

SHORTEST = 8
"""Words of the shortest paragraph."""
LONGEST = 120
"""Words of the longest; it is cut after a sentence."""

Part = Literal["first", "description", "detail"]


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of a docstring."""

    text: str
    part: Part
    """``first``: the first line. ``detail``: what is said of a parameter, a result or an error."""


_SKIPPED_SECTIONS = frozenset(
    {
        *("example", "examples", "see also", "references", "reference", "methods", "usage", "sample usage", "usages"),
        *("call arguments", "input shape", "output shape", "doctest", "authors", "author", "routine listings"),
        *("functions", "classes", "contents", "index", "citation", "signature", "synopsis", "formula"),
    }
)
_DETAIL_SECTIONS = frozenset(
    {
        *("parameters", "other parameters", "returns", "return", "raises", "yields", "receives", "warns", "attributes"),
        *("args", "arguments", "keyword args", "keyword arguments", "kwargs", "params", "exceptions", "properties"),
        *("return value", "input", "inputs", "outputs", "output", "options", "return type"),
    }
)
_PLAIN_SECTIONS = frozenset({"notes", "note", "warnings", "warning", "description", "summary", "details", "caution"})
_SECTIONS = _SKIPPED_SECTIONS | _DETAIL_SECTIONS | _PLAIN_SECTIONS

_ADMONITIONS = frozenset(
    {"note", "warning", "tip", "important", "caution", "hint", "attention", "seealso_note", "admonition", "danger"}
)
_UNDERLINE = re.compile(r"^\s*([-=~^*#_+.`\"])\1{2,}\s*$")
_RULED = re.compile(r"^\s*[-=+|]{2,}[-=+|\s]*$|^\s*\|.*\|\s*$")
_HEADING = re.compile(r"^\s*([A-Za-z][A-Za-z ]{2,30}):\s*$")
_HASH_HEADING = re.compile(r"^\s*#{1,6}\s")
_FENCE = re.compile(r"^\s*(```|~~~)")
_DIRECTIVE = re.compile(r"^\s*\.\.(?:\s+([\w:-]+?)::|\s|$)(.*)$")
_PROMPT = re.compile(r"^\s*(?:>>>|\.\.\. |In \[\d+\]|\$ |% )")
_NUMPY_PARAMETER = re.compile(r"^\s*[\w*.\[\]'\"-]+(?:\s*,\s*[\w*.\[\]'\"-]+)*\s+:(?:\s|$)")
_GOOGLE_PARAMETER = re.compile(r"^(\s*)[`*]*[\w.]+[`*]*(?:\s*\([^)]*\))?\s*:\s+(?=\S)")
_FIELD = re.compile(r"^(\s*):[\w ,.*\\`~|\[\]-]+:\s*")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,2}[.)]|\(?[a-z]\)|\[\d+\]|\.\. \[\w+\])\s+")

_INLINE = (
    (re.compile(r"^[`*]*(?:Note|NOTE|Notes|Warning|WARNING|Important|Tip)[`*]*:[`*]*\s*(?=[A-Z])"), ""),
    (re.compile(r"!?\[([^\]\[]+)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r":[a-zA-Z][\w:+-]*:`~?!?\.?([^`<>]+?)\s*(?:<[^`>]*>)?`"), r"\1"),
    (re.compile(r"`([^`<>]+?)\s*<[^`>]*>`__?"), r"\1"),
    # What hangs on a reference cannot be read without it: the dollar sign has the sentence left out.
    (re.compile(r"\b(in|see|from|of|by|to|and|with|also|per|on)\s*\[[\w#*]{1,14}\]_", re.IGNORECASE), r"\1 $"),
    (re.compile(r",?\s*\[[\w#*]{1,14}\]_"), ""),
    (re.compile(r"(?<![\w.])_[a-z]+\.(?=[A-Za-z])"), ""),
    (re.compile(r"``([^`]+)``"), r"\1"),
    (re.compile(r"`([^`]+)`_{0,2}"), r"\1"),
    (re.compile(r"\*\*([^*\s](?:[^*]*[^*\s])?)\*\*"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)_([A-Za-z][^_]*[a-z])_(?!\w)"), r"\1"),
    (re.compile(r"\\([*_`|<>])"), r"\1"),
    (re.compile(r"</?[a-z]{1,6}\s*/?>"), ""),
    (re.compile(r"\s+([.,;:!?])(?=\s|$)"), r"\1"),
    (re.compile(r"\s{2,}"), " "),
)
_MARKUP = re.compile(r"[`*_\\<\[]|\s[\s.,;:!?]|^(?:Note|NOTE|Notes|Warning|WARNING|Important|Tip):")
"""Without one of these there is nothing to take out; most paragraphs have none."""
_NOT_PROSE = re.compile(
    r"https?:|www\.|://|:math:|\\[a-zA-Z]+|\$|>>>|::|\||`|\*\*|[{}]|%\(|[^\s\w.,;:!?'\"()\[\]/<>=+*&%@~^#-]{3,}"
    r"|\b(?:arXiv|doi|ISBN|et al|pp\.|vol\.)|\b(?:TODO|FIXME|XXX)\b|--{2,}|==|<-|->|=>"
)
"""A sentence with one of these is left out: addresses, formulas, code, references and remarks to oneself."""
_CODE = re.compile(r"[=_()\[\]<>/\\@#^~+*&%]|\w\.\w|\w[a-z][A-Z]|^-|\d")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!cf\.)(?<!vs\.)(?<!etc\.)(?<!\.\.\.)\s+(?=[A-Z\"'(])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff\ud800-\udfff]")


def paragraphs_of(docstring: str) -> list[Paragraph]:
    """The paragraphs of a docstring, cleaned; the first is ``first`` where the docstring begins with a sentence.

    Every paragraph but the first line has at least ``SHORTEST`` and at most ``LONGEST`` words.
    """
    found: list[Paragraph] = []
    for number, (block, part) in enumerate(_blocks(_CONTROL.sub("", docstring.replace("\t", "    ")))):
        least = 3 if number == 0 else SHORTEST
        if block.count(" ") < least - 1:
            continue
        kept = [sentence for sentence in sentences(_plain(block)) if _reads_well(sentence)]
        text = cut(" ".join(kept), LONGEST)
        if len(text.split()) >= least and text[0].isupper():
            found.append(Paragraph(text, "first" if number == 0 and part == "description" else part))
    return found


def sentences(text: str) -> list[str]:
    """A paragraph's sentences."""
    return [sentence for sentence in _SENTENCE_END.split(text) if sentence]


def cut(text: str, words: int) -> str:
    """As many whole sentences from the start as have no more than ``words`` words; may be empty."""
    kept: list[str] = []
    total = 0
    for sentence in sentences(text):
        total += len(sentence.split())
        if total > words:
            break
        kept.append(sentence)
    return " ".join(kept)


def normal_form(text: str) -> str:
    """What two paragraphs that say the same have in common: no case, white space, punctuation or numbers."""
    return " ".join(re.sub(r"[\W\d_]+", " ", text.casefold()).split())


def without_names(text: str, *, prefixes: re.Pattern[str], names: re.Pattern[str]) -> str:
    """The text without any of the names: prefixes go, and a sentence that still has a name goes as a whole.

    A name in the middle of a sentence cannot be taken out without leaving a stump.

    Args:
        text: A paragraph.
        prefixes: What can be taken off a longer name, such as ``np.``.
        names: What must not be left.

    Returns:
        What is left; empty when that is fewer than ``SHORTEST`` words.
    """
    if not names.search(text):
        return text if len(text.split()) >= SHORTEST else ""
    kept = " ".join(part for part in sentences(prefixes.sub("", text)) if not names.search(part))
    return kept if len(kept.split()) >= SHORTEST and not names.search(kept) else ""


def _plain(text: str) -> str:
    """Without markup."""
    for pattern, instead in _INLINE if _MARKUP.search(text) else ():
        text = pattern.sub(instead, text)
    return text.strip()


def _reads_well(sentence: str) -> bool:
    """Whether this is a sentence of English and not code, a formula, a stump or an entry of a list."""
    if (
        not sentence.endswith((".", "!", "?"))
        or _NOT_PROSE.search(sentence)
        or sentence.count("(") != sentence.count(")")
    ):
        return False
    words = sentence.split()
    code = sum(1 for word in words if _CODE.search(word.strip("().,;:'\"")))
    return sentence[0] in "\"'(" + sentence[0].upper() and sentence[0].isascii() and code <= 0.25 * len(words)


def _blocks(text: str) -> Iterator[tuple[str, Part]]:
    """Paragraphs with their markup, code and tables already gone, and the part of the docstring they stand in."""
    lines: list[str] = []
    section = "description"
    indent = 0
    for line in _prose_lines(text):
        heading = line.removeprefix("\0") if line.startswith("\0") else None
        stripped = line.strip()
        if heading is not None or not stripped:
            yield from _block(lines, section)
            lines = []
            section = section if heading is None else heading
            continue
        starts = _BULLET.match(line) or _FIELD.match(line)
        detail = section in _DETAIL_SECTIONS
        if detail and _NUMPY_PARAMETER.match(line):
            yield from _block(lines, section)
            lines = []
            continue
        here = len(line) - len(line.lstrip())
        parameter = _GOOGLE_PARAMETER.match(line) if detail else None
        if lines and (starts or parameter or (here != indent and len(lines) > 1) or here < indent):
            yield from _block(lines, section)
            lines = []
        indent = here
        for pattern in (_FIELD, _BULLET, *([_GOOGLE_PARAMETER] if detail else [])):
            stripped = pattern.sub("", stripped, count=1)
        lines.append(stripped)
    yield from _block(lines, section)


def _block(lines: list[str], section: str) -> Iterator[tuple[str, Part]]:
    if lines and section not in _SKIPPED_SECTIONS:
        yield " ".join(lines), "detail" if section in _DETAIL_SECTIONS else "description"


def _prose_lines(text: str) -> Iterator[str]:
    """Lines outside code and tables; a heading comes as NUL and its name, in lower case."""
    lines = text.split("\n")
    fenced = doctest = False
    deeper_than: int | None = None
    """Lines further in than this belong to a literal block or a directive."""
    for number, line in enumerate(lines):
        here = len(line) - len(line.lstrip())
        if _FENCE.match(line):
            fenced = not fenced and line.count("```") != 2
            yield ""
            continue
        if fenced or (deeper_than is not None and (not line.strip() or here > deeper_than)):
            continue
        deeper_than = None
        doctest = bool(_PROMPT.match(line)) or (doctest and bool(line.strip()))
        if doctest or _RULED.match(line) or _HASH_HEADING.match(line):
            yield ""
        elif name := _heading(lines, number):
            yield f"\0{name}"
        elif _UNDERLINE.match(line):
            yield ""
        elif directive := _DIRECTIVE.match(line):
            yield ""
            if (directive.group(1) or "").lower() not in _ADMONITIONS:
                deeper_than = here
        elif line.rstrip().endswith("::"):
            deeper_than = here
            yield f"{line.rstrip()[:-2].rstrip()}:"
            yield ""
        else:
            yield line


def _heading(lines: list[str], number: int) -> str:
    """The heading in this line, in lower case; empty where it is none."""
    line = lines[number]
    following = lines[number + 1] if number + 1 < len(lines) else ""
    if line.strip() and _UNDERLINE.match(following) and not _UNDERLINE.match(line):
        return line.strip().rstrip(":").lower()
    found = _HEADING.match(line)
    name = found.group(1).strip().lower() if found else ""
    return name if name in _SECTIONS else ""
