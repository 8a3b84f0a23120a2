"""The accuracy benchmark's own arithmetic: scores, MediaPipe's 3D as BODY_27, calibration, and what it says without clips."""

import shutil

import numpy as np
import pytest

from video_to_armature.lifter import lens, pipeline
from video_to_armature.lifter.contract.protocol import InputError
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.detect.mediapipe_pose import MediapipePose
from video_to_armature.lifter.keypoints import HEAD_BACK, HEAD_UP, MEDIAPIPE_33, SAME_POINT
from video_to_armature.lifter.video import frames, probe

from ..benchmarks import accuracy, accuracy_clips, accuracy_pictures
from ..benchmarks.accuracy_confidence import calibration
from ..benchmarks.accuracy_scores import JOINTS, pair, runs, score
from .clips import part_of_walk
from .people import walking

RNG = np.random.default_rng(0)
H36M = JOINTS["H36M_17"]
ALL = np.ones(20, bool)


def motion(count=20):
    return walking(np.arange(count) / 30) + RNG.normal(0, 0.01, (count, 27, 3))


def at(points, name):
    return points[:, BODY_27.index(name)]


# Scores


def test_a_score_by_hand():
    """Every joint of H36M_17 but the pelvis is off by 17 mm in one direction: 16 mm on average, and nothing moves."""
    true = motion()
    off = true.copy()
    off[:, 1:17] += [0, 0.017, 0]
    found = score([pair(off, true, ALL, 30)], H36M)
    assert found.frames == 20
    assert found.mpjpe == pytest.approx(16, rel=0.02)  # the scale takes a little
    assert found.p_mpjpe < found.mpjpe
    assert found.velocity < 0.02


def test_where_the_person_is_and_how_large_is_forgiven_how_they_stand_is_not():
    true = motion()
    elsewhere = 1.3 * (true + RNG.normal(0, 1, (20, 1, 3)))
    assert score([pair(elsewhere, true, ALL, 30)], H36M).mpjpe == pytest.approx(0, abs=1e-9)
    breathing = true * np.linspace(0.9, 1.1, 20)[:, None, None]  # one scale for the clip, not one a frame
    assert score([pair(breathing, true, ALL, 30)], H36M).mpjpe > 10
    turned = score([pair(true[..., [1, 0, 2]] * [-1, 1, 1], true, ALL, 30)], H36M)
    assert turned.mpjpe > 50
    assert turned.p_mpjpe == pytest.approx(0, abs=1e-6)


def test_clips_weigh_by_frames_and_have_a_scale_each():
    long, short = motion(30), motion(10)
    off = short.copy()
    off[:, 1:17] += [0, 0.017, 0]
    both = [pair(2 * long, long, np.ones(30, bool), 30), pair(off, short, np.ones(10, bool), 30)]
    assert score(both, H36M).mpjpe == pytest.approx(score(both[1:], H36M).mpjpe / 4)


def test_velocity_and_acceleration_do_not_cross_a_gap():
    """The error jumps while the person is out of sight: no velocity error. Frames out of sight do not count at all."""
    true, counts = motion(), ALL.copy()
    counts[8:11] = False
    predicted = true.copy()
    predicted[8:, 1:, 0] += 0.05
    assert score([pair(predicted, true, ALL, 30)], H36M).mpjve > 2
    predicted[8:11, 1:] = 99
    found = score([pair(predicted, true, counts, 30)], H36M)
    assert found.frames == 17
    assert found.mpjpe == pytest.approx(1000 * 0.05 * 9 / 17 * 16 / 17, rel=0.1)
    assert found.mpjve < 1
    assert [(run.start, run.stop) for run in runs(counts)] == [(0, 8), (11, 20)]


def test_velocity_in_both_units_and_the_truths_own_acceleration():
    """All joints but the pelvis fall from rest at 9.81 m/s² in the truth; in the prediction they stay."""
    fps, still = 25, np.repeat(walking(np.zeros(1)), 20, 0)
    true = still.copy()
    true[:, 1:, 2] -= 9.81 / 2 * (np.arange(20) / fps)[:, None] ** 2
    found = score([pair(still, true, ALL, fps)], H36M)
    assert found.true_acceleration == pytest.approx(9.81 * 16 / 17)
    assert found.acceleration == pytest.approx(9.81 * 16 / 17)
    assert found.velocity == pytest.approx(9.81 * 9.5 / fps * 16 / 17)  # mean speed over 19 steps
    assert found.mpjve == pytest.approx(1000 * found.velocity / fps)


def test_frames_of_nobody_count_nothing():
    nobody = pair(motion(), motion(), ~ALL, 30)
    true = motion()
    assert score([nobody, pair(true, true, ALL, 30)], H36M).frames == 20
    assert np.isnan(score([nobody], H36M).mpjpe)


def test_limb_joints_are_the_twelve():
    names = {BODY_27.names[j] for j in JOINTS["12 limb joints"]}
    assert len(names) == 12
    assert {"left_shoulder", "right_wrist", "left_hip", "right_ankle"} < names


# MediaPipe's 3D


def landmarks(body) -> np.ndarray:
    """(F, 33, 3) MediaPipe's points of (F, 27, 3) joints; what BODY_27 lacks is anywhere."""
    names = [SAME_POINT.get(name, name) for name in MEDIAPIPE_33]
    return np.stack([at(body, n) if n in BODY_27.names else np.full((len(body), 3), 7.0) for n in names], 1)


def test_mediapipes_3d_becomes_body_27_by_the_same_formulas():
    body = motion()
    found = accuracy_clips.world_to_body_27(landmarks(body))
    seen = [j for j, name in enumerate(BODY_27.names) if name not in ("pelvis", "spine", "thorax", "head_top")]
    np.testing.assert_allclose(found[:, seen], body[:, seen], atol=1e-6)
    hips = (at(body, "left_hip") + at(body, "right_hip")) / 2
    shoulders = (at(body, "left_shoulder") + at(body, "right_shoulder")) / 2
    ears = (at(body, "left_ear") + at(body, "right_ear")) / 2
    np.testing.assert_allclose(at(found, "pelvis"), hips, atol=1e-6)
    np.testing.assert_allclose(at(found, "thorax"), shoulders, atol=1e-6)
    np.testing.assert_allclose(at(found, "spine"), (hips + shoulders) / 2, atol=1e-6)
    top = ears + HEAD_UP * (ears - shoulders) + HEAD_BACK * (ears - at(body, "nose"))
    np.testing.assert_allclose(at(found, "head_top"), top, atol=1e-6)


def test_the_conversion_turns_with_the_person_and_keeps_gaps():
    points = landmarks(motion())
    turn = np.asarray(np.linalg.qr(RNG.normal(0, 1, (3, 3)))[0], np.float64)
    plain, turned = accuracy_clips.world_to_body_27(points), accuracy_clips.world_to_body_27(points @ turn)
    np.testing.assert_allclose(turned, plain @ turn, atol=1e-5)
    points[3] = np.nan
    found = accuracy_clips.world_to_body_27(points)
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(found, 3, 0)).all()


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A clip's folder with a real video in it; its truth is made up."""
    folder = tmp_path_factory.mktemp("renders") / "held_out_000"
    folder.mkdir()
    part_of_walk(folder / "video.mp4", 30, 12)
    video = probe(folder / "video.mp4")
    focal, middle = max(video.width, video.height), (video.width / 2, video.height / 2)
    intrinsics = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
    joints = walking(np.arange(12) / 30)[..., [0, 2, 1]] * [1, -1, 1] + [0, 1, 4]
    np.savez(folder / "truth.npz", joints_cam=joints, intrinsics=intrinsics, fps=30.0)
    return folder


def test_the_detector_gives_its_3d_of_the_same_people_and_the_same_points_as_ever(walk):
    plain, both, heights = MediapipePose(2), MediapipePose(2), []
    for frame in frames(probe(walk / "video.mp4")):
        points = plain.detect(frame.rgb, frame.time_s)
        again, world = both.detect_in_3d(frame.rgb, frame.time_s)
        np.testing.assert_array_equal(points, again)
        assert world.shape == (len(points), 33, 3) == (1, 33, 3)
        for axis, alike in ((0, 0.6), (1, 0.97)):  # x right and y down, as in the picture; she is seen from the side
            assert np.corrcoef(points[0, :, axis], world[0, :, axis])[0, 1] > alike
        hips = [MEDIAPIPE_33.index("left_hip"), MEDIAPIPE_33.index("right_hip")]
        np.testing.assert_allclose(world[0, hips].mean(0), 0, atol=0.02)
        heights.append(np.ptp(world[0, :, 1]))
    assert 1.3 < np.median(heights) < 1.7  # metres, from eyes to heels
    plain.close()
    both.close()


def test_a_clip_is_detected_once(walk):
    first = accuracy_clips.read(walk)
    assert first.found.mean() > 0.9
    written = (walk / "mediapipe.npz").stat().st_mtime_ns
    hidden = (walk / "video.mp4").rename(walk / "elsewhere.mp4")
    again = accuracy_clips.read(walk)
    hidden.rename(walk / "video.mp4")
    assert (walk / "mediapipe.npz").stat().st_mtime_ns == written
    np.testing.assert_array_equal(again.body_px, first.body_px)
    np.testing.assert_array_equal(again.mediapipe_3d, first.mediapipe_3d)
    assert first.size == (probe(walk / "video.mp4").width, probe(walk / "video.mp4").height)


def test_a_video_of_another_length_than_its_truth_is_refused(walk, tmp_path):
    folder = shutil.copytree(walk, tmp_path / "clip")
    with np.load(folder / "truth.npz") as truth:
        np.savez(folder / "truth.npz", **{**truth, "joints_cam": truth["joints_cam"][:-1]})
    with pytest.raises(InputError, match="12 frames were detected of 11 drawn"):
        accuracy_clips.read(folder)


# Confidence


def test_a_true_probability_lies_on_the_diagonal():
    sure = RNG.uniform(0.02, 1, 200_000)
    error = np.where(RNG.uniform(0, 1, sure.shape) < sure, 20, 90) + RNG.uniform(0, 20, sure.shape)
    found = calibration(sure, error)
    assert found.off < 0.01
    assert found.correlation < -0.45
    assert sum(b.share for b in found.bins) == pytest.approx(1)
    boast = calibration(
        RNG.uniform(0.94, 0.96, 1000), np.r_[np.full(300, 10.0), np.full(700, 80.0)] + RNG.uniform(0, 1, 1000)
    )
    assert boast.off == pytest.approx(0.65, abs=0.01)
    assert boast.bins[0].within == pytest.approx(0.3)


def test_rank_correlation_by_hand():
    """The order counts, not the values: -1 and +1; three of four in order, -0.8."""
    sure = np.array([0.9, 0.8, 0.5, 0.1])
    assert calibration(sure, np.array([1, 2, 3, 1e6])).correlation == pytest.approx(-1)
    assert calibration(sure, np.array([9, 3, 2, 1.0])).correlation == pytest.approx(1)
    assert calibration(sure, np.array([1, 2, 4, 3.0])).correlation == pytest.approx(-0.8)


def test_unknown_joints_have_no_calibration():
    sure, error = np.array([[0.9, 0.0], [0.5, 0.7]]), np.array([[10.0, 500], [60, np.nan]])
    found = calibration(sure, error)
    assert [(b.confidence, b.within) for b in found.bins] == [(0.5, 0), (0.9, 1)]


# The command


def test_the_usual_lens_is_the_pipelines():
    for size in ((640, 480), (480, 640)):
        np.testing.assert_allclose(
            accuracy.usual_intrinsics(size), lens.intrinsics(*size, pipeline.Options()), atol=1e-9
        )


def test_without_held_out_clips_it_says_how_to_make_them_and_fails(tmp_path, capsys):
    arguments = ["--only", "rendered", "--renders", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    assert accuracy.main(arguments) == 1
    said = capsys.readouterr().out
    [line] = [line for line in said.splitlines() if "synthetic/make.py" in line]
    assert "0 rendered frames" in line
    assert "1500" in line
    assert "--held-out" in line
    assert "hour" in line


def test_a_model_that_is_not_there_is_one_line(tmp_path, capsys):
    assert accuracy.main(["--model", str(tmp_path / "no.safetensors"), "--out", str(tmp_path)]) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_pictures_are_drawn(walk, tmp_path):
    clip = accuracy_clips.read(walk)
    truth = pair(clip.joints_cam, clip.joints_cam, clip.found, 30)
    theirs = pair(clip.mediapipe_3d, clip.joints_cam, clip.found, 30)
    drawn = accuracy_pictures.draw([accuracy_pictures.Shown(clip, truth, theirs)], tmp_path)
    assert [path.name for path in drawn] == ["moments.png", "worst_1.png"]
    report = accuracy.Report()
    report.keep("nothing given", None, truth)
    assert not report.sure
    report.keep("made", RNG.uniform(0, 1, (12, 27)), theirs)
    accuracy.calibrated(tmp_path, report)
    assert any("| made |" in text for text in report.lines)
    for path in (*drawn, tmp_path / "confidence.png"):
        assert path.stat().st_size > 10_000
