"""Rigify's human by FK keys, IK keys and both: what deforms must stand alike.

Usage: controls.py MOTION.npz FOLDER
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
import numpy as np
from common import RIG, armature, hand_back, load_package

load_package()
from video_to_armature.addon import actions, apply, compat, rig_file  # noqa: E402
from video_to_armature.addon.retarget.choices import Choices, limbs_of  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402
from video_to_armature.lifter.contract.protocol import V2AError  # noqa: E402

motion, folder = Motion.load(Path(sys.argv[1])), Path(sys.argv[2])
FRAMES = range(1, motion.frames + 1, 4)
blend = folder / "rigify.blend"
result: dict[str, Any] = {}

bpy.ops.wm.read_homefile(use_empty=True)
addon_utils.enable("rigify", default_set=True)
bpy.ops.object.armature_human_metarig_add()
metarig = bpy.context.object
bpy.ops.pose.rigify_generate()
bpy.data.objects.remove(metarig)
bpy.ops.wm.save_as_mainfile(filepath=str(blend))
deforming = [bone.name for bone in armature().data.bones if bone.use_deform]


def applied(**choices: Any) -> tuple[bpy.types.Object, apply.ApplyReport]:
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    return armature(), apply.apply_motion(bpy.context.scene, armature(), motion, choices=Choices(**choices))


def poses(character: bpy.types.Object) -> np.ndarray:
    """(F, N, 4, 4) of the deforming bones, in armature space."""
    out = np.empty((len(FRAMES), len(deforming), 4, 4))
    for i, frame in enumerate(FRAMES):
        bpy.context.scene.frame_set(frame)
        evaluated = character.evaluated_get(bpy.context.evaluated_depsgraph_get())
        out[i] = [np.array(evaluated.pose.bones[name].matrix) for name in deforming]
    return out


def keyed(character: bpy.types.Object) -> list[str]:
    paths = {
        curve.data_path for curve in compat.played_curves(actions.own_player(character)) if "pose" in curve.data_path
    }
    return sorted({path.split('"')[1] for path in paths})


def switches(character: bpy.types.Object) -> list[float]:
    bones = [character.pose.bones[f"{limb}_parent.{side}"] for limb in ("upper_arm", "thigh") for side in "LR"]
    return [float(bone["IK_FK"]) for bone in bones]


def apart(a: np.ndarray, b: np.ndarray) -> list[float]:
    """Metres between heads and between points a hand's width along the bones, the most; degrees that bones are turned."""
    heads = np.linalg.norm(a[..., :3, 3] - b[..., :3, 3], axis=-1)
    ends = np.linalg.norm((a[..., :3, 3] + 0.1 * a[..., :3, 1]) - (b[..., :3, 3] + 0.1 * b[..., :3, 1]), axis=-1)
    turns = np.swapaxes(a[..., :3, :3], -1, -2) @ b[..., :3, :3]
    sine = np.linalg.norm(turns - np.swapaxes(turns, -1, -2), axis=(-2, -1)) / np.sqrt(8)
    angles = np.degrees(np.arctan2(sine, (np.trace(turns, axis1=-2, axis2=-1) - 1) / 2))
    return [float(heads.max()), float(ends.max()), float(angles.max())]


character, report = applied()
fk = poses(character)
result["fk"] = [keyed(character), switches(character), report.warnings]
for controls in ("ik", "both"):
    for root in ("hips", "root"):
        character, report = applied(controls=controls, root=root)
        result[f"{controls} {root}"] = [apart(poses(character), fk), switches(character), report.warnings]
    result[f"{controls} keyed"] = keyed(character)
for limb in ("upper_arm", "thigh"):  # the last one has both: over to IK by its switches alone
    for side in "LR":
        character.pose.bones[f"{limb}_parent.{side}"]["IK_FK"] = 0.0
character.update_tag()
result["switched over"] = apart(poses(character), fk)

character, report = applied(controls="ik", limbs=limbs_of(["arms"]))
result["arms by ik"] = [keyed(character), switches(character)]

character, report = applied(controls="ik")
character.name = "hero"
apply.apply_motion(bpy.context.scene, character, motion, choices=Choices(controls="fk"))
result["back to fk"] = [apart(poses(character), fk), keyed(character) == result["fk"][0], switches(character)]

rig_file.open_rig(RIG)
try:
    apply.apply_motion(bpy.context.scene, armature(), motion, choices=Choices(controls="ik"))
except V2AError as error:
    result["no controls"] = [type(error).__name__, str(error), armature().animation_data is None]

# places in the armature's axes: "Local Location" off
plain = apply.apply_motion(bpy.context.scene, armature(), motion)
hips = armature().pose.bones["mixamorig:Hips"]
bpy.context.scene.frame_set(30)
before = hips.matrix.copy()
rig_file.open_rig(RIG)
armature().data.bones["mixamorig:Hips"].use_local_location = False
apply.apply_motion(bpy.context.scene, armature(), motion)
bpy.context.scene.frame_set(30)
hips = armature().pose.bones["mixamorig:Hips"]
result["local location off"] = float(np.abs(np.array(hips.matrix) - np.array(before)).max())
hand_back(**result)
