"""The focal length from the person alone: under the true one the lifted joints fit the rays that they were seen along best.

It shows by perspective, so the nearer the person the better; far away it hardly shows, and the usual lens is kept. A few
seconds of the clip are lifted under several focal lengths; the result is the mean over them, weighted by fit and by how
common they are.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .gaps import known_stretches
from .lens import DEFAULT_HFOV_DEG
from .lift import lift
from .networks import Lifter
from .rays import directions
from .root_path import locate

FloatArray = npt.NDArray[np.floating]

TRIED = np.log([0.6, 1.0, 1.7])  # times the usual focal length
USUAL_SPREAD = 0.3  # standard deviation of the logarithm over phones, cameras and webcams
PIECES = 2  # of the clip, each one window of the network long, where the person is largest
OFF_M, MOST = 0.03, 3.0  # so far are joints off their rays usually, and the most that one counts, in this unit
# Fitted on 40 rendered clips whose lens is known (tests/benchmarks/lens.py):
EVIDENCE = 8.0  # independent observations that a clip is worth
LONGER = 0.1  # by so much the fit prefers long lenses
TOLD = 1.3  # times the spread of the weights: 68 % of these guesses are then within one deviation


def guess(
    lifter: Lifter,
    body: FloatArray,
    times: FloatArray,
    size: tuple[int, int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[float, float]:
    """Focal length and its standard deviation, pixels, of a still camera of `size` that sees this person: body (F, 27, 3)
    x, y in pixels, confidence; times (F,) seconds. `progress(done, total)` counts what is lifted."""
    usual = max(size) / 2 / np.tan(np.radians(DEFAULT_HFOV_DEG) / 2)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    every = max(round(1 / (step * lifter.info.fps)), 1)  # so many of the clip's frames to one of the network's
    body, times = body[::every], times[::every]
    parts = _pieces(body, times, int(lifter.info.config["frames"]) / lifter.info.fps)
    cost = np.zeros(len(TRIED))
    for i, at in enumerate(parts):
        for k, x in enumerate(TRIED):
            cost[k] += misfit(lifter, body[at], times[at], size, usual * np.exp(x)) / len(parts)
            progress(i * len(TRIED) + k + 1, len(parts) * len(TRIED))
    return weigh(cost, usual) if parts else (usual, USUAL_SPREAD * usual)


def weigh(cost: FloatArray, usual: float) -> tuple[float, float]:
    """Focal length and its standard deviation, pixels, from the misfit under each of TRIED."""
    x = np.linspace(TRIED[0], TRIED[-1], 101)
    fit = np.polyval(np.polyfit(TRIED, cost / cost.min(), 2), np.clip(x + LONGER, TRIED[0], TRIED[-1]))
    log = -EVIDENCE * fit / 2 - (x / USUAL_SPREAD) ** 2 / 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float((weight * x).sum())
    spread = TOLD * float(np.sqrt((weight * (x - mean) ** 2).sum()))
    return usual * float(np.exp(mean)), usual * float(np.exp(mean)) * spread


def misfit(lifter: Lifter, body: FloatArray, times: FloatArray, size: tuple[int, int], focal: float) -> float:
    """Mean square of how far joints are off their rays, in OFF_M, by confidence."""
    intrinsics = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    lifted = lift(lifter, body, times, intrinsics, None, lambda done, total: None, lambda text: None)
    known = np.isfinite(lifted.joints).all((-1, -2))
    rays, weight = directions(body[known], intrinsics)
    placed = lifted.joints[known] + locate(lifted.joints[known], rays, weight)[:, None]
    off = np.linalg.norm(np.cross(placed, rays), axis=-1) / OFF_M
    return float(np.average(np.minimum(off, MOST) ** 2, weights=weight))


def _pieces(body: FloatArray, times: FloatArray, piece_s: float) -> list[slice]:
    """Where in the clip the person is largest, and seen, for `piece_s` seconds or less."""
    seen = body[..., 2] > 0
    found: list[tuple[float, slice]] = []
    for a, b in known_stretches(seen.any(-1), times):
        cuts = [a, *(np.searchsorted(times[a:b], np.arange(times[a] + piece_s, times[b - 1], piece_s)) + a), b]
        for first, stop in pairwise(cuts):
            at = slice(int(first), int(stop))
            if seen[at].any():
                rows = body[at][seen[at].any(-1), :, 1]
                height = np.median(np.nanmax(rows, 1) - np.nanmin(rows, 1))
                found.append((float(height * seen[at].mean()), at))
    return [at for _, at in sorted(found, key=lambda f: -f[0])[:PIECES]]
