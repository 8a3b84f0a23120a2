"""Reads BVH files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..contract.protocol import InputError
from .recording import FloatArray, Recording, about

_MOTION = re.compile(r"^\s*MOTION\s+Frames\s*:\s*(\d+)\s+Frame\s+Time\s*:\s*(\S+)", re.MULTILINE)
_CHANNEL = re.compile(r"([XYZ])(position|rotation)", re.IGNORECASE)


def read(path: Path) -> Recording:
    """A BVH file. Angles are degrees; the channels' order is the order of the turns; a joint's position channels
    replace its offset (as in Blender). Raises InputError."""
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    motion = _MOTION.search(text)
    if not text.lstrip().startswith("HIERARCHY") or not motion:
        raise InputError(f"{path}: has no HIERARCHY and MOTION with frames; not a BVH file.")
    names, parents, offsets, ends, channels = _hierarchy(text[: motion.start()], path)
    frames, wide = int(motion[1]), len(channels)
    try:
        seconds = float(motion[2])
        values = np.array(text[motion.end() :].split(), float)
    except ValueError as error:
        raise InputError(f"{path}: {error} in its motion.") from error
    if frames * wide != len(values) or not len(values):
        raise InputError(
            f"{path}: has {len(values)} numbers where {frames} frames of {wide} channels have {frames * wide}; damaged."
        )
    if not np.isfinite(values).all():
        raise InputError(f"{path}: has numbers that are not finite; damaged.")
    values = values.reshape(frames, wide)
    moves = np.repeat(offsets[None], frames, 0)
    turns = np.tile(np.eye(3), (frames, len(names), 1, 1))
    for (joint, axis, kind), column in zip(channels, values.T, strict=True):
        if kind == "position":
            moves[:, joint, axis] = column
        else:
            turns[:, joint] = turns[:, joint] @ about(axis, np.radians(column))
    return Recording(names, parents, moves, turns, ends, 1 / seconds if seconds > 0 else None)


def _hierarchy(
    text: str, path: Path
) -> tuple[tuple[str, ...], tuple[int, ...], FloatArray, FloatArray, list[tuple[int, int, str]]]:
    """Names, parents, offsets (J, 3), ends (J, 3) and, per channel, joint, axis and `position` or `rotation`."""
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    ends: dict[int, list[float]] = {}
    channels: list[tuple[int, int, str]] = []
    opened: list[int] = []  # joints whose braces are open; -1 is an end site
    coming = -1
    for line in text.replace("{", "\n{\n").replace("}", "\n}\n").splitlines():
        word, _, rest = line.strip().partition(" ") if "\t" not in line.strip() else line.strip().partition("\t")
        rest = rest.strip()
        try:
            if word in ("ROOT", "JOINT"):
                coming = len(names)
                names.append(rest)
                parents.append(opened[-1] if opened else -1)
                offsets.append([0.0, 0.0, 0.0])
            elif word == "End":
                coming = -1
            elif word == "{":
                opened.append(coming)
            elif word == "}":
                opened.pop()
            elif word == "OFFSET":
                x, y, z = (float(v) for v in rest.split())
                if opened[-1] < 0:
                    ends.setdefault(opened[-2], [x, y, z])
                else:
                    offsets[opened[-1]] = [x, y, z]
                    if len(opened) > 1:
                        ends.setdefault(opened[-2], [x, y, z])  # a bone ends where the first child begins
            elif word == "CHANNELS":
                found = _CHANNEL.findall(rest)
                if len(found) != int(rest.split()[0]):
                    raise ValueError(line)
                channels += [(opened[-1], "XYZ".index(axis.upper()), kind.lower()) for axis, kind in found]
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}: its hierarchy cannot be read at '{line.strip()}'.") from error
    if not names or opened:
        raise InputError(f"{path}: its hierarchy has no joints or unequal braces.")
    bone_ends = np.array([ends.get(j, [np.nan] * 3) for j in range(len(names))])
    return tuple(names), tuple(parents), np.array(offsets), bone_ends, channels
