import numpy as np
import pytest

from video_to_armature.lifter.metrics import acceleration_error, auc, mpjpe, mpjve, n_mpjpe, one_scale, p_mpjpe, pck

RNG = np.random.default_rng(0)
TRUE = RNG.normal(0, 0.4, (12, 17, 3))


def turned(joints):
    c, s = np.cos(0.7), np.sin(0.7)
    return joints @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def test_known_case_by_hand():
    assert mpjpe(TRUE + [0.03, 0, 0.04], TRUE) == pytest.approx(0.05)
    moving = TRUE + np.arange(12)[:, None, None] * [0.01, 0, 0]
    assert mpjve(moving, TRUE) == pytest.approx(0.01)


def test_what_each_measure_forgives():
    assert n_mpjpe(1.7 * TRUE, TRUE) == pytest.approx(0, abs=1e-9)
    assert n_mpjpe(-TRUE, TRUE) == pytest.approx(0, abs=1e-9)  # as published: the scale may be negative
    assert n_mpjpe(turned(TRUE), TRUE) > 0.1
    assert p_mpjpe(0.3 * turned(TRUE) + [1, 2, 3], TRUE) == pytest.approx(0, abs=1e-9)
    assert p_mpjpe(TRUE * [-1, 1, 1], TRUE) > 0.05  # a mirror image is not a rotation


def test_acceleration_by_hand():
    """A joint that falls by half of 9.81 t² is off by 9.81 m/s² from one that stays, whatever the frame rate."""
    for fps in (24, 60):
        fallen = TRUE.copy()
        fallen[..., 2] -= 9.81 / 2 * (np.arange(12) / fps)[:, None] ** 2
        assert acceleration_error(fallen, TRUE, fps) == pytest.approx(9.81)
        assert acceleration_error(TRUE + np.arange(12)[:, None, None], TRUE, fps) == pytest.approx(0, abs=1e-9)


def test_one_scale_is_the_best_one_for_all_frames_together():
    assert one_scale(TRUE / 1.7, TRUE) == pytest.approx(1.7)
    predicted = TRUE + RNG.normal(0, 0.1, TRUE.shape)
    best = one_scale(predicted, TRUE)

    def left(scale):
        return ((scale * predicted - TRUE) ** 2).sum()

    assert left(best) < min(left(best * 0.99), left(best * 1.01))


def test_each_forgives_no_less_than_the_one_before():
    predicted = TRUE + RNG.normal(0, 0.05, TRUE.shape)
    centred = predicted - predicted.mean(1, keepdims=True)
    true = TRUE - TRUE.mean(1, keepdims=True)
    assert p_mpjpe(centred, true) <= n_mpjpe(centred, true) <= mpjpe(centred, true) + 1e-3


def test_unit_in_is_unit_out():
    predicted = TRUE + RNG.normal(0, 0.05, TRUE.shape)
    for measure in (mpjpe, n_mpjpe, p_mpjpe, mpjve):
        assert measure(1000 * predicted, 1000 * TRUE) == pytest.approx(1000 * measure(predicted, TRUE))


def test_pck_and_auc_by_hand():
    """Joint j of 17 is off by 10 j millimetres: 0 to 160."""
    off = TRUE + np.arange(17)[:, None] * [0.010, 0, 0]
    assert pck(off, TRUE, 0.1501) == pytest.approx(100 * 16 / 17)
    assert pck(TRUE + [0.149, 0, 0], TRUE, 0.150) == 100
    assert pck(TRUE + [0.151, 0, 0], TRUE, 0.150) == 0
    # of the thresholds 0, 5, … 150 mm the joint that is 10 j + 1 off is within all above: 30 - 2 j of 31
    nearly = TRUE + (np.arange(17) * 0.010 + 0.001)[:, None] * [1, 0, 0]
    assert auc(nearly, TRUE, 0.150) == pytest.approx(100 * np.mean([max(30 - 2 * j, 0) for j in range(17)]) / 31)
    assert auc(TRUE, TRUE, 0.150) == pytest.approx(100 * 30 / 31)
    assert auc(1000 * nearly, 1000 * TRUE, 150) == pytest.approx(auc(nearly, TRUE, 0.150))
