"""People who are not wholly there: gaps, half a body, someone who comes late and leaves early."""

import numpy as np
import pytest

from video_to_armature.lifter import pipeline
from video_to_armature.lifter.contract.protocol import InputError, NobodyFoundError, UsageError
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.gaps import known_stretches
from video_to_armature.lifter.keypoints import Keypoints

from .people import INTRINSICS, camera, project, walking

FPS = 30.0
LEGS = [f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle", "toe", "heel")]


def keypoints(frames=120):
    px = project(walking(np.arange(frames) / FPS) + [1.5, 0, 0], camera(0.1, 1.4, 4.5), INTRINSICS)[1]
    width, height = (round(2 * v) for v in INTRINSICS[:2, 2])
    header = {"fps": FPS, "width": width, "height": height, "first_frame": 0}
    return header, px, np.arange(frames) / FPS


def lifted(header, px, times):
    said = []
    run = pipeline.Run(lambda event: said.append(event.fields.get("message")) if event.name == "warning" else None)
    motion = pipeline.lift(Keypoints(header, BODY_27.names, px, times), pipeline.Options(device="cpu"), run)
    return motion, said


def test_gaps_to_half_a_second_are_bridged_with_low_confidence_and_longer_ones_stay_unknown():
    header, px, times = keypoints()
    px[20:32], px[60:90] = [np.nan, np.nan, 0], [np.nan, np.nan, 0]  # 0.4 and 1.0 s
    motion, said = lifted(header, px, times)
    assert motion.known[20:32].all()
    assert not motion.known[60:90].any()
    assert (motion.confidence[60:90] == 0).all()
    wrist = BODY_27.index("left_wrist")
    assert motion.confidence[24:28, wrist].max() < motion.confidence[[*range(10, 20), *range(35, 50)], wrist].min()
    trunk = [BODY_27.index(n) for n in ("pelvis", "left_hip", "right_hip", "thorax", "left_shoulder", "right_shoulder")]
    step = np.linalg.norm(np.diff(motion.positions[:55, trunk], axis=0), axis=-1)
    assert step.max() < 0.08  # nobody jumps through the bridge (she walks 0.033 a frame)
    assert said == []


def test_a_person_who_comes_late_and_leaves_early_is_unknown_before_and_after():
    header, px, times = keypoints()
    px[:40], px[100:] = [np.nan, np.nan, 0], [np.nan, np.nan, 0]
    motion, _ = lifted(header, px, times)
    known = motion.known.all(-1)
    assert list(np.flatnonzero(known)) == list(range(40, 100))
    whole, _ = lifted(header, keypoints()[1], times)
    root = np.linalg.norm(np.diff(motion.positions[40:100, 0] - whole.positions[40:100, 0], axis=0), axis=-1)
    assert root.max() < 0.02


@pytest.mark.parametrize("guessed", [True, False], ids=["guessed below the picture", "not reported"])
def test_half_a_body_gets_no_legs_and_says_so(guessed):
    header, px, times = keypoints()
    header["height"] = int(np.nanmin(px[:, BODY_27.index("left_knee"), 1])) - 5
    below = px[..., 1] > header["height"]
    px[..., 2][below] = 0.3 if guessed else 0
    if not guessed:
        px[below] = [np.nan, np.nan, 0]
    motion, said = lifted(header, px, times)
    unknown = {name for j, name in enumerate(motion.joint_names) if not motion.known[:, j].any()}
    assert unknown >= set(LEGS)
    assert motion.known[:, [BODY_27.index(n) for n in ("nose", "left_hip", "right_shoulder", "left_elbow")]].all()
    [warning] = [line for line in said if "without keys" in line]
    assert all(name in warning for name in LEGS)
    assert (motion.contacts == 0).all()  # feet that nobody sees stand nowhere


def test_of_a_face_alone_there_is_nothing_to_move():
    header, px, times = keypoints(40)
    face = [BODY_27.index(name) for name in ("nose", "left_ear", "right_ear")]
    px[:, [j for j in range(len(BODY_27)) if j not in face], 2] = 0.1  # guessed, somewhere
    with pytest.raises(NobodyFoundError, match="hardly any joint"):
        lifted(header, px, times)


def test_a_jump_in_the_times_is_a_gap():
    header, px, times = keypoints(60)
    times[30:] += 600  # a phone that stopped recording: both parts stand for themselves
    motion, _ = lifted(header, px, times)
    assert motion.known.all()
    assert np.abs(motion.positions[:30, :, 2] - motion.positions[30:, :, 2]).max() < 0.5
    header, px, times = keypoints(60)
    slow = known_stretches(np.ones(60, bool), times * 30)  # a film of one picture a second has no gaps
    assert slow == [(0, 60)]


def test_the_pelvis_is_as_sure_as_what_it_hangs_between():
    motion, _ = lifted(*keypoints())
    around = motion.confidence[:, [j for j, parent in enumerate(BODY_27.parents) if parent == 0]]
    np.testing.assert_allclose(motion.confidence[:, 0], around.min(1), atol=0.02)
    assert motion.header["size"] == {"from": "standard body", "metres": 1.7}


def test_a_roll_that_is_no_quarter_turn_needs_the_pitch():
    with pytest.raises(UsageError, match="--pitch"):
        pipeline.check(pipeline.Options(roll=20.0))
    pipeline.check(pipeline.Options(roll=20.0, pitch=5.0))
    pipeline.check(pipeline.Options(roll=-90.0))


def test_a_single_seen_frame_is_kept():
    header, px, times = keypoints(30)
    px[np.arange(30) != 12] = [np.nan, np.nan, 0]
    motion, _ = lifted(header, px, times)
    assert list(np.flatnonzero(motion.known.all(-1))) == [12]


def test_keypoints_of_nobody_are_refused():
    header, px, times = keypoints(10)
    px[:] = [np.nan, np.nan, 0]
    with pytest.raises(InputError, match="nobody"):
        lifted(header, px, times)
