"""Motion + rest pose + bone map -> curves: the solver, from joints to the keys of bones. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import Motion
from ...lifter.contract.protocol import InputError
from ...lifter.contract.skeleton import BODY_27
from . import feet, hands
from . import quaternion as quat
from .bone_map import BoneMap, unmapped
from .choices import Choices
from .curves import FIRST_FRAME, Curves, Marker
from .forward import forward
from .frames import (
    T_POSE,
    BodyFrames,
    Joints,
    body_joints,
    detail,
    replayed_frames,
    rest_frames,
    settled_frames,
    told_frames,
)
from .hinges import hinged
from .ik import settings_for, with_ik
from .landmarks import Landmarks, rest_landmarks
from .limbs import limb_of, map_of, only
from .path import ground_path, hips_path, mover_bone, mover_locations, root_bone, root_locations
from .report import direction_figures, gap_markers, missing_parts
from .resample import SAME_TIME, Resampled, at_times, resample
from .rest import RestPose
from .strays import stray_bones, stray_keys
from .t_pose import as_built, stood_up, t_pose
from .turns import Bases, aimed_spine, bases, bone_turns, part_turns, spins, stiff_trunk, within_limits

__all__ = ["Choices", "Curves", "Marker", "forward", "solve"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
STANDARD = Choices()
AUTO = STANDARD.feet
HINGED = ("left_thigh", "right_thigh", "left_upper_arm", "right_upper_arm")
TRUNK = ("hips", "spine", "head")  # what others hang on, whether it has a bone or not


def solve(
    motion: Motion,
    rest: RestPose,
    bone_map: BoneMap,
    *,
    fps: float | None = None,
    choices: Choices = STANDARD,
    contacts: Mask | None = None,
) -> Curves:
    """Keys that make the rig move as the person does, at `fps` (the motion's own rate when None).

    Limb bones point exactly along the person's limbs, but for legs whose feet stand, arms whose hands rest, and the hinges of
    control rigs. The path of the hips is scaled by the length of the legs. Where a part is unknown its bones get no keys.
    contacts: (F, 6), in the order of CONTACTS, on the grid of the keys, in the place of the motion's own. Raises RigError
    where the mapped bones make no body, InputError where the motion knows no hips.
    """
    if stood := t_pose(rest, bone_map):
        curves = as_built(_solved(motion, stood_up(rest, stood), bone_map, fps, choices, contacts, limits=False), stood)
    else:
        curves = _solved(motion, rest, bone_map, fps, choices, contacts)
    if choices.controls != "fk":
        curves = with_ik(curves, rest, bone_map, choices.controls)
    return only(curves, bone_map, choices.limbs)


def _solved(
    motion: Motion,
    rest: RestPose,
    bone_map: BoneMap,
    fps: float | None,
    choices: Choices,
    contacts: Mask | None,
    *,
    limits: bool = True,
) -> Curves:
    """limits: whether joints are kept from bending too far; not where the rig's rest tells nothing about them."""
    strays = stray_bones(rest, bone_map)
    rig = rest.with_parents({**bone_map.parents, **strays})
    marks, axes = rest_landmarks(rig, bone_map), rig.world_rotation
    grid = resample(motion, fps)
    own_joints = body_joints(motion.joint_names, motion.positions.astype(np.float64))
    joints = body_joints(motion.joint_names, grid.positions)
    captured, model = _compare(motion, own_joints, grid, joints, marks)
    person = hinged(captured, joints) if bone_map.ik else captured
    trunk = (joints["thorax"] - joints["pelvis"]) @ axes
    parts = part_turns(person, model, axes)
    parts = within_limits(parts) if limits else parts
    parts = {part: turn for part, turn in parts.items() if part in bone_map.bones or part in TRUNK}
    if "hips" in parts and "spine" not in bone_map.bones:
        parts["hips"] = stiff_trunk(parts["hips"], trunk, marks.seen_from(axes))
    path, path_scale = hips_path(motion, own_joints, joints["pelvis"], marks)
    own_contacts = feet.contacts_at(motion, grid.times, AUTO)
    stands = feet.standing_height(parts, path @ axes, marks.seen_from(axes), own_contacts)
    place = np.array(choices.place or (0.0, 0.0, 0.0))
    path = path + place - [0.0, 0.0, stands]
    if contacts is None:
        contacts = feet.contacts_at(motion, grid.times, choices.feet)
    hinges = {part: axes.T @ model.parts[part][0, :, 0] for part in HINGED}
    parts, slides = feet.planted(parts, path @ axes, marks.seen_from(axes), hinges, contacts, grid.fps)
    turns = bone_turns(parts, spins(person, model), model, rig, bone_map)
    turns |= aimed_spine(turns, trunk, marks.seen_from(axes), rig, bone_map)
    turned = bases(turns, rig)
    if rig.index(bone_map.bones["hips"][0]) not in turned.keyed:
        raise InputError("the motion never knows both hips and the spine, so nothing can be placed. Capture it again.")
    if contacts[:, 4:].any():
        wished = hands.wished(person, joints, path - place, path_scale, marks, contacts[:, 4:])
        wished = {side: at @ axes for side, at in wished.items()}
        arms = hands.held(parts, turned, wished, hinges, rig, bone_map, grid.fps)
        again = bone_turns(parts | arms, spins(person, model), model, rig, bone_map)
        turned = bases(turns | {bone: again[bone] for bone in hands.bones_of(arms, rig, bone_map)}, rig)
    along = ground_path(path, turned.keyed[rig.index(bone_map.bones["hips"][0])], marks, choices.root)
    rotations, locations, keyed = _keys(turned, path, along, rest, rig, bone_map, strays, choices)
    frames = FIRST_FRAME + np.arange(len(grid.times), dtype=np.float64)
    chosen = map_of(bone_map, choices.limbs)
    without, warnings = missing_parts(chosen, keyed)
    return Curves(
        fps=grid.fps,
        frames=frames,
        rotations=rotations,
        locations=locations,
        keyed=keyed,
        path_scale=path_scale,
        settings=settings_for(chosen.settings, choices.controls),
        neutral_bones=chosen.neutral,
        unmapped_bones=unmapped(bone_map, rest),
        unmapped_parts=tuple(part for part in without if limb_of(part) in choices.limbs),
        warnings=warnings,
        markers=gap_markers(chosen, keyed, frames, grid.fps),
        object_path=along if choices.root == "object" else None,
        contacts=contacts,
        slides={side: asdict(slide) for side, slide in slides.items()},
        figures=direction_figures(captured, model, turned, rig, chosen),
    )


def _keys(
    turned: Bases,
    path: Array,
    along: Array,
    rest: RestPose,
    rig: RestPose,
    bone_map: BoneMap,
    strays: Mapping[str, str],
    choices: Choices,
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Mask]]:
    """Rotations, locations and where they are known, by bone: turned ones, the one that takes the path, root, strays."""
    names = rig.bone_names
    rotations = {names[bone]: keys for bone, keys in turned.basis.items()}
    keyed = {names[bone]: mask for bone, mask in turned.keyed.items()}
    known = keyed[bone_map.bones["hips"][0]]
    mover = mover_bone(rig, bone_map)
    locations = {names[mover]: mover_locations(path - along, known, turned, rig, bone_map, mover)}
    if choices.root == "root":
        root = root_bone(rig, bone_map, mover)
        locations[names[root]] = root_locations(along, rig, root)
    for name, (rotation, location) in stray_keys(strays, rest, rig, rotations, locations).items():
        rotations[name], locations[name] = rotation, location
    return rotations, locations, {**dict.fromkeys(locations, known), **keyed}


def _compare(
    motion: Motion, own_joints: Joints, grid: Resampled, joints: Joints, marks: Landmarks
) -> tuple[BodyFrames, BodyFrames]:
    """Frames of the person on the grid, and of the rig at rest (one frame).

    Turns of limbs are settled on the motion's own frames, which hold the evidence, and carried to the grid: so
    the same motion solved at two rates agrees wherever the grids meet.
    """
    told = told_orientations(motion)
    level = detail(own_joints, told)
    model = rest_frames(body_joints(BODY_27.names, marks.positions[None]), level)
    person = told_frames(settled_frames(own_joints, level, motion.frame_times, model), told)
    same = SAME_TIME / grid.fps
    if len(grid.times) != motion.frames or not np.allclose(grid.times, motion.frame_times, rtol=0, atol=same):
        turns = {name: at_times(motion.frame_times, turn, grid.times, same) for name, turn in person.turns.items()}
        told = {part: at_times(motion.frame_times, turn, grid.times, same) for part, turn in told.items()}
        told = {part: quat.normalised(turn) for part, turn in told.items()}
        person = told_frames(replayed_frames(joints, level, turns), told)
    return person, model


def told_orientations(motion: Motion) -> dict[str, Array]:
    """Part -> (F, 4) orientations that the motion brings itself, under the parts' own names."""
    return {
        name: quat.continuous(motion.rotations[:, i].astype(np.float64))
        for i, name in enumerate(motion.rotation_names)
        if name.removeprefix("left_").removeprefix("right_") in T_POSE
    }
