"""Rendered people and what the real detector saw of them, as windows to train on (synthetic/README.md makes them)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..contract.motion import CONTACT_NAMES
from ..contract.protocol import InputError
from ..contract.skeleton import BODY_27
from ..keypoints import Keypoints, to_body_27
from ..rays import BODY_SIZE, body_size
from .straighten import straightened, too_bent
from .variation import Variation
from .views import Batch, batch_of, told_up, turn
from .widen import resized, turned

FloatArray = npt.NDArray[np.floating]
_MIRROR = list(BODY_27.mirror)
RENDERED = "daz"  # the skeleton whose motions the rendered people have, most of them
MOST_TURNED = 1.0  # times `widen.TURNS`: the errors belong to about that pose
NEAREST_M = 0.3


@dataclass(frozen=True)
class Take:
    """One clip of a still camera. joints_cam (F, 27, 3) metres, of BODY_SIZE; rays (F, 27, 2), NaN where unseen, and
    confidence (F, 27) by the detector; up (3,) the world's, in camera axes; fps."""

    joints_cam: FloatArray
    rays: FloatArray
    confidence: FloatArray
    up: FloatArray
    fps: float


def load(folder: Path) -> list[Take]:
    """The clips in a folder that have been detected. Raises InputError for none, and for one whose frames do not match."""
    takes = [_take(path.parent) for path in sorted(folder.glob("*/keypoints.npz"))]
    if not takes:
        raise InputError(
            f"{folder}: holds no detected clip (*/keypoints.npz). synthetic/README.md says how to make them."
        )
    return takes


def windows(takes: list[Take], rng: np.random.Generator, size: int, frames: int, fps: float, a: Variation) -> Batch:
    """`size` windows of `frames` frames at `fps`; a short clip's end is held.

    What the detector got wrong stays as it was, while body, pose, roll and speed vary: few clips would be learnt by heart.
    """
    chosen = [takes[i] for i in rng.integers(0, len(takes), size)]
    rows = [_rows(take, rng, frames, fps / rng.uniform(*a.speed)) for take in chosen]
    joints = np.stack([take.joints_cam[row] for take, row in zip(chosen, rows, strict=True)])
    rays: FloatArray = np.stack([take.rays[row] for take, row in zip(chosen, rows, strict=True)])
    confidence: FloatArray = np.stack([take.confidence[row] for take, row in zip(chosen, rows, strict=True)])
    up = np.stack([take.up for take in chosen])
    flip = rng.uniform(0, 1, size) < a.mirror
    for array in (joints, rays, confidence):
        array[flip] = array[flip][:, :, _MIRROR]
    for array in (joints, rays, up):
        array[flip, ..., 0] *= -1
    joints, rays, up = varied(joints, rays, up, rng, a)
    focal = np.exp(rng.normal(0, a.focal_sigma, size))
    unknown = np.full((size, frames, len(CONTACT_NAMES)), np.nan)
    told = told_up(up, focal, rng, a)
    return batch_of(joints, up, rays * focal[:, None, None, None], confidence, unknown, focal, told, by_heart=True)


def varied(
    joints: FloatArray, rays: FloatArray, up: FloatArray, rng: np.random.Generator, a: Variation
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Other bodies in other poses, seen with the same errors by cameras rolled otherwise: joints (B, F, 27, 3) of
    BODY_SIZE, rays (B, F, 27, 2), up (B, 3)."""
    B = len(joints)
    less = too_bent([RENDERED] * B, rng.uniform(*a.straighter_seen, B))
    other = resized(straightened(joints, less), rng, a.bone_sigma)
    pick = rng.uniform(0, 1, B) < a.widen
    other[pick] = turned(other[pick], rng, MOST_TURNED * rng.uniform())
    rays = rays + _seen(other) - _seen(joints)
    other *= (BODY_SIZE / np.median(body_size(other), -1))[:, None, None, None]
    rolled = turn(2, np.radians(rng.normal(0, a.roll_sigma_deg, B)))
    back = np.swapaxes(rolled, -1, -2)[:, None]
    return other @ back, rays @ back[..., :2, :2], (rolled @ up[..., None])[..., 0]


def _seen(joints_cam: FloatArray) -> FloatArray:
    """(..., 2) rays of joints (..., 3)."""
    return joints_cam[..., :2] / np.maximum(joints_cam[..., 2:], NEAREST_M)


def _rows(take: Take, rng: np.random.Generator, frames: int, fps: float) -> npt.NDArray[np.int64]:
    step = take.fps / fps
    last = len(take.joints_cam) - 1
    first = rng.uniform(0, max(last - step * (frames - 1), 0))
    return np.minimum(np.round(first + step * np.arange(frames)), last).astype(np.int64)


def _take(folder: Path) -> Take:
    with np.load(folder / "truth.npz", allow_pickle=False) as truth:
        joints, intrinsics = truth["joints_cam"].astype(np.float64), truth["intrinsics"]
        up, fps = truth["world_from_cam"][2, :3], float(truth["fps"])
    body = to_body_27(Keypoints.load(folder / "keypoints.npz"))
    if len(body) != len(joints):
        raise InputError(f"{folder}: {len(body)} frames were detected of {len(joints)} drawn. Render it again.")
    rays = (body[..., :2] - intrinsics[:2, 2]) / np.diag(intrinsics)[:2]
    return Take(joints * (BODY_SIZE / np.median(body_size(joints))), rays, body[..., 2], up, fps)
