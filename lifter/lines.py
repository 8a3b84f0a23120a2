"""Straight lines of what stands around the people: walls, doors, poles. They tell which way is up (verticals.py)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]

EVERY_S = 2.0  # between two frames in which lines are sought
LONG_SIDE = 800  # pixels of the picture that they are sought in
LEAST_LENGTH = 0.03  # of its short side
MOST = 60  # of those that are steep in the picture, and of the others: the longest
BAR = 0.8  # of its height: upright edges in one column that are as long together belong to the film, not to the world
PEOPLE_MARGIN = 0.12  # of a person's box: limbs are straight too


def due(time_s: float, before_s: float | None) -> bool:
    """Whether a frame is one to seek lines in; before_s: the time of the one before it, None of the first."""
    return before_s is None or time_s // EVERY_S != before_s // EVERY_S


def segments(rgb: npt.NDArray[np.uint8], boxes: FloatArray, frame: int) -> npt.NDArray[np.float32]:
    """(N, 5) the frame's number, x and y of both ends in pixels of its picture (H, W, 3).

    None has its middle on people: boxes (P, 4) left, top, right, bottom. By LSD (Grompone von Gioi et al., TPAMI 2010).
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = min(LONG_SIDE / max(grey.shape), 1.0)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    found = np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(float)
    long = np.hypot(*(found[:, 2:] - found[:, :2]).T) > LEAST_LENGTH * min(grey.shape)
    found = found[long]
    found = found[~_bars(found, grey.shape[0])] / scale
    middle = (found[:, :2] + found[:, 2:]) / 2
    free = np.ones(len(found), bool)
    for box in boxes[np.isfinite(boxes).all(-1)]:
        margin = PEOPLE_MARGIN * (box[2:] - box[:2]).max()
        free &= ~((middle > box[:2] - margin) & (middle < box[2:] + margin)).all(-1)
    found = found[free]
    step = np.abs(found[:, 2:] - found[:, :2])
    order = np.argsort(-np.hypot(*step.T), kind="stable")
    steep = step[order, 1] > step[order, 0]
    kept = np.concatenate([order[steep][:MOST], order[~steep][:MOST]])
    return np.c_[np.full(len(kept), frame), found[kept]].astype(np.float32)


def _bars(found: FloatArray, height: int) -> npt.NDArray[np.bool_]:
    """(N,) which segments edge the bars beside a narrow film: exactly upright, one over the other from top to bottom."""
    upright = np.abs(found[:, 2] - found[:, 0]) < 1
    column = found[:, [0, 2]].mean(1)
    length = np.where(upright, np.abs(found[:, 3] - found[:, 1]), 0)
    together = (np.abs(column[:, None] - column) < 1) @ length
    return upright & (together > BAR * height)
