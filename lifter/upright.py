"""Films that are upside down or lie on their side: found out, and turned for the network, which knows people upright.

Quarter turns: how often the camera was turned clockwise by 90 degrees about its view. numpy only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .contract.skeleton import Skeleton

FloatArray = npt.NDArray[np.floating]

UPSIDE_DOWN = 0.8  # of the frames with the head below the hips: no acrobat lasts that long
ON_THE_SIDE = 0.9  # of the frames; someone may lie, so this is only told
LEAST_SURE = 0.3  # confidence of thorax and pelvis


def found(body_px: FloatArray, skeleton: Skeleton) -> int:
    """0 to 3, by where the trunk points in most frames; body_px (F, J, 3) x, y in pixels, confidence."""
    thorax, pelvis = body_px[:, skeleton.index("thorax")], body_px[:, skeleton.index("pelvis")]
    sure = np.minimum(thorax[:, 2], pelvis[:, 2]) >= LEAST_SURE
    trunk = (thorax - pelvis)[sure, :2]
    if not len(trunk):
        return 0
    # Under a camera turned clockwise the picture's people lean to the left: up, left, down, right.
    turns = np.round(np.arctan2(-trunk[:, 0], -trunk[:, 1]) / (np.pi / 2)).astype(int) % 4
    share = np.bincount(turns, minlength=4) / len(turns)
    if share[2] >= UPSIDE_DOWN:
        return 2
    return next((quarter for quarter in (1, 3) if share[quarter] >= ON_THE_SIDE), 0)


def nearest(roll_deg: float) -> int:
    """0 to 3, from the camera's roll."""
    return round(roll_deg / 90) % 4


def turned(body_px: FloatArray, quarters: int, centre: FloatArray) -> FloatArray:
    """The points as a camera that is not turned sees them; centre (2,) pixels."""
    out = body_px.copy()
    out[..., :2] = (body_px[..., :2] - centre) @ rotation(quarters)[:2, :2].T + centre
    return out


def rotation(quarters: int) -> FloatArray:
    """(3, 3) from the axes of a camera turned so often to those of one that is not."""
    c, s = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarters % 4]
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], float)


def pitch_roll(up: FloatArray) -> tuple[float, float]:
    """Degrees: how far the camera looks down and is turned clockwise, from the world's up (3,) in its axes."""
    pitch = np.arcsin(np.clip(-up[2], -1, 1))
    return float(np.degrees(pitch)), float(np.degrees(np.arctan2(-up[0], -up[1])))


def up(roll_deg: float, pitch_deg: float) -> FloatArray:
    """(3,) the world's up in the axes of a camera turned clockwise by roll and looking down by pitch."""
    roll, pitch = np.radians([roll_deg, pitch_deg])
    return np.array([-np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), -np.sin(pitch)])
