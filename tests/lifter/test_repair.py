"""Sides exchanged and points that jump, in a walk seen from the side, where the legs cross all the time."""

import numpy as np
import pytest

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.repair import repaired

from .people import INTRINSICS, camera, project, walking

TIMES = np.arange(90) / 30
TRUE = project(walking(TIMES) + [1.5, 0, 0], camera(0.1, 1.2, 5.0), INTRINSICS)[1].astype(float)
LEGS = [[BODY_27.index(f"{s}_{p}") for p in ("hip", "knee", "ankle", "heel", "toe")] for s in ("left", "right")]


def noisy(seed=0, pixels=3.0):
    body = TRUE.copy()
    body[..., :2] += np.random.default_rng(seed).normal(0, pixels, body[..., :2].shape)
    return body


def test_a_clean_walk_is_left_as_it_is():
    for body in (TRUE, noisy()):
        out, exchanged, jumps = repaired(body, TIMES, BODY_27)
        assert (exchanged, jumps) == (0, 0)
        np.testing.assert_array_equal(out, body)


@pytest.mark.parametrize("spell", [slice(21, 22), slice(30, 36)])
def test_exchanged_legs_are_put_right(spell):
    body = noisy()
    expected = body.copy()
    rows = np.arange(90)[spell]
    body[spell, LEGS[0] + LEGS[1]] = body[spell, LEGS[1] + LEGS[0]]
    apart = np.linalg.norm((body - expected)[rows, LEGS[0][2], :2], axis=-1)
    out, exchanged, _ = repaired(body, TIMES, BODY_27)
    assert exchanged <= len(rows)
    wrong = np.linalg.norm((out - expected)[rows, LEGS[0][2], :2], axis=-1)
    assert (wrong > 10).sum() <= 0.3 * (apart > 10).sum()  # where the legs cross nobody can tell


def test_a_long_spell_is_the_detectors_word():
    body = TRUE.copy()
    body[10:80, LEGS[0] + LEGS[1]] = body[10:80, LEGS[1] + LEGS[0]]
    assert repaired(body, TIMES, BODY_27)[1] <= 20


def test_a_lone_jump_is_unseen_and_a_fast_hand_is_not():
    body, wrist = noisy(), BODY_27.index("left_wrist")
    body[40, wrist, 0] += 200
    out, exchanged, jumps = repaired(body, TIMES, BODY_27)
    assert (exchanged, jumps) == (0, 1)
    assert np.isnan(out[40, wrist, :2]).all()
    assert out[40, wrist, 2] == 0
    fast = noisy()
    fast[:, wrist, 0] += 150 * np.sin(2 * np.pi * 3 * TIMES)  # three times a second to and fro
    assert repaired(fast, TIMES, BODY_27)[2] == 0


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_shortest_clips_and_unseen_people(frames):
    body = TRUE[:frames].copy()
    np.testing.assert_array_equal(repaired(body, TIMES[:frames], BODY_27)[0], body)
    body[...] = (np.nan, np.nan, 0)
    assert repaired(body, TIMES[:frames], BODY_27)[1:] == (0, 0)
