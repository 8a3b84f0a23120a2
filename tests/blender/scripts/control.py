"""What the animator controls: limbs, frames, speed, which action takes the keys, fewer keys, overrides.

Usage: control.py MOTION.npz FOLDER
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from common import RIG, armature, hand_back, heads, load_package

load_package()
from video_to_armature.addon import actions, apply, compat, rig_file  # noqa: E402
from video_to_armature.addon.retarget.choices import Choices, Keying, limbs_of  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402
from video_to_armature.lifter.contract.protocol import V2AError  # noqa: E402

motion, folder = Motion.load(Path(sys.argv[1])), Path(sys.argv[2])
FRAMES = range(1, motion.frames + 1)
FINGER, THIGH, ARM, HEAD, HIPS = (
    f"mixamorig:{name}" for name in ("LeftHandIndex1", "LeftUpLeg", "LeftArm", "Head", "Hips")
)
result: dict[str, Any] = {}


def fresh() -> tuple[bpy.types.Scene, bpy.types.Object]:
    rig_file.open_rig(RIG)
    bpy.context.scene.render.fps = 30
    return bpy.context.scene, armature()


def animated() -> tuple[bpy.types.Scene, bpy.types.Object]:
    """The rig with an animator's own keys on a finger, a thigh and an arm."""
    scene, character = fresh()
    for name in (FINGER, THIGH, ARM):
        bone = character.pose.bones[name]
        for frame, angle in ((1, 0.0), (60, 1.0)):
            bone.rotation_quaternion = (math.cos(angle / 2), math.sin(angle / 2), 0, 0)
            bone.keyframe_insert("rotation_quaternion", frame=frame)
    character.animation_data.action.name = "mine"
    return scene, character


def basis(character: bpy.types.Object, names: list[str], frames: range = FRAMES) -> np.ndarray:
    """(F, N, 4, 4) as Blender evaluates them."""
    out = np.empty((len(frames), len(names), 4, 4))
    for i, frame in enumerate(frames):
        bpy.context.scene.frame_set(frame)
        evaluated = character.evaluated_get(bpy.context.evaluated_depsgraph_get())
        out[i] = [np.array(evaluated.pose.bones[name].matrix_basis) for name in names]
    return out


def turned(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between rotations, the most."""
    between = np.swapaxes(a[..., :3, :3], -1, -2) @ b[..., :3, :3]
    sine = np.linalg.norm(between - np.swapaxes(between, -1, -2), axis=(-2, -1)) / math.sqrt(8)
    return float(np.degrees(np.arctan2(sine, (np.trace(between, axis1=-2, axis2=-1) - 1) / 2)).max())


def key_count(character: bpy.types.Object, path: str) -> int:
    return sum(len(c.keyframe_points) for c in compat.played_curves(character.animation_data) if path in c.data_path)


def state(scene: bpy.types.Scene, character: bpy.types.Object) -> list[Any]:
    animation = character.animation_data
    return [
        sorted(action.name for action in bpy.data.actions), animation.action and animation.action.name,
        [track.name for track in animation.nla_tracks], scene.frame_start, scene.frame_end,
    ]  # fmt: skip


def run(scene: bpy.types.Scene, character: bpy.types.Object, limbs: str = "all", **keying: Any) -> apply.ApplyReport:
    choices = Choices(limbs=limbs_of(limbs.split(",")))
    return apply.apply_motion(scene, character, motion, choices=choices, keying=Keying(**keying))


names = [bone.name for bone in fresh()[1].data.bones]
scene, character = fresh()
run(scene, character)
plain, plain_heads = basis(character, names), heads(character, names, FRAMES)
at = {name: names.index(name) for name in (FINGER, THIGH, ARM, HEAD, HIPS)}
scene, character = animated()
mine = basis(character, names)

# an animator's own keys, under each kind of action
for how in ("auto", "new", "replace", "strip"):
    scene, character = animated()
    report = run(scene, character, action=how)
    found = basis(character, names)
    result[how] = {
        "finger": turned(found[:, at[FINGER]], mine[:, at[FINGER]]),
        "body": turned(np.delete(found, at[FINGER], 1), np.delete(plain, at[FINGER], 1)),
        "state": state(scene, character),
        "mine": sorted({len(c.keyframe_points) for c in compat.fcurves(bpy.data.actions["mine"])}),
    }
    run(scene, character, action=how, start=101)
    result[how]["again"] = state(scene, character)
    if how == "strip":
        moved = heads(character, names, range(101, 146))
        moved[:, at[FINGER]] = plain_heads[:, at[FINGER]]
        result["two strips"] = float(np.abs(moved - plain_heads).max(axis=(0, 2))[: at[ARM]].max())

scene, character = animated()
run(scene, character, action="replace")
run(scene, character, action="auto")
result["auto after replace"] = state(scene, character)[:2]

scene, character = fresh()  # a queue of videos onto one armature
run(scene, character)
other = replace(motion, header={**motion.header, "source": {"file": "run.mp4"}})
for _again in range(2):
    apply.apply_motion(scene, character, other)
result["another clip"] = [*state(scene, character)[:2], bpy.data.actions["walk"].use_fake_user]

# limbs: only these, all else as it was
for limbs in ("arms,head", "legs", "root", "trunk"):
    scene, character = animated()
    report = run(scene, character, limbs)
    found = basis(character, names)
    same = [i for i, name in enumerate(names) if np.abs(found[:, i] - mine[:, i]).max() < 1e-5]
    played = [i for i, name in enumerate(names) if np.abs(found[:, i] - plain[:, i]).max() < 1e-5]
    result[limbs] = {
        "other": [names[i] for i in range(len(names)) if i not in same and i not in played],
        "moved": sorted(names[i] for i in range(len(names)) if i not in same),
        "figures": sorted(report.figures), "missing": report.unmapped_parts, "warnings": report.warnings,
        "contacts": key_count(character, "v2a_") > 0,
    }  # fmt: skip
scene, character = fresh()
run(scene, character)
whole = key_count(character, "")
run(scene, character, "arms", start=11)  # one capture's arms over another's body
found = basis(character, names)
result["arms over a capture"] = [
    float(np.abs(found[10:, at[ARM]] - plain[:35, at[ARM]]).max()),
    float(np.abs(found[:, at[THIGH]] - plain[:, at[THIGH]]).max()),
    key_count(character, "") == whole, scene.frame_start, scene.frame_end,
]  # fmt: skip

# frames, start, speed
scene, character = fresh()
report = run(scene, character, first=11, last=30, start=1001)
trimmed = heads(character, names, range(1001, 1021))
result["trim"] = [
    report.frames,
    report.frame_start,
    report.frame_end,
    float(np.abs(trimmed - plain_heads[10:30]).max()),
]
scene, character = fresh()
report = run(scene, character, speed=2.0)
result["fast"] = [report.frames, float(np.abs(heads(character, names, range(1, 23)) - plain_heads[0:44:2]).max())]
scene, character = fresh()
report = run(scene, character, speed=0.5)
result["slow"] = [report.frames, float(np.abs(heads(character, names, range(1, 90, 2)) - plain_heads).max())]

# fewer keys
for mode in ("QUATERNION", "XYZ", "AXIS_ANGLE"):
    scene, character = fresh()
    for bone in character.pose.bones:
        bone.rotation_mode = mode
    report = run(scene, character, tolerance=math.radians(0.5), tolerance_m=0.002)
    found = basis(character, names)
    metre = character.matrix_world.to_scale()[0]
    result[f"fewer {mode}"] = {
        "off": turned(found, plain),
        "off_m": float(np.linalg.norm(found[:, at[HIPS], :3, 3] - plain[:, at[HIPS], :3, 3], axis=-1).max() * metre),
        "told": report.keys,
        "counted": sum(
            len(c.keyframe_points) for c in compat.played_curves(character.animation_data) if "v2a_" not in c.data_path
        ),
    }

# contacts edited on a strip that starts later, at another speed
scene, character = fresh()
run(scene, character, action="strip", start=21, speed=0.5)
frames = range(21, 21 + 89)
before = heads(character, ["mixamorig:LeftFoot"], frames)
slowness = np.convolve(np.linalg.norm(np.diff(before[:, 0], axis=0), axis=-1), np.ones(12), mode="valid")
stand = 21 + int(np.argmin(slowness))
for curve in compat.played_curves(actions.own_player(character)):
    if "v2a_left" in curve.data_path:
        for frame, value in ((stand, 1), (stand + 12, 0)):
            curve.keyframe_points.insert(frame, value).interpolation = "CONSTANT"
        curve.update()
[report] = apply.refit(scene, [character], [motion])
after = heads(character, ["mixamorig:LeftFoot"], frames)
held = slice(stand - 21, stand - 21 + 12)
speeds = [float(100 * 30 * np.linalg.norm(np.diff(way[held, 0], axis=0), axis=-1).max()) for way in (before, after)]
far = np.abs(np.arange(len(frames)) - (stand - 21)) > 45
result["refit on a strip"] = [*speeds, float(np.abs(after - before)[far].max())]
result["strips after it"] = [len(character.animation_data.nla_tracks), len(bpy.data.actions), report.frames]

# a part of a shot whose camera moves, begun elsewhere: refitting brings nobody out of place
scene, character = fresh()
cameras = np.tile(np.eye(4), (motion.frames, 1, 1))
cameras[:, 0, 3] = np.linspace(0, 3, motion.frames)
follows = replace(motion, world_from_cam=cameras)
placed = Choices(place=(1.0, 2.0, 0.0), facing=1.0)
apply.apply_motion(scene, character, follows, choices=placed, keying=Keying(first=21))
before = heads(character, names, range(1, 26))
apply.refit(scene, [character], [follows])
result["refit of a part"] = float(np.abs(heads(character, names, range(1, 26)) - before).max())
apply.apply_people(scene, [character], [follows], choices=placed, keying=Keying(first=21))
result["as people"] = float(np.abs(heads(character, names, range(1, 26)) - before).max())
apply.refit(scene, [character], [follows])
result["refit of people"] = float(np.abs(heads(character, names, range(1, 26)) - before).max())

# linked with an override
scene, character = animated()
library = folder / "library.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(library))
bpy.ops.wm.read_homefile(use_empty=True)
with bpy.data.libraries.load(str(library), link=True) as (there, wanted):
    wanted.objects = [name for name in there.objects if name == "mh_mixamo"]
linked = bpy.data.objects["mh_mixamo"]
bpy.context.scene.collection.objects.link(linked)
override = linked.override_create(remap_local_usages=True)
scene = bpy.context.scene
scene.render.fps = 30
try:
    run(scene, override, action="replace")
except V2AError as error:
    result["linked action"] = str(error)
for how in ("new", "strip", "auto"):
    run(scene, override, action=how)
    found = basis(override, names)
    result[f"override {how}"] = turned(np.delete(found, at[FINGER], 1), np.delete(plain, at[FINGER], 1))
kept = folder / "shot.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(kept))
bpy.ops.wm.open_mainfile(filepath=str(kept))
found = basis(armature(), names)
result["override, file opened again"] = turned(np.delete(found, at[FINGER], 1), np.delete(plain, at[FINGER], 1))
result["override refitted"] = apply.refit(bpy.context.scene, [armature()], [motion])[0].frames

hand_back(**result)
