"""A made-up person for the lifter's tests: a jointed figure that walks in place, and a camera that sees it."""

from __future__ import annotations

import numpy as np

from video_to_armature.lifter.contract.skeleton import BODY_27

# Rest pose, metres, facing -Y, left = +X; heights and widths of an adult.
_REST = {
    "pelvis": (0, 0, 0.92), "left_hip": (0.09, 0, 0.92), "left_knee": (0.09, 0, 0.49), "left_ankle": (0.09, 0.02, 0.08),
    "left_toe": (0.1, -0.13, 0.015), "left_heel": (0.09, 0.06, 0.015),
    "spine": (0, 0, 1.17), "thorax": (0, 0, 1.43), "nose": (0, -0.11, 1.58), "head_top": (0, 0, 1.74),
    "left_ear": (0.08, 0, 1.6), "left_shoulder": (0.18, 0, 1.43), "left_elbow": (0.22, 0, 1.15),
    "left_wrist": (0.22, -0.05, 0.9), "left_index": (0.22, -0.08, 0.81), "left_pinky": (0.24, -0.04, 0.82),
}  # fmt: skip


def rest() -> np.ndarray:
    """(27, 3) BODY_27, Z up."""
    points = {**_REST}
    for name, (x, y, z) in _REST.items():
        if name.startswith("left_"):
            points["right_" + name[5:]] = (-x, y, z)
    return np.array([points[name] for name in BODY_27.names], float)


def walking(times: np.ndarray, speed: float = 1.0) -> np.ndarray:
    """(F, 27, 3) a stiff walk to the left of a camera that looks along +Y: each foot in turn stands still."""
    joints = np.repeat(rest()[None], len(times), 0)
    joints = joints @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])  # facing -X
    step = 0.5  # seconds a step
    for side, phase in (("left", 0.0), ("right", step)):
        u = (times + phase) % (2 * step)
        stands = u < step
        # While it stands the foot moves back under the body at walking speed; in the air it comes forward.
        forward = np.where(stands, speed * (step / 2 - u), speed * (-step / 2 + (u - step)))
        lift = np.where(stands, 0, 0.12 * np.sin(np.pi * (u - step) / step) ** 2)
        for part, share in (("knee", 0.5), ("ankle", 1), ("toe", 1), ("heel", 1)):
            j = BODY_27.index(f"{side}_{part}")
            joints[:, j, 0] -= share * forward
            joints[:, j, 2] += share * lift
    joints[..., 0] -= speed * times[:, None]
    return joints


def camera(pitch_down: float, height: float, distance: float) -> np.ndarray:
    """(4, 4) world_from_cam of a camera at (0, -distance, height) that looks along +Y, tilted down by radians."""
    c, s = np.cos(pitch_down), np.sin(pitch_down)
    rotation = np.stack([[1, 0, 0], [0, -s, -c], [0, c, -s]], 1)  # columns: camera x, y, z in the world
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = rotation
    world_from_cam[:3, 3] = (0, -distance, height)
    return world_from_cam


def project(joints: np.ndarray, world_from_cam: np.ndarray, intrinsics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints in camera axes (F, J, 3), and (F, J, 3) x, y in pixels with confidence 0.95."""
    in_cam = (joints - world_from_cam[:3, 3]) @ world_from_cam[:3, :3]
    px = in_cam @ intrinsics.T
    px = px[..., :2] / px[..., 2:]
    return in_cam, np.concatenate([px, np.full((*px.shape[:2], 1), 0.95)], -1).astype(np.float32)


INTRINSICS = np.array([[1200.0, 0, 640], [0, 1200, 360], [0, 0, 1]])
