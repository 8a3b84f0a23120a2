"""Which way is up before anything is lifted: as the user says it, or as straight lines in the picture show it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import gravity, upright, verticals
from .contract.skeleton import Skeleton
from .lens_guess import pieces
from .lift import lift
from .lifted import Lifted
from .networks import Lifter

FloatArray = npt.NDArray[np.floating]


def from_lines(
    lines: FloatArray,
    body: FloatArray,
    times: FloatArray,
    quarters: int,
    lifter: Lifter,
    intrinsics: FloatArray,
    turned: FloatArray | None,
) -> tuple[FloatArray, float] | None:
    """(3,) up in the axes of the first camera and by how many radians it is off; None where there are no lines (Keypoints).

    The network's own guess, from a few seconds of body (F, 27, 3), says which lines may be vertical. body: as a camera sees it
    that was turned back by so many quarters; times (F,) seconds; turned (F, 3, 3): first_from_cam.
    """
    parts = pieces(body, times, int(lifter.info.config["frames"]) / lifter.info.fps)
    if not len(lines) or not parts:
        return None
    guesses: list[FloatArray] = []
    for at in parts:
        seen = lift(lifter, body[at], times[at], intrinsics, None, lambda done, total: None, lambda text: None)
        guesses.append(
            _guess(
                seen.turned(upright.rotation(-quarters)[None]),
                lifter.skeleton,
                turned if turned is None else turned[at],
            )
        )
    guess = np.mean(guesses, 0)
    return verticals.up(lines, intrinsics, turned, guess / np.linalg.norm(guess))


def from_joints(
    lines: FloatArray, lifted: Lifted, skeleton: Skeleton, intrinsics: FloatArray, turned: FloatArray | None
) -> tuple[FloatArray, float]:
    """As `from_lines`, with joints that are lifted already."""
    return verticals.up(lines, intrinsics, turned, _guess(lifted, skeleton, turned))


def _guess(lifted: Lifted, skeleton: Skeleton, turned: FloatArray | None) -> FloatArray:
    """(3,) up in the axes of the first camera, by the joints alone."""
    lifted = lifted if turned is None else lifted.turned(turned)
    return gravity.guess(lifted, np.isfinite(lifted.joints).all((-1, -2)), skeleton)


def told(
    up_spread: tuple[FloatArray, float] | None, quarters: int, turned: FloatArray | None, frames: int
) -> FloatArray | None:
    """(F, 3) what the network is told: up in the axes of each frame's camera, turned back by so many quarters; None where it is
    not sure enough."""
    if up_spread is None or up_spread[1] > verticals.SURE:
        return None
    up = (
        up_spread[0] @ upright.rotation(quarters).T
        if turned is None
        else up_spread[0] @ turned @ upright.rotation(quarters).T
    )
    return np.broadcast_to(up, (frames, 3))
