"""How good a network is on simulated views of motions it never saw: `python -m lifter evaluate`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from .. import metrics
from .augment import make_batch
from .data import MocapSet
from .variation import CLEAN, NOISY, SEEN, TOLD, Variation
from .views import Batch

H36M = slice(0, 17)  # the first joints of BODY_27
SETS: dict[str, Variation] = {  # seen: by the measured detector; told: the same, and which way is up
    "clean": CLEAN,
    "noisy": NOISY,
    "seen": SEEN,
    "told": TOLD,
}


def fixed_batches(mocap: MocapSet, a: Variation, frames: int, stride: float, windows: int = 192) -> list[Batch]:
    """The same windows, cameras and noise every time."""
    rng = np.random.default_rng(12345)
    return [make_batch(mocap, rng, min(64, windows - i), frames, stride, a) for i in range(0, windows, 64)]


@torch.inference_mode()
def errors(network: nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
    """Millimetres over H36M_17 after one scale per window: mpjpe, p_mpjpe, mpjve (per frame), and mpjpe of BODY_27."""
    found: list[dict[str, float]] = []
    device = next(network.parameters()).device
    for batch in batches:
        network_input = torch.from_numpy(batch.network_input[..., : network.channels_in]).to(device)
        output = network(network_input).float().cpu().numpy()
        output = output - output[:, :, :1]
        for predicted, true in zip(output, batch.target, strict=True):
            scaled = predicted * ((predicted * true).sum() / max((predicted**2).sum(), 1e-9))
            found.append(
                {
                    "mpjpe": metrics.mpjpe(scaled[:, H36M], true[:, H36M]),
                    "p_mpjpe": metrics.p_mpjpe(scaled[:, H36M], true[:, H36M]),
                    "mpjve": metrics.mpjve(scaled[:, H36M], true[:, H36M]),
                    "mpjpe_27": metrics.mpjpe(scaled, true),
                }
            )
    return {key: 1000 * float(np.mean([f[key] for f in found])) for key in found[0]}
