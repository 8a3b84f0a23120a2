"""Which moment of the video each frame of the scene shows, after a motion was applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..lifter.contract.motion import Motion
from .retarget.choices import Keying
from .retarget.resample import resample, trimmed

Array = npt.NDArray[np.float64]


def shown(motion: Motion, fps: float, made: Mapping[str, Any]) -> tuple[Array, Array]:
    """(G,) frames of the scene, one by one, and (G,) seconds in the video. fps: the scene's; made: actions.made_of."""
    keying = Keying(**made.get("keying", {}))
    times = resample(trimmed(motion, keying), fps / keying.speed).times
    return keying.start + np.arange(len(times), dtype=np.float64), times


def nearest(source: Array, times: Array) -> npt.NDArray[np.intp]:
    """For each of the times the place of the nearest in source, which increases."""
    if len(source) == 1:
        return np.zeros(len(times), np.intp)
    right = np.clip(np.searchsorted(source, times), 1, len(source) - 1)
    return np.where(times - source[right - 1] <= source[right] - times, right - 1, right)
