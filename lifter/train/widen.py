"""Poses and bodies beyond those that were captured: others' upper bodies, joints turned, hinges bent anew, bones resized.

On points alone: what hangs on a joint is turned about it, from the pelvis outwards, so that bones keep their lengths and
hinges their planes. Axes: Z up. Every turn is the same or slowly changing within a window: no jerk enters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import BODY_27

FloatArray = npt.NDArray[np.floating]

# Bones that vary together, as joints whose bone (from the parent) is scaled; left and right always alike.
_BONE_GROUPS = (
    ("left_hip", "right_hip"),
    ("left_knee", "right_knee"),
    ("left_ankle", "right_ankle"),
    ("spine", "thorax"),
    ("left_shoulder", "right_shoulder"),
    ("left_elbow", "right_elbow"),
    ("left_wrist", "right_wrist"),
    ("nose", "head_top", "left_ear", "right_ear"),
    ("left_toe", "left_heel", "right_toe", "right_heel"),
    ("left_index", "left_pinky", "right_index", "right_pinky"),
)
_GROUP_OF = np.array([next((g for g, names in enumerate(_BONE_GROUPS) if n in names), -1) for n in BODY_27.names])
# How long a neck seems depends on where a detector sees shoulders; a network that trusts it leans people who look down.
_SPREAD = np.array([2.0 if "nose" in names else 1.0 for names in _BONE_GROUPS] + [0.0])


def _below(*names: str) -> list[int]:
    """The joints that hang on those named, without them."""
    found = {BODY_27.index(name) for name in names}
    roots = set(found)
    for _ in BODY_27.names:
        found |= {j for j, parent in enumerate(BODY_27.parents) if parent in found}
    return sorted(found - roots)


UPPER = sorted([BODY_27.index("spine"), *_below("spine")])


@dataclass(frozen=True)
class Turn:
    """What turns about a joint: `moved` joints, `spread` of the angle about each axis, radians."""

    joint: int
    moved: list[int]
    spread: float


@dataclass(frozen=True)
class Hinge:
    """A knee or elbow between two bones; `moved` hang on it, `spread` of the change of its angle, radians."""

    start: int
    joint: int
    end: int
    moved: list[int]
    spread: float


def _turns() -> list[Turn]:
    at = BODY_27.index
    turns = [Turn(at("pelvis"), UPPER, 0.15), Turn(at("thorax"), sorted([at("nose"), *_below("nose")]), 0.3)]
    for side in ("left", "right"):
        turns += [
            Turn(at(f"{side}_{joint}"), _below(f"{side}_{joint}"), spread)
            for joint, spread in (("shoulder", 0.3), ("hip", 0.15), ("wrist", 0.25), ("ankle", 0.15))
        ]
    return turns


def _hinges() -> list[Hinge]:
    at = BODY_27.index
    return [
        Hinge(at(f"{side}_{a}"), at(f"{side}_{b}"), at(f"{side}_{c}"), _below(f"{side}_{b}"), spread)
        for side in ("left", "right")
        for a, b, c, spread in (("shoulder", "elbow", "wrist", 0.3), ("hip", "knee", "ankle", 0.15))
    ]


TURNS, HINGES = _turns(), _hinges()
BEND_LIMITS = (0.03, 2.5)  # radians between the bones' directions; 0 is straight
STRAIGHT = 0.25  # sine of the bend below which a hinge has no sure axis and is bent less


def mixed(joints: FloatArray, others: FloatArray) -> FloatArray:
    """(B, F, 27, 3) the legs of `joints` under the upper bodies of `others`, turned to face the same way."""
    lead = _heading(joints) - _heading(others)  # (B, F)
    lead = np.median(np.unwrap(lead, axis=1), 1)  # one turn a window: the upper body keeps its own swing
    c, s, zero, one = np.cos(lead), np.sin(lead), np.zeros_like(lead), np.ones_like(lead)
    turn = np.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).reshape(-1, 1, 3, 3)
    out = joints.copy()
    upper = (others[:, :, UPPER] - others[:, :, :1]) @ np.swapaxes(turn, -1, -2)
    out[:, :, UPPER] = joints[:, :, :1] + upper
    return out


def turned(joints: FloatArray, rng: np.random.Generator, strength: float = 1.0) -> FloatArray:
    """(B, F, 27, 3) with every joint turned a little, and hinges bent more or less within what bodies can do."""
    B, F = joints.shape[:2]
    out = joints.copy()
    for hinge in HINGES:
        _bend(out, hinge, strength * hinge.spread * _wave(rng, B, F, 1)[..., 0])
    for turn in TURNS:
        matrix = _rotation(strength * turn.spread * _wave(rng, B, F, 3))
        pivot = out[:, :, turn.joint, None]
        out[:, :, turn.moved] = pivot + (out[:, :, turn.moved] - pivot) @ np.swapaxes(matrix, -1, -2)
    return out.astype(np.float32)


def resized(joints: FloatArray, rng: np.random.Generator, sigma: float) -> FloatArray:
    """(B, F, 27, 3) the same motion of other bodies: bones keep their directions, their lengths are scaled by group."""
    scale = np.exp(sigma * _SPREAD * rng.normal(0, 1, (len(joints), len(_BONE_GROUPS) + 1)))
    factor = scale[:, _GROUP_OF][:, None, :, None].astype(np.float32)
    out = joints.copy()
    for j, parent in enumerate(BODY_27.parents):
        if parent >= 0:
            out[:, :, j] = out[:, :, parent] + (joints[:, :, j] - joints[:, :, parent]) * factor[:, :, j]
    return out


def _bend(joints: FloatArray, hinge: Hinge, change: FloatArray) -> None:
    """Bend a hinge further by `change` (B, F) radians, in place; its plane stays."""
    first = joints[:, :, hinge.joint] - joints[:, :, hinge.start]
    second = joints[:, :, hinge.end] - joints[:, :, hinge.joint]
    normal = np.cross(first, second)
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    sine = np.linalg.norm(normal, axis=-1) / np.maximum(lengths, 1e-9)
    bend = np.arctan2(sine, (first * second).sum(-1) / np.maximum(lengths, 1e-9))
    low, high = np.minimum(bend, BEND_LIMITS[0]), np.maximum(bend, BEND_LIMITS[1])
    change = np.clip(bend + change * np.minimum(sine / STRAIGHT, 1), low, high) - bend
    change = np.where(sine > 1e-3, change, 0)
    axis = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    matrix = _rotation(axis * change[..., None])
    pivot = joints[:, :, hinge.joint, None]
    joints[:, :, hinge.moved] = pivot + (joints[:, :, hinge.moved] - pivot) @ np.swapaxes(matrix, -1, -2)


def _heading(joints: FloatArray) -> FloatArray:
    """(B, F) direction of the hips' axis about Z."""
    across = joints[:, :, BODY_27.index("left_hip")] - joints[:, :, BODY_27.index("right_hip")]
    return np.arctan2(across[..., 1], across[..., 0])


def _wave(rng: np.random.Generator, B: int, F: int, channels: int) -> FloatArray:
    """(B, F, channels) of unit variance over windows: a constant, and less than one period of a sine."""
    steady, swing = rng.normal(0, 0.8, (B, 1, channels)), rng.normal(0, 0.85, (B, 1, channels))
    periods, phase = rng.uniform(0, 0.8, (B, 1, channels)), rng.uniform(0, 2 * np.pi, (B, 1, channels))
    return steady + swing * np.sin(2 * np.pi * periods * np.linspace(0, 1, F)[:, None] + phase)


def _rotation(vector: FloatArray) -> FloatArray:
    """(..., 3, 3) rotations by axis times angle (..., 3), radians (Rodrigues)."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vector / np.maximum(angle[..., 0], 1e-9), -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * (skew @ skew)
