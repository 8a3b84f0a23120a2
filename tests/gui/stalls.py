"""Runs inside a Blender with a window: how long it stands still while a long motion is applied, and what may come between.

Usage: blender --python stalls.py -- MOTION.npz RIG.fbx OUT. The motion: 3,000 frames at 30 a second. Writes OUT/*.png and
OUT/found.json, then quits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
from common import (
    GIVEN,
    OUT,
    addon,
    ends,
    found,
    look,
    only_rig,
    open_tab,
    play,
    press,
    scene,
    stood_still,
    until,
    view,
)

MOTION, RIG = GIVEN[:2]
LIMIT_S = 30.0
SHORT = 900  # frames, 30 s
AFTER_S = 1.5  # in which what follows the end is watched, too
views: list[list[float]] = []  # when a 3D view was begun and done
slices: list[float] = []  # seconds of each


def keys() -> list[int]:
    """How many curves the rig's action has, and how many keys the longest; zeros where there is none."""
    armature = next((o for o in scene().objects if o.type == "ARMATURE"), None)
    animation = armature.animation_data if armature is not None else None
    curves = list(animation.action.fcurves) if animation is not None and animation.action is not None else []
    return [len(curves), max((len(curve.keyframe_points) for curve in curves), default=0)]


def busy() -> bool:
    return addon("sliced").current is not None


def spy() -> None:
    """Note when views are drawn and how long slices take."""
    kind = addon("steps").Stepping
    inner = kind.advance

    def advance(self: Any, seconds: float) -> bool:
        began = time.monotonic()
        try:
            return inner(self, seconds)
        finally:
            slices.append(round(time.monotonic() - began, 3))

    kind.advance = advance
    hook: Any = bpy.types.SpaceView3D.draw_handler_add
    hook(lambda: views.append([time.monotonic(), 0.0]), (), "WINDOW", "PRE_VIEW")
    hook(lambda: views[-1].__setitem__(1, time.monotonic()), (), "WINDOW", "POST_PIXEL")


def watched(name: str, begin: Callable[[], Any]) -> Iterator[float]:
    """What a button does to the window: its stalls, with and without what Blender takes to draw the 3D view."""
    yield 1.5
    views.clear()
    slices.clear()
    ticks, ended = [time.monotonic()], 0.0
    begin()
    returned = time.monotonic() - ticks[0]
    while not ended or time.monotonic() - ended < AFTER_S:
        ticks.append(time.monotonic())
        if not ended and (not busy() or ticks[-1] - ticks[0] > LIMIT_S):
            ended = ticks[-1]
        yield 0.01
    found[name] = {
        "seconds": round(ended - ticks[0], 2),
        "returned in": round(returned, 3),
        "longest, 95th percentile": ends(stood_still(ticks, ())),
        "without the view": ends(stood_still(ticks, views)),
        "slices": [len(slices), max(slices, default=0.0)],
        "views": [round(b - a, 3) for a, b in views if b],
    }


def in_between(name: str, change: Callable[[], Any]) -> Iterator[float]:
    """Something happens while the curves are written; keys() before and after, and what was told."""
    before = keys(), len(bpy.data.actions)
    press("apply", "INVOKE_DEFAULT", True)
    yield from until(lambda: len(bpy.data.actions) > before[1] or not busy(), LIMIT_S)
    begun = [busy(), len(bpy.data.actions) - before[1]]
    change()
    yield from until(lambda: not busy(), LIMIT_S)
    yield 0.5
    found[name] = [begun, addon("sliced").error, busy(), keys(), len(bpy.data.actions)]


def undo() -> None:
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo()


def redo() -> None:
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.redo()


def push(message: str) -> None:
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo_push(message=message)


def script() -> Iterator[float]:
    bpy.context.preferences.system.viewport_aa = "OFF"  # else each change is drawn eight times
    armature = only_rig(RIG)
    for thing in scene().objects:
        thing.hide_set(thing.type == "MESH")  # drawn without a graphics card it would be all that is measured
    armature.keyframe_insert("scale", frame=3)  # what draws keys is compiled when the first is drawn
    yield from open_tab()
    yield 1.0
    armature.animation_data_clear()
    bpy.data.actions.remove(bpy.data.actions[0])
    scene().v2a.armature = armature
    push("before")
    spy()
    usual = addon("sliced").SLICE_S
    with bpy.context.temp_override(**view()):
        bpy.ops.v2a.open_motion("EXEC_DEFAULT", True, filepath=str(MOTION))
    found["first"] = keys()
    yield from watched("again", lambda: press("apply", "INVOKE_DEFAULT", True))
    found["again, keys"] = keys()
    scene().v2a.last_frame = SHORT
    yield from watched("again, 30 s", lambda: press("apply", "INVOKE_DEFAULT", True))
    found["30 s, keys"] = keys()
    scene().v2a.last_frame = 0
    scene().v2a.tolerance, scene().v2a.tolerance_m = 0.017, 0.005
    yield from watched("fewer keys", lambda: press("apply", "INVOKE_DEFAULT", True))
    fewer = keys()
    yield from look("1_applied")
    undo()
    yield 0.5
    found["one undo step"] = [fewer, keys()]
    redo()
    yield 0.5
    found["one undo step"].append(keys())
    scene().v2a.tolerance = scene().v2a.tolerance_m = 0.0
    yield from watched("refit", lambda: press("refit", "INVOKE_DEFAULT", True))
    found["refit, keys"] = keys()

    push("one more")
    addon("sliced").SLICE_S = 0.0  # a curve a tick, so that there is an in-between on a fast machine, too
    yield from in_between("undone meanwhile", undo)
    yield from in_between("redone meanwhile", redo)
    yield from in_between("deleted meanwhile", lambda: bpy.data.objects.remove(scene().v2a.armature))
    yield from look("2_deleted")
    undo()
    yield 0.5
    blend = OUT / "kept.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    yield from in_between("opened meanwhile", lambda: bpy.ops.wm.open_mainfile(filepath=str(blend)))
    addon("sliced").SLICE_S = usual
    yield 1.0
    yield from watched("compare", lambda: press("compare", "INVOKE_DEFAULT", True))
    yield from watched("again, compared", lambda: press("apply", "INVOKE_DEFAULT", True))
    found["end"] = [keys(), scene().v2a.compared is not None, addon("sliced").error]
    yield from look("3_end")

    press("compare", "EXEC_DEFAULT", True)
    addon_utils.enable("rigify", default_set=True)
    with bpy.context.temp_override(**view()):
        bpy.ops.object.armature_human_metarig_add()
        other: Any = bpy.context.view_layer.objects.active
        scene().v2a.armature = other
    scene().v2a.last_frame = SHORT
    yield from watched("another rig, 30 s", lambda: press("apply", "INVOKE_DEFAULT", True))
    curves = addon("compat").played_curves(other.animation_data)
    found["another rig, keys"] = [other.name, max(len(curve.keyframe_points) for curve in curves)]
    yield from look("4_another_rig")


play(script())
