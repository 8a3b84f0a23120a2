"""Weights for tests."""

from __future__ import annotations

import torch
from torch import nn


def randomise(network: nn.Module) -> None:
    """Every number of the network at random, running averages too; the same each time."""
    torch.manual_seed(0)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            torch.nn.init.uniform_(value, 0.5, 2)
        elif value.is_floating_point():
            torch.nn.init.normal_(value, std=0.3)
