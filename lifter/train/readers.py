"""The door to the data that users bring: `read` brings each published form to a `Dataset`. No code in a file runs.

h36m, humaneva: VideoPose3D's files (videopose3d_files.py). 3dhp: MPI-INF-3DHP as P-STMO and MotionAGFormer keep it,
data_train_3dhp.npz and data_test_3dhp.npz. mocap: this project's motion capture behind simulated cameras.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..contract.protocol import InputError, UsageError
from ..contract.skeleton import H36M_17
from . import videopose3d_files
from .calibration import fit
from .data import MocapSet, load_mocap
from .datasets import Clip, Dataset
from .object_files import entries, joints, keypoints, lookup
from .simulated import simulated

FORMS = ("h36m", "humaneva", "3dhp", "mocap")
SPLITS = ("all", "train", "test")
MPI_INF_3DHP_17 = (
    "head_top", "thorax", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "nose",
)  # fmt: skip
_H36M_OF_3DHP = [MPI_INF_3DHP_17.index(name) for name in H36M_17.names]
_WIDE = ("TS5", "TS6")  # filmed outdoors: 1920 × 1080, all others 2048 × 2048
_TEST_FPS = 25.0  # the file does not say; nothing here depends on it


def read(form: str, folder: Path, detector: str = "", split: str = "all", seed: int = 0) -> Dataset:
    """A data set by its form (FORMS), from the folder that holds its files; of mocap, a file will do.

    detector: whose 2D points, as in the file's name (h36m, humaneva). split: train or test as published; `all` also
    has the subjects of whom only 2D is known. seed: of the simulated cameras (mocap).
    Joints of frames that the data set itself calls invalid are NaN.
    Raises InputError naming the file and what it lacks, UsageError.
    """
    if form not in FORMS or split not in SPLITS:
        raise UsageError(f"no data '{form}', split '{split}'; there are {', '.join(FORMS)} and {', '.join(SPLITS)}.")
    if form in videopose3d_files.DETECTORS:
        return videopose3d_files.read(form, folder, detector, split)
    if detector:
        raise UsageError(f"{form} has no detectors to choose from: leave '{detector}' out.")
    return _mocap(folder, split, seed) if form == "mocap" else _mpi_inf_3dhp(folder, split)


def _mocap(folder: Path, split: str, seed: int) -> Dataset:
    """train_*.npz is for training, val.npz the test."""
    paths = {"train": sorted(folder.glob("train_*.npz")), "test": [folder / "val.npz"]}
    paths["all"] = paths["train"] + paths["test"]
    files = [folder] if folder.is_file() else paths[split]
    if not files:
        raise InputError(f"{folder}: has no train_*.npz.")
    sets = [load_mocap(path) for path in files]
    rows = np.cumsum([0] + [len(s.joints) for s in sets])
    whole = MocapSet(
        np.concatenate([s.joints for s in sets]),
        np.concatenate([s.start + row for s, row in zip(sets, rows[:-1], strict=True)]),
        np.concatenate([s.length for s in sets]),
        tuple(clip_id for s in sets for clip_id in s.clip_ids),
        tuple(kind for s in sets for kind in s.kinds),
        tuple(skeleton for s in sets for skeleton in s.skeletons),
    )
    return simulated(whole, seed)


def _mpi_inf_3dhp(folder: Path, split: str) -> Dataset:
    """data[sequence] = ({camera: take}, fps) in the one file, data[sequence] = take in the other."""
    clips: list[Clip] = []
    if split != "test":
        path = folder / "data_train_3dhp.npz"
        for sequence, content in entries(path, "data")[0].items():
            where = f"{path}: data[{sequence!r}]"
            match content:
                case [dict() as views, int() | float() as fps]:
                    pass
                case _:
                    raise InputError(f"{where} is not a pair of cameras and frame rate.")
            subject, _, action = str(sequence).partition(" ")
            for view, take in views.items():
                clips.append(_clip(f"{where}[0][{view!r}]", take, subject, action, str(view), float(fps)))
    if split != "train":
        path = folder / "data_test_3dhp.npz"
        for sequence, take in entries(path, "data")[0].items():
            valid = np.ravel(lookup(f"{path}: data[{sequence!r}]", take, "valid")) > 0
            clip = _clip(f"{path}: data[{sequence!r}]", take, str(sequence), str(sequence), "0", _TEST_FPS, valid)
            clips.append(clip)
    return Dataset("3dhp", tuple(clips), H36M_17.names, H36M_17.names)


def _clip(
    where: str, take: object, subject: str, action: str, view: str, fps: float, valid: np.ndarray | None = None
) -> Clip:
    """Millimetres in camera axes become metres, 3DHP's order H36M_17's; the lens, which the file lacks, is fitted."""
    points = keypoints(f"{where}['data_2d']", lookup(where, take, "data_2d"), 17)[:, _H36M_OF_3DHP]
    joints_cam = joints(f"{where}['data_3d']", lookup(where, take, "data_3d"), 17)[:, _H36M_OF_3DHP] / 1000
    if len(points) != len(joints_cam) or (valid is not None and len(valid) != len(points)):
        raise InputError(f"{where}: 'data_2d', 'data_3d' and 'valid' differ in frames.")
    if valid is not None:
        joints_cam[~valid] = np.nan
    if not (joints_cam[np.isfinite(joints_cam[:, 0, 2]), 0, 2] > 0).all():
        raise InputError(f"{where}['data_3d'] is not in front of the camera; expected camera axes, as univ_annot3 has.")
    width, height = (1920, 1080) if subject in _WIDE else (2048, 2048)
    try:
        camera = fit([(points, joints_cam)], width, height)
    except ValueError as error:
        raise InputError(f"{where}: no lens explains 'data_2d' by 'data_3d': {error}.") from error
    return Clip(subject, action, view, fps, points, joints_cam, camera)
