"""Runs inside a Blender with a window: uses the panel from the first look to an exported FBX, and takes pictures.

Usage: blender --python drive.py -- VIDEO RIG.fbx PYTHON OUT. Writes OUT/*.png and OUT/found.json, then quits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

VIDEO, RIG, PYTHON, OUT = (Path(arg) for arg in sys.argv[sys.argv.index("--") + 1 :])
MODULE = "bl_ext.user_default.video_to_armature"
LIMIT_S = 180.0
found: dict[str, Any] = {}


def view() -> dict[str, Any]:
    """The 3D view, for operators that a timer calls."""
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    region = next(r for r in area.regions if r.type == "WINDOW")
    return {"window": window, "area": area, "region": region, "scene": window.scene}


def picture(name: str) -> None:
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)


def look(name: str) -> Iterator[float]:
    """A picture after Blender has drawn what changed."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield 0.6
    picture(name)


def script() -> Iterator[float]:
    """The visit, step by step; yields how long to wait for the next."""
    watch = sys.modules[f"{MODULE}.addon.watch"]
    with bpy.context.temp_override(**view()):
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        bpy.ops.import_scene.fbx(filepath=str(RIG))
        bpy.ops.view3d.view_all()
    scene = bpy.context.window_manager.windows[0].scene
    space = view()["area"].spaces[0]
    space.show_region_ui = True
    yield 0.5
    sidebar = next(r for r in view()["area"].regions if r.type == "UI")
    sidebar.active_panel_category = "Video to Armature"
    yield from look("1_no_interpreter")
    bpy.context.preferences.addons[MODULE].preferences.interpreter = str(PYTHON)
    yield from look("2_nothing_chosen")
    settings = scene.v2a
    settings.video = str(VIDEO)
    settings.armature = next(o for o in scene.objects if o.type == "ARMATURE")
    yield from look("3_ready")
    subprocess.run(["xdotool", "mousemove", "832", "242", "click", "1"], check=True)  # unfold the options
    yield 0.5
    yield from look("3_ready_options")
    subprocess.run(["xdotool", "mousemove", "832", "242", "click", "1"], check=True)
    yield 0.5

    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo_push(message="before")
        found["start"] = list(bpy.ops.v2a.start())
    stages, gaps, ticks, pictured, began = [], [], [time.monotonic()], 0, time.monotonic()
    while watch.running() and time.monotonic() - began < LIMIT_S:
        ticks.append(time.monotonic())
        progress = watch.current.capture.progress if watch.current.capture else None
        if progress and (not stages or stages[-1] != progress.stage):
            stages.append(progress.stage)
        if progress and progress.stage == "detect" and progress.done > 20 and not pictured:
            pictured = 1
            picture("4_running")
            gaps += [b - a for a, b in pairwise(ticks)]
            ticks = [time.monotonic()]  # the picture took its time, not Blender
        yield 0.02
    found["stages"], found["seconds"] = stages, round(time.monotonic() - began, 1)
    found["longest gap, s"] = round(max(gaps + [b - a for a, b in pairwise(ticks)]), 3)
    yield 0.3
    found["error"] = watch.current.error
    yield from look("5_done")
    armature = scene.v2a.armature
    found["action"] = armature.animation_data.action.name if armature.animation_data else None
    found["frames"] = [scene.frame_start, scene.frame_end, scene.render.fps]
    with bpy.context.temp_override(**view()):
        scene.frame_set(40)
        bpy.ops.ed.undo()
    yield 0.3
    armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    found["action after undo"] = bool(armature.animation_data and armature.animation_data.action)
    motions_after_undo = len(bpy.context.window_manager.windows[0].scene.v2a.motions)
    yield from look("5_undone")
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.redo()
        yield 0.3
    armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    found["action after redo"] = bool(armature.animation_data and armature.animation_data.action)
    scene = bpy.context.window_manager.windows[0].scene
    found["motions after undo and redo"] = [motions_after_undo, len(scene.v2a.motions)]
    with bpy.context.temp_override(**view()):
        scene.frame_set(40)
        bpy.ops.view3d.view_all()
        found["export"] = list(bpy.ops.v2a.export_fbx("EXEC_DEFAULT", filepath=str(OUT / "out.fbx")))
        found["again"] = list(bpy.ops.v2a.apply("EXEC_DEFAULT", True))
    yield from look("6_applied_again")

    scene.v2a.preset = "rigify"  # does not fit
    with bpy.context.temp_override(**view()):
        bpy.ops.v2a.start()
    while watch.running():
        yield 0.05
    found["misfit"] = watch.current.error
    scene.v2a.preset = "auto"
    scene.v2a.start = 0.5  # other settings: nothing in the cache fits
    with bpy.context.temp_override(**view()):
        bpy.ops.v2a.start()
    while watch.running() and not (watch.current.capture and watch.current.capture.progress.stage == "detect"):
        yield 0.05
    began = time.monotonic()
    bpy.ops.v2a.cancel()
    yield 0.0
    found["cancel returned in, s"] = round(time.monotonic() - began, 3)
    while watch.running() and time.monotonic() - began < 30:
        yield 0.05
    found["cancelled in, s"] = round(time.monotonic() - began, 1)
    yield from look("7_cancelled")
    scene.v2a.video = str(Path(__file__))
    with bpy.context.temp_override(**view()):
        bpy.ops.v2a.start()
    began = time.monotonic()
    while watch.running() and time.monotonic() - began < 30:
        yield 0.05
    found["not a video"] = watch.current.error
    yield from look("8_not_a_video")
    with bpy.context.temp_override(**view()):
        bpy.ops.v2a.open_preferences()
        bpy.ops.v2a.check_runtime()
    began = time.monotonic()
    while not watch.runtime_answer[1].startswith("Fit") and watch.runtime_answer[0] and time.monotonic() - began < 60:
        yield 0.1
    found["check"] = watch.runtime_answer
    yield 1.0
    picture("9_preferences")


steps = script()


def tick() -> float | None:
    try:
        return next(steps)
    except StopIteration:
        pass
    except Exception:
        found["failed"] = traceback.format_exc()
        picture("failed")
    (OUT / "found.json").write_text(json.dumps(found, indent=1))
    os._exit(0)


bpy.app.timers.register(tick, first_interval=4.0, persistent=True)
