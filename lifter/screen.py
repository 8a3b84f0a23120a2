"""What the published lifters see: points in units of the picture's width, or of the person's box.

Bundled weights see rays instead (rays.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


def to_screen(points_px: FloatArray, width: float, height: float) -> FloatArray:
    """(..., C) with x, y of pixels brought to -1..1 across the width, y in the same unit; other channels stay.

    x / w · 2 − [1, h / w], as MixSTE, VideoPose3D and MotionBERT were trained on Human3.6M.
    """
    points = np.array(points_px, np.float32)
    points[..., :2] = points[..., :2] * (2 / width) - np.array([1, height / width], np.float32)
    return points


def from_screen(points: FloatArray, width: float, height: float) -> FloatArray:
    """The inverse of `to_screen`."""
    points_px = np.array(points, np.float32)
    points_px[..., :2] = (points_px[..., :2] + np.array([1, height / width], np.float32)) * (width / 2)
    return points_px


def square_box(points_px: FloatArray) -> tuple[float, float, float]:
    """Left, top and side of the square around everything seen of (F, K, 3) x, y in pixels, confidence."""
    seen = points_px[points_px[..., 2] > 0, :2]
    low, high = seen.min(0), seen.max(0)
    side = float((high - low).max()) or 1.0  # a single point: any square will do
    left, top = (low + high - side) / 2
    return float(left), float(top), side


def to_crop(points_px: FloatArray, box: tuple[float, float, float]) -> FloatArray:
    """(..., C) with x, y of pixels brought to -1..1 across a `square_box`, as MotionBERT sees people in the wild."""
    left, top, side = box
    points = np.array(points_px, np.float32)
    points[..., :2] = (points[..., :2] - np.array([left, top], np.float32)) * np.float32(2 / side) - 1
    return points.clip(-1, 1)
