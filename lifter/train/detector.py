"""A simulated detector: how far its landmarks lie from the joints' centres, and draws of them. numpy only.

The figures in detector_errors.npz come from rendered people and the real detector (synthetic/README.md says how, and what
each means). Errors are 2D, along the camera's x and y, in shares of the person's stature at the joint's own depth: an
error e moves a joint at depth z by e · stature · focal / z pixels. L landmarks: the 23 of BODY_27 that a detector sees.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import BODY_27, mirror_order
from ..keypoints import DERIVED
from ..rays import STATURE_OF_SIZE, body_size

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DETECTOR_ERRORS = Path(__file__).with_name("detector_errors.npz")

LANDMARKS = tuple(name for name in BODY_27.names if name not in DERIVED)  # (L,)
ROWS = [BODY_27.index(name) for name in LANDMARKS]
_MIRROR = list(mirror_order(LANDMARKS))
_MIRROR_JOINTS = list(BODY_27.mirror)
_FLIP = np.array([-1.0, 1.0, 1.0])
# Landmark: the part in whose axes its bias is seen from all sides, and the next part, whose turn shifts it too.
PARTS = {
    "nose": ("head", "torso"), "ear": ("head", "torso"),
    "shoulder": ("torso", "upper_arm"), "elbow": ("upper_arm", "forearm"), "wrist": ("forearm", "hand"),
    "index": ("hand", "forearm"), "pinky": ("hand", "forearm"),
    "hip": ("torso", "thigh"), "knee": ("thigh", "shin"), "ankle": ("shin", "foot"),
    "heel": ("foot", "shin"), "toe": ("foot", "shin"),
}  # fmt: skip
SCORES = np.arange(-2.5, 2.51, 0.5)  # (S,)
HARMONICS = 9  # of the view's direction, to the second order
TERMS = 3 * HARMONICS + 3
LIMBS = {  # part: from, to, the part before it, its direction there at rest (left, up, forward)
    "upper_arm": ("left_shoulder", "left_elbow", "torso", (1, 0, 0)),
    "forearm": ("left_elbow", "left_wrist", "upper_arm", (1, 0, 0)),
    "hand": ("left_wrist", "left_index", "forearm", (1, 0, 0)),
    "thigh": ("left_hip", "left_knee", "torso", (0, -1, 0)),
    "shin": ("left_knee", "left_ankle", "thigh", (0, -1, 0)),
    "foot": ("left_heel", "left_toe", "shin", (0, 0, 1)),
}


SWAPPED = (("shoulder", "elbow", "wrist", "index", "pinky"), ("hip", "knee", "ankle", "heel", "toe"))


@dataclass(frozen=True)
class ErrorModel:
    """All arrays are float32 in the file; `fps` is the rate that the correlations in time refer to."""

    fps: float
    bias: Floats  # (L, TERMS); only left and middle ones count, the right are their mirror images
    visibility: Floats  # (L, HARMONICS) logit of the visibility by the torso's view
    visibility_about: Floats  # (L, S) how far the logit lies from it at the normal scores SCORES
    visibility_memory: Floats  # (L,) correlation of that from a frame to the next
    logits: Floats  # (V,) knots of the next table
    noise: Floats  # (L, V) standard deviation of x and of y at a visibility, without the bias
    shares: Floats  # (L, 3) of the variance: constant in a clip, slow, white
    memory: Floats  # (L,) of the slow part, from a frame to the next
    correlation: Floats  # (L, L) between landmarks, of the noise over its deviation
    bursts: Floats  # (L,) spread of the logarithm of a slow factor on the noise
    bursts_memory: float
    bursts_common: float  # share of that factor's variance that all landmarks have in common
    swaps: Floats  # (2,) rate of left and right changed over, arms and legs: share of frames
    swap_frames: float  # how long one lasts
    missed: float  # share of frames in which nobody is found
    missed_frames: float

    def save(self, path: Path) -> None:
        arrays = {field.name: np.asarray(getattr(self, field.name), np.float32) for field in fields(self)}
        np.savez_compressed(path, allow_pickle=False, landmarks=np.array(LANDMARKS), **arrays)

    @classmethod
    def load(cls, path: Path) -> ErrorModel:
        with np.load(path, allow_pickle=False) as archive:
            values: dict[str, Any] = {field.name: archive[field.name].astype(np.float64) for field in fields(cls)}
        values.update({name: float(value) for name, value in values.items() if value.ndim == 0})
        return cls(**values)


@cache
def measured() -> ErrorModel:
    """The one that is kept here: mediapipe's."""
    return ErrorModel.load(DETECTOR_ERRORS)


def stature(joints_cam: Floats) -> Floats:
    """(...) metres, from the bone lengths of clips (..., F, 27, 3)."""
    return np.median(body_size(joints_cam), -1) * STATURE_OF_SIZE


def errors(points_px: Floats, joints_cam: Floats, intrinsics: Floats) -> Floats:
    """(F, L, 2) of detected points (F, 27, 2+) pixels of one clip; NaN where unseen."""
    joints = joints_cam[:, ROWS]
    exact = joints @ intrinsics.T
    exact = exact[..., :2] / exact[..., 2:]
    per_px = joints[..., 2:] / np.diag(intrinsics)[:2] / stature(joints_cam)
    return (points_px[:, ROWS, :2] - exact) * per_px


def bias(model: ErrorModel, joints_cam: Floats) -> Floats:
    """(..., L, 2) where the detector sees the landmarks of (..., 27, 3) on average."""
    out = np.empty((*joints_cam.shape[:-2], len(LANDMARKS), 2))
    for mirrored in (False, True):
        seen = mirror(joints_cam) if mirrored else joints_cam
        axes = part_axes(seen)
        for at, near, beyond in _parts():
            if mirrored and _MIRROR[at] == at:
                continue
            around = harmonics(axes[near], seen[..., ROWS[at], :])
            offset = around @ model.bias[at, : 3 * HARMONICS].reshape(3, HARMONICS).T  # (..., 3)
            value = (axes[near][..., :2, :] @ offset[..., None])[..., 0]
            value = value + axes[beyond][..., :2, :] @ model.bias[at, 3 * HARMONICS :]
            out[..., _MIRROR[at] if mirrored else at, :] = value * _FLIP[:2] if mirrored else value
    return out


def mirror(joints_cam: Floats) -> Floats:
    """The person in the mirror: (..., 27, 3) with x turned round, left and right exchanged."""
    return joints_cam[..., _MIRROR_JOINTS, :] * _FLIP


def mirror_errors(values: Floats) -> Floats:
    """(..., L, 2) of the person in the mirror."""
    return values[..., _MIRROR, :] * _FLIP[:2]


def design(joints_cam: Floats) -> dict[int, Floats]:
    """Landmark -> (..., 2, TERMS) that its bias is a linear form of, for those of the left side and the middle."""
    axes = part_axes(joints_cam)
    out: dict[int, Floats] = {}
    for at, near, beyond in _parts():
        around = harmonics(axes[near], joints_cam[..., ROWS[at], :])
        first = axes[near][..., :2, :, None] * around[..., None, None, :]  # (..., 2, 3, HARMONICS)
        out[at] = np.concatenate([first.reshape(*first.shape[:-2], -1), axes[beyond][..., :2, :]], -1)
    return out


def _parts() -> list[tuple[int, str, str]]:
    """(landmark, part, next part) of the left side and the middle."""
    left = [(at, name.removeprefix("left_")) for at, name in enumerate(LANDMARKS) if not name.startswith("right_")]
    return [(at, *PARTS[name]) for at, name in left]


def harmonics(axes: Floats, place: Floats) -> Floats:
    """(..., HARMONICS): 1, then first and second order of the direction to the camera in a part's axes (..., 3, 3)."""
    towards = -place / np.linalg.norm(place, axis=-1, keepdims=True)
    x, y, z = np.moveaxis((np.swapaxes(axes, -1, -2) @ towards[..., None])[..., 0], -1, 0)
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], -1)


def part_axes(joints_cam: Floats) -> dict[str, Floats]:
    """Part of the left side -> (..., 3, 3), columns left, up, forward of the part as it stands in camera axes.

    Limbs bring the torso's axes along by the shortest turn from their rest direction (a T-pose), joint by joint.
    """

    def at(name: str) -> Floats:
        return joints_cam[..., BODY_27.index(name), :]

    across = at("left_shoulder") - at("right_shoulder") + at("left_hip") - at("right_hip")
    head_up = at("head_top") - (at("left_ear") + at("right_ear")) / 2
    axes = {
        "torso": _upright(at("thorax") - at("pelvis"), across),
        "head": _upright(head_up, at("left_ear") - at("right_ear")),
    }
    for part, (start, end, before, rest) in LIMBS.items():
        along = _unit(at(end) - at(start))
        axes[part] = _swing(axes[before] @ np.array(rest, float), along) @ axes[before]
    return axes


def draw(
    model: ErrorModel, joints_cam: Floats, rng: np.random.Generator, times: Floats, strength: Floats | float = 1.0
) -> tuple[Floats, Floats]:
    """What a detector might make of clips (B, F, 27, 3): errors (B, F, L, 2), NaN where missed, visibilities (B, F, L).

    times (B, F) seconds, evenly spaced or not. strength (B,): of the noise, 1 as measured.
    """
    B, F = joints_cam.shape[:2]
    L = len(LANDMARKS)
    frames = np.diff(times, axis=1, prepend=times[:, :1])[..., None, None] * model.fps  # since the one before
    root = np.linalg.cholesky(model.correlation + 1e-4 * np.eye(L))

    def walk(memory: Floats | float, channels: int, together: bool) -> Floats:
        """(B, F, L, channels) of unit variance"""
        keep = np.broadcast_to(np.asarray(memory), (L,))[:, None] ** frames  # (B, F, L, 1)
        fresh = rng.normal(size=(B, F, L, channels))
        out = root @ fresh if together else fresh
        gain = np.sqrt(1 - keep**2)
        for f in range(1, F):
            out[:, f] = keep[:, f] * out[:, f - 1] + gain[:, f] * out[:, f]
        return out

    view = harmonics(part_axes(joints_cam)["torso"], joints_cam[..., 0, :])
    mood = walk(model.visibility_memory, 1, True)[..., 0]
    logit = view @ model.visibility.T
    logit += np.stack([np.interp(mood[..., j], SCORES, model.visibility_about[j]) for j in range(L)], -1)
    deviation = np.stack([np.exp(np.interp(logit[..., j], model.logits, np.log(model.noise[j]))) for j in range(L)], -1)
    common, own = walk(model.bursts_memory, 1, False)[:, :, :1, 0], walk(model.bursts_memory, 1, False)[..., 0]
    swell = np.sqrt(model.bursts_common) * common + np.sqrt(1 - model.bursts_common) * own
    deviation *= np.exp(model.bursts * np.clip(swell, -2.5, 2.5) - model.bursts**2)  # mean square 1
    deviation *= np.broadcast_to(np.asarray(strength), (B,))[:, None, None]
    constant, slow, white = (np.sqrt(model.shares[:, k])[:, None] for k in range(3))
    noise = constant * (root @ rng.normal(size=(B, 1, L, 2))) + slow * walk(model.memory, 2, True)
    noise = noise + white * rng.normal(size=(B, F, L, 2))
    out = bias(model, joints_cam) + noise * deviation[..., None]
    for limb, rate in zip(SWAPPED, model.swaps, strict=True):
        during = spells(rng, times, float(rate), model.swap_frames / model.fps)
        if during.any():
            out = np.where(during[..., None, None], _swapped(out, joints_cam, limb), out)
    missed = spells(rng, times, model.missed, model.missed_frames / model.fps)
    out[missed] = np.nan
    return out, np.where(missed[..., None], 0, 1 / (1 + np.exp(-logit)))


def spells(rng: np.random.Generator, times: Floats, share: float, length: float) -> Mask:
    """(B, F) true in spells of `length` seconds on average, a `share` of the time; at least a frame each."""
    B, F = times.shape
    during = np.zeros((B, F), bool)
    step = np.diff(times, axis=1)
    ends = np.minimum(step / max(length, 1e-9), 1)
    begins = np.minimum(ends * share / max(1 - share, 1e-6), 1)
    now = rng.random(B) < share
    for f in range(F):
        during[:, f] = now
        if f + 1 < F:
            chance = rng.random(B)
            now = np.where(now, chance >= ends[:, f], chance < begins[:, f])
    return during


def _swapped(values: Floats, joints_cam: Floats, limb: tuple[str, ...]) -> Floats:
    """Errors (B, F, L, 2) with the limb's left and right landmarks in each other's place."""
    out = values.copy()
    size = stature(joints_cam)[:, None, None]
    for name in limb:
        left, right = LANDMARKS.index(f"left_{name}"), LANDMARKS.index(f"right_{name}")
        apart = (joints_cam[..., ROWS[right], :2] - joints_cam[..., ROWS[left], :2]) / size
        out[..., left, :], out[..., right, :] = values[..., right, :] + apart, values[..., left, :] - apart
    return out


def _upright(up: Floats, left: Floats) -> Floats:
    up = _unit(up)
    left = _unit(left - (left * up).sum(-1, keepdims=True) * up)
    return np.stack([left, up, np.cross(left, up)], -1)


def _swing(a: Floats, b: Floats) -> Floats:
    """(..., 3, 3) the shortest turns from unit a to unit b (..., 3); of opposite ones, nearly so."""
    k = np.cross(a, b)
    c = np.maximum((a * b).sum(-1), -0.999)[..., None, None]
    zero = np.zeros(k.shape[:-1])
    rows = [zero, -k[..., 2], k[..., 1], k[..., 2], zero, -k[..., 0], -k[..., 1], k[..., 0], zero]
    K = np.stack(rows, -1).reshape(*k.shape[:-1], 3, 3)
    return np.eye(3) + K + K @ K / (1 + c)


def _unit(v: Floats) -> Floats:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
