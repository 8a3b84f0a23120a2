"""From turns of body parts to keys of bones."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .bone_map import SIDES, BoneMap
from .frames import BodyFrames
from .rest import NO_PARENT, RestPose

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CLAVICLE_SHARE = 0.15  # of the upper arm's swing; more in life, but a captured shoulder tells it badly
LIMB_PARTS = ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")


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


def bone_turns(parts: Mapping[str, Array], model: BodyFrames, rig: RestPose, bone_map: BoneMap) -> dict[int, Array]:
    """Bone -> (F, 4) how far it is to be turned from its rest, armature axes, NaN where unknown."""
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
            if part in parts and part in bones:
                out[bones[part][0]] = parts[part]
        if f"{side}_clavicle" in bones and "spine" in parts and f"{side}_upper_arm" in parts:
            arm_at_rest = rig.world_rotation.T @ model.parts[f"{side}_upper_arm"][0, :, 1]
            out[bones[f"{side}_clavicle"][0]] = _clavicle(parts["spine"], parts[f"{side}_upper_arm"], arm_at_rest)
    return {bone: turn for bone, turn in out.items() if np.isfinite(turn).all(-1).any()}


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
