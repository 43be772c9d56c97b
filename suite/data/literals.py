"""Plain values out of a pickle, without running any of it.

Some public archives (CIFAR) are pickles.  Unpickling calls whatever the file names; here the file is taken
apart into its instructions (``pickletools``), and only those that spell values are followed.  What a call
would have made stays what it is in the file: a ``Call`` with its arguments and state, nothing is called.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suite.errors import DataError

__all__ = ["Call", "bytes_array", "read_literals"]


@dataclass
class Call:
    """A call that a pickle asks for and that was not made."""

    function: str
    """Module and name."""
    arguments: Any = ()
    state: Any = field(default=None)


def read_literals(content: bytes, *, place: str) -> Any:
    """The value in a pickle of protocol 0 to 3: dicts, lists, tuples, text, bytes, numbers and ``Call``.

    Text of Python 2 comes back as ``str``, one character per byte.

    Raises:
        DataError: For anything else in it, or when it is damaged.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(content):
            machine.step(opcode.name, argument)
        return machine.stack.pop()
    except Exception as error:  # noqa: BLE001 - a damaged file may break any step
        raise DataError(f"{place}: expected a pickle of plain values and arrays, got: {error}.") from None


def bytes_array(value: Any, *, place: str) -> NDArray[np.uint8]:
    """The array of bytes that a ``Call`` from ``read_literals`` describes. Raises ``DataError``."""
    if isinstance(value, Call) and isinstance(value.state, tuple) and len(value.state) == 5:
        _, shape, _, fortran_order, raw = value.state
        content = raw.encode("latin-1") if isinstance(raw, str) else raw
        if isinstance(content, bytes) and not fortran_order and len(content) == np.prod(shape):
            return np.frombuffer(content, dtype=np.uint8).reshape(shape)
    raise DataError(f"{place}: expected an array of bytes, got {type(value).__name__}.")


class _Machine:
    """The stack of a pickle; each instruction that is not known here is refused."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in {"BINPUT", "LONG_BINPUT", "PUT"}:
            self.memo[int(argument)] = self.stack[-1]
        elif name in {"BINGET", "LONG_BINGET", "GET"}:
            self.stack.append(self.memo[int(argument)])
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in _ACTIONS:
            _ACTIONS[name](self)
        elif name not in {"PROTO", "STOP"}:
            raise ValueError(f"the instruction {name}")
        if name == "GLOBAL":
            self.stack[-1] = Call(str(argument))

    def since_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def take(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        if len(items) != count:
            raise ValueError("an instruction without its values")
        del self.stack[-count:]
        return items

    def tuple_of(self, items: list[Any]) -> None:
        self.stack.append(tuple(items))

    def append(self, items: list[Any]) -> None:
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def reduce(self) -> None:
        function, arguments = self.take(2)
        self.stack.append(Call(function.function, arguments))

    def build(self) -> None:
        (state,) = self.take(1)
        self.stack[-1].state = state


_VALUES = frozenset(
    {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "FLOAT", "BINFLOAT", "STRING", "BINSTRING"}
    | {"SHORT_BINSTRING", "UNICODE", "BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "GLOBAL"}
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_ACTIONS: dict[str, Callable[[_Machine], None]] = {
    "TUPLE": lambda machine: machine.tuple_of(machine.since_mark()),
    "TUPLE1": lambda machine: machine.tuple_of(machine.take(1)),
    "TUPLE2": lambda machine: machine.tuple_of(machine.take(2)),
    "TUPLE3": lambda machine: machine.tuple_of(machine.take(3)),
    "LIST": lambda machine: machine.stack.append(machine.since_mark()),
    "APPEND": lambda machine: machine.append(machine.take(1)),
    "APPENDS": lambda machine: machine.append(machine.since_mark()),
    "SETITEM": lambda machine: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine: machine.set_items(machine.since_mark()),
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
