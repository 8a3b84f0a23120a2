"""Use the panel's operators as its buttons do: start, queue, cancel, a killed worker, another file opened, disabling.

Usage: running.py ZIP VIDEO RIG.fbx PYTHON FOLDER. Without a window nobody calls the timers: this script does.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
from common import hand_back

MODULE = "bl_ext.user_default.video_to_armature"
LIMIT_S = 90.0


def main(archive: Path, video: Path, rig: Path, python: Path, folder: Path) -> dict[str, Any]:
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    addon_utils.enable("io_scene_fbx", default_set=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    names = ("watch", "setup_watch", "run_operators", "run_report")
    watch, setup, operators, report = (sys.modules[f"{MODULE}.addon.{name}"] for name in names)
    found: dict[str, Any] = {"folder": str(setup.folder()), "set-up": setup.state()}
    found["reasons"] = [operators.problem(bpy.context)]
    settings = bpy.context.scene.v2a
    settings.video = str(folder / "gone.mp4")
    found["reasons"].append(operators.problem(bpy.context))
    settings.video = str(video)
    found["reasons"].append(operators.problem(bpy.context))
    found["no interpreter"] = operators.runtime_problem(bpy.context)
    pump(watch, lambda: setup.machine() is not None)
    found["offer"], found["no set-up because"] = setup.offer(bpy.context), setup.problem(bpy.context)
    found["online"] = bpy.app.online_access

    bpy.ops.import_scene.fbx(filepath=str(rig))
    settings.armature = next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")
    found["reasons"].append(operators.problem(bpy.context))
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.interpreter = str(python)
    found["reasons"].append(operators.problem(bpy.context))
    settings.end = 0.6
    for _ in range(3):
        bpy.ops.v2a.start()
    found["waiting"] = len(watch.waiting)
    bpy.ops.v2a.take_off(index=1)
    first = watch.current
    pump(watch, lambda: first.done)
    found["first"] = [first.state, first.error]
    action = settings.armature.animation_data and settings.armature.animation_data.action
    found["action"] = action.name if action else None
    found["check"] = [item.name for item in first.check.items if item.ok]
    second = watch.current
    pump(watch, lambda: second.done)
    found["second"] = [second is not first, second.state, len(watch.waiting), watch.running()]

    settings.end = 0.0
    running = begin(watch)
    pump(watch, lambda: running.live.shown)
    found["live"] = [list(running.live.shown.image_size), live_files("v2a_*/live.*")]
    began = time.monotonic()
    bpy.ops.v2a.cancel()
    pump(watch, lambda: running.done)
    found["cancel"] = [running.state, running.error, time.monotonic() - began]
    found["live left"] = [live_files()]

    running = begin(watch)
    os.kill(running.capture.job.pid, signal.SIGKILL)
    pump(watch, lambda: running.done)
    found["killed"] = [running.state, running.error]
    found["live left"].append(live_files())
    found["report"] = report.text()
    found["copied"] = list(bpy.ops.v2a.copy_report())

    settings.end = 0.6
    running = begin(watch)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    pump(watch, lambda: running.done)
    found["another file"] = [running.error, running.plan.facts.out.is_file()]

    bpy.context.scene.v2a.video = str(video)
    bpy.ops.import_scene.fbx(filepath=str(rig))
    bpy.context.scene.v2a.armature = next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")
    running = begin(watch)
    bpy.ops.v2a.start()
    watch._tick()
    unfinished, folder_of = sys.modules[f"{MODULE}.addon.unfinished"], operators.motion_folder()
    found["offered while it runs"] = len(unfinished.offered(folder_of))
    addon_utils.disable(MODULE, default_set=True)
    found["offered after it ended"] = [
        [Path(run.video).name, run.options["person"]] for run in unfinished.offered(folder_of)
    ]
    found["timers left"] = len(watch._ticks)
    (folder / "pid").write_text(str(running.capture.job.pid))
    found["live left"].append(live_files())
    return found


def begin(watch: Any) -> Any:
    """A run whose worker is at work."""
    bpy.ops.v2a.start()
    run = watch.current
    pump(watch, lambda: run.done or (run.capture is not None and run.capture.progress.stage))
    return run


def live_files(pattern: str = "v2a_*") -> list[str]:
    return [path.name for path in Path(bpy.app.tempdir).glob(pattern)]


def pump(watch: Any, done: Callable[[], Any]) -> None:
    """Call the timers as Blender's window would, until it is done."""
    deadline = time.monotonic() + LIMIT_S
    while not done() and time.monotonic() < deadline:
        for tick in list(watch._ticks):
            if bpy.app.timers.is_registered(tick) and tick() is None:
                bpy.app.timers.unregister(tick)
        time.sleep(0.02)


hand_back(**main(*map(Path, sys.argv[1:6])))
