"""Runs inside a Blender with a window: two captures are begun, and Blender is closed in the midst of the first.

Usage: blender --python leave.py -- VIDEO RIG.fbx PYTHON OUT. Writes OUT/left.blend and OUT/found.json, then quits as a user does.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from common import GIVEN, MODULE, OUT, addon, found, only_rig, play, press, scene, until, view

VIDEO, RIG, PYTHON = GIVEN[:3]


def script() -> Iterator[float]:
    watch = addon("watch")
    armature = only_rig(RIG)
    bpy.context.preferences.addons[MODULE].preferences.interpreter = str(PYTHON)
    bpy.ops.wm.save_userpref()
    second = Path(shutil.copy(VIDEO, OUT / "second.mp4"))
    settings = scene().v2a
    settings.video, settings.armature, settings.smooth_hz = str(VIDEO), armature, 5.0
    bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "left.blend"))
    press("start")
    settings.smooth_hz = 8.0  # the first was begun with 5
    press("add_videos", filepath=str(second), directory=str(OUT), files=[{"name": second.name}])
    first = watch.current
    yield from until(lambda: first.done or (first.capture and first.capture.progress.done > 20), 120)
    found["begun"] = [first.state, first.capture.progress.stage, len(watch.waiting)]
    found["pid"] = first.capture.job.pid
    (OUT / "found.json").write_text(json.dumps(found))
    with bpy.context.temp_override(**view()):
        bpy.ops.wm.quit_blender()
    yield 30.0


play(script())
