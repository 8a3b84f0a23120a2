"""Where the person of a motion is: on the video, from the side and from above. Draws on matplotlib's axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import video as videos
from .contract.motion import Motion
from .contract.protocol import InputError

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]

LEFT, RIGHT, MIDDLE = "#e8590c", "#1c7ed6", "#343a40"
KEYPOINTS = {"color": "#ffd43b", "marker": ".", "ls": "", "ms": 4, "mec": "black", "mew": 0.3}
SEEN = 0.3  # keypoints less sure than this neither frame a picture nor stand on it
MOST_PICTURES = 7
ROW_SHAPE = 5.9  # width over height of the row of pictures
MARGIN = 1.35  # height of a picture over that of the person
STAYS_M = 1.0  # a shorter way is none
STRIP = 8  # poses of who stays, side by side
POSES_APART_M = 0.5  # on a way; nearer ones would hide each other
MOST_POSES = 12
TOP_M = 2.0  # least width and height of the view from above
GRID_M = 8  # lines of the ground to each side


def colour(name: str) -> str:
    """Of a joint, by the side of the body it is on."""
    return LEFT if name.startswith("left_") else RIGHT if name.startswith("right_") else MIDDLE


def project(motion: Motion, frame: int, points: FloatArray) -> FloatArray:
    """(N, 2) pixels of world points (N, 3) in a frame; NaN behind the camera."""
    world_from_cam = motion.world_from_cam[frame] if motion.world_from_cam.ndim == 3 else motion.world_from_cam
    in_cam = (points - world_from_cam[:3, 3]) @ world_from_cam[:3, :3]
    flat = np.where(in_cam[:, 2:] > 0.05, in_cam, np.nan) @ motion.intrinsics.T
    return flat[:, :2] / flat[:, 2:]


def pictures(figure: Any, motion: Motion, video: Path | None) -> None:
    """A row of moments with the skeleton, on the video or on the ground's metre lines. Raises InputError."""
    boxes = {f: _box(motion, f) for f in _moments(motion, 60)}
    full = 2 * motion.intrinsics[:2, 2]
    w, h = np.minimum(MARGIN * np.median([np.ptp(box, axis=0) for box in boxes.values()], axis=0), full)
    h = max(h, 0.6 * w, 16.0)
    count = int(np.clip(ROW_SHAPE * h / max(w, 1.0), 2, MOST_PICTURES))
    half = np.array([ROW_SHAPE * h / count, h]) / 2
    frames = _moments(motion, count)
    images = _frames(video, motion, frames) if video else [None] * len(frames)
    row = np.ravel(figure.subplots(1, count))
    for axes, frame, image in zip(row, frames, images, strict=False):
        if image is None:
            _ground(axes, motion, frame)
        else:
            axes.imshow(image, interpolation="bilinear")
        _skeleton(axes, project(motion, frame, motion.positions[frame]), motion, 2.2)
        seen = motion.keypoints_px[frame]
        axes.plot(*seen[seen[:, 2] >= SEEN, :2].T, **KEYPOINTS)
        middle = _box(motion, frame).mean(0)
        (left, top), (right, bottom) = middle - half, middle + half
        axes.set(xticks=(), yticks=(), facecolor="0.92", aspect="equal", xlim=(left, right), ylim=(bottom, top))
        axes.set_title(f"{motion.frame_times[frame]:.2f} s  (frame {frame})", fontsize=9)
    for axes in row[len(frames) :]:
        axes.set_axis_off()
    keys = [row[0].plot([], [], color=c, lw=2.5)[0] for c in (LEFT, RIGHT, MIDDLE)] + row[0].plot([], [], **KEYPOINTS)
    labels = ["left", "right", "trunk and head, reprojected", "keypoints in the video"]
    figure.legend(keys, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)


def side(axes: Any, motion: Motion) -> None:
    """The way from its side; of who stays, a strip of poses seen at a right angle to the camera."""
    way = _way(motion)
    flat = np.stack([motion.positions @ (way if way is not None else [0, 1, 0]), motion.positions[..., 2]], -1)
    axes.axhline(0, color="0.6", lw=1)
    if way is not None:
        axes.plot(*flat[:, 0].T, color=MIDDLE, lw=1, alpha=0.7)
        _many(axes, flat, motion, _poses(motion))
        axes.set_xlabel(f"along the way ({way[0]:+.2f} x {way[1]:+.2f} y), m")
        axes.set_title("from the side: the pelvis' path and poses, the later the darker", fontsize=9)
    else:
        for i, frame in enumerate(_moments(motion, STRIP)):
            _skeleton(axes, flat[frame] + [i, 0], motion, 1.6)
            axes.annotate(f"{motion.frame_times[frame]:.1f} s", (i, -0.04), va="top", ha="center", fontsize=8)
        axes.update_datalim([(0, -0.2)])
        axes.set_xlabel("away from the camera (y), m; each pose a metre on from the one before")
        axes.set_title("from the side: hardly leaves its place", fontsize=9)
    axes.set(aspect="equal", adjustable="datalim", ylabel="height (z), m")
    axes.grid(alpha=0.25)


def top(axes: Any, motion: Motion) -> None:
    """The way from above, where the feet stood, and where the camera is."""
    flat = motion.positions[..., :2]
    axes.plot(*flat[:, 0].T, color=MIDDLE, lw=1, alpha=0.7)
    _many(axes, flat, motion, _poses(motion) if _way(motion) is not None else _moments(motion, 3)[-2:][:1])
    for name, column in zip(motion.contact_names, motion.contacts.T, strict=True):
        if name in motion.joint_names:
            axes.plot(*motion.joint(name)[column > 0.5, :2].T, ".", color=colour(name), ms=3, alpha=0.5)
    low, high = np.nanmin(flat, axis=(0, 1)), np.nanmax(flat, axis=(0, 1))
    middle, size = (low + high) / 2, np.maximum(1.1 * (high - low), TOP_M)
    axes.update_datalim([middle - size / 2, middle + size / 2])
    camera = (motion.world_from_cam if motion.world_from_cam.ndim == 2 else motion.world_from_cam[0])[:2, 3]
    away, distance = camera - middle, float(np.linalg.norm(camera - middle))
    tip = middle + away / max(2 * np.abs(away / size).max(), 1)  # at the edge, or where it is
    axes.annotate(
        f"camera, {distance:.1f} m away", tip, tip - 0.2 * size * away / max(distance, 1e-9), fontsize=8, ha="center",
        va="center", color="0.3", arrowprops={"arrowstyle": "->", "color": "0.3"},
    )  # fmt: skip
    axes.set(aspect="equal", adjustable="datalim", xlabel="to the camera's right (x), m", ylabel="away from it (y), m")
    axes.set_title("from above: dots where feet stand", fontsize=9)
    axes.grid(alpha=0.25)


def _moments(motion: Motion, count: int) -> list[int]:
    """Frames in which something is known, evenly chosen."""
    known = np.flatnonzero(motion.known.any(-1))
    return [int(f) for f in np.unique(known[np.linspace(0, len(known) - 1, count).round().astype(int)])]


def _poses(motion: Motion) -> list[int]:
    """Frames that are evenly spaced on the way."""
    known = np.flatnonzero(motion.known[:, 0])
    gone = np.linalg.norm(np.diff(motion.positions[known, 0, :2], axis=0, prepend=0), axis=-1)
    gone = np.cumsum(gone) - gone[0]
    count = int(np.clip(gone[-1] / POSES_APART_M, 2, MOST_POSES))
    return [int(known[i]) for i in np.unique(np.searchsorted(gone, np.linspace(0, gone[-1] - 1e-6, count)))]


def _way(motion: Motion) -> FloatArray | None:
    """(3,) level direction along which the person goes; None for who stays."""
    root = motion.positions[motion.known[:, 0], 0, :2].astype(float)
    if len(root) < 2 or np.linalg.norm(np.ptp(root, axis=0)) < STAYS_M:
        return None
    _, _, axes = np.linalg.svd(root - root.mean(0), full_matrices=False)
    x, y = axes[0] * np.sign(axes[0][np.abs(axes[0]).argmax()])
    return np.array([x, y, 0.0])


def _box(motion: Motion, frame: int) -> FloatArray:
    """(2, 2) corners about the person in pixels: keypoints where they were seen, else the skeleton, else the picture."""
    points = motion.keypoints_px[frame]
    points = points[points[:, 2] >= SEEN, :2]
    if len(points) < 2:
        points = project(motion, frame, motion.positions[frame])
        points = points[np.isfinite(points).all(-1)]
    if not len(points):
        points = np.stack([np.zeros(2), 2 * motion.intrinsics[:2, 2]])
    return np.stack([points.min(0), points.max(0)])


def _skeleton(axes: Any, points: FloatArray, motion: Motion, width: float, alpha: float = 1.0) -> None:
    """Bones of one pose between its points (J, 2), NaN where unknown."""
    for name, parent, point in zip(motion.joint_names, motion.parents, points, strict=True):
        if parent >= 0 and np.isfinite([point, points[parent]]).all():
            ends = zip(point, points[parent], strict=True)
            axes.plot(*ends, color=colour(name), lw=width, alpha=alpha, solid_capstyle="round")


def _many(axes: Any, flat: FloatArray, motion: Motion, frames: Sequence[int]) -> None:
    """Poses, the later the darker."""
    for i, frame in enumerate(frames, 1):
        _skeleton(axes, flat[frame], motion, 1.6, 0.35 + 0.65 * i / len(frames))


def _ground(axes: Any, motion: Motion, frame: int) -> None:
    """The ground's lines about the person, a metre apart, as the camera sees them."""
    middle = np.nanmean(motion.positions[frame, :, :2], axis=0).round()
    along = np.linspace(-GRID_M, GRID_M, 20 * GRID_M + 1)
    for k in range(-GRID_M, GRID_M + 1):
        for line in (np.stack([along, 0 * along + k], 1), np.stack([0 * along + k, along], 1)):
            points = np.concatenate([line + middle, 0 * along[:, None]], 1)
            axes.plot(*project(motion, frame, points).T, color="0.75", lw=0.7)


def _frames(video: Path, motion: Motion, frames: Sequence[int]) -> list[npt.NDArray[np.uint8]]:
    """The pictures nearest in time to these frames of the motion, in order."""
    file, source = videos.probe(video), motion.header.get("source") or {}
    size = source.get("width", file.width), source.get("height", file.height)
    if size != (file.width, file.height):
        raise InputError(
            f"{video}: is {file.width}x{file.height}, but the motion was captured from {source.get('file')}, "
            f"{size[0]}x{size[1]}. Name that video."
        )
    times, found = motion.frame_times[list(frames)], []
    last: videos.Frame | None = None
    for one in videos.frames(file):
        while last and len(found) < len(times) and times[len(found)] < (last.time_s + one.time_s) / 2:
            found.append(last.rgb)
        last = one
        if len(found) == len(times):
            return found
    if last is None:
        raise InputError(f"{video}: no frame of it can be decoded. Name the motion's own video.")
    return found + [last.rgb] * (len(times) - len(found))
