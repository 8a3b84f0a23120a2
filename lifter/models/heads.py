"""What MotionBERT puts on DSTformer's representation: actions (class, embedding) and body meshes (rotations, shape).

Zhu et al., MotionBERT, ICCV 2023, section 3.4. Parameter names are those of the published checkpoints:
`OnBackbone(build("dstformer", ...), head)` has their keys, `backbone.…` and `head.…`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .dstformer import DSTformer

BODY_ROTATIONS = 24  # joints of SMPL
BODY_SHAPES = 10  # its shape numbers
POSE_GAIN = 0.01  # the first guesses stay close to the initial pose, as published


class OnBackbone(nn.Module):
    """A head on the representation of a DSTformer. Input (B, F, J, C), or (B, P, F, J, C) with P people for the
    action heads; the output is the head's. Raises ValueError for another shape."""

    def __init__(self, backbone: DSTformer, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, x: Tensor) -> Any:
        if x.ndim < 4:
            raise ValueError(f"input is {tuple(x.shape)}; this network takes (B, F, J, C) or (B, P, F, J, C)")
        features = self.backbone.representation(x.flatten(0, -4))  # (B·P, F, J, R)
        return self.head(features.unflatten(0, x.shape[:-3]))


class ActionClass(nn.Module):
    """Representation (B, P, F, J, R) of P people to one score a class (B, classes), before the softmax."""

    def __init__(
        self, classes: int = 60, joints: int = 17, dim_rep: int = 512, hidden: int = 2048, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.joints, self.dim_rep = joints, dim_rep
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(joints * dim_rep, hidden)
        self.bn = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        _check(features, "action head", "BPF", self.joints, self.dim_rep)
        clip = self.dropout(features).mean(2).mean(1).flatten(1)  # (B, J·R)
        return self.fc2(functional.relu(self.bn(self.fc1(clip))))  # (B, classes)


class ActionEmbed(nn.Module):
    """Representation (B, P, F, J, R) of P people to a unit vector (B, hidden): near ones are like actions."""

    def __init__(self, joints: int = 17, dim_rep: int = 512, hidden: int = 2048, dropout: float = 0.0) -> None:
        super().__init__()
        self.joints, self.dim_rep = joints, dim_rep
        self.dropout = nn.Dropout(dropout)
        self.fc1 = nn.Linear(joints * dim_rep, hidden)

    def forward(self, features: Tensor) -> Tensor:
        _check(features, "action head", "BPF", self.joints, self.dim_rep)
        clip = self.dropout(features).mean(2).mean(1).flatten(1)  # (B, J·R)
        return functional.normalize(self.fc1(clip), dim=-1)  # (B, hidden)


@dataclass(frozen=True)
class Body:
    """SMPL's parameters. rotations (B, F, 24, 3, 3): of each joint against its parent, of the first in camera axes;
    shape (B, 10): one body a clip."""

    rotations: Tensor
    shape: Tensor

    def axis_angle(self) -> Tensor:
        """The rotations as axis times angle, (B, F, 24, 3), radians."""
        return axis_angle(self.rotations)


class MeshHead(nn.Module):
    """Representation (B, F, J, R) to a `Body`: the pose frame by frame, the shape from the mean over time.

    Both are differences from `init_pose`, `init_shape`: here no rotation and the mean body, in a checkpoint what it
    was trained with. Published checkpoints also carry SMPL's own licensed arrays (`smpl.…`): checkpoints.py drops them.
    """

    def __init__(self, joints: int = 17, dim_rep: int = 512, hidden: int = 2048) -> None:
        super().__init__()
        self.joints, self.dim_rep = joints, dim_rep
        self.fc1 = nn.Linear(joints * dim_rep, hidden)
        self.fc2 = nn.Linear(joints * dim_rep, hidden)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.head_pose = nn.Linear(hidden, BODY_ROTATIONS * 6)
        self.head_shape = nn.Linear(hidden, BODY_SHAPES)
        nn.init.xavier_uniform_(self.head_pose.weight, gain=POSE_GAIN)
        nn.init.xavier_uniform_(self.head_shape.weight, gain=POSE_GAIN)
        self.register_buffer("init_pose", torch.eye(3)[:, :2].reshape(1, 6).repeat(1, BODY_ROTATIONS))
        self.register_buffer("init_shape", torch.zeros(1, BODY_SHAPES))

    def forward(self, features: Tensor) -> Body:
        _check(features, "mesh head", "BF", self.joints, self.dim_rep)
        B, F, _, _ = features.shape
        frames = features.reshape(B * F, -1)  # (B·F, J·R)
        pose = self.init_pose + self.head_pose(functional.relu(self.bn1(self.fc1(frames))))  # (B·F, 144)
        clips = features.mean(1).flatten(1)  # (B, J·R)
        shape = self.init_shape + self.head_shape(functional.relu(self.bn2(self.fc2(clips))))  # (B, 10)
        return Body(rotation_from_6d(pose.reshape(B, F, BODY_ROTATIONS, 3, 2)), shape)


def rotation_from_6d(columns: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) whose first two columns are those of (..., 3, 2) made orthonormal, the first one
    keeping its direction. Zhou et al., On the Continuity of Rotation Representations, CVPR 2019, eq. 15."""
    x = functional.normalize(columns[..., 0], dim=-1)
    y = columns[..., 1]
    y = functional.normalize(y - (x * y).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack((x, y, torch.linalg.cross(x, y)), -1)


def axis_angle(rotations: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) as axis times angle (..., 3), radians, 0 to pi long."""
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in rotations.unbind(-2))
    # 4 q qT of the quaternion q = wxyz: any row has its direction, the one with the largest diagonal is safe to divide.
    outer = torch.stack(
        (1 + a + e + i, h - f, c - g, d - b,
         h - f, 1 + a - e - i, b + d, c + g,
         c - g, b + d, 1 - a + e - i, f + h,
         d - b, c + g, f + h, 1 - a - e + i), -1
    ).unflatten(-1, (4, 4))  # fmt: skip
    largest = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None].expand(*outer.shape[:-2], 1, 4)
    quaternion = functional.normalize(outer.gather(-2, largest).squeeze(-2), dim=-1)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)  # the shorter way round
    w, axis = quaternion[..., :1], quaternion[..., 1:]
    sine = axis.norm(dim=-1, keepdim=True)
    tiny = sine < torch.finfo(sine.dtype).eps
    return axis * torch.where(tiny, 2.0, 2 * torch.atan2(sine, w) / torch.where(tiny, 1.0, sine))


def _check(features: Tensor, head: str, axes: str, joints: int, dim_rep: int) -> None:
    """Raises ValueError unless features are (*axes, J, R), none of them empty."""
    if features.ndim != len(axes) + 2 or features.shape[-2:] != (joints, dim_rep) or 0 in features.shape:
        wanted = f"({', '.join(axes)}, {joints}, {dim_rep})"
        raise ValueError(f"representation is {tuple(features.shape)}; this {head} takes {wanted}")
