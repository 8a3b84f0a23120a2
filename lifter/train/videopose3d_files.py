"""Reads Human3.6M and HumanEva from the files that VideoPose3D and MixSTE use.

data_3d_<set>.npz: positions_3d[subject][action] (F, J, 3), metres, world axes, Z up.
data_2d_<set>_<detector>.npz: positions_2d[subject][action] = one (F, K, 2) of pixels for each camera, and metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..contract.protocol import InputError
from ..contract.skeleton import H36M_17
from ..keypoint_sets import by_layout
from .calibration import Mounted, fit, studio
from .datasets import Camera, Clip, Dataset
from .object_files import FloatArray, entries, joints, keypoints, lookup

HUMANEVA_15 = (
    "pelvis", "thorax", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
    "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle", "head_top",
)  # fmt: skip
MPII_16 = (  # Stacked Hourglass
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax", "neck",
    "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip

DETECTORS = {"h36m": "cpn_ft_h36m_dbb", "humaneva": "detectron_pt_coco"}  # those of the papers' tables
SUBJECTS = {
    ("h36m", "train"): ("S1", "S5", "S6", "S7", "S8"),
    ("h36m", "test"): ("S9", "S11"),
    ("humaneva", "train"): ("Train/S1", "Train/S2", "Train/S3"),
    ("humaneva", "test"): ("Validate/S1", "Validate/S2", "Validate/S3"),
}
_NAMES = {"h36m": H36M_17.names, "humaneva": HUMANEVA_15}
_FILES = {"h36m": "h36m", "humaneva": "humaneva15"}
_H36M_OF_32 = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]  # the others do not move by themselves


_Entry = tuple[str, dict[Any, Any]]  # what the file calls it, its content


class _Take(NamedTuple):
    subject: str
    action: str
    camera: Mounted
    points: FloatArray  # (F, K, 3)
    joints_cam: FloatArray | None  # (F, J, 3)


def read(form: str, folder: Path, detector: str, split: str) -> Dataset:
    """h36m or humaneva with the points of a detector ("" for the papers' own). Raises InputError."""
    path_2d = folder / f"data_2d_{_FILES[form]}_{detector or DETECTORS[form]}.npz"
    there = sorted(path.stem for path in folder.glob(f"data_2d_{_FILES[form]}_*.npz"))
    if not path_2d.is_file() and there:
        raise InputError(f"{path_2d}: no such file; detections in this folder: {', '.join(there)}.")
    path_3d = folder / f"data_3d_{_FILES[form]}.npz"
    (known,), (seen, metadata) = entries(path_3d, "positions_3d"), entries(path_2d, "positions_2d", "metadata")
    fps, cameras = studio(form)
    named = (f"{path_3d}: positions_3d", known), (f"{path_2d}: positions_2d", seen)
    takes = list(_takes(form, *named, SUBJECTS.get((form, split), ()), cameras))
    if not takes:
        raise InputError(f"{path_2d}: has no clips of the subjects for '{split}'.")
    names = _point_names(path_2d, metadata, takes[0].points.shape[1])
    lens = _lenses(path_2d, cameras, takes, names, _NAMES[form])
    clips = (Clip(t.subject, t.action, t.camera.name, fps, t.points, t.joints_cam, lens[t.camera.name]) for t in takes)
    return Dataset(form, tuple(clips), names, _NAMES[form])


def _takes(
    form: str, poses: _Entry, points: _Entry, wanted: tuple[str, ...], cameras: list[Mounted]
) -> Iterator[_Take]:
    """Every clip of the wanted subjects (all: none named); its 2D is cut to the frames of its 3D, as published."""
    (poses_in, known), (points_in, seen) = poses, points
    count = 0
    for subject in wanted or dict.fromkeys((*known, *seen)):
        views_of = lookup(points_in, seen, subject, dict)
        poses_of = lookup(poses_in, known, subject, dict) if wanted or subject in known else {}
        for action in poses_of or views_of:  # of a subject with 3D, an action without was dropped for its errors
            views = lookup(f"{points_in}[{subject!r}]", views_of, action, list | tuple | np.ndarray)
            where = f"{points_in}[{subject!r}][{action!r}]"
            if len(views) != len(cameras):
                raise InputError(f"{where} has {len(views)} cameras; {form} has {len(cameras)}.")
            world = None
            if poses_of:
                world = _world(form, f"{poses_in}[{subject!r}][{action!r}]", poses_of[action])
            for camera, view in zip(cameras, views, strict=True):
                if view is None:
                    continue  # no detections from this camera
                keypoints_px = keypoints(where, view, count)
                count = keypoints_px.shape[1]
                joints_cam = None
                if world is not None:
                    joints_cam = _to_camera(poses_in, camera, world, subject)
                    if len(keypoints_px) < len(world):
                        frames = f"{len(keypoints_px)} frames, its 3D {len(world)}"
                        raise InputError(f"{where} has {frames}: not the same take.")
                    keypoints_px = keypoints_px[: len(world)]
                yield _Take(subject, action, camera, keypoints_px, joints_cam)


def _world(form: str, where: str, array: Any) -> FloatArray:
    """(F, J, 3) world positions of the joints that are used."""
    if form == "h36m" and isinstance(array, np.ndarray) and array.ndim == 3 and array.shape[1] == 32:
        return joints(where, array, 32)[:, _H36M_OF_32]
    return joints(where, array, len(_NAMES[form]))


def _to_camera(where: str, camera: Mounted, world: FloatArray, subject: str) -> FloatArray:
    try:
        return camera.to_camera(world, subject.rpartition("/")[2])  # Validate/S1 stood where S1 stood
    except KeyError:
        raise InputError(f"{where}: where the cameras stood for subject {subject} is not published.") from None


def _point_names(path: Path, metadata: dict[Any, Any], count: int) -> tuple[str, ...]:
    """The names of `count` points, from what the file says of itself; 15 and 16 points are HumanEva's and MPII's."""
    unnamed = {len(names): names for names in (HUMANEVA_15, MPII_16)}
    try:
        return unnamed.get(count) or by_layout(metadata.get("layout_name"), metadata.get("keypoints_symmetry"), count)
    except ValueError as error:
        raise InputError(f"{path}: metadata: {error}.") from error


def _lenses(
    path: Path, cameras: list[Mounted], takes: list[_Take], point_names: tuple[str, ...], joint_names: tuple[str, ...]
) -> dict[str, Camera]:
    """The lens of each camera: as published, else fitted to the points that are named like joints."""
    shared = [name for name in point_names if name in joint_names]
    columns_2d, columns_3d = ([names.index(name) for name in shared] for names in (point_names, joint_names))
    found: dict[str, Camera] = {}
    for camera in {take.camera.name: take.camera for take in takes}.values():
        labelled = [(t.points, t.joints_cam) for t in takes if t.camera is camera and t.joints_cam is not None]
        pairs = [(points[:, columns_2d], joints_cam[:, columns_3d]) for points, joints_cam in labelled]
        try:
            found[camera.name] = camera.camera or fit(pairs, camera.width, camera.height)
        except ValueError as error:
            raise InputError(f"{path}: the lens of camera {camera.name} cannot be found: {error}.") from error
    return found
