"""What is in a video file: upright frames with their true times. The only importer of cv2 for decoding."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # a damaged frame is reported once, by us
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
import cv2

from .contract.protocol import InputError

DEFAULT_FPS = 30.0  # for files that state none


@dataclass(frozen=True)
class Video:
    """A file that opens and decodes. Width and height are those of the upright frame; frame_count is the file's claim."""

    path: Path
    width: int
    height: int
    fps: float
    frame_count: int


@dataclass(frozen=True)
class Frame:
    """rgb (height, width, 3) uint8, upright; index in the file; time in seconds from the file's first frame."""

    index: int
    time_s: float
    rgb: npt.NDArray[np.uint8]


def probe(path: Path) -> Video:
    """Open the file and decode one frame. Raises InputError saying what is wrong with it."""
    capture = _open(path)
    try:
        ok, frame = capture.read()
        if not ok:
            raise InputError(
                f"{path}: opens as a video, but no frame of it can be decoded. Is it damaged? Export it again."
            )
        fps = capture.get(cv2.CAP_PROP_FPS)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        height, width = frame.shape[:2]
        return Video(path, width, height, fps if 0 < fps < 1000 else DEFAULT_FPS, int(count) if 0 < count < 1e9 else 0)
    finally:
        capture.release()


def frames(video: Video, start_s: float = 0.0, end_s: float | None = None, skip: int = 0) -> Iterator[Frame]:
    """Frames with start_s <= time <= end_s, less the first `skip` of these (passed over without converting them).

    Memory does not grow with the length. A file damaged half-way ends where it stops decoding.
    """
    capture = _open(video.path)
    last = -1.0
    first: float | None = None
    kept = 0
    try:
        index = -1
        while capture.grab():
            index += 1
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            first = stamp if first is None else first
            time_s = stamp - first
            if index > 0 and time_s <= last:  # no usable stamps in this file
                time_s = last + 1 / video.fps
            last = time_s
            if time_s < start_s - 1e-6:
                continue
            if end_s is not None and time_s > end_s + 1e-6:
                return
            kept += 1
            if kept <= skip:
                continue
            ok, bgr = capture.retrieve()
            if not ok:
                return
            yield Frame(index, time_s, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    finally:
        capture.release()


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open(path: Path) -> Any:
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if path.is_dir():
        raise InputError(f"{path}: this is a folder. Name a video file.")
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    if empty:
        raise InputError(f"{path}: is empty (0 bytes). Copy or export it again.")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise InputError(
            f"{path}: holds no video that can be decoded. Is it a video, and whole? Convert it to MP4 (H.264)."
        )
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # off by default here: phone videos would lie on their side
    return capture
