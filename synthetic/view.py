"""Where the camera stands for what a Scene asks: pure geometry on the joints of the clip.

World: metres, Z up. Camera axes: x right, y down, z forward (OpenCV).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter.contract.skeleton import BODY_27

from .scenes import View

Floats = npt.NDArray[np.float64]

NEAREST_M = 0.7  # of any joint to the camera's plane
LOWEST_M = 0.15  # of the camera above the floor
INSIDE = 0.97  # of all joints and frames, unless the scene crops
FARTHEST_M = 25.0


def intrinsics(view: View) -> Floats:
    """(3, 3) pinhole, pixels; square pixels, the centre in the middle."""
    focal = max(view.width, view.height) / 2 / np.tan(np.radians(view.fov) / 2)
    return np.array([[focal, 0, view.width / 2], [0, focal, view.height / 2], [0, 0, 1]])


def place_camera(view: View, joints: Floats, floor: float) -> Floats:
    """world_from_cam (4, 4) for joints (F, 27, 3), metres, world; `floor` is its height.

    The nearest place along the line of sight where the person is as tall in the picture as asked, and inside it.
    """
    low, high = NEAREST_M, FARTHEST_M
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _fits(view, joints, _camera(view, joints, floor, middle)) else (middle, high)
    return _camera(view, joints, floor, high)


def project(joints: Floats, world_from_cam: Floats, matrix: Floats) -> tuple[Floats, Floats]:
    """Joints (..., 3) of the world in camera axes, and their pixels (..., 2)."""
    in_cam = (joints - world_from_cam[:3, 3]) @ world_from_cam[:3, :3]
    px = in_cam @ matrix.T
    return in_cam, px[..., :2] / px[..., 2:]


def _camera(view: View, joints: Floats, floor: float, distance: float) -> Floats:
    """Looks at the middle of the path from `distance`; the person is then moved aside by turning the camera."""
    path = joints[:, 0]
    target = (path.min(0) + path.max(0)) / 2
    left = joints[:, BODY_27.index("left_hip")] - joints[:, BODY_27.index("right_hip")]
    ahead = np.cross(left, (0, 0, 1.0)).mean(0)
    bearing = np.arctan2(ahead[1], ahead[0]) + np.radians(view.facing)  # from the person to the camera
    pitch = np.radians(view.pitch)
    pitch = max(pitch, np.arcsin(np.clip((floor + LOWEST_M - target[2]) / distance, -1, 1)))
    back = np.array([np.cos(bearing) * np.cos(pitch), np.sin(bearing) * np.cos(pitch), np.sin(pitch)])
    forward = -back
    right = np.cross(forward, (0, 0, 1.0))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward], 1)  # columns x, y, z
    half = np.tan(np.radians(view.fov) / 2) * np.array([view.width, view.height]) / max(view.width, view.height)
    turn_y, turn_x = -np.arctan(view.aside[0] * half[0]), np.arctan(view.aside[1] * half[1])
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = axes @ _turn(1, turn_y) @ _turn(0, turn_x) @ _turn(2, np.radians(view.roll))
    world_from_cam[:3, 3] = target + back * distance
    return world_from_cam


def _fits(view: View, joints: Floats, world_from_cam: Floats) -> bool:
    in_cam, px = project(joints, world_from_cam, intrinsics(view))
    if in_cam[..., 2].min() < NEAREST_M:
        return False
    tall = np.percentile(np.ptp(px[..., 1], axis=1), 80) / view.height
    inside = ((px > 0) & (px < (view.width, view.height))).all(-1).mean()
    return bool(tall <= view.fill and (view.cropped or inside >= INSIDE))


def _turn(axis: int, angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i], matrix[j, j], matrix[i, j], matrix[j, i] = c, c, -s, s
    return matrix
