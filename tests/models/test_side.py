"""The side heads' file beside MixSTE's, and what their numbers mean."""

from typing import Any

import numpy as np
import pytest
import torch

from video_to_armature.lifter.contract.protocol import RuntimeUnfitError
from video_to_armature.lifter.models import weights
from video_to_armature.lifter.models.mixste import MixSTE
from video_to_armature.lifter.models.side import FEET, Certainty, SideHeads, fit_certainty, spread_loss

SMALL: dict[str, Any] = {"frames": 9, "joints": 27, "channels_in": 3, "dim": 16, "depth": 1, "heads": 2}


def log_logistic(median: np.ndarray, shape: float, rng: np.random.Generator) -> torch.Tensor:
    """Errors (N,) with these medians: exponentials of logistic draws."""
    return torch.from_numpy(median * np.exp(rng.logistic(0, 1 / shape, len(median))))


def test_certainty_is_fitted_to_errors_that_are_larger_than_thought():
    rng = np.random.default_rng(0)
    thought = np.exp(rng.normal(np.log(0.03), 0.7, 40_000))
    error = log_logistic(1.4 * thought, 2.0, rng)
    found = fit_certainty(torch.from_numpy(np.log(thought)), error)
    assert found.factor == pytest.approx(1.4, rel=0.02)
    assert found.shape == pytest.approx(2.0, rel=0.02)
    told = found.within(torch.from_numpy(np.log(thought)))
    for low in np.arange(0, 1, 0.2):  # of the joints said to be near with probability p, a share p is near
        there = ((told >= low) & (told < low + 0.2)).numpy()
        assert told.numpy()[there].mean() == pytest.approx((error.numpy()[there] < 0.05).mean(), abs=0.02)


def test_half_of_the_errors_are_below_the_spread():
    spread = torch.log(torch.tensor([0.01, 0.05, 0.2]))
    torch.testing.assert_close(Certainty().within(spread, 0.05)[1], torch.tensor(0.5))
    assert (Certainty().within(spread).diff() < 0).all()


def test_the_loss_is_least_at_the_true_median():
    error = log_logistic(np.full(20_000, 0.04), 2.5, np.random.default_rng(1)).float()
    at = np.array([0.02, 0.03, 0.04, 0.05, 0.08])
    losses = [float(spread_loss(torch.full_like(error, float(np.log(m))), error)) for m in at]
    assert np.argmin(losses) == 2


def test_heads_have_a_file_of_their_own_and_leave_the_networks_keys(tmp_path):
    torch.manual_seed(0)
    network, heads = MixSTE(**SMALL).eval(), SideHeads(16).eval()
    path = tmp_path / "w.safetensors"
    weights.save(path, network.state_dict(), **weights.metadata_of("mixste", SMALL, 15, ""))
    info = weights.describe(path)
    assert weights.load_side(info, 16) is None
    weights.save(weights.side_file(path), heads.state_dict(), certainty="[1.5, 2.0]")
    found = weights.load_side(info, 16)
    assert found is not None
    assert found[1] == Certainty(1.5, 2.0)
    x = torch.randn(2, 9, 27, 3)
    with torch.inference_mode():
        features = network.features(x)
        torch.testing.assert_close(network.head(features), network(x))
        for mine, read in zip(heads(features), found[0](features), strict=True):
            torch.testing.assert_close(mine, read)
    assert weights.load(info).state_dict().keys() == MixSTE(**SMALL).state_dict().keys()


@pytest.mark.parametrize("metadata", [{}, {"certainty": "1"}, {"certainty": "[1, 2, 3]"}])
def test_a_foreign_file_of_heads_is_refused_by_name(tmp_path, metadata):
    path = tmp_path / "w.safetensors"
    weights.save(path, MixSTE(**SMALL).state_dict(), **weights.metadata_of("mixste", SMALL, 15, ""))
    weights.save(weights.side_file(path), SideHeads(16).state_dict(), **metadata)
    with pytest.raises(RuntimeUnfitError, match="w_side"):
        weights.load_side(weights.describe(path), 16)
    weights.side_file(path).write_bytes(b"\0" * 40)
    with pytest.raises(RuntimeUnfitError, match="w_side"):
        weights.load_side(weights.describe(path), 16)


def test_contacts_are_read_from_heels_and_toes():
    heads = SideHeads(8).eval()
    features = torch.randn(1, 3, 27, 8)
    with torch.inference_mode():
        before = heads(features).contacts
        features[:, :, FEET[0]] = torch.randn(8)
        after = heads(features).contacts
    assert (before[..., 0] != after[..., 0]).all()
    assert torch.equal(before[..., 1:], after[..., 1:])
