"""Where the points of BODY_27 are in a recording: which bones have them is data, in motion_points.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contract.protocol import InputError
from ..contract.skeleton import BODY_27
from .recording import FloatArray, Recording, rotated

UNITS_M = (1.0, 0.1, 0.0254 / 0.45, 0.0254, 0.01, 0.001)  # the third is CMU's: inches by 0.45
LEG_M = (0.6, 1.05)  # thigh and shin of anybody from a child of ten; no two units fit the same leg
STANDING = 0.9  # of the length of legs and back: the height of the neck over the ankles when both are straight
LOW_FOOT = 0.25  # of a clip's frames: those in which an ankle is taken to be over a flat foot
TOES_BELOW = (0.17, 0.79)  # radians: the line from ankle to toes of a flat foot, in all skeletons that were looked at
SURELY_UP = 0.8  # cosine: a head's bone that is so near to upright ends at the top, not at an eye
LENGTHS = {"head": (0.9, 1.1), "hand": (0.0, np.inf), "": (0.0, np.inf)}  # limits of growth of offsets on a bone
JOINTS = {
    "hip": "thigh", "knee": "shin", "ankle": "foot", "shoulder": "upper_arm", "elbow": "forearm", "wrist": "hand"
}  # fmt: skip


@dataclass(frozen=True)
class Skeleton:
    """A naming that fits a file. bones: joint numbers by role; those of a side are `left_shin`, `right_shin`.
    drop, fps: as in motion_points.toml."""

    name: str
    points: Mapping[str, Any]
    bones: Mapping[str, int]
    drop: int = 0
    fps: float | None = None

    def bone(self, role: str, side: str) -> int:
        """Number of the joint in which a bone begins. KeyError."""
        return self.bones[role] if role in self.bones else self.bones[side + role]


def recognise(names: Sequence[str], where: str) -> Skeleton:
    """The skeleton that a file's joints are of. Raises InputError naming what the nearest one would need."""
    numbers = {_plain(name): i for i, name in reversed(list(enumerate(names)))}
    lacking: dict[str, list[str]] = {}
    table = _table()
    for entry in table["skeleton"]:
        points = table["points"][entry["points"]]
        bones: dict[str, int] = {}
        missing: list[str] = []
        for role, patterns in entry["bones"].items():
            patterns = [patterns] if isinstance(patterns, str) else patterns
            for side in ("left_", "right_") if "{" in patterns[0] else ("",):
                tried = [pattern.format(**_sides(side)) for pattern in patterns]
                found = next((numbers[_plain(t)] for t in tried if _plain(t) in numbers), None)
                if found is not None:
                    bones[side + role] = found
                elif role not in points.get("optional", ()):
                    missing.append(tried[0])
        if not missing:
            return Skeleton(entry["name"], points, bones, entry.get("drop", 0), entry.get("fps"))
        lacking[entry["name"]] = missing
    name = min(lacking, key=lambda n: len(lacking[n]))
    raise InputError(f"{where}: no skeleton that is known; as {name} it lacks {', '.join(lacking[name])}.")


def body_points(recording: Recording, skeleton: Skeleton, where: str) -> FloatArray:
    """(F, 27, 3) metres, Z up, wherever the recording is. Raises InputError where its size or rest pose has no sense."""
    if skeleton.points["stands"]:
        recording = _with_lost_bones(recording, skeleton)
    positions, axes = recording.pose()
    sides = ("left_", "right_")
    leg = np.mean([_length(recording, skeleton, side, "thigh", "foot") for side in sides])
    fitting = [unit for unit in UNITS_M if LEG_M[0] <= leg * unit < LEG_M[1]]
    if not fitting:
        raise InputError(f"{where}: legs {leg:.3g} long fit no unit of length that is known.")
    unit = fitting[0]
    shin = unit * np.mean([_length(recording, skeleton, side, "shin", "foot") for side in sides])
    arm = unit * np.mean([_length(recording, skeleton, side, "forearm", "hand") for side in sides])
    grown = {"": shin / skeleton.points["shin"], "hand": arm / skeleton.points["arm"]}
    grown["head"] = grown[""]
    upright, own = _axes(recording, skeleton, positions, axes, where)

    points = np.empty((recording.frames, len(BODY_27), 3))
    for i, name in enumerate(BODY_27.names):
        side = name[: name.find("_") + 1] if name.startswith(("left_", "right_")) else ""
        spec = _spec(skeleton, name, name.removeprefix(side), side)
        if spec is None:
            continue
        bone = skeleton.bone(spec["bone"], side)
        shift = np.zeros(3)
        if spec.get("along"):
            if np.isnan(recording.ends[bone]).any():
                raise InputError(f"{where}: does not say where {recording.names[bone]} ends (End Site).")
            shift = shift + spec["along"] * recording.ends[bone]
        if "offset" in spec:
            size = spec["bone"] if spec["bone"] in grown else ""
            mirror = np.array([-1 if side == "right_" else 1, 1, 1])
            offset = np.clip(grown[size], *LENGTHS[size]) * mirror * spec["offset"]
            shift = shift + own.get(bone, np.eye(3)) @ offset / unit
        points[:, i] = positions[:, bone] + rotated(axes[:, bone], shift)
    at = BODY_27.index
    points[:, at("pelvis")] = (points[:, at("left_hip")] + points[:, at("right_hip")]) / 2
    if "spine" not in skeleton.points["at"]:
        points[:, at("spine")] = _half_way_up(recording, skeleton, positions, points)
    return unit * (points if upright == "z" else points[..., [0, 2, 1]] * [1, -1, 1])


def _spec(skeleton: Skeleton, name: str, part: str, side: str) -> Mapping[str, Any] | None:
    """How a point hangs on a bone; None of the pelvis and of a spine that is half-way."""
    if part in JOINTS:
        return {"bone": JOINTS[part]}
    spec = skeleton.points["at"].get(name) or skeleton.points["at"].get(part)
    if spec and spec["bone"] not in skeleton.bones and side + spec["bone"] not in skeleton.bones:
        return skeleton.points["instead"][part]
    return spec


def _axes(
    recording: Recording, skeleton: Skeleton, positions: FloatArray, axes: FloatArray, where: str
) -> tuple[str, dict[int, FloatArray]]:
    """Which axis of the file is up, y or z; and of bones with offsets the body's left, up and forward, as columns
    (3, 3), in the bone's own axes.

    A pose without turns that stands upright tells both. Else they are guessed from the clip: on average, people look
    ahead while they are tall, and a foot is flat when its ankle is low.
    """
    if skeleton.points["stands"]:
        return "y", {}
    rest = replace(recording.at(slice(1)), turns=np.eye(3) + np.zeros_like(recording.turns[:1]))
    at_rest, axes_at_rest = rest.pose()
    feet, neck = [skeleton.bone("foot", side) for side in ("left_", "right_")], skeleton.bone("neck", "")
    hips = [skeleton.bone("thigh", side) for side in ("left_", "right_")]

    def body(p: FloatArray) -> FloatArray:
        return p[:, neck] - p[:, feet].mean(1)

    straight = _length(recording, skeleton, "left_", "thigh", "foot") + np.linalg.norm(
        at_rest[0, neck] - at_rest[0, hips].mean(0)
    )
    stands = np.linalg.norm(body(at_rest)[0]) > STANDING * straight and _above(at_rest[0], skeleton)
    mean = np.abs(body(positions).mean(0))
    upright = "z" if mean[2] > 2 * mean[1] else "y"
    if stands:
        p, turned, up = at_rest, axes_at_rest, np.round(body(at_rest)[0] / np.abs(body(at_rest)[0]).max())
    elif any(side + role not in skeleton.bones for side in ("left_", "right_") for role in ("index", "pinky")):
        raise InputError(f"{where}: has no fingers, and its pose without turns does not stand: hands are unknown.")
    else:
        p, turned, up = positions, axes, np.eye(3)["xyz".index(upright)]

    def in_bone(bone: int, columns: FloatArray, chosen: npt.NDArray[np.bool_]) -> FloatArray:
        return _mean(np.swapaxes(turned[chosen, bone], -1, -2) @ columns[chosen])

    tall = body(p) @ up
    across = p[:, hips[0]] - p[:, hips[1]]
    ahead = np.cross(across, up)
    head = skeleton.bone("head", "")
    found = {head: in_bone(head, _columns(ahead, up), tall >= np.median(tall))}
    to_top = recording.ends[head] / max(np.linalg.norm(recording.ends[head]), 1e-9)
    if not stands and to_top @ found[head][:, 1] > SURELY_UP:
        found[head] = _columns(found[head][None, :, 2], to_top)[0]
    for side, sign in (("left_", 1), ("right_", -1)):
        foot, hand, toes = skeleton.bone("foot", side), skeleton.bone("hand", side), skeleton.bones.get(side + "toes")
        height = p[:, foot] @ up
        low = height <= np.quantile(height, LOW_FOOT)
        found[foot] = in_bone(foot, _columns(ahead if toes is None else p[:, toes] - p[:, foot], up), low)
        if toes is not None:
            found[toes] = _mean(np.swapaxes(turned[low, toes], -1, -2) @ turned[low, foot]) @ found[foot]
            if not stands:
                found[foot] = _tilted(found[foot], recording.moves[0, toes], TOES_BELOW)
                if np.linalg.norm(recording.ends[toes]) > 0:
                    found[toes] = _tilted(found[toes], recording.ends[toes], (0, 0))
        along = sign * (p[:, hand] - p[:, skeleton.bone("forearm", side)])
        found[hand] = in_bone(hand, _columns(ahead, np.cross(ahead, along)), low)
    return upright, found


def _tilted(axes: FloatArray, line: FloatArray, limits: Sequence[float]) -> FloatArray:
    """Axes (3, 3) turned about their left until a line (3,) goes down from forward by an angle within limits."""
    line = line / np.linalg.norm(line)
    down = min(max(float(np.arcsin(-line @ axes[:, 1])), limits[0]), limits[1])
    left = np.cross(axes[:, 1], line)
    left = left / np.linalg.norm(left)
    up = np.cos(down) * np.cross(line, left) - np.sin(down) * line
    return np.stack([left, up, np.cross(left, up)], -1)


def _above(at_rest: FloatArray, skeleton: Skeleton) -> bool:
    """Whether neck, hips, knees and ankles (J, 3) follow each other along a line."""
    roles = ("neck", "thigh", "shin", "foot")
    order = [np.mean([at_rest[skeleton.bone(role, side)] for side in ("left_", "right_")], 0) for role in roles]
    line = order[0] - order[-1]
    return bool((np.diff(np.array(order) @ line) < 0).all())


def _columns(ahead: FloatArray, up: FloatArray) -> FloatArray:
    """(N, 3, 3) left, up, forward: exactly up, and as near as can be to ahead."""
    up = np.broadcast_to(up, ahead.shape)
    up = up / np.linalg.norm(up, axis=-1, keepdims=True)
    left = np.cross(up, ahead)
    left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    return np.stack([left, up, np.cross(left, up)], -1)


def _mean(rotations: FloatArray) -> FloatArray:
    """(3, 3) the rotation nearest to the mean of (N, 3, 3)."""
    u, _, v = np.linalg.svd(rotations.mean(0))
    return u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v


def _half_way_up(recording: Recording, skeleton: Skeleton, positions: FloatArray, points: FloatArray) -> FloatArray:
    """(F, 3) half-way along the back, from pelvis to thorax through the joints between."""
    between: list[int] = []
    joint = recording.parents[skeleton.bone("neck", "")]
    while joint >= 0 and recording.parents[joint] >= 0:
        between.insert(0, joint)
        joint = recording.parents[joint]
    ends = points[:, [BODY_27.index("pelvis"), BODY_27.index("thorax")]]
    line = np.concatenate([ends[:, :1], positions[:, between], ends[:, 1:]], 1)
    lengths = np.linalg.norm(np.diff(line, axis=1), axis=-1).mean(0)
    upto = np.cumsum(lengths)
    part = int(np.searchsorted(upto, upto[-1] / 2))
    share = 1 - (upto[part] - upto[-1] / 2) / lengths[part]
    return (1 - share) * line[:, part] + share * line[:, part + 1]


def _length(recording: Recording, skeleton: Skeleton, side: str, start: str, end: str) -> float:
    """Length of the bones from one joint to another below it, in the file's unit."""
    joint, stop = skeleton.bone(end, side), skeleton.bone(start, side)
    total = 0.0
    while joint not in (stop, -1):
        total += float(np.linalg.norm(recording.moves[0, joint]))
        joint = recording.parents[joint]
    return total


def _with_lost_bones(recording: Recording, skeleton: Skeleton) -> Recording:
    """amc2bvh, from which all BVH releases of CMU but Daz's come, made thorax and wrist bones of no length.

    CMU's wrists have half the length of the forearm; its thorax is as long as the upper back, to a few mm, and its
    direction is the mean of the bones below and above.
    """
    if "chest" not in skeleton.bones or recording.moves[0, skeleton.bone("neck", "")].any():
        return recording
    moves, ends = recording.moves.copy(), recording.ends
    below, above = (ends[skeleton.bone(role, "")] for role in ("upper_back", "neck"))
    sum_of = below / np.linalg.norm(below) + above / np.linalg.norm(above)
    moves[:, skeleton.bone("neck", "")] = chest = sum_of * np.linalg.norm(below) / np.linalg.norm(sum_of)
    for side in ("left_", "right_"):
        moves[:, skeleton.bone("clavicle", side)] = chest
        for role in ("hand", "thumb"):
            moves[:, skeleton.bone(role, side)] = moves[0, skeleton.bone("wrist", side)] / 2
    return replace(recording, moves=moves)


def _sides(side: str) -> dict[str, str]:
    left = side != "right_"
    return {"Left": "Left" if left else "Right", "L": "L" if left else "R", "l": "l" if left else "r"}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"^.*:|^mixamorig\d*", "", name.lower()))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
