"""Which bones are arms and legs by the rest pose alone: mirrored chains that leave the middle of the body.

Names play no part here, nor do bone rolls, tails of inner bones or the order of the bones.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .quaternion import normalised
from .rest import NO_PARENT, RestPose

Array = npt.NDArray[np.float64]
Limb = dict[str, int]  # part without side -> bone

NEAR = 0.03  # as a share of the body's size: places this near count as mirrored
MIDDLE = 0.015  # the same: bones this near to the plane of symmetry may belong to either side
DOWN = 0.6  # a leg at rest reaches down by at least this share of its length
TRUNK = 0.25  # shoulders are at least this share of the leg above the hips
LEAST_ARM = 0.3  # as a share of the leg, clavicles and toes included
CLAVICLE = 0.5  # its begin is nearer the middle than this share of its end's distance
BENT = 0.02  # a knee or an elbow off the limb's line by this share of its length shows which way it bends
OTHER_LIMB = 0.6  # further pairs of limbs this long, as a share of the arms, make no human


@dataclass(frozen=True)
class Shape:
    """Limbs found, and what was missed. `left` and `right` are empty where something is missing."""

    left: Mapping[str, int]  # part without side -> bone
    right: Mapping[str, int]
    missing: tuple[str, ...] = ()  # in words
    facing: bool = False  # toes or feet showed where front is; otherwise it was supposed


@dataclass(frozen=True)
class _Pair:
    """Two mirrored chains of bones, in both from the middle outwards; the first is on the axis' positive side."""

    chains: tuple[Sequence[int], Sequence[int]]
    free: int  # so many bones at their begin start in the middle of the body: a limb begins after them
    in_plane: Array  # (3,) 0 on the axis across the body, 1 on the others
    start: Array  # (3,) midway between their first heads
    end: Array  # (3,) midway between their last ones
    length: float


def shape(rest: RestPose) -> Shape:
    """Find the limbs of a body standing upright. Axes are the armature's; its object may be turned anyhow."""
    size = float(np.ptp(rest.heads, axis=0).max())
    if size <= 0:
        return Shape({}, {}, ("any extent: all bones start in one place",))
    axis, plane = _symmetry(rest.heads, size)
    sides = _sides(rest, axis, plane, MIDDLE * size)
    pairs = _pairs(rest, sides, axis, plane, NEAR * size)
    found = _upright(rest, pairs, axis)
    if found is None:
        return Shape({}, {}, tuple(_lack(pairs)))
    up, legs, arms = found
    others = [
        p for p in pairs if p is not legs and p is not arms and _extent(rest, p) > OTHER_LIMB * _extent(rest, arms)
    ]
    if others:
        return Shape({}, {}, (f"two arms and two legs alone: there are {2 + len(others)} pairs of limbs",))
    limbs = [{**_leg(rest, legs, i), **_arm(rest, arms, i)} for i in (0, 1)]
    missing = [p for p in ("upper_arm", "forearm", "thigh", "shin") if any(p not in limb for limb in limbs)]
    if missing:
        return Shape({}, {}, tuple(f"{part}s" for part in missing))
    forward = facing(rest, limbs, up)
    shown = forward is not None
    if forward is None:
        forward = rest.world_rotation.T @ np.array([0.0, -1, 0])
    swapped = int(np.cross(up, forward)[axis] < 0)
    return Shape(limbs[swapped], limbs[1 - swapped], (), shown)


def facing(rest: RestPose, limbs: Sequence[Mapping[str, int]], up: Array) -> Array | None:
    """Where the body looks, (3,) unit, armature axes: along its feet, else as knees and elbows bend; None if unknown."""
    ahead = np.zeros(3)
    for limb in limbs:
        if "foot" not in limb:
            continue
        foot = limb["foot"]
        end = rest.heads[limb["toe"]] if "toe" in limb else rest.tails[foot]
        reach = end - rest.heads[foot]
        level = reach - (reach @ up) * up
        if np.linalg.norm(level) > 0.3 * np.linalg.norm(reach):
            ahead += level
    if not ahead.any():
        return bending(rest, limbs, up)
    return ahead / float(np.linalg.norm(ahead))


def bending(rest: RestPose, limbs: Sequence[Mapping[str, int]], up: Array) -> Array | None:
    """Where knees bend to, and elbows away from, (3,) unit, armature axes; None where they are straight."""
    ahead = np.zeros(3)
    for limb in limbs:
        for sign, parts in ((1, ("thigh", "shin", "foot")), (-1, ("upper_arm", "forearm", "hand"))):
            if all(part in limb for part in parts):
                a, b, c = (rest.heads[limb[part]] for part in parts)
                along = normalised(c - a)
                bend = (b - a) - ((b - a) @ along) * along
                level = sign * (bend - (bend @ up) * up)
                ahead += level if np.linalg.norm(level) > BENT * np.linalg.norm(c - a) else 0.0
    length = float(np.linalg.norm(ahead))
    return ahead / length if length > 0 else None


def _symmetry(heads: Array, size: float) -> tuple[int, float]:
    """The axis at right angles to the plane of symmetry, and the plane's place on it."""
    best = (-np.inf, 0, 0.0)
    for axis, plane in ((a, float(np.median(heads[:, a]))) for a in range(3)):
        mirrored = heads.copy()
        mirrored[:, axis] = 2 * plane - mirrored[:, axis]
        aside = np.abs(heads[:, axis] - plane) > MIDDLE * size
        far = np.linalg.norm(heads[:, None] - mirrored[None], axis=-1).min(1) > NEAR * size
        score = float((aside & ~far).sum()) - 2.0 * float((aside & far).sum())
        best = max(best, (score, axis, plane))
    return best[1], best[2]


def _sides(rest: RestPose, axis: int, plane: float, tolerance: float) -> npt.NDArray[np.int64]:
    """(B,) +1 or -1 for bones all of whose descendants lie on that side of the plane, 0 for those of the middle."""
    aside = rest.heads[:, axis] - plane
    high, low = aside.copy(), aside.copy()
    for i in reversed(range(len(rest))):
        if (parent := rest.parents[i]) != NO_PARENT:
            high[parent], low[parent] = max(high[parent], high[i]), min(low[parent], low[i])
    return np.where(
        (low >= -tolerance) & (high > tolerance), 1, np.where((high <= tolerance) & (low < -tolerance), -1, 0)
    )


def _chain(rest: RestPose, root: int, reach: Array) -> list[int]:
    """From `root` outwards, along the farthest-reaching child, until bones spread as fingers or toes do."""
    chain = [root]
    while children := rest.children[chain[-1]]:
        lengths = [float(np.linalg.norm(rest.heads[c] - rest.heads[chain[-1]]) + reach[c]) for c in children]
        longest = int(np.argmax(lengths))
        if sum(length > 0.5 * lengths[longest] for length in lengths) >= 3 and len(chain) > 2:
            break
        chain.append(children[longest])
    return chain


def _pairs(rest: RestPose, sides: npt.NDArray[np.int64], axis: int, plane: float, near: float) -> list[_Pair]:
    """Mirrored chains, the longest first. Limbs may fork off any bone of the middle, or have no parent."""
    reach = np.zeros(len(rest))
    for i in reversed(range(len(rest))):
        if (parent := rest.parents[i]) != NO_PARENT:
            reach[parent] = max(reach[parent], reach[i] + np.linalg.norm(rest.heads[i] - rest.heads[parent]))
    roots = [i for i, p in enumerate(rest.parents) if sides[i] and (p == NO_PARENT or not sides[p])]
    chains = {i: _chain(rest, i, reach) for i in roots}
    ends = {i: rest.heads[chain[-1]] for i, chain in chains.items()}
    pairs: list[_Pair] = []
    for a in (i for i in roots if sides[i] > 0 and len(chains[i]) > 1):
        mirrored = ends[a].copy()
        mirrored[axis] = 2 * plane - mirrored[axis]
        others = [b for b in roots if sides[b] < 0 and len(chains[b]) == len(chains[a])]
        others = [b for b in others if np.linalg.norm(ends[b] - mirrored) < 2 * near]
        if others:
            b = min(others, key=lambda i: (float(np.linalg.norm(ends[i] - mirrored)), rest.bone_names[i]))
            steps = np.diff(rest.heads[chains[a]], axis=0)
            length = float(np.linalg.norm(steps, axis=1).sum())
            start = (rest.heads[a] + rest.heads[b]) / 2
            aside = np.abs(rest.heads[chains[a], axis] - plane) > near / 2
            free = int(np.argmax(aside)) if aside.any() else len(aside)
            pairs.append(
                _Pair((chains[a], chains[b]), free, 1.0 - np.eye(3)[axis], start, (ends[a] + ends[b]) / 2, length)
            )
    longest = max((p.length for p in pairs), default=0.0)
    return sorted((p for p in pairs if p.length > 0.2 * longest > 0), key=lambda p: -p.length)


def _upright(rest: RestPose, pairs: Sequence[_Pair], axis: int) -> tuple[Array, _Pair, _Pair] | None:
    """The way up, legs and arms: legs reach down, arms begin above them."""
    best: tuple[float, Array, _Pair, _Pair] | None = None
    for other, sign in itertools.product((a for a in range(3) if a != axis), (1.0, -1.0)):
        up = sign * np.eye(3)[other]
        for legs, arms in itertools.permutations(pairs, 2):
            down, rise = float((legs.start - legs.end) @ up), float((arms.start - legs.start) @ up)
            score = down + rise + 1e-3 * legs.length * float(rest.world_rotation[2] @ up)
            stands = down > DOWN * legs.length and rise > TRUNK * legs.length
            whole = _leg(rest, legs, 0) and _arm(rest, arms, 0)
            if stands and whole and _extent(rest, arms) > LEAST_ARM * legs.length and (best is None or score > best[0]):
                best = (score, up, legs, arms)
    return None if best is None else best[1:]


def _extent(rest: RestPose, pair: _Pair) -> float:
    """From its first bone to its last, straight: chains of a face wind round it."""
    return float(np.linalg.norm(rest.heads[pair.chains[0][-1]] - rest.heads[pair.chains[0][0]]))


def _lack(pairs: Sequence[_Pair]) -> list[str]:
    if not pairs:
        return ["a pair of legs", "a pair of arms"]
    if len(pairs) == 1:
        return ["a second pair of limbs (arms above legs)"]
    return [f"an upright body: of {len(pairs)} pairs of limbs none is arms above legs"]


def _joints(places: Array, fixed: bool) -> tuple[int, int, int] | None:
    """Where a limb begins (at the first place, if fixed), bends and ends: two straight stretches of like length."""
    steps = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1)))
    best: tuple[float, tuple[int, int, int]] | None = None
    for found in itertools.combinations(range(len(places)), 3):
        if fixed and found[0]:
            continue
        straight = [float(np.linalg.norm(places[b] - places[a])) for a, b in itertools.pairwise(found)]
        along = [float(steps[b] - steps[a]) for a, b in itertools.pairwise(found)]
        if min(straight) <= 0.1 * steps[-1]:
            continue
        bent = sum(a / s - 1 for a, s in zip(along, straight, strict=True))
        score = min(straight) - 0.3 * abs(straight[0] - straight[1]) - 3 * bent * steps[-1]
        if best is None or score > best[0] + 1e-9:
            best = (score, found)
    return None if best is None else best[1]


def _limb(rest: RestPose, chain: Sequence[int], first: int, fixed: bool) -> list[int]:
    """Places in the chain where the limb begins, bends and ends; only two where the last bone's tail ends it.

    first: where it can begin at the earliest, or begins for certain if `fixed`.
    """
    if len(chain) - first == 2:
        return [first, first + 1]
    places = _places(rest, chain)[first:]
    return [first + i for i in _joints(places, fixed) or () if first + i < len(chain)]


def _places(rest: RestPose, chain: Sequence[int]) -> Array:
    """(N, 3) the chain's heads, and where its fingers begin if that is so far off that it must be the wrist."""
    places = rest.heads[list(chain)]
    spread = rest.heads[list(rest.children[chain[-1]])]
    if len(places) > 1 and len(spread) > 1:
        ahead = spread.mean(0)
        if np.linalg.norm(ahead - places[-1]) > 0.7 * np.linalg.norm(places[-1] - places[-2]):
            return np.vstack((places, ahead))
    return places


def _leg(rest: RestPose, pair: _Pair, side: int) -> Limb:
    chain = pair.chains[side]
    limb = {part: chain[i] for part, i in zip(("thigh", "shin", "foot"), _limb(rest, chain, pair.free, True))}
    foot = limb.get("foot")
    if foot is not None and chain[-1] != foot:
        limb["toe"] = chain[list(chain).index(foot) + 1]
    elif foot is not None and rest.children[foot]:  # toes spread: the one that reaches furthest shows the way
        limb["toe"] = max(rest.children[foot], key=lambda c: float(np.linalg.norm(rest.heads[c] - rest.heads[foot])))
    return limb


def _arm(rest: RestPose, pair: _Pair, side: int) -> Limb:
    chain, first = pair.chains[side], pair.free
    places = _places(rest, chain)
    if first == 0 and len(places) > 3:  # a short bone from near the middle to the shoulder
        aside = np.linalg.norm(places[:2] - (pair.start + (places[:2] - pair.start) * pair.in_plane), axis=1)
        steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
        first = int(aside[0] < CLAVICLE * aside[1] and steps[0] < 0.4 * steps[1:].sum())
    found = _limb(rest, chain, first, False)
    limb = {part: chain[i] for part, i in zip(("upper_arm", "forearm", "hand"), found)}
    return {"clavicle": chain[0], **limb} if limb and found[0] else limb


def up_of(rest: RestPose, bones: Mapping[str, int]) -> Array:
    """(3,) unit, from the knees to the shoulders. bones: part -> bone, limbs of both sides."""
    knees = (rest.heads[bones["left_shin"]] + rest.heads[bones["right_shin"]]) / 2
    shoulders = (rest.heads[bones["left_upper_arm"]] + rest.heads[bones["right_upper_arm"]]) / 2
    return normalised(shoulders - knees)
