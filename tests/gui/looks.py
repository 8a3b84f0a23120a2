"""Runs inside a Blender with a window: marks on the timeline, the way from one to the next, and each panel unfolded.

Usage: blender --python looks.py -- MOTION.npz VIDEO RIG.fbx PYTHON OUT. Writes OUT/*.png and OUT/found.json, then quits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from common import (
    GIVEN,
    MODULE,
    OUT,
    addon,
    click,
    drag,
    found,
    key,
    look,
    only_rig,
    open_tab,
    picture,
    play,
    press,
    scene,
    view,
)

MOTION, VIDEO, RIG, PYTHON = GIVEN[:4]
PANELS = {
    "options": 242,
    "rig": 268,
    "map": 294,
    "keys": 320,
    "queue": 346,
    "check": 372,
}  # how far down their headers are drawn


def drop_recipe() -> Iterator[float]:
    """As Blender does it, whose own handlers do not take such files: no file browser comes up."""
    recipe = OUT / "dropped.toml"
    recipe.write_text("speed = 0.5\n")
    windows = len(bpy.context.window_manager.windows)
    with bpy.context.temp_override(**view()):
        files = [{"name": recipe.name}]
        bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=str(OUT), files=files)
    yield 1.0
    found["recipe dropped"] = [scene().v2a.speed, len(bpy.context.window_manager.windows) - windows]
    press("open_motion", "INVOKE_DEFAULT")
    yield 1.5
    found["browser"] = len(bpy.context.window_manager.windows) - windows
    picture("32_open_motion")
    yield from key("Escape")
    yield 0.5


def script() -> Iterator[float]:
    armature = only_rig(RIG)
    yield from open_tab()
    bpy.context.preferences.addons[MODULE].preferences.interpreter = str(PYTHON)
    settings = scene().v2a
    settings.video, settings.armature = str(VIDEO), armature
    addon("watch").set_motions(settings, [MOTION], armature, VIDEO)
    press("apply", "EXEC_DEFAULT", True)
    found["marks"] = [[marker.frame, marker.name] for marker in scene().timeline_markers]
    yield from drag((500, 719), (500, 560))  # room for the timeline
    steps = []
    for step in (1, 1, 1, -1):
        press("mark_step", "EXEC_DEFAULT", True, step=step)
        steps.append(scene().frame_current)
        yield 0.1
    found["steps"] = steps
    yield from look("20_marks")
    press("compare", "EXEC_DEFAULT", True)
    yield from look("21_marks_compared", 1.2)
    settings.start_frame = 51
    press("apply", "EXEC_DEFAULT", True)
    found["applied again while compared"] = [settings.compared is not None, view()["area"].spaces[0].use_local_camera]
    scene().frame_set(scene().frame_current + 50)
    yield from look("22_applied_again", 1.2)
    press("compare", "EXEC_DEFAULT", True)
    yield from drag((500, 560), (500, 719))
    for name, y in PANELS.items():
        yield from click(832, y)
        yield from look(f"30_{name}", 1.2)
        yield from click(832, y)
    yield from drop_recipe()
    yield from click(989, 97)  # the presets in the header
    yield from look("31_presets")


play(script())
