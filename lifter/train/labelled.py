"""Clips of 2D points in a folder, for actions and for pre-training on pictures alone: folder/ACTION/files.

A file is whatever `lift` reads and tells its frame rate and size: `python -m lifter detect` writes such ones.
"""

from __future__ import annotations

from pathlib import Path

from ..contract.protocol import InputError
from ..contract.skeleton import H36M_17
from ..keypoints import to_h36m_17
from .datasets import Camera, Clip, Dataset


def read_labelled(folder: Path, point_names: tuple[str, ...] = H36M_17.names) -> Dataset:
    """All files of all sub-folders, as H36M_17 points; the sub-folder is the action.

    Raises InputError for a file that cannot be read, for an empty folder, and for other `point_names`.
    """
    from .. import keypoint_files  # scipy, which is not on machines that only train

    if point_names != H36M_17.names:
        raise InputError(f"{folder}: its points become H36M_17, but the other clips have others.")
    clips: list[Clip] = []
    for path in sorted(p for p in folder.glob("*/*") if p.suffix in (".npz", ".json") or p.is_dir()):
        keypoints = keypoint_files.read(path)
        width, height = int(keypoints.header["width"]), int(keypoints.header["height"])
        focal = float(max(width, height))  # unknown, and not used
        lens = Camera(width, height, (focal, focal), (width / 2, height / 2))
        fps = float(keypoints.header["fps"])
        clips.append(Clip(path.stem, path.parent.name, "", fps, to_h36m_17(keypoints), None, lens))
    if not clips:
        raise InputError(f"{folder}: holds no keypoints as ACTION/file.npz or ACTION/file.json.")
    return Dataset(folder.name, tuple(clips), H36M_17.names, H36M_17.names)
