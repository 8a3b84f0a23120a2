"""Which limbs get keys, which frames, and how few keys a bound allows: laws, without Blender."""

# pyright: reportArgumentType=false

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.bone_map import PARTS
from video_to_armature.addon.retarget.choices import LIMB_WORDS, LIMBS, Choices, Keying, limbs_of
from video_to_armature.addon.retarget.curves import begun_at
from video_to_armature.addon.retarget.limbs import limb_of
from video_to_armature.addon.retarget.reduction import reduced, through
from video_to_armature.addon.retarget.resample import trimmed
from video_to_armature.addon.retarget.solve import solve
from video_to_armature.lifter.contract.protocol import UsageError

from .bodies import mixamo, rigify
from .test_feet_and_choices import walking

RNG = np.random.default_rng(7)


def wandering(frames=200, channels=3, noise=0.0):
    t = np.linspace(0, 6, frames)[:, None]
    return np.sin(t * RNG.uniform(0.5, 3, channels)) + noise * RNG.normal(size=(frames, channels))


def distance(true):
    return lambda values: np.linalg.norm(values - true, axis=-1)


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.1])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-2, 0.5])
def test_no_frame_is_off_by_more_than_the_tolerance(noise, tolerance):
    true = wandering(noise=noise)
    found = reduced(true, distance(true), tolerance)
    again = through(found.kept, true[found.kept], found.slopes, len(true))
    assert np.linalg.norm(again - true, axis=-1).max() == pytest.approx(found.error)
    assert found.error <= tolerance
    assert {0, len(true) - 1} <= set(found.kept.tolist())
    assert (np.diff(found.kept) > 0).all()


def test_what_is_smooth_takes_few_keys_and_less_for_a_wider_bound():
    true = wandering()
    counts = [len(reduced(true, distance(true), tolerance).kept) for tolerance in (1e-9, 1e-4, 1e-3, 1e-2)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 200
    assert counts[-1] < 20
    line = np.linspace([0, 1], [3, -2], 50)
    assert len(reduced(line, distance(line), 1e-6).kept) == 2


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_curves_keep_their_keys(frames):
    true = wandering(frames, noise=1.0)
    assert reduced(true, distance(true), 1e-6).kept.tolist() == list(range(frames))


def test_eulers_turn_as_blenders_do():
    angles = RNG.uniform(-3, 3, (20, 3))
    x, y, z = (quat.about(np.eye(3)[i], angles[:, i]) for i in range(3))
    assert np.abs(quat.from_eulers(angles, "XYZ") - quat.mul(z, quat.mul(y, x))).max() < 1e-12
    assert np.abs(quat.from_eulers(angles, "YXZ") - quat.mul(z, quat.mul(x, y))).max() < 1e-12


def test_every_part_has_a_limb_and_every_word_limbs():
    assert {limb_of(part) for part in PARTS} == set(LIMBS)
    assert limbs_of(LIMB_WORDS) == limbs_of(["all"]) == LIMBS
    assert limbs_of(["left-leg", "arms"]) == ("left arm", "right arm", "left leg")
    with pytest.raises(UsageError, match="limb 'tail' is not known"):
        limbs_of(["tail"])
    with pytest.raises(UsageError, match="no limb is chosen"):
        Choices(limbs=())


@pytest.mark.parametrize("make", [mixamo, rigify])
def test_the_limbs_together_are_the_whole_and_share_no_curve(make):
    rest, bones = make()
    motion, _ = walking()
    whole = solve(motion, rest, bones)
    rotations, locations, settings = [], [], []
    for limb in LIMBS:
        part = solve(motion, rest, bones, choices=Choices(limbs=(limb,)))
        for name, keys in (*part.rotations.items(), *part.locations.items()):
            same = whole.rotations if name in part.rotations else whole.locations
            assert np.abs(keys - same[name]).max() < 1e-12
        rotations += part.rotations
        locations += part.locations
        settings += part.settings
        assert (part.contacts is not None) == limb.endswith("leg")
    assert sorted(rotations) == sorted(whole.rotations)
    assert sorted(locations) == sorted(whole.locations)
    assert sorted(settings) == sorted(whole.settings)


def test_trimming_takes_the_frames_named():
    motion, _ = walking()
    part = trimmed(motion, Keying(first=11, last=30))
    assert part.frames == 20
    assert np.array_equal(part.positions, motion.positions[10:30])
    assert part.header["first_frame"] == motion.header["first_frame"] + 10
    assert trimmed(motion, Keying()) is motion
    assert trimmed(motion, Keying(first=81, last=999)).frames == 10
    with pytest.raises(UsageError, match="the motion has 90"):
        trimmed(motion, Keying(first=91))


def test_a_later_start_moves_keys_and_markers_alike():
    rest, bones = mixamo()
    curves = solve(walking()[0], rest, bones)
    later = begun_at(curves, 1001)
    assert later.frames[0] == 1001
    assert np.array_equal(np.diff(later.frames), np.diff(curves.frames))


@pytest.mark.parametrize(
    "wrong",
    [{"first": 0}, {"first": 5, "last": 4}, {"speed": 0.0}, {"speed": float("nan")}, {"action": "none"},
     {"tolerance": -1.0}, {"tolerance_m": float("inf")}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError):
        Keying(**wrong)
