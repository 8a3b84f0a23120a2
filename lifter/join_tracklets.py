"""Pieces of people's paths joined over the gaps between them, seen from both sides: who came in walking left goes out
walking left, and is as large as before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from .tracklets import Rows, Sightings

# Lengths are in sizes (diagonal of the box around a person, about 1.9 m of an adult who stands), times in seconds.
# Costs are in parts of what makes somebody else: 1 is one too many.
END_S = 0.5  # of a piece, from which its place, speed and size at its end are told
MAX_GAP_S = 5.0  # a person who returns later is a new one
OVERLAP_S = 0.05  # both may be seen for so long, where a misreading took the end of one for the other
LASTING = 4.0  # times as long as somebody was seen they may be out of sight
EDGE = 0.5  # cost of somebody appearing or disappearing
AWAY = 0.05  # cost of a second out of sight
GHOST_S = 0.5  # pieces shorter than this, and joined to nothing, are left out rather than taken for a person
GHOST_SHARE = 0.25  # of a short clip
FREE_S = 1.0  # for so long a speed is trusted
GAP_MOVE = 0.3  # how far from the expected place somebody may be found, and how much farther for each second
GAP_MOVE_PER_S = 1.4
MAX_MOVE = 2.0
GAP_SPEED = 0.3  # how much the speed may change, sizes a second
GAP_SPEED_PER_S = 2.0
JITTER = 0.1  # of a place as the detector tells it: what a short piece tells of a speed is this much over its seconds
GAP_RATIO = 1.5  # how much the size may change
GAP_RATIO_PER_S = 1.4


@dataclass(frozen=True)
class _End:
    """Where a piece begins or ends: seconds, place, speed (pixels, pixels a second), how long it was watched, size."""

    time: float
    centre: npt.NDArray[np.float64]
    speed: npt.NDArray[np.float64]
    watched: float
    size: float

    @classmethod
    def of(cls, rows: Rows, sightings: Sightings, at: int) -> _End:
        """at: 0 for the beginning, -1 for the end."""
        now = sightings.time[rows[at]]
        rows = rows[np.abs(sightings.time[rows] - now) <= END_S]
        time, centre = sightings.time[rows], sightings.centre[rows]
        half, speed = len(rows) // 2, np.zeros(2)
        if half:
            speed = np.median((centre[half:] - centre[:-half]) / (time[half:] - time[:-half])[:, None], axis=0)
        here = np.median(centre - speed * (time - now)[:, None], axis=0)
        return cls(float(now), here, speed, float(np.ptp(time)), float(np.percentile(sightings.size[rows], 80)))


def joined(parts: list[Rows], sightings: Sightings, cuts: Sequence[int]) -> list[Rows]:
    """Pieces joined over gaps into people: of all ways to do so the one that asks for the least unlikely.

    Each piece follows one or begins a person, goes on in one or ends a person, or is nobody. A matching of n outs and n
    sources with n ins and n sinks says which: out-in joins two pieces, an out with its own in is a piece left out.
    """
    if not parts:
        return []
    parts = sorted(parts, key=lambda rows: rows[0])
    begins, ends = ([_End.of(rows, sightings, at) for rows in parts] for at in (0, -1))
    first, last = sightings.frames(parts)
    scene_of_first, scene_of_last = (np.searchsorted(list(cuts), f, "right") for f in (first, last))
    begin_time = np.array([begin.time for begin in begins])
    seconds = sightings.seconds(parts)
    ghost = min(GHOST_S, GHOST_SHARE * (float(np.ptp(sightings.time)) + sightings.step))
    n, links = len(parts), list[tuple[int, int, float]]()
    for i, end in enumerate(ends):
        gap = begin_time - end.time
        may = (first > first[i]) & (gap >= -OVERLAP_S) & (gap <= MAX_GAP_S) & (scene_of_first == scene_of_last[i])
        may &= gap <= LASTING * np.minimum(seconds, seconds[i])
        for j in np.flatnonzero(may).tolist():
            if (cost := _unlikely(end, begins[j])) < 1:
                links += [(i, j, cost), (n + j, n + i, 0.0)]
        links += [(i, i, 2 * EDGE * float(seconds[i]) / ghost), (n + i, n + i, 0.0), (i, n + i, EDGE), (n + i, i, EDGE)]
    i, j, cost = (np.array(column) for column in zip(*links, strict=True))
    graph = csr_array((cost + 1e-6, (i, j)), shape=(2 * n, 2 * n))  # a cost of 0 would be no link
    _, follower = min_weight_full_bipartite_matching(graph)  # of rows in their order
    people: list[Rows] = []
    for start in sorted(set(range(n)) - set(follower[:n].tolist())):
        chain = [start]
        while follower[chain[-1]] < n:
            chain.append(int(follower[chain[-1]]))
        stops = [*first[chain[1:]], sightings.frame[-1] + 1]  # in an overlap the later piece is believed
        people.append(np.concatenate([parts[k][sightings.frame[parts[k]] < stop] for k, stop in zip(chain, stops)]))
    return people


def _unlikely(end: _End, begin: _End) -> float:
    """How unlikely it is that who is lost at `end` is found again at `begin`; 1 and above: somebody else."""
    gap, size = max(begin.time - end.time, 0.0), max(end.size, begin.size)
    a, b = max(end.watched, 1e-3), max(begin.watched, 1e-3)
    expected = end.centre + min(gap, FREE_S) * (a * end.speed + b * begin.speed) / (a + b)
    place = np.linalg.norm(begin.centre - expected) / size / min(GAP_MOVE + GAP_MOVE_PER_S * gap, MAX_MOVE)
    doubt = GAP_SPEED + GAP_SPEED_PER_S * (gap + (a + b) / 2) + JITTER / a + JITTER / b
    speed = np.linalg.norm(begin.speed - end.speed) / size / doubt
    ratio = np.log(begin.size / end.size) / (np.log(GAP_RATIO) + np.log(GAP_RATIO_PER_S) * gap)
    return float(np.sqrt(place**2 + speed**2 + ratio**2)) + AWAY * gap
