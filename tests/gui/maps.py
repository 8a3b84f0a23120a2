"""Runs inside a Blender with a window: the list of a bone map, filled, corrected by mouse, saved and applied.

Usage: blender --python maps.py -- MOTION.npz RIG.fbx PYTHON OUT. Writes OUT/4*.png and OUT/found.json, then quits.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from common import GIVEN, MODULE, OUT, addon, click, found, key, look, only_rig, open_tab, play, press, scene, view

MOTION, RIG, PYTHON = GIVEN[:3]
HEADER, LIST = (832, 320), (900, 352)  # without a video, in a window of 1280 x 800
ODD = {"mixamorig:LeftHand": "左手首.001", "mixamorig:LeftForeArm": "Ellbogen links"}


def scroll(button: int, times: int = 30) -> Iterator[float]:
    """The sidebar to its end (5) or its beginning (4)."""
    subprocess.run(["xdotool", "mousemove", "840", "500"], check=True)
    yield 0.3
    subprocess.run(["xdotool", "click", "--repeat", str(times), "--delay", "30", str(button)], check=True)
    yield 0.5


def script() -> Iterator[float]:
    armature = only_rig(RIG)
    for bone, name in ODD.items():
        armature.data.bones[bone].name = name
    yield from open_tab()
    bpy.context.preferences.addons[MODULE].preferences.interpreter = str(PYTHON)
    settings = scene().v2a
    settings.armature, settings.preset = armature, "mixamo"
    yield from look("40_before", 1.2)
    yield from click(*HEADER)
    yield from look("41_bone_map", 1.2)
    yield from click(*LIST)
    found["listed by a click"] = len(settings.bone_map.rows)
    yield from look("42_listed", 1.2)
    yield from scroll(5)
    yield from look("43_needed", 1.2)
    with bpy.context.temp_override(**view()):
        bpy.context.view_layer.objects.active = armature
        bpy.ops.object.mode_set(mode="POSE")
    for name, part in zip(ODD.values(), ("left_hand", "left_forearm")):
        armature.data.bones.active = armature.data.bones[name]
        yield 0.3
        index = next(i for i, row in enumerate(settings.bone_map.rows) if row.part == part)
        press("pick_bone", "EXEC_DEFAULT", True, index=index)
    settings.bone_map.rows[1].bone = "mixamorig:LeftUpLeg"
    yield from look("44_twice", 1.2)
    settings.bone_map.rows[1].bone = "mixamorig:Spine"
    yield from scroll(4)
    yield from look("45_picked", 1.2)
    with bpy.context.temp_override(**view()):
        bpy.ops.object.mode_set(mode="OBJECT")
    press("save_map", "INVOKE_DEFAULT")
    yield from look("46_save", 1.2)
    yield from key("Return")
    found["saved"] = [settings.preset, [path.name for path in OUT.glob("home/**/.user/**/rigs/*.toml")]]
    press("save_map", "INVOKE_DEFAULT")
    yield from look("47_asked", 1.2)
    yield from key("Escape")
    addon("watch").set_motions(settings, [MOTION], armature)
    press("apply", "EXEC_DEFAULT", True)
    paths = {curve.data_path for curve in addon("compat").fcurves(armature.animation_data.action)}
    found["keys"] = [f'pose.bones["{name}"].rotation_quaternion' in paths for name in ODD.values()]
    scene().frame_set(40)
    yield from scroll(4)
    yield from look("48_applied", 1.2)
    press("remove_map", "INVOKE_DEFAULT")
    yield from look("49_remove", 1.2)
    yield from key("Return")
    found["removed"] = [settings.preset, [path.name for path in OUT.glob("home/**/.user/**/rigs/*.toml")]]


play(script())
