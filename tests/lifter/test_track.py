from pathlib import Path

import numpy as np
import pytest

from video_to_armature.lifter.contract.protocol import NobodyFoundError
from video_to_armature.lifter.track import track

from . import crowd

SHAPE = np.random.default_rng(0).uniform(-1, 1, (33, 2)) * [40, 110]
REAL = Path(__file__).resolve().parents[1] / "data" / "two_people_detections.npz"
SCENES = 10  # of each kind, drawn from as many seeds
PURE = 0.97  # of a track's sightings are of one person; the rest are doubles and ghosts
KEPT = 0.85  # of what the detector gave of a person
FPS = (24, 30, 50, 60)


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


def test_who_returns_soon_is_the_same_and_who_returns_late_is_another():
    times = np.arange(600) / 30
    for away, people in ((90, 1), (200, 2)):
        clip = [frame() if 200 <= f < 200 + away else frame(person(300, seed=f)) for f in range(600)]
        assert len(track(clip, times)) == people


def test_nobody_is_followed_over_a_cut():
    clip = [frame(person(300, seed=f)) for f in range(90)]
    assert len(track(clip, TIMES)) == 1
    before, after = sorted(track(clip, TIMES, cuts=[50]), key=lambda one: one.frames[0])
    assert before.found[:50].all()
    assert after.found[50:].all()
    assert len(before.frames) + len(after.frames) == 90


def test_three_seconds_of_somebody_in_ten_minutes_are_a_person_and_half_a_second_is_none():
    for frames, people in ((30, 2), (5, 1)):
        clip = [
            frame(person(300, seed=f % 50), *([person(700, seed=f)] if 3000 <= f < 3000 + frames else []))
            for f in range(6000)
        ]
        assert len(track(clip, np.arange(6000) / 10)) == people


def test_a_video_of_two_people_has_two_and_each_stays_themselves():
    """A woman walks to the left; a man on a wall jumps behind a tree and lands beside it, unseen for 37 frames. The
    detector takes her twice, half of her, and the tree for people."""
    z = np.load(REAL)
    points = np.concatenate([z["xy"] / 4, z["confidence"][..., None] / 250], -1).astype(np.float32)
    clip = np.split(points, np.cumsum(z["people"])[:-1])
    man, woman = track(clip, z["times"])
    x, y = np.moveaxis(woman.seen[..., :2].mean(1), -1, 0)
    assert (woman.frames[0], woman.frames[-1]) == (59, 200)
    walk = 1012 - 7.1 * (np.arange(230) - 59)  # pixels
    assert np.abs(x - walk[woman.frames]).max() < 60
    for f in range(59, 201):  # whenever the detector saw the whole of her
        for points in clip[f]:
            top, low = points[:, 1].min(), points[:, 1].max()
            if low - top > 240 and top > 320 and abs(points[:, 0].mean() - walk[f]) < 60:
                assert woman.found[f]
    assert y.min() > 400
    x, y = np.moveaxis(man.seen[..., :2].mean(1), -1, 0)
    on_wall, landed = man.frames <= 160, man.frames >= 198
    assert (on_wall | landed).all()
    assert on_wall.sum() > 120
    assert landed.sum() > 20
    assert y[on_wall].max() < 260
    assert x[landed].min() > 800


# Made-up people and a detector with all its faults: lost for up to nine frames, ghosts, doubles, left for right.


def clock(rng, seconds):
    """Times at one of the usual rates; frames lack here and there, and up to six in a row."""
    times = np.arange(0, seconds, 1 / rng.choice(FPS))
    kept = rng.random(len(times)) > 0.02
    at = rng.integers(10, len(times) - 20)
    kept[at : at + rng.integers(0, 7)] = False
    return times[kept]


def line(times, speed, z, x=0.0):
    return np.stack([x + speed * (times - times.mean()), np.full(len(times), z)], -1)


def crossing(rng):
    times, z = clock(rng, 5), rng.uniform(4, 6)
    a, b = rng.uniform(0.8, 1.6, 2)
    nearer = crowd.body(times, line(times, -a, z))
    return times, [nearer, crowd.body(times, line(times, b, z + rng.uniform(0.4, 1.5)), rng.uniform(0.9, 1.05))]


def overtaking(rng):
    times, z, slow = clock(rng, 5), rng.uniform(5, 7), rng.uniform(0.5, 0.8)
    nearer = crowd.body(times, line(times, slow, z))
    faster = line(times, slow + rng.uniform(0.5, 0.9), z + rng.uniform(0.5, 1.2))
    return times, [nearer, crowd.body(times, faster, rng.uniform(0.9, 1.05))]


def bystander(rng):
    """Somebody stands near the camera, and the person goes to and fro behind them."""
    times = clock(rng, 6)
    path = np.stack([2.2 * np.cos(rng.uniform(1, 1.5) * times), np.full(len(times), 6.0)], -1)
    still = np.stack([0.3 + 0.02 * np.sin(times), np.full(len(times), 3.2)], -1)
    return times, [crowd.body(times, path), crowd.body(times, still, 0.9)]


def approaching(rng):
    """Three times as large at the end as at the beginning, past somebody who stands."""
    times = clock(rng, 6)
    path = np.stack([0.3 * np.sin(times), np.linspace(12, 4, len(times))], -1)
    return times, [crowd.body(times, path), crowd.body(times, line(times, 0.01, rng.uniform(6, 9), 1.2))]


def around_each_other(rng):
    times, turn, r = clock(rng, 6), 2 * np.pi / rng.uniform(2.5, 4), rng.uniform(0.5, 0.8)
    angles = (turn * times, turn * times + np.pi)
    return times, [crowd.body(times, np.stack([r * np.cos(a), 5 + r * np.sin(a)], -1)) for a in angles]


def filmed(scene, seed, faults=crowd.FAULTS):
    times, bodies = scene(np.random.default_rng(seed))
    return crowd.film(times, bodies, seed, faults)


def all_right(clip, tracks, people=2):
    """Everybody has one track, at least PURE of it is of them, and it holds KEPT of what there was of them."""
    whose = [clip.who(one) for one in tracks]
    owners = [int(np.bincount(who + 1).argmax()) - 1 for who in whose]
    return sorted(owners) == list(range(people)) and all(
        (who == owner).mean() >= PURE and (who == owner).sum() >= KEPT * clip.sightings(owner)
        for who, owner in zip(whose, owners, strict=True)
    )


@pytest.mark.parametrize(
    ("scene", "hidden", "right"),
    [  # hidden: the longest that somebody is out of sight; right: scenes of SCENES in which all is right
        (crossing, 10, 10),
        (overtaking, 30, 10),
        (bystander, 8, 9),
        (approaching, 5, 10),
        (around_each_other, 12, 8),
    ],
)
def test_made_up_people_stay_themselves(scene, hidden, right):
    clips = [filmed(scene, seed) for seed in range(SCENES)]
    assert max(clip.hidden(i) for clip in clips for i in (0, 1)) >= hidden
    assert sum(all_right(clip, track(clip.detections, clip.times)) for clip in clips) >= right


def test_left_for_right_in_every_other_frame_is_the_same_person():
    mixed = crowd.Faults(mixed=0.5)
    clips = [filmed(crossing, seed, mixed) for seed in range(SCENES)]
    assert all(all_right(clip, track(clip.detections, clip.times)) for clip in clips)


def test_many_ghosts_and_doubles_make_nobody():
    poor = crowd.Faults(ghosts=0.3, doubles=0.2, lost=0.05)
    clips = [filmed(approaching, seed, poor) for seed in range(SCENES)]
    assert sum(len(track(clip.detections, clip.times)) == 2 for clip in clips) >= SCENES - 1


@pytest.mark.parametrize("turn", [5, 20, 60])
def test_a_detector_that_sees_one_at_a_time_and_the_wrong_one_first(turn):
    """The bystander alone for a second, then one of the two at a time, by turns."""
    for seed in range(SCENES):
        rng = np.random.default_rng(seed)
        times = clock(rng, 8)
        walker, still = line(times, 0.35, 5.0), line(times, 0.01, 5.5, 2.2)
        clip = crowd.film(times, [crowd.body(times, walker), crowd.body(times, still)], seed, crowd.Faults(ghosts=0))
        for f, who in enumerate(clip.whose):
            kept = who == (1 if times[f] < 1 else (f // turn) % 2)
            clip.detections[f], clip.whose[f] = clip.detections[f][kept], who[kept]
        assert all_right(clip, track(clip.detections, times))
