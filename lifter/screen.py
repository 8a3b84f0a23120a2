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
