"""The camera's motion from films whose truth is exact: what is left is the error of the tracking and of its judgement."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from video_to_armature.lifter import video as videos
from video_to_armature.lifter.background import Background
from video_to_armature.lifter.camera_motion import CameraMotion

from . import filmed
from .clips import WALK

NOBODY = np.zeros((0, 4))
SPHERE = filmed.surroundings()
SECONDS = np.arange(90) / filmed.FPS
NONE: np.ndarray = np.zeros(90)


def columns(pan: np.ndarray = NONE, tilt: np.ndarray = NONE, roll: np.ndarray = NONE) -> np.ndarray:
    return np.stack([pan, tilt, roll], 1)


def followed(film: Iterable[tuple[np.ndarray, np.ndarray]]) -> Background:
    background = Background()
    for rgb, boxes in film:
        background.add(rgb, boxes)
    return background


def judged(film: Iterable[tuple[np.ndarray, np.ndarray]], told=1.0, cuts=()) -> CameraMotion:
    """What is said of the film when told a focal length that is so many times the true one."""
    intrinsics = filmed.INTRINSICS.copy()
    intrinsics[[0, 1], [0, 1]] *= told
    motion = followed(film).result(intrinsics, cuts)
    unit = motion.first_from_cam @ motion.first_from_cam.transpose(0, 2, 1)
    assert np.abs(unit - np.eye(3)).max(initial=0) < 1e-9
    return motion


def off(motion: CameraMotion, degrees: np.ndarray) -> np.ndarray:
    """(F,) degrees between what was found and what was filmed."""
    true = filmed.turns(degrees)
    return filmed.degrees_off(motion.first_from_cam, true[0].T @ true)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt((x**2).mean()))


def is_static(motion: CameraMotion) -> bool:
    return motion.kind == "static" and (motion.first_from_cam == np.eye(3)).all()


EASED = (1 - np.cos(np.pi * SECONDS / 3)) / 2
TURNS = {  # degrees, people in view
    "pan": (columns(10 * SECONDS), 2),
    "tilt": (columns(tilt=15 * EASED)[:60], 2),
    "roll": (columns(roll=10 * EASED)[:60], 2),
    "hand": (filmed.shake(60, 0.3), 2),
    "steady hand": (filmed.shake(60, 0.05), 2),
    "pan by hand in a crowd": (columns(10 * SECONDS) + filmed.shake(90, 0.3, seed=1), 5),
    "whip": (columns(60 * EASED)[:60], 1),
    "whip in a crowd": (columns(40 * np.sin(2 * SECONDS), 10 * np.sin(4 * SECONDS), 5 * np.sin(2 * SECONDS)), 2),
}


@pytest.mark.parametrize("name", TURNS)
def test_a_turning_camera_is_followed_within_a_tenth_of_a_degree(name):
    degrees, people = TURNS[name]
    motion = judged(filmed.film(SPHERE, filmed.turns(degrees), count=people))
    error = off(motion, degrees)
    assert (motion.kind, motion.warning) == ("rotating", None)
    assert motion.known.mean() > 0.95
    assert rms(error) < 0.1
    assert error.max() < 0.2


def test_a_tripod_is_exactly_static_under_noise_and_compression():
    motion = judged(filmed.film(SPHERE, filmed.turns(columns()[:60]), count=2, noise=8.0))
    assert is_static(motion)
    assert motion.warning is None
    assert motion.known.all()


def test_a_real_tripod_is_exactly_static_even_when_nobody_says_where_the_people_are():
    video = videos.probe(WALK)
    motion = judged((frame.rgb, NOBODY) for frame in videos.frames(video))
    assert is_static(motion)
    assert motion.warning is None
    assert motion.known.mean() > 0.95


def test_coming_back_does_not_drift():
    wide = columns(25 * np.sin(2 * np.pi * SECONDS / 3), 8 * np.sin(4 * np.pi * SECONDS / 3))
    there_and_back = np.concatenate([wide[::2], wide[::2], wide[::2], wide[:1]])
    motion = judged(filmed.film(SPHERE, filmed.turns(there_and_back), count=1))
    error = off(motion, there_and_back)
    assert error[-1] < 0.15
    assert rms(error[-45:]) < 1.5 * rms(error[:45]) + 0.02  # the third round is no worse than the first


def test_somebody_the_detector_overlooks_does_not_turn_the_camera():
    degrees = columns(10 * SECONDS)[:60]
    film = filmed.film(SPHERE, filmed.turns(degrees), count=1)
    assert rms(off(judged((rgb, NOBODY) for rgb, _ in film), degrees)) < 0.1
    film = filmed.film(SPHERE, filmed.turns(columns()[:60]), count=1)
    assert is_static(judged((rgb, NOBODY) for rgb, _ in film))


@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0])
def test_a_plain_wall_tells_nothing_and_this_is_said(noise):
    wall = np.full((*filmed.SIZE[::-1], 3), 120, np.uint8)
    boxes = [filmed.people(f, 2) for f in range(40)]
    motion = judged((filmed.compress(filmed.paste(wall, b, f), f, noise), b) for f, b in enumerate(boxes))
    assert is_static(motion)
    assert motion.warning
    assert "background" in motion.warning
    assert motion.known.mean() < 0.2


def test_people_in_the_whole_picture_are_no_background():
    box = np.array([[0.0, 0, *filmed.SIZE]])
    film = filmed.film(SPHERE, filmed.turns(columns(10 * SECONDS)[:20]))
    motion = judged((rgb, box) for rgb, _ in film)
    assert is_static(motion)
    assert motion.warning
    assert not motion.known.any()


def test_a_view_hidden_for_a_while_is_found_again():
    degrees = columns(10 * SECONDS)[:60]
    box = np.array([[0.0, 0, *filmed.SIZE]])
    film = enumerate(filmed.film(SPHERE, filmed.turns(degrees), count=1))
    motion = judged((rgb, box if 25 <= f < 33 else boxes) for f, (rgb, boxes) in film)
    error = off(motion, degrees)
    assert not motion.known[25:33].any()
    assert rms(error[:25]) < 0.1
    assert rms(error[33:]) < 0.1
    assert rms(error[25:33]) < 0.3  # bridged


def test_each_scene_is_counted_from_its_first_frame():
    degrees = np.concatenate([columns(10 * SECONDS)[:40], columns(100 - 8 * SECONDS)[:40]])
    motion = judged(filmed.film(SPHERE, filmed.turns(degrees), count=1), cuts=[40])
    assert np.abs(motion.first_from_cam[[0, 40]] - np.eye(3)).max() < 1e-12
    true = filmed.turns(degrees)
    true[40:] = true[40].T @ true[40:]
    assert rms(filmed.degrees_off(motion.first_from_cam, true)) < 0.1


def test_a_cut_between_two_tripods_is_no_turn():
    degrees = np.repeat(columns()[:1], 40, axis=0)
    degrees[20:, 0] = 100
    for cuts in ([], [20]):
        motion = judged(filmed.film(SPHERE, filmed.turns(degrees), count=1), cuts=cuts)
        assert is_static(motion)


@pytest.mark.parametrize(("sideways", "forwards", "pan"), [(0.3, 0, 0), (0, 0.6, 0), (0.4, 0, 15), (2.0, 0, 0)])
def test_a_travelling_camera_is_told_from_a_turning_one(sideways, forwards, pan):
    metres = np.stack([sideways * EASED, NONE, forwards * EASED], 1)
    motion = judged(filmed.travel(SPHERE, metres[:60], columns(pan * EASED)[:60]))
    assert motion.kind == "moving"
    assert motion.warning
    assert "travels" in motion.warning


@pytest.mark.parametrize(
    ("zoom", "degrees"), [(1.5, columns()), (1.15, filmed.shake(90, 0.3)), (0.7, columns(EASED * 9))]
)
def test_a_zoom_is_told_from_a_turn(zoom, degrees):
    focals = filmed.FOCAL * (1 + (zoom - 1) * EASED)
    motion = judged(filmed.film(SPHERE, filmed.turns(degrees[:60]), focals, count=1))
    assert motion.kind == "zooming"
    assert motion.warning
    assert "zooms" in motion.warning


@pytest.mark.parametrize("told", [0.75, 1.0, 1.35])
def test_a_pan_tells_the_focal_length_whatever_was_told(told):
    motion = judged(filmed.film(SPHERE, filmed.turns(columns(10 * SECONDS)[:60]), count=2), told)
    assert motion.kind == "rotating"
    assert motion.focal_px is not None
    assert motion.focal_spread_px is not None
    assert motion.focal_spread_px < 0.05 * filmed.FOCAL
    assert abs(motion.focal_px - filmed.FOCAL) < 3 * motion.focal_spread_px


def test_a_hand_that_hardly_shakes_does_not_tell_the_focal_length():
    motion = judged(filmed.film(SPHERE, filmed.turns(filmed.shake(40, 0.1))))
    assert motion.focal_px is None


def test_going_on_after_a_stop_gives_the_same():
    degrees = columns(10 * SECONDS)[:60] + filmed.shake(60, 0.2)
    film = list(filmed.film(SPHERE, filmed.turns(degrees), count=1))
    first = followed(film[:20])
    parts, recorded = [first.part()], first.recorded
    for rgb, boxes in film[20:35]:
        first.add(rgb, boxes)
    resumed = Background.resumed([*parts, first.part(recorded)], 34)
    for rgb, boxes in film[34:]:
        resumed.add(rgb, boxes)
    motion = resumed.result(filmed.INTRINSICS)
    assert len(motion.known) == 60
    assert rms(off(motion, degrees)) < 0.1
    whole = followed(film)
    again = Background.resumed([whole.part()], 60).result(filmed.INTRINSICS)
    assert (again.first_from_cam == whole.result(filmed.INTRINSICS).first_from_cam).all()


def test_a_frame_costs_little_memory():
    video = videos.probe(WALK)
    frames = [frame.rgb for frame in videos.frames(video, 0, 2)]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    background = Background()
    for rgb in frames:
        background.add(rgb, NOBODY)
    cv2.setNumThreads(threads)
    assert sum(a.nbytes for a in background.part().values()) < 400 * len(frames)


@pytest.mark.parametrize("size", [(4, 4), (40, 24), (270, 480), (1920, 1080)])
@pytest.mark.parametrize("frames", [0, 1, 3])
def test_the_smallest_and_the_shortest(size, frames):
    view = filmed.view(SPHERE, np.eye(3), 400.0, size)
    boxes = np.array([[-50.0, -50, 5, 9000], [np.nan] * 4])
    motion = judged((view, boxes) for _ in range(frames))
    assert is_static(motion)
    assert motion.first_from_cam.shape == (frames, 3, 3)
