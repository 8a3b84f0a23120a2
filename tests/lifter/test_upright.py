"""Films that are turned: what is found, and that a turned camera sees the same world."""

import numpy as np
import pytest

from video_to_armature.lifter import upright
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.lifted import Lifted
from video_to_armature.lifter.world import to_world

from .people import INTRINSICS, camera, project, walking

TIMES = np.arange(90) / 30
TRUE = walking(TIMES) + [1.5, 0, 0]
CENTRE = INTRINSICS[:2, 2]


def seen(quarters: int) -> np.ndarray:
    """(F, 27, 3) points of a camera turned so often clockwise."""
    in_cam, _ = project(TRUE, camera(0.2, 1.6, 5.0), INTRINSICS)
    px = in_cam @ upright.rotation(-quarters).T @ INTRINSICS.T
    return np.concatenate([px[..., :2] / px[..., 2:], np.full((*px.shape[:2], 1), 0.9)], -1)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_found_and_undone(quarters):
    assert upright.found(seen(quarters), BODY_27) == quarters
    np.testing.assert_allclose(upright.turned(seen(quarters), quarters, CENTRE), seen(0), atol=1e-6)
    in_picture = (upright.up(90.0 * quarters, 0.0) @ upright.rotation(quarters).T)[:2]
    np.testing.assert_allclose(in_picture, [0, -1], atol=1e-9)


def test_a_cartwheel_and_somebody_lying_are_no_turned_film():
    body = seen(0)
    body[30:60] = seen(2)[30:60]
    assert upright.found(body, BODY_27) == 0
    body = seen(0)
    body[:75] = seen(1)[:75]
    assert upright.found(body, BODY_27) == 0
    body[..., 2] = 0.1
    assert upright.found(body, BODY_27) == 0


@pytest.mark.parametrize("roll", [0.0, 20.0, 180.0])
def test_the_users_up_is_taken_as_it_is(roll):
    pitch = 0.2
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    rolled_from_level = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])
    in_cam = project(TRUE, camera(pitch, 1.6, 5.0), INTRINSICS)[0] @ rolled_from_level.T
    px = in_cam @ INTRINSICS.T
    px = np.concatenate([px[..., :2] / px[..., 2:], np.full((*px.shape[:2], 1), 0.9)], -1).astype(np.float32)
    up = upright.up(roll, np.degrees(pitch))
    lifted = Lifted((in_cam - in_cam[:, :1]).astype(np.float32))
    world = to_world(lifted, px, TIMES, INTRINSICS, up_spread=(up, 0.0))
    np.testing.assert_allclose(world.world_from_cam[2, :3], up, atol=1e-6)
    true = TRUE - [*TRUE[0, 0, :2], 0]
    assert np.linalg.norm(world.positions - true, axis=-1).mean() < 0.05


@pytest.mark.parametrize(("roll", "pitch"), [(0, 0), (12, -20), (-90, 5), (170, 30)])
def test_pitch_and_roll_come_back_from_up(roll, pitch):
    assert upright.pitch_roll(upright.up(roll, pitch)) == pytest.approx((pitch, roll))
