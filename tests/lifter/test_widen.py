import numpy as np
import pytest

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train.widen import HINGES, UPPER, _bend, mixed, turned

from .people import walking


@pytest.fixture
def walks():
    """Three walkers with bent knees and elbows, 27 frames each."""
    joints = np.stack([walking(np.arange(27) / 15, speed).astype(np.float32) for speed in (0.8, 1.0, 1.4)])
    for name, forward in (("knee", -0.1), ("elbow", 0.1)):  # the stick walker's are straight
        for side in ("left", "right"):
            joints[:, :, BODY_27.index(f"{side}_{name}"), 1] += forward
    return joints


def bones(joints):
    pairs = [(j, parent) for j, parent in enumerate(BODY_27.parents) if parent >= 0]
    return np.stack([np.linalg.norm(joints[..., j, :] - joints[..., p, :], axis=-1) for j, p in pairs], -1)


def test_turning_keeps_bones_and_the_root(walks):
    out = turned(walks, np.random.default_rng(0), 2.0)
    np.testing.assert_allclose(bones(out), bones(walks), atol=1e-5)
    np.testing.assert_array_equal(out[:, :, 0], walks[:, :, 0])
    assert np.linalg.norm(out - walks, axis=-1)[..., BODY_27.index("left_wrist")].mean() > 0.05


def test_no_turning_changes_nothing(walks):
    np.testing.assert_allclose(turned(walks, np.random.default_rng(0), 0.0), walks, atol=1e-6)


def test_turns_do_not_jerk(walks):
    out = turned(walks, np.random.default_rng(1))
    before, after = (np.linalg.norm(np.diff(j, 2, axis=1), axis=-1).mean() for j in (walks, out))
    assert after < 1.5 * before


def test_hinges_bend_within_what_bodies_can_do(walks):
    out = turned(walks, np.random.default_rng(2), 3.0)
    seen = False
    for hinge in HINGES:
        before, after = (normal_and_bend(joints, hinge) for joints in (walks, out))
        sure = before[1] > 0.3
        seen |= sure.any()
        if not sure.any():
            continue
        assert after[1].min() >= min(before[1].min(), 0.03) - 1e-3
        assert after[1].max() <= 2.51
        assert np.abs(after[1] - before[1])[sure].max() > 0.05
    assert seen


def normal_and_bend(joints, hinge):
    first = joints[:, :, hinge.joint] - joints[:, :, hinge.start]
    second = joints[:, :, hinge.end] - joints[:, :, hinge.joint]
    normal = np.cross(first, second)
    return normal, np.arctan2(np.linalg.norm(normal, axis=-1), np.einsum("bfi,bfi->bf", first, second))


def test_bending_alone_keeps_the_hinge_plane(walks):
    seen = False
    for hinge in HINGES:
        out = walks.copy()
        _bend(out, hinge, np.full(walks.shape[:2], 0.4))
        (n, bend), (m, more) = (normal_and_bend(joints, hinge) for joints in (walks, out))
        sure = bend > 0.3
        seen |= sure.any()
        if not sure.any():
            continue
        cosine = np.einsum("bfi,bfi->bf", n, m) / np.linalg.norm(n, axis=-1) / np.linalg.norm(m, axis=-1)
        assert cosine[sure].min() > 0.999
        np.testing.assert_allclose((more - bend)[sure], 0.4, atol=1e-3)
    assert seen


def test_mixing_puts_one_upper_body_on_other_legs(walks):
    others = walks[::-1].copy()
    others[..., :2] = -others[..., :2] + 3  # facing the other way, somewhere else
    out = mixed(walks, others)
    lower = [j for j in range(27) if j not in UPPER]
    np.testing.assert_array_equal(out[:, :, lower], walks[:, :, lower])
    np.testing.assert_allclose(bones(out[:, :, :]), bones(walks), atol=0.02)
    ahead = out[:, :, BODY_27.index("nose")] - out[:, :, BODY_27.index("thorax")]
    true = walks[:, :, BODY_27.index("nose")] - walks[:, :, BODY_27.index("thorax")]
    assert (np.einsum("bfi,bfi->bf", ahead[..., :2], true[..., :2]) > 0).all()
