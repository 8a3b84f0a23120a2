"""What an evaluation looks like: pictures of its best, median and worst clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contract.files import replacing
from ..contract.protocol import OutputError
from ..contract.skeleton import BODY_27, ROOT
from ..keypoint_sets import SETS
from .datasets import Clip
from .evaluation import Evaluator, Score

FRAMES = 4  # of a clip, evenly spread
COLOURS = {"left": ("#1f6fb4", "#b5d2ea"), "right": ("#d1602b", "#f0c8b0"), "middle": ("#333333", "#c8c8c8")}
VIEWS = (("from the camera", (0, 1)), ("from the side (right: away)", (2, 1)))


def draw(evaluator: Evaluator, scores: Sequence[tuple[Clip, Score]], folder: Path) -> list[Path]:
    """best.png, median.png and worst.png by MPJPE in `folder`, which is made. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: no folder can be made here ({error.strerror}). Choose another.") from error
    ranked = sorted(scores, key=lambda pair: pair[1].errors["mpjpe"])
    picked = {"best": ranked[0], "median": ranked[len(ranked) // 2], "worst": ranked[-1]}
    paths: list[Path] = []
    for title, (clip, score) in picked.items():
        paths.append(folder / f"{title}.png")
        with replacing(paths[-1]) as part:
            _figure(
                evaluator, clip, f"{title} of {len(ranked)} clips: {score.name}, {score.errors['mpjpe']:.1f} mm", part
            )
    return paths


def _figure(evaluator: Evaluator, clip: Clip, title: str, path: Path) -> None:
    """A row for the input, one for each view of the joints; a column for each frame."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    predicted, true, kept = evaluator.compare(clip)
    data = evaluator.data
    at = np.unique(np.linspace(0, len(kept) - 1, FRAMES).round().astype(int))
    figure = Figure(figsize=(2.6 * len(at) + 0.6, 8.6), layout="constrained")
    axes = figure.subplots(1 + len(VIEWS), len(at), squeeze=False)
    reach = max(float(np.abs(np.concatenate([predicted[at], true[at]])).max()) * 1.08, 0.1)
    for column, i in enumerate(at):
        points = clip.keypoints_px[kept[i]]
        error = 1000 * np.linalg.norm(predicted[i] - true[i], axis=-1).mean()
        top = axes[0, column]
        _skeleton(top, points[:, :2], data.point_names)
        seen = points[np.isfinite(points[:, :2]).all(-1), :2]
        half = max(float(np.ptp(seen, axis=0).max()) * 0.6, 1.0)
        middle = (seen.min(0) + seen.max(0)) / 2
        top.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] + half, middle[1] - half))
        top.set_title(f"frame {kept[i]}: {error:.0f} mm", fontsize=10)
        for axis, (_, (across, up)) in zip(axes[1:, column], VIEWS, strict=True):
            _skeleton(axis, true[i][:, [across, up]], data.joint_names, broad=True)
            _skeleton(axis, predicted[i][:, [across, up]], data.joint_names)
            axis.set(xlim=(-reach, reach), ylim=(reach, -reach))
            axis.grid(alpha=0.3)
    for axis in axes.flat:
        axis.set_aspect("equal")
        axis.tick_params(labelsize=7, length=2)
    for axis, label in zip(axes[:, 0], ("2D input, pixels", *(f"{name}, metres" for name, _ in VIEWS)), strict=True):
        axis.set_ylabel(label, fontsize=10)
    handles = [
        Line2D([], [], color=pair[broad], lw=(2, 6)[broad], label=f"{('predicted', 'true')[broad]} {side}")
        for side, pair in COLOURS.items()
        for broad in (0, 1)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=10)
    figure.suptitle(title, fontsize=12)
    FigureCanvasAgg(figure).print_png(path)


def _skeleton(axis: Any, flat: npt.NDArray[np.floating], names: tuple[str, ...], broad: bool = False) -> None:
    """Bones of (J, 2) by side: thin with joints, or broad and pale behind."""
    for a, b in bones(names):
        side = next((s for s in ("left", "right") if names[b].startswith(s)), "middle")
        width = 6 if broad else 1.8
        axis.plot(*flat[[a, b]].T, color=COLOURS[side][broad], lw=width, solid_capstyle="round", zorder=2 - broad)
    if not broad:
        axis.plot(*flat.T, ".", color=COLOURS["middle"][0], ms=3, zorder=3)


def bones(names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Pairs (from, to) of joints that hang together: each on its nearest ancestor that the set has."""
    body = next((s for s in SETS.values() if s.names == names), BODY_27)
    pairs: list[tuple[int, int]] = []
    for at, name in enumerate(names):
        parent = body.parents[body.index(name)] if name in body.names else ROOT
        while parent != ROOT and body.names[parent] not in names:
            parent = body.parents[parent]
        if parent != ROOT:
            pairs.append((names.index(body.names[parent]), at))
    return pairs
