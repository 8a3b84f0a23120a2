"""Rigs that are built oddly: legs that hang on nothing, no spine, a rest pose that shows no body, tails that are guesses."""

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.bone_map import presets
from video_to_armature.addon.retarget.landmarks import rest_landmarks
from video_to_armature.addon.retarget.recognise import recognise
from video_to_armature.addon.retarget.solve import forward, solve
from video_to_armature.addon.retarget.strays import loose_ends, stray_bones
from video_to_armature.addon.retarget.t_pose import stood_up, t_pose
from video_to_armature.lifter.contract.skeleton import BODY_27

from .bodies import ALL_RIGS, LIMBS, angle_between, limb_directions, mixamo, motion_of, posed, quaternius, read
from .skeletons import PRESETS, skeleton

LEGS = ("mixamorig:LeftUpLeg", "mixamorig:RightUpLeg")


def a_motion(frames=60, seed=2):
    rest, bones = mixamo()
    walk = np.cumsum(np.random.default_rng(seed).normal(0, 0.03, (frames, 1, 3)), 0)
    return motion_of(read(rest, bones, posed(rest, bones, frames, seed)) + walk)


def without_common_root(rest):
    """Legs and neck hang on nothing."""
    loose = (*LEGS, "mixamorig:Neck")
    parents = tuple(-1 if name in loose else p for name, p in zip(rest.bone_names, rest.parents))
    return replace(rest, parents=parents, connected=(False,) * len(rest))


def along_one_axis(rest):
    """Every bone in the line of X, as some motion files have it; thighs to either side of the hips."""
    matrices = rest.matrices.copy()
    matrices[:, :3, :3] = quat.to_matrix(quat.swing(np.array([0.0, 1, 0]), np.array([1.0, 0, 0])))
    for i, (name, parent) in enumerate(zip(rest.bone_names, rest.parents)):
        if parent >= 0:
            step = np.linalg.norm(rest.heads[i] - rest.heads[parent]) * np.array([1.0, 0, 0])
            if name in LEGS:
                step = np.array([0.1 if "Left" in name else -0.1, 0, 0])
            matrices[i, :3, 3] = matrices[parent, :3, 3] + step
    return replace(rest, matrices=matrices)


def test_bones_without_a_common_root_move_as_with_one():
    rest, bones = mixamo()
    loose = without_common_root(rest)
    assert set(stray_bones(loose, bones)) == {*LEGS, "mixamorig:Neck"}
    assert stray_bones(rest, bones) == {}
    motion = a_motion()
    one, two = solve(motion, rest, bones), solve(motion, loose, bones)
    a, b = forward(rest, one.rotations, one.locations), forward(loose, two.rotations, two.locations)
    for part in LIMBS:
        i = rest.index(bones.bones[part][0])
        if "arm" not in part:
            assert np.abs(a[:, i] - b[:, i]).max() < 1e-5, part
    assert set(two.locations) == {"mixamorig:Hips", *LEGS, "mixamorig:Neck"}


@pytest.mark.parametrize("made", [mixamo, quaternius])
def test_feet_that_hang_on_no_shin_go_with_it(made):
    """On nothing, or on the rig's root, where an animator's IK moved them."""
    rest, bones = made()
    feet = {bones.bones[f"{side}_foot"][0] for side in ("left", "right")}
    root = -1 if rest.bone_names[0] == bones.bones["hips"][0] else 0
    parents = tuple(root if name in feet else p for name, p in zip(rest.bone_names, rest.parents))
    loose = replace(rest, parents=parents, connected=(False,) * len(rest))
    assert set(loose_ends(loose, bones)) == feet
    motion = a_motion()
    one, two = solve(motion, rest, bones), solve(motion, loose, bones)
    a, b = forward(rest, one.rotations, one.locations), forward(loose, two.rotations, two.locations)
    assert np.ptp(a[:, rest.index(min(feet)), :3, 3], axis=0).max() > 0.01
    assert np.abs(a - b).max() < 1e-5


@pytest.mark.parametrize("rig", ALL_RIGS)
def test_rigs_with_one_root_have_no_strays_and_stand_already(rig):
    rest, bones = ALL_RIGS[rig]()
    assert stray_bones(rest, bones) == {}
    assert t_pose(rest, bones) == {}


def test_a_rest_pose_along_one_axis_is_stood_up():
    rest, bones = mixamo()
    flat = along_one_axis(rest)
    stood = stood_up(flat, t_pose(flat, bones))
    marks = rest_landmarks(stood, bones)
    for part, (a, b) in LIMBS.items():
        wanted = [0, 0, -1.0] if "arm" not in part else [1.0 if "left" in part else -1.0, 0, 0]
        assert np.degrees(angle_between(marks.joint(b) - marks.joint(a), np.array(wanted))) < 1, part
    motion = a_motion()
    curves = solve(motion, flat, bones)
    for part, reached in limb_directions(flat, bones, curves.rotations, curves.locations).items():
        a, b = (motion.joint(joint) for joint in LIMBS[part])
        assert np.degrees(angle_between(reached, b - a)).max() < 0.1, part


def test_without_a_spine_the_hips_carry_the_trunk():
    rest, bones = mixamo()
    stiff = replace(bones, bones={part: names for part, names in bones.bones.items() if part != "spine"})
    motion = a_motion()
    curves = solve(motion, rest, stiff)
    pose = forward(rest, curves.rotations, curves.locations)[:, :, :3, 3]
    hips = (pose[:, rest.index(LEGS[0])] + pose[:, rest.index(LEGS[1])]) / 2
    trunk = pose[:, rest.index("mixamorig:Neck")] - hips
    assert np.degrees(angle_between(trunk, motion.joint("thorax") - motion.joint("pelvis"))).max() < 0.1


def test_the_whole_trunk_points_as_the_persons():
    rest, bones = mixamo()
    motion = a_motion()
    curves = solve(motion, rest, bones)
    pose = forward(rest, curves.rotations, curves.locations)[:, :, :3, 3]
    hips = (pose[:, rest.index(LEGS[0])] + pose[:, rest.index(LEGS[1])]) / 2
    trunk = pose[:, rest.index("mixamorig:Neck")] - hips
    off = np.degrees(angle_between(trunk, motion.joint("thorax") - motion.joint("pelvis")))
    assert np.percentile(off, 95) < 1
    assert off.max() < 4


def with_knees_at(share):
    """Mixamo's rig and map, knees at this share of the way from hip to ankle, metres of the leg in all."""
    rest, bones = mixamo()
    matrices = rest.matrices.copy()
    hip, knee, ankle = (rest.index(f"mixamorig:Left{word}") for word in ("UpLeg", "Leg", "Foot"))
    for word in ("Left", "Right"):
        a, b, c = (rest.index(f"mixamorig:{word}{part}") for part in ("UpLeg", "Leg", "Foot"))
        matrices[b, :3, 3] = rest.heads[a] + share * (rest.heads[c] - rest.heads[a])
    other = replace(rest, matrices=matrices)
    leg = np.linalg.norm(np.diff(other.heads[[hip, knee, ankle]], axis=0), axis=-1).sum()
    return other, bones, float(leg * rest.scale)


@pytest.mark.parametrize(("share", "shorter"), [(0.5, 1.0), (0.37, 1.0), (0.63, 1.0), (0.311, 0.855), (0.689, 0.855)])
def test_where_a_leg_bone_is_very_short_steps_are_shorter_and_the_hips_as_high(share, shorter):
    """A walk of somebody else: the path by the legs, and by less where thigh or shin are under 0.364 of the leg."""
    rest, bones, leg = with_knees_at(share)
    own, _, own_leg = with_knees_at(0.5)
    swing = np.radians(25 * np.sin(np.linspace(0, 4 * np.pi, 60)))
    keys = {}
    for word in ("Left", "Right"):
        at_rest = quat.from_matrix(own.matrices[own.index(f"mixamorig:{word}UpLeg"), :3, :3])
        by = quat.about(np.broadcast_to([1.0, 0, 0], (60, 3)), swing if word == "Left" else -swing)
        keys[f"mixamorig:{word}UpLeg"] = quat.mul(quat.mul(quat.inv(at_rest), by), at_rest)
    walk = np.linspace(0, -2, 60)[:, None, None] * [0, 1.0, 0]
    joints = read(own, bones, keys) + walk
    curves = solve(motion_of(joints), rest, bones)
    assert curves.path_scale == pytest.approx(shorter * leg / own_leg, rel=2e-3)
    pose = forward(rest, curves.rotations, curves.locations)[:, :, :3, 3] @ rest.world_from_armature[:3, :3].T
    hips = (pose[:, rest.index(LEGS[0])] + pose[:, rest.index(LEGS[1])]) / 2
    moved = curves.path_scale * (joints[:, 0] - joints[0, 0])
    assert np.abs(hips - hips[0] - moved).max() < 1e-5
    ankles = pose[:, [rest.index(f"mixamorig:{word}Foot") for word in ("Left", "Right")], 2]
    assert ankles.min() == pytest.approx(0.0723, abs=0.01)


def test_tails_that_importers_guessed_are_not_believed():
    """A shin of a millimetre without a foot, a foot of a centimetre and one of two metres: ankles and toes stay sane."""
    rest, bones = quaternius()
    ends = {part: names for part, names in bones.bones.items() if "foot" not in part}
    for change, kept in ((("LowerLeg", 1e-3), ends), (("Foot", 1e-2), bones.bones), (("Foot", 2.0), bones.bones)):
        word, metres = change
        lengths = [
            metres / rest.scale if word in name else length for name, length in zip(rest.bone_names, rest.lengths)
        ]
        marks = rest_landmarks(replace(rest, lengths=np.array(lengths)), replace(bones, bones=kept))
        for side in ("left", "right"):
            knee, ankle, toe, heel = (marks.joint(f"{side}_{joint}") for joint in ("knee", "ankle", "toe", "heel"))
            thigh = np.linalg.norm(knee - marks.joint(f"{side}_hip"))
            assert 0.4 * thigh < np.linalg.norm(ankle - knee) < 1.5 * thigh
            assert 0.1 * thigh < np.linalg.norm(toe - heel) < 1.2 * thigh
    assert len(marks.positions) == len(BODY_27)


@pytest.mark.parametrize(("name", "boot"), [("kaykit_rogue", 0.145), ("mh_mixamo", 0.073)])
def test_a_stocky_figure_stands_on_its_boots(name, boot):
    rest = skeleton(name)
    found = recognise(rest, presets(PRESETS)).map
    assert rest_landmarks(rest, found).sole_height == pytest.approx(boot, abs=2e-3)


def test_a_rest_pose_that_leans_stands_up_by_the_line_from_its_feet_to_its_neck():
    """Mannequiny's leans by 42 degrees; its mesh shows where up is on its soles."""
    rest = skeleton("mannequiny")
    up = rest_landmarks(rest, recognise(rest, presets(PRESETS)).map).up
    assert np.degrees(angle_between(up, quat.normalised(np.array([0.015, 0.651, 0.759])))) < 1.5
