"""Which way is up, in camera axes: from the network, from people who stand, and from the places where feet stood."""

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
HUBER = 1.5


def guess(lifted: Lifted, known: Mask, skeleton: Skeleton) -> FloatArray:
    """(3,) from the network where it tells, else from bodies that stand straight."""
    if lifted.up is None:
        return _bodies(lifted.joints[known], skeleton)
    return _unit(np.median(lifted.up[known], 0))


def from_stance(up: FloatArray, places: FloatArray) -> FloatArray:
    """(3,) the first guess turned so that the places (N, 3) where feet stood lie on one plane, as far as they say so."""
    if len(places) < LEAST_PLACES:
        return up
    side = _unit(np.cross(up, [0.0, 0.0, 1.0]))
    ahead = np.cross(up, side)
    rows = np.stack([places @ side, places @ ahead, -np.ones(len(places))], 1) / STOOD_SPREAD_M
    right = -(places @ up) / STOOD_SPREAD_M
    prior = np.diag([GUESS_SPREAD**-2, GUESS_SPREAD**-2, 1e-9])
    weight = np.ones(len(places))
    turn = np.zeros(3)
    for _ in range(4):
        turn = np.linalg.solve((rows * weight[:, None]).T @ rows + prior, (rows * weight[:, None]).T @ right)
        weight = 1 / np.maximum(np.abs(rows @ turn - right) / HUBER, 1)
    return _unit(up + turn[0] * side + turn[1] * ahead)


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
