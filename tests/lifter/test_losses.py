import numpy as np
import pytest
import torch

from video_to_armature.lifter.contract.skeleton import H36M_17
from video_to_armature.lifter.train import losses
from video_to_armature.lifter.train.cameras import project
from video_to_armature.lifter.train.pose import target
from video_to_armature.lifter.train.pretrain import boxed, masked, noisy, orthographic
from video_to_armature.lifter.train.windows import Sampler

from .views import walkers


@pytest.fixture
def joints():
    return torch.randn(3, 9, 17, 3, generator=torch.Generator().manual_seed(0))


def test_position_weighs_joints(joints):
    moved = joints.clone()
    moved[..., 16, :] += torch.tensor([0.3, 0.4, 0.0])
    weight = torch.ones(17)
    weight[16] = 4
    assert losses.position(moved, joints).item() == pytest.approx(0.5 / 17, rel=1e-5)
    assert losses.position(moved, joints, weight).item() == pytest.approx(4 * 0.5 / 17, rel=1e-5)


def test_scaled_position_forgives_size_alone(joints):
    assert losses.scaled_position(0.3 * joints, joints).item() < 1e-5
    assert losses.scaled_position(joints.flip(1), joints).item() > 0.5


def test_velocity_forgives_a_constant_offset(joints):
    assert losses.velocity(joints + 1, joints).item() < 1e-6
    ramp = torch.arange(9.0)[None, :, None, None] * torch.tensor([0.0, 0.02, 0.0])
    assert losses.velocity(joints + ramp, joints).item() == pytest.approx(0.02, rel=1e-4)
    assert losses.velocity(joints[:, :1], joints[:, :1]).item() == 0


def test_temporal_consistency_is_the_mean_square_of_steps():
    ramp = (torch.arange(5.0)[None, :, None, None] * torch.tensor([0.3, 0.0, 0.0])).expand(1, 5, 2, 3)
    assert losses.temporal_consistency(ramp).item() == pytest.approx(0.09 / 3)
    assert losses.temporal_consistency(ramp, torch.tensor([1.0, 4.0])).item() == pytest.approx(0.09 / 3 * 2.5)


def test_points_2d_weighs_by_confidence(joints):
    seen = torch.cat((joints[..., :2] + torch.tensor([0.6, 0.8]), torch.full((3, 9, 17, 1), 0.5)), -1)
    assert losses.points_2d(joints, seen).item() == pytest.approx(0.5, rel=1e-4)
    seen[..., 2] = 0
    assert losses.points_2d(joints, seen).item() == 0


def test_bone_lengths_compares_means_alone(joints):
    assert losses.bone_lengths(joints.flip(0, 1), joints, H36M_17.parents).item() < 1e-6
    lengths = [(joints[:, :, j] - joints[:, :, p]).norm(dim=-1).mean() for j, p in enumerate(H36M_17.parents) if p >= 0]
    grown = losses.bone_lengths(1.5 * joints, joints, H36M_17.parents)
    assert grown.item() == pytest.approx(0.5 * torch.stack(lengths).mean().item(), rel=1e-4)


def test_contrast_prefers_like_vectors_together():
    label = torch.tensor([0, 0, 1, 1, 2])  # the last has nobody
    apart = torch.nn.functional.one_hot(label, 3).float()
    assert losses.supervised_contrast(apart, label) < 0.01
    assert losses.supervised_contrast(apart, torch.tensor([0, 1, 0, 1, 2])) > 5
    assert losses.supervised_contrast(apart[2:3], label[2:3]).item() == 0


def test_projection_by_hand():
    """x / z = 0.5, y / z = -0.25: r2 = 0.3125."""
    screen = torch.tensor([2.0, 3.0, 0.1, -0.2, 0.1, 0.01, 0.001, 0.02, -0.03])
    r2 = 0.3125
    stretch = 1 + 0.1 * r2 + 0.01 * r2**2 + 0.001 * r2**3 + 0.02 * 0.5 + 0.03 * 0.25
    by_hand = (2 * (0.5 * stretch + 0.02 * r2) + 0.1, 3 * (-0.25 * stretch - 0.03 * r2) - 0.2)
    found = project(torch.tensor([[[[2.0, -1.0, 4.0]]]]), screen)
    np.testing.assert_allclose(found.flatten(), by_hand, rtol=1e-6)
    beside = torch.tensor([[[[9.0, 0.0, 0.1]]]], requires_grad=True)
    assert project(beside, torch.tensor([1.0, 1, 0, 0, 0, 0, 0, 0, 0])).max().item() == 1


def test_exact_points_are_the_projection_also_when_mirrored():
    data = walkers()
    sampler = Sampler(data, 9, 9, mirror=True)
    windows = sampler.take(np.arange(len(sampler)))
    points = project(torch.from_numpy(windows.joints_cam), torch.from_numpy(windows.screen))
    np.testing.assert_allclose(points, windows.points[..., :2], atol=1e-5)


def test_image_units_come_back_by_the_depth_of_the_root():
    """A far person: perspective inside the body vanishes, so one factor brings all three axes back."""
    windows = Sampler(walkers(), 9, 9, mirror=False).batch(0, 0, 4)
    joints = torch.from_numpy(windows.joints_cam)
    far = joints + torch.tensor([0, 0, 1000.0])
    screen = torch.from_numpy(windows.screen)
    back = target(far, screen, "image") * far[..., :1, 2:] / screen[:, None, None, :1]
    np.testing.assert_allclose(back, joints - joints[:, :, :1], atol=6e-3)
    np.testing.assert_allclose(target(joints, screen, "metres"), joints - joints[:, :, :1])


def test_orthographic_views_fill_the_box(joints):
    motion = orthographic(joints)
    low, high = motion[..., :2].amin((1, 2)), motion[..., :2].amax((1, 2))
    np.testing.assert_allclose((high - low).amax(1), 2, rtol=1e-5)
    np.testing.assert_allclose(low + high, 0, atol=1e-5)
    size = (joints.diff(dim=2).norm(dim=-1) / motion.diff(dim=2).norm(dim=-1)).flatten(1)
    np.testing.assert_allclose(size, size[:, :1].expand_as(size), rtol=1e-4)  # one scale for all axes and frames


def test_boxed_points_ignore_the_unseen(joints):
    points = torch.cat((100 + 10 * joints[..., :2], torch.ones(3, 9, 17, 1)), -1)
    points[:, :, 5] = 0
    found = boxed(points)
    assert found[..., :2].abs().max().item() == pytest.approx(1, abs=1e-4)
    assert (found[:, :, 5] == 0).all()


def test_noise_is_smooth_and_confidence_falls_with_it():
    torch.manual_seed(0)
    clean = torch.zeros(8, 243, 17, 2)
    found = noisy(clean, torch.full((17, 1), 0.02))
    off, confidence = found[..., :2].norm(dim=-1), found[..., 2]
    assert 0.01 < off.mean() < 0.05
    assert found[..., :2].diff(dim=1).norm(dim=-1).mean() < 0.4 * off.mean()  # 27 key frames for 243
    assert np.corrcoef(off.flatten(), confidence.flatten())[0, 1] < -0.4
    assert 0 <= confidence.min() <= confidence.max() <= 1


def test_masks_hide_the_stated_shares():
    torch.manual_seed(0)
    found = masked(torch.ones(64, 500, 17, 3))
    frames = (found == 0).all((2, 3)).all(0)  # hidden in all clips alike
    assert frames.float().mean().item() == pytest.approx(0.10, abs=0.04)
    assert (found[:, ~frames] == 0).float().mean().item() == pytest.approx(0.05, abs=0.005)
