"""Where the root goes: one linear least-squares problem over a stretch, and the contacts that it hangs on.

The path follows the reprojection (tight across the view, loose along it), moves without jerks, and holds planted feet still
and down. World axes: z up. F frames; the 4 feet points are those of CONTACT_NAMES.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import spsolve

from .smooth import second_difference, whittaker

FloatArray = npt.NDArray[np.floating]

# What one metre of disagreement is worth against another: standard deviations.
ACROSS_M = 0.02  # reprojection across the view, at DISTANCE_M from the camera
ALONG_M = 0.25  # and along it: a centimetre of limb length is a decimetre of depth
DISTANCE_M = 4.0
ACCELERATION = 5.0  # m/s^2, of a pelvis in everyday motion
SLIDE = 0.03  # m/s, of a planted foot
FLOOR_M = 0.02  # height of a planted foot
HUBER_ANGLE = 0.01  # radians: a keypoint farther off than this counts less
NEAREST_M = 0.5  # to the camera

CONTACT_SPEED = 0.45  # m/s as seen in the picture: half the time a foot this fast is planted
CONTACT_SPEED_SPREAD = 0.10
CONTACT_HEIGHT = 0.10  # m above the lowest foot nearby
CONTACT_HEIGHT_SPREAD = 0.025
CONTACT_HZ = 5.0  # of the filter on foot paths before their speed is taken
NEARBY_S = 0.8
HOLD_S = 0.3  # a foot stands or swings for a while,
ALIKE_S = 0.1  # and what tells of it in one frame is as wrong in those nearby: evidence counts once in this time
MOST_ODDS = 3.0  # logarithm; of one look: a burst of noise shows a standing foot at any speed
LEAST_FRAMES = 4  # of a foot that stands
LOWEST_PERCENT = 5  # of the feet's heights: the floor of someone who never stands
LEVELS_APART_M = 0.35  # before the clip is refined, heights are off by less


def locate(joints: FloatArray, rays: FloatArray, weight: FloatArray) -> FloatArray:
    """(N, 3) root positions whose joints (N, J, 3) from the root fall on their rays (N, J, 3), unit vectors from the camera
    in the same axes, weight (N, J): weighted, robust, in closed form."""
    across = np.eye(3) - rays[..., :, None] * rays[..., None, :]  # (N, J, 3, 3) takes away what lies along the ray
    right = -(across @ joints[..., None])[..., 0]
    prior = 1e-6 * np.eye(3)  # a frame without evidence stays finite
    ahead = (rays * weight[..., None]).sum(1)
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-9)
    w = weight.copy()
    root = np.zeros((len(joints), 3))
    for _ in range(4):
        normal = np.einsum("njkl,nj->nkl", across, w) + prior
        root = np.linalg.solve(normal, np.einsum("njk,nj->nk", right, w)[..., None])[..., 0]
        root += ahead * np.maximum(NEAREST_M - (root * ahead).sum(-1, keepdims=True), 0)
        placed = joints + root[:, None]
        away = np.maximum(np.linalg.norm(placed, axis=-1), NEAREST_M)
        off = np.linalg.norm(np.cross(placed, rays), axis=-1) / away
        # Errors in metres weigh distance in; dividing by it makes them angles.
        w = weight / np.maximum(off / HUBER_ANGLE, 1) / away**2
    return root


def path(
    seen_at: FloatArray,
    sure: npt.NDArray[np.bool_],
    feet: FloatArray,
    rays: FloatArray,
    weight: FloatArray,
    times: FloatArray,
    told: FloatArray | None = None,
    steady: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Root path (F, 3) and contacts (F, 4) of one stretch, world axes with the camera at the origin.

    seen_at (F, 3) where reprojection puts the root, trusted where `sure`; feet (F, 4, 3) foot points from the root, seen
    along rays (F, 4, 3) with weight (F, 4); told (F, 4): contacts that the network tells, where it does.
    steady: contacts all frames heard (`held`); else frame by frame, which is surer of where a foot stood than of how long.
    """
    contacts = np.zeros(feet.shape[:2])
    away = np.maximum(np.linalg.norm(seen_at, axis=-1), NEAREST_M)
    root = _solve(seen_at, sure, feet, away, contacts, contacts, times)
    if len(times) < 3:
        return root, contacts
    speed = _speed(rays, weight, away, times)
    for _ in range(2):  # contacts need heights, heights need contacts
        heights = root[:, None, 2] + feet[..., 2]
        looks = [_contacts(heights, speed, times), *([] if told is None else [told])]
        contacts = held(looks, times) if steady else np.prod(looks, 0) ** (1 / len(looks))
        level = levels(heights, contacts, LEVELS_APART_M, floor_of(heights, contacts))
        root = _solve(seen_at, sure, feet, away, contacts, level, times)
    return root, contacts


def floor_of(heights: FloatArray, contacts: FloatArray) -> float:
    """Where feet stand most; of someone who never stands, how low they come. heights, contacts (F, K)."""
    planted = contacts > 0.5
    if planted.any():
        return float(np.median(heights[planted]))
    return float(np.percentile(heights.min(1), LOWEST_PERCENT))


def levels(heights: FloatArray, contacts: FloatArray, apart: float, floor: float) -> FloatArray:
    """(F, K) height of what each foot stands on or could stand on; heights, contacts (F, K) of one stretch.

    A spell of standing farther than `apart` from the floor has a level of its own: a stair, a box. Between spells it is the lower
    of the one before and the one after. Someone who never stands and stays far from the floor has another below them.
    """
    found = [(a, b, k, float(np.median(heights[a:b, k]))) for k, a, b in spells(contacts)]
    found = sorted((a, b, k, h if abs(h - floor) > apart else floor) for a, b, k, h in found)
    lowest = float(np.percentile(heights.min(1), LOWEST_PERCENT))
    out = np.full(heights.shape, floor if found or abs(lowest - floor) < LEVELS_APART_M else lowest)
    if found:
        frames = np.arange(len(heights))
        begins, ends = np.array([s[0] for s in found]), np.sort([s[1] for s in found])
        by_end = [s[3] for s in sorted(found, key=lambda s: s[1])]
        before = np.searchsorted(ends, frames, "right") - 1
        after = np.searchsorted(begins, frames, "left")
        last = np.array([floor, *by_end])[before + 1]
        following = np.array([*(s[3] for s in found), floor])[after]
        last = np.where(before < 0, following, last)
        following = np.where(after >= len(found), last, following)
        out[:] = np.minimum(last, following)[:, None]
    for a, b, k, height in found:
        out[a:b, k] = height
    return out


def spells(contacts: FloatArray) -> list[tuple[int, int, int]]:
    """(foot point, first, stop) of every spell in which it stands; contacts (F, K)."""
    found: list[tuple[int, int, int]] = []
    for k in range(contacts.shape[1]):
        change = np.diff(np.r_[0, contacts[:, k] > 0.5, 0].astype(int))
        runs = zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1), strict=True)
        found += [(k, int(a), int(b)) for a, b in runs if b - a >= LEAST_FRAMES]
    return found


def _speed(rays: FloatArray, weight: FloatArray, away: FloatArray, times: FloatArray) -> FloatArray:
    """(F, 4) speed of the feet across the view, m/s, from the picture itself: depth errors do not enter."""
    speed = np.full(rays.shape[:2], np.inf)
    for k in range(rays.shape[1]):
        if (weight[:, k] > 0).sum() < 3:
            continue
        path = whittaker(rays[:, k], weight[:, k], times, CONTACT_HZ)
        speed[:, k] = np.linalg.norm(np.gradient(path, times, axis=0), axis=-1) * away
    return speed


def _contacts(heights: FloatArray, speed: FloatArray, times: FloatArray) -> FloatArray:
    """(F, 4) probability that a foot point stands still: slow in the picture and as low as feet get nearby."""
    span = max(int(NEARBY_S / np.median(np.diff(times))), 1)
    lowest = heights.min(1)
    padded = np.pad(lowest, span, mode="edge")
    ground = np.lib.stride_tricks.sliding_window_view(padded, 2 * span + 1).min(-1)

    def below(x: FloatArray, limit: float, spread: float) -> FloatArray:
        return 1 / (1 + np.exp(((x - limit) / spread).clip(-50, 50)))

    slow = below(speed, CONTACT_SPEED, CONTACT_SPEED_SPREAD)
    low = below(heights - ground[:, None], CONTACT_HEIGHT, CONTACT_HEIGHT_SPREAD)
    return slow * low


def held(looks: list[FloatArray], times: FloatArray) -> FloatArray:
    """(F, K) probability that a foot stands, all frames heard: two states that last HOLD_S on average, smoothed forwards and
    backwards. looks: (F, K) probabilities by independent evidence of each frame."""
    share = min(float(np.median(np.diff(times))) / ALIKE_S, 1.0)
    odds = np.mean([_log_odds(look).clip(-MOST_ODDS, MOST_ODDS) for look in looks], 0) * 2 * share
    change = 0.5 - 0.5 * np.exp(-2 * np.diff(times) / HOLD_S)  # of the state between two frames
    before, after = _heard(odds, change), _heard(odds[::-1], change[::-1])[::-1]
    return 1 / (1 + np.exp(-(before + odds + after)))


def _heard(odds: FloatArray, change: FloatArray) -> FloatArray:
    """(F, K) what all frames before each tell of it, log-odds; change (F - 1,): probability that it is otherwise one on."""
    out = np.zeros_like(odds)
    for f, c in enumerate(change):
        stood = 1 / (1 + np.exp(-(out[f] + odds[f])))
        out[f + 1] = _log_odds(stood * (1 - c) + (1 - stood) * c)
    return out


def _log_odds(p: FloatArray) -> FloatArray:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def _solve(
    seen_at: FloatArray,
    sure: npt.NDArray[np.bool_],
    feet: FloatArray,
    away: FloatArray,
    contacts: FloatArray,
    level: FloatArray,
    times: FloatArray,
) -> FloatArray:
    """Root path (F, 3): the least squares of the module's first paragraph, sparse and linear in F.

    feet (F, 4, 3): foot points from the root.
    """
    F = len(times)
    blocks: list[Any] = []  # scipy's sparse types have no common name
    rights: list[FloatArray] = []

    def add(matrix: Any, right: FloatArray) -> None:
        blocks.append(matrix)
        rights.append(right.ravel())

    # Reprojection, in the axes of the view: two rows across, one along.
    spread = (
        np.stack([np.full(F, ACROSS_M), np.full(F, ACROSS_M), np.full(F, ALONG_M)], 1) * (away / DISTANCE_M)[:, None]
    )
    view = _view_axes(seen_at)  # (F, 3, 3)
    rows = view / spread[..., None] * np.where(sure, 1.0, 1e-3)[:, None, None]
    add(sparse.block_diag(list(rows), "csr"), np.einsum("fij,fj->fi", rows, seen_at))
    if F >= 3:
        # So much a second of clip, not a frame: a faster video is not a stiffer path.
        per_frame = np.sqrt(np.median(np.diff(times)) * 30) / ACCELERATION
        second = _banded(per_frame * np.stack(second_difference(times)))
        add(sparse.kron(second, sparse.eye(3)).tocsr(), np.zeros(3 * (F - 2)))
    if F >= 2 and contacts.any():
        step = np.diff(times)
        held = np.minimum(contacts[1:], contacts[:-1])  # (F-1, 4)
        for k in range(contacts.shape[1]):
            w = held[:, k] / SLIDE
            first = _banded(np.stack([-w, w]) / step)
            moved = np.diff(feet[:, k], axis=0) / step[:, None]
            add(sparse.kron(first, sparse.eye(3)).tocsr(), -w[:, None] * moved)
            w = contacts[:, k] / FLOOR_M
            down = sparse.kron(sparse.diags(w), sparse.csr_matrix([[0.0, 0.0, 1.0]])).tocsr()
            add(down, w * (level[:, k] - feet[:, k, 2]))
    A: Any = sparse.vstack(blocks).tocsc()
    return np.asarray(spsolve(A.T @ A, A.T @ np.concatenate(rights))).reshape(F, 3)


def _banded(diagonals: FloatArray) -> Any:
    """(N, N + k - 1) sparse matrix whose row i holds diagonals[:, i] (k, N) from column i on."""
    k, N = diagonals.shape
    rows = np.repeat(np.arange(N), k)
    columns = (np.arange(N)[:, None] + np.arange(k)).ravel()
    return sparse.csr_matrix((diagonals.T.ravel(), (rows, columns)), shape=(N, N + k - 1))


def _view_axes(points: FloatArray) -> FloatArray:
    """(F, 3, 3) rows: two directions across the view of `points` (F, 3), and the one along it."""
    along = points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-9)
    least = np.eye(3)[np.abs(along).argmin(-1)]
    right = np.cross(along, least)
    right = right / np.maximum(np.linalg.norm(right, axis=-1, keepdims=True), 1e-9)
    return np.stack([right, np.cross(along, right), along], -2)
