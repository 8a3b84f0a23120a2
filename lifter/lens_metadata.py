"""The focal length that a phone wrote into its film: QuickTime's metadata keys in an MP4 or MOV file (Apple, "QuickTime File
Format", Metadata). Decoders do not hand it on. Standard library only."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

EQUIVALENT_MM = b"com.apple.quicktime.camera.focal_length.35mm_equivalent"
MOST_BYTES = 64 << 20  # of the movie box, which holds no pictures; more is damage
UTF_8, FLOAT_32, FLOAT_64 = 1, 23, 24  # types of values; the others taken here are whole numbers of any length
WHOLE = (21, 22, 65, 66, 67, 74, 75, 76, 77, 78)
PLAUSIBLE_MM = (5.0, 800.0)


def focal_mm(path: Path) -> float | None:
    """On 36 mm wide film, None where the file does not say."""
    try:
        with path.open("rb") as stream:
            movie = _movie(stream)
        found = [value for box in _metadata(movie) if (value := _value(box)) is not None]
    except (OSError, struct.error, ValueError):
        return None
    return found[0] if found and PLAUSIBLE_MM[0] <= found[0] <= PLAUSIBLE_MM[1] else None


def _movie(stream: BinaryIO) -> bytes:
    while len(head := stream.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        size = struct.unpack(">Q", stream.read(8))[0] - 16 if size == 1 else size - 8
        if size < 0:  # 0 in the file: what follows goes to its end
            break
        if kind == b"moov":
            return stream.read(min(size, MOST_BYTES))
        stream.seek(size, 1)
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of the boxes that lie in a row."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _metadata(movie: bytes) -> Iterator[bytes]:
    for kind, content in _boxes(movie):
        if kind == b"meta":
            yield content if content[4:8] == b"hdlr" else content[4:]  # QuickTime's own has no version before
        elif kind in (b"trak", b"udta"):
            yield from _metadata(content)


def _value(metadata: bytes) -> float | None:
    boxes = dict(_boxes(metadata))
    keys, at = [], 8
    listed = boxes.get(b"keys", b"")
    while at + 8 <= len(listed):
        size = struct.unpack_from(">I", listed, at)[0]
        if size < 8:
            return None
        keys.append(listed[at + 8 : at + size])
        at += size
    if EQUIVALENT_MM not in keys:
        return None
    number = struct.pack(">I", keys.index(EQUIVALENT_MM) + 1)
    data = dict(_boxes(dict(_boxes(boxes.get(b"ilst", b""))).get(number, b""))).get(b"data", b"")
    kind, value = struct.unpack_from(">I", data)[0], data[8:]
    if kind == UTF_8:
        return float(value)
    if kind in (FLOAT_32, FLOAT_64):
        return float(struct.unpack(">f" if kind == FLOAT_32 else ">d", value)[0])
    return float(int.from_bytes(value, "big")) if kind in WHOLE else None
