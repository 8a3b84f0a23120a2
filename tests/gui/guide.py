"""Runs inside a Blender with a window: the steps of docs/first_capture.md, a picture of each.

Usage: blender --python guide.py -- VIDEO RIG.fbx PYTHON [WHEELS] OUT. Writes OUT/guide_*.png and OUT/found.json, then quits.
With WHEELS, a folder as look.py tells, the set-up begins, too.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from common import (
    GIVEN,
    MODULE,
    OUT,
    addon,
    click,
    found,
    key,
    look,
    only_rig,
    open_tab,
    picture,
    play,
    press,
    scene,
    until,
    view,
)

VIDEO, RIG, PYTHON = GIVEN[:3]
WHEELS = GIVEN[3:-1]
START = (905, 204)  # where the button is drawn in a window of 1280 x 800 once video and armature are chosen
BONE_MAP = (838, 294)  # likewise, a panel's header
RESULT = (850, 372)  # the header of the result, which is drawn at the first move of the mouse over it
LIMIT_S = 300.0
FRAME = 60  # of the clip, in which both feet are apart


def running() -> bool:
    return addon("watch").running()


def front() -> None:
    """The rig from the front and a little aside, whole."""
    with bpy.context.temp_override(**view()):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_orbit(angle=-0.5, type="ORBITLEFT")
        bpy.ops.view3d.view_orbit(angle=0.25, type="ORBITUP")
        bpy.ops.view3d.view_all()


def scroll(button: str) -> Iterator[float]:
    """The sidebar to its end (5) or its beginning (4); Blender takes its time over it."""
    subprocess.run(["xdotool", "mousemove", *map(str, RESULT)], check=True)
    yield 0.3
    subprocess.run(["xdotool", "click", "--repeat", "30", "--delay", "20", button], check=True)
    yield 1.5


def preferences() -> Iterator[float]:
    """Where an extension is installed from a file."""
    bpy.context.preferences.active_section = "EXTENSIONS"
    with bpy.context.temp_override(**view()):
        bpy.ops.screen.userpref_show("INVOKE_DEFAULT")
    yield 2.0
    window: Any = bpy.context.window_manager.windows[-1]
    top = bpy.context.window_manager.windows[0].height - window.y - window.height
    yield from click(window.x + window.width - 20, top + 18)  # the small arrow
    picture("guide_preferences")
    yield from key("Escape")
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()
    yield 1.0


def set_up(setup: Any, wheels: Path) -> Iterator[float]:
    """As far as the first packages; then it is cancelled."""
    bpy.context.preferences.addons[MODULE].preferences.wheels = str(wheels)
    press("set_up")
    yield from until(lambda: setup.current.done or setup.current.fraction > 0.3, LIMIT_S)
    found["setting up"] = [setup.current.error, setup.current.done]
    yield from look("guide_setting_up", 0.8)
    press("cancel_set_up")
    yield from until(lambda: setup.current.done, 30)
    yield 0.5


def script() -> Iterator[float]:
    watch = addon("watch")
    armature = only_rig(RIG)
    front()
    yield from preferences()
    yield from open_tab()
    setup = addon("setup_watch")
    yield from until(setup.machine, 30)
    yield from look("guide_set_up", 1.2)
    found["offer"] = setup.offer(bpy.context)
    if WHEELS:
        yield from set_up(setup, WHEELS[0])
    bpy.context.preferences.addons[MODULE].preferences.interpreter = str(PYTHON)

    press("drop_video", filepath=str(VIDEO))
    yield 0.5
    subprocess.run(["xdotool", "mousemove", *map(str, RESULT)], check=True)
    yield from look("guide_ready", 1.2)
    found["ready"] = [scene().v2a.video == str(VIDEO), scene().v2a.armature == armature]

    yield from click(*START)
    began = time.monotonic()

    def far_enough() -> bool:
        capture = watch.current.capture if watch.current is not None else None
        return not running() or (
            capture is not None and capture.progress.stage == "detect" and capture.progress.done > 50
        )

    yield from until(far_enough, LIMIT_S)
    found["running"] = running()
    yield from look("guide_running", 0.3)
    yield from until(lambda: not running(), LIMIT_S)
    found["done"] = [watch.current.state, watch.current.error, round(time.monotonic() - began, 1)]
    scene().frame_set(FRAME)
    with bpy.context.temp_override(**view()):
        bpy.ops.view3d.view_all()
    subprocess.run(["xdotool", "mousemove", *map(str, RESULT)], check=True)
    yield from look("guide_done", 1.2)

    press("compare", "EXEC_DEFAULT", True)
    yield from look("guide_compare", 1.5)
    press("compare", "EXEC_DEFAULT", True)
    yield 0.5

    yield from scroll("5")
    yield from look("guide_export", 1.2)
    target = OUT / "walk.fbx"
    press("export", "INVOKE_DEFAULT", filepath=str(target))
    yield from until(lambda: len(bpy.context.window_manager.windows) > 1, 20)
    yield 4.0
    picture("guide_export_file")
    yield from key("Return")
    yield from until(target.is_file, 30)
    found["exported"] = target.is_file() and target.stat().st_size

    yield from scroll("4")
    yield from click(*BONE_MAP)
    press("list_bones")
    yield from look("guide_bone_map", 1.5)
    found["bone map"] = len([row for row in scene().v2a.bone_map.rows if row.bone])
    yield from click(*BONE_MAP)

    no_video = OUT / "holiday.mp4"
    no_video.write_bytes(b"not a video\n" * 9)
    scene().v2a.video = str(no_video)
    press("start")
    yield from until(lambda: not running(), 60)
    found["refused"] = watch.current.error
    yield from look("guide_error", 1.2)


play(script())
