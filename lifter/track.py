"""Who is who over time: joins the detections of single frames into people.

Frame by frame, detections join into pieces, which end where somebody is lost and where two people meet. Then the pieces
of the whole clip are joined over the gaps, looking from both sides: who came in walking left goes out walking left.
A frame in which a person is not found stays NaN: gaps are marked here, never filled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .contract.protocol import NobodyFoundError
from .join_tracklets import joined
from .tracklets import Rows, Sightings, pieces

FloatArray = npt.NDArray[np.float32]

MIN_SHARE = 0.05  # of the clip; shorter tracks are ghosts
MIN_S = (0.4, 2.0)  # but no less and no more: a long clip has people who only pass
MOST_SHARE = 0.25  # of a short clip
MIN_DENSITY = 0.3  # of the frames from first to last sighting; a ghost flickers
MIN_CONFIDENCE = 0.3  # mean visibility below this is not a person
SHADOW = 0.12  # sizes; who is this close to another in half of their frames is that person seen twice


@dataclass(frozen=True)
class Track:
    """One person: `seen` (n, K, 3) x, y in pixels, confidence, in the `frames` (n,) of a clip of `length` frames."""

    frames: npt.NDArray[np.int64]
    seen: FloatArray
    length: int

    @property
    def points(self) -> FloatArray:
        """(F, K, 3) with NaN, 0 in frames where not found; made anew at each call."""
        points = np.full((self.length, *self.seen.shape[1:]), np.nan, np.float32)
        points[..., 2] = 0
        points[self.frames] = self.seen
        return points

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(F,) frames in which the person was found."""
        found = np.zeros(self.length, np.bool_)
        found[self.frames] = True
        return found


def track(
    detections: Sequence[FloatArray],
    times: npt.NDArray[np.float64],
    progress: Callable[[int, int], None] = lambda done, total: None,
    cuts: Sequence[int] = (),
) -> list[Track]:
    """People in a clip, most prominent first: by size in the picture, added up over the frames in which they were found.

    detections: one (P, K, 3) array a frame, x, y in pixels, confidence; times (F,) seconds; cuts: frames that begin
    another scene, over which nobody is followed. Raises NobodyFoundError.
    """
    F = len(detections)
    sightings = Sightings.of(detections, times)
    people = joined(pieces(detections, sightings, cuts, progress), sightings, cuts)
    a_second = F / _seconds(times)
    least = min(float(np.clip(MIN_SHARE * F, *np.multiply(MIN_S, a_second))), MOST_SHARE * F)
    people = [rows for rows in people if len(rows) >= least and _plausible(rows, sightings)]
    people.sort(key=lambda rows: -sightings.size[rows].sum())
    kept: list[Rows] = []
    for rows in people:
        if not any(_shadows(rows, other, sightings) for other in kept):
            kept.append(rows)
    if not kept:
        raise NobodyFoundError(
            f"nobody was found in {F} frames. Choose a part of the video where a whole person is in view (--start, --end)."
        )
    return [Track(sightings.frame[rows], sightings.points(detections, rows), F) for rows in kept]


def _seconds(times: npt.NDArray[np.float64]) -> float:
    """Length of the clip, its last frame counted."""
    return float((times[-1] - times[0]) * len(times) / max(len(times) - 1, 1)) or 1.0


def _plausible(rows: Rows, sightings: Sightings) -> bool:
    frames = sightings.frame[rows]
    density = len(rows) / (frames[-1] - frames[0] + 1)
    return density >= MIN_DENSITY and float(sightings.confidence[rows].mean()) >= MIN_CONFIDENCE


def _shadows(rows: Rows, other: Rows, sightings: Sightings) -> bool:
    """Whether these rows are the other person, seen twice."""
    if rows[-1] < other[0] or other[-1] < rows[0]:
        return False
    _, mine, theirs = np.intersect1d(sightings.frame[rows], sightings.frame[other], return_indices=True)
    away = np.linalg.norm(sightings.centre[rows[mine]] - sightings.centre[other[theirs]], axis=-1)
    return 2 * int(np.count_nonzero(away < SHADOW * sightings.size[other[theirs]])) > len(rows)
