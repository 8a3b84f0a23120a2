"""Laws of rotations, edges included: identity, half turns, opposite directions, gimbal lock."""

import itertools

import numpy as np

from video_to_armature.addon.retarget import quaternion as quat

RNG = np.random.default_rng(0)
ORDERS = ["".join(p) for p in itertools.permutations("XYZ")]
EXACT = 1e-12


def unit(*shape):
    v = RNG.normal(size=shape)
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


EDGES = np.concatenate((np.eye(4), -np.eye(4), np.array([[1, 1, 0, 0], [1, 0, -1, 0], [0, 1, 1, 0]]) / np.sqrt(2)))
Q = np.concatenate((unit(200, 4), EDGES))
P = np.roll(Q, 7, axis=0)


def same(a, b):
    """Angle between rotations, radians."""
    return quat.angle(quat.mul(quat.inv(a), b)).max()


def test_a_product_is_one_rotation_after_the_other():
    v = RNG.normal(size=(len(Q), 3))
    assert np.abs(quat.rotate(quat.mul(Q, P), v) - quat.rotate(Q, quat.rotate(P, v))).max() < 1e-11
    assert np.abs(quat.to_matrix(quat.mul(Q, P)) - quat.to_matrix(Q) @ quat.to_matrix(P)).max() < EXACT


def test_a_rotation_and_its_inverse_cancel():
    assert np.abs(quat.mul(Q, quat.inv(Q)) - quat.IDENTITY).max() < EXACT


def test_by_hand():
    quarter = quat.about(np.array([0.0, 0, 1]), np.array(np.pi / 2))
    assert np.allclose(quarter, [np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    assert np.allclose(quat.rotate(quarter, np.array([1.0, 0, 0])), [0, 1, 0])


def test_matrices_and_back():
    assert same(quat.from_matrix(quat.to_matrix(Q)), Q) < 1e-7
    assert (quat.from_matrix(quat.to_matrix(Q))[:, 0] >= 0).all()
    unknown = quat.to_matrix(Q[:3])
    unknown[1] = np.nan
    found = quat.from_matrix(unknown)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()


def test_swing_takes_one_direction_to_the_other_the_shortest_way():
    a, b = unit(300, 3), unit(300, 3)
    b[0], b[1], a[2], b[2] = -a[0], a[1], [0, 0, 1.0], [0, 0, -1.0]
    q = quat.swing(a, b)
    assert np.abs(quat.rotate(q, a) - b).max() < EXACT
    assert np.abs(quat.angle(q) - np.arccos(np.clip((a * b).sum(-1), -1, 1))).max() < 1e-7


def test_swing_of_an_unknown_direction_is_unknown():
    a, b = unit(3, 3), unit(3, 3)
    b[1] = np.nan
    assert np.isnan(quat.swing(a, b)[1]).all()
    assert np.isfinite(quat.swing(a, b)[[0, 2]]).all()


def test_slerp_goes_the_shorter_way_at_even_speed():
    whole = quat.angle(quat.mul(quat.inv(Q), P))
    for t in (0.0, 0.25, 1.0):
        part = quat.angle(quat.mul(quat.inv(Q), quat.slerp(Q, P, t)))
        assert np.abs(part - t * whole).max() < 1e-7
    near = quat.mul(Q, quat.about(unit(len(Q), 3), np.full(len(Q), 1e-7)))
    assert np.isfinite(quat.slerp(Q, near, 0.5)).all()


def test_continuous_signs_keep_the_rotations():
    walk = quat.about(np.array([0.0, 1, 0]), np.linspace(0, 7 * np.pi, 100))
    torn = walk * np.where(RNG.random(100) < 0.5, -1, 1)[:, None]
    mended = quat.continuous(torn)
    assert same(mended, walk) < 1e-7
    assert ((mended[1:] * mended[:-1]).sum(-1) > 0).all()
    assert quat.continuous(torn[:1]).shape == (1, 4)
    assert quat.continuous(torn[:0]).shape == (0, 4)
