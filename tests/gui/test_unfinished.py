"""In a real Blender with a window: closed in the midst of a queue, the next one offers what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_panel import DEMO, PYTHON, TROUBLE
from .window import Window

pytestmark = [pytest.mark.gui, pytest.mark.slow]


def test_what_was_not_finished_is_offered_and_taken_up(window: Window) -> None:
    left, said = window.run("leave.py", DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx", PYTHON)
    assert "failed" not in left, left["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    state, stage, waiting = left["begun"]
    assert (state, stage, waiting) == ("running", "detect", 1)
    assert not Path(f"/proc/{left['pid']}").exists()  # the job has gone with Blender
    found, said = window.run("come_back.py", fresh=False)
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    assert "left.blend first" in found["elsewhere"]
    assert found["here"] == ""
    assert found["continued by a click"] == [True, 1]
    assert found["with its options"] == "5"
    assert found["ended"] == [["walk.mp4", "done", ""], ["second.mp4", "done", ""]]
    assert (found["motions"], found["still offered"], found["files left"]) == (1, 0, [])
