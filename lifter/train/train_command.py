"""`python -m lifter train`: its arguments and what it prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ..contract.protocol import Event

SHORT = ("minutes", "epochs", "seed", "threads", "batch")  # of the schedule, with an option of their own


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the sub-command by `command(name, run, text)`."""
    names = ", ".join(sorted(p.stem for p in (Path(__file__).parent / "recipes").glob("*.toml")))
    train = command("train", run, "train a network; the same command resumes")
    train.add_argument("--recipe", default="bundled", help=f"file, or one of {names} (default: bundled)")
    train.add_argument("--data", "--mocap", type=Path, required=True, help="folder of the data (see the recipe)")
    train.add_argument("--folder", type=Path, required=True, help="for checkpoint, log.csv, curves.png and weights")
    train.add_argument("--start", type=Path, help="weights to begin from: fine-tuning")
    for name in SHORT:
        kind = float if name in ("minutes", "epochs") else int
        train.add_argument(f"--{name}", type=kind, help=f"short for --set schedule.{name}=…")
    train.add_argument("--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="change the recipe")


def run(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from . import loop, recipe

    given = [f"schedule.{name}={getattr(a, name)}" for name in SHORT if getattr(a, name) is not None]
    objective, schedule = recipe.prepare(recipe.read(a.recipe, [*a.set, *given]), a.data, a.start)

    def tell(line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    path = loop.run(objective, schedule, a.folder, tell, cancelled)
    say(Event("done", {"outputs": [str(path)]}))
