"""What brings a standing foot back to its place: found for each stand on its own, faded in and out around it.

A stand is a stretch of frames in which a foot's heel, toe or both stay. Leg, places and turns as in feet.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .twist import rising

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Runs = Sequence[tuple[int, int]]  # (first frame, one past the last)

FADE_S = 0.25  # corrections come and go over this long: half a step, so a leg swings freely in between
MOST_DRIFT = 0.25  # of the leg and the foot: one that "stands" over a longer way slides in truth, and is put down anew
REACH = 0.9995  # of the leg's length: a knee stretched further snaps
LEAST_BEND = 0.15  # sine of the knee's bend: straighter ones count like this
MOST_TILT = np.radians(8.0)  # of a foot over its toe or heel, against the captured turn
MOST_MOVES = 8  # each brings the furthest frame of a stand into reach


@dataclass(frozen=True)
class Leg:
    """Places in each frame, (F, 3), the foot's turn, and its sole."""

    hip: Array
    knee: Array
    ankle: Array
    foot: Array  # (F, 4)
    points: Array  # (2, 3) heel and toe from the ankle at rest; zero where there is no foot

    def moved(self, ankle: Array, foot: Array) -> Array:
        """(F, 2, 3) heel and toe."""
        return ankle[:, None] + quat.rotate(foot[:, None], self.points[None])


def turn_back(foot: Array, stands: Mask, fps: float) -> Array:
    """(F, 3) rotation vectors that hold the foot's turn while it stands flat. stands: (F, 2) heel, toe"""
    out = np.zeros((len(foot), 3))
    flat = stands.all(1)
    turns = quat.continuous(np.nan_to_num(foot))
    kept = quat.normalised(_each(_sums(turns, runs(flat)), runs(flat)))
    out[flat] = quat.to_vector(quat.mul(kept, quat.inv(turns[flat])))
    return faded(out, flat, stands.any(1), fps)


def place_back(leg: Leg, foot: Array, stands: Mask, fps: float) -> tuple[Array, Array]:
    """What brings the ankle to where the contact points keep their place; how the foot tilts over them for that.

    Both (F, 3), the second rotation vectors.
    """
    points = leg.moved(leg.ankle, foot)
    both = stands[1:] & stands[:-1]
    count = both.sum(1)
    steps: Array = np.where(both[..., None], np.nan_to_num(np.diff(points, axis=0)), 0.0).sum(1)
    slid = steps / np.maximum(count, 1)[:, None]
    held = stands.any(1)
    held[1:] &= (count > 0) | ~held[:-1]  # from heel to toe without both: put down anew
    thigh, reach = leg.knee[held] - leg.hip[held], leg.ankle[held] - leg.hip[held]
    length = float(np.linalg.norm(thigh[0]) + np.linalg.norm(reach[0] - thigh[0]))
    pieces = _short_runs(held, slid, MOST_DRIFT * (length + float(np.linalg.norm(leg.points, axis=-1).max())))
    way = np.concatenate((np.zeros((1, 3)), np.cumsum(slid, 0)))
    starts = np.array([start for start, _ in pieces])
    back = _each(way[starts], pieces) - way[held]
    tilt = np.zeros_like(back)
    if leg.points.any():
        kept = _kept(back, held, stands, pieces)
        tilt, back = _tilted(leg.ankle[held], points[held], back, kept, stands[held])
    back = _eased(back, reach, thigh, length, pieces)
    out, tilts = np.zeros((len(foot), 3)), np.zeros((len(foot), 3))
    out[held], tilts[held] = back, tilt
    return faded(out, held, held, fps), faded(tilts, held, held, fps)


def runs(mask: Mask) -> list[tuple[int, int]]:
    """Where the mask is True: (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask, [0])).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]


def _each(values: Array, pieces: Runs) -> Array:
    """(N, C) one a piece, repeated for each of its frames: (frames of all pieces, C)."""
    return np.repeat(values, [end - start for start, end in pieces], axis=0)


def _sums(values: Array, pieces: Runs) -> Array:
    """(F, C) summed over each piece: (N, C)"""
    total = np.concatenate((np.zeros((1, *values.shape[1:])), np.cumsum(values, 0)))
    return np.array([total[end] - total[start] for start, end in pieces]).reshape(-1, *values.shape[1:])


def _short_runs(mask: Mask, slid: Array, most: float) -> Runs:
    """Runs of the mask, cut where the way slid (F - 1, 3) since the beginning is longer than `most`."""
    way = np.concatenate((np.zeros((1, 3)), np.cumsum(slid, 0)))
    out: list[tuple[int, int]] = []
    for start, end in runs(mask):
        begin = start
        while len(far := np.flatnonzero(np.linalg.norm(way[begin:end] - way[begin], axis=-1) > most)):
            out.append((begin, begin + int(far[0])))
            begin += int(far[0])
        out.append((begin, end))
    return out


def _kept(back: Array, held: Mask, stands: Mask, pieces: Runs) -> Array:
    """The way back of each stand's flat frames, held before and after them and straight in between."""
    at = np.flatnonzero(held)
    place = np.zeros(len(held), int)
    place[at] = np.arange(len(at))
    anchors: list[int] = []
    sources: list[int] = []
    for start, end in pieces:
        flat = start + np.flatnonzero(stands[start:end].all(1))
        flat = flat if len(flat) else np.array([(start + end) // 2])
        anchors += [start, *flat.tolist(), end - 1]
        sources += [int(flat[0]), *flat.tolist(), int(flat[-1])]
    kept = np.empty_like(back)
    for axis in range(3):
        kept[:, axis] = np.interp(at, anchors, back[place[sources], axis])
    return kept


def _tilted(ankle: Array, points: Array, back: Array, kept: Array, stands: Mask) -> tuple[Array, Array]:
    """Over a heel or a toe alone the foot tilts, so that the ankle keeps nearer to its captured way.

    A rig's foot is longer or shorter than the person's: on its toe the ankle would rise more, or less, than the leg
    reaches. ankle, back, kept: (F, 3), points: (F, 2, 3), all while standing. Returns the tilt (F, 3), the new way back.
    """
    pivot = points[np.arange(len(back)), np.argmax(stands, axis=1)] + back
    arm = ankle + back - pivot
    tilt = quat.to_vector(quat.swing(quat.normalised(arm), quat.normalised(ankle + kept - pivot)))
    angle = np.maximum(np.linalg.norm(tilt, axis=1), 1e-9)
    tilt = tilt * (MOST_TILT * np.tanh(angle / MOST_TILT) / angle * (stands.sum(1) == 1))[:, None]
    return tilt, back + quat.rotate(quat.from_vector(tilt), arm) - arm


def _eased(back: Array, reach: Array, thigh: Array, length: float, pieces: Runs) -> Array:
    """The way back (F, 3), that of each stand moved as a whole so that the leg bends and swings least, and can reach.

    reach: (F, 3) hip to ankle, thigh: (F, 3) hip to knee, as captured. length: of the stretched leg. Near the stretched
    leg a small change of reach bends the knee much: those frames count most.
    """
    far = np.linalg.norm(reach, axis=-1)
    shin = reach - thigh
    a, b = (np.linalg.norm(bone, axis=-1) for bone in (thigh, shin))
    sine = np.maximum(np.linalg.norm(np.cross(thigh, shin), axis=-1), LEAST_BEND * a * b)  # of the bend, times a * b
    # moved by v in its plane, the thigh turns by v . shin / sine, the shin by v . thigh / sine; rad^2 per m^2
    cost: Array = (_outer(shin) + _outer(thigh)) / sine[:, None, None] ** 2 + np.eye(3) / far[:, None, None] ** 2
    ends = np.cumsum([0] + [end - start for start, end in pieces])
    packed = list(zip(ends[:-1].tolist(), ends[1:].tolist()))
    wrong = _sums(cost @ back[..., None], packed)
    best = np.asarray(np.linalg.solve(_sums(cost, packed), wrong), np.float64)[..., 0]
    back = back - _each(best, pieces)
    over = np.linalg.norm(reach + back, axis=-1) - REACH * length
    for start, end in packed:  # what is still out of reach is moved towards the hip where it is furthest out
        for _ in range(MOST_MOVES if (over[start:end] > 0).any() else 0):
            new = reach[start:end] + back[start:end]
            out = np.linalg.norm(new, axis=-1) - REACH * length
            worst = int(np.argmax(out))
            back[start:end] -= max(float(out[worst]), 0.0) * quat.normalised(new[worst])
    return back


def _outer(v: Array) -> Array:
    """v: (F, 3). (F, 3, 3)"""
    return v[:, :, None] * v[:, None, :]


def faded(values: Array, known: Mask, held: Mask, fps: float) -> Array:
    """(F, 3) where `known` as they are; between two of one hold a straight line; elsewhere fading to nothing."""
    frames, places = np.arange(len(values)), np.flatnonzero(known)
    if not len(places):
        return values
    out = values.copy()
    settled = known.copy()
    for start, end in runs(held & ~known):
        before, after = start > 0 and held[start - 1], end < len(held) and held[end]
        if (before and known[start - 1]) or (after and known[end]):
            settled[start:end] = True
            at = [i for i in (start - 1, end) if 0 <= i < len(known) and known[i] and held[i]]
            for axis in range(3):
                out[start:end, axis] = np.interp(frames[start:end], at, values[at, axis])
    before = np.maximum.accumulate(np.where(settled, frames, -1))
    after = np.minimum.accumulate(np.where(settled, frames, len(frames))[::-1])[::-1]
    longest = max(1, round(FADE_S * fps))
    length = np.minimum(np.maximum(after - before, 1), longest).astype(float)
    down, up = (1 - rising(way.astype(float), 0.0, length) for way in (frames - before, after - frames))
    down, up = np.where(before < 0, 0.0, down), np.where(after >= len(frames), 0.0, up)
    faded = down[:, None] * out[np.maximum(before, 0)] + up[:, None] * out[np.minimum(after, len(frames) - 1)]
    return np.where(settled[:, None], out, faded)
