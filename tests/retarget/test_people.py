"""People of one video stand to each other as the camera saw them, whatever each one's own origin is."""

from dataclasses import replace

import numpy as np

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.people import in_one_place

from .bodies import motion_of
from .test_solve import a_motion

CAMERA = np.array([[1.0, 0, 0, 0.4], [0, 0, 1, -4], [0, -1, 0, 1.5], [0, 0, 0, 1]])  # world from camera, level


def seen_from(motion, own_from_world):
    """The same person by the same camera, in a world of their own."""
    positions = motion.positions @ own_from_world[:3, :3].T + own_from_world[:3, 3]
    return replace(motion, positions=positions, world_from_cam=own_from_world @ motion.world_from_cam)


def shifted(yaw, x, y):
    out = np.eye(4)
    out[:3, :3] = quat.to_matrix(quat.about(np.array([0.0, 0, 1]), np.array(yaw)))
    out[:2, 3] = x, y
    return out


def test_people_come_back_to_where_the_camera_saw_them():
    first = replace(a_motion(), world_from_cam=CAMERA)
    second = seen_from(first, shifted(0, 2.0, 1.0))
    unknown = second.positions.copy()
    unknown[5:9] = np.nan
    second = replace(second, positions=unknown, confidence=np.isfinite(unknown).all(-1), world_from_cam=CAMERA)
    own = seen_from(second, shifted(0.3, -2.0, -0.7))
    placed = in_one_place([first, own])
    assert placed[0] is first
    assert np.allclose(placed[1].positions, second.positions, atol=1e-5, equal_nan=True)
    assert np.allclose(placed[1].world_from_cam, CAMERA, atol=1e-9)


def test_a_tilt_measured_otherwise_leaves_the_body_and_its_height():
    first = replace(a_motion(), world_from_cam=CAMERA)
    tilt = np.eye(4)
    tilt[:3, :3] = quat.to_matrix(quat.about(np.array([1.0, 0, 0]), np.radians(4.0)))
    other = replace(a_motion(seed=6), world_from_cam=shifted(0.0, 1.0, 2.0) @ tilt @ CAMERA)
    placed = in_one_place([first, other])[1]
    assert np.allclose(placed.positions[..., 2], other.positions[..., 2], atol=1e-6)
    size = np.linalg.norm(np.diff(other.positions, axis=1), axis=-1)
    assert np.allclose(np.linalg.norm(np.diff(placed.positions, axis=1), axis=-1), size, atol=1e-5)
    in_camera = np.linalg.inv(other.world_from_cam) @ np.append(other.positions.mean((0, 1)), 1)
    assert np.allclose((CAMERA @ in_camera)[:2], placed.positions.mean((0, 1))[:2], atol=1e-5)


def test_cameras_that_agree_move_nobody():
    motion = motion_of(np.random.default_rng(0).normal(size=(3, 27, 3)))
    assert np.allclose(in_one_place([motion] * 3)[2].positions, motion.positions, atol=1e-6)
