"""MotionBERT's pre-training: find the 3D motion in a damaged 2D view of it.

Zhu et al., ICCV 2023, sections 3.3 and 4.1. The 2D input is the orthographic projection of the motion, made noisy, with a
confidence to match, then masked. Clips that have no 3D only have to be given back in the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from . import losses
from .datasets import Dataset
from .pose import Network, check_terms, save, weighted

JOINT_MASK, FRAME_MASK = 0.05, 0.10  # shares hidden
KEY_FRAMES = 27  # where noise is drawn; between them it is interpolated
WHITE = 0.002  # standard deviation of what is added to each frame, in units of half the person's box
# The published mixture's parameters were fitted to a detector on licensed videos. These are ours, in the same unit:
SPREAD = {"wrist": 0.030, "ankle": 0.025, "elbow": 0.022, "knee": 0.020, "nose": 0.012, "head_top": 0.015}
SPREAD_ELSE = 0.015
UNIFORM_SHARE, UNIFORM_RANGE = 0.1, 0.12  # of key frames whose error is anything within that range
# Confidence of a point that is off by d: a / (d + a) + b d + N(m, s). LIFTERS.md
CONFIDENCE_A, CONFIDENCE_B, CONFIDENCE_M, CONFIDENCE_S = 0.028, 1.1, -0.0046, 0.143


class Pretrain:
    """Terms as of `Pose`, and `points_2d` of the clips without 3D once `only_3d` epochs are over (every other step).

    motions: clips with 3D; pictures: 2D-only clips in the same joint set, or None. The network takes x, y, confidence.
    """

    def __init__(
        self,
        network: Network,
        motions: Dataset,
        pictures: Dataset | None,
        held_out: Dataset,
        terms: Mapping[str, float],
        batch: int,
        seed: int = 0,
        only_3d: float = 30.0,
        mirror: bool = True,
    ) -> None:
        self.network = network.module
        self._how, self._terms, self._only_3d = network, check_terms(terms), only_3d
        self._data, self._batch, self._seed = motions, batch, seed
        self._motions = network.sampler(motions, max(network.frames // 3, 1), mirror)
        self._pictures = network.sampler(pictures, max(network.frames // 3, 1), mirror) if pictures else None
        self._held_out = network.sampler(held_out, network.frames, False)
        spread = [next((s for part, s in SPREAD.items() if part in n), SPREAD_ELSE) for n in motions.joint_names]
        self._spread = torch.tensor(spread)[:, None]  # (J, 1)
        self.steps = -(-len(self._motions) // batch)

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """The terms of the step's batch."""
        if self._pictures is not None and epoch >= self._only_3d and step % 2:
            seen = boxed(torch.from_numpy(self._pictures.batch(self._seed, step // 2, self._batch).points).to(device))
            true = torch.cat((seen[..., :2] - seen[..., :1, :2], seen[..., 2:]), -1)
            return {"points_2d": losses.points_2d(network(masked(seen)).float(), true)}
        joints_cam = torch.from_numpy(self._motions.batch(self._seed, step, self._batch).joints_cam).to(device)
        motion = orthographic(joints_cam)
        predicted = network(masked(noisy(motion[..., :2], self._spread.to(device)))).float()
        one = torch.ones(1, device=device)
        return weighted(predicted, motion - motion[:, :, :1], self._terms, one)

    @torch.inference_mode()
    def check(self, network: nn.Module) -> dict[str, float]:
        """Error on held-out motions without noise or masks, after one scale a frame: thousandths of half a box."""
        device = next(network.parameters()).device
        windows = self._held_out.batch(0, 0, 64)
        motion = orthographic(torch.from_numpy(windows.joints_cam).to(device))
        x = torch.cat((motion[..., :2], torch.ones_like(motion[..., :1])), -1)
        predicted = network(x).float()
        predicted, motion = predicted - predicted[:, :, :1], motion - motion[:, :, :1]
        return {"n_mpjpe": 1000 * float(losses.scaled_position(predicted, motion))}

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """weights.safetensors, to fine-tune from (`init`)."""
        uses = ("unknown",) if self._pictures else ()
        return save(network, self._how, self._data, folder / "weights.safetensors", trained, *uses)


def orthographic(joints_cam: Tensor) -> Tensor:
    """(B, F, J, 3) the motion without perspective: its box across the view within −1..1, depth in the same unit from
    the first frame's root."""
    flat = joints_cam[..., :2].flatten(1, 2)  # (B, F·J, 2)
    low, high = flat.amin(1), flat.amax(1)
    half = (high - low).amax(1)[:, None, None, None] / 2
    middle = ((low + high) / 2)[:, None, None]
    return torch.cat((joints_cam[..., :2] - middle, joints_cam[..., 2:] - joints_cam[:, :1, :1, 2:]), -1) / half


def boxed(points: Tensor) -> Tensor:
    """(B, F, K, 3) x, y, confidence with the square box of what is seen in a window brought to −1..1, clipped."""
    seen = points[..., 2:] > 0
    flat = points[..., :2].flatten(1, 2)
    hidden = ~seen.flatten(1, 2)
    low, high = flat.masked_fill(hidden, torch.inf).amin(1), flat.masked_fill(hidden, -torch.inf).amax(1)
    half = ((high - low).amax(1)[:, None, None, None] / 2).clamp_min(1e-6)
    xy = (points[..., :2] - ((low + high) / 2)[:, None, None]) / half
    return torch.cat((torch.where(seen, xy.clamp(-1, 1), 0), points[..., 2:]), -1)


def noisy(points: Tensor, spread: Tensor) -> Tensor:
    """(B, F, J, 2) points to (B, F, J, 3): off by a smooth error, and the confidence that a detector would give."""
    B, F, J, _ = points.shape
    normal = torch.randn(B, KEY_FRAMES, J, 2, device=points.device) * spread
    uniform = (torch.rand_like(normal) - 0.5) * UNIFORM_RANGE
    key = torch.where(torch.rand(B, KEY_FRAMES, J, 1, device=points.device) < UNIFORM_SHARE, uniform, normal)
    smooth = functional.interpolate(key.flatten(2).transpose(1, 2), F, mode="linear", align_corners=True)
    error = smooth.transpose(1, 2).view(B, F, J, 2) + WHITE * torch.randn_like(points)
    off = error.norm(dim=-1, keepdim=True)
    guess = torch.randn_like(off) * CONFIDENCE_S + CONFIDENCE_M
    confidence = CONFIDENCE_A / (off + CONFIDENCE_A) + CONFIDENCE_B * off + guess
    return torch.cat((points + error, confidence.clamp(0, 1)), -1)


def masked(points: Tensor) -> Tensor:
    """(B, F, J, C) with single joints, and whole frames for all clips alike, set to zero."""
    _, F, _, _ = points.shape
    joints = torch.rand_like(points[..., :1]) >= JOINT_MASK
    frames = torch.rand(1, F, 1, 1, device=points.device) >= FRAME_MASK
    return points * joints * frames
