"""A rig whose bones inherit oddly and whose knee drives a shape key, in an object of scale 0.01: what it does, and what
comes back from its files, of one clip and of two takes.

Usage: driven.py MOTION.npz FOLDER
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOptionalMemberAccess=false

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from common import RIG, angles, hand_back, heads, load_package
from exchanged import armature, read
from mathutils import Matrix

load_package()
from video_to_armature.addon import apply, compat, export, rig_file  # noqa: E402
from video_to_armature.addon.retarget.choices import Keying  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402

motion, folder = Motion.load(Path(sys.argv[1])), Path(sys.argv[2])
LIMBS = {
    "LeftArm": ("LeftForeArm", "left_shoulder", "left_elbow"),
    "RightForeArm": ("RightHand", "right_elbow", "right_wrist"),
}
result: dict[str, Any] = {"heads": {}, "driven": {}}

rig_file.open_rig(RIG)
scene, character = bpy.context.scene, armature()
character.data.transform(Matrix.Scale(100, 4))
character.scale = (0.01,) * 3
for i, bone in enumerate(character.data.bones):
    bone.inherit_scale = ("NONE", "ALIGNED", "AVERAGE", "NONE_LEGACY", "FIX_SHEAR", "FULL")[i % 6]
for name in ("Spine1", "Head", "LeftArm", "RightForeArm", "LeftUpLeg", "RightLeg", "LeftFoot"):
    character.data.bones[f"mixamorig:{name}"].use_inherit_rotation = False
body = next(o for o in scene.objects if o.type == "MESH")
body.shape_key_add(name="Basis")
body.shape_key_add(name="fat").data[0].co.x += 0.1
driver = body.data.shape_keys.driver_add('key_blocks["fat"].value').driver
bend = driver.variables.new()
bend.name, bend.type, driver.expression = "bend", "TRANSFORMS", "min(abs(bend), 1)"
bend.targets[0].id, bend.targets[0].bone_target = character, "mixamorig:RightUpLeg"
bend.targets[0].transform_type, bend.targets[0].transform_space = "ROT_X", "LOCAL_SPACE"
names = [bone.name for bone in character.data.bones]


def shapes(frames: range) -> np.ndarray:
    """(F,) what the leg makes of the shape key."""
    found = []
    for frame in frames:
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        found.append(body.data.shape_keys.evaluated_get(graph).key_blocks["fat"].value)
    return np.array(found)


apply.apply_motion(scene, character, motion, action_name="whole")
span = range(scene.frame_start, scene.frame_end + 1)
true = {"whole": (heads(character, names, span), shapes(span))}
for part, (below, a, b) in LIMBS.items():
    ends = heads(character, [f"mixamorig:{part}", f"mixamorig:{below}"], span)
    reached, wished = ends[:, 1] - ends[:, 0], motion.joint(b) - motion.joint(a)
    result[part] = float(np.degrees(angles(reached, wished.astype(float))).max())
for kind in ("fbx", "glb", "bvh", "usd"):
    export.export(bpy.context, character, folder / f"whole.{kind}", kind)
    if kind != "bvh":
        export.export(bpy.context, character, folder / f"bones.{kind}", kind, meshes=False)

character.animation_data.action = None
for name, keying in (("long", Keying(action="strip")), ("short", Keying(action="strip", first=20))):
    apply.apply_motion(scene, character, motion, action_name=name, keying=keying)
for kind in ("fbx", "glb"):
    export.export(bpy.context, character, folder / f"takes.{kind}", kind, takes=True)
tracks = character.animation_data.nla_tracks
for track in tracks:
    for other in tracks:
        other.mute = other != track
    [strip] = track.strips
    span = range(round(strip.frame_start), round(strip.frame_end) + 1)
    true[track.name] = heads(character, names, span), shapes(span)
result["moves"] = [float(np.ptp(values)) for _, values in true.values()]
result["drives still"] = body.data.shape_keys.animation_data.drivers[0].driver.variables[0].targets[0].id == character

for path in sorted(folder.glob("*.*")):
    read(path)
    came = armature()
    table = {bone.name.replace(":", "_"): bone.name for bone in came.pose.bones}
    for track in (came.animation_data or came.animation_data_create()).nla_tracks:
        track.mute = True
    for action in list(bpy.data.actions):
        curves = list(compat.fcurves(action))
        clip = next((clip for clip in true if clip in action.name), "whole")
        first, (moved, values) = round(action.frame_range[0]), true[clip]
        if any("pose.bones" in curve.data_path for curve in curves):
            if path.stem == "takes":
                compat.CurveWriter(action, came, action.slots[0].identifier if hasattr(action, "slots") else "")
            there = heads(came, [table[name.replace(":", "_")] for name in names], range(first, first + len(moved)))
            result["heads"][f"{path.name} {clip}"] = float(np.abs(there - moved).max())
        for curve in (c for c in curves if "key_blocks" in c.data_path):
            there = np.array([curve.evaluate(first + i) for i in range(len(values))])
            result["driven"][f"{path.name} {clip}"] = float(np.abs(there - values).max())

hand_back(**result)
