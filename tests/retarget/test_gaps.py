"""What is not known gets no key: gaps, joints that a motion has not, one frame, odd grids."""

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.resample import resample
from video_to_armature.addon.retarget.solve import solve
from video_to_armature.lifter.contract.protocol import InputError
from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17

from .bodies import LIMBS, angle_between, limb_directions, mixamo, motion_of, posed, read

INDEX = BODY_27.index


def joints(frames=60, seed=2):
    rest, bones = mixamo()
    return read(rest, bones, posed(rest, bones, frames, seed))


def without(positions, names, frames=slice(None)):
    out = positions.copy()
    for name in names:
        out[frames, INDEX(name)] = np.nan
    return out


def finite(curves):
    return all(np.isfinite(v).all() for v in (*curves.rotations.values(), *curves.locations.values()))


def test_a_gap_of_the_whole_person_has_no_keys_and_one_marker():
    rest, bones = mixamo()
    positions = joints()
    positions[20:40] = np.nan
    curves = solve(motion_of(positions), rest, bones)
    wanted = np.ones(60, bool)
    wanted[20:40] = False
    for bone, keyed in curves.keyed.items():
        assert (keyed == wanted).all(), bone
    assert [(m.frame, m.text) for m in curves.markers] == [(21.0, "body unknown for 0.7 s")]
    assert finite(curves)


def test_a_gap_of_one_arm_leaves_the_rest_keyed():
    rest, bones = mixamo()
    positions = without(joints(), ["left_elbow"], slice(10, 25))
    curves = solve(motion_of(positions), rest, bones)
    for part in ("left_upper_arm", "left_forearm", "left_hand", "left_clavicle"):
        assert not curves.keyed[bones.bones[part][0]][10:25].any(), part
        assert curves.keyed[bones.bones[part][0]].sum() == 45
    assert curves.keyed["mixamorig:Head"].all()
    assert curves.keyed["mixamorig:RightArm"].all()
    assert len(curves.markers) == 1
    assert curves.markers[0].frame == 11
    assert "left upper arm" in curves.markers[0].text


def test_known_stretches_are_solved_as_if_there_were_no_gap():
    rest, bones = mixamo()
    whole, holed = joints(), joints()
    holed[20:40] = np.nan
    one, two = (solve(motion_of(p), rest, bones) for p in (whole, holed))
    for bone, keyed in two.keyed.items():
        difference = quat.mul(quat.inv(one.rotations[bone]), two.rotations[bone])
        assert quat.angle(difference)[keyed].max() < 1e-6


def test_a_joint_that_is_never_known_gets_no_keys_and_a_warning():
    rest, bones = mixamo()
    curves = solve(motion_of(without(joints(), ["left_index"])), rest, bones)
    assert "mixamorig:LeftHand" not in curves.rotations
    assert "mixamorig:LeftForeArm" in curves.rotations
    assert curves.unmapped_parts == ("left_hand",)
    assert len(curves.warnings) == 1
    assert "mixamorig:LeftHand got no keys" in curves.warnings[0]
    assert not curves.markers


def test_seventeen_joints_are_enough_for_trunk_head_and_limbs():
    rest, bones = mixamo()
    positions = joints()[:, :17]
    curves = solve(motion_of(positions, names=H36M_17.names), rest, bones)
    assert set(curves.unmapped_parts) == {"left_hand", "right_hand", "left_foot", "right_foot"}
    for part, reached in limb_directions(rest, bones, curves.rotations, curves.locations).items():
        a, b = (positions[:, INDEX(joint)] for joint in LIMBS[part])
        assert angle_between(reached, b - a).max() < 1e-3
    assert "mixamorig:Head" in curves.rotations


def test_a_motion_without_hips_is_refused():
    rest, bones = mixamo()
    with pytest.raises(InputError, match="hips"):
        solve(motion_of(without(joints(), ["left_hip"])), rest, bones)


def test_one_frame_is_a_pose():
    rest, bones = mixamo()
    curves = solve(motion_of(joints(1)), rest, bones)
    assert curves.frames.tolist() == [1.0]
    assert finite(curves)
    assert all(keyed.all() for keyed in curves.keyed.values())


def test_joints_in_one_place_do_no_harm():
    """A forearm of length zero has no direction: no key there, and nothing else suffers."""
    rest, bones = mixamo()
    positions = joints()
    positions[5, INDEX("left_wrist")] = positions[5, INDEX("left_elbow")]
    curves = solve(motion_of(positions), rest, bones)
    assert not curves.keyed["mixamorig:LeftForeArm"][5]
    assert curves.keyed["mixamorig:LeftForeArm"].sum() == 59
    assert curves.keyed["mixamorig:RightForeArm"].all()
    assert finite(curves)


def test_resampling_at_the_same_rate_copies():
    motion = motion_of(joints())
    assert np.array_equal(resample(motion).positions, motion.positions.astype(np.float64))


def test_resampling_keeps_straight_lines_and_parabolas():
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 50))
    t = times[:, None, None]
    motion = motion_of(np.broadcast_to(3 * t - 2 * t**2, (50, 27, 3)), 25.0, times)
    grid = resample(motion, 60.0)
    inside = (grid.times > times[1]) & (grid.times < times[-2])
    wanted = 3 * grid.times - 2 * grid.times**2
    assert np.abs(grid.positions[:, 0, 0] - wanted)[inside].max() < 1e-5
    assert np.allclose(np.diff(grid.times), 1 / 60)
    assert grid.times[-1] <= times[-1] + 1e-9


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 30000 / 1001, 60.0, 120.0])
def test_time_stamps_in_whole_milliseconds_cost_no_frame(fps):
    for frames in range(2, 200):
        times = np.round(np.arange(frames) / fps, 3)
        motion = replace(motion_of(np.zeros((frames, 27, 3)), fps), frame_times=times)
        assert len(resample(motion).times) == frames
        assert len(resample(motion, 2 * fps).times) == 2 * frames - 1


def test_resampling_does_not_reach_across_a_gap():
    positions = joints()
    positions[20:40] = np.nan
    grid = resample(motion_of(positions), 60.0)
    known = np.isfinite(grid.positions).all((1, 2))
    assert not known[39:80].any()  # from just after frame 19 to just before frame 40
    assert known[:39].all()
    assert known[80:].all()
