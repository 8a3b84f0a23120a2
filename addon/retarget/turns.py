"""From turns of body parts to keys of bones."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .bone_map import SIDES, BoneMap
from .frames import BodyFrames
from .landmarks import Landmarks
from .rest import NO_PARENT, RestPose

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

AIMING_STEPS = 2  # leaves some tenths of a degree
MOST_AIM = np.radians(20.0)  # a step's most: beyond it a back would kink
CLAVICLE_SHARE = 0.15  # of the upper arm's swing; more in life, but a captured shoulder tells it badly
LIMB_PARTS = ("upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
NEXT = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}
# Part -> what it hangs on, and how far it turns against that: freely up to the first, never beyond the second, degrees.
# What bends further in a capture is a joint gone astray: a wrist bends by some 80, an ankle by 50, a neck turns by 80.
LIMITS = {"hand": ("forearm", 75.0, 95.0), "foot": ("shin", 60.0, 85.0), "head": ("spine", 75.0, 100.0)}


@dataclass(frozen=True)
class Bases:
    """Keys of the turned bones, by place in the rig; arrays finite, meaningful where `keyed`."""

    basis: Mapping[int, Array]  # (F, 4) wxyz, continuous signs
    keyed: Mapping[int, Mask]  # (F,)
    reached: Mapping[int, Array]  # (F, 4) how far the bone is turned from its rest under these keys, armature axes


def part_turns(person: BodyFrames, model: BodyFrames, world_rotation: Array) -> dict[str, Array]:
    """Part -> (F, 4): what turns the rig's part (model, one frame) into the person's; armature axes.

    NaN where the person's part is unknown; parts that either has not at all are left out.
    """
    found: dict[str, Array] = {}
    for part in person.parts.keys() & model.parts.keys():
        if np.isfinite(model.parts[part]).all() and np.isfinite(person.parts[part]).any():
            turn_world = person.parts[part] @ model.parts[part][0].T
            found[part] = quat.from_matrix(world_rotation.T @ turn_world @ world_rotation)
    return found


def within_limits(parts: Mapping[str, Array]) -> dict[str, Array]:
    """The turns of parts, those held back that bend further than joints do."""
    found = dict(parts)
    for part in parts:
        side, _, limb = part.rpartition("_")
        above, free, most = LIMITS.get(limb, ("", 0.0, 0.0))
        above = f"{side}_{above}" if side else above
        if above in found:
            bent = quat.mul(quat.inv(found[above]), found[part])
            bent = softly_limited(bent, np.radians(free), np.radians(most))
            found[part] = np.where(np.isfinite(bent), quat.mul(found[above], bent), found[part])
    return found


def softly_limited(turn: Array, free: float, most: float) -> Array:
    """turn: (F, 4). As it is up to `free` radians, then ever less, never more than `most`."""
    angle = quat.angle(turn)
    over = np.maximum(angle - free, 0) / (most - free)
    kept = np.minimum(angle, free) + (most - free) * np.tanh(over)
    return quat.slerp(quat.IDENTITY, turn, np.where(over > 0, kept / np.maximum(angle, free), 1.0))


def spins(person: BodyFrames, model: BodyFrames) -> dict[str, Array]:
    """Part -> (F,) how far a limb is turned about its own axis beyond the rig's at rest, radians about -pi..pi."""
    found: dict[str, Array] = {}
    for part in person.turns.keys() & model.turns.keys():
        spin: Array = person.turns[part] - float(model.turns[part][0])
        found[part] = spin - 2 * np.pi * round(float(np.median(spin)) / (2 * np.pi))
    return found


def bone_turns(
    parts: Mapping[str, Array], spun: Mapping[str, Array], model: BodyFrames, rig: RestPose, bone_map: BoneMap
) -> dict[int, Array]:
    """Bone -> (F, 4) how far it is to be turned from its rest, armature axes, NaN where unknown. spun: as `spins`."""
    bones = {part: tuple(rig.index(name) for name in names) for part, names in bone_map.bones.items()}
    out: dict[int, Array] = {}
    if "hips" in parts:
        if bone_map.mover:
            out[rig.index(bone_map.mover)] = parts["hips"]
        out[bones["hips"][0]] = parts["hips"]
    if "hips" in parts and "spine" in parts:
        chain = bones.get("spine", ())
        for i, bone in enumerate(chain, start=1):
            out[bone] = quat.slerp(parts["hips"], parts["spine"], i / len(chain))
    if "spine" in parts and "head" in parts:
        chain = bones.get("neck", ()) + bones.get("head", ())[:1]
        for i, bone in enumerate(chain, start=1):
            out[bone] = quat.slerp(parts["spine"], parts["head"], i / len(chain))
    for side in SIDES:
        for limb in LIMB_PARTS:
            part = f"{side}_{limb}"
            if part not in parts or part not in bones:
                continue
            out[bones[part][0]] = parts[part]
            if part in bone_map.twists:
                at_rest = rig.world_rotation.T @ model.parts[part][0, :, 1]
                out |= _shared(parts, spun, part, at_rest, rig, bone_map)
        if f"{side}_clavicle" in bones and "spine" in parts and f"{side}_upper_arm" in parts:
            arm_at_rest = rig.world_rotation.T @ model.parts[f"{side}_upper_arm"][0, :, 1]
            out[bones[f"{side}_clavicle"][0]] = _clavicle(parts["spine"], parts[f"{side}_upper_arm"], arm_at_rest)
    return {bone: turn for bone, turn in out.items() if np.isfinite(turn).all(-1).any()}


def aimed_spine(
    turns: Mapping[int, Array], trunk: Array, marks: Landmarks, rig: RestPose, bone_map: BoneMap
) -> dict[int, Array]:
    """The spine's bones between hips and chest, turned further until the trunk as a whole points as the person's.

    Hips and chest keep their turns; bones that share the way between them alone would bend evenly, as no back does.
    trunk: (F, 3) from pelvis to thorax; marks: both in armature axes.
    """
    hips, chain = (tuple(map(rig.index, bone_map.bones.get(part, ()))) for part in ("hips", "spine"))
    between = [bone for bone in chain[:-1] if bone in turns]
    if not between or len(between) != len(chain) - 1 or hips[0] not in turns or chain[-1] not in turns:
        return {}
    metre = rig.scale
    places = [marks.joint("pelvis"), *(rig.heads[bone] * metre + marks.origin for bone in chain), marks.joint("thorax")]
    segments = np.diff(np.stack(places), axis=0)
    found = {bone: turns[bone] for bone in between}
    fixed = quat.rotate(turns[hips[0]], segments[0]) + quat.rotate(turns[chain[-1]], segments[-1])
    for _ in range(AIMING_STEPS):
        moved = sum((quat.rotate(found[b], v) for b, v in zip(between, segments[1:-1])), np.zeros_like(trunk))
        now, wanted = quat.normalised(fixed + moved), quat.normalised(trunk)
        off = quat.to_vector(quat.swing(now, wanted))
        lever = np.linalg.norm(fixed + moved, axis=-1) / np.maximum(np.linalg.norm(moved, axis=-1), 1e-9)
        angle = np.maximum(np.linalg.norm(off, axis=-1), 1e-9)
        step = quat.from_vector(off * (np.minimum(lever * angle, MOST_AIM) / angle)[:, None])
        step = np.where(np.isfinite(step), step, quat.IDENTITY)
        found = {bone: quat.mul(step, turn) for bone, turn in found.items()}
    return found


def stiff_trunk(hips: Array, trunk: Array, marks: Landmarks) -> Array:
    """The hips' turn (F, 4) on a rig without a spine, where they carry the shoulders: aimed as the whole trunk."""
    at_rest = quat.normalised(marks.joint("thorax") - marks.joint("pelvis"))
    return quat.mul(quat.swing(quat.rotate(hips, at_rest), quat.normalised(trunk)), hips)


def twist_shares(part: str, rig: RestPose, bone_map: BoneMap) -> dict[int, float]:
    """Bone -> share (0..1) of its limb's turn about its own axis, of the limb's own bone and its twist bones.

    Bones one after the other in the chain take even steps from none to all. Those beside it take a share by their place
    along the limb; the limb's own bone then takes all of it where the next one bends about it (upper arm, thigh), and
    none where what comes after turns by itself (forearm, shin).
    """
    limb = part.partition("_")[2]
    own, after, chain = rig.index(bone_map.bones[part][0]), _after(part, bone_map), _chain(part, rig, bone_map)
    end = rig.heads[rig.index(after)] if after else rig.tails[own]
    reach = end - rig.heads[own]
    found = {own: 0.0 if chain or limb in ("forearm", "shin") else 1.0}
    for bone in map(rig.index, bone_map.twists[part]):
        place = float((rig.heads[bone] - rig.heads[own]) @ reach / (reach @ reach))
        found[bone] = (chain.index(bone) + 1) / len(chain) if bone in chain else min(max(place, 0.0), 1.0)
    return found


def _shared(
    parts: Mapping[str, Array],
    spun: Mapping[str, Array],
    part: str,
    at_rest: Array,
    rig: RestPose,
    bone_map: BoneMap,
) -> dict[int, Array]:
    """at_rest: (3,) the limb's direction at rest, armature axes."""
    turn, spin, whole = parts[part], spun.get(part), 1.0
    foot = parts.get(part.replace("shin", "foot"))
    if part.endswith("shin"):  # its own turn is the knee's; what its twist bones share is the foot's
        spin, whole = (None if foot is None else quat.twist_angle(quat.mul(quat.inv(turn), foot), at_rest)), 0.0
    if spin is None:
        return {}
    axis = quat.rotate(turn, at_rest)
    shares = twist_shares(part, rig, bone_map)
    found = {bone: quat.mul(quat.about(axis, (share - whole) * spin), turn) for bone, share in shares.items()}
    return found | _ends_met(found, turn, part, rig, bone_map)


def _ends_met(found: Mapping[int, Array], turn: Array, part: str, rig: RestPose, bone_map: BoneMap) -> dict[int, Array]:
    """The last twist bone of a chain, aimed at where the limb ends without twist: bones may lie beside its axis."""
    chain = _chain(part, rig, bone_map)
    after = _after(part, bone_map)
    if not chain or not after:
        return {}
    line = (rig.index(bone_map.bones[part][0]), *chain)
    ends = np.stack([rig.heads[bone] for bone in (*line, rig.index(after))])
    segments = np.diff(ends, axis=0)
    start = sum((quat.rotate(found[b], v) for b, v in zip(line[:-1], segments)), np.zeros((len(turn), 3)))
    wanted = quat.rotate(turn, ends[-1] - ends[0]) - start
    swing = quat.swing(quat.normalised(quat.rotate(found[line[-1]], segments[-1])), quat.normalised(wanted))
    return {line[-1]: quat.mul(swing, found[line[-1]])}


def _after(part: str, bone_map: BoneMap) -> str:
    """The bone that the limb's next part begins with, '' where there is none."""
    side, _, limb = part.partition("_")
    return next(iter(bone_map.bones.get(f"{side}_{NEXT[limb]}", ())), "")


def _chain(part: str, rig: RestPose, bone_map: BoneMap) -> list[int]:
    """Twist bones that carry the next part."""
    after = _after(part, bone_map)
    above = rig.ancestors(rig.index(after)) if after else tuple[int, ...]()
    return [bone for bone in map(rig.index, bone_map.twists[part]) if bone in above]


def bases(turns: Mapping[int, Array], rig: RestPose) -> Bases:
    """Keys that turn each bone as wished, seen from the turned bone above it.

    A bone gets no key where the one above it is unknown: its own turn means nothing there.
    """
    basis: dict[int, Array] = {}
    keyed: dict[int, Mask] = {}
    reached: dict[int, Array] = {}
    for bone in sorted(turns):
        above = driver(rig, bone, basis)
        known = np.isfinite(turns[bone]).all(-1)
        seen = turns[bone]
        if above is not None:
            known = known & keyed[above]
            seen = quat.mul(quat.inv(turns[above]), seen)
        if not known.any():
            continue
        at_rest = quat.from_matrix(rig.matrices[bone, :3, :3])
        keys = _filled(quat.mul(quat.mul(quat.inv(at_rest), seen), at_rest), known)
        turn = quat.mul(quat.mul(at_rest, keys), quat.inv(at_rest))
        basis[bone], keyed[bone] = keys, known
        reached[bone] = turn if above is None else quat.mul(reached[above], turn)
    return Bases(basis, keyed, reached)


def driver(rig: RestPose, bone: int, turned: Container[int]) -> int | None:
    """The nearest turned bone whose turn this one inherits, or None."""
    while rig.inherits_rotation[bone] and rig.parents[bone] != NO_PARENT:
        bone = rig.parents[bone]
        if bone in turned:
            return bone
    return None


def _clavicle(chest: Array, upper_arm: Array, arm_at_rest: Array) -> Array:
    """With the chest, and a share of the way that the upper arm swings in it. All turns (F, 4), armature axes."""
    arm_in_chest = quat.rotate(quat.mul(quat.inv(chest), upper_arm), arm_at_rest)
    share = quat.slerp(quat.IDENTITY, quat.swing(arm_at_rest, arm_in_chest), CLAVICLE_SHARE)
    return quat.mul(chest, share)


def _filled(q: Array, known: Mask) -> Array:
    """q: (F, 4); continuous over the known frames, and finite in between as Blender will play it."""
    places = np.flatnonzero(known)
    keys = quat.continuous(q[places])
    if len(places) == len(q):
        return keys
    everywhere = np.arange(len(q))
    return quat.normalised(np.stack([np.interp(everywhere, places, keys[:, i]) for i in range(4)], axis=-1))
