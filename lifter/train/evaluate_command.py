"""`python -m lifter evaluate`: its arguments and what it prints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from ..contract.protocol import Event


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the sub-command by `command(name, run, text)`."""
    evaluate = command("evaluate", run, "error of a model on simulated views of held-out motions")
    evaluate.add_argument("--model", default="mixste_body27")
    evaluate.add_argument("--mocap", type=Path, required=True, help="file in the training form (val.npz)")
    evaluate.add_argument("--json", action="store_true")


def run(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from ..models import weights
    from .data import FPS, load_mocap
    from .evaluate import SETS, errors, fixed_batches

    info = weights.describe(weights.find(a.model))
    network, mocap = weights.load(info), load_mocap(a.mocap)
    found: dict[str, dict[str, float]] = {}
    for name, augment in SETS.items():
        batches = fixed_batches(mocap, augment, info.config["frames"], FPS / info.fps)
        found[name] = {key: round(value, 1) for key, value in errors(network, batches).items()}
    if a.json:
        say(Event("done", {"outputs": [json.dumps(found)]}))
        return
    rows = ["set     " + "".join(f"{key:>12}" for key in found["clean"])]
    rows += [f"{name:8}" + "".join(f"{value:12.1f}" for value in row.values()) for name, row in found.items()]
    say(Event("done", {"outputs": [*rows, "millimetres, one scale a window; mpjve per frame"]}))
