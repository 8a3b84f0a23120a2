"""Two people with different motions: each exported file must hold its own.

Usage: people.py MOTION.npz OTHER.npz FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np
from common import RIG, armature, hand_back, heads, load_package

motions, folder = sys.argv[1:3], Path(sys.argv[3])
load_package()
from video_to_armature.addon import batch_run  # noqa: E402

paths = ["--glb", str(folder / "two.glb"), "--fbx", str(folder / "two.fbx")]
code = batch_run.main(["--motion", motions[0], "--motion", motions[1], "--rig", str(RIG), *paths])
rigs = sorted((o for o in bpy.context.scene.objects if o.type == "ARMATURE"), key=lambda o: o.name)
names = [bone.name for bone in rigs[0].data.bones]
frames = range(1, bpy.context.scene.frame_end + 1)
moved = [heads(rig, names, frames) for rig in rigs]
errors: dict[str, float] = {}
for i, played in enumerate(moved, 1):
    for kind in ("glb", "fbx"):
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = 30
        path = str(folder / f"two.p{i}.{kind}")
        if kind == "glb":
            bpy.ops.import_scene.gltf(filepath=path)
        else:
            bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0)
        at = range(len(frames)) if kind == "glb" else frames  # a glTF clip begins at 0 s
        errors[f"{kind} {i}"] = float(np.abs(heads(armature(), names, at) - played).max())
hand_back(code=code, errors=errors, apart=float(np.abs(moved[0] - moved[1]).max()))
