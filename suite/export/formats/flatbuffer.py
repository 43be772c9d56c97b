"""LiteRT's file written anew: what is in it twice is in it once, and tensors that nobody asks for are named briefly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "compact"]

LARGEST = 2**31 - 1
"""Bytes that offsets inside a FlatBuffer reach; a larger file has its weights outside it."""
ROOM = 1024
"""Bytes beyond those of the file: what padding may add to a tiny one."""
ALIGNMENT = 16
"""Bytes that LiteRT's schema aligns buffers to; the generated code for Python leaves it out."""
IDENTIFIER = b"TFL3"


def compact(path: Path, *, keep: str, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
    """Writes a ``.tflite`` file anew in place; it computes what it did, bit by bit.

    Every channel of a quantised layer has a zero point of 64 bits, nearly always 0, and a converter names a tensor by
    the path of each operation that it fused.  A field of a FlatBuffer points at its vector, and several may point at
    one: vectors that are equal are written once.  All weights lie inside the FlatBuffer, where interpreters of every
    age look.

    Names are kept of inputs, of outputs, of what signatures name, and where ``keep`` is found; any other tensor is
    named by its number, as tools that know tensors by name want them to differ.

    A file larger than ``LARGEST`` stays as it is.

    Args:
        path: The file.
        keep: A regular expression of names.
        metadata: Texts that are added to the model's metadata, by name.

    Raises:
        ValueError: Where it is no LiteRT file, or holds options of an operator outside the FlatBuffer.
    """
    if path.stat().st_size > LARGEST:
        return
    from ai_edge_litert import schema_py_generated as schema

    content = path.read_bytes()
    if not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ValueError(f"{path.name} is no LiteRT file: it lacks the mark {IDENTIFIER.decode()}")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    _bring_inside(model, content)
    _shorten_names(model, keep)
    for name, text in metadata.items():
        _add_metadata(model, name, text.encode())
    builder = _SharingBuilder(len(content) + ROOM)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    path.write_bytes(memoryview(builder.Bytes)[builder.head :])


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Writes a vector of numbers, or a text, that it has written before as a reference to the first one.

    Vectors of references are none of these: equal bytes at another place point elsewhere.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802 - the builder's own name
        """The offset of a vector of numbers."""
        key = (x.dtype.str, hashlib.sha256(np.ascontiguousarray(x).data).digest())
        if key not in self.written:
            if x.dtype == np.uint8:
                self.Prep(ALIGNMENT, x.size)
            self.written[key] = super().CreateNumpyVector(x)
        return self.written[key]

    def CreateString(self, s: str | bytes, encoding: str = "utf-8", errors: str = "strict") -> int:  # noqa: N802
        """The offset of a text."""
        key = ("text", s if isinstance(s, bytes) else s.encode(encoding, errors))
        if key not in self.written:
            self.written[key] = super().CreateString(s, encoding, errors)
        return self.written[key]


def _add_metadata(model: Any, name: str, content: bytes) -> None:
    """A named buffer beside the graph, which interpreters carry along."""
    from ai_edge_litert import schema_py_generated as schema

    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(content, np.uint8)
    entry.name, entry.buffer = name, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]


def _bring_inside(model: Any, content: bytes) -> None:
    """Makes part of the model what ai-edge-quantizer leaves behind the FlatBuffer: weights of 1,024 bytes or more."""
    for graph in model.subgraphs:
        if any(operator.largeCustomOptionsSize for operator in graph.operators or ()):
            raise ValueError("an operator has its options outside the FlatBuffer, which is not read here")
    for buffer in model.buffers:
        if buffer.size:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0


def _shorten_names(model: Any, keep: str) -> None:
    number = 0
    for place, graph in enumerate(model.subgraphs):
        asked_for = set(_asked_for(model, place))
        kept = {
            one
            for one, tensor in enumerate(graph.tensors)
            if one in asked_for or re.search(keep, (tensor.name or b"").decode(errors="replace"))
        }
        taken = {graph.tensors[one].name for one in kept}
        for one, tensor in enumerate(graph.tensors):
            name = str(number).encode()
            while name in taken:
                name += b"_"
            tensor.name = tensor.name if one in kept else name
            number += 1


def _asked_for(model: Any, place: int) -> Iterator[int]:
    """The tensors of a graph that someone outside may ask for by name."""
    graph = model.subgraphs[place]
    for ends in (graph.inputs, graph.outputs):
        yield from () if ends is None else ends
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == place:
            yield from (one.tensorIndex for one in (*(signature.inputs or ()), *(signature.outputs or ())))
