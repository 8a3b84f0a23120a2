"""Limbs of control rigs bend as hinges do, so that IK can stand for FK."""

from __future__ import annotations

import numpy as np
import pytest

from video_to_armature.addon.retarget.bone_map import SIDES
from video_to_armature.addon.retarget.frames import BodyFrames, body_joints, detail, settled_frames
from video_to_armature.addon.retarget.hinges import LIMBS, hinged
from video_to_armature.lifter.contract.skeleton import BODY_27

from .bodies import angle_between

EXACT = 1e-6


def frames_of(positions):
    joints = body_joints(BODY_27.names, positions)
    times = np.arange(len(positions)) / 30
    return settled_frames(joints, detail(joints), times, BodyFrames({}, {})), joints


def reach(joints, side, names):
    start, middle, end = (joints[f"{side}_{name}"] for name in names)
    return start, middle, end, np.linalg.norm(middle - start, axis=-1), np.linalg.norm(end - middle, axis=-1)


@pytest.mark.parametrize("seed", [0, 1])
def test_both_bones_are_at_right_angles_to_the_hinge_and_the_ends_keep_their_place(seed):
    """Also in impossible poses: joints thrown at random."""
    before, joints = frames_of(np.random.default_rng(seed).normal(size=(200, 27, 3)))
    after = hinged(before, joints)
    for side in SIDES:
        for upper, lower, *names in LIMBS:
            start, _, end, a, b = reach(joints, side, names)
            first, second = (after.parts[f"{side}_{part}"][..., 1] for part in (upper, lower))
            hinge = after.parts[f"{side}_{upper}"][..., 0]
            assert np.abs((hinge * second).sum(-1)).max() < EXACT
            assert (np.cross(first, second) * hinge).sum(-1).min() > -EXACT  # never backwards
            assert np.abs(start + a[:, None] * first + b[:, None] * second - end).max() < EXACT
            if lower == "forearm":  # what turns the palm is turned no further than the bone is swung
                swung = angle_between(before.parts[f"{side}_{lower}"][..., 1], second)
                turned = angle_between(before.parts[f"{side}_{lower}"], after.parts[f"{side}_{lower}"])
                assert (turned < swung + 1e-6).all()


def bent(by, about, count=40):
    """Standing, arms out to the sides; left elbow and left knee bent by that many degrees about these axes."""
    positions = np.random.default_rng(0).normal(scale=1e-3, size=(27, 3))
    for side, x in (("left", 1), ("right", -1)):
        for name, place in (("hip", (0.1, 0, 0.9)), ("knee", (0.1, 0, 0.5)), ("ankle", (0.1, 0, 0.1)),
                            ("shoulder", (0.2, 0, 1.4)), ("elbow", (0.5, 0, 1.4)), ("wrist", (0.75, 0, 1.4)),
                            ("heel", (0.1, 0.05, 0)), ("toe", (0.1, -0.15, 0)), ("ear", (0.07, 0, 1.6)),
                            ("index", (0.85, -0.03, 1.4)), ("pinky", (0.85, 0.03, 1.4))):  # fmt: skip
            positions[BODY_27.index(f"{side}_{name}")] = np.array(place) * (x, 1, 1)
    positions[BODY_27.index("spine")], positions[BODY_27.index("thorax")] = (0, 0, 1.2), (0, 0, 1.45)
    positions[BODY_27.index("nose")] = (0, -0.12, 1.6)
    moving = np.repeat(positions[None], count, 0)
    angle, axis = np.radians(by), np.array(about, float)
    for middle, end in (("left_elbow", "left_wrist"), ("left_knee", "left_ankle")):
        reach = positions[BODY_27.index(end)] - positions[BODY_27.index(middle)]
        turned = np.cos(angle) * reach + np.sin(angle) * np.cross(axis, reach)
        moving[:, BODY_27.index(end)] = moving[:, BODY_27.index(middle)] + turned
    return moving


@pytest.mark.parametrize(("by", "about", "part"), [(60, (0, 0, -1), "upper_arm"), (60, (1, 0, 0), "thigh")])
def test_a_limb_that_bends_as_its_hinge_does_is_left_alone(by, about, part):
    before, joints = frames_of(bent(by, about))
    after = hinged(before, joints)
    assert angle_between(before.parts[f"left_{part}"], after.parts[f"left_{part}"]).max() < EXACT


def test_a_knee_bent_backwards_is_bent_forwards_and_nothing_turns_over():
    before, joints = frames_of(bent(-20, (1, 0, 0)))
    after = hinged(before, joints)
    hinge = after.parts["left_thigh"][:, :, 0]
    assert angle_between(before.parts["left_thigh"][:, :, 0], hinge).max() < np.radians(5)
    knee = joints["left_hip"] + 0.4 * after.parts["left_thigh"][:, :, 1]
    middle = (joints["left_hip"] + joints["left_ankle"]) / 2
    assert (joints["left_knee"][:, 1] > middle[:, 1] + 0.05).all()  # behind, +Y
    assert (knee[:, 1] < middle[:, 1] - 0.05).all()
