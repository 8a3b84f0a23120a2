"""What the bundled network learns: BODY_27 from rays, seen by simulated cameras and a simulated detector."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.skeleton import BODY_27
from ..models import weights
from .augment import Augment, make_batch
from .data import FPS, MocapSet
from .evaluate import SETS, errors, fixed_batches
from .pose import LICENCE, Network

# Far joints move most and are what an animator sees; those with small errors would otherwise drown them.
JOINT_WEIGHT = {
    "knee": 1.5,
    "ankle": 2.0,
    "elbow": 2.0,
    "wrist": 2.5,
    "toe": 1.5,
    "heel": 1.5,
    "index": 1.5,
    "pinky": 1.5,
}
VELOCITY_WEIGHT = 1.0  # of the error of frame-to-frame differences: what is seen as jitter
STEPS_AN_EPOCH = 1000  # windows are drawn anew all the time: an epoch is but a word
FILE = "mixste_body27.safetensors"


class Bundled:
    """Windows of `stride` source frames (30 fps) between their frames, made anew for every step."""

    def __init__(
        self, network: Network, motions: MocapSet, held_out: MocapSet, batch: int, stride: float = 2.0, seed: int = 0
    ) -> None:
        self.network, self.steps = network.module, STEPS_AN_EPOCH
        self._how, self._motions, self._batch, self._stride, self._seed = network, motions, batch, stride, seed
        self._checks = {name: fixed_batches(held_out, a, network.frames, stride) for name, a in SETS.items()}
        self._augment = Augment()
        self._joint_weight = torch.tensor(
            [next((w for part, w in JOINT_WEIGHT.items() if name.endswith(part)), 1.0) for name in BODY_27.names]
        )

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """Weighted mean distance of joints, and of their frame-to-frame differences; metres."""
        rng = np.random.default_rng((self._seed, step))
        batch = make_batch(self._motions, rng, self._batch, self._how.frames, self._stride, self._augment)
        x, true = torch.from_numpy(batch.network_input).to(device), torch.from_numpy(batch.target).to(device)
        error = network(x).float() - true
        weight = self._joint_weight.to(device)
        return {
            "position": (error.norm(dim=-1) * weight).mean(),
            "velocity": VELOCITY_WEIGHT * (error.diff(dim=1).norm(dim=-1) * weight).mean(),
        }

    def check(self, network: nn.Module) -> dict[str, float]:
        """`evaluate.errors` of the clean and the noisy views, millimetres."""
        found = {name: errors(network, batches) for name, batches in self._checks.items()}
        return {f"{name}_{key}": value for name, row in found.items() for key, value in row.items()}

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """The file that ships."""
        config = dict(self._how.config)
        metadata = weights.metadata_of("mixste", config, FPS / self._stride, f"{trained}; {json.dumps(config)}")
        use = self._how.start_use
        if use != "yes":
            metadata |= {"commercial_use": use, "licence": LICENCE[use]}
        weights.save(folder / FILE, {key: v.detach().cpu() for key, v in network.state_dict().items()}, **metadata)
        return folder / FILE


def initialise(network: nn.Module) -> None:
    """Small weights, as Muon wants them."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02 if module.out_features > 3 else 0.05)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for name, parameter in network.named_parameters():
        if name.endswith("pos_embed"):
            nn.init.trunc_normal_(parameter, std=0.02)
