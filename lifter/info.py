"""What is in a file: a motion, keypoints, or a video and the people in it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from . import people, who
from . import video as videos
from .contract.motion import Motion
from .contract.protocol import UsageError
from .keypoints import FORMAT_NAME, Keypoints
from .pipeline import Options
from .progress import Run


def about(path: Path) -> dict[str, Any]:
    """In JSON's types. Raises InputError."""
    if not zipfile.is_zipfile(path):
        video = videos.probe(path)
        size = {"width": video.width, "height": video.height}
        return {"file": str(path), **size, "fps": round(video.fps, 4), "frames": video.frame_count}
    if _format(path) == FORMAT_NAME:
        points = Keypoints.load(path)
        times, known, confidence = points.frame_times, points.seen, points.keypoints_px[..., 2]
        names = {"points": len(points.names)}
    else:
        points = Motion.load(path)
        times, known, confidence = points.frame_times, points.known, points.confidence
        names = {"joints": len(points.joint_names)}
    present = known.any(-1)
    return {
        **points.header,
        "frames": len(times),
        "seconds": round(float(times[-1] - times[0]), 3),
        "known_frames": int(present.sum()),
        **names,
        "mean_confidence": round(float(confidence[present].mean()), 3) if present.any() else 0.0,
    }


def about_people(path: Path, picture: Path, options: Options, run: Run) -> list[dict[str, Any]]:
    """Everybody in a video, as --person numbers them, and the picture of who is who. Raises the errors of `people`."""
    if zipfile.is_zipfile(path):
        raise UsageError(f"--who: {path} is no video. Name the video that it was made from.")
    run.stage("open")
    found = people.find(videos.probe(path), options, run)
    who.draw(found, picture, run)
    told: list[dict[str, Any]] = []
    for number, one in enumerate(found.tracks, 1):
        clearest = int(one.seen[..., 2].mean(1).argmax())
        x, y = one.seen[clearest, :, :2].mean(0)
        times = found.times[one.frames]
        told.append({
            "person": number, "frames": len(one.frames), "from": round(float(times[0]), 3),
            "to": round(float(times[-1]), 3), "click": f"{x:.0f},{y:.0f},{times[clearest]:.2f}",
        })  # fmt: skip
    return told


def _format(path: Path) -> str:
    """The format that one of our npz files says it has; nothing for others, whose readers know what to say."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return str(json.loads(str(archive["header"]))["format"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return ""
