"""Where a person is known, and which gaps are short enough to bridge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MAX_GAP_S = 0.5  # a longer gap bridged by guessing looks like sliding
SLOW = 3.0  # times the usual step between frames: what a slow film's own steps are is no gap


def known_stretches(known: npt.NDArray[np.bool_], times: npt.NDArray[np.floating]) -> list[tuple[int, int]]:
    """[first, stop) of stretches that begin and end known, with no gap longer than MAX_GAP_S inside: nor one in the times.

    known (F,); times (F,) seconds.
    """
    at = np.flatnonzero(known)
    if not len(at):
        return []
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    longest = np.where(np.diff(at) > 1, MAX_GAP_S, max(MAX_GAP_S, SLOW * usual))
    breaks = np.flatnonzero(np.diff(times[at]) > longest)
    firsts = at[np.r_[0, breaks + 1]]
    lasts = at[np.r_[breaks, len(at) - 1]]
    return [(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]
