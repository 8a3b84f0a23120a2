"""Writes a motion of known joints: someone of 1.7 m who walks, turns and waves. No Blender, no video.

Usage: synthetic.py OUT.npz [--fps N] [--frames N] [--gap]   (--gap: nobody known from 0.5 s to 1.2 s)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.skeleton import BODY_27

Z = np.array([0.0, 0.0, 1.0])
X = np.array([1.0, 0.0, 0.0])
Y = np.array([0.0, 1.0, 0.0])

# T-pose, facing -Y, metres from the parent; the person's left is +X
OFFSETS = {
    "pelvis": (0, 0, 0.92),
    "right_hip": (-0.1, 0, 0), "right_knee": (-0.005, -0.01, -0.42), "right_ankle": (0, 0.015, -0.41),
    "left_hip": (0.1, 0, 0), "left_knee": (0.005, -0.01, -0.42), "left_ankle": (0, 0.015, -0.41),
    "spine": (0, 0.0, 0.25), "thorax": (0, 0.01, 0.25), "nose": (0, -0.1, 0.16), "head_top": (0, 0.09, 0.13),
    "left_shoulder": (0.17, 0, -0.02), "left_elbow": (0.28, 0.01, 0), "left_wrist": (0.25, -0.01, 0),
    "right_shoulder": (-0.17, 0, -0.02), "right_elbow": (-0.28, 0.01, 0), "right_wrist": (-0.25, -0.01, 0),
    "left_toe": (0.01, -0.17, -0.07), "left_heel": (0, 0.06, -0.07),
    "right_toe": (-0.01, -0.17, -0.07), "right_heel": (0, 0.06, -0.07),
    "left_index": (0.09, -0.03, 0), "left_pinky": (0.08, 0.03, -0.005),
    "right_index": (-0.09, -0.03, 0), "right_pinky": (-0.08, 0.03, -0.005),
    "left_ear": (0.075, 0.09, 0.02), "right_ear": (-0.075, 0.09, 0.02),
}  # fmt: skip


def turn(axis: np.ndarray, angle: float) -> np.ndarray:
    """(3, 3) rotation by Rodrigues' formula."""
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def pose(t: float) -> dict[str, np.ndarray]:
    """Local rotation of each joint at time t, seconds: what turns all that hangs below it."""
    step = 2 * np.pi * 0.9 * t
    swing = 0.5 * np.sin(step)
    return {
        "pelvis": turn(Z, 0.8 * t) @ turn(X, 0.05 * np.sin(2 * step)),
        "left_hip": turn(X, -swing), "left_knee": turn(X, 0.35 - 0.3 * np.cos(step)),
        "right_hip": turn(X, swing), "right_knee": turn(X, 0.35 + 0.3 * np.cos(step)),
        "left_ankle": turn(X, 0.2 * np.sin(step)), "right_ankle": turn(X, -0.2 * np.sin(step)),
        "spine": turn(Z, 0.1 * np.sin(step)), "thorax": turn(X, 0.06),
        "left_shoulder": turn(X, swing) @ turn(Y, 1.1), "right_shoulder": turn(Y, -0.9 + 0.8 * np.sin(step)),
        "left_elbow": turn(Z, -0.5 - 0.2 * np.sin(step)), "right_elbow": turn(Z, 0.7 + 0.4 * np.sin(2 * step)),
        "left_wrist": turn(Y, 0.2), "right_wrist": turn(Y, 0.3 * np.sin(step)),
    }  # fmt: skip


def joints(t: float) -> np.ndarray:
    """(27, 3) world positions at time t; walks 1.1 m a second."""
    local = pose(t)
    world = np.empty((27, 3))
    turned: list[np.ndarray] = [np.eye(3)] * 27
    for i, (name, parent) in enumerate(zip(BODY_27.names, BODY_27.parents, strict=True)):
        offset = np.array(OFFSETS[name], float)
        if parent < 0:
            world[i] = offset + (0.2 * np.sin(t), -1.1 * t, 0.02 * np.sin(11 * t))
            turned[i] = local[name]
        else:
            world[i] = world[parent] + turned[parent] @ offset
            turned[i] = turned[parent] @ local.get(name, np.eye(3))
    return world


def make(frames: int, fps: float, *, gap: bool = False) -> Motion:
    times = np.arange(frames) / fps
    positions = np.array([joints(t) for t in times], np.float32)
    if gap:
        positions[(times > 0.5) & (times < 1.2)] = np.nan
    known = np.isfinite(positions).all(-1)
    return Motion(
        header={
            "format": "video_to_armature.motion", "version": 1, "fps": fps, "first_frame": 0, "person": 1,
            "units": "metre", "source": {"file": "walk.mp4"},
        },
        joint_names=BODY_27.names,
        parents=BODY_27.parents,
        positions=positions,
        confidence=known.astype(np.float32),
        keypoints_px=np.concatenate([np.nan_to_num(positions[..., :2]) * 100, known[..., None]], -1),
        intrinsics=np.array([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]),
        world_from_cam=np.eye(4),
        contacts=np.zeros((frames, 4), np.float32),
        frame_times=times,
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--frames", type=int, default=45)
    parser.add_argument("--gap", action="store_true")
    given = parser.parse_args()
    make(given.frames, given.fps, gap=given.gap).save(given.out)
