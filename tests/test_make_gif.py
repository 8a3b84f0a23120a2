"""The film of the README: its second camera holds the whole walk, and the file keeps what stands still."""

from __future__ import annotations

import importlib
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

DEMO = Path(__file__).resolve().parent.parent / "demo"


@pytest.fixture(scope="module")
def make_gif() -> ModuleType:
    sys.path.insert(0, str(DEMO))  # as for a script
    try:
        return importlib.import_module("make_gif")
    finally:
        sys.path.remove(str(DEMO))


@pytest.mark.parametrize("size", [(510, 166), (300, 400)])
def test_the_camera_aside_holds_the_walk(make_gif: ModuleType, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    joints = rng.normal(0, 0.4, (50, 27, 3)) + (0, 0, 0.9)
    joints += np.linspace((2, 0, 0), (-2, 1, 0), 50)[:, None]
    joints[7] = np.nan
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = ((1, 0, 0), (0, 0, 1), (0, -1, 0))
    world_from_cam[:3, 3] = (0, -5, 1)
    intrinsics, world_from_aside = make_gif.from_aside(joints, world_from_cam, size)
    rotation = world_from_aside[:3, :3]
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert rotation[2, 1] < 0  # the picture's y goes down
    seen = (joints[np.isfinite(joints[:, 0, 0])] - world_from_aside[:3, 3]) @ rotation @ intrinsics.T
    pixels = seen[..., :2] / seen[..., 2:]
    assert (seen[..., 2] > 0).all()
    assert (pixels > 0).all()
    assert (pixels < size).all()
    assert (np.ptp(pixels.reshape(-1, 2), axis=0) / size).max() == pytest.approx(1 / make_gif.AIR)


def test_the_file_loops_and_keeps_what_stands_still(make_gif: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    still = rng.integers(0, 4, (60, 80, 3)).astype(np.uint8) * 60
    pages = []
    for place in (5, 25, 45):
        page = np.clip(still + rng.integers(-4, 5, still.shape), 0, 255).astype(np.uint8)  # a film's noise
        page[10:20, place : place + 10] = (40, 220, 90)
        pages.append(page)
    make_gif.write(tmp_path / "film.gif", pages)
    film = Image.open(tmp_path / "film.gif")
    assert (getattr(film, "n_frames", 1), film.info["loop"], film.info["duration"]) == (3, 0, 100)
    shown = []
    for number in range(3):
        film.seek(number)
        shown.append(np.asarray(film.convert("RGB"), int))
    moved = [np.abs(b - a).max(-1) > 0 for a, b in pairwise(shown)]
    assert not moved[0][30:].any()
    assert moved[0][10:20, 25:35].mean() > 0.9
