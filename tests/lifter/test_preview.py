"""The small picture of the frame in work: what is drawn in it, and how long its file lasts."""

import contextlib
import os
import signal
import time

import cv2
import numpy as np
import pytest

from video_to_armature.lifter import preview
from video_to_armature.lifter.keypoints import MEDIAPIPE_33
from video_to_armature.lifter.preview import LEFT, LONG_SIDE, RIGHT, Preview

from . import clips
from .test_worker import refused, start, until_progress

GREY = 90


def person(**at):
    """(33, 3) with these points sure and the others unseen."""
    points = np.full((len(MEDIAPIPE_33), 3), np.nan, np.float32)
    points[:, 2] = 0
    for name, xy in at.items():
        points[MEDIAPIPE_33.index(name)] = (*xy, 0.9)
    return points


def shown(path, people, size=(640, 360)):
    """(h, w, 3) the picture of a grey frame with these people."""
    Preview(path, MEDIAPIPE_33).show(np.full((size[1], size[0], 3), GREY, np.uint8), np.array(people, np.float32))
    return cv2.imread(str(path))


def touched(picture):
    return (np.abs(picture.astype(int) - GREY) > 8).any(-1)


def near(pixels, colour):
    return np.abs(pixels.astype(int) - colour).max(-1) < 40


def test_bones_are_drawn_where_both_ends_are_seen_in_the_colour_of_their_side(tmp_path):
    one = person(left_hip=(400, 100), left_knee=(400, 300), right_hip=(200, 100), right_knee=(200, 300))
    picture = shown(tmp_path / "p.png", [one])
    assert picture.shape == (180, LONG_SIDE, 3)
    assert near(picture[100, 200], LEFT)
    assert near(picture[100, 100], RIGHT)
    assert not touched(picture)[160:].any()
    one[MEDIAPIPE_33.index("left_knee"), 2] = 0.1
    picture = shown(tmp_path / "p.png", [one])
    assert near(picture[100, 100], RIGHT)
    assert not touched(picture)[100, 150:].any()


def test_frames_without_people_and_people_without_points_are_shown_bare(tmp_path):
    nobody = np.zeros((0, len(MEDIAPIPE_33), 3))
    for people in (nobody, [person()], [person(nose=(1e6, -1e6))]):
        assert not touched(shown(tmp_path / "p.png", people)).any()


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (1600, 520), (200, 100), (641, 3)])
def test_the_picture_is_small_and_keeps_the_frames_shape(tmp_path, size):
    height, width = shown(tmp_path / "p.bmp", [person()], size).shape[:2]
    assert max(width, height) == min(LONG_SIDE, max(size))
    assert abs(width - size[0] * max(width, height) / max(size)) <= 1
    assert abs(height - size[1] * max(width, height) / max(size)) <= 1


def test_it_is_written_now_and_then_and_a_failure_costs_nothing(tmp_path, monkeypatch):
    frame, nobody = np.zeros((90, 160, 3), np.uint8), np.zeros((0, len(MEDIAPIPE_33), 3), np.float32)
    monkeypatch.setattr(preview, "EVERY_S", 0.2)
    one, stamps, began = Preview(tmp_path / "p.jpg", MEDIAPIPE_33), set(), time.monotonic()
    while time.monotonic() - began < 0.7:
        one.show(frame, nobody)
        stamps.add((tmp_path / "p.jpg").stat().st_mtime_ns)
        time.sleep(0.005)
    assert 3 <= len(stamps) <= 4
    one.close()
    one.close()
    assert list(tmp_path.iterdir()) == []
    Preview(tmp_path / "no" / "p.jpg", MEDIAPIPE_33).show(frame, nobody)
    Preview(None, MEDIAPIPE_33).show(frame, nobody)


def test_a_run_keeps_it_up_to_date_and_takes_it_away(tmp_path):
    clip, path = clips.part_of_walk(tmp_path / "walk.mp4", 20, 60), tmp_path / "live" / "p.bmp"
    path.parent.mkdir()
    worker = start("detect", clip, "--out", tmp_path / "k.npz", "--no-cache", "--preview", path)
    pictures = {}
    while worker.process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            pictures[path.stat().st_mtime_ns] = path.read_bytes()
        time.sleep(0.01)
    assert worker.wait() == 0
    assert list(path.parent.iterdir()) == []
    drawn = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in pictures.values()]
    assert len(drawn) >= 2
    for picture in drawn:
        assert picture.shape == (104, LONG_SIDE, 3)  # of 800 x 260
    for side in (LEFT, RIGHT):
        assert min(near(picture, side).sum() for picture in drawn) >= 10


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_cancelled_run_takes_it_away(tmp_path):
    path = tmp_path / "p.jpg"
    worker = start("capture", clips.WALK, "--out", tmp_path / "m.npz", "--no-cache", "--preview", path)
    until_progress(worker)
    assert path.exists()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.events()[-1]["code"] == 130
    worker.wait()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_the_picture_is_refused(tmp_path):
    taken = tmp_path / "holiday.jpg"
    taken.write_bytes(b"precious")
    command = ("detect", clips.WALK, "--out", tmp_path / "k.npz", "--preview")
    refused(2, ".jpg, .jpeg, .png, .bmp", *command, tmp_path / "p.npz")
    refused(7, "exists already", *command, taken)
    assert taken.read_bytes() == b"precious"
