"""Fewer keys within a bound: curves through some of the frames that miss no other frame by more than a tolerance.

Between two keys a curve is cubic, with the slopes that it has at the keys: Blender's Bezier with handles a third of the
way to the next key is that very curve.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

ROUNDING = 1e-3  # share of the tolerance that is left to Blender's single precision


class Reduced(NamedTuple):
    """Some frames of a curve."""

    kept: Places  # (K,) places of the frames that keep their key
    slopes: Array  # (K, C) there, a frame
    error: float  # the largest that `off` found over all frames


def reduced(values: Array, off: Callable[[Array], Array], tolerance: float) -> Reduced:
    """values: (F, C) on even frames. off: tells of (F, C) values how far (F,) each is from what it should be.

    Keys are added where the curve is farthest off until it is nowhere off by more than the tolerance; the first and the
    last frame keep theirs.
    """
    count = len(values)
    if count < 3:
        slope = np.repeat(np.diff(values, axis=0), count, axis=0) if count == 2 else np.zeros_like(values)
        return Reduced(np.arange(count), slope, 0.0)
    slopes: Array = np.gradient(values, axis=0)
    kept = np.array([0, count - 1])
    while True:
        error = off(through(kept, values[kept], slopes[kept], count))
        worst = np.maximum.reduceat(error, kept[:-1])
        segment = np.minimum(np.searchsorted(kept, np.arange(count), side="right") - 1, len(kept) - 2)
        missed = np.flatnonzero((error > tolerance * (1 - ROUNDING)) & (error >= worst[segment]))
        missed = np.setdiff1d(missed, kept)
        if not len(missed):
            return Reduced(kept, slopes[kept], float(error.max()))
        kept = np.union1d(kept, missed)


def through(kept: Places, values: Array, slopes: Array, count: int) -> Array:
    """(count, C) the curve at each frame. kept: (K,) from 0 to count - 1; values, slopes: (K, C) there."""
    frames = np.arange(count)
    left = np.minimum(np.searchsorted(kept, frames, side="right") - 1, len(kept) - 2)
    step = (kept[left + 1] - kept[left])[:, None].astype(float)
    u = (frames - kept[left])[:, None] / step
    a, b, m, n = values[left], values[left + 1], slopes[left] * step, slopes[left + 1] * step
    return (1 + 2 * u) * (1 - u) ** 2 * a + u * (1 - u) ** 2 * m + u**2 * (3 - 2 * u) * b - u**2 * (1 - u) * n
