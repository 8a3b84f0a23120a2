"""How a window of motion capture becomes what the network would see of it through a camera and a detector.

Everything random is drawn from one generator, so a seed gives the same batches. Camera axes: x right, y down,
z forward. Noise is in units of the person's size in the picture, because detectors err in proportion to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import BODY_27
from ..keypoints import DERIVED, derive
from ..rays import BODY_SIZE, body_size, to_network
from .data import MocapSet
from .widen import mixed, turned

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
_HIDDEN_TOGETHER = (
    ("knee", "ankle", "toe", "heel"),
    ("ankle", "toe", "heel"),
    ("elbow", "wrist", "index", "pinky"),
    ("wrist", "index", "pinky"),
    ("ear",),
)
_LIMBS = tuple(
    [BODY_27.index(f"{side}_{part}") for part in parts] for side in ("left", "right") for parts in _HIDDEN_TOGETHER
)
_LEGS = [BODY_27.index(f"{s}_{p}") for s in ("left", "right") for p in ("knee", "ankle", "toe", "heel")]
_SEEN = np.array([n not in DERIVED for n in BODY_27.names])
_MIRROR = np.array(BODY_27.mirror)


@dataclass(frozen=True)
class Augment:
    """How strongly a window is varied. The defaults train; `CLEAN` and `NOISY` are for validation."""

    bone_sigma: float = 0.08  # log-normal spread of bone lengths
    speed: tuple[float, float] = (0.6, 1.8)
    mirror: float = 0.5
    mix: float = 0.25  # share of windows with another's upper body
    widen: float = 0.6  # share of windows whose joints are turned
    widen_strength: tuple[float, float] = (0.3, 1.3)
    hfov_deg: tuple[float, float] = (30.0, 90.0)
    focal_sigma: float = 0.12  # the field of view is a guess in use: log-normal error of the assumed focal length
    elevation_deg: tuple[float, float] = (-15.0, 45.0)
    roll_sigma_deg: float = 6.0
    tilted: float = 0.1  # share of cameras held askew
    tilted_deg: float = 30.0
    offset_sigma: float = 0.018  # landmarks are not joint centres: constant per clip, metres
    jitter: tuple[float, float] = (0.003, 0.015)  # of the person's size, correlated in time
    white: tuple[float, float] = (0.001, 0.005)
    burst: float = 0.14  # probability that a limb is hidden for a while
    missing: float = 0.25  # of the hidden: nothing reported at all
    half_body: float = 0.06  # legs out of the picture for the whole window


_PLAIN = Augment(
    bone_sigma=0, speed=(1, 1), mirror=0, mix=0, widen=0, hfov_deg=(40, 70), focal_sigma=0, elevation_deg=(-10, 30),
    roll_sigma_deg=0, tilted=0, offset_sigma=0, jitter=(0, 0), white=(0, 0), burst=0, missing=0, half_body=0,
)  # fmt: skip
CLEAN = _PLAIN
NOISY = replace(
    _PLAIN, roll_sigma_deg=2, offset_sigma=0.012, jitter=(0.012, 0.012), white=(0.002, 0.002), burst=0.06, missing=0.25
)


@dataclass(frozen=True)
class Batch:
    """network_input (B, F, 27, 3) and the joints to find (B, F, 27, 3): root-relative, of BODY_SIZE, metres,
    in the axes of the virtual camera."""

    network_input: npt.NDArray[np.float32]
    target: npt.NDArray[np.float32]


def make_batch(mocap: MocapSet, rng: np.random.Generator, size: int, frames: int, stride: float, a: Augment) -> Batch:
    """`size` windows of `frames` frames, `stride` source frames apart, from clips chosen by their length."""
    joints = _windows(mocap, rng, size, frames, stride, a)
    if a.mix:
        pick = rng.uniform(0, 1, size) < a.mix
        joints[pick] = mixed(joints[pick], _windows(mocap, rng, size, frames, stride, a)[pick])
    if a.widen:
        pick = rng.uniform(0, 1, size) < a.widen
        joints[pick] = turned(joints[pick], rng, rng.uniform(*a.widen_strength))
    joints = _bodies(joints, rng, a)
    joints *= (BODY_SIZE / np.median(body_size(joints), -1))[:, None, None, None]
    return through_camera(joints, rng, a)


def through_camera(joints: FloatArray, rng: np.random.Generator, a: Augment) -> Batch:
    """Random cameras and a simulated detector on (B, F, 27, 3) joints, Z up, metres."""
    in_cam, assumed_focal = _cameras(joints, rng, a)
    rays, confidence = _detector(in_cam, rng, a)
    rays = rays * assumed_focal[:, None, None, None]
    points = derive(np.concatenate([rays, confidence[..., None]], -1).astype(np.float32))
    network_input, turned_from_cam = to_network(points[..., :2], points[..., 2])
    relative = in_cam - in_cam[:, :, :1]
    target = relative @ np.swapaxes(turned_from_cam, -1, -2)
    return Batch(network_input, target.astype(np.float32))


def _windows(
    mocap: MocapSet, rng: np.random.Generator, size: int, frames: int, stride: float, a: Augment
) -> FloatArray:
    """(B, F, 27, 3) windows, time stretched by a random speed, mirrored half of the time, turned about Z."""
    clips = rng.choice(len(mocap.start), size, p=mocap.length / mocap.length.sum())
    length = mocap.length[clips] - 1.001
    step = np.minimum(
        stride * np.exp(rng.uniform(np.log(a.speed[0]), np.log(a.speed[1]), size)), length / max(frames - 1, 1)
    )
    first = rng.uniform(0, 1, size) * (length - step * (frames - 1))
    at = mocap.start[clips][:, None] + first[:, None] + step[:, None] * np.arange(frames)
    row = at.astype(np.int64)
    part = (at - row).astype(np.float32)[..., None, None]
    joints = mocap.joints[row] * (1 - part) + mocap.joints[row + 1] * part
    flip = rng.uniform(0, 1, size) < a.mirror
    joints[flip] = joints[flip][:, :, _MIRROR] * np.array([-1, 1, 1], np.float32)
    return joints @ _turn(2, rng.uniform(0, 2 * np.pi, size))[:, None].astype(np.float32)


def _bodies(joints: FloatArray, rng: np.random.Generator, a: Augment) -> FloatArray:
    """The same motion on another body: bone directions kept, lengths scaled per group."""
    if a.bone_sigma == 0:
        return joints
    scale = np.exp(rng.normal(0, a.bone_sigma, (len(joints), len(_BONE_GROUPS) + 1)))
    scale[:, -1] = 1
    factor = scale[:, _GROUP_OF][:, None, :, None].astype(np.float32)
    out = joints.copy()
    for j, parent in enumerate(BODY_27.parents):
        if parent >= 0:
            out[:, :, j] = out[:, :, parent] + (joints[:, :, j] - joints[:, :, parent]) * factor[:, :, j]
    return out


def _cameras(joints: FloatArray, rng: np.random.Generator, a: Augment) -> tuple[FloatArray, FloatArray]:
    """Joints in camera axes (B, F, 27, 3), and the focal length assumed over the true one (B,)."""
    B = len(joints)
    hfov = np.radians(rng.uniform(*a.hfov_deg, B))
    fill = rng.uniform(0.25, 0.95, B)  # height of the person over the width of the picture's field
    distance = np.clip(1.7 / (2 * fill * np.tan(hfov / 2) * 0.6), 1.8, 12)
    elevation = np.radians(rng.uniform(*a.elevation_deg, B))
    roll = np.radians(rng.normal(0, a.roll_sigma_deg, B))
    if a.tilted:
        askew = np.radians(rng.uniform(-a.tilted_deg, a.tilted_deg, B))
        roll = np.where(rng.uniform(0, 1, B) < a.tilted, askew, roll)
    aside = rng.uniform(-0.4, 0.4, B) * hfov  # the person need not stand in the middle
    middle = joints[:, :, 0].mean(1, keepdims=True)[:, :, None]  # (B, 1, 1, 3)

    rows = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # level camera looking along +Y
    pitch_down = _turn(0, elevation)  # the scene tips towards a camera that looks down on it
    cam_from_world = _turn(2, roll) @ _turn(1, aside) @ pitch_down @ rows
    # The camera is aimed at the person before `aside` pans away, so the offset is along the panned axis.
    aimed = (joints - middle) @ np.swapaxes(pitch_down @ rows, -1, -2)[:, None]
    aimed[..., 2] += np.maximum(distance[:, None], 0.6 - aimed[..., 2].min((1, 2))[:, None])[..., None]
    in_cam = aimed @ np.swapaxes(cam_from_world @ np.swapaxes(pitch_down @ rows, -1, -2), -1, -2)[:, None]
    return in_cam, np.exp(rng.normal(0, a.focal_sigma, B))


def _detector(in_cam: FloatArray, rng: np.random.Generator, a: Augment) -> tuple[FloatArray, FloatArray]:
    """Rays (B, F, 27, 2), NaN where unseen, and confidence (B, F, 27) of a simulated detector."""
    B, F, J, _ = in_cam.shape
    shifted = in_cam + rng.normal(0, 1, (B, 1, J, 3)) * a.offset_sigma
    rays = shifted[..., :2] / np.maximum(shifted[..., 2:], 0.3)
    size = 1.7 / in_cam[:, :, 0, 2].clip(0.5).mean(1)  # height of the person on the plane z = 1
    unit = size[:, None, None, None]

    confidence = 1 - np.abs(rng.normal(0, 0.06, (B, 1, J))) - np.abs(rng.normal(0, 0.03, (B, F, J)))
    hidden = np.zeros((B, F, J), bool)
    gone = np.zeros((B, F, J), bool)
    frame = np.arange(F)
    for limb in _LIMBS:
        start, stop = np.sort(rng.uniform(-0.3 * F, 1.3 * F, (2, B)), 0)
        during = (frame >= start[:, None]) & (frame < stop[:, None]) & (rng.uniform(0, 1, (B, 1)) < a.burst)
        lost = during & (rng.uniform(0, 1, (B, 1)) < a.missing)
        for j in limb:
            hidden[:, :, j] |= during
            gone[:, :, j] |= lost
    out_of_picture = rng.uniform(0, 1, B) < a.half_body
    gone |= out_of_picture[:, None, None] & np.isin(np.arange(J), _LEGS)

    level = rng.uniform(0.05, 0.6, (B, 1, J))
    confidence = np.where(hidden, level, confidence).clip(0.02, 1)
    strength = rng.uniform(*a.jitter, (B, 1, J, 1)) * np.where(hidden, 4.5, 1)[..., None]
    error = _correlated(rng, B, F, J) * strength + rng.normal(0, 1, (B, F, J, 2)) * rng.uniform(*a.white, (B, 1, 1, 1))
    rays = rays + error * unit
    confidence[gone | ~_SEEN] = 0
    rays = np.where(confidence[..., None] > 0, rays, np.nan)
    return rays, confidence


def _correlated(rng: np.random.Generator, B: int, F: int, J: int) -> FloatArray:
    """(B, F, J, 2) noise of unit variance whose neighbours in time are alike (first-order, memory of some frames)."""
    keep = rng.uniform(0.6, 0.95, (B, 1, 1))
    noise = rng.normal(0, 1, (F, B, J, 2))
    for f in range(1, F):
        noise[f] = keep * noise[f - 1] + np.sqrt(1 - keep**2) * noise[f]
    return noise.transpose(1, 0, 2, 3)


def _turn(axis: int, angle: FloatArray) -> FloatArray:
    """(B, 3, 3) rotations about x, y or z (0, 1, 2) by `angle` (B,) radians, right-handed."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    R = np.zeros((len(angle), 3, 3))
    R[:, axis, axis] = 1
    R[:, i, i], R[:, j, j], R[:, i, j], R[:, j, i] = c, c, -s, s
    return R
