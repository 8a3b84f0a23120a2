"""`python -m lifter evaluate`: its arguments and what it prints."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..contract.protocol import Event, UsageError


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the sub-command by `command(name, run, text)`."""
    evaluate = command("evaluate", run, "error of a model on a published data set, or on held-out motions")
    evaluate.add_argument("--model", default="mixste_body27", help="name or weights file (see: models)")
    evaluate.add_argument("--data", help="h36m, humaneva, 3dhp or mocap, whose files --folder holds")
    evaluate.add_argument("--folder", type=Path, help="of the data set's files")
    evaluate.add_argument("--detector", default="", help="whose 2D points (default cpn_ft_h36m_dbb, detectron_pt_coco)")
    evaluate.add_argument("--subjects", help="S9,S11 (default: the papers' test subjects)")
    evaluate.add_argument("--windows", default="paper", choices=("paper", "blended"))
    evaluate.add_argument("--input-joints", choices=("h36m", "coco"), help="where the weights do not tell")
    evaluate.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    evaluate.add_argument("--pictures", type=Path, metavar="DIR", help="draw the best, the median and the worst clip")
    evaluate.add_argument("--mocap", type=Path, help="instead of --data: our form (val.npz) for our own model")
    evaluate.add_argument("--json", action="store_true")
    evaluate.add_argument("--events", action="store_true", help="JSON lines on stdout; obey stdin")


def run(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    """Raises the errors of contract.protocol."""
    if bool(a.data) == bool(a.mocap) or bool(a.data) != bool(a.folder):
        raise UsageError("evaluate needs --data with --folder, or --mocap alone.")
    outputs = _on_data(a, say, cancelled) if a.data else _on_views(a)
    say(Event("done", {"outputs": outputs}))


def _on_data(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> list[str]:
    from .. import networks, pipeline
    from . import evaluation, readers

    progress = pipeline.Run(say, cancelled)
    progress.stage("read")
    lifter = networks.load(a.model, a.device, progress.warn, a.input_joints)
    subjects = a.subjects.split(",") if a.subjects else []
    data = readers.read(a.data, a.folder, a.detector, "all" if subjects else "test", seed=1)
    evaluator = evaluation.Evaluator(lifter, evaluation.chosen(data, subjects), a.windows)
    progress.stage("evaluate")
    scores = evaluator.scores(progress.progress, progress.warn)
    pictures: list[Path] = []
    if a.pictures:
        from .evaluation_pictures import draw

        progress.stage("pictures")
        pictures = draw(evaluator, scores, a.pictures)
    rows = list(evaluation.grouped(evaluator.data, scores))
    if a.json:
        figures = [{key: value if math.isfinite(value) else None for key, value in row.errors.items()} for row in rows]
        record: dict[str, Any] = {
            "model": lifter.info.name, "sha256": lifter.info.sha256, "data": a.data,
            "windows": "blended" if lifter.info.view == "rays" else a.windows, "clips": len(scores),
            "rows": [{"name": r.name, "frames": r.frames} | f for r, f in zip(rows, figures, strict=True)],
            "notes": evaluator.notes, "pictures": [str(path) for path in pictures],
        }  # fmt: skip
        return [json.dumps(record)]
    return [*evaluation.table(rows), *evaluator.notes, *map(str, pictures)]


def _on_views(a: argparse.Namespace) -> list[str]:
    """Clean and noisy simulated views for a model that sees rays."""
    from ..models import weights
    from .data import FPS, load_mocap
    from .evaluate import SETS, errors, fixed_batches

    info = weights.describe(weights.find(a.model))
    if info.view != "rays":
        raise UsageError(f"--mocap: {info.path} does not see rays. Use --data mocap --folder {a.mocap}.")
    network, mocap = weights.load(info), load_mocap(a.mocap)
    found: dict[str, dict[str, float]] = {}
    for name, augment in SETS.items():
        batches = fixed_batches(mocap, augment, info.config["frames"], FPS / info.fps)
        found[name] = {key: round(value, 1) for key, value in errors(network, batches).items()}
    if a.json:
        return [json.dumps(found)]
    rows = ["set     " + "".join(f"{key:>12}" for key in found["clean"])]
    rows += [f"{name:8}" + "".join(f"{value:12.1f}" for value in row.values()) for name, row in found.items()]
    return [*rows, "millimetres, one scale a window; mpjve per frame"]
