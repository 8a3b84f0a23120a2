"""The networks that lift 2D to 3D, by name. Input (B, F, J, C), output (B, F', J', 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from .dstformer import DSTformer
from .mixste import MixSTE
from .videopose3d import VideoPose3D

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "mixste": MixSTE,
    "dstformer": DSTformer,
    "videopose3d": VideoPose3D,
}


def build(name: str, **config: Any) -> nn.Module:
    """A freshly initialised network. Raises ValueError for a name or keyword that does not exist."""
    if name not in NETWORKS:
        raise ValueError(f"no network '{name}'; there are {', '.join(sorted(NETWORKS))}")
    try:
        return NETWORKS[name](**config)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
