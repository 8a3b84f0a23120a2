"""Seconds to solve and write 3,000 frames on a Mixamo skeleton of 65 bones, under Blender as a module.

Usage: retarget_speed.py MOTION.npz; prints JSON: `apply` is the panel's whole path (all 65 bones read, the mapped ones
written), `solve_and_write_all` solves and then writes keys on every one of the 65 bones, `keyframe_insert` is a loop over
Blender's own operator's function for the same number of keys.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import bpy
import numpy as np

from video_to_armature.addon import apply, keyframes, rig
from video_to_armature.addon.compat import CurveWriter
from video_to_armature.addon.keys import keys_of
from video_to_armature.addon.maps import choose_map
from video_to_armature.addon.retarget.solve import solve
from video_to_armature.lifter.contract.motion import Motion

FRAMES, BONES, REPEATS = 3000, 65, 5
RIG = Path(__file__).resolve().parents[2] / "demo" / "mh_mixamo.fbx"


def main() -> None:
    motion = lengthened(Motion.load(sys.argv[1]), FRAMES)
    armature = mixamo_65()
    rest = rig.read_rest_pose(armature)
    mapped = choose_map(rest).map
    whole: list[float] = []
    all_bones: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        apply.apply_motion(bpy.context.scene, armature, motion)
        whole.append(time.perf_counter() - began)

        began = time.perf_counter()
        curves = solve(motion, rest, mapped)
        some = next(iter(curves.rotations))
        missing = [bone for bone in rest.bone_names if bone not in curves.rotations]
        curves = replace(
            curves,
            rotations={**curves.rotations, **dict.fromkeys(missing, curves.rotations[some])},
            keyed={**curves.keyed, **dict.fromkeys(missing, curves.keyed[some])},
        )
        keys, _ = keys_of(keyframes.read_owner(armature, rest), curves, apply.KEPT)
        writer = CurveWriter(bpy.data.actions.new("all"), armature)
        for one in keys:
            keyframes.write(writer.new(one.path, one.index, one.group), one)
        all_bones.append(time.perf_counter() - began)
        assert len(curves.rotations) == BONES
        assert writer.action.frame_range[1] - writer.action.frame_range[0] == FRAMES - 1
    record = {"apply": whole, "solve_and_write_all": all_bones, "keyframe_insert": inserting(armature)}
    print("\n" + json.dumps({**record, "blender": bpy.app.version_string}))
    sys.stdout.flush()
    os._exit(0)


def inserting(armature: bpy.types.Object) -> float:
    """Seconds for as many keys of rotations by Blender's own function: the loop that peers use, about a minute."""
    armature.animation_data.action = None
    began = time.perf_counter()
    for frame in range(1, FRAMES + 1):
        for bone in armature.pose.bones:
            bone.keyframe_insert("rotation_quaternion", frame=frame)
    return time.perf_counter() - began


def lengthened(motion: Motion, frames: int) -> Motion:
    """The motion forwards and backwards in turn until it has that many frames: no jumps."""
    period = 2 * (motion.frames - 1)
    order = np.abs((np.arange(frames) + motion.frames - 1) % period - (motion.frames - 1))
    per_frame = {
        f.name: value[order]
        for f in fields(motion)
        if isinstance(value := getattr(motion, f.name), np.ndarray) and len(value) == motion.frames
    }
    return replace(motion, **{**per_frame, "frame_times": np.arange(frames) / motion.fps})


def mixamo_65() -> bpy.types.Object:
    """The demo's rig with the end bones that its MakeHuman export lacks: Mixamo's 65."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(RIG))
    armature = next(thing for thing in bpy.context.scene.objects if thing.type == "ARMATURE")
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    for leaf in [bone for bone in bones if not bone.children]:
        end = bones.new(f"{leaf.name}_End")
        end.parent, end.head, end.tail = leaf, leaf.tail, leaf.tail + (leaf.tail - leaf.head) / 2
    bpy.ops.object.mode_set(mode="OBJECT")
    assert len(armature.data.bones) == BONES, len(armature.data.bones)
    return armature


if __name__ == "__main__":
    main()
