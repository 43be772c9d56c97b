"""Text without credentials: what can be recognised as a password, a key or a token becomes ``***``."""

from __future__ import annotations

import re

__all__ = ["without_credentials"]

_USER = re.compile(r"(?<=://)[^\s/?#\"'<>`]{0,512}@")
"""``user:password@`` in an address. A password may hold an @ itself: the last one before the path ends it."""
_SLASHED = re.compile(r"(?<=://)[^\s/?#@:\"'<>`]{1,128}:(?!\d{1,5}[/?#])[^\s@\"'<>`]{0,256}@")
"""The same with a slash in the password, which is not allowed and happens; a port is no password."""
_SSH_USER = re.compile(r"[\w.-]+@")
"""``ssh://git@host`` names an account and no secret."""
_HEADER = re.compile(
    r"\b(authorization[\"']?\s*[=:]\s*[\"']?(?:(?:basic|bearer|token|digest)\s+)?)[^\s\"'<>&]+", re.IGNORECASE
)
_BEARER = re.compile(r"\b(bearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE)
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"  # AWS
    r"|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{30,}|ya29\.[\w-]{20,}"
    r"|sk-(?:ant|proj|or)-[\w-]{16,}|sk-[A-Za-z0-9]{32,}"
    r"|eyJ[\w-]{8,4096}\.[\w-]{8,4096}\.[\w-]{0,4096}"  # a signed JSON token
    r")"
)
_KEYS = (
    r"passwords?|passwd|passphrase|pwd|secret(?:[_-]?access)?(?:[_-]?key)?|api[_-]?key|(?:access|account)[_-]?key"
    r"(?:[_-]?id)?|private[_-]?key|credentials?|signature|(?<![A-Za-z0-9])sig"
    r"|(?<![A-Za-z0-9_-])token"
    r"|(?:access|auth|api|session|refresh|security|private|job|hf|hub|gh|github|gitlab|aws|bot|deploy|sas|id)[_-]?token"
)
"""Names of what is secret. A token alone or with such a word before it: ``pad_token=0`` is a setting of a model."""
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_BARE = r"[\"']?(?:[^\s&\"'<>`]|[\"'](?=\w))+"
_PAIR = re.compile(rf"((?:{_KEYS})[\"']?\s*=\s*)({_QUOTED}|{_BARE})", re.IGNORECASE)
_QUOTED_PAIR = re.compile(rf"((?:{_KEYS})[\"']?\s*:\s*)({_QUOTED})", re.IGNORECASE)
"""With a colon only where the value is quoted: prose has colons too."""


def without_credentials(text: str) -> str:
    """The text with ``***`` in place of what looks like a credential; applied twice, it is the same.

    Users and passwords in addresses, keys of AWS, tokens of Hugging Face, GitHub, GitLab and others, bearer tokens,
    and values of what is called a password, secret, key or token.
    """
    text = _USER.sub(_masked_user, text)
    text = _SLASHED.sub("***@", text)
    text = _HEADER.sub(r"\1***", text)
    text = _BEARER.sub(r"\1***", text)
    text = _TOKENS.sub("***", text)
    return _QUOTED_PAIR.sub(_masked_value, _PAIR.sub(_masked_value, text))


def _masked_user(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 7) : found.start()].lower()
    is_account = before.endswith(("ssh://", "sftp://")) and _SSH_USER.fullmatch(found[0])
    return found[0] if is_account else "***@"


def _masked_value(found: re.Match[str]) -> str:
    quote = found[2][0] if found[2][0] in "\"'" and found[2][-1:] == found[2][0] else ""
    return f"{found[1]}{quote}***{quote}"
