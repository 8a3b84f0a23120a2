"""Made-up people in front of a camera, and a detector with known faults: whom each detection is of is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from video_to_armature.lifter.contract.skeleton import BODY_27

from . import people

CAMERA = people.camera(pitch_down=0.05, height=1.6, distance=0.0)
WIDTH, HEIGHT = 1280, 720
HIDDEN = 0.55  # of a person's points inside the box of somebody nearer: not detected
GHOST = -1


@dataclass(frozen=True)
class Faults:
    """Of the detector: chances are for one person in one frame, lengths are in the person's size."""

    jitter: float = 0.012
    drift: float = 0.015  # of each point, slowly
    lost: float = 0.02  # for up to nine frames
    ghosts: float = 0.05  # for up to five frames
    doubles: float = 0.04  # likewise
    mixed: float = 0.1  # left and right


FAULTS = Faults()


@dataclass(frozen=True)
class Crowd:
    """detections: (P, 27, 3) a frame; whose: (P,) a frame, number of the person or GHOST; times (F,) seconds."""

    detections: list[np.ndarray]
    whose: list[np.ndarray]
    times: np.ndarray

    def sightings(self, person: int) -> int:
        return sum(int((who == person).sum()) for who in self.whose)

    def hidden(self, person: int) -> int:
        """Longest stretch of frames without a detection of the person."""
        seen = np.flatnonzero([person in who for who in self.whose])
        return int(np.diff(seen).max(initial=1)) - 1

    def who(self, track) -> np.ndarray:
        """(n,) whom each sighting in a track is of."""
        found = []
        for f, points in zip(track.frames, track.seen, strict=True):
            (place,) = np.flatnonzero((self.detections[f] == points).all((1, 2)))
            found.append(self.whose[f][place])
        return np.array(found)


def body(times: np.ndarray, path: np.ndarray, tall: float = 1.0) -> np.ndarray:
    """(F, 27, 3) somebody who walks along a path (F, 2) on the ground, metres, and looks where they go."""
    moved = np.gradient(path, times, axis=0) if len(times) > 1 else np.zeros_like(path)
    speed = float(np.median(np.linalg.norm(moved, axis=1)))
    local = people.walking(times, speed)
    local[..., 0] += speed * times[:, None]
    turn = np.arctan2(moved[:, 1], moved[:, 0]) - np.pi
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    x, y, z = np.moveaxis(local * tall, -1, 0)
    return np.stack([c * x - s * y + path[:, :1], s * x + c * y + path[:, 1:], z], -1)


def film(times: np.ndarray, bodies: list[np.ndarray], seed: int, faults: Faults = FAULTS) -> Crowd:
    """What the detector makes of these people (F, 27, 3) each, listed in another order in each frame."""
    rng = np.random.default_rng(seed)
    F, N = len(times), len(bodies)
    drawn = [people.project(one, CAMERA, people.INTRINSICS) for one in bodies]
    depth = np.array([in_cam[..., 2].mean(1) for in_cam, _ in drawn])
    seen = np.array([_blurred(px, faults, rng) for _, px in drawn])  # (N, F, 27, 3)
    size = np.linalg.norm(np.ptp(seen[..., :2], axis=2), axis=-1)
    away = np.array([_runs(F, faults.lost, 9, rng) for _ in range(N)])
    away |= [[_outside(one) or _hidden(seen, depth, i, f) for f, one in enumerate(seen[i])] for i in range(N)]
    double = np.array([_runs(F, faults.doubles, 5, rng) for _ in range(N)]) & ~away
    aside = rng.normal(0, 0.12, (N, F, 2)) * size[..., None]
    ghost = _runs(F, faults.ghosts, 5, rng)
    place, shape = np.zeros(2), np.ones(2)
    detections, whose = [], []
    for f in range(F):
        found = [(seen[i, f], i) for i in range(N) if not away[i, f]]
        found += [(seen[i, f] + [*aside[i, f], -0.1], GHOST) for i in range(N) if double[i, f]]
        if ghost[f]:
            if f == 0 or not ghost[f - 1]:
                place, shape = rng.uniform((0, 0), (WIDTH, HEIGHT)), rng.uniform(0.3, 2, 2)
            like = seen[rng.integers(N), f]
            found.append((np.c_[(like[:, :2] - like[:, :2].mean(0)) * shape + place, like[:, 2:] - 0.2], GHOST))
        rng.shuffle(found)
        detections.append(np.array([points for points, _ in found], np.float32).reshape(-1, 27, 3))
        whose.append(np.array([who for _, who in found], int))
    return Crowd(detections, whose, times)


def _blurred(px: np.ndarray, faults: Faults, rng: np.random.Generator) -> np.ndarray:
    size = np.linalg.norm(np.ptp(px[..., :2], axis=1), axis=-1)[:, None, None]
    slow = np.zeros_like(px[..., :2])
    step = rng.normal(0, faults.drift, slow.shape)
    slow[0] = step[0]
    for f in range(1, len(px)):
        slow[f] = 0.9 * slow[f - 1] + np.sqrt(1 - 0.81) * step[f]
    xy = px[..., :2] + size * (slow + rng.normal(0, faults.jitter, slow.shape))
    out = np.concatenate([xy, px[..., 2:] - rng.uniform(0, 0.2, (len(px), 27, 1))], -1)
    mixed = rng.random(len(px)) < faults.mixed
    out[mixed] = out[mixed][:, list(BODY_27.mirror)]
    return out


def _runs(F: int, chance: float, longest: int, rng: np.random.Generator) -> np.ndarray:
    """(F,) in which something goes on that begins by chance and lasts 1 to `longest` frames."""
    on = np.zeros(F, bool)
    for f in np.flatnonzero(rng.random(F) < chance / ((longest + 1) / 2)):
        on[f : f + rng.integers(1, longest + 1)] = True
    return on


def _outside(seen: np.ndarray) -> bool:
    return bool(((seen[:, :2] > 0) & (seen[:, :2] < (WIDTH, HEIGHT))).all(1).mean() < 0.5)


def _hidden(seen: np.ndarray, depth: np.ndarray, i: int, f: int) -> bool:
    """Whether most of a person's points lie in the boxes of those who stand nearer to the camera."""
    mine, behind = seen[i, f, :, :2], np.zeros(27, bool)
    for j in np.flatnonzero(depth[:, f] < depth[i, f]):
        low, high = seen[j, f, :, :2].min(0), seen[j, f, :, :2].max(0)
        behind |= ((mine > low) & (mine < high)).all(1)
    return bool(behind.mean() > HIDDEN)
