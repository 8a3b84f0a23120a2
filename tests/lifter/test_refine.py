"""The refinement: what each term is for, and that blocks and missing evidence leave no trace."""

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.lifter import gravity
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.refine import BLOCK, Evidence, Ground, Terms, blocks, bone_lengths, refine

from .people import INTRINSICS, camera, project, walking

FEET = [BODY_27.index(n) for n in ("left_heel", "left_toe", "right_heel", "right_toe")]
STANDING = np.full(4, 0.015)
CAMERA = camera(0.2, 1.6, 5.0)
UP = CAMERA[2, :3]
FLOOR = -float(CAMERA[2, 3])


def clip(frames=90, noise_m=0.03, seed=0, true=None):
    """True joints in camera axes, and noisy evidence of them."""
    rng, times = np.random.default_rng(seed), np.arange(frames) / 30
    world = walking(times) + [1.5, 0, 0] if true is None else true
    joints, px = project(world, CAMERA, INTRINSICS)
    rays = (px[..., :2] - INTRINSICS[:2, 2]) / np.diag(INTRINSICS)[:2]
    rays = directions(rays + rng.normal(0, noise_m / 5, rays.shape))
    speed = np.linalg.norm(np.gradient(world[:, FEET], times, axis=0), axis=-1) if frames > 1 else np.zeros((1, 4))
    network = joints - joints[:, :1] + rng.normal(0, noise_m, joints.shape)
    weight = np.ones(joints.shape[:2])
    evidence = Evidence(network, np.full(weight.shape, 0.04), rays, weight, times, FEET, (speed < 0.1).astype(float))
    return joints, evidence, evidence.joints + joints[:, :1] + rng.normal(0, 0.05, (frames, 1, 3))


def directions(plane):
    """Unit vectors through points of the plane z = 1."""
    rays = np.concatenate([plane, np.ones((*plane.shape[:-1], 1))], -1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def refined(evidence, start, ground=None, **changes):
    level = np.full((len(start), 4), FLOOR)
    bones = bone_lengths(evidence.joints, BODY_27)
    return refine(
        evidence, start, ground or Ground(UP, level, FLOOR, STANDING), BODY_27, replace(Terms(), **changes), bones
    )


def off(x, y):
    return float(np.linalg.norm(x - y, axis=-1).mean())


def test_it_is_nearer_to_the_truth_than_its_start():
    true, evidence, start = clip()
    assert off(refined(evidence, start), true) < 0.5 * off(start, true)


def test_bones_are_as_long_throughout():
    _, evidence, start = clip()
    bones = bone_lengths(evidence.joints, BODY_27)
    x = refined(evidence, start)
    parents = np.maximum(BODY_27.parents, 0)
    spread = np.linalg.norm(x - x[:, parents], axis=-1)[:, 1:] - bones[1:]
    assert np.abs(spread).mean() < 0.004
    loose = refined(evidence, start, bone_m=np.inf)
    assert np.abs(np.linalg.norm(loose - loose[:, parents], axis=-1)[:, 1:] - bones[1:]).mean() > 0.008


def test_planted_feet_hardly_move_and_stand_on_the_ground():
    _, evidence, start = clip()
    held = evidence.contacts[1:] * evidence.contacts[:-1] > 0

    def slide(x):
        return float((np.linalg.norm(np.diff(x[:, FEET], axis=0), axis=-1) * 30)[held].mean())

    x = refined(evidence, start)
    assert slide(x) < 0.03
    assert slide(refined(evidence, start, planted_m_s=np.inf)) > 0.15
    heights = (x[:, FEET] @ UP - FLOOR - STANDING)[evidence.contacts > 0]
    assert np.abs(heights).mean() < 0.006
    assert (x[:, FEET] @ UP - FLOOR).min() > -0.01


def test_someone_in_the_air_is_not_pulled_down():
    """A jump's contacts are none: the feet stay as high as picture and network say."""
    times = np.arange(60) / 30
    jump = walking(np.zeros(60)) + np.array([0, 0, 1.0]) * (0.5 * np.sin(np.pi * times / 2).clip(0))[:, None, None]
    true, evidence, start = clip(60, true=jump)
    x = refined(replace(evidence, contacts=np.zeros((60, 4))), start)
    lift = ((x - true)[20:40, FEET] @ UP).mean()
    assert abs(lift) < 0.02


def test_two_levels_of_ground_are_kept():
    true, evidence, start = clip()
    level = np.full((len(start), 4), FLOOR)
    level[45:] += 0.4
    raised = start + np.where(np.arange(90)[:, None, None] >= 45, 0.4, 0) * UP
    rays = true + np.where(np.arange(90)[:, None, None] >= 45, 0.4, 0) * UP
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    x = refined(replace(evidence, rays=rays), raised, Ground(UP, level, FLOOR, STANDING), acceleration=np.inf)
    heights = (x[:, FEET] @ UP - level - STANDING)[evidence.contacts > 0]
    assert np.abs(heights).mean() < 0.01


def test_blocks_leave_no_seam():
    true, evidence, start = clip(BLOCK + 150)
    assert len(blocks(len(start))) == 2
    x = refined(evidence, start)
    seam = np.linalg.norm(np.diff(x, 2, axis=0), axis=-1).mean(-1)
    assert seam[BLOCK - 40 : BLOCK + 10].max() < 1.5 * np.percentile(seam, 95)
    assert off(x, true) < 0.04


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_shortest_stretches(frames):
    true, evidence, start = clip(frames, noise_m=0.005)
    assert off(refined(evidence, start), true) < 0.06


def test_unseen_joints_follow_the_network():
    true, evidence, start = clip()
    wrist = BODY_27.index("left_wrist")
    weight = evidence.weight.copy()
    weight[30:60, wrist] = 0
    rays = evidence.rays.copy()
    rays[30:60, wrist] = 0
    x = refined(replace(evidence, weight=weight, rays=rays), start)
    assert off(x[30:60, wrist], true[30:60, wrist]) < 0.05


def test_frame_rate_hardly_matters():
    found = {}
    for step in (1, 2):
        times = np.arange(0, 120, step) / 60
        true, evidence, start = clip(len(times), true=walking(times) + [1.5, 0, 0])
        evidence = replace(evidence, times=times)
        found[step] = off(refined(evidence, start), true)
    assert found[1] == pytest.approx(found[2], rel=0.25)


@pytest.mark.parametrize("kind", ["places where feet stood", "a runner's way"])
def test_gravity_from_level_ground(kind):
    """Either turns a guess that is 5 degrees off by most of it; on the spot nothing is told; stairs are no floor."""
    rng = np.random.default_rng(1)
    up = np.array([0.05, -0.97, -0.2]) / np.linalg.norm([0.05, -0.97, -0.2])
    side = np.cross(up, [0, 0, 1.0]) / np.linalg.norm(np.cross(up, [0, 0, 1.0]))
    ahead = np.cross(up, side)
    guess = up + np.tan(np.radians(5)) * ahead
    guess /= np.linalg.norm(guess)
    away = np.linspace(3, 7, 12)[:, None]
    points = rng.uniform(-2, 2, (12, 1)) * side + away * ahead - 1.5 * up + rng.normal(0, 0.03, (12, 3))
    nothing = np.zeros((1, 3))

    def found(points):
        told = (points, nothing) if kind.startswith("places") else (nothing, points)
        return gravity.from_ground(guess, off, *told)

    off = gravity.GUESS_SPREAD
    assert np.degrees(np.arccos(found(points) @ up)) < 1.5
    np.testing.assert_array_equal(found(points + 0.6 * away * up), guess)
    np.testing.assert_allclose(found(points[:2] * 0.01), guess, atol=0.005)
    off = np.radians(0.3)  # lines have told it
    np.testing.assert_allclose(found(points), guess, atol=0.01)


def test_feet_do_not_roll_under_the_shin():
    """Ankles that are thrown to the side of their feet come back over them, to the true ones' own few degrees."""
    true, evidence, start = clip(noise_m=0.005)
    at = BODY_27.index
    rng = np.random.default_rng(3)
    for side in ("left", "right"):
        evidence.joints[:, at(f"{side}_ankle")] += rng.normal(0, 0.02, (len(true), 3))

    def roll(x, side="left"):
        foot, up = (
            x[:, at(f"{side}_toe")] - x[:, at(f"{side}_heel")],
            x[:, at(f"{side}_ankle")] - x[:, at(f"{side}_heel")],
        )
        sideways = np.cross(foot, UP) / np.linalg.norm(np.cross(foot, UP), axis=-1, keepdims=True)
        return np.degrees(np.arctan2((up * sideways).sum(-1), up @ UP))

    wrong, right = (np.abs(roll(refined(evidence, start, ankle_m=m)) - roll(true)).mean() for m in (np.inf, 0.004))
    assert right < 6
    assert wrong > 2 * right, (wrong, right)
