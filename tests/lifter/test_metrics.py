import numpy as np
import pytest

from video_to_armature.lifter.metrics import mpjpe, mpjve, n_mpjpe, p_mpjpe

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


def test_each_forgives_no_less_than_the_one_before():
    predicted = TRUE + RNG.normal(0, 0.05, TRUE.shape)
    centred = predicted - predicted.mean(1, keepdims=True)
    true = TRUE - TRUE.mean(1, keepdims=True)
    assert p_mpjpe(centred, true) <= n_mpjpe(centred, true) <= mpjpe(centred, true) + 1e-3


def test_unit_in_is_unit_out():
    predicted = TRUE + RNG.normal(0, 0.05, TRUE.shape)
    for measure in (mpjpe, n_mpjpe, p_mpjpe, mpjve):
        assert measure(1000 * predicted, 1000 * TRUE) == pytest.approx(1000 * measure(predicted, TRUE))
