"""Several clips onto one rig as takes, then what the files hold: names, lengths, and each take's own motion.

Usage: takes.py FOLDER_OF_MOTIONS FOLDER
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

source, folder = sys.argv[1], Path(sys.argv[2])
load_package()
from video_to_armature.addon import batch_run, compat  # noqa: E402

fbx, glb, blend, report = (folder / f"all.{suffix}" for suffix in ("fbx", "glb", "blend", "json"))
rig = folder / "played.blend"  # a rig that plays something already: no take
own = sorted(Path(source).glob("walk.npz"))[0]
batch_run.main(["--motion", str(own), "--rig", str(RIG), "--action", "strip", "--save", str(rig)])
bpy.ops.wm.read_homefile(use_empty=True)
arguments = ["--motion", source, "--rig", str(rig), "--takes", "--fbx", str(fbx), "--glb", str(glb)]
code = batch_run.main([*arguments, "--save", str(blend), "--report", str(report), "--start-frame", "1001"])
told = json.loads(report.read_text())

bpy.ops.wm.open_mainfile(filepath=str(blend))
tracks = armature().animation_data.nla_tracks
names = [bone.name for bone in armature().data.bones]
kept = sorted(action.name for action in bpy.data.actions)
strips = {track.name: [(s.name, s.frame_start, s.frame_end) for s in track.strips] for track in tracks}
true: dict[str, np.ndarray] = {}
for track in tracks:
    for other in tracks:
        other.mute = other != track
    first, last = (round(frame) for frame in strips[track.name][0][1:])
    true[track.name] = heads(armature(), names, range(first, last + 1))

content = glb.read_bytes()
table = json.loads(content[20 : 20 + struct.unpack_from("<I", content, 12)[0]])
seconds = {
    animation["name"]: [
        min(table["accessors"][sampler["input"]]["min"][0] for sampler in animation["samplers"]),
        max(table["accessors"][sampler["input"]]["max"][0] for sampler in animation["samplers"]),
    ]
    for animation in table["animations"]
}
found: dict[str, dict[str, Any]] = {}
for path in (fbx, glb):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    if path == fbx:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    else:
        bpy.ops.import_scene.gltf(filepath=str(path))
    character = armature()
    animation = character.animation_data_create() if character.animation_data is None else character.animation_data
    for track in animation.nla_tracks:
        track.mute = True
    for action in bpy.data.actions:
        clip = next((clip for clip in true if clip in action.name), action.name)
        compat.CurveWriter(action, character, action.slots[0].identifier if hasattr(action, "slots") else "")
        first, last = action.frame_range
        wanted = true.get(clip)
        moved = heads(character, names, range(round(first), round(last) + 1))
        off = float(np.abs(moved - wanted).max()) if wanted is not None and len(moved) == len(wanted) else None
        found.setdefault(path.suffix[1:], {})[action.name] = [last - first, off]
hand_back(code=code, report=told, strips=strips, seconds=seconds, found=found, kept=kept, apart=float(
    np.abs(true["walk"][:20] - true["slow"][:20]).max()
))  # fmt: skip
