"""From names or shape to a whole bone map: limbs as chains in order, the trunk between them, what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .bone_map import REQUIRED, SIDES, BoneMap
from .quaternion import normalised
from .recognise_front import bending, facing
from .recognise_names import ARM, LEG, Words
from .rest import NO_PARENT, RestPose
from .strays import loose_ends

Array = npt.NDArray[np.float64]

Limbs = dict[str, int]  # left_upper_arm and so on -> bone

MISSING = {"upper_arm": 3.0, "forearm": 3.0, "thigh": 3.0, "shin": 3.0, "clavicle": 0.4, "hand": 0.4, "foot": 0.4}
MISSING["toe"] = 0.3  # what it costs to leave a part without a bone, in the measure of `Words.limb`
AT_START = 0.3  # an upper arm or a thigh that begins where a bone of the trunk does is mostly a helper before it
NOT_DEFORMING = 0.1
DEPTH = 1e-3  # of bones that read alike the one nearest the root
TELLING = 0.3  # a name that reads worse than this as foot or hand may be anything
LONGEST_LOWER = 2.0  # a shin or forearm is no longer than so many thighs or upper arms
TWO_IN_ONE = 0.02  # two heads nearer than this share of the trunk are in one place
UNLIKE = 0.6  # limbs of the two sides, and the two bones of one, differ in length by no more than this factor
LEANS_DEG = 60.0  # a trunk further from upright than this over the legs belongs to an animal
FOLDED_DEG = 120.0  # legs along the trunk: all bones lie in one line, as in motion files whose rest means nothing
NO_BODY = "the rest pose shows no body: trunk and legs lie along each other"
SWAPPED = "left and right are swapped: toes or knees point backwards"
NO_LENGTH = "has no length"
HEAD_BELOW = (
    0.5  # a head begins less than this share of the trunk above the shoulders; its top, eyes and hair end above
)
FACE = 3  # so many bones hang on a head that has eyes and a jaw
MIDLINE = 0.04  # the same, for the way aside


def limbs_by_name(rest: RestPose, words: Sequence[Words]) -> Limbs:
    """The chains of bones, in order outwards, that read best as arms and legs."""
    found: Limbs = {}
    any_deform = any(rest.deform)
    size = float(np.ptp(rest.heads, axis=0).max())
    trunk = [i for i, read in enumerate(words) if not read.side]
    for side in SIDES:
        for parts in (ARM, LEG):
            costs: dict[int, dict[str, float]] = {}
            for i, read in enumerate(words):
                options = {p: c for p, c in read.limb.items() if p in parts} if read.side == side else {}
                if not options:
                    continue
                extra = DEPTH * len(rest.ancestors(i)) + (NOT_DEFORMING if any_deform and not rest.deform[i] else 0)
                near = trunk and np.linalg.norm(rest.heads[trunk] - rest.heads[i], axis=1).min() < 0.005 * size
                options = {
                    p: c + extra + (AT_START if near and p in ("upper_arm", "thigh") else 0) for p, c in options.items()
                }
                costs[i] = options
            chain = _best_chain(rest, costs, parts)
            for part, bone in (chain | _loose_end(rest, costs, chain, parts)).items():
                found[f"{side}_{part}"] = bone
    return found


def _loose_end(
    rest: RestPose, costs: Mapping[int, Mapping[str, float]], chain: Mapping[str, int], parts: Sequence[str]
) -> dict[str, int]:
    """The foot or hand of a limb that has none in its chain: one that hangs on no limb, where IK once moved it."""
    upper, lower, end = ("thigh", "shin", "foot") if "foot" in parts else ("upper_arm", "forearm", "hand")
    if end in chain or not {upper, lower} <= chain.keys():
        return {}
    reach = LONGEST_LOWER * np.linalg.norm(rest.heads[chain[lower]] - rest.heads[chain[upper]])
    near = [
        bone
        for bone, cost in costs.items()
        if cost.get(end, 1.0) < TELLING
        and not {bone, *rest.ancestors(bone)} & set(chain.values())
        and np.linalg.norm(rest.heads[bone] - rest.heads[chain[lower]]) < reach
    ]
    return {end: min(near, key=lambda bone: costs[bone][end])} if near else {}


def _best_chain(rest: RestPose, costs: Mapping[int, Mapping[str, float]], parts: Sequence[str]) -> dict[str, int]:
    """The cheapest way to give parts, in order, to bones each of which is below the one before."""
    gaps = np.append(0.0, np.cumsum([MISSING[part] for part in parts]))
    best: dict[tuple[int, int], tuple[float, dict[str, int]]] = {}
    whole = (float(gaps[-1]), dict[str, int]())
    for bone in sorted(costs):  # parents stand before children
        above = rest.ancestors(bone)
        for k, part in enumerate(parts):
            if part not in costs[bone]:
                continue
            choices = [(float(gaps[k]), dict[str, int]())]
            for a in above:
                choices += [
                    (cost + float(gaps[k] - gaps[j + 1]), taken)
                    for j in range(k)
                    if (found := best.get((a, j))) is not None
                    for cost, taken in (found,)
                ]
            cost, taken = min(choices, key=lambda choice: choice[0])
            best[bone, k] = (cost + costs[bone][part], {**taken, part: bone})
            total = best[bone, k][0] + float(gaps[-1] - gaps[k + 1])
            if total < whole[0] - 1e-9:
                whole = (total, best[bone, k][1])
    return whole[1]


def body(rest: RestPose, words: Sequence[Words], limbs: Limbs, name: str) -> BoneMap | None:
    """The whole map around the limbs: hips, spine, neck, head, twist bones and knuckles. None without all limbs."""
    if any(part not in limbs for part in REQUIRED if part != "hips"):
        return None
    legs = _common(rest, [limbs[f"{side}_thigh"] for side in SIDES])
    arms = _common(rest, [limbs.get(f"{side}_clavicle", limbs[f"{side}_upper_arm"]) for side in SIDES])
    taken = set(limbs.values())
    hips = _common(rest, [legs, arms]) if NO_PARENT not in (legs, arms) else NO_PARENT
    mover = ""
    if hips == NO_PARENT:  # bones without a common root: legs hang on nothing
        named = [i for i, read in enumerate(words) if read.trunk == "hips" and i not in taken]
        above = [arms, *rest.ancestors(arms)] if arms != NO_PARENT else []
        if not named and not above:
            return None
        middle = (rest.heads[limbs["left_thigh"]] + rest.heads[limbs["right_thigh"]]) / 2
        hips = min(
            named or above,
            key=lambda i: (len(rest.ancestors(i)) if named else 0, np.linalg.norm(rest.heads[i] - middle)),
        )
    else:
        named = [i for i in (hips, *rest.ancestors(hips)) if words[i].trunk == "hips"]
        leg = np.linalg.norm(rest.heads[limbs["left_thigh"]] - rest.heads[limbs["left_shin"]])
        if named:
            hips = named[0]
        elif legs != hips and np.linalg.norm(rest.heads[hips] - rest.heads[legs]) > 0.5 * leg:
            mover, hips = rest.bone_names[hips], legs  # pelvis and spine side by side on a root
    bones = {part: (bone,) for part, bone in limbs.items()}
    bones["hips"] = (hips,)
    _trunk(rest, words, bones, arms, taken)
    return BoneMap(
        name=name,
        bones={part: tuple(rest.bone_names[i] for i in chain) for part, chain in bones.items() if chain},
        landmarks=_knuckles(rest, words, limbs),
        mover=mover,
        twists=_twists(rest, words, limbs),
    )


def _common(rest: RestPose, bones: Sequence[int]) -> int:
    """The nearest bone above all of these, or one of them; NO_PARENT where there is none."""
    lines = [(bone, *rest.ancestors(bone)) for bone in bones]
    return next((bone for bone in lines[0] if all(bone in line for line in lines[1:])), NO_PARENT)


def _trunk(
    rest: RestPose, words: Sequence[Words], bones: dict[str, tuple[int, ...]], chest: int, taken: set[int]
) -> None:
    hips = bones["hips"][0]
    line = [b for b in (chest, *rest.ancestors(chest)) if chest != NO_PARENT]
    spine = list(reversed(line[: line.index(hips)])) if hips in line else list(reversed(line))
    neck_at = next((i for i, b in enumerate(spine) if words[b].trunk == "neck"), len(spine))
    neck = spine[neck_at:]
    spine = spine[:neck_at]
    start = neck[-1] if neck else chest
    heads = [i for i, read in enumerate(words) if read.trunk == "head" and i not in taken]
    heads = [i for i in heads if start == NO_PARENT or start in rest.ancestors(i)]
    head = min(heads, key=lambda i: (len(rest.ancestors(i)), rest.bone_names[i]), default=NO_PARENT)
    if head == NO_PARENT and start != NO_PARENT:
        above = _upward(rest, start, taken, {part: chain[0] for part, chain in bones.items() if chain})
        head = above.pop() if len(above) > 1 or (above and words[above[0]].trunk != "neck") else NO_PARENT
        neck += above
    elif head != NO_PARENT and start != NO_PARENT:
        above = rest.ancestors(head)
        neck += reversed(above[: above.index(start)])
    bones["spine"], bones["neck"] = tuple(spine), tuple(neck)
    if head != NO_PARENT:
        bones["head"] = (head,)


def _upward(rest: RestPose, start: int, taken: set[int], at: Mapping[str, int]) -> list[int]:
    """The chain that rises from `start` in the middle of the body, limbs left out, no further than a head begins."""
    shoulders = (rest.heads[at["left_upper_arm"]] + rest.heads[at["right_upper_arm"]]) / 2
    back = shoulders - (rest.heads[at["left_thigh"]] + rest.heads[at["right_thigh"]]) / 2
    trunk, up = float(np.linalg.norm(back)), normalised(back)
    across = normalised(rest.heads[at["left_upper_arm"]] - rest.heads[at["right_upper_arm"]])
    chain: list[int] = []
    bone = start
    while True:
        ways: list[int] = []
        free = [c for c in rest.children[bone] if not taken & set(_below(rest, c))]
        if chain and len(free) >= FACE:
            return chain
        for c in free:
            step, place = rest.heads[c] - rest.heads[bone], rest.heads[c] - shoulders
            rises = step @ up > 0.5 * np.linalg.norm(step) and place @ up < HEAD_BELOW * trunk
            if rises and abs(place @ across) < MIDLINE * trunk:
                ways.append(c)
        if not ways:
            return chain
        bone = max(ways, key=lambda c: (float((rest.heads[c] - rest.heads[bone]) @ up), rest.bone_names[c]))
        chain.append(bone)


def _below(rest: RestPose, bone: int) -> list[int]:
    found = [bone]
    for i in found:
        found += rest.children[i]
    return found


def _knuckles(rest: RestPose, words: Sequence[Words], limbs: Limbs) -> dict[str, str]:
    found: dict[str, str] = {}
    for side in SIDES:
        hand = limbs.get(f"{side}_hand")
        for i, read in enumerate(words):
            if not read.finger or read.twist or read.side not in (side, ""):
                continue
            if hand is not None and hand in rest.ancestors(i):
                found.setdefault(f"{side}_{read.finger}", rest.bone_names[i])  # parents stand before children
    return found


def _twists(rest: RestPose, words: Sequence[Words], limbs: Limbs) -> dict[str, tuple[str, ...]]:
    """Bones between two joints of a limb, and beside them by name; from the root outwards."""
    found: dict[str, tuple[str, ...]] = {}
    for side in SIDES:
        for part, end in (("upper_arm", "forearm"), ("forearm", "hand"), ("thigh", "shin"), ("shin", "foot")):
            bone, last = limbs[f"{side}_{part}"], limbs.get(f"{side}_{end}")
            line = rest.ancestors(last) if last is not None else ()
            chain = list(line[: line.index(bone)]) if bone in line else []
            chain += [c for c in rest.children[bone] if words[c].twist and c not in chain]
            if chain:
                chain.sort(key=lambda b: (float(np.linalg.norm(rest.heads[b] - rest.heads[bone])), rest.bone_names[b]))
                found[f"{side}_{part}"] = tuple(rest.bone_names[b] for b in chain)
    return found


def doubts(rest: RestPose, bone_map: BoneMap) -> tuple[str, ...]:
    """What in the rest pose speaks against this map, in words; empty where nothing does."""
    follows = rest.with_parents({**bone_map.parents, **loose_ends(rest, bone_map)})
    at = {part: follows.index(names[0]) for part, names in bone_map.bones.items()}
    heads = follows.heads
    told: list[str] = []
    trunk = float(np.linalg.norm(heads[at["left_upper_arm"]] - heads[at["left_thigh"]]))
    for side in SIDES:
        for limb in (ARM, LEG):
            line = [f"{side}_{part}" for part in limb if f"{side}_{part}" in at]
            for a, b in pairwise(line):
                if at[a] not in follows.ancestors(at[b]):
                    told.append(f"'{follows.bone_names[at[b]]}' does not hang on '{follows.bone_names[at[a]]}'")
                elif np.linalg.norm(heads[at[a]] - heads[at[b]]) <= TWO_IN_ONE * trunk and not b.endswith(
                    ("toe", "arm")
                ):
                    told.append(f"'{follows.bone_names[at[a]]}' {NO_LENGTH}")
    lengths = {
        part: [float(np.linalg.norm(heads[at[f"{s}_{a}"]] - heads[at[f"{s}_{b}"]])) for s in SIDES]
        for part, a, b in (("upper arms", "upper_arm", "forearm"), ("thighs", "thigh", "shin"))
    }
    for part, (left, right) in lengths.items():
        if min(left, right) < UNLIKE * max(left, right):
            told.append(f"left and right {part} are of unlike length")
        elif max(left, right) <= TWO_IN_ONE * trunk:
            told.append(f"one of the {part} {NO_LENGTH}")
    hips, knees, shoulders = (
        (heads[at[f"left_{p}"]] + heads[at[f"right_{p}"]]) / 2 for p in ("thigh", "shin", "upper_arm")
    )
    legs, back = normalised(hips - knees), normalised(shoulders - hips)
    if not legs @ back > np.cos(np.radians(LEANS_DEG)):
        flat = legs @ back < np.cos(np.radians(FOLDED_DEG))
        return (*told, NO_BODY if flat else "the trunk does not stand upright over the legs")
    up = normalised(shoulders - knees)
    limbs = [{p: at[f"{s}_{p}"] for p in (*ARM, *LEG) if f"{s}_{p}" in at} for s in SIDES]
    if not all("toe" in limb for limb in limbs):  # a foot's tail may be an importer's guess
        ahead = bending(follows, limbs, up)
    else:
        ahead = facing(follows, limbs, up)
    across = heads[at["left_thigh"]] - heads[at["right_thigh"]]
    if not np.linalg.norm(across) > TWO_IN_ONE * trunk:
        told.append("the legs begin in one place")
    elif ahead is not None and np.cross(up, ahead) @ normalised(across) < 0:
        told.append(SWAPPED)
    elif across @ (heads[at["left_upper_arm"]] - heads[at["right_upper_arm"]]) <= 0:
        told.append("left and right of arms and legs are on opposite sides")
    return tuple(told)
