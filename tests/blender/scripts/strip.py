"""A capture on an NLA strip that starts later, written in each format and read again.

Usage: strip.py MOTION.npz FOLDER
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from common import RIG, armature, hand_back, heads, load_package

motion, folder = sys.argv[1], Path(sys.argv[2])
load_package()
from video_to_armature.addon import batch_run  # noqa: E402

FIRST = 11
BEGINS = {"fbx": FIRST, "glb": 0, "bvh": 1, "usd": FIRST}  # a glTF clip begins at 0 s, a BVH file knows no start
outputs = [text for kind in BEGINS for text in (f"--{kind}", str(folder / f"s.{kind}"))]
code = batch_run.main(
    ["--motion", motion, "--rig", str(RIG), "--action", "strip", "--start-frame", str(FIRST), *outputs]
)
names = [bone.name for bone in armature().data.bones]
span = range(bpy.context.scene.frame_start, bpy.context.scene.frame_end + 1)
true = heads(armature(), names, span)

content = (folder / "s.glb").read_bytes()
table = json.loads(content[20 : 20 + struct.unpack_from("<I", content, 12)[0]])
found: dict[str, Any] = {}
for kind, first in BEGINS.items():
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    path = str(folder / f"s.{kind}")
    if kind == "fbx":
        bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0)
    elif kind == "glb":
        bpy.ops.import_scene.gltf(filepath=path)
    elif kind == "bvh":
        bpy.ops.import_anim.bvh(filepath=path, axis_forward="Y", axis_up="Z", rotate_mode="QUATERNION")
    else:
        bpy.ops.wm.usd_import(filepath=path)
    spelled = [name if name in armature().pose.bones else name.replace(":", "_") for name in names]
    moved = heads(armature(), spelled, range(first, first + len(span)))
    found[kind] = [len(bpy.data.actions), float(np.abs(moved - true).max())]
    if kind == "fbx":
        found["fbx take"] = bpy.data.actions[0].name
hand_back(code=code, span=[span.start, span.stop - 1], found=found, glb=[a["name"] for a in table["animations"]])
