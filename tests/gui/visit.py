"""Runs inside a Blender with a window: a first capture by mouse, cancelled and done, compared, kept, opened again.

Usage: blender --python visit.py -- VIDEO RIG.fbx PYTHON OUT. Writes OUT/*.png and OUT/found.json, then quits.
"""

from __future__ import annotations

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
    TAB,
    addon,
    click,
    found,
    key,
    look,
    only_rig,
    picture,
    play,
    press,
    scene,
    until,
    view,
)

VIDEO, RIG, PYTHON = GIVEN[:3]
LIMIT_S = 300.0
START = (905, 204)  # where the button is drawn in a window of 1280 x 800, all panels below it folded
CANCEL = (905, 262)


def camera_view() -> list[Any]:
    space = view()["area"].spaces[0]
    shading = space.shading
    faded = min(round(o.color[3], 1) for o in scene().objects if o.type == "MESH")
    return [space.region_3d.view_perspective, space.use_local_camera, shading.color_type, shading.type, faded]


def tab() -> str:
    """Which one the sidebar shows; '' while there is no sidebar."""
    region: Any = next(r for r in view()["area"].regions if r.type == "UI")
    return region.active_panel_category if view()["area"].spaces[0].show_region_ui and region.width > 1 else ""


def running() -> bool:
    return addon("watch").running()


def rig() -> Any:
    return next(o for o in scene().objects if o.type == "ARMATURE")


def keys() -> list[int]:
    """How many curves the rig's action has, and how many keys the longest."""
    curves = list(rig().animation_data.action.fcurves)
    return [len(curves), max(len(curve.keyframe_points) for curve in curves)]


def script() -> Iterator[float]:
    watch = addon("watch")
    armature = only_rig(RIG)
    bpy.context.preferences.addons[MODULE].preferences.interpreter = str(PYTHON)
    press("drop_video", filepath=str(VIDEO))
    yield from until(lambda: tab() == TAB, 10)
    found["dropped"] = [tab() == TAB, scene().v2a.video == str(VIDEO), scene().v2a.armature == armature]
    yield from look("01_ready")

    yield from click(*START)
    found["started by a click"] = running()
    began, seen = time.monotonic(), []
    while running() and len(seen) < 6 and time.monotonic() - began < LIMIT_S:
        progress = watch.current.capture.progress if watch.current.capture else None
        if progress and progress.stage == "detect" and (not seen or seen[-1] != progress.done):
            seen.append(progress.done)
        yield 0.02
    found["progress"] = seen
    yield from until(lambda: watch.current.live.shown, 20)
    yield from look("02_running", 0.3)
    found["live picture"] = list(watch.current.live.shown.image_size)
    pid = watch.current.capture.job.pid
    began = time.monotonic()
    yield from click(*CANCEL)
    yield from until(lambda: not running(), 20)
    found["cancel"] = [watch.current.state, Path(f"/proc/{pid}").exists(), round(time.monotonic() - began, 2)]
    yield from look("03_cancelled")
    found["live picture left"] = [path.name for path in Path(bpy.app.tempdir).glob("v2a_*")]

    yield from click(*START)
    began = time.monotonic()
    yield from until(lambda: not running(), LIMIT_S)
    found["done"] = [watch.current.state, watch.current.error, round(time.monotonic() - began, 1)]
    yield from look("04_done")
    found["keys"] = keys()
    found["range"] = [scene().frame_start, scene().frame_end, scene().render.fps]
    found["packed"] = [len(item.packed) > 1000 for item in scene().v2a.motions]

    view()["area"].spaces[0].shading.type = "WIREFRAME"
    before = camera_view()
    for number in (20, 100):
        if scene().v2a.compared is None:
            press("compare", "EXEC_DEFAULT", True)
            found["looks through"] = camera_view()
        scene().frame_set(number)
        yield from look(f"05_compare_{number}", 1.2)
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo()  # of the comparison
        yield 0.5
        found["undone"] = [scene().v2a.compared is None, camera_view() == before]
        bpy.ops.ed.redo()
    yield from until(lambda: camera_view()[0] == "CAMERA", 5)
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo()
        yield 0.5
        found["undone twice"] = camera_view() == before
        bpy.ops.ed.redo()
    yield from until(lambda: camera_view()[0] == "CAMERA", 5)
    found["redone"] = [scene().v2a.compared is not None, camera_view()]
    press("compare", "EXEC_DEFAULT", True)
    found["back"] = camera_view() == before
    yield from look("06_back")

    with bpy.context.temp_override(**view()):
        files = [{"name": VIDEO.name}]
        bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=str(VIDEO.parent), files=files)
    yield 1.0
    picture("07_dropped")
    yield from key("Escape")
    with bpy.context.temp_override(**view()):
        bpy.ops.wm.search_menu("INVOKE_DEFAULT")
    yield 0.7
    for letter in "listbones":
        yield from key(letter)
    picture("08_search")
    yield from key("Return")
    found["found by the search"] = len(scene().v2a.bone_map.rows)

    blend = OUT / "kept.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    for item in scene().v2a.motions:
        Path(item.path).unlink()
    press("compare", "EXEC_DEFAULT", True)
    bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "compared.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    yield 1.5
    found["opened"] = [len(scene().v2a.motions), scene().v2a.compared is None, keys()]
    began = time.monotonic()
    found["again"] = [press("apply", "EXEC_DEFAULT", True), round(time.monotonic() - began, 2)]
    yield from look("09_opened_and_applied")
    bpy.ops.wm.open_mainfile(filepath=str(OUT / "compared.blend"))
    yield 1.5
    scene().frame_set(60)
    yield from look("10_opened_compared", 1.5)
    found["opened compared"] = camera_view()
    press("compare", "EXEC_DEFAULT", True)
    found["back after opening"] = camera_view() == before
    yield from look("11_back_after_opening")


play(script())
