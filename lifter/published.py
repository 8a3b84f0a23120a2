"""Published lifters over a whole clip: MixSTE, MotionBERT's DSTformer and VideoPose3D, cut into windows as in their papers.

They see the picture (screen.py), not rays, and run at the clip's own frame rate. Evaluation calls `predict` too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from .contract.protocol import RuntimeUnfitError
from .contract.skeleton import ROOT, Skeleton
from .gaps import known_stretches
from .keypoint_sets import SETS
from .lift import blend, resample, starts, window_at
from .models.dstformer import DSTformer
from .models.videopose3d import VideoPose3D
from .networks import Lifter, flip_average, in_batches
from .rays import BODY_SIZE, STATURE_OF_SIZE, body_size
from .screen import square_box, to_crop, to_screen
from .smooth import whittaker

FloatArray = npt.NDArray[np.floating]

WINDOWS = ("blended", "paper")
CHUNK = 2048  # frames of VideoPose3D at once: bounds the memory, changes nothing else
SCALE_HZ = 0.3  # how fast a person's size in the picture may change: as they come closer, not as limbs are misjudged
LEAST_SIZE = 1e-6  # of a body in the network's unit


def _nothing(*_: object) -> None:
    pass


def predict(
    lifter: Lifter,
    points: FloatArray,
    windows: str = "blended",
    *,
    mirrors: tuple[Sequence[int], Sequence[int]] | None = None,
    progress: Callable[[int, int], None] = _nothing,
    warn: Callable[[str], None] = _nothing,
) -> FloatArray:
    """Joints (F, J, 3) of a published network, as it gives them, from points (F, K, C) in its own view.

    Averaged with the mirrored person's. windows: `paper`: MixSTE's do not overlap, the last one is aligned to the end
    and only its new frames are used, a short clip's end is held; DSTformer's do not overlap, the last one is shorter.
    `blended`: they overlap by half, so that no border shows. VideoPose3D always sees the whole clip, its ends held.
    Channels that the network does not read are left out. mirrors: left/right partners of points and of joints, where
    lifter.info does not name sets of keypoint_sets. `progress(done, total)` counts windows.
    """
    network: Any = lifter.network
    if mirrors is None:
        mirrors = SETS[lifter.info.joints_in].mirror, lifter.skeleton.mirror
    x = np.asarray(points[..., : network.channels_in], np.float32)
    F, blended = len(x), windows == "blended"
    if isinstance(network, VideoPose3D):
        blended = False
        x = np.pad(x, (network.padding, (0, 0), (0, 0)), mode="edge")
    jobs, done = _windows(network, F, blended), 0
    total = np.zeros((F, len(mirrors[1]), 3))
    weight = np.zeros((F, 1, 1))
    for _, alike in groupby(jobs, len):
        group = list(alike)

        def tell(n: int, before: int = done) -> None:
            progress(before + n, len(jobs))

        for rows, joints in in_batches(lifter, group, lambda r: flip_average(lifter, x[r], *mirrors), tell, warn):
            frames, first = np.unique(rows[: len(joints)], return_index=True)  # without a held end
            share = blend(len(joints)) if blended else np.where(weight[rows[: len(joints)]] > 0, 0.0, 1.0)
            total[frames] += (joints * share)[first]
            weight[frames] += share[first]
        done += len(group)
    return (total / weight).astype(np.float32)


def lift(
    lifter: Lifter,
    points_px: FloatArray,
    times: FloatArray,
    size_px: tuple[int, int],
    height: float | None,
    windows: str,
    progress: Callable[[int, int], None],
    warn: Callable[[str], None],
) -> FloatArray:
    """Root-relative joints (F, J, 3) in camera axes, metres; NaN where the person is out of sight for long.

    points_px (F, K, 3): x, y in pixels, confidence, 0 where unseen; times (F,) seconds; size_px: width and height of the
    picture. `height` in metres scales the result. Without it metres stay the network's; where that gives the picture's
    units, each moment is scaled to a body of BODY_SIZE, by a size that changes slowly. `progress(done, total)`: frames.
    Raises RuntimeUnfitError for weights that give no numbers.
    """
    info = lifter.info
    stretches = known_stretches(points_px[..., 2].max(-1) > 0, times)
    frames, done = sum(b - a for a, b in stretches), 0
    box = square_box(points_px)  # one for the clip
    joints = np.full((len(times), len(lifter.skeleton), 3), np.nan, np.float32)
    for a, b in stretches:
        xy, confidence = resample(points_px[a:b, :, :2], points_px[a:b, :, 2], times[a:b], times[a:b])
        seen = np.concatenate([place_unseen(xy, SETS[info.joints_in]), confidence[..., None]], -1)
        points = to_crop(seen, box) if info.view == "crop" else to_screen(seen, *size_px)

        def tell(n: int, of: int, before: int = done, length: int = b - a) -> None:
            progress(before + length * n // of, frames)

        found = predict(lifter, points, windows, progress=tell, warn=warn)
        found = found - found[:, :1]
        if not np.isfinite(found).all():
            raise RuntimeUnfitError(f"{info.path}: gives joints that are not finite numbers. Name another file.")
        if info.units == "image":
            found = found * (BODY_SIZE / _steady(body_size(found, lifter.skeleton), times[a:b]))[:, None, None]
        joints[a:b] = found
        done += b - a
    if height:
        joints *= height / STATURE_OF_SIZE / max(float(np.nanmedian(body_size(joints, lifter.skeleton))), LEAST_SIZE)
    return joints


def place_unseen(xy: FloatArray, skeleton: Skeleton) -> FloatArray:
    """(F, K, 2) with a place for every point, NaN where unseen: these networks know no unseen points.

    A point keeps its offset from its parent, between sightings the interpolated one; never seen, it lies on its parent.
    The root's parent is the middle of all that is seen. Parents stand before their children.
    """
    placed = xy.copy()
    seen = np.isfinite(xy).all(-1)
    middle = np.where(seen[..., None], xy, 0).sum(1) / np.maximum(seen.sum(1), 1)[:, None]
    middle = _bridged(middle, seen.any(1))
    for k, parent in enumerate(skeleton.parents):
        base = middle if parent == ROOT else placed[:, parent]
        placed[:, k] = base + _bridged(xy[:, k] - base, seen[:, k])
    placed[seen] = xy[seen]
    return placed


def _bridged(values: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """(F, 2) interpolated, and held at the ends, from where they are known; 0 where they never are."""
    if not known.any():
        return np.zeros_like(values)
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, frames[known], column[known]) for column in values.T], -1)


def _steady(size: FloatArray, times: FloatArray) -> FloatArray:
    """(F,) sizes of a body over time without the errors of single poses."""
    logs = np.log(np.maximum(size.astype(float), LEAST_SIZE))[:, None]
    return np.exp(whittaker(logs, np.ones(len(logs)), times, SCALE_HZ))[:, 0]


def _windows(network: Any, length: int, blended: bool) -> list[npt.NDArray[np.int64]]:
    """The frames of each window, in order of time; VideoPose3D's in the padded clip."""
    if isinstance(network, VideoPose3D):
        size, more = min(CHUNK, length), sum(network.padding)
        return [np.arange(start, start + size + more) for start in starts(length, size, size)]
    size: int = network.frames
    if isinstance(network, DSTformer) and not blended:
        return [np.arange(start, min(start + size, length)) for start in range(0, length, size)]
    if isinstance(network, DSTformer):
        size = min(size, length)
    return [window_at(start, size, length) for start in starts(length, size, max(size // 2, 1) if blended else size)]
