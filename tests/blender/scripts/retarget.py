"""What the animator may choose, contacts edited and refitted, maps made and kept, and rigs that cannot be animated.

Usage: retarget.py MOTION.npz FOLDER
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

from __future__ import annotations

import itertools
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
import numpy as np
from common import RIG, armature, hand_back, heads, load_package

load_package()
from video_to_armature.addon import apply, casting, compat, export, maps, rig, rig_file  # noqa: E402
from video_to_armature.addon.retarget.choices import Choices  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402
from video_to_armature.lifter.contract.protocol import V2AError  # noqa: E402

motion, folder = Motion.load(Path(sys.argv[1])), Path(sys.argv[2])
motion = replace(motion, contacts=np.zeros((motion.frames, 4), np.float32))
result: dict[str, object] = {}
FEET = ["mixamorig:LeftUpLeg", "mixamorig:RightUpLeg", "mixamorig:LeftFoot", "mixamorig:LeftToeBase"]


def fresh() -> tuple[bpy.types.Scene, bpy.types.Object]:
    rig_file.open_rig(RIG)
    return bpy.context.scene, armature()


def places(scene: bpy.types.Scene, character: bpy.types.Object) -> np.ndarray:
    return heads(character, FEET, range(1, motion.frames + 1))


def contact_curves(character: bpy.types.Object) -> dict[str, object]:
    found = {c.data_path: c for c in compat.fcurves(character.animation_data.action)}
    return {path: curve for path, curve in found.items() if "v2a_" in path}


# who takes the path
scene, character = fresh()
apply.apply_motion(scene, character, motion)
plain = places(scene, character)
for root in ("object", "in place"):
    scene, character = fresh()
    character.location = (2.0, 0.0, 0.0)
    bpy.context.view_layer.update()
    for _again in range(2):  # a second time the object stands where the first run brought it
        report = apply.apply_motion(scene, character, motion, choices=Choices(root=root))
        scene.frame_set(30)
    result[f"root {root}"] = float(np.abs(places(scene, character) - plain)[..., :2].max())
    result[f"root {root} end"] = float(
        np.abs(places(scene, character)[-1, :2, :2].mean(0) - plain[-1, :2, :2].mean(0)).max()
    )
    result[f"root {root} told"] = report.root
    moves = {c.array_index for c in compat.fcurves(character.animation_data.action) if c.data_path == "location"}
    result[f"root {root} keys on the object"] = sorted(moves)
scene, character = fresh()
scene.cursor.location = (3.0, 1.0, 0.5)
apply.apply_motion(scene, character, motion, choices=Choices(place=apply.place_of(scene, "cursor"), facing=0.0))
first = places(scene, character)[0, :2].mean(0)
result["at the cursor"] = [float(x) for x in first - plain[0, :2].mean(0)]
result["hips across"] = [float(x) for x in places(scene, character)[0, 0] - places(scene, character)[0, 1]]

# Rigify's root carries the whole rig through its constraints
bpy.ops.wm.read_homefile(use_empty=True)
addon_utils.enable("rigify", default_set=True)
bpy.ops.object.armature_basic_human_metarig_add()
metarig = bpy.context.object
bpy.ops.pose.rigify_generate()
bpy.data.objects.remove(metarig)
generated = armature()
deforming = [bone.name for bone in generated.data.bones if bone.use_deform]
ways = {}
for root in ("root", "hips"):
    report = apply.apply_motion(bpy.context.scene, generated, motion, choices=Choices(root=root))
    ways[root] = heads(generated, deforming, range(1, motion.frames + 1, 11))
    result[f"rigify {root} warnings"] = report.warnings
    if root == "root":
        result["rigify root goes"] = float((generated.pose.bones["root"].matrix.translation).length)
result["rigify root"] = float(np.abs(ways["root"] - ways["hips"]).max())

# a BVH file of a rig whose object is turned, as glTF's and Unreal's come
scene, character = fresh()
character.rotation_euler = (-np.pi / 2, 0.0, 0.3)
bpy.context.view_layer.update()
apply.apply_motion(scene, character, motion)
true = places(scene, character)
export.export(bpy.context, character, folder / "turned.bvh", "bvh")
result["as it was"] = float(np.abs(places(scene, character) - true).max())
bpy.ops.wm.read_homefile(use_empty=True)
bpy.ops.import_anim.bvh(
    filepath=str(folder / "turned.bvh"), axis_forward="Y", axis_up="Z", rotate_mode="QUATERNION", update_scene_fps=True
)
result["turned bvh"] = float(np.abs(places(bpy.context.scene, armature()) - true).max())

# contacts, edited, refitted
scene, character = fresh()
apply.apply_motion(scene, character, motion)
curves = contact_curves(character)
result["contacts"] = sorted(curves)
result["contact keys"] = [len(c.keyframe_points) for c in curves.values()]
result["interpolation"] = sorted({k.interpolation for c in curves.values() for k in c.keyframe_points})
before = places(scene, character)
speed = np.linalg.norm(np.diff(before[:, 2], axis=0), axis=-1)
start = 1 + int(np.argmin(np.convolve(speed, np.ones(8), mode="valid")))  # where the left foot is slowest for 8 frames
for side in ("heel", "toe"):
    curve = curves[f'["v2a_left_{side}"]']
    for frame, value in ((start, 1), (start + 8, 0)):
        key = curve.keyframe_points.insert(frame, value)
        key.interpolation = "CONSTANT"
    curve.update()
[report] = apply.refit(scene, [character], [motion])
after = places(scene, character)
stand, far = slice(start - 1, start + 7), np.abs(np.arange(motion.frames) - start) > 20
planted = after[stand, 2:]
result["refit moves"] = float(np.abs(after - before)[stand].max())
result["refit elsewhere"] = float(np.abs(after - before)[far].max())
result["loose cm/s"] = float(np.linalg.norm(np.diff(before[stand, 2:], axis=0), axis=-1).mean() * 30 * 100)
result["planted cm/s"] = float(np.linalg.norm(np.diff(planted, axis=0), axis=-1).max() * 30 * 100)
result["refit slides"] = report.slides
result["contacts kept"] = [len(c.keyframe_points) for c in contact_curves(character).values()]
result["actions"] = [a.name for a in bpy.data.actions]
hand = ["mixamorig:LeftHand", "mixamorig:Hips"]  # who walks and rests a hand has it on the hips
span = range(start, start + 9)
before = heads(character, hand, span)
curve = contact_curves(character)['["v2a_left_hand"]']
for frame, value in ((start, 1), (start + 9, 0)):
    curve.keyframe_points.insert(frame, value).interpolation = "CONSTANT"
curve.update()
apply.refit(scene, [character], [motion])
held = heads(character, hand, span)
result["hand m"] = [float(np.ptp(np.linalg.norm(way[:, 0] - way[:, 1], axis=-1))) for way in (before, held)]
mine = fresh()[1]
try:
    apply.refit(bpy.context.scene, [mine], [motion])
except V2AError as error:
    result["nothing to refit"] = str(error)

# maps: made, kept, found again
os.environ[maps.FOLDER_VARIABLE] = str(folder / "own maps")
scene, character = fresh()
for bone in character.data.bones:
    bone.name = bone.name.replace("mixamorig:", "zz_").replace("Left", "L_").replace("Right", "R_")
rest = rig.read_rest_pose(character)
before_own = maps.choose_map(rest)
maps.save_map(rest, maps.user_folder() / "mine.toml")
own = maps.choose_map(rest)
result["own map"] = [before_own.how, own.how, own.map.name, own.sureness, own.map.bones == before_own.map.bones]
result["own map by name"] = maps.choose_map(rest, "mine").words
result["listed"] = "mine" in maps.preset_names()
report = apply.apply_motion(scene, character, motion)
result["report"] = [report.recognised, report.sureness, len(json.dumps(report.record())) > 1000]
del os.environ[maps.FOLDER_VARIABLE]

# a humanoid table goes first
scene, character = fresh()
for i, bone in enumerate(character.data.bones):
    bone.name = f"b{i}"
names = {"hips": 0, "leftUpperLeg": 1}
character.data[rig.HUMANOID] = {"hips": "b0", "head": "not there"}
result["table"] = rig.humanoid_table(character)

# what works against keys is told, and does not stop
scene, character = fresh()
pose = character.pose.bones
pose["mixamorig:LeftArm"].constraints.new("COPY_ROTATION").target = character
pose["mixamorig:Head"].driver_add("rotation_quaternion", 1)
pose["mixamorig:Spine"].lock_rotation[1] = True
report = apply.apply_motion(scene, character, motion)
result["concerns"] = report.warnings


# what cannot be animated: one line, and nothing has changed
def state() -> object:
    objects = sorted((o.name, tuple(map(tuple, o.matrix_world)), o.animation_data is None) for o in bpy.data.objects)
    poses = [tuple(map(tuple, b.matrix_basis)) for o in bpy.data.objects if o.type == "ARMATURE" for b in o.pose.bones]
    return objects, poses, sorted(a.name for a in bpy.data.actions), len(bpy.context.scene.timeline_markers), (
        bpy.context.scene.render.fps, bpy.context.scene.frame_end
    )  # fmt: skip


def refused(name: str, rig_object: bpy.types.Object | None = None, preset: str = "auto", **choices: object) -> None:
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    before = state()
    try:
        chosen = rig_object or casting.choose(scene)[0]
        apply.apply_motion(
            scene, chosen, replace(motion, header={**motion.header, "fps": 25.0}), preset, choices=Choices(**choices)
        )
        told = "no error"
    except V2AError as error:
        told = str(error)
    result[f"refused {name}"] = [told, state() == before]


def edited(change) -> bpy.types.Object:
    character = fresh()[1]
    bpy.context.view_layer.objects.active = character
    bpy.ops.object.mode_set(mode="EDIT")
    change(character.data.edit_bones)
    bpy.ops.object.mode_set(mode="OBJECT")
    return character


def remove_arms(bones) -> None:
    for bone in [b for b in bones if any(w in b.name for w in ("Arm", "Hand", "Shoulder"))]:
        bones.remove(bone)


def flatten_thigh(bones) -> None:
    thigh, shin = bones["mixamorig:LeftUpLeg"], bones["mixamorig:LeftLeg"]
    thigh.head = shin.head - type(shin.head)((0, 0, 1e-6))


bpy.ops.wm.read_homefile(use_empty=True)
refused("no armature")
character = fresh()[1]
other = bpy.data.objects.new("other", character.data)
bpy.context.scene.collection.objects.link(other)
refused("two armatures")
refused("a mesh", next(o for o in bpy.data.objects if o.type == "MESH"))
refused("missing arms", edited(remove_arms))
refused("no length", edited(flatten_thigh))
character = fresh()[1]
character.scale = (-1.0, 1.0, 1.0)
refused("mirrored", character)
refused("no root bone", fresh()[1], root="root")
refused("no such preset", fresh()[1], preset="nothing")
refused("broken motion", fresh()[1], facing=float("inf"))

blank = bpy.data.armatures.new("chest of drawers")
chest = bpy.data.objects.new("chest of drawers", blank)
bpy.ops.wm.read_homefile(use_empty=True)
data = bpy.data.armatures.new("chest of drawers")
chest = bpy.data.objects.new("chest of drawers", data)
bpy.context.scene.collection.objects.link(chest)
bpy.context.view_layer.objects.active = chest
bpy.ops.object.mode_set(mode="EDIT")
root_bone = data.edit_bones.new("body")
root_bone.head, root_bone.tail = (0, 0, 0), (0, 0, 1)
for i in range(4):
    drawer = data.edit_bones.new(f"drawer{i}")
    drawer.head, drawer.tail, drawer.parent = (0, 0, 0.2 * i), (0, -0.5, 0.2 * i), root_bone
bpy.ops.object.mode_set(mode="OBJECT")
refused("chest of drawers", chest)


def beast(name: str, trunk: list, pairs: dict) -> None:
    """An armature of a trunk and mirrored limbs, each a line of joints; limbs hang on the trunk's bone of that number."""
    bpy.ops.wm.read_homefile(use_empty=True)
    data = bpy.data.armatures.new(name)
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")

    def line(word, joints, parent):
        for i, (head, tail) in enumerate(itertools.pairwise(joints)):
            bone = data.edit_bones.new(f"{word}{i}")
            bone.head, bone.tail, bone.parent = head, tail, parent
            parent = bone

    line("trunk", trunk, None)
    for word, (at, joints) in pairs.items():
        for side, sign in (("L", 1), ("R", -1)):
            line(f"{word}.{side}.", [(sign * x, y, z) for x, y, z in joints], data.edit_bones[f"trunk{at}"])
    bpy.ops.object.mode_set(mode="OBJECT")
    refused(name, thing)


beast("horse", [(0, 0.6, 1.5), (0, 0.1, 1.5), (0, -0.5, 1.5), (0, -0.9, 2.0), (0, -1.2, 1.9)], {
    "back leg": (0, [(0.2, 0.5, 1.4), (0.2, 0.4, 0.9), (0.2, 0.6, 0.5), (0.2, 0.5, 0)]),
    "front leg": (1, [(0.2, -0.4, 1.4), (0.2, -0.3, 0.9), (0.2, -0.4, 0.5), (0.2, -0.4, 0)]),
})  # fmt: skip
beast("spider", [(0, 0.5, 0.3), (0, 0, 0.3), (0, -0.4, 0.3)], {
    f"leg {i}": (0, [(0.1, y / 4, 0.3), (0.5, y / 2, 0.6), (0.8, y, 0)]) for i, y in enumerate((-0.6, -0.2, 0.2, 0.6))
})  # fmt: skip

library = folder / "library.blend"
fresh()
bpy.ops.wm.save_as_mainfile(filepath=str(library))
bpy.ops.wm.read_homefile(use_empty=True)
with bpy.data.libraries.load(str(library), link=True) as (found, wanted):
    wanted.objects = [name for name in found.objects if name == "mh_mixamo"]
linked = bpy.data.objects["mh_mixamo"]
bpy.context.scene.collection.objects.link(linked)
refused("linked", linked)
bpy.context.scene.collection.objects.unlink(linked)
shown = bpy.data.objects.new("shown", None)
shown.instance_type, shown.instance_collection = "COLLECTION", bpy.data.collections.new("character")
shown.instance_collection.objects.link(linked)
bpy.context.scene.collection.objects.link(shown)
refused("only an instance")
bpy.context.scene.collection.objects.link(linked)
override = linked.override_create(remap_local_usages=True)
report = apply.apply_motion(bpy.context.scene, override, motion)
result["override"] = [report.frames, override.animation_data.action is not None]

hand_back(**result)
