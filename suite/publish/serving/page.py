"""The live page of a run, as a whole and in the parts that change."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import jinja2
from markupsafe import Markup

from suite.publish.serving.curves import draw
from suite.publish.serving.state import LiveState
from suite.report.writing import environment
from suite.runner.progress import duration
from suite.spec.shipped import templates_folder
from suite.version import __version__

__all__ = ["Shown", "error_page", "live_page", "live_parts"]

PARTS = ("status", "running", "unsuccessful", "done")
"""Each has a template of its name, and changes by itself."""


@dataclass(frozen=True)
class Shown:
    """A page and the policy that goes with it as a header."""

    html: str
    policy: str


def live_page(state: LiveState) -> Shown:
    """The whole page; it works without a script too, and then does not change."""
    return _page("live.html.j2", state=state, parts={name: Markup(html) for name, html in _rendered(state).items()})  # noqa: S704


def live_parts(state: LiveState) -> str:
    """What of the page changes, as JSON: part to HTML, and the title."""
    return json.dumps({"title": _title(state), "parts": _rendered(state)}, ensure_ascii=False)


def error_page(status: int, sentence: str) -> Shown:
    """A page that says why there is no other."""
    return _page("error.html.j2", status=status, sentence=sentence)


def _page(template: str, **values: Any) -> Shown:
    nonce = secrets.token_urlsafe(16)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    page = _environment().get_template(template)
    return Shown(page.render(nonce=nonce, version=__version__, **_texts(), **values), policy)


def _rendered(state: LiveState) -> dict[str, str]:
    drawings = {trial.name.id: draw(trial) for trial in state.running}
    return {
        name: _environment().get_template(f"{name}.html.j2").render(state=state, drawings=drawings).strip()
        for name in PARTS
    }


def _title(state: LiveState) -> str:
    counts = state.counts
    return f"{counts.done}/{counts.total} · {state.name}" if counts.total else state.name


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    made = environment("serve")
    made.filters |= {"duration": duration, "clock": _clock, "setting": _setting}
    made.globals |= {"title": _title}
    return made


def _texts() -> dict[str, Markup]:
    """Our own style and script go in as they are."""
    folder = templates_folder()
    style = [(folder / name).read_text(encoding="utf-8") for name in ("report/report.css", "serve/serve.css")]
    script = (folder / "serve" / "live.js").read_text(encoding="utf-8")
    return {"css": Markup("\n".join(style)), "script": Markup(script)}  # noqa: S704


def _clock(finished: str) -> str:
    """The local time of the server, which is that of its reader; with the date where it is another day."""
    try:
        moment = datetime.fromisoformat(finished).astimezone()
    except ValueError:
        return ""
    today = datetime.now(UTC).astimezone().date()
    return moment.strftime("%H:%M" if moment.date() == today else "%d %b %H:%M")


def _setting(setting: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in setting.items())
