"""How 2D becomes 3D: keypoints of one person in, root-relative joints in camera axes out.

The network sees windows of fixed length at the frame rate it was trained at. A clip of another rate is put on a
grid that is a whole multiple of it; the windows overlap, and their outputs are blended so that no border shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .contract.protocol import RuntimeUnfitError, UsageError
from .contract.skeleton import BODY_27
from .gaps import MAX_GAP_S, known_stretches
from .models import weights
from .rays import BODY_SIZE, STATURE_OF_SIZE, body_size, from_network, to_network

FloatArray = npt.NDArray[np.floating]

CPU_BATCH = 8  # windows at once; more is no faster there and only takes memory
GPU_BATCH = 64  # halved when memory runs out
MAX_PHASES = 4  # grid frames for each network frame; a 60 fps clip at 15 fps needs four
MIRROR = list(BODY_27.mirror)


@dataclass(frozen=True)
class Lifter:
    """A network ready to run, and what is known of it."""

    info: weights.ModelInfo
    network: nn.Module
    device: torch.device


def load(model: str, device: str, warn: Callable[[str], None]) -> Lifter:
    """A model by name or file on a device by name. Raises RuntimeUnfitError, UsageError."""
    info = weights.describe(weights.find(model))
    if info.config.get("joints") != len(BODY_27) or info.config.get("channels_in") != 3:
        raise RuntimeUnfitError(f"{info.path}: takes {info.config.get('joints')} joints, not BODY_27 with confidence.")
    chosen = choose_device(device, warn)
    network = weights.load(info)
    try:
        return Lifter(info, network.to(chosen), chosen)
    except RuntimeError as error:  # torch's out of memory is one of these
        if "out of memory" not in str(error).lower():
            raise
        warn(f"{chosen} is out of memory: using the CPU.")
        return Lifter(info, network.cpu(), torch.device("cpu"))


def choose_device(name: str, warn: Callable[[str], None]) -> torch.device:
    """auto takes CUDA, MPS, then CPU; a named device that is not there falls back to the CPU with a warning."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(n for n in ("cuda", "mps", "cpu") if there[n]))
    if name not in there:
        raise UsageError(f"no device '{name}'; there are auto, {', '.join(there)}.")
    if not there[name]:
        warn(f"device {name} is not available here: using the CPU.")
        return torch.device("cpu")
    return torch.device(name)


def lift(
    lifter: Lifter,
    body_px: FloatArray,
    times: FloatArray,
    intrinsics: FloatArray,
    height: float | None,
    progress: Callable[[int, int], None],
    warn: Callable[[str], None],
) -> tuple[FloatArray, Lifter]:
    """Root-relative joints (F, 27, 3) in camera axes, metres; NaN where the person is out of sight for long.

    body_px (F, 27, 3): x, y in pixels, confidence, 0 where unseen; times (F,) seconds; intrinsics (3, 3).
    `height` in metres scales the result, else it has the network's size. `progress(done, total)` counts windows.
    Also returns the lifter, which has moved to the CPU if the device ran out of memory.
    """
    joints = np.full(body_px.shape, np.nan, np.float32)
    rays = (body_px[..., :2] - intrinsics[:2, 2]) / np.diag(intrinsics)[:2]
    stretches = known_stretches(body_px[..., 2].max(-1) > 0, times)
    grids = [Grid.over(times[a:b], lifter.info) for a, b in stretches]
    total, done = sum(g.windows for g in grids), 0
    for (a, b), grid in zip(stretches, grids, strict=True):
        on_grid, lifter = _lift_grid(
            lifter, grid, *_resample(rays[a:b], body_px[a:b, :, 2], times[a:b], grid.times),
            lambda n, base=done: progress(base + n, total), warn,
        )  # fmt: skip
        joints[a:b] = _interpolate(on_grid, grid.times, times[a:b])
        done += grid.windows
    size = float(np.nanmedian(body_size(joints)))
    return joints * ((height / STATURE_OF_SIZE if height else BODY_SIZE) / size), lifter


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
        """First frame, within its phase, of each window; the last one ends at the end."""
        length = len(range(phase, len(self.times), self.phases))
        last = max(length - self.frames, 0)
        return sorted({*range(0, last + 1, self.hop), last}) if length else []

    @property
    def windows(self) -> int:
        return sum(len(self.starts(p)) for p in range(self.phases))


def _lift_grid(
    lifter: Lifter,
    grid: Grid,
    rays: FloatArray,
    confidence: FloatArray,
    progress: Callable[[int], None],
    warn: Callable[[str], None],
) -> tuple[FloatArray, Lifter]:
    """(G, 27, 3) from rays (G, 27, 2) and confidence (G, 27) on the grid."""
    total = np.zeros((*rays.shape[:2], 3))
    weight = np.zeros((len(rays), 1, 1))
    blend = np.minimum(np.arange(1, grid.frames + 1), np.arange(grid.frames, 0, -1))[:, None, None].astype(float)
    jobs: list[npt.NDArray[np.int64]] = []
    for phase in range(grid.phases):
        rows = np.arange(phase, len(rays), grid.phases)
        for start in grid.starts(phase):
            window = rows[start : start + grid.frames]
            jobs.append(np.r_[window, np.full(grid.frames - len(window), window[-1])])  # a short clip: its end is held
    batch, at = CPU_BATCH if lifter.device.type == "cpu" else GPU_BATCH, 0
    while at < len(jobs):
        rows = np.stack(jobs[at : at + batch])
        network_input, turned_from_cam = to_network(rays[rows], confidence[rows])
        try:
            turned = _run(lifter, network_input)
        except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if "out of memory" not in str(error).lower() and not isinstance(error, MemoryError):
                raise
            lifter, batch = _with_less(lifter, batch, warn)
            continue
        for window, row in zip(from_network(turned, turned_from_cam), rows, strict=True):
            fresh = np.r_[True, np.diff(row) > 0]  # not the held end
            total[row[fresh]] += (window * blend)[fresh]
            weight[row[fresh]] += blend[fresh]
        at += len(rows)
        progress(at)
    return (total / weight).astype(np.float32), lifter


def _with_less(lifter: Lifter, batch: int, warn: Callable[[str], None]) -> tuple[Lifter, int]:
    """A smaller batch, or the CPU when it cannot be smaller. Raises RuntimeUnfitError when the CPU itself is full."""
    if batch > 1:
        warn(f"{lifter.device} is out of memory: {batch // 2} windows at a time instead of {batch}.")
        return lifter, batch // 2
    if lifter.device.type == "cpu":
        raise RuntimeUnfitError("out of memory while lifting a single window. Close other programs.")
    warn(f"{lifter.device} is out of memory: using the CPU.")
    return Lifter(lifter.info, lifter.network.cpu(), torch.device("cpu")), CPU_BATCH


@torch.inference_mode()
def _run(lifter: Lifter, network_input: FloatArray) -> FloatArray:
    """Mean of the network's view and its view of the mirrored person, root at zero. (B, F, 27, 3)"""
    mirrored = network_input[:, :, MIRROR] * np.array([-1, 1, 1], np.float32)
    both = torch.from_numpy(np.concatenate([network_input, mirrored]).astype(np.float32)).to(lifter.device)
    plain, flipped = lifter.network(both).float().cpu().numpy().reshape(2, *network_input.shape[:3], 3)
    joints = (plain + flipped[:, :, MIRROR] * np.array([-1, 1, 1], np.float32)) / 2
    return joints - joints[:, :, :1]


def _resample(
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
