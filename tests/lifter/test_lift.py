from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from video_to_armature.lifter import lift as lifting
from video_to_armature.lifter import networks
from video_to_armature.lifter.contract.protocol import RuntimeUnfitError, UsageError
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.keypoints import derive

from .people import INTRINSICS, camera, project, walking


def silent(*_):
    pass


@pytest.fixture(scope="module")
def lifter():
    return networks.load("mixste_body27", "cpu", pytest.fail)


def seen(times):
    return derive(project(walking(times) + [1.5, 0, 0], camera(0.1, 1.4, 4.5), INTRINSICS)[1])


def lifted(lifter, px, times, height=None):
    return lifting.lift(lifter, px, times, INTRINSICS, height, silent, pytest.fail).joints


TIMES = np.arange(100) / 30


def test_person_is_upright_and_correctly_sided(lifter):
    joints = lifted(lifter, seen(TIMES), TIMES)
    at = BODY_27.index
    assert (joints[:, at("head_top"), 1] < -0.4).all()  # camera y points down
    assert (joints[:, at("left_ankle"), 1] > 0.5).all()
    # Facing left in the picture, the left shoulder is the one near the camera.
    assert np.median(joints[:, at("left_shoulder"), 2] - joints[:, at("right_shoulder"), 2]) < -0.15


@pytest.mark.parametrize("fps", [24, 25, 50, 60, 120])
def test_frame_rate_changes_little(lifter, fps):
    times = np.arange(0, TIMES[-1], 1 / fps)
    joints = lifted(lifter, seen(times), times)
    at_30 = lifted(lifter, seen(TIMES), TIMES)
    same = [np.interp(times, TIMES, at_30[:, j, axis]) for j in range(27) for axis in range(3)]
    error = joints.transpose(1, 2, 0).reshape(81, -1) - np.array(same)
    assert np.abs(error).mean() < 0.02


def test_no_border_between_windows_shows(lifter):
    still = np.repeat(seen(TIMES[:1]), len(TIMES), 0)
    joints = lifted(lifter, still, TIMES)
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.01


def test_mirrored_person_gives_mirrored_joints(lifter):
    px = seen(TIMES)
    flip = list(BODY_27.mirror)
    mirrored = px[:, flip].copy()
    mirrored[..., 0] = 2 * INTRINSICS[0, 2] - mirrored[..., 0]
    there = lifted(lifter, px, TIMES)[:, flip] * np.array([-1, 1, 1])
    np.testing.assert_allclose(lifted(lifter, mirrored, TIMES), there, atol=1e-4)


def test_height_scales_and_nothing_else(lifter):
    px = seen(TIMES)
    a, b = lifted(lifter, px, TIMES, 1.7), lifted(lifter, px, TIMES, 1.275)
    np.testing.assert_allclose(b, a * 0.75, atol=1e-5)
    assert abs(lifting.STATURE_OF_SIZE * float(np.median(lifting.body_size(a))) - 1.7) < 1e-3


@pytest.mark.parametrize("frames", [1, 2, 5, 27, 28, 55])
def test_any_length_gives_finite_joints(lifter, frames):
    joints = lifted(lifter, seen(TIMES[:frames]), TIMES[:frames])
    assert joints.shape == (frames, 27, 3)
    assert np.isfinite(joints).all()


def test_long_gaps_stay_unknown_and_short_ones_are_bridged(lifter):
    px = seen(TIMES)
    for gap in (slice(10, 20), slice(40, 70)):
        px[gap] = [np.nan, np.nan, 0]
    joints = lifted(lifter, px, TIMES)
    unknown = np.isnan(joints).any((1, 2))
    assert unknown[40:70].all()
    assert unknown.sum() == 30


class Greedy(nn.Module):
    """The real network behind a device that holds only so many windows."""

    def __init__(self, network, limit):
        super().__init__()
        self.network, self.limit, self.largest = network, limit, 0

    def forward(self, x):
        if len(x) > 2 * self.limit:
            raise torch.cuda.OutOfMemoryError("out of memory")
        self.largest = max(self.largest, len(x) // 2)
        return self.network(x)


def test_out_of_memory_takes_smaller_batches_with_a_warning_and_the_same_result(lifter):
    said = []
    px, times = np.concatenate([seen(TIMES)] * 3), np.arange(300) / 30
    greedy = Greedy(lifter.network, 4)
    found = lifting.lift(replace(lifter, network=greedy, side=None), px, times, INTRINSICS, None, silent, said.append)
    assert greedy.largest == 4
    assert said
    assert all("out of memory" in line for line in said)
    np.testing.assert_allclose(found.joints, lifted(lifter, px, times), atol=1e-4)


def test_no_memory_at_all_is_one_clear_error(lifter):
    with pytest.raises(RuntimeUnfitError, match="out of memory"):
        lifting.lift(
            replace(lifter, network=Greedy(lifter.network, 0), side=None),
            seen(TIMES),
            TIMES,
            INTRINSICS,
            None,
            silent,
            silent,
        )


class OnlyOnTheCpu(nn.Module):
    """The real network behind a device that holds nothing: `meta` stands for a full GPU, and is left for the CPU."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.place = nn.Parameter(torch.zeros(1, device="meta"))

    def to(self, device):
        self.place = nn.Parameter(torch.zeros(1))
        return self

    def forward(self, x):
        if x.device.type == "meta":
            raise torch.cuda.OutOfMemoryError("out of memory")
        return self.network(x)

    def parameters(self, recurse=True):
        return iter([self.place])


def test_a_full_device_is_left_for_the_cpu_for_good(lifter):
    said = []
    moved = replace(lifter, network=OnlyOnTheCpu(lifter.network), side=None)
    found = lifting.lift(moved, seen(TIMES), TIMES, INTRINSICS, None, silent, said.append)
    assert "using the CPU" in said[-1]
    assert moved.device.type == "cpu"
    np.testing.assert_allclose(found.joints, lifted(lifter, seen(TIMES), TIMES), atol=1e-6)
    lifted(moved, seen(TIMES), TIMES)  # the next person: no more warnings


def test_devices():
    assert networks.choose_device("cpu", pytest.fail).type == "cpu"
    with pytest.raises(UsageError, match="quantum"):
        networks.choose_device("quantum", pytest.fail)
    if not torch.cuda.is_available():
        said = []
        assert networks.choose_device("cuda", said.append).type == "cpu"
        assert "cuda" in said[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="NOT RUN: no CUDA device on this machine")
def test_cuda_agrees_with_the_cpu(lifter):
    cuda = networks.load("mixste_body27", "cuda", pytest.fail)
    difference = lifted(cuda, seen(TIMES), TIMES) - lifted(lifter, seen(TIMES), TIMES)
    assert np.linalg.norm(difference, axis=-1).max() < 1e-3
