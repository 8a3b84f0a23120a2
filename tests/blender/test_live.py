"""In every Blender: the live picture is the worker's, and nothing of it is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from .conftest import Outcome

SIZES = ([321, 180], [179, 320])  # rows of a BMP file are padded to whole words: these are
TICK_SHARE_S = 0.05  # of the timer's 0.1 s


def test_pictures_come_and_go(script: Callable[..., Outcome], tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    for i, (width, height) in enumerate(SIZES):
        rgb = random.integers(0, 256, (height, width, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{i}.bmp"), rgb[..., ::-1])
        np.save(tmp_path / f"{i}.npy", np.dstack([rgb, np.full((height, width), 255, np.uint8)]))
    outcome = script("live.py", tmp_path)
    found = outcome.result
    assert not outcome.own_warnings
    assert "left open" not in outcome.stderr
    assert found["temporary"]
    assert found["shown"] == [False, True, True, False, False]
    assert found["sizes"] == list(SIZES)
    assert max(found["off"]) < 0.01
    assert found["left"] == [[], False]
    assert found["seconds"] < TICK_SHARE_S
