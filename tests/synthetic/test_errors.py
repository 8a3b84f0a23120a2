"""The error model: its frames are right-handed and mirror, its draws have its figures, and the fit finds them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.synthetic.people import KNOTS, L, model, seen_from
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train import detector as E
from video_to_armature.synthetic import measure
from video_to_armature.synthetic.clips import Clip

PAIRED = [j for j, name in enumerate(E.LANDMARKS) if name != "nose"]
K = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])


def test_axes_of_the_parts_are_right_handed_and_lie_on_the_limbs() -> None:
    joints = seen_from(30.0)
    for part, axes in E.part_axes(joints).items():
        np.testing.assert_allclose(np.swapaxes(axes, -1, -2) @ axes, np.broadcast_to(np.eye(3), axes.shape), atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(axes), 1, atol=1e-9)
        if part in E.LIMBS:
            start, end, _, rest = E.LIMBS[part]
            along = joints[:, BODY_27.index(end)] - joints[:, BODY_27.index(start)]
            along /= np.linalg.norm(along, axis=-1, keepdims=True)
            np.testing.assert_allclose(axes @ np.array(rest, float), along, atol=1e-6)


def test_the_bias_of_the_mirror_image_is_the_mirror_image_of_the_bias() -> None:
    """To 1e-9 of the stature for all but the nose, which has no partner to be read from."""
    known, joints = model(np.random.default_rng(0)), seen_from(70.0)
    there = E.mirror_errors(E.bias(known, E.mirror(joints)))
    np.testing.assert_allclose(there[:, PAIRED], E.bias(known, joints)[:, PAIRED], atol=1e-9)


def test_errors_undo_the_projection() -> None:
    """A landmark moved by a share of the stature across the line of sight is told as that share, near or far."""
    rng, joints = np.random.default_rng(1), seen_from(0.0)
    shift = rng.normal(0, 0.02, (len(joints), 27, 2))
    moved = joints.copy()
    moved[..., :2] += shift * E.stature(joints)
    px = moved @ K.T
    found = E.errors(px[..., :2] / px[..., 2:], joints, K)
    np.testing.assert_allclose(found, shift[:, E.ROWS], atol=1e-9)


def test_a_file_keeps_the_model(tmp_path: Path) -> None:
    known = model(np.random.default_rng(2))
    known.save(tmp_path / "model.npz")
    again = E.ErrorModel.load(tmp_path / "model.npz")
    for name, value in vars(known).items():
        np.testing.assert_allclose(getattr(again, name), value, rtol=1e-6)


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_draws_have_the_deviation_and_memory_of_the_model(fps: float) -> None:
    known, joints = model(np.random.default_rng(3)), np.repeat(seen_from(0.0)[:1], 3000, 0)
    [error], [visibility] = E.draw(known, joints[None], np.random.default_rng(4), np.arange(3000)[None] / fps)
    rest = error - E.bias(known, joints)
    assert rest.std() == pytest.approx(0.01, rel=0.03)
    lag = round(10 * fps / 30)
    correlation = (rest[:-lag] * rest[lag:]).mean() / (rest**2).mean()
    assert correlation == pytest.approx(0.5 * 0.8**10, abs=0.015)
    assert np.median(visibility) == pytest.approx(1 / (1 + np.exp(-3)), abs=0.01)


@pytest.mark.parametrize(("share", "length"), [(0.02, 5.0), (0.3, 12.0)])
def test_spells_have_their_share_and_length(share: float, length: float) -> None:
    during = E.spells(np.random.default_rng(5), np.arange(200_000)[None] / 30, share, length / 30)[0]
    assert during.mean() == pytest.approx(share, rel=0.15)
    assert measure.spell_length([during]) == pytest.approx(length, rel=0.1)


def clips(known: E.ErrorModel, count: int, frames: int = 90) -> list[Clip]:
    rng = np.random.default_rng(6)
    made: list[Clip] = []
    for n in range(count):
        joints = seen_from(360 * n / count + rng.uniform(0, 20), frames, rng.uniform(0.6, 1.6))
        [error], [visibility] = E.draw(known, joints[None], rng, np.arange(frames)[None] / 30)
        inside = np.ones(visibility.shape, bool)
        made.append(Clip(str(n), joints, error, visibility, inside, np.zeros(visibility.shape)))
    return made


def test_the_fit_finds_bias_noise_and_memory_again() -> None:
    noise = np.tile([0.03, 0.02, 0.01, 0.005], (L, 1))
    known = model(np.random.default_rng(7), noise=noise, missed=0.02)
    made = clips(known, 24)
    found = measure.fit(made)
    off = np.concatenate([(E.bias(found, c.joints_cam) - E.bias(known, c.joints_cam))[:, PAIRED] for c in made])
    size = np.concatenate([E.bias(known, c.joints_cam) for c in made])
    assert np.sqrt((off**2).mean()) < 0.1 * np.sqrt((size**2).mean())
    visible = np.array([0.93, 0.97])
    at = np.log(visible / (1 - visible))
    knots = np.log(np.array(measure.KNOTS) / (1 - np.array(measure.KNOTS)))
    told = np.stack([np.interp(at, knots, row) for row in found.noise])
    meant = np.interp(at, KNOTS, noise[0])
    assert np.abs(np.median(told, 0) / meant - 1).max() < 0.25
    assert np.median(found.shares[:, 1]) == pytest.approx(0.5, abs=0.15)
    assert np.median(found.memory) == pytest.approx(0.8, abs=0.08)
    assert found.missed == pytest.approx(np.mean([~c.found for c in made]))
    assert np.median(found.bursts) < 0.35


def test_the_fit_tells_bursts_and_swaps() -> None:
    known = model(np.random.default_rng(8), bursts=np.full(L, 0.8), swaps=np.array([0.0, 0.06]), swap_frames=6.0)
    made = clips(known, 24)
    found = measure.fit(made)
    assert np.median(found.bursts) == pytest.approx(0.8, abs=0.2)
    assert found.swaps[0] < 0.01
    # Only swaps of legs that are apart in the picture can be told.
    assert 0.01 < found.swaps[1] < 0.08
