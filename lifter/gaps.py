"""Where a person is known, and which gaps are short enough to bridge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MAX_GAP_S = 0.5  # a longer gap bridged by guessing looks like sliding


def known_stretches(known: npt.NDArray[np.bool_], times: npt.NDArray[np.floating]) -> list[tuple[int, int]]:
    """[first, stop) of stretches that begin and end known, with no gap longer than MAX_GAP_S inside.

    known (F,); times (F,) seconds.
    """
    at = np.flatnonzero(known)
    if not len(at):
        return []
    breaks = np.flatnonzero((np.diff(at) > 1) & (np.diff(times[at]) > MAX_GAP_S))
    firsts = at[np.r_[0, breaks + 1]]
    lasts = at[np.r_[breaks, len(at) - 1]]
    return [(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]
