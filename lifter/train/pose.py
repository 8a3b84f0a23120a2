"""Supervised lifting: 2D windows in, their 3D joints to be found. All three networks, one frame or all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import metrics
from ..keypoint_sets import SETS
from ..models import weights
from ..models.videopose3d import VideoPose3D
from . import losses
from .cameras import project
from .datasets import Dataset
from .windows import Sampler

CHECKED_WINDOWS = 256  # of the held-out clips, evenly spread
CHECKED_AT_ONCE = 32
COMMERCIAL_USE = {"mocap": "yes", "h36m": "no", "humaneva": "no", "3dhp": "no"}  # of weights, by what they learnt from
TERMS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "position": losses.position,
    "scaled_position": lambda predicted, true, _: losses.scaled_position(predicted, true),
    "velocity": lambda predicted, true, _: losses.velocity(predicted, true),
    "temporal": lambda predicted, _, joint_weight: losses.temporal_consistency(predicted, joint_weight),
}
LICENCE = {"yes": "CC BY 4.0", "no": "trained on data for non-commercial use only", "unknown": "trained by its user"}


@dataclass(frozen=True)
class Network:
    """A network and how it is fed. `name`, `config`: of `models.build`. units: metres from the root, or `image`: x, y
    on the screen and depth, from the root, in the screen's unit at the root's distance (MotionBERT's 2.5D).
    middle: attention networks learn, and are asked for, the middle frame of a window alone (seq2frame). window: its
    frames, where an attention network knows more."""

    module: nn.Module
    name: str
    config: Mapping[str, Any]
    units: str = "metres"
    middle: bool = False
    window: int | None = None
    start_use: str = "yes"  # commercial use of the weights that it began from

    @property
    def frames(self) -> int:
        """Frames of a window."""
        if isinstance(self.module, VideoPose3D):
            return self.module.receptive_field
        return self.window or int(self.config["frames"])

    @property
    def one(self) -> bool:
        """Whether a window gives one frame."""
        return self.middle or isinstance(self.module, VideoPose3D)

    @property
    def keep(self) -> slice:
        """The frames of a window that are asked for."""
        if not self.one:
            return slice(None)
        at = self.frames - 1 if getattr(self.module, "causal", False) else self.frames // 2
        return slice(at, at + 1)

    def sampler(self, data: Dataset, hop: int, mirror: bool, actions: tuple[str, ...] = ()) -> Sampler:
        """Windows whose kept frames lie inside the clips."""
        return Sampler(data, self.frames, hop, self.keep.start or 0, mirror, actions)

    def run(self, module: nn.Module, points: Tensor) -> Tensor:
        """(B, F, K, 3) points to (B, F', J, 3) joints of the kept frames."""
        x = points[..., : self.config.get("channels_in", 2)]
        if isinstance(module, VideoPose3D):
            return module(x) if module.dense else module(x, one_frame=True)
        return module(x)[:, self.keep]


def target(joints_cam: Tensor, screen: Tensor, units: str) -> Tensor:
    """What a network is to find of (B, F, J, 3) joints in camera axes, as `Network.units` says."""
    relative = joints_cam - joints_cam[..., :1, :]
    if units == "metres":
        return relative
    depth = joints_cam[..., :1, 2:]
    focal = screen[:, None, None, :2].mean(-1, keepdim=True)
    points = project(joints_cam, screen)
    return torch.cat((points - points[..., :1, :], relative[..., 2:] * focal / depth), -1)


class Pose:
    """The sum of weighted terms position, scaled_position, velocity, temporal (names and meaning of losses.py).

    joint_weights: (J,) for position and temporal. hop: frames between windows; default: a window for networks that
    give all frames, else 1.
    """

    def __init__(
        self,
        network: Network,
        train: Dataset,
        held_out: Dataset,
        terms: Mapping[str, float],
        batch: int,
        seed: int = 0,
        joint_weights: Sequence[float] = (),
        hop: int | None = None,
        mirror: bool = True,
    ) -> None:
        self.network = network.module
        self._how, self._train, self._terms, self._batch, self._seed = network, train, check_terms(terms), batch, seed
        self._joint_weight = torch.tensor(joint_weights or [1.0] * len(train.joint_names))
        hop = hop or (1 if network.one else network.frames)
        self._windows = network.sampler(train, hop, mirror)
        self._held_out = network.sampler(held_out, hop, False)
        self.steps = -(-len(self._windows) // batch)

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """The weighted terms of the step's batch."""
        windows = self._windows.batch(self._seed, step, self._batch, self._how.keep)
        points, joints_cam, screen = (
            torch.from_numpy(a).to(device) for a in (windows.points, windows.joints_cam, windows.screen)
        )
        predicted = self._how.run(network, points).float()
        true = target(joints_cam, screen, self._how.units)
        return weighted(predicted, true, self._terms, self._joint_weight.to(device))

    @torch.inference_mode()
    def check(self, network: nn.Module) -> dict[str, float]:
        """Millimetres on held-out windows, each frame from its root: mpjpe, p_mpjpe and, between frames, mpjve."""
        device = next(network.parameters()).device
        numbers = np.linspace(0, len(self._held_out) - 1, min(CHECKED_WINDOWS, len(self._held_out))).astype(np.int64)
        found: list[tuple[float, ...]] = []
        for at in range(0, len(numbers), CHECKED_AT_ONCE):
            windows = self._held_out.take(numbers[at : at + CHECKED_AT_ONCE], self._how.keep)
            predicted = self._how.run(network, torch.from_numpy(windows.points).to(device)).float().cpu().numpy()
            joints_cam, screen = windows.joints_cam, windows.screen
            true = joints_cam - joints_cam[:, :, :1]
            if self._how.units == "image":  # as published: both in metres by the root's true distance
                scale = joints_cam[..., :1, 2:] / screen[:, None, None, :2].mean(-1, keepdims=True)
                true = scale * target(torch.from_numpy(joints_cam), torch.from_numpy(screen), "image").numpy()
                predicted = scale * predicted
            predicted = predicted - predicted[:, :, :1]
            for p, t in zip(predicted, true, strict=True):
                moving = (metrics.mpjve(p, t),) if len(p) > 1 else ()
                found.append((metrics.mpjpe(p, t), metrics.p_mpjpe(p, t), *moving))
        means = 1000 * np.mean(found, 0)
        return dict(zip(("mpjpe", "p_mpjpe", "mpjve"), means.tolist(), strict=False))

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """weights.safetensors, for `capture --model`."""
        return save(network, self._how, self._train, folder / "weights.safetensors", trained)


def check_terms(terms: Mapping[str, float]) -> dict[str, float]:
    """The terms. Raises ValueError for a name that is none."""
    for name in terms:
        if name not in TERMS:
            raise ValueError(f"no term '{name}'; there are {', '.join(TERMS)}")
    return dict(terms)


def weighted(predicted: Tensor, true: Tensor, terms: Mapping[str, float], joint_weight: Tensor) -> dict[str, Tensor]:
    """The terms asked for, each times its weight; joint_weight (J,) is of position and temporal."""
    return {name: weight * TERMS[name](predicted, true, joint_weight) for name, weight in terms.items()}


def strictest(*uses: str) -> str:
    """What may be done with weights that come from all of these: no before unknown before yes."""
    return min(uses, key=("no", "unknown", "yes").index)


def save(module: nn.Module, how: Network, data: Dataset, path: Path, trained: str, *uses: str) -> Path:
    """Write weights with what `capture --model` must know of them. uses: commercial use of what else they learnt from."""
    use = strictest(COMMERCIAL_USE.get(data.name, "unknown"), how.start_use, *uses)
    sets = {skeleton.names: name for name, skeleton in SETS.items()}
    points, joints = (sets.get(names, data.name) for names in (data.point_names, data.joint_names))
    state = {key: value.detach().cpu() for key, value in module.state_dict().items()}
    weights.save(
        path, state, network=how.name, config=json.dumps(dict(how.config)), fps=str(data.clips[0].fps), commercial_use=use,
        licence=LICENCE[use], joints_in=points, joints_out=joints, view="screen", units=how.units, trained=trained,
    )  # fmt: skip
    return path
