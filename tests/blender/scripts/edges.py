"""What else must hold when a motion goes onto a rig: rotation modes, gaps, frame rates, the user's earlier work, copies.

Usage: edges.py MOTION.npz GAPPED.npz NTSC.npz (29.97 frames a second)
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from common import RIG, armature, hand_back, heads, load_package

load_package()
from video_to_armature.addon import apply, casting, compat, export, rig_file  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402
from video_to_armature.lifter.contract.protocol import RigError, UsageError  # noqa: E402

motion, gapped, ntsc = (Motion.load(Path(arg)) for arg in sys.argv[1:4])
result: dict[str, object] = {}


def fresh() -> tuple[bpy.types.Scene, bpy.types.Object]:
    rig_file.open_rig(RIG)
    return bpy.context.scene, armature()


def pose_of(scene: bpy.types.Scene, character: bpy.types.Object) -> np.ndarray:
    names = [bone.name for bone in character.data.bones]
    return heads(character, names, range(scene.frame_start, scene.frame_end + 1))


scene, character = fresh()
apply.apply_motion(scene, character, motion)
plain = pose_of(scene, character)

for mode in ("XYZ", "ZXY", "AXIS_ANGLE"):
    scene, character = fresh()
    for bone in character.pose.bones:
        bone.rotation_mode = mode
    apply.apply_motion(scene, character, motion)
    result[f"mode {mode}"] = float(np.abs(pose_of(scene, character) - plain).max())
    curves = compat.fcurves(character.animation_data.action)
    jumps = [np.abs(np.diff([k.co[1] for k in c.keyframe_points])).max() for c in curves if "rotation" in c.data_path]
    result[f"jump {mode}"] = float(max(jumps))

scene, character = fresh()
report = apply.apply_motion(scene, character, gapped)
times = np.array([k.co[0] for k in compat.fcurves(character.animation_data.action)[0].keyframe_points])
result["keys in gap"] = int(((times > 16.5) & (times < 36.5)).sum())
result["keys outside"] = int((times < 16.5).sum()), int((times > 36.5).sum())
result["markers"] = [[m.frame, m.name] for m in scene.timeline_markers]
apply.apply_motion(scene, character, motion)
result["markers after a whole motion"] = len(scene.timeline_markers)

scene, character = fresh()
report = apply.apply_motion(scene, character, ntsc)
result["fresh scene"] = [apply.scene_fps(scene), report.fps, report.warnings]

scene, character = fresh()
scene.render.fps = 24
cube = bpy.data.objects.new("cube", None)
scene.collection.objects.link(cube)
cube.keyframe_insert("location", frame=1)
report = apply.apply_motion(scene, character, motion)
result["busy scene"] = [apply.scene_fps(scene), report.fps, report.frames, report.warnings]
result["busy scene, end"] = float(np.abs(pose_of(scene, character)[-1] - plain[-1]).max())  # 44/30 s = 35.2/24 s
report = apply.apply_motion(scene, character, motion, frame_rate="clip")
result["clip's rate asked for"] = [apply.scene_fps(scene), report.frames, report.warnings]

scene, character = fresh()
mine = bpy.data.actions.new("my work")
character.animation_data_create().action = mine
character.pose.bones["mixamorig:Spine"].scale = (2, 2, 2)
character.pose.bones["mixamorig:LeftLeg"].location = (0, 0.1, 0)
character.pose.bones["mixamorig:LeftHandIndex1"].rotation_quaternion = (0.9, 0.3, 0.0, 0.0)
apply.apply_motion(scene, character, motion)
result["user's action kept"] = mine.use_fake_user
first_name = character.animation_data.action.name
apply.apply_motion(scene, character, motion)
result["actions after applying again"] = sorted(action.name for action in bpy.data.actions)
result["name stays"] = character.animation_data.action.name == first_name
knees = [list(character.data.bones.keys()).index(f"mixamorig:{name}") for name in ("Head", "LeftLeg", "LeftFoot")]
result["hand-posed"] = float(np.abs(pose_of(scene, character) - plain)[:, knees].max())
result["finger left as posed"] = character.pose.bones["mixamorig:LeftHandIndex1"].rotation_quaternion[1] > 0.1

bpy.context.view_layer.objects.active = character
bpy.ops.object.mode_set(mode="POSE")
character.hide_select = True
out = Path(sys.argv[1]).with_name(f"posed-{bpy.app.version[0]}{bpy.app.version[1]}.fbx")
export.export(bpy.context, character, out, "fbx", preset="unreal", overwrite=True)
result["export from pose mode"] = [out.is_file(), bpy.context.mode, character.hide_select]
bpy.ops.object.mode_set(mode="OBJECT")

scene, character = fresh()
character.data.pose_position = "REST"
report = apply.apply_motion(scene, character, motion)
result["rest position"] = [character.data.pose_position, report.warnings]
result["rest position, moves"] = float(np.abs(pose_of(scene, character) - plain).max())

hiding = bpy.data.collections.new("hiding")
scene.collection.children.link(hiding)
for o in list(scene.objects):
    for collection in list(o.users_collection):
        collection.objects.unlink(o)
    hiding.objects.link(o)
in_layer = bpy.context.view_layer.layer_collection.children["hiding"]
lost = Path(sys.argv[1]).with_name("lost.fbx")
for owner, name in ((hiding, "hide_viewport"), (in_layer, "hide_viewport"), (in_layer, "exclude")):
    setattr(owner, name, True)
    try:
        export.export(bpy.context, character, lost, "fbx")
        told = "no error"
    except RigError as error:
        told = str(error)
    result[f"{type(owner).__name__} {name}"] = [told, lost.exists()]
    setattr(owner, name, False)
export.export(bpy.context, character, lost, "fbx")
result["shown again"] = lost.is_file()
lost.unlink()

for kind in ("shape key", "material", "light", "not in the scene", "own strip"):
    scene, character = fresh()
    scene.render.fps = 24
    if kind == "shape key":
        mesh = next(o for o in scene.objects if o.type == "MESH")
        mesh.shape_key_add(name="Basis")
        mesh.shape_key_add(name="smile").keyframe_insert("value", frame=1)
    elif kind == "material":
        material = bpy.data.materials.new("skin")
        if material.node_tree is None:
            material.use_nodes = True  # deprecated from 5.0 on, where it is so already
        next(o for o in scene.objects if o.type == "MESH").data.materials.append(material)
        assert material.node_tree is not None
        material.node_tree.nodes[0].inputs[0].keyframe_insert("default_value", frame=1)
    elif kind == "light":
        light = bpy.data.lights.new("lamp", "POINT")
        scene.collection.objects.link(bpy.data.objects.new("lamp", light))
        light.keyframe_insert("energy", frame=1)
    elif kind == "own strip":
        apply.apply_motion(scene, character, motion, frame_rate="scene")
        track = character.animation_data.nla_tracks.new()
        track.strips.new("s", 1, character.animation_data.action)
    else:
        bpy.data.objects.new("deleted", None).keyframe_insert("location", frame=1)
        bpy.data.actions.new("loose").use_fake_user = True
    apply.apply_motion(scene, character, motion)
    result[f"rate beside {kind}"] = apply.scene_fps(scene)

scene, character = fresh()
scene.frame_set(1)
people = casting.cast(bpy.context, [character], 3, named=False)
apply.apply_people(scene, people, [motion, gapped, motion])
bpy.context.view_layer.update()
result["people"] = sorted(p.name for p in people)
meshes = {o.name: o.modifiers[0].object.name for o in scene.objects if o.type == "MESH"}
result["meshes follow"] = sorted(meshes.values())
names = [bone.name for bone in character.data.bones]
result["third as first"] = float(np.abs(heads(people[2], names, range(1, 46)) - plain).max())
result["actions"] = len({p.animation_data.action.name for p in people})
result["range"] = [scene.frame_start, scene.frame_end]
aside = np.eye(4)
aside[0, 3] = -1.5  # this one's own origin is 1.5 m to the camera's right
pair = apply.apply_people(scene, people[:2], [motion, replace(motion, world_from_cam=aside)])
one, two = (heads(p, names, range(1, 46)) for p in people[:2])
result["second beside first"] = float(np.abs(two - one - [1.5 * pair[1].path_scale, 0, 0]).max())
try:
    casting.cast(bpy.context, people[:2], 3, named=True)
except UsageError as error:
    result["too few named"] = str(error)

scene, character = fresh()
character.animation_data_create().action = bpy.data.actions.new("strip")
if hasattr(character.animation_data, "action_slot"):
    character.animation_data.action_slot = character.animation_data.action.slots.new(id_type="OBJECT", name="x")
track = character.animation_data.nla_tracks.new()
track.strips.new("s", 1, character.animation_data.action)
character.animation_data.action = None
character.animation_data.use_tweak_mode = True
try:
    apply.apply_motion(scene, character, motion)
    result["tweak mode"] = "no error" if character.animation_data.use_tweak_mode else "tweak mode did not hold"
except RigError as error:
    result["tweak mode"] = str(error)

hand_back(**result)
