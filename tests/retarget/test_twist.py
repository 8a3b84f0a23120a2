"""Twist bones share a limb's turn about its own axis, in the chain or beside it, and never move where it ends."""

from itertools import pairwise

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.bone_map import presets
from video_to_armature.addon.retarget.recognise import recognise
from video_to_armature.addon.retarget.solve import forward, solve
from video_to_armature.addon.retarget.turns import softly_limited, twist_shares
from video_to_armature.lifter.contract.skeleton import BODY_27

from .bodies import LIMBS, angle_between, mixamo, motion_of, posed, read
from .skeletons import PRESETS, available, skeleton

CHOICES = presets(PRESETS)
RIGS = [
    name for name in ("daz_genesis8", "ue5_manny", "mh_default", "valve_biped", "iclone_cc_base") if available(name)
]


def a_motion(seed=3):
    rest, bones = mixamo()
    return motion_of(read(rest, bones, posed(rest, bones, 120, seed)))


def test_shares_by_place_and_by_chain():
    chain, beside = (recognise(skeleton(name), CHOICES).map for name in ("daz_genesis8", "ue5_manny"))
    daz, manny = skeleton("daz_genesis8"), skeleton("ue5_manny")
    named = {daz.bone_names[b]: s for b, s in twist_shares("left_upper_arm", daz, chain).items()}
    assert named == {"lShldrBend": 0.0, "lShldrTwist": 1.0}
    named = {manny.bone_names[b]: s for b, s in twist_shares("left_upper_arm", manny, beside).items()}
    assert named["upperarm_l"] == 1.0
    assert named["upperarm_twist_01_l"] == pytest.approx(1 / 3, abs=0.05)
    assert named["upperarm_twist_02_l"] == pytest.approx(2 / 3, abs=0.05)
    named = {manny.bone_names[b]: s for b, s in twist_shares("left_forearm", manny, beside).items()}
    assert named["lowerarm_l"] == 0.0
    assert named["lowerarm_twist_02_l"] < named["lowerarm_twist_01_l"] <= 1.0


@pytest.mark.parametrize("name", RIGS)
def test_limbs_still_point_exactly_and_twist_bones_are_keyed(name):
    rest = skeleton(name, 4)
    bones = recognise(rest, CHOICES).map
    motion = a_motion()
    curves = solve(motion, rest, bones)
    assert {b for names in bones.twists.values() for b in names} <= set(curves.rotations)
    heads = forward(rest, curves.rotations, curves.locations)[:, :, :3, 3] @ rest.world_from_armature[:3, :3].T
    after = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}
    for part, (a, b) in LIMBS.items():
        side, _, limb = part.partition("_")
        ends = [rest.index(bones.bones[p][0]) for p in (part, f"{side}_{after[limb]}")]
        wanted = motion.joint(b) - motion.joint(a)
        off = np.degrees(angle_between(heads[:, ends[1]] - heads[:, ends[0]], wanted))
        assert off.max() < 0.6, part


@pytest.mark.parametrize("name", ["ue5_manny", "daz_genesis8"])
def test_the_turn_grows_evenly_from_elbow_to_wrist(name):
    """A forearm twisted by the wrist alone: its own bone takes none of it, each further one more, the hand all."""
    if not available(name):
        pytest.skip(f"skeleton {name} is not in tests/data: it needs ../shared/rigs")
    rest = skeleton(name)
    bones = recognise(rest, CHOICES).map
    body, body_bones = mixamo()
    frames = 31
    still = np.repeat(read(body, body_bones, {"mixamorig:Hips": quat.IDENTITY[None]}), frames, axis=0)
    at = BODY_27.index
    wrist = still[0, at("left_wrist")]
    axis = wrist - still[0, at("left_elbow")]
    twist = np.linspace(0, np.radians(60), frames)
    by = quat.about(np.broadcast_to(axis / np.linalg.norm(axis), (frames, 3)), twist)
    for joint in ("left_index", "left_pinky"):
        still[:, at(joint)] = wrist + quat.rotate(by, still[:, at(joint)] - wrist)
    curves = solve(motion_of(still), rest, bones)
    pose = forward(rest, curves.rotations, {})[:, :, :3, :3]

    def turned(bone):
        i = rest.index(bone)
        return np.degrees(angle_between(pose[-1, i], pose[0, i]))

    line = [*bones.bones["left_forearm"], *bones.twists["left_forearm"], *bones.bones["left_hand"]]
    turns = [turned(bone) for bone in line]
    assert turns[0] < 1
    assert turns[-1] == pytest.approx(60, abs=2)
    assert all(a < b + 1 for a, b in pairwise(turns))


def test_soft_limits_leave_small_turns_alone_and_stop_large_ones():
    axis = np.array([0.6, 0.0, 0.8])
    angles = np.radians(np.linspace(0, 179, 180))
    kept = quat.angle(
        softly_limited(quat.about(np.broadcast_to(axis, (180, 3)), angles), np.radians(60), np.radians(90))
    )
    assert np.abs(kept[:61] - angles[:61]).max() < 1e-9
    assert kept.max() < np.radians(90)
    assert (np.diff(kept) > 0).all()


def test_a_wrist_is_not_bent_out_of_joint():
    rest, bones = mixamo()
    still = np.repeat(read(rest, bones, {"mixamorig:Hips": quat.IDENTITY[None]}), 3, axis=0)
    at = BODY_27.index
    for joint in ("left_index", "left_pinky"):  # knuckles behind the wrist, on the forearm
        back = still[:, at("left_elbow")] - still[:, at("left_wrist")]
        still[:, at(joint)] += 0.8 * back
    pose = forward(rest, solve(motion_of(still), rest, bones).rotations, {})[:, :, :3, :3]
    local = [
        pose[0, rest.index(f"mixamorig:Left{b}")] @ rest.matrices[rest.index(f"mixamorig:Left{b}"), :3, :3].T
        for b in ("Hand", "ForeArm")
    ]
    assert np.degrees(angle_between(*local)) < 96


def test_toes_stay_level_under_a_raised_heel():
    rest, bones = mixamo()
    frames = 30
    still = np.repeat(read(rest, bones, {"mixamorig:Hips": quat.IDENTITY[None]}), frames, axis=0)
    at = BODY_27.index
    toe, side = still[0, at("left_toe")].copy(), np.array([1.0, 0, 0])
    by = quat.about(np.broadcast_to(side, (frames, 3)), np.radians(np.full(frames, 35.0)))
    for joint in ("left_heel", "left_ankle"):
        still[:, at(joint)] = toe + quat.rotate(by, still[:, at(joint)] - toe)
    contacts = np.zeros((frames, 4))
    contacts[:, 1] = 1
    curves = solve(motion_of(still, contacts=contacts), rest, bones)
    pose = forward(rest, curves.rotations, curves.locations)[:, :, :3, :3]
    turn = {
        b: pose[15, rest.index(f"mixamorig:{b}")] @ rest.matrices[rest.index(f"mixamorig:{b}"), :3, :3].T
        for b in ("LeftToeBase", "LeftFoot")
    }
    assert np.degrees(angle_between(turn["LeftToeBase"], np.eye(3))) < 3
    assert np.degrees(angle_between(turn["LeftFoot"], np.eye(3))) > 25
