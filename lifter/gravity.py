"""Which way is up, in camera axes: from the network, from people who stand, and from level ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .contract.skeleton import Skeleton
from .lifted import Lifted

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

UPRIGHT_SPREAD = np.radians(14)  # a body bent more than this says little of gravity
LEVEL_WEIGHT = 0.2  # of a level camera, against a person who stands upright all the time
GUESS_SPREAD = np.radians(5.0)  # how far the first guess is off
STOOD_SPREAD_M = 0.1  # of a place where a foot stood from the plane of the floor
LEAST_PLACES = 3
WAY_M = 0.4  # between two points of the pelvis's way
WAY_SPREAD_M = 0.15  # of those from a level plane
MOST_TURN = 2.4  # times what the guess is off usually; farther it hardly ever is
HUBER = 1.5


def guess(lifted: Lifted, known: Mask, skeleton: Skeleton) -> FloatArray:
    """(3,) from the network where it tells, else from bodies that stand straight."""
    if lifted.up is None:
        return _bodies(lifted.joints[known], skeleton)
    return _unit(np.median(lifted.up[known], 0))


def from_ground(up: FloatArray, off: float, places: FloatArray, path: FloatArray) -> FloatArray:
    """(3,) `up`, which is off by so many radians, turned so that the ground is level, as far as it says so: the places (N, 3)
    where feet stood lie on one plane, and the way of the pelvis (F, 3) on another. Of stairs and slopes, which show as a large
    turn, nothing is told."""
    places = places if len(places) >= LEAST_PLACES else places[:0]
    way = path[_apart(path, WAY_M)]
    side = _unit(np.cross(up, [0.0, 0.0, 1.0]))
    ahead = np.cross(up, side)
    points, spread = (
        np.concatenate([places, way]),
        np.r_[np.full(len(places), STOOD_SPREAD_M), np.full(len(way), WAY_SPREAD_M)],
    )
    stood = np.arange(len(points)) < len(places)
    rows = np.stack([points @ side, points @ ahead, -1.0 * stood, -1.0 * ~stood], 1) / spread[:, None]
    right = -(points @ up) / spread
    prior = np.diag([off**-2, off**-2, 1e-9, 1e-9])
    weight = np.ones(len(points))
    turn = np.zeros(4)
    for _ in range(4):
        turn = np.linalg.solve((rows * weight[:, None]).T @ rows + prior, (rows * weight[:, None]).T @ right)
        weight = 1 / np.maximum(np.abs(rows @ turn - right) / HUBER, 1)
    found = _unit(up + turn[0] * side + turn[1] * ahead)
    return found if found @ up > np.cos(MOST_TURN * off) else up


def _apart(path: FloatArray, least: float) -> list[int]:
    """Frames of a path (F, 3), each at least so far from the one before."""
    kept = [0]
    for k, at in enumerate(path):
        if np.linalg.norm(at - path[kept[-1]]) > least:
            kept.append(k)
    return kept


def _bodies(joints: FloatArray, skeleton: Skeleton) -> FloatArray:
    """(3,) up in camera axes: where people stand straight their bodies point up; a level camera is the prior."""
    at = skeleton.index

    ankles = (joints[:, at("left_ankle")] + joints[:, at("right_ankle")]) / 2
    trunk = _unit(joints[:, at("thorax")] - joints[:, at("pelvis")])
    legs = _unit(joints[:, at("pelvis")] - ankles)
    bend = np.arccos((trunk * legs).sum(-1).clip(-1, 1))
    weight = np.exp(-((bend / UPRIGHT_SPREAD) ** 2) / 2)
    body = _unit(joints[:, at("thorax")] - ankles)
    weight *= body[:, 1] < -0.5  # lying and hanging people say nothing
    level = np.array([0.0, -1.0, 0.0])
    return _unit((body * weight[:, None]).sum(0) + LEVEL_WEIGHT * len(joints) * level)


def _unit(v: FloatArray) -> FloatArray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
