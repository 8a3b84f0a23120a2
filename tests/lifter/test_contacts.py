"""Contacts of the feet over time: a burst of noise breaks no stance, and the frame rate changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from video_to_armature.lifter.root_path import held

STANCE_S = 0.6, 1.2  # of 2 s


def looks(fps: float, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, whether the foot stands, and a probability of it that is right more or less."""
    times = np.arange(round(2 * fps)) / fps
    stands = (times >= STANCE_S[0]) & (times < STANCE_S[1])
    p = np.where(stands, 0.9, 0.1) + noise * np.random.default_rng(0).normal(size=len(times))
    return times, stands, p.clip(0, 1)[:, None]


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_a_stance_begins_and_ends_where_it_is_seen_to(fps: float):
    times, stands, look = looks(fps)
    found = held([look, look], times)[:, 0] > 0.5
    assert (found != stands).sum() <= 1


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_a_burst_of_noise_in_one_look_breaks_no_stance(fps: float):
    times, stands, look = looks(fps)
    burst = look.copy()
    burst[(times >= 0.8) & (times < 0.95)] = 0.0  # a foot that stands, said to fly by for a seventh of a second
    found = held([look, burst], times)[:, 0] > 0.5
    assert (np.diff(found.astype(int)) == 1).sum() == 1
    assert abs(found.sum() - stands.sum()) <= 0.05 * fps


def test_one_wild_frame_is_no_stance():
    times, _, look = looks(30)
    look[10] = 1.0
    assert held([look, look], times)[10, 0] < 0.5


def test_noise_makes_no_flicker():
    times, stands, look = looks(60, noise=0.35)
    alone = look[:, 0] > 0.5
    found = held([look, look], times)[:, 0] > 0.5
    assert np.abs(np.diff(alone.astype(int))).sum() > 10
    assert np.abs(np.diff(found.astype(int))).sum() == 2
    assert (found != stands).mean() < 0.05


def test_of_nothing_known_nothing_is_said():
    times, _, look = looks(30)
    assert np.abs(held([np.full_like(look, 0.5)], times) - 0.5).max() < 1e-9
