"""Feet that stand stay on other legs, and what the animator may choose: who takes the path, where it begins."""

# pyright: reportOperatorIssue=false, reportOptionalSubscript=false, reportIndexIssue=false, reportArgumentType=false

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.choices import Choices
from video_to_armature.addon.retarget.landmarks import rest_landmarks
from video_to_armature.addon.retarget.people import how_moved, moved_by, started
from video_to_armature.addon.retarget.solve import forward, solve
from video_to_armature.lifter.contract.protocol import RigError, UsageError
from video_to_armature.lifter.contract.skeleton import BODY_27

from .bodies import angle_between, mixamo, motion_of, posed, quaternius, read, rigify, world_turns

FPS = 30.0
NEVER = Choices(feet={"left": "never", "right": "never"})


def walking(frames=90, fps=FPS):
    """Mixamo's body swinging its legs as in a walk, moved so that the lower foot stays put; contacts where it does."""
    rest, bones = mixamo()
    t = np.arange(frames) / fps
    side = np.array([1.0, 0, 0])
    keys = {}
    for word, sign in (("Left", 1.0), ("Right", -1.0)):
        phase = sign * np.sin(2 * np.pi * t)
        turns = {"UpLeg": 25 * phase, "Leg": -15 - 15 * np.cos(2 * np.pi * t) * sign, "Foot": -10 * phase}
        for bone, degrees in turns.items():
            name = f"mixamorig:{word}{bone}"
            at_rest = quat.from_matrix(rest.matrices[rest.index(name), :3, :3])
            by = quat.about(np.broadcast_to(side, (frames, 3)), np.radians(degrees))
            keys[name] = quat.mul(quat.mul(quat.inv(at_rest), by), at_rest)
    joints = read(rest, bones, keys)
    left, right = (joints[:, BODY_27.index(f"{s}_toe")] for s in ("left", "right"))
    on_left = left[:, 2] < right[:, 2]
    lower = np.where(on_left[:, None], left, right)
    steps = np.where((on_left[1:] == on_left[:-1])[:, None], np.diff(lower, axis=0), 0.0)
    joints[1:] -= np.cumsum(steps, 0)[:, None] * [1, 1, 0]
    contacts = np.zeros((frames, 4))
    contacts[:, 1], contacts[:, 3] = on_left, ~on_left
    return motion_of(joints, fps, contacts=contacts), contacts > 0.5


def sole_points(rest, bones, curves):
    """(F, 4, 3) metres, world: left heel and toe, right heel and toe as the posed rig carries them."""
    rig = rest.with_parents(bones.parents)
    marks = rest_landmarks(rig, bones)
    world = rig.world_from_armature
    turns = world @ forward(rig, curves.rotations, curves.locations) @ np.linalg.inv(world @ rig.matrices)
    out = []
    for name in ("left_heel", "left_toe", "right_heel", "right_toe"):
        bone, place = marks.bones[BODY_27.index(name)], marks.joint(name)
        out.append(turns[:, bone, :3, :3] @ place + turns[:, bone, :3, 3])
    return np.stack(out, 1)


def speeds(points, contacts, fps=FPS):
    """cm/s where they stand."""
    both = contacts[1:] & contacts[:-1]
    return 100 * fps * np.linalg.norm(np.diff(points, axis=0), axis=-1)[both]


@pytest.mark.parametrize("rig", [mixamo, rigify, quaternius])
def test_standing_feet_stay_on_any_legs(rig):
    rest, bones = rig()
    motion, contacts = walking()
    curves = solve(motion, rest, bones)
    assert speeds(sole_points(rest, bones, curves), contacts).max() < 1.0
    assert (curves.contacts[:, :4] == contacts).all()
    if rig is not mixamo:  # whose own walk it is
        loose = speeds(sole_points(rest, bones, solve(motion, rest, bones, choices=NEVER)), contacts)
        assert loose.mean() > 3.0
        for i, side in enumerate(("left", "right")):
            here = contacts * (np.arange(4) // 2 == i)
            assert curves.slides[side]["before"] == pytest.approx(
                speeds(sole_points(rest, bones, solve(motion, rest, bones, choices=NEVER)), here > 0).mean(), rel=1e-3
            )
            assert curves.slides[side]["after"] < 1.0


def test_knees_keep_their_plane_and_the_hips_their_path():
    rest, bones = rigify()
    motion, _ = walking()
    fitted, loose = solve(motion, rest, bones), solve(motion, rest, bones, choices=NEVER)
    for name, location in loose.locations.items():
        assert np.abs(fitted.locations[name] - location).max() < 1e-9
    a, b = world_turns(rest, bones, fitted.rotations), world_turns(rest, bones, loose.rotations)
    hinge = rest.world_rotation @ [1.0, 0, 0]
    for side in ("left", "right"):
        thigh = bones.bones[f"{side}_thigh"][0]
        assert np.degrees(angle_between(a[thigh] @ hinge, b[thigh] @ hinge)).max() < 3
        assert 0.1 < np.degrees(angle_between(a[thigh], b[thigh])).max() < 15


def test_corrections_come_and_go_without_jumps():
    rest, bones = rigify()
    motion, _ = walking()
    fitted, loose = solve(motion, rest, bones), solve(motion, rest, bones, choices=NEVER)
    a, b = world_turns(rest, bones, fitted.rotations), world_turns(rest, bones, loose.rotations)
    for name in (bones.bones[f"{s}_{p}"][0] for s in ("left", "right") for p in ("thigh", "shin", "foot")):
        steps = [np.degrees(angle_between(t[1:], t[:-1])) for t in (a[name], b[name])]
        assert (steps[0] - steps[1]).max() < 20, name  # the bar; a leg as straight as this bends by 10 for 1 cm


def test_a_flat_foot_keeps_its_turn_too():
    rest, bones = mixamo()
    motion, walked = walking()
    contacts = walked[:, [1, 1, 3, 3]].astype(float)  # the whole sole, where the toe stands
    curves = solve(replace(motion, contacts=contacts), rest, bones)
    foot = world_turns(rest, bones, curves.rotations)["mixamorig:LeftFoot"]
    flat = np.flatnonzero(walked[:, 1])
    flat = flat[flat < flat[0] + 8]
    assert np.degrees(angle_between(foot[flat], foot[flat[0]])).max() < 0.01
    assert speeds(sole_points(rest, bones, curves), contacts > 0.5).max() < 0.1


def test_always_and_never_go_before_the_motions_contacts():
    rest, bones = mixamo()
    motion = motion_of(np.repeat(read(rest, bones, {"mixamorig:Hips": quat.IDENTITY[None]}), 30, axis=0))
    motion = replace(motion, positions=motion.positions + np.random.default_rng(0).normal(0, 0.004, (30, 27, 3)))
    always = solve(motion, rest, bones, choices=Choices(feet={"left": "always", "right": "never"}))
    assert always.contacts is not None
    assert always.contacts[:, :2].all()
    assert not always.contacts[:, 2:].any()
    points = sole_points(rest, bones, always)
    assert speeds(points, always.contacts[:, :4]).max() < 0.5
    assert list(always.slides) == ["left"]


def test_edited_contacts_take_the_place_of_the_motions_own():
    rest, bones = rigify()
    motion, _ = walking()
    edited = np.zeros((90, 4), bool)
    edited[20:30, 3] = True
    curves = solve(motion, rest, bones, contacts=edited)
    assert speeds(sole_points(rest, bones, curves), edited).max() < 0.1
    assert list(curves.slides) == ["right"]


def test_a_foot_that_stands_while_it_travels_is_put_down_anew():
    """Contacts that are wrong by a metre: nothing flies apart, no bone of the leg spins."""
    rest, bones = mixamo()
    still = np.repeat(read(rest, bones, {"mixamorig:Hips": quat.IDENTITY[None]}), 60, axis=0)
    still[..., 1] -= np.linspace(0, 1.5, 60)[:, None]
    curves = solve(motion_of(still, contacts=np.ones((60, 4))), rest, bones)
    for name, turn in world_turns(rest, bones, curves.rotations).items():
        assert np.isfinite(turn).all()
        assert np.degrees(angle_between(turn, np.eye(3))).max() < 45, name


def test_unknown_frames_in_a_stand_do_no_harm():
    rest, bones = mixamo()
    motion, _ = walking()
    positions = motion.positions.copy()
    positions[20:30] = np.nan
    gapped = replace(motion, positions=positions, confidence=np.isfinite(positions).all(-1).astype(np.float32))
    curves = solve(gapped, rest, bones)
    for keys in curves.rotations.values():
        assert np.isfinite(keys).all()


def hips(rest, bones, curves):
    rig = rest.with_parents(bones.parents)
    world = rig.world_from_armature
    heads = forward(rig, curves.rotations, curves.locations)[:, :, :3, 3] @ world[:3, :3].T + world[:3, 3]
    return sum(heads[:, rig.index(bones.bones[f"{side}_thigh"][0])] for side in ("left", "right")) / 2


def test_root_object_and_in_place_share_one_path():
    rest, bones = quaternius()
    motion, _ = walking()
    by_hips, by_root, by_object, in_place = (
        solve(motion, rest, bones, choices=Choices(root=root)) for root in ("hips", "root", "object", "in place")
    )
    path = hips(rest, bones, by_hips)
    assert np.abs(hips(rest, bones, by_root) - path).max() < 1e-6
    assert set(by_root.locations) == {"Hips", "Root"}
    assert np.abs(hips(rest, bones, by_object) + by_object.object_path - path).max() < 1e-6
    assert np.abs(by_object.object_path[:, 2]).max() == 0
    still = hips(rest, bones, in_place)
    assert np.abs(still[:, :2] - path[0, :2]).max() < 1e-6
    assert np.abs(still[:, 2] - path[:, 2]).max() < 1e-6
    assert np.abs(np.diff(by_root.locations["Hips"] @ rest.matrices[rest.index("Hips"), :3, :3].T, axis=0)).max() < 0.01


def test_without_a_bone_above_the_hips_there_is_no_root():
    rest, bones = mixamo()
    with pytest.raises(RigError, match="no bone above 'mixamorig:Hips'"):
        solve(walking()[0], rest, bones, choices=Choices(root="root"))


@pytest.mark.parametrize("degrees", [0.0, 90.0, -135.0])
def test_the_first_person_begins_where_and_as_chosen(degrees):
    rest, bones = mixamo()
    motion, _ = walking()
    motion = moved_by(motion, np.array([[0, -1, 0, 3.0], [1, 0, 0, -2], [0, 0, 1, 0], [0, 0, 0, 1]]))
    choices = Choices(place=(1.0, 2.0, 0.5), facing=float(np.radians(degrees)))
    [placed] = started([motion], choices)
    curves = solve(placed, rest, bones, choices=choices)
    first = hips(rest, bones, curves)[0]
    assert np.abs(first[:2] - [1, 2]).max() < 1e-5
    as_captured = hips(rest, bones, solve(motion, rest, bones))[0]
    assert first[2] == pytest.approx(as_captured[2] + 0.5, abs=1e-5)
    across = placed.joint("left_hip")[0] - placed.joint("right_hip")[0]
    assert np.degrees(np.angle(np.exp(1j * (np.arctan2(across[1], across[0]) - choices.facing)))) == pytest.approx(
        0, abs=1e-3
    )
    again = moved_by(motion, how_moved(motion, placed))
    assert np.abs(again.positions - placed.positions).max() < 1e-5


def test_unknown_words_are_refused():
    with pytest.raises(UsageError, match="root 'feet' is not known"):
        Choices(root="feet")
    with pytest.raises(UsageError, match="left foot 'sometimes'"):
        Choices(feet={"left": "sometimes", "right": "auto"})
    with pytest.raises(UsageError, match="finite"):
        Choices(facing=float("nan"))


def test_orientations_that_the_motion_tells_are_used():
    """Seventeen joints tell no palm: with the hands' orientations they come out right, forearms share their turn."""
    rest, bones = quaternius()
    pose = posed(rest, bones, 60, 4)
    joints = read(rest, bones, pose)
    wanted = world_turns(rest, bones, pose)
    parts = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
    told = np.stack([quat.from_matrix(wanted[bones.bones[part][0]]) for part in parts], 1)
    plain = motion_of(joints[:, :17], names=BODY_27.names[:17])
    motion = replace(plain, rotations=told.astype(np.float32), rotation_names=parts)
    for fps in (30.0, 60.0):
        found = world_turns(rest, bones, solve(motion, rest, bones, fps=fps, choices=NEVER).rotations)
        for part in parts:
            bone = bones.bones[part][0]
            every = found[bone][:: round(fps / 30)]
            assert np.degrees(angle_between(every, wanted[bone])).max() < 6, (
                part
            )  # knuckles lie 5 degrees off the T-pose of the format
    without = world_turns(rest, bones, solve(plain, rest, bones).rotations)
    assert "Hand.L" not in solve(plain, rest, bones).rotations
    assert np.degrees(angle_between(without["Foot.L"], wanted["Foot.L"])).max() > 3


@pytest.mark.parametrize("rig", [mixamo, rigify, quaternius])
@pytest.mark.parametrize("off", [-0.04, 0.03])
def test_feet_stand_on_the_floor_though_the_capture_is_some_centimetres_off(rig, off):
    rest, bones = rig()
    motion, contacts = walking()
    raised = replace(motion, positions=motion.positions + np.float32([0, 0, off]))
    heights, level = (sole_points(rest, bones, solve(m, rest, bones))[..., 2][contacts] for m in (raised, motion))
    assert np.abs(heights - level).max() < 1e-5
    assert abs(np.median(heights)) < 0.02
    assert abs(np.median(raised.positions[:, [BODY_27.index("left_toe")], 2])) > 0.02
