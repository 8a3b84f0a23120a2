"""Who is who over time: joins the detections of single frames into people, and chooses the ones asked for.

A frame in which a person is not found stays NaN: gaps are marked here, never filled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .contract.protocol import NobodyFoundError

FloatArray = npt.NDArray[np.float32]

MAX_MOVE = 0.45  # of the person's size between two frames, as mean over points; more is somebody else
GROW_PER_S = 1.2  # how much farther, in sizes, a person may be after a second out of sight
MAX_GROWTH = 1.5  # sizes, however long out of sight
MAX_GAP_S = 5.0  # a person who returns later is a new one
MIN_SHARE = 0.05  # of the clip's frames; shorter tracks are ghosts
MIN_FRAMES = 3
MIN_DENSITY = 0.3  # of the frames from first to last sighting; a ghost flickers
MIN_CONFIDENCE = 0.3  # mean visibility below this is not a person
SAME_PERSON = 0.12  # two detections closer than this (in sizes) in one frame are one person seen twice
FEW_FRAMES = 10  # a clip this short needs one sighting only


@dataclass(frozen=True)
class Track:
    """One person: points (F, K, 3) x, y in pixels, confidence; NaN, 0 in frames where not found."""

    points: FloatArray

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(F,) frames in which the person was found."""
        return (self.points[..., 2] > 0).any(-1)

    @property
    def prominence(self) -> float:
        """Size in the picture, in pixels, added up over the frames: the largest that persists wins."""
        return float(_size(self.points[self.found]).sum())


def track(
    detections: Sequence[FloatArray],
    times: npt.NDArray[np.float64],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Track]:
    """People in a clip, most prominent first.

    detections: one (P, K, 3) array a frame, x, y in pixels, confidence; times (F,) seconds. Raises NobodyFoundError.
    """
    F = len(detections)
    K = next((d.shape[1] for d in detections if len(d)), 0)
    ended: list[_Open] = []
    open_tracks: list[_Open] = []
    for f, people in enumerate(detections):
        progress(f + 1, F)
        people = _without_doubles(people)
        ended += [one for one in open_tracks if times[f] - one.time > MAX_GAP_S]
        open_tracks = [one for one in open_tracks if times[f] - one.time <= MAX_GAP_S]
        pairs = sorted(
            (cost, t, p)
            for t, one in enumerate(open_tracks)
            for p, person in enumerate(people)
            if (cost := _cost(one, person, times[f])) < 1
        )
        taken_tracks: set[int] = set()
        taken_people: set[int] = set()
        for _, t, p in pairs:
            if t not in taken_tracks and p not in taken_people:
                open_tracks[t].add(f, float(times[f]), people[p])
                taken_tracks.add(t)
                taken_people.add(p)
        for p, person in enumerate(people):
            if p not in taken_people:
                open_tracks.append(_Open(f, float(times[f]), person))

    least = 1 if F <= FEW_FRAMES else max(MIN_FRAMES, round(MIN_SHARE * F))
    tracks = [one.close(F, K) for one in ended + open_tracks if len(one.frames) >= least and one.density >= MIN_DENSITY]
    tracks = [t for t in tracks if t.points[t.found][..., 2].mean() >= MIN_CONFIDENCE]
    if not tracks:
        raise NobodyFoundError(
            f"nobody was found in {F} frames. Choose a part of the video where a whole person is in view (--start, --end)."
        )
    return sorted(tracks, key=lambda t: -t.prominence)


class _Open:
    """A track while it grows."""

    def __init__(self, frame: int, time: float, person: FloatArray) -> None:
        self.frames = [frame]
        self.people = [person]
        self.time = time
        self.velocity = np.zeros(2, np.float32)  # pixels a second, of the middle

    @property
    def density(self) -> float:
        """Share of the frames from first to last sighting in which the person was seen."""
        return len(self.frames) / (self.frames[-1] - self.frames[0] + 1)

    def add(self, frame: int, time: float, person: FloatArray) -> None:
        step = max(time - self.time, 1e-3)
        moved = (_middle(person) - _middle(self.people[-1])) / step
        self.velocity = 0.7 * self.velocity + 0.3 * moved
        self.frames.append(frame)
        self.people.append(person)
        self.time = time

    def close(self, F: int, K: int) -> Track:
        points = np.full((F, K, 3), np.nan, np.float32)
        points[..., 2] = 0
        points[self.frames] = np.stack(self.people)
        return Track(points)


def _cost(one: _Open, person: FloatArray, time: float) -> float:
    """Below 1 where `person` may be the track's next sighting; smaller is likelier."""
    gap = time - one.time
    last = one.people[-1]
    size = max(float(_size(last)), float(_size(person)), 1.0)
    expected = last[:, :2] + one.velocity * min(gap, 0.3)
    weight = last[:, 2] * person[:, 2] + 1e-3
    distance = float((np.linalg.norm(person[:, :2] - expected, axis=-1) * weight).sum() / weight.sum())
    ratio = float(_size(person) / max(float(_size(last)), 1.0))
    if not 0.5 < ratio < 2.0 and gap < 0.5:
        distance += 0.2 * size
    return distance / (size * (MAX_MOVE + min(GROW_PER_S * gap, MAX_GROWTH)))


def _without_doubles(people: FloatArray) -> FloatArray:
    """One detection a person: of two that lie on each other the surer one stays."""
    order = np.argsort([-p[:, 2].mean() for p in people]) if len(people) else []
    kept: list[int] = []
    for i in order:
        near = [np.linalg.norm(people[i, :, :2] - people[k, :, :2], axis=-1).mean() / _size(people[k]) for k in kept]
        if all(d > SAME_PERSON for d in near):
            kept.append(int(i))
    return people[sorted(kept)]


def _middle(person: FloatArray) -> FloatArray:
    return np.median(person[..., :2], axis=-2)


def _size(points: FloatArray) -> FloatArray:
    """(...) diagonal of the box around (..., K, 3) points, pixels."""
    xy = points[..., :2]
    return np.linalg.norm(np.nanmax(xy, axis=-2) - np.nanmin(xy, axis=-2), axis=-1)
