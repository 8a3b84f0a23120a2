"""Motion files whose rest pose shows no body, all bones along one axis: stood up in a T-pose before anything is solved.

How such bones are meant to be rolled is written nowhere; limbs come to point where they should, palms are a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .bone_map import SIDES, BoneMap
from .curves import Curves
from .forward import forward
from .recognise_body import NO_BODY, doubts
from .rest import RestPose

Array = npt.NDArray[np.float64]


def t_pose(rest: RestPose, bone_map: BoneMap) -> dict[str, Array]:
    """Bone -> (4,) basis that stands the rig up; {} for a rig whose rest pose shows a body."""
    if NO_BODY not in doubts(rest, bone_map):
        return {}
    into_armature = rest.world_rotation.T
    heads = {side: rest.heads[rest.index(bone_map.bones[f"{side}_thigh"][0])] for side in SIDES}
    up = into_armature @ np.array([0.0, 0.0, 1.0])
    left = heads["left"] - heads["right"]
    left = quat.normalised(left - (left @ up) * up)
    aims: dict[str, Array] = dict.fromkeys(("spine", "neck", "head"), up)
    for side, out in zip(SIDES, (left, -left)):
        aims |= {f"{side}_{part}": out for part in ("clavicle", "upper_arm", "forearm", "hand")}
        aims |= {f"{side}_{part}": -up for part in ("thigh", "shin")}
        aims |= {f"{side}_{part}": np.cross(left, up) for part in ("foot", "toe")}
    parts = bone_map.bone_parts
    turns: dict[int, Array] = {}
    found: dict[str, Array] = {}
    for bone, name in enumerate(rest.bone_names):  # parents stand before children
        above = turns.get(rest.parents[bone], quat.IDENTITY)
        turns[bone] = above
        aim = aims.get(parts.get(name, ""))
        if aim is not None and np.isfinite(aim).all():
            now = quat.rotate(above, quat.normalised(_end(bone, rest, bone_map) - rest.heads[bone]))
            turns[bone] = quat.mul(quat.swing(now, aim), above)
            at_rest = quat.from_matrix(rest.matrices[bone, :3, :3])
            local = quat.mul(quat.inv(above), turns[bone])
            found[name] = quat.mul(quat.mul(quat.inv(at_rest), local), at_rest)
    return found


def _end(bone: int, rest: RestPose, bone_map: BoneMap) -> Array:
    """(3,) where the bone leads: to the next mapped one of its own line, else to its tail."""
    parts = bone_map.bone_parts
    side = parts[rest.bone_names[bone]].partition("_")[0]
    mapped = [c for c in rest.children[bone] if rest.bone_names[c] in parts]
    own = [c for c in mapped if (parts[rest.bone_names[c]].partition("_")[0] in SIDES) == (side in SIDES)]
    return rest.heads[own[0]] if own else rest.tails[bone]


def stood_up(rest: RestPose, pose: Mapping[str, Array]) -> RestPose:
    """The rig as if it had been built in that pose."""
    matrices = forward(rest, {name: basis[None] for name, basis in pose.items()}, {})[0]
    return replace(rest, matrices=matrices)


def as_built(curves: Curves, pose: Mapping[str, Array]) -> Curves:
    """Keys solved for the rig stood up, for the rig as it was built."""
    count, every = len(curves.frames), np.ones(len(curves.frames), np.bool_)
    rotations = {name: np.tile(basis, (count, 1)) for name, basis in pose.items()}
    rotations |= {name: quat.mul(pose.get(name, quat.IDENTITY), keys) for name, keys in curves.rotations.items()}
    locations = {name: quat.rotate(pose.get(name, quat.IDENTITY), keys) for name, keys in curves.locations.items()}
    return replace(
        curves,
        rotations={name: quat.continuous(keys) for name, keys in rotations.items()},
        locations=locations,
        keyed={**dict.fromkeys(pose, every), **curves.keyed},
    )
