"""The training loop: simulated views in, weights out. Stops and resumes anywhere; needs torch and numpy alone.

The schedule runs on minutes of work, not on steps, so that one command means the same effort on any machine.
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.protocol import Cancelled
from ..contract.skeleton import BODY_27
from ..models import build, weights
from .augment import Augment, make_batch
from .data import FPS, MocapSet
from .evaluate import SETS, errors, fixed_batches

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
EMA = 0.998
SUSPENDED_S = 30.0  # a step longer than this slept: it does not count as work


@dataclass(frozen=True)
class Plan:
    """One training run. `stride` is source frames (30 fps) between the frames of a window."""

    minutes: float = 60.0
    frames: int = 27
    stride: float = 2.0
    dim: int = 128
    depth: int = 4
    heads: int = 4
    mlp_ratio: float = 2.0
    windows: int = 48
    rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.02
    seed: int = 0
    compile: bool = True
    threads: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """Keywords of the network."""
        return {
            "frames": self.frames, "joints": len(BODY_27), "channels_in": 3, "dim": self.dim, "depth": self.depth,
            "heads": self.heads, "mlp_ratio": self.mlp_ratio, "qkv_bias": True,
        }  # fmt: skip


def train(
    plan: Plan,
    motions: MocapSet,
    held_out: MocapSet,
    folder: Path,
    say: Callable[[str], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Run or resume the plan in `folder`; returns the weights file. `say` gets a line now and then.

    When `cancelled` says so the checkpoint is written and Cancelled raised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if plan.threads:
        torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build("mixste", **plan.config)
    _initialise(network)
    network.to(device)
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    optimizers = _optimizers(network, plan)
    step, spent = 0, 0.0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.is_file():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        average = {k: v.to(device) for k, v in saved["average"].items()}
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        step, spent = saved["step"], saved["spent"]
        say(f"resumed at step {step}, {spent / 60:.1f} of {plan.minutes:g} minutes")
    (folder / "plan.json").write_text(json.dumps(asdict(plan), indent=1))

    checks = {name: fixed_batches(held_out, a, plan.frames, plan.stride) for name, a in SETS.items()}
    forward: Callable[[Tensor], Tensor] = torch.compile(network) if plan.compile else network  # type: ignore[assignment]
    joint_weight = torch.tensor(
        [next((w for part, w in JOINT_WEIGHT.items() if name.endswith(part)), 1.0) for name in BODY_27.names],
        device=device,
    )
    augment = Augment()
    saved_at = checked_at = spent
    running = 0.0
    network.train()
    while spent < 60 * plan.minutes:
        began = time.perf_counter()
        done = spent / (60 * plan.minutes)
        factor = min(done / plan.warm_up, 1.0) if done < plan.warm_up else 0.5 * (1 + math.cos(math.pi * done)) + 0.01
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = plan.rate * max(factor, 0.01)
        rng = np.random.default_rng((plan.seed, step))  # a resumed run sees the same batches
        batch = make_batch(motions, rng, plan.windows, plan.frames, plan.stride, augment)
        x, target = torch.from_numpy(batch.network_input).to(device), torch.from_numpy(batch.target).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            output = forward(x)
        loss = _loss(output.float(), target, joint_weight)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        with torch.no_grad():
            keep = min(EMA, (1 + step) / (10 + step))
            for key, value in network.state_dict().items():
                average[key].lerp_(value, 1 - keep)
        step += 1
        took = time.perf_counter() - began
        spent += took if took < SUSPENDED_S or step < 5 else 0
        running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        stop = cancelled()
        if stop or spent - saved_at > 120 or spent >= 60 * plan.minutes:
            saved_at = spent
            _save(checkpoint, network, average, optimizers, step, spent)
        if stop:
            raise Cancelled(f"stopped at step {step}. The same command goes on from there.")
        if spent - checked_at > 300 or spent >= 60 * plan.minutes:
            checked_at = spent
            row = {"step": step, "minutes": round(spent / 60, 2), "loss": round(running, 4)}
            row |= _check(plan, average, checks)
            _log(folder / "log.csv", row)
            say(" ".join(f"{k} {v}" for k, v in row.items()))
    return _ship(plan, average, folder, step)


def _check(plan: Plan, average: dict[str, Tensor], checks: dict[str, Any]) -> dict[str, float]:
    network = build("mixste", **plan.config)
    network.load_state_dict({k: v.cpu() for k, v in average.items()})
    network.eval()
    found: dict[str, float] = {}
    for name, batches in checks.items():
        found |= {f"{name}_{key}": round(value, 1) for key, value in errors(network, batches).items()}
    return found


def _ship(plan: Plan, average: dict[str, Tensor], folder: Path, step: int) -> Path:
    path = folder / "mixste_body27.safetensors"
    trained = f"{step} steps, {plan.minutes:g} minutes; {json.dumps(asdict(plan))}"
    state = {k: v.cpu() for k, v in average.items()}
    weights.save(path, state, **weights.metadata_of("mixste", plan.config, FPS / plan.stride, trained))
    return path


def _loss(output: Tensor, target: Tensor, joint_weight: Tensor) -> Tensor:
    """Weighted mean distance of joints plus that of their frame-to-frame differences, (B, F, J, 3) metres."""
    position = ((output - target).norm(dim=-1) * joint_weight).mean()
    change = ((output - target).diff(dim=1).norm(dim=-1) * joint_weight).mean()
    return position + VELOCITY_WEIGHT * change


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02 if module.out_features > 3 else 0.05)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for name, parameter in network.named_parameters():
        if name.endswith("pos_embed"):
            nn.init.trunc_normal_(parameter, std=0.02)


def _optimizers(network: nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks (fewer steps than AdamW alone), AdamW for the rest."""
    named = list(network.named_parameters())
    inside = [p for n, p in named if p.ndim == 2 and "blocks" in n]
    decay = [p for n, p in named if p.ndim == 2 and "blocks" not in n]
    plain = [p for n, p in named if p.ndim != 2]
    groups = [{"params": decay, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [
        torch.optim.Muon(inside, lr=plan.rate, weight_decay=plan.weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98)),
    ]


def _save(
    path: Path, network: nn.Module, average: dict[str, Tensor], optimizers: list[Any], step: int, spent: float
) -> None:
    part = path.with_suffix(".part")
    state = {
        "network": network.state_dict(), "average": average, "optimizers": [o.state_dict() for o in optimizers],
        "step": step, "spent": spent,
    }  # fmt: skip
    torch.save(state, part)
    os.replace(part, path)


def _log(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, row.keys())
        if new:
            writer.writeheader()
        writer.writerow(row)
