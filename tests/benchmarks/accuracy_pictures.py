"""What the benchmark's errors look like: video frames with the lifted skeleton on them, and the same from the side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter import video as videos
from video_to_armature.lifter.contract.files import replacing
from video_to_armature.lifter.contract.skeleton import BODY_27

from .accuracy_clips import Clip
from .accuracy_scores import JOINTS, Pair, score

Floats = npt.NDArray[np.floating]

COLUMNS = 4  # moments on a sheet
WORST = 3  # clips with a sheet of their own
TRUTH, OURS, THEIRS = ("truth", "0.75", 6), ("ours", "#1f6fb4", 2), ("MediaPipe's 3D", "#d1602b", 1.5)


@dataclass(frozen=True)
class Shown:
    """A clip with both answers to it."""

    clip: Clip
    ours: Pair
    theirs: Pair


def draw(shown: Sequence[Shown], folder: Path) -> list[Path]:
    """moments.png, from the best clip to the worst, and worst_1.png … in `folder`, which is there."""
    ranked = sorted(shown, key=lambda one: _mpjpe(one.ours))
    chosen = [ranked[i] for i in np.unique(np.linspace(0, len(ranked) - 1, COLUMNS).round().astype(int))]
    title = f"{len(ranked)} clips, from the best to the worst"
    sheets = {"moments": (title, [(one, int(np.median(np.flatnonzero(one.ours.known)))) for one in chosen])}
    for number, one in enumerate(ranked[: -WORST - 1 : -1], 1):
        known = np.flatnonzero(one.ours.known)
        spread = known[np.linspace(0, len(known) - 1, COLUMNS - 1).round().astype(int)]
        worst = known[np.argmax(_errors(one.ours)[known])]
        title = f"{one.clip.folder.name}: {_mpjpe(one.ours):.0f} mm over the clip; MediaPipe {_mpjpe(one.theirs):.0f}"
        sheets[f"worst_{number}"] = (title, [(one, int(f)) for f in np.unique([*spread, worst])])
    for name, (title, moments) in sheets.items():
        with replacing(folder / f"{name}.png") as part:
            _sheet(title, moments, part)
    return [folder / f"{name}.png" for name in sheets]


def _mpjpe(one: Pair) -> float:
    return score([one], JOINTS["H36M_17"]).mpjpe


def _errors(one: Pair) -> Floats:
    """(F,) mm over H36M_17, by the scale that score() takes."""
    predicted, true = one.scaled(JOINTS["H36M_17"])
    return 1000 * np.linalg.norm(predicted - true, axis=-1).mean(-1)


def _sheet(title: str, moments: Sequence[tuple[Shown, int]], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(3.4 * len(moments), 7.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(moments), squeeze=False)
    for (picture, side), (one, frame) in zip(axes.T, moments, strict=True):
        ours, true = (array[frame] for array in one.ours.scaled())
        theirs = one.theirs.scaled()[0][frame]
        placed = (ours + one.clip.joints_cam[frame, 0]) @ one.clip.intrinsics.T
        picture.imshow(_frame(one.clip, frame))
        _skeleton(picture, placed[:, :2] / placed[:, 2:], OURS)
        picture.plot(*one.clip.body_px[frame, :, :2].T, ".", color="#ffe14d", ms=4)
        picture.set(**_around(one.clip.body_px[frame, :, :2]), xticks=(), yticks=(), facecolor="0.9")
        picture.set_title(f"{one.clip.folder.name}, frame {frame}", fontsize=9)
        for joints, style in ((true, TRUTH), (theirs, THEIRS), (ours, OURS)):
            _skeleton(side, joints[:, [2, 1]], style)
        side.set(aspect="equal", xlim=(-0.9, 0.9), ylim=(1.1, -1.1))
        side.grid(alpha=0.3)
        side.tick_params(labelsize=7)
        side.set_title(
            f"off by {_errors(one.ours)[frame]:.0f} mm; MediaPipe {_errors(one.theirs)[frame]:.0f}", fontsize=9
        )
    axes[1, 0].set_ylabel("from the side (right: away), metres", fontsize=8)
    handles = [Line2D([], [], color=colour, lw=width, label=name) for name, colour, width in (TRUTH, OURS, THEIRS)]
    dots = Line2D(
        [], [], color="#ffe14d", marker=".", ls="", label="the detector's points (ours stands at the true pelvis)"
    )
    figure.legend(handles=[*handles, dots], loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=100)


def _skeleton(axis: Any, points: Floats, style: tuple[str, str, float]) -> None:
    _, colour, width = style
    for j, parent in enumerate(BODY_27.parents):
        if parent >= 0:
            axis.plot(*points[[parent, j]].T, color=colour, lw=width, solid_capstyle="round")


def _around(points: Floats) -> dict[str, tuple[float, float]]:
    """Limits of a square that has all points (J, 2) in it, y down."""
    (left, top), (right, bottom) = np.nanmin(points, 0), np.nanmax(points, 0)
    half = 0.65 * max(right - left, bottom - top)
    x, y = (left + right) / 2, (top + bottom) / 2
    return {"xlim": (x - half, x + half), "ylim": (y + half, y - half)}


def _frame(clip: Clip, number: int) -> npt.NDArray[np.uint8]:
    """(height, width, 3) of the clip's video."""
    return next(videos.frames(videos.probe(clip.folder / "video.mp4"), skip=number)).rgb
