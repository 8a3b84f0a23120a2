"""A real walk, filmed by a camera that follows the walker: made from the still film by turning what the camera sees."""

import cv2
import numpy as np
import pytest

from video_to_armature.lifter import pipeline
from video_to_armature.lifter import video as videos
from video_to_armature.lifter.progress import Run

from ..lifter import clips
from ..lifter.filmed import turns

FOCAL = 1537.0  # pixels, of the still film at the usual 55 degrees
SIZE = 800, 520  # of the film that follows
HFOV = float(np.degrees(2 * np.arctan(SIZE[0] / 2 / FOCAL)))


def follow(path):
    """Write the film of a camera in the same place that pans with the walker and shakes; (F, 3) degrees."""
    still = videos.probe(clips.WALK)
    frames = [frame.rgb for frame in videos.frames(still)]
    t = np.arange(len(frames)) / still.fps
    pan = np.interp(t, [0, t[-1]], [13.0, -13.0]) + 0.3 * np.sin(9 * t)
    degrees = np.stack([pan, 0.3 * np.sin(13 * t), 0.5 * np.sin(7 * t)], 1)
    of_still = np.array([[FOCAL, 0, still.width / 2], [0, FOCAL, still.height / 2], [0, 0, 1]])
    of_film = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), still.fps, SIZE)
    for rgb, R in zip(frames, turns(degrees), strict=True):
        film_from_still = of_film @ R.T @ np.linalg.inv(of_still)
        writer.write(cv2.warpPerspective(rgb[..., ::-1], film_from_still, SIZE))
    writer.release()
    return degrees


def captured(path, **options):
    (motion,) = pipeline.capture(path, pipeline.Options(height=1.7, **options), Run(lambda event: None))
    return motion


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "follows.mp4"
    return path, follow(path)


@pytest.fixture(scope="module")
def still():
    return captured(clips.WALK)


def travelled(motion):
    known = np.flatnonzero(motion.known.any(-1))
    return np.linalg.norm(motion.positions[known[-1], 0, :2] - motion.positions[known[0], 0, :2])


def test_the_path_is_that_of_the_still_camera(film, still):
    path, degrees = film
    motion = captured(path, hfov=HFOV)
    assert motion.world_from_cam.shape == (len(degrees), 4, 4)
    first_from_cam = np.swapaxes(motion.world_from_cam[:1, :3, :3], -1, -2) @ motion.world_from_cam[:, :3, :3]
    true = turns(degrees)
    off = np.swapaxes(true[:1].swapaxes(-1, -2) @ true, -1, -2) @ first_from_cam
    assert np.degrees(np.arccos(((np.trace(off, axis1=1, axis2=2) - 1) / 2).clip(-1, 1))).max() < 0.5
    assert abs(travelled(motion) / travelled(still) - 1) < 0.1


def test_taken_for_a_still_camera_the_walker_hardly_moves(film, still):
    motion = captured(film[0], hfov=HFOV, camera="static")
    assert motion.world_from_cam.shape == (4, 4)
    assert travelled(motion) < 0.5 * travelled(still)


def test_the_focal_length_is_told_by_the_pan(film):
    motion = captured(film[0])
    assert abs(motion.intrinsics[0, 0] / FOCAL - 1) < 0.1
