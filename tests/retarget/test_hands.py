"""Hands that rest on the floor, a wall or the hips stay there on other arms."""

# pyright: reportOptionalSubscript=false

from __future__ import annotations

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.landmarks import rest_landmarks
from video_to_armature.addon.retarget.solve import forward, solve
from video_to_armature.lifter.contract.motion import CONTACT_NAMES
from video_to_armature.lifter.contract.skeleton import BODY_27

from .bodies import mixamo, motion_of, posed, quaternius, read, rigify
from .test_feet_and_choices import FPS

FRAMES = 60
RESTS = slice(15, 50)  # the left hand
ARM = ("left_elbow", "left_wrist", "left_index", "left_pinky")


def swaying():
    """Mixamo's body, elbows bent, swaying and turning as one: (F, 27, 3), and its hips, (F, 3, 3)."""
    rest, bones = mixamo()
    still = read(rest, bones, posed(rest, bones, 1, 3, limits=(20, 10)))[0]
    near = still[BODY_27.index("left_shoulder")] - still[BODY_27.index("left_wrist")]
    for name in ARM[1:]:
        still[BODY_27.index(name)] += 0.2 * near  # within reach of shorter arms
    t = np.linspace(0, 2 * np.pi, FRAMES)
    turn = quat.to_matrix(quat.about(np.broadcast_to([0.0, 0, 1], (FRAMES, 3)), 0.1 * np.sin(t)))
    pelvis = still[BODY_27.index("pelvis")]
    way = pelvis + 0.03 * np.stack((np.sin(t), np.cos(t), 0 * t), -1)
    return np.einsum("fij,kj->fki", turn, still - pelvis) + way[:, None], turn


def leaning():
    """The same with the left hand on something that stands still: the elbow goes half the way."""
    joints, turn = swaying()
    for name, share in zip(ARM, (0.5, 1, 1, 1)):
        at = BODY_27.index(name)
        joints[:, at] += share * (joints[0, at] - joints[:, at])
    return joints, turn


def given(joints, left=True):
    motion = motion_of(joints, FPS)
    contacts = np.zeros((FRAMES, 6), np.float32)
    contacts[RESTS, 4] = left
    return type(motion)(
        **{**vars(motion), "contacts": contacts, "contact_names": (*CONTACT_NAMES, "left_hand", "right_hand")}
    )


def places(rest, bones, curves, *parts):
    """(F, 3) metres, world, of the heads of the parts' bones."""
    rig = rest.with_parents(bones.parents)
    heads = (rig.world_from_armature @ forward(rig, curves.rotations, curves.locations))[:, :, :3, 3]
    return [heads[:, rig.index(bones.bones[part][0])] for part in parts]


@pytest.mark.parametrize("rig", [quaternius, rigify])
def test_a_hand_on_the_floor_or_a_wall_keeps_its_place(rig):
    rest, bones = rig()
    joints, _ = leaning()
    held, loose = (solve(given(joints, left), rest, bones) for left in (True, False))
    wrist, other = (places(rest, bones, curves, "left_hand")[0][RESTS] for curves in (held, loose))
    assert np.ptp(wrist, axis=0).max() < 1e-5 < 1e-3 < np.ptp(other, axis=0).max()
    assert np.abs(wrist - held.path_scale * joints[RESTS, BODY_27.index("left_wrist")]).max() < 1e-4
    assert held.contacts[RESTS, 4].all()
    for part in ("left_thigh", "right_forearm", "head", "hips"):
        assert np.abs(held.rotations[bones.bones[part][0]] - loose.rotations[bones.bones[part][0]]).max() < 1e-9
    steps = np.linalg.norm(np.diff(places(rest, bones, held, "left_hand")[0], axis=0), axis=-1)
    assert steps.max() < 0.02  # it comes and goes without a jump


@pytest.mark.parametrize("rig", [quaternius, rigify])
def test_a_hand_on_the_hips_goes_with_them(rig):
    rest, bones = rig()
    joints, turn = swaying()
    held = solve(given(joints), rest, bones)
    wrist, left, right = places(rest, bones, held, "left_hand", "left_thigh", "right_thigh")
    seen = np.einsum("fji,fj->fi", turn, wrist - (left + right) / 2)[RESTS]
    assert np.ptp(seen, axis=0).max() < 1e-5
    marks = rest_landmarks(rest.with_parents(bones.parents), bones)
    at = {name: joints[0, BODY_27.index(name)] for name in ("left_hip", "right_hip", "left_wrist", "pelvis")}
    width = np.linalg.norm(marks.joint("left_hip") - marks.joint("right_hip"))
    scale = width / np.linalg.norm(at["left_hip"] - at["right_hip"])
    assert np.linalg.norm(seen[0]) == pytest.approx(scale * np.linalg.norm(at["left_wrist"] - at["pelvis"]), rel=1e-4)


def test_what_the_animator_says_counts_in_the_place_of_the_motions_own():
    rest, bones = quaternius()
    joints, _ = leaning()
    edited = np.zeros((FRAMES, 6), np.bool_)
    edited[RESTS, 4] = True
    by_hand = solve(motion_of(joints, FPS), rest, bones, contacts=edited)
    told = solve(given(joints), rest, bones)
    assert max(np.abs(by_hand.rotations[bone] - keys).max() for bone, keys in told.rotations.items()) < 1e-9
