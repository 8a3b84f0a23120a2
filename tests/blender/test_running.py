"""In every Blender: a run from Start to keys, the queue, and what goes wrong in between."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT, Outcome
from .test_job import gone

DEMO = ROOT / "demo"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["4.2", "5.2"], indirect=True)  # the oldest and the newest: a minute each
def test_start_queue_cancel_kill_and_leave(
    version: str, script: Callable[..., Outcome], extension_zip: Path, tmp_path: Path
) -> None:
    arguments = (extension_zip, DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx", sys.executable, tmp_path)
    outcome = script("running.py", *arguments)
    found = outcome.result
    assert not outcome.own_warnings
    assert "Traceback" not in outcome.stderr
    assert found["reasons"] == [
        "Choose a video", "The video file is not there", "Choose an armature", "The capture's Python is not set up", "",
    ]  # fmt: skip
    assert "Press Set Up" in found["no interpreter"]
    assert found["set-up"] == "absent"
    assert found["folder"].endswith(os.path.join(".user", "user_default", "video_to_armature", "runtime"))
    assert "GB" in found["offer"]
    assert found["online"] or found["no set-up because"].startswith("Blender's online access is off")
    assert found["waiting"] == 2
    assert found["first"] == ["done", ""]
    assert found["action"].startswith("walk")
    assert found["check"] == ["Armature", "Disk", "Network", "Python", "Packages", "Device", "Video"]
    assert found["second"] == [True, "done", 0, False]
    state, error, took = found["cancel"]
    assert (state, error) == ("cancelled", "")
    assert took < 1.0
    assert found["live"] == [[320, 104], ["live.bmp"]]
    assert found["live left"] == [[], [], []]
    assert found["killed"][0] == "failed"
    assert "signal SIGKILL" in found["killed"][1]
    for told in ("Video to Armature 0.", "Blender ", "capture of walk.mp4: failed", "signal SIGKILL", "ok  Packages"):
        assert told in found["report"], told
    assert found["copied"] == ["FINISHED"]
    message, kept = found["another file"]
    assert "its scene is no longer open" in message
    assert kept
    assert found["offered while it runs"] == 0
    assert found["offered after it ended"] == [["walk.mp4", "largest"]] * 2
    assert found["timers left"] == 0
    assert gone(int((tmp_path / "pid").read_text()))
