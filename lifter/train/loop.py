"""The training loop of every objective: stops and resumes anywhere, and leaves curves that a person can read.

A step's batch and its dropout depend on the seed and the step alone, so a resumed run goes on as if it had never
stopped. Needs torch and numpy; the picture of the curves needs matplotlib and is left out without it.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..contract.protocol import Cancelled, RuntimeUnfitError, UsageError
from .curves import Curves

SUSPENDED_S = 30.0  # a step longer than this, and than so many
SUSPENDED_STEPS = 10.0  # before it, slept: it does not count as work
SAVE_S = 120.0
CHECK_S = 300.0  # of work between two checks, and at least an epoch
TELL_S = 30.0  # between two lines of progress
MUON_DECAY_KEYS = "blocks"  # matrices in here go to Muon, the rest to AdamW


class Objective(Protocol):
    """What is trained and on what. `steps`: batches an epoch."""

    steps: int

    @property
    def network(self) -> nn.Module:
        """All that learns."""
        ...

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """The terms of one batch; their sum is what the step lowers."""
        ...

    def check(self, network: nn.Module) -> dict[str, float]:
        """Figures on what is held out, by a network in eval mode."""
        ...

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """Write the weights for `capture --model`; returns their file."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long and how a run goes. It ends at `epochs` or after `minutes` of work, whichever is given or first.

    clock: minutes are of the wall, or of the CPU (fair between runs on a busy machine). decay: of the rate, an epoch.
    cosine: the rate falls to nothing over the run after a share `warm_up`. scale_gradient_by_loss: as in MixSTE's
    published code. norm_momentum: of batch norms, first and last, falling by a constant factor an epoch. average:
    the share that a moving average of the weights keeps a step (0: none). head_factor: of the rate of `head.…`, where
    a new head sits on a trained backbone.
    """

    epochs: float | None = None
    minutes: float | None = None
    clock: str = "wall"
    batch: int = 64
    optimiser: str = "adamw"
    rate: float = 1e-3
    decay: float = 1.0
    cosine: bool = False
    warm_up: float = 0.0
    head_factor: float = 1.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    precision: str = "fp32"
    scale_gradient_by_loss: bool = False
    clip_norm: float | None = None
    norm_momentum: tuple[float, float] | None = None
    average: float = 0.0
    compile: bool = False
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        if self.epochs is None and self.minutes is None:
            raise UsageError("the schedule has neither epochs nor minutes. Give one of them.")
        choices = {"optimiser": OPTIMISERS, "precision": ("fp32", "bf16"), "clock": ("wall", "cpu")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UsageError(f"{name} '{getattr(self, name)}' is not known; there are {', '.join(known)}.")

    def done(self, epoch: float, spent: float) -> float:
        """Share of the run that lies behind, 1 at its end."""
        shares = [epoch / self.epochs if self.epochs else 0, spent / 60 / self.minutes if self.minutes else 0]
        return min(max(shares), 1.0)

    def rate_at(self, epoch: float, done: float) -> float:
        factor = self.decay ** int(epoch)
        if done < self.warm_up:
            return self.rate * factor * max(done / self.warm_up, 0.01)
        return self.rate * factor * (0.5 * (1 + math.cos(math.pi * done)) + 0.005 if self.cosine else 1.0)

    def norm_momentum_at(self, epoch: float) -> float | None:
        if self.norm_momentum is None or self.epochs is None:
            return None
        first, last = self.norm_momentum
        return first * (last / first) ** (int(epoch) / self.epochs)


def run(
    objective: Objective,
    schedule: Schedule,
    folder: Path,
    say: Callable[[str], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Run or resume in `folder`; returns the weights file. `say` gets a line now and then.

    When `cancelled` says so the checkpoint is written and Cancelled raised. Raises UsageError for a folder of another
    network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if schedule.threads:
        torch.set_num_threads(schedule.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = objective.network.to(device)
    optimizers = OPTIMISERS[schedule.optimiser](network, schedule)
    state = _State(network, optimizers, folder / "checkpoint.pt", device)
    if state.load():
        say(f"resumed at step {state.step}, {state.spent / 60:.1f} minutes")
    if schedule.compile:
        network.compile()
    curves = Curves(folder)
    clock = time.process_time if schedule.clock == "cpu" else time.perf_counter
    told_at = time.monotonic()
    saved_at, checked_at, checked_epoch = state.spent, state.spent, state.step / objective.steps
    usual = math.inf  # of a step, seconds
    network.train()
    while (done := schedule.done(epoch := state.step / objective.steps, state.spent)) < 1:
        began = clock()
        rate = schedule.rate_at(epoch, done)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("factor", 1)
        if (momentum := schedule.norm_momentum_at(epoch)) is not None:
            _set_norm_momentum(network, momentum)
        torch.manual_seed(schedule.seed * 1_000_003 + state.step)
        with torch.autocast(device.type, torch.bfloat16, enabled=schedule.precision == "bf16"):
            terms = objective.loss(network, state.step, epoch, device)
        loss = torch.stack([term.float() for term in terms.values()]).sum()
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward(loss.detach() if schedule.scale_gradient_by_loss else None)
        if schedule.clip_norm:
            nn.utils.clip_grad_norm_(network.parameters(), schedule.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
        state.follow(schedule.average)
        curves.add({name: float(term.detach()) for name, term in terms.items()} | {"loss": float(loss.detach())})
        took = clock() - began
        state.step += 1
        if took < max(SUSPENDED_S, SUSPENDED_STEPS * usual):
            state.spent += took
            usual = took

        if time.monotonic() - told_at > TELL_S:
            told_at = time.monotonic()
            left = state.spent / done * (1 - done) / 60 if done else math.nan
            say(
                f"step {state.step}, epoch {epoch:.2f}, loss {float(loss.detach()):.4g}, {left:.0f} minutes of work left"
            )
        stop, epoch = cancelled(), state.step / objective.steps
        ended = schedule.done(epoch, state.spent) >= 1
        if stop or ended or state.spent - saved_at > SAVE_S:
            saved_at = state.spent
            state.save()
        if stop:
            raise Cancelled(f"stopped at step {state.step}. The same command goes on from there.")
        if ended or (state.spent - checked_at > CHECK_S and epoch - checked_epoch >= 1):
            checked_at, checked_epoch = state.spent, epoch
            row = {"step": state.step, "epoch": round(epoch, 2), "minutes": round(state.spent / 60, 2), "rate": rate}
            say(curves.write(row | objective.check(state.averaged(network, schedule.average))))
    trained = f"{state.step} steps, {state.step / objective.steps:.1f} epochs, {state.spent / 60:.1f} minutes"
    try:
        return objective.save(state.averaged(network, schedule.average), folder, trained)
    except ModuleNotFoundError as error:
        raise RuntimeUnfitError(
            f"{folder}: trained, but the weights cannot be written ({error}). Install it, or run the same command where it "
            "is: all is in checkpoint.pt."
        ) from error


class _State:
    """What a run must remember to go on."""

    def __init__(
        self, network: nn.Module, optimizers: list[torch.optim.Optimizer], path: Path, device: torch.device
    ) -> None:
        self.network, self.optimizers, self.path, self.device = network, optimizers, path, device
        self.average = {key: value.detach().clone() for key, value in network.state_dict().items()}
        self.step, self.spent = 0, 0.0

    def load(self) -> bool:
        if not self.path.is_file():
            return False
        try:
            saved: dict[str, Any] = torch.load(self.path, weights_only=True, map_location=self.device)
        except Exception as error:  # torch raises a dozen kinds for damaged files
            raise UsageError(f"{self.path}: is damaged. Choose another folder, or delete it to begin anew.") from error
        try:
            self.network.load_state_dict(saved["network"])
        except RuntimeError as error:
            raise UsageError(f"{self.path}: is of another network. Choose another folder.") from error
        self.average = saved["average"]
        try:
            for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
                optimizer.load_state_dict(state)
        except ValueError as error:
            raise UsageError(f"{self.path}: is of another optimiser. Choose another folder.") from error
        self.step, self.spent = saved["step"], saved["spent"]
        return True

    def save(self) -> None:
        part = self.path.with_suffix(".part")
        optimizers = [optimizer.state_dict() for optimizer in self.optimizers]
        torch.save(
            {
                "network": self.network.state_dict(), "average": self.average, "optimizers": optimizers,
                "step": self.step, "spent": self.spent,
            },
            part,
        )  # fmt: skip
        os.replace(part, self.path)

    @torch.no_grad()
    def follow(self, keep: float) -> None:
        """Move the average towards the network; fast in the first steps."""
        if not keep:
            return
        keep = min(keep, (1 + self.step) / (10 + self.step))
        for key, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.average[key].lerp_(value, 1 - keep)
            else:
                self.average[key].copy_(value)

    def averaged(self, network: nn.Module, keep: float) -> nn.Module:
        """A copy in eval mode, with the averaged weights if these are kept."""
        other = copy.deepcopy(network)
        if keep:
            other.load_state_dict(self.average)
        return other.eval()


def _adamw(network: nn.Module, schedule: Schedule) -> list[torch.optim.Optimizer]:
    head = [p for n, p in network.named_parameters() if n.startswith("head.")]
    body = [p for n, p in network.named_parameters() if not n.startswith("head.")]
    groups = [{"params": body}, {"params": head, "factor": schedule.head_factor}]
    return [torch.optim.AdamW(groups, schedule.rate, schedule.betas, weight_decay=schedule.weight_decay)]


def _amsgrad(network: nn.Module, schedule: Schedule) -> list[torch.optim.Optimizer]:
    return [torch.optim.Adam(network.parameters(), schedule.rate, schedule.betas, amsgrad=True)]


def _muon(network: nn.Module, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks (fewer steps than AdamW alone), AdamW for the rest."""
    named = list(network.named_parameters())
    inside = [p for n, p in named if p.ndim == 2 and MUON_DECAY_KEYS in n]
    decay = [p for n, p in named if p.ndim == 2 and MUON_DECAY_KEYS not in n]
    plain = [p for n, p in named if p.ndim != 2]
    groups = [{"params": decay, "weight_decay": schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [
        torch.optim.Muon(inside, schedule.rate, weight_decay=schedule.weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(groups, schedule.rate, schedule.betas),
    ]


OPTIMISERS: dict[str, Callable[[nn.Module, Schedule], list[torch.optim.Optimizer]]] = {
    "adamw": _adamw,
    "amsgrad": _amsgrad,
    "muon": _muon,
}


def _set_norm_momentum(network: nn.Module, momentum: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = momentum
