"""How far a predicted pose is from the true one. All on (F, J, 3) arrays; the same unit comes out as goes in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def mpjpe(predicted: Array, true: Array) -> float:
    """Mean distance between joints (Human3.6M protocol 1, both root-relative beforehand)."""
    return float(np.linalg.norm(predicted - true, axis=-1).mean())


def one_scale(predicted: Array, true: Array) -> float:
    """What all of `predicted` is to be multiplied with for the least squared error: one size for a whole clip."""
    return float((predicted * true).sum() / np.maximum((predicted**2).sum(), 1e-12))


def n_mpjpe(predicted: Array, true: Array) -> float:
    """mpjpe after the best scale per frame, which may be negative as in the published code (Rhodin et al., 2018)."""
    scale = (predicted * true).sum((-2, -1)) / np.maximum((predicted**2).sum((-2, -1)), 1e-12)
    return mpjpe(predicted * scale[..., None, None], true)


def p_mpjpe(predicted: Array, true: Array) -> float:
    """mpjpe after the best rotation, translation and scale per frame (protocol 2; Umeyama, 1991)."""
    p, t = predicted.astype(np.float64), true.astype(np.float64)
    mean_p, mean_t = p.mean(-2, keepdims=True), t.mean(-2, keepdims=True)
    p, t = p - mean_p, t - mean_t
    u, s, vt = np.linalg.svd(np.swapaxes(t, -1, -2) @ p)
    sign = np.ones_like(s)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[..., None, :]) @ vt
    scale = (s * sign).sum(-1) / np.maximum((p**2).sum((-2, -1)), 1e-12)
    return mpjpe(scale[..., None, None] * (p @ np.swapaxes(rotation, -1, -2)) + mean_t, true)


def mpjve(predicted: Array, true: Array) -> float:
    """Mean distance between joint velocities: first differences along F, in unit per frame."""
    return mpjpe(np.diff(predicted, axis=-3), np.diff(true, axis=-3))


def acceleration_error(predicted: Array, true: Array, fps: float) -> float:
    """Mean distance between joint accelerations: second differences along F, in unit per second squared."""
    return mpjpe(np.diff(predicted, n=2, axis=-3), np.diff(true, n=2, axis=-3)) * fps**2


def pck(predicted: Array, true: Array, threshold: float) -> float:
    """Percentage of joints less than `threshold` off, which is in the arrays' unit (MPI-INF-3DHP: 150 mm)."""
    return 100 * float((np.linalg.norm(predicted - true, axis=-1) < threshold).mean())


def auc(predicted: Array, true: Array, limit: float) -> float:
    """Mean of `pck` at 31 thresholds from 0 to `limit` (150 mm in steps of 5, as in MPI-INF-3DHP's own script).

    0 is one of them and nothing is less than 0 off, so a perfect result has 100 · 30 / 31 = 96.8.
    """
    return float(np.mean([pck(predicted, true, threshold) for threshold in np.linspace(0, limit, 31)]))
