"""Rigs whose bones have no common root: legs, say, that hang on nothing. Each such bone is keyed to go with the hips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .bone_map import BoneMap
from .forward import forward
from .rest import RestPose

Array = npt.NDArray[np.float64]


def stray_bones(rest: RestPose, bone_map: BoneMap) -> tuple[str, ...]:
    """Bones without a parent that carry mapped bones, but not the hips. Control rigs say themselves what follows what."""
    if bone_map.parents or bone_map.mover:
        return ()

    def top(name: str) -> str:
        bone = rest.index(name)
        return rest.bone_names[(bone, *rest.ancestors(bone))[-1]]

    mapped = [name for part, names in bone_map.bones.items() for name in names if part != "root"]
    tops = dict.fromkeys(map(top, mapped))
    return tuple(name for name in tops if name != top(bone_map.bones["hips"][0]))


def stray_keys(
    strays: Iterable[str], rig: RestPose, rotations: Mapping[str, Array], locations: Mapping[str, Array]
) -> dict[str, tuple[Array, Array]]:
    """Bone -> rotation (F, 4) and location (F, 3) basis that put it where it stands in `rig`, which hangs it on the hips."""
    names = list(strays)
    if not names:
        return {}
    pose = forward(rig, rotations, locations)
    found: dict[str, tuple[Array, Array]] = {}
    for name in names:
        bone = rig.index(name)
        basis: Array = np.asarray(np.linalg.inv(rig.matrices[bone]), np.float64) @ pose[:, bone]
        found[name] = quat.continuous(quat.from_matrix(basis[:, :3, :3])), basis[:, :3, 3]
    return found
