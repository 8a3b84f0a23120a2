"""Reads an AMC motion with the ASF skeleton that belongs to it (Acclaim, CMU's own format)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..contract.protocol import InputError
from .recording import FloatArray, Recording, about

_ROOT_ORDER = ("tx", "ty", "tz", "rx", "ry", "rz")


@dataclass(frozen=True)
class _Bone:
    """end (3,): from where the bone begins. axes (3, 3): its own axes in the file's. channels: rx, ty, …"""

    end: FloatArray
    axes: FloatArray
    channels: tuple[str, ...]


def skeleton_of(amc: Path) -> Path:
    """The ASF beside an AMC: of the longest name that the AMC's begins with (01.asf of 01_05.amc), or the only one.

    Raises InputError.
    """
    beside = sorted(p for p in amc.parent.iterdir() if p.suffix.lower() == ".asf")
    fitting = [p for p in beside if amc.stem.lower().startswith(p.stem.lower())]
    if not fitting and len(beside) != 1:
        raise InputError(f"{amc}: has no .asf beside it. Give that the name that the .amc begins with.")
    return max(fitting or beside, key=lambda p: len(p.stem))


def read(amc: Path) -> Recording:
    """Joints have the names of the bones that begin in them. fps is None: neither file says it. Raises InputError."""
    asf = skeleton_of(amc)
    bones, parents, radians = _skeleton(asf)
    names = list(parents)
    channels, values, radians = _motion(amc, asf, {name: bone.channels for name, bone in bones.items()}, radians)
    moves = np.zeros((len(values), len(names), 3))
    turns = np.tile(np.eye(3), (len(values), len(names), 1, 1))
    for joint, name in enumerate(names):
        if parents[name]:
            moves[:, joint] = bones[parents[name]].end
    for (name, channel), column in zip(channels, values.T, strict=True):
        joint, axis = names.index(name), "xyz".index(channel[1])
        if channel[0] == "t":
            moves[:, joint, axis] += column
        else:  # a later angle turns about the axes of the bone, not about those already turned
            turns[:, joint] = about(axis, column if radians else np.radians(column)) @ turns[:, joint]
    for joint, name in enumerate(names):
        turns[:, joint] = bones[name].axes @ turns[:, joint] @ bones[name].axes.T
    ends = np.array([bones[name].end if name != "root" else [np.nan] * 3 for name in names])
    above = tuple(names.index(parents[name]) if parents[name] else -1 for name in names)
    return Recording(tuple(names), above, moves, turns, ends, None)


def _skeleton(path: Path) -> tuple[dict[str, _Bone], dict[str, str], bool]:
    """The bones; the parent of each, parents first ("" of the root); whether angles are radians."""
    sections = _sections(path)
    try:
        radians = dict(line[:2] for line in sections["units"] if len(line) > 1).get("angle", "deg").startswith("rad")
        root = {line[0]: line[1:] for line in sections["root"]}
        if np.any(np.array(root.get("orientation", [0]), float)):
            raise InputError(f"{path}: its root is turned ('orientation'), which is not understood. Leave it out.")
        root_axes = _axes([0, 0, 0, *root.get("axis", ["XYZ"])], radians)
        order = tuple(word.lower() for word in root.get("order", _ROOT_ORDER))
        bones = {"root": _Bone(np.zeros(3), root_axes, order)}
        for lines in _blocks(sections["bonedata"]):
            bone = {line[0]: line[1:] for line in lines}
            end = np.array(bone["direction"][:3], float) * float(bone["length"][0])
            dof = tuple(word.lower() for word in bone.get("dof", ()))
            bones[bone["name"][0]] = _Bone(end, _axes(bone.get("axis", [0, 0, 0, "XYZ"]), radians), dof)
        children = {line[0]: line[1:] for lines in _blocks(sections["hierarchy"]) for line in lines}
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path}: is not an ASF skeleton ({error}).") from error
    parents = {"root": ""}
    coming = ["root"]
    while coming:
        name = coming.pop(0)
        parents |= dict.fromkeys(children.get(name, ()), name)
        coming += children.get(name, ())
    unknown = parents.keys() ^ bones.keys()
    if unknown:
        raise InputError(f"{path}: bone '{min(unknown)}' is not in both :bonedata and :hierarchy.")
    return bones, parents, radians


def _sections(path: Path) -> dict[str, list[list[str]]]:
    """Words of each line of each section `:name`."""
    sections: dict[str, list[list[str]]] = {}
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    name = ""
    for line in lines:
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            name = words[0][1:].lower()
        elif words:
            sections.setdefault(name, []).append(words)
    return sections


def _blocks(lines: Sequence[list[str]]) -> list[list[list[str]]]:
    """The lines between each begin and its end."""
    blocks: list[list[list[str]]] = []
    for line in lines:
        if line[0] == "begin":
            blocks.append([])
        elif line[0] != "end":
            blocks[-1].append(line)
    return blocks


def _axes(words: Sequence[str | int], radians: bool) -> FloatArray:
    """(3, 3) of `axis a b c XYZ`: turned about x by a, then y by b, then z by c, in the order of the letters."""
    matrix = np.eye(3)
    for angle, letter in zip(words[:3], str(words[3]).lower(), strict=True):
        value = float(angle) if radians else np.radians(float(angle))
        matrix = about("xyz".index(letter), value) @ matrix
    return matrix


def _motion(
    path: Path, asf: Path, channels_of: dict[str, tuple[str, ...]], radians: bool
) -> tuple[list[tuple[str, str]], FloatArray, bool]:
    """(bone, channel) of each column, the values (F, columns), whether angles are radians."""
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    heads = {line.strip().upper() for line in lines if line.startswith(":")}
    radians = (radians or ":RADIANS" in heads) and ":DEGREES" not in heads
    words = np.array(" ".join(line for line in lines if not line.startswith(("#", ":"))).split())
    starts = np.flatnonzero(words == "root") - 1
    if not len(starts) or starts[0] < 0:
        raise InputError(f"{path}: has no frame with a root; not an AMC motion.")
    wide = int(starts[1] - starts[0]) if len(starts) > 1 else len(words)
    if len(words) % wide or len(words) // wide != len(starts):
        raise InputError(f"{path}: its {len(starts)} frames are not alike; damaged.")
    table = words.reshape(-1, wide)
    channels: list[tuple[str, str]] = []
    columns: list[int] = []
    at = 1
    while at < wide:
        name = str(table[0, at])
        if name not in channels_of:
            raise InputError(f"{path}: bone '{name}' is not in {asf.name}. Give it its own skeleton.")
        if (table[:, at] != name).any():
            raise InputError(f"{path}: its frames do not list the bones alike; damaged.")
        channels += [(name, channel) for channel in channels_of[name]]
        columns += range(at + 1, at + 1 + len(channels_of[name]))
        at += 1 + len(channels_of[name])
    odd = [channel for _, channel in channels if channel not in _ROOT_ORDER]
    if odd or at != wide:
        raise InputError(f"{path}: does not fit the channels ('dof') of {asf.name}{f': {odd[0]}' if odd else ''}.")
    try:
        numbers, values = table[:, 0].astype(int), table[:, columns].astype(float)
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error
    if (np.diff(numbers) != 1).any() or not np.isfinite(values).all():
        raise InputError(f"{path}: frames are missing, or numbers are not finite; damaged.")
    return channels, values, radians
