"""How wrong a prediction is, so that gradients flow: the terms that the three papers' trainings add up.

Shapes (B, F, J, 3) unless said; predictions and targets in one unit, which is the unit of the result. LIFTERS' facts:
MixSTE (Zhang et al., CVPR 2022, section 3.4), VideoPose3D (Pavllo et al., CVPR 2019, sections 3 and 4), MotionBERT
(Zhu et al., ICCV 2023, sections 3.2 and 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# WMPJPE and TC of MixSTE: H36M_17 order; ends of limbs count most.
MIXSTE_JOINT_WEIGHTS = (1, 1, 2.5, 2.5, 1, 2.5, 2.5, 1, 1, 1, 1.5, 1.5, 4, 4, 1.5, 4, 4)


def position(predicted: Tensor, true: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Mean distance of joints (MPJPE). weight: broadcasts against (B, F, J): of joints (WMPJPE), or 1 / depth."""
    return ((predicted - true).norm(dim=-1) * weight).mean()


def scaled_position(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean distance after the best scale of each frame's prediction (N-MPJPE; Rhodin et al., CVPR 2018)."""
    scale = (predicted * true).sum((-2, -1), keepdim=True) / predicted.square().sum((-2, -1), keepdim=True).clamp_min(
        1e-12
    )
    return position(predicted * scale, true)


def velocity(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean distance of frame-to-frame differences (MPJVE); 0 for a single frame."""
    if predicted.shape[1] < 2:
        return predicted.sum() * 0
    return position(predicted.diff(dim=1), true.diff(dim=1))


def temporal_consistency(predicted: Tensor, joint_weight: Tensor | float = 1.0) -> Tensor:
    """Mean weighted square of the prediction's own frame-to-frame differences (MixSTE's TC); no target."""
    if predicted.shape[1] < 2:
        return predicted.sum() * 0
    return (predicted.diff(dim=1).square().mean(-1) * joint_weight).mean()


def points_2d(predicted: Tensor, seen: Tensor) -> Tensor:
    """Mean distance in the picture, times confidence. predicted (B, F, J, 2 or more), seen (B, F, J, 3) x, y, conf."""
    return ((predicted[..., :2] - seen[..., :2]) * seen[..., 2:]).norm(dim=-1).mean()


def bone_lengths(predicted: Tensor, reference: Tensor, parents: Sequence[int]) -> Tensor:
    """How far the mean length of each bone over a batch is from that over another batch, mean over the bones.

    The published code takes the absolute difference; a reading of the paper's text is the squared one.
    """
    child = [j for j, parent in enumerate(parents) if parent >= 0]
    parent = [parents[j] for j in child]

    def mean(joints: Tensor) -> Tensor:
        return (joints[..., child, :] - joints[..., parent, :]).norm(dim=-1).mean((0, 1))  # (bones,)

    return (mean(predicted) - mean(reference)).abs().mean()


def rotations(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of rotation matrices (..., 3, 3): MotionBERT's pose term for body meshes."""
    return (predicted - true).abs().mean()


def supervised_contrast(embedding: Tensor, label: Tensor, temperature: float = 0.1) -> Tensor:
    """Draws unit vectors (B, D) of one label together and the others apart (Khosla et al., NeurIPS 2020, eq. 2).

    Those whose label nobody shares count for nothing.
    """
    self_pair = torch.eye(len(label), dtype=torch.bool, device=label.device)
    likeness = (embedding @ embedding.T / temperature).masked_fill(self_pair, -torch.inf)
    log_share = likeness.log_softmax(1)  # (B, B)
    same = (label[:, None] == label[None]) & ~self_pair
    shared = same.sum(1).clamp_min(1)
    per_sample = -log_share.masked_fill(~same, 0).sum(1) / shared
    return (per_sample * same.any(1)).sum() / same.any(1).sum().clamp_min(1)
