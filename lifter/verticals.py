"""Which way is up, from straight lines in the picture: most edges that lean little are vertical in the world.

A segment lies with the camera in one plane; up lies in that plane if the segment is vertical. Many that stand apart and agree
tell up to a fraction of a degree; a single one, or some that disagree, tell nothing. numpy only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .gravity import GUESS_SPREAD

FloatArray = npt.NDArray[np.floating]

REACH = np.radians(16)  # from the guess; the guess is hardly ever farther off
STEP = np.radians(0.5)  # of the directions tried
LEAN = np.radians(0.6)  # of a vertical line in the picture, by the detector, the lens and the mason
WORTH = 60.0  # nats of a radian of vertical lines
PLACE = np.radians(3)  # lines seen nearer to each other are one thing: an edge has two sides,
MOST = 0.15  # and count for no more than this, radians
FRAMES = 30  # are enough
SURE = np.radians(1.5)  # standard deviation of what lines alone tell


def up(
    segments: FloatArray, intrinsics: FloatArray, first_from_cam: FloatArray | None, guess: FloatArray
) -> tuple[FloatArray, float]:
    """(3,) up in the axes of the first camera, and its standard deviation in radians.

    segments (N, 5): frame, x and y of both ends in pixels; intrinsics (3, 3); first_from_cam (F, 3, 3), None of a camera that
    does not turn; guess (3,): up, so far as it is known without the lines.
    """
    frames = np.unique(segments[:, 0])
    frames = frames[np.unique(np.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).astype(int))]
    segments = segments[np.isin(segments[:, 0], frames)]
    ends = (segments[:, 1:].reshape(-1, 2, 2) - intrinsics[:2, 2]) / np.diag(intrinsics)[:2]
    rays = np.concatenate([ends, np.ones((len(ends), 2, 1))], -1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    if first_from_cam is not None:
        rays = rays @ np.swapaxes(first_from_cam[segments[:, 0].astype(int)], -1, -2)
    normal = np.cross(rays[:, 0], rays[:, 1])
    length = np.linalg.norm(normal, axis=-1)
    normal /= np.maximum(length, 1e-9)[:, None]
    middle = rays.mean(1) / np.linalg.norm(rays.mean(1), axis=-1, keepdims=True)

    side = np.cross(guess, np.eye(3)[np.abs(guess).argmin()])
    side /= np.linalg.norm(side)
    ahead = np.cross(guess, side)
    steps = np.arange(-int(REACH / STEP), int(REACH / STEP) + 1) * STEP
    turn = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    turn = turn[np.linalg.norm(turn, axis=-1) <= REACH]
    tried = guess + turn @ np.stack([side, ahead])
    tried /= np.linalg.norm(tried, axis=-1, keepdims=True)

    near = np.abs(_lean(guess[None], normal, middle)[0]) < REACH + 3 * LEAN
    normal, middle, length = normal[near], middle[near], length[near] / len(frames)
    fits = length * np.exp(-((_lean(tried, normal, middle) / LEAN) ** 2) / 2)  # (U, N)
    place = np.floor(np.arctan2(normal @ ahead, normal @ side) % np.pi / PLACE).astype(int)
    places = np.zeros((len(normal), int(np.pi / PLACE) + 1))
    places[np.arange(len(normal)), place] = 1
    log = WORTH * np.minimum(fits @ places, MOST).sum(-1) - (turn**2).sum(-1) / GUESS_SPREAD**2 / 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = weight @ turn
    spread = float(np.sqrt(np.linalg.eigvalsh((turn - mean).T @ ((turn - mean) * weight[:, None])).max()))
    found = guess + mean @ np.stack([side, ahead])
    return found / np.linalg.norm(found), spread


def _lean(tried: FloatArray, normal: FloatArray, middle: FloatArray) -> FloatArray:
    """(U, N) radians in the picture between each segment and the way to where `tried` (U, 3) points."""
    return np.arcsin((tried @ normal.T / np.sqrt(np.maximum(1 - (tried @ middle.T) ** 2, 1e-4))).clip(-1, 1))
