"""How 2D becomes 3D, our own way: rays of one person in, root-relative joints in camera axes out.

The network sees windows of fixed length at the frame rate it was trained at; a clip of another rate is put on a grid that
is a whole multiple of it; the windows overlap, and their outputs are blended so that no border shows. Published networks
see the picture: published.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

from .gaps import MAX_GAP_S, known_stretches
from .lifted import Lifted
from .models import weights
from .models.mixste import MixSTE
from .models.side import Side
from .networks import Lifter, in_batches
from .rays import BODY_SIZE, STATURE_OF_SIZE, body_size, from_network, to_network, with_up

FloatArray = npt.NDArray[np.floating]

EXTRA, CHANNELS = 2, 4  # rows and columns of what is blended over windows: see `_see`
MAX_PHASES = 4  # grid frames for each network frame; a 60 fps clip at 15 fps needs four


def lift(
    lifter: Lifter,
    body_px: FloatArray,
    times: FloatArray,
    intrinsics: FloatArray,
    height: float | None,
    progress: Callable[[int, int], None],
    warn: Callable[[str], None],
    up: FloatArray | None = None,
) -> Lifted:
    """The joints that a network sees in 2D, and what else it says of them. For a lifter that sees rays.

    body_px (F, J, 3): x, y in pixels, confidence, 0 where unseen; times (F,) seconds; intrinsics (3, 3). `height` in
    metres scales the result, else it is a body of BODY_SIZE. `progress(done, total)` counts windows. up (F, 3): the world's, in
    camera axes, where it is known beforehand: a network that does not take it (Lifter.told_up) does without.
    """
    F, J, _ = body_px.shape
    found = np.full((F, J + EXTRA, CHANNELS), np.nan, np.float32)
    rays = (body_px[..., :2] - intrinsics[:2, 2]) / np.diag(intrinsics)[:2]
    stretches = known_stretches(body_px[..., 2].max(-1) > 0, times)
    grids = [Grid.over(times[a:b], lifter.info) for a, b in stretches]
    total, done = sum(g.windows for g in grids), 0
    for (a, b), grid in zip(stretches, grids, strict=True):
        on_grid = _lift_grid(
            lifter, grid, *resample(rays[a:b], body_px[a:b, :, 2], times[a:b], grid.times),
            None if up is None else _ups(up[a:b], times[a:b], grid.times),
            lambda n, base=done: progress(base + n, total), warn,
        )  # fmt: skip
        found[a:b] = _interpolate(on_grid, grid.times, times[a:b])
        done += grid.windows
    joints, spread = found[:, :J, :3], found[:, :J, 3]
    factor = (height / STATURE_OF_SIZE if height else BODY_SIZE) / float(
        np.nanmedian(body_size(joints, lifter.skeleton))
    )
    if lifter.side is None:
        return Lifted(joints * factor)
    certainty = lifter.side[1]
    near = certainty.within(torch.from_numpy(spread + np.log(factor))).numpy()
    up = found[:, J, :3]
    return Lifted(
        joints=joints * factor,
        confidence=np.nan_to_num(near),
        spread=np.exp(spread) * (certainty.factor * factor),
        up=up / np.linalg.norm(up, axis=-1, keepdims=True),
        distance=np.exp(found[:, J, 3]) * factor,
        contacts=1 / (1 + np.exp(-found[:, J + 1])),
    )


def starts(length: int, size: int, hop: int) -> list[int]:
    """First frame of each window of `size` frames, `hop` apart; the last one ends at the end."""
    last = max(length - size, 0)
    return sorted({*range(0, last + 1, hop), last}) if length else []


def window_at(start: int, size: int, length: int) -> npt.NDArray[np.int64]:
    """(size,) frames from `start` on; a short clip's end is held."""
    return np.minimum(np.arange(start, start + size), length - 1)


def blend(size: int) -> FloatArray:
    """(size, 1, 1) what the frames of a window count: most in its middle."""
    return np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1))[:, None, None].astype(float)


@dataclass(frozen=True)
class Grid:
    """Uniform times (G,) and the windows on them: frames of a window are `phases` grid frames apart."""

    times: FloatArray
    phases: int
    frames: int

    @classmethod
    def over(cls, times: FloatArray, info: weights.ModelInfo) -> Grid:
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / info.fps
        phases = int(np.clip(round(1 / (step * info.fps)), 1, MAX_PHASES))
        count = int(np.ceil((times[-1] - times[0]) * info.fps * phases - 1e-6)) + 1
        return cls(times[0] + np.arange(count) / (info.fps * phases), phases, int(info.config["frames"]))

    @property
    def hop(self) -> int:
        """Frames from a window to the next of its phase: half a window."""
        return max(self.frames // 2, 1)

    def starts(self, phase: int) -> list[int]:
        """First frame, within its phase, of each window."""
        return starts(len(range(phase, len(self.times), self.phases)), self.frames, self.hop)

    @property
    def windows(self) -> int:
        return sum(len(self.starts(p)) for p in range(self.phases))


def _lift_grid(
    lifter: Lifter,
    grid: Grid,
    rays: FloatArray,
    confidence: FloatArray,
    up: FloatArray | None,
    progress: Callable[[int], None],
    warn: Callable[[str], None],
) -> FloatArray:
    """(G, J + EXTRA, CHANNELS), see `_see`, in camera axes, from rays (G, J, 2), confidence (G, J) and up (G, 3) on the grid."""
    total = np.zeros((len(rays), rays.shape[1] + EXTRA, CHANNELS))
    weight = np.zeros((len(rays), 1, 1))
    share = blend(grid.frames)
    jobs: list[npt.NDArray[np.int64]] = []
    for phase in range(grid.phases):
        rows = np.arange(phase, len(rays), grid.phases)
        jobs += [rows[window_at(start, grid.frames, len(rows))] for start in grid.starts(phase)]

    def run(rows: npt.NDArray[np.int64]) -> FloatArray:
        network_input, turned_from_cam, scale = to_network(rays[rows], confidence[rows])
        if lifter.told_up:
            told = None if up is None else (turned_from_cam @ up[rows][..., None])[..., 0]
            network_input = with_up(network_input, told)
        seen = _see(lifter, network_input)
        seen[:, :, :-EXTRA, :3] -= seen[:, :, :1, :3]
        seen[..., :-1, :3] = from_network(seen[..., :-1, :3], turned_from_cam)
        seen[..., -EXTRA, 3] += np.log(scale)[:, None]
        return seen

    for row, window in in_batches(lifter, jobs, run, progress, warn):
        fresh = np.r_[True, np.diff(row) > 0]  # not the held end
        total[row[fresh]] += (window * share)[fresh]
        weight[row[fresh]] += share[fresh]
    return (total / weight).astype(np.float32)


@torch.inference_mode()
def _see(lifter: Lifter, network_input: FloatArray) -> FloatArray:
    """(B, F, J + EXTRA, CHANNELS) of windows (B, F, J, 3 or 6), the mean with the mirrored person's: for each joint x, y, z and
    the logarithm of its spread, then a row of up and the logarithm of the root's distance, then one of the contacts' logits.
    What there are no heads for is 0.
    """
    mirror, J = list(lifter.skeleton.mirror), len(lifter.skeleton)
    signs = np.array([-1, 1, 1, -1, 1, 1], np.float32)[: network_input.shape[-1]]
    both = torch.from_numpy(np.concatenate([network_input, network_input[:, :, mirror] * signs])).to(lifter.device)
    out = both.new_zeros((*both.shape[:2], J + EXTRA, CHANNELS))
    if lifter.side is None:
        out[:, :, :J, :3] = lifter.network(both)
    else:
        features = cast(MixSTE, lifter.network).features(both)
        side: Side = lifter.side[0](features)
        out[:, :, :J, :3] = cast(MixSTE, lifter.network).head(features)
        out[:, :, :J, 3], out[:, :, J, :3] = side.log_spread, side.up
        out[:, :, J, 3], out[:, :, J + 1] = side.log_distance, side.contacts
    plain, flipped = np.split(out.float().cpu().numpy(), 2)
    flipped = flipped[:, :, [*mirror, J, J + 1]]
    flipped[..., :-1, 0] *= -1
    flipped[..., -1, :] = flipped[..., -1, [2, 3, 0, 1]]
    return (plain + flipped) / 2


def resample(
    rays: FloatArray, confidence: FloatArray, times: FloatArray, grid_times: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Rays and confidence of each joint at grid times, between sightings at most MAX_GAP_S apart; else unseen."""
    G, J = len(grid_times), confidence.shape[1]
    out = np.full((G, J, 2), np.nan, np.float32)
    out_confidence = np.zeros((G, J), np.float32)
    for j in range(J):
        seen = np.flatnonzero(confidence[:, j] > 0)
        if not len(seen):
            continue
        t = times[seen]
        after = np.searchsorted(t, grid_times - 1e-9).clip(0, len(t) - 1)
        before = np.maximum(after - (t[after] > grid_times + 1e-9), 0)
        near = np.minimum(np.abs(t[before] - grid_times), np.abs(t[after] - grid_times))
        spaced = (t[after] - t[before] <= MAX_GAP_S) & (near <= MAX_GAP_S / 2)
        for axis in range(2):
            out[:, j, axis] = np.where(spaced, np.interp(grid_times, t, rays[seen, j, axis]), np.nan)
        out_confidence[:, j] = np.where(spaced, np.interp(grid_times, t, confidence[seen, j]), 0)
    return out, out_confidence


def _ups(up: FloatArray, times: FloatArray, grid_times: FloatArray) -> FloatArray:
    """(G, 3) unit vectors at grid times, of those (F, 3) at times (F,)."""
    on_grid = np.stack([np.interp(grid_times, times, axis) for axis in up.T], -1)
    return on_grid / np.linalg.norm(on_grid, axis=-1, keepdims=True)


def _interpolate(joints: FloatArray, grid_times: FloatArray, times: FloatArray) -> FloatArray:
    """(F, J, 3) at `times` by Catmull-Rom cubics through (G, J, 3) at uniform grid times."""
    if len(grid_times) == 1:
        return np.repeat(joints, len(times), 0)
    x = ((times - grid_times[0]) / (grid_times[1] - grid_times[0])).clip(0, len(grid_times) - 1)
    i = np.minimum(x.astype(int), len(grid_times) - 2)
    u = (x - i)[:, None, None]
    last = len(joints) - 1
    p0, p1, p2, p3 = (joints[np.clip(i + k, 0, last)] for k in (-1, 0, 1, 2))
    m1, m2 = (p2 - p0) / 2, (p3 - p1) / 2
    return (
        (2 * u**3 - 3 * u**2 + 1) * p1 + (u**3 - 2 * u**2 + u) * m1 + (3 * u**2 - 2 * u**3) * p2 + (u**3 - u**2) * m2
    ).astype(np.float32)
