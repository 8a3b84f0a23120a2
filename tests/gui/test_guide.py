"""docs/first_capture.md step by step in a real Blender with a window; its pictures are those of docs/pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .guide_pictures import LARGEST, PICTURES, cut
from .test_panel import DEMO, PYTHON, TROUBLE
from .window import Window

pytestmark = [pytest.mark.gui, pytest.mark.slow]


def test_the_first_capture_goes_as_the_guide_tells(window: Window, tmp_path: Path) -> None:
    wheels = [os.environ["V2A_WHEELS"]] if "V2A_WHEELS" in os.environ else []
    found, said = window.run("guide.py", DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx", PYTHON, *wheels)
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    assert "GB on the disk" in found["offer"]
    assert not wheels or found["setting up"] == ["", False]
    assert found["ready"] == [True, True]
    assert found["running"]
    assert found["done"][:2] == ["done", ""]
    assert found["exported"] > 100_000
    assert found["bone map"] >= 20
    assert "holds no video that can be decoded" in found["refused"]
    cut(window.out, tmp_path)
    taken = sorted(tmp_path.glob("*.jpg"))
    assert {path.stem for path in taken} == PICTURES.keys() - (set[str]() if wheels else {"setting_up"})
    for path in taken:
        assert path.stat().st_size <= LARGEST
        assert np.asarray(Image.open(path)).std() > 10  # something is drawn
