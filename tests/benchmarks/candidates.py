"""Which network should ship: sizes and windows trained with the same CPU time on the same data, by error and speed.

    python tests/benchmarks/candidates.py --mocap ../shared/mocap --renders runs/renders/train --folder runs/candidates
        [--minutes 10] [--only NAME …]

Minutes are of the CPU, so that a busy machine changes nothing but the wait. Runs that are done are not repeated. Prints
the table of lifter/models/README.md; speed is taken in turns at the end.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from video_to_armature.lifter import rays
from video_to_armature.lifter.contract.protocol import InputError
from video_to_armature.lifter.lift import lift
from video_to_armature.lifter.networks import Lifter, load
from video_to_armature.lifter.train import loop, recipe, views
from video_to_armature.lifter.train.bundled import FILE

TOKENS = 4 * 27  # frames a step: the same work for all
CANDIDATES: dict[str, dict[str, object]] = {
    "192 wide": {},
    "128 wide": {"network.dim": 128, "network.heads": 2},
    "256 wide": {"network.dim": 256, "network.heads": 4},
    "192 wide, 2 deep": {"network.depth": 2},
    "256 wide, 2 deep": {"network.dim": 256, "network.heads": 4, "network.depth": 2},
    "9 frames": {"network.frames": 9},
    "81 frames": {"network.frames": 81},
    "243 frames at 30 fps": {"network.frames": 243, "options.stride": 1.0},
    "27 frames at 30 fps": {"options.stride": 1.0},
    "27 frames at 7.5 fps": {"options.stride": 4.0},
    "long windows only": {"options.short": 0.0},
    "plain crop": {},
}
SPEED_FRAMES, TURNS = 600, 5
FIGURES = ("clean_mpjpe", "noisy_mpjpe", "seen_mpjpe", "seen_p_mpjpe", "seen_mpjve")


def plain_crop(points: rays.FloatArray, confidence: rays.FloatArray) -> tuple[rays.FloatArray, ...]:
    """As `rays.to_network`, but as is common: the window's middle is taken away and no camera is turned."""
    seen = confidence > 0
    safe = np.where(seen[..., None], points, 0)
    weight = (confidence * seen)[..., None]
    total = np.maximum(weight.sum((-3, -2), keepdims=True), 1e-6)
    flat = safe - (safe * weight).sum((-3, -2), keepdims=True) / total
    size = np.sqrt(((flat**2).sum(-1, keepdims=True) * weight).sum((-3, -2, -1)) / total[..., 0, 0, 0])
    scale = rays.SIZE_OF_INPUT / np.maximum(size, rays.MIN_SIZE)
    network_input = np.concatenate([flat * scale[..., None, None, None], confidence[..., None]], -1) * seen[..., None]
    turn = np.broadcast_to(np.eye(3), (*confidence.shape[:-1], 3, 3))
    return np.clip(network_input, -3, 3).astype(np.float32), turn, scale


def train(name: str, a: argparse.Namespace) -> Path:
    """The weights of a candidate, trained now or before."""
    folder = a.folder / name.replace(", ", "_").replace(" ", "_")
    changes = dict(CANDIDATES[name])
    frames = int(str(changes.get("network.frames", 27)))
    schedule = {"minutes": a.minutes, "clock": "cpu", "threads": 1, "batch": max(TOKENS // frames, 1)}
    changes |= {f"schedule.{key}": value for key, value in schedule.items()}
    if a.renders:
        changes["options.renders"] = a.renders
    views.to_network = plain_crop if name == "plain crop" else rays.to_network
    sets = [f"{key}={value}" for key, value in changes.items()]
    objective, how = recipe.prepare(recipe.read("bundled", sets), a.mocap)
    try:
        return loop.run(objective, how, folder, lambda line: print(f"{name}: {line}", file=sys.stderr))
    finally:
        views.to_network = rays.to_network


def speed(lifters: dict[str, Lifter]) -> dict[str, float]:
    """Milliseconds a frame of lifting a clip at 30 fps, flip average included; the medians of runs in turns."""
    rng = np.random.default_rng(0)
    body = np.concatenate([rng.uniform(200, 400, (SPEED_FRAMES, 27, 2)), np.ones((SPEED_FRAMES, 27, 1))], -1)
    times, matrix = np.arange(SPEED_FRAMES) / 30, np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
    took: dict[str, list[float]] = {name: [] for name in lifters}
    for _ in range(TURNS):
        for name, lifter in lifters.items():
            began = time.perf_counter()
            lift(lifter, body, times, matrix, None, lambda *_: None, print)
            took[name].append(1000 * (time.perf_counter() - began) / SPEED_FRAMES)
    return {name: statistics.median(values) for name, values in took.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mocap", type=Path, required=True)
    parser.add_argument("--renders", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", nargs="+", choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument("--table", action="store_true", help="of what is trained, without training")
    a = parser.parse_args()
    torch.set_num_threads(1)
    files: dict[str, Path] = {}
    for name in a.only:
        folder = a.folder / name.replace(", ", "_").replace(" ", "_")
        if a.table and not (folder / FILE).is_file():
            continue
        files[name] = (folder / FILE) if a.table else train(name, a)
    if not files:
        raise InputError(f"{a.folder}: no candidate is trained there. Run without --table.")
    lifters = {name: load(str(path), "cpu", print) for name, path in files.items()}
    milliseconds = speed(lifters)
    print("| candidate | parameters | MB | ms a frame | steps | " + " | ".join(FIGURES) + " |")
    print("|---|" + "---|" * (4 + len(FIGURES)))
    for name, path in files.items():
        *_, row = csv.DictReader((path.parent / "log.csv").open(encoding="utf-8"))
        count = sum(p.numel() for p in lifters[name].network.parameters()) / 1e6
        figures = " | ".join(row[figure] for figure in FIGURES)
        size = path.stat().st_size / 1e6
        print(f"| {name} | {count:.2f} M | {size:.1f} | {milliseconds[name]:.2f} | {row['step']} | {figures} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
