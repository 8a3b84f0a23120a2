"""World motion from exact joints: what remains is the error of world.py alone."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17
from video_to_armature.lifter.lifted import Lifted
from video_to_armature.lifter.world import HEEL_M, TOE_M, to_world

from .people import INTRINSICS, camera, project, walking

TIMES = np.arange(120) / 30
TRUE = walking(TIMES) + [2.0, 0, 0]


def solved(pitch=0.2, times=TIMES, true=TRUE, scale=1.0):
    in_cam, px = project(true, camera(pitch, 1.6, 5.0), INTRINSICS)
    return to_world(Lifted(((in_cam - in_cam[:, :1]) * scale).astype(np.float32)), px, times, INTRINSICS)


@pytest.mark.parametrize("pitch", [-0.15, 0.0, 0.3])
def test_gravity_is_found_within_three_degrees(pitch):
    up = solved(pitch).world_from_cam[2, :3]
    true_up = camera(pitch, 1.6, 5.0)[2, :3]
    assert np.degrees(np.arccos(up @ true_up)) < 3


def test_path_and_pose_are_the_true_ones():
    world = solved()
    true = TRUE - [TRUE[0, 0, 0], TRUE[0, 0, 1], 0]
    assert np.linalg.norm(world.positions - true, axis=-1).mean() < 0.08
    travelled = np.linalg.norm(world.positions[-1, 0] - world.positions[0, 0])
    assert abs(travelled - np.linalg.norm(TRUE[-1, 0] - TRUE[0, 0])) < 0.08


def test_first_pelvis_is_over_the_origin_and_feet_are_on_the_ground():
    world = solved()
    assert np.abs(world.positions[0, 0, :2]).max() < 1e-4
    planted = world.contacts > 0.5
    over = (world.positions[:, [18, 17, 20, 19], 2] - [HEEL_M, TOE_M, HEEL_M, TOE_M])[planted]
    assert abs(np.median(over)) < 0.002
    assert np.percentile(np.abs(over), 95) < 0.01


def test_contacts_are_those_of_the_walk_and_planted_feet_hardly_slide():
    world = solved()
    order = [BODY_27.index(n) for n in ("left_heel", "left_toe", "right_heel", "right_toe")]
    speed = np.linalg.norm(np.gradient(TRUE[:, order], TIMES, axis=0), axis=-1)
    stands = speed < 0.05
    clear = stands | (speed > 0.8)  # the frames around lift-off may be called either way
    assert ((world.contacts > 0.5) == stands)[clear].mean() > 0.95
    found = np.linalg.norm(np.gradient(world.positions[:, order], TIMES, axis=0), axis=-1)
    assert np.median(found[stands]) < 0.05


def test_someone_twice_as_tall_is_twice_as_far():
    a, b = solved(), solved(scale=2.0)
    depth_a, depth_b = -a.world_from_cam[1, 3], -b.world_from_cam[1, 3]
    assert abs(depth_b / depth_a - 2) < 0.05


def test_camera_reprojects_the_result_onto_the_keypoints():
    world = solved()
    _, px = project(TRUE, camera(0.2, 1.6, 5.0), INTRINSICS)
    _, again = project(world.positions.astype(float), world.world_from_cam, INTRINSICS)
    assert np.median(np.linalg.norm(again - px, axis=-1)) < 8  # of 1280 pixels


@pytest.mark.parametrize("turn_deg", [20.0, 160.0])
def test_a_camera_that_turns_gives_what_a_still_one_gives(turn_deg):
    """Pans with a hand's shake and rolls; the world is that of the still camera, and each frame's camera fits."""
    rng = np.random.default_rng(0)
    turns = np.stack(
        [0.02 * rng.normal(size=120), np.radians(turn_deg) * TIMES / TIMES[-1], 0.1 * np.sin(3 * TIMES)], 1
    )
    first_from_cam = Rotation.from_rotvec(turns).as_matrix()
    first_from_cam = first_from_cam[0].T @ first_from_cam
    still, _ = project(TRUE, camera(0.2, 1.6, 5.0), INTRINSICS)
    in_cam = np.einsum("fji,fkj->fki", first_from_cam, still)
    px = in_cam @ INTRINSICS.T
    px = np.concatenate([px[..., :2] / px[..., 2:], np.full((*px.shape[:2], 1), 0.95)], -1)
    px[in_cam[..., 2] < 0.1] = (np.nan, np.nan, 0)  # behind the camera
    known = (px[..., 2] > 0).all(-1)
    px[~known] = (np.nan, np.nan, 0)
    lifted = Lifted(np.where(known[:, None, None], in_cam - in_cam[:, :1], np.nan).astype(np.float32))
    world = to_world(lifted, px.astype(np.float32), TIMES, INTRINSICS, first_from_cam=first_from_cam)
    assert world.world_from_cam.shape == (120, 4, 4)
    stretch = slice(0, int(np.flatnonzero(~known)[0]) if not known.all() else 120)
    assert known[stretch].sum() > 40
    expected = solved(times=TIMES[stretch], true=TRUE[stretch])
    np.testing.assert_allclose(world.positions[stretch], expected.positions, atol=0.02)
    for f in (0, 30):
        _, again = project(world.positions[f : f + 1].astype(float), world.world_from_cam[f], INTRINSICS)
        assert np.median(np.linalg.norm(again[0, :, :2] - px[f, :, :2], axis=-1)) < 8


def test_depth_noise_does_not_shake_the_path():
    rng = np.random.default_rng(0)
    in_cam, px = project(TRUE, camera(0.2, 1.6, 5.0), INTRINSICS)
    px[..., :2] += rng.normal(0, 3, px[..., :2].shape)
    swelling = 1 + 0.04 * np.sin(2 * np.pi * 0.8 * TIMES)[:, None, None]  # limbs seem longer, so the root farther
    rel = ((in_cam - in_cam[:, :1]) * swelling).astype(np.float32)
    world = to_world(Lifted(rel), px, TIMES, INTRINSICS)
    acceleration = np.diff(world.positions[:, 0], 2, axis=0) * 30**2
    assert np.linalg.norm(acceleration, axis=-1).mean() < 4


def test_unknown_frames_stay_unknown():
    in_cam, px = project(TRUE, camera(0.2, 1.6, 5.0), INTRINSICS)
    rel = (in_cam - in_cam[:, :1]).astype(np.float32)
    rel[:30], px[:30] = np.nan, [np.nan, np.nan, 0]
    rel[60:90], px[60:90] = np.nan, [np.nan, np.nan, 0]
    world = to_world(Lifted(rel), px, TIMES, INTRINSICS)
    unknown = np.isnan(world.positions).any((1, 2))
    assert unknown[:30].all()
    assert unknown[60:90].all()
    assert not unknown[30:60].any()
    assert np.abs(world.positions[30, 0, :2]).max() < 1e-4
    assert np.isfinite(world.contacts).all()


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
def test_shortest_clips(frames):
    world = solved(times=TIMES[:frames], true=TRUE[:frames])
    assert np.isfinite(world.positions).all()


def test_lying_down_is_not_stood_up():
    lying = TRUE[:, :, [2, 1, 0]] * [1, 1, 0.2] + [-1, 0, 0.3]
    up = solved(true=lying).world_from_cam[2, :3]
    assert np.degrees(np.arccos(up @ camera(0.2, 1.6, 5.0)[2, :3])) < 15  # the level camera's prior, not the body


def test_a_skeleton_without_feet_stands_on_its_ankles():
    in_cam, px = project(TRUE[:, :17], camera(0.2, 1.6, 5.0), INTRINSICS)
    world = to_world(Lifted((in_cam - in_cam[:, :1]).astype(np.float32)), px, TIMES, INTRINSICS, H36M_17)
    true = TRUE[:, :17] - [TRUE[0, 0, 0], TRUE[0, 0, 1], 0]
    assert np.linalg.norm(world.positions - true, axis=-1).mean() < 0.08
    ankles = [H36M_17.index(n) for n in ("left_ankle", "left_ankle", "right_ankle", "right_ankle")]
    speed = np.linalg.norm(np.gradient(TRUE[:, ankles], TIMES, axis=0), axis=-1)
    stands = speed < 0.05
    clear = stands | (speed > 0.8)
    assert ((world.contacts > 0.5) == stands)[clear].mean() > 0.95
    heights = world.positions[:, ankles, 2][world.contacts > 0.5]
    assert abs(np.median(heights) - 0.08) < 0.002
