"""A motion onto a rig, by the command line's own path, then: what Blender evaluates, FBX out and in again, .blend saved.

Usage: apply.py mixamo|rigify MOTION.npz FOLDER. Leaves heads.npz and the files in FOLDER.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
import numpy as np
from common import RIG, angles, armature, hand_back, heads, load_package

kind, motion_path, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
load_package()
from video_to_armature.addon import batch_run, compat  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402

# Bones whose heads stand where the motion's joints are, by direction: part -> (from bone, to bone, from joint, to joint)
LIMBS = {
    "mixamo": {
        f"{side}_{part}": (f"mixamorig:{word}{a}", f"mixamorig:{word}{b}", f"{side}_{c}", f"{side}_{d}")
        for side, word in (("left", "Left"), ("right", "Right"))
        for part, a, b, c, d in (
            ("upper_arm", "Arm", "ForeArm", "shoulder", "elbow"), ("forearm", "ForeArm", "Hand", "elbow", "wrist"),
            ("thigh", "UpLeg", "Leg", "hip", "knee"), ("shin", "Leg", "Foot", "knee", "ankle"),
        )
    },
    "rigify": {
        f"{side}_{part}": (f"DEF-{a}.{mark}", f"DEF-{b}.{mark}", f"{side}_{c}", f"{side}_{d}")
        for side, mark in (("left", "L"), ("right", "R"))
        for part, a, b, c, d in (
            ("upper_arm", "upper_arm", "forearm", "shoulder", "elbow"), ("forearm", "forearm", "hand", "elbow", "wrist"),
            ("thigh", "thigh", "shin", "hip", "knee"), ("shin", "shin", "foot", "knee", "ankle"),
        )
    },
}[kind]  # fmt: skip


def make_rigify(path: Path) -> None:
    """Generate Rigify's human and leave it in a file."""
    bpy.ops.wm.read_homefile(use_empty=True)
    addon_utils.enable("rigify", default_set=True)  # it reads its own preferences
    bpy.ops.object.armature_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    bpy.data.objects.remove(metarig)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True)


source = RIG
if kind == "rigify":
    source = folder / "rigify.blend"
    make_rigify(source)
fbx, blend, report = folder / "out.fbx", folder / "out.blend", folder / "report.json"
arguments = ["--motion", motion_path, "--rig", source, "--fbx", fbx, "--save", blend, "--report", report]
others = {"glb": folder / "out.glb", "bvh": folder / "out.bvh", "usd": folder / "out.usd"} if kind == "mixamo" else {}
for flag, path in others.items():
    arguments += [f"--{flag}", path]
code = batch_run.main([str(a) for a in arguments])
told = json.loads(report.read_text())
if code:
    hand_back(code=code, report=told)

motion = Motion.load(motion_path)
scene, character = bpy.context.scene, armature()
names = sorted(
    {name for limb in LIMBS.values() for name in limb[:2]} | {b.name for b in character.data.bones if b.use_deform}
)
frames = range(scene.frame_start, scene.frame_end + 1)
moved = heads(character, names, frames)
index = {name: i for i, name in enumerate(names)}
limb_errors = {
    part: float(np.nanmax(angles(
        moved[:, index[b]] - moved[:, index[a]], motion.joint(d)[: len(frames)] - motion.joint(c)[: len(frames)]
    )))
    for part, (a, b, c, d) in LIMBS.items()
}  # fmt: skip
curves = compat.fcurves(character.animation_data.action)
keys = sum(len(curve.keyframe_points) for curve in curves)
np.savez(folder / "heads.npz", names=np.array(names), heads=moved)

# The file that an engine would read. anim_offset=0: Blender's importer shifts keys by a frame unless told not to.
bpy.ops.wm.read_homefile(use_empty=True)
bpy.context.scene.render.fps = 30
bpy.ops.import_scene.fbx(filepath=str(fbx), anim_offset=0.0)
back = armature()
again = heads(back, names, frames)
nodes = [o.name for o in bpy.context.scene.objects]
actions = [a.name for a in bpy.data.actions]
leaves = [b.name for b in back.data.bones if b.name.endswith("_end")]
scale = tuple(back.matrix_world.to_scale())

# The other formats, by the heads of bones that they keep.
other_errors: dict[str, float] = {}
for flag, path in others.items():
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    if flag == "glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    elif flag == "bvh":
        bpy.ops.import_anim.bvh(filepath=str(path), axis_forward="Y", axis_up="Z", rotate_mode="QUATERNION")
    else:
        bpy.ops.wm.usd_import(filepath=str(path))
    came = armature()
    kept = [i for i, name in enumerate(names) if name in came.pose.bones or name.replace(":", "_") in came.pose.bones]
    spelled = [names[i] if names[i] in came.pose.bones else names[i].replace(":", "_") for i in kept]
    assert len(kept) > 40, flag
    at = range(len(frames)) if flag == "glb" else frames  # a glTF clip begins at 0 s
    other_errors[flag] = float(np.abs(heads(came, spelled, at) - moved[:, kept]).max())

bpy.ops.wm.open_mainfile(filepath=str(blend))
reopened = heads(armature(), names, frames)

hand_back(
    code=code,
    report=told,
    limb_errors=limb_errors,
    keys=keys,
    curves=len(curves),
    hips_travel=float(np.linalg.norm(moved[-1].mean(0) - moved[0].mean(0))),
    lowest=float(moved[..., 2].min()),
    fbx_error=float(np.abs(again - moved).max()),
    fbx_scale=scale,
    fbx_actions=actions,
    fbx_objects=nodes,
    fbx_leaves=leaves,
    other_errors=other_errors,
    blend_error=float(np.abs(reopened - moved).max()),
    fps=bpy.context.scene.render.fps / bpy.context.scene.render.fps_base,
)
