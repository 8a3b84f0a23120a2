"""Runs inside a Blender with a window: sets the runtime up from a folder of wheels, then breaks things on purpose.

Usage: blender --python set_up.py -- VIDEO RIG.fbx WHEELS OUT. Writes OUT/*.png, OUT/report.txt, OUT/found.json; quits.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from common import GIVEN, MODULE, OUT, addon, found, look, only_rig, open_tab, play, press, view

VIDEO, RIG, WHEELS = GIVEN[:3]
gaps: dict[str, list[float]] = {}


def slow_look(name: str) -> Iterator[float]:
    """Also after Blender has moved the panels below what changed."""
    yield from look(name, 1.2)


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
    only_rig(RIG)
    yield from open_tab()
    subprocess.run(["xdotool", "mousemove", "900", "690"], check=True)  # panels settle only under the mouse
    yield 1.0
    yield from slow_look("01_nothing_set_up")
    bpy.context.preferences.addons[MODULE].preferences.wheels = str(WHEELS)
    yield from slow_look("02_wheels_named")
    press("set_up")
    yield from until(lambda: setup.current.done or setup.current.fraction > 0.3, 200, "set-up, first third")
    yield from slow_look("03_setting_up")
    press("cancel_set_up")
    yield from until(lambda: setup.current.done, 10, "cancel of the set-up")
    yield from slow_look("04_set_up_cancelled")
    press("set_up")
    yield from until(lambda: setup.current.done, 300, "set-up")
    found["set-up error"] = setup.current.error
    settings = view()["scene"].v2a
    settings.video = str(VIDEO)
    settings.armature = next(o for o in view()["scene"].objects if o.type == "ARMATURE")
    press("check")
    yield from until(lambda: watch.last_check.done, 60, "self-check")
    found["items"] = [(item.name, item.ok, item.text) for item in watch.last_check.items]
    yield from slow_look("05_checked")

    press("start")
    press("start")
    press("add_videos", filepath=str(VIDEO), directory=str(VIDEO.parent), files=[{"name": VIDEO.name}])
    first = watch.current
    yield from until(lambda: first.capture is not None and first.capture.progress.done > 20, 60, "to the first frames")
    yield from slow_look("06_running")
    yield from until(lambda: first.done, 200, "run")
    found["first"] = [first.state, first.error]
    yield from until(lambda: watch.current.capture is not None, 60, "to the second")
    stopped = watch.current
    addon("capture").SILENT_S = 1.0
    os.kill(stopped.capture.job.pid, signal.SIGSTOP)
    yield 1.5
    yield from slow_look("07_silent")
    addon("capture").SILENT_S = 15.0
    press("cancel")
    yield from until(lambda: stopped.done, 10, "cancel of a stopped worker")
    yield from until(lambda: watch.current is not stopped and watch.current.capture is not None, 60, "to the third")
    killed = watch.current
    os.kill(killed.capture.job.pid, signal.SIGKILL)
    yield from until(lambda: killed.done, 10, "noticing a killed worker")
    found["killed"] = killed.error
    yield from slow_look("08_killed")
    press("copy_report")
    (OUT / "report.txt").write_text(bpy.context.window_manager.clipboard, "utf-8")

    settings.video = str(Path(__file__))
    press("start")
    yield from until(lambda: not watch.running(), 60, "refusing what is no video")
    found["not a video"] = watch.current.error
    yield from slow_look("09_not_a_video")
    settings.video = str(VIDEO)
    shutil.rmtree(next(setup.folder().glob("env/lib/python*/site-packages/scipy")))
    press("start")
    yield from until(lambda: not watch.running(), 60, "refusing a broken environment")
    found["broken"] = watch.current.error
    yield from slow_look("10_broken")
    press("repair")
    yield from until(lambda: setup.current.done, 300, "repair")
    press("start")
    yield from until(lambda: not watch.running(), 200, "run after repair")
    found["after repair"] = [setup.current.error, watch.current.state, watch.current.error]
    press("open_preferences")
    yield 2.0
    yield from slow_look("11_preferences")
    bpy.ops.v2a.remove_runtime("EXEC_DEFAULT")
    yield from until(lambda: not any(setup.folder().iterdir()), 60, "removal")
    found["removed"] = [setup.state(), sorted(path.name for path in setup.folder().iterdir())]


def stalls() -> dict[str, list[float]]:
    """For each thing waited for: 95th percentile and longest gap between ticks, seconds."""
    ordered = {what: sorted(times) for what, times in gaps.items()}
    return {what: [round(t[int(0.95 * len(t))], 3), round(t[-1], 3)] for what, t in ordered.items()}


play(script(), lambda: found.update({"stalls, s": stalls()}))
