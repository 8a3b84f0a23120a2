"""Feet that stand stay: what slides after scaling is carried back, legs follow by their two bones.

While a foot stands its contact points (heel, toe, or both) keep their place, and a foot that stands flat keeps its turn.
The corrections fade in and out around each stand. All places here are metres in the armature's axes, turns are (F, 4) from
rest, as `turns.part_turns` gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import Motion
from . import quaternion as quat
from .bone_map import SIDES
from .choices import Feet
from .curves import CONTACTS
from .landmarks import Landmarks
from .stands import FADE_S, REACH, Leg, place_back, turn_back
from .twist import between, dot

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

STANDING = 0.5  # probability from which a contact counts
HINGE_AT_REST = 0.1  # how much the settled hinge counts beside the plane of a bent knee
TOES_BEND = np.radians(60.0)  # as far as toes bend when the heel is up
NEAR_FLOOR = 0.15  # of the leg: what stands higher stands on something else
BACKWARDS = np.radians(10.0)  # a knee bent backwards by more than this was so captured; less is noise


@dataclass(frozen=True)
class Slide:
    """How fast contact points move while they stand, cm/s, mean; before and after."""

    before: float
    after: float


def contacts_at(motion: Motion, times: Array, modes: Mapping[str, Feet]) -> Mask:
    """(F, 6) in the order of CONTACTS, at `times` (seconds): where heels and toes stand, and hands rest if the motion knows."""
    nearest = np.rint(np.interp(times, motion.frame_times, np.arange(motion.frames))).astype(int)
    out = np.zeros((len(times), len(CONTACTS)), np.bool_)
    for column, name in enumerate(CONTACTS):
        side, _, point = name.partition("_")
        mode = "auto" if point == "hand" else modes[side]
        if mode == "always":
            out[:, column] = True
        elif mode == "auto" and name in motion.contact_names:
            out[:, column] = motion.contacts[nearest, motion.contact_names.index(name)] > STANDING
    return out


def planted(
    parts: Mapping[str, Array], path: Array, marks: Landmarks, hinges: Mapping[str, Array], contacts: Mask, fps: float
) -> tuple[dict[str, Array], dict[str, Slide]]:
    """The parts' turns with legs and feet refitted, toes added, and by side how much less they slide.

    path: (F, 3) middle of the hips. marks: in the same axes. hinges: by part, the (3,) axis that thighs bend about at
    rest. contacts: (F, 4 or more) as `contacts_at`.
    """
    out = dict(parts)
    slides: dict[str, Slide] = {}
    for i, side in enumerate(SIDES):
        needed = ("hips", f"{side}_thigh", f"{side}_shin")
        if not all(part in parts for part in needed):
            continue
        leg = _leg(parts, path, marks, side)
        known = np.isfinite(leg.ankle).all(-1) & np.isfinite(leg.foot).all(-1)
        stands = contacts[:, 2 * i : 2 * i + 2] & known[:, None]
        if f"{side}_foot" not in parts:  # the ankle cannot tell heel from toe
            stands &= stands.all(1, keepdims=True)
        if not stands.any():
            continue
        foot = quat.mul(quat.from_vector(turn_back(leg.foot, stands, fps)), leg.foot)
        back, tilt = place_back(leg, foot, stands, fps)
        ankle, foot = leg.ankle + back, quat.mul(quat.from_vector(tilt), foot)
        hinge = quat.rotate(parts[f"{side}_thigh"], hinges[f"{side}_thigh"])
        swing, bend = reach(leg, ankle, hinge)
        out[f"{side}_thigh"] = quat.mul(swing, parts[f"{side}_thigh"])
        out[f"{side}_shin"] = quat.mul(quat.mul(swing, bend), parts[f"{side}_shin"])
        if f"{side}_foot" in parts:
            out[f"{side}_foot"] = foot
            out[f"{side}_toe"] = _toe(foot, leg, marks.up, stands, fps)
        after = _leg(out, path, marks, side)
        slides[side] = Slide(
            _speed(leg.moved(leg.ankle, leg.foot), stands, fps), _speed(leg.moved(after.ankle, foot), stands, fps)
        )
    return out, slides


def standing_height(parts: Mapping[str, Array], path: Array, marks: Landmarks, contacts: Mask) -> float:
    """How high heels and toes stand, metres along marks.up, the median; 0 where nothing stands near that. As `planted`."""
    heights: list[Array] = [np.zeros(0)]
    most = 0.0
    for i, side in enumerate(SIDES):
        if all(part in parts for part in ("hips", f"{side}_thigh", f"{side}_shin", f"{side}_foot")):
            leg = _leg(parts, path, marks, side)
            most = NEAR_FLOOR * float(np.linalg.norm(marks.joint(f"{side}_hip") - marks.joint(f"{side}_ankle")))
            heights.append((leg.moved(leg.ankle, leg.foot) @ marks.up)[contacts[:, 2 * i : 2 * i + 2]])
    known = np.concatenate(heights)
    known = known[np.abs(known) < most]  # NaN is not
    return float(np.median(known)) if len(known) else 0.0


def _leg(parts: Mapping[str, Array], path: Array, marks: Landmarks, side: str) -> Leg:
    at = {joint: marks.joint(f"{side}_{joint}") for joint in ("hip", "knee", "ankle", "heel", "toe")}
    thigh, shin = parts[f"{side}_thigh"], parts[f"{side}_shin"]
    hip = path + quat.rotate(parts["hips"], at["hip"] - marks.joint("pelvis"))
    knee = hip + quat.rotate(thigh, at["knee"] - at["hip"])
    ankle = knee + quat.rotate(shin, at["ankle"] - at["knee"])
    points = np.stack((at["heel"] - at["ankle"], at["toe"] - at["ankle"]))
    if f"{side}_foot" not in parts:  # then the ankle alone stays
        return Leg(hip, knee, ankle, shin, 0 * points)
    return Leg(hip, knee, ankle, parts[f"{side}_foot"], points)


def _toe(foot: Array, leg: Leg, up: Array, stands: Mask, fps: float) -> Array:
    """(F, 4) the toes' turn: with the foot, but level while they stand and the heel is up."""
    along = quat.rotate(foot, quat.normalised(leg.points[1] - leg.points[0]))
    level = quat.normalised(along - dot(along, up)[:, None] * up)
    on_toes = stands[:, 1] & ~stands[:, 0] & (dot(along, up) < 0)
    width = 2 * max(1, round(FADE_S * fps / 4)) + 1
    share = np.convolve(on_toes.astype(float), np.full(width, 1 / width), mode="same")
    straight = quat.swing(along, level)
    most = np.minimum(1.0, TOES_BEND / np.maximum(np.nan_to_num(quat.angle(straight)), 1e-9))
    return quat.mul(quat.slerp(quat.IDENTITY, straight, share * most), foot)


def reach(leg: Leg, ankle: Array, hinge: Array) -> tuple[Array, Array]:
    """How the whole leg swings, and the shin bends before that, so that the ankle comes to `ankle`. Turns (F, 4).

    The knee stays in its plane: it bends about the axis that it bends about already, or would by its hinge.
    """
    thigh, shin = leg.knee - leg.hip, leg.ankle - leg.knee
    a, b = (np.linalg.norm(v, axis=-1) for v in (thigh, shin))
    wanted = ankle - leg.hip
    length = np.clip(np.linalg.norm(wanted, axis=-1), np.abs(a - b) / REACH, REACH * (a + b))
    own = np.linalg.norm(leg.ankle - leg.hip, axis=-1)
    length = np.where(np.linalg.norm(ankle - leg.ankle, axis=-1) > 0, length, own)
    axis = quat.normalised(np.cross(quat.normalised(thigh), quat.normalised(shin)) + HINGE_AT_REST * hinge)
    bent = np.copysign(between(thigh, shin), dot(axis, np.cross(thigh, shin)))
    bend = np.arccos(np.clip((length**2 - a**2 - b**2) / (2 * a * b), -1, 1))
    bend = np.where(bent < -BACKWARDS, -bend, bend)
    turn = np.where(np.abs(length - own) > 1e-9, bend - bent, 0.0)
    by = quat.about(axis, turn)
    reached = thigh + quat.rotate(by, shin)
    return quat.swing(quat.normalised(reached), quat.normalised(wanted)), by


def _speed(points: Array, stands: Mask, fps: float) -> float:
    """Mean speed of the points where they stand, cm/s. points: (F, 2, 3)"""
    both = stands[1:] & stands[:-1]
    speeds = np.linalg.norm(np.diff(points, axis=0), axis=-1)[both]
    return float(100 * fps * speeds.mean()) if len(speeds) else 0.0
