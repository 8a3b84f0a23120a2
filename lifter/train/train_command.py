"""`python -m lifter train` and `train data`: their arguments and what they print."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ..contract.protocol import Event, UsageError

SHORT = ("minutes", "epochs", "seed", "threads", "batch")  # of the schedule, with an option of their own


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the sub-command by `command(name, run, text)`."""
    names = ", ".join(sorted(p.stem for p in (Path(__file__).parent / "recipes").glob("*.toml")))
    train = command(
        "train", run, "train a network; the same command resumes. `train data` makes data from motion files"
    )
    train.add_argument("--recipe", default="bundled", help=f"file, or one of {names} (default: bundled)")
    train.add_argument("--data", "--mocap", type=Path, help="folder of the data (see the recipe)")
    train.add_argument("--folder", type=Path, help="for checkpoint, log.csv, curves.png and weights")
    train.add_argument("--start", type=Path, help="weights to begin from: fine-tuning")
    for name in SHORT:
        kind = float if name in ("minutes", "epochs") else int
        train.add_argument(f"--{name}", type=kind, help=f"short for --set schedule.{name}=…")
    train.add_argument("--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="change the recipe")

    text = "BVH and ASF/AMC files to train_00.npz and val.npz"
    data = train.add_subparsers(metavar="data").add_parser("data", help=text, description=text)
    data.set_defaults(command=run_data)
    data.add_argument("motions", type=Path, metavar="FOLDER", help="with .bvh or .asf and .amc files, at any depth")
    data.add_argument("--out", type=Path, required=True, help="folder to write to")
    data.add_argument(
        "--held-out", nargs="+", default=[], metavar="SUBJECT", help="for val.npz (default: the shortest, a tenth)"
    )
    data.add_argument("--fps", type=float, help="of all files, whatever they say (default: what they say; AMC 120)")
    data.add_argument("--overwrite", action="store_true")


def run(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from . import loop, recipe

    missing = [f"--{name}" for name in ("data", "folder") if getattr(a, name) is None]
    if missing:
        raise UsageError(f"{' and '.join(missing)} must be given. See python -m lifter train --help")
    given = [f"schedule.{name}={getattr(a, name)}" for name in SHORT if getattr(a, name) is not None]
    objective, schedule = recipe.prepare(recipe.read(a.recipe, [*a.set, *given]), a.data, a.start)

    def tell(line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    path = loop.run(objective, schedule, a.folder, tell, cancelled)
    say(Event("done", {"outputs": [str(path)]}))


def run_data(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from . import prepare_data

    if a.fps is not None and not a.fps > 0:
        raise UsageError(f"--fps {a.fps:g}: must be above 0.")
    paths = prepare_data.prepare(a.motions, a.out, a.held_out, a.fps, a.overwrite, say, cancelled)
    say(Event("done", {"outputs": [str(path) for path in paths]}))
