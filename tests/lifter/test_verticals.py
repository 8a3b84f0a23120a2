"""Which way is up, from lines: posts and clutter as a known camera sees them, and lines in drawn pictures."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from video_to_armature.lifter import lines, pipeline, verticals
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.keypoints import Keypoints

from .people import INTRINSICS, camera, project, walking

CLUTTER = 40


def view(pitch, roll=0.0):
    """(4, 4) world_from_cam, and up in its axes."""
    seen_from = camera(np.radians(pitch), 1.6, 5.0)
    seen_from[:3, :3] = seen_from[:3, :3] @ Rotation.from_euler("z", roll, degrees=True).as_matrix()
    return seen_from, seen_from[2, :3]


def posts(world_from_cam, xs, rng, off_px=0.3, intrinsics=INTRINSICS):
    """(N, 5) of posts 3 m high, 4 m behind the person, and their ends off by some pixels."""
    ends = np.array([[[x, 4, 0.2], [x, 4, 3.2]] for x in xs])
    px = project(ends, world_from_cam, intrinsics)[1][..., :2] + rng.normal(0, off_px, (len(xs), 2, 2))
    return np.c_[np.zeros(len(xs)), px.reshape(-1, 4)]


def clutter(rng, count=CLUTTER):
    """(N, 5) segments anywhere in any direction, as of branches."""
    middle, angle = rng.uniform((0, 0), (1280, 720), (count, 2)), rng.uniform(0, np.pi, count)
    half = rng.uniform(15, 40, (count, 1)) * np.stack([np.cos(angle), np.sin(angle)], -1)
    return np.c_[np.zeros(count), middle - half, middle + half]


def off(up, true):
    return np.degrees(np.arccos(np.clip(up @ true, -1, 1)))


def guessed(up, rng, degrees=5.0):
    axis = np.cross(up, rng.normal(size=3))
    return Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).apply(up)


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (-12, 6), (25, -15), (40, 3), (75, 0)])
def test_posts_among_branches_tell_up_to_less_than_a_degree(pitch, roll):
    rng = np.random.default_rng(0)
    seen_from, up = view(pitch, roll)
    segments = np.concatenate([posts(seen_from, np.linspace(-3, 3, 9), rng), clutter(rng)])
    found, spread = verticals.up(segments, INTRINSICS, None, guessed(up, rng))
    assert off(found, up) < 0.8
    assert spread < verticals.SURE


def test_one_post_tells_one_way_only_and_branches_tell_nothing():
    rng = np.random.default_rng(1)
    seen_from, up = view(5)
    guess = guessed(up, rng)
    _, spread = verticals.up(posts(seen_from, [1.0], rng), INTRINSICS, None, guess)
    assert spread > np.radians(3)
    found, spread = verticals.up(clutter(rng), INTRINSICS, None, guess)
    assert spread > verticals.SURE
    assert off(found, up) < 8
    found, spread = verticals.up(np.zeros((0, 5)), INTRINSICS, None, guess)
    assert off(found, guess) < 0.01
    assert spread == pytest.approx(verticals.GUESS_SPREAD, rel=0.1)


def test_a_fan_of_lines_on_the_ground_is_not_taken_for_posts():
    # Rails that lead away from the camera: near its feet they look nearly vertical, but no two agree.
    seen_from, up = view(10)
    ends = np.array([[[x, -2, 0], [x, 30, 0]] for x in np.linspace(-3, 3, 9)])
    px = project(ends, seen_from, INTRINSICS)[1][..., :2]
    found, spread = verticals.up(np.c_[np.zeros(9), px.reshape(-1, 4)], INTRINSICS, None, up)
    assert off(found, up) < 0.5
    assert spread > np.radians(4)


def test_lines_of_a_camera_that_turns_are_brought_together():
    rng = np.random.default_rng(3)
    seen_from, up = view(8, 4)
    turns = Rotation.from_euler("y", np.linspace(0, 25, 6)[:, None], degrees=True).as_matrix()  # first_from_cam
    segments = []
    for frame, turn in enumerate(turns):
        now = seen_from.copy()
        now[:3, :3] = seen_from[:3, :3] @ turn
        one = posts(now, np.linspace(-4, 4, 7), rng)
        segments.append(np.c_[np.full(7, frame), one[:, 1:]])
    found, spread = verticals.up(np.concatenate(segments), INTRINSICS, turns, guessed(up, rng))
    assert off(found, up) < 0.5
    assert spread < verticals.SURE


def test_edges_of_a_drawn_house_are_found_and_those_on_people_left_out():
    picture = np.full((720, 1280, 3), 200, np.uint8)
    for x in (100, 300, 700, 1000):
        cv2.rectangle(picture, (x, 120), (x + 90, 560), (60, 70, 80), -1)
    found = lines.segments(picture, np.array([[690.0, 100, 800, 600]]), 7)
    assert (found[:, 0] == 7).all()
    upright = found[np.abs(found[:, 1] - found[:, 3]) < 2]
    length = np.abs(upright[:, 4] - upright[:, 2])
    assert {round(x / 10) for x in upright[length > 400, 1]} == {10, 19, 30, 39, 100, 109}
    assert len(lines.segments(np.full((720, 1280, 3), 90, np.uint8), np.zeros((0, 4)), 0)) == 0


def test_bars_beside_a_narrow_film_are_no_walls():
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[:, 440:840] = 120
    cv2.line(picture, (600, 100), (620, 600), (20, 20, 20), 6)
    found = lines.segments(picture, np.zeros((0, 4)), 0)
    assert not (np.abs(found[:, [1, 3]].mean(1) - 440) < 2).any()
    assert not (np.abs(found[:, [1, 3]].mean(1) - 840) < 2).any()
    assert (np.abs(found[:, 4] - found[:, 2]) > 300).any()  # the leaning line is there


def test_lines_are_due_every_other_second_whatever_the_rate():
    for fps in (24, 29.97, 60):
        times = np.arange(int(10 * fps)) / fps
        due = sum(lines.due(t, times[f - 1] if f else None) for f, t in enumerate(times))
        assert due == 5


def test_a_capture_stands_upright_by_the_lines_of_its_background(tmp_path):
    # The network guesses which way is up some degrees wrong; the posts know.
    times = np.arange(60) / 30
    rng = np.random.default_rng(4)
    seen_from, up = view(-9, 5)
    px = project(walking(times) + [1.0, 0, 0], seen_from, INTRINSICS)[1]
    header = {"fps": 30.0, "width": 1280, "height": 720, "first_frame": 0}
    options = pipeline.Options(hfov=float(np.degrees(2 * np.arctan(640 / 1200))), device="cpu")

    def tilt(segments):
        points = Keypoints(header, BODY_27.names, px, times, None, segments)
        points.save(tmp_path / "k.npz")
        motion = pipeline.lift(Keypoints.load(tmp_path / "k.npz"), options, pipeline.Run(lambda event: None))
        return off(motion.world_from_cam[2, :3], up)

    segments = posts(seen_from, np.linspace(-3, 3, 9), rng)
    assert tilt(segments) < 0.5
    assert tilt(None) > tilt(segments)
