import numpy as np
import pytest

from video_to_armature.lifter.contract.protocol import NobodyFoundError
from video_to_armature.lifter.track import track

SHAPE = np.random.default_rng(0).uniform(-1, 1, (33, 2)) * [40, 110]


def person(x, y=300.0, size=1.0, seed=0):
    jitter = np.random.default_rng(seed).normal(0, 1.5, (33, 2))
    return np.concatenate([SHAPE * size + [x, y] + jitter, np.full((33, 1), 0.9)], 1).astype(np.float32)


def frame(*people):
    return np.stack(people) if people else np.zeros((0, 33, 3), np.float32)


def middle_x(one):
    return one.points[..., 0].mean(1)


TIMES = np.arange(90) / 30


def test_two_people_who_cross_stay_themselves():
    # They pass each other at different heights in the picture, listed in alternating order.
    clip = []
    for f in range(90):
        a, b = person(100 + 5 * f, 300, 1.2, f), person(545 - 5 * f, 380, 1.0, 100 + f)
        clip.append(frame(a, b) if f % 2 else frame(b, a))
    found = track(clip, TIMES)
    assert len(found) == 2
    assert np.abs(middle_x(found[0]) - (100 + 5 * np.arange(90)) - SHAPE[:, 0].mean() * 1.2).max() < 8


def test_a_gap_is_marked_and_the_person_goes_on_after_it():
    clip = [frame() if 40 <= f < 55 else frame(person(100 + 3 * f, seed=f)) for f in range(90)]
    (only,) = track(clip, TIMES)
    assert not only.found[40:55].any()
    assert only.found[:40].all()
    assert only.found[55:].all()
    assert np.isnan(only.points[40:55, :, :2]).all()
    assert (only.points[40:55, :, 2] == 0).all()


def test_a_bystander_never_takes_over():
    clip = [frame(person(900, size=0.6, seed=f), *([] if 30 <= f < 60 else [person(200, seed=f)])) for f in range(90)]
    first = track(clip, TIMES)[0]
    assert np.nanmax(np.abs(np.nanmean(first.points[first.found][..., 0], 1) - 200 - SHAPE[:, 0].mean())) < 10


def test_ghosts_and_doubles_are_dropped():
    clip = [
        frame(person(200, seed=f), person(203, seed=f + 500), *([person(700)] if f % 8 == 3 else [])) for f in range(90)
    ]
    assert len(track(clip, TIMES)) == 1


def test_the_largest_that_persists_comes_first():
    small_all_along = [
        frame(person(800, size=0.7, seed=f), *([person(200, size=1.0)] if f < 8 else [])) for f in range(90)
    ]
    first = track(small_all_along, TIMES)[0]
    assert first.found.all()


@pytest.mark.parametrize("clip", [[frame()] * 90, [frame(person(100))] + [frame()] * 89])
def test_nobody_is_an_error(clip):
    with pytest.raises(NobodyFoundError, match="90 frames"):
        track(clip, TIMES)


def test_one_frame_is_enough_in_a_clip_of_one():
    assert len(track([frame(person(100))], np.zeros(1))) == 1
