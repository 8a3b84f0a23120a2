"""From a person's joints to the keys of a rig, in closed form.

Each part of the body has a frame, made by the same functions from the person's joints and from the
rig's own joints at rest (frames.py). What turns the rig's part is their difference; a bone's key is
that turn seen from the bone above it. No iteration, no scene, and no matter how bones roll.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import Motion
from ...lifter.contract.protocol import InputError
from ...lifter.contract.skeleton import BODY_27
from .bone_map import BoneMap, unmapped
from .curves import FIRST_FRAME, Curves, Marker
from .forward import forward
from .frames import BodyFrames, Joints, body_joints, detail, replayed_frames, rest_frames, settled_frames
from .landmarks import Landmarks, rest_landmarks
from .path import hips_path, mover_bone, mover_locations
from .report import direction_figures, gap_markers, missing_parts
from .resample import SAME_TIME, Resampled, at_times, resample
from .rest import RestPose
from .turns import bases, bone_turns, part_turns

__all__ = ["Curves", "Marker", "forward", "solve"]

Array = npt.NDArray[np.float64]


def solve(motion: Motion, rest: RestPose, bone_map: BoneMap, *, fps: float | None = None) -> Curves:
    """Keys that make the rig move as the person does, at `fps` (the motion's own rate when None).

    Limb bones point exactly along the person's limbs. The path of the hips is scaled by the length of the legs.
    Where a part is unknown its bones get no keys. Raises RigError where the mapped bones make no body, InputError
    where the motion knows no hips.
    """
    rig = rest.with_parents(bone_map.parents)
    marks = rest_landmarks(rig, bone_map)
    grid = resample(motion, fps)
    own_joints = body_joints(motion.joint_names, motion.positions.astype(np.float64))
    joints = body_joints(motion.joint_names, grid.positions)
    person, model = _compare(motion, own_joints, grid, joints, marks)
    turned = bases(bone_turns(part_turns(person, model, rig.world_rotation), model, rig, bone_map), rig)
    hips = rig.index(bone_map.bones["hips"][0])
    if hips not in turned.keyed:
        raise InputError("the motion never knows both hips and the spine, so nothing can be placed. Capture it again.")
    names = rig.bone_names
    rotations = {names[bone]: keys for bone, keys in turned.basis.items()}
    keyed = {names[bone]: mask for bone, mask in turned.keyed.items()}
    mover = mover_bone(rig, bone_map)
    path, path_scale = hips_path(motion, own_joints, joints["pelvis"], marks)
    locations = {names[mover]: mover_locations(path, turned.keyed[hips], turned, rig, bone_map, mover)}
    keyed.setdefault(names[mover], turned.keyed[hips])
    frames = FIRST_FRAME + np.arange(len(grid.times), dtype=np.float64)
    parts, warnings = missing_parts(bone_map, keyed)
    return Curves(
        fps=grid.fps,
        frames=frames,
        rotations=rotations,
        locations=locations,
        keyed=keyed,
        path_scale=path_scale,
        settings=bone_map.settings,
        neutral_bones=bone_map.neutral,
        unmapped_bones=unmapped(bone_map, rest),
        unmapped_parts=parts,
        warnings=warnings,
        markers=gap_markers(bone_map, keyed, frames, grid.fps),
        figures=direction_figures(person, model, turned, rig, bone_map),
    )


def _compare(
    motion: Motion, own_joints: Joints, grid: Resampled, joints: Joints, marks: Landmarks
) -> tuple[BodyFrames, BodyFrames]:
    """Frames of the person on the grid, and of the rig at rest (one frame).

    Turns of limbs are settled on the motion's own frames, which hold the evidence, and carried to the grid: so
    the same motion solved at two rates agrees wherever the grids meet.
    """
    level = detail(own_joints)
    model = rest_frames(body_joints(BODY_27.names, marks.positions[None]), level)
    person = settled_frames(own_joints, level, motion.frame_times, model)
    same = SAME_TIME / grid.fps
    if len(grid.times) != motion.frames or not np.allclose(grid.times, motion.frame_times, rtol=0, atol=same):
        turns = {name: at_times(motion.frame_times, turn, grid.times, same) for name, turn in person.turns.items()}
        person = replayed_frames(joints, level, turns)
    return person, model
