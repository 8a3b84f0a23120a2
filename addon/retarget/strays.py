"""Bones that hang on something else than the body does, and are keyed to go with it: legs that hang on nothing, and feet or
hands that hang on the rig's root, where an animator's IK once moved them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .bone_map import SIDES, BoneMap
from .forward import forward
from .rest import NO_PARENT, RestPose

Array = npt.NDArray[np.float64]

ENDS = {"foot": "shin", "hand": "forearm"}


def loose_ends(rest: RestPose, bone_map: BoneMap) -> dict[str, str]:
    """Feet and hands that nothing mapped carries -> the bone of the shin or forearm. None on control rigs, which say
    themselves what follows what."""
    if bone_map.parents:
        return {}
    mapped = {name for part, names in bone_map.bones.items() for name in names if part != "root"}
    found: dict[str, str] = {}
    for side in SIDES:
        for end, before in ENDS.items():
            if f"{side}_{end}" in bone_map.bones and f"{side}_{before}" in bone_map.bones:
                name = bone_map.bones[f"{side}_{end}"][0]
                above = {rest.bone_names[i] for i in rest.ancestors(rest.index(name))}
                if not above & mapped:
                    found[name] = bone_map.bones[f"{side}_{before}"][0]
    return found


def stray_bones(rest: RestPose, bone_map: BoneMap) -> dict[str, str]:
    """Bone -> the one that it is to go with: loose ends, and bones without a parent that carry mapped ones but not the hips."""
    loose = loose_ends(rest, bone_map)
    if bone_map.parents or bone_map.mover:
        return loose

    def top(name: str) -> str:
        bone = rest.index(name)
        return rest.bone_names[(bone, *rest.ancestors(bone))[-1]]

    hips = bone_map.bones["hips"][0]
    mapped = [name for part, names in bone_map.bones.items() for name in names if part != "root" and name not in loose]
    return {name: hips for name in dict.fromkeys(map(top, mapped)) if name != top(hips)} | loose


def stray_keys(
    strays: Mapping[str, str],
    rest: RestPose,
    rig: RestPose,
    rotations: Mapping[str, Array],
    locations: Mapping[str, Array],
) -> dict[str, tuple[Array, Array]]:
    """Bone -> rotation (F, 4) and location (F, 3) basis that put it where it stands in `rig`, which hangs the strays on others
    than `rest`, the armature as it is, does."""
    if not strays:
        return {}
    pose = forward(rig, rotations, locations)
    found: dict[str, tuple[Array, Array]] = {}
    for name in strays:
        bone = rig.index(name)
        above = rest.parents[rest.index(name)]
        moved: Array = np.eye(4)  # by the bone that it really hangs on
        if above != NO_PARENT:
            parent = rig.index(rest.bone_names[above])
            moved = pose[:, parent] @ _inverse(rig.matrices[parent])
        basis: Array = _inverse(moved @ rig.matrices[bone]) @ pose[:, bone]
        found[name] = quat.continuous(quat.from_matrix(basis[:, :3, :3])), basis[:, :3, 3]
    return found


def _inverse(poses: Array) -> Array:
    return np.asarray(np.linalg.inv(poses), np.float64)
