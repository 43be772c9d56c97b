"""Ways to damage what is stored: bytes as disks and networks do, JSON as a strange hand does."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

__all__ = ["damaged_bytes", "damaged_json", "damaged_text"]

STRANGE = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.0, -0.5, 1e-300, 1e300, "", " ", "a",
    "\0", "\ud800", "é" * 300, "../../etc/passwd", "/", "NaN", [], {}, [[]], [None], {"": None}, {"a": {"b": {}}},
)  # fmt: skip
"""Values that stand where another kind was written."""


def damaged_bytes(random: Random, content: bytes) -> bytes:
    """The content with some bytes changed, left out, doubled or moved; seldom cut off."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        if not data:
            return bytes(random.randbytes(random.randrange(40)))
        at = random.randrange(len(data))
        until = min(len(data), at + random.choice((1, 1, 2, 4, 16, 200)))
        match random.randrange(8):
            case 0 | 1 | 2:
                data[at] = random.randrange(256)
            case 3:
                data[at] ^= 1 << random.randrange(8)
            case 4:
                del data[at:until]
            case 5:
                data[at:at] = data[at:until]
            case 6:
                data[at:until] = random.randbytes(until - at)
            case 7:
                del data[random.randrange(len(data)) if random.random() < 0.3 else at + len(data) // 2 :]
    return bytes(data)


def damaged_json(random: Random, document: Any) -> Any:
    """A copy of a JSON value with one or a few values, keys or lengths changed, anywhere in it."""
    made = json.loads(json.dumps(document))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        places = list(_places(made))
        if not places:
            return copy.deepcopy(random.choice(STRANGE))
        parent, key = random.choice(places)
        match random.randrange(7):
            case 0 | 1 | 2:
                parent[key] = _strange(random, parent[key])
            case 3:
                del parent[key]
            case 4 if isinstance(parent, dict):
                parent[random.choice(("extra", "", "id", "name", f"{key}s"))] = parent.pop(key)
            case 5 if isinstance(parent, list):
                parent.insert(random.randrange(len(parent) + 1), parent[key])
            case _:
                other, there = random.choice(places)
                if there in other if isinstance(other, dict) else there < len(other):
                    parent[key] = json.loads(json.dumps(other[there]))
    return made


def damaged_text(random: Random, document: Any) -> str:
    """The text of a damaged JSON value; now and then the text itself is damaged, or holds NaN."""
    if random.random() < 0.25:
        text = json.dumps(document).encode()
        return damaged_bytes(random, text).decode("utf-8", random.choice(("replace", "ignore", "backslashreplace")))
    text = json.dumps(damaged_json(random, document))
    return text.replace(": 0", ": NaN", 1) if random.random() < 0.05 else text


def _strange(random: Random, value: Any) -> Any:
    if isinstance(value, bool) or random.random() < 0.4:
        return copy.deepcopy(random.choice(STRANGE))
    if isinstance(value, int | float):
        larger = value * 1e12 if abs(value) < 1e300 else value
        return random.choice((-value, value + 1, value * 2, larger, 0, 0.5, int(value), str(value)))
    if isinstance(value, str):
        return random.choice((value[:-1], value + "x", value.upper(), value[::-1], value * 2, ""))
    return copy.deepcopy(random.choice(STRANGE))


def _places(value: Any) -> Any:
    todo = [value]
    while todo:
        one = todo.pop()
        for key, inner in one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ():
            yield one, key
            todo.append(inner)
