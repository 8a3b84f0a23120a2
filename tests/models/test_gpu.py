"""CUDA gives what the CPU gives, to a millimetre, and how fast. `pytest -m gpu -s tests/models/test_gpu.py`"""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from video_to_armature.lifter.models import build, heads, weights
from video_to_armature.lifter.models.dstformer import DSTformer
from video_to_armature.lifter.models.streaming import Stream
from video_to_armature.lifter.models.videopose3d import VideoPose3D

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="NOT RUN: no CUDA device on this machine"),
]
BODY = 1.7  # metres: outputs are brought to a body of this size before millimetres are counted
NETWORKS = {
    "mixste 243": ("mixste", {}, (243, 17, 2)),
    "mixste 27": ("mixste", {"frames": 27}, (27, 17, 2)),
    "dstformer": ("dstformer", {}, (243, 17, 3)),
    "dstformer lite": ("dstformer", {"dim": 256, "mlp_ratio": 4.0}, (243, 17, 3)),
    "videopose3d": ("videopose3d", {}, (300, 17, 2)),
    "videopose3d causal": ("videopose3d", {"causal": True}, (300, 17, 2)),
}


def millimetres(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest distance of two outputs (..., 3), as on a body of BODY metres."""
    span = (expected.amax((0, 1, 2)) - expected.amin((0, 1, 2))).max()
    return (1000 * BODY * (found.cpu() - expected).norm(dim=-1).max() / span).item()


def both(network: torch.nn.Module, x: torch.Tensor) -> tuple[Any, Any]:
    """The network's output on CUDA and on the CPU."""
    with torch.inference_mode():
        expected = network(x)
        return network.cuda()(x.cuda()), expected


def report(name: str, network: torch.nn.Module, x: torch.Tensor) -> None:
    """Prints ms a frame, the best of ten runs, for batches of 1 and of 32."""
    for batch in (1, 32):
        clips = x[:1].expand(batch, -1, -1, -1).contiguous().cuda()
        best = float("inf")
        with torch.inference_mode():
            for _ in range(11):
                torch.cuda.synchronize()
                began = time.perf_counter()
                network(clips)
                torch.cuda.synchronize()
                best = min(best, time.perf_counter() - began)
        print(f"{name}: {1000 * best / clips.shape[:2].numel():.4f} ms a frame, batch {batch}")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network(name: str) -> None:
    torch.manual_seed(0)
    kind, config, shape = NETWORKS[name]
    network, x = build(kind, **config).eval(), torch.randn(2, *shape)
    found, expected = both(network, x)
    assert millimetres(found, expected) < 1
    report(name, network, x)


@pytest.mark.parametrize("name", [info.name for info in weights.available()])
def test_weights_that_ship(name: str) -> None:
    torch.manual_seed(0)
    info = weights.describe(weights.find(name))
    network = weights.load(info)
    x = torch.randn(16, info.config["frames"], info.config["joints"], info.config["channels_in"])
    found, expected = both(network, x)
    assert (found.cpu() - expected).norm(dim=-1).max() < 1e-3  # metres
    report(name, network, x)


def test_a_stream() -> None:
    torch.manual_seed(0)
    network = build("videopose3d", causal=True).eval()
    assert isinstance(network, VideoPose3D)
    x = torch.randn(1, 300, 17, 2)
    expected = Stream(network).push(x)
    stream = Stream(network.cuda())
    found = torch.cat([stream.push(frame) for frame in x.cuda().split(1, 1)], 1)
    assert millimetres(found, expected) < 1


@pytest.mark.parametrize("head", [heads.ActionClass, heads.ActionEmbed, heads.MeshHead])
def test_heads_of_motionbert(head: Callable[[], torch.nn.Module]) -> None:
    torch.manual_seed(0)
    backbone = build("dstformer", dim=256, mlp_ratio=4.0)
    assert isinstance(backbone, DSTformer)
    network = heads.OnBackbone(backbone, head()).eval()
    x = torch.randn(2, 27, 17, 3) if head is heads.MeshHead else torch.randn(2, 2, 27, 17, 3)
    found, expected = both(network, x)
    if head is heads.MeshHead:
        found, expected = (torch.cat((b.rotations.flatten().cpu(), b.shape.flatten().cpu())) for b in (found, expected))
    assert (found.cpu() - expected).abs().max() < 1e-3
