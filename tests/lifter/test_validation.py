"""Simulated views of whole clips: the truth is where the picture shows it, and the noise has the size that it claims."""

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.keypoints import DERIVED
from video_to_armature.lifter.rays import STATURE_OF_SIZE, body_size
from video_to_armature.lifter.train import validation
from video_to_armature.lifter.train.validation import CLEAN, NOISY, WIDTH, other_bones, view

from .people import rest, walking

SEEN = [j for j, name in enumerate(BODY_27.names) if name not in DERIVED]
JITTER = replace(CLEAN, jitter=NOISY.jitter)


def standing(seconds, fps):
    return np.repeat(rest()[None], round(seconds * fps), 0)


def errors(joints, fps, noise, seed=0):
    """(F, 27, 2) of the points, as shares of the stature as it appears."""
    seen, exact = (view(joints, fps, np.random.default_rng(seed), n) for n in (noise, CLEAN))
    stature = STATURE_OF_SIZE * body_size(exact.joints_cam)
    return (seen.body_px - exact.body_px)[..., :2] / (exact.intrinsics[0, 0] * stature / exact.joints_cam[:, 0, 2])[
        :, None, None
    ]


def between(a, b):
    return np.linalg.norm(a - b, axis=-1)


@pytest.mark.parametrize("seed", range(20))
def test_a_clean_view_shows_the_joints_where_they_are_and_all_of_them(seed):
    joints = walking(np.arange(90) / 30)
    found = view(joints, 30, np.random.default_rng(seed), CLEAN)
    px = found.joints_cam @ found.intrinsics.T
    px = px[..., :2] / px[..., 2:]
    np.testing.assert_allclose(found.body_px[:, SEEN, :2], px[:, SEEN], atol=1e-3)
    assert (px > 0).all()
    assert (px < (WIDTH, validation.HEIGHT)).all()
    assert (found.joints_cam[..., 2] >= validation.NEAREST_M).all()
    assert (found.body_px[..., 2] > 0.5).all()
    # a rigid move: all distances between joints, in a frame and over time, are kept
    np.testing.assert_allclose(
        between(found.joints_cam[:, 5], found.joints_cam[::-1, 9]), between(joints[:, 5], joints[::-1, 9])
    )
    # and not a mirror image of the world
    edges = np.stack([a[0, [4, 8, 9]] - a[0, 0] for a in (joints, found.joints_cam)])
    assert np.linalg.det(edges[0]) == pytest.approx(np.linalg.det(edges[1]))
    head, pelvis = found.joints_cam[:, BODY_27.index("head_top")], found.joints_cam[:, 0]
    assert (head - pelvis)[:, 1].max() < -0.5  # the world's up is the picture's up


def test_points_no_detector_sees_are_derived_as_in_use():
    found = view(walking(np.arange(30) / 30), 30, np.random.default_rng(1), NOISY).body_px
    at = [BODY_27.index(f"{side}_hip") for side in ("left", "right")]
    np.testing.assert_allclose(found[:, 0, :2], found[:, at, :2].mean(1), atol=1e-3)
    np.testing.assert_allclose(found[:, 0, 2], found[:, at, 2].min(1))


def test_jitter_is_1_2_percent_of_the_stature_in_each_coordinate():
    pooled = np.concatenate([errors(standing(20, 30), 30, JITTER, seed)[:, SEEN] for seed in range(6)])
    np.testing.assert_allclose(pooled.std((0, 1)), 0.012, rtol=0.05)
    np.testing.assert_allclose(pooled.mean((0, 1)), 0, atol=0.001)


def test_a_person_farther_off_jitters_by_fewer_pixels():
    joints = walking(np.arange(300) / 30, 0.0)
    joints[..., 1] += np.linspace(0, 8, 300)[:, None]
    seen, exact = (view(joints, 30, np.random.default_rng(3), n) for n in (JITTER, CLEAN))
    off = np.abs(seen.body_px - exact.body_px)[:, SEEN, :2].mean((1, 2))
    depth = exact.joints_cam[:, 0, 2]
    assert depth.max() > 1.5 * depth.min()
    far = depth > np.median(depth)
    assert off[far].mean() / off[~far].mean() == pytest.approx(
        (1 / depth[far]).mean() / (1 / depth[~far]).mean(), rel=0.15
    )


def test_the_memory_is_in_seconds_at_any_frame_rate():
    """The correlation of the errors 0.2 s apart is the same for clips of 15, 30 and 60 frames a second."""
    found = []
    for fps in (15, 30, 60):
        errs = errors(standing(40, fps), fps, JITTER, seed=5)[:, SEEN]
        step = fps // 5
        found.append((errs[step:] * errs[:-step]).mean() / (errs**2).mean())
    shortest, longest = (np.exp(-0.2 / memory) for memory in validation.MEMORY_S)
    assert shortest < min(found)
    assert max(found) < longest
    assert max(found) - min(found) < 0.06


def test_bursts_hide_6_percent_of_each_limb_for_0_3_to_1_5_seconds():
    fps, seconds = 30, 3000
    guessed = view(
        standing(seconds, fps), fps, np.random.default_rng(0), replace(CLEAN, hidden=NOISY.hidden, missing=0.25)
    )
    sure = guessed.body_px[..., 2] > validation.GUESSED[1]
    ends = [BODY_27.index(f"{side}_{part}") for side in ("left", "right") for part in ("toe", "index", "ear")]
    share = (~sure[:, ends]).mean()
    assert share == pytest.approx(0.06, abs=0.006)
    gone = guessed.body_px[:, ends, 2] == 0
    assert gone.sum() / (~sure[:, ends]).sum() == pytest.approx(0.25, abs=0.07)
    knees = [BODY_27.index(f"{side}_knee") for side in ("left", "right")]
    assert (~sure[:, knees]).mean() == pytest.approx(0.03, abs=0.01)  # half of the bursts begin at the ankle
    lengths = []
    for j in ends:
        edges = np.flatnonzero(np.diff(np.r_[False, ~sure[:, j], False].astype(int)))
        lengths += list((edges[1::2] - edges[::2]) / fps)
    lengths = np.array(lengths)
    assert lengths.min() >= 0.3 - 1 / fps
    assert np.median(lengths) == pytest.approx(0.9, abs=0.12)
    assert (lengths > 1.5 + 1 / fps).mean() < 0.08  # two bursts that overlap
    never = [BODY_27.index(name) for name in ("nose", "left_hip", "right_shoulder")]
    assert sure[:, never].all()


def test_hidden_points_err_more():
    noise = replace(JITTER, hidden=0.2, missing=0.0)
    joints = standing(120, 30)
    seen = view(joints, 30, np.random.default_rng(2), noise)
    hidden = seen.body_px[..., 2] <= validation.GUESSED[1]
    off = errors(joints, 30, noise, seed=2)
    wrist = BODY_27.index("left_wrist")
    ratio = off[hidden[:, wrist], wrist].std() / off[~hidden[:, wrist], wrist].std()
    assert ratio == pytest.approx(NOISY.hidden_jitter, rel=0.25)


def test_landmarks_are_off_their_joints_by_a_constant():
    noise = replace(CLEAN, offset_m=0.012)
    seen, exact = (view(standing(2, 30), 30, np.random.default_rng(4), n) for n in (noise, CLEAN))
    off = (seen.body_px - exact.body_px)[:, SEEN, :2]
    np.testing.assert_allclose(off, off[:1].repeat(len(off), 0), atol=1e-3)
    metres = off[0] * exact.joints_cam[0, SEEN, 2:] / exact.intrinsics[0, 0]
    assert metres.std() == pytest.approx(0.012, rel=0.3)


def test_bones_vary_by_12_percent_in_groups_and_keep_their_directions():
    joints = walking(np.arange(5) / 30)
    child = np.array([j for j, parent in enumerate(BODY_27.parents) if parent >= 0])
    parent = np.array(BODY_27.parents)[child]
    factors = []
    for seed in range(200):
        found = other_bones(joints, np.random.default_rng(seed), 0.12)
        before, after = joints[:, child] - joints[:, parent], found[:, child] - found[:, parent]
        ratio = np.linalg.norm(after, axis=-1) / np.linalg.norm(before, axis=-1)
        np.testing.assert_allclose(after, before * ratio[..., None], atol=1e-9)
        np.testing.assert_allclose(ratio, ratio[:1].repeat(5, 0), atol=1e-9)
        factors.append(ratio[0])
    factors = np.array(factors)
    assert factors.min() >= 0.88
    assert factors.max() <= 1.12
    np.testing.assert_allclose(factors.std(0), 0.24 / np.sqrt(12), rtol=0.15)  # all 26 bones, uniformly
    mirror = [list(child).index(BODY_27.mirror[j]) for j in child]
    np.testing.assert_allclose(factors, factors[:, mirror], atol=1e-9)
    of = {BODY_27.names[j]: factors[:, i] for i, j in enumerate(child)}
    assert abs(np.corrcoef(of["left_knee"], of["left_ankle"])[0, 1]) < 0.3
    np.testing.assert_allclose(other_bones(joints, np.random.default_rng(0), 0.0), joints, atol=1e-9)


def test_the_same_seed_gives_the_same_camera_whatever_the_noise_and_the_bones():
    joints = walking(np.arange(40) / 30)
    settings = (CLEAN, 0.0), (NOISY, 0.0), (NOISY, 0.12)
    a, b, c = (view(joints, 30, np.random.default_rng(9), noise, varied) for noise, varied in settings)
    np.testing.assert_array_equal(a.joints_cam, b.joints_cam)
    np.testing.assert_array_equal(a.intrinsics, c.intrinsics)
    spine = [found.joints_cam[0, 8] - found.joints_cam[0, 7] for found in (a, c)]
    cosine = spine[0] @ spine[1] / np.linalg.norm(spine[0]) / np.linalg.norm(spine[1])
    assert cosine == pytest.approx(1, abs=1e-9)
    again = view(joints, 30, np.random.default_rng(9), NOISY)
    np.testing.assert_array_equal(again.body_px, b.body_px)
