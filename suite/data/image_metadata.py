"""Image files without what is not pixels: texts, colour profiles, EXIF, thumbnails, of any size and damage."""

from __future__ import annotations

import struct
import zlib

__all__ = ["without_metadata"]

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
"""PNG specification (third edition), 5.6: what the pixels of the first image need."""
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
_JPEG_METADATA = {*range(0xE1, 0xEE), 0xEF, 0xFE}
"""Application segments and comments (ITU-T T.81, B.2.4.6); JFIF says nothing that is decoded wrong without, and Adobe's
(0xEE) says which colours the numbers are."""
_WEBP_METADATA = {b"ICCP", b"EXIF", b"XMP "}
_WEBP_ALPHA = 0x10
_WEBP_FLAGS = 0x20 | 0x08 | 0x04
"""Of ``VP8X``: that there is a profile, EXIF, XMP (RFC 9649, 2.7)."""


def without_metadata(content: bytes) -> bytes | None:
    """The same image with as little beside its pixels as it takes, and its EXIF where a viewer would find it.

    Args:
        content: The bytes of any file.

    Returns:
        The bytes of a PNG, JPEG or WebP file; None for others, where nothing was left out, and where the file is not
        built as its format asks.
    """
    try:
        bare = _bare(content)
    except (struct.error, IndexError):
        return None
    return None if bare == content else bare


def _bare(content: bytes) -> bytes | None:
    if content.startswith(_PNG):
        return _bare_png(content)
    if content.startswith(b"\xff\xd8"):
        return _bare_jpeg(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _bare_webp(content)
    return None


def _bare_png(content: bytes) -> bytes:
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        chunk = content[at : at + 12 + length]
        whole = len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == struct.unpack(">I", chunk[-4:])[0]
        if kind in _PNG_PIXELS or (kind == b"eXIf" and whole):
            kept.append(chunk)
        if kind == b"IEND":
            break
        at += 12 + length
    return b"".join(kept)


def _bare_jpeg(content: bytes) -> bytes | None:
    kept, at = [content[:2]], 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker in {_JPEG_SCAN, _JPEG_END}:
            return b"".join([*kept, content[at:]])
        length = 2 + struct.unpack_from(">H", content, at + 2)[0]
        segment = content[at : at + length]
        if marker not in _JPEG_METADATA or segment[4:10] == b"Exif\0\0":
            kept.append(segment)
        at += length
    return None


def _bare_webp(content: bytes) -> bytes | None:
    kept: list[bytes] = []
    kinds: list[bytes] = []
    at, flags = 12, 0
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        chunk = content[at : at + 8 + length + length % 2]
        at += 8 + length + length % 2
        kinds.append(kind)
        if kind in _WEBP_METADATA:
            continue
        is_name = kind.isascii() and kind.rstrip().isalnum()
        if not is_name or len(chunk) < 8 + length:  # more than metadata is damaged
            return None
        if kind == b"VP8X":
            flags = chunk[8]
            chunk = chunk[:8] + bytes([flags & ~_WEBP_FLAGS & 0xFF]) + chunk[9:]
        kept.append(chunk)
    is_whole = at == 8 + struct.unpack_from("<I", content, 4)[0] or kinds[-1] in _WEBP_METADATA
    has_alpha = b"VP8 " not in kinds or bool(flags & _WEBP_ALPHA) == (b"ALPH" in kinds)
    if not is_whole or not has_alpha:
        return None
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
