"""How the cameras of the published data sets see, and where they stand: figures beside this file, and a fit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .datasets import Camera

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Mounted:
    """A camera of a studio. `camera` is None where its lens is not published; `placed`: for each subject the rotation
    world_from_cam (3, 3) and where the camera stands (3,), metres."""

    name: str
    width: int
    height: int
    camera: Camera | None
    placed: dict[str, tuple[FloatArray, FloatArray]]

    def to_camera(self, joints_world: FloatArray, subject: str) -> npt.NDArray[np.float32]:
        """(F, J, 3) in camera axes from world axes, metres. KeyError: the subject's cameras are not published."""
        world_from_cam, position = self.placed[subject]
        return ((joints_world - position) @ world_from_cam).astype(np.float32)


def studio(name: str) -> tuple[float, list[Mounted]]:
    """Frames a second and the cameras of `<name>_cameras.toml`, in the order of the published files."""
    record = tomllib.loads((Path(__file__).parent / f"{name}_cameras.toml").read_text("utf-8"))
    return float(record["fps"]), [_mounted(camera) for camera in record["camera"]]


def fit(pairs: Iterable[tuple[FloatArray, FloatArray]], width: int, height: int) -> Camera:
    """The pinhole without distortion that best explains points (F, K, 2+), pixels, by joints (F, K, 3), camera axes.

    Least squares, then again without what lies more than three medians off (detections). ValueError: too few pairs.
    """
    points, joints = (np.concatenate([p[i].reshape(-1, p[i].shape[-1]) for p in pairs]) for i in (0, 1))
    usable = np.isfinite(points[:, :2]).all(-1) & np.isfinite(joints).all(-1) & (joints[:, 2] > 0)
    if usable.sum() < 10:
        raise ValueError("fewer than ten points with a joint in front of the camera")
    pixels = points[usable, :2].astype(float)
    flat = joints[usable, :2].astype(float) / joints[usable, 2:]
    keep = np.ones(len(flat), bool)
    lens = np.zeros((2, 2))
    for _ in range(4):
        for axis in range(2):
            design = np.stack([flat[keep, axis], np.ones(keep.sum())], -1)
            lens[axis] = np.linalg.lstsq(design, pixels[keep, axis], rcond=None)[0]
        off = np.linalg.norm(flat * lens[:, 0] + lens[:, 1] - pixels, axis=-1)
        keep = off <= 3 * np.median(off) + 1e-6
    (fx, cx), (fy, cy) = lens.tolist()
    return Camera(width, height, (fx, fy), (cx, cy))


def _mounted(record: dict[str, Any]) -> Mounted:
    width, height = record["size"]
    camera = None
    if "focal_px" in record:
        lens = (tuple(record[key]) for key in ("focal_px", "centre_px", "radial", "tangential"))
        camera = Camera(width, height, *lens)
    placed = {
        subject: (_world_from_cam(place["orientation"]), np.array(place["translation_mm"]) / 1000)
        for subject, place in record["placed"].items()
    }
    return Mounted(record["id"], width, height, camera, placed)


def _world_from_cam(wxyz: list[float]) -> FloatArray:
    """(3, 3) of a quaternion."""
    from scipy.spatial.transform import Rotation  # not on machines that only train

    return Rotation.from_quat(wxyz[1:] + wxyz[:1]).as_matrix()
