"""Scenes: a seed gives the same scene, JSON keeps it, the sets are apart; the camera stands where the scene says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.lifter.people import walking
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train.data import MocapSet
from video_to_armature.synthetic.draws import BODIES, LEAST_FRAMES, MOST_RAISED_M, draw
from video_to_armature.synthetic.scenes import Scene, View
from video_to_armature.synthetic.view import NEAREST_M, intrinsics, place_camera, project


def motions(raised: float = 0.0) -> MocapSet:
    """Three walks: of 200 frames, of too few, and of one who walks up stairs that are not there for most of it."""
    clips = [walking(np.arange(n) / 30).astype(np.float32) for n in (200, LEAST_FRAMES - 1, 200)]
    clips[2][:, :, 2] += np.clip(np.arange(200) / 60, 0, 1)[:, None] * raised
    length = np.array([len(c) for c in clips])
    return MocapSet(
        np.concatenate(clips),
        np.cumsum(length) - length,
        length,
        ("long", "short", "stairs"),
        ("walk", "walk", "climb"),
    )


@pytest.mark.parametrize("held_out", [False, True])
def test_a_seed_gives_one_scene_and_json_keeps_it(held_out: bool) -> None:
    scenes = [draw(motions(), held_out, 3, number) for number in range(40)]
    assert scenes == [draw(motions(), held_out, 3, number) for number in range(40)]
    assert [Scene.from_json(scene.to_json()) for scene in scenes] == scenes
    assert len({scene.to_json() for scene in scenes}) == 40
    assert {scene.body.file for scene in scenes} == set(BODIES["held_out" if held_out else "train"])
    assert {scene.clip for scene in scenes} == {"long", "stairs"}
    for scene in scenes:
        assert scene.start + scene.frames <= 200


def test_held_out_scenes_are_other_scenes() -> None:
    train, held_out = (draw(motions(), held, 0, 5) for held in (False, True))
    assert train.motion_file != held_out.motion_file
    assert (train.body, train.look, train.view, train.place) != (
        held_out.body,
        held_out.look,
        held_out.view,
        held_out.place,
    )


def test_nobody_walks_on_air() -> None:
    mocap = motions(raised=1.0)
    feet = [BODY_27.index(f"{side}_{part}") for side in ("left", "right") for part in ("toe", "heel")]
    for number in range(40):
        scene = draw(mocap, False, 0, number)
        row = int(mocap.start[mocap.clip_ids.index(scene.clip)]) + scene.start
        soles = mocap.joints[row : row + scene.frames, feet, 2].min(1)
        assert np.median(soles) - soles.min() < MOST_RAISED_M + 0.05


SEEN = View(
    width=640, height=480, fov=60.0, fill=0.7, facing=0.0, pitch=10.0, roll=5.0, aside=(0.0, 0.0), cropped=False
)


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (640, 360)])
@pytest.mark.parametrize("facing", [0.0, 90.0, -135.0])
def test_the_person_is_as_large_as_asked_and_inside(size: tuple[int, int], facing: float) -> None:
    joints = walking(np.arange(30) / 30, speed=0.3)
    seen = replace(SEEN, width=size[0], height=size[1], facing=facing, fill=0.6)
    world_from_cam = place_camera(seen, joints, 0.0)
    in_cam, px = project(joints, world_from_cam, intrinsics(seen))
    assert ((px > 0) & (px < size)).all(-1).mean() >= 0.97
    assert in_cam[..., 2].min() >= NEAREST_M
    tall = np.percentile(np.ptp(px[..., 1], axis=1), 80) / size[1]
    assert 0.45 < tall <= 0.6 + 1e-6  # smaller only where the path would leave the picture


@pytest.mark.parametrize(("facing", "left_is"), [(0.0, 1), (180.0, -1)])
def test_facing_0_sees_the_face(facing: float, left_is: int) -> None:
    joints = walking(np.arange(5) / 30)
    in_cam, _ = project(joints, place_camera(replace(SEEN, facing=facing), joints, 0.0), np.eye(3))
    across = in_cam[:, BODY_27.index("left_shoulder"), 0] - in_cam[:, BODY_27.index("right_shoulder"), 0]
    assert (np.sign(across) == left_is).all()


def test_field_of_view_pitch_and_roll_are_the_scenes() -> None:
    seen = replace(SEEN, pitch=20.0, roll=0.0, fov=50.0)
    matrix = intrinsics(seen)
    assert np.degrees(2 * np.arctan(320 / matrix[0, 0])) == pytest.approx(50.0)
    turned = [
        place_camera(replace(SEEN, pitch=20.0, roll=roll), walking(np.arange(5) / 30), 0.0) for roll in (0.0, 15.0)
    ]
    down = [np.degrees(np.arcsin(-t[2, 2])) for t in turned]
    assert down == pytest.approx([20.0, 20.0])  # of the line of sight
    assert abs(np.degrees(np.arcsin(turned[1][2, 0]) - np.arcsin(turned[0][2, 0]))) == pytest.approx(15.0, abs=1.5)
    assert np.linalg.det(turned[1][:3, :3]) == pytest.approx(1.0)
