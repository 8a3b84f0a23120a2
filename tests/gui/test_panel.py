"""In a real Blender with a window: the panel by mouse, from the built zip to the file opened again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from video_to_armature.lifter.contract.motion import Motion

from .window import ROOT, Window

pytestmark = [pytest.mark.gui, pytest.mark.slow]
DEMO = ROOT / "demo"
PYTHON = ROOT / ".venv" / "bin" / "python"
FRAMES = 126  # of walk.mp4, 30 a second
LONG = 3000  # frames of a motion that would hold up the window if it were applied in one go
LIVE = np.s_[330:575, 785:1015]  # where the live picture is drawn in a window of 1280 x 800
TROUBLE = re.compile(r"^(Traceback|Error:|Python: Traceback|\w+Error:).*", re.MULTILINE)


def colours(picture: Path, part: tuple[slice, slice]) -> int:
    """How many different ones there are: a panel has few, a photograph thousands."""
    return len(np.unique(cv2.imread(str(picture))[part].reshape(-1, 3), axis=0))


@pytest.fixture
def motion_with_marks(tmp_path: Path) -> Path:
    """Someone whom nobody is sure of: the left arm for half a second, later all of them for one."""
    path = tmp_path / "walk.npz"
    script = ROOT / "tests" / "blender" / "scripts" / "synthetic.py"
    subprocess.run([sys.executable, script, path, "--frames", "120"], check=True, timeout=60)
    motion = Motion.load(path)
    confidence = motion.confidence.copy()
    confidence[15:31, [motion.joint_names.index(name) for name in ("left_elbow", "left_wrist")]] = 0.05
    confidence[60:90] = 0.1
    replace(motion, confidence=confidence).save(path)
    return path


def test_from_the_zip_to_the_file_opened_again(window: Window) -> None:
    found, said = window.run("visit.py", DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx", PYTHON)
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]

    assert found["dropped"] == [True, True, True]
    assert found["started by a click"]
    assert len(found["progress"]) >= 5
    assert found["progress"] == sorted(found["progress"])
    state, alive, seconds = found["cancel"]
    assert (state, alive) == ("cancelled", False)
    assert seconds < 3.0  # the click itself takes 0.7 of it
    assert found["live picture"] == [320, 104]
    assert found["live picture left"] == []
    assert colours(window.out / "02_running.png", LIVE) > 5000
    assert colours(window.out / "03_cancelled.png", LIVE) < 1000

    assert found["done"][:2] == ["done", ""]
    curves, keys = found["keys"]
    assert curves > 60
    assert keys == FRAMES
    assert found["range"] == [1, FRAMES, 30]
    assert found["packed"] == [True]

    assert found["looks through"] == ["CAMERA", True, "OBJECT", "SOLID", 0.4]
    assert found["undone"] == [True, True]
    assert found["undone twice"]
    assert found["redone"] == [True, found["looks through"]]
    assert found["back"]
    assert found["found by the search"] >= 20
    assert found["opened"] == [1, True, found["keys"]]
    assert found["again"][0] == ["FINISHED"]
    assert found["again"][1] < 2.0
    assert found["opened compared"] == ["CAMERA", True, "OBJECT", "SOLID", 0.4]
    assert found["back after opening"]
    pictures = sorted(path.name for path in window.out.glob("*.png"))
    assert len(pictures) >= 12, pictures


def test_marks_on_the_timeline_and_each_panel(window: Window, motion_with_marks: Path) -> None:
    found, said = window.run("looks.py", motion_with_marks, DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx", PYTHON)
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    assert found["marks"] == [[16, "mh_mixamo: unsure left arm for 0.5 s"], [61, "mh_mixamo: unsure all for 1.0 s"]]
    assert found["steps"] == [16, 61, 61, 16]
    assert found["recipe dropped"] == [0.5, 0]
    assert found["browser"] == 1
    assert found["applied again while compared"] == [True, True]


def test_export_refit_undo_and_how_long_the_window_stands_still(window: Window) -> None:
    found, said = window.run("drive.py", DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx", PYTHON)
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    assert found["error"] == ""
    assert {"detect", "lift", "world"} <= set(found["stages"])
    assert (found["action after undo"], found["action after redo"]) == (False, True)
    assert found["export"] == found["again"] == ["FINISHED"]
    assert found["one undo takes the refit back, and its report"] == [True, True, True]
    assert found["redo brings it again"]
    assert found["map"] == ["mh_mixamo", ["mh_mixamo.toml"]]
    assert "has no bone" in found["misfit"]
    assert found["cancelled in, s"] <= 2.0
    assert "holds no video" in found["not a video"]
    assert found["check"][0]
    longest, most = found["without the view: longest, 95th percentile, s"]
    assert (longest <= 0.5, most <= 0.2) == (True, True), found["in the longest"]


def test_the_window_goes_on_while_a_long_motion_is_applied(window: Window, tmp_path: Path) -> None:
    path = tmp_path / "long.npz"
    script = ROOT / "tests" / "blender" / "scripts" / "synthetic.py"
    subprocess.run([sys.executable, script, path, "--frames", str(LONG)], check=True, timeout=60)
    found, said = window.run("stalls.py", path, DEMO / "mh_mixamo.fbx")
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    for button in ("again", "again, 30 s", "fewer keys", "refit", "compare", "again, compared", "another rig, 30 s"):
        watched = found[button]
        assert watched["returned in"] <= 0.1, button
        longest, most = watched["without the view"]  # which is drawn without a graphics card here
        assert (longest <= 0.5, most <= 0.2) == (True, True), (button, watched)
    assert max(found[f"{what}, 30 s"]["seconds"] for what in ("again", "another rig")) <= 2.0
    assert found["another rig, keys"] == ["metarig", 900]
    curves, keys = found["first"]
    assert (found["again, keys"], keys) == ([curves, LONG], LONG)
    assert found["30 s, keys"] == [curves, 900]
    fewer, undone, redone = found["one undo step"]
    assert undone == [curves, 900]
    assert redone == fewer
    assert fewer[1] < 900 / 2
    for what in ("undone", "redone", "deleted", "opened"):
        begun, told, busy, left, actions = found[f"{what} meanwhile"]
        assert begun == [True, 1]  # an action was being written
        assert ("deleted meanwhile" if what == "deleted" else "undone or another file opened") in told
        assert (busy, actions) == (False, 1)  # and is gone
        assert left == ([0, 0] if what == "deleted" else found["refit, keys"])
    assert found["end"] == [[curves, LONG], True, ""]


@pytest.mark.skipif(
    "V2A_WHEELS" not in os.environ, reason="NOT RUN: V2A_WHEELS names no folder of wheels (look.py tells)"
)
def test_the_set_up_and_its_faults(window: Window) -> None:
    wheels = Path(os.environ["V2A_WHEELS"])
    found, said = window.run("set_up.py", DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx", wheels, timeout=1500)
    assert "failed" not in found, found["failed"]
    assert TROUBLE.findall(said) == [], said[-3000:]
    assert found["set-up error"] == ""
    assert all(ok for _, ok, _ in found["items"]), found["items"]
    assert found["first"] == ["done", ""]
    assert "SIGKILL" in found["killed"]
    assert found["after repair"] == ["", "done", ""]
    assert found["removed"][0] == "absent"
