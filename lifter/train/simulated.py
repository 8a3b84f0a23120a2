"""What the motion capture looks like to fixed cameras and a 2D detector: a `Dataset` without anyone's licence.

Deterministic: a seed gives the same cameras and the same noise. Joints are H36M_17 and stay exact.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import H36M_17
from .data import FPS, MocapSet
from .datasets import Camera, Clip, Dataset

FloatArray = npt.NDArray[np.floating]

CAMERA = Camera(1000, 1000, (1145.0, 1145.0), (500.0, 500.0))  # the size and focal length of Human3.6M's cameras
DISTANCE_M = (3.5, 6.0)
ELEVATION_DEG = (-5.0, 20.0)
STATURE_M = 1.7  # what a share of the person's height in the picture is measured by
NEAREST_M = 1.5  # no joint comes nearer to the camera
MARGIN = 0.95  # of the half picture: the camera steps back until the whole take is inside
MEMORY = 0.85  # of the jitter, from a frame to the next: about 0.2 s at 30 fps
DOUBT = 8.0  # confidence lost per share of the person's height that a point is off


def simulated(mocap: MocapSet, seed: int = 0, views: int = 2, noise: float = 0.01) -> Dataset:
    """Every clip seen by `views` level fixed cameras that look at its middle from all sides.

    noise: standard deviation of x and of y as a share of the person's height in the picture, correlated in time.
    """
    rng = np.random.default_rng(seed)
    clips: list[Clip] = []
    for clip_id, kind, start, length in zip(mocap.clip_ids, mocap.kinds, mocap.start, mocap.length, strict=True):
        joints = mocap.joints[start : start + length, : len(H36M_17)]
        for view in range(views):
            joints_cam = _through_camera(joints, rng)
            keypoints_px = _detected(joints_cam, rng, noise)
            subject = "_".join(clip_id.split("_")[:2])  # cmu_05 of cmu_05_13
            clips.append(Clip(subject, kind, f"{clip_id} view{view}", FPS, keypoints_px, joints_cam, CAMERA))
    return Dataset("mocap", tuple(clips), H36M_17.names, H36M_17.names)


def _through_camera(joints: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(F, 17, 3) in the axes of a random camera, from joints with Z up."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(*ELEVATION_DEG))
    c, s, up, along = np.cos(azimuth), np.sin(azimuth), np.sin(elevation), np.cos(elevation)
    right, forward = (c, s, 0), (-s * along, c * along, -up)
    cam_from_world = np.array([right, np.cross(forward, right), forward], np.float32)
    pelvis = joints[:, 0]
    aimed = (joints - (pelvis.min(0) + pelvis.max(0)) / 2) @ cam_from_world.T
    half = CAMERA.width / 2 * MARGIN / CAMERA.focal_px[0]
    needed = max((np.abs(aimed[..., :2]).max(-1) / half - aimed[..., 2]).max(), NEAREST_M - aimed[..., 2].min())
    aimed[..., 2] += max(rng.uniform(*DISTANCE_M), needed)
    return aimed.astype(np.float32)


def _detected(joints_cam: npt.NDArray[np.float32], rng: np.random.Generator, noise: float) -> npt.NDArray[np.float32]:
    """(F, 17, 3) pixels and confidence, which falls with the error but does not tell it exactly."""
    white = rng.standard_normal((*joints_cam.shape[:2], 2), np.float32)
    white[1:] *= np.sqrt(1 - MEMORY**2)
    for before, now in pairwise(white):
        now += MEMORY * before
    shares = noise * white
    height_px = CAMERA.focal_px[0] * STATURE_M / joints_cam[:, :1, 2:]
    points = joints_cam[..., :2] / joints_cam[..., 2:] * CAMERA.focal_px + CAMERA.centre_px + shares * height_px
    doubt = DOUBT * np.linalg.norm(shares, axis=-1) + rng.normal(0, 0.05, shares.shape[:2])
    return np.concatenate([points, np.clip(1 - doubt, 0.05, 1)[..., None]], -1).astype(np.float32)
