"""Use the panel's operators on a captured motion: apply by the choices, edit contacts and refit, save a bone map.

Usage: choices.py ZIP MOTION.npz RIG.fbx FOLDER
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
import numpy as np
from common import armature, hand_back, heads

MODULE = "bl_ext.user_default.video_to_armature"
FEET = ["mixamorig:LeftUpLeg", "mixamorig:RightUpLeg", "mixamorig:LeftFoot"]


def main(archive: Path, motion: Path, rig: Path, folder: Path) -> dict[str, Any]:
    os.environ["V2A_RIG_PRESETS"] = str(folder / "maps")
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    addon_utils.enable("io_scene_fbx", default_set=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    watch, compat = (sys.modules[f"{MODULE}.addon.{name}"] for name in ("watch", "compat"))
    report_of = sys.modules[f"{MODULE}.addon.apply_report"].report_of
    bpy.ops.import_scene.fbx(filepath=str(rig))
    scene, character = bpy.context.scene, armature()
    settings = scene.v2a
    found: dict[str, Any] = {"grey": [refused(name) for name in ("apply", "refit", "save_map", "cancel", "cancel_all")]}
    settings.armature = character
    watch.set_motions(settings, [motion])
    found["grey"].append(refused("refit"))

    def feet() -> np.ndarray:
        return heads(character, FEET, range(1, scene.frame_end + 1))

    settings.left_foot = settings.right_foot = "never"
    found["apply"] = list(bpy.ops.v2a.apply())
    plain = feet()
    found["never"] = [report_of(character).slides, bool(report_of(character).figures), report_of(character).recognised]
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "kept.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "kept.blend"))
    scene, character = bpy.context.scene, armature()
    settings = scene.v2a
    found["kept in the file"] = report_of(character).frames
    settings.root, settings.place, settings.turn, settings.facing = "in place", "cursor", True, np.pi / 2
    scene.cursor.location = (3.0, 1.0, 0.0)
    settings.left_foot = "always"
    bpy.ops.v2a.apply()
    chosen = feet()
    across = chosen[0, 0] - chosen[0, 1]
    found["cursor"] = (chosen[0, :2].mean(0)[:2] - plain[0, :2].mean(0)[:2]).tolist()
    found["across"] = across.tolist()
    found["travels"] = [float(np.linalg.norm(way[-1, :2].mean(0) - way[0, :2].mean(0))) for way in (plain, chosen)]
    found["always"] = sorted(report_of(character).slides)

    settings.root, settings.place, settings.turn = "hips", "capture", False
    settings.left_foot = "never"
    began = time.perf_counter()
    bpy.ops.v2a.apply()
    found["seconds"] = time.perf_counter() - began
    before = feet()
    found["as before"] = float(np.abs(before - plain).max())
    speed = np.linalg.norm(np.diff(before[:, 2], axis=0), axis=-1)
    start = 1 + int(np.argmin(np.convolve(speed, np.ones(8), mode="valid")))
    stand(compat, character, start)
    settings.left_foot = settings.right_foot = "always"  # refitting asks the curves, not the panel
    found["refit"] = list(bpy.ops.v2a.refit())
    after = feet()
    held, far = slice(start - 1, start + 7), np.abs(np.arange(len(after)) - start) > 20
    found["slides"] = report_of(character).slides
    found["held, moves"] = float(np.abs(after - before)[held].max())
    found["elsewhere"] = float(np.abs(after - before)[far].max())
    found["actions"] = [action.name for action in bpy.data.actions]

    found["saved"] = list(bpy.ops.v2a.save_map(name="my: rig"))
    found["chosen"] = [settings.preset, (folder / "maps" / "my_ rig.toml").is_file()]
    found["told"] = [told(name=name) for name in ("my: rig", "auto", "FILE")]
    found["over"] = list(bpy.ops.v2a.save_map(name="my: rig", overwrite=True))
    bpy.ops.v2a.apply()
    found["by my map"] = report_of(character).recognised
    buttons = {name: getattr(bpy.ops.v2a, name).get_rna_type().description for name in dir(bpy.ops.v2a)}
    found["buttons"] = len(buttons)
    keys = (
        "limbs",
        "controls",
        "start_frame",
        "speed",
        "first_frame",
        "last_frame",
        "action",
        "tolerance",
        "tolerance_m",
    )
    choices = {name: settings.bl_rna.properties[name].description for name in ("root", "place", "turn", *keys)}
    found["without tooltip"] = [name for name, text in {**buttons, **choices}.items() if not text]

    # the panel's choices of keys; one undo step takes all of it back
    def state() -> list[Any]:
        scene, character = bpy.context.scene, armature()
        animation = character.animation_data
        tracks = [track.name for track in animation.nla_tracks] if animation is not None else []
        action = animation.action.name if animation is not None and animation.action is not None else None
        actions = sorted((action.name, len(compat.fcurves(action))) for action in bpy.data.actions)
        return [
            actions,
            action,
            tracks,
            scene.frame_start,
            scene.frame_end,
            scene.render.fps,
            len(scene.timeline_markers),
        ]

    settings.limbs, settings.action, settings.start_frame, settings.speed = {"left arm", "head"}, "strip", 101, 2.0
    settings.first_frame, settings.last_frame = 3, 42
    settings.tolerance, settings.tolerance_m = np.radians(1.0), 0.005
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="as it was")
    was = state()
    bpy.ops.v2a.apply("EXEC_DEFAULT", True)
    now, report = state(), report_of(armature())
    found["keys"] = [report.limbs, report.frames, report.keys["written"] < report.keys["of"], now[2]]
    bpy.ops.ed.undo()
    found["undone"] = [state() == was, now != was]
    bpy.ops.ed.redo()
    found["redone"] = state() == now
    settings = bpy.context.scene.v2a
    settings.first_frame = 43
    try:
        bpy.ops.v2a.apply()
    except RuntimeError as error:
        found["no frames"] = str(error).strip()
    for name in ("limbs", "action", "start_frame", "speed", "first_frame", "last_frame", "tolerance", "tolerance_m"):
        settings.property_unset(name)

    watch.set_motions(settings, [motion, motion])
    bpy.ops.v2a.apply()
    found["two refitted"] = list(bpy.ops.v2a.refit()), [report_of(item.armature).armature for item in settings.motions]
    bpy.data.objects.remove(settings.motions[1].armature)
    found["grey"].append(refused("refit"))
    return found


def stand(compat: Any, character: bpy.types.Object, start: int) -> None:
    """Say that the left foot stands for 8 frames."""
    for curve in compat.fcurves(character.animation_data.action):
        if curve.data_path in ('["v2a_left_heel"]', '["v2a_left_toe"]'):
            for frame, value in ((start, 1), (start + 8, 0)):
                curve.keyframe_points.insert(frame, value).interpolation = "CONSTANT"
            curve.update()


def refused(name: str) -> str:
    """Why the button is grey, as Blender tells it."""
    try:
        getattr(bpy.ops.v2a, name)()
    except RuntimeError as error:
        return str(error).strip().rpartition("poll() ")[2]
    return ""


def told(**options: str) -> str:
    try:
        bpy.ops.v2a.save_map(**options)
    except RuntimeError as error:
        return str(error).strip()
    return ""


hand_back(**main(*map(Path, sys.argv[1:5])))
