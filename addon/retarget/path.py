"""Where the hips go: the person's path on the rig's own legs, and what moves the rig along it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import Motion
from ...lifter.contract.protocol import RigError
from ...lifter.contract.skeleton import BODY_27
from . import quaternion as quat
from .bone_map import SIDES, BoneMap
from .choices import Root
from .frames import Joints
from .landmarks import FLAT_M, LEG_M, Landmarks
from .rest import NO_PARENT, RestPose
from .turns import Bases, driver

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

STANDING = 0.5  # probability from which a contact counts
LOWEST_PERCENT = 10.0  # of the ankles' heights, where no contact tells when a foot stands
MOST_LIFT = 0.06  # of the leg: ankles further than this from their usual height do not stand on the floor
MOST_LEG = 2.75  # of its shorter bone: a longer leg folds too little over a standing foot for steps of its length


def hips_path(motion: Motion, joints: Joints, pelvis: Array, marks: Landmarks) -> tuple[Array, float]:
    """Where the middle of the rig's hips is to be, metres, world (F, 3); and what the path was scaled by.

    joints: of the motion's own frames. pelvis: (F, 3) on the grid of the keys. The path is scaled about the
    world's origin by the ratio of the legs, so that steps fit the rig; by less where one of the rig's leg bones is
    very short (MOST_LEG). Then it is lifted so that ankles that stand are as high as the rig's. A motion without knees
    or ankles keeps its size.
    """
    bones = _leg_bones({name: marks.positions[None, i] for i, name in enumerate(BODY_27.names)})[:, 0]
    own, captured = float(bones.sum()), _median(_leg_bones(joints).sum(0))
    if not captured > 0:
        return pelvis, 1.0
    ratio = own / captured
    scale = ratio * min(1.0, MOST_LEG * float(bones.min()) / own)
    ankle = _standing_ankle(motion, joints)
    if not np.isfinite(ankle):
        return scale * pelvis, scale
    low, high = sorted((FLAT_M / LEG_M * own, marks.sole_height))
    lift = marks.sole_height - np.clip(ratio * ankle, low - MOST_LIFT * own, high + MOST_LIFT * own)
    taller = (ratio - scale) * _median(joints["pelvis"][:, 2])  # legs stand as long as they are
    return scale * pelvis + np.array([0.0, 0.0, lift + taller]), scale


def ground_path(path: Array, keyed: Mask, marks: Landmarks, root: Root) -> Array:
    """(F, 3) metres, world: what of the path the hips themselves do not take, along the ground.

    A root bone and an object stand under the hips; in place, the hips stay where they begin. Frames that are not keyed
    are interpolated.
    """
    if root == "hips":
        return np.zeros_like(path)
    places = np.flatnonzero(keyed)
    along = path - (path[places[0]] if root == "in place" else marks.joint("pelvis"))
    for axis in range(3):
        along[:, axis] = np.interp(np.arange(len(path)), places, along[places, axis])
    return along * np.array([1.0, 1.0, 0.0])


def root_bone(rig: RestPose, bone_map: BoneMap, mover: int) -> int:
    """The bone that carries all others: the map's root, or the topmost above the mover. Raises RigError."""
    above = rig.ancestors(mover)
    named = [rig.index(name) for name in bone_map.bones.get("root", ())]
    found = [bone for bone in named if bone in above] or list(above[-1:])
    if not found:
        raise RigError(
            f"armature '{rig.name}' has no bone above '{rig.bone_names[mover]}' that could take the path. "
            "Let the hips or the object take it."
        )
    return found[0]


def root_locations(along: Array, rig: RestPose, root: int) -> Array:
    """Basis locations of the root bone, which nothing turns. along: (F, 3) metres, world. (F, 3) armature units"""
    return along @ np.linalg.inv(rig.world_from_armature)[:3, :3].T @ rig.matrices[root, :3, :3]


def mover_bone(rig: RestPose, bone_map: BoneMap) -> int:
    """The bone that takes the path: the map's mover or the hips, or above it the first that can leave its place."""
    bone = rig.index(bone_map.mover or bone_map.bones["hips"][0])
    while rig.connected[bone] and rig.parents[bone] != NO_PARENT:
        bone = rig.parents[bone]
    return bone


def mover_locations(path: Array, keyed: Mask, turned: Bases, rig: RestPose, bone_map: BoneMap, mover: int) -> Array:
    """Basis locations of the mover that bring the middle of the thighs' heads onto the path. (F, 3) armature units

    path: (F, 3) metres, world. Values at frames that are not keyed are interpolated.
    """
    hips = [head_of(rig.index(bone_map.bones[f"{side}_thigh"][0]), turned, rig) for side in SIDES]
    armature_from_world = np.linalg.inv(rig.world_from_armature)
    wanted = path @ armature_from_world[:3, :3].T + armature_from_world[:3, 3]
    shift = wanted - (hips[0] + hips[1]) / 2
    above = driver(rig, mover, turned.reached)
    if above is not None:
        shift = quat.rotate(quat.inv(turned.reached[above]), shift)
    locations = shift @ rig.matrices[mover, :3, :3]
    places = np.flatnonzero(keyed)
    for axis in range(3):
        locations[:, axis] = np.interp(np.arange(len(path)), places, locations[places, axis])
    return locations


def head_of(bone: int, turned: Bases, rig: RestPose) -> Array:
    """(F, 3) where the bone's head comes to lie by the turns of the bones above, before anything is moved."""
    chain = [bone]
    while rig.parents[chain[-1]] != NO_PARENT:
        chain.append(rig.parents[chain[-1]])
    place: Array = rig.heads[chain[-1]]
    for child, parent in zip(reversed(chain[:-1]), reversed(chain)):
        by = parent if parent in turned.reached else driver(rig, parent, turned.reached)
        reach = rig.heads[child] - rig.heads[parent]
        place = place + (reach if by is None else quat.rotate(turned.reached[by], reach))
    return place


def _leg_bones(joints: Joints) -> Array:
    """(2, F) metres, thigh and shin, mean of the two sides."""
    ends = [[joints[f"{side}_{joint}"] for side in SIDES] for joint in ("hip", "knee", "ankle")]
    lengths: Array = np.linalg.norm(np.diff(np.array(ends), axis=0), axis=-1)
    return lengths.mean(1)


def _standing_ankle(motion: Motion, joints: Joints) -> float:
    """Height of an ankle whose foot stands flat, metres; NaN where no ankle is known."""
    ankles = (joints["left_ankle"], joints["right_ankle"])
    heights: Array = np.concatenate(ankles, axis=-1)[:, 2::3]
    names = motion.contact_names
    if all(f"{side}_{point}" in names for side in SIDES for point in ("heel", "toe")):
        columns = [[names.index(f"{side}_{point}") for side in SIDES] for point in ("heel", "toe")]
        flat = (motion.contacts[:, columns[0]] > STANDING) & (motion.contacts[:, columns[1]] > STANDING)
        if np.isfinite(heights[flat]).any():
            return _median(heights[flat])
    known = heights[np.isfinite(heights)]
    return float(np.percentile(known, LOWEST_PERCENT)) if len(known) else float("nan")


def _median(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
