"""How each part of a body is turned in the world, from where its joints are.

A part's frame is a rotation matrix. The same functions serve the person and the rig at rest: what
turns a rig's part is the difference of the two. Trunk frames have columns left, back, up, so that
they are the identity for one who stands upright facing -Y; limb frames have columns hinge axis,
direction, and the third at right angles. Directions are exact: a limb's second column points from
joint to joint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .bone_map import SIDES
from .landmarks import HEAD_OFFSETS
from .quaternion import normalised, to_matrix
from .twist import Gate, Settle, across, between, carried, measuring, replaying, turn_about, turned

Array = npt.NDArray[np.float64]
Joints = dict[str, Array]  # joint -> (F, 3) metres, world; NaN where unknown


def _radians(low: float, high: float) -> tuple[float, float]:
    return (float(np.radians(low)), float(np.radians(high)))


# A captured elbow lies some centimetres off: below 10 degrees its plane is noise. Upper arms turn by up to 110
# degrees from the carried axis, but with the elbow well bent (hand behind the back), thighs by about 50.
# Knuckles and soles tell the turn of forearm and foot unless they lie nearly along it.
CAPTURED: Mapping[str, Gate] = {
    "upper_arm": Gate(_radians(10, 25), _radians(80, 110), _radians(35, 60)),
    "thigh": Gate(_radians(10, 25), _radians(75, 110), None),
    "forearm": Gate(_radians(12, 24), _radians(120, 160), None),
    "foot": Gate(_radians(9, 18), _radians(60, 100), None),
}
# A rig's joints are exact, but a bend of few degrees may only come from how it was built; one against the
# convention (an elbow bent backwards) surely does.
AT_REST: Mapping[str, Gate] = {
    "upper_arm": Gate(_radians(2, 6), _radians(60, 90), None),
    "thigh": Gate(_radians(2, 6), _radians(45, 75), None),
    "forearm": Gate(_radians(12, 24), _radians(120, 160), None),
    "foot": Gate(_radians(9, 18), _radians(60, 100), None),
}

# Directions from which a limb swings without twist, and its hinge there, in the chest's or pelvis's axes (left,
# back, up). Arms: half-way between T-pose and hanging, so both get their natural hinge (the elbow bends
# forwards), and the one direction that has none lies behind the opposite ear. Legs: standing, knees bend back.
_HALF = float(np.sqrt(0.5))
ARM_REFERENCE = {"left": ((_HALF, 0.0, -_HALF), (-_HALF, 0.0, -_HALF)),
                 "right": ((-_HALF, 0.0, -_HALF), (-_HALF, 0.0, _HALF))}  # fmt: skip
LEG_REFERENCE = ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0))


def _t_pose(axis: tuple[float, float, float], direction: tuple[float, float, float]) -> Callable[[str], Array]:
    """By side, the frame of a limb in a T-pose facing -Y, palms down; arms are given for the left one."""

    def of(side: str) -> Array:
        mirror = np.array([1.0, 1, 1]) if side == "left" or not direction[0] else np.array([-1.0, 1, -1])
        x, y = mirror * axis, mirror * direction
        return np.stack((x, y, np.cross(x, y)), axis=-1)

    return of


# A face that looks ahead has its nose below its ears.
_NOSE, _EAR = (np.array(HEAD_OFFSETS[name], np.float64) for name in ("nose", "left_ear"))  # left, ahead, up
_AHEAD_OF_EARS = normalised(
    (_NOSE - _EAR)[1] * np.array([0.0, -1.0, 0.0]) + (_NOSE - _EAR)[2] * np.array([0.0, 0.0, 1.0])
)
DOWN, LEFT, AHEAD = (0.0, 0.0, -1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0)
T_POSE: Mapping[str, Callable[[str], Array]] = {
    **dict.fromkeys(("hips", "spine"), lambda side: np.eye(3)),
    "head": lambda side: _columns(np.array(LEFT), -_AHEAD_OF_EARS, np.cross(LEFT, -_AHEAD_OF_EARS)),
    "upper_arm": _t_pose(DOWN, LEFT),
    **dict.fromkeys(("forearm", "hand"), _t_pose(AHEAD, LEFT)),
    **dict.fromkeys(("thigh", "shin"), _t_pose(LEFT, DOWN)),
    "foot": _t_pose(LEFT, AHEAD),
}


@dataclass(frozen=True)
class Detail:
    """Which of the finer joints a motion has at all: they decide how a part's frame is made, on the rig too."""

    knuckles: Mapping[str, bool]  # by side
    toes: Mapping[str, bool]
    heels: Mapping[str, bool]
    ears: bool


@dataclass(frozen=True)
class BodyFrames:
    """Frames by part, (F, 3, 3), NaN where unknown, and the turns that were settled for them."""

    parts: Mapping[str, Array]
    turns: Mapping[str, Array]  # (F,) radians by segment, finite


def body_joints(names: Sequence[str], positions: Array) -> Joints:
    """positions: (F, J, 3). Every joint that the frames use: NaN where the motion has none.

    The pelvis is the middle of the hips. Thorax and spine, where unknown, are the middle of the shoulders and
    the middle of the trunk: the formulas of lifter/keypoints.py.
    """
    unknown = np.full((len(positions), 3), np.nan)
    joints = {name: positions[:, i].astype(np.float64) for i, name in enumerate(names)}
    wanted = ["spine", "thorax", "nose", "head_top"]
    limb = ("hip", "knee", "ankle", "heel", "toe", "shoulder", "elbow", "wrist", "index", "pinky", "ear")
    for name in wanted + [f"{side}_{joint}" for side in SIDES for joint in limb]:
        joints.setdefault(name, unknown)
    joints["pelvis"] = (joints["left_hip"] + joints["right_hip"]) / 2
    joints["thorax"] = _else(joints["thorax"], (joints["left_shoulder"] + joints["right_shoulder"]) / 2)
    joints["spine"] = _else(joints["spine"], (joints["pelvis"] + joints["thorax"]) / 2)
    return joints


def detail(joints: Joints, told: Collection[str] = ()) -> Detail:
    """What the clip as a whole has. told: parts whose orientation the motion tells itself."""

    def seen(*names: str) -> bool:
        return bool(np.isfinite(np.stack([joints[name] for name in names])).all((0, 2)).any())

    return Detail(
        knuckles={
            side: not {f"{side}_hand", f"{side}_forearm"}.isdisjoint(told) or seen(f"{side}_index", f"{side}_pinky")
            for side in SIDES
        },
        toes={side: f"{side}_foot" in told or seen(f"{side}_toe") for side in SIDES},
        heels={side: f"{side}_foot" in told or seen(f"{side}_heel", f"{side}_toe") for side in SIDES},
        ears="head" in told or seen("left_ear", "right_ear", "nose"),
    )


def rest_frames(joints: Joints, level: Detail) -> BodyFrames:
    """Of a rig at rest. joints: (1, 3) each."""
    found: dict[str, Array] = {}
    return _frames(joints, level, measuring(np.zeros(1), AT_REST, {}, found), found)


def settled_frames(joints: Joints, level: Detail, times: Array, model: BodyFrames) -> BodyFrames:
    """Of a person, every frame with its evidence. joints: (F, 3) each; times: (F,) seconds.

    A limb that never shows its turn keeps the one that the model's has at rest.
    """
    neutral = {name: float(turn[0]) for name, turn in model.turns.items()}
    found: dict[str, Array] = {}
    return _frames(joints, level, measuring(times, CAPTURED, neutral, found), found)


def replayed_frames(joints: Joints, level: Detail, turns: Mapping[str, Array]) -> BodyFrames:
    """Of a person at other times than the evidence: joints (F, 3) and turns (F,) are brought there already."""
    return _frames(joints, level, replaying(turns), turns)


def told_frames(frames: BodyFrames, told: Mapping[str, Array]) -> BodyFrames:
    """The frames with orientations that the motion tells itself in their place; limbs keep the direction of the joints.

    told: part -> (F, 4) world orientation, identity in a T-pose facing -Y, palms down. A hand that is told tells its
    forearm's turn too, where nothing else does.
    """
    parts, turns = dict(frames.parts), dict(frames.turns)
    for part in sorted(told.keys() & parts.keys(), key=lambda part: part.endswith("forearm")):
        side, _, limb = part.partition("_")
        found = to_matrix(told[part]) @ T_POSE[limb or part](side)
        if limb in ("upper_arm", "forearm", "thigh", "shin"):
            _turn_limb(parts, turns, part, found[..., 0])
        else:
            parts[part] = found
        if limb == "hand" and f"{side}_forearm" not in told:
            _turn_limb(parts, turns, f"{side}_forearm", found[..., 0])
    return BodyFrames(parts, turns)


def _turn_limb(parts: dict[str, Array], turns: dict[str, Array], part: str, axis: Array) -> None:
    """Turn a limb about its direction until its axis is the one given, (F, 3)."""
    old, direction = parts[part][..., 0], parts[part][..., 1]
    new = across(axis, direction)
    parts[part] = _limb(new, direction)
    if part in turns:
        turns[part] = turns[part] + np.unwrap(np.nan_to_num(turn_about(direction, old, new)))


def _frames(joints: Joints, level: Detail, settle: Settle, turns: Mapping[str, Array]) -> BodyFrames:
    parts = {"hips": pelvis_frame(joints), "spine": chest_frame(joints), "head": head_frame(joints, level)}
    for side in SIDES:
        _arm(joints, parts, level, settle, side)
        _leg(joints, parts, level, settle, side)
    return BodyFrames(parts, turns)


def pelvis_frame(joints: Joints) -> Array:
    """Left is exactly the axis of the hips; up leans with the lower spine. (F, 3, 3)"""
    left = normalised(joints["left_hip"] - joints["right_hip"])
    up = across(joints["spine"] - joints["pelvis"], left)
    return _columns(left, np.cross(up, left), up)


def chest_frame(joints: Joints) -> Array:
    """Up is exactly from spine to thorax, so raising one shoulder does not bend the chest. (F, 3, 3)"""
    up = normalised(joints["thorax"] - joints["spine"])
    left = across(joints["left_shoulder"] - joints["right_shoulder"], up)
    return _columns(left, np.cross(up, left), up)


def head_frame(joints: Joints, level: Detail) -> Array:
    """By ears and nose; without ears by the line from thorax to the top of the head, and the nose. (F, 3, 3)"""
    if level.ears:
        left = normalised(joints["left_ear"] - joints["right_ear"])
        ahead = across(joints["nose"] - (joints["left_ear"] + joints["right_ear"]) / 2, left)
        return _columns(left, -ahead, np.cross(left, -ahead))
    up = normalised(joints["head_top"] - joints["thorax"])
    ahead = across(joints["nose"] - joints["thorax"], up)
    return _columns(np.cross(-ahead, up), -ahead, up)


def _arm(joints: Joints, parts: dict[str, Array], level: Detail, settle: Settle, side: str) -> None:
    shoulder, elbow, wrist = (joints[f"{side}_{j}"] for j in ("shoulder", "elbow", "wrist"))
    upper, fore = normalised(elbow - shoulder), normalised(wrist - elbow)
    reference, reference_axis = (np.array(v) for v in ARM_REFERENCE[side])
    neutral = carried(parts["spine"], upper, reference, reference_axis)
    turn = settle(f"{side}_upper_arm", upper, neutral, normalised(np.cross(upper, fore)), between(upper, fore))
    hinge = turned(upper, neutral, turn)
    parts[f"{side}_upper_arm"] = _limb(hinge, upper)
    hinge = across(hinge, fore)
    if not level.knuckles[side]:
        parts[f"{side}_forearm"] = _limb(hinge, fore)
        return
    index, pinky = joints[f"{side}_index"], joints[f"{side}_pinky"]
    knuckles = normalised(index - pinky)
    middle = np.cross(hinge, fore)  # of the forearm's range: palm down in a T-pose, palm to the thigh when hanging
    turn = settle(f"{side}_forearm", fore, middle, across(knuckles, fore), _off_line(knuckles, fore))
    parts[f"{side}_forearm"] = _limb(turned(fore, middle, turn), fore)
    hand = normalised((index + pinky) / 2 - wrist)
    parts[f"{side}_hand"] = _limb(across(knuckles, hand), hand)


def _leg(joints: Joints, parts: dict[str, Array], level: Detail, settle: Settle, side: str) -> None:
    hip, knee, ankle = (joints[f"{side}_{j}"] for j in ("hip", "knee", "ankle"))
    thigh, shin = normalised(knee - hip), normalised(ankle - knee)
    reference, reference_axis = (np.array(v) for v in LEG_REFERENCE)
    neutral = carried(parts["hips"], thigh, reference, reference_axis)
    turn = settle(f"{side}_thigh", thigh, neutral, normalised(np.cross(thigh, shin)), between(thigh, shin))
    hinge = turned(thigh, neutral, turn)
    parts[f"{side}_thigh"] = _limb(hinge, thigh)
    hinge = across(hinge, shin)
    parts[f"{side}_shin"] = _limb(hinge, shin)
    if not level.toes[side]:
        return
    toe, heel = joints[f"{side}_toe"], joints[f"{side}_heel"]
    if not level.heels[side]:
        foot = normalised(toe - ankle)
        parts[f"{side}_foot"] = _limb(across(hinge, foot), foot)
        return
    foot, rise = normalised(toe - heel), normalised(ankle - heel)
    level_axis = across(hinge, foot)
    turn = settle(f"{side}_foot", foot, level_axis, normalised(np.cross(rise, foot)), _off_line(foot, rise))
    parts[f"{side}_foot"] = _limb(turned(foot, level_axis, turn), foot)


def _off_line(a: Array, b: Array) -> Array:
    """Angle between two lines, whichever way they run, radians in 0..pi/2. (F,)"""
    angle = between(a, b)
    return np.minimum(angle, np.pi - angle)


def _limb(axis: Array, direction: Array) -> Array:
    return _columns(axis, direction, np.cross(axis, direction))


def _columns(x: Array, y: Array, z: Array) -> Array:
    """(F, 3, 3); all NaN in a frame where any is."""
    frame = np.stack((x, y, z), axis=-1)
    return np.where(np.isfinite(frame).all((-1, -2), keepdims=True), frame, np.nan)


def _else(first: Array, second: Array) -> Array:
    return np.where(np.isfinite(first), first, second)
