"""How fast the three lifters are here, and what bfloat16 costs: `python tests/benchmarks/lifters.py [--device cuda]`,
the second half of `dev.py bench`; appended to RESULTS.md.

MixSTE runs beside a plain form of itself, as the papers' code has it, in turns and on the same weights: a single window,
one with its mirror image, and four as the papers' evaluation runs a clip, all its windows at once.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from video_to_armature.lifter.models import build, weights
from video_to_armature.lifter.models.mixste import MixSTE
from video_to_armature.lifter.models.streaming import Stream
from video_to_armature.lifter.models.videopose3d import VideoPose3D
from video_to_armature.lifter.train.augment import make_batch
from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.lifter.train.variation import NOISY

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("RESULTS.md")
VIEWS = ROOT.parent / "shared" / "mocap" / "val.npz"
REPEATS = 5
FRAMES = 243
SEQUENCE = 3000  # frames that VideoPose3D streams through: a minute at 50 fps
CHUNK = 1000  # of these at once
LEAST_GAIN = 1.2  # of MixSTE over its plain form, several windows at once
MOST_MS = 0.2  # a frame, VideoPose3D
BATCHES = {"cpu": (1, 2, 4), "cuda": (1, 8, 64)}  # windows at once
Row = tuple[str, str, str]


@torch.inference_mode()
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=sorted(BATCHES))
    device = torch.device(parser.parse_args().device)
    torch.manual_seed(0)
    rows: list[Row] = []
    for part in (mixste, dstformer, videopose3d, trained):
        rows += part(device)
        print(f"  {part.__name__}: done", file=sys.stderr, flush=True)
    lines = ["| what | measured | bar |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    section = heading(device) + "\n".join(lines) + "\n"
    with RESULTS.open("a", encoding="utf-8") as stream:
        stream.write(section)
    print(section)
    return int(any(bar.endswith("NO") for _, _, bar in rows))


def mixste(device: torch.device) -> list[Row]:
    """The published size: 243 frames, width 512, depth 8."""
    network = build("mixste").to(device).eval()
    assert isinstance(network, MixSTE)
    rows: list[Row] = []
    for batch in BATCHES[device.type]:
        x = torch.randn(batch, FRAMES, 17, 2, device=device)
        plain_s, ours_s = in_turns(device, lambda x=x: plain_mixste(network, x), lambda x=x: network(x))
        gain = statistics.median(a / b for a, b in zip(plain_s, ours_s, strict=True))
        bar = verdict(gain >= LEAST_GAIN, f"≥ {LEAST_GAIN}") if device.type == "cpu" and batch > 1 else ""
        difference = (plain_mixste(network, x) - network(x)).abs().max().item()
        rows += [
            (f"MixSTE, plain form, fp32, batch {batch}", a_frame(plain_s, batch * FRAMES), ""),
            (f"MixSTE, fp32, batch {batch}", a_frame(ours_s, batch * FRAMES), ""),
            (f"plain / ours, batch {batch} (largest difference {difference:.0e})", f"{gain:.2f}", bar),
            (f"MixSTE, bf16, batch {batch}", a_frame(half(network, x), batch * FRAMES), ""),
        ]
    return rows


def dstformer(device: torch.device) -> list[Row]:
    rows: list[Row] = []
    for name, config in (("DSTformer", {}), ("DSTformer lite", {"dim": 256, "mlp_ratio": 4.0})):
        network = build("dstformer", **config).to(device).eval()
        for batch in BATCHES[device.type][:1] if device.type == "cpu" else BATCHES[device.type]:
            x = torch.randn(batch, FRAMES, 17, 3, device=device)
            (single_s,) = in_turns(device, lambda x=x, network=network: network(x))
            rows.append((f"{name}, fp32, batch {batch}", a_frame(single_s, batch * FRAMES), ""))
            rows.append((f"{name}, bf16, batch {batch}", a_frame(half(network, x), batch * FRAMES), ""))
    return rows


def videopose3d(device: torch.device) -> list[Row]:
    """The published size, 243 frames; a whole sequence, and a causal stream of single frames."""
    network, live = build("videopose3d").to(device).eval(), build("videopose3d", causal=True).to(device).eval()
    assert isinstance(network, VideoPose3D)
    assert isinstance(live, VideoPose3D)
    x = torch.randn(1, SEQUENCE, 17, 2, device=device)
    padded = torch.nn.functional.pad(x.flatten(2).mT, network.padding, "replicate").mT.unflatten(2, (17, 2))

    chunks = Stream(network)

    def stream() -> None:
        for chunk in x.split(CHUNK, 1):
            chunks.push(chunk)
        chunks.finish()

    whole_s, stream_s = in_turns(device, lambda: network(padded), stream)
    causal = Stream(live)
    causal.push(x[:, :300])
    (frame_s,) = in_turns(device, lambda: causal.push(x[:, :1]), repeats=100)
    chunked = a_frame(stream_s, SEQUENCE)
    return [
        (f"VideoPose3D, fp32, {SEQUENCE} frames at once", a_frame(whole_s, SEQUENCE), ""),
        (f"VideoPose3D, fp32, {SEQUENCE} frames in chunks of {CHUNK}", chunked, bar_ms(stream_s, device)),
        (f"VideoPose3D, bf16, {SEQUENCE} frames at once", a_frame(half(network, padded), SEQUENCE), ""),
        (f"VideoPose3D, causal, live: latency {causal.look_ahead} frames", a_frame(frame_s, 1), ""),
    ]


def trained(device: torch.device) -> list[Row]:
    """The weights that ship, on simulated views of motions that training never saw: what bf16 changes."""
    info = weights.describe(weights.find(weights.DEFAULT))
    network = weights.load(info).to(device)
    frames = info.config["frames"]
    views = make_batch(load_mocap(VIEWS), np.random.default_rng(0), 64, frames, 30 / info.fps, NOISY)
    x, target = (torch.from_numpy(a).to(device) for a in (views.network_input, views.target))
    (single_s,) = in_turns(device, lambda: network(x))
    with torch.autocast(device.type, torch.bfloat16):
        rough = network(x).float()
    exact = network(x)
    moved = 1000 * (rough - exact).norm(dim=-1)
    error = [1000 * (poses - poses[:, :, :1] - target).norm(dim=-1).mean().item() for poses in (exact, rough)]
    return [
        (f"{info.name}, fp32, 64 windows of {frames}", a_frame(single_s, 64 * frames), ""),
        (f"{info.name}, bf16, 64 windows of {frames}", a_frame(half(network, x), 64 * frames), ""),
        ("joints that bf16 moves, mean / largest", f"{moved.mean():.2f} / {moved.max():.1f} mm", ""),
        ("error of fp32 / bf16", f"{error[0]:.2f} / {error[1]:.2f} mm", ""),
    ]


def plain_mixste(network: MixSTE, x: Tensor) -> Tensor:
    """The network's steps as the papers' code has them: tokens regrouped before every block, attention written out."""
    B, F, J, _ = x.shape
    x = (network.Spatial_patch_to_embedding(x) + network.Spatial_pos_embed).reshape(B * F, J, -1)
    for i, (over_joints, over_frames) in enumerate(zip(network.STEblocks, network.TTEblocks, strict=True)):
        x = network.Spatial_norm(plain_block(over_joints, x))
        x = x.reshape(B, F, J, -1).permute(0, 2, 1, 3).reshape(B * J, F, -1)
        x = network.Temporal_norm(plain_block(over_frames, x + network.Temporal_pos_embed[:, :F] if i == 0 else x))
        x = x.reshape(B, J, F, -1).permute(0, 2, 1, 3).reshape(B * F, J, -1)
    return network.head(x).reshape(B, F, J, 3)


def plain_block(block: Any, x: Tensor) -> Tensor:
    attention, (N, T, D) = block.attn, x.shape
    parts = attention.qkv(block.norm1(x)).reshape(N, T, 3, attention.heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = parts[0], parts[1], parts[2]
    weight = (query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5).softmax(-1)
    x = x + attention.proj((weight @ value).transpose(1, 2).reshape(N, T, D))
    return x + block.mlp.fc2(nn.functional.gelu(block.mlp.fc1(block.norm2(x))))


def half(network: nn.Module, x: Tensor) -> list[float]:
    """Seconds in mixed precision."""

    def run() -> None:
        with torch.autocast(x.device.type, torch.bfloat16):
            network(x)

    return in_turns(x.device, run)[0]


def in_turns(device: torch.device, *runs: Callable[[], object], repeats: int = REPEATS) -> list[list[float]]:
    """Seconds of each, one after the other again and again, so that a busy machine slows all; the first turn warms."""
    seconds: list[list[float]] = [[] for _ in runs]
    for turn in range(repeats + 1):
        for run, found in zip(runs, seconds, strict=True):
            began = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                found.append(time.perf_counter() - began)
    return seconds


def a_frame(seconds: list[float], frames: int) -> str:
    return f"{1000 * statistics.median(seconds) / frames:.3f} ms a frame"


def bar_ms(seconds: list[float], device: torch.device) -> str:
    good = 1000 * statistics.median(seconds) / SEQUENCE <= MOST_MS
    return verdict(good, f"≤ {MOST_MS} ms") if device.type == "cpu" else ""


def verdict(good: bool, bar: str) -> str:
    return f"{bar}: {'yes' if good else 'NO'}"


def heading(device: torch.device) -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    names = [line for line in cpu_info() if line.startswith("model name")]
    machine = names[0].split(":")[1].strip() if names else platform.machine()
    machine = torch.cuda.get_device_name() if device.type == "cuda" else f"{machine}, {os.cpu_count()} cores"
    return (
        f"\n## {datetime.date.today()}, commit {commit.stdout.strip()}: the lifters\n\n"
        f"{machine}, load {os.getloadavg()[0]:.1f} at the end; {platform.system()}, torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads; medians of {REPEATS}, random weights but "
        f"for the last four rows. `python tests/benchmarks/lifters.py --device {device.type}`\n\n"
    )


def cpu_info() -> list[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text().splitlines() if info.exists() else []


if __name__ == "__main__":
    sys.exit(main())
