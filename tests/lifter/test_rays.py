import numpy as np

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.rays import SIZE_OF_INPUT, body_size, from_network, to_network

RNG = np.random.default_rng(3)
PERSON = RNG.normal(0, 0.4, (9, 27, 3)) + [0, 0, 5]
SURE = np.full((9, 27), 0.9)


def project(points):
    return points[..., :2] / points[..., 2:]


def turn(axis, angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array({"x": [[1, 0, 0], [0, c, -s], [0, s, c]], "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]]}[axis])


def test_panning_the_camera_hardly_changes_the_input():
    before, *_ = to_network(project(PERSON), SURE)
    after, *_ = to_network(project(PERSON @ turn("y", 0.4).T), SURE)
    assert np.abs(after - before).max() < 0.04  # plain pixels would move by 0.4 rad / 0.2 = 2


def test_zoom_changes_nothing_for_a_distant_person():
    before, *_ = to_network(project(PERSON) * 0.02, SURE)
    after, *_ = to_network(project(PERSON) * 0.04, SURE)
    np.testing.assert_allclose(after, before, atol=2e-3)


def test_input_has_the_promised_size_and_zeros_where_unseen():
    sure = SURE.copy()
    sure[2, 5] = 0
    rays = project(PERSON)
    rays[2, 5] = np.nan
    x, *_ = to_network(rays, sure)
    assert (x[2, 5] == 0).all()
    assert np.isfinite(x).all()
    assert abs(np.sqrt((x[..., :2] ** 2).sum(-1)[sure > 0].mean()) - SIZE_OF_INPUT) < 1e-3


def test_turning_back_undoes_the_turn():
    _, turned_from_cam, _ = to_network(project(PERSON), SURE)
    there = np.einsum("fij,fkj->fki", turned_from_cam, PERSON)
    np.testing.assert_allclose(from_network(there, turned_from_cam), PERSON, atol=1e-5)
    np.testing.assert_allclose(
        turned_from_cam @ np.swapaxes(turned_from_cam, -1, -2), np.broadcast_to(np.eye(3), (9, 3, 3)), atol=1e-5
    )


def test_a_frame_without_sight_takes_its_neighbours_direction():
    sure = SURE.copy()
    sure[4] = 0
    rays = project(PERSON)
    rays[4] = np.nan
    _, turned_from_cam, _ = to_network(rays, sure)
    assert np.isfinite(turned_from_cam).all()
    cosine = turned_from_cam[4, 2] @ turned_from_cam[3, 2]
    assert cosine > np.cos(0.1)


def test_body_size_scales_with_the_body():
    joints = RNG.normal(0, 1, (4, len(BODY_27), 3))
    np.testing.assert_allclose(body_size(joints * 1.7), 1.7 * body_size(joints), rtol=1e-6)
