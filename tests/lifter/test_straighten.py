"""Knees and elbows bent less: bones keep their lengths, straight limbs stay, bent ones lose what they bend too much."""

import numpy as np
import pytest

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train.straighten import TOO_BENT_DEG, straightened

from .people import walking

TOO_BENT = np.radians([TOO_BENT_DEG["daz"]])
LIMBS = {"knee": ("hip", "knee", "ankle"), "elbow": ("shoulder", "elbow", "wrist")}


def bend(joints, limb, side):
    a, b, c = (joints[..., BODY_27.index(f"{side}_{name}"), :] for name in LIMBS[limb])
    first, second = b - a, c - b
    cosine = (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)
    return np.arccos(np.clip(cosine, -1, 1))


def lengths(joints):
    parents = np.maximum(BODY_27.parents, 0)
    return np.linalg.norm(joints - joints[..., parents, :], axis=-1)


def crouching(degrees):
    """A walker's frame whose left knee bends by so much, forwards."""
    joints = walking(np.zeros(1))[None].copy()
    hip, knee, ankle = (BODY_27.index(f"left_{name}") for name in LIMBS["knee"])
    half, shin = np.radians(degrees) / 2, [BODY_27.index(f"left_{n}") for n in ("ankle", "heel", "toe")]
    upper, lower = lengths(joints)[0, 0, [knee, ankle]]
    joints[:, :, knee] = joints[:, :, hip] + upper * np.array([0, -np.sin(half), -np.cos(half)])
    old = joints[:, :, ankle].copy()
    joints[:, :, shin] += (joints[:, :, knee] + lower * np.array([0, np.sin(half), -np.cos(half)]) - old)[:, :, None]
    return joints


def test_bones_keep_their_lengths_and_the_trunk_its_place():
    joints = walking(np.arange(30) / 30)[None]
    found = straightened(joints, TOO_BENT)
    assert np.abs(lengths(found) - lengths(joints)).max() < 1e-6
    moved = np.linalg.norm(found - joints, axis=-1).max((0, 1)) > 1e-9
    parts = {name.split("_")[-1] for name, m in zip(BODY_27.names, moved, strict=True) if m}
    assert parts == {"knee", "ankle", "heel", "toe", "elbow", "wrist", "index", "pinky"}


@pytest.mark.parametrize(("degrees", "left"), [(1, (0.0, 1.0)), (30, (15.0, 17.0)), (90, (72.0, 72.5))])
def test_bent_knees_lose_their_excess_and_straight_ones_next_to_nothing(degrees, left):
    found = straightened(crouching(degrees), TOO_BENT)
    assert left[0] <= np.degrees(bend(found, "knee", "left")[0, 0]) <= left[1]
    knee = BODY_27.index("left_knee")
    assert np.ptp(found[0, 0, [knee, BODY_27.index("left_hip")], 0]) < 1e-9  # still forwards


def test_what_bends_too_little_is_left():
    joints = walking(np.arange(5) / 30)[None]
    assert np.abs(straightened(joints, np.zeros((1, 2))) - joints).max() < 1e-9
