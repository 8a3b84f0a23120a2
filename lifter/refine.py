"""The whole clip at once: the joints that agree best with the picture, the network, one skeleton and the ground.

One robust least squares over all positions of a stretch, in the axes of one camera that does not turn. Every term is linear
but for the bones and the Huber weights, which are renewed a few times; neighbours in time meet only in differences, so the
normal equations are banded and the time is linear in the frames. F frames, J joints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from .contract.skeleton import Skeleton
from .smooth import second_difference

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Terms:
    """What a disagreement of one standard deviation is; infinity leaves a term out."""

    picture_m: float = 0.03  # of a seen joint from its ray, at the joint's depth: so far are detectors off (ERRORS.md)
    network_m: float = 0.02  # the least error of the network's joints
    network_along: float = 1.5  # times the spread that the network tells, along the view
    network_across: float = 0.7  # and across it
    bone_m: float = 0.004  # of a bone from the clip's length
    ankle_m: float = 0.004  # of an ankle from the plane of knee, heel and toe: in captures 0.002, in use more
    acceleration: float = 4.0  # times ACCELERATION, of what is fast
    calm: float = 0.075  # and this share of that, of what is still
    planted_m_s: float = 0.02  # speed of a foot that stands
    floor_m: float = 0.01  # height of a foot that stands
    below_m: float = 0.005  # depth of a foot in the floor
    iterations: int = 4


# m/s² that a body part may well do; more is let pass by the Huber weight, which keeps a punch's peak.
ACCELERATION = {
    "pelvis": 4.0, "hip": 4.0, "spine": 4.0, "thorax": 5.0, "shoulder": 6.0, "nose": 6.0, "head_top": 6.0, "ear": 6.0,
    "knee": 10.0, "elbow": 12.0, "ankle": 18.0, "heel": 18.0, "toe": 18.0, "wrist": 20.0, "index": 25.0, "pinky": 25.0,
}  # fmt: skip
LIVELY_M_S = 1.5  # from this speed on a body part is fast
HUBER = 1.5  # standard deviations from where on an error counts in proportion
LOOSE = 3.0  # times wider is that of feet and floor: a contact may be a mistake
FRAME_S = 1 / 30  # a second of evidence is worth as much at any frame rate
BLOCK, OVERLAP = 300, 30  # frames at once, and how many of them neighbours share: memory does not grow with the clip


@dataclass(frozen=True)
class Evidence:
    """In axes at the camera that do not turn with it. joints (F, J, 3) from the root by the network and their spread (F, J),
    metres; rays (F, J, 3): unit vectors to where they were seen, and weight (F, J), 0 where unseen; times (F,) seconds;
    feet: 4 joints; contacts (F, 4), probabilities."""

    joints: FloatArray
    spread: FloatArray
    rays: FloatArray
    weight: FloatArray
    times: FloatArray
    feet: list[int]
    contacts: FloatArray

    def part(self, at: slice) -> Evidence:
        return Evidence(
            self.joints[at],
            self.spread[at],
            self.rays[at],
            self.weight[at],
            self.times[at],
            self.feet,
            self.contacts[at],
        )


@dataclass(frozen=True)
class Ground:
    """up (3,) in camera axes; level (F, 4): the height along it, from the camera, of what each foot stands on or could stand
    on, `floor` that of z = 0; standing (4,): of the feet's points over that. Metres."""

    up: FloatArray
    level: FloatArray
    floor: float
    standing: FloatArray

    def part(self, at: slice) -> Ground:
        return Ground(self.up, self.level[at], self.floor, self.standing)


def refine(
    evidence: Evidence,
    start: FloatArray,
    ground: Ground,
    skeleton: Skeleton,
    terms: Terms,
    bones: FloatArray,
    tick: Callable[[], None] = lambda: None,
) -> FloatArray:
    """Joints (F, J, 3) in the evidence's axes from `start`; bones (J,): lengths from each joint's parent. `tick` after each of
    blocks(F)."""
    F = len(start)
    out, weight = np.zeros(start.shape), np.zeros((F, 1, 1))
    for a in blocks(F):
        at = slice(a, min(a + BLOCK, F))
        size = at.stop - a
        share = (
            np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)).clip(max=OVERLAP)[:, None, None].astype(float)
        )
        out[at] += share * _block(evidence.part(at), start[at], ground.part(at), skeleton, terms, bones)
        weight[at] += share
        tick()
    return out / weight


def blocks(frames: int) -> range:
    """Where the blocks of so many frames begin."""
    return range(0, max(frames - OVERLAP, 1), BLOCK - OVERLAP)


def bone_lengths(joints: FloatArray, skeleton: Skeleton) -> FloatArray:
    """(J,) medians over frames of the distance to the parent, left and right alike; 0 for the root."""
    parents = np.maximum(np.array(skeleton.parents), 0)
    length = np.median(np.linalg.norm(joints - joints[:, parents], axis=-1), axis=0)
    return (length + length[list(skeleton.mirror)]) / 2


def _block(
    evidence: Evidence, start: FloatArray, ground: Ground, skeleton: Skeleton, terms: Terms, bones: FloatArray
) -> FloatArray:
    x = start.astype(float)
    share = _share(evidence.times)
    for _ in range(terms.iterations):
        system = _System(*x.shape[:2])
        _picture(system, x, evidence, share, terms)
        _network(system, x, evidence, share, terms)
        _bones(system, x, skeleton, share, terms, bones)
        _ankles(system, x, skeleton, share, terms)
        _ground(system, x, evidence, ground, share, terms)
        _acceleration(system, x, evidence.times, skeleton, share, terms)
        _planted(system, x, evidence, terms)
        x = system.solve()
    return x


class _System:
    """Normal equations A x = right of positions (F, J, 3). `own` (F, J, 3, J, 3): within a frame; `ahead` (2, F, J, 3): of
    a coordinate with the same one a frame and two frames later."""

    def __init__(self, F: int, J: int) -> None:
        self.own = np.zeros((F, J, 3, J, 3))
        self.ahead = np.zeros((2, F, J, 3))
        self.right = np.zeros((F, J, 3))

    def block(self, i: int, j: int) -> FloatArray:
        """(F, 3, 3) of joints i and j, to be added to."""
        return self.own[:, i, :, j, :]

    def diagonal(self) -> FloatArray:
        """(F, J, 3) to be added to."""
        return np.einsum("fjkjk->fjk", self.own)

    def solve(self) -> FloatArray:
        F, J, _ = self.right.shape
        n = 3 * J
        frames = self.own.reshape(F, n, n)
        bands = np.zeros(((min(F, 3) - 1) * n + 1 if F > 1 else n, F, n))
        for k in range(n):
            bands[k, :, : n - k] = np.diagonal(frames, -k, 1, 2)
        for k in range(1, min(F, 3)):
            bands[k * n] += self.ahead[k - 1].reshape(F, n)
        bands[0] += 1e-6
        flat = bands.reshape(len(bands), F * n)
        return solveh_banded(flat, self.right.ravel(), lower=True, overwrite_ab=True, check_finite=False).reshape(
            F, J, 3
        )


def _picture(system: _System, x: FloatArray, evidence: Evidence, share: FloatArray, terms: Terms) -> None:
    """Seen joints lie on their rays."""
    off = np.linalg.norm(np.cross(x, evidence.rays), axis=-1)
    w = evidence.weight * _huber(off / terms.picture_m) * share[:, None] / terms.picture_m**2
    for j in range(x.shape[1]):
        d = evidence.rays[:, j]
        block = system.block(j, j)
        block += w[:, j, None, None] * (np.eye(3) - d[:, :, None] * d[:, None, :])


def _network(system: _System, x: FloatArray, evidence: Evidence, share: FloatArray, terms: Terms) -> None:
    """Joints lie from the root where the network says, loosely along the view."""
    view = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
    along, across = (
        share[:, None] / np.maximum(factor * evidence.spread, terms.network_m) ** 2
        for factor in (terms.network_along, terms.network_across)
    )
    for j in range(1, x.shape[1]):
        d = view[:, j]
        W = across[:, j, None, None] * np.eye(3) + (along - across)[:, j, None, None] * d[:, :, None] * d[:, None, :]
        pull = (W @ evidence.joints[:, j, :, None])[..., 0]
        _difference(system, j, 0, W, pull)


def _bones(
    system: _System, x: FloatArray, skeleton: Skeleton, share: FloatArray, terms: Terms, bones: FloatArray
) -> None:
    """Along its present direction a bone is as long as in the whole clip."""
    w = share / terms.bone_m**2
    for j, parent in enumerate(skeleton.parents):
        if parent >= 0:
            bone = x[:, j] - x[:, parent]
            d = bone / np.maximum(np.linalg.norm(bone, axis=-1, keepdims=True), 1e-9)
            _difference(
                system, j, parent, w[:, None, None] * d[:, :, None] * d[:, None, :], (w * bones[j])[:, None] * d
            )


def _ankles(system: _System, x: FloatArray, skeleton: Skeleton, share: FloatArray, terms: Terms) -> None:
    """Feet do not roll far under the shin: knee, ankle, heel and toe lie in one plane, which tells little of a foot in line with
    the shin."""
    for side in ("left", "right"):
        names = [f"{side}_{part}" for part in ("knee", "ankle", "heel", "toe")]
        if not set(names) <= set(skeleton.names):
            continue
        knee, ankle, heel, toe = (skeleton.index(name) for name in names)
        foot, shin = x[:, toe] - x[:, heel], x[:, knee] - x[:, ankle]
        lengths = np.linalg.norm(foot, axis=-1) * np.linalg.norm(shin, axis=-1)
        across = np.cross(foot, shin) / np.maximum(lengths, 1e-9)[:, None]  # as long as the sine of their angle
        W = (share / terms.ankle_m**2)[:, None, None] * across[:, :, None] * across[:, None, :]
        _difference(system, ankle, heel, W, np.zeros((len(x), 3)))


def _difference(system: _System, j: int, other: int, W: FloatArray, pull: FloatArray) -> None:
    """x_j - x_other is what W (F, 3, 3) turns into pull (F, 3)."""
    for a, b, sign in ((j, j, 1), (other, other, 1), (j, other, -1), (other, j, -1)):
        block = system.block(a, b)
        block += sign * W
    system.right[:, j] += pull
    system.right[:, other] -= pull


def _ground(
    system: _System, x: FloatArray, evidence: Evidence, ground: Ground, share: FloatArray, terms: Terms
) -> None:
    """Feet that stand are on the ground, and none is deep in it."""
    upright = ground.up[:, None] * ground.up
    for k, j in enumerate(evidence.feet):
        level = ground.level[:, k] + ground.standing[k]
        off = x[:, j] @ ground.up - level
        on = evidence.contacts[:, k] / terms.floor_m**2 * _huber(off / terms.floor_m / LOOSE)
        below = np.where(off < 0, 1 / terms.below_m**2, 0) * _huber(off / terms.below_m / LOOSE)
        w = (on + below) * share
        block = system.block(j, j)
        block += w[:, None, None] * upright
        system.right[:, j] += (w * level)[:, None] * ground.up


def _acceleration(
    system: _System, x: FloatArray, times: FloatArray, skeleton: Skeleton, share: FloatArray, terms: Terms
) -> None:
    """Nothing accelerates without need."""
    F = len(x)
    if F < 3 or not np.isfinite(terms.acceleration):
        return
    limit = np.array([ACCELERATION.get(name) or ACCELERATION[name.split("_", 1)[-1]] for name in skeleton.names])
    parts = [part[:, None, None] for part in second_difference(times)]
    bend = np.linalg.norm(sum(part * x[i : F - 2 + i] for i, part in enumerate(parts)), axis=-1)
    speed = np.linalg.norm(x[2:] - x[:-2], axis=-1) / (times[2:] - times[:-2])[:, None]
    limit = terms.acceleration * limit * np.clip(speed / LIVELY_M_S, terms.calm, 1)
    w = (_huber(bend / limit) / limit**2 * share[1:-1, None])[..., None]  # (F - 2, J, 1)
    diagonal = system.diagonal()
    for i, a in enumerate(parts):
        diagonal[i : F - 2 + i] += w * a * a
        for k, b in enumerate(parts[i + 1 :]):
            system.ahead[k, i : F - 2 + i] += w * a * b


def _planted(system: _System, x: FloatArray, evidence: Evidence, terms: Terms) -> None:
    """A foot that stands in two frames does not move between them."""
    step = np.diff(evidence.times)
    both = np.minimum(evidence.contacts[1:], evidence.contacts[:-1])
    diagonal = system.diagonal()
    for k, j in enumerate(evidence.feet):
        speed = np.linalg.norm(np.diff(x[:, j], axis=0), axis=-1) / step
        w = both[:, k] * _huber(speed / terms.planted_m_s / LOOSE) / (terms.planted_m_s * step) ** 2 * (step / FRAME_S)
        diagonal[:-1, j] += w[:, None]
        diagonal[1:, j] += w[:, None]
        system.ahead[0, :-1, j] -= w[:, None]


def _huber(off: FloatArray) -> FloatArray:
    return 1 / np.maximum(np.abs(off) / HUBER, 1)


def _share(times: FloatArray) -> FloatArray:
    """(F,) seconds that each frame stands for, over FRAME_S."""
    if len(times) < 2:
        return np.ones(len(times))
    step = np.diff(times)
    return (np.r_[step[:1], step] + np.r_[step, step[-1:]]) / 2 / FRAME_S
