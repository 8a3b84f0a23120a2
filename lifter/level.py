"""Which way is up before all is lifted: the network is told it with every point, and is the better for it.

What tells it: a first look at the clip with a network that does not know, and straight lines in the picture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from . import gravity, upright, verticals
from .contract.skeleton import Skeleton
from .lift import lift
from .lifted import Lifted
from .networks import Lifter

FloatArray = npt.NDArray[np.floating]
Up = tuple[FloatArray, float]  # (3,) in the axes of the first camera, and by how many radians it is off


def first_look(
    lifter: Lifter,
    body: FloatArray,
    times: FloatArray,
    intrinsics: FloatArray,
    quarters: int = 0,
    lines: FloatArray | None = None,
    turned: FloatArray | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Up:
    """Up by the frames that the network runs at, and lines (of Keypoints). body (F, 27, 3): x, y in pixels, confidence, as a
    camera sees it that was turned back by so many quarters; times (F,) seconds; turned (F, 3, 3): first_from_cam."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    few = slice(None, None, max(round(1 / (step * lifter.info.fps)), 1))
    if not (body[few][..., 2] > 0).any():  # somebody who is seen for a moment
        few = slice(None)
    lifted = lift(lifter, body[few], times[few], intrinsics, None, progress, lambda text: None)
    lifted = lifted.turned(upright.rotation(-quarters)[None])
    return by_joints(lifted, lifter.skeleton, intrinsics, lines, None if turned is None else turned[few], turned)


def by_joints(
    lifted: Lifted,
    skeleton: Skeleton,
    intrinsics: FloatArray,
    lines: FloatArray | None,
    turned: FloatArray | None,
    lines_turned: FloatArray | None,
) -> Up:
    """Up by joints that are lifted (their frames' first_from_cam: turned) and by lines (of all frames: lines_turned)."""
    lifted = lifted if turned is None else lifted.turned(turned)
    guess = gravity.guess(lifted, np.isfinite(lifted.joints).all((-1, -2)), skeleton)
    if lines is None or not len(lines):
        return guess, gravity.GUESS_SPREAD
    return verticals.up(lines, intrinsics, lines_turned, guess)


def in_each_frame(up: FloatArray, quarters: int, turned: FloatArray | None, frames: int) -> FloatArray:
    """(F, 3) up (3,) in the axes of each frame's camera, turned back by so many quarters."""
    own = up if turned is None else up @ turned
    return np.broadcast_to(own @ upright.rotation(quarters).T, (frames, 3))
