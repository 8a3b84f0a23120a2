import numpy as np
import pytest

from video_to_armature.lifter.smooth import BRIDGED_CONFIDENCE, smooth, whittaker


def gain(fps, hz, cutoff):
    t = np.arange(int(8 * fps)) / fps
    wave = np.sin(2 * np.pi * hz * t)[:, None]
    out = whittaker(wave, np.ones(len(t)), t, cutoff)
    inner = slice(int(2 * fps), int(6 * fps))
    return (out[inner] * wave[inner]).sum() / (wave[inner] ** 2).sum()


@pytest.mark.parametrize("fps", [24, 30, 60, 120])
def test_cutoff_is_in_hz_at_any_frame_rate(fps):
    assert abs(gain(fps, 6, 6) - 0.707) < 0.01
    assert gain(fps, 1, 6) > 0.995
    assert gain(fps, 10.5, 6) < 0.45


def test_zero_phase():
    t = np.arange(240) / 30
    pulse = np.exp(-(((t - 4) / 0.15) ** 2))[:, None]
    out = whittaker(pulse, np.ones(240), t, 5.0)
    assert int(out.argmax()) == int(pulse.argmax())
    np.testing.assert_allclose(out, whittaker(pulse[::-1], np.ones(240), t, 5.0)[::-1], atol=1e-9)


def test_a_straight_path_is_left_alone_also_at_its_ends_and_on_uneven_times():
    t = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.08, 60))
    line = np.stack([2 * t, 1 - t], 1)
    np.testing.assert_allclose(whittaker(line, np.ones(60), t, 4.0), line, atol=1e-6)


def path(frames=90):
    t = np.arange(frames) / 30
    positions = np.stack([np.sin(t), np.cos(t), t], -1)[:, None].astype(np.float32)
    return positions, np.full((frames, 1), 0.9, np.float32), t


def test_short_gaps_are_bridged_with_low_confidence_and_long_ones_stay():
    positions, confidence, t = path()
    true = positions.copy()
    for gap in (slice(20, 30), slice(50, 75)):
        positions[gap], confidence[gap] = np.nan, 0
    out, sure = smooth(positions, confidence, t, 6.0)
    assert np.abs(out[20:30] - true[20:30]).max() < 0.01
    assert (sure[20:30] == np.float32(BRIDGED_CONFIDENCE)).all()
    assert np.isnan(out[50:75]).all()
    assert (sure[50:75] == 0).all()
    assert np.isfinite(out[:50]).all()
    assert np.isfinite(out[75:]).all()


def test_zero_hz_filters_nothing():
    positions, confidence, t = path()
    noisy = positions + np.random.default_rng(0).normal(0, 0.1, positions.shape).astype(np.float32)
    np.testing.assert_allclose(smooth(noisy, confidence, t, 0.0)[0], noisy, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_clips_pass(frames):
    positions, confidence, t = path(frames)
    np.testing.assert_allclose(smooth(positions, confidence, t, 6.0)[0], positions, atol=1e-2)
