"""Which bones are arms and legs by the rest pose alone: two chains of like lengths that fork off one bone, legs down, arms above.

Names play no part here, nor do bone rolls, the order of the bones, the axes that the body stands along, or whether it stands
in mirrored halves: lengths are compared, not places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .quaternion import normalised
from .recognise_front import facing
from .rest import NO_PARENT, RestPose

Array = npt.NDArray[np.float64]
Limb = dict[str, int]  # part without side -> bone

APART = 0.03  # as a share of the body's size: a limb begins where its two bones are this far from each other
ALIKE = 0.2  # bones of two sides differ in length by no more than this share,
SLACK = 0.01  # or than this one of the body's size
REACH = 0.1  # as a share of the longest chain: what is shorter is no limb
MOST = 12  # so many chains, the longest, are looked at where more fork off one bone: hair, skirts
DOWN = 0.6  # a leg at rest reaches down by at least this share of its length
TRUNK = (0.25, 4.0)  # shoulders are so many legs above the hips, at least and at most
LEAST_ARM = 0.25  # as a share of the leg
USUAL = (0.65, 0.6, 1.8)  # arm and trunk as shares of the leg, shoulders as one of the hips
ACROSS = 0.8  # cosine between hips and shoulders
LEVEL = 0.4  # cosine between them and the way up
CLAVICLE = 0.5  # its begin is nearer the middle than this share of its end's distance
SHORT = 0.4  # of the arm's further bones, for a clavicle
FAR = 0.7  # of its last step a chain's end must be ahead to be wrist or ankle
GUESSED = (0.4, 2.5)  # of its last step: a tail that is nearer or further was an importer's guess
LIKELY = 0.1  # for a joint where the bone before ends, and for one that fingers begin at
FINGERS = 0.5  # of the limb before them: no finger is longer
MIRROR = 0.3  # of a bone its mirrored place may be off,
SAME = 0.05  # or else its length by this share, where one arm is raised
OTHER_LEG = 0.7  # of the legs' length other legs are at least


@dataclass(frozen=True)
class Shape:
    """Limbs found, and what was missed. `left` and `right` are empty where something is missing."""

    left: Mapping[str, int]  # part without side -> bone
    right: Mapping[str, int]
    missing: tuple[str, ...] = ()  # in words
    facing: bool = False  # toes or feet showed where front is; otherwise it was supposed


@dataclass(frozen=True)
class _Pair:
    """Two chains of like lengths as a pair of limbs."""

    limbs: tuple[Limb, Limb]
    places: Array  # (2 sides, 3, 3) begin, bend, end
    score: float  # how much they look like limbs, in lengths
    alike: bool  # mirrored, or of the same lengths
    roots: tuple[int, int]

    @property
    def start(self) -> Array:
        """(3,) midway between their begins"""
        return self.places[:, 0].mean(0)

    @property
    def length(self) -> float:
        return float(np.linalg.norm(np.diff(self.places, axis=1), axis=-1).sum() / 2)


def shape(rest: RestPose) -> Shape:
    """Find the limbs of a body whose legs stretch away from its trunk. The armature may stand or lie along any axis."""
    size = float(np.ptp(rest.heads, axis=0).max())
    if size <= 0:
        return Shape({}, {}, ("any extent: all bones start in one place",))
    legs, arms = _pairs(rest, size)
    found = _upright(rest, legs, arms)
    if isinstance(found, str):
        return Shape({}, {}, (found,))
    up, limbs = found
    forward = facing(rest, limbs, up)
    shown = forward is not None
    if forward is None:
        forward = rest.world_rotation.T @ np.array([0.0, -1, 0])
    across = rest.heads[limbs[0]["thigh"]] - rest.heads[limbs[1]["thigh"]]
    swapped = int(np.cross(up, forward) @ across < 0)
    return Shape(limbs[swapped], limbs[1 - swapped], (), shown)


def _pairs(rest: RestPose, size: float) -> tuple[list[_Pair], list[_Pair]]:
    """What may be legs and what may be arms: of each two chains that fork off one bone, or hang on none, the best reading."""
    reach = np.zeros(len(rest))
    groups: dict[int, list[int]] = {}
    for i in reversed(range(len(rest))):
        parent = rest.parents[i]
        groups.setdefault(parent, []).append(i)
        if parent != NO_PARENT:
            reach[parent] = max(reach[parent], reach[i] + np.linalg.norm(rest.heads[i] - rest.heads[parent]))
    legs: list[_Pair] = []
    arms: list[_Pair] = []
    for group in groups.values():
        long = sorted((i for i in group if reach[i] > REACH * reach.max()), key=lambda i: -reach[i])[:MOST]
        for roots in itertools.combinations(long, 2):
            paths = list(_paths(rest, reach, roots, SLACK * size))
            for fixed, found in ((True, legs), (False, arms)):
                read = [
                    limb
                    for path in paths
                    if (limb := _limbs(rest, path, fixed, size, float(reach[roots[0]]))) is not None
                ]
                if read:
                    found.append(max(read, key=lambda limb: limb.score))
    return legs, arms


def _paths(
    rest: RestPose, reach: Array, pair: tuple[int, int], slack: float, walked: float = 0.0
) -> Iterator[tuple[tuple[int, int], ...]]:
    """All ways outwards on which bones of both chains are alike in length, ending where fingers or toes spread."""
    a, b = pair
    steps = {c: float(np.linalg.norm(rest.heads[c] - rest.heads[p])) for p in pair for c in rest.children[p]}
    likeness = sorted(
        (abs(steps[c] - steps[d]) + 0.5 * abs(float(reach[c] - reach[d])), c, d)
        for c in rest.children[a]
        for d in rest.children[b]
        if abs(steps[c] - steps[d]) <= max(slack, ALIKE * max(steps[c], steps[d]))
    )
    further: list[tuple[int, int]] = []
    used: set[int] = set()
    for _, c, d in likeness:
        if not {c, d} & used:
            used |= {c, d}
            further.append((c, d))
    spread = len(further) > 2 and all(steps[c] + min(reach[c], reach[d]) < FINGERS * walked for c, d in further)
    if not further or spread:
        yield (pair,)
        return
    for c, d in further:
        for path in _paths(rest, reach, (c, d), slack, walked + steps[c]):
            yield (pair, *path)


def _limbs(rest: RestPose, path: Sequence[tuple[int, int]], fixed: bool, size: float, whole: float) -> _Pair | None:
    """The path read as a pair of limbs: legs begin with the first bone off the middle (fixed), arms may have a clavicle."""
    chains = [[pair[side] for pair in path] for side in (0, 1)]
    places = np.stack([rest.heads[chain] for chain in chains])  # (2, N, 3)
    ends = np.stack([_end(rest, chain) for chain in chains]) - places[:, -1]
    aside = np.linalg.norm(places[0] - places[1], axis=-1)
    first = int(np.argmax(aside > APART * size)) if (aside > APART * size).any() else len(path)
    if not fixed and first == 0 and len(path) > 2:  # a short bone from near the middle to the shoulder
        steps = np.linalg.norm(np.diff(places[0], axis=0), axis=-1)
        steps = np.append(steps, np.linalg.norm(ends[0]) if len(path) == 3 else 0.0)
        first = int(aside[0] < CLAVICLE * aside[1] and steps[0] < SHORT * steps[1:].sum())
    last = places[:, -1] - places[:, -2] if len(path) > 1 else np.zeros((2, 3))
    far = float(np.linalg.norm(ends)) / max(float(np.linalg.norm(last)), 1e-9)
    if len(path) - first < 3 or (far > FAR and len(rest.children[chains[0][-1]]) > 1):
        places = np.concatenate(
            (places, (places[:, -1] + (ends if GUESSED[0] < far < GUESSED[1] else last))[:, None]), axis=1
        )
    lengths = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1).mean(0)  # (N, N)
    likely = np.zeros(len(lengths))
    for i, bone in enumerate(chains[0][1:], start=1):
        at_tail = np.linalg.norm(rest.tails[chains[0][i - 1]] - rest.heads[bone]) < APART * lengths.max()
        likely[i] = LIKELY * (int(at_tail) + int(len(rest.children[bone]) > 2))
    best = _joints(lengths, likely, whole, first, fixed)
    if best is None or best[1][1] >= len(path):
        return None
    score, at = best
    names = ("thigh", "shin", "foot") if fixed else ("upper_arm", "forearm", "hand")
    limbs: list[Limb] = []
    for chain in chains:
        limb = {part: chain[i] for part, i in zip(names, at, strict=True) if i < len(chain)}
        if not fixed and at[0]:
            limb["clavicle"] = chain[0]
        foot = limb.get("foot", NO_PARENT)
        if foot != NO_PARENT and chain[-1] != foot:
            limb["toe"] = chain[at[2] + 1]
        elif foot != NO_PARENT and rest.children[foot]:  # toes spread: the one that reaches furthest shows the way
            limb["toe"] = max(
                rest.children[foot], key=lambda c: float(np.linalg.norm(rest.heads[c] - rest.heads[foot]))
            )
        limbs.append(limb)
    toes = 0.05 * float(np.diagonal(lengths, 1)[at[2] :].sum())  # of several ways on from a foot the longest
    spots = places[:, at]
    return _Pair((limbs[0], limbs[1]), spots, score + toes, _alike(spots), path[0])


def _alike(places: Array) -> bool:
    """Are two limbs mirrored, or their bones of the same lengths? places: (2 sides, 3, 3)."""
    bones = np.diff(places, axis=1)  # (2 sides, 2, 3)
    lengths = np.linalg.norm(bones, axis=-1)
    across = normalised(places[0, 0] - places[1, 0])
    mirrored = bones[0] - 2 * (bones[0] @ across)[:, None] * across
    off = np.linalg.norm(mirrored - bones[1], axis=-1)
    return bool((off < MIRROR * lengths[1]).all() or (np.abs(lengths[0] - lengths[1]) < SAME * lengths[1]).all())


def _end(rest: RestPose, chain: Sequence[int]) -> Array:
    """(3,) where the chain's last bone ends: where its fingers begin, else its tail."""
    spread = rest.heads[list(rest.children[chain[-1]])]
    return spread.mean(0) if len(spread) > 1 else rest.tails[chain[-1]]


def _joints(
    lengths: Array, likely: Array, whole: float, first: int, fixed: bool
) -> tuple[float, tuple[int, int, int]] | None:
    """Where a limb begins (at `first`, if fixed, not before it otherwise), bends and ends: two straight stretches of like
    length. lengths: (N, N) between places of the chain. likely: (N,) how much speaks for a joint there.
    whole: the measure of that."""
    steps = np.append(0.0, np.cumsum(np.diagonal(lengths, 1)))
    best: tuple[float, tuple[int, int, int]] | None = None
    for found in itertools.combinations(range(first, len(lengths)), 3):
        if fixed and found[0] > first:
            break
        straight = [float(lengths[a, b]) for a, b in itertools.pairwise(found)]
        if min(straight) <= 0.1 * whole:
            continue
        bent = sum(float(steps[b] - steps[a]) / s - 1 for (a, b), s in zip(itertools.pairwise(found), straight))
        score = min(straight) - 0.3 * abs(straight[0] - straight[1]) + (likely[list(found)].sum() - 3 * bent) * whole
        if best is None or score > best[0] + 1e-9:
            best = (score, found)
    return best


def _upright(rest: RestPose, legs: Sequence[_Pair], arms: Sequence[_Pair]) -> tuple[Array, tuple[Limb, Limb]] | str:
    """The way up and the limbs of both sides, or what is missing in words."""
    best: tuple[float, Array, _Pair, _Pair, bool] | None = None
    above = {i: {i, *rest.ancestors(i)} for pair in (*legs, *arms) for i in pair.roots}
    for leg, arm in itertools.product(legs, arms):
        if not leg.alike or not arm.alike or any(i in above[j] or j in above[i] for i in leg.roots for j in arm.roots):
            continue
        if rest.parents[arm.roots[0]] in rest.ancestors(leg.roots[0])[1:]:  # arms carry no legs
            continue
        trunk = float(np.linalg.norm(arm.start - leg.start))
        hips, shoulders = (normalised(pair.places[0, 0] - pair.places[1, 0]) for pair in (leg, arm))
        if not TRUNK[0] * leg.length < trunk < TRUNK[1] * leg.length or arm.length < LEAST_ARM * leg.length:
            continue
        up = (arm.start - leg.start) / trunk
        down = float((leg.places[:, 0] - leg.places[:, 2]).mean(0) @ up) / leg.length
        if down < DOWN or abs(hips @ shoulders) < ACROSS or max(abs(hips @ up), abs(shoulders @ up)) > LEVEL:
            continue
        width = float(
            np.linalg.norm(arm.places[0, 0] - arm.places[1, 0]) / np.linalg.norm(leg.places[0, 0] - leg.places[1, 0])
        )
        unusual = np.log(np.array([arm.length / leg.length, trunk / leg.length, width]) / USUAL) / 0.5
        cost = float(unusual @ unusual) - 4 * (leg.score + arm.score) / (leg.length + trunk) - down
        if rest.parents[leg.roots[0]] == rest.parents[arm.roots[0]]:
            cost += 1.0
        cost -= sum(rest.deform[i] for pair in (leg, arm) for limb in pair.limbs for i in limb.values()) / 10
        if best is None or cost < best[0]:
            best = (cost, up, leg, arm, bool(hips @ shoulders < 0))
    if best is None:
        pairs = {pair.roots for pair in (*legs, *arms)}
        if len(pairs) < 2:
            return "a second pair of limbs (arms above legs)" if pairs else "a pair of legs, a pair of arms"
        return "an upright body: of all pairs of limbs none is arms above legs"
    _, up, leg, arm, crossed = best
    others = [
        pair
        for pair in legs
        if pair.alike and not any(i in above[j] for i in (*leg.roots, *arm.roots) for j in pair.roots)
        if _elsewhere(pair, leg, up)
    ]
    if others:
        return f"two arms and two legs alone: there are {2 + len(others)} pairs of limbs"
    return up, ({**leg.limbs[0], **arm.limbs[crossed]}, {**leg.limbs[1], **arm.limbs[not crossed]})


def _elsewhere(pair: _Pair, legs: _Pair, up: Array) -> bool:
    """Legs that are not below the trunk: an animal's."""
    step = pair.start - legs.start
    ahead, behind = (normalised(p.places[:, 2].mean(0) - p.start) for p in (pair, legs))
    aside = np.linalg.norm(step - (step @ up) * up)
    return bool(pair.length > OTHER_LEG * legs.length and aside > 0.4 * legs.length and ahead @ behind > 0.7)
