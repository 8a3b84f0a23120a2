"""In a real Blender with a window: a bone map listed by mouse, corrected, saved, applied and removed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .test_panel import DEMO, PYTHON, TROUBLE
from .window import ROOT, Window

pytestmark = [pytest.mark.gui, pytest.mark.slow]


def test_a_bone_map_made_in_the_panel(window: Window, tmp_path: Path) -> None:
    motion = tmp_path / "walk.npz"
    subprocess.run(
        [sys.executable, ROOT / "tests" / "blender" / "scripts" / "synthetic.py", motion], check=True, timeout=60
    )
    found, said = window.run("maps.py", motion, DEMO / "mh_mixamo.fbx", PYTHON)
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    assert found["listed by a click"] == 28
    assert found["saved"] == ["mh_mixamo", ["mh_mixamo.toml"]]
    assert found["keys"] == [True, True]
    assert found["removed"] == ["auto", []]
