"""What the bundled network learns: BODY_27 from rays, seen by simulated cameras and a simulated detector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.skeleton import BODY_27
from ..models import weights
from ..models.mixste import MixSTE
from ..models.side import Side, SideHeads, fit_certainty, spread_loss
from . import rendered
from .augment import make_batch
from .data import FPS, MocapSet
from .evaluate import SETS, errors, fixed_batches
from .pose import LICENCE, Network
from .variation import SEEN, Variation
from .views import Batch

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
WEIGHTS = {  # of the terms of the loss, in the order of their names
    "position": 1.0,  # a metre
    "velocity": 1.0,  # a metre of frame-to-frame differences: what is seen as jitter
    "bone": 0.1,  # of a bone's length that its end is off
    "spread": 0.02,  # a nat
    "up": 0.05,  # a radian, for small ones
    "distance": 0.05,  # a factor of e
    "contact": 0.02,  # a nat
}
CHILDREN = [j for j, parent in enumerate(BODY_27.parents) if parent >= 0]
PARENTS = [BODY_27.parents[j] for j in CHILDREN]
STEPS_AN_EPOCH = 1000  # windows are drawn anew all the time: an epoch is but a word
SHORTEST = 9  # frames
FILE = "mixste_body27.safetensors"


class WithSide(nn.Module):
    """The network and its side heads: (B, F, 27, 6) to joints (B, F, 27, 3) and a Side."""

    def __init__(self, lifter: MixSTE) -> None:
        super().__init__()
        self.lifter, self.side = lifter, SideHeads(lifter.Spatial_pos_embed.shape[-1])

    def forward(self, x: Tensor) -> tuple[Tensor, Side]:
        features = self.lifter.features(x[..., : self.lifter.channels_in])  # 3: of a network that up is not told
        return self.lifter.head(features), self.side(features)


class Bundled:
    """Windows of `stride` source frames (30 fps) between their frames, made anew for every step.

    short: share of the steps that see a third of the frames of three times as many windows, and so on down to SHORTEST:
    neighbours in time teach little new, other people more. renders: a folder of rendered clips that the detector has seen,
    for a share of each batch; none without it. calibration: a folder of others, for the confidence alone: what was trained
    on is known by heart. side_only: a last round in which the network stays as it is and the side heads see the calibration's
    clips in place of those.
    """

    def __init__(
        self,
        network: Network,
        motions: MocapSet,
        held_out: MocapSet,
        batch: int,
        stride: float = 2.0,
        seed: int = 0,
        short: float = 0.0,
        renders: str = "",
        calibration: str = "",
        side_only: bool = False,
    ) -> None:
        if not isinstance(network.module, MixSTE):
            raise ValueError(f"the bundled objective trains mixste, not {network.name}")
        self.network, self.steps = WithSide(network.module), STEPS_AN_EPOCH
        self._how, self._motions, self._batch, self._stride, self._seed = network, motions, batch, stride, seed
        self._short = short
        self._checks = {name: fixed_batches(held_out, a, network.frames, stride) for name, a in SETS.items()}
        self._variation = Variation()
        self._unseen = rendered.load(Path(calibration)) if calibration else []
        self._takes = self._unseen if side_only else rendered.load(Path(renders)) if renders else []
        self._side_only = side_only
        if side_only:
            self.network.lifter.requires_grad_(False)
        self._joint_weight = torch.tensor(
            [next((w for part, w in JOINT_WEIGHT.items() if name.endswith(part)), 1.0) for name in BODY_27.names]
        )

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """The terms of WEIGHTS."""
        rng = np.random.default_rng((self._seed, step))
        frames, size = self._how.frames, self._batch
        while frames >= 3 * SHORTEST and rng.uniform() < self._short:
            frames, size = frames // 3, size * 3
        batch = make_batch(self._motions, rng, size, frames, self._stride, self._variation, self._takes)
        joints, side = network(torch.from_numpy(batch.network_input).to(device))
        terms = {
            **joint_terms(joints.float(), torch.from_numpy(batch.target).to(device), self._joint_weight.to(device)),
            **side_terms(
                joints.detach().float(), Side(*(part.float() for part in side)), batch, device, self._side_only
            ),
        }
        return {name: WEIGHTS[name] * term for name, term in terms.items()}

    def check(self, network: nn.Module) -> dict[str, float]:
        """`evaluate.errors` of the held-out views, millimetres."""
        found = {name: errors(network.lifter, batches) for name, batches in self._checks.items()}  # pyright: ignore
        return {f"{name}_{key}": value for name, row in found.items() for key, value in row.items()}

    def _rendered(self) -> list[Batch]:
        """As many windows of rendered people as each of the checks has, where there are some."""
        if not self._unseen:
            return []
        rng, fps = np.random.default_rng(0), FPS / self._stride
        return [
            rendered.windows(self._unseen, rng, len(batch), self._how.frames, fps, SEEN)
            for batch in self._checks["seen"]
        ]

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """The two files that ship."""
        assert isinstance(network, WithSide)
        config = dict(self._how.config)
        metadata = weights.metadata_of("mixste", config, FPS / self._stride, f"{trained}; {json.dumps(config)}")
        use = self._how.start_use
        if use != "yes":
            metadata |= {"commercial_use": use, "licence": LICENCE[use]}
        weights.save(folder / FILE, network.lifter.state_dict(), **metadata)
        # Of three kinds that are seen differently, the third rendered people: any one alone would promise too much.
        views = [*self._checks["noisy"], *self._checks["seen"], *self._rendered()]
        certainty = fit_certainty(*surprises(network, views))
        metadata |= {"network": "side", "certainty": json.dumps([certainty.factor, certainty.shape])}
        weights.save(weights.side_file(folder / FILE), network.side.state_dict(), **metadata)
        return folder / FILE


def joint_terms(predicted: Tensor, true: Tensor, joint_weight: Tensor) -> dict[str, Tensor]:
    """Mean distances of joints, of their frame-to-frame differences, and of bones over their lengths."""
    error = predicted - true
    bone, off = true[..., CHILDREN, :] - true[..., PARENTS, :], error[..., CHILDREN, :] - error[..., PARENTS, :]
    return {
        "position": (error.norm(dim=-1) * joint_weight).mean(),
        "velocity": (error.diff(dim=1).norm(dim=-1) * joint_weight).mean(),
        "bone": (off.norm(dim=-1) / bone.norm(dim=-1).clamp_min(0.03)).mean(),
    }


def side_terms(
    joints: Tensor, side: Side, batch: Batch, device: torch.device, unseen: bool = False
) -> dict[str, Tensor]:
    """What the side heads miss: likelihood of the joints' errors and of contacts, angle of up, logarithm of distance.

    unseen: the network has not learnt from the rendered clips either.
    """
    target, up, log_distance, contacts = (
        torch.from_numpy(a).to(device) for a in (batch.target, batch.up, batch.log_distance, batch.contacts)
    )
    known = torch.isfinite(contacts)
    new = torch.from_numpy(~batch.by_heart | unseen).to(device)  # errors of the others would promise too much
    contact = nn.functional.binary_cross_entropy_with_logits(
        side.contacts, contacts.nan_to_num(), known.float(), reduction="sum"
    )
    return {
        "spread": spread_loss(side.log_spread[new], distance(joints, target)[new]),
        "up": (nn.functional.normalize(side.up, dim=-1) - up).norm(dim=-1).mean(),
        "distance": (side.log_distance - log_distance).abs().mean(),
        "contact": contact / known.sum().clamp_min(1),
    }


def distance(joints: Tensor, target: Tensor) -> Tensor:
    """(B, F, J) metres between joints (B, F, J, 3) from their root after one scale per window."""
    joints = joints - joints[:, :, :1]
    product = (joints * target).sum((1, 2, 3), keepdim=True)
    scale = product / (joints**2).sum((1, 2, 3), keepdim=True).clamp_min(1e-9)
    return (scale * joints - target).norm(dim=-1)


@torch.inference_mode()
def surprises(network: WithSide, batches: Sequence[Batch]) -> tuple[Tensor, Tensor]:
    """log_spread and error (N,) of all joints but the root, which is exact."""
    device = next(network.parameters()).device
    spread: list[Tensor] = []
    error: list[Tensor] = []
    for batch in batches:
        joints, side = network(torch.from_numpy(batch.network_input).to(device))
        off = distance(joints.float(), torch.from_numpy(batch.target).to(device))
        spread.append(side.log_spread.float()[..., 1:].flatten().cpu())
        error.append(off[..., 1:].flatten().cpu())
    return torch.cat(spread).clone(), torch.cat(error).clone()


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
