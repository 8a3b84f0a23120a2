"""Small video files for tests, written by OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

WALK = Path(__file__).resolve().parents[2] / "demo" / "walk.mp4"


def write(path: Path, frames: int, size: tuple[int, int] = (160, 120), fps: float = 30.0) -> Path:
    """A clip without people whose frame i is i * 2 grey (so that frames can be told apart)."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    for i in range(frames):
        writer.write(np.full((size[1], size[0], 3), i * 2, np.uint8))
    writer.release()
    return path


def part_of_walk(path: Path, first: int, count: int, scale: float = 0.5) -> Path:
    """Some frames of the shipped clip, smaller."""
    capture = cv2.VideoCapture(str(WALK))
    writer = None
    for i in range(first + count):
        ok, frame = capture.read()
        assert ok
        if i < first:
            continue
        frame = cv2.resize(frame, None, fx=scale, fy=scale)
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, frame.shape[1::-1])
        writer.write(frame)
    assert writer is not None
    writer.release()
    capture.release()
    return path
