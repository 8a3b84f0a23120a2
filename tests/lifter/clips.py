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


def dog(path: Path, frames: int, size: tuple[int, int] = (320, 240)) -> Path:
    """Something on four legs that trots through the picture."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, size)
    brown, grass = (40, 70, 110), (90, 160, 120)
    for i in range(frames):
        picture = np.full((size[1], size[0], 3), grass, np.uint8)
        x, y = 60 + 4 * i, 130
        cv2.ellipse(picture, (x, y), (55, 22), 0, 0, 360, brown, -1)
        cv2.ellipse(picture, (x + 62, y - 22), (20, 13), -20, 0, 360, brown, -1)
        cv2.line(picture, (x - 52, y - 8), (x - 78, y - 30), brown, 7)
        for k, foot in enumerate((-40, -28, 30, 42)):
            swing = round(14 * np.sin(0.6 * i + 1.5 * k))
            cv2.line(picture, (x + foot, y + 14), (x + foot + swing, y + 62), brown, 9)
        writer.write(picture)
    writer.release()
    return path


def part_of_walk(path: Path, first: int, count: int, scale: float = 0.5, upper: float = 1.0) -> Path:
    """Some frames of the shipped clip, smaller; of each the upper share."""
    capture = cv2.VideoCapture(str(WALK))
    writer = None
    for i in range(first + count):
        ok, frame = capture.read()
        assert ok
        if i < first:
            continue
        frame = cv2.resize(frame, None, fx=scale, fy=scale)
        frame = frame[: round(upper * len(frame)) // 2 * 2]
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, frame.shape[1::-1])
        writer.write(frame)
    assert writer is not None
    writer.release()
    capture.release()
    return path
