"""How far a captured world is from the true one: tilt, root path, feet, steadiness. Metres, seconds, Z up.

F frames, BODY_27. Worlds differ by where they begin and which way is north: both are aligned away before paths are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train.data import FEET, STANDING_M, contacts_of

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

STANDS_M_S = 0.15  # a true foot this slow, on the floor, stands
TRAVELS_M = 2.0  # a clip that gets this far from its start travels
FAST_M_S = 2.5  # a wrist's peak from the root on that counts as fast
PEAK_FRAMES = 2  # to either side, in which the captured peak is sought
WRISTS = [BODY_27.index("left_wrist"), BODY_27.index("right_wrist")]


@dataclass(frozen=True)
class Score:
    """One clip. Angles degrees, lengths metres, speeds m/s, accelerations m/s²; NaN where there is nothing to measure."""

    frames: int
    path_m: float  # length of the true root's path over ground
    reach_m: float  # farthest from its start
    tilt: float
    path_error: float  # root mean square, aligned in yaw and origin
    slide: float  # of feet that truly stand, over the truth's own
    slide_alone: float
    penetration: float  # 95th percentile of how deep the lower foot is in the floor
    float_: float  # 95th percentile of how high a foot that truly stands is over the floor
    acceleration_error: float
    acceleration: float  # of the capture
    true_acceleration: float
    peak: float  # median of captured over true peaks of fast wrists
    roll: float  # by how much flat feet that truly stand roll over, mean


def score(found: Floats, true: Floats, up_found: Floats, up_true: Floats, fps: float) -> Score:
    """Of captured (F, 27, 3) and true (F, 27, 3) joints, each in its own world; up (3,) in the camera's axes."""
    known = np.isfinite(found).all((1, 2))
    found, true = found[known], true[known]
    truth = _speed(true[:, FEET], fps)
    slow = np.concatenate([truth, truth[-1:]]) < STANDS_M_S
    planted = (contacts_of(true.astype(np.float32), fps) == 1) & slow & np.roll(slow, 1, axis=0)
    found = aligned(found, true)
    root, true_root = found[:, 0], true[:, 0]
    step = np.linalg.norm(np.diff(true_root[:, :2], axis=0), axis=-1)
    own, truth = (_speed(x[:, FEET, :2], fps) for x in (found, true))
    held = planted[1:] & planted[:-1]
    heights = found[:, FEET, 2] - STANDING_M
    # Joints against joints, from the root on and in the world at once: the root's own jerks count for all.
    bend, true_bend = (np.diff(x, 2, axis=0) * fps**2 for x in (found, true))
    return Score(
        frames=len(found),
        path_m=float(step.sum()),
        reach_m=float(np.linalg.norm(true_root[:, :2] - true_root[0, :2], axis=-1).max()),
        tilt=float(np.degrees(np.arccos(np.clip(up_found @ up_true, -1, 1)))),
        path_error=float(np.sqrt(((root - true_root) ** 2).sum(-1).mean())),
        slide=float((own - truth)[held].mean()) if held.any() else np.nan,
        slide_alone=float(own[held].mean()) if held.any() else np.nan,
        penetration=float(np.percentile(np.maximum(-heights.min(1), 0), 95)),
        float_=float(np.percentile(np.maximum(heights[planted], 0), 95)) if planted.any() else np.nan,
        acceleration_error=float(np.linalg.norm(bend - true_bend, axis=-1).mean()),
        acceleration=float(np.linalg.norm(bend, axis=-1).mean()),
        true_acceleration=float(np.linalg.norm(true_bend, axis=-1).mean()),
        peak=peaks(found, true, fps),
        roll=rolls(found, true, planted[:, ::2] & planted[:, 1::2]),
    )


def aligned(found: Floats, true: Floats) -> Floats:
    """`found` turned about Z and moved over the ground so that its root path fits best; heights stay."""
    # A path that stays in place says little of north: all joints do.
    a, b = (x[..., :2] - x[:, :1, :2].mean(0) for x in (found, true))
    cross = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum()
    angle = np.arctan2(cross, (a * b).sum())
    c, s = np.cos(angle), np.sin(angle)
    out = found.copy()
    out[..., :2] = a @ np.array([[c, s], [-s, c]]) + true[:, :1, :2].mean(0)
    return out


def peaks(found: Floats, true: Floats, fps: float) -> float:
    """Median of captured over true speed at the fast peaks of the wrists, from the root on."""
    ratios: list[float] = []
    for wrist in WRISTS:
        own, truth = (_speed((x[:, wrist] - x[:, 0])[:, None], fps)[:, 0] for x in (found, true))
        for f in range(1, len(truth) - 1):
            if truth[f] >= FAST_M_S and truth[f] == truth[max(f - 4, 0) : f + 5].max():
                ratios.append(own[max(f - PEAK_FRAMES, 0) : f + PEAK_FRAMES + 1].max() / truth[f])
    return float(np.median(ratios)) if ratios else np.nan


def rolls(found: Floats, true: Floats, flat: Mask) -> float:
    """Mean difference, degrees, of how the ankle leans over the line from heel to toe; flat (F, 2): feet that stand whole."""
    lean = [np.stack([_roll(x, side) for side in ("left", "right")], 1) for x in (found, true)]
    off = np.abs((lean[0] - lean[1] + 180) % 360 - 180)[flat]
    return float(off.mean()) if len(off) else np.nan


def _roll(joints: Floats, side: str) -> Floats:
    """(F,) degrees."""
    heel, toe, ankle = (joints[:, BODY_27.index(f"{side}_{part}")] for part in ("heel", "toe", "ankle"))
    along = (toe - heel) / np.maximum(np.linalg.norm(toe - heel, axis=-1, keepdims=True), 1e-9)
    across = np.cross(along, [0.0, 0, 1])
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    over = ankle - heel
    return np.degrees(np.arctan2((over * across).sum(-1), (over * np.cross(across, along)).sum(-1)))


def _speed(points: Floats, fps: float) -> Floats:
    """(F - 1, K) of (F, K, D)."""
    return np.linalg.norm(np.diff(points, axis=0), axis=-1) * fps
