"""Small data sets in the published forms: pickled dictionaries of arrays, as numpy writes them, and our mocap's form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17
from video_to_armature.lifter.keypoint_sets import COCO_17
from video_to_armature.lifter.screen import from_screen
from video_to_armature.lifter.train import calibration
from video_to_armature.lifter.train.cameras import project
from video_to_armature.lifter.train.readers import MPI_INF_3DHP_17
from video_to_armature.lifter.train.videopose3d_files import HUMANEVA_15

from .people import walking

Change = Callable[[dict[str, Any]], object]


def save(path: Path, **content: Any) -> None:
    np.savez_compressed(path, **content)


LEFT_RIGHT = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
USED = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]  # of Human3.6M's 32 joints
TURNED = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # Z up to y down, seen along +Y


def world(frames: int, fps: float = 50) -> np.ndarray:
    """(F, 17, 3) somebody walking near the middle of the room, Z up, metres."""
    return walking(np.arange(frames) / fps)[:, :17].astype(np.float32)


def h36m(
    folder: Path,
    subjects: tuple[str, ...] = ("S9", "S11"),
    actions: tuple[tuple[str, int], ...] = (("Walking", 12), ("Walking 1", 9)),
    extra: int = 0,
    change: Change = lambda files: None,
) -> Path:
    """data_3d_h36m and data_2d_h36m_gt, the true projections through the published cameras, `extra` frames longer."""
    _, cameras = calibration.studio("h36m")
    joints: dict[str, Any] = {s: {} for s in subjects}
    points: dict[str, Any] = {s: {} for s in subjects}
    for subject in subjects:
        for action, frames in actions:
            joints[subject][action] = np.zeros((frames, 32, 3), np.float32)
            joints[subject][action][:, USED] = world(frames)
            points[subject][action] = [picture(world(frames + extra), c, subject) for c in cameras]
    metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": LEFT_RIGHT}
    files = {"3d": {"positions_3d": joints}, "2d": {"positions_2d": points, "metadata": metadata}}
    change(files)
    save(folder / "data_3d_h36m.npz", **files["3d"])
    save(folder / "data_2d_h36m_gt.npz", **files["2d"])
    return folder


def picture(joints: np.ndarray, camera: calibration.Mounted, subject: str) -> np.ndarray:
    """(F, J, 2) pixels of world joints in a camera of Human3.6M."""
    assert camera.camera is not None
    joints_cam = torch.from_numpy(camera.to_camera(joints, subject))
    seen = project(joints_cam, torch.from_numpy(camera.camera.screen)).numpy()
    return from_screen(seen, camera.width, camera.height)


def humaneva(folder: Path, names: tuple[str, ...], detector: str, actions: tuple[str, ...] = ("Jog 1 chunk0",)) -> Path:
    """Both files for S1 to S3, trained and validated on; S4 is only seen. The lens is 800 px, centre (330, 235)."""
    _, cameras = calibration.studio("humaneva")
    body = world(20)[:, [H36M_17.index(n) for n in HUMANEVA_15]]
    shown = [HUMANEVA_15.index(n) if n in HUMANEVA_15 else 0 for n in names]
    joints: dict[str, Any] = {}
    points: dict[str, Any] = {}
    for key in (f"{split}/S{i}" for split in ("Train", "Validate") for i in (1, 2, 3)):
        seen = [camera.to_camera(body, key[-2:])[:, shown] for camera in cameras]
        views = [(s[..., :2] / s[..., 2:] * 800 + (330, 235)).astype(np.float32) for s in seen]
        joints[key] = dict.fromkeys(actions, body)
        points[key] = dict.fromkeys(actions, views)
    unknown = np.ones((8, len(names), 2), np.float32)
    points["Unlabeled/S4"] = {"Box 2": [unknown, None, unknown]}
    sides = [[k for k, n in enumerate(names) if n.startswith(side)] for side in ("left", "right")]
    metadata = {"layout_name": "coco" if names == COCO_17 else "humaneva15", "keypoints_symmetry": sides}
    save(folder / "data_3d_humaneva15.npz", positions_3d=joints)
    save(folder / f"data_2d_humaneva15_{detector}.npz", positions_2d=points, metadata=metadata)
    return folder


def in_3dhp(frames: int) -> np.ndarray:
    """(F, 17, 3) joints in camera axes, H36M_17 order, metres."""
    return world(frames) @ TURNED + [0.2, 0.9, 4.0]


def mpi_inf_3dhp(folder: Path, change: Change = lambda files: None) -> Path:
    """data_train_3dhp and data_test_3dhp; millimetres before a lens of 1500 px; 10 of 15 test frames are valid."""
    joints_cam = in_3dhp(15)[:, [H36M_17.index(n) for n in MPI_INF_3DHP_17]]

    def take(width: int, height: int) -> dict[str, Any]:
        flat = joints_cam[..., :2] / joints_cam[..., 2:] * 1500 + (width / 2 + 7, height / 2 - 5)
        return {"data_2d": flat, "data_3d": 1000 * joints_cam}

    test = {f"TS{i}": take(1920, 1080) if i > 4 else take(2048, 2048) for i in range(1, 7)}
    for sequence in test.values():
        sequence["valid"] = np.array([1] * 10 + [0] * 5, np.uint8)
        sequence["data_3d"][10:] = 0
    files: dict[str, Any] = {"train": {"S1 Seq2": [{"0": take(2048, 2048), "8": take(2048, 2048)}, 25]}, "test": test}
    change(files)
    for name, content in files.items():
        save(folder / f"data_{name}_3dhp", data=content)
    return folder


def mocap_file(path: Path, lengths: tuple[int, ...] = (60, 45)) -> Path:
    """Walks in the training form of our motion capture."""
    clips = [np.round(walking(np.arange(n) / 30, 1 + i / 4) * 1000) for i, n in enumerate(lengths)]
    delta = np.concatenate([np.concatenate([c[:1], np.diff(c, axis=0)]) for c in clips]).astype(np.int16)
    np.savez(
        path, delta=delta, start=np.cumsum((0, *lengths))[:-1], length=np.array(lengths),
        clip_id=np.array([f"cmu_{5 + i:02}_01" for i in range(len(lengths))]),
        points=np.array(BODY_27.names), fps=np.full(len(lengths), 30.0),
    )  # fmt: skip
    return path
