"""What the network is told of up: heeded, mirrored as the person is, and the same however the camera was held or turned."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from video_to_armature.lifter import level, networks, pipeline, upright
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.keypoints import Keypoints, derive
from video_to_armature.lifter.lift import lift

from .people import INTRINSICS, camera, project, walking

TIMES = np.arange(60) / 30
SEEN_FROM = camera(0.25, 2.2, 5.0)
UP = SEEN_FROM[2, :3]
HFOV = float(np.degrees(2 * np.arctan(640 / 1200)))


@pytest.fixture(scope="module")
def lifter():
    return networks.load("mixste_body27", "cpu", pytest.fail)


def seen(world_from_cam=SEEN_FROM):
    return derive(project(walking(TIMES) + [1.0, 0, 0], world_from_cam, INTRINSICS)[1])


def lifted(lifter, px, up):
    told = None if up is None else np.broadcast_to(up, (len(px), 3))
    return lift(lifter, px, TIMES, INTRINSICS, None, lambda *_: None, pytest.fail, told).joints


def lean(joints):
    """Degrees by which the trunk leans towards the camera."""
    trunk = (joints[:, BODY_27.index("thorax")] - joints[:, 0]).mean(0)
    return np.degrees(np.arctan2(-trunk[2], -trunk[1]))


def test_who_is_told_otherwise_sees_another_lean(lifter):
    ten = Rotation.from_euler("x", 10, degrees=True).apply(UP)
    assert lifter.told_up
    assert 1.5 < lean(lifted(lifter, seen(), ten)) - lean(lifted(lifter, seen(), UP)) < 12


def test_mirrored_people_who_are_told_give_mirrored_joints(lifter):
    tilted = Rotation.from_euler("z", 8, degrees=True).apply(UP)
    px, flip, signs = seen(), list(BODY_27.mirror), np.array([-1, 1, 1])
    mirrored = px[:, flip].copy()
    mirrored[..., 0] = 2 * INTRINSICS[0, 2] - mirrored[..., 0]
    there = lifted(lifter, px, tilted)[:, flip] * signs
    np.testing.assert_allclose(lifted(lifter, mirrored, tilted * signs), there, atol=1e-4)


def test_a_first_look_tells_up_within_some_degrees(lifter):
    up, off = level.first_look(lifter, seen(), TIMES, INTRINSICS)
    assert np.degrees(np.arccos(up @ UP)) < 8
    assert np.degrees(off) == pytest.approx(5)
    momentary = seen()
    momentary[np.arange(60) != 31] = np.nan, np.nan, 0  # of the frames that the network runs at, none
    up, _ = level.first_look(lifter, momentary, TIMES, INTRINSICS)
    assert np.degrees(np.arccos(up @ UP)) < 20


def captured(px, **options):
    header = {"fps": 30.0, "width": 1280, "height": 720, "first_frame": 0}
    points = Keypoints(header, BODY_27.names, px, TIMES)
    chosen = pipeline.Options(device="cpu", hfov=HFOV, **options)
    return pipeline.lift(points, chosen, pipeline.Run(lambda event: None))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_camera_held_askew_gives_the_same_motion(quarters):
    held = upright.turned(seen(), -quarters, INTRINSICS[:2, 2])
    a, b = captured(seen()), captured(held, roll=90.0 * quarters if quarters < 3 else -90.0)
    assert np.nanmax(np.linalg.norm(a.positions - b.positions, axis=-1)) < 0.01


def test_up_in_each_frame_is_up_where_that_frames_camera_points():
    turned = Rotation.from_euler("xyz", np.random.default_rng(0).uniform(-20, 20, (7, 3)), degrees=True).as_matrix()
    for quarters in range(4):
        own = level.in_each_frame(UP, quarters, turned, 7)
        for f in range(7):
            expected = upright.rotation(quarters) @ turned[f].T @ UP
            np.testing.assert_allclose(own[f], expected, atol=1e-12)
    np.testing.assert_allclose(level.in_each_frame(UP, 0, None, 3), np.tile(UP, (3, 1)))
