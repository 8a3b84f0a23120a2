"""What MixSTE's features say besides the joints: how sure they are, the up direction, contacts, the root's distance.

Heads of their own in a file of their own, so that MixSTE's keys stay those of its checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..contract.motion import CONTACT_NAMES
from ..contract.skeleton import BODY_27

FEET = [BODY_27.index(name) for name in CONTACT_NAMES]
NEAR_M = 0.05  # confidence is the probability of a joint being this near


class Side(NamedTuple):
    """log_spread (B, F, J): logarithm of the median error, metres. up (B, F, 3): of the world, in the axes of the joints,
    not of unit length. log_distance (B, F): of the root's metres from the camera over the
    input's scale. contacts (B, F, 4):
    logits of left heel, left toe, right heel, right toe on the ground."""

    log_spread: Tensor
    up: Tensor
    log_distance: Tensor
    contacts: Tensor


class SideHeads(nn.Module):
    """(B, F, J, D) features of a network for BODY_27 to a Side."""

    def __init__(self, dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.joint = nn.Sequential(nn.Linear(dim, hidden), nn.GELU())
        self.spread = nn.Linear(hidden, 1)
        self.contact = nn.Linear(hidden, 1)
        self.whole = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, 4))

    def forward(self, features: Tensor) -> Side:
        features = self.norm(features)
        joint, whole = self.joint(features), self.whole(features.mean(-2))
        contacts = self.contact(joint[..., FEET, :])[..., 0]
        return Side(self.spread(joint)[..., 0] - 3, whole[..., :3], whole[..., 3], contacts)


@dataclass(frozen=True)
class Certainty:
    """How spread becomes a probability: errors are log-logistic, with the median `factor` · spread and this `shape`.

    Fitted on motions that the network has not learnt from, where it errs more than it thinks.
    """

    factor: float = 1.0
    shape: float = 2.5

    def within(self, log_spread: Tensor, metres: float = NEAR_M) -> Tensor:
        """The probability of an error below `metres`."""
        log_factor = torch.log(torch.tensor(self.factor / metres))
        return torch.sigmoid(-self.shape * (log_spread + log_factor))


def spread_loss(log_spread: Tensor, error: Tensor, shape: float = Certainty.shape) -> Tensor:
    """Mean negative log-likelihood of errors (metres) under the log-logistic distribution of these medians."""
    u = shape * (torch.log(error.clamp_min(1e-4)) - log_spread)
    return (2 * nn.functional.softplus(-u) + u).mean()


def fit_certainty(log_spread: Tensor, error: Tensor) -> Certainty:
    """The factor and shape under which these errors (N,) metres are likeliest."""
    values = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)  # logarithms of factor and shape
    off = (torch.log(error.clamp_min(1e-4)) - log_spread).double()
    solver = torch.optim.LBFGS([values], max_iter=50, line_search_fn="strong_wolfe")

    def likelihood() -> Tensor:
        solver.zero_grad()
        u = values[1].exp() * (off - values[0])
        loss = (2 * nn.functional.softplus(-u) + u).mean() - values[1]
        loss.backward()
        return loss

    solver.step(likelihood)
    factor, shape = values.detach().exp().tolist()
    return Certainty(factor, shape)
