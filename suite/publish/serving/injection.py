"""The script that reloads a page, put into the served copy, and what its policy must allow for that."""

from __future__ import annotations

import html
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser

from suite.spec.shipped import templates_folder

__all__ = ["relaxed", "with_reload"]

POLICY = "content-security-policy"


def with_reload(page: bytes, version: str) -> bytes:
    """The page with the script at its end; unchanged where it is not UTF-8.

    Args:
        page: An HTML document, as it is on the disk.
        version: Of the files that it was served from; the script reloads when it hears of another.
    """
    try:
        text = page.decode("utf-8")
    except UnicodeDecodeError:
        return page
    nonce = secrets.token_urlsafe(16)
    tag = f'<script nonce="{nonce}" data-version="{html.escape(version)}">\n{_script()}</script>\n'
    text = _relax_policies(text, nonce)
    at = text.lower().rfind("</body>")
    return (text + tag if at < 0 else text[:at] + tag + text[at:]).encode()


def relaxed(policy: str, nonce: str) -> str:
    """A policy that lets one more script run, which may ask where the page came from, and nothing else.

    Args:
        policy: The content of a ``Content-Security-Policy``.
        nonce: Of the script; it is added only where inline scripts do not run anyway, since one nonce would forbid
            all scripts without it.
    """
    directives: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *sources = part.split() or [""]
        if name:
            directives.setdefault(name.lower(), sources)
    fallback = directives.get("default-src")
    of_scripts = next((name for name in ("script-src-elem", "script-src", "default-src") if name in directives), None)
    if of_scripts is not None and not _lets_inline_run(directives[of_scripts]):
        target = "script-src" if of_scripts == "default-src" else of_scripts
        directives[target] = [*_given(directives[of_scripts]), f"'nonce-{nonce}'"]
    asked = directives.get("connect-src", fallback)
    if asked is not None and not {"'self'", "*"} & set(asked):
        directives["connect-src"] = [*_given(asked), "'self'"]
    return "; ".join(" ".join([name, *sources]) for name, sources in directives.items())


def _given(sources: list[str]) -> list[str]:
    return [source for source in sources if source.lower() != "'none'"]


def _lets_inline_run(sources: list[str]) -> bool:
    """Browsers pass over ``'unsafe-inline'`` where a nonce or a hash is given."""
    lowered = [source.lower() for source in sources]
    strict = any(one.startswith(("'nonce-", "'sha256-", "'sha384-", "'sha512-", "'strict-dynamic'")) for one in lowered)
    return "'unsafe-inline'" in lowered and not strict


@dataclass(frozen=True)
class _Tag:
    """A ``meta`` element that holds a policy."""

    line: int
    column: int
    text: str
    policy: str


@dataclass
class _Policies(HTMLParser):
    """Finds them before the body begins: scripts and text below may hold anything."""

    found: list[_Tag] = field(default_factory=list)
    in_head: bool = True

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        given = dict(attrs)
        self.in_head = self.in_head and tag != "body"
        if self.in_head and tag == "meta" and (given.get("http-equiv") or "").lower() == POLICY:
            line, column = self.getpos()
            self.found.append(_Tag(line, column, self.get_starttag_text() or "", given.get("content") or ""))

    handle_startendtag = handle_starttag


def _relax_policies(text: str, nonce: str) -> str:
    parser = _Policies()
    end = text.lower().find("<body")
    parser.feed(text if end < 0 else text[:end])
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for tag in reversed(parser.found):
        at = starts[tag.line - 1] + tag.column
        policy = html.escape(relaxed(tag.policy, nonce), quote=False).replace('"', "&quot;")
        made = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        text = text[:at] + made + text[at + len(tag.text) :]
    return text


@lru_cache(maxsize=1)
def _script() -> str:
    return (templates_folder() / "serve" / "reload.js").read_text(encoding="utf-8")
