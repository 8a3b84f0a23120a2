"""The solver's laws: a posed rig read as a person comes back, whatever the rig's size, axes or rolls."""

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.solve import forward, solve
from video_to_armature.lifter.contract.skeleton import BODY_27, mirror_order

from .bodies import (
    ALL_RIGS,
    LIMBS,
    angle_between,
    limb_directions,
    mixamo,
    motion_of,
    posed,
    quaternius,
    read,
    rigify,
    transformed,
    with_rolls,
    world_turns,
)

EXACT = 1e-3  # radians; float32 positions alone cost about 1e-6
DETERMINED = ("hips", "head") + tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")
)


def a_motion(frames=40, seed=5, fps=30.0):
    """A person moving smoothly: mixamo's body between random poses, read as joints."""
    rest, bones = mixamo()
    keys = posed(rest, bones, 5, seed)
    at = np.linspace(0, 4, frames)
    first = np.minimum(np.floor(at), 3).astype(int)
    ease: np.ndarray = at - first
    smooth = {b: quat.slerp(q[first], q[first + 1], ease * ease * (3 - 2 * ease)) for b, q in keys.items()}
    return motion_of(read(rest, bones, smooth), fps)


@pytest.mark.parametrize("rig", sorted(set(ALL_RIGS) - {"rigify"}))  # whose limbs are hinges: test_hinges.py
@pytest.mark.parametrize("seed", [0, 1])
def test_limbs_point_exactly_where_the_joints_lie(rig, seed):
    """Any poses at all, also straight and impossible ones: joints thrown at random."""
    rest, bones = ALL_RIGS[rig]()
    positions = np.random.default_rng(seed).normal(size=(200, 27, 3))
    curves = solve(motion_of(positions), rest, bones)
    for part, reached in limb_directions(rest, bones, curves.rotations, curves.locations).items():
        a, b = (positions[:, BODY_27.index(joint)] for joint in LIMBS[part])
        assert angle_between(reached, b - a).max() < EXACT, part


@pytest.mark.parametrize("rig", ["mixamo", "rigify"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_posed_rig_read_as_joints_is_solved_back_whole(rig, seed):
    rest, bones = ALL_RIGS[rig]()
    pose = posed(rest, bones, 300, seed)
    curves = solve(motion_of(read(rest, bones, pose)), rest, bones)
    wanted, found = (world_turns(rest, bones, r) for r in (pose, curves.rotations))
    for part in (*DETERMINED, "spine"):
        bone = bones.bones[part][-1]
        a, b = wanted[bone], found[bone]
        if part in bones.twists:  # its own axis alone: what it turns about that is another bone's share
            along = rest.world_rotation @ rest.matrices[rest.index(bone), :3, 1]
            assert angle_between(a @ along, b @ along).max() < EXACT, part
        else:
            assert angle_between(a, b).max() < EXACT, part


@pytest.mark.parametrize("rig", ALL_RIGS)
def test_the_rest_pose_itself_gives_no_turn_and_no_path(rig):
    rest, bones = ALL_RIGS[rig]()
    still = {name: np.tile(quat.IDENTITY, (3, 1)) for names in bones.bones.values() for name in names}
    curves = solve(motion_of(read(rest, bones, still)), rest, bones)
    for bone, keys in curves.rotations.items():
        assert quat.angle(keys).max() < EXACT, bone
    for location in curves.locations.values():
        assert np.abs(location).max() * rest.scale < 1e-4


def middle_of_hips(rest, bones, curves):
    """(F, 3) metres, world."""
    rig = rest.with_parents(bones.parents)
    world = rig.world_from_armature
    heads = forward(rig, curves.rotations, curves.locations)[:, :, :3, 3] @ world[:3, :3].T + world[:3, 3]
    return sum(heads[:, rig.index(bones.bones[f"{side}_thigh"][0])] for side in ("left", "right")) / 2


@pytest.mark.parametrize("rig", ALL_RIGS)
def test_the_hips_follow_the_persons_path(rig):
    """Read from the same rig, so at its own size: exact but for one lift that brings standing ankles to their height."""
    rest, bones = ALL_RIGS[rig]()
    walk = np.cumsum(np.random.default_rng(0).normal(0, 0.05, (60, 1, 3)), 0)
    joints = read(rest, bones, posed(rest, bones, 60, 3)) + walk
    off = middle_of_hips(rest, bones, solve(motion_of(joints), rest, bones)) - joints[:, 0]
    assert np.abs(off[:, :2]).max() < 1e-5
    assert np.ptp(off[:, 2]) < 1e-5


def test_hips_that_are_connected_are_moved_by_the_bone_above():
    rest, bones = quaternius()
    fixed = replace(rest, connected=tuple(name == "Hips" for name in rest.bone_names))
    motion = a_motion()
    free_curves, curves = solve(motion, rest, bones), solve(motion, fixed, bones)
    assert list(free_curves.locations) == ["Hips"]
    assert list(curves.locations) == ["Root"]
    assert "Root" not in curves.rotations
    assert curves.keyed["Root"].all()
    assert np.abs(middle_of_hips(rest, bones, curves) - middle_of_hips(rest, bones, free_curves)).max() < 1e-9


def test_path_and_height_go_by_the_length_of_the_legs():
    rest, bones = mixamo()
    motion = a_motion()
    twice = motion_of(2 * motion.positions)
    one, two = (solve(m, rest, bones).locations["mixamorig:Hips"] for m in (motion, twice))
    assert np.abs(one - two).max() < 1e-5


def test_a_standing_person_stands_on_the_ground():
    """Ankles of people stand at 8 cm, this rig's at 7.2: the rig's feet stay on its own sole."""
    rest, bones = mixamo()
    still = {"mixamorig:Hips": np.tile(quat.IDENTITY, (10, 1))}
    joints = read(rest, bones, still) + [0, 0, 0.03]
    contacts = np.ones((10, 4))
    curves = solve(motion_of(joints, contacts=contacts), rest, bones)
    heads = forward(rest, curves.rotations, curves.locations)[:, :, :3, 3]
    assert np.abs(heads[:, rest.index("mixamorig:LeftFoot"), 2] - 0.0723).max() < 1e-3


def test_mirroring_the_motion_mirrors_the_result():
    rest, bones = mixamo()
    motion = a_motion()
    mirrored = motion.positions[:, list(mirror_order(BODY_27.names))] * [-1, 1, 1]
    straight = solve(motion, rest, bones)
    other = solve(motion_of(mirrored), rest, bones)
    flip = np.diag([-1.0, 1, 1])
    a, b = (world_turns(rest, bones, c.rotations) for c in (straight, other))
    for part, names in bones.bones.items():
        swap = {"left": "right", "right": "left"}
        side, _, limb = part.partition("_")
        partner = bones.bones[f"{swap[side]}_{limb}"] if side in swap else names
        for name, image in zip(names, partner):
            assert angle_between(a[name], flip @ b[image] @ flip).max() < 1e-4, part


@pytest.mark.parametrize("rig", ALL_RIGS)
def test_armature_space_does_not_matter(rig):
    """Centimetres under an object of 0.01, Y up under an object turned by 90 degrees: the same in the world."""
    rest, bones = ALL_RIGS[rig]()
    motion = a_motion()
    up = rest.world_rotation.T @ [0.0, 0.0, 1.0]
    onto_y = quat.about(np.array([1.0, 0, 0]), np.array(-np.pi / 2))
    turn = quat.to_matrix(quat.mul(onto_y, quat.about(up, np.array(0.4))))
    moved = transformed(rest, turn, 100.0)
    one, two = solve(motion, rest, bones), solve(motion, moved, bones)
    a, b = world_turns(rest, bones, one.rotations), world_turns(moved, bones, two.rotations)
    for name in a:
        assert angle_between(a[name], b[name]).max() < 1e-6
    for name in one.locations:
        assert np.allclose(100 * one.locations[name], two.locations[name], rtol=1e-6, atol=1e-5 * 100 / rest.scale)


@pytest.mark.parametrize("rig", ALL_RIGS)
def test_rolls_of_bones_do_not_matter(rig):
    rest, bones = ALL_RIGS[rig]()
    rolled = with_rolls(rest, 11)
    motion = a_motion()
    one, two = solve(motion, rest, bones), solve(motion, rolled, bones)
    a, b = world_turns(rest, bones, one.rotations), world_turns(rolled, bones, two.rotations)
    for name in a:
        assert angle_between(a[name], b[name]).max() < 1e-6


def test_rigs_of_other_rest_poses_take_the_same_pose():
    """A-pose and T-pose, three skeletons: hips, chest, limbs turn into the same places."""
    motion = a_motion()
    directions = []
    for rig in (mixamo, rigify, quaternius):
        rest, bones = rig()
        curves = solve(motion, rest, bones)
        directions.append(limb_directions(rest, bones, curves.rotations, curves.locations))
    for part in LIMBS:
        for other in directions[1:]:
            assert angle_between(directions[0][part], other[part]).max() < EXACT


def test_a_t_pose_rig_with_straight_arms_bends_its_elbows_forwards():
    """Arms hang, forearms go forward: the hinge of a rig that shows none is the anatomical one."""
    rest, bones = quaternius()
    still = {"Hips": np.tile(quat.IDENTITY, (2, 1))}
    joints = read(rest, bones, still)
    name = BODY_27.index
    for side in ("left", "right"):
        shoulder = joints[:, name(f"{side}_shoulder")]
        joints[:, name(f"{side}_elbow")] = shoulder + [0, 0, -0.3]
        joints[:, name(f"{side}_wrist")] = shoulder + [0, -0.25, -0.3]
        joints[:, name(f"{side}_index")] = shoulder + [0, -0.33, -0.27]  # thumb up
        joints[:, name(f"{side}_pinky")] = shoulder + [0, -0.33, -0.33]
    turns = world_turns(rest, bones, solve(motion_of(joints), rest, bones).rotations)
    for side, out in (("L", 1.0), ("R", -1.0)):
        upper, hand = turns[f"UpperArm.{side}"][0], turns[f"Hand.{side}"][0]
        assert angle_between(upper @ [out, 0, 0], np.array([0, 0, -1.0])) < np.radians(3)
        assert angle_between(upper @ [0, 0, 1.0], np.array([out, 0, 0])) < np.radians(6)  # what was up is outside now
        assert angle_between(hand @ [0, -1.0, 0], np.array([0, 0, 1.0])) < np.radians(12)  # thumb side, up


def test_solving_at_two_frame_rates_agrees_at_common_frames():
    rest, bones = mixamo()
    motion = a_motion(41)
    slow, fast = solve(motion, rest, bones, fps=30), solve(motion, rest, bones, fps=60)
    assert len(slow.frames) == 41
    assert len(fast.frames) == 81
    for bone, keys in slow.rotations.items():
        assert quat.angle(quat.mul(quat.inv(keys), fast.rotations[bone][::2])).max() < 1e-9
    assert np.abs(slow.locations["mixamorig:Hips"] - fast.locations["mixamorig:Hips"][::2]).max() < 1e-9


def test_a_denser_capture_gives_the_same_movement():
    """The same movement captured at 60 frames a second and at 30: within a degree at the common times."""
    rest, bones = mixamo()
    dense = a_motion(161, fps=60.0)
    half = motion_of(dense.positions[::2], 30.0)
    one, two = solve(dense, rest, bones, fps=30), solve(half, rest, bones, fps=30)
    for bone, keys in one.rotations.items():
        assert np.degrees(quat.angle(quat.mul(quat.inv(keys), two.rotations[bone])).max()) < 1, bone


def test_a_variable_rate_clip_keeps_true_time():
    """Frames at uneven times of a steady walk: the hips are where they were at each moment, within 1 mm."""
    rest, bones = mixamo()
    still = read(rest, bones, {"mixamorig:Hips": quat.IDENTITY[None]})[0]
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.uniform(0.01, 0.07, 60))
    speed = np.array([0.3, -1.2, 0.0])
    motion = motion_of(still + (times[:, None] * speed)[:, None], 25.0, times)
    curves = solve(motion, rest, bones, fps=24)
    assert len(curves.frames) == int((times[-1] - times[0]) * 24) + 1
    place = forward(rest, curves.rotations, curves.locations)[:, 0, :3, 3]
    seconds = times[0] + (curves.frames - 1) / 24
    assert np.abs(place - (rest.heads[0] + seconds[:, None] * speed)).max() < 1e-3


@pytest.mark.parametrize(("noise_m", "most_deg"), [(0.0, 3.0), (0.003, 10.0)])
def test_a_straightening_arm_does_not_flip(noise_m, most_deg):
    """The arm straightens and bends again while it is raised: the upper arm never turns far from frame to frame."""
    rest, bones = mixamo()
    frames = 121
    t = np.linspace(0, 1, frames)
    joints = np.repeat(read(rest, bones, {"mixamorig:Hips": quat.IDENTITY[None]}), frames, axis=0)
    name = BODY_27.index
    raised = np.radians(60 * t - 80)
    upper = np.stack((np.cos(raised) * 0.9, -np.full(frames, 0.43), np.sin(raised)), -1)
    upper /= np.linalg.norm(upper, axis=-1, keepdims=True)
    hinge = np.cross(upper, [0, -1.0, 0])
    hinge /= np.linalg.norm(hinge, axis=-1, keepdims=True)
    fore = quat.rotate(quat.about(hinge, np.abs(np.cos(np.pi * t)) * np.radians(90)), upper)
    shoulder = joints[:, name("left_shoulder")]
    joints[:, name("left_elbow")] = shoulder + 0.28 * upper
    joints[:, name("left_wrist")] = shoulder + 0.28 * upper + 0.25 * fore
    for finger, aside in (("index", -0.03), ("pinky", 0.03)):
        along = joints[:, name("left_wrist")] + 0.08 * fore
        joints[:, name(f"left_{finger}")] = along + aside * np.cross(hinge, fore)
    joints += np.random.default_rng(1).normal(0, 1, joints.shape) * noise_m
    turn = world_turns(rest, bones, solve(motion_of(joints), rest, bones).rotations)["mixamorig:LeftArm"]
    assert np.degrees(angle_between(turn[1:], turn[:-1])).max() < most_deg


def test_a_knee_that_seems_bent_forwards_does_not_turn_the_leg_round():
    rest, bones = mixamo()
    joints = read(rest, bones, {"mixamorig:Hips": np.tile(quat.IDENTITY, (2, 1))})
    joints[1, BODY_27.index("left_ankle")] += [0, -0.35, 0.1]  # a knee bent forwards by 45 degrees
    turns = world_turns(rest, bones, solve(motion_of(joints), rest, bones).rotations)
    assert np.degrees(angle_between(turns["mixamorig:LeftUpLeg"][1], np.eye(3))) < 10


def test_signs_of_quaternions_are_continuous():
    rest, bones = mixamo()
    curves = solve(a_motion(200), rest, bones)
    for keys in curves.rotations.values():
        assert ((keys[1:] * keys[:-1]).sum(-1) > 0).all()
        assert np.allclose(np.linalg.norm(keys, axis=-1), 1)


def test_figures_tell_how_well_bones_point():
    rest, bones = mixamo()
    curves = solve(a_motion(), rest, bones)
    assert curves.figures["mixamorig:LeftArm"]["p95_deg"] < 1e-3
    assert set(curves.figures) >= {bones.bones[part][0] for part in LIMBS}
    assert not curves.warnings
    assert curves.unmapped_parts == ()
