"""How well a posed rig repeats a person: figures from bone matrices and joints alone.

Nothing here comes from addon/retarget: what judges the solver shares no code with it. Conventions: the body stands upright in
the world, or where its rest pose leans by more than 25 degrees, along the line from ankles to shoulders (on mannequiny the
mesh shows the soles 1 degree off that, 4 off the trunk); elbows bend forwards and knees backwards; the sole is level at rest,
its heel 45 mm behind the ankle on a leg of 0.85 m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
SIDES = ("left", "right")
LIMBS = (
    ("upper_arm", "forearm", "shoulder", "elbow"), ("forearm", "hand", "elbow", "wrist"),
    ("thigh", "shin", "hip", "knee"), ("shin", "foot", "knee", "ankle"),
)  # fmt: skip
BENT_DEG = 25.0  # from here on an elbow or knee shows its hinge
SHOWN_DEG = 15.0  # from here on clean motion capture shows the plane of a limb at all
REST_BENT_DEG = 5.0  # the same at rest, where joints are exact
HEEL_BACK, SOLE, HIGHEST_SOLE, LONGEST_FOOT = 0.045 / 0.85, 0.08 / 0.85, 0.4 / 0.85, 0.35 / 0.85  # of the leg's length
BETWEEN_SHOULDERS_M = 0.02  # a captured thorax nearer than this to the middle of the shoulders is no neck's base
STILL_M_S, LOW_M, LEAST_FRAMES = 0.3, 0.09, 4  # a captured point slower and lower than this, for so long, is planted


@dataclass(frozen=True)
class Posed:
    """A rig at rest and posed, in the world."""

    names: Sequence[str]
    rest: Array  # (B, 4, 4), axes of unit length
    tails: Array  # (B, 3) at rest
    pose: Array  # (F, B, 4, 4)
    bones: Mapping[str, Sequence[str]]  # part -> bones
    landmarks: Mapping[str, str]
    scale: float  # of the path, as reported
    bends: Mapping[
        str, int
    ]  # forearm or shin -> the bone that it bends on: the last of the limb above, twist bones too

    def at(self, part: str) -> int:
        return list(self.names).index(self.bones[part][0])


def contacts_of(joints: Mapping[str, Array], fps: float) -> Array:
    """(F, 4) 0 or 1: left_heel, left_toe, right_heel, right_toe of clean motion capture."""
    columns = []
    for name in ("left_heel", "left_toe", "right_heel", "right_toe"):
        place = joints[name]
        speed = np.linalg.norm(np.gradient(place, axis=0), axis=-1) * fps
        still = (speed < STILL_M_S) & (place[:, 2] < LOW_M)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], still, [0])).astype(int)))
        for a, b in zip(edges[::2], edges[1::2]):
            still[a:b] &= b - a >= LEAST_FRAMES
        columns.append(still)
    return np.stack(columns, -1).astype(float)


def measure(rig: Posed, joints: Mapping[str, Array], contacts: Array, fps: float) -> dict[str, float]:
    """joints: BODY_27 by name, (F, 3), the person's own world. Figures in degrees, cm/s, and metres for the path."""
    found: dict[str, list[Array]] = {}
    axes = body_axes(rig)
    hips = (rig.pose[:, rig.at("left_thigh"), :3, 3] + rig.pose[:, rig.at("right_thigh"), :3, 3]) / 2
    top = (rig.pose[:, rig.at("left_upper_arm"), :3, 3] + rig.pose[:, rig.at("right_upper_arm"), :3, 3]) / 2
    middle = {j: (joints[f"left_{j}"] + joints[f"right_{j}"]) / 2 for j in ("hip", "shoulder")}
    above = np.linalg.norm(joints["thorax"] - middle["shoulder"], axis=-1).mean()
    if "neck" in rig.bones and above > BETWEEN_SHOULDERS_M:
        top = rig.pose[:, rig.at("neck"), :3, 3]
    found["spine"] = [between(top - hips, joints["thorax"] - middle["hip"])]
    for side in ("left", "right"):
        for part, below, a, b in LIMBS:
            found.setdefault("limbs", []).append(
                between(reach(rig, f"{side}_{part}", f"{side}_{below}"), joints[f"{side}_{b}"] - joints[f"{side}_{a}"])
            )
        if axes is not None:
            _orientations(rig, joints, axes, side, found)
    path = (hips - hips[0]) - rig.scale * (middle["hip"] - middle["hip"][0])
    excess = _excess(rig, joints)
    figures = {"frame excess": float(excess.max()), "path m": float(np.abs(path).max())}
    for key, values in found.items():
        pooled = np.concatenate(values)
        if len(pooled := pooled[np.isfinite(pooled)]):
            figures |= {f"{key} mean": float(pooled.mean()), f"{key} p95": float(np.percentile(pooled, 95))}
    if axes is not None and "left_foot" in rig.bones:
        slide = _slide(rig, axes, contacts, fps)
        if len(slide):
            figures |= {"slide mean": float(slide.mean()), "slide p95": float(np.percentile(slide, 95))}
    return figures


def body_axes(rig: Posed) -> Array | None:
    """(3, 3) rows left, forward, up at rest; None where the rest pose shows no body."""
    heads = rig.rest[:, :3, 3]
    place = {p: [heads[rig.at(f"{s}_{p}")] for s in ("left", "right")] for p in ("thigh", "shin", "upper_arm")}
    between = {part: np.sum(at, axis=0) for part, at in place.items()}
    trunk = unit(between["upper_arm"] - between["thigh"])
    if trunk @ unit(between["thigh"] - between["shin"]) < 0.5:
        return None
    ankles = [heads[rig.at(f"{s}_foot")] if f"{s}_foot" in rig.bones else rig.tails[rig.at(f"{s}_shin")] for s in SIDES]
    stands = unit(between["upper_arm"] - np.sum(ankles, axis=0))
    up = np.eye(3)[2] if trunk[2] > np.cos(np.radians(25)) else stands
    left = unit(place["thigh"][0] - place["thigh"][1])
    left = unit(left - (left @ up) * up)
    return np.stack((left, np.cross(left, up), up))


def reach(rig: Posed, part: str, below: str) -> Array:
    """(F, 3) from the head of the part's bone to that of the next, or to its own tail."""
    bone = rig.at(part)
    start = rig.pose[:, bone, :3, 3]
    if below in rig.bones:
        return rig.pose[:, rig.at(below), :3, 3] - start
    return carried(rig, bone, rig.tails[bone] - rig.rest[bone, :3, 3]) * np.ones_like(start)


def turn(rig: Posed, bone: int) -> Array:
    """(F, 3, 3) how far the bone is turned from rest, world."""
    return axes_of(rig.pose[:, bone]) @ axes_of(rig.rest[bone]).T


def carried(rig: Posed, bone: int, vector: Array) -> Array:
    return turn(rig, bone) @ vector


def axes_of(matrices: Array) -> Array:
    return matrices[..., :3, :3] / np.linalg.norm(matrices[..., :3, :3], axis=-2, keepdims=True)


def unit(v: Array) -> Array:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)


def between(a: Array, b: Array) -> Array:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


def turned_by(a: Array, b: Array) -> Array:
    """Degrees between rotations (..., 3, 3)."""
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=(-1, -2)) / np.sqrt(8), 0, 1)))


def frame(direction: Array, aside: Array) -> Array:
    """(F, 3, 3) columns: direction, `aside` at right angles to it, the third."""
    y = unit(direction)
    x = unit(aside - (aside * y).sum(-1, keepdims=True) * y)
    return np.stack((y, x, np.cross(y, x)), -1)


def _orientations(
    rig: Posed, joints: Mapping[str, Array], axes: Array, side: str, found: dict[str, list[Array]]
) -> None:
    heads = rig.rest[:, :3, 3]
    left, forward, up = axes
    joint = {j: joints[f"{side}_{j}"] for j in ("hip", "knee", "ankle", "heel", "toe")}
    joint |= {j: joints[f"{side}_{j}"] for j in ("shoulder", "elbow", "wrist", "index", "pinky")}
    for name, parts, line, supposed in (
        ("elbow", ("upper_arm", "forearm", "hand"), ("shoulder", "elbow", "wrist"), lambda d: np.cross(d, forward)),
        ("knee", ("thigh", "shin", "foot"), ("hip", "knee", "ankle"), lambda d: left),
    ):
        bones = [rig.at(f"{side}_{p}") for p in parts if f"{side}_{p}" in rig.bones]
        ends = [heads[b] for b in bones] + ([rig.tails[bones[-1]]] if len(bones) < 3 else [])
        first, second = ends[1] - ends[0], ends[2] - ends[1]
        axis = supposed(unit(first))
        axis = unit(axis - (axis @ unit(first)) * unit(first))
        if between(first, second) > REST_BENT_DEG and unit(np.cross(first, second)) @ axis > 0.5:
            axis = unit(np.cross(first, second))
        a, b = joint[line[1]] - joint[line[0]], joint[line[2]] - joint[line[1]]
        off = between(carried(rig, rig.bends[f"{side}_{parts[1]}"], axis), np.cross(a, b))
        found.setdefault(name, []).append(np.where(between(a, b) > BENT_DEG, off, np.nan))
    knuckles = [rig.landmarks.get(f"{side}_{f}") for f in ("index", "pinky")]
    if f"{side}_hand" in rig.bones and all(knuckles):
        hand = rig.at(f"{side}_hand")
        index, pinky = (heads[list(rig.names).index(str(k))] for k in knuckles)
        rest = frame((index + pinky) / 2 - heads[hand], index - pinky)
        wished = frame((joint["index"] + joint["pinky"]) / 2 - joint["wrist"], joint["index"] - joint["pinky"])
        found.setdefault("palm", []).append(turned_by(turn(rig, hand) @ rest, wished))
    if f"{side}_foot" in rig.bones:
        foot = rig.at(f"{side}_foot")
        ahead, _ = _sole(rig, axes, side)
        rest = frame(ahead, np.cross(up, ahead))
        wished = frame(
            joint["toe"] - joint["heel"], np.cross(joint["ankle"] - joint["heel"], joint["toe"] - joint["heel"])
        )
        found.setdefault("foot", []).append(turned_by(turn(rig, foot) @ rest, wished))


def _sole(rig: Posed, axes: Array, side: str) -> tuple[Array, Array]:
    """(3,) where the foot points at rest, level; (2, 3) heel and toe on the floor."""
    _left, forward, up = axes
    heads = rig.rest[:, :3, 3]
    foot = rig.at(f"{side}_foot")
    ankle = heads[foot]
    leg = float(np.linalg.norm(heads[rig.at(f"{side}_thigh")] - ankle))
    floor = min(float(heads[rig.at(f"{s}_foot")] @ up) for s in SIDES)
    low = [floor, *(float(heads[rig.at(f"{s}_toe")] @ up) for s in SIDES if f"{s}_toe" in rig.bones)]
    stands = any(0 < place < 2 * SOLE * leg for place in low) and 0 < floor < HIGHEST_SOLE * leg
    sole = floor if stands else SOLE * leg
    end = heads[rig.at(f"{side}_toe")] if f"{side}_toe" in rig.bones else rig.tails[foot]
    level = end - ankle - ((end - ankle) @ up) * up
    plausible = SOLE * leg < np.linalg.norm(level) < LONGEST_FOOT * leg and level @ forward > 0.5 * np.linalg.norm(
        end - ankle
    )
    if f"{side}_toe" not in rig.bones and not plausible:
        level = 2 * SOLE * leg * forward
    ahead, ground = unit(level), ankle - sole * up
    return ahead, np.stack((ground - HEEL_BACK * leg * ahead, ground + level))


def _slide(rig: Posed, axes: Array, contacts: Array, fps: float) -> Array:
    """cm/s, at the person's size, along the ground of heel and toe from frame to frame, where they are to stand."""
    speeds = []
    for i, side in enumerate(("left", "right")):
        foot = rig.at(f"{side}_foot")
        turned, place = turn(rig, foot), rig.pose[:, foot, :3, 3]
        for j, point in enumerate(_sole(rig, axes, side)[1]):
            moved = place + turned @ (point - rig.rest[foot, :3, 3])
            stands = contacts[:, 2 * i + j] > 0.5
            step = np.linalg.norm(np.diff(moved[:, :2], axis=0), axis=-1) * fps * 100 / rig.scale
            speeds.append(step[stands[1:] & stands[:-1]])
    return np.concatenate(speeds)


def _excess(rig: Posed, joints: Mapping[str, Array]) -> Array:
    """Degrees that bones turn from frame to frame beyond what the person's part does; every mapped part."""
    hips = joints["left_hip"] - joints["right_hip"]
    chest = joints["left_shoulder"] - joints["right_shoulder"]
    ears = joints["left_ear"] - joints["right_ear"]
    trunk = {
        "hips": _steps(frame(hips, joints["spine"] - joints["pelvis"])),
        "spine": _steps(frame(joints["thorax"] - joints["spine"], chest)),
        "head": _steps(frame(ears, joints["nose"] - joints["left_ear"])),
    }
    out = []
    for part, names in rig.bones.items():
        side, _, limb = part.partition("_")
        moved = {"neck": "head", "spine": "spine"}.get(part, part)
        if moved in trunk:
            source = np.maximum(trunk[moved], np.maximum(trunk["hips"], trunk["spine"]))
        elif limb in ("upper_arm", "forearm", "thigh", "shin", "hand", "foot", "clavicle"):
            source = _limb_steps(joints, side, limb)
            if limb == "forearm":  # one that leaves its twist to twist bones turns with the elbow's hinge
                source = np.maximum(source, _limb_steps(joints, side, "upper_arm"))
            source = np.maximum(source, trunk["spine" if limb in ("upper_arm", "forearm", "clavicle") else "hips"])
        else:
            continue
        for name in names[:1] if side in ("left", "right") else names:
            out.append(_steps(axes_of(rig.pose[:, list(rig.names).index(name)])) - source)
    return np.stack(out)


def _limb_steps(joints: Mapping[str, Array], side: str, limb: str) -> Array:
    j = {n: joints[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "heel", "toe")}
    j |= {n: joints[f"{side}_{n}"] for n in ("shoulder", "elbow", "wrist", "index", "pinky")}
    a, b, c = ("hip", "knee", "ankle") if limb in ("thigh", "shin") else ("shoulder", "elbow", "wrist")
    upper, lower = j[b] - j[a], j[c] - j[b]
    if limb == "hand":
        return _steps(frame((j["index"] + j["pinky"]) / 2 - j["wrist"], j["index"] - j["pinky"]))
    if limb == "foot":
        return _steps(frame(j["toe"] - j["heel"], np.cross(j["ankle"] - j["heel"], j["toe"] - j["heel"])))
    line = upper if limb in ("upper_arm", "thigh", "clavicle") else lower
    swing = between(line[1:], line[:-1])
    aside = j["index"] - j["pinky"] if limb == "forearm" else np.cross(upper, lower)
    shown = np.ones(len(line), bool) if limb == "forearm" else between(upper, lower) > SHOWN_DEG
    return np.where(shown[1:] & shown[:-1], _steps(frame(line, aside)), swing)


def _steps(frames: Array) -> Array:
    return turned_by(frames[1:], frames[:-1])
