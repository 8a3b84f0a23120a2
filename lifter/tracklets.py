"""Pieces of people's paths: made frame by frame, and cut where people meet.

Points are compared without regard to which is which: a detection with left and right mixed up is the same person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

FloatArray = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]  # which sightings, in order of time

# Lengths are in sizes (diagonal of the box around a person, about 1.9 m of an adult who stands), times in seconds.
COAST_S = 0.2  # out of sight for longer ends a piece
COAST_STEPS = 2.5  # or for so many frames, where these are far apart
MOVE = 0.18  # how far from where they were expected a person may be in the next frame, as mean over points
MOVE_PER_S = 0.6  # how much farther after a second out of sight
RATIO = 2.2  # how much larger or smaller in the next frame
SAME_PERSON = 0.12  # two detections closer than this in one frame are one person seen twice
STEADY_S = 0.15  # over which the speed is averaged
SIZE_S = 0.5  # and the size: raised arms and a crouch pass
CONTACT = 0.5  # who is lost or found this near to another may be mistaken for them
GHOST_S = 0.5  # who is seen for less, and this near to another, is a misreading of that one


@dataclass(frozen=True)
class Sightings:
    """Every detection of a clip in a row (N,): its frame, place in that frame, seconds, centre (N, 2) and size in
    pixels, mean confidence."""

    frame: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    time: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]

    @classmethod
    def of(cls, detections: Sequence[FloatArray], times: npt.NDArray[np.float64]) -> Sightings:
        counts = np.array([len(people) for people in detections])
        frame = np.repeat(np.arange(len(counts)), counts)
        told = np.empty((len(frame), 4))
        for row, person in enumerate(person for people in detections for person in people):
            told[row] = _measures(person)
        centre, size, confidence = np.split(told, (2, 3), axis=1)
        place = np.arange(len(frame)) - np.repeat(np.cumsum(counts) - counts, counts)
        return cls(frame, place, times[frame], centre, np.maximum(size[:, 0], 1), confidence[:, 0])

    @property
    def step(self) -> float:
        """Usual seconds between two frames in which anybody is seen; 1 where only one is."""
        times = np.unique(self.time)
        return float(np.median(np.diff(times))) if len(times) > 1 else 1.0

    def frames(self, parts: Sequence[Rows]) -> tuple[Rows, Rows]:
        """(n,) first and last frame of each part."""
        return self.frame[[rows[0] for rows in parts]], self.frame[[rows[-1] for rows in parts]]

    def seconds(self, parts: Sequence[Rows]) -> npt.NDArray[np.float64]:
        """(n,) from the first frame of each part to the end of its last."""
        return np.array([self.time[rows[-1]] - self.time[rows[0]] for rows in parts]) + self.step

    def points(self, detections: Sequence[FloatArray], rows: Rows) -> FloatArray:
        """(n, K, 3) the points of these rows."""
        return np.stack([detections[f][p] for f, p in zip(self.frame[rows], self.place[rows], strict=True)])


def _measures(person: FloatArray) -> tuple[float, float, float, float]:
    xy = person[:, :2]
    (x, y), (width, height) = xy.mean(0), xy.max(0) - xy.min(0)
    return float(x), float(y), float(np.hypot(width, height)), float(person[:, 2].mean())


class _Live:
    """A piece while it grows: its rows, and the points, x and y sorted apart, of the last of them."""

    def __init__(self, row: int, sightings: Sightings, cloud: FloatArray) -> None:
        self.rows = [row]
        self.cloud = cloud  # (2, K)
        self.size = float(sightings.size[row])
        self.speed = np.zeros(2)  # pixels a second

    def add(self, row: int, sightings: Sightings, cloud: FloatArray) -> None:
        step = sightings.time[row] - sightings.time[self.rows[-1]]
        moved = (sightings.centre[row] - sightings.centre[self.rows[-1]]) / step
        share = 1 - np.exp(-step / STEADY_S)
        self.speed += max(share, 1 / len(self.rows)) * (moved - self.speed)
        self.size += (1 - np.exp(-step / SIZE_S)) * (float(sightings.size[row]) - self.size)
        self.rows.append(row)
        self.cloud = cloud


def pieces(
    detections: Sequence[FloatArray],
    sightings: Sightings,
    cuts: Sequence[int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Rows]:
    """Stretches of one person each without long gaps; they end at cuts and where people meet."""
    ended: list[Rows] = []
    live: list[_Live] = []
    scenes = set(cuts)
    starts = np.searchsorted(sightings.frame, np.arange(len(detections) + 1))
    coast = max(COAST_S, COAST_STEPS * sightings.step)
    for f in range(len(detections)):
        progress(f + 1, len(detections))
        rows = np.arange(starts[f], starts[f + 1])
        if not len(rows):
            continue
        now = sightings.time[rows[0]]
        over = [f in scenes or now - sightings.time[one.rows[-1]] > coast for one in live]
        ended += [np.array(one.rows) for one, end in zip(live, over, strict=True) if end]
        live = [one for one, end in zip(live, over, strict=True) if not end]
        clouds = np.sort(detections[f][..., :2], axis=1).transpose(0, 2, 1)  # (P, 2, K)
        taken = _assign(live, rows, clouds, sightings)
        for p in sorted(set(range(len(rows))) - set(taken), key=lambda p: -sightings.confidence[rows[p]]):
            if all(_apart(clouds[p], clouds[q]) > SAME_PERSON * sightings.size[rows[q]] for q in taken):
                live.append(_Live(int(rows[p]), sightings, clouds[p]))
                taken.append(p)
    return _cut_where_they_meet(_without_ghosts(ended + [np.array(one.rows) for one in live], sightings), sightings)


def _assign(live: list[_Live], rows: Rows, clouds: FloatArray, sightings: Sightings) -> list[int]:
    """Give each live piece the detection that goes on with it best. Returns the places of those given."""
    if not live:
        return []
    last = np.array([one.rows[-1] for one in live])
    gap = (sightings.time[rows[0]] - sightings.time[last])[:, None]  # (T, 1)
    expected = np.array([one.cloud for one in live]) + (np.array([one.speed for one in live]) * gap)[..., None]
    usual, size = np.array([one.size for one in live])[:, None], sightings.size[rows]
    away = _apart(expected[:, None], clouds) / np.maximum(usual, size)  # (T, P)
    growth = np.log(size / usual)
    cost = np.hypot(away / (MOVE + MOVE_PER_S * gap), growth / np.log(RATIO))
    taken: list[int] = []
    for t, p in zip(*linear_sum_assignment(np.minimum(cost, 1)), strict=True):
        if cost[t, p] < 1:
            live[t].add(int(rows[p]), sightings, clouds[p])
            taken.append(int(p))
    return taken


def _apart(a: npt.NDArray[np.floating], b: FloatArray) -> npt.NDArray[np.floating]:
    """(...) mean distance in pixels between (..., 2, K) sorted points."""
    return np.linalg.norm(np.abs(a - b).mean(-1), axis=-1)


def _without_ghosts(whole: list[Rows], sightings: Sightings) -> list[Rows]:
    """The pieces that are no short misreadings of somebody who is seen all the while."""
    first, last = sightings.frames(whole)
    brief = sightings.seconds(whole) < GHOST_S
    kept: list[Rows] = []
    for i, rows in enumerate(whole):
        others = np.flatnonzero((first <= first[i]) & (last >= last[i]) & ~brief) if brief[i] else ()
        if all(_meet(rows[len(rows) // 2], whole[j], sightings) is None for j in others):
            kept.append(rows)
    return kept


def _meet(row: int, other: Rows, sightings: Sightings) -> int | None:
    """Where in the `other` piece, in the frame of this row or next after it, somebody is so near as to be mistaken."""
    at = min(int(np.searchsorted(sightings.frame[other], sightings.frame[row])), len(other) - 1)
    away = np.linalg.norm(sightings.centre[other[at]] - sightings.centre[row])
    return at if away < CONTACT * max(sightings.size[row], sightings.size[other[at]]) else None


def _cut_where_they_meet(whole: list[Rows], sightings: Sightings) -> list[Rows]:
    """The same pieces, cut where another begins or ends so near that it may have been taken for them."""
    first, last = sightings.frames(whole)
    cuts: list[set[int]] = [set() for _ in whole]
    for i, rows in enumerate(whole):
        for row, frame in ((rows[0], first[i]), (rows[-1], last[i] + 1)):
            for j in np.flatnonzero((first < frame) & (last >= frame)):
                if j != i and (at := _meet(row, whole[j], sightings)) is not None:
                    cuts[j].add(at)
    return [part for rows, at in zip(whole, cuts, strict=True) for part in np.split(rows, sorted(at)) if len(part)]
