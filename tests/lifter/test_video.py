import hashlib

import numpy as np
import pytest

from video_to_armature.lifter import video as videos
from video_to_armature.lifter.contract.protocol import InputError
from video_to_armature.lifter.people import _fps

from . import clips


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return clips.write(tmp_path_factory.mktemp("clip") / "grey.mp4", 60)


def test_every_frame_once_in_order_with_true_times(clip):
    video = videos.probe(clip)
    assert (video.width, video.height, video.fps, video.frame_count) == (160, 120, 30.0, 60)
    frames = list(videos.frames(video))
    assert [f.index for f in frames] == list(range(60))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(60) / 30, atol=1e-3)
    levels = np.array([f.rgb.mean() for f in frames])
    assert np.abs(levels - 2 * np.arange(60)).max() < 4
    assert frames[0].rgb.shape == (120, 160, 3)
    assert frames[0].rgb.dtype == np.uint8


def test_start_and_end_and_skip(clip):
    frames = list(videos.frames(videos.probe(clip), 0.5, 1.0))
    assert [f.index for f in frames] == list(range(15, 31))
    assert [f.index for f in videos.frames(videos.probe(clip), 0.5, 1.0, skip=10)] == list(range(25, 31))


def bad(tmp_path, kind):
    path = tmp_path / "bad.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "random":
        path.write_bytes(np.random.default_rng(0).bytes(20000))
    elif kind == "text":
        path.write_text("not a video\n" * 100)
    elif kind == "no moov":
        path.write_bytes(clips.write(tmp_path / "good.mp4", 30).read_bytes()[:3000])
    return path


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("missing", "no such file"),
        ("folder", "folder"),
        ("empty", "0 bytes"),
        ("random", "no video"),
        ("text", "no video"),
        ("no moov", "no video"),
    ],
)
def test_bad_files_are_named_with_what_is_wrong(tmp_path, kind, word):
    with pytest.raises(InputError, match=word) as error:
        videos.probe(bad(tmp_path, kind))
    assert "bad.mp4" in str(error.value)
    assert "\n" not in str(error.value)


def test_sha256_is_that_of_the_bytes(clip):
    assert videos.sha256(clip) == hashlib.sha256(clip.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (np.arange(60) / 29.97, 24.0),  # even: the file's own word stands
        (np.round(np.delete(np.arange(60) / 25, [20, 21, 22, 40]), 3), 25.0),  # frames left out
        (np.zeros(1), 24.0),
    ],
)
def test_nominal_rate_of_a_clip_with_frames_left_out_is_that_of_its_even_stretches(times, expected):
    assert _fps(24.0, times) == pytest.approx(expected, rel=2e-3)
