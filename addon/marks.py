"""Where the capture is not sure of itself: stretches of the timeline, marked there, and the way from one to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import bpy
import numpy as np
import numpy.typing as npt

from ..lifter.contract.motion import Motion
from . import timing
from .rates import scene_fps

Array = npt.NDArray[np.float64]

PARTS = {  # what is told, and the joints that tell it
    "left arm": ("left_elbow", "left_wrist"),
    "right arm": ("right_elbow", "right_wrist"),
    "left leg": ("left_knee", "left_ankle"),
    "right leg": ("right_knee", "right_ankle"),
    "body": ("pelvis", "thorax"),
}
UNSURE = 0.25  # mean confidence of a part below which a look pays: three of four such joints are more than 5 cm off
STEADY_S = 0.4  # over which confidence is evened by its median: a single frame is bridged by its neighbours
SHORTEST_S = 0.2
APART_S = 0.5  # stretches nearer than this are one
MOST = 20  # stretches: more are no help; nearer ones then become one
SHARE = 0.3  # of a stretch in which a part must be unsure to be named
WORD = "unsure"


class Stretch(NamedTuple):
    """Frame numbers, the last included, and what is unsure there."""

    first: int
    last: int
    parts: tuple[str, ...]


def stretches(motion: Motion, frames: Array, times: Array) -> list[Stretch]:
    """Where parts that are known have a low confidence; at most MOST.

    frames, times: (G,) the scene's frames, one by one, and the seconds in the video that they show.
    """
    fps = 1 / float(np.median(np.diff(times))) if len(times) > 1 else motion.fps
    low, began = _low(motion, times, round(STEADY_S * fps) | 1), round(float(frames[0]))
    anywhere = low.any(1)
    apart = APART_S * fps
    runs = _runs(anywhere, apart, SHORTEST_S * fps)
    while len(runs) > MOST:
        apart *= 2
        runs = _runs(anywhere, apart, SHORTEST_S * fps)
    found: list[Stretch] = []
    for start, stop in runs:
        share = low[start:stop].mean(0)
        named = [part for part, much in zip(PARTS, share) if much >= min(SHARE, share.max())]
        found.append(Stretch(began + start, began + stop - 1, tuple(named)))
    return found


def mark(scene: bpy.types.Scene, armature: bpy.types.Object, found: Iterable[Stretch]) -> None:
    """A marker at the start of each stretch, in place of earlier ones."""
    fps = scene_fps(scene)
    for marker in [m for m in scene.timeline_markers if m.name.startswith(f"{armature.name}: {WORD}")]:
        scene.timeline_markers.remove(marker)
    for stretch in found:
        parts = "all" if len(stretch.parts) == len(PARTS) else ", ".join(stretch.parts)
        length = (stretch.last - stretch.first + 1) / fps
        scene.timeline_markers.new(f"{armature.name}: {WORD} {parts} for {length:.1f} s", frame=stretch.first)


def of(scene: bpy.types.Scene, armatures: Iterable[bpy.types.Object | None]) -> list[bpy.types.TimelineMarker]:
    """The marks of these armatures, those of gaps too, by frame."""
    starts = tuple(f"{armature.name}: " for armature in armatures if armature is not None)
    return sorted((m for m in scene.timeline_markers if m.name.startswith(starts)), key=lambda m: m.frame)


def beside(frames: Sequence[int], now: int, step: int) -> int | None:
    """The next of the frames after now (step 1) or before it (step -1); None where there is none."""
    there = [frame for frame in frames if (frame - now) * step > 0]
    return min(there, key=lambda frame: abs(frame - now)) if there else None


def _low(motion: Motion, times: Array, window: int) -> npt.NDArray[np.bool_]:
    """(G, P) where each part is known and unsure; window: frames over which confidence is evened."""
    place = timing.nearest(motion.frame_times, times)
    low = np.zeros((len(times), len(PARTS)), np.bool_)
    for i, joints in enumerate(PARTS.values()):
        columns = [motion.joint_names.index(name) for name in joints if name in motion.joint_names]
        if columns:
            known = motion.known[place][:, columns].all(1)
            low[:, i] = known & (_median(motion.confidence[place][:, columns].mean(1), window) < UNSURE)
    return low


def _median(values: npt.NDArray[np.floating], window: int) -> npt.NDArray[np.floating]:
    """The median over `window` frames around each; the ends go on as they are."""
    before = window // 2
    wide = np.pad(values, (before, window - 1 - before), mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(wide, window), axis=1)


def _runs(mask: npt.NDArray[np.bool_], apart: float, shortest: float) -> list[tuple[int, int]]:
    """(start, stop) of the true stretches, those nearer than `apart` as one, without short ones."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    runs: list[tuple[int, int]] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < apart:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((start, stop))
    return [run for run in runs if run[1] - run[0] >= shortest]
