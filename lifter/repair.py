"""What a detector gets wrong for moments: sides taken for each other, and points that jump away for a frame. numpy only.

Sizes are shares of the person's size in the picture, so that neither resolution nor distance matters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .contract.skeleton import Skeleton

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

GROUPS = (("hip", "knee", "ankle", "heel", "toe"), ("shoulder", "elbow", "wrist", "index", "pinky"))
FAR = 0.3  # a point that moves farther between frames moves so far: the person may just have been found
SWAPPED_PER_S = 4.0  # cost of a second with the sides exchanged, in summed moves: longer spells are left alone
LEAST_GAIN = 0.4  # summed moves that an exchange must save
JUMP = 0.12  # to a point's places in the frames before and after
BACK = 0.33  # of the jump: those two lie nearer together than this
NEIGHBOUR_S = 0.12  # frames farther apart are no neighbours


def repaired(body_px: FloatArray, times: FloatArray, skeleton: Skeleton) -> tuple[FloatArray, int, int]:
    """The points (F, J, 3) x, y, confidence with spells of exchanged sides put right and lone jumps unseen; in how many
    frames sides were exchanged, and how many points jumped."""
    out = body_px.copy()
    size = _size(body_px)
    exchanged = np.zeros(len(out), bool)
    if len(out) >= 3 and np.isfinite(size):
        for parts in GROUPS:
            pairs = [(f"left_{p}", f"right_{p}") for p in parts if f"left_{p}" in skeleton.names]
            left, right = (np.array([skeleton.index(pair[i]) for pair in pairs]) for i in (0, 1))
            swap = _swapped(out, times, left, right, size)
            out[np.ix_(swap, left)], out[np.ix_(swap, right)] = out[np.ix_(swap, right)], out[np.ix_(swap, left)]
            exchanged |= swap
    jumped = _jumps(out, times, size)
    out[jumped] = (np.nan, np.nan, 0)
    return out, int(exchanged.sum()), int(jumped.sum())


def _size(body_px: FloatArray) -> float:
    """Median over frames of the diagonal of the box around the seen points, pixels."""
    seen = body_px[..., 2] > 0
    frames = np.flatnonzero(seen.sum(1) > 3)
    if not len(frames):
        return float("nan")
    at = np.where(seen[frames, :, None], body_px[frames, :, :2], np.nan)
    return float(np.median(np.linalg.norm(np.nanmax(at, 1) - np.nanmin(at, 1), axis=-1)))


def _swapped(
    body_px: FloatArray, times: FloatArray, left: npt.NDArray[np.intp], right: npt.NDArray[np.intp], size: float
) -> Mask:
    """(F,) frames whose left is right: the cheapest path through both readings of each frame."""
    at = np.where(body_px[..., 2:] > 0, body_px[..., :2], np.nan) / size
    a, b = at[:, left], at[:, right]

    def move(before: FloatArray, after: FloatArray) -> FloatArray:
        return np.nansum(np.minimum(np.linalg.norm(after - before, axis=-1), FAR), -1)

    stay = move(a[:-1], a[1:]) + move(b[:-1], b[1:])
    change = move(a[:-1], b[1:]) + move(b[:-1], a[1:])
    apart = np.diff(times) > NEIGHBOUR_S
    change = np.where(apart, stay, change)
    change = change + LEAST_GAIN / 2
    cost, came = np.array([0.0, SWAPPED_PER_S * np.median(np.diff(times))]), []
    for f in range(len(stay)):
        ways = np.array([[cost[0] + stay[f], cost[1] + change[f]], [cost[0] + change[f], cost[1] + stay[f]]])
        came.append(ways.argmin(1))
        cost = ways.min(1) + [0.0, SWAPPED_PER_S * (times[f + 1] - times[f])]
    state = int(cost.argmin())
    states = [state]
    for step in reversed(came):
        state = int(step[state])
        states.append(state)
    return np.array(states[::-1], bool)


def _jumps(body_px: FloatArray, times: FloatArray, size: float) -> Mask:
    """(F, J) points away from where they are in the frame before and the one after."""
    jumped = np.zeros(body_px.shape[:2], bool)
    if len(times) < 3 or not np.isfinite(size):
        return jumped
    at = np.where(body_px[..., 2:] > 0, body_px[..., :2], np.nan) / size
    there, back, across = (
        np.linalg.norm(d, axis=-1) for d in (at[1:-1] - at[:-2], at[2:] - at[1:-1], at[2:] - at[:-2])
    )
    near = (times[2:] - times[:-2] < 2 * NEIGHBOUR_S)[:, None]
    least = np.minimum(there, back)
    with np.errstate(invalid="ignore"):
        jumped[1:-1] = near & (least > JUMP) & (across < BACK * least)
    return jumped
