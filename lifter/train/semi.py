"""Semi-supervised lifting: clips without 3D teach through the picture they must project to.

Pavllo et al., CVPR 2019, section 4: a second network finds the root's path; pose plus path, seen through the clip's own
camera, must meet the 2D input, and bones must be as long on average as those of the labelled half of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from . import losses
from .cameras import project
from .datasets import Dataset
from .pose import Network, Pose, save

TRAJECTORY = "trajectory.safetensors"


class Semi:
    """Half of each batch is labelled, half is not; terms position, trajectory, reprojection, bones, all of weight 1.

    trajectory: the same network with one output joint. warm_up: epochs before the last two terms count. parents: of the
    joints. An epoch is a pass over the unlabelled windows.
    """

    def __init__(
        self,
        pose: Network,
        trajectory: Network,
        labelled: Dataset,
        unlabelled: Dataset,
        held_out: Dataset,
        parents: Sequence[int],
        batch: int,
        seed: int = 0,
        warm_up: float = 1.0,
        mirror: bool = True,
    ) -> None:
        self.network = nn.ModuleDict({"pose": pose.module, "trajectory": trajectory.module})
        self._pose, self._trajectory = pose, trajectory
        self._half, self._seed, self._warm_up, self._parents = batch // 2, seed, warm_up, parents
        self._supervised = Pose(pose, labelled, held_out, {"position": 1.0}, self._half, seed, mirror=mirror)
        self._data = labelled
        hop = 1 if pose.one else pose.frames
        self._labelled, self._unlabelled = (pose.sampler(data, hop, mirror) for data in (labelled, unlabelled))
        self.steps = -(-len(self._unlabelled) // self._half)

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """The terms of the step's batch; trajectory errors count by 1 / depth: far people need not be placed as well."""
        keep = self._pose.keep
        known = self._labelled.batch(self._seed, step, self._half, keep)
        unknown = self._unlabelled.batch(self._seed + 1, step, self._half, keep)
        count = len(known.points)
        points = torch.from_numpy(known.points).to(device), torch.from_numpy(unknown.points).to(device)
        joints_cam = torch.from_numpy(known.joints_cam).to(device)
        modules = cast(nn.ModuleDict, network)
        both = torch.cat(points)
        joints = self._pose.run(modules["pose"], both).float()  # (B, F', J, 3)
        root = self._trajectory.run(modules["trajectory"], both).float()  # (B, F', 1, 3)
        true_root = joints_cam[:, :, :1]
        terms = {
            "position": losses.position(joints[:count], joints_cam - true_root),
            "trajectory": losses.position(root[:count], true_root, 1 / true_root[..., 2]),
        }
        if epoch >= self._warm_up:
            screen = torch.from_numpy(unknown.screen).to(device)
            terms["reprojection"] = losses.points_2d(
                project(joints[count:] + root[count:], screen), _where_seen(points[1][:, keep])
            )
            terms["bones"] = losses.bone_lengths(joints[count:], joints[:count], self._parents)
        return terms

    def check(self, network: nn.Module) -> dict[str, float]:
        """As `Pose.check`."""
        return self._supervised.check(cast(nn.ModuleDict, network)["pose"])

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """weights.safetensors of the pose, and beside it the trajectory's."""
        modules = cast(nn.ModuleDict, network)
        save(modules["trajectory"], self._trajectory, self._data, folder / TRAJECTORY, trained)
        return save(modules["pose"], self._pose, self._data, folder / "weights.safetensors", trained)


def _where_seen(points: Tensor) -> Tensor:
    """(..., 3) points that count fully where they were seen at all, as the paper has no confidence."""
    return torch.cat((points[..., :2], (points[..., 2:] > 0).float()), -1)
