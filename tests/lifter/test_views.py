"""Simulated cameras and detectors: what the network is asked to find is there to be found."""

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.lifter.contract.protocol import InputError
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.rays import BODY_SIZE, body_size
from video_to_armature.lifter.train import detector, rendered, views
from video_to_armature.lifter.train.data import contacts_of
from video_to_armature.lifter.train.variation import CLEAN, SEEN, Variation

from .people import INTRINSICS, camera, project, walking

UNKNOWN = np.full((64, 27, 4), np.nan)


@pytest.fixture(scope="module")
def people():
    """64 windows of walkers at 15 frames a second, from all sides."""
    joints = walking(np.arange(27) / 15)
    turns = views.turn(2, np.linspace(0, 2 * np.pi, 64))
    return np.stack([joints @ turn.T for turn in turns])


def test_distance_and_up_are_those_of_the_view(people):
    """Across the view, bones are as long in the input as the distance says, and the head is above it along `up`."""
    batch = views.through_camera(people, UNKNOWN, np.random.default_rng(0), CLEAN, 15.0)
    np.testing.assert_allclose(np.linalg.norm(batch.up, axis=-1), 1, atol=1e-5)
    body = batch.target[:, :, BODY_27.index("head_top")] - batch.target[:, :, BODY_27.index("left_ankle")]
    height = (body * batch.up).sum(-1)
    np.testing.assert_allclose(height.mean(1), (people[:, :, 10, 2] - people[:, :, 6, 2]).mean(1), atol=1e-3)
    trunk_in, trunk = (x[:, :, BODY_27.index("thorax"), 1] - x[:, :, 0, 1] for x in (batch.network_input, batch.target))
    off = trunk_in / trunk * np.exp(batch.log_distance) - 1
    assert abs(np.median(off)) < 0.02
    assert np.percentile(np.abs(off), 90) < 0.15  # pitch and nearness foreshorten


def test_up_is_told_of_some_windows_about_as_it_is(people):
    a = replace(CLEAN, told=0.5, told_off_deg=1.5)
    batch = views.through_camera(people, UNKNOWN, np.random.default_rng(0), a, 15.0)
    told = batch.network_input[..., 3:]
    np.testing.assert_array_equal(told, told[:, :, :1].repeat(27, 2))
    known = np.linalg.norm(told[:, 0, 0], axis=-1) > 0.5
    assert 0.3 < known.mean() < 0.7
    assert (told[~known] == 0).all()
    off = np.degrees(np.arccos((told[known, :, 0] * batch.up[known]).sum(-1).clip(-1, 1)))
    assert 0.5 < np.sqrt((off**2).mean()) < 4
    assert (
        views.through_camera(people, UNKNOWN, np.random.default_rng(0), CLEAN, 15.0).network_input[..., 3:] == 0
    ).all()


@pytest.mark.parametrize("a", [Variation(rendered=0), SEEN])
def test_what_is_unseen_is_zero_and_the_rest_is_near(people, a):
    batch = views.through_camera(people, UNKNOWN, np.random.default_rng(1), a, 15.0)
    seen = batch.network_input[..., 2] > 0
    assert (batch.network_input[~seen][:, :3] == 0).all()
    assert np.isfinite(batch.network_input).all()
    assert 0.6 < seen.mean() < 1


def test_measured_errors_arrive_at_the_rate_of_the_clip(people):
    """At 24 fps the white part is averaged over two frames, at 15 it is not: steps are smaller."""
    steps = {}
    for fps in (15.0, 24.0):
        a = Variation(real=1, strength_sigma=0, native_fps=(fps,), hfov_deg=(50, 50))
        error, confidence = views._measured(in_camera(people), depth(people), np.random.default_rng(2), a, 15.0)
        ok = confidence > 0
        assert np.isfinite(error[ok]).all()
        steps[fps] = np.nanmedian(np.abs(np.diff(error[:, :, detector.ROWS], axis=1)))
    assert 0.5 < steps[24.0] / steps[15.0] < 1


def in_camera(people):
    return np.stack([people[..., 0], -people[..., 2] + 1, people[..., 1] + 4], -1)


def depth(people):
    return in_camera(people)[..., 2:]


def test_extremities_limbs_and_frames_are_left_out_as_often_as_said(people):
    only = Variation(burst=0, cut=0, no_feet=0, masked=0, rendered=0, real=0)
    few = views.through_camera(people, UNKNOWN, np.random.default_rng(3), replace(only, no_feet=0.5), 15.0)
    gone = (few.network_input[..., views._EXTREMITIES, 2] == 0).all((1, 2))
    assert 0.3 < gone.mean() < 0.7
    assert (few.network_input[..., 1:4, 2] > 0).all()
    cut = views.through_camera(people, UNKNOWN, np.random.default_rng(4), replace(only, cut=1.0), 15.0)
    unsure = (cut.network_input[..., detector.ROWS, 2] < 0.6).mean((1, 2))
    assert (unsure > 0).mean() > 0.95
    assert unsure.max() < 0.9


def test_contacts_of_a_walker_are_the_feet_that_stand():
    joints = walking(np.arange(120) / 30).astype(np.float32)
    contacts = contacts_of(joints, 30.0)
    speed = np.linalg.norm(np.gradient(joints[:, BODY_27.index("left_toe")], 1 / 30, axis=0), axis=-1)
    known = np.isfinite(contacts[:, 1])
    assert known.mean() > 0.6
    assert speed[contacts[:, 1] == 1].max() < 0.3
    assert speed[contacts[:, 1] == 0].min() > 0.3
    assert 0.3 < np.nanmean(contacts[:, 1]) < 0.7
    held = joints + [0, 0, 0.5]
    assert np.isnan(contacts_of(held.astype(np.float32)[:1].repeat(5, 0), 30.0)).all()  # on a stair, or in the air


def test_a_folder_without_rendered_clips_is_refused(tmp_path):
    with pytest.raises(InputError, match="no detected clip"):
        rendered.load(tmp_path / "mistyped")


def test_rendered_windows_mirror_whole(tmp_path):
    """A mirrored take gives mirrored input, joints and up."""
    joints, px = project(walking(np.arange(60) / 30) + [1.0, 0, 0], camera(0.2, 1.4, 4.5), INTRINSICS)
    rays = (px[..., :2] - INTRINSICS[:2, 2]) / np.diag(INTRINSICS)[:2]
    up = camera(0.2, 1.4, 4.5)[2, :3]
    take = rendered.Take(joints.astype(float), rays, px[..., 2].astype(float), up, 30.0)
    plain, mirrored = (
        rendered.windows([take], np.random.default_rng(0), 4, 27, 15.0, replace(CLEAN, mirror=m)) for m in (0, 1)
    )
    flip, signs = list(BODY_27.mirror), np.array([-1, 1, 1])
    np.testing.assert_allclose(mirrored.target, plain.target[:, :, flip] * signs, atol=1e-5)
    np.testing.assert_allclose(mirrored.up, plain.up * signs, atol=1e-6)
    expected = plain.network_input[:, :, flip, :3] * signs
    np.testing.assert_allclose(mirrored.network_input[..., :3], expected, atol=1e-5)
    np.testing.assert_allclose(mirrored.log_distance, plain.log_distance, atol=1e-6)
    assert np.isnan(plain.contacts).all()


def test_rendered_windows_vary_the_person_and_keep_the_errors():
    """What a detector without errors saw is still without errors on the other body, in the other pose and camera."""
    joints = np.stack(
        [project(walking(np.arange(27) / 15), camera(0.2 * k, 1.4, 4.5), INTRINSICS)[0] for k in range(8)]
    )
    ups = np.stack([camera(0.2 * k, 1.4, 4.5)[2, :3] for k in range(8)])
    joints = joints.astype(float)
    rays = joints[..., :2] / joints[..., 2:]
    found, seen, up = rendered.varied(joints, rays, ups, np.random.default_rng(0), Variation(widen=1))
    np.testing.assert_allclose(seen, found[..., :2] / found[..., 2:], atol=1e-5)
    np.testing.assert_allclose(np.median(body_size(found), -1), BODY_SIZE, rtol=1e-5)
    flat = [np.linalg.norm(j - j[:, :, :1], axis=-1)[..., 1:] for j in (joints, found)]
    assert np.median(abs(flat[1] / flat[0] - 1)) > 0.02
    assert np.degrees(np.arccos((up * ups).sum(-1))).max() > 3
