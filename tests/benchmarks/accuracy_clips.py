"""A rendered clip, and what MediaPipe makes of it: its 2D landmarks and its own 3D of the same person, detected once.

synthetic/README.md has the form of a clip; `mediapipe.npz` and `lines.npy` are added to its folder here.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter import lines
from video_to_armature.lifter import video as videos
from video_to_armature.lifter.contract.files import replacing
from video_to_armature.lifter.contract.protocol import InputError, NobodyFoundError
from video_to_armature.lifter.detect.mediapipe_pose import MediapipePose
from video_to_armature.lifter.keypoints import MEDIAPIPE_33, Keypoints, to_body_27
from video_to_armature.lifter.people import PEOPLE
from video_to_armature.lifter.track import track

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Clip:
    """Axes of the camera, metres. joints_cam (F, 27, 3): the truth; mediapipe_3d (F, 27, 3): MediaPipe's, from the middle
    of the hips; body_px (F, 27, 3): x, y in pixels, confidence. NaN and 0 in frames where it found nobody. times (F,)
    seconds; size: width and height in pixels; lines: of Keypoints."""

    folder: Path
    joints_cam: Floats
    intrinsics: Floats
    fps: float
    size: tuple[int, int]
    times: npt.NDArray[np.float64]
    body_px: npt.NDArray[np.float32]
    mediapipe_3d: npt.NDArray[np.float32]
    lines: npt.NDArray[np.float32]

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(F,) frames in which MediaPipe found the person."""
        return np.isfinite(self.mediapipe_3d[:, 0, 0])


def folders(renders: Path) -> list[Path]:
    """The clips that are whole, in order."""
    return sorted(path.parent for path in renders.glob("*/truth.npz") if not path.parent.name.startswith("."))


def frames(folder: Path) -> int:
    with np.load(folder / "truth.npz", allow_pickle=False) as truth:
        return len(truth["joints_cam"])


def read(folder: Path) -> Clip:
    """One clip, detected where that has not been done. Raises InputError where video and truth differ in length."""
    with np.load(folder / "truth.npz", allow_pickle=False) as truth:
        joints_cam, intrinsics, fps = truth["joints_cam"], truth["intrinsics"], float(truth["fps"])
    kept = folder / "mediapipe.npz"
    if not kept.is_file():
        points, world, times = detect(folder / "video.mp4")
        with replacing(kept) as part:
            np.savez_compressed(part, keypoints_px=points, world=world, frame_times=times)
    with np.load(kept, allow_pickle=False) as seen:
        points, world, times = seen["keypoints_px"], seen["world"], seen["frame_times"]
    if len(points) != len(joints_cam):
        raise InputError(f"{folder}: {len(points)} frames were detected of {len(joints_cam)} drawn. Render it again.")
    width, height = (round(2 * c) for c in intrinsics[:2, 2])
    body, edges = _body_27(points, times), folder / "lines.npy"
    if not edges.is_file():
        with replacing(edges) as part, part.open("wb") as stream:
            np.save(stream, edges_of(folder / "video.mp4", body))
    return Clip(
        folder, joints_cam, intrinsics, fps, (width, height), times, body, world_to_body_27(world), np.load(edges)
    )


def edges_of(video: Path, body_px: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N, 5) lines of Keypoints, as `capture` finds them around the one person."""
    found, before = [np.zeros((0, 5), np.float32)], None
    for at, frame in enumerate(videos.frames(videos.probe(video))):
        if lines.due(frame.time_s, before):
            points = body_px[at, body_px[at, :, 2] > 0, :2]
            boxes = np.r_[points.min(0), points.max(0)][None] if len(points) else np.zeros((0, 4))
            found.append(lines.segments(frame.rgb, boxes, at))
        before = frame.time_s
    return np.concatenate(found)


def detect(
    video: Path,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """The person that `capture` would take: landmarks (F, 33, 3) in pixels with visibility, MediaPipe's 3D (F, 33, 3) of
    the same, times (F,). NaN where not found."""
    detector = MediapipePose(PEOPLE)
    people: list[npt.NDArray[np.float32]] = []
    worlds: list[npt.NDArray[np.float32]] = []
    times: list[float] = []
    try:
        for frame in videos.frames(videos.probe(video)):
            seen, world = detector.detect_in_3d(frame.rgb, frame.time_s)
            people.append(seen)
            worlds.append(world)
            times.append(frame.time_s)
    finally:
        detector.close()
    chosen, chosen_world = (np.full((len(times), len(MEDIAPIPE_33), 3), np.nan, np.float32) for _ in range(2))
    with contextlib.suppress(NobodyFoundError):  # every frame counts as missed
        chosen = track(people, np.array(times))[0].points
    for f, (seen, world) in enumerate(zip(people, worlds, strict=True)):
        for one, one_world in zip(seen, world, strict=True):
            if np.array_equal(one, chosen[f]):
                chosen_world[f] = one_world
    return chosen, chosen_world, np.array(times)


def world_to_body_27(world: Floats) -> npt.NDArray[np.float32]:
    """(F, 27, 3) of MediaPipe's 33 points (F, 33, 3), any unit: the conversion that the 2D points go through, which is
    linear, on x and y and then on z."""
    times, sure = np.arange(len(world), dtype=float), np.ones_like(world[..., :1])
    in_plane = _body_27(np.concatenate([world[..., :2], sure], -1), times)[..., :2]
    depth = _body_27(np.concatenate([world[..., [2, 2]], sure], -1), times)[..., :1]
    return np.concatenate([in_plane, depth], -1)


def _body_27(points: Floats, times: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    header = {"fps": 30.0, "width": 0, "height": 0, "first_frame": 0}  # asked for by the type, of no use here
    return to_body_27(Keypoints(header, MEDIAPIPE_33, points.astype(np.float32), times))
