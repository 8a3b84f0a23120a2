"""How the camera turned while it filmed: rotations from what the background does, people left out.

A small grey picture of each frame is compared with that of a keyframe, not with the frame before: a camera that stays
put, or comes back, does not drift. What is kept is where the tracked points went; the rotations come from that at the
end, when the focal length is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .camera_motion import CameraMotion, Tracks, fitted, judge

FloatArray = npt.NDArray[np.floating]

# Tracking. Pixels are those of the small picture throughout.
LONG_SIDE = 320  # of the small picture; at a field of view of 55 degrees a pixel is 0.17 degrees
CELL = 16  # pixels; one point in each at most
BLOCK = 2  # cells; each block of these sides gives a point before any gives two: something striking must not take all
POINTS = 64  # of a keyframe; 4 bytes each a frame
FINE = 64  # their positions are kept in 64ths of a pixel
LOST = -32768  # in place of a position
ROW = POINTS * 2 * 2  # bytes of a record
TEXTURE = 2e-4  # OpenCV's least eigenvalue of a point's gradients; noise and compression stay below
WINDOW = (15, 15)
LEVELS = 3
ROUGH_PX = (30.0, 8.0, 3.0)  # of the fit that tells where to look
STEPS = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 12, 0.01)
RETURN_PX = 0.4  # a point followed there and back must end this near, or is lost
PEOPLE_MARGIN = 0.12  # of a person's box: hair, hands and clothes lie outside the keypoints
EDGE_PX = 6  # nothing is sought nearer to the picture's border
FEWEST = 8  # points that tell a rotation
KEPT_SHARE = 0.6  # of a keyframe's points that no people hide; with fewer another keyframe is sought
LEAST_SHARE = 0.4  # of all its points, likewise
CHANCE_SHARE = 0.3  # that many seem to be found in mere noise, or after a cut
BACK_SHARE = 0.7  # of an earlier keyframe's points that should be in the picture must be there to take it up again
MEMORY = 24  # keyframes whose pictures are kept for that


class Background:
    """Follows the background through frames that come in order. Memory: 400 bytes a frame, and two dozen small pictures."""

    def __init__(self) -> None:
        self._frames = 0
        self._scale = 1.0  # small pixels per pixel
        self._points: list[FloatArray] = []  # (N, 2) of each keyframe
        self._pictures: dict[int, npt.NDArray[np.uint8]] = {}  # of the keyframes that are remembered
        self._now: dict[int, FloatArray] = {}  # (3, 3) roughly, from each of those to the latest frame
        self._keyframe = -1  # the one in use, -1 for none
        self._lonely = False  # it was not found again yet
        self._last: FloatArray = np.zeros((0, 2), np.float32)  # its points in the latest frame, NaN where lost
        self._step: FloatArray = np.zeros(2, np.float32)
        self._guess: FloatArray = np.eye(3)  # intrinsics of the small picture, near enough to know where to look
        self._before = np.zeros((0, 0), np.uint8), np.zeros((0, 0), bool)  # the latest picture; where no people are
        self._records: list[tuple[int, int]] = []  # (frame, keyframe)
        self._tracks = bytearray()  # (records, POINTS, 2) int16

    def add(self, rgb: npt.NDArray[np.uint8], boxes: FloatArray) -> None:
        """The next frame, (H, W, 3), and the people's boxes in it: (P, 4) left, top, right, bottom in pixels."""
        grey = self._small(rgb)
        free = _free(grey.shape, np.asarray(boxes, np.float64).reshape(-1, 4) * self._scale)
        found, wanted = self._follow(grey, free)
        if not found and not self._lonely and np.isfinite(self._last).any():  # all at once: the frame before may do
            self._begin(self._frames - 1, *self._before)
            found, wanted = self._follow(grey, free)
        if found < wanted:
            self._change(grey, free, found)
        self._before = grey, free
        self._frames += 1

    def result(self, intrinsics: FloatArray, cuts: Sequence[int] = (), may_rest: bool = True) -> CameraMotion:
        """What the camera did; intrinsics (3, 3) in pixels of the full picture; cuts: frames that begin a new scene;
        may_rest: a camera that seems to stay put is taken to do so."""
        points = np.full((len(self._points), POINTS, 2), np.nan)
        for k, one in enumerate(self._points):
            points[k, : len(one)] = one
        seen = np.frombuffer(bytes(self._tracks), np.int16).reshape(-1, POINTS, 2)
        seen = np.where(seen == LOST, np.nan, seen / np.float32(FINE)).astype(np.float32)
        records = np.array(self._records, np.int64).reshape(-1, 2)
        return judge(Tracks(self._frames, points, records, seen, self._scale), intrinsics, cuts, may_rest)

    @property
    def recorded(self) -> int:
        """How many records there are, one or a few a frame."""
        return len(self._records)

    def part(self, first: int = 0) -> dict[str, npt.NDArray[Any]]:
        """What was recorded from this record on, to be kept in a file of arrays."""
        a, b = first, len(self._records)
        earlier = max((k for _, k in self._records[:a]), default=-1) + 1
        latest = max((k for _, k in self._records[a:b]), default=-1) + 1
        points = self._points[earlier:latest]
        return {
            "background_records": np.array(self._records[a:b], np.int64).reshape(-1, 2),
            "background_seen": np.frombuffer(bytes(self._tracks[a * ROW : b * ROW]), np.int16),
            "background_sizes": np.array([len(p) for p in points], np.int64),
            "background_points": np.concatenate([np.zeros((0, 2), np.float32), *points]),
            "background_scale": np.array(self._scale),
        }

    @classmethod
    def resumed(cls, parts: Sequence[Mapping[str, npt.NDArray[Any]]], frames: int) -> Background:
        """One that has seen `frames` frames, from all its parts in order.

        To go on, let it be one frame less and add that last frame again: this ties what comes to what was.
        """
        self = cls()
        self._frames = frames
        for part in parts:
            self._records += [(int(f), int(k)) for f, k in part["background_records"]]
            self._tracks += part["background_seen"].tobytes()
            self._points += np.split(part["background_points"], np.cumsum(part["background_sizes"]))[:-1]
            self._scale = float(part["background_scale"])
        return self

    def _small(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The green of every nth pixel, then averaged: a third of the cost of a proper grey picture."""
        height, width = rgb.shape[:2]
        self._scale = min(LONG_SIDE / max(height, width), 1.0)
        skip = max(int(0.5 / self._scale), 1)
        size = (max(round(width * self._scale), 1), max(round(height * self._scale), 1))
        self._guess = np.array([[LONG_SIDE, 0, size[0] / 2], [0, LONG_SIDE, size[1] / 2], [0, 0, 1]])
        small: Any = cv2.resize(np.ascontiguousarray(rgb[::skip, ::skip, 1]), size, interpolation=cv2.INTER_AREA)
        return small

    def _follow(self, grey: npt.NDArray[np.uint8], free: npt.NDArray[np.bool_]) -> tuple[int, float]:
        """Find the keyframe's points in this frame and record them: how many were found, and how many should be."""
        if self._keyframe < 0:
            return 0, FEWEST
        points = self._points[self._keyframe]
        guess = _apply(self._now[self._keyframe], points)
        guess = np.where(np.isfinite(self._last), self._last, guess) + self._step
        at = self._track(self._keyframe, guess, grey, free)
        found = int(np.isfinite(at[:, 0]).sum())
        free_points = _inside(guess, free).sum()
        hidden = _inside(guess, np.ones_like(free)).sum() - free_points  # behind people, for a while
        wanted = max(FEWEST, KEPT_SHARE * (len(points) - hidden), LEAST_SHARE * len(points))
        if found < max(FEWEST, CHANCE_SHARE * free_points):
            return 0, wanted
        self._lonely = False
        self._settle(at)
        self._record(self._frames, self._keyframe, at)
        return found, wanted

    def _settle(self, at: FloatArray) -> None:
        """Carry the rough maps of all remembered keyframes on to this frame, by the points of the one in use."""
        both = np.isfinite(at[:, 0]) & np.isfinite(self._last[:, 0])
        self._step = np.median((at - self._last)[both], axis=0) if both.any() else np.zeros(2, np.float32)
        alone = Tracks(1, self._points[self._keyframe][None], np.zeros((1, 2), int), at[None], 1.0)
        turned = fitted(alone, np.arange(1), self._guess[0, 0], self._guess[:2, 2], widths=ROUGH_PX)
        now = self._guess @ turned.keyframe_from_cam[0].T @ np.linalg.inv(self._guess)
        moved = now @ np.linalg.inv(self._now[self._keyframe])
        self._now = {k: moved @ before for k, before in self._now.items()}
        self._last = at

    def _change(self, grey: npt.NDArray[np.uint8], free: npt.NDArray[np.bool_], found: int) -> None:
        """Too little is left of the keyframe in use: go back to an earlier one or take this frame as a new one."""
        for k in [] if self._lonely and not found else self._candidates(free)[:1]:
            guess = _apply(self._now[k], self._points[k])
            at = self._track(k, guess, grey, free)
            back = np.isfinite(at[:, 0]).sum()
            if back < max(2 * FEWEST, BACK_SHARE * _inside(guess, free).sum()):
                continue
            self._record(self._frames, k, at)
            if back > 1.2 * found:
                self._keyframe, self._last = k, at
                self._pictures[k] = self._pictures.pop(k)  # the latest to be taken up comes last
                return
        if not self._begin(self._frames, grey, free, 1.5 * found) and not found:
            self._last = np.full_like(self._last, np.nan)  # sought again in the next frames, where it was last seen
        if not found:
            self._step = np.zeros(2, np.float32)

    def _begin(
        self, frame: int, grey: npt.NDArray[np.uint8], free: npt.NDArray[np.bool_], least: float = FEWEST
    ) -> bool:
        """Make this frame a keyframe, if it has points enough."""
        points = _corners(grey, free)
        if len(points) < max(FEWEST, least):
            return False
        k = self._keyframe = len(self._points)
        self._points.append(points)
        self._pictures[k], self._now[k], self._last, self._lonely = grey, np.eye(3), points, True
        self._record(frame, k, points)
        if len(self._pictures) > MEMORY:
            idle = next(iter(self._pictures))
            del self._pictures[idle], self._now[idle]
        return True

    def _candidates(self, free: npt.NDArray[np.bool_]) -> list[int]:
        """Remembered keyframes whose points should be in this picture, the one that shows most of them first."""
        shares = {
            k: _inside(_apply(now, self._points[k]), free).mean() for k, now in self._now.items() if k != self._keyframe
        }
        return sorted((k for k, share in shares.items() if share >= LEAST_SHARE), key=lambda k: -shares[k])

    def _track(self, k: int, guess: FloatArray, grey: npt.NDArray[np.uint8], free: npt.NDArray[np.bool_]) -> FloatArray:
        """(N, 2) where keyframe k's points are in this picture, sought around `guess`; NaN where lost or on people."""
        points, out = self._points[k], np.full((len(self._points[k]), 2), np.nan, np.float32)
        sought = np.flatnonzero(_inside(guess, free))
        if len(sought) < FEWEST:
            return out
        seek = {"winSize": WINDOW, "maxLevel": LEVELS, "criteria": STEPS, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
        flow: Any = cv2.calcOpticalFlowPyrLK  # typed for one of its overloads only
        start = points[sought]
        at, there, _ = flow(self._pictures[k], grey, start, guess[sought].astype(np.float32), **seek)
        back, again, _ = flow(grey, self._pictures[k], at, start.copy(), **{**seek, "maxLevel": 1})
        good = (there[:, 0] > 0) & (again[:, 0] > 0) & (np.linalg.norm(back - start, axis=-1) < RETURN_PX)
        good &= _inside(at, free)
        out[sought[good]] = at[good]
        return out

    def _record(self, frame: int, k: int, at: FloatArray) -> None:
        row = np.full((POINTS, 2), LOST, np.int16)
        seen = np.isfinite(at[:, 0])
        row[: len(at)][seen] = np.round(at[seen] * FINE)
        self._records.append((frame, k))
        self._tracks += row.tobytes()


def _free(shape: tuple[int, ...], boxes: FloatArray) -> npt.NDArray[np.bool_]:
    """(h, w) where the small picture shows no people."""
    free = np.zeros(shape[:2], bool)
    free[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX] = True
    for left, top, right, bottom in boxes[np.isfinite(boxes).all(-1)]:
        margin = PEOPLE_MARGIN * max(right - left, bottom - top) + 1
        x, y, w, h = (max(int(v), 0) for v in (left - margin, top - margin, right + margin + 1, bottom + margin + 1))
        free[y:h, x:w] = False
    return free


def _corners(grey: npt.NDArray[np.uint8], free: npt.NDArray[np.bool_]) -> FloatArray:
    """(N, 2) points to track, up to POINTS, all over the free part of the picture."""
    strength = np.where(free, cv2.cornerMinEigenVal(grey, 5), 0)
    rows, columns = (n // CELL for n in grey.shape[:2])
    cells = strength[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL).transpose(0, 2, 1, 3)
    cells = cells.reshape(rows * columns, CELL * CELL)
    best, strength = cells.argmax(1), cells.max(1)
    row, column = np.divmod(np.arange(len(cells)), max(columns, 1))
    block = row // BLOCK * columns + column // BLOCK
    order = np.lexsort((-strength, block))  # by block, the strongest first
    rank = np.arange(len(order)) - np.searchsorted(block[order], block[order])
    order = order[np.lexsort((-strength[order], rank))]  # the best of each block, then the second best
    chosen = order[strength[order] > TEXTURE][:POINTS]
    at = np.stack([column * CELL + best % CELL, row * CELL + best // CELL], 1)
    return at[chosen].astype(np.float32)


def _inside(at: FloatArray, free: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(N,) which points lie in the free part of the picture."""
    height, width = free.shape
    x, y = np.nan_to_num(at, nan=-1.0).round().clip(-1, 1e6).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return inside & free[np.where(inside, y, 0), np.where(inside, x, 0)]


def _apply(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """(N, 2) where a (3, 3) map of the picture takes points; NaN behind the camera."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / np.where(moved[:, 2:] > 0.05, moved[:, 2:], np.nan)
