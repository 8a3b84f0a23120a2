"""What make.py wrote, and what the detector saw in it: reads a clip, detecting where that has not been done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter import pipeline
from video_to_armature.lifter import video as videos
from video_to_armature.lifter.contract.protocol import InputError, NobodyFoundError
from video_to_armature.lifter.keypoints import MEDIAPIPE_33, Keypoints, to_body_27
from video_to_armature.lifter.train import detector as E

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Clip:
    """Truth and detection. joints_cam (F, 27, 3); error (F, L, 2), visibility (F, L): NaN and 0 where missed."""

    name: str
    joints_cam: Floats
    error: Floats
    visibility: Floats
    inside: Mask  # (F, L) the joint is in the picture
    covered: Floats  # (F, L) metres from the first surface seen there to the joint

    @property
    def found(self) -> Mask:
        return (self.visibility > 0).any(1)


def read(folder: Path) -> Clip:
    """One clip of make.py's, detected where that has not been done."""
    with np.load(folder / "truth.npz", allow_pickle=False) as truth:
        joints = truth["joints_cam"].astype(np.float64)
        intrinsics, covered = truth["intrinsics"], truth["covered"].astype(np.float64)
    kept = folder / "keypoints.npz"
    keypoints = Keypoints.load(kept) if kept.is_file() else detect(folder / "video.mp4", len(joints))
    if not kept.is_file():
        keypoints.save(kept)
    body = to_body_27(keypoints).astype(np.float64)
    if len(body) != len(joints):
        raise InputError(f"{folder}: {len(body)} frames were detected of {len(joints)} drawn. Render it again.")
    exact = joints[:, E.ROWS] @ intrinsics.T
    exact = exact[..., :2] / exact[..., 2:]
    inside = ((exact > 0) & (exact < 2 * intrinsics[:2, 2])).all(-1)
    return Clip(folder.name, joints, E.errors(body, joints, intrinsics), body[:, E.ROWS, 2], inside, covered[:, E.ROWS])


def detect(video: Path, frames: int) -> Keypoints:
    """The largest person by the pipeline's own detection and tracking; nobody found is all unseen."""
    try:
        [person] = pipeline.detect(video, pipeline.Options(), pipeline.Run(lambda event: None))
        return person
    except NobodyFoundError:
        seen = videos.probe(video)
        header = {"fps": seen.fps, "width": seen.width, "height": seen.height, "first_frame": 0}
        points = np.full((frames, len(MEDIAPIPE_33), 3), np.nan)
        return Keypoints(header, MEDIAPIPE_33, points.astype(np.float32), np.arange(frames) / seen.fps)
