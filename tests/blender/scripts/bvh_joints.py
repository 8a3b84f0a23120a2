"""bvh_joints.py FILE.bvh OUT.npy NAME…: where Blender's own importer puts the joints, (F, N, 3) in the file's axes."""

import sys

import bpy
import numpy as np
from common import armature, hand_back, heads

path, out, *names = sys.argv[1:]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_anim.bvh(filepath=path, axis_forward="Y", axis_up="Z")
rig = armature()
assert rig.animation_data is not None
assert rig.animation_data.action is not None
frames = range(1, round(rig.animation_data.action.frame_range[1]) + 1)
np.save(out, heads(rig, names, frames))
hand_back(frames=len(frames))
