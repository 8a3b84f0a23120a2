"""Networks ready to run: loaded, checked, on a device, and fed as much at once as its memory holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .contract.protocol import RuntimeUnfitError, UsageError
from .contract.skeleton import Skeleton
from .keypoint_sets import SETS
from .models import weights
from .models.mixste import MixSTE
from .models.side import Certainty, SideHeads

FloatArray = npt.NDArray[np.floating]

CPU_FRAMES = 216  # of all windows at once: eight of 27; more is no faster there and only takes memory
GPU_FRAMES = 1728  # halved when memory runs out
BODIES = ("BODY_27", "H36M_17")  # sets that world.py can stand on the ground
VIEWS, UNITS = ("rays", "screen", "crop"), ("metres", "image")


@dataclass(frozen=True)
class Lifter:
    """A network ready to run, and what is known of it."""

    info: weights.ModelInfo
    network: nn.Module
    side: tuple[SideHeads, Certainty] | None = None  # of ours: what else its features say

    @property
    def device(self) -> torch.device:
        """Where the network is: it leaves a full GPU for the CPU."""
        return next(self.network.parameters()).device

    @property
    def told_up(self) -> bool:
        """Whether it takes the world's up, where that is known, with every point."""
        return self.info.view == "rays" and self.info.config.get("channels_in") == 6

    @property
    def skeleton(self) -> Skeleton:
        """Of the joints that it gives."""
        return SETS[self.info.joints_out]

    def to(self, device: torch.device | str) -> None:
        """Move all of it."""
        self.network.to(device)
        if self.side is not None:
            self.side[0].to(device)


def load(model: str, device: str, warn: Callable[[str], None], input_joints: str | None = None) -> Lifter:
    """A model by name or file on a device by name. Raises RuntimeUnfitError, UsageError (see weights.read)."""
    info, network = weights.read(weights.find(model), input_joints)
    side = weights.load_side(info, network.Spatial_pos_embed.shape[-1]) if isinstance(network, MixSTE) else None
    lifter = Lifter(info, network, side)
    chosen = choose_device(device, warn)
    try:
        lifter.to(chosen)
    except RuntimeError as error:  # torch's out of memory is one of these
        if "out of memory" not in str(error).lower():
            raise
        warn(f"{chosen} is out of memory: using the CPU.")
        lifter.to("cpu")
    return lifter


def check(lifter: Lifter) -> None:
    """Refuse a network that the pipeline can neither feed nor follow. Raises RuntimeUnfitError."""
    info, network = lifter.info, lifter.network
    both = getattr(network, "joints", 0)
    points, joints = getattr(network, "joints_in", both), getattr(network, "joints_out", both)
    channels = getattr(network, "channels_in", 0)
    faults = [
        f"{verb} {count} joints of {name}, not one of {', '.join(f'{known} ({len(SETS[known])})' for known in sets)}"
        for verb, count, name, sets in (
            ("reads", points, info.joints_in, SETS),
            ("gives", joints, info.joints_out, BODIES),
        )
        if name not in sets or count != len(SETS[name])
    ]
    if channels not in ((3, 6) if info.view == "rays" else (2, 3)):
        faults.append(f"reads {channels} numbers a point, not x, y and confidence")
    if info.view not in VIEWS or info.units not in UNITS:
        faults.append(f"view '{info.view}' in '{info.units}' is not one of {', '.join(VIEWS)} in {' or '.join(UNITS)}")
    if info.view == "rays" and not (hasattr(network, "frames") and info.joints_in == info.joints_out and info.fps > 0):
        faults.append("sees rays, but has no windows at a frame rate of the joints that it gives")
    if faults:
        raise RuntimeUnfitError(f"{info.path}: {'; '.join(faults)}. Name another file.")


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


def in_batches(
    lifter: Lifter,
    jobs: Sequence[npt.NDArray[np.int64]],
    run: Callable[[npt.NDArray[np.int64]], FloatArray],
    progress: Callable[[int], None],
    warn: Callable[[str], None],
) -> Iterator[tuple[npt.NDArray[np.int64], FloatArray]]:
    """Each job, windows of frames (W,) alike in length, with its part of run((B, W)); as many at once as memory holds.

    Out of memory means a smaller batch, then the CPU, with a warning. Raises RuntimeUnfitError when that is full.
    """

    def most() -> int:
        return max((CPU_FRAMES if lifter.device.type == "cpu" else GPU_FRAMES) // len(jobs[0]), 1)

    batch, at = most(), 0
    while at < len(jobs):
        rows = np.stack(jobs[at : at + batch])
        try:
            outputs = run(rows)
        except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if "out of memory" not in str(error).lower() and not isinstance(error, MemoryError):
                raise
            if batch > 1:
                warn(f"{lifter.device} is out of memory: {batch // 2} windows at a time instead of {batch}.")
                batch //= 2
                continue
            if lifter.device.type == "cpu":
                raise RuntimeUnfitError("out of memory while lifting a single window. Close other programs.") from error
            warn(f"{lifter.device} is out of memory: using the CPU.")
            lifter.to("cpu")
            batch = most()
            continue
        yield from zip(rows, outputs, strict=True)
        at += len(rows)
        progress(at)


@torch.inference_mode()
def flip_average(
    lifter: Lifter, network_input: FloatArray, mirror_points: Sequence[int], mirror_joints: Sequence[int]
) -> FloatArray:
    """Mean of the network's view and its view of the mirrored person: (B, F, K, C) to (B, F', J, 3).

    mirror_points (K,), mirror_joints (J,): the left/right partner of each.
    """
    signs = np.array([-1, 1, 1], np.float32)
    mirrored = network_input[:, :, list(mirror_points)] * signs[: network_input.shape[-1]]
    both = torch.from_numpy(np.concatenate([network_input, mirrored]).astype(np.float32)).to(lifter.device)
    plain, flipped = np.split(lifter.network(both).float().cpu().numpy(), 2)
    return (plain + flipped[:, :, list(mirror_joints)] * signs) / 2
