"""How moving people would look to the network: through random cameras and a simulated detector.

Everything random is drawn from one generator, so a seed gives the same batches. Camera axes: x right, y down, z forward.
B windows, F frames at the network's rate.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import BODY_27
from ..keypoints import DERIVED, derive
from ..rays import to_network, with_up
from . import detector
from .variation import Variation

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

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
_EXTREMITIES = [BODY_27.index(f"{s}_{p}") for s in ("left", "right") for p in ("toe", "heel", "index", "pinky")]
_SEEN = np.array([n not in DERIVED for n in BODY_27.names])
HIDDEN_ERROR = 4.0  # times the usual, of points that the detector guesses behind others or outside the picture
GUESSED = (0.02, 0.6)  # visibility of those
GONE = 0.4  # of the windows cut by the picture's border: nothing reported beyond it


@dataclass(frozen=True)
class Batch:
    """network_input (B, F, 27, 6): x, y, confidence, and the world's up where it is told; and what is to be found of it.

    target (B, F, 27, 3): joints from the root, of BODY_SIZE, metres, in the axes of the virtual camera. up (B, F, 3):
    the world's up there. log_distance (B, F): of the root's
    metres from the camera over the input's scale. contacts (B, F, 4):
    CONTACT_NAMES touch the ground, NaN where unknown. by_heart (B,): of few clips, which will be known by heart.
    """

    network_input: npt.NDArray[np.float32]
    target: npt.NDArray[np.float32]
    up: npt.NDArray[np.float32]
    log_distance: npt.NDArray[np.float32]
    contacts: npt.NDArray[np.float32]
    by_heart: Mask

    def __len__(self) -> int:
        return len(self.target)


def joined(batches: list[Batch]) -> Batch:
    """All windows in one batch."""
    parts = [[getattr(batch, field.name) for batch in batches] for field in fields(Batch)]
    return Batch(*(np.concatenate(arrays) for arrays in parts))


def through_camera(
    joints: FloatArray,
    contacts: FloatArray,
    rng: np.random.Generator,
    a: Variation,
    fps: float,
    real: Mask | None = None,
) -> Batch:
    """Random cameras and a simulated detector on (B, F, 27, 3) joints, Z up, metres, `fps` frames a second. real (B,): which
    the measured detector sees; None draws them."""
    in_cam, up, assumed_focal = _cameras(joints, rng, a)
    real = rng.uniform(0, 1, len(joints)) < a.real if real is None else real
    rays, confidence = _detect(in_cam, rng, a, fps, real)
    told = told_up(up, assumed_focal, rng, a)
    return batch_of(in_cam, up, rays * assumed_focal[:, None, None, None], confidence, contacts, assumed_focal, told)


def told_up(up: FloatArray, focal: FloatArray, rng: np.random.Generator, a: Variation) -> FloatArray:
    """(B, 3) what the network is told of up (B, 3), in camera axes: as vertical lines show it, which under a wrong focal length
    (`batch_of`) lean as the person does; zeros where nothing is told."""
    shown = up / np.stack([np.ones_like(focal), np.ones_like(focal), focal], -1)
    shown = shown / np.linalg.norm(shown, axis=-1, keepdims=True) + rng.normal(0, np.radians(a.told_off_deg), up.shape)
    shown /= np.linalg.norm(shown, axis=-1, keepdims=True)
    return np.where(rng.uniform(0, 1, (len(up), 1)) < a.told, shown, 0)


def batch_of(
    in_cam: FloatArray,
    up: FloatArray,
    rays: FloatArray,
    confidence: FloatArray,
    contacts: FloatArray,
    focal: FloatArray,
    told: FloatArray,
    by_heart: bool = False,
) -> Batch:
    """What the network sees of points (rays (B, F, 27, 2), confidence) of the joints in_cam (B, F, 27, 3).

    up (B, 3) in camera axes; focal (B,): what the rays were multiplied with, the assumed over the true focal length; told
    (B, 3): up as the network is told it, zeros where it is not.
    """
    points = derive(np.concatenate([rays, confidence[..., None]], -1).astype(np.float32))
    network_input, turned_from_cam, scale = to_network(points[..., :2], points[..., 2])
    target = (in_cam - in_cam[:, :, :1]) @ np.swapaxes(turned_from_cam, -1, -2)
    up_turned = (turned_from_cam @ up[:, None, :, None])[..., 0]
    network_input = with_up(network_input, (turned_from_cam @ told[:, None, :, None])[..., 0])
    log_distance = np.log(np.linalg.norm(in_cam[:, :, 0], axis=-1) / (focal * scale)[:, None])
    network_input, target, up_turned, log_distance, contacts = (
        array.astype(np.float32) for array in (network_input, target, up_turned, log_distance, contacts)
    )
    return Batch(network_input, target, up_turned, log_distance, contacts, np.full(len(target), by_heart))


def _cameras(joints: FloatArray, rng: np.random.Generator, a: Variation) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Joints in camera axes (B, F, 27, 3), the world's up there (B, 3), the focal length assumed over the true (B,)."""
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
    pitched = turn(0, elevation) @ rows  # the scene tips towards a camera that looks down on it
    panned = turn(2, roll) @ turn(1, aside)
    # The camera is aimed at the person before `aside` pans away, so the offset is along the panned axis.
    aimed = (joints - middle) @ np.swapaxes(pitched, -1, -2)[:, None]
    aimed[..., 2] += np.maximum(distance[:, None], 0.6 - aimed[..., 2].min((1, 2))[:, None])[..., None]
    in_cam = aimed @ np.swapaxes(panned, -1, -2)[:, None]
    return in_cam, (panned @ pitched)[:, :, 2], np.exp(rng.normal(0, a.focal_sigma, B))


def _detect(
    in_cam: FloatArray, rng: np.random.Generator, a: Variation, fps: float, real: Mask
) -> tuple[FloatArray, FloatArray]:
    """Rays (B, F, 27, 2), NaN where unseen, and confidence (B, F, 27)."""
    B, F, J, _ = in_cam.shape
    shifted = in_cam + rng.normal(0, 1, (B, 1, J, 3)) * a.offset_sigma
    depth = np.maximum(in_cam[..., 2:], 0.3)
    rays = shifted[..., :2] / np.maximum(shifted[..., 2:], 0.3)
    hidden, gone = _hidden(rays, rng, a)

    error, confidence = _plain(rng, B, F, J, a)
    error = error * detector.stature(in_cam)[:, None, None, None] / in_cam[:, :, :1, 2:].clip(0.5)
    if real.any():
        error[real], confidence[real] = _measured(in_cam[real], depth[real], rng, a, fps)
    confidence = np.where(hidden, rng.uniform(*GUESSED, (B, 1, J)), confidence).clip(0, 1)
    rays = rays + error * np.where(hidden, HIDDEN_ERROR, 1)[..., None]

    gone |= (rng.uniform(0, 1, B) < a.no_feet)[:, None, None] & np.isin(np.arange(J), _EXTREMITIES)
    share = np.where(rng.uniform(0, 1, B) < a.masked, rng.uniform(*a.masked_share, B), 0)
    gone |= rng.uniform(0, 1, (B, F, J)) < share[:, None, None]
    gone |= rng.uniform(0, 1, (B, F, 1)) < (share * (rng.uniform(0, 1, B) < 0.5))[:, None, None]
    confidence[gone | ~_SEEN | ~np.isfinite(rays).all(-1)] = 0
    return np.where(confidence[..., None] > 0, rays, np.nan), confidence


def _hidden(rays: FloatArray, rng: np.random.Generator, a: Variation) -> tuple[Mask, Mask]:
    """(B, F, 27) points that the detector can only guess, and those that it does not report."""
    B, F, J, _ = rays.shape
    hidden, gone = np.zeros((B, F, J), bool), np.zeros((B, F, J), bool)
    frame = np.arange(F)
    for limb in _LIMBS:
        start, stop = np.sort(rng.uniform(-0.3 * F, 1.3 * F, (2, B)), 0)
        during = (frame >= start[:, None]) & (frame < stop[:, None]) & (rng.uniform(0, 1, (B, 1)) < a.burst)
        lost = during & (rng.uniform(0, 1, (B, 1)) < a.missing)
        hidden[:, :, limb] |= during[..., None]
        gone[:, :, limb] |= lost[..., None]
    # The picture's border: below, or to one side, with up to three fifths of the person behind it.
    direction = np.array([(0, 1), (0, 1), (1, 0), (-1, 0)])[rng.integers(0, 4, B)]
    along = (rays * direction[:, None, None]).sum(-1)
    low, high = along.min((1, 2)), along.max((1, 2))
    border = high - rng.uniform(0.05, 0.6, B) * (high - low)
    outside = (rng.uniform(0, 1, B) < a.cut)[:, None, None] & (along > border[:, None, None])
    return hidden | outside, gone | (outside & (rng.uniform(0, 1, B) < GONE)[:, None, None])


def _plain(rng: np.random.Generator, B: int, F: int, J: int, a: Variation) -> tuple[FloatArray, FloatArray]:
    """Errors (B, F, 27, 2) in shares of the stature, first-order in time, and confidences (B, F, 27)."""
    keep = rng.uniform(0.6, 0.95, (B, 1, 1))
    slow = rng.normal(0, 1, (F, B, J, 2))
    for f in range(1, F):
        slow[f] = keep * slow[f - 1] + np.sqrt(1 - keep**2) * slow[f]
    strength = rng.uniform(*a.jitter, (B, 1, J, 1))
    error = slow.transpose(1, 0, 2, 3) * strength + rng.normal(0, 1, (B, F, J, 2)) * rng.uniform(*a.white, (B, 1, 1, 1))
    confidence = 1 - np.abs(rng.normal(0, 0.06, (B, 1, J))) - np.abs(rng.normal(0, 0.03, (B, F, J)))
    return error, confidence.clip(0.02, 1)


def _measured(
    in_cam: FloatArray, depth: FloatArray, rng: np.random.Generator, a: Variation, fps: float
) -> tuple[FloatArray, FloatArray]:
    """Errors (B, F, 27, 2) on the plane z = 1 and confidences (B, F, 27) of the measured detector, of clips at various
    rates: drawn at the clip's own frames about each frame of the network, and interpolated."""
    B, F, J, _ = in_cam.shape
    native = rng.choice(a.native_fps, B)[:, None]
    at = np.arange(F) / fps * native + np.where(native % fps, rng.uniform(0, 1, (B, 1)), 0)
    before = np.floor(at + 1e-6)
    part = (at - before)[..., None].clip(0)
    times = np.stack([before, before + 1], -1).reshape(B, 2 * F) / native
    # Two neighbours of a frame may overlap those of the next: draws must go forward in time.
    order = np.argsort(times, axis=1, kind="stable")
    back = np.argsort(order, axis=1, kind="stable")
    strength = np.exp(rng.normal(0, a.strength_sigma, B))
    frames = np.take_along_axis(np.repeat(in_cam, 2, 1), order[..., None, None], 1)
    error, visibility = detector.draw(detector.measured(), frames, rng, np.take_along_axis(times, order, 1), strength)
    error = np.take_along_axis(error, back[..., None, None], 1).reshape(B, F, 2, -1, 2)
    visibility = np.take_along_axis(visibility, back[..., None], 1).reshape(B, F, 2, -1)
    seen = np.isfinite(error).all((-1, -2))  # (B, F, 2)
    weight = np.stack([1 - part[..., 0], part[..., 0]], -1) * seen
    total = weight.sum(-1, keepdims=True)
    weight = weight / np.maximum(total, 1e-9)
    rays_error = np.full((B, F, J, 2), np.nan)
    confidence = np.zeros((B, F, J))
    size = detector.stature(in_cam)[:, None, None, None]
    mean = (np.nan_to_num(error) * weight[..., None, None]).sum(2) * size / depth[:, :, detector.ROWS]
    rays_error[:, :, detector.ROWS] = np.where(total[..., None] > 0, mean, np.nan)
    rays_error[:, :, ~_SEEN] = 0
    confidence[:, :, detector.ROWS] = (visibility * weight[..., None]).sum(2)
    return rays_error, confidence


def turn(axis: int, angle: FloatArray) -> FloatArray:
    """(B, 3, 3) rotations about x, y or z (0, 1, 2) by `angle` (B,) radians, right-handed."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    R = np.zeros((len(angle), 3, 3))
    R[:, axis, axis] = 1
    R[:, i, i], R[:, j, j], R[:, i, j], R[:, j, i] = c, c, -s, s
    return R
