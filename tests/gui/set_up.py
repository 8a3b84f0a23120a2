"""Runs inside a Blender with a window: sets the runtime up from a folder of wheels, then breaks things on purpose.

Usage: blender --python set_up.py -- VIDEO RIG.fbx WHEELS OUT. Writes OUT/*.png, OUT/report.txt, OUT/found.json; quits.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

VIDEO, RIG, WHEELS, OUT = (Path(arg) for arg in sys.argv[sys.argv.index("--") + 1 :])
MODULE = "bl_ext.user_default.video_to_armature"
found: dict[str, Any] = {}
gaps: dict[str, list[float]] = {}


def addon(name: str) -> Any:
    return sys.modules[f"{MODULE}.addon.{name}"]


def view() -> dict[str, Any]:
    """The 3D view, for operators that a timer calls."""
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    region = next(r for r in area.regions if r.type == "WINDOW")
    return {"window": window, "area": area, "region": region, "scene": window.scene}


def press(name: str, **options: Any) -> None:
    with bpy.context.temp_override(**view()):
        getattr(bpy.ops.v2a, name)(**options)


def look(name: str) -> Iterator[float]:
    """A picture after Blender has drawn what changed, and has moved the panels below it."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield 1.2
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)


def until(done: Callable[[], Any], limit_s: float, what: str = "") -> Iterator[float]:
    """Wait; the gaps between ticks are how long the window stood still during `what`."""
    began = last = time.monotonic()
    while not done() and time.monotonic() - began < limit_s:
        yield 0.02
        now = time.monotonic()
        gaps.setdefault(what, []).append(now - last)
        last = now
    found[f"{what}, s"] = round(time.monotonic() - began, 2)


def script() -> Iterator[float]:
    watch, setup = addon("watch"), addon("setup_watch")
    for panel in (addon("panel").V2A_PT_queue, addon("panel").V2A_PT_check):  # unfolded, for the pictures
        bpy.utils.unregister_class(panel)
        panel.bl_options = set()
        bpy.utils.register_class(panel)
    with bpy.context.temp_override(**view()):
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        bpy.ops.import_scene.fbx(filepath=str(RIG))
        bpy.ops.view3d.view_all()
    view()["area"].spaces[0].show_region_ui = True
    yield 0.5
    next(r for r in view()["area"].regions if r.type == "UI").active_panel_category = "Video to Armature"
    subprocess.run(["xdotool", "mousemove", "900", "690"], check=True)  # panels settle only under the mouse
    yield 1.0
    yield from look("01_nothing_set_up")
    bpy.context.preferences.addons[MODULE].preferences.wheels = str(WHEELS)
    yield from look("02_wheels_named")
    press("set_up")
    yield from until(lambda: setup.current.done or setup.current.fraction > 0.3, 200, "set-up, first third")
    yield from look("03_setting_up")
    press("cancel_set_up")
    yield from until(lambda: setup.current.done, 10, "cancel of the set-up")
    yield from look("04_set_up_cancelled")
    press("set_up")
    yield from until(lambda: setup.current.done, 300, "set-up")
    found["set-up error"] = setup.current.error
    settings = view()["scene"].v2a
    settings.video = str(VIDEO)
    settings.armature = next(o for o in view()["scene"].objects if o.type == "ARMATURE")
    press("check")
    yield from until(lambda: watch.last_check.done, 60, "self-check")
    found["items"] = [(item.name, item.ok, item.text) for item in watch.last_check.items]
    yield from look("05_checked")

    press("start")
    press("start")
    press("add_videos", filepath=str(VIDEO), directory=str(VIDEO.parent), files=[{"name": VIDEO.name}])
    first = watch.current
    yield from until(lambda: first.capture is not None and first.capture.progress.done > 20, 60, "to the first frames")
    yield from look("06_running")
    yield from until(lambda: first.done, 200, "run")
    found["first"] = [first.state, first.error]
    yield from until(lambda: watch.current.capture is not None, 60, "to the second")
    stopped = watch.current
    addon("capture").SILENT_S = 1.0
    os.kill(stopped.capture.job.pid, signal.SIGSTOP)
    yield 1.5
    yield from look("07_silent")
    addon("capture").SILENT_S = 15.0
    press("cancel")
    yield from until(lambda: stopped.done, 10, "cancel of a stopped worker")
    yield from until(lambda: watch.current is not stopped and watch.current.capture is not None, 60, "to the third")
    killed = watch.current
    os.kill(killed.capture.job.pid, signal.SIGKILL)
    yield from until(lambda: killed.done, 10, "noticing a killed worker")
    found["killed"] = killed.error
    yield from look("08_killed")
    press("copy_report")
    (OUT / "report.txt").write_text(bpy.context.window_manager.clipboard, "utf-8")

    settings.video = str(Path(__file__))
    press("start")
    yield from until(lambda: not watch.running(), 60, "refusing what is no video")
    found["not a video"] = watch.current.error
    yield from look("09_not_a_video")
    settings.video = str(VIDEO)
    shutil.rmtree(next(setup.folder().glob("env/lib/python*/site-packages/scipy")))
    press("start")
    yield from until(lambda: not watch.running(), 60, "refusing a broken environment")
    found["broken"] = watch.current.error
    yield from look("10_broken")
    press("repair")
    yield from until(lambda: setup.current.done, 300, "repair")
    press("start")
    yield from until(lambda: not watch.running(), 200, "run after repair")
    found["after repair"] = [setup.current.error, watch.current.state, watch.current.error]
    press("open_preferences")
    yield 2.0
    yield from look("11_preferences")
    bpy.ops.v2a.remove_runtime("EXEC_DEFAULT")
    yield from until(lambda: not any(setup.folder().iterdir()), 60, "removal")
    found["removed"] = [setup.state(), sorted(path.name for path in setup.folder().iterdir())]


def stalls() -> dict[str, list[float]]:
    """For each thing waited for: 95th percentile and longest gap between ticks, seconds."""
    ordered = {what: sorted(times) for what, times in gaps.items()}
    return {what: [round(t[int(0.95 * len(t))], 3), round(t[-1], 3)] for what, t in ordered.items()}


steps = script()


def tick() -> float | None:
    try:
        return next(steps)
    except StopIteration:
        pass
    except Exception:
        found["failed"] = traceback.format_exc()
    (OUT / "found.json").write_text(json.dumps({**found, "stalls, s": stalls()}, indent=1))
    os._exit(0)


bpy.app.timers.register(tick, first_interval=4.0, persistent=True)
