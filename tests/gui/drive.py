"""Runs inside a Blender with a window: uses the panel from the first look to an exported FBX, and takes pictures.

Usage: blender --python drive.py -- VIDEO RIG.fbx PYTHON OUT. Writes OUT/*.png and OUT/found.json, then quits.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
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
    ends,
    found,
    look,
    only_rig,
    open_tab,
    picture,
    play,
    stood_still,
    view,
)

VIDEO, RIG, PYTHON = GIVEN[:3]
LIMIT_S = 180.0
AFTER_S = 2.0  # in which what follows the end of a run is watched
events: list[tuple[float, str]] = []  # when, what


def curves() -> dict[tuple[str, int], Any]:
    armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    return {(c.data_path, c.array_index): c for c in armature.animation_data.action.fcurves}


def fingerprint() -> float:
    """Changes when the legs' keys do."""
    return sum(key.co[1] for (path, _), c in curves().items() if "Leg" in path for key in c.keyframe_points)


def contacts() -> float:
    return sum(key.co[1] for key in curves()['["v2a_left_heel"]', 0].keyframe_points)


def told() -> Any:
    """The report that the panel shows."""
    armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    return sys.modules[f"{MODULE}.addon.apply_report"].report_of(armature)


def timed(owner: Any, name: str) -> None:
    """Note when what is called there begins and how long it takes."""
    inner = getattr(owner, name)

    def outer(*arguments: Any, **options: Any) -> Any:
        began = time.monotonic()
        try:
            return inner(*arguments, **options)
        finally:
            events.append((began, f"{name}: {time.monotonic() - began:.3f} s"))

    setattr(owner, name, outer)


def mark(name: str) -> Any:
    """A handler that notes when Blender calls it."""
    return bpy.app.handlers.persistent(lambda *_: events.append((time.monotonic(), name)))


def time_drawing(panel: Any) -> None:
    inner = panel.draw

    def draw(self: Any, context: bpy.types.Context) -> None:  # Blender counts the arguments
        began = time.monotonic()
        inner(self, context)
        events.append((began, f"{panel.__name__}: {time.monotonic() - began:.4f} s"))

    panel.draw = draw


def watch_stalls(watch: Any) -> None:
    for panel in sys.modules[f"{MODULE}.addon.panel"].CLASSES:
        time_drawing(panel)
    solving, writing = (sys.modules[f"{MODULE}.addon.{name}"] for name in ("solving", "writing"))
    names = (
        (watch, "_apply"),
        (watch, "_tick"),
        (solving, "read"),
        (solving, "people"),
        (writing, "_draft"),
        (writing, "_play"),
    )
    for owner, name in names:
        timed(owner, name)
    for name in ("depsgraph_update_pre", "depsgraph_update_post"):
        getattr(bpy.app.handlers, name).append(mark(name))
    for when in ("PRE_VIEW", "POST_PIXEL"):
        bpy.types.SpaceView3D.draw_handler_add(mark(f"view drawn, {when}"), (), "WINDOW", when)


def script() -> Iterator[float]:
    """The visit, step by step; yields how long to wait for the next."""
    watch = sys.modules[f"{MODULE}.addon.watch"]
    watch_stalls(watch)
    only_rig(RIG)
    scene = bpy.context.window_manager.windows[0].scene
    yield from open_tab()
    yield from look("1_no_interpreter")
    bpy.context.preferences.addons[MODULE].preferences.interpreter = str(PYTHON)
    yield from look("2_nothing_chosen")
    settings = scene.v2a
    settings.video = str(VIDEO)
    settings.armature = next(o for o in scene.objects if o.type == "ARMATURE")
    yield from look("3_ready")
    yield from click(832, 242)  # unfold the options
    yield from look("3_ready_options")
    yield from click(832, 242)

    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo_push(message="before")
        found["start"] = list(bpy.ops.v2a.start())
    stages, ticks, pictured, began, ended = [], [time.monotonic()], 0, time.monotonic(), 0.0
    earlier: list[float] = []  # ticks
    while not ended or time.monotonic() - ended < AFTER_S:
        if not ended and (not watch.running() or time.monotonic() - began > LIMIT_S):
            ended = time.monotonic()
            found["seconds"] = round(ended - began, 1)
        ticks.append(time.monotonic())
        progress = watch.current.capture.progress if watch.current.capture else None
        if progress and (not stages or stages[-1] != progress.stage):
            stages.append(progress.stage)
        if progress and progress.stage == "detect" and progress.done > 20 and not pictured:
            pictured = 1
            picture("4_running")
            earlier, ticks = ticks, [time.monotonic()]  # the picture took its time, not Blender
        yield 0.02
    found["stages"] = stages
    found["views drawn while it ran"] = [
        round(t - began, 2) for t, what in events if what.endswith("PRE_VIEW") and began < t < ended
    ]
    found["stalls, s"] = sorted((round(b - a, 3) for s in (earlier, ticks) for a, b in pairwise(s)), reverse=True)[:6]
    drawn = sorted(float(what.split()[1]) for t, what in events if what.startswith("V2A_PT_main") and t > began)
    found["panel drawn: times, median, longest s"] = [len(drawn), drawn[len(drawn) // 2], drawn[-1]]
    begun, done = ([t for t, what in events if what.endswith(word)] for word in ("PRE_VIEW", "POST_PIXEL"))
    drawn = list(zip(begun, done))
    stalls = sorted(
        ((s, span) for part in (earlier, ticks) for s, span in zip(stood_still(part, drawn), pairwise(part))),
        reverse=True,
    )
    found["without the view: longest, 95th percentile, s"] = ends(s for s, _ in stalls)
    found["in the longest"] = [
        [round(s, 3), *(f"{t - since:.3f} {what}" for t, what in sorted(events) if since - 0.01 < t < until)]
        for s, (since, until) in stalls[:4]
    ]
    yield 0.3
    found["error"] = watch.current.error
    yield from look("5_done")
    yield from click(832, 268)
    yield from look("5_done_rig")
    yield from click(832, 268)
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
        found["export"] = list(bpy.ops.v2a.export("EXEC_DEFAULT", filepath=str(OUT / "out.fbx")))
        found["again"] = list(bpy.ops.v2a.apply("EXEC_DEFAULT", True))
    yield from look("6_applied_again")
    slides = told().slides
    for key in curves()['["v2a_left_heel"]', 0].keyframe_points:
        key.co[1] = 0  # the left heel never stands
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo_push(message="edit the contacts")
        found["refit"] = [list(bpy.ops.v2a.refit("EXEC_DEFAULT", True)), slides, told().slides]
    yield from click(845, 627)  # which bones are off
    yield from look("6_refitted")
    yield from click(845, 627)
    refitted = fingerprint()
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo()
    yield 0.3
    back = [fingerprint() != refitted, contacts() == 0, told().slides == slides]
    found["one undo takes the refit back, and its report"] = back
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.redo()
    yield 0.3
    found["redo brings it again"] = fingerprint() == refitted
    scene = bpy.context.window_manager.windows[0].scene
    with bpy.context.temp_override(**view()):
        bpy.ops.v2a.save_map("INVOKE_DEFAULT")
    yield from look("6_save_map")
    subprocess.run(["xdotool", "key", "Return"], check=True)
    yield 0.7
    found["map"] = [scene.v2a.preset, [path.name for path in OUT.glob("home/**/.user/**/rigs/*.toml")]]
    yield from look("6_map_saved")

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
    while (
        not addon("setup_watch").runtime_answer[1].startswith("Fit")
        and addon("setup_watch").runtime_answer[0]
        and time.monotonic() - began < 60
    ):
        yield 0.1
    found["check"] = addon("setup_watch").runtime_answer
    yield 1.0
    picture("9_preferences")


play(script())
