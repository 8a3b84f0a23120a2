"""The error model in tables for people, and how well draws from it resemble the real errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train import detector as E

from .clips import Clip

Floats = npt.NDArray[np.float64]

STATURE_MM = 1700.0  # what shares are told in
SIDES = (("front", 0, 45), ("side", 45, 135), ("back", 135, 181))  # degrees from the chest to the camera
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.01)
JUMP = 0.06  # of the stature, from a frame to the next


def tables(clips: Sequence[Clip], model: E.ErrorModel) -> str:
    """Markdown. Millimetres are for a person of 1.70 m."""
    rng = np.random.default_rng(0)
    real = [(clip.error, clip.visibility, clip) for clip in clips]
    drawn = [(*_draw(model, clip.joints_cam, rng), clip) for clip in clips]
    frames = sum(len(clip.error) for clip in clips)
    parts = [
        f"# The detector's errors on {len(clips)} rendered clips, {frames} frames\n",
        f"Found in {100 * np.concatenate([c.found for c in clips]).mean():.2f} % of the frames (missed for "
        f"{model.missed_frames:.1f} frames at a time). Left and right changed over: arms {100 * model.swaps[0]:.2f} %, "
        f"legs {100 * model.swaps[1]:.2f} % of the frames, {model.swap_frames:.1f} frames at a time. "
        f"Bursts: memory {model.bursts_memory:.3f} a frame, {100 * model.bursts_common:.0f} % of them common to all landmarks.\n",
        landmark_table(clips, model), visibility_table(clips), likeness_table(real, drawn),
    ]  # fmt: skip
    return "\n".join(parts)


def _draw(model: E.ErrorModel, joints_cam: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    [error], [visibility] = E.draw(model, joints_cam[None], rng, np.arange(len(joints_cam))[None] / model.fps)
    return error, visibility


def landmark_table(clips: Sequence[Clip], model: E.ErrorModel) -> str:
    """Bias by view, noise, memory; left and right as one."""
    side = np.concatenate([facing(clip) for clip in clips])
    bias = np.concatenate([E.bias(model, clip.joints_cam) for clip in clips])
    left = np.concatenate([left_of_picture(clip) for clip in clips])  # (N,) +1 where the person's left is to the right
    error = np.concatenate([clip.error for clip in clips])
    sure = np.concatenate([(clip.visibility > 0.5) & clip.inside for clip in clips])
    lines = [
        "## Landmarks: mean bias (outwards, down; mm) by the side seen, error, and noise without the bias\n",
        "| landmark | " + " | ".join(name for name, _, _ in SIDES) + " | error, rms | noise, rms | "
        "constant share | slow share | memory | white share | bursts |",
        "|---|" + "---|" * (len(SIDES) + 7),
    ]  # fmt: skip
    for at, name in enumerate(E.LANDMARKS):
        if name.startswith("right_"):
            continue
        both = [at] if name == "nose" else [at, E.LANDMARKS.index(name.replace("left_", "right_"))]
        cells: list[str] = []
        for _, low, high in SIDES:
            seen = (side >= low) & (side < high)
            aside = [np.where(name == "nose", 1, 1 - 2 * k) * left[seen] * bias[seen, j, 0] for k, j in enumerate(both)]
            x, y = np.mean(aside) * STATURE_MM, np.mean(bias[seen][:, both, 1]) * STATURE_MM
            cells.append(f"{x:+.0f}, {y:+.0f}")
        e, rest = (v[:, both][sure[:, both]] for v in (error, error - bias))
        constant, slow, white = model.shares[at]
        cells += [f"{rms(e):.0f}", f"{rms(rest):.0f}"]
        cells += [f"{v:.2f}" for v in (constant, slow, model.memory[at], white, model.bursts[at])]
        lines.append(f"| {name.removeprefix('left_')} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def visibility_table(clips: Sequence[Clip]) -> str:
    """How wrong a point is that has this visibility, and how often that is so."""
    size = np.concatenate([np.linalg.norm(clip.error, axis=-1) for clip in clips]) * STATURE_MM
    shown = np.concatenate([clip.visibility for clip in clips])
    inside = np.concatenate([clip.inside for clip in clips])
    hidden = np.concatenate([clip.covered for clip in clips]) > 0.25
    known = np.isfinite(size)
    lines = [
        "## Visibility as the detector gives it: how far such points are off (mm)\n",
        "| visibility | share of points | median | 90 % | 99 % | really hidden or outside |",
        "|---|---|---|---|---|---|",
    ]
    for low, high in pairwise(BINS):
        use = known & (shown >= low) & (shown < high)
        if use.sum() < 20:
            continue
        off = np.percentile(size[use], (50, 90, 99))
        away = (hidden | ~inside)[use].mean()
        cells = [f"{low:g}–{min(high, 1):g}", f"{100 * use.sum() / known.sum():.1f} %", *(f"{v:.0f}" for v in off)]
        lines.append("| " + " | ".join([*cells, f"{100 * away:.0f} %"]) + " |")
    return "\n".join(lines) + "\n"


def likeness_table(real: Sequence[tuple[Floats, Floats, Clip]], drawn: Sequence[tuple[Floats, Floats, Clip]]) -> str:
    """The same figures of the real errors and of errors drawn from the model for the same truth."""
    figures: dict[str, Callable[[Floats, Floats], float]] = {
        "median error, mm": lambda e, v: float(np.nanmedian(size(e))),
        "rms error, mm": lambda e, v: rms(np.minimum(size(e), 600)),
        "90 % of errors are below, mm": lambda e, v: float(np.nanpercentile(size(e), 90)),
        "99 % of errors are below, mm": lambda e, v: float(np.nanpercentile(size(e), 99)),
        "median step between frames, mm": lambda e, v: float(np.nanmedian(size(np.diff(e, axis=0)))),
        "99 % of the steps are below, mm": lambda e, v: float(np.nanpercentile(size(np.diff(e, axis=0)), 99)),
        "jumps (steps above 6 % of the stature), % of points": lambda e, v: float(
            100 * np.nanmean(size(np.diff(e, axis=0)) > JUMP * STATURE_MM)
        ),
        "median second difference, mm": lambda e, v: float(np.nanmedian(size(np.diff(e, 2, axis=0)))),
        "visibility below 0.5, % of points": lambda e, v: float(100 * (v[np.isfinite(e[..., 0])] < 0.5).mean()),
        "visibility above 0.95, % of points": lambda e, v: float(100 * (v[np.isfinite(e[..., 0])] > 0.95).mean()),
    }
    groups = {
        "all": E.LANDMARKS,
        "hips, shoulders": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
        "knees, ankles": ("left_knee", "right_knee", "left_ankle", "right_ankle"),
        "elbows, wrists": ("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    }
    lines = [
        "## Real errors against draws from the model for the same people and cameras (real / drawn)\n",
        "| | " + " | ".join(groups) + " |",
        "|---|" + "---|" * len(groups),
    ]
    for what, figure in figures.items():
        cells: list[str] = []
        for names in groups.values():
            at = [E.LANDMARKS.index(name) for name in names]
            pair = [
                np.mean([figure(e[:, at], v[:, at]) for e, v, _ in some if np.isfinite(e[:, at]).any()])
                for some in (real, drawn)
            ]
            cells.append(f"{pair[0]:.3g} / {pair[1]:.3g}")
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def facing(clip: Clip) -> Floats:
    """(F,) degrees between where the chest looks and the camera, 0 the front, level with the body."""
    view = E.harmonics(E.part_axes(clip.joints_cam)["torso"], clip.joints_cam[:, 0])
    return np.degrees(np.arctan2(np.abs(view[:, 1]), view[:, 3]))


def left_of_picture(clip: Clip) -> Floats:
    """(F,) +1 where the person's left shoulder is to the right in the picture, else -1."""
    across = (
        clip.joints_cam[:, BODY_27.index("left_shoulder"), 0] - clip.joints_cam[:, BODY_27.index("right_shoulder"), 0]
    )
    return np.where(across > 0, 1.0, -1.0)


def size(errors: Floats) -> Floats:
    return np.linalg.norm(errors, axis=-1) * STATURE_MM


def rms(values: Floats) -> float:
    """Root mean square length: of (N, 2) vectors in shares as mm, of scalars as they are."""
    if values.ndim == 2 and values.shape[-1] == 2:
        return float(np.sqrt(np.nanmean((values**2).sum(-1)))) * STATURE_MM
    return float(np.sqrt(np.nanmean(values**2)))
