"""How a noisy path becomes a steady one: a filter that knows time and confidence and shifts nothing.

Whittaker's smoother (Eilers, "A Perfect Smoother", 2003) with the second difference as penalty: zero phase, no
border transients, weights for confidence, and gaps filled by its own smoothness.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from .gaps import known_stretches

FloatArray = npt.NDArray[np.floating]

BRIDGED_CONFIDENCE = 0.1  # of frames in which a joint was filled in
LEAST_WEIGHT = 0.05  # an unsure joint still counts a little, else it would drift


def smooth(
    positions: FloatArray, confidence: FloatArray, times: FloatArray, cutoff_hz: float
) -> tuple[FloatArray, FloatArray]:
    """Filter (F, J, 3) positions, NaN where unknown, with gaps up to MAX_GAP_S bridged; longer ones stay NaN.

    confidence (F, J); times (F,) seconds. The amplitude of a swing at `cutoff_hz` falls to 0.71 (-3 dB); 0 filters
    nothing. Returns positions and confidence, low where bridged and 0 where unknown.
    """
    out = np.full(positions.shape, np.nan, np.float32)
    out_confidence = np.zeros(confidence.shape, np.float32)
    for j in range(positions.shape[1]):
        known = np.isfinite(positions[:, j]).all(-1)
        for a, b in known_stretches(known, times):
            inside = known[a:b]
            weight = np.where(inside, np.maximum(confidence[a:b, j], LEAST_WEIGHT), 0)
            y = np.where(inside[:, None], positions[a:b, j], 0)
            if cutoff_hz > 0 or not inside.all():
                y = whittaker(y, weight, times[a:b], cutoff_hz or 1e3)
            out[a:b, j] = y
            floor = np.minimum(BRIDGED_CONFIDENCE, confidence[a:b, j].max())
            out_confidence[a:b, j] = np.where(inside, confidence[a:b, j], floor)
    return out, np.where(np.isfinite(out).all(-1), out_confidence, 0)


def whittaker(y: FloatArray, weight: FloatArray, times: FloatArray, cutoff_hz: float) -> FloatArray:
    """(F, C) smooth version of y: minimises sum w (x - y)^2 + stiffness |second derivative|^2.

    weight (F,) with at least one positive entry; times (F,) seconds, need not be even.
    """
    F = len(y)
    if F < 3:
        return y
    step = float(np.median(np.diff(times)))
    left, middle, right = (step**2 * part for part in second_difference(times))  # 1, -2, 1 on even times
    omega = 2 * np.sin(np.pi * min(cutoff_hz * step, 0.5))
    stiffness = (np.sqrt(2) - 1) / omega**4  # gain 1 / (1 + stiffness omega^4) is 0.71 at the cut-off
    bands = np.zeros((3, F))  # upper form: [2nd, 1st, diagonal]
    bands[2] = np.maximum(weight / max(weight.max(), 1e-9), 1e-9)
    scale = bands[2].copy()
    for k, (a, b) in enumerate(((left, left), (middle, middle), (right, right))):
        bands[2, k : F - 2 + k] += stiffness * a * b
    bands[1, 1 : F - 1] += stiffness * left * middle
    bands[1, 2:F] += stiffness * middle * right
    bands[0, 2:F] += stiffness * left * right
    return solveh_banded(bands, scale[:, None] * y)


def second_difference(times: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, each (F - 2,), that give the second derivative from a frame, the next and the one after, in 1/s^2.

    times (F,) seconds, need not be even.
    """
    h0, h1 = np.diff(times)[:-1], np.diff(times)[1:]
    left, right = 2 / (h0 * (h0 + h1)), 2 / (h1 * (h0 + h1))
    return left, -(left + right), right
