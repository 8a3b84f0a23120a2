"""A picture of a motion: whether it fits the video, where it went, when the feet stood, and how sure it all is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import plot_space
from .contract.files import replacing
from .contract.motion import CONTACT_NAMES, Motion
from .contract.protocol import InputError, RuntimeUnfitError
from .plot_space import MIDDLE, colour

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as error:
    raise RuntimeUnfitError(
        f"matplotlib cannot be imported ({error}). Install it with {sys.executable} -m pip install matplotlib."
    ) from error

INCHES, DPI = (16, 10), 100
ROWS = 3.4, 3.2, 3.4  # heights
UNSURE = 3  # joints whose confidence is drawn
ANKLES = ("left_ankle", "right_ankle")  # in place of heels and toes, where there are none


def draw(motion: Motion, out_png: Path, video: Path | None = None) -> None:
    """Write the sheet, 1600 x 1000 pixels. Raises InputError for a video that is not the motion's, OutputError."""
    if not motion.known.any():
        raise InputError("nothing is known in any frame of the motion, so there is nothing to draw. Capture it again.")
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_title(motion), fontsize=11, x=0.01, ha="left")
    upper, middle, lower = (figure.add_subfigure(part) for part in figure.add_gridspec(3, 1, height_ratios=ROWS))
    plot_space.pictures(upper, motion, video)
    side, top = middle.subplots(1, 2, width_ratios=(1.6, 1))
    plot_space.side(side, motion)
    plot_space.top(top, motion)
    (heights, mean), (contacts, least) = lower.subplots(
        2, 2, width_ratios=(1.6, 1), height_ratios=(1.6, 1), sharex=True
    )
    _heights(heights, motion)
    _contacts(contacts, motion)
    _mean_confidence(mean, motion)
    _least_confidence(least, motion)
    for axes in (heights, contacts, mean, least):
        _over_time(axes, motion)
    with replacing(out_png) as part:
        figure.savefig(part, format="png")


def _title(motion: Motion) -> str:
    header, times = motion.header, motion.frame_times
    source, model, size = (header.get(key) or {} for key in ("source", "model", "size"))
    across = np.degrees(2 * np.arctan(motion.intrinsics[0, 2] / motion.intrinsics[0, 0]))
    parts = [
        source.get("file"),
        f"person {header.get('person', 1)}",
        f"{motion.frames} frames, {times[-1] - times[0]:.1f} s",
        model.get("name"),
        f"size from {size['from']}" if size.get("from") else None,
        f"{'moving' if motion.world_from_cam.ndim == 3 else 'fixed'} camera, {across:.0f}° across",
    ]
    return "   ·   ".join(str(part) for part in parts if part)


def _heights(axes: Any, motion: Motion) -> None:
    names = [name for name in CONTACT_NAMES if name in motion.joint_names] or ANKLES
    for name in names:
        if name in motion.joint_names:
            style = "--" if name.endswith("toe") else "-"
            height = 100 * motion.joint(name)[:, 2]
            axes.plot(motion.frame_times, height, style, color=colour(name), lw=1.2, label=_words(name))
    axes.axhline(0, color="0.6", lw=1)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.4 * (high - low))  # room for the legend
    axes.set_ylabel("height, cm")
    axes.set_title("feet over the ground", fontsize=9)
    axes.legend(fontsize=8, ncols=4, loc="upper right", framealpha=0.8)


def _contacts(axes: Any, motion: Motion) -> None:
    times, names = motion.frame_times, motion.contact_names
    for row, (name, column) in enumerate(zip(names, motion.contacts.T, strict=True)):
        for begin, end in _stretches(column > 0.5, motion):
            axes.barh(row, end - begin, left=begin, color=colour(name), height=0.62, zorder=3)
        axes.fill_between(times, row + 0.45, row + 0.45 - 0.9 * column, color="0.2", alpha=0.2, lw=0)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="time, s")
    axes.set_yticks(range(len(names)), [_words(name) for name in names], fontsize=8)
    axes.set_title("contacts: bars where more likely than not, grey their probability", fontsize=9)


def _mean_confidence(axes: Any, motion: Motion) -> None:
    known = motion.known.any(-1)
    confidence = np.where(motion.known, motion.confidence, np.nan)
    mean, low, high = np.full((3, motion.frames), np.nan)
    mean[known] = np.nanmean(confidence[known], axis=1)
    low[known], high[known] = np.nanpercentile(confidence[known], (10, 90), axis=1)
    axes.plot(motion.frame_times, mean, color=MIDDLE, lw=1.8, label="mean of the joints")
    axes.fill_between(motion.frame_times, low, high, color=MIDDLE, alpha=0.15, lw=0, label="10th to 90th percentile")
    axes.set_title(f"confidence: {motion.header.get('confidence_kind', 'of a kind not stated')}", fontsize=9)
    _share(axes)


def _least_confidence(axes: Any, motion: Motion) -> None:
    ever = np.flatnonzero(motion.known.any(0))
    least = ever[np.argsort(motion.confidence[:, ever].mean(0))][:UNSURE]
    for j, style in zip(least, ("-", "--", ":"), strict=False):
        name, sure = motion.joint_names[j], np.where(motion.known[:, j], motion.confidence[:, j], np.nan)
        axes.plot(motion.frame_times, sure, style, color=colour(name), lw=1.2, label=_words(name))
    axes.set_xlabel("time, s")
    axes.set_title("the least sure joints", fontsize=9)
    _share(axes)


def _share(axes: Any) -> None:
    axes.set(ylim=(0, 1.45), yticks=(0, 0.5, 1), ylabel="confidence")
    axes.legend(fontsize=8, ncols=3, loc="upper right", framealpha=0.8)


def _over_time(axes: Any, motion: Motion) -> None:
    """The whole clip's time across, grey where nothing of the person is known."""
    for begin, end in _stretches(~motion.known.any(-1), motion):
        axes.axvspan(begin, end, color="0.5", alpha=0.25, lw=0)
    axes.set_xlim(motion.frame_times[0] - 0.01, motion.frame_times[-1] + 1 / motion.fps)
    axes.grid(alpha=0.25)


def _stretches(on: npt.NDArray[np.bool_], motion: Motion) -> list[tuple[float, float]]:
    """Begin and end in seconds of each stretch of frames that is on."""
    edges = np.append(motion.frame_times, motion.frame_times[-1] + 1 / motion.fps)
    change = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]])))
    return list(zip(edges[change[::2]].tolist(), edges[change[1::2]].tolist(), strict=True))


def _words(name: str) -> str:
    return name.replace("_", " ")
