"""`python -m lifter train`: its arguments and what it prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ..contract.protocol import Event


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the sub-command by `command(name, run, text)`."""
    train = command("train", run, "train the bundled network; the same command resumes")
    train.add_argument("--mocap", type=Path, required=True, help="folder with train_00.npz and val.npz")
    train.add_argument("--folder", type=Path, required=True, help="for checkpoint, log and weights")
    for name, kind in (("minutes", float), ("stride", float), ("rate", float)):
        train.add_argument(f"--{name}", type=kind)
    for name in ("frames", "dim", "depth", "heads", "windows", "seed", "threads"):
        train.add_argument(f"--{name}", type=int)
    train.add_argument("--compile", action=argparse.BooleanOptionalAction)


def run(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from .data import load_mocap
    from .trainer import Plan, train

    names = Plan.__dataclass_fields__.keys() & vars(a).keys()

    def tell(line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    plan = Plan(**{name: getattr(a, name) for name in names if getattr(a, name) is not None})
    path = train(plan, load_mocap(a.mocap / "train_00.npz"), load_mocap(a.mocap / "val.npz"), a.folder, tell, cancelled)
    say(Event("done", {"outputs": [str(path)]}))
