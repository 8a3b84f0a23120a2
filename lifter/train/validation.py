"""Whole clips as one still camera and a plain detector with known noise would see them: what networks are judged on.

It stands alone on purpose: training may change what it draws, and figures from here stay comparable. A clip has the same
camera whatever the noise and the bones. World: metres, Z up; camera axes: x right, y down, z forward. J = 27.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import BODY_27
from ..keypoints import DERIVED, derive
from ..rays import STATURE_OF_SIZE, body_size
from .data import FPS, MocapSet

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

WIDTH, HEIGHT = 1280, 720
HFOV_DEG = 40.0, 70.0
FILL = 0.4, 0.95  # of the picture, by all places where the person is in the clip
ELEVATION_DEG = -10.0, 30.0
ROLL_SIGMA_DEG = 2.0
NEAREST_M = 0.6  # of any joint to the camera

BURST_S = 0.3, 1.5
MEMORY_S = 0.13, 1.3  # in which the correlation of the jitter falls to 1/e; one for a clip
GUESSED = 0.05, 0.6  # confidence of hidden points that are reported
VARIED = 0.12  # bone lengths, more or less

_BONES = (  # that vary together: joints whose bone comes from the parent
    "hip", "knee", "ankle", "spine thorax", "shoulder", "elbow", "wrist", "nose head_top ear", "toe heel", "index pinky",
)  # fmt: skip
_LIMBS = (("knee", "ankle", "toe", "heel"), ("elbow", "wrist", "index", "pinky"), ("ear",))
_SEEN = np.array([name not in DERIVED for name in BODY_27.names])


@dataclass(frozen=True)
class Noise:
    """Of the detector. Lengths are standard deviations of x and of y, shares of the stature as it appears."""

    jitter: float = 0.012  # of each point, correlated in time
    white: float = 0.0
    offset_m: float = 0.0  # landmarks are not joint centres: constant in a clip, along each axis
    hidden: float = 0.06  # share of (limb, frame) in bursts of occlusion
    hidden_jitter: float = 4.5  # times the jitter there
    missing: float = 0.25  # of the bursts: nothing reported


CLEAN = Noise(jitter=0, hidden=0)
NOISY = Noise()
SETS = {  # the noise, and how much bone lengths vary
    "clean": (CLEAN, 0.0),
    "noisy": (NOISY, 0.0),
    "clean, bones varied": (CLEAN, VARIED),
    "noisy, bones varied": (NOISY, VARIED),
}


@dataclass(frozen=True)
class View:
    """A clip as the network meets it, and the truth. body_px (F, 27, 3): x, y in pixels, confidence, NaN and 0 where
    unseen; times (F,) seconds; intrinsics (3, 3) pixels; joints_cam (F, 27, 3) metres; world_from_cam (4, 4), Z up, the
    floor at z = 0."""

    body_px: npt.NDArray[np.float32]
    times: npt.NDArray[np.float64]
    intrinsics: Floats
    joints_cam: Floats
    world_from_cam: Floats


def views(mocap: MocapSet, noise: Noise, varied: float, seed: int = 0) -> Iterator[View]:
    """Every clip of the set, whole; the same each time."""
    for i, (start, length) in enumerate(zip(mocap.start, mocap.length, strict=True)):
        yield view(mocap.joints[start : start + length], FPS, np.random.default_rng((seed, i)), noise, varied)


def view(joints: Floats, fps: float, rng: np.random.Generator, noise: Noise, varied: float = 0.0) -> View:
    """One clip of (F, 27, 3) joints."""
    for_bones, for_camera, for_detector = rng.spawn(3)
    in_cam, intrinsics, world_from_cam = _through_camera(other_bones(joints, for_bones, varied), for_camera)
    times = np.arange(len(joints)) / fps
    return View(_detect(in_cam, times, intrinsics, for_detector, noise), times, intrinsics, in_cam, world_from_cam)


def other_bones(joints: Floats, rng: np.random.Generator, varied: float) -> Floats:
    """The same motion on another body: directions kept, each group of bones longer or shorter by up to `varied`."""
    factor = np.ones(len(BODY_27))
    for group, scale in zip(_BONES, rng.uniform(1 - varied, 1 + varied, len(_BONES)), strict=True):
        factor[_both_sides(*group.split())] = scale
    out = joints.astype(np.float64)
    for j, parent in enumerate(BODY_27.parents):
        if parent >= 0:
            out[:, j] = out[:, parent] + (joints[:, j] - joints[:, parent]) * factor[j]
    return out


def _both_sides(*parts: str) -> list[int]:
    """The joints of these names, and of these names after left_ and right_."""
    return [j for j, name in enumerate(BODY_27.names) if name.split("_", 1)[-1] in parts or name in parts]


def _through_camera(joints: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Joints in camera axes, the intrinsics and world_from_cam of a camera that has the person in every picture."""
    half_angle = np.radians(rng.uniform(*HFOV_DEG)) / 2
    fill, aside = rng.uniform(*FILL), rng.uniform(-1, 1)
    bearing, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(*ELEVATION_DEG))
    roll = np.radians(rng.normal(0, ROLL_SIGMA_DEG))
    level = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # looks along +Y
    aimed_from_world = _turn(2, roll) @ _turn(0, elevation) @ level @ _turn(2, bearing)
    middle = (joints.min((0, 1)) + joints.max((0, 1))) / 2
    aimed = (joints - middle) @ aimed_from_world.T
    edge = fill * np.tan(half_angle) * np.array([1, HEIGHT / WIDTH])
    fits = (np.abs(aimed[..., :2]) / edge).max(-1)
    back = (np.maximum(fits, NEAREST_M) - aimed[..., 2]).max()
    aimed[..., 2] += back
    pan = aside * (half_angle - np.arctan(edge[0]))  # as far as the picture has room for
    focal = WIDTH / 2 / np.tan(half_angle)
    cam_from_aimed = _turn(1, pan)
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = (cam_from_aimed @ aimed_from_world).T
    world_from_cam[:3, 3] = middle - back * aimed_from_world[2]
    intrinsics = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    return aimed @ cam_from_aimed.T, intrinsics, world_from_cam


def _detect(
    in_cam: Floats, times: npt.NDArray[np.float64], intrinsics: Floats, rng: np.random.Generator, noise: Noise
) -> npt.NDArray[np.float32]:
    F, J, _ = in_cam.shape
    projected = (in_cam + rng.normal(0, noise.offset_m, (J, 3))) @ intrinsics.T
    stature = STATURE_OF_SIZE * float(np.median(body_size(in_cam)))
    stature_px = (intrinsics[0, 0] * stature / in_cam[:, 0, 2])[:, None, None]
    hidden, missing = _bursts(times, rng, noise)
    jitter = _correlated(times, rng, (J, 2)) * noise.jitter * np.where(hidden, noise.hidden_jitter, 1)[..., None]
    error = stature_px * (jitter + rng.normal(0, noise.white, (F, J, 2)))
    sure = 1 - np.abs(rng.normal(0, 0.06, J)) - np.abs(rng.normal(0, 0.03, (F, J)))
    confidence = np.where(hidden, rng.uniform(*GUESSED, J), sure.clip(0.02))
    confidence = np.where(missing | ~_SEEN, 0, confidence)
    px = np.where(confidence[..., None] > 0, projected[..., :2] / projected[..., 2:] + error, np.nan)
    return derive(np.concatenate([px, confidence[..., None]], -1).astype(np.float32))


def _bursts(times: npt.NDArray[np.float64], rng: np.random.Generator, noise: Noise) -> tuple[Mask, Mask]:
    """(F, 27) hidden, and of these not even guessed. A burst hides a limb from its second joint on, or from its third."""
    hidden, missing = (np.zeros((len(times), len(BODY_27)), bool) for _ in range(2))
    rate = -np.log(1 - noise.hidden) / np.mean(BURST_S)  # a second; bursts that start at random then cover the share
    first, span = times[0] - BURST_S[1], times[-1] - times[0] + BURST_S[1]
    for side in ("left", "right"):
        for limb in _LIMBS:
            for _ in range(rng.poisson(rate * span)):
                begin = first + rng.uniform(0, span)
                during = (times >= begin) & (times < begin + rng.uniform(*BURST_S))
                parts = limb[int(rng.integers(0, 2)) :] if len(limb) > 1 else limb
                at = np.ix_(during, [BODY_27.index(f"{side}_{part}") for part in parts])
                hidden[at] = True
                missing[at] |= rng.uniform() < noise.missing
    return hidden, missing


def _correlated(times: npt.NDArray[np.float64], rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """(F, *shape) noise of unit variance, first order in time: its memory is in seconds, whatever the frame rate."""
    memory = np.exp(rng.uniform(*np.log(MEMORY_S)))
    out = rng.normal(0, 1, (len(times), *shape))
    for f, keep in enumerate(np.exp(-np.diff(times) / memory), 1):
        out[f] = keep * out[f - 1] + np.sqrt(1 - keep**2) * out[f]
    return out


def _turn(axis: int, angle: float) -> Floats:
    """(3, 3) right-handed rotation about x, y or z (0, 1, 2) by radians."""
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix
